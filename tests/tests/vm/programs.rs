//! Packages of this Debian's programs for the examples of nix-plugin.
//!
//! Contract: a package has the programs that the example's stand-in of the same name has, as far as Debian
//! has them; its name in the store is the stand-in's. As in nixpkgs, loader and libraries are found by store
//! paths; that packages need them is told by the context of their paths.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::{World, copy_libraries, find, install_as, is_elf, store_path_of, which};

/// What the example's derivations run.
const TOOLS: [&str; 9] = [
    "bash",
    "coreutils",
    "diffutils",
    "findutils",
    "gawk",
    "gnugrep",
    "gnused",
    "jq",
    "lndir",
];

/// What needs a kernel: nixpkgs' names of packages, and a program of each.
const LINUX: [(&str, &str); 5] = [
    ("e2fsprogs", "mke2fs"),
    ("fontconfig", "fc-cache"),
    ("glib", "glib-compile-schemas"),
    ("kmod", "depmod"),
    ("libxslt", "xsltproc"),
];

/// The folder of an example.
pub fn example(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = tests.parent().expect("the repository");
    root.join("nix-plugin/examples").join(name)
}

/// The folder with `libraries`, `tools/PACKAGE` and `linux/PACKAGE`, made once.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let directory = tempfile::tempdir().expect("a directory");
        let mut places: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for package in TOOLS {
            let stand_ins = example("stdenv/packages").join(package).join("bin");
            for entry in fs::read_dir(&stand_ins).expect("listed") {
                let name = entry.expect("an entry").file_name();
                let name = name.to_str().expect("text");
                let program = if name == "sh" { "bash" } else { name };
                let place = directory.path().join("tools").join(package).join("bin");
                fs::create_dir_all(&place).expect("made");
                if let Some(program) = find(program) {
                    places.insert(place.join(name), program);
                }
            }
        }
        for (package, program) in LINUX {
            let place = directory.path().join("linux").join(package).join("bin");
            fs::create_dir_all(&place).expect("made");
            places.insert(place.join(program), which(program));
        }
        let libraries = directory.path().join("libraries");
        let programs: Vec<PathBuf> = places.values().filter(|one| is_elf(one)).cloned().collect();
        copy_libraries(&programs, &libraries);
        let at = store_path_of(&libraries, "libraries");
        for (place, program) in &places {
            install_as(program, place, &at);
        }
        directory
    };
    PACKAGES.get_or_init(make).path()
}

/// A Nix expression: the example's tools, by name.
fn tools() -> String {
    format!(
        r#"(let
  stand-ins = import {stand_ins};
  name = path: builtins.substring 33 (-1) (baseNameOf (builtins.unsafeDiscardStringContext path));
  libraries = builtins.path {{ path = {packages} + "/libraries"; name = "libraries"; }};
  package = folder: name: builtins.path {{ path = folder; inherit name; }}
    + builtins.substring 0 0 libraries;
  all = folder: naming: builtins.mapAttrs (one: _: package (folder + "/${{one}}") (naming one)) (builtins.readDir folder);
in {{
  programs = all ({packages} + "/tools") (one: name stand-ins.${{one}});
}} // all ({packages} + "/linux") (one: "${{one}}-of-debian"))"#,
        stand_ins = example("stdenv/packages.nix").display(),
        packages = packages().display(),
    )
}

/// The top-level derivation of the machine of `stdenv`, with programs that run.
pub fn stdenv(world: &World) -> String {
    let body = format!(
        "(import {} {{ inherit ({}) programs; }}).toplevel",
        example("stdenv").display(),
        tools()
    );
    world.derivations("stdenv", &body).remove(0)
}

/// Those of the machine of `mixed`: the five that need a kernel, and the top level as the last.
pub fn mixed(world: &World, fonts: &Path, modules: &Path) -> Vec<String> {
    let directory = |path: &Path, name: &str| {
        format!(
            r#"builtins.path {{ path = {}; name = "{name}"; }}"#,
            path.display()
        )
    };
    let body = format!(
        "with import {} {{ linux = {} // {{ fonts = {}; modules = {}; }}; }}; five ++ [ toplevel ]",
        example("mixed").display(),
        tools(),
        directory(fonts, "fonts"),
        directory(modules, "modules"),
    );
    world.derivations("mixed", &body)
}
