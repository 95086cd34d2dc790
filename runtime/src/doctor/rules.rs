//! What is wrong with a machine, and what to change: one rule a function.
//!
//! Contract: each finding names the file, setting or path that it is about, and gives lines that change it.
//! A problem keeps a door shut; a warning does not.

use std::path::{Path, PathBuf};

use super::Finding;
use super::doors::{self, Door};
use super::machine::{Machine, NixProgram, Node};
use super::nix_conf::Value;
use crate::embedded::BUILDERS;

/// Every finding.
pub(super) fn findings(machine: &Machine) -> Vec<Finding> {
    let mut all = Vec::new();
    own(machine, &mut all);
    nix(machine, &mut all);
    person(machine, &mut all);
    daemon(machine, &mut all);
    external(machine, &mut all);
    hook(machine, &mut all);
    vm(machine, &mut all);
    all
}

/// This program and its configuration.
fn own(machine: &Machine, all: &mut Vec<Finding>) {
    if BUILDERS.is_empty() {
        all.push(
            Finding::problem(
                "no-builders",
                None,
                "this program was compiled without builders",
            )
            .change("cargo xtask builders, then compile it again"),
        );
    }
    if let Err(problem) = &machine.policy {
        all.push(
            Finding::problem("configuration", None, problem.clone())
                .change("mend the file that the message names; `wasibuild config --defaults` prints one that is right"),
        );
    }
    if let Some(store) = &machine.store
        && let Some(node) = machine.node(store)
        && !node.directory
    {
        all.push(Finding::problem(
            "store",
            None,
            format!("the store's root '{}' is no directory", store.display()),
        ));
    }
}

/// Nix itself.
fn nix(machine: &Machine, all: &mut Vec<Finding>) {
    match &machine.nix {
        NixProgram::Missing => all.push(
            Finding::problem("no-nix", None, "there is no program `nix` in the PATH")
                .change("install Nix (Debian: apt install nix-bin), or name it with --nix; `wasibuild run` builds .drv files without it"),
        ),
        NixProgram::Odd(problem) => all.push(Finding::problem(
            "odd-nix",
            None,
            format!("`nix --version` does not tell a version: {problem}"),
        )),
        NixProgram::Found(version) if !version.speaks() => all.push(
            Finding::problem("old-nix", None, format!("{version} is older than 2.4, whose protocol is the first that is spoken"))
                .change("update Nix"),
        ),
        NixProgram::Found(version) => all.push(Finding::fine("nix", format!("{version}"))),
    }
    hidden(machine, all);
    for problem in machine.conf.problems.iter().chain(&machine.own.problems) {
        all.push(
            Finding::problem("nix-conf", None, problem.clone())
                .change("mend that line; until then Nix itself does not start"),
        );
    }
    let named = ["system", "extra-platforms"];
    for (name, value) in named
        .iter()
        .filter_map(|name| Some((name, machine.building().get(name)?)))
    {
        if value
            .text
            .split_whitespace()
            .any(|system| crate::router::is_wasm(system.into()))
        {
            all.push(
                Finding::problem(
                    "platforms",
                    None,
                    format!(
                        "{} line {}: `{name}` names a wasm32 system, so that Nix executes the .wasm file itself",
                        value.file.display(),
                        value.line
                    ),
                )
                .change(format!("remove wasm32-wasi and wasm32-wasip1 from `{name}`")),
            );
        }
    }
}

/// Settings that name wasibuild, and others that count more.
fn hidden(machine: &Machine, all: &mut Vec<Finding>) {
    for (name, before, after) in &machine.own.hidden {
        let door = match name.as_str() {
            "builders" => Door::Daemon,
            "build-hook" => Door::Hook,
            "external-builders" => Door::ExternalBuilder,
            _ => continue,
        };
        let place = |value: &Value| format!("{} line {}", value.file.display(), value.line);
        all.push(
            Finding::problem(
                "hidden",
                Some(door),
                format!(
                    "{} names wasibuild, but {} sets `{name}` again, which counts more",
                    place(before),
                    place(after)
                ),
            )
            .change(format!(
                "remove it from {}, or join the two there",
                place(after)
            )),
        );
    }
}

