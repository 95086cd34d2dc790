//! Real builds: what they make, how they fail, several at once.

use std::fs;

use crate::run_support::nix;
use crate::support::{World, text_of};

/// A derivation that compiles, links and runs a C program. The names of Debian's programs have the compiler's version
/// and machine in them.
pub const C_PROGRAM: &str = r#"script "c" ''
        cat > hello.c <<'EOF'
        int puts(const char *); int main(void) { return puts("compiled in the machine") < 0; }
        EOF
        compiler=$(echo ${gcc}/bin/*gcc*); as=$(echo ${gcc}/bin/*-as); ld=$(echo ${gcc}/bin/*-ld*)
        mkdir bin; ln -s $as bin/as; ln -s $ld bin/ld; ln -s ${gcc}/bin/cc1 bin/cc1; ln -s ${gcc}/bin/collect2 bin/collect2
        $compiler -I. -fno-use-linker-plugin -Bbin/ -B${gcc}/lib/ -L${gcc}/lib -static -o hello hello.c
        mkdir -p $out/bin
        cp hello $out/bin/hello
        ./hello > $out/said
    ''"#;

#[test]
fn a_c_program_is_compiled_linked_and_run() {
    let world = World::shared();
    let outputs = world.build(&world.derivations("c", C_PROGRAM), &[]);
    let output = world.real(&outputs[0]);
    let said = fs::read_to_string(output.join("said")).expect("said");
    assert_eq!(said, "compiled in the machine\n");
    let program = fs::read(output.join("bin/hello")).expect("a program");
    assert!(program.starts_with(b"\x7fELF"));
    let verified = nix("nix-store", &world.root())
        .args(["--verify", "--check-contents"])
        .output()
        .expect("nix-store");
    assert!(verified.status.success(), "{}", text_of(&verified));
}

#[test]
fn trees_come_back_as_they_are() {
    let world = World::shared();
    let body = r#"script "tree" ''
        mkdir -p $out/a/b "$out/ ü"
        yes | head -c 3000000 > $out/a/large
        cat /dev/null > "$out/ ü/empty"
        ln -s ../large $out/a/b/link
        cp ${bash}/bin/bash $out/a/b/program
        chmod 700 $out/a/b/program
    ''"#;
    let outputs = world.build(&world.derivations("tree", body), &[]);
    let output = world.real(&outputs[0]);
    assert_eq!(
        fs::metadata(output.join("a/large")).expect("large").len(),
        3_000_000
    );
    assert!(output.join(" ü/empty").exists());
    let link = fs::read_link(output.join("a/b/link")).expect("a link");
    assert_eq!(link.to_str(), Some("../large"));
    // Canonical, as in every store: only the executable bit is left.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(output.join("a/b/program"))
            .expect("it")
            .permissions(),
    );
    assert_eq!(mode & 0o7777, 0o555);
}

#[test]
fn a_failure_has_its_status_and_the_logs_end() {
    let world = World::shared();
    let derivations = world.derivations(
        "fails",
        r#"script "fails" "echo before; echo it goes wrong >&2; exit 7""#,
    );
    let output = world.run(&["run", &derivations[0]]);
    let text = text_of(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("failed with exit code 7"), "{text}");
    assert!(text.contains("> it goes wrong"), "{text}");
    let log = world.run(&["log", &derivations[0]]);
    assert_eq!(
        String::from_utf8_lossy(&log.stdout),
        "before\nit goes wrong\n"
    );
}

#[test]
fn several_build_at_once_in_one_machine() {
    let world = World::shared();
    // Each waits until all the others have begun: they can only end if all run at once. They see each
    // other by nothing but the time, so what they wait for is a moment that the test names.
    let body = r#"map (n: script "batch-${toString n}" "sleep 2; echo ${toString n} > $out") [ 1 2 3 4 5 6 7 8 ]"#;
    let derivations = world.derivations("batch", body);
    let outputs = world.build(&derivations, &["-j8"]);
    let mut said: Vec<String> = outputs
        .iter()
        .map(|output| fs::read_to_string(world.real(output)).expect("a file"))
        .collect();
    said.sort();
    assert_eq!(said.concat(), "1\n2\n3\n4\n5\n6\n7\n8\n");
}

#[test]
fn a_fixed_output_has_the_network_and_its_hash_is_checked() {
    let world = World::shared();
    let body = r#"let fixed = hash: mk "fixed" {
            args = [ "-euc" "cat /etc/resolv.conf; cat /proc/net/dev; echo content > $out" ];
            outputHashAlgo = "sha256"; outputHashMode = "flat"; outputHash = hash;
        }; in [
            (fixed "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53")
            (fixed "0000000000000000000000000000000000000000000000000000000000000000")
        ]"#;
    let derivations = world.derivations("fixed", body);
    world.build(&derivations[..1], &[]);
    let log = world.run(&["log", &derivations[0]]);
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("10.0.2.3") && log.contains("eth0:"), "{log}");
    let output = world.run(&["run", &derivations[1]]);
    assert!(text_of(&output).contains("hash"), "{}", text_of(&output));
    assert_eq!(output.status.code(), Some(102), "{}", text_of(&output));
}

#[test]
fn bounds_of_time_log_and_output_hold() {
    let world = World::shared();
    let bodies = [
        ("sleeps", "sleep 1000", "--timeout=2", "limit of 2 s"),
        (
            "floods",
            "yes",
            "--max-build-log-size=100000",
            "100000 bytes of log",
        ),
        (
            "hoards",
            "x=$(yes | head -c 200000000); echo $x > $out",
            "--set=vm.build-memory=64M",
            "67108864 bytes of memory, its files included (vm.build-memory)",
        ),
        (
            "writes",
            "yes > $out",
            "--set=vm.build-memory=64M",
            "(vm.build-memory)",
        ),
        (
            "fills",
            "yes > $out",
            "--max-output-size=1000000",
            "No space left on device",
        ),
    ];
    for (name, code, option, expected) in bodies {
        let derivations = world.derivations(name, &format!("script \"{name}\" \"{code}\""));
        let output = world.run(&["run", option, &derivations[0]]);
        let text = text_of(&output);
        assert!(
            !output.status.success() && text.contains(expected),
            "{name}: {text}"
        );
    }
    // Nothing of them is left in the machine.
    let left = world.built("left", r#"script "left" "ls /build /nix/store > $out""#);
    assert!(
        !left.contains("sleeps") && !left.contains("fills"),
        "{left}"
    );
}

#[test]
fn what_a_store_cannot_hold_is_refused() {
    let world = World::shared();
    let body = r#"[ (script "nothing" "exit 0") (script "pipe" "mkdir $out; mknod $out/p p") ]"#;
    let derivations = world.derivations("refused", body);
    let missing = text_of(&world.run(&["run", &derivations[0]]));
    assert!(missing.contains("did not create output 'out'"), "{missing}");
    let pipe = text_of(&world.run(&["run", &derivations[1]]));
    assert!(
        pipe.contains("neither a file, nor a directory, nor a link"),
        "{pipe}"
    );
}
