//! What a derivation demands of its outputs, checked before any of them is registered.
//!
//! Contract: the demands and their order are Nix's (`checkOutputs` in
//! `libstore/build/derivation-check.cc`); what each means is in
//! [`wasibuild_nix_compat::derivation_options`]. This module supplies the closures, which may go
//! through other outputs of the same build, not valid yet.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use wasibuild_nix_compat::derivation_options::{DerivationOptions, OutputCheckError, OutputFacts};
use wasibuild_nix_compat::store_path::StorePath;

/// What is known of an output before it is registered, or of a valid path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The path.
    pub path: StorePath,
    /// The size of its NAR in bytes.
    pub nar_size: u64,
    /// What it refers to.
    pub references: BTreeSet<StorePath>,
}

/// Why outputs are refused.
#[derive(Debug, Error)]
pub enum RejectedOutput<E: std::error::Error + 'static> {
    /// A demand is not met.
    #[error("output '{output}' ('{path}') is refused: {problem}")]
    Check {
        /// The output's name.
        output: String,
        /// Its absolute path.
        path: String,
        /// The demand.
        #[source]
        problem: OutputCheckError,
    },
    /// Outputs that need each other, which no store can hold.
    #[error(
        "outputs refer to each other in a circle: {circle}\n\
         hint: move what they share into one output"
    )]
    Cycle {
        /// The outputs, the first repeated at the end.
        circle: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(E),
}

/// Checks all outputs of a build. `valid` gives the facts of paths that are valid.
///
/// # Errors
/// The first demand that is not met.
pub fn check<E: std::error::Error + 'static>(
    options: &DerivationOptions,
    outputs: &BTreeMap<String, Facts>,
    valid: &dyn Fn(&StorePath) -> Result<Facts, E>,
) -> Result<(), RejectedOutput<E>> {
    if let Some(circle) = cycle(outputs) {
        return Err(RejectedOutput::Cycle { circle });
    }
    let paths = outputs
        .iter()
        .map(|(name, facts)| (name.clone(), facts.path.clone()))
        .collect();
    for (name, facts) in outputs {
        let Some(checks) = options.output_checks.get(name) else {
            continue;
        };
        let closure = match checks.needs_closure() {
            true => closure(facts, outputs, valid).map_err(RejectedOutput::Store)?,
            false => BTreeMap::new(),
        };
        let problem = checks.check(OutputFacts {
            path: &facts.path,
            nar_size: facts.nar_size,
            references: &facts.references,
            closure: &closure,
            outputs: &paths,
        });
        problem.map_err(|problem| RejectedOutput::Check {
            output: name.clone(),
            path: facts.path.to_absolute_path(),
            problem,
        })?;
    }
    Ok(())
}

/// Everything that an output needs, itself included, with the sizes of the NARs.
fn closure<E>(
    output: &Facts,
    outputs: &BTreeMap<String, Facts>,
    valid: &dyn Fn(&StorePath) -> Result<Facts, E>,
) -> Result<BTreeMap<StorePath, u64>, E> {
    let unregistered: BTreeMap<&StorePath, &Facts> =
        outputs.values().map(|facts| (&facts.path, facts)).collect();
    let mut done = BTreeMap::new();
    let mut todo = vec![output.path.clone()];
    while let Some(path) = todo.pop() {
        if done.contains_key(&path) {
            continue;
        }
        let facts = match unregistered.get(&path) {
            Some(facts) => (*facts).clone(),
            None => valid(&path)?,
        };
        done.insert(path, facts.nar_size);
        todo.extend(facts.references);
    }
    Ok(done)
}