/// Whether who asks may use Nix, and set what is needed.
fn person(machine: &Machine, all: &mut Vec<Finding>) {
    if !machine.multi_user || machine.person.root {
        return;
    }
    let name = &machine.person.name;
    if !matches(machine, machine.conf.text("allowed-users", "*")) && !is_trusted(machine) {
        all.push(
            Finding::problem(
                "allowed-users",
                None,
                format!("Nix's daemon does not serve the user '{name}'"),
            )
            .change(format!(
                "{}: allowed-users = * (or add {name})",
                super::sources::SYSTEM_CONF
            )),
        );
    }
    let own = ["builders", "build-hook", "external-builders"]
        .into_iter()
        .filter(|setting| {
            let (own, system) = (machine.own.get(setting), machine.conf.get(setting));
            own.is_some() && own != system
        });
    for setting in own {
        let door = match setting {
            "builders" => Door::Daemon,
            "build-hook" => Door::Hook,
            _ => Door::ExternalBuilder,
        };
        // These two count in the daemon's configuration only, whoever asks.
        if is_trusted(machine) && door == Door::Daemon {
            continue;
        }
        let file = machine
            .own
            .get(setting)
            .map(|value| value.file.display().to_string());
        let file = file.unwrap_or_default();
        all.push(
            Finding::problem(
                "not-trusted",
                Some(door),
                match door {
                    Door::Daemon => format!("{file} sets `{setting}`, but '{name}' is no trusted user of Nix's daemon, which ignores it"),
                    _ => format!("{file} sets `{setting}`, which counts in the daemon's configuration only"),
                },
            )
            .change(format!("move the line to {}", super::sources::SYSTEM_CONF))
            .change(format!("or, for `builders` only, there: extra-trusted-users = {name}")),
        );
    }
}

fn is_trusted(machine: &Machine) -> bool {
    matches(machine, machine.conf.text("trusted-users", "root"))
}

/// Whether a list of users names who asks, as Nix reads it: names, `@group`, `*`.
fn matches(machine: &Machine, list: &str) -> bool {
    list.split_whitespace().any(|entry| {
        entry == "*"
            || entry == machine.person.name
            || entry
                .strip_prefix('@')
                .is_some_and(|group| machine.person.groups.iter().any(|own| own == group))
    })
}

/// The door of the daemon.
fn daemon(machine: &Machine, all: &mut Vec<Finding>) {
    let door = Some(Door::Daemon);
    for builder in doors::ours(machine) {
        let uri = &builder.uri;
        if !doors::has_wasm(&builder.systems) {
            all.push(
                Finding::problem(
                    "systems",
                    door,
                    format!("`builders`: '{uri}' is not given wasm32-wasip1 and wasm32-wasi"),
                )
                .change("second word of the line: wasm32-wasip1,wasm32-wasi"),
            );
        }
        if builder.jobs == "0" {
            all.push(
                Finding::problem(
                    "jobs",
                    door,
                    format!("`builders`: '{uri}' may do 0 builds at once"),
                )
                .change("fourth word of the line: 4"),
            );
        }
        let Some(socket) = builder.socket() else {
            continue;
        };
        match builder.root() {
            None => all.push(
                Finding::problem("no-root", door, format!("`builders`: '{uri}' lacks root=, so that Nix looks for outputs in its own store and fails"))
                    .change(format!("append ?root=ROOT to the URI, ROOT being the store of `wasibuild daemon`{}", default_root(machine))),
            ),
            Some(root) => root_is_right(machine, &root, all),
        }
        socket_is_right(machine, &socket, all);
    }
    let empty = machine
        .own
        .get("build-hook")
        .is_some_and(|value| value.text.is_empty());
    if empty && doors::configured(machine, Door::Daemon) {
        all.push(
            Finding::problem(
                "empty-hook",
                door,
                "`build-hook` is set to nothing, so that Nix asks no builders at all",
            )
            .change("remove the line `build-hook =`"),
        );
    }
}

fn default_root(machine: &Machine) -> String {
    machine.store.as_ref().map_or_else(String::new, |store| {
        format!(" (by default {})", store.display())
    })
}

