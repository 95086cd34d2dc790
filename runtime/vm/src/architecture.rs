//! The two architectures of guests, and what differs between them.

use std::fmt;

/// The processor of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

// The agents, as `cargo xtask agents` made them.
include!(concat!(env!("OUT_DIR"), "/agents.rs"));

impl Architecture {
    /// Both.
    pub const ALL: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

    /// The architecture that this program runs on.
    pub fn of_this_program() -> Option<Self> {
        Self::of_name(std::env::consts::ARCH)
    }

    /// By its name in systems (`x86_64-linux`) and in Rust's targets.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The architecture of a derivation's system, if it is for Linux.
    pub fn of_system(system: &[u8]) -> Option<Self> {
        let system = std::str::from_utf8(system).ok()?;
        Self::of_name(system.strip_suffix("-linux")?)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86_64",
            Architecture::Aarch64 => "aarch64",
        }
    }

    /// The emulator's program.
    pub fn qemu(self) -> &'static str {
        match self {
            Architecture::X86_64 => "qemu-system-x86_64",
            Architecture::Aarch64 => "qemu-system-aarch64",
        }
    }

    /// The Debian package that has it.
    pub fn qemu_package(self) -> &'static str {
        match self {
            Architecture::X86_64 => "qemu-system-x86",
            Architecture::Aarch64 => "qemu-system-arm",
        }
    }

    /// The agent for it; none in a program that was compiled without.
    pub fn agent(self) -> Option<&'static [u8]> {
        match self {
            Architecture::X86_64 => X86_64,
            Architecture::Aarch64 => AARCH64,
        }
    }

    /// The number of the architecture in ELF files.
    pub(crate) fn elf_machine(self) -> u16 {
        match self {
            Architecture::X86_64 => 62,
            Architecture::Aarch64 => 183,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
