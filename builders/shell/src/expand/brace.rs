//! Brace expansion: `a{b,c}d`, `{1..9..2}`, `{a..f}`. It works on a word's parts before anything
//! else is expanded; text from expansions never takes part. The number of results is bounded.

use crate::state::Bounds;
use crate::syntax::ast::{Part, Word};

/// More results than fit.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

/// One unit of a word: a byte of unquoted text, or a part that braces do not look into.
trait Piece: Clone + From<u8> {
    fn byte(&self) -> Option<u8>;
}

impl Piece for u8 {
    fn byte(&self) -> Option<u8> {
        Some(*self)
    }
}

#[derive(Clone)]
enum Unit<'a> {
    Char(u8),
    Opaque(&'a Part),
}

impl From<u8> for Unit<'_> {
    fn from(byte: u8) -> Self {
        Unit::Char(byte)
    }
}

impl Piece for Unit<'_> {
    fn byte(&self) -> Option<u8> {
        match self {
            Unit::Char(byte) => Some(*byte),
            Unit::Opaque(_) => None,
        }
    }
}

/// The words that a word stands for; `None` if there is nothing to expand.
pub fn expand(word: &Word, bounds: &Bounds) -> Result<Option<Vec<Word>>, TooMany> {
    if let [Part::Lit(text)] = word.parts.as_slice() {
        // Nothing but text, the common case: bytes take a sixteenth of the room.
        let list = expand_units(text, 0, bounds)?;
        if list.len() == 1 && list.first().is_some_and(|l| l.len() == text.len()) {
            return Ok(None);
        }
        let word = |text| of_parts(vec![Part::Lit(text)], word);
        return Ok(Some(list.into_iter().map(word).collect()));
    }
    let mut units = Vec::new();
    for part in &word.parts {
        match part {
            Part::Lit(text) => units.extend(text.iter().map(|c| Unit::Char(*c))),
            other => units.push(Unit::Opaque(other)),
        }
    }
    let list = expand_units(&units, 0, bounds)?;
    if list.len() == 1 && list.first().is_some_and(|l| l.len() == units.len()) {
        return Ok(None);
    }
    Ok(Some(
        list.into_iter().map(|units| build(units, word)).collect(),
    ))
}

fn of_parts(parts: Vec<Part>, word: &Word) -> Word {
    Word {
        parts,
        brace: false,
        span: word.span,
        assignment: None,
    }
}

fn build(units: Vec<Unit>, word: &Word) -> Word {
    let mut parts: Vec<Part> = Vec::new();
    for unit in units {
        match (unit, parts.last_mut()) {
            (Unit::Char(c), Some(Part::Lit(text))) => text.push(c),
            (Unit::Char(c), _) => parts.push(Part::Lit(vec![c])),
            (Unit::Opaque(part), _) => parts.push(part.clone()),
        }
    }
    if parts.is_empty() {
        // `{a,}` gives an empty word, which stays no argument unless quoted; bash keeps none.
        parts.push(Part::Lit(Vec::new()));
    }
    of_parts(parts, word)
}

fn expand_units<P: Piece>(
    units: &[P],
    depth: u32,
    bounds: &Bounds,
) -> Result<Vec<Vec<P>>, TooMany> {
    if depth > 60 {
        return Ok(vec![units.to_vec()]);
    }
    let mut from = 0;
    // The first brace that closes and holds a comma or a range.
    while let Some(open) = units
        .iter()
        .skip(from)
        .position(|u| u.byte() == Some(b'{'))
        .map(|n| n + from)
    {
        if let Some((commas, close)) = structure(units, open) {
            let inner = units.get(open + 1..close).unwrap_or_default();
            let alternatives = if commas.is_empty() {
                match sequence(inner, bounds)? {
                    Some(list) => list,
                    None => {
                        from = open + 1;
                        continue;
                    }
                }
            } else {
                let mut list = Vec::new();
                let mut start = open + 1;
                for end in commas.iter().copied().chain([close]) {
                    list.extend(expand_units(
                        units.get(start..end).unwrap_or_default(),
                        depth + 1,
                        bounds,
                    )?);
                    start = end + 1;
                    if list.len() > bounds.words {
                        return Err(TooMany);
                    }
                }
                list
            };
            let tails = expand_units(
                units.get(close + 1..).unwrap_or_default(),
                depth + 1,
                bounds,
            )?;
            let head = units.get(..open).unwrap_or_default();
            let (ours, theirs) = (alternatives.len(), tails.len());
            let inside = sum(&alternatives).saturating_mul(theirs);
            let size = ours
                .saturating_mul(theirs)
                .saturating_mul(head.len())
                .saturating_add(inside)
                .saturating_add(sum(&tails).saturating_mul(ours));
            if ours.saturating_mul(theirs) > bounds.words || size > bounds.words_text {
                return Err(TooMany);
            }
            let mut out = Vec::with_capacity(alternatives.len() * tails.len());
            for alternative in &alternatives {
                for tail in &tails {
                    let mut one = head.to_vec();
                    one.extend(alternative.iter().cloned());
                    one.extend(tail.iter().cloned());
                    out.push(one);
                }
            }
            return Ok(out);
        }
        from = open + 1;
    }
    Ok(vec![units.to_vec()])
}

