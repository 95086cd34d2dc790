//! Brace expansion: `a{b,c}d`, `{1..9..2}`, `{a..f}`. It works on a word's parts before anything
//! else is expanded; text from expansions never takes part. The number of results is bounded.

use crate::syntax::ast::{Part, Word};

/// Most words that one word may give.
const MAX_WORDS: usize = 1 << 21;

/// More results than fit.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

/// One unit of the word: an unquoted character, or a part that braces do not look into.
#[derive(Clone)]
enum Unit<'a> {
    Char(u8),
    Opaque(&'a Part),
}

/// The words that a word stands for; `None` if there is nothing to expand.
pub fn expand(word: &Word) -> Result<Option<Vec<Word>>, TooMany> {
    let mut units = Vec::new();
    for part in &word.parts {
        match part {
            Part::Lit(text) => units.extend(text.iter().map(|c| Unit::Char(*c))),
            other => units.push(Unit::Opaque(other)),
        }
    }
    let list = expand_units(&units, 0)?;
    if list.len() == 1 && list.first().is_some_and(|l| l.len() == units.len()) {
        return Ok(None);
    }
    Ok(Some(
        list.into_iter().map(|units| build(units, word)).collect(),
    ))
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
    Word {
        parts,
        brace: false,
        span: word.span,
        assignment: None,
    }
}

fn expand_units<'a>(units: &[Unit<'a>], depth: u32) -> Result<Vec<Vec<Unit<'a>>>, TooMany> {
    if depth > 60 {
        return Ok(vec![units.to_vec()]);
    }
    let mut from = 0;
    // The first brace that closes and holds a comma or a range.
    while let Some(open) = units
        .iter()
        .skip(from)
        .position(|u| matches!(u, Unit::Char(b'{')))
        .map(|n| n + from)
    {
        if let Some((commas, close)) = structure(units, open) {
            let inner = units.get(open + 1..close).unwrap_or_default();
            let alternatives = if commas.is_empty() {
                match sequence(inner)? {
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
                    )?);
                    start = end + 1;
                    if list.len() > MAX_WORDS {
                        return Err(TooMany);
                    }
                }
                list
            };
            let tails = expand_units(units.get(close + 1..).unwrap_or_default(), depth + 1)?;
            if alternatives.len().saturating_mul(tails.len()) > MAX_WORDS {
                return Err(TooMany);
            }
            let head = units.get(..open).unwrap_or_default();
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

/// Top-level commas and the closing brace of the brace at `open`.
fn structure(units: &[Unit], open: usize) -> Option<(Vec<usize>, usize)> {
    let (mut depth, mut commas) = (0, Vec::new());
    for (at, unit) in units.iter().enumerate().skip(open) {
        match unit {
            Unit::Char(b'{') => depth += 1,
            Unit::Char(b',') if depth == 1 => commas.push(at),
            Unit::Char(b'}') => {
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

fn sequence<'a>(inner: &[Unit<'a>]) -> Result<Option<Vec<Vec<Unit<'a>>>>, TooMany> {
    let text: Option<Vec<u8>> = inner
        .iter()
        .map(|u| {
            if let Unit::Char(c) = u {
                Some(*c)
            } else {
                None
            }
        })
        .collect();
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
        let list = range(a, b, step)?;
        return Ok(Some(
            list.into_iter()
                .map(|n| pad(n, width).bytes().map(Unit::Char).collect())
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
        range(a, b, step)?
            .into_iter()
            .map(|n| vec![Unit::Char(u8::try_from(n).unwrap_or(b'?'))])
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

fn range(a: i64, b: i64, step: i64) -> Result<Vec<i64>, TooMany> {
    let step = i128::from(step.unsigned_abs().max(1));
    let (from, to) = (i128::from(a), i128::from(b));
    let count = (to - from).unsigned_abs() / step.unsigned_abs() + 1;
    if count > MAX_WORDS as u128 {
        return Err(TooMany);
    }
    let sign = if to >= from { 1 } else { -1 };
    Ok((0..count as i128)
        .map(|n| (from + sign * step * n) as i64)
        .collect())
}
