//! Where the boxes of a layered graph stand.
//!
//! Contract: knows numbers only; the same input gives the same layout. The method is Sugiyama's (1981):
//! layers by the longest way from the top, an order within each layer that has few crossings, and heights
//! that bring neighbours to one line; an edge over several layers has a bend in each. Layers go from left to
//! right, since names are wide and low.

/// A box to place.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Width and height.
    pub size: (f64, f64),
    /// The items that it needs, which come later in the list.
    pub needs: Vec<usize>,
}

/// Where things stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// The left upper corner of each item.
    pub places: Vec<(f64, f64)>,
    /// For each edge: who needs, what, and the points that it goes through between them, each the middle
    /// of a passage through a layer: left end, right end, height.
    pub edges: Vec<Edge>,
    /// Width and height of the whole.
    pub size: (f64, f64),
}

/// An edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Who needs.
    pub from: usize,
    /// What.
    pub to: usize,
    /// Where the layer of who needs ends: until there it goes straight, past wider boxes.
    pub leaves: f64,
    /// The passages through the layers between.
    pub through: Vec<(f64, f64, f64)>,
}

/// The distance between boxes of one layer.
const GAP: f64 = 8.0;
/// The distance between an edge and what is beside it.
const EDGE_GAP: f64 = 5.0;
/// How often orders and heights are improved.
const SWEEPS: usize = 16;

/// A box, or a passage of an edge through a layer.
struct Node {
    item: Option<usize>,
    height: f64,
    left: Vec<usize>,
    right: Vec<usize>,
}

/// Places items.
pub fn layout(items: &[Item]) -> Layout {
    let layer_of = layers(items);
    let count = layer_of.iter().max().map_or(0, |last| last + 1);
    let mut nodes: Vec<Node> = items
        .iter()
        .enumerate()
        .map(|(at, item)| Node {
            item: Some(at),
            height: item.size.1,
            left: Vec::new(),
            right: Vec::new(),
        })
        .collect();
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, &layer) in layer_of.iter().enumerate() {
        order[layer].push(at);
    }
    let mut chains = Vec::new();
    for (from, item) in items.iter().enumerate() {
        for &to in &item.needs {
            let mut chain = vec![from];
            for layer in order.iter_mut().take(layer_of[to]).skip(layer_of[from] + 1) {
                layer.push(nodes.len());
                chain.push(nodes.len());
                nodes.push(Node {
                    item: None,
                    height: 0.0,
                    left: Vec::new(),
                    right: Vec::new(),
                });
            }
            chain.push(to);
            for pair in chain.windows(2) {
                if let [a, b] = *pair {
                    nodes[a].right.push(b);
                    nodes[b].left.push(a);
                }
            }
            chains.push(chain);
        }
    }
    arrange(&nodes, &mut order);
    let heights = heights(&nodes, &order);
    place(items, &nodes, &order, &layer_of, &heights, &chains)
}

/// The layer of each item: one more than the highest of those that need it.
fn layers(items: &[Item]) -> Vec<usize> {
    let mut layer = vec![0; items.len()];
    for (from, item) in items.iter().enumerate() {
        for &to in &item.needs {
            debug_assert!(to > from);
            layer[to] = layer[to].max(layer[from] + 1);
        }
    }
    layer
}

/// Orders each layer by the middle of the neighbours, back and forth, and keeps the best.
fn arrange(nodes: &[Node], order: &mut Vec<Vec<usize>>) {
    let mut best = order.clone();
    let mut least = crossings(nodes, order);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let count = order.len();
        let mut at = vec![0.0; nodes.len()];
        for step in 0..count {
            let layer = if forward { step } else { count - 1 - step };
            let middle = |node: usize| {
                let sides = if forward {
                    &nodes[node].left
                } else {
                    &nodes[node].right
                };
                match sides.is_empty() {
                    true => None,
                    false => {
                        Some(sides.iter().map(|&other| at[other]).sum::<f64>() / sides.len() as f64)
                    }
                }
            };
            let mut keyed: Vec<(f64, usize)> = order[layer]
                .iter()
                .enumerate()
                .map(|(place, &node)| (middle(node).unwrap_or(place as f64), node))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            order[layer] = keyed.into_iter().map(|(_, node)| node).collect();
            for (place, &node) in order[layer].iter().enumerate() {
                at[node] = place as f64;
            }
        }
        let now = crossings(nodes, order);
        if now < least {
            least = now;
            best.clone_from(order);
        }
    }
    *order = best;
}

