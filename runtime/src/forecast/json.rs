//! A forecast as JSON.
//!
//! Contract: docs/cli.md lists the members; members may be added, none is renamed.

use serde_json::{Map, Value, json};

use super::{Fate, Forecast, Outlook};
use crate::plan::Node;
use crate::router::{Outcome, Verdict};

/// The whole forecast.
pub(super) fn forecast(forecast: &Forecast<'_>) -> Value {
    let graph = &forecast.plan.graph;
    let goals: Vec<String> = forecast
        .plan
        .goals
        .iter()
        .map(|(id, _)| graph.node(*id).derivation.to_absolute_path())
        .collect();
    let mut counts = Map::new();
    for fate in Fate::ALL {
        counts.insert(fate.name().to_owned(), forecast.count(fate).into());
    }
    let derivations: Vec<Value> = forecast
        .outlooks
        .iter()
        .filter(|(_, outlook)| outlook.fate != Fate::NotNeeded)
        .map(|(id, outlook)| {
            let inputs: Vec<String> = forecast
                .inputs(*id)
                .map(|(input, _)| graph.node(input).derivation.to_absolute_path())
                .collect();
            let mut value = derivation(graph.node(*id), outlook);
            if let Some(members) = value.as_object_mut() {
                members.insert("inputs".to_owned(), inputs.into());
            }
            value
        })
        .collect();
    let fetches: Vec<String> = forecast
        .plan
        .fetches
        .keys()
        .map(|path| path.to_absolute_path())
        .collect();
    let missing: Map<String, Value> = forecast
        .plan
        .missing
        .iter()
        .map(|(path, by)| (path.to_absolute_path(), by.to_absolute_path().into()))
        .collect();
    json!({
        "goals": goals,
        "counts": counts,
        "derivations": derivations,
        "fetches": fetches,
        "downloadSize": forecast.download(),
        "missing": missing,
    })
}

/// One derivation.
pub(super) fn derivation(node: &Node, outlook: &Outlook) -> Value {
    let outputs: Map<String, Value> = node
        .outputs
        .iter()
        .map(|(name, path)| (name.clone(), path.to_absolute_path().into()))
        .collect();
    let guesses: Vec<Value> = outlook
        .guesses
        .iter()
        .map(|guess| json!({ "program": guess.program, "place": guess.place }))
        .collect();
    json!({
        "derivation": node.derivation.to_absolute_path(),
        "name": node.name(),
        "fate": outlook.fate.name(),
        "reason": outlook.reason(),
        "routes": outlook.verdict.as_ref().map(routes),
        "chain": outlook.verdict.as_ref().map(chain),
        "mayMeet": guesses,
        "outputs": outputs,
    })
}

fn chain(verdict: &Verdict) -> Vec<&'static str> {
    verdict.chain.iter().map(|route| route.name()).collect()
}

fn routes(verdict: &Verdict) -> Vec<Value> {
    let considered = verdict.considered.iter();
    considered
        .map(|one| {
            let (outcome, reason) = match &one.outcome {
                Outcome::Takes(reason) => ("takes", reason),
                Outcome::LastResort(reason) => ("last-resort", reason),
                Outcome::Passes(reason) => ("passes", reason),
            };
            let mut value = json!({ "route": one.route.name(), "outcome": outcome });
            if let (Some(members), Value::Object(more)) = (value.as_object_mut(), reason.to_json())
            {
                members.extend(more);
            }
            value
        })
        .collect()
}
