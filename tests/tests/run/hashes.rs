//! Fixed outputs and what outputs may refer to.

use super::support::World;

#[test]
fn fixed_outputs_are_checked() {
    let world = World::new();
    let all = world.derivations(
        r#"let fixed = name: a: mk name ({ outputHashAlgo = "sha256"; script = "write $out hello"; } // a); in [
          (fixed "flat" { outputHash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"; })
          (fixed "tree" { outputHashMode = "recursive"; outputHash = "0000000000000000000000000000000000000000000000000000000000000000"; })
          (fixed "wrong" { outputHash = "0000000000000000000000000000000000000000000000000000000000000000"; })
          (fixed "directory" { script = "mkdir $out"; outputHash = "0000000000000000000000000000000000000000000000000000000000000000"; })
        ]"#,
    );
    let out = world.build(&[&all[0]]).remove(0);
    let ca = super::support::nix_output("nix", &world.root(), &["path-info", "--json", &out]);
    assert!(ca.contains("\"ca\":\"fixed:sha256:"), "{ca}");
    for (drv, got) in [
        (&all[1], "mvQrnFCtROLrsmTkbmAXhGHRLn+DJ+9V5Qo0JZFzoyY="),
        (&all[2], "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="),
    ] {
        let printed = world.run(&["run", drv]);
        assert_eq!(printed.code, 102, "{}", printed.err);
        let name = &drv[44..];
        let start = format!(
            "error: hash mismatch in fixed-output derivation '/nix/store/HASH-{name}':\n  specified: sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n     got:    sha256-"
        );
        assert!(printed.err.contains(&start), "{}", printed.err);
        if name == "wrong.drv" {
            assert!(printed.err.contains(got), "{}", printed.err);
        }
    }
    let printed = world.run(&["run", &all[3]]);
    assert_eq!(printed.code, 100);
    assert!(printed.err.contains("error: output path '/nix/store/HASH-directory' should be a non-executable regular file since recursive hashing is not enabled\n"), "{}", printed.err);
    world.verify();
}

#[test]
fn output_checks_are_enforced() {
    let world = World::new();
    let cases = [
        (r#"allowedReferences = [ ];"#, Some("allowedReferences")),
        (r#"allowedReferences = [ dep ];"#, None),
        (
            r#"disallowedReferences = [ dep ];"#,
            Some("disallowedReferences"),
        ),
        (r#"allowedRequisites = [ dep ];"#, Some("allowedRequisites")),
        (r#"allowedRequisites = [ dep far ];"#, None),
        (
            r#"disallowedRequisites = [ far ];"#,
            Some("disallowedRequisites"),
        ),
        (
            r#"__structuredAttrs = true; outputChecks.out.maxSize = 10;"#,
            Some("maxSize"),
        ),
        (
            r#"__structuredAttrs = true; outputChecks.out.maxClosureSize = 300;"#,
            Some("maxClosureSize"),
        ),
        (
            r#"__structuredAttrs = true; outputChecks.out.maxSize = 1000;"#,
            None,
        ),
    ];
    for (number, (attributes, refused_by)) in cases.iter().enumerate() {
        let drv = world.derivation(&format!(
            r#"let far = mk "far" {{ script = "write $out far"; }}; dep = mk "dep" {{ inherit far; script = "write $out $far"; }};
            in [ (mk "case{number}" {{ script = "write ${{placeholder "out"}} ${{dep}}"; {attributes} }}) ]"#
        ));
        let printed = world.run(&["run", "-j1", &drv]);
        match refused_by {
            None => assert_eq!(printed.code, 0, "{attributes}: {}", printed.err),
            Some(attribute) => {
                assert_eq!(printed.code, 100, "{attributes}: {}", printed.err);
                let start = format!(
                    "error: '/nix/store/HASH-case{number}.drv': output 'out' ('/nix/store/HASH-case{number}') is refused: "
                );
                let text = &printed.err[printed.err.find("error: ").expect("an error")..];
                assert!(
                    text.starts_with(&start) && text.contains(attribute),
                    "{attributes}: {text}"
                );
            }
        }
    }
    world.verify();
}

#[test]
fn references_between_outputs() {
    let world = World::new();
    let all = world.derivations(
        r#"[ (mk "self" { script = "write $out $out"; })
             (mk "circle" { outputs = [ "out" "dev" ]; script = "write $out $dev\nwrite $dev $out"; }) ]"#,
    );
    let out = world.build(&[&all[0]]).remove(0);
    assert_eq!(
        super::support::nix_output(
            "nix-store",
            &world.root(),
            &["--query", "--references", &out]
        ),
        out
    );
    let printed = world.run(&["run", &all[1]]);
    assert_eq!(printed.code, 100);
    assert!(printed.err.contains("error: '/nix/store/HASH-circle.drv': outputs refer to each other in a circle: dev -> out -> dev\nhint: move what they share into one output\n"), "{}", printed.err);
    world.verify();
}
