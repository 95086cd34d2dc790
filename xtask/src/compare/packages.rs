//! Stand-ins for packages: small trees in the shape of a package, so that what links, lists and copies
//! packages has something to do, on a machine that has none of them.
//!
//! Contract: a stand-in follows from the package's name and outputs alone (and from what the build
//! commands that use it name below it), so that both sides of a comparison see the same one. Files have
//! names of their own, lest two packages collide where real ones do not. Programs cannot run.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::store_path::StorePath;

use super::graph::Node;
use super::tools;

/// Files of one output, by place below it.
pub type Files = BTreeMap<String, FileSystemObject>;

/// The stand-ins that were made; it knows which names are taken.
#[derive(Default)]
pub struct Packages {
    owners: BTreeMap<String, StorePath>,
}

const LANGUAGES: [&str; 6] = ["de", "fi", "ja", "pl", "pt_BR", "zh_CN"];

impl Packages {
    /// One output of a package.
    pub fn output(&mut self, package: &Node, output: &str) -> Files {
        let base = self.base(package);
        let programs = tools::of_package(package.name());
        let mut files = Files::new();
        if programs.is_empty() {
            for (kind, place, object) in contents(package, &base) {
                if home(package, kind) == output {
                    files.insert(place, object);
                }
            }
        } else if home(package, "bin") == output {
            for program in programs {
                let object = tools::stand_in(package.name(), program);
                files.insert(format!("bin/{program}"), object.clone());
                files.insert(format!("sbin/{program}"), object);
            }
        }
        if files.is_empty() {
            let text = format!("stand-in for {} of {}\n", output, package.name());
            files.insert(
                format!("share/{base}-{output}/README"),
                FileSystemObject::file(text.into_bytes()),
            );
        }
        if output == "dev" {
            // Setup hooks follow this file to the programs and libraries.
            let others: BTreeSet<_> = ["bin", "lib"]
                .iter()
                .map(|kind| home(package, kind))
                .filter(|home| *home != "dev")
                .collect();
            let paths: Vec<_> = others
                .into_iter()
                .filter_map(|name| Some(package.output(name)?.to_absolute_path()))
                .collect();
            files.insert(
                "nix-support/propagated-build-inputs".into(),
                FileSystemObject::file(format!("{}\n", paths.join(" ")).into_bytes()),
            );
        }
        files
    }

    /// What stands for the output of a derivation that neither side can build: a file if its name has
    /// an ending, else a tree.
    pub fn instead(&mut self, node: &Node, output: &str) -> FileSystemObject {
        let name = node.name();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let is_file = (2..=4).contains(&ending.len())
            && ending
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'_')
            && !ending.bytes().all(|c| c.is_ascii_digit());
        if is_file || name == "sudoers" {
            FileSystemObject::file(format!("stand-in for {name}\n").into_bytes())
        } else {
            assemble(self.output(node, output))
        }
    }

    /// The package's name without version; a second package of that name has part of its hash in it.
    fn base(&mut self, package: &Node) -> String {
        let name = package.name();
        let end = name
            .match_indices('-')
            .find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        let base = end.map_or(name, |(at, _)| &name[..at]).to_owned();
        let owner = self
            .owners
            .entry(base.clone())
            .or_insert_with(|| package.path.clone());
        if *owner == package.path {
            base
        } else {
            format!("{base}-{}", &package.path.hash_part()[..4])
        }
    }
}

/// The output that has a kind of file, as nixpkgs splits packages.
fn home<'n>(package: &'n Node, kind: &'n str) -> &'n str {
    let has = |name: &str| package.derivation.outputs.contains_key(name);
    let candidates: &[&'n str] = if kind == "man" {
        &["man", "doc", "bin"]
    } else {
        &[kind]
    };
    let fallback = || {
        package
            .derivation
            .outputs
            .keys()
            .next()
            .map_or("out", String::as_str)
    };
    candidates
        .iter()
        .copied()
        .chain(["out"])
        .find(|name| has(name))
        .unwrap_or_else(fallback)
}

