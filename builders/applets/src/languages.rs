//! The little languages of applets as functions, for the fuzzer and for tests: dates, expressions,
//! formats, numbers, patches and archives.
//!
//! Contract: any text gives an answer or `None`, and nothing panics.

use crate::coreutils::{date, expr, float, printf};
use crate::{patch, tar};
use bstr::BString;

/// `date -u -d TEXT +TEMPLATE`, when the clock says 1980-01-01.
pub fn date(text: &[u8], template: &[u8]) -> Option<Vec<u8>> {
    let moment = date::parse_date(text, (315_532_800, 0)).ok()?;
    date::format(template, moment)
}

/// `expr WORDS`. Patterns are left out: the time that they take is bounded by a refusal.
pub fn expression(words: &[BString]) -> Option<BString> {
    let is_pattern = |word: &BString| *word == ":" || *word == "match";
    if words.iter().any(is_pattern) {
        return None;
    }
    Some(expr::evaluate(words).ok()?.into_text())
}

/// `printf FORMAT`.
pub fn printf(format: &[u8]) -> Option<Vec<u8>> {
    let mut printer = printf::Printer {
        arguments: &[],
        used: 0,
        status: 0,
        out: Vec::new(),
    };
    printer.print(format).ok()?;
    Some(printer.out)
}

/// A number as `printf` shows it with `letter` (`e`, `f`, `g`) and a precision up to 255.
pub fn number(text: &[u8], letter: u8, precision: u8) -> Option<String> {
    let (number, _) = float::parse(text)?;
    let form = float::Form {
        letter,
        precision: usize::from(precision),
        alternate: false,
    };
    float::show(&number, form)
}

/// What `patch` makes of a text, with the hunks that find a place.
pub fn patched(patch: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    patch::apply_all(patch, text)
}

/// The names in a tar archive as far as it is whole.
pub fn archived(archive: &[u8]) -> Vec<BString> {
    tar::names_of(archive)
}
