//! A forecast as a tree, as `nix-store --query --tree` draws one.
//!
//! Contract: every derivation is shown once with what it needs; where it comes again, the line says so. What
//! is valid or fetched is counted, not listed, unless all is asked for. No recursion; a branch that is very
//! deep goes on at the left margin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Fate, Forecast, Outlook};
use crate::plan::NodeId;

/// How deep a branch is drawn.
const MAX_DEPTH: usize = 24;

/// The text.
pub fn tree(forecast: &Forecast<'_>, all: bool) -> String {
    let goals: Vec<NodeId> = forecast.plan.goals.iter().map(|(id, _)| *id).collect();
    let mut roots: VecDeque<NodeId> = goals.into();
    let mut drawing = Drawing {
        forecast,
        all,
        shown: BTreeSet::new(),
        deferred: VecDeque::new(),
        out: String::new(),
    };
    while let Some(root) = roots.pop_front() {
        drawing.draw(root);
        roots.append(&mut drawing.deferred);
    }
    drawing.out
}

/// A line to draw.
struct Line {
    id: NodeId,
    /// What stands before it, and before the lines below it.
    before: String,
    below: String,
    depth: usize,
}

struct Drawing<'f, 'p> {
    forecast: &'f Forecast<'p>,
    all: bool,
    shown: BTreeSet<NodeId>,
    deferred: VecDeque<NodeId>,
    out: String,
}

impl Drawing<'_, '_> {
    fn draw(&mut self, root: NodeId) {
        let mut todo = vec![Line {
            id: root,
            before: String::new(),
            below: String::new(),
            depth: 0,
        }];
        while let Some(line) = todo.pop() {
            let Some(outlook) = self.forecast.outlooks.get(&line.id) else {
                continue;
            };
            let name = self.forecast.plan.graph.node(line.id).name();
            self.out
                .push_str(&format!("{}{name}  [{}]", line.before, word(outlook)));
            let again = !self.shown.insert(line.id);
            let (children, counts) = self.children(line.id);
            if again && !(children.is_empty() && counts.is_empty()) {
                self.out.push_str(" (see above)\n");
                continue;
            }
            if line.depth >= MAX_DEPTH && !children.is_empty() {
                self.out.push_str(" (goes on below)\n");
                self.shown.remove(&line.id);
                self.deferred.push_back(line.id);
                continue;
            }
            self.out.push('\n');
            let last = children.len();
            let rest = rest(&counts);
            let mut lines: Vec<Line> = Vec::new();
            for (at, child) in children.into_iter().enumerate() {
                let end = at + 1 == last;
                let (branch, stem) = if end {
                    ("└── ", "    ")
                } else {
                    ("├── ", "│   ")
                };
                lines.push(Line {
                    id: child,
                    before: format!("{}{branch}", line.below),
                    below: format!("{}{stem}", line.below),
                    depth: line.depth + 1,
                });
            }
            if let Some(rest) = rest {
                let branch = if last == 0 {
                    "└── "
                } else {
                    "├── "
                };
                self.out
                    .push_str(&format!("{}{branch}{rest}\n", line.below));
            }
            todo.extend(lines.into_iter().rev());
        }
    }

    /// What is drawn below, and how many of what is not.
    fn children(&self, id: NodeId) -> (Vec<NodeId>, BTreeMap<Fate, usize>) {
        let (mut children, mut counts) = (Vec::new(), BTreeMap::new());
        for (input, outlook) in self.forecast.inputs(id) {
            match outlook.fate {
                Fate::Valid | Fate::Substitute if !self.all => {
                    *counts.entry(outlook.fate).or_default() += 1;
                }
                _ => children.push(input),
            }
        }
        (children, counts)
    }
}

fn rest(counts: &BTreeMap<Fate, usize>) -> Option<String> {
    let parts: Vec<String> = counts
        .iter()
        .map(|(fate, count)| format!("{count} {}", fate.words()))
        .collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join(", ")))
}

/// The fate, with what is special about this one.
fn word(outlook: &Outlook) -> String {
    let mut text = outlook.fate.name().to_owned();
    if let Some(special) = outlook.special() {
        text.push_str(&format!(": {special}"));
    }
    if let Some(guess) = outlook.guesses.first() {
        text.push_str(&format!("; may meet {}", guess.program));
        if outlook.guesses.len() > 1 {
            text.push_str(&format!(" and {} more", outlook.guesses.len() - 1));
        }
    }
    text
}