fn root_is_right(machine: &Machine, root: &Path, all: &mut Vec<Finding>) {
    let door = Some(Door::Daemon);
    let shown = root.display();
    if !root.is_absolute() || machine.has_link(root) {
        all.push(
            Finding::problem("root-path", door, format!("`builders`: root={shown} is no absolute path without symbolic links, so that Nix does not find the outputs"))
                .change("name the directory itself, as `realpath` prints it"),
        );
        return;
    }
    match machine.node(root) {
        Some(node) if !node.directory => all.push(Finding::problem(
            "root-path",
            door,
            format!("`builders`: root={shown} is no directory"),
        )),
        Some(_) => {}
        None => all.push(
            Finding::problem(
                "root-missing",
                door,
                format!("`builders`: root={shown} does not exist"),
            )
            .change(format!(
                "wasibuild daemon --store {shown} makes it; or name the store that it serves"
            )),
        ),
    }
}

fn socket_is_right(machine: &Machine, socket: &Path, all: &mut Vec<Finding>) {
    let door = Some(Door::Daemon);
    let shown = socket.display();
    if !socket.is_absolute() {
        all.push(
            Finding::problem(
                "socket-path",
                door,
                format!("`builders`: the socket '{shown}' is no absolute path"),
            )
            .change("unix:// is followed by an absolute path: unix:///…"),
        );
        return;
    }
    let Some(node) = machine.node(socket) else {
        all.push(
            Finding::problem("socket-missing", door, format!("the socket '{shown}' does not exist: the daemon does not run"))
                .change("systemctl enable --now wasibuild.socket (`wasibuild setup --door daemon` makes the unit)")
                .change("or, by hand: wasibuild daemon"),
        );
        return;
    };
    if !node.socket {
        all.push(Finding::problem(
            "socket-path",
            door,
            format!("'{shown}' is no socket"),
        ));
    } else if !may_connect(machine, node) {
        all.push(
            Finding::problem("socket-mode", door, format!("'{shown}' has the permissions {:o} and another owner, so that {} cannot connect", node.mode, who(machine)))
                .change("wasibuild.toml: [daemon] socket-mode = \"666\" (then others may build, untrusted)")
                .change("or in wasibuild.socket: SocketMode=0666"),
        );
    } else if node.mode & 0o002 != 0 {
        all.push(Finding::warning(
            "socket-open",
            door,
            format!(
                "'{shown}' lets every user of this machine build; what they bring is not trusted"
            ),
        ));
    }
}

/// Who connects: Nix's daemon as root, else the user.
fn may_connect(machine: &Machine, node: Node) -> bool {
    let root = machine.multi_user || machine.person.root;
    root || machine.person.uid == Some(node.owner) || node.mode & 0o002 != 0
}

fn who(machine: &Machine) -> String {
    format!("'{}'", machine.person.name)
}

/// The door of the external builder.
fn external(machine: &Machine, all: &mut Vec<Finding>) {
    let door = Some(Door::ExternalBuilder);
    let Some(value) = machine
        .building()
        .get("external-builders")
        .filter(|_| doors::configured(machine, Door::ExternalBuilder))
    else {
        return;
    };
    let place = format!("{} line {}", value.file.display(), value.line);
    if let Some(version) = machine
        .version()
        .filter(|version| !version.has_external_builders())
    {
        all.push(
            Finding::problem("no-external", door, format!("{place}: {version} has no external builders (Nix since 2.32, Determinate Nix since 3.8.3)"))
                .change("wasibuild setup --door daemon"),
        );
    }
    if !machine
        .building()
        .lists("experimental-features", "external-builders")
    {
        // What sets the list last decides.
        let features = machine.building().get("experimental-features");
        let features = &features.unwrap_or(value).file;
        all.push(
            Finding::problem("experimental", door, format!("{place}: the experimental feature is not enabled, so that Nix ignores the setting"))
                .change(format!("{}: extra-experimental-features = external-builders", features.display())),
        );
    }
    let entries = match doors::externals(value) {
        Ok(entries) => entries,
        Err(problem) => {
            all.push(Finding::problem("external-json", door, format!("{place}: `external-builders`: {problem}")).change("the whole list must stand on one line; see `wasibuild setup --door external-builder`"));
            return;
        }
    };
    for entry in entries {
        let program = entry.program.display();
        match machine.node(&entry.program) {
            Some(node) if !node.directory && node.mode & 0o111 != 0 => {
                is_reachable(machine, &entry.program, &place, all);
            }
            _ => all.push(
                Finding::problem(
                    "external-program",
                    door,
                    format!("{place}: '{program}' is no program that can be run"),
                )
                .change(format!("name this one: {}", machine.program.display())),
            ),
        }
        if entry
            .arguments
            .first()
            .is_none_or(|word| word != "external-builder")
        {
            all.push(
                Finding::problem(
                    "external-arguments",
                    door,
                    format!("{place}: '{program}' is called without its command"),
                )
                .change("\"args\":[\"external-builder\"]"),
            );
        }
        let at = entry
            .arguments
            .iter()
            .position(|word| word == "--precompiled");
        match at.and_then(|at| entry.arguments.get(at + 1)) {
            Some(directory) => precompiled(machine, Path::new(directory), all),
            None if machine.multi_user => all.push(
                Finding::warning("not-precompiled", door, format!("{place}: without --precompiled each build compiles its builder, since Nix's build users have no cache"))
                    .change("wasibuild builders precompile /var/cache/wasibuild (as root)")
                    .change("\"args\":[\"external-builder\",\"--precompiled\",\"/var/cache/wasibuild\"]"),
            ),
            None => {}
        }
    }
}

