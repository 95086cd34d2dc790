//! Patterns of names: any text with `*` for any number of characters.
//!
//! Contract: matches whole names, byte by byte; no other character is special. Takes time at most the
//! product of both lengths, and no recursion.

use std::fmt;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// The pattern that this text is.
    pub fn new(text: impl Into<String>) -> Self {
        Pattern(text.into())
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        let pattern = self.0.as_bytes();
        let (mut at, mut read) = (0, 0);
        // Where to go on if what follows the last star does not match: the star takes one more.
        let mut star: Option<(usize, usize)> = None;
        while let Some(&byte) = name.get(read) {
            match pattern.get(at) {
                Some(b'*') => {
                    at += 1;
                    star = Some((at, read));
                }
                Some(&wanted) if wanted == byte => {
                    at += 1;
                    read += 1;
                }
                _ => match star {
                    Some((after, taken)) => {
                        at = after;
                        read = taken + 1;
                        star = Some((after, read));
                    }
                    None => return false,
                },
            }
        }
        pattern
            .get(at..)
            .unwrap_or_default()
            .iter()
            .all(|&byte| byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, yes, no) in [
            ("*-linux", "x86_64-linux", "x86_64-linux2"),
            ("a*b*c", "aXbYbc", "aXbYb"),
            ("etc", "etc", "etc2"),
            ("*", "", "\0never"),
            ("**a", "bba", "bb"),
            ("unit-*.service", "unit-a.service", "unit-a.socket"),
        ] {
            let pattern = Pattern::new(pattern);
            assert!(pattern.matches(yes.as_bytes()), "{pattern} {yes}");
            if no != "\0never" {
                assert!(!pattern.matches(no.as_bytes()), "{pattern} {no}");
            }
        }
    }

    /// The same by recursion.
    fn slow(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| slow(rest, &name[n..])),
            Some((byte, rest)) => name.first() == Some(byte) && slow(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_does_what_the_definition_says(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            let fast = Pattern::new(pattern.clone()).matches(name.as_bytes());
            prop_assert_eq!(fast, slow(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