/// How many edges cross.
fn crossings(nodes: &[Node], order: &[Vec<usize>]) -> usize {
    let mut at = vec![0; nodes.len()];
    for layer in order {
        for (place, &node) in layer.iter().enumerate() {
            at[node] = place;
        }
    }
    let mut total = 0;
    for layer in order {
        let mut ends: Vec<usize> = Vec::new();
        for &node in layer {
            let mut here: Vec<usize> = nodes[node].right.iter().map(|&other| at[other]).collect();
            here.sort_unstable();
            ends.extend(here);
        }
        total += inversions(&ends);
    }
    total
}

/// How many pairs are in the wrong order, by a tree of counts (Fenwick 1994).
fn inversions(values: &[usize]) -> usize {
    let size = values.iter().max().map_or(0, |most| most + 1);
    let mut counts = vec![0_usize; size + 1];
    let mut total = 0;
    for (seen, &value) in values.iter().enumerate() {
        let (mut at, mut not_above) = (value + 1, 0);
        while at > 0 {
            not_above += counts[at];
            at &= at - 1;
        }
        total += seen - not_above;
        let mut at = value + 1;
        while at <= size {
            counts[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}

/// The height of each node's middle.
fn heights(nodes: &[Node], order: &[Vec<usize>]) -> Vec<f64> {
    let mut y = vec![0.0; nodes.len()];
    for layer in order {
        let mut below = 0.0;
        for pair in layer.iter().enumerate() {
            let (place, &node) = pair;
            if place > 0 {
                below += distance(nodes, layer[place - 1], node);
            }
            y[node] = below;
        }
    }
    for sweep in 0..SWEEPS * 2 {
        let forward = sweep % 2 == 0;
        let count = order.len();
        for step in 0..count {
            let layer = &order[if forward { step } else { count - 1 - step }];
            let wish = |node: usize| {
                // Passages pull more than boxes, so that long edges are straight.
                let pull = |other: usize| match (nodes[node].item, nodes[other].item) {
                    (None, None) => 8.0,
                    (Some(_), Some(_)) => 1.0,
                    _ => 2.0,
                };
                let all = nodes[node].left.iter().chain(&nodes[node].right);
                let (mut sum, mut weight) = (0.0, 0.0);
                for &other in all {
                    sum += pull(other) * y[other];
                    weight += pull(other);
                }
                if weight == 0.0 {
                    (y[node], 0.1)
                } else {
                    (sum / weight, weight)
                }
            };
            let wishes: Vec<(f64, f64)> = layer.iter().map(|&node| wish(node)).collect();
            let gaps: Vec<f64> = layer
                .windows(2)
                .map(|pair| distance(nodes, pair[0], pair[1]))
                .collect();
            for (&node, height) in layer.iter().zip(spread(&wishes, &gaps)) {
                y[node] = height;
            }
        }
    }
    y
}

/// How far the middles of two neighbours must be apart.
fn distance(nodes: &[Node], above: usize, below: usize) -> f64 {
    let gap = match (nodes[above].item, nodes[below].item) {
        (Some(_), Some(_)) => GAP,
        _ => EDGE_GAP,
    };
    (nodes[above].height + nodes[below].height) / 2.0 + gap
}

/// The heights nearest to the wishes (by weighted squares) that keep the distances: pool adjacent
/// violators (Ayer and others, 1955).
fn spread(wishes: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(wishes.len());
    // Blocks of neighbours that stand as near as may be: the mean, its weight, how many.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (at, &(wish, weight)) in wishes.iter().enumerate() {
        if at > 0 {
            offset += gaps[at - 1];
        }
        offsets.push(offset);
        let mut block = (wish - offset, weight, 1);
        while let Some(&(mean, weight, count)) = blocks.last() {
            if mean <= block.0 {
                break;
            }
            blocks.pop();
            let both = weight + block.1;
            block = (
                (mean * weight + block.0 * block.1) / both,
                both,
                count + block.2,
            );
        }
        blocks.push(block);
    }
    let means = blocks
        .into_iter()
        .flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count));
    means
        .zip(offsets)
        .map(|(mean, offset)| mean + offset)
        .collect()
}

