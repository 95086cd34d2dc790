//! What a path in the store says about a program: its package, and its name.
//!
//! Contract: a program is `/nix/store/HASH-PNAME[-VERSION][-OUTPUT]/bin/NAME` (or `sbin`), and nothing
//! else; what lies there is not looked at. A version begins at the first dash that no letter
//! follows, as in Nix's `parseDrvName` (`libstore/names.cc`).

use bstr::{BStr, ByteSlice};
use wasibuild_nix_compat::store_path::StorePath;

/// Architectures with which the names of cross-compiled packages go on.
const ARCHITECTURES: &[&str] = &[
    "aarch64",
    "armv5tel",
    "armv6l",
    "armv7l",
    "i686",
    "loongarch64",
    "mips64el",
    "powerpc64le",
    "riscv64",
    "s390x",
    "x86_64",
];

/// A program in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The package's name without version.
    pub package: &'a str,
    /// The program's name.
    pub program: &'a BStr,
}

impl<'a> Place<'a> {
    /// What this path names, if it names a program of the store.
    pub fn of(path: &'a BStr) -> Option<Self> {
        let below = path.strip_prefix(b"/nix/store/")?;
        let mut parts = below.split_str("/");
        let (base_name, folder, program) = (parts.next()?, parts.next()?, parts.next()?);
        let in_place = matches!(folder, b"bin" | b"sbin") && parts.next().is_none();
        if !in_place || program.is_empty() || StorePath::from_basename(base_name).is_err() {
            return None;
        }
        let name = base_name.get(33..)?.to_str().ok()?;
        Some(Place {
            package: package(name),
            program: program.as_bstr(),
        })
    }
}

/// The package's name in the name of a store path.
pub fn package(name: &str) -> &str {
    let name = without_stage(name);
    let end = name
        .match_indices('-')
        .map(|(at, _)| at)
        .find(|at| !name[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()));
    let name = end.map_or(name, |end| &name[..end]);
    let cross = ARCHITECTURES
        .iter()
        .find_map(|architecture| name.find(&format!("-{architecture}-")));
    cross.map_or(name, |end| &name[..end])
}

/// The name without `bootstrap-stageN-`, with which the packages of the first stages begin.
fn without_stage(name: &str) -> &str {
    name.strip_prefix("bootstrap-stage")
        .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()))
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_go_by_name() {
        for (name, wanted) in [
            ("bash-4.3-p42", "bash"),
            ("bash-interactive-5.2p26", "bash-interactive"),
            ("gnused-4.2.2", "gnused"),
            ("coreutils-8.25", "coreutils"),
            ("coreutils-full-9.5-info", "coreutils-full"),
            ("coreutils-aarch64-unknown-linux-gnu-9.5", "coreutils"),
            ("bootstrap-stage4-gnused-4.9", "gnused"),
            ("bootstrap-stage-xclang-gnused-4.9", "xclang-gnused"),
            ("bootstrap-tools", "bootstrap-tools"),
            ("bzip2-1.0.6.0.1-bin", "bzip2"),
            ("xz-5.2.2-bin", "xz"),
            ("bash-completion-2.11", "bash-completion"),
            ("perl-5.22.2", "perl"),
            ("system-path", "system-path"),
            ("", ""),
            ("-", ""),
        ] {
            assert_eq!(package(name), wanted, "{name}");
        }
    }

    #[test]
    fn only_programs_are_programs() {
        let base = "/nix/store/0c7vblp8bqv2gwv9vrghm2v9nb0cl4ak-gnused-4.9";
        let of = |rest: &str| {
            let path = format!("{base}{rest}");
            Place::of(path.as_str().into())
                .map(|place| format!("{} {}", place.package, place.program))
        };
        assert_eq!(of("/bin/sed").as_deref(), Some("gnused sed"));
        assert_eq!(of("/sbin/sed").as_deref(), Some("gnused sed"));
        for other in ["", "/bin", "/bin/", "/bin/a/sed", "/lib/sed", "x/y/bin/sed"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Place::of("/nix/store/gnused-4.9/bin/sed".into()), None);
        assert_eq!(Place::of("/usr/bin/sed".into()), None);
    }
}
