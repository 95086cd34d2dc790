//! `${!name}`, `${!name[@]}`, `${!prefix*}`.

use std::rc::Rc;

use super::param::{Reference, Val, is_computed};
use super::{Chunk, Context};
use crate::state::assign::{is_reference, split_reference};
use crate::state::value::attr;
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{Param, ParamName, ParamOp, ParamSub};

impl Shell {
    /// Handles the forms that are complete in themselves; otherwise gives what is referred to.
    pub(super) fn indirect(
        &mut self,
        param: &Rc<Param>,
        context: Context,
        out: &mut Vec<Chunk>,
    ) -> Result<Option<Reference>, Unwind> {
        if let (ParamOp::Prefix { at }, ParamName::Name(prefix)) = (&param.op, &param.name) {
            let mut items: Vec<Vec<u8>> = self
                .vars
                .all()
                .into_iter()
                .filter(|(n, v)| {
                    n.starts_with(prefix)
                        && !v.unassigned
                        && !matches!(v.value, crate::state::value::Value::Unset)
                })
                .map(|(n, _)| n.to_vec())
                .collect();
            for name in [
                &b"BASHOPTS"[..],
                b"BASHPID",
                b"BASH_SUBSHELL",
                b"BASH_VERSINFO",
                b"EUID",
                b"LINENO",
                b"PPID",
                b"RANDOM",
                b"SECONDS",
                b"SHELLOPTS",
                b"UID",
            ] {
                if name.starts_with(prefix) && !items.iter().any(|i| i == name) {
                    items.push(name.to_vec());
                }
            }
            items.sort();
            self.push_value(Val::Many { items, star: !at }, context, out);
            return Ok(None);
        }
        if let (ParamName::Name(name), Some(sub @ (ParamSub::At | ParamSub::Star)), ParamOp::None) =
            (&param.name, &param.subscript, &param.op)
        {
            let star = matches!(sub, ParamSub::Star);
            let target = self.resolve(name).map_or(name.clone(), |t| t.name);
            let items = match if is_computed(&target) {
                self.special(&target)
            } else {
                None
            } {
                Some(var) => var.keys(),
                None => self.vars.get(&target).map(|v| v.keys()).unwrap_or_default(),
            };
            self.push_value(Val::Many { items, star }, context, out);
            return Ok(None);
        }
        // `${!ref}` of a nameref is the name that it holds.
        if let (ParamName::Name(name), None, ParamOp::None) =
            (&param.name, &param.subscript, &param.op)
            && let Some(var) = self.vars.get(name)
            && var.has(attr::NAMEREF)
        {
            let text = var.text().unwrap_or_default().to_vec();
            out.push(Chunk::expanded(text, context.dq));
            return Ok(None);
        }
        let reference = self.reference(&param.name, param.subscript.as_ref())?;
        let text = match self.value_of(&reference)? {
            Val::One(text) => text,
            Val::Many { items, .. } => items.join(&b' '),
            Val::Unset => {
                if matches!(param.op, ParamOp::Default { .. })
                    && !matches!(reference, Reference::Variable(_) | Reference::Element(..))
                {
                    return Ok(Some(reference));
                }
                let shown: Vec<u8> = match &reference {
                    Reference::Variable(name) => name.clone(),
                    Reference::Element(name, _) => [name.as_slice(), b"[...]"].concat(),
                    _ => b"!".to_vec(),
                };
                if matches!(&reference, Reference::Variable(name) if self.vars.get(name).is_some_and(crate::state::value::Var::is_array))
                {
                    self.push_value(Val::One(Vec::new()), context, out);
                    return Ok(None);
                }
                if matches!(reference, Reference::Position(_) | Reference::Special(_)) {
                    self.push_value(Val::Unset, context, out);
                    return Ok(None);
                }
                self.error([shown.as_slice(), b": invalid indirect expansion"].concat());
                return Err(Unwind::Discard(1));
            }
        };
        match self.parse_reference(&text)? {
            Some(reference) => Ok(Some(reference)),
            None if text.is_empty() && matches!(param.op, ParamOp::Default { .. }) => {
                Ok(Some(Reference::Variable(Vec::new())))
            }
            None => {
                self.error([text.as_slice(), b": invalid variable name"].concat());
                Err(Unwind::Discard(1))
            }
        }
    }

    /// Reads `x`, `x[1]`, `x[@]`, `3`, `@` given as text.
    pub fn parse_reference(&mut self, text: &[u8]) -> Result<Option<Reference>, Unwind> {
        if let [c @ (b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!')] = text {
            return Ok(Some(Reference::Special(*c)));
        }
        if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
            let n = std::str::from_utf8(text)
                .ok()
                .and_then(|t| t.parse().ok())
                .unwrap_or(usize::MAX);
            return Ok(Some(if n == 0 {
                Reference::Special(b'0')
            } else {
                Reference::Position(n)
            }));
        }
        if !is_reference(text) {
            return Ok(None);
        }
        let (name, subscript) = split_reference(text);
        let Some(target) = self.resolve(name) else {
            return Ok(None);
        };
        Ok(Some(match subscript {
            None => match target.subscript.as_deref() {
                None => Reference::Variable(target.name),
                Some(b"@") => Reference::All(target.name, false),
                Some(b"*") => Reference::All(target.name, true),
                Some(s) => Reference::Element(target.name, s.to_vec()),
            },
            Some(b"@") => Reference::All(target.name, false),
            Some(b"*") => Reference::All(target.name, true),
            Some(s) => {
                let key = self.expand_subscript_text(&target.name, s)?;
                Reference::Element(target.name, key)
            }
        }))
    }
}
