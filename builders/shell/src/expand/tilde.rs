//! Tilde expansion. Its result is not split and not a pattern.

use crate::state::Shell;

type Piece = (Vec<u8>, bool);

impl Shell {
    /// Expands the first literal of a word. `alone`: the literal is the whole word. `prefix`:
    /// length of `NAME=` if the word looks like an assignment.
    pub fn tilde(
        &self,
        text: &[u8],
        alone: bool,
        assignment: bool,
        prefix: Option<usize>,
    ) -> Vec<Piece> {
        if let Some(len) = prefix {
            let (head, value) = text.split_at(len.min(text.len()));
            let mut out = vec![(head.to_vec(), false)];
            out.extend(self.tildes(value, alone, true, true));
            return out;
        }
        self.tildes(text, alone, true, assignment)
    }

    /// Expands tildes behind colons in a later literal of an assignment's value.
    pub fn tilde_behind_colons(&self, text: &[u8], last: bool) -> Vec<Piece> {
        self.tildes(text, last, false, true)
    }

    fn tildes(&self, text: &[u8], alone: bool, at_start: bool, colons: bool) -> Vec<Piece> {
        let mut out: Vec<Piece> = Vec::new();
        let mut segment_start = true;
        let mut rest = text;
        let mut first = at_start;
        while !rest.is_empty() || segment_start {
            let len = if colons {
                rest.iter().position(|c| *c == b':').unwrap_or(rest.len())
            } else {
                rest.len()
            };
            let (segment, tail) = rest.split_at(len);
            let whole = !tail.is_empty() || alone;
            match if first {
                self.tilde_prefix(segment, whole)
            } else {
                None
            } {
                Some((home, rest)) => {
                    out.push((home, true));
                    out.push((rest.to_vec(), false));
                }
                None => out.push((segment.to_vec(), false)),
            }
            first = true;
            let Some((_, tail)) = tail.split_first() else {
                break;
            };
            out.push((b":".to_vec(), false));
            rest = tail;
            segment_start = true;
        }
        out
    }

    /// The directory that a leading `~…` names, and what follows.
    fn tilde_prefix<'a>(&self, text: &'a [u8], whole: bool) -> Option<(Vec<u8>, &'a [u8])> {
        let name = text.strip_prefix(b"~")?;
        let len = name.iter().position(|c| *c == b'/').unwrap_or(name.len());
        let (user, rest) = name.split_at(len);
        if rest.is_empty() && !whole {
            return None;
        }
        let mut home = match user {
            b"" => self.get(b"HOME").unwrap_or_else(crate::sys::own_home),
            b"+" => self.get(b"PWD")?,
            b"-" => self.get(b"OLDPWD")?,
            _ => {
                let number = user.strip_prefix(b"+").unwrap_or(user);
                match crate::arith::parse_decimal(number) {
                    Some(0) if user.first() != Some(&b'-') => self.st.cwd.to_vec(),
                    Some(n) => {
                        let index = usize::try_from(n.unsigned_abs()).ok()?;
                        let index = if user.first() == Some(&b'-') {
                            self.st.dir_stack.len().checked_sub(index)?
                        } else {
                            index
                        };
                        if index == 0 {
                            self.st.cwd.to_vec()
                        } else {
                            self.st.dir_stack.get(index - 1)?.clone()
                        }
                    }
                    None => crate::sys::home_of(user)?,
                }
            }
        };
        if rest.first() == Some(&b'/') && home.last() == Some(&b'/') {
            home.pop();
        }
        Some((home, rest))
    }
}
