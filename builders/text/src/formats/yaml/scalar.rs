//! Which styles can hold a scalar's text without loss.
//!
//! Source: YAML 1.1, 5.3 (indicators), 5.4 (line breaks), 9.1 (flow scalar styles).

/// What may be used for a text outside of flow collections.
#[derive(Debug)]
pub struct Analysis {
    /// It spans lines.
    pub multiline: bool,
    /// It may stand without quotes.
    pub plain: bool,
    /// It may stand in single quotes.
    pub single_quoted: bool,
}

/// A line break of YAML 1.1. Carriage return is none here: it must be escaped.
pub fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank_or_break(character: char) -> bool {
    is_break(character) || matches!(character, '\0' | ' ' | '\t' | '\r')
}

/// Characters that may stand as themselves.
fn is_printable(character: char) -> bool {
    matches!(character,
        '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
        | '\u{10000}'..='\u{10fffe}')
        && character != '\u{feff}'
}

/// Looks a text over.
pub fn analyze(text: &[char]) -> Analysis {
    let (Some(first), Some(last)) = (text.first(), text.last()) else {
        return Analysis {
            multiline: false,
            plain: true,
            single_quoted: true,
        };
    };
    let mut indicators = text.starts_with(&['-', '-', '-']) || text.starts_with(&['.', '.', '.']);
    let mut special = false;
    let mut multiline = false;
    let mut break_then_space = false;
    let mut space_then_break = false;
    let mut previous = None;
    for (index, &character) in text.iter().enumerate() {
        let next = text.get(index + 1);
        let ends_word = next.is_none_or(|next| is_blank_or_break(*next));
        indicators |= match (previous, character) {
            (None, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*') => true,
            (None, '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`') => true,
            (None, '?' | ':' | '-') => ends_word,
            (Some(_), ':') => ends_word,
            (Some(before), '#') => is_blank_or_break(before),
            _ => false,
        };
        multiline |= is_break(character);
        special |= !is_printable(character);
        break_then_space |= character == ' ' && previous.is_some_and(is_break);
        space_then_break |= is_break(character) && previous == Some(' ');
        previous = Some(character);
    }
    let blank_edge = |edge: char| edge == ' ' || is_break(edge);
    let unfit = special || space_then_break;
    Analysis {
        multiline,
        plain: !(unfit
            || break_then_space
            || multiline
            || indicators
            || blank_edge(*first)
            || blank_edge(*last)),
        single_quoted: !(unfit || break_then_space),
    }
}
