//! Patterns of file names: `fnmatch(3)` in the C locale.

use crate::regex::class_of;

/// How patterns match.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Letters match in both cases.
    pub fold: bool,
}

/// Does the whole name match? `/` and a leading dot are like other characters.
pub fn matches(pattern: &[u8], name: &[u8], options: Options) -> bool {
    // Only the last star is ever tried again: what came before it is matched for good.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            None if n == name.len() => return true,
            None => None,
            Some(_) => name.get(n).and_then(|byte| one(pattern, p, *byte, options)),
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                n += 1;
            }
            (None, Some((after, from))) if from < name.len() => {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one byte at `at` of the pattern; gives where the pattern goes on.
fn one(pattern: &[u8], at: usize, byte: u8, options: Options) -> Option<usize> {
    let fold = |byte: u8| {
        if options.fold {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    match pattern.get(at)? {
        b'?' => Some(at + 1),
        b'\\' => match pattern.get(at + 1) {
            Some(next) => (fold(*next) == fold(byte)).then_some(at + 2),
            None => None,
        },
        b'[' => match bracket(pattern, at + 1, byte, options) {
            Some((found, after)) => found.then_some(after),
            // Without its end it is itself.
            None => (byte == b'[').then_some(at + 1),
        },
        other => (fold(*other) == fold(byte)).then_some(at + 1),
    }
}

fn bracket(pattern: &[u8], start: usize, byte: u8, options: Options) -> Option<(bool, usize)> {
    let mut at = start;
    let negated = matches!(pattern.get(at)?, b'!' | b'^');
    if negated {
        at += 1;
    }
    let fold = |byte: u8| {
        if options.fold {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    let mut found = false;
    let mut first = true;
    loop {
        let mut low = *pattern.get(at)?;
        if low == b']' && !first {
            return Some((found != negated, at + 1));
        }
        first = false;
        if low == b'[' && pattern.get(at + 1) == Some(&b':') {
            let rest = pattern.get(at + 2..)?;
            let len = rest.windows(2).position(|two| two == b":]")?;
            let set = class_of(rest.get(..len)?).ok()?;
            found |= set.has(byte)
                || (options.fold
                    && (set.has(byte.to_ascii_lowercase()) || set.has(byte.to_ascii_uppercase())));
            at += len + 4;
            continue;
        }
        if low == b'\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        at += 1;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|it| *it != b']') {
            let mut high = *pattern.get(at + 1)?;
            at += 2;
            if high == b'\\' {
                high = *pattern.get(at)?;
                at += 1;
            }
            found |= (fold(low)..=fold(high)).contains(&fold(byte));
        } else {
            found |= fold(low) == fold(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, matches};

    #[test]
    fn patterns_match_whole_names() {
        let is = |pattern: &str, name: &str| {
            matches(pattern.as_bytes(), name.as_bytes(), Options::default())
        };
        assert!(is("*.c", ".c") && is("a*b*c", "aXbYbc") && is("[!a]", "b") && is("[]-]", "-"));
        assert!(is("a\\*", "a*") && is("[[:digit:]]?", "1x") && is("[a", "[a") && is("*", ""));
        assert!(!is("*.c", "x.h") && !is("a*b", "ac") && !is("[a-c]", "d") && !is("?", ""));
    }
}
