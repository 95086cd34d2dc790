//! `wasibuild store`: adding, moving, checking and deleting paths.
//!
//! Contract: each command does what `nix-store` does under the same name, in the same formats, and
//! prints paths as `/nix/store/…`, one a line.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};

use serde_json::{Value, json};
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{GcAction, GcOptions, Store};

use super::{open_store, store_path};
use crate::error::Error;
use crate::options::{Common, StoreCommand};
use crate::progress::human_size;

/// Runs one of the commands.
pub fn store(common: &Common, command: &StoreCommand, out: &mut dyn Write) -> Result<(), Error> {
    let store = open_store(&super::policy(common, &())?)?;
    match command {
        StoreCommand::Add { paths } => {
            for path in paths {
                print_path(out, &store.add_path(path)?)?;
            }
            Ok(())
        }
        StoreCommand::Import { file } => import(&store, file.as_deref(), out),
        StoreCommand::Export { paths, closure } => export(&store, paths, *closure, out),
        StoreCommand::Info { paths } => info(&store, paths, out),
        StoreCommand::Verify { check_contents } => verify(&store, *check_contents),
        StoreCommand::Gc { dry_run } => {
            let action = if *dry_run {
                GcAction::ListDead
            } else {
                GcAction::DeleteDead
            };
            collect(&store, action, out)
        }
        StoreCommand::Delete { paths } => {
            collect(&store, GcAction::DeletePaths(parse(&store, paths)?), out)
        }
        StoreCommand::PublicKey => {
            writeln!(out, "{}", store.public_key()?).map_err(Error::standard_output)
        }
    }
}

fn import(store: &Store, file: Option<&std::path::Path>, out: &mut dyn Write) -> Result<(), Error> {
    let paths = match file {
        Some(path) => {
            let failed = |source| Error::Io {
                action: "read",
                path: path.to_owned(),
                source,
            };
            store.import(&mut BufReader::new(File::open(path).map_err(failed)?))?
        }
        None => store.import(&mut io::stdin().lock())?,
    };
    paths.iter().try_for_each(|path| print_path(out, path))
}

fn export(
    store: &Store,
    paths: &[OsString],
    closure: bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if io::stdout().is_terminal() {
        let refused = io::Error::other("an export is binary, and standard output is a terminal");
        return Err(Error::StandardOutput(refused));
    }
    let mut paths = parse(store, paths)?;
    if closure {
        paths = store.query_closure(&paths)?;
    }
    Ok(store.export(&paths, out)?)
}

/// In the shape of `nix path-info --json`.
fn info(store: &Store, paths: &[OsString], out: &mut dyn Write) -> Result<(), Error> {
    let paths = if paths.is_empty() {
        store.all_valid_paths()?
    } else {
        parse(store, paths)?
    };
    let mut infos = Vec::new();
    for path in paths {
        let info =
            store
                .query_path_info(&path)?
                .ok_or_else(|| wasibuild_store::Error::NotValid {
                    path: path.clone(),
                    store: store.root().to_owned(),
                })?;
        infos.push(info_json(&info));
    }
    writeln!(out, "{:#}", Value::Array(infos)).map_err(Error::standard_output)
}

fn info_json(info: &PathInfo) -> Value {
    let references: Vec<String> = info
        .references
        .iter()
        .map(StorePath::to_absolute_path)
        .collect();
    let mut value = json!({
        "path": info.path.to_absolute_path(),
        "narHash": NixHash::sha256(info.nar_hash).to_sri(),
        "narSize": info.nar_size,
        "references": references,
        "registrationTime": info.registration_time,
        "valid": true,
    });
    if let Some(deriver) = &info.deriver {
        value["deriver"] = deriver.to_absolute_path().into();
    }
    if let Some(ca) = &info.ca {
        value["ca"] = ca.to_string().into();
    }
    if info.ultimate {
        value["ultimate"] = true.into();
    }
    if !info.signatures.is_empty() {
        value["signatures"] = info.signatures.clone().into();
    }
    value
}

fn verify(store: &Store, check_contents: bool) -> Result<(), Error> {
    let report = store.verify(check_contents)?;
    let mut messages = io::stderr().lock();
    for problem in &report.problems {
        let _ = writeln!(
            messages,
            "error: {}",
            crate::error::shown(&problem.to_string())
        );
    }
    for path in &report.forgotten {
        let _ = writeln!(
            messages,
            "warning: path '{}' had disappeared and was forgotten",
            path.to_absolute_path()
        );
    }
    if report.is_ok() {
        let _ = writeln!(messages, "{} paths are as they should be", report.paths);
        return Ok(());
    }
    let problems = report.problems.len();
    Err(Error::Verify(if problems == 1 {
        "1 error".to_owned()
    } else {
        format!("{problems} errors")
    }))
}

fn collect(store: &Store, action: GcAction, out: &mut dyn Write) -> Result<(), Error> {
    let deletes = action != GcAction::ListDead;
    let report = store.gc(&GcOptions {
        action,
        ..GcOptions::default()
    })?;
    for path in &report.paths {
        writeln!(out, "{path}").map_err(Error::standard_output)?;
    }
    let count = report.paths.len();
    let text = match (deletes, count) {
        (true, 1) => format!("1 path deleted, {} freed", human_size(report.bytes_freed)),
        (true, _) => format!(
            "{count} paths deleted, {} freed",
            human_size(report.bytes_freed)
        ),
        (false, 1) => "1 path would be deleted".to_owned(),
        (false, _) => format!("{count} paths would be deleted"),
    };
    let _ = writeln!(io::stderr(), "{text}");
    Ok(())
}

fn parse(store: &Store, paths: &[OsString]) -> Result<BTreeSet<StorePath>, Error> {
    paths.iter().map(|path| store_path(path, store)).collect()
}

fn print_path(out: &mut dyn Write, path: &StorePath) -> Result<(), Error> {
    writeln!(out, "{}", path.to_absolute_path()).map_err(Error::standard_output)
}
