//! `replaceVars` refuses what still looks like a variable after the replacements.
//!
//! Counterpart: the `checkPhase` of `replaceVarsWith`, whose regular expression is
//! `@(?!KEPT1|KEPT2|…@)[a-zA-Z_][0-9A-Za-z_'-]*@`. Its look-ahead binds the last `@` to the last
//! name alone, so the others also excuse every longer name that begins with them. Builds depend on
//! it, and so does this module.

use bstr::{BStr, BString};
use memchr::memchr_iter;

/// The first few names that are left, each with its two `@`.
pub fn find<'a>(content: &'a [u8], kept: &[BString]) -> Vec<&'a BStr> {
    const SHOWN: usize = 10;
    let mut found = Vec::new();
    let mut past = 0;
    for at in memchr_iter(b'@', content) {
        if at < past || found.len() == SHOWN {
            continue;
        }
        let Some(rest) = content.get(at + 1..) else {
            continue;
        };
        let length = name_length(rest);
        if length == 0 || rest.get(length) != Some(&b'@') || is_kept(rest, kept) {
            continue;
        }
        past = at + length + 2;
        found.extend(content.get(at..past).map(BStr::new));
    }
    found
}

fn name_length(text: &[u8]) -> usize {
    if !text
        .first()
        .is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
    {
        return 0;
    }
    text.iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_'-".contains(byte))
        .count()
}

fn is_kept(text: &[u8], kept: &[BString]) -> bool {
    let Some((last, others)) = kept.split_last() else {
        return false;
    };
    others.iter().any(|name| text.starts_with(name))
        || text
            .strip_prefix(last.as_slice())
            .is_some_and(|rest| rest.first() == Some(&b'@'))
}
