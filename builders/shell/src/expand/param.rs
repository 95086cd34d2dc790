//! Parameters: what `$x`, `${x}`, `${x[i]}`, `$@` give, before any operator.

use std::rc::Rc;

use super::{Chunk, Context};
use crate::state::value::{Value, attr};
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{Param, ParamName, ParamOp, ParamSub, Subscript};

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Val {
    Unset,
    One(Vec<u8>),
    /// `star`: `$*` or `[*]`. With the subscripts, if it is an array's.
    Many {
        items: Vec<Vec<u8>>,
        star: bool,
    },
}

/// What a parameter refers to: operators like `=` and `@A` need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    Variable(Vec<u8>),
    Element(Vec<u8>, Vec<u8>),
    /// The whole array; `star`
    All(Vec<u8>, bool),
    Position(usize),
    Special(u8),
}

impl Shell {
    pub(super) fn param_chunks(
        &mut self,
        param: &Rc<Param>,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        if let Some(text) = self.plain_value(param) {
            out.push(Chunk::expanded(text.to_vec(), context.dq));
            return Ok(());
        }
        if let ParamOp::Bad(text) = &param.op {
            self.error([b"${", text.as_slice(), b"}: bad substitution"].concat());
            return Err(Unwind::Discard(1));
        }
        let reference = if param.indirect {
            match self.indirect(param, context, out)? {
                Some(reference) => reference,
                None => return Ok(()),
            }
        } else {
            self.reference(&param.name, param.subscript.as_ref())?
        };
        self.apply(param, reference, context, out)
    }

    /// The value in the common cases: a scalar or a parameter that is set, and no operator.
    pub(super) fn plain_value(&self, param: &Param) -> Option<&[u8]> {
        if param.subscript.is_some() || param.indirect || !matches!(param.op, ParamOp::None) {
            return None;
        }
        match &param.name {
            ParamName::Name(name) => match self.vars.get_plain(&param.slot, name) {
                Some(var) if !var.has(attr::NAMEREF) => match &var.value {
                    Value::Scalar(text) => Some(text),
                    _ => None,
                },
                _ => None,
            },
            ParamName::Position(n) => {
                let text = self.st.positional.get(n.checked_sub(1)?)?;
                Some(text)
            }
            ParamName::Special(_) => None,
        }
    }

    /// What a name with a subscript refers to.
    pub(super) fn reference(
        &mut self,
        name: &ParamName,
        subscript: Option<&ParamSub>,
    ) -> Result<Reference, Unwind> {
        let name = match name {
            ParamName::Position(0) => return Ok(Reference::Special(b'0')),
            ParamName::Position(n) => return Ok(Reference::Position(*n)),
            ParamName::Special(c) => return Ok(Reference::Special(*c)),
            ParamName::Name(name) => name,
        };
        let Some(target) = self.resolve(name) else {
            return Ok(Reference::Variable(Vec::new()));
        };
        match (subscript, target.subscript) {
            (None, None) => Ok(Reference::Variable(target.name)),
            (None, Some(s)) if s == b"@" => Ok(Reference::All(target.name, false)),
            (None, Some(s)) if s == b"*" => Ok(Reference::All(target.name, true)),
            (None, Some(s)) => {
                let key = self.expand_subscript_text(&target.name, &s)?;
                Ok(Reference::Element(target.name, key))
            }
            // `ref[i]` where `ref` is an element already leads nowhere.
            (Some(ParamSub::At), Some(_)) => Ok(Reference::All(Vec::new(), false)),
            (Some(ParamSub::Star), Some(_)) => Ok(Reference::All(Vec::new(), true)),
            (Some(ParamSub::Index(_)), Some(_)) => Ok(Reference::Variable(Vec::new())),
            (Some(ParamSub::At), _) => Ok(Reference::All(target.name, false)),
            (Some(ParamSub::Star), _) => Ok(Reference::All(target.name, true)),
            (Some(ParamSub::Index(subscript)), _) => {
                let key = self.subscript_key(&target.name, subscript)?;
                Ok(Reference::Element(target.name, key))
            }
        }
    }