/// The size of all words together.
fn sum<P>(words: &[Vec<P>]) -> usize {
    words.iter().map(Vec::len).sum()
}

/// Top-level commas and the closing brace of the brace at `open`.
fn structure(units: &[impl Piece], open: usize) -> Option<(Vec<usize>, usize)> {
    let (mut depth, mut commas) = (0, Vec::new());
    for (at, unit) in units.iter().enumerate().skip(open) {
        match unit.byte() {
            Some(b'{') => depth += 1,
            Some(b',') if depth == 1 => commas.push(at),
            Some(b'}') => {
                depth -= 1;
                if depth == 0 {
                    return Some((commas, at));
                }
            }
            _ => {}
        }
    }
    None
}

fn sequence<P: Piece>(inner: &[P], bounds: &Bounds) -> Result<Option<Vec<Vec<P>>>, TooMany> {
    let text: Option<Vec<u8>> = inner.iter().map(P::byte).collect();
    let Some(text) = text else { return Ok(None) };
    let Ok(text) = std::str::from_utf8(&text) else {
        return Ok(None);
    };
    let fields: Vec<&str> = text.split("..").collect();
    let (first, last, step) = match fields.as_slice() {
        [a, b] => (*a, *b, "1"),
        [a, b, s] => (*a, *b, *s),
        _ => return Ok(None),
    };
    let Some(step) = integer(step) else {
        return Ok(None);
    };
    if let (Some(a), Some(b)) = (integer(first), integer(last)) {
        let padded = |s: &str| {
            let digits = s.trim_start_matches(['-', '+']);
            digits.len() > 1 && digits.starts_with('0')
        };
        let width = if padded(first) || padded(last) {
            first.len().max(last.len())
        } else {
            0
        };
        let list = range(a, b, step, bounds)?;
        if list.len().saturating_mul(width) > bounds.words_text {
            return Err(TooMany);
        }
        return Ok(Some(
            list.into_iter()
                .map(|n| pad(n, width).bytes().map(P::from).collect())
                .collect(),
        ));
    }
    let letter = |s: &str| match s.as_bytes() {
        [c] if c.is_ascii_alphabetic() => Some(i64::from(*c)),
        _ => None,
    };
    let (Some(a), Some(b)) = (letter(first), letter(last)) else {
        return Ok(None);
    };
    Ok(Some(
        range(a, b, step, bounds)?
            .into_iter()
            .map(|n| vec![P::from(u8::try_from(n).unwrap_or(b'?'))])
            .collect(),
    ))
}

fn integer(s: &str) -> Option<i64> {
    let digits = s.strip_prefix(['-', '+']).unwrap_or(s);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    s.parse().ok()
}

fn pad(n: i64, width: usize) -> String {
    if n < 0 {
        format!("-{:0>w$}", n.unsigned_abs(), w = width.saturating_sub(1))
    } else {
        format!("{n:0>width$}")
    }
}

fn range(a: i64, b: i64, step: i64, bounds: &Bounds) -> Result<Vec<i64>, TooMany> {
    let step = i128::from(step.unsigned_abs().max(1));
    let (from, to) = (i128::from(a), i128::from(b));
    let count = (to - from).unsigned_abs() / step.unsigned_abs() + 1;
    if count > bounds.words as u128 {
        return Err(TooMany);
    }
    let sign = if to >= from { 1 } else { -1 };
    Ok((0..count as i128)
        .map(|n| (from + sign * step * n) as i64)
        .collect())
}