fn place(
    items: &[Item],
    nodes: &[Node],
    order: &[Vec<usize>],
    layer_of: &[usize],
    heights: &[f64],
    chains: &[Vec<usize>],
) -> Layout {
    // Between layers there is room for the curves: more, the more edges there are.
    let mut lefts = Vec::new();
    let (mut x, mut widths) = (0.0, Vec::new());
    for layer in order {
        let boxes = layer.iter().filter_map(|&node| nodes[node].item);
        let width = boxes.map(|item| items[item].size.0).fold(0.0, f64::max);
        lefts.push(x);
        widths.push(width);
        let edges: usize = layer.iter().map(|&node| nodes[node].right.len()).sum();
        x += width + (50.0 + 1.5 * edges as f64).min(170.0);
    }
    let top = |node: usize| heights[node] - nodes[node].height / 2.0;
    let least = (0..nodes.len()).map(top).fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 0.0 };
    let bottom = |node: usize| heights[node] + nodes[node].height / 2.0 - least;
    let places = (0..items.len()).map(|item| (lefts[layer_of[item]], top(item) - least));
    let mut layer_of_node = vec![0; nodes.len()];
    for (layer, all) in order.iter().enumerate() {
        all.iter().for_each(|&node| layer_of_node[node] = layer);
    }
    let edges = chains.iter().filter_map(|chain| {
        let (&from, &to) = (chain.first()?, chain.last()?);
        let inner = chain.get(1..chain.len().saturating_sub(1))?;
        let through = inner.iter().map(|&node| {
            let layer = layer_of_node[node];
            (
                lefts[layer],
                lefts[layer] + widths[layer],
                heights[node] - least,
            )
        });
        let layer = layer_of[from];
        Some(Edge {
            from,
            to,
            leaves: lefts[layer] + widths[layer],
            through: through.collect(),
        })
    });
    let width = lefts
        .last()
        .zip(widths.last())
        .map_or(0.0, |(left, width)| left + width);
    let height = (0..nodes.len()).map(bottom).fold(0.0, f64::max);
    Layout {
        places: places.collect(),
        edges: edges.collect(),
        size: (width, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inversions_are_counted() {
        for (values, wanted) in [
            (&[][..], 0),
            (&[1, 2, 2], 0),
            (&[3, 1, 2], 2),
            (&[2, 2, 1, 0], 5),
        ] {
            assert_eq!(inversions(values), wanted, "{values:?}");
        }
    }

    #[test]
    fn wishes_are_met_as_far_as_the_distances_allow() {
        let spread = |wishes: &[f64]| {
            let wishes: Vec<(f64, f64)> = wishes.iter().map(|&wish| (wish, 1.0)).collect();
            super::spread(&wishes, &vec![10.0; wishes.len().saturating_sub(1)])
        };
        assert_eq!(spread(&[0.0, 50.0]), [0.0, 50.0]);
        assert_eq!(spread(&[5.0, 5.0]), [0.0, 10.0]);
        assert_eq!(spread(&[20.0, 0.0, 100.0]), [5.0, 15.0, 100.0]);
        assert!(spread(&[]).is_empty());
    }

    fn items() -> impl Strategy<Value = Vec<Item>> {
        proptest::collection::vec(
            (
                20.0..90.0_f64,
                10.0..60.0_f64,
                proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
            ),
            1..40,
        )
        .prop_map(|all| {
            let count = all.len();
            all.into_iter()
                .enumerate()
                .map(|(at, (width, height, needs))| {
                    let later = count - at - 1;
                    let mut needs: Vec<usize> = match later {
                        0 => Vec::new(),
                        later => needs
                            .iter()
                            .map(|index| at + 1 + index.index(later))
                            .collect(),
                    };
                    needs.sort_unstable();
                    needs.dedup();
                    Item {
                        size: (width, height),
                        needs,
                    }
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_and_edges_go_right(items in items()) {
            let layout = layout(&items);
            prop_assert_eq!(&layout, &super::layout(&items));
            let rectangle = |at: usize| {
                let ((x, y), (width, height)) = (layout.places[at], items[at].size);
                (x, y, x + width, y + height)
            };
            for a in 0..items.len() {
                let (left, top, right, bottom) = rectangle(a);
                prop_assert!(left >= 0.0 && top >= -0.001);
                prop_assert!(right <= layout.size.0 + 0.001 && bottom <= layout.size.1 + 0.001);
                for b in 0..a {
                    let (l, t, r, m) = rectangle(b);
                    let apart = right <= l || r <= left || bottom <= t + 0.001 || m <= top + 0.001;
                    prop_assert!(apart, "{} and {} overlap", a, b);
                }
            }
            let wanted: usize = items.iter().map(|item| item.needs.len()).sum();
            prop_assert_eq!(layout.edges.len(), wanted);
            for edge in &layout.edges {
                prop_assert!(layout.places[edge.from].0 < layout.places[edge.to].0);
            }
        }
    }
}
