//! What of a forecast is drawn: boxes, and the edges between them.
//!
//! Contract: derivations that the same ones need and that need the same ones share a box; an edge that
//! others imply is left out, so that what stays can be followed by eye. Everything that is built is drawn as
//! long as there are not more than [`MAX`]; of the rest the number is told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::forecast::{Fate, Forecast};
use crate::plan::NodeId;

/// The most derivations that are drawn: more could not be read, and the time grows with the square.
const MAX: usize = 1500;
/// What is valid or fetched and needed by more boxes than this has no lines: it says little, and its lines
/// would cover the others.
const MANY: usize = 3;

/// A box: derivations that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The derivations, by fate and then by name.
    pub members: Vec<NodeId>,
    /// The boxes that they need.
    pub needs: Vec<usize>,
}

/// All boxes, each before those that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The boxes.
    pub cells: Vec<Cell>,
    /// What is valid or fetched and needed by many, by fate and then by name.
    pub common: Vec<NodeId>,
    /// How many derivations are left out.
    pub hidden: usize,
}

impl Graph {
    /// The boxes of a forecast.
    pub fn of(forecast: &Forecast<'_>) -> Graph {
        let mut shown = shown(forecast);
        let hidden = forecast.needed().count() - shown.len();
        let mut common = common(forecast, &shown);
        shown.retain(|id| !common.contains(id));
        let needs = reduced(forecast, &shown);
        let mut needed_by: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (from, all) in needs.iter().enumerate() {
            for &to in all {
                needed_by.entry(to).or_default().insert(from);
            }
        }
        let goals: BTreeSet<NodeId> = forecast.plan.goals.iter().map(|(id, _)| *id).collect();
        // By what they need and who needs them; goals stand for themselves.
        type Sides = (BTreeSet<usize>, BTreeSet<usize>);
        let mut alike: BTreeMap<(Option<usize>, Sides), Vec<usize>> = BTreeMap::new();
        for (at, id) in shown.iter().enumerate() {
            let own = goals.contains(id).then_some(at);
            let above = needed_by.get(&at).cloned().unwrap_or_default();
            let sides = (above, needs[at].clone());
            alike.entry((own, sides)).or_default().push(at);
        }
        // Later numbers need earlier ones: whoever needs most comes first.
        let mut groups: Vec<Vec<usize>> = alike.into_values().collect();
        groups.sort_by_key(|members| std::cmp::Reverse(members.iter().max().copied()));
        let mut cell_of = vec![0; shown.len()];
        for (cell, members) in groups.iter().enumerate() {
            members.iter().for_each(|&at| cell_of[at] = cell);
        }
        let cells = groups
            .iter()
            .map(|members| {
                let mut ids: Vec<NodeId> = members.iter().map(|&at| shown[at]).collect();
                sort(forecast, &mut ids);
                let needs = members.iter().flat_map(|&at| needs[at].iter());
                let needs: BTreeSet<usize> = needs.map(|&to| cell_of[to]).collect();
                Cell {
                    members: ids,
                    needs: needs.into_iter().collect(),
                }
            })
            .collect();
        sort(forecast, &mut common);
        Graph {
            cells,
            common,
            hidden,
        }
    }
}

/// By fate, then by name.
fn sort(forecast: &Forecast<'_>, ids: &mut [NodeId]) {
    ids.sort_by_key(|id| {
        let fate = forecast.outlooks.get(id).map(|outlook| outlook.fate);
        (fate, forecast.plan.graph.node(*id).name().to_owned(), *id)
    });
}

/// What is needed by many, valid or fetched, and not asked for.
fn common(forecast: &Forecast<'_>, shown: &[NodeId]) -> Vec<NodeId> {
    let mut needed_by = vec![0_usize; shown.len()];
    for needs in reduced(forecast, shown) {
        needs.into_iter().for_each(|to| needed_by[to] += 1);
    }
    let is_goal = |id: &NodeId| forecast.plan.goals.iter().any(|(goal, _)| goal == id);
    let pairs = shown.iter().zip(needed_by);
    pairs
        .filter(|(id, count)| {
            let fate = forecast.outlooks.get(id).map(|outlook| outlook.fate);
            *count > MANY && matches!(fate, Some(Fate::Valid | Fate::Substitute)) && !is_goal(id)
        })
        .map(|(id, _)| *id)
        .collect()
}

/// The derivations that are drawn, inputs first.
fn shown(forecast: &Forecast<'_>) -> Vec<NodeId> {
    let all: Vec<NodeId> = forecast.needed().map(|(id, _, _)| id).collect();
    if all.len() <= MAX {
        return all;
    }
    let is_built = |id: &NodeId| {
        let fate = forecast.outlooks.get(id).map(|outlook| outlook.fate);
        !matches!(fate, Some(Fate::Valid | Fate::Substitute))
    };
    let built: Vec<NodeId> = all.into_iter().filter(is_built).collect();
    if built.len() <= MAX {
        return built;
    }
    // Those next to what was asked for.
    let mut todo: VecDeque<NodeId> = forecast.plan.goals.iter().map(|(id, _)| *id).collect();
    let mut near: BTreeSet<NodeId> = BTreeSet::new();
    while let Some(id) = todo.pop_front() {
        if near.len() < MAX && near.insert(id) {
            todo.extend(forecast.inputs(id).map(|(input, _)| input).filter(is_built));
        }
    }
    near.into_iter().collect()
}

/// What each needs, by its place in `shown`, without what others that it needs need.
fn reduced(forecast: &Forecast<'_>, shown: &[NodeId]) -> Vec<BTreeSet<usize>> {
    let place: BTreeMap<NodeId, usize> =
        shown.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let words = shown.len().div_ceil(64);
    // What each reaches, as bits; inputs come first, so that theirs are known.
    let mut reach: Vec<Vec<u64>> = Vec::with_capacity(shown.len());
    let mut needs = Vec::with_capacity(shown.len());
    for id in shown {
        let direct: BTreeSet<usize> = forecast
            .inputs(*id)
            .filter_map(|(input, _)| place.get(&input).copied())
            .collect();
        let mut implied = vec![0_u64; words];
        for &to in &direct {
            for (all, one) in implied.iter_mut().zip(&reach[to]) {
                *all |= one;
            }
        }
        let is_implied = |to: &usize| implied[to / 64] & (1 << (to % 64)) != 0;
        let kept: BTreeSet<usize> = direct
            .iter()
            .filter(|to| !is_implied(to))
            .copied()
            .collect();
        for &to in &direct {
            implied[to / 64] |= 1 << (to % 64);
        }
        reach.push(implied);
        needs.push(kept);
    }
    needs
}
