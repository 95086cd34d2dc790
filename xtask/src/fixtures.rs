//! `cargo xtask fixtures`: the `.drv` closures of nix-plugin/examples, with the sources that they name,
//! as a real Nix evaluates them, are kept in tests/fixtures, so that they can be built where there is no
//! Nix. This chore evaluates the examples again and compares, or writes them anew (`--update`).

use crate::command::{output, target_dir, workspace};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args, Default)]
pub struct Options {
    /// Write tests/fixtures anew
    #[arg(long)]
    pub update: bool,
}

/// A file of a closure; folders follow from the places of files.
#[derive(Debug, Clone, PartialEq, Eq)]
enum File {
    Regular { executable: bool, bytes: Vec<u8> },
    Link(PathBuf),
}

/// Place below the folder of fixtures to file: derivations and sources by base name, and for each top
/// level a file with its base name.
type Closure = BTreeMap<PathBuf, File>;

/// The machine of WebAssembly builders.
const NIXOS: &str = "nixos";
/// The machine with a stdenv for Linux.
const STDENV: &str = "stdenv";
/// The systems that it is for.
const STDENV_SYSTEMS: [&str; 2] = ["x86_64-linux", "aarch64-linux"];

fn folder(example: &str) -> PathBuf {
    workspace().join("tests/fixtures").join(example)
}

/// The example machine's top-level derivation, the file named in `tests/fixtures/nixos/top`.
pub fn top_level() -> Result<PathBuf> {
    Ok(folder(NIXOS).join(top(NIXOS, "top")?))
}

/// The folder and the base name of each top level of the stdenv example.
pub fn stdenv_tops() -> Result<Vec<(PathBuf, String)>> {
    let tops = STDENV_SYSTEMS.iter();
    tops.map(|system| Ok((folder(STDENV), top(STDENV, &format!("top.{system}"))?)))
        .collect()
}

fn top(example: &str, file: &str) -> Result<String> {
    let file = folder(example).join(file);
    let name = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(name.trim().to_owned())
}

pub fn run(options: &Options) -> Result<()> {
    // The same expression must give the same derivations wherever it is evaluated.
    let nixos = nixos("x86_64-linux")?;
    if nixos != self::nixos("aarch64-darwin")? {
        bail!(
            "nix-plugin/examples/{NIXOS} evaluates to other derivations on aarch64-darwin than on x86_64-linux"
        );
    }
    keep_or_compare(NIXOS, &nixos, options)?;
    let mut stdenv = Closure::new();
    for system in STDENV_SYSTEMS {
        stdenv.extend(evaluate(
            STDENV,
            system,
            &format!("top.{system}"),
            &["--argstr".as_ref(), "system".as_ref(), system.as_ref()],
        )?);
    }
    keep_or_compare(STDENV, &stdenv, options)
}

fn nixos(host: &str) -> Result<Closure> {
    let builders = target_dir().join("builders");
    let arguments = [
        "--option".as_ref(),
        "system".as_ref(),
        host.as_ref(),
        "--arg".as_ref(),
        "builders".as_ref(),
        builders.as_os_str(),
    ];
    evaluate(NIXOS, host, "top", &arguments)
}

fn keep_or_compare(example: &str, closure: &Closure, options: &Options) -> Result<()> {
    let folder = folder(example);
    if options.update {
        let _ = fs::remove_dir_all(&folder);
        for (place, file) in closure {
            write(&folder.join(place), file)?;
        }
        eprintln!("wrote {} files to {}", closure.len(), folder.display());
        return Ok(());
    }
    let mut kept = Closure::new();
    read(&folder, Path::new(""), &mut kept)?;
    let places: BTreeSet<_> = closure.keys().chain(kept.keys()).collect();
    let different: Vec<_> = places
        .into_iter()
        .filter(|place| closure.get(*place) != kept.get(*place))
        .collect();
    if !different.is_empty() {
        bail!(
            "tests/fixtures/{example} is not what nix-plugin/examples/{example} evaluates to: {} files differ, \
             among them {}. If that is meant, run `cargo xtask fixtures --update` and commit the result.",
            different.len(),
            different[0].display()
        );
    }
    eprintln!(
        "{} files of tests/fixtures/{example}: as evaluated",
        closure.len()
    );
    Ok(())
}

/// Evaluates an example into a store of its own and collects the closure of its derivation.
fn evaluate(
    example: &str,
    label: &str,
    top_file: &str,
    arguments: &[&std::ffi::OsStr],
) -> Result<Closure> {
    let root = target_dir().join("evaluation").join(example).join(label);
    crate::compare::remove(&root)?;
    fs::create_dir_all(&root)?;
    let nix = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(workspace()).arg("--store").arg(&root);
        command
    };
    let mut instantiate = nix("nix-instantiate");
    instantiate.arg(format!("nix-plugin/examples/{example}"));
    instantiate.args(["-A", "toplevel"]).args(arguments);
    let top = String::from_utf8(output(&mut instantiate)?)?;
    let top = top.trim().trim_end_matches("!out");
    let mut query = nix("nix-store");
    let closure = String::from_utf8(output(query.args(["--query", "--requisites", top]))?)?;
    let mut files = Closure::new();
    // The builders are left out: the program carries them.
    for path in closure.lines().filter(|path| !path.ends_with(".wasm")) {
        let place = root.join(path.trim_start_matches('/'));
        read(&place, Path::new(base_name(path)), &mut files)?;
    }
    let bytes = format!("{}\n", base_name(top)).into_bytes();
    files.insert(
        top_file.into(),
        File::Regular {
            executable: false,
            bytes,
        },
    );
    Ok(files)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Collects the files at a path under their places below `place`.
fn read(path: &Path, place: &Path, files: &mut Closure) -> Result<()> {
    let context = || format!("reading {}", path.display());
    let meta = fs::symlink_metadata(path).with_context(context)?;
    let file = if meta.is_symlink() {
        File::Link(fs::read_link(path).with_context(context)?)
    } else if meta.is_dir() {
        for entry in fs::read_dir(path).with_context(context)? {
            let entry = entry.with_context(context)?;
            read(&entry.path(), &place.join(entry.file_name()), files)?;
        }
        return Ok(());
    } else {
        File::Regular {
            executable: meta.permissions().mode() & 0o100 != 0,
            bytes: fs::read(path).with_context(context)?,
        }
    };
    files.insert(place.to_owned(), file);
    Ok(())
}

fn write(path: &Path, file: &File) -> Result<()> {
    let context = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    match file {
        File::Link(target) => std::os::unix::fs::symlink(target, path).with_context(context),
        File::Regular { executable, bytes } => {
            fs::write(path, bytes).with_context(context)?;
            let mode = if *executable { 0o755 } else { 0o644 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).with_context(context)
        }
    }
}
