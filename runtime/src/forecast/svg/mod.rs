//! A forecast as a picture: who needs what, from left to right, coloured by fate.
//!
//! Contract: SVG 1.1 without scripts and without anything from elsewhere; the same forecast gives the same
//! bytes. Colours are told apart by all common kinds of colour blindness (Okabe and Ito 2008), and borders
//! say the rest: dashed is doubtful. The whole story of each box is in its title, which viewers show.

mod graph;
mod layout;

use std::fmt::Write as _;

use super::{Fate, Forecast, Outlook};
use crate::plan::NodeId;
use crate::progress::human_size;
use graph::{Cell, Graph};
use layout::{Edge, Item, Layout, layout};

/// The width of a character of the font, in pixels: 0.6 of its size in most fonts of equal width.
const CHARACTER: f64 = 6.7;
/// The height of a derivation.
const ROW: f64 = 20.0;
/// Between derivations of one box.
const INNER: f64 = 4.0;
/// The most derivations above each other in one box.
const ROWS: usize = 18;
/// The longest name that is shown whole, in characters.
const NAME: usize = 34;
/// Around everything.
const MARGIN: f64 = 24.0;

/// Fill and border of a fate.
fn colours(fate: Fate) -> (&'static str, &'static str) {
    match fate {
        Fate::Valid | Fate::NotNeeded => ("#ececec", "#8a8a8a"),
        Fate::Substitute => ("#d3eafa", "#2b83b5"),
        Fate::Sandbox => ("#c9eddf", "#00855f"),
        Fate::Shell => ("#faf3b5", "#9a8b00"),
        Fate::Vm => ("#fbd9bd", "#c24f00"),
        Fate::NeedsVm => ("#fff1e6", "#c24f00"),
        Fate::Refused => ("#f3c6de", "#9c2a6b"),
    }
}

fn is_doubtful(outlook: &Outlook) -> bool {
    let last = outlook
        .verdict
        .as_ref()
        .is_some_and(|verdict| verdict.last_resort);
    outlook.fate == Fate::NeedsVm || last || !outlook.guesses.is_empty()
}

