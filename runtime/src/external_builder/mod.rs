//! Builds one derivation for a Nix with external builders (2.32 and later, Determinate Nix): Nix locks,
//! prepares, scans and registers; here only the builder runs.
//!
//! Contract: everything comes from Nix's description of the build; no store is opened. What decides a
//! result is the same as in `wasibuild run`, save two things that the description does not have: the
//! builder's randomness follows from the output paths instead of the derivation's, and the limits are
//! the defaults. `NIX_BUILD_CORES` is ours, not Nix's, since it would be another on each machine.
//! Nix's counterpart is `libstore/unix/build/external-derivation-builder.cc`.

mod description;
mod directory;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};
use thiserror::Error;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::{compress_hash, sha256};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::{BuildError, Limits};

use crate::environment::{BUILD_DIR, Environment};
use crate::progress::Silent;
use crate::realise::error::{RealiseError, chain};
use crate::realise::executor::{Execute, Failure, Job};
use crate::realise::keep;
use crate::realise::log::BuildLog;
use crate::request::traits;
use crate::router::{Executor, Question, Refusal, Router};

pub use description::{Description, DescriptionError};

/// The line that Nix waits for: until it comes, its event loop stands still, and what is printed
/// counts as messages about the set-up of a sandbox.
pub const READY: &[u8] = b"\x02\n";

/// Why there are no outputs.
#[derive(Debug, Error)]
pub enum ExternalError {
    /// Nix's description cannot be used.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// Nobody builds this here.
    #[error("cannot build '{name}': {refusal}")]
    Refused {
        /// The derivation's name.
        name: String,
        /// Why.
        refusal: Refusal,
    },
    /// The builder ended with this status; what it printed stands in the log.
    #[error("the builder failed with exit code {0}")]
    Exit(u8),
    /// It failed in another way.
    #[error("{0}")]
    Failed(String),
    /// A file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Builds, with the log going to `log`, and writes the outputs.
///
/// # Errors
/// [`ExternalError`].
pub fn build(
    description: Description,
    executor: &dyn Execute,
    router: &Router,
    cores: u16,
    limits: Limits,
    log: impl Write,
) -> Result<(), ExternalError> {
    let name = description.name().to_owned();
    let files = directory::read(&description.build_directory)?;
    let traits = traits(&description.as_derivation(&files));
    let question = Question {
        name: &name,
        output: description.outputs.values().next(),
        system: description.system.as_bstr(),
        builder: description.builder.as_bstr(),
        traits: &traits,
    };
    let refused = |refusal| ExternalError::Refused {
        name: name.clone(),
        refusal,
    };
    let executors = router.route(&question).map_err(refused)?.executors();
    let Some((first, rest)) = executors.split_first() else {
        return Err(refused(router.refusal(&question)));
    };
    let mut job = job(&description, files, name.clone(), cores, limits)?;
    job.executor = *first;
    job.next = rest.to_vec();
    let mut log = BuildLog::new(Some(Box::new(log)), &Silent, &name);
    let result = executor.execute(job, &mut log);
    drop(log);
    match result {
        Ok(outputs) => write_outputs(&description, &outputs),
        Err(Failure { error, leftovers }) => {
            // For --keep-failed, which only Nix knows of: it keeps or deletes the directory.
            if let Some(left) = leftovers.get(BString::from("build").as_bstr()) {
                directory::write_back(left, &description.build_directory);
            }
            Err(match error {
                RealiseError::Builder(BuildError::Exit { code, .. }) => ExternalError::Exit(code),
                error => ExternalError::Failed(chain(&error)),
            })
        }
    }
}

fn job(
    description: &Description,
    files: BTreeMap<BString, BString>,
    name: String,
    cores: u16,
    limits: Limits,
) -> Result<Job, ExternalError> {
    let mut variables = description.variables.clone();
    variables.insert("NIX_BUILD_CORES".into(), cores.to_string().into());
    let mut arguments = vec![BString::from(base_name(&description.builder))];
    arguments.extend(description.arguments.iter().cloned());
    Ok(Job {
        derivation: stand_in(description, &name)?,
        name,
        builder: description.builder.clone(),
        system: description.system.clone(),
        // All that Nix tells of it.
        fixed_output: variables.contains_key(BStr::new("outputHash")),
        features: variables
            .get(BStr::new("requiredSystemFeatures"))
            .map(|features| {
                let words = features.split(|byte| byte.is_ascii_whitespace());
                let words = words.filter(|word| !word.is_empty());
                words.map(BString::from).collect()
            })
            .unwrap_or_default(),
        executor: Executor::Sandbox,
        next: Vec::new(),
        environment: Environment {
            variables,
            arguments,
            files,
        },
        inputs: Arc::new(description.inputs()),
        outputs: description.outputs.clone(),
        limits,
        keep_failed: true,
        memory: None,
    })
}

/// The builder's own name, its first argument.
fn base_name(builder: &[u8]) -> &[u8] {
    builder
        .rsplit(|&byte| byte == b'/')
        .next()
        .unwrap_or(builder)
}

/// A path in place of the derivation's, which Nix does not tell: one that follows from the outputs.
fn stand_in(description: &Description, name: &str) -> Result<StorePath, ExternalError> {
    let mut text = String::from("wasibuild external builder 1");
    for (output, path) in &description.outputs {
        text.push_str(&format!("\n{output}={}", path.basename()));
    }
    let digest = compress_hash(&sha256(text.as_bytes()));
    StorePath::from_digest(&digest, &format!("{name}.drv")).map_err(|error| {
        ExternalError::Description(DescriptionError::Member {
            member: "env.name",
            problem: error.to_string(),
        })
    })
}

/// Nix makes them canonical and registers them.
fn write_outputs(
    description: &Description,
    outputs: &BTreeMap<String, FileSystemObject>,
) -> Result<(), ExternalError> {
    for (name, path) in &description.outputs {
        let Some(object) = outputs.get(name) else {
            return Err(ExternalError::Failed(format!(
                "there is no output '{name}'"
            )));
        };
        keep::write_tree(object, &description.real_path(path))?;
    }
    Ok(())
}

/// Whether a directory is where builders see it.
fn is_build_directory(place: &Path) -> bool {
    place == Path::new(BUILD_DIR)
}

#[cfg(test)]
mod tests;
