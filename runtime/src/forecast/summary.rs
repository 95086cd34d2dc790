//! The counts of a forecast, with what decided.
//!
//! Contract: one line for each fate that occurs, and below it the reasons with their numbers, the most
//! frequent first, then by text.

use std::collections::BTreeMap;

use super::{Fate, Forecast};
use crate::progress::human_size;

/// How many reasons of one fate are listed.
const MAX_REASONS: usize = 8;
/// How many derivations that may meet a program are listed.
const MAX_GUESSES: usize = 12;

/// The text.
pub fn summary(forecast: &Forecast<'_>) -> String {
    let total = forecast.needed().count();
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let mut out = format!("{total} derivation{}", s(total));
    let idle = forecast.count(Fate::NotNeeded);
    if idle > 0 {
        out.push_str(&format!(", and {idle} of which nothing is needed"));
    }
    out.push('\n');
    for fate in Fate::ALL {
        let count = forecast.count(fate);
        if count == 0 || fate == Fate::NotNeeded {
            continue;
        }
        out.push_str(&format!("{count:>6}  {}", fate.words()));
        if fate == Fate::Substitute {
            let size = human_size(forecast.download());
            out.push_str(&format!(
                " ({} paths, {size} to download)",
                forecast.plan.fetches.len()
            ));
        }
        out.push('\n');
        if !matches!(fate, Fate::Valid | Fate::Substitute) {
            reasons(&mut out, forecast, fate);
        }
    }
    let sources = &forecast.plan.missing;
    if !sources.is_empty() {
        let count = sources.len();
        out.push_str(&format!(
            "{count:>6}  path{} missing: neither valid nor in a binary cache\n",
            s(count)
        ));
        for (path, needed_by) in sources.iter().take(MAX_REASONS) {
            let needed_by = needed_by.name();
            out.push_str(&format!(
                "          {} (for {needed_by})\n",
                path.to_absolute_path()
            ));
        }
    }
    guesses(&mut out, forecast);
    out
}

fn reasons(out: &mut String, forecast: &Forecast<'_>, fate: Fate) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, outlook) in forecast
        .needed()
        .filter(|(_, _, outlook)| outlook.fate == fate)
    {
        *counts.entry(outlook.reason()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    for (reason, count) in counts.iter().take(MAX_REASONS) {
        out.push_str(&format!("{count:>12}  {reason}\n"));
    }
    let rest: usize = counts
        .iter()
        .skip(MAX_REASONS)
        .map(|(_, count)| count)
        .sum();
    if rest > 0 {
        out.push_str(&format!("{rest:>12}  for other reasons (--json has all)\n"));
    }
}

fn guesses(out: &mut String, forecast: &Forecast<'_>) {
    let guessed: Vec<_> = forecast
        .needed()
        .filter(|(_, _, outlook)| !outlook.guesses.is_empty())
        .collect();
    if guessed.is_empty() {
        return;
    }
    let count = guessed.len();
    out.push_str(&format!("{count:>6}  of the shell's may meet a program that it has not, by a look at their scripts:\n"));
    for (_, node, outlook) in guessed.iter().take(MAX_GUESSES) {
        let programs: Vec<&str> = outlook
            .guesses
            .iter()
            .map(|guess| guess.program.as_str())
            .collect();
        out.push_str(&format!(
            "          {}: {}\n",
            node.name(),
            programs.join(", ")
        ));
    }
    if count > MAX_GUESSES {
        out.push_str(&format!(
            "          and {} more (--json has all)\n",
            count - MAX_GUESSES
        ));
    }
}
