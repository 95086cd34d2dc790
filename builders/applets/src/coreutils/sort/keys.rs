//! Keys: which part of a line they name.

use super::order::{Order, is_blank};
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// `-k F.C,F.C`; fields and characters count from 0; no end = the line's.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    start: (usize, usize),
    end: Option<(usize, usize)>,
    /// How it is compared.
    pub order: Order,
}

impl Key {
    /// The whole line.
    pub fn whole(order: Order) -> Key {
        Key {
            start: (0, 0),
            end: None,
            order,
        }
    }

    /// The part of a line that a key names.
    pub fn part<'a>(&self, line: &'a [u8], separator: Option<u8>) -> &'a [u8] {
        let start = place(line, self.start, separator, self.order.blanks, true);
        let end = match self.end {
            Some(end) => place(
                line,
                end,
                separator,
                self.order.end_blanks && end.1 > 0,
                false,
            ),
            None => line.len(),
        };
        line.get(start..end.max(start)).unwrap_or_default()
    }
}

/// Reads a key; what is wrong with it is refused, since GNU's messages say more than we know.
pub fn parse(text: &BString) -> Key {
    let bad = || -> ! { program::refuse(&format!("the key '{text}'")) };
    let (first, second) = match text.split_once_str(",") {
        Some((first, second)) => (first, Some(second)),
        None => (text.as_slice(), None),
    };
    let mut order = Order::default();
    let mut position = |part: &[u8], end: bool| -> (usize, Option<usize>) {
        let letters = part
            .iter()
            .position(u8::is_ascii_alphabetic)
            .unwrap_or(part.len());
        let (numbers, letters) = part.split_at(letters);
        for letter in letters {
            match letter {
                b'b' if end => order.end_blanks = true,
                b'b' => order.blanks = true,
                other if order.set(*other) => {}
                _ => bad(),
            }
        }
        let number = |text: &[u8]| {
            text.to_str()
                .ok()
                .and_then(|text| text.parse::<usize>().ok())
        };
        match numbers.split_once_str(".") {
            Some((field, character)) => match (number(field), number(character)) {
                (Some(field), Some(character)) => (field, Some(character)),
                _ => bad(),
            },
            None => match number(numbers) {
                Some(field) => (field, None),
                None => bad(),
            },
        }
    };
    let (field, character) = position(first, false);
    let start = match (field.checked_sub(1), character.unwrap_or(1).checked_sub(1)) {
        (Some(field), Some(character)) => (field, character),
        _ => bad(),
    };
    let end = second.map(|second| {
        let (field, character) = position(second, true);
        match (field.checked_sub(1), character.unwrap_or(0)) {
            // To the end of the field.
            (Some(field), 0) => (field + 1, 0),
            (Some(field), character) => (field, character),
            _ => bad(),
        }
    });
    Key { start, end, order }
}

fn place(
    line: &[u8],
    (fields, characters): (usize, usize),
    separator: Option<u8>,
    skip_blanks: bool,
    start: bool,
) -> usize {
    let mut at = 0;
    let byte = |at: usize| line.get(at).copied();
    for index in 0..fields {
        if at >= line.len() {
            break;
        }
        match separator {
            Some(separator) => {
                while byte(at).is_some_and(|it| it != separator) {
                    at += 1;
                }
                // An end that is a whole field leaves the separator out.
                let last = index + 1 == fields;
                if at < line.len() && (start || !last || characters > 0) {
                    at += 1;
                }
            }
            None => {
                while byte(at).is_some_and(is_blank) {
                    at += 1;
                }
                while byte(at).is_some_and(|it| !is_blank(it)) {
                    at += 1;
                }
            }
        }
    }
    if start || characters > 0 {
        if skip_blanks {
            while byte(at).is_some_and(is_blank) {
                at += 1;
            }
        }
        at = (at + characters).min(line.len());
    }
    at
}
