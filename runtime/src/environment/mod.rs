//! What a builder finds: its variables, its arguments, and the files in its build directory.
//!
//! Contract: exactly what Nix gives on Linux inside its sandbox, in its order of precedence:
//! defaults (`PATH`, `HOME`, …) below the derivation's own variables, those below the ones that a
//! derivation cannot change (`NIX_BUILD_TOP`, `TMPDIR`, `PWD`, `NIX_LOG_FD`, `TERM`). Placeholders
//! are replaced in values, arguments and files. Nothing of the host enters: `impureEnvVars` are empty. Counterpart: `initEnv` in `libstore/unix/build/derivation-builder.cc` and
//! `libstore/build/derivation-env-desugar.cc`.

mod references_graph;

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};
use thiserror::Error;
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind};
use wasibuild_nix_compat::derivation_options::{
    DerivationOptions, OptionsError, pass_as_file_name,
};
use wasibuild_nix_compat::placeholder::Rewriter;
use wasibuild_nix_compat::store_path::{STORE_DIR, StorePath};
use wasibuild_nix_compat::structured_attrs::{StructuredAttrs, StructuredAttrsError};

pub use references_graph::{GraphError, References};

/// The build directory, as the builder sees it.
pub const BUILD_DIR: &str = "/build";

/// What a builder finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its variables.
    pub variables: BTreeMap<BString, BString>,
    /// Its arguments, its own name first.
    pub arguments: Vec<BString>,
    /// The files in [`BUILD_DIR`], by name.
    pub files: BTreeMap<BString, BString>,
}

/// Why a derivation's attributes give no environment.
#[derive(Debug, Error)]
pub enum EnvironmentError<E: std::error::Error + 'static> {
    /// The structured attributes cannot be read.
    #[error(transparent)]
    Structured(#[from] StructuredAttrsError),
    /// An attribute that Nix interprets has a wrong value.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A references graph cannot be made.
    #[error(transparent)]
    Graph(#[from] GraphError<E>),
}

/// Makes the environment of a derivation.
///
/// `cores` is `NIX_BUILD_CORES`; `references` answers `exportReferencesGraph`.
///
/// # Errors
/// [`EnvironmentError`], when an attribute cannot mean anything.
pub fn prepare<R: References>(
    derivation: &Derivation,
    options: &DerivationOptions,
    cores: u16,
    references: &R,
) -> Result<Environment, EnvironmentError<R::Error>> {
    let structured = derivation.structured_attrs()?;
    prepare_with(derivation, structured.as_ref(), options, cores, references)
}

/// The same for who has read the derivation's structured attributes already.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_with<R: References>(
    derivation: &Derivation,
    structured: Option<&StructuredAttrs>,
    options: &DerivationOptions,
    cores: u16,
    references: &R,
) -> Result<Environment, EnvironmentError<R::Error>> {
    let outputs: BTreeMap<String, StorePath> = derivation
        .outputs
        .iter()
        .filter_map(|(name, output)| Some((name.clone(), output.path()?.clone())))
        .collect();
    let rewriter = Rewriter::new(&outputs);
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        variables.insert(BString::from(name), BString::from(value));
    };
    set("PATH", "/path-not-set");
    set("HOME", "/homeless-shelter");
    set("NIX_STORE", STORE_DIR);
    set("NIX_BUILD_CORES", &cores.to_string());

    let mut files = BTreeMap::new();
    if let Some(attributes) = structured {
        let graphs = references_graph::structured(options, references)?;
        let written = attributes.files(&outputs, &graphs);
        set("NIX_ATTRS_SH_FILE", &format!("{BUILD_DIR}/.attrs.sh"));
        set("NIX_ATTRS_JSON_FILE", &format!("{BUILD_DIR}/.attrs.json"));
        files.insert(".attrs.sh".into(), written.shell);
        files.insert(".attrs.json".into(), written.json);
    } else {
        for (name, value) in &derivation.environment {
            if options.pass_as_file.contains(name) {
                let file = pass_as_file_name(name);
                let mut variable = name.clone();
                variable.extend_from_slice(b"Path");
                variables.insert(variable, format!("{BUILD_DIR}/{file}").into());
                files.insert(file.into(), rewriter.rewrite(value.clone()));
            } else {
                variables.insert(name.clone(), value.clone());
            }
        }
        for (file, graph) in references_graph::plain(options, references)? {
            files.insert(file, rewriter.rewrite(graph));
        }
    }

    let mut set = |name: &str, value: &str| {
        variables.insert(BString::from(name), BString::from(value));
    };
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
        set(name, BUILD_DIR);
    }
    if derivation.kind() == Ok(DerivationKind::Fixed) {
        set("NIX_OUTPUT_CHECKED", "1");
        // Where Nix lets variables of its caller through, they are always unset here.
        for name in &options.impure_env_vars {
            variables.insert(name.clone(), BString::default());
        }
    }
    let mut set = |name: &str, value: &str| {
        variables.insert(BString::from(name), BString::from(value));
    };
    set("NIX_LOG_FD", "2");
    set("TERM", "xterm-256color");

    for value in variables.values_mut() {
        *value = rewriter.rewrite(std::mem::take(value));
    }
    Ok(Environment {
        variables,
        arguments: arguments(derivation, &rewriter),
        files,
    })
}

/// The builder's base name, then the derivation's arguments.
fn arguments(derivation: &Derivation, rewriter: &Rewriter) -> Vec<BString> {
    let builder = derivation.builder.as_slice();
    let name = builder.rsplit_str("/").next().unwrap_or(builder);
    let mut arguments = vec![BString::from(name)];
    arguments.extend(
        derivation
            .arguments
            .iter()
            .map(|argument| rewriter.rewrite(argument.clone())),
    );
    arguments
}

#[cfg(test)]
mod tests;
