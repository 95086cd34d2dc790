//! The operators of `${…}`.

use std::rc::Rc;

use super::case::{Change, change};
use super::param::{Reference, Val};
use super::{Chunk, Context};
use crate::pattern::{self, char_len};
use crate::state::assign::Scope;
use crate::state::value::Value;
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{ArithText, Param, ParamOp, Word};

impl Shell {
    pub(super) fn apply(
        &mut self,
        param: &Rc<Param>,
        reference: Reference,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        let value = self.value_of(&reference)?;
        if let ParamOp::Default { kind, colon, word } = &param.op {
            return self.default_op(&reference, value, *kind, *colon, word, context, out);
        }
        if value == Val::Unset
            && self.st.options.nounset()
            && !matches!(param.op, ParamOp::Transform(b'A'))
        {
            return Err(self.unbound(&reference));
        }
        let value = match &param.op {
            ParamOp::None | ParamOp::Default { .. } | ParamOp::Prefix { .. } | ParamOp::Bad(_) => {
                value
            }
            ParamOp::Length => Val::One(
                match &value {
                    Val::Unset => 0,
                    Val::One(text) => self.char_count(text),
                    Val::Many { items, .. } => items.len(),
                }
                .to_string()
                .into_bytes(),
            ),
            ParamOp::Trim {
                suffix,
                longest,
                pattern,
            } => {
                if value == Val::Unset {
                    value
                } else {
                    let pattern = self.compile_word(pattern)?;
                    map(value, |text| trim(text, &pattern, *suffix, *longest))
                }
            }
            ParamOp::Slice { offset, length } => {
                self.slice(&reference, value, offset, length.as_ref())?
            }
            ParamOp::Replace {
                kind,
                pattern,
                with,
            } => self.replace(value, *kind, pattern, with.as_ref())?,
            ParamOp::Case { kind, all, pattern } => {
                let how = match kind {
                    b'^' => Change::Upper,
                    b',' => Change::Lower,
                    _ => Change::Toggle,
                };
                let pattern = match pattern {
                    Some(word) => Some(self.compile_word(word)?),
                    None => None,
                };
                let utf8 = self.st.utf8;
                map(value, |text| {
                    change(&text, how, *all, pattern.as_deref(), utf8)
                })
            }
            ParamOp::Transform(op) => self.transform_op(&reference, value, *op)?,
        };
        self.push_value(value, context, out);
        Ok(())
    }

    /// Compiles the pattern operand of an operator.
    pub(super) fn compile_word(&mut self, word: &Word) -> Result<Rc<pattern::Pattern>, Unwind> {
        let text = self.expand_pattern(word)?;
        let options = pattern::Options {
            nocase: false,
            extglob: self.st.options.extglob(),
            utf8: self.st.utf8,
        };
        Ok(self.patterns.get(&text, options))
    }

    #[allow(clippy::too_many_arguments)]
    fn default_op(
        &mut self,
        reference: &Reference,
        value: Val,
        kind: u8,
        colon: bool,
        word: &Word,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        let missing = match &value {
            Val::Unset => true,
            Val::One(text) => colon && text.is_empty(),
            Val::Many { items, star } => match items.as_slice() {
                [] => true,
                [one] => colon && one.is_empty(),
                // Quoted, they are one text, which may be empty.
                many => {
                    colon
                        && *star
                        && context.dq
                        && many.iter().all(Vec::is_empty)
                        && self.ifs_first().is_empty()
                }
            },
        };
        match (kind, missing) {
            (b'+', true) => {
                if context.dq
                    && !matches!(
                        reference,
                        Reference::All(_, false) | Reference::Special(b'@')
                    )
                {
                    out.push(Chunk::quoted(Vec::new()));
                }
                Ok(())
            }
            (b'-', true) | (b'+', false) => self.operand_chunks(word, context, out),
            (b'=', true) => {
                let mut chunks = Vec::new();
                let inner = Context {
                    single: true,
                    split_literals: false,
                    ..context
                };
                self.word_chunks(word, inner, !context.dq, &mut chunks)?;
                let text = self.join(chunks);
                let done = match reference {
                    Reference::Variable(name) => {
                        self.assign(name, None, text.clone(), false, Scope::Visible)
                    }
                    Reference::Element(name, key) => {
                        self.assign(name, Some(key), text.clone(), false, Scope::Visible)
                    }
                    Reference::All(name, star) => {
                        let shown = if *star { "*" } else { "@" };
                        self.error(
                            [
                                name.as_slice(),
                                b"[",
                                shown.as_bytes(),
                                b"]: bad array subscript",
                            ]
                            .concat(),
                        );
                        return Err(Unwind::Discard(1));
                    }
                    Reference::Position(n) => {
                        self.error(format!("${n}: cannot assign in this way"));
                        return Err(Unwind::Discard(1));
                    }
                    Reference::Special(c) => {
                        self.error(format!("${}: cannot assign in this way", char::from(*c)));
                        return Err(Unwind::Discard(1));
                    }
                };
                if done.is_err() {
                    return Err(Unwind::Discard(1));
                }
                let value = self.value_of(reference)?;
                let value = if value == Val::Unset {
                    Val::One(text)
                } else {
                    value
                };
                self.push_value(value, context, out);
                Ok(())
            }
            (b'?', true) => {
                let text = if word.parts.is_empty() {
                    if colon {
                        b"parameter null or not set".to_vec()
                    } else {
                        b"parameter not set".to_vec()
                    }
                } else {
                    self.expand_single(word)?
                };
                let name: Vec<u8> = match reference {
                    Reference::Variable(name) => name.clone(),
                    Reference::All(name, star) => {
                        [name.as_slice(), if *star { b"[*]" } else { b"[@]" }].concat()
                    }
                    Reference::Element(name, key) => [name.as_slice(), b"[", key, b"]"].concat(),
                    Reference::Position(n) => n.to_string().into_bytes(),
                    Reference::Special(c) => vec![*c],
                };
                self.error([name.as_slice(), b": ", &text].concat());
                Err(Unwind::Exit(if self.st.start_letter == b'c' {
                    127
                } else {
                    1
                }))
            }
            _ => {
                self.push_value(value, context, out);
                Ok(())
            }
        }
    }

