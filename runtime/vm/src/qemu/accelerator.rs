//! What runs the guest's instructions: the processor (KVM, HVF), or QEMU itself (TCG).
//!
//! Contract: an accelerator is proved by a guest that came up with it, never by a device that can be
//! opened: there are machines where `/dev/kvm` makes a machine which then hangs. What was found is
//! remembered for a machine's kernel and QEMU, and forgotten when either changes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Host, Program};
use crate::Architecture;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// Linux' own.
    Kvm,
    /// macOS' own.
    Hvf,
    /// None: QEMU translates.
    Tcg,
}

impl Accelerator {
    /// QEMU's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Hvf => "hvf",
            Accelerator::Tcg => "tcg",
        }
    }

    /// By its name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Accelerator::Kvm, Accelerator::Hvf, Accelerator::Tcg]
            .into_iter()
            .find(|one| one.name() == name)
    }

    /// The hardware's, which a host may have for guests of its own architecture.
    pub fn of_host(host: Host, guest: Architecture) -> Option<Self> {
        match host {
            Host::Linux(own) if own == guest => Some(Accelerator::Kvm),
            Host::MacOs(own) if own == guest => Some(Accelerator::Hvf),
            _ => None,
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was found about this machine.
#[derive(Debug)]
pub struct Proofs {
    file: PathBuf,
    key: String,
}

impl Proofs {
    /// The findings in `file`, for this QEMU on this kernel.
    pub fn open(file: &Path, program: &Program) -> Self {
        let key = format!(
            "{} {} {}",
            program.path.display(),
            program.version,
            crate::platform::system(),
        );
        Proofs {
            file: file.to_owned(),
            key: key.split_whitespace().collect::<Vec<_>>().join("_"),
        }
    }

    /// Whether the accelerator works; none if nobody knows.
    pub fn known(&self, accelerator: Accelerator) -> Option<bool> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let mut found = None;
        for line in text.lines() {
            if let [key, name, answer] = line.split(' ').collect::<Vec<_>>()[..]
                && key == self.key
                && name == accelerator.name()
            {
                found = Some(answer == "works");
            }
        }
        found
    }

    /// Remembers. That it cannot be written costs a probe the next time, nothing else.
    pub fn remember(&self, accelerator: Accelerator, works: bool) {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let old = format!("{} {accelerator} ", self.key);
        let mut lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with(&old))
            .collect();
        // A file that nobody prunes would grow with every update of the system.
        let surplus = lines.len().saturating_sub(50);
        lines.drain(..surplus);
        let answer = if works { "works" } else { "hangs" };
        let text = format!("{}\n{old}{answer}\n", lines.join("\n"));
        let written = tempfile::NamedTempFile::new_in(self.file.parent().unwrap_or(Path::new(".")))
            .and_then(|file| {
                fs::write(file.path(), text.trim_start())?;
                file.persist(&self.file)?;
                Ok(())
            });
        if let Err(error) = written {
            eprintln!("warning: cannot remember the accelerator: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_kept_for_the_same_machine_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("accelerators");
        let program = |path: &str| Program {
            path: path.into(),
            version: super::super::MIN_VERSION,
        };
        let proofs = Proofs::open(&file, &program("/a"));
        assert_eq!(proofs.known(Accelerator::Kvm), None);
        proofs.remember(Accelerator::Kvm, false);
        proofs.remember(Accelerator::Hvf, true);
        assert_eq!(proofs.known(Accelerator::Kvm), Some(false));
        assert_eq!(proofs.known(Accelerator::Hvf), Some(true));
        proofs.remember(Accelerator::Kvm, true);
        assert_eq!(proofs.known(Accelerator::Kvm), Some(true));
        assert_eq!(
            Proofs::open(&file, &program("/b")).known(Accelerator::Kvm),
            None
        );
    }
}