/// The picture.
pub(super) fn draw(forecast: &Forecast<'_>) -> String {
    let graph = Graph::of(forecast);
    let columns: Vec<Columns> = graph
        .cells
        .iter()
        .map(|cell| Columns::of(forecast, cell))
        .collect();
    let items: Vec<Item> = graph
        .cells
        .iter()
        .zip(&columns)
        .map(|(cell, columns)| Item {
            size: columns.size(),
            needs: cell.needs.clone(),
        })
        .collect();
    let layout = layout(&items);
    let legend = legend(forecast, &graph);
    let width = (layout.size.0 + 2.0 * MARGIN).max(legend.width);
    let panel = panel(forecast, &graph.common, width, legend.height);
    let top = legend.height + panel.height + MARGIN;
    let height = layout.size.1 + top + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, monospace\" \
         font-size=\"11\" fill=\"#1a1a1a\">\n\
         <style>.e{{fill:none;stroke:#9aa0a6;stroke-width:1}}.e:hover{{stroke:#000;stroke-width:2.5}}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    out.push_str(&legend.text);
    out.push_str(&panel.text);
    let _ = writeln!(out, "<g transform=\"translate({MARGIN:.0} {top:.0})\">");
    for edge in &layout.edges {
        draw_edge(&mut out, forecast, &graph, &layout, &items, edge);
    }
    for ((cell, columns), &(x, y)) in graph.cells.iter().zip(&columns).zip(&layout.places) {
        draw_cell(&mut out, forecast, cell, columns, (x, y));
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// How the derivations of a box stand.
struct Columns {
    rows: usize,
    widths: Vec<f64>,
}

impl Columns {
    fn of(forecast: &Forecast<'_>, cell: &Cell) -> Columns {
        // As square as names allow, and never too high.
        let count = cell.members.len();
        let rows = ((count as f64 * 4.0).sqrt().ceil() as usize)
            .clamp(1, ROWS)
            .min(count.max(1));
        let widths = cell.members.chunks(rows).map(|column| {
            let longest = column
                .iter()
                .map(|id| label(forecast, *id).chars().count())
                .max();
            longest.unwrap_or_default() as f64 * CHARACTER + 14.0
        });
        Columns {
            rows,
            widths: widths.collect(),
        }
    }

    fn is_group(&self) -> bool {
        self.rows > 1 || self.widths.len() > 1
    }

    /// Width and height of the box.
    fn size(&self) -> (f64, f64) {
        let count = self.widths.len() as f64;
        let frame = if self.is_group() { 2.0 * INNER } else { 0.0 };
        let width = self.widths.iter().sum::<f64>() + (count - 1.0) * INNER + frame;
        let height = self.rows as f64 * (ROW + INNER) - INNER + frame;
        (width, height)
    }
}

/// The name, shortened in its middle.
fn label(forecast: &Forecast<'_>, id: NodeId) -> String {
    let name = forecast.plan.graph.node(id).name();
    let count = name.chars().count();
    if count <= NAME {
        return name.to_owned();
    }
    let (head, tail) = (NAME * 2 / 3, NAME - NAME * 2 / 3 - 1);
    let end: String = name.chars().skip(count - tail).collect();
    format!("{}…{end}", name.chars().take(head).collect::<String>())
}

fn draw_cell(
    out: &mut String,
    forecast: &Forecast<'_>,
    cell: &Cell,
    columns: &Columns,
    (x, y): (f64, f64),
) {
    let (width, height) = columns.size();
    let inset = if columns.is_group() { INNER } else { 0.0 };
    if columns.is_group() {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"5\" fill=\"#fafafa\" stroke=\"#c4c7cb\"/>"
        );
    }
    let mut left = x + inset;
    for (column, width) in cell.members.chunks(columns.rows).zip(&columns.widths) {
        for (row, id) in column.iter().enumerate() {
            let top = y + inset + row as f64 * (ROW + INNER);
            draw_derivation(out, forecast, *id, (left, top), *width);
        }
        left += width + INNER;
    }
}

fn draw_derivation(
    out: &mut String,
    forecast: &Forecast<'_>,
    id: NodeId,
    (x, y): (f64, f64),
    width: f64,
) {
    let Some(outlook) = forecast.outlooks.get(&id) else {
        return;
    };
    let (fill, border) = colours(outlook.fate);
    let dashes = if is_doubtful(outlook) {
        " stroke-dasharray=\"4 2.5\""
    } else {
        ""
    };
    let goal = forecast.plan.goals.iter().any(|(goal, _)| *goal == id);
    let weight = if goal {
        (2.0, " font-weight=\"bold\"")
    } else {
        (1.0, "")
    };
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{ROW:.0}\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"{}\"{dashes}/>\
         <text x=\"{:.1}\" y=\"{:.1}\"{}>{}</text></g>",
        escape(&title(forecast, id, outlook)),
        weight.0,
        x + 7.0,
        y + 14.0,
        weight.1,
        escape(&label(forecast, id)),
    );
}

fn title(forecast: &Forecast<'_>, id: NodeId, outlook: &Outlook) -> String {
    let node = forecast.plan.graph.node(id);
    let mut text = format!(
        "{}\n{}\n{}: {}",
        node.name(),
        node.derivation.to_absolute_path(),
        outlook.fate.words(),
        outlook.reason()
    );
    for guess in &outlook.guesses {
        text.push_str(&format!("\nmay meet {} ({})", guess.program, guess.place));
    }
    text
}

fn draw_edge(
    out: &mut String,
    forecast: &Forecast<'_>,
    graph: &Graph,
    layout: &Layout,
    items: &[Item],
    edge: &Edge,
) {
    let middle = |at: usize| layout.places[at].1 + items[at].size.1 / 2.0;
    let mut x = layout.places[edge.from].0 + items[edge.from].size.0;
    let mut y = middle(edge.from);
    let mut path = format!("M{x:.1} {y:.1}H{:.1}", edge.leaves);
    x = edge.leaves;
    let mut curve = |path: &mut String, to: (f64, f64)| {
        let half = (x + to.0) / 2.0;
        let _ = write!(
            path,
            "C{half:.1} {y:.1} {half:.1} {:.1} {:.1} {:.1}",
            to.1, to.0, to.1
        );
        (x, y) = to;
    };
    for &(left, right, height) in &edge.through {
        curve(&mut path, (left, height));
        let _ = write!(path, "H{right:.1}");
        curve(&mut path, (right, height));
    }
    curve(&mut path, (layout.places[edge.to].0, middle(edge.to)));
    let name = |at: usize| match graph.cells[at].members.as_slice() {
        [one] => forecast.plan.graph.node(*one).name().to_owned(),
        many => format!("{} derivations", many.len()),
    };
    let _ = writeln!(
        out,
        "<path class=\"e\" d=\"{path}\"><title>{}</title></path>",
        escape(&format!("{} ← {}", name(edge.from), name(edge.to)))
    );
}

