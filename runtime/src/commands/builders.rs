//! `wasibuild builders`: the modules that come with the program.
//!
//! Contract: what is exported is byte for byte what was embedded; its SHA-256 stands in
//! `builders/builders.lock`. `precompile` fills the same cache that builds use.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};
use wasibuild_nix_compat::hash::{NixHash, sha256};

use crate::directories;
use crate::embedded::{BUILDERS, Builder};
use crate::error::Error;
use crate::options::BuildersCommand;
use crate::progress::human_size;
use crate::realise::executor::Sandbox;
use crate::realise::stop::Stop;

/// Runs one of the commands.
pub fn builders(command: &BuildersCommand, out: &mut dyn Write) -> Result<(), Error> {
    if BUILDERS.is_empty() {
        return Err(Error::NoBuilders);
    }
    match command {
        BuildersCommand::List { json } => list(*json, out),
        BuildersCommand::Export { directory } => export(directory, out),
        BuildersCommand::Precompile { directory: None } => precompile(),
        BuildersCommand::Precompile {
            directory: Some(directory),
        } => precompile_into(directory),
    }
}

fn hash(builder: &Builder) -> String {
    NixHash::sha256(sha256(builder.module)).to_hex()
}

fn list(json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let mut text = String::new();
    if json {
        let all: Vec<Value> = BUILDERS
            .iter()
            .map(|builder| json!({ "name": builder.name, "size": builder.module.len(), "sha256": hash(builder) }))
            .collect();
        text = format!("{:#}\n", Value::Array(all));
    } else {
        let width = BUILDERS
            .iter()
            .map(|builder| builder.name.len())
            .max()
            .unwrap_or_default();
        for builder in BUILDERS {
            let size = human_size(builder.module.len() as u64);
            text.push_str(&format!(
                "{:width$}  {size:>9}  {}\n",
                builder.name,
                hash(builder)
            ));
        }
    }
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}

fn export(directory: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io {
            action: "write",
            path,
            source,
        }
    };
    fs::create_dir_all(directory).map_err(failed(directory))?;
    for builder in BUILDERS {
        let place = directory.join(format!("{}.wasm", builder.name));
        // Written beside and renamed, so that nobody reads half a module.
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed(directory))?;
        file.write_all(builder.module).map_err(failed(&place))?;
        readable(file.as_file()).map_err(failed(&place))?;
        file.persist(&place)
            .map_err(|error| failed(&place)(error.error))?;
        writeln!(out, "{}", place.display()).map_err(Error::standard_output)?;
    }
    Ok(())
}

fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// Writes compiled builders where others may read them.
fn precompile_into(directory: &Path) -> Result<(), Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io {
            action: "write",
            path,
            source,
        }
    };
    fs::create_dir_all(directory).map_err(failed(directory))?;
    let sandbox = Sandbox::new(None, &Stop::new());
    let engine = sandbox
        .engine()
        .map_err(|error| Error::Realise(error.into()))?;
    for builder in BUILDERS {
        let compiled = engine.precompile(builder.module);
        let (name, code) = compiled.map_err(|source| Error::Builder {
            name: builder.name,
            source,
        })?;
        let place = directory.join(name);
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed(directory))?;
        file.write_all(&code).map_err(failed(&place))?;
        readable(file.as_file()).map_err(failed(&place))?;
        file.persist(&place)
            .map_err(|error| failed(&place)(error.error))?;
    }
    Ok(())
}

fn precompile() -> Result<(), Error> {
    let cache = directories::cache().ok_or(Error::NoCache)?.join("modules");
    let sandbox = Sandbox::new(Some(cache), &Stop::new());
    let engine = sandbox
        .engine()
        .map_err(|error| Error::Realise(error.into()))?;
    for builder in BUILDERS {
        let compiled = engine.module(builder.module);
        compiled.map_err(|source| Error::Builder {
            name: builder.name,
            source,
        })?;
    }
    Ok(())
}
