//! `wasibuild verify`: the proof that the sandbox tells the truth.
//!
//! Contract: what is asked for is built as by `wasibuild run`; then once more in the sandbox and once more
//! in the virtual machine, by the derivation's own programs, and each time every byte of every output is
//! compared with what is in the store. Derivations that only one of the two can build are named and left
//! out. The exit codes are those of `run --check`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;

use super::{open_store, run};
use crate::error::Error;
use crate::exit_code;
use crate::options::{Common, Run, Verify};
use crate::policy::{Policy, Route};
use crate::progress::Silent;
use crate::realise::executor::Machine;
use crate::realise::stop::Stop;
use crate::realise::{Caches, World};
use crate::request::{Extent, Request};

/// Verifies, and returns the exit code.
pub fn verify(common: &Common, options: &Verify) -> Result<u8, Error> {
    let policy = super::policy(common, &options.run)?;
    let machine = super::machine(&policy);
    let first = Run {
        check: false,
        ..options.run.clone()
    };
    match run::carry_out(&policy, &machine, &first, false)? {
        exit_code::SUCCESS => {}
        failed => return Ok(failed),
    }
    let derivations = derivations(&policy, &machine, options)?;
    if derivations.is_empty() {
        return Err(Error::Vm(
            "there is nothing to verify: none of this is a derivation for Linux that the sandbox builds"
                .to_owned(),
        ));
    }
    for routes in [vec![Route::Shell], vec![Route::Vm]] {
        let mut policy = policy.clone();
        policy.routing.routes = routes;
        let again = Run {
            derivations: derivations.clone(),
            check: true,
            out_link: None,
            ..options.run.clone()
        };
        match run::carry_out(&policy, &machine, &again, false)? {
            exit_code::SUCCESS => {}
            failed => return Ok(failed),
        }
    }
    let mut out = io::stdout().lock();
    let mut text = String::new();
    for derivation in &derivations {
        text.push_str(&format!("{}\n", derivation.to_string_lossy()));
    }
    text.push_str(&format!(
        "the sandbox and the virtual machine agree on every byte of {} derivation{}\n",
        derivations.len(),
        if derivations.len() == 1 { "" } else { "s" }
    ));
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::standard_output)?;
    Ok(exit_code::SUCCESS)
}

/// Those that both can build; others are named on standard error.
fn derivations(
    policy: &Policy,
    machine: &Arc<dyn Machine>,
    options: &Verify,
) -> Result<Vec<OsString>, Error> {
    let store = open_store(policy)?;
    let caches = Caches::new(Vec::new(), Vec::new(), Arc::new(Silent), Stop::new());
    let world = World {
        store: &store,
        caches: &caches,
        expected: BTreeSet::new(),
    };
    let request = Request::read(&options.run.derivations, &world, Extent::Everything)?;
    let graph = &request.graph;
    let goals: BTreeSet<_> = request.goals.iter().map(|(goal, _)| *goal).collect();
    let router = super::router(policy, machine);
    let mut found = Vec::new();
    for id in graph.ids() {
        if !options.recursive && !goals.contains(&id) {
            continue;
        }
        let node = graph.node(id);
        let verdict = router.consider(&node.question());
        let both = verdict.route() == Route::Shell
            && verdict.chain.contains(&Route::Vm)
            && !verdict.last_resort;
        if both {
            found.push(OsString::from(node.derivation.to_absolute_path()));
        } else {
            eprintln!(
                "not verified: '{}', which goes to '{}' alone",
                node.name(),
                verdict.route().name()
            );
        }
    }
    Ok(found)
}
