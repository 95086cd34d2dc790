//! `perl builder.pl`: nixpkgs' `buildEnv`, told by the script's content.
//!
//! Contract: the script of each age in [`SCRIPTS`] is known by its digest, and the module
//! `build-env` does by the rules of that age what perl would do. Any other call of perl, another
//! option, and a script that differs by a byte, is foreign: what it does is not known.

use bstr::{BString, ByteSlice};
use wasibuild_nix_compat::hash::{NixHash, sha256};
use wasibuild_sandbox::ReadFile;

/// Digests of the script as it is run, with its `@storeDir@` replaced, and the age by whose rules
/// the module plays it.
const SCRIPTS: &[(&str, &str)] = &[
    // nixpkgs of July 2016
    (
        "b9311ce8a049ed2b838b44102a7ec6eb071d4629727d8d530f06536304a72320",
        "2016",
    ),
    // with the parents of `pathsToLink` (about 2019)
    (
        "1a7913fe7d37e8391ed12d4a76e6af0351a57990738e8b60dfaf6ed4b7083aad",
        "2019",
    ),
    // without names outside of `pathsToLink` (about 2021)
    (
        "24d3bf98166c42b11d76c142cbfdce5f6f7b992e054cb908b89d0b67859f7013",
        "2021",
    ),
    // with words about dangling links (about 2023)
    (
        "08213d47203392777d64393dbb400059bbb7e799f0f5cb111e0b03509855745e",
        "2023",
    ),
    // with `info/dir` at the end only (about 2024)
    (
        "61cdf5a6b45442e641ee2f59b3b2b1cfe185d36fa4af1f6d49b95ac795add2e0",
        "2024",
    ),
    // with `ignoreSingleFileOutputs` (early 2025)
    (
        "f2bba874bca51de4d72c269ef5c4d25f853f9aeb30593e4166cc706729a88ff2",
        "2025-early",
    ),
    // with escaped blanks (2025)
    (
        "d724793a22fdc37dc7b9d9cd05115e1fbca812036d2bf52917046661feb37577",
        "2025",
    ),
    // corepkgs of August 2026
    (
        "65b1bcf75f3af71f119e5b716703158a8c5b8d12b1ebd5781ecdf8e72a8df1de",
        "current",
    ),
];

/// The age of the script that this call of perl runs.
///
/// # Errors
/// Why the call is foreign.
pub fn age(argv: &[BString], read: &mut ReadFile<'_>) -> Result<&'static str, String> {
    let mut words = argv.iter().skip(1).skip_while(|word| *word == "-w");
    let foreign = |what: &str| {
        Err(format!(
            "perl is replaced for nixpkgs' buildEnv only, and {what}"
        ))
    };
    let (Some(script), None) = (words.next(), words.next()) else {
        return foreign("this is another call");
    };
    if script.starts_with(b"-") {
        return foreign("this is another call");
    }
    if !script.ends_with_str("builder.pl") {
        return foreign("this is another script");
    }
    let Some(text) = read(script) else {
        return foreign("the script cannot be read");
    };
    let digest = NixHash::sha256(sha256(&text)).to_hex();
    match SCRIPTS.iter().find(|(known, _)| *known == digest) {
        Some((_, age)) => Ok(age),
        None => foreign("this version of its script is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Result<&'static str, String> {
        let argv: Vec<BString> = line.split_whitespace().map(BString::from).collect();
        age(&argv, &mut |path| {
            (path == b"/nix/store/x-builder.pl").then(|| b"print".to_vec())
        })
    }

    #[test]
    fn every_other_call_is_foreign() {
        for (line, reason) in [
            ("perl", "another call"),
            ("perl -e 1", "another call"),
            ("perl -w -T /nix/store/x-builder.pl", "another call"),
            ("perl -w /nix/store/x-builder.pl x", "another call"),
            ("perl /nix/store/x-other.pl", "another script"),
            ("perl /nix/store/y-builder.pl", "cannot be read"),
            ("perl -w /nix/store/x-builder.pl", "not known"),
        ] {
            let refused = ask(line).expect_err(line);
            assert!(refused.contains(reason), "{line}: {refused}");
        }
    }
}
