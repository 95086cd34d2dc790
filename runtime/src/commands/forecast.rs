//! `wasibuild plan` and `wasibuild explain`: see [`crate::forecast`].
//!
//! Contract: nothing is built, fetched or added; that the caches are asked what they have is all that leaves
//! the machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bstr::{BStr, ByteSlice};
use serde_json::Value;
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use crate::error::Error;
use crate::forecast::{self, Forecast, Programs};
use crate::options::{Common, Explain, Forecast as PlanOptions};
use crate::plan::{Choices, Graph, Node, Plan};
use crate::policy::Policy;
use crate::progress;
use crate::realise::stop::Stop;
use crate::realise::{Caches, World};
use crate::request::{self, Extent, Request};

/// Prints what would happen.
pub fn plan(common: &Common, options: &PlanOptions, out: &mut dyn Write) -> Result<(), Error> {
    let policy = super::policy(common, options)?;
    let looked = look(&policy, &options.derivations)?;
    let forecast = Forecast::new(&looked.plan, &looked);
    let text = match options {
        PlanOptions { json: true, .. } => format!("{:#}\n", forecast.to_json()),
        PlanOptions { svg: true, .. } => forecast.to_svg(),
        PlanOptions { all, .. } => format!(
            "{}\n{}",
            forecast::tree(&forecast, *all),
            forecast::summary(&forecast)
        ),
    };
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}

/// Prints why.
pub fn explain(common: &Common, options: &Explain, out: &mut dyn Write) -> Result<(), Error> {
    let policy = super::policy(common, options)?;
    let looked = look(&policy, &options.derivations)?;
    let goals: Vec<_> = looked.plan.goals.iter().map(|(id, _)| *id).collect();
    if options.forget {
        for id in &goals {
            if let Some(output) = forecast::key(looked.plan.graph.node(*id)) {
                looked
                    .plan
                    .router
                    .decisions
                    .forget(output)
                    .map_err(Error::File)?;
            }
        }
    }
    let forecast = Forecast::new(&looked.plan, &looked);
    let text = match options.json {
        true => {
            let all: Vec<Value> = goals
                .iter()
                .map(|id| forecast::explain_json(&forecast, *id))
                .collect();
            format!("{:#}\n", Value::from(all))
        }
        false => {
            let all: Vec<String> = goals
                .iter()
                .map(|id| forecast::explain(&forecast, *id))
                .collect();
            all.join("\n")
        }
    };
    out.write_all(text.as_bytes())
        .map_err(Error::standard_output)
}

/// A plan that tells of everything, and where the derivations lie.
struct Looked {
    plan: Plan,
    store: Store,
    /// Derivations that are not in the store.
    files: BTreeMap<StorePath, PathBuf>,
}

fn look(policy: &Policy, derivations: &[OsString]) -> Result<Looked, Error> {
    let store = super::open_store(policy)?;
    let caches = Caches::new(
        policy.substituters.clone(),
        policy.trusted_public_keys.clone(),
        Arc::new(progress::Silent),
        Stop::new(),
    );
    let mut world = World {
        store: &store,
        caches: &caches,
        expected: Default::default(),
    };
    let request = Request::read(derivations, &world, Extent::Everything)?;
    world.expected = request.imports.sources.keys().cloned().collect();
    let machine = super::machine(policy);
    let choices = Choices {
        prefer_substitutes: policy.prefer_substitutes,
        check: false,
        tolerant: true,
        router: Arc::new(super::router(policy, &machine)),
    };
    let plan = Plan::make(request.graph, request.goals, &world, choices)?;
    let files = request.imports.derivations.into_iter().collect();
    Ok(Looked { plan, store, files })
}

impl Looked {
    fn graph(&self) -> &Graph {
        &self.plan.graph
    }
}

impl Programs for Looked {
    fn derivation(&self, node: &Node) -> io::Result<Derivation> {
        if let Some(kept) = &node.kept {
            return Ok(Derivation::clone(kept));
        }
        let file = self.files.get(&node.derivation).cloned();
        let file = file.unwrap_or_else(|| self.store.real_path(&node.derivation));
        request::read_file(&file).map_err(io::Error::other)
    }

    fn script(&self, path: &BStr, most: u64) -> Option<Vec<u8>> {
        let (path, rest) = StorePath::split_absolute_path(path).ok()?;
        // A script is a source by itself; what lies deeper could lead anywhere by links.
        if !rest.is_empty() {
            return None;
        }
        let place = self.store.real_path(&path);
        if !place.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        File::open(place)
            .ok()?
            .take(most)
            .read_to_end(&mut text)
            .ok()?;
        Some(text)
    }

    fn inputs(&self, node: &Node) -> Vec<StorePath> {
        let outputs = node.inputs.iter().flat_map(|(input, names)| {
            let input = self.graph().node(*input);
            names
                .iter()
                .filter_map(|name| input.outputs.get(name))
                .cloned()
        });
        outputs.chain(node.sources.iter().cloned()).collect()
    }

    fn has(&self, path: &StorePath, program: &BStr) -> bool {
        let Ok(program) = program.to_str() else {
            return false;
        };
        !program.contains('/') && {
            let place = self.store.real_path(path).join("bin").join(program);
            place.symlink_metadata().is_ok()
        }
    }
}