    /// A subscript as text: the key of an associative array, or the expanded expression.
    pub fn subscript_key(&mut self, name: &[u8], subscript: &Subscript) -> Result<Vec<u8>, Unwind> {
        if matches!(self.lookup(name).map(|v| &v.value), Some(Value::Assoc(_)))
            || matches!(name, b"BASH_ALIASES" | b"BASH_CMDS")
        {
            return self.expand_single(&subscript.word);
        }
        if let Some(literal) = subscript.arith.literal() {
            return Ok(literal.to_vec());
        }
        self.expand_arith(&subscript.arith)
    }

    /// A subscript that came as text at run time (a nameref, `read 'a[i]'`, `unset 'a[$i]'`).
    pub fn expand_subscript_text(&mut self, name: &[u8], text: &[u8]) -> Result<Vec<u8>, Unwind> {
        if !text
            .iter()
            .any(|c| matches!(c, b'$' | b'`' | b'\\' | b'"' | b'\''))
        {
            return Ok(text.to_vec());
        }
        let assoc = matches!(self.lookup(name).map(|v| &v.value), Some(Value::Assoc(_)));
        let Some(word) = self.parse_word_text(text) else {
            return Ok(text.to_vec());
        };
        if assoc {
            self.expand_single(&word)
        } else {
            self.expand_arith_parts(&word.parts)
        }
    }

    /// The value of a reference.
    pub(super) fn value_of(&mut self, reference: &Reference) -> Result<Val, Unwind> {
        let one = |text: Option<Vec<u8>>| text.map_or(Val::Unset, Val::One);
        Ok(match reference {
            Reference::Position(n) => one(n
                .checked_sub(1)
                .and_then(|n| self.st.positional.get(n))
                .cloned()),
            Reference::Special(c) => match c {
                b'@' => Val::Many {
                    items: self.st.positional.to_vec(),
                    star: false,
                },
                b'*' => Val::Many {
                    items: self.st.positional.to_vec(),
                    star: true,
                },
                b'#' => Val::One(self.st.positional.len().to_string().into_bytes()),
                b'?' => Val::One(self.st.status.to_string().into_bytes()),
                b'$' => Val::One(self.st.shell_pid.to_string().into_bytes()),
                b'!' => one(self.st.background.map(|p| p.to_string().into_bytes())),
                b'0' => Val::One(self.st.arg0.to_vec()),
                b'-' => {
                    let mut letters = self.st.options.letters();
                    if self.st.start_letter != 0 {
                        letters.push(self.st.start_letter);
                    }
                    Val::One(letters)
                }
                _ => Val::Unset,
            },
            Reference::Variable(name) => {
                if is_computed(name)
                    && let Some(var) = self.special(name)
                {
                    return Ok(one(var.text().map(<[u8]>::to_vec)));
                }
                one(self
                    .vars
                    .get(name)
                    .and_then(|v| v.text().map(<[u8]>::to_vec)))
            }
            Reference::Element(name, key) => {
                if is_computed(name)
                    && let Some(var) = self.special(name)
                {
                    return Ok(match &var.value {
                        Value::Indexed(items) => {
                            let Ok(mut index) = self.eval_text(key) else {
                                return Err(Unwind::Discard(1));
                            };
                            if index < 0 {
                                index +=
                                    items.keys().next_back().map_or(0, |k| k.saturating_add(1));
                            }
                            one(items.get(&index).cloned())
                        }
                        Value::Assoc(items) => one(items.get(key).map(<[u8]>::to_vec)),
                        _ => one(var.text().map(<[u8]>::to_vec)),
                    });
                }
                match self.vars.get(name).map(|v| &v.value) {
                    Some(Value::Assoc(items)) => one(items.get(key).map(<[u8]>::to_vec)),
                    Some(Value::Indexed(_)) | Some(Value::Scalar(_)) => {
                        let Ok(index) = self.read_index(name, key)? else {
                            return Ok(Val::Unset);
                        };
                        match self.vars.get(name).map(|v| &v.value) {
                            Some(Value::Indexed(items)) => one(items.get(&index).cloned()),
                            Some(Value::Scalar(text)) if index == 0 => Val::One(text.clone()),
                            _ => Val::Unset,
                        }
                    }
                    _ => Val::Unset,
                }
            }
            Reference::All(name, star) => {
                if is_computed(name)
                    && let Some(var) = self.special(name)
                {
                    return Ok(Val::Many {
                        items: var.values(),
                        star: *star,
                    });
                }
                match self.vars.get(name) {
                    Some(var) => Val::Many {
                        items: var.values(),
                        star: *star,
                    },
                    None => Val::Many {
                        items: Vec::new(),
                        star: *star,
                    },
                }
            }
        })
    }

