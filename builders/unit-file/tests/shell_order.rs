//! The order of packages against that of bash's associative arrays.

use bstr::BString;
use builder_unit_file::shell_order::unique;
use proptest::prelude::*;
use std::process::Command;

/// What NixOS does with its packages: `declare -A`, then the keys.
fn bash(keys: &[String]) -> Vec<BString> {
    let script =
        "declare -A table; for key; do table[$key]=1; done; printf '%s\\n' \"${!table[@]}\"";
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(keys)
        .output()
        .expect("bash starts");
    assert!(output.status.success(), "{output:?}");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(BString::from)
        .collect()
}

fn compare(keys: &[String]) {
    let found: Vec<BString> = keys.iter().map(|key| BString::from(key.as_str())).collect();
    assert_eq!(unique(&found), bash(keys), "{keys:?}");
}

#[test]
fn hundreds_of_packages_meet_in_buckets() {
    let keys: Vec<String> = (0..1500)
        .map(|index| format!("/nix/store/{:032}-package-{}", index * 7919, index % 100))
        .collect();
    compare(&keys);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_packages(keys in prop::collection::vec("/nix/store/[a-z0-9]{3}-(ä|[a-z])", 1..20)) {
        compare(&keys);
    }
}
