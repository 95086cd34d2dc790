//! A hundred trivial derivations through each door, beside the same built by Nix itself.
//!
//! Contract: one side is one way to have them built by one Nix; what counts is the time of
//! `nix-store --realise` on derivations that are in its store already, divided by their number. Each turn
//! has a new store. The sides of one Nix run in turns. docs/benchmarks.md says what is compared.

pub mod connection;
mod machine;
mod side;
pub mod steps;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::measure::{self, medians};
pub use machine::{Machine, Nix, output};
pub use side::{Kind, Side, Through};

/// How many derivations.
pub const COUNT: u32 = 100;

/// One line of the table of a Nix.
#[derive(Debug)]
pub struct Figure {
    /// Which way.
    pub side: Side,
    /// Milliseconds for each derivation.
    pub each: f64,
}

/// Measures all ways that a Nix has.
///
/// # Errors
/// When a side fails.
pub fn figures(machine: &Machine, nix: &Nix, samples: usize) -> Result<Vec<Figure>> {
    let sides = Side::of(nix);
    let mut closures: Vec<measure::Side<'_>> = Vec::new();
    for side in &sides {
        closures.push(Box::new(move || side.run(machine, nix)));
    }
    let times = medians(samples, &mut closures)?;
    drop(closures);
    let each = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(COUNT);
    Ok(sides
        .into_iter()
        .zip(times)
        .map(|(side, time)| Figure {
            side,
            each: each(time),
        })
        .collect())
}

/// The goals, and whether they are met by these figures of one Nix.
///
/// # Errors
/// When a figure is missing that others are compared with.
pub fn verdicts(figures: &[Figure]) -> Result<Vec<(String, bool)>> {
    let find = |kind, through| {
        let found = figures
            .iter()
            .find(|one| one.side == Side { kind, through });
        found.map(|one| one.each)
    };
    let mut verdicts = Vec::new();
    let floor = find(Kind::Text, Through::Floor).context("the floor")?;
    if let Some(external) = find(Kind::Text, Through::External) {
        let sh = find(Kind::Sh, Through::Sandbox).context("Nix' /bin/sh")?;
        let stdenv = find(Kind::Stdenv, Through::Sandbox).context("Nix' stdenv")?;
        verdicts.push((
            format!("external builder {external:.1} ms, no slower than Nix' sandboxed /bin/sh ({sh:.1} ms)"),
            external <= sh,
        ));
        verdicts.push((
            format!("external builder {external:.1} ms, 3 times faster than sandboxed stdenv ({stdenv:.1} ms)"),
            external * 3.0 <= stdenv,
        ));
    }
    for (name, through) in [("daemon", Through::Daemon), ("hook", Through::Hook)] {
        if let Some(each) = find(Kind::Text, through) {
            verdicts.push((
                format!(
                    "{name} {each:.1} ms, within 3 ms of the stock client's floor ({floor:.1} ms)"
                ),
                each <= floor + 3.0,
            ));
        }
    }
    Ok(verdicts)
}

/// The table of all Nixes in Markdown: a row for each side, a column for each Nix.
pub fn table(all: &[(String, Vec<Figure>)]) -> String {
    let mut rows: Vec<&Side> = Vec::new();
    for figure in all.iter().flat_map(|(_, figures)| figures) {
        if !rows.contains(&&figure.side) {
            rows.push(&figure.side);
        }
    }
    let mut text = String::from("| Milliseconds a derivation |");
    for (version, _) in all {
        text.push_str(&format!(" Nix {version} |"));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(all.len()));
    text.push('\n');
    for side in rows {
        text.push_str(&format!("| {side} |"));
        for (_, figures) in all {
            match figures.iter().find(|figure| figure.side == *side) {
                Some(figure) => text.push_str(&format!(" {:.1} |", figure.each)),
                None => text.push_str(" — |"),
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(kind: Kind, through: Through, each: f64) -> Figure {
        Figure {
            side: Side { kind, through },
            each,
        }
    }

    #[test]
    fn a_missed_goal_is_said() {
        let figures = |daemon| {
            [
                figure(Kind::Text, Through::Floor, 20.0),
                figure(Kind::Text, Through::Daemon, daemon),
            ]
        };
        let met = |daemon| verdicts(&figures(daemon)).expect("a floor")[0].1;
        assert!(met(23.0));
        assert!(!met(23.1));
        assert!(verdicts(&[]).is_err());
    }

    #[test]
    fn what_a_nix_does_not_have_is_a_dash() {
        let all = [
            (
                "2.8".to_owned(),
                vec![figure(Kind::Text, Through::Floor, 1.0)],
            ),
            (
                "2.34".to_owned(),
                vec![figure(Kind::Text, Through::External, 2.0)],
            ),
        ];
        let table = table(&all);
        assert!(table.contains("| 1.0 | — |"), "{table}");
        assert!(table.contains("| — | 2.0 |"), "{table}");
    }
}