    /// The index that a subscript reads; a negative one that leads nowhere gives a message and
    /// no element.
    fn read_index(&mut self, name: &[u8], key: &[u8]) -> Result<Result<i64, ()>, Unwind> {
        if key.trim_ascii().is_empty() {
            self.error([name, b"[", key, b"]: bad array subscript"].concat());
            return Err(Unwind::Discard(1));
        }
        let index = match self.eval_cached(key) {
            Ok(index) => index,
            Err(e) => return Err(self.report_arith(key, e, b"")),
        };
        if index >= 0 {
            return Ok(Ok(index));
        }
        let end = match self.vars.get(name).map(|v| &v.value) {
            Some(Value::Indexed(items)) => {
                items.keys().next_back().map_or(0, |k| k.saturating_add(1))
            }
            _ => 1,
        };
        if end + index < 0 {
            self.error([name, b": bad array subscript"].concat());
            return Ok(Err(()));
        }
        Ok(Ok(end + index))
    }

    /// Appends a value's text or elements.
    pub(super) fn push_value(&self, value: Val, context: Context, out: &mut Vec<Chunk>) {
        match value {
            Val::Unset => {
                if context.dq {
                    out.push(Chunk::quoted(Vec::new()));
                }
            }
            Val::One(text) => out.push(Chunk::expanded(text, context.dq)),
            Val::Many { items, star } => {
                if star && context.dq {
                    let text = items.join(self.ifs_first().as_slice());
                    out.push(Chunk::quoted(text));
                    return;
                }
                // Without splitting, an unquoted `$*` still joins with IFS.
                for (at, item) in items.into_iter().enumerate() {
                    if at > 0 {
                        out.push(Chunk::Break { star });
                    }
                    out.push(Chunk::expanded(item, context.dq));
                }
            }
        }
    }

    /// `set -u`: reports the use of an unset parameter.
    pub(super) fn unbound(&self, reference: &Reference) -> Unwind {
        let name = match reference {
            Reference::Variable(name) | Reference::All(name, _) => name.clone(),
            Reference::Element(name, key) => [name, &b"["[..], key, b"]"].concat(),
            Reference::Position(n) => format!("${n}").into_bytes(),
            Reference::Special(c) => vec![b'$', *c],
        };
        self.error([name.as_slice(), b": unbound variable"].concat());
        Unwind::Exit(if self.st.start_letter == b'c' { 127 } else { 1 })
    }
}

/// Names whose value is computed when read ([`Shell::special`] decides).
pub fn is_computed(name: &[u8]) -> bool {
    match name.first() {
        Some(b'_') => name.len() == 1,
        Some(b'B' | b'D' | b'E' | b'F' | b'G' | b'H' | b'L' | b'P' | b'R' | b'S' | b'U') => {
            matches!(
                name,
                b"LINENO"
                    | b"BASHPID"
                    | b"BASH_SUBSHELL"
                    | b"BASH_COMMAND"
                    | b"RANDOM"
                    | b"SRANDOM"
                    | b"SECONDS"
                    | b"EPOCHSECONDS"
                    | b"EPOCHREALTIME"
                    | b"SHELLOPTS"
                    | b"BASHOPTS"
                    | b"UID"
                    | b"EUID"
                    | b"PPID"
                    | b"HISTCMD"
                    | b"GROUPS"
                    | b"PIPESTATUS"
                    | b"DIRSTACK"
                    | b"FUNCNAME"
                    | b"BASH_SOURCE"
                    | b"BASH_LINENO"
                    | b"BASH_ARGV0"
                    | b"BASH_ARGC"
                    | b"BASH_ARGV"
                    | b"BASH_VERSINFO"
                    | b"BASH_ALIASES"
                    | b"BASH_CMDS"
            )
        }
        _ => false,
    }
}
