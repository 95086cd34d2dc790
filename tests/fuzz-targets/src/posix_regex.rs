//! Regular expressions: a text compiles or has an error, and what is found lies in the text, group
//! inside of match.

use wasibuild_posix_regex::{Cache, Regex, Syntax};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let [bits, at, rest @ ..] = bytes else {
        return;
    };
    let (pattern, text) = rest.split_at(rest.len() * usize::from(*at) / 256);
    let bit = |n: u8| bits >> n & 1 == 1;
    let syntax = Syntax {
        extended: bit(0),
        ignore_case: bit(1),
        multiline: bit(2),
        lenient: bit(3),
        stray_close: bit(4),
        utf8: bit(5),
    };
    let Ok(regex) = Regex::new(pattern, syntax) else {
        return;
    };
    let Ok(Some(found)) = regex.search(&mut Cache::default(), text, 0) else {
        return;
    };
    let whole = found
        .first()
        .copied()
        .flatten()
        .expect("a match has a place");
    for (from, to) in found.into_iter().flatten() {
        assert!(from <= to && whole.0 <= from && to <= whole.1);
    }
}
