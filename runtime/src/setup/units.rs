//! What starts the daemon when it is needed: units of systemd, a job of launchd.
//!
//! Contract: pure. The socket belongs to the service manager, which starts the daemon with the first client;
//! it ends by itself when idle. Their formats: `systemd.socket(5)`, `launchd.plist(5)`.

use std::path::{Path, PathBuf};

use super::SetupError;
use super::change::Change;
use crate::doctor::machine::Machine;

/// A service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Service {
    /// Linux
    Systemd,
    /// macOS
    Launchd,
    /// Start it by hand
    None,
}

impl Service {
    /// That of a machine. On this one systemd must run (`sd_booted(3)`); in an image it will.
    pub fn of(machine: &Machine) -> Service {
        let runs = machine.node(Path::new("/run/systemd/system")).is_some();
        match (cfg!(target_os = "macos"), machine.root == Path::new("/")) {
            (true, _) => Service::Launchd,
            (_, true) if !runs => Service::None,
            _ => Service::Systemd,
        }
    }
}

/// Where the machine's daemon keeps compiled modules: a service has no home.
const CACHE: &str = "wasibuild-daemon";

/// Files, and commands to run after they were made.
pub struct Units {
    /// The files.
    pub files: Vec<Change>,
    /// The commands.
    pub then: Vec<String>,
}

/// The units of the daemon; `system` if it serves the machine, else one user.
///
/// # Errors
/// [`SetupError`] when the service manager cannot start a program of this name.
pub fn units(
    service: Service,
    machine: &Machine,
    store: &Path,
    socket: &Path,
    system: bool,
) -> Result<Units, SetupError> {
    let odd = |c: char| c.is_control() || "\"'\\".contains(c);
    if service == Service::Systemd && machine.program.to_string_lossy().contains(odd) {
        return Err(SetupError::Refused {
            path: machine.program.clone(),
            problem: "systemd starts no program with quotes or backslashes in its name\nhint: install it elsewhere, and run `wasibuild setup` from there".to_owned(),
        });
    }
    let home = machine.person.home.clone().unwrap_or_default();
    let mut units = match service {
        Service::Systemd => systemd(machine, store, socket, system, &home),
        Service::Launchd => launchd(machine, store, socket, system, &home),
        Service::None => Units {
            files: Vec::new(),
            then: vec![format!(
                "{} daemon --store {} &",
                shell(&machine.program),
                shell(store)
            )],
        },
    };
    units.then.extend(restart_nix(service, machine));
    Ok(units)
}

/// What makes Nix's daemon read its configuration again.
pub fn restart_nix(service: Service, machine: &Machine) -> Option<String> {
    match service {
        _ if !machine.multi_user => None,
        Service::Systemd => Some("systemctl restart nix-daemon".to_owned()),
        Service::Launchd => Some("launchctl kickstart -k system/org.nixos.nix-daemon".to_owned()),
        Service::None => Some("restart nix-daemon".to_owned()),
    }
}

fn systemd(machine: &Machine, store: &Path, socket: &Path, system: bool, home: &Path) -> Units {
    let (directory, user) = match system {
        true => (PathBuf::from("/etc/systemd/system"), ""),
        false => (home.join(".config/systemd/user"), " --user"),
    };
    let listen = format!(
        "[Unit]\nDescription=Builds of Nix by wasibuild\n\n[Socket]\nListenStream={}\nSocketMode=0600\n\n[Install]\nWantedBy=sockets.target\n",
        percent(socket)
    );
    // 143: ended by SIGTERM, as services are.
    let mut start = format!(
        "[Unit]\nDescription=Builds of Nix by wasibuild\nRequires=wasibuild.socket\nAfter=wasibuild.socket\n\n\
         [Service]\nExecStart={} daemon --store {}{}\nSuccessExitStatus=143\n",
        // Only arguments have variables in them.
        word(&machine.program).replace("$$", "$"),
        word(store),
        host_store(machine).map_or("", |_| " --host-store /")
    );
    if system {
        start.push_str(&format!(
            "Environment=XDG_CACHE_HOME=/var/cache/{CACHE}\nCacheDirectory={CACHE}\nCacheDirectoryMode=0700\n"
        ));
    }
    let file = |name: &str, text: String| Change::File {
        path: directory.join(name),
        text,
    };
    Units {
        files: vec![
            file("wasibuild.socket", listen),
            file("wasibuild.service", start),
        ],
        then: vec![
            format!("systemctl{user} daemon-reload"),
            format!("systemctl{user} enable --now wasibuild.socket"),
        ],
    }
}

fn launchd(machine: &Machine, store: &Path, socket: &Path, system: bool, home: &Path) -> Units {
    let (path, domain) = match system {
        true => (
            PathBuf::from("/Library/LaunchDaemons/org.wasibuild.daemon.plist"),
            "system".to_owned(),
        ),
        false => (
            home.join("Library/LaunchAgents/org.wasibuild.daemon.plist"),
            "gui/$(id -u)".to_owned(),
        ),
    };
    let mut arguments = vec![
        machine.program.as_path(),
        Path::new("daemon"),
        Path::new("--store"),
        store,
    ];
    if let Some(host) = host_store(machine) {
        arguments.extend([Path::new("--host-store"), host]);
    }
    let arguments: String = arguments
        .iter()
        .map(|word| format!("    <string>{}</string>\n", xml(word)))
        .collect();
    // A job for the machine is given no home, which the cache of compiled modules needs.
    let environment = match system {
        true => {
            "  <key>EnvironmentVariables</key>\n  <dict>\n    <key>HOME</key>\n    <string>/var/root</string>\n  </dict>\n"
        }
        false => "",
    };
    // 384 is 0600: the format has no octal numbers.
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>org.wasibuild.daemon</string>\n\
         \x20 <key>ProgramArguments</key>\n  <array>\n{arguments}  </array>\n{environment}\
         \x20 <key>Sockets</key>\n  <dict>\n    <key>Listener</key>\n    <dict>\n\
         \x20     <key>SockPathName</key>\n      <string>{}</string>\n\
         \x20     <key>SockPathMode</key>\n      <integer>384</integer>\n    </dict>\n  </dict>\n</dict>\n</plist>\n",
        xml(socket)
    );
    let then = vec![
        format!("mkdir -p {}", shell(socket.parent().unwrap_or(socket))),
        format!("launchctl bootstrap {domain} {}", shell(&path)),
    ];
    Units {
        files: vec![Change::File { path, text }],
        then,
    }
}

/// The machine's own store, whose paths need not be copied, if there is one.
fn host_store(machine: &Machine) -> Option<&'static Path> {
    let database = Path::new("/nix/var/nix/db/db.sqlite");
    machine.node(database).map(|_| Path::new("/"))
}

/// A path as systemd takes it where `%` is special.
fn percent(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%%")
}

/// A word of a command line of systemd.
fn word(path: &Path) -> String {
    let text = percent(path).replace('$', "$$");
    match text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-+%$".contains(c))
    {
        true => text,
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// A word of a shell.
pub(super) fn shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c))
    {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn xml(path: &Path) -> String {
    path.to_string_lossy()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
