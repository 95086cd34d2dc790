//! The GNU programs: which package holds them, and where this host has them.
//!
//! Contract: a package goes by its name in the store without version, as nixpkgs names it. In the
//! native store the programs of these packages are this host's; all others are stand-ins that cannot
//! run.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use wasibuild_nix_compat::file_system_object::FileSystemObject;

use super::tree;

const COREUTILS: &str = "[ arch b2sum base32 base64 basename cat chgrp chmod chown cksum comm cp csplit cut \
    date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install \
    join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pr \
    printenv printf ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shred \
    shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty \
    uname unexpand uniq unlink users vdir wc who whoami yes";

/// Packages, and the programs in each.
const PACKAGES: &[(&str, &str)] = &[
    ("bash", "bash sh"),
    ("bzip2", "bunzip2 bzip2"),
    ("coreutils", COREUTILS),
    ("cpio", "cpio"),
    ("diffutils", "cmp diff sdiff"),
    ("file", "file"),
    ("findutils", "find xargs"),
    ("gawk", "awk gawk"),
    ("gnugrep", "egrep fgrep grep"),
    ("gnumake", "make"),
    ("gnupatch", "patch"),
    ("gnused", "sed"),
    ("gnutar", "tar"),
    ("gzip", "gunzip gzip zcat"),
    ("jq", "jq"),
    ("kmod", "depmod modprobe"),
    ("lndir", "lndir"),
    ("patch", "patch"),
    ("perl", "perl"),
    ("xz", "unxz xz xzcat"),
];

/// A package of nixpkgs' bootstrap has the programs of all that come before the compilers.
const BOOTSTRAP: &[&str] = &[
    "bash",
    "bzip2",
    "coreutils",
    "diffutils",
    "findutils",
    "gawk",
    "gnugrep",
    "gnumake",
    "gnupatch",
    "gnused",
    "gnutar",
    "gzip",
    "xz",
];

/// The programs that a package of this name in the store has; none for packages that are not GNU's.
pub fn of_package(name: &str) -> Vec<&'static str> {
    let name = without_stage(name);
    if name.starts_with("bootstrap-tools") || name.starts_with("unpack-bootstrap-tools") {
        return BOOTSTRAP
            .iter()
            .flat_map(|package| listed(package))
            .collect();
    }
    let version = name
        .match_indices('-')
        .find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let name = version.map_or(name, |(at, _)| &name[..at]);
    let name = ["-interactive", "-minimal", "-static", "-full"]
        .iter()
        .fold(name, |name, suffix| {
            name.strip_suffix(suffix).unwrap_or(name)
        });
    listed(name).collect()
}

fn listed(package: &str) -> impl Iterator<Item = &'static str> + use<> {
    let found = PACKAGES.iter().find(|(name, _)| *name == package);
    found
        .map_or("", |(_, programs)| programs)
        .split_whitespace()
}

fn without_stage(name: &str) -> &str {
    name.strip_prefix("bootstrap-stage")
        .map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()))
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(name)
}

/// This host's programs, copied beside the native store, so that packages can have links to them.
pub struct HostTools {
    folder: PathBuf,
    copied: BTreeMap<&'static str, Option<PathBuf>>,
}

impl HostTools {
    pub fn new(folder: PathBuf) -> Result<Self> {
        tree::fresh(&folder)?;
        for (program, package) in [
            ("bwrap", "bubblewrap"),
            ("bash", "bash"),
            ("sed", "sed"),
            ("find", "findutils"),
            ("perl", "perl"),
        ] {
            if find(program).is_none() {
                bail!(
                    "there is no `{program}` on this machine, with which the derivations are built natively; \
                     install {package} (`apt-get install {package}` on Debian) and try again"
                );
            }
        }
        Ok(Self {
            folder,
            copied: BTreeMap::new(),
        })
    }

    /// The copy of a program of this host, if the host has it.
    fn program(&mut self, name: &'static str) -> Result<Option<PathBuf>> {
        if let Some(known) = self.copied.get(name) {
            return Ok(known.clone());
        }
        let host = find(if name == "sh" { "bash" } else { name });
        let copy = match host {
            None => None,
            Some(host) => {
                let copy = self.folder.join(name);
                fs::copy(&host, &copy).with_context(|| format!("copying {}", host.display()))?;
                tree::seal(&copy, true)?;
                Some(copy)
            }
        };
        self.copied.insert(name, copy.clone());
        Ok(copy)
    }

    /// Puts this host's programs in the place of a package's stand-ins. What is listed in the package
    /// stays as it was; what the host has not, stays a stand-in.
    pub fn arm(&mut self, name: &str, package: &Path) -> Result<()> {
        for program in of_package(name) {
            for folder in ["bin", "sbin"] {
                let folder = package.join(folder);
                let place = folder.join(program);
                // A folder that is a link is another one of the two.
                if !fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir())
                    || fs::symlink_metadata(&place).is_err()
                {
                    continue;
                }
                let Some(copy) = self.program(program)? else {
                    continue;
                };
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
                fs::remove_file(&place)?;
                fs::hard_link(&copy, &place)
                    .or_else(|_| fs::copy(&copy, &place).map(|_| ()))
                    .with_context(|| format!("putting {program} into {}", package.display()))?;
                tree::seal(&folder, true)?;
            }
        }
        Ok(())
    }
}

/// Looks a program up in the host's `PATH` and follows links to it.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let place = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|place| place.is_file())?;
    fs::canonicalize(place).ok()
}

/// A stand-in for a program: the first bytes of an ELF file, and nothing that a kernel could run.
pub fn stand_in(package: &str, program: &str) -> FileSystemObject {
    FileSystemObject::executable(format!("\x7fELF\0stand-in {package} {program}\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_go_by_name() {
        let first = |name: &str| of_package(name).first().copied();
        assert_eq!(first("bash-5.2p37"), Some("bash"));
        assert_eq!(first("bash-4.3-p42"), Some("bash"));
        assert_eq!(first("bash-interactive-5.3p3"), Some("bash"));
        assert_eq!(first("coreutils-full-9.5"), Some("["));
        assert_eq!(first("bootstrap-stage4-gnused-4.9"), Some("sed"));
        assert_eq!(first("bootstrap-tools"), Some("bash"));
        assert_eq!(first("bash-completion-2.11"), None);
        assert_eq!(first("systemd-257.6"), None);
    }
}