/// Nix's build users must be able to start the program.
fn is_reachable(machine: &Machine, program: &Path, place: &str, all: &mut Vec<Finding>) {
    let group = match machine.multi_user || machine.person.root {
        true => "nixbld",
        false => "",
    };
    if machine
        .building()
        .text("build-users-group", group)
        .is_empty()
    {
        return;
    }
    let closed = |node: Node| node.mode & 0o001 == 0;
    // Not the root: that of an image is as open as where it lies.
    let mut way = program.ancestors().filter(|at| at.parent().is_some());
    if let Some(at) = way.find(|at| machine.node(at).is_some_and(closed)) {
        all.push(
            Finding::problem(
                "external-reach",
                Some(Door::ExternalBuilder),
                format!(
                    "{place}: Nix's build users cannot start '{}': '{}' has the permissions {:o}",
                    program.display(),
                    at.display(),
                    machine.node(at).map_or(0, |node| node.mode)
                ),
            )
            .change("install the program where everybody may run it, such as /usr/local/bin, and run `wasibuild setup` from there"),
        );
    }
}

/// Compiled code that others could change is not used.
fn precompiled(machine: &Machine, directory: &Path, all: &mut Vec<Finding>) {
    let door = Some(Door::ExternalBuilder);
    let shown = directory.display();
    let Some(node) = machine.node(directory) else {
        all.push(
            Finding::warning(
                "precompiled-missing",
                door,
                format!("'{shown}' does not exist: each build compiles its builder"),
            )
            .change(format!("wasibuild builders precompile {shown} (as root)")),
        );
        return;
    };
    let empty = std::fs::read_dir(machine.place(directory))
        .map_or(true, |mut entries| entries.next().is_none());
    if node.directory && empty {
        all.push(
            Finding::warning(
                "precompiled-missing",
                door,
                format!("'{shown}' is empty: each build compiles its builder"),
            )
            .change(format!("wasibuild builders precompile {shown} (as root)")),
        );
    }
    for above in directory.ancestors() {
        let Some(node) = machine.node(above) else {
            continue;
        };
        // In a directory such as /tmp only an owner can rename.
        let sticky = above != directory && node.mode & 0o1000 != 0;
        if node.mode & 0o022 != 0 && !sticky {
            all.push(
                Finding::problem("precompiled-writable", door, format!("others than its owner may write to '{}' (permissions {:o}), so that what is compiled in '{shown}' is not used", above.display(), node.mode))
                    .change(format!("chmod go-w {}", above.display())),
            );
        }
    }
}

