//! Bracket expressions: `[a-z]`, `[!…]`, `[[:class:]]`, `[[=x=]]`, `[[.x.]]`. Ranges go by code
//! point (byte in a locale without UTF-8), as in the C and C.UTF-8 locales.

use super::char_at;
use wasibuild_posix_regex::Class;

#[derive(Debug, Clone, Default)]
pub struct Set {
    negated: bool,
    ranges: Vec<(u32, u32)>,
    classes: Vec<Class>,
    /// Without it only ASCII is in classes, as in the C locale.
    utf8: bool,
}

impl Set {
    pub fn contains(&self, c: u32, nocase: bool) -> bool {
        let plain = |c: u32| self.ranges.iter().any(|(a, b)| (*a..=*b).contains(&c));
        // Classes look at the character as it is, also where case does not count.
        let in_class =
            (self.utf8 || c < 0x80) && self.classes.iter().any(|class| class.contains(c));
        let mut hit = in_class || plain(c);
        if !hit
            && nocase
            && let Some(ch) = char::from_u32(c)
        {
            let mut other = ch.to_lowercase().chain(ch.to_uppercase());
            hit = other.any(|o| plain(u32::from(o)));
        }
        hit != self.negated
    }

    /// Parses behind `[`. Gives the set and the length up to and with `]`; `None` if the bracket
    /// does not close. `escapes`: a backslash quotes the next character.
    pub fn parse(text: &[u8], utf8: bool, escapes: bool) -> Option<(Set, usize)> {
        let mut set = Set {
            utf8,
            ..Set::default()
        };
        let mut at = 0;
        if matches!(text.first(), Some(b'!' | b'^')) {
            set.negated = true;
            at = 1;
        }
        let mut first = true;
        loop {
            let c = *text.get(at)?;
            if c == b']' && !first {
                return Some((set, at + 1));
            }
            first = false;
            if c == b'[' && text.get(at + 1) == Some(&b':') {
                let rest = text.get(at + 2..)?;
                if let Some(len) = bstr::ByteSlice::find(rest, ":]") {
                    if let Some(class) = rest.get(..len).and_then(Class::named) {
                        set.classes.push(class);
                    }
                    at += len + 4;
                    continue;
                }
            }
            let (low, len) = Self::member(text.get(at..)?, utf8, escapes)?;
            at += len;
            let mut high = low;
            if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|c| *c != b']') {
                let (end, len) = Self::member(text.get(at + 1..)?, utf8, escapes)?;
                at += 1 + len;
                high = end;
            }
            if low <= high {
                set.ranges.push((low, high));
            }
        }
    }

    /// One character, also as `[.x.]` or `[=x=]` or escaped.
    fn member(text: &[u8], utf8: bool, escapes: bool) -> Option<(u32, usize)> {
        if let [b'[', kind @ (b'.' | b'='), rest @ ..] = text
            && let Some(len) = bstr::ByteSlice::find(rest, [*kind, b']'])
            && len > 0
        {
            let (c, used) = char_at(rest, utf8)?;
            if used == len {
                return Some((c, len + 4));
            }
        }
        if escapes && text.first() == Some(&b'\\') && text.len() > 1 {
            let (c, len) = char_at(text.get(1..)?, utf8)?;
            return Some((c, len + 1));
        }
        char_at(text, utf8)
    }
}