/// Kind, place and content of each file of a package.
fn contents(package: &Node, base: &str) -> Vec<(&'static str, String, FileSystemObject)> {
    let name = package.name();
    let dice: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let chance = |index: usize, of: u8| dice[index % 32].is_multiple_of(of);
    let text = |text: String| FileSystemObject::file(text.into_bytes());
    let note = || text(format!("stand-in for {name}\n"));
    let mut all = Vec::new();
    let mut add = |kind, place: String, object| all.push((kind, place, object));

    let more = ["ctl", "info", "admin", "sync", "client"];
    let more = more.iter().take(usize::from(dice[0] % 6));
    let programs = std::iter::once(base.to_owned()).chain(more.map(|end| format!("{base}-{end}")));
    let section = 1 + dice[1] % 8;
    for program in programs {
        let page = format!("share/man/man{section}/{program}.{section}.gz");
        add("man", page, text(format!("page of {program}\n")));
        add(
            "bin",
            format!("bin/{program}"),
            tools::stand_in(name, &program),
        );
    }
    add("bin", "sbin".into(), FileSystemObject::symlink("bin"));
    add("lib", format!("lib/lib{base}.so.1"), note());
    let link = FileSystemObject::symlink(format!("lib{base}.so.1").into_bytes());
    add("lib", format!("lib/lib{base}.so"), link);
    add(
        "dev",
        format!("include/{base}/{base}.h"),
        text(format!("/* {name} */\n")),
    );
    add(
        "dev",
        format!("lib/pkgconfig/{base}.pc"),
        text(format!("Name: {base}\n")),
    );
    add("doc", format!("share/doc/{base}/README"), note());
    add("info", format!("share/info/{base}.info"), note());
    add("data", format!("share/{base}/data"), note());
    add("data", format!("etc/{base}.conf"), note());
    if chance(2, 3) {
        for language in LANGUAGES {
            let place = format!("share/locale/{language}/LC_MESSAGES/{base}.mo");
            add("data", place, text(format!("{language} {name}\n")));
        }
    }
    if chance(3, 4) {
        for (folder, scope) in [("lib", "system"), ("lib", "user"), ("example", "system")] {
            let place = format!("{folder}/systemd/{scope}/{base}.service");
            add("data", place, text(format!("[Unit]\nDescription={name}\n")));
        }
        let policy = format!("etc/dbus-1/system.d/{base}.conf");
        add("data", policy, text("<busconfig/>\n".into()));
        let service = format!("share/dbus-1/system-services/{base}.service");
        add(
            "data",
            service,
            text(format!("[D-BUS Service]\nName={base}\n")),
        );
    }
    if chance(4, 4) || name.starts_with("systemd") || name.starts_with("udev") {
        add("data", format!("lib/udev/rules.d/50-{base}.rules"), note());
        add("data", format!("lib/udev/hwdb.d/50-{base}.hwdb"), note());
    }
    if chance(5, 8) {
        let place = format!("share/applications/{base}.desktop");
        add(
            "data",
            place,
            text(format!("[Desktop Entry]\nName={base}\n")),
        );
        add(
            "data",
            format!("share/icons/hicolor/48x48/apps/{base}.png"),
            note(),
        );
    }
    if name.contains("font") || name.contains("ttf") {
        add("data", format!("share/fonts/truetype/{base}.ttf"), note());
    }
    if let Some(version) = name
        .strip_prefix("linux-")
        .filter(|v| v.starts_with(|c: char| c.is_ascii_digit()))
    {
        add("data", "bzImage".into(), note());
        add(
            "data",
            format!("lib/modules/{version}/modules.order"),
            text(String::new()),
        );
        add(
            "data",
            format!("lib/modules/{version}/kernel/{base}.ko"),
            note(),
        );
    }
    if name == "initrd" {
        add("data", "initrd".into(), note());
    }
    if name.contains("cacert") {
        add("data", "etc/ssl/certs/ca-bundle.crt".into(), note());
    }
    all
}

