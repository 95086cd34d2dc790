//! The table of settings: each key of `wasibuild.toml` with its type, its default and what it means.
//!
//! Contract: everything else derives from it: the reader of the file, the variables of the
//! environment, `--set`, `wasibuild config`, and docs/configuration.md, which a test compares. Nix's
//! counterpart is `nix.conf` with the settings of `libstore/globals.hh`.

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number, both bounds included; or `"auto"`.
    Count {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
        /// Whether `"auto"` is allowed.
        auto: bool,
    },
    /// Bytes: a number, or a string such as `"512M"`.
    Size,
    /// Seconds: a number, or a string such as `"60s"` or `"5m"`; or `"auto"`.
    Seconds {
        /// Whether `"auto"` is allowed.
        auto: bool,
    },
    /// An absolute path; empty for the default.
    Path,
    /// A program: a name that is looked up in `PATH`, or a path; empty for the default.
    Program,
    /// Permissions in octal, as a string.
    Mode,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of these words, each at most once.
    Choices(&'static [&'static str]),
    /// A list of strings.
    Words,
    /// A list of patterns of names: `*` is any text.
    Patterns,
}

impl Kind {
    /// What the documentation says of the type.
    pub fn describe(self) -> String {
        match self {
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Count { min, max, auto } => {
                let auto = if auto { ", or `\"auto\"`" } else { "" };
                match max {
                    u64::MAX => format!("number from {min}{auto}"),
                    _ => format!("number from {min} to {max}{auto}"),
                }
            }
            Kind::Size => "bytes, or `\"512M\"`".to_owned(),
            Kind::Seconds { auto: false } => "seconds, or `\"5m\"`".to_owned(),
            Kind::Seconds { auto: true } => "seconds, or `\"5m\"`, or `\"auto\"`".to_owned(),
            Kind::Path => "absolute path".to_owned(),
            Kind::Program => "program".to_owned(),
            Kind::Mode => "octal, as a string".to_owned(),
            Kind::Choice(words) => format!("one of {}", quoted(words)),
            Kind::Choices(words) => format!("list of {}", quoted(words)),
            Kind::Words => "list of strings".to_owned(),
            Kind::Patterns => "list of patterns".to_owned(),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    words.join(", ")
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The name, with its table: `limits.memory`.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// The default as TOML.
    pub default: &'static str,
    /// The option of the command line that sets it, if there is one beside `--set`.
    pub option: Option<&'static str>,
    /// What it means, in sentences of Markdown.
    pub help: &'static str,
}

impl Key {
    /// The table that it stands in; empty for none.
    pub fn table(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(table, _)| table)
    }

    /// Its name within the table.
    pub fn short(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, name)| name)
    }

    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        let name: String = self.name.chars().map(upper).collect();
        format!("WASIBUILD_{name}")
    }
}

fn upper(c: char) -> char {
    match c {
        '.' | '-' => '_',
        c => c.to_ascii_uppercase(),
    }
}

/// The tables of the file, with what they are about; the first is what stands before any.
pub const TABLES: &[(&str, &str)] = &[
    ("", "What applies to everything."),
    (
        "shell",
        "Unmodified derivations for Linux in the shell of the sandbox.",
    ),
    ("hook", "`wasibuild hook`."),
    ("daemon", "`wasibuild daemon`."),
    ("external-builder", "`wasibuild external-builder`."),
    (
        "limits",
        "Bounds of each build. They are part of what decides a result, so that the defaults are the same on every host.",
    ),
    ("vm", "The virtual machine for what needs Linux."),
];

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    option: Option<&'static str>,
    help: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        option,
        help,
    }
}

const fn from(min: u64) -> Kind {
    Kind::Count {
        min,
        max: u64::MAX,
        auto: false,
    }
}

/// The words of `routes`.
pub const ROUTES: &[&str] = &["sandbox", "shell", "vm", "nix", "refuse"];
/// The words of `shell.attempt` and `hook.shell`.
pub const ATTEMPTS: &[&str] = &["configuration", "all", "none"];

