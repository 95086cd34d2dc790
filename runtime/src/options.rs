//! The option table: every command and option of the program, each defined once.
//!
//! Contract: the parser, `--help`, the man page (`wasibuild man`) and the completions
//! (`wasibuild completions`) all come from these types. Names follow Nix's where Nix has the
//! option (`nix-build`, `nix-store`, `nix.conf`), with the same meaning and unit.

mod doctor;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};

use crate::exit_code;
use crate::policy::{Attempt, value};

pub use doctor::{Doctor, Setup, Where};

/// Builds Nix derivations with WebAssembly builders, the same bytes on every host.
#[derive(Debug, Parser)]
#[command(
    name = "wasibuild",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = exit_code::TABLE,
)]
pub struct Options {
    /// What applies to every command.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The store: a directory that holds nix/store and nix/var/nix, made on first use
    /// [default: wasibuild in the user's data directory]
    #[arg(long, global = true, value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub store: Option<PathBuf>,
    /// The configuration file; empty for none [default: wasibuild/wasibuild.toml in the user's
    /// configuration directory, else /etc/wasibuild/wasibuild.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Set a value of the configuration, such as limits.memory=4G (`wasibuild config` prints all)
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build derivations and everything they need
    Run(Run),
    /// Tell what would happen to derivations and everything they need: who builds what, and why
    Plan(Forecast),
    /// Tell why one derivation goes where it goes: every rule, and which decides
    Explain(Explain),
    /// Build derivations in the sandbox and in the virtual machine, and compare every byte
    Verify(Verify),
    /// Print derivations as JSON, in the shape of `nix derivation show`
    Show(Show),
    /// Print the build log of a derivation
    Log(Log),
    /// Build for Nix: serve its worker protocol on a socket, or on standard input and output
    Daemon(Daemon),
    /// Build for Nix: run one builder that Nix describes (`external-builders`)
    ExternalBuilder(ExternalBuilder),
    /// Build for Nix: decide about builds and do them in Nix's own store (`build-hook`)
    Hook(Hook),
    /// Run the shell of the sandbox by hand
    Sh(Sh),
    /// Look after the store
    #[command(subcommand)]
    Store(StoreCommand),
    /// The builders that come with the program
    #[command(subcommand)]
    Builders(BuildersCommand),
    /// The virtual machine, for what needs Linux
    #[command(subcommand)]
    Vm(VmCommand),
    /// Look at this machine and its Nix, and say what to change
    Doctor(Doctor),
    /// Print the change that opens a door for Nix, make it, or take it back
    Setup(Setup),
    /// Print the settings in effect, each with where it was set
    Config(Config),
    /// Print the manual page
    Man,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `wasibuild run`.
#[derive(Debug, Clone, Args)]
#[command(after_help = exit_code::TABLE)]
pub struct Run {
    /// Derivations: store paths, or .drv files whose inputs and sources are looked up in the
    /// store and then beside the file
    #[arg(required = true, value_name = "DRV", value_hint = ValueHint::FilePath)]
    pub derivations: Vec<OsString>,
    /// Make a symbolic link to the outputs, and keep them from being collected
    #[arg(long, short = 'o', value_name = "L", value_hint = ValueHint::AnyPath)]
    pub out_link: Option<PathBuf>,
    /// Build again what is already built, and fail if the result differs
    #[arg(long)]
    pub check: bool,
    /// Keep the build directory and the outputs of a build that fails, and say where
    #[arg(long, short = 'K')]
    pub keep_failed: bool,
    /// After a failure, still build what does not depend on it
    #[arg(long, short = 'k')]
    pub keep_going: bool,
    /// Build at most N derivations at once [default: the number of processors]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_jobs: Option<u16>,
    /// What builders see as NIX_BUILD_CORES [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub cores: Option<u16>,
    /// Stop a build that takes longer than S seconds; 0 means no limit [default: 0]
    #[arg(long, value_name = "S")]
    pub timeout: Option<u32>,
    /// Stop a build that prints nothing for S seconds; 0 means no limit [default: 0]
    #[arg(long, value_name = "S")]
    pub max_silent_time: Option<u32>,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Tell where the time goes: for each derivation, on standard error and in the JSON
    #[arg(long)]
    pub timings: bool,
    /// Print what would be built and fetched, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not print the builders' logs as they run
    #[arg(long, short = 'Q')]
    pub no_build_output: bool,
    /// Which derivations for Linux to attempt in the shell [default: configuration]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// Where to fetch from.
    #[command(flatten)]
    pub substitution: Substitution,
    /// What a build may use.
    #[command(flatten)]
    pub limits: Bounds,
}

/// `wasibuild verify`.
#[derive(Debug, Args)]
#[command(after_help = exit_code::TABLE)]
pub struct Verify {
    /// Verify also all that they need, as far as the sandbox builds it
    #[arg(long, short = 'r')]
    pub recursive: bool,
    /// How to build.
    #[command(flatten)]
    pub run: Run,
}

/// Bounds of each build. They are part of what decides a result, so that the defaults are the same
/// on every host.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of a build (sizes in bytes, or with K, M, G)")]
pub struct Bounds {
    /// Memory of one process [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Memory of all processes together [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_total_memory: Option<u64>,
    /// All files that the build holds at a time [default: 16G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_output_size: Option<u64>,
    /// Number of files, directories and links [default: 1000000]
    #[arg(long, value_name = "N")]
    pub max_files: Option<u64>,
    /// Open descriptors of one process [default: 4096]
    #[arg(long, value_name = "N")]
    pub max_open_files: Option<u32>,
    /// Size of the log [default: 256M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_build_log_size: Option<u64>,
    /// Number of processes at a time [default: 512]
    #[arg(long, value_name = "N")]
    pub max_processes: Option<u32>,
}

/// Options that say where missing inputs come from.
#[derive(Debug, Clone, Args)]
pub struct Substitution {
    /// Binary caches, asked in order of their priority (http://, https:// or file://)
    /// [default: https://cache.nixos.org]
    #[arg(long, value_name = "URL", num_args = 1, value_delimiter = ' ')]
    pub substituters: Option<Vec<String>>,
    /// Keys (NAME:BASE64) of which one must have signed what is fetched
    /// [default: that of cache.nixos.org]
    #[arg(long, value_name = "KEY", num_args = 1, value_delimiter = ' ')]
    pub trusted_public_keys: Option<Vec<String>>,
    /// Fetch nothing
    #[arg(long)]
    pub no_substitute: bool,
}

/// `wasibuild daemon`.
#[derive(Debug, Args)]
pub struct Daemon {
    /// Serve one client on standard input and output, as `nix-daemon --stdio`; it is trusted
    #[arg(long)]
    pub stdio: bool,
    /// The socket to make; not used if a service manager hands sockets over
    /// [default: nix/var/wasibuild/daemon.sock below the store's root]
    #[arg(long, value_name = "PATH", conflicts_with = "stdio", value_hint = ValueHint::AnyPath)]
    pub socket: Option<PathBuf>,
    /// The socket's permissions, which decide who may connect [default: 600]
    #[arg(long, value_name = "OCTAL", value_parser = mode)]
    pub socket_mode: Option<u32>,
    /// End after S seconds without a client; 0 means never
    /// [default: 300 if a service manager hands sockets over, else 0]
    #[arg(long, value_name = "S")]
    pub idle_timeout: Option<u32>,
    /// Trust no client, not even root
    #[arg(long)]
    pub force_untrusted: bool,
    /// The root of a Nix store on this machine, mostly /: what it holds is used where it lies and not
    /// copied; kept in this store for every command
    #[arg(long, value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub host_store: Option<PathBuf>,
    /// Keep the build directory and the outputs of builds that fail
    #[arg(long, short = 'K')]
    pub keep_failed: bool,
    /// Build at most N derivations at once, for all clients together [default: the number of processors]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_jobs: Option<u16>,
    /// What builders see as NIX_BUILD_CORES [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub cores: Option<u16>,
    /// Stop a build that takes longer than S seconds; 0 means no limit; clients may ask for less
    /// [default: 0]
    #[arg(long, value_name = "S")]
    pub timeout: Option<u32>,
    /// Stop a build that prints nothing for S seconds; 0 means no limit; clients may ask for less
    /// [default: 0]
    #[arg(long, value_name = "S")]
    pub max_silent_time: Option<u32>,
    /// Which derivations for Linux to attempt in the shell [default: configuration]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// Where to fetch from.
    #[command(flatten)]
    pub substitution: Substitution,
    /// What a build may use.
    #[command(flatten)]
    pub limits: Bounds,
}

/// `wasibuild external-builder`.
#[derive(Debug, Args)]
pub struct ExternalBuilder {
    /// The file that Nix wrote
    #[arg(value_name = "BUILD.json", value_hint = ValueHint::FilePath)]
    pub description: PathBuf,
    /// A directory with compiled builders, as `wasibuild builders precompile DIR` fills it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub precompiled: Option<PathBuf>,
    /// What builders see as NIX_BUILD_CORES [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub cores: Option<u16>,
    /// Which derivations for Linux to attempt in the shell [default: configuration]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// What a build may use.
    #[command(flatten)]
    pub limits: Bounds,
}

/// `wasibuild hook`.
#[derive(Debug, Args)]
pub struct Hook {
    /// Nix's level of verbosity
    #[arg(value_name = "VERBOSITY", default_value = "3")]
    pub verbosity: String,
    /// The program `nix`, with `nix-store` beside it [default: nix]
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub nix: Option<PathBuf>,
    /// Build at most N derivations at once, over all hooks of this user [default: the number of processors]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_jobs: Option<u16>,
    /// What builders see as NIX_BUILD_CORES [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub cores: Option<u16>,
    /// Which derivations for Linux to attempt in the shell, instead of leaving them to Nix
    /// [default: none]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// What a build may use.
    #[command(flatten)]
    pub limits: Bounds,
}

/// `wasibuild sh`.
#[derive(Debug, Args)]
pub struct Sh {
    /// Show the content of DIR as /build, and write what has changed there back to DIR at the end
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Set a variable of the environment; nothing is inherited
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub env: Vec<(String, String)>,
    /// What a build may use.
    #[command(flatten)]
    pub limits: Bounds,
    /// The shell's own options, then -c CODE, or FILE, and arguments; without CODE and FILE the
    /// shell reads its standard input
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub arguments: Vec<OsString>,
}

/// Reads `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

pub mod vm;
pub use vm::VmCommand;

/// `wasibuild plan`.
#[derive(Debug, Args)]
pub struct Forecast {
    /// Derivations: store paths, or .drv files
    #[arg(required = true, value_name = "DRV", value_hint = ValueHint::FilePath)]
    pub derivations: Vec<OsString>,
    /// Print JSON
    #[arg(long, conflicts_with = "svg")]
    pub json: bool,
    /// Print a picture, as SVG
    #[arg(long)]
    pub svg: bool,
    /// In the tree, list what is valid or fetched, too, instead of counting it
    #[arg(long, conflicts_with_all = ["json", "svg"])]
    pub all: bool,
    /// Which derivations for Linux to attempt in the shell [default: configuration]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// Where to fetch from.
    #[command(flatten)]
    pub substitution: Substitution,
}

/// `wasibuild explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Derivations: store paths, or .drv files
    #[arg(required = true, value_name = "DRV", value_hint = ValueHint::FilePath)]
    pub derivations: Vec<OsString>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Forget that an earlier attempt met a program that is not run here
    #[arg(long)]
    pub forget: bool,
    /// Which derivations for Linux to attempt in the shell [default: configuration]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub shell: Option<Attempt>,
    /// Where to fetch from.
    #[command(flatten)]
    pub substitution: Substitution,
}

