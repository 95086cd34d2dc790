//! The policy as the rest of the program reads it.
//!
//! Contract: plain data with units; made from checked settings, so that making it cannot fail.

use std::path::PathBuf;
use std::time::Duration;

use bstr::BStr;
use clap::ValueEnum;
use wasibuild_sandbox::Limits;

use super::value::{AUTO, Value};
use super::{Pattern, Settings};

/// Who may build, as `routes` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// The derivation's own WebAssembly module.
    Sandbox,
    /// The shell and applets in the sandbox.
    Shell,
    /// The virtual machine.
    Vm,
    /// Nix's other remote builders.
    Nix,
    /// Nobody.
    Refuse,
}

impl Route {
    /// The name in the configuration, in plans and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Route::Sandbox => "sandbox",
            Route::Shell => "shell",
            Route::Vm => "vm",
            Route::Nix => "nix",
            Route::Refuse => "refuse",
        }
    }

    /// All, in the default order.
    pub const ALL: [Route; 5] = [
        Route::Sandbox,
        Route::Shell,
        Route::Vm,
        Route::Nix,
        Route::Refuse,
    ];
}

/// Which derivations for Linux are attempted in the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Attempt {
    /// Those that no binary cache has, as their attributes say
    #[default]
    Configuration,
    /// All whose builder is a shell
    All,
    /// None
    None,
}

impl Attempt {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Attempt::Configuration => "configuration",
            Attempt::All => "all",
            Attempt::None => "none",
        }
    }

    fn of(word: &str) -> Attempt {
        match word {
            "all" => Attempt::All,
            "none" => Attempt::None,
            _ => Attempt::Configuration,
        }
    }
}

/// The table `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShellPolicy {
    /// Which derivations.
    pub attempt: Attempt,
    /// Names that are attempted although `attempt` leaves them out.
    pub also: Vec<Pattern>,
    /// Names that are not attempted.
    pub never: Vec<Pattern>,
}

/// What the router goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// The systems whose derivations are built at all.
    pub systems: Vec<Pattern>,
    /// What the shell route has.
    pub features: Vec<String>,
    /// Who is asked, in this order.
    pub routes: Vec<Route>,
    /// The shell route.
    pub shell: ShellPolicy,
    /// What the machine has, without `kvm`.
    pub vm_features: Vec<String>,
}

impl Routing {
    /// Whether derivations for a system are built at all.
    pub fn has_system(&self, system: &BStr) -> bool {
        self.systems.iter().any(|pattern| pattern.matches(system))
    }
}

impl Default for Routing {
    fn default() -> Self {
        Policy::default().routing
    }
}

/// What QEMU runs the machine with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accelerator {
    /// Hardware virtualisation if it is proved to work, else emulation.
    #[default]
    Auto,
    /// Linux.
    Kvm,
    /// macOS.
    Hvf,
    /// Emulation.
    Tcg,
}

/// How the machine gets the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VmShare {
    /// As its kernel can: by 9p, else by images.
    #[default]
    Auto,
    /// The directory is shared.
    NineP,
    /// Images of what builds need.
    Image,
}

/// The table `vm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmPolicy {
    /// Memory, in bytes.
    pub memory: u64,
    /// The most that one build may take of it, in bytes; 0 for all.
    pub build_memory: u64,
    /// Processors; none for half of the host's, at least one.
    pub cores: Option<u16>,
    /// The most that the scratch disk grows to, in bytes.
    pub disk: u64,
    /// How it gets the store.
    pub share: VmShare,
    /// The most that images of inputs take, in bytes.
    pub images: u64,
    /// How long it waits without a build before it is stopped.
    pub idle: Duration,
    /// How long it may take to start, and to answer while it builds.
    pub patience: Duration,
    /// The kernel: an image, a directory with one, or a Debian package.
    pub kernel: Option<PathBuf>,
    /// QEMU: a name or a path; none for that of the architecture.
    pub qemu: Option<PathBuf>,
    /// The accelerator.
    pub accelerator: Accelerator,
    /// Whether a machine of another architecture may be emulated.
    pub emulate: bool,
    /// The system features that it has, without `kvm`.
    pub features: Vec<String>,
}

impl Default for VmPolicy {
    fn default() -> Self {
        Policy::default().vm
    }
}

/// The table `daemon`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonPolicy {
    /// The socket; none for that below the store.
    pub socket: Option<PathBuf>,
    /// Its permissions.
    pub socket_mode: u32,
    /// The root of a store whose paths are not copied.
    pub host_store: Option<PathBuf>,
    /// Seconds without a client before it ends; none for the default of how it was started.
    pub idle_timeout: Option<u32>,
}

/// What the user decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Each value with its origin.
    pub settings: Settings,
    /// The store's root, if one was named.
    pub store: Option<PathBuf>,
    /// The state directory, if one was named.
    pub state: Option<PathBuf>,
    /// Builds at a time; none for the number of processors.
    pub max_jobs: Option<u16>,
    /// `NIX_BUILD_CORES`.
    pub cores: u16,
    /// What the router goes by.
    pub routing: Routing,
    /// In place of `routing.shell.attempt` for the hook.
    pub hook_shell: Attempt,
    /// The binary caches; none if nothing is fetched.
    pub substituters: Vec<String>,
    /// Whether the caches are asked for what can be built here, too: if they were chosen.
    pub prefer_substitutes: bool,
    /// The keys to trust.
    pub trusted_public_keys: Vec<String>,
    /// The program `nix`.
    pub nix: PathBuf,
    /// The daemon.
    pub daemon: DaemonPolicy,
    /// Compiled builders for the external builder.
    pub precompiled: Option<PathBuf>,
    /// Bounds of a build.
    pub limits: Limits,
    /// The machine.
    pub vm: VmPolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Policy::from(super::defaults())
    }
}