/// A circle of outputs that refer to each other, if there is one. Referring to itself is none.
fn cycle(outputs: &BTreeMap<String, Facts>) -> Option<String> {
    let names: BTreeMap<&StorePath, &str> = outputs
        .iter()
        .map(|(name, facts)| (&facts.path, name.as_str()))
        .collect();
    let mut left: BTreeMap<&str, BTreeSet<&str>> = outputs
        .iter()
        .map(|(name, facts)| {
            let needs = facts
                .references
                .iter()
                .filter_map(|path| names.get(path).copied());
            (name.as_str(), needs.filter(|need| need != name).collect())
        })
        .collect();
    // Takes away what needs nothing that is left; a circle is what remains.
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, needs)| needs.iter().all(|need| !left.contains_key(need)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    let mut circle = vec![*left.keys().next()?];
    loop {
        let last = *circle.last()?;
        let next = *left
            .get(last)?
            .iter()
            .find(|need| left.contains_key(*need))?;
        let start = circle.iter().position(|name| *name == next);
        circle.push(next);
        if let Some(start) = start {
            return Some(circle.get(start..)?.join(" -> "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use wasibuild_nix_compat::derivation_options::{OutputChecks, Reference};

    fn path(digit: u8, name: &str) -> StorePath {
        StorePath::from_digest(&[digit; 20], name).expect("a store path")
    }

    fn facts(digit: u8, name: &str, references: &[&StorePath]) -> Facts {
        let references = references.iter().map(|path| (*path).clone()).collect();
        Facts {
            path: path(digit, name),
            nar_size: 100,
            references,
        }
    }

    fn options(checks: OutputChecks) -> DerivationOptions {
        let text = br#"Derive([("out","/nix/store/00000000000000000000000000000000-a","","")],[],[],"wasm32-wasi","b",[],[("out","/nix/store/00000000000000000000000000000000-a")])"#;
        let derivation = wasibuild_nix_compat::derivation::Derivation::from_aterm_bytes(text)
            .expect("a derivation");
        let mut options = DerivationOptions::of(&derivation).expect("options");
        options.output_checks = [("out".to_owned(), checks)].into();
        options
    }

    /// `out` refers to the sibling `lib`, that to the valid `dep`, that to the valid `far`.
    fn run(checks: OutputChecks) -> Result<(), String> {
        let (dep, far, lib) = (path(1, "dep"), path(2, "far"), path(4, "a-lib"));
        let outputs = BTreeMap::from([
            ("out".to_owned(), facts(3, "a", &[&lib])),
            ("lib".to_owned(), facts(4, "a-lib", &[&dep, &lib])),
        ]);
        let valid = |path: &StorePath| -> Result<Facts, Infallible> {
            Ok(if *path == dep {
                facts(1, "dep", &[&far])
            } else {
                facts(2, "far", &[])
            })
        };
        check(&options(checks), &outputs, &valid).map_err(|error| {
            let source = std::error::Error::source(&error)
                .map(|s| format!(" ({s})"))
                .unwrap_or_default();
            format!("{error}{source}")
        })
    }

    #[test]
    fn closures_go_through_siblings_to_valid_paths() {
        let all = [path(1, "dep"), path(2, "far")].map(Reference::Path);
        let lib = Reference::Output("lib".to_owned());
        let allowed: BTreeSet<_> = all.iter().cloned().chain([lib]).collect();
        let ignore = OutputChecks {
            ignore_self_refs: true,
            ..Default::default()
        };
        assert_eq!(
            run(OutputChecks {
                allowed_requisites: Some(allowed.clone()),
                ..ignore.clone()
            }),
            Ok(())
        );
        let mut fewer = allowed;
        fewer.remove(&all[1]);
        let error = run(OutputChecks {
            allowed_requisites: Some(fewer),
            ..ignore
        })
        .expect_err("refused");
        assert!(
            error.contains("allowedRequisites") && error.contains("-far"),
            "{error}"
        );
    }

    #[test]
    fn sizes_count_the_closure() {
        let limit = |limit| OutputChecks {
            max_closure_size: Some(limit),
            ..Default::default()
        };
        assert_eq!(run(limit(400)), Ok(()));
        let error = run(limit(399)).expect_err("refused");
        assert!(
            error.contains("400 bytes; maxClosureSize allows 399"),
            "{error}"
        );
        let error = run(OutputChecks {
            max_size: Some(99),
            ..Default::default()
        })
        .expect_err("refused");
        assert!(error.contains("100 bytes; maxSize allows 99"), "{error}");
    }

    #[test]
    fn direct_references_do_not_count_the_closure() {
        let not = |name: &str, digit| [Reference::Path(path(digit, name))].into();
        assert_eq!(
            run(OutputChecks {
                disallowed_references: not("dep", 1),
                ..Default::default()
            }),
            Ok(())
        );
        run(OutputChecks {
            disallowed_requisites: not("dep", 1),
            ..Default::default()
        })
        .expect_err("refused");
        run(OutputChecks {
            allowed_references: Some(BTreeSet::new()),
            ..Default::default()
        })
        .expect_err("refused");
    }

    #[test]
    fn circles_are_named() {
        let (a, b, c) = (path(1, "x"), path(2, "x-b"), path(3, "x-c"));
        let outputs = BTreeMap::from([
            ("out".to_owned(), facts(1, "x", &[&a, &b])),
            ("b".to_owned(), facts(2, "x-b", &[&c])),
            ("c".to_owned(), facts(3, "x-c", &[&b])),
        ]);
        assert_eq!(cycle(&outputs).as_deref(), Some("b -> c -> b"));
        let alone = BTreeMap::from([("out".to_owned(), facts(1, "x", &[&a]))]);
        assert_eq!(cycle(&alone), None);
    }
}
