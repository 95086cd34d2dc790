//! A derivation that a client sends instead of naming a `.drv` of the store.
//!
//! Contract: its inputs are the outputs that it needs, not the derivations that made them, so that an
//! input-addressed output path cannot be derived again; it is checked as far as it can be. Who may
//! send such a derivation is the caller's question. Nix's counterpart is the operation
//! `BuildDerivation` (`src/libstore/daemon.cc`), which checks less.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;
use wasibuild_nix_compat::derivation::{Derivation, DerivationKind, Output, OutputPathError};
use wasibuild_nix_compat::store_path::{StorePath, output_path_name};

use super::{Imports, Request, load};
use crate::plan::Graph;

/// What is wrong with it.
#[derive(Debug, Error)]
pub enum GivenError {
    /// Its path is not a derivation's.
    #[error("'{0}' is not the path of a derivation")]
    NotADerivation(String),
    /// Its outputs contradict the rest of it.
    #[error("'{derivation}' cannot be built: {source}")]
    Outputs {
        /// The `.drv`.
        derivation: String,
        /// What is wrong.
        source: OutputPathError,
    },
    /// An output has another name than the derivation gives it.
    #[error(
        "'{derivation}' cannot be built: its output '{output}' must be named '{expected}', but is '{found}'"
    )]
    OutputName {
        /// The `.drv`.
        derivation: String,
        /// The output.
        output: String,
        /// The name that follows from the derivation's.
        expected: String,
        /// The path that it has.
        found: String,
    },
}

impl Request {
    /// A request for all outputs of a derivation whose inputs are all in `input_sources`.
    ///
    /// # Errors
    /// [`GivenError`].
    pub fn given(path: &StorePath, derivation: Derivation) -> Result<Request, GivenError> {
        check(path, &derivation)?;
        let mut graph = Graph::new();
        let mut node = load::node(path, &derivation, Vec::new());
        let outputs: BTreeSet<String> = node.outputs.keys().cloned().collect();
        // It is not in the store, from where it would be read again.
        node.kept = Some(Arc::new(derivation));
        let id = graph.add(node);
        Ok(Request {
            graph,
            goals: vec![(id, outputs)],
            imports: Imports::default(),
        })
    }
}

fn check(path: &StorePath, derivation: &Derivation) -> Result<(), GivenError> {
    let absolute = || path.to_absolute_path();
    let Some(name) = path.derivation_name() else {
        return Err(GivenError::NotADerivation(absolute()));
    };
    let wrong = |source| GivenError::Outputs {
        derivation: absolute(),
        source,
    };
    let kind = derivation.supported_kind().map_err(wrong)?;
    // Of fixed outputs everything is known; so it is of a derivation that never had inputs but
    // sources, which shows in that its own path follows from what was sent.
    let whole = || {
        derivation
            .calculate_derivation_path(name)
            .is_ok_and(|found| found == *path)
    };
    if kind == DerivationKind::Fixed || whole() {
        let no_inputs = |_: &StorePath| Ok::<_, OutputPathError>([0; 32]);
        return derivation
            .validate_output_paths(name, no_inputs)
            .map_err(wrong);
    }
    for (output, found) in &derivation.outputs {
        let found = found.path().map(StorePath::name).unwrap_or_default();
        let expected = output_path_name(name, output);
        if found != expected {
            return Err(GivenError::OutputName {
                derivation: absolute(),
                output: output.clone(),
                expected,
                found: found.to_owned(),
            });
        }
    }
    Ok(())
}

/// Whether the outputs follow from the derivation's content alone, so that nobody needs to be trusted.
pub fn is_self_evident(derivation: &Derivation) -> bool {
    derivation
        .outputs
        .values()
        .all(|output| matches!(output, Output::Fixed { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn derivation(path: &str) -> Derivation {
        let path = StorePath::from_absolute_path(path.as_bytes()).expect("a path");
        Derivation {
            outputs: BTreeMap::from([("out".to_owned(), Output::InputAddressed { path })]),
            input_derivations: BTreeMap::new(),
            input_sources: BTreeSet::new(),
            system: "wasm32-wasi".into(),
            builder: "/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-b".into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
        }
    }

    fn drv(text: &str) -> StorePath {
        StorePath::from_basename(format!("00bgd045z0d4icpbc2yyz4gx48ak44la-{text}").as_bytes())
            .expect("a path")
    }

    #[test]
    fn outputs_must_be_named_after_the_derivation() {
        let x = derivation("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x");
        let request = Request::given(&drv("x.drv"), x.clone()).expect("a request");
        assert_eq!(request.graph.len(), 1);
        let (id, _) = request.goals.first().expect("a goal");
        assert_eq!(request.graph.node(*id).kept.as_deref(), Some(&x));
        let error = Request::given(&drv("y.drv"), x.clone()).expect_err("refused");
        assert!(error.to_string().contains("must be named 'y'"), "{error}");
        assert!(Request::given(&drv("x"), x).is_err());
    }

    #[test]
    fn without_input_derivations_the_paths_must_follow() {
        let x = derivation("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x");
        let path = x.calculate_derivation_path("x").expect("a path");
        let error = Request::given(&path, x).expect_err("refused");
        assert!(matches!(error, GivenError::Outputs { .. }), "{error}");
    }

    #[test]
    fn nothing_to_build_is_refused() {
        let mut x = derivation("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x");
        x.outputs.clear();
        assert!(Request::given(&drv("x.drv"), x.clone()).is_err());
        x.outputs.insert("out".to_owned(), Output::Deferred);
        assert!(Request::given(&drv("x.drv"), x).is_err());
    }
}