/// What many need, in rows as wide as the picture, below the legend.
fn panel(forecast: &Forecast<'_>, common: &[NodeId], width: f64, top: f64) -> Legend {
    let mut text = String::new();
    if common.is_empty() {
        return Legend {
            text,
            width,
            height: 0.0,
        };
    }
    let _ = writeln!(
        text,
        "<text x=\"{MARGIN:.0}\" y=\"{:.0}\" fill=\"#555\">valid or fetched, and needed by many: without lines</text>",
        top + 16.0
    );
    let (mut x, mut y) = (MARGIN, top + 24.0);
    for id in common {
        let own = label(forecast, *id).chars().count() as f64 * CHARACTER + 14.0;
        if x + own > width - MARGIN && x > MARGIN {
            x = MARGIN;
            y += ROW + INNER;
        }
        draw_derivation(&mut text, forecast, *id, (x, y), own);
        x += own + INNER;
    }
    Legend {
        text,
        width,
        height: y + ROW - top,
    }
}

/// What stands above the graph.
struct Legend {
    text: String,
    width: f64,
    height: f64,
}

fn legend(forecast: &Forecast<'_>, graph: &Graph) -> Legend {
    let goals: Vec<&str> = forecast
        .plan
        .goals
        .iter()
        .map(|(id, _)| forecast.plan.graph.node(*id).name())
        .collect();
    let heading = match goals.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("{} derivations", many.len()),
    };
    let total = forecast.needed().count();
    let mut text = format!(
        "<text x=\"{MARGIN:.0}\" y=\"34\" font-size=\"16\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{MARGIN:.0}\" y=\"54\" fill=\"#555\">{total} derivations; who needs stands left of what it needs; an edge that others imply is left out</text>\n",
        escape(&heading)
    );
    let mut y = 68.0;
    let mut width = 2.0 * MARGIN + 100.0 * CHARACTER;
    let mut row = |text: &mut String, swatch: (&str, &str, bool), words: &str| {
        let (fill, border, dashed) = swatch;
        let dashes = if dashed {
            " stroke-dasharray=\"4 2.5\""
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "<rect x=\"{MARGIN:.0}\" y=\"{y:.0}\" width=\"22\" height=\"13\" rx=\"3\" fill=\"{fill}\" stroke=\"{border}\"{dashes}/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            MARGIN + 30.0,
            y + 10.5,
            escape(words)
        );
        y += 19.0;
        width = width.max(2.0 * MARGIN + 30.0 + words.chars().count() as f64 * CHARACTER);
    };
    for fate in Fate::ALL {
        let count = forecast.count(fate);
        if count == 0 || fate == Fate::NotNeeded {
            continue;
        }
        let (fill, border) = colours(fate);
        let mut words = format!("{count:>4}  {}", fate.words());
        if fate == Fate::Substitute {
            words.push_str(&format!(
                ", {} to download",
                human_size(forecast.download())
            ));
        }
        row(&mut text, (fill, border, fate == Fate::NeedsVm), &words);
    }
    let outlooks = || forecast.outlooks.values();
    let may_meet = outlooks()
        .filter(|outlook| !outlook.guesses.is_empty())
        .count();
    if may_meet > 0 {
        let (fill, border) = colours(Fate::Shell);
        let words =
            format!("{may_meet:>4}  of them may meet a program that the shell has not (a guess)");
        row(&mut text, (fill, border, true), &words);
    }
    if graph.hidden > 0 {
        row(
            &mut text,
            ("#ffffff", "#c4c7cb", true),
            &format!("{:>4}  more are not drawn", graph.hidden),
        );
    }
    Legend {
        text,
        width,
        height: y + 6.0,
    }
}

/// Text as it may stand in XML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_cannot_leave_its_element() {
        assert_eq!(
            escape("a<b>&\"c\u{1b}\n"),
            "a&lt;b&gt;&amp;&quot;c\u{fffd}\n"
        );
    }
}
