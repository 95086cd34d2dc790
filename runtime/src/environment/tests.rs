//! Environments of small derivations, against a store that is a map. The whole is compared with real
//! Nix in `tests/`.

use super::*;
use std::collections::BTreeSet;
use std::convert::Infallible;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::placeholder::placeholder;

fn path(digit: u8, name: &str) -> StorePath {
    StorePath::from_digest(&[digit; 20], name).expect("a store path")
}

/// `top` refers to `dep` and to `made.drv`, whose output is `made`.
struct Store;

impl References for Store {
    type Error = Infallible;
    fn is_input(&self, path: &StorePath) -> bool {
        path.name() == "top"
    }
    fn info(&self, path: &StorePath) -> Result<PathInfo, Infallible> {
        let mut info = PathInfo::new(path.clone(), [0; 32], 100);
        info.references = self.closure(&[path.clone()].into())?;
        info.references.remove(path);
        Ok(info)
    }
    fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>, Infallible> {
        let mut closure = paths.clone();
        if paths.contains(&path(1, "top")) {
            closure.extend([path(2, "dep"), path(3, "made.drv")]);
        }
        Ok(closure)
    }
    fn outputs(&self, _: &StorePath) -> Result<BTreeSet<StorePath>, Infallible> {
        Ok([path(4, "made")].into())
    }
}

fn derivation(variables: &[(&str, &str)]) -> Derivation {
    let text = br#"Derive([("out","/nix/store/00000000000000000000000000000000-a","","")],[],[],"wasm32-wasi","/nix/store/00000000000000000000000000000000-b/bin/run.wasm",[],[("out","/nix/store/00000000000000000000000000000000-a")])"#;
    let mut derivation = Derivation::from_aterm_bytes(text).expect("a derivation");
    derivation.arguments = vec!["-c".into(), placeholder("out").into()];
    let variables = variables
        .iter()
        .map(|(name, value)| (BString::from(*name), BString::from(*value)));
    derivation.environment.extend(variables);
    derivation
}

fn run(variables: &[(&str, &str)]) -> Result<Environment, String> {
    let derivation = derivation(variables);
    let options = DerivationOptions::of(&derivation).map_err(|error| error.to_string())?;
    prepare(&derivation, &options, 3, &Store).map_err(|error| error.to_string())
}

fn variable<'e>(environment: &'e Environment, name: &str) -> &'e str {
    let value = environment
        .variables
        .get(BString::from(name).as_slice().as_bstr());
    value.expect(name).to_str().expect("text")
}

#[test]
fn precedence_is_that_of_nix() {
    let environment = run(&[
        ("PATH", "/p"),
        ("NIX_BUILD_CORES", "9"),
        ("PWD", "/x"),
        ("TERM", "dumb"),
    ])
    .expect("good");
    for (name, value) in [
        ("PATH", "/p"),
        ("NIX_BUILD_CORES", "9"),
        ("PWD", "/build"),
        ("TERM", "xterm-256color"),
        ("HOME", "/homeless-shelter"),
        ("NIX_STORE", "/nix/store"),
        ("NIX_LOG_FD", "2"),
        ("TMPDIR", "/build"),
        ("NIX_BUILD_TOP", "/build"),
    ] {
        assert_eq!(variable(&environment, name), value, "{name}");
    }
    assert!(
        !environment
            .variables
            .contains_key(b"NIX_OUTPUT_CHECKED".as_bstr())
    );
    assert!(
        !environment
            .variables
            .contains_key(b"IN_NIX_SHELL".as_bstr())
    );
}

#[test]
fn placeholders_are_replaced_everywhere() {
    let own = placeholder("out");
    let environment = run(&[
        ("self", &format!("{own}/x")),
        ("large", &own),
        ("passAsFile", "large other"),
    ])
    .expect("good");
    let out = "/nix/store/00000000000000000000000000000000-a";
    assert_eq!(environment.arguments, ["run.wasm", "-c", out]);
    assert_eq!(variable(&environment, "self"), format!("{out}/x"));
    let file = variable(&environment, "largePath")
        .strip_prefix("/build/")
        .expect("a file");
    assert_eq!(environment.files[file.as_bytes().as_bstr()], out);
    assert!(!environment.variables.contains_key(b"large".as_bstr()));
}

#[test]
fn graphs_have_the_outputs_of_derivations_too() {
    let top = path(1, "top").to_absolute_path();
    let environment = run(&[("exportReferencesGraph", &format!("graph {top}"))]).expect("good");
    let [top, dep, made_drv, made] = [
        path(1, "top"),
        path(2, "dep"),
        path(3, "made.drv"),
        path(4, "made"),
    ]
    .map(|p| p.to_absolute_path());
    assert_eq!(
        environment.files[b"graph".as_bstr()],
        format!("{top}\n\n2\n{dep}\n{made_drv}\n{dep}\n\n0\n{made_drv}\n\n0\n{made}\n\n0\n")
    );
    let json = format!(r#"{{"exportReferencesGraph":{{"graph":["{top}"]}},"x":1}}"#);
    let environment = run(&[("__json", &json), ("ignored", "y")]).expect("good");
    let attributes = environment.files[b".attrs.json".as_bstr()].to_string();
    assert!(attributes.contains(r#""closureSize":300"#), "{attributes}");
    assert_eq!(
        variable(&environment, "NIX_ATTRS_JSON_FILE"),
        "/build/.attrs.json"
    );
    assert!(!environment.variables.contains_key(b"ignored".as_bstr()));
    assert!(!environment.variables.contains_key(b"out".as_bstr()));
}

#[test]
fn only_inputs_can_be_exported() {
    let other = path(2, "dep").to_absolute_path();
    let error = run(&[("exportReferencesGraph", &format!("graph {other}"))]).expect_err("refused");
    assert!(
        error.starts_with(&format!(
            "exportReferencesGraph names '{other}', which is not in"
        )),
        "{error}"
    );
}
