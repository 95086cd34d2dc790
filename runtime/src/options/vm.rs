//! `wasibuild vm` in the option table.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// `wasibuild vm`.
#[derive(Debug, Subcommand)]
pub enum VmCommand {
    /// Start the machine, if it does not run, and say what it is
    Start(VmStart),
    /// Stop the machines of this store
    Stop,
    /// Say which machines of this store run, and what there is to run them with
    Status,
    /// Print what the supervisor and the guest's console said last
    Logs(VmArchitecture),
    /// Take the kernel for machines from a Debian package, a kernel of Nix, or a system's root;
    /// without --from, say which there are
    Kernel {
        /// A linux-image-….deb, a directory with a kernel and lib/modules, or an image beside them
        #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        from: Option<PathBuf>,
    },
    /// Run a program of the store in the machine, as a build would, with the terminal
    Shell(VmShell),
    /// Boot a NixOS system that was built, with its console on the terminal
    Run(VmRun),
    /// Own a machine (what `wasibuild` starts by itself)
    #[command(hide = true)]
    Supervise(VmSupervise),
}

/// Which machine.
#[derive(Debug, Clone, Args)]
pub struct VmArchitecture {
    /// The machine's processor [default: this computer's]
    #[arg(long, value_name = "ARCH", value_parser = ["x86_64", "aarch64"])]
    pub architecture: Option<String>,
}

/// `wasibuild vm start`.
#[derive(Debug, Args)]
pub struct VmStart {
    /// The machine.
    #[command(flatten)]
    pub machine: VmArchitecture,
    /// Print QEMU's command line instead
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: the command line on another kind of computer
    #[arg(long, value_name = "SYSTEM", requires = "dry_run", value_parser = ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"])]
    pub host: Option<String>,
}

/// `wasibuild vm shell`.
#[derive(Debug, Args)]
pub struct VmShell {
    /// The machine.
    #[command(flatten)]
    pub machine: VmArchitecture,
    /// A program in the store, such as /nix/store/…-bash-5.2/bin/bash; its path's closure is what it sees
    #[arg(value_name = "PROGRAM")]
    pub program: OsString,
    /// Its arguments
    #[arg(
        value_name = "ARG",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub arguments: Vec<OsString>,
}

/// `wasibuild vm run`.
#[derive(Debug, Args)]
pub struct VmRun {
    /// The system: a store path (or a link to one) with kernel, initrd, init and kernel-params
    #[arg(value_name = "SYSTEM", value_hint = ValueHint::AnyPath)]
    pub system: PathBuf,
    /// Pass connections to a port of this computer on to one of the system's
    #[arg(long, value_name = "HOST:GUEST", value_parser = forward)]
    pub forward: Vec<(u16, u16)>,
    /// Memory, such as 2G [default: vm.memory]
    #[arg(long, value_name = "SIZE", value_parser = super::size)]
    pub memory: Option<u64>,
    /// Show a screen in a window as well
    #[arg(long)]
    pub graphics: bool,
    /// Print QEMU's command line instead
    #[arg(long)]
    pub dry_run: bool,
}

/// `wasibuild vm supervise`.
#[derive(Debug, Args)]
pub struct VmSupervise {
    /// The machine's processor
    #[arg(long)]
    pub architecture: String,
    /// The directory that is its store
    #[arg(long)]
    pub share: PathBuf,
    /// Where findings and the socket are kept
    #[arg(long)]
    pub state: PathBuf,
    /// Where its kernel is kept
    #[arg(long)]
    pub kernel: PathBuf,
    /// Its memory in MiB
    #[arg(long)]
    pub memory: u64,
    /// Its processors
    #[arg(long)]
    pub cores: u32,
    /// The size of its disk in bytes
    #[arg(long)]
    pub disk: u64,
    /// How it gets the store, if that is not for its kernel to say
    #[arg(long)]
    pub share_by: Option<String>,
    /// The most that images of inputs take, in bytes
    #[arg(long)]
    pub images: u64,
    /// How long it waits without a build, in milliseconds
    #[arg(long)]
    pub idle: u64,
    /// How long it may take to start, and to answer while it builds, in milliseconds
    #[arg(long)]
    pub patience: u64,
    /// The emulator
    #[arg(long)]
    pub qemu: Option<PathBuf>,
    /// What runs it
    #[arg(long)]
    pub accelerator: Option<String>,
}

/// Reads `HOST:GUEST`.
fn forward(text: &str) -> Result<(u16, u16), String> {
    text.split_once(':')
        .and_then(|(host, guest)| Some((host.parse().ok()?, guest.parse().ok()?)))
        .ok_or_else(|| "expected two ports, such as 2222:22".to_owned())
}
