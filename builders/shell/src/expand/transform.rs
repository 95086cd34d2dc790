//! `${x@Q}` and its kin.

use super::ops::map;
use super::param::{Reference, Val, is_computed};
use super::quote;
use crate::expand::case::{Change, change};
use crate::state::value::{Value, Var, attr};
use crate::state::{Shell, Unwind};

impl Shell {
    pub(super) fn transform_op(
        &mut self,
        reference: &Reference,
        value: Val,
        op: u8,
    ) -> Result<Val, Unwind> {
        let utf8 = self.st.utf8;
        Ok(match op {
            b'Q' => map(value, |t| quote::always(&t, utf8)),
            b'U' => map(value, |t| change(&t, Change::Upper, true, None, utf8)),
            b'L' => map(value, |t| change(&t, Change::Lower, true, None, utf8)),
            b'u' => map(value, |t| change(&t, Change::Upper, false, None, utf8)),
            b'E' => map(value, |t| crate::syntax::ansi_c_unescape(&t, utf8)),
            b'P' => {
                let mut error = None;
                let value = map(value, |t| match self.prompt(&t) {
                    Ok(text) => text,
                    Err(e) => {
                        error = Some(e);
                        Vec::new()
                    }
                });
                match error {
                    Some(e) => return Err(e),
                    None => value,
                }
            }
            b'a' => {
                let (Reference::Variable(name)
                | Reference::Element(name, _)
                | Reference::All(name, _)) = reference
                else {
                    return Ok(map(value, |_| Vec::new()));
                };
                let Some(var) = self.vars.get(name) else {
                    return Ok(Val::Unset);
                };
                let letters = attribute_letters(var);
                match value {
                    Val::Many { items, star } => Val::Many {
                        items: items.into_iter().map(|_| letters.clone()).collect(),
                        star,
                    },
                    _ => Val::One(letters),
                }
            }
            b'A' => match reference {
                Reference::Variable(name)
                | Reference::All(name, _)
                | Reference::Element(name, _) => {
                    let Some(var) = self.vars.get(name) else {
                        return Ok(Val::Unset);
                    };
                    let whole = matches!(reference, Reference::All(..));
                    let Some(text) = assignment(name, var, whole, &value, utf8) else {
                        return Ok(Val::Unset);
                    };
                    Val::One(text)
                }
                Reference::Special(b'@' | b'*') => {
                    let Val::Many { items, .. } = value else {
                        return Ok(Val::Unset);
                    };
                    let mut text = b"set --".to_vec();
                    for item in items {
                        text.push(b' ');
                        text.extend(quote::always(&item, utf8));
                    }
                    Val::One(text)
                }
                _ => value,
            },
            b'K' | b'k' => {
                let Reference::All(name, star) = reference else {
                    return Ok(if op == b'K' {
                        map(value, |t| quote::always(&t, utf8))
                    } else {
                        map(value, |t| quote::always(&t, utf8))
                    });
                };
                let computed = if is_computed(name) {
                    self.special(name)
                } else {
                    None
                };
                let Some(var) = computed.as_ref().or_else(|| self.vars.get(name)) else {
                    return Ok(Val::Unset);
                };
                let (keys, values) = (var.keys(), var.values());
                if op == b'k' {
                    let items = keys
                        .into_iter()
                        .zip(values)
                        .flat_map(|(k, v)| [k, v])
                        .collect();
                    return Ok(Val::Many { items, star: *star });
                }
                let assoc = matches!(var.value, Value::Assoc(_));
                let mut text = Vec::new();
                for (key, value) in keys.iter().zip(values) {
                    if !text.is_empty() {
                        text.push(b' ');
                    }
                    text.extend(quote::key(key, utf8));
                    text.push(b' ');
                    text.extend(quote::double(&value, utf8));
                }
                if assoc && !text.is_empty() {
                    text.push(b' ');
                }
                Val::One(text)
            }
            _ => {
                self.error("bad substitution");
                return Err(Unwind::Discard(1));
            }
        })
    }