/// The door of the hook.
fn hook(machine: &Machine, all: &mut Vec<Finding>) {
    let door = Some(Door::Hook);
    let Some(value) = machine
        .building()
        .get("build-hook")
        .filter(|value| value.text.contains("wasibuild"))
    else {
        return;
    };
    let place = format!("{} line {}", value.file.display(), value.line);
    if let Some(version) = machine
        .version()
        .filter(|version| version.ignores_build_hook())
    {
        all.push(
            Finding::problem("hook-ignored", door, format!("{place}: {version} ignores `build-hook` in its configuration (a bug of 2.25 to 2.33, mended in 2.34)"))
                .change(format!("remove the line, then: wasibuild setup --door {}", if version.has_external_builders() { "external-builder" } else { "daemon" })),
        );
    }
    let mut words = value.text.split_whitespace().map(PathBuf::from);
    let Some(program) = words.next() else { return };
    let linked = program
        .file_name()
        .is_some_and(|name| name == "wasibuild-hook");
    let command = words.next().is_some_and(|word| word == Path::new("hook"));
    match machine.node(&program) {
        Some(node) if !node.directory && node.mode & 0o111 != 0 => {}
        _ => all.push(
            Finding::problem(
                "hook-program",
                door,
                format!(
                    "{place}: '{}' is no program that can be run",
                    program.display()
                ),
            )
            .change(format!(
                "ln -s {} {}",
                machine.program.display(),
                program.display()
            )),
        ),
    }
    let old = machine
        .version()
        .is_some_and(|version| version.number < (2, 9));
    if !linked && (!command || old) {
        all.push(
            Finding::problem(
                "hook-arguments",
                door,
                format!(
                    "{place}: '{}' is called without its command{}",
                    program.display(),
                    if old {
                        " (Nix before 2.9 gives a hook no arguments)"
                    } else {
                        ""
                    }
                ),
            )
            .change(format!(
                "build-hook = a symbolic link to {} that is named wasibuild-hook",
                machine.program.display()
            )),
        );
    }
}

/// The virtual machine.
fn vm(machine: &Machine, all: &mut Vec<Finding>) {
    match &machine.vm {
        Some(Ok(())) => all.push(Finding::fine(
            "vm",
            "the virtual machine: QEMU and a kernel are there",
        )),
        Some(Err(problem)) => all.push(
            Finding::warning(
                "no-vm",
                None,
                format!("what needs Linux itself is not built: {problem}"),
            )
            .change("see docs/vm.md; everything else is built without it"),
        ),
        None => vm_files(machine, all),
    }
    kvm(machine, all);
}

/// The files that a virtual machine needs, where it cannot be asked itself.
fn vm_files(machine: &Machine, all: &mut Vec<Finding>) {
    let policy = machine.vm();
    let architecture = if std::env::consts::ARCH == "aarch64" {
        "aarch64"
    } else {
        "x86_64"
    };
    let name = policy
        .qemu
        .unwrap_or_else(|| PathBuf::from(format!("qemu-system-{architecture}")));
    match machine.find(&name) {
        Some(found) => all.push(Finding::fine("qemu", format!("QEMU: {}", found.display()))),
        None => all.push(
            Finding::warning(
                "no-qemu",
                None,
                format!(
                    "there is no '{}': what needs Linux itself is not built",
                    name.display()
                ),
            )
            .change(format!(
                "Debian: apt install qemu-system-{}; macOS: brew install qemu",
                if architecture == "aarch64" {
                    "arm"
                } else {
                    "x86"
                }
            )),
        ),
    }
    match policy
        .kernel
        .filter(|kernel| machine.node(kernel).is_none())
    {
        Some(kernel) => all.push(
            Finding::warning(
                "no-kernel",
                None,
                format!(
                    "the virtual machine's kernel '{}' does not exist",
                    kernel.display()
                ),
            )
            .change("wasibuild.toml: [vm] kernel = \"…\""),
        ),
        None => all.push(Finding::fine(
            "kernel",
            "the virtual machine's kernel: as set, or what `wasibuild vm kernel` has set",
        )),
    }
}

/// Hardware virtualisation.
fn kvm(machine: &Machine, all: &mut Vec<Finding>) {
    if cfg!(target_os = "linux") {
        match machine.node(Path::new("/dev/kvm")) {
            None => all.push(Finding::warning("no-kvm", None, "there is no /dev/kvm: the virtual machine is emulated, which is slow").change("turn on virtualisation in the firmware, or the host's nested virtualisation; load kvm_intel or kvm_amd")),
            Some(node) if !machine.person.root && node.mode & 0o006 != 0o006 && !machine.person.groups.iter().any(|group| group == "kvm") => all.push(
                Finding::warning("kvm-group", None, format!("/dev/kvm is there, but {} may not use it", who(machine)))
                    .change(format!("usermod -aG kvm {} (then log in again)", machine.person.name)),
            ),
            Some(_) => all.push(Finding::fine("kvm", "/dev/kvm is there; whether it works shows when the virtual machine first starts")),
        }
    }
}