/// Every setting, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key(
        "store",
        Kind::Path,
        "''",
        Some("--store"),
        "The store: a directory that holds `nix/store` and `nix/var/nix`, made on first use. Empty: `wasibuild` in the user's data directory.",
    ),
    key(
        "state",
        Kind::Path,
        "''",
        None,
        "Where it is remembered which derivations need more than the sandbox, and where the VM's socket lies. Empty: `wasibuild` in the user's state directory.",
    ),
    key(
        "max-jobs",
        Kind::Count {
            min: 1,
            max: 1024,
            auto: true,
        },
        "'auto'",
        Some("--max-jobs"),
        "How many derivations are built at once. `\"auto\"`: the number of processors.",
    ),
    key(
        "cores",
        Kind::Count {
            min: 1,
            max: 65535,
            auto: false,
        },
        "1",
        Some("--cores"),
        "What builders see as `NIX_BUILD_CORES`. It can be part of a result, so that it is not the machine's number.",
    ),
    key(
        "systems",
        Kind::Patterns,
        "['wasm32-wasi', 'wasm32-wasip1', '*-linux']",
        None,
        "The systems whose derivations are built at all. Others are fetched, or refused.",
    ),
    key(
        "features",
        Kind::Words,
        "['benchmark', 'big-parallel', 'ca-derivations']",
        None,
        "The system features (`requiredSystemFeatures`) that the shell route has: such as need neither a kernel nor hardware.",
    ),
    key(
        "routes",
        Kind::Choices(ROUTES),
        "['sandbox', 'shell', 'vm', 'nix', 'refuse']",
        None,
        "Who may build, in the order in which they are asked. `sandbox`: the derivation's own WebAssembly module. `shell`: the shell and applets in the sandbox. `vm`: a virtual machine. `nix`: Nix's other remote builders (the hook only). `refuse`: nobody; what stands behind it is not asked.",
    ),
    key(
        "substitute",
        Kind::Flag,
        "true",
        Some("--no-substitute"),
        "Whether anything is fetched.",
    ),
    key(
        "substituters",
        Kind::Words,
        "['https://cache.nixos.org']",
        Some("--substituters"),
        "Binary caches (`http://`, `https://` or `file://`), asked in the order of their priority. If others than the default are named, they are asked for what can be built here, too.",
    ),
    key(
        "trusted-public-keys",
        Kind::Words,
        "['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=']",
        Some("--trusted-public-keys"),
        "Keys (`NAME:BASE64`) of which one must have signed what is fetched, or what an untrusted client brings.",
    ),
    key(
        "nix",
        Kind::Program,
        "'nix'",
        Some("--nix"),
        "The program `nix`, with `nix-store` beside it, where one is needed.",
    ),
    key(
        "shell.attempt",
        Kind::Choice(ATTEMPTS),
        "'configuration'",
        Some("--shell"),
        "Which derivations for Linux are attempted: `configuration`, those that no binary cache has, as their attributes say (`preferLocalBuild`, `allowSubstitutes = false`, or a `buildCommand` without `src`); `all` whose builder is a bash of the store; `none`.",
    ),
    key(
        "shell.also",
        Kind::Patterns,
        "[]",
        None,
        "Names of derivations that are attempted although `attempt` leaves them out.",
    ),
    key(
        "shell.never",
        Kind::Patterns,
        "[]",
        None,
        "Names of derivations that are not attempted, whatever else is said.",
    ),
    key(
        "hook.shell",
        Kind::Choice(ATTEMPTS),
        "'none'",
        Some("--shell"),
        "In place of `shell.attempt` for the hook, which leaves Linux to Nix by default.",
    ),
    key(
        "daemon.socket",
        Kind::Path,
        "''",
        Some("--socket"),
        "The socket to make. Empty: `nix/var/wasibuild/daemon.sock` below the store's root. Not used if a service manager hands sockets over.",
    ),
    key(
        "daemon.socket-mode",
        Kind::Mode,
        "'600'",
        Some("--socket-mode"),
        "The socket's permissions, which decide who may connect.",
    ),
    key(
        "daemon.host-store",
        Kind::Path,
        "''",
        Some("--host-store"),
        "The root of a Nix store on this machine, mostly `/`: what it holds is used where it lies and not copied; kept in the daemon's store for every command. Empty: none.",
    ),
    key(
        "daemon.idle-timeout",
        Kind::Seconds { auto: true },
        "'auto'",
        Some("--idle-timeout"),
        "How long the daemon waits without a client before it ends; 0: for ever. `\"auto\"`: 300 if a service manager hands sockets over, else 0.",
    ),
    key(
        "external-builder.precompiled",
        Kind::Path,
        "''",
        Some("--precompiled"),
        "A directory with compiled builders, as `wasibuild builders precompile DIR` fills it. Empty: none.",
    ),
    key(
        "limits.memory",
        Kind::Size,
        "'2G'",
        Some("--max-memory"),
        "Memory of one process.",
    ),
    key(
        "limits.total-memory",
        Kind::Size,
        "'4G'",
        Some("--max-total-memory"),
        "Memory of all processes of a build together.",
    ),
    key(
        "limits.output-size",
        Kind::Size,
        "'16G'",
        Some("--max-output-size"),
        "All files that a build holds at a time: outputs, `/build`, `/tmp`.",
    ),
    key(
        "limits.files",
        from(1),
        "1000000",
        Some("--max-files"),
        "Files, directories and links that a build holds at a time.",
    ),
    key(
        "limits.open-files",
        Kind::Count {
            min: 1,
            max: 1 << 20,
            auto: false,
        },
        "4096",
        Some("--max-open-files"),
        "Open descriptors of one process.",
    ),
    key(
        "limits.log-size",
        Kind::Size,
        "'256M'",
        Some("--max-build-log-size"),
        "The log of a build.",
    ),
    key(
        "limits.processes",
        Kind::Count {
            min: 1,
            max: 1 << 20,
            auto: false,
        },
        "512",
        Some("--max-processes"),
        "Processes of a build at a time.",
    ),
    key(
        "limits.timeout",
        Kind::Seconds { auto: false },
        "0",
        Some("--timeout"),
        "How long a build may take; 0: for ever.",
    ),
    key(
        "limits.max-silent-time",
        Kind::Seconds { auto: false },
        "0",
        Some("--max-silent-time"),
        "How long a build may print nothing; 0: for ever.",
    ),
    key(
        "vm.memory",
        Kind::Size,
        "'2G'",
        None,
        "Memory of the machine. What it does not use is given back to the host.",
    ),
    key(
        "vm.build-memory",
        Kind::Size,
        "0",
        None,
        "The most memory that one build may take, the files that it writes included; it uses no scratch disk then. 0: what the machine has.",
    ),
    key(
        "vm.cores",
        Kind::Count {
            min: 1,
            max: 256,
            auto: true,
        },
        "'auto'",
        None,
        "Processors of the machine. `\"auto\"`: half of the host's, at least one.",
    ),
    key(
        "vm.disk",
        Kind::Size,
        "'20G'",
        None,
        "The most that its scratch disk grows to.",
    ),
    key(
        "vm.share",
        Kind::Choice(&["auto", "9p", "image"]),
        "'auto'",
        None,
        "How the machine gets the store. `\"9p\"`: the directory is shared. `\"image\"`: what builds need is written to read-only images on a disk. `\"auto\"`: 9p where the kernel has it.",
    ),
    key(
        "vm.images",
        Kind::Size,
        "'20G'",
        None,
        "The most that images of inputs take on this computer's disk.",
    ),
    key(
        "vm.idle",
        Kind::Seconds { auto: false },
        "60",
        None,
        "How long it waits without a build before it is stopped.",
    ),
    key(
        "vm.patience",
        Kind::Seconds { auto: false },
        "180",
        None,
        "How long it may take to start, and to answer while it builds, before it is given up.",
    ),
    key(
        "vm.kernel",
        Kind::Path,
        "''",
        None,
        "The kernel: an image, a directory with one, or a Debian package. Empty: what `wasibuild vm kernel` has set.",
    ),
    key(
        "vm.qemu",
        Kind::Program,
        "''",
        None,
        "The program `qemu-system-…`. Empty: that of the machine's architecture in `PATH`.",
    ),
    key(
        "vm.accelerator",
        Kind::Choice(&["auto", "kvm", "hvf", "tcg"]),
        "'auto'",
        None,
        "What QEMU runs the machine with. `\"auto\"`: hardware virtualisation if it is proved to work, else `tcg`, which is emulation.",
    ),
    key(
        "vm.emulate",
        Kind::Flag,
        "false",
        None,
        "Whether a machine of another architecture than the host's may be emulated, which is slow.",
    ),
    key(
        "vm.features",
        Kind::Words,
        "['benchmark', 'big-parallel', 'ca-derivations', 'nixos-test']",
        None,
        "The system features that the machine has. `kvm` is added where it is proved to work.",
    ),
];

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