    /// Prompt escapes, as `${x@P}` and `PS4` use them.
    pub fn prompt(&mut self, text: &[u8]) -> Result<Vec<u8>, Unwind> {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(&c) = text.get(at) {
            at += 1;
            if c != b'\\' {
                out.push(c);
                continue;
            }
            let Some(&e) = text.get(at) else {
                out.push(b'\\');
                break;
            };
            at += 1;
            let home = self.get(b"HOME").unwrap_or_default();
            let cwd = || -> Vec<u8> {
                let cwd = self.get(b"PWD").unwrap_or_default();
                match cwd.strip_prefix(home.as_slice()) {
                    Some(rest)
                        if !home.is_empty() && (rest.is_empty() || rest.first() == Some(&b'/')) =>
                    {
                        [b"~", rest].concat()
                    }
                    _ => cwd,
                }
            };
            match e {
                b'a' => out.push(7),
                b'e' => out.push(27),
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                b'\\' => out.push(b'\\'),
                b'[' | b']' => {}
                b'$' => out.push(if crate::sys::user_id() == 0 {
                    b'#'
                } else {
                    b'$'
                }),
                b's' => out.extend_from_slice(
                    self.st
                        .arg0
                        .rsplit(|c| *c == b'/')
                        .next()
                        .unwrap_or_default(),
                ),
                b'v' => out.extend_from_slice(b"5.2"),
                b'V' => out.extend_from_slice(b"5.2.15"),
                b'w' => out.extend(cwd()),
                b'W' => {
                    let cwd = cwd();
                    let base = if cwd == b"/" {
                        &cwd[..]
                    } else {
                        cwd.rsplit(|c| *c == b'/').next().unwrap_or_default()
                    };
                    out.extend_from_slice(base);
                }
                b'h' => out.extend_from_slice(
                    crate::sys::host_name()
                        .split(|c| *c == b'.')
                        .next()
                        .unwrap_or_default(),
                ),
                b'H' => out.extend(crate::sys::host_name()),
                b'u' => out.extend(
                    self.get(b"USER")
                        .unwrap_or_else(|| b"I have no name!".to_vec()),
                ),
                b'#' | b'!' => out.push(b'1'),
                b'j' => out.push(b'0'),
                b'0'..=b'7' => {
                    let (value, used) =
                        crate::syntax::digits(text.get(at - 1..).unwrap_or_default(), 8, 3);
                    out.push((value & 0xff) as u8);
                    at = at - 1 + used;
                }
                other => out.extend([b'\\', other]),
            }
        }
        match self.parse_quoted_text(&out) {
            Some(parts) => self.expand_quoted_parts(&parts),
            None => Ok(out),
        }
    }
}

/// The letters of `${x@a}` and `declare -p`.
pub fn attribute_letters(var: &Var) -> Vec<u8> {
    let mut out = Vec::new();
    match var.value {
        Value::Indexed(_) => out.push(b'a'),
        Value::Assoc(_) => out.push(b'A'),
        _ => {}
    }
    for (bit, letter) in [
        (attr::INTEGER, b'i'),
        (attr::NAMEREF, b'n'),
        (attr::READONLY, b'r'),
        (attr::TRACE, b't'),
        (attr::EXPORT, b'x'),
        (attr::CAPITAL, b'c'),
        (attr::LOWER, b'l'),
        (attr::UPPER, b'u'),
    ] {
        if var.has(bit) {
            out.push(letter);
        }
    }
    out
}

/// The value of an array in parentheses, as `declare -p` prints it.
pub fn array_text(var: &Var, utf8: bool) -> Vec<u8> {
    let mut out = vec![b'('];
    let assoc = matches!(var.value, Value::Assoc(_));
    for (at, (key, value)) in var.keys().iter().zip(var.values()).enumerate() {
        if at > 0 && !assoc {
            out.push(b' ');
        }
        out.push(b'[');
        out.extend(quote::key(key, utf8));
        out.extend_from_slice(b"]=");
        out.extend(quote::double(&value, utf8));
        if assoc {
            out.push(b' ');
        }
    }
    out.push(b')');
    out
}

fn assignment(name: &[u8], var: &Var, whole: bool, value: &Val, utf8: bool) -> Option<Vec<u8>> {
    let letters = attribute_letters(var);
    let mut out = Vec::new();
    if !letters.is_empty() {
        out.extend_from_slice(b"declare -");
        out.extend_from_slice(&letters);
        out.push(b' ');
    }
    out.extend_from_slice(name);
    if whole && var.is_array() {
        out.push(b'=');
        out.extend(array_text(var, utf8));
        return Some(out);
    }
    match value {
        Val::One(text) => {
            out.push(b'=');
            out.extend(quote::always(text, utf8));
        }
        Val::Many { items, .. } => {
            out.push(b'=');
            out.extend(quote::always(items.first()?, utf8));
        }
        Val::Unset if letters.is_empty() => return None,
        Val::Unset => {}
    }
    Some(out)
}
