//! Why one derivation goes where it goes: every rule that was considered, and which decided.
//!
//! Contract: the router is asked whatever the derivation's fate, so that the answer is there also for what
//! is valid or fetched now.

use serde_json::{Value, json};
use wasibuild_nix_compat::store_path::StorePath;

use super::{Fate, Forecast, Outlook, json as members, key};
use crate::plan::NodeId;
use crate::printable;
use crate::router::{Outcome, Remembered, Router, Verdict};

/// The text about a derivation of the forecast.
pub fn explain(forecast: &Forecast<'_>, id: NodeId) -> String {
    let node = forecast.plan.graph.node(id);
    let Some(outlook) = forecast.outlooks.get(&id) else {
        return String::new();
    };
    let verdict = forecast.plan.router.consider(&node.question());
    let mut out = format!("{}\n", node.derivation.to_absolute_path());
    out.push_str(&format!("  system   {}\n", printable::name(&node.system)));
    out.push_str(&format!("  builder  {}\n", printable::name(&node.builder)));
    out.push_str(&format!("  now      {}\n", now(outlook)));
    out.push_str("routes, in the order of the policy:\n");
    let decides = decides(&verdict);
    for (at, one) in verdict.considered.iter().enumerate() {
        let (word, reason) = match &one.outcome {
            Outcome::Takes(reason) => ("takes it", reason),
            Outcome::LastResort(reason) => ("takes it if no other does", reason),
            Outcome::Passes(reason) => ("passes it", reason),
        };
        let mark = if Some(at) == decides { "=>" } else { "  " };
        out.push_str(&format!("{mark} {:<8} {word}: {reason}", one.route.name()));
        match reason.setting() {
            Some(setting) => out.push_str(&format!(" (setting {setting})\n")),
            None => out.push('\n'),
        }
    }
    if let Some(end) = ending(&verdict) {
        out.push_str(&format!("   {end}\n"));
    }
    if let Some(remembered) = remembered(&forecast.plan.router, key(node)) {
        let script = remembered
            .script
            .map_or_else(String::new, |script| format!(", by {script}"));
        out.push_str(&format!(
            "remembered: an attempt met '{}'{script}: {} (`wasibuild explain --forget` forgets it)\n",
            remembered.program, remembered.problem
        ));
    }
    for guess in &outlook.guesses {
        out.push_str(&format!(
            "may meet: {}, by a look at {}; a guess\n",
            guess.program, guess.place
        ));
    }
    out
}

/// The same as JSON.
pub fn explain_json(forecast: &Forecast<'_>, id: NodeId) -> Value {
    let node = forecast.plan.graph.node(id);
    let Some(outlook) = forecast.outlooks.get(&id) else {
        return Value::Null;
    };
    let verdict = forecast.plan.router.consider(&node.question());
    let asked = Outlook {
        verdict: Some(verdict.clone()),
        ..outlook.clone()
    };
    let mut value = members::derivation(node, &asked);
    let decided = decides(&verdict).and_then(|at| verdict.considered.get(at));
    let remembered = remembered(&forecast.plan.router, key(node));
    let remembered = remembered.map(|known| {
        json!({ "program": known.program, "problem": known.problem, "script": known.script, "when": known.when })
    });
    if let Some(members) = value.as_object_mut() {
        members.insert(
            "decides".to_owned(),
            decided.map(|one| one.route.name()).into(),
        );
        members.insert("remembered".to_owned(), remembered.into());
        members.insert("system".to_owned(), printable::name(&node.system).into());
        members.insert("builder".to_owned(), printable::name(&node.builder).into());
    }
    value
}

fn now(outlook: &Outlook) -> String {
    match outlook.fate {
        Fate::NotNeeded => "nothing needs it".to_owned(),
        Fate::Valid => {
            "its outputs are valid, nothing is done; below, who would build them".to_owned()
        }
        Fate::Substitute => {
            "its outputs would be fetched from a binary cache; below, who would build them"
                .to_owned()
        }
        Fate::Sandbox => "it would be built in the sandbox".to_owned(),
        Fate::Shell => "it would be attempted by the shell in the sandbox".to_owned(),
        Fate::Vm => "it would be built in the virtual machine".to_owned(),
        Fate::NeedsVm => {
            "nobody builds it: it needs a virtual machine, and there is none".to_owned()
        }
        Fate::Refused => "nobody builds it".to_owned(),
    }
}

/// The rule that decides: the first route of the chain, else that which ends the list.
fn decides(verdict: &Verdict) -> Option<usize> {
    let route = verdict.chain.first()?;
    verdict
        .considered
        .iter()
        .position(|one| one.route == *route)
}

fn ending(verdict: &Verdict) -> Option<String> {
    match verdict.chain.split_first() {
        None => Some("so nobody builds it".to_owned()),
        Some((_, [])) => None,
        Some((_, rest)) => {
            let rest: Vec<&str> = rest.iter().map(|route| route.name()).collect();
            Some(format!(
                "if it meets a program that it cannot run: {}",
                rest.join(", then ")
            ))
        }
    }
}

fn remembered(router: &Router, output: Option<&StorePath>) -> Option<Remembered> {
    router.decisions.recall(output?)
}
