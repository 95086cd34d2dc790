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