impl From<Settings> for Policy {
    fn from(settings: Settings) -> Self {
        let read = Reader(&settings);
        let substituters = read.words("substituters");
        let defaults = |name: &str| {
            let setting = settings.get(name);
            setting.is_some_and(|setting| setting.value == super::default(setting.key).value)
        };
        Policy {
            store: read.path("store"),
            state: read.path("state"),
            max_jobs: read.auto("max-jobs").map(narrow),
            cores: narrow(read.number("cores")),
            routing: Routing {
                systems: read.patterns("systems"),
                features: read.words("features"),
                routes: read.routes("routes"),
                shell: ShellPolicy {
                    attempt: Attempt::of(read.text("shell.attempt")),
                    also: read.patterns("shell.also"),
                    never: read.patterns("shell.never"),
                },
                vm_features: read.words("vm.features"),
            },
            hook_shell: Attempt::of(read.text("hook.shell")),
            prefer_substitutes: !defaults("substituters"),
            substituters: match read.flag("substitute") {
                true => substituters,
                false => Vec::new(),
            },
            trusted_public_keys: read.words("trusted-public-keys"),
            nix: read.path("nix").unwrap_or_else(|| PathBuf::from("nix")),
            daemon: DaemonPolicy {
                socket: read.path("daemon.socket"),
                socket_mode: narrow(read.number("daemon.socket-mode")),
                host_store: read.path("daemon.host-store"),
                idle_timeout: read.auto("daemon.idle-timeout").map(narrow),
            },
            precompiled: read.path("external-builder.precompiled"),
            limits: Limits {
                memory: read.number("limits.memory"),
                total_memory: read.number("limits.total-memory"),
                output_size: read.number("limits.output-size"),
                files: read.number("limits.files"),
                open_files: narrow(read.number("limits.open-files")),
                log_size: read.number("limits.log-size"),
                processes: narrow(read.number("limits.processes")),
                timeout: time(read.number("limits.timeout")),
                max_silent_time: time(read.number("limits.max-silent-time")),
                ..Limits::default()
            },
            vm: VmPolicy {
                memory: read.number("vm.memory"),
                build_memory: read.number("vm.build-memory"),
                cores: read.auto("vm.cores").map(narrow),
                disk: read.number("vm.disk"),
                share: match read.text("vm.share") {
                    "9p" => VmShare::NineP,
                    "image" => VmShare::Image,
                    _ => VmShare::Auto,
                },
                images: read.number("vm.images"),
                idle: Duration::from_secs(read.number("vm.idle")),
                // Without any time nothing would ever start.
                patience: Duration::from_secs(read.number("vm.patience").clamp(1, 86_400)),
                kernel: read.path("vm.kernel"),
                qemu: read.path("vm.qemu"),
                accelerator: match read.text("vm.accelerator") {
                    "kvm" => Accelerator::Kvm,
                    "hvf" => Accelerator::Hvf,
                    "tcg" => Accelerator::Tcg,
                    _ => Accelerator::Auto,
                },
                emulate: read.flag("vm.emulate"),
                features: read.words("vm.features"),
            },
            settings,
        }
    }
}

/// No limit of time is 0.
fn time(seconds: u64) -> Option<Duration> {
    (seconds != 0).then(|| Duration::from_secs(seconds))
}

/// The table has bounds; what is beyond the type is the most.
fn narrow<T: TryFrom<u64> + Bounded>(number: u64) -> T {
    T::try_from(number).unwrap_or(T::MOST)
}

trait Bounded {
    const MOST: Self;
}

impl Bounded for u16 {
    const MOST: Self = u16::MAX;
}

impl Bounded for u32 {
    const MOST: Self = u32::MAX;
}

/// Reads settings by the type that the table gives them.
struct Reader<'s>(&'s Settings);

impl<'s> Reader<'s> {
    fn value(&self, name: &str) -> Option<&'s Value> {
        self.0.get(name).map(|setting| &setting.value)
    }

    fn number(&self, name: &str) -> u64 {
        match self.value(name) {
            Some(Value::Number(number)) => *number,
            other => mistyped(name, other),
        }
    }

    fn auto(&self, name: &str) -> Option<u64> {
        match self.value(name) {
            Some(Value::Text(text)) if text == AUTO => None,
            _ => Some(self.number(name)),
        }
    }

    fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            Some(Value::Flag(flag)) => *flag,
            other => mistyped(name, other),
        }
    }

    fn text(&self, name: &str) -> &'s str {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            other => mistyped(name, other),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name);
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    fn words(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Words(words)) => words
                .iter()
                .filter(|word| !word.is_empty())
                .cloned()
                .collect(),
            other => mistyped(name, other),
        }
    }

    fn patterns(&self, name: &str) -> Vec<Pattern> {
        self.words(name).into_iter().map(Pattern::new).collect()
    }

    fn routes(&self, name: &str) -> Vec<Route> {
        let words = self.words(name);
        let route = |word: &String| Route::ALL.into_iter().find(|route| route.name() == word);
        words.iter().filter_map(route).collect()
    }
}

/// A fault of this file, which a test of all keys finds.
fn mistyped<T: Default>(name: &str, found: Option<&Value>) -> T {
    debug_assert!(false, "{name}: {found:?}");
    T::default()
}
