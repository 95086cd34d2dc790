//! `wasibuild show`: derivations as JSON.
//!
//! Contract: the shape of `nix derivation show` (`nix show-derivation` in Nix 2.8): an object whose
//! keys are the absolute paths of the derivations. The store need not hold a loose file's inputs,
//! unless `--recursive` asks for them.

use std::io::Write;

use serde_json::{Map, Value};

use super::open_store;
use crate::error::Error;
use crate::options::{Common, Show};
use crate::progress;
use crate::realise::stop::Stop;
use crate::realise::{Caches, World};
use crate::request::{self, Extent, Request};

/// Prints them.
pub fn show(common: &Common, options: &Show, out: &mut dyn Write) -> Result<(), Error> {
    let store = open_store(&super::policy(common, &())?)?;
    let caches = Caches::new(
        Vec::new(),
        Vec::new(),
        std::sync::Arc::new(progress::Silent),
        Stop::new(),
    );
    let world = World {
        store: &store,
        caches: &caches,
        expected: Default::default(),
    };
    let mut shown = Map::new();
    if options.recursive {
        let request = Request::read(&options.derivations, &world, Extent::Everything)?;
        let files: std::collections::BTreeMap<_, _> =
            request.imports.derivations.into_iter().collect();
        for id in request.graph.ids() {
            let path = request.graph.node(id).derivation.clone();
            let file = files
                .get(&path)
                .cloned()
                .unwrap_or_else(|| store.real_path(&path));
            let derivation = request::read_file(&file)?;
            merge(&mut shown, derivation.to_json(&path));
        }
    } else {
        for argument in &options.derivations {
            let (path, derivation) = request::read_one(argument, &world)?;
            merge(&mut shown, derivation.to_json(&path));
        }
    }
    shown.sort_keys();
    writeln!(out, "{:#}", Value::Object(shown)).map_err(Error::standard_output)
}

/// Takes over the members of an object.
fn merge(shown: &mut Map<String, Value>, json: Value) {
    if let Value::Object(members) = json {
        shown.extend(members);
    }
}