    /// The word of `${x-word}`, as if it stood in place of the expansion.
    fn operand_chunks(
        &mut self,
        word: &Word,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<(), Unwind> {
        let before = out.len();
        let inner = Context {
            split_literals: !context.dq && !context.single,
            ..context
        };
        if context.dq {
            self.parts_chunks(&word.parts, inner, out)?
        } else {
            self.word_chunks(word, inner, false, out)?
        }
        if out.len() == before && context.dq && !word.parts.iter().any(super::is_list_expansion) {
            out.push(Chunk::quoted(Vec::new()));
        }
        Ok(())
    }

    pub(super) fn char_count(&self, text: &[u8]) -> usize {
        if !self.st.utf8 || text.is_ascii() {
            return text.len();
        }
        let (mut at, mut count) = (0, 0);
        while at < text.len() {
            at += char_len(text.get(at..).unwrap_or_default(), true).max(1);
            count += 1;
        }
        count
    }

    fn slice(
        &mut self,
        reference: &Reference,
        value: Val,
        offset: &ArithText,
        length: Option<&ArithText>,
    ) -> Result<Val, Unwind> {
        let start = self.arith_text_value(offset, b"")?;
        let length = match length {
            Some(text) => Some(self.arith_text_value(text, b"")?),
            None => None,
        };
        let negative = |this: &Shell, n: i64| {
            this.error(format!("{n}: substring expression < 0"));
            Unwind::Discard(1)
        };
        match value {
            Val::Unset => Ok(Val::Unset),
            Val::One(text) => {
                let total = self.char_count(&text) as i64;
                let from = if start < 0 { start + total } else { start };
                if from < 0 || from > total {
                    return Ok(Val::One(Vec::new()));
                }
                let to = match length {
                    None => total,
                    Some(n) if n < 0 => {
                        if total + n < from {
                            return Err(negative(self, n));
                        }
                        total + n
                    }
                    Some(n) => from.saturating_add(n).min(total),
                };
                Ok(Val::One(self.substring(&text, from, to)))
            }
            Val::Many { mut items, star } => {
                let positional = matches!(reference, Reference::Special(_));
                if positional {
                    items.insert(0, self.st.arg0.to_vec());
                }
                let mut total = items.len() as i64;
                let mut keys: Option<Vec<i64>> = None;
                if let Reference::All(name, _) = reference
                    && let Some(Value::Indexed(map)) = self.vars.get(name).map(|v| &v.value)
                {
                    total = map.keys().next_back().map_or(0, |k| k.saturating_add(1));
                    keys = Some(map.keys().copied().collect());
                }
                let from = if start < 0 { start + total } else { start };
                if from < 0 || from > total {
                    return Ok(Val::Many {
                        items: Vec::new(),
                        star,
                    });
                }
                if let Some(n) = length
                    && n < 0
                {
                    return Err(negative(self, n));
                }
                let skip = match &keys {
                    Some(keys) => keys.iter().take_while(|k| **k < from).count(),
                    None => usize::try_from(from).unwrap_or(0),
                };
                let take = length.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(0));
                let items = items.into_iter().skip(skip).take(take).collect();
                Ok(Val::Many { items, star })
            }
        }
    }

    /// Characters `from` up to `to`.
    fn substring(&self, text: &[u8], from: i64, to: i64) -> Vec<u8> {
        let (from, to) = (
            usize::try_from(from).unwrap_or(0),
            usize::try_from(to).unwrap_or(0),
        );
        if !self.st.utf8 || text.is_ascii() {
            return text.get(from..to).unwrap_or_default().to_vec();
        }
        let (mut at, mut number, mut start) = (0, 0, text.len());
        while at < text.len() && number < to {
            if number == from {
                start = at;
            }
            at += char_len(text.get(at..).unwrap_or_default(), true).max(1);
            number += 1;
        }
        text.get(start..at).unwrap_or_default().to_vec()
    }
}

pub(super) fn map(value: Val, mut f: impl FnMut(Vec<u8>) -> Vec<u8>) -> Val {
    match value {
        Val::Unset => Val::Unset,
        Val::One(text) => Val::One(f(text)),
        Val::Many { items, star } => Val::Many {
            items: items.into_iter().map(f).collect(),
            star,
        },
    }
}

fn trim(mut text: Vec<u8>, pattern: &pattern::Pattern, suffix: bool, longest: bool) -> Vec<u8> {
    if suffix {
        if let Some(start) = pattern.suffix(&text, longest) {
            text.truncate(start);
        }
        return text;
    }
    let end = if longest {
        match pattern.longest_at(&text, 0) {
            pattern::Found::End(end) => Some(end),
            _ => None,
        }
    } else {
        pattern.shortest_prefix(&text)
    };
    match end {
        Some(end) if end > 0 => text.get(end..).unwrap_or_default().to_vec(),
        _ => text,
    }
}