/// `wasibuild config`.
#[derive(Debug, Args)]
pub struct Config {
    /// Print the defaults instead, as a file with the meaning of each setting
    #[arg(long)]
    pub defaults: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "defaults")]
    pub json: bool,
}

/// `wasibuild show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Derivations: store paths or .drv files
    #[arg(required = true, value_name = "DRV", value_hint = ValueHint::FilePath)]
    pub derivations: Vec<OsString>,
    /// Print what they need, too
    #[arg(long, short = 'r')]
    pub recursive: bool,
}

/// `wasibuild log`.
#[derive(Debug, Args)]
pub struct Log {
    /// A derivation, or one of its outputs
    #[arg(value_name = "DRV", value_hint = ValueHint::FilePath)]
    pub derivation: OsString,
}

/// `wasibuild store`.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy files or directories into the store, as `nix-store --add`
    Add {
        /// Files or directories
        #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
        paths: Vec<PathBuf>,
    },
    /// Read an export from standard input or FILE, as `nix-store --import`
    Import {
        /// The export [default: standard input]
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
    /// Write paths to standard output, as `nix-store --export`
    Export {
        /// Store paths
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<OsString>,
        /// Write all that they refer to as well, so that the export is complete
        #[arg(long, short = 'r')]
        closure: bool,
    },
    /// Print what the store knows of paths, as JSON
    Info {
        /// Store paths; without any, every valid path
        #[arg(value_name = "PATH")]
        paths: Vec<OsString>,
    },
    /// Check that the store is whole
    Verify {
        /// Read every file and compare the hashes
        #[arg(long)]
        check_contents: bool,
    },
    /// Delete what no root needs
    Gc {
        /// Print what would be deleted, and delete nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete paths that no root needs
    Delete {
        /// Store paths
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<OsString>,
    },
    /// Print the public key with which the store signs what is built
    PublicKey,
}

/// `wasibuild builders`.
#[derive(Debug, Subcommand)]
pub enum BuildersCommand {
    /// List the builders with their sizes and hashes
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the builders into a directory
    Export {
        /// The directory; made if missing
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
    /// Compile the builders now, so that no build has to wait for it
    Precompile {
        /// Write them there, readable by all, for `external-builder --precompiled`
        /// [default: the user's own cache]
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

/// Reads permissions in octal.
fn mode(text: &str) -> Result<u32, String> {
    let mode = value::mode(text).and_then(|mode| u32::try_from(mode).ok());
    mode.ok_or_else(|| "expected permissions in octal, such as 600 or 666".to_owned())
}

/// Reads a size: bytes, or a number with one of the suffixes K, M, G, T (powers of 1024).
fn size(text: &str) -> Result<u64, String> {
    let bytes = value::size(text);
    bytes.ok_or_else(|| "expected a number of bytes, such as 500000, 64K, 512M or 2G".to_owned())
}

/// The table as clap holds it, for the man page and the completions.
pub fn table() -> clap::Command {
    Options::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        table().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            // What is hidden the program says to itself.
            if command.is_hide_set() {
                return;
            }
            assert!(command.get_about().is_some(), "{path} has no help");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{path} {} has no help",
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(|sub| check(sub, &path));
        }
        check(&table(), "");
    }

    #[test]
    fn sizes_have_suffixes() {
        assert_eq!(size("17"), Ok(17));
        assert_eq!(size("64k"), Ok(65536));
        assert_eq!(size("2G"), Ok(2 << 30));
        for wrong in ["", "K", "-1", "1.5G", "1GB", "99999999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_defaults_in_the_help_are_those_of_the_sandbox() {
        let limits = wasibuild_sandbox::Limits::default();
        let run = table().find_subcommand("run").expect("run").clone();
        for (option, default) in [
            ("max_memory", limits.memory),
            ("max_total_memory", limits.total_memory),
            ("max_output_size", limits.output_size),
            ("max_files", limits.files),
            ("max_open_files", limits.open_files.into()),
            ("max_build_log_size", limits.log_size),
            ("max_processes", limits.processes.into()),
        ] {
            let argument = run
                .get_arguments()
                .find(|argument| argument.get_id() == option)
                .expect(option);
            let help = argument.get_help().expect("help").to_string();
            let said = help
                .split("[default: ")
                .nth(1)
                .and_then(|rest| rest.strip_suffix(']'))
                .expect("a default");
            assert_eq!(size(said), Ok(default), "{option}: {help}");
        }
    }

    #[test]
    fn permissions_are_octal() {
        assert_eq!(mode("600"), Ok(0o600));
        assert_eq!(mode("0666"), Ok(0o666));
        for wrong in ["", "8", "1000", "rw", "-1"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }
}