/// Adds the files that a build command names below the package's output, and, to systemd, the units
/// that it names.
pub fn add_named(files: &mut Files, package: &Node, output: &str, command: &str) {
    let Some(path) = package.output(output).map(StorePath::to_absolute_path) else {
        return;
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || "@._+-*/".contains(c);
    let mut places: BTreeSet<String> = command
        .split(&format!("{path}/"))
        .skip(1)
        .map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default())
        .map(|place| place.trim_end_matches(['/', '.']).to_owned())
        .collect();
    if package.name().starts_with("systemd") {
        for unit in command
            .split(|c: char| !(is_part(c) || c == '\\') || c == '/')
            .filter(|word| is_unit(word))
        {
            for (folder, scope) in [
                ("example", "system"),
                ("example", "user"),
                ("lib", "system"),
                ("lib", "user"),
            ] {
                places.insert(format!("{folder}/systemd/{scope}/{unit}"));
            }
        }
    }
    // `sbin` is a link to `bin`.
    if files.contains_key("sbin") {
        let real = |place: String| match place.strip_prefix("sbin/") {
            Some(program) => format!("bin/{program}"),
            None => place,
        };
        places = places.into_iter().map(real).collect();
    }
    for place in &places {
        let last = place.rsplit('/').next().unwrap_or(place);
        let is_folder =
            !last.contains('.') && (place.starts_with("lib/") || place.starts_with("share/"));
        let file = match place.strip_suffix("/*") {
            Some(folder) => format!("{folder}/stand-in"),
            None if is_folder => format!("{place}/stand-in"),
            None => place.clone(),
        };
        let inside = |other: &String| other.starts_with(&format!("{place}/"));
        let taken = |file: &str| {
            files.keys().any(|known| {
                known == file
                    || known.starts_with(&format!("{file}/"))
                    || file.starts_with(&format!("{known}/"))
            })
        };
        if file.is_empty()
            || file.contains('*')
            || taken(&file)
            || taken(place)
            || places.iter().any(inside)
        {
            continue;
        }
        let program = ["bin/", "sbin/", "libexec/"]
            .iter()
            .any(|folder| place.starts_with(folder));
        let object = if program {
            tools::stand_in(package.name(), place)
        } else {
            FileSystemObject::file(
                format!("stand-in for {place} of {}\n", package.name()).into_bytes(),
            )
        };
        files.insert(file, object);
    }
}

fn is_unit(word: &str) -> bool {
    const KINDS: [&str; 12] = [
        "service",
        "target",
        "socket",
        "mount",
        "timer",
        "path",
        "slice",
        "automount",
        "wants",
        "busname",
        "scope",
        "swap",
    ];
    // The unit of a derivation has the name of its store path, and is no unit of systemd.
    StorePath::from_basename(word.as_bytes()).is_err()
        && word
            .rsplit_once('.')
            .is_some_and(|(name, kind)| !name.is_empty() && KINDS.contains(&kind))
}

/// The tree with these files.
pub fn assemble(files: Files) -> FileSystemObject {
    let mut root = FileSystemObject::directory([]);
    for (place, object) in files {
        insert(&mut root, &place, object);
    }
    root
}

fn insert(tree: &mut FileSystemObject, place: &str, object: FileSystemObject) {
    let FileSystemObject::Directory { entries } = tree else {
        return; // Something else is there already, and stays.
    };
    match place.split_once('/') {
        None => {
            entries.entry(place.into()).or_insert(object);
        }
        Some((folder, rest)) => {
            let folder = entries
                .entry(folder.into())
                .or_insert_with(|| FileSystemObject::directory([]));
            insert(folder, rest, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_assembled_from_places() {
        let files = Files::from([
            ("a/b".into(), FileSystemObject::file("1")),
            ("a/c/d".into(), FileSystemObject::file("2")),
            ("e".into(), FileSystemObject::symlink("a")),
            ("e/f".into(), FileSystemObject::file("not below a link")),
        ]);
        let FileSystemObject::Directory { entries } = assemble(files) else {
            panic!("no directory");
        };
        let names: Vec<_> = entries.keys().map(|name| name.to_string()).collect();
        assert_eq!(names, ["a", "e"]);
    }

    #[test]
    fn units_are_told_from_other_words() {
        assert!(is_unit("getty@.service") && is_unit("system-systemd\\x2dfsck.slice"));
        assert!(!is_unit("zspkj7f5nds2vcw8xrci3phq5hz2b4iq-unit-a.service"));
        assert!(!is_unit("service") && !is_unit(".service") && !is_unit("readme.txt"));
    }
}
