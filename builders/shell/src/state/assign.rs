//! Assignments with all that follows from them: namerefs, attributes, elements of arrays, special
//! variables. Errors are reported here; the caller decides what they end.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Shell;
use super::value::{Assoc, Value, Var, attr};
use crate::syntax::is_name;

/// A variable or element that a name leads to, through namerefs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub name: Vec<u8>,
    pub subscript: Option<Vec<u8>>,
}

/// Where a new variable goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The visible one, else global.
    Visible,
    Global,
    Local,
}

/// An assignment that was refused; the message is already out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused;

/// Splits `name[subscript]`.
pub fn split_reference(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let Some(open) = text.iter().position(|c| *c == b'[') else {
        return (text, None);
    };
    match (
        text.get(..open),
        text.get(open + 1..)
            .and_then(|rest| rest.strip_suffix(b"]")),
    ) {
        (Some(name), Some(subscript)) => (name, Some(subscript)),
        _ => (text, None),
    }
}

/// Is it a name, or a name with a subscript?
pub fn is_reference(text: &[u8]) -> bool {
    let (name, subscript) = split_reference(text);
    is_name(name) && subscript.is_none_or(|s| !s.is_empty())
}

/// Names whose assignment changes other state ([`Shell::assigned`]), and those that are readonly by themselves.
pub(super) fn is_watched(name: &[u8]) -> bool {
    matches!(
        name,
        b"LC_ALL"
            | b"LC_CTYPE"
            | b"LANG"
            | b"PATH"
            | b"OPTIND"
            | b"RANDOM"
            | b"SECONDS"
            | b"BASH_ARGV0"
            | b"POSIXLY_CORRECT"
            | b"UID"
            | b"EUID"
            | b"PPID"
            | b"BASHOPTS"
            | b"SHELLOPTS"
            | b"BASH_VERSINFO"
    )
}

impl Shell {
    /// Follows namerefs. `None`: the chain is circular (a warning was given).
    pub fn resolve(&self, name: &[u8]) -> Option<Target> {
        let mut target = Target {
            name: name.to_vec(),
            subscript: None,
        };
        for _ in 0..16 {
            match self.vars.get(&target.name) {
                Some(var) if var.has(attr::NAMEREF) && target.subscript.is_none() => {
                    let Value::Scalar(text) = &var.value else {
                        return Some(target);
                    };
                    if text.is_empty() {
                        return Some(target);
                    }
                    let (next, subscript) = split_reference(text);
                    if next == target.name.as_slice() && subscript.is_none() {
                        // A local nameref to an outer variable of its own name.
                        return Some(target);
                    }
                    target = Target {
                        name: next.to_vec(),
                        subscript: subscript.map(<[u8]>::to_vec),
                    };
                }
                _ => return Some(target),
            }
        }
        self.error([b"warning: ", name, b": circular name reference"].concat());
        None
    }

    /// The visible variable, through namerefs that lead to whole variables.
    pub fn lookup(&self, name: &[u8]) -> Option<&Var> {
        let var = self.vars.get(name)?;
        if !var.has(attr::NAMEREF) {
            return Some(var);
        }
        let target = self.resolve(name)?;
        self.vars.get(&target.name)
    }

    /// The text of a scalar variable or of element 0.
    pub fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.lookup(name).and_then(|v| v.text().map(<[u8]>::to_vec))
    }

    /// Sets a variable from inside the shell; a readonly one stays.
    pub fn put(&mut self, name: &[u8], value: impl Into<Vec<u8>>) {
        let _ = self.assign(name, None, value.into(), false, Scope::Visible);
    }

    /// Assigns text to a variable or an element.
    pub fn assign(
        &mut self,
        name: &[u8],
        subscript: Option<&[u8]>,
        value: Vec<u8>,
        append: bool,
        scope: Scope,
    ) -> Result<(), Refused> {
        if scope == Scope::Visible
            && subscript.is_none()
            && !self.st.options.allexport()
            && let Some(text) = self.vars.plain_text_mut(name)
        {
            match append {
                true => text.extend_from_slice(&value),
                false => *text = value,
            }
            return Ok(());
        }
        let mut name = name.to_vec();
        let mut subscript = subscript.map(<[u8]>::to_vec);
        if scope == Scope::Visible && self.vars.get(&name).is_some_and(|v| v.has(attr::NAMEREF)) {
            let Some(target) = self.resolve(&name) else {
                return Err(Refused);
            };
            if target.name == name {
                if !is_reference(&value) && subscript.is_none() {
                    self.error([b"`", value.as_slice(), b"': not a valid identifier"].concat());
                    return Err(Refused);
                }
            } else {
                if !is_name(&target.name) {
                    self.error(
                        [b"`", target.name.as_slice(), b"': not a valid identifier"].concat(),
                    );
                    return Err(Refused);
                }
                if let Some(own) = target.subscript {
                    if subscript.is_some() {
                        let shown = [target.name.as_slice(), b"[", &own, b"]"].concat();
                        self.error([b"`", shown.as_slice(), b"': not a valid identifier"].concat());
                        return Err(Refused);
                    }
                    subscript = Some(
                        self.expand_subscript_text(&target.name, &own)
                            .map_err(|_| Refused)?,
                    );
                }
                name = target.name;
            }
        }
        self.check_readonly(&name)?;
        let value = self.transform(&name, value, append, subscript.as_deref())?;
        let Some(subscript) = subscript else {
            let var = self.binding(&name, scope);
            match &mut var.value {
                Value::Indexed(items) => {
                    let slot = items.entry(0).or_default();
                    if append {
                        slot.extend_from_slice(&value)
                    } else {
                        *slot = value
                    }
                }
                Value::Assoc(items) => {
                    let mut text = if append {
                        items.get(b"0").unwrap_or_default().to_vec()
                    } else {
                        Vec::new()
                    };
                    text.extend_from_slice(&value);
                    items.insert(b"0", text);
                }
                Value::Scalar(text) if append => text.extend_from_slice(&value),
                other => *other = Value::Scalar(value),
            }
            var.unassigned = false;
            self.assigned(&name);
            return Ok(());
        };
        if matches!(
            self.vars.get(&name).map(|v| &v.value),
            Some(Value::Assoc(_))
        ) {
            let var = self.binding(&name, scope);
            var.unassigned = false;
            let Value::Assoc(items) = &mut var.value else {
                return Err(Refused);
            };
            let mut text = if append {
                items.get(&subscript).unwrap_or_default().to_vec()
            } else {
                Vec::new()
            };
            text.extend_from_slice(&value);
            items.insert(&subscript, text);
            return Ok(());
        }
        let index = self.index(&name, &subscript)?;
        let var = self.binding(&name, scope);
        var.unassigned = false;
        make_indexed(&mut var.value);
        let Value::Indexed(items) = &mut var.value else {
            return Err(Refused);
        };
        let slot = items.entry(index).or_default();
        if append {
            slot.extend_from_slice(&value)
        } else {
            *slot = value
        }
        Ok(())
    }

    /// The index that a subscript of an indexed array stands for; negative ones count from the end.
    pub fn index(&mut self, name: &[u8], subscript: &[u8]) -> Result<i64, Refused> {
        let shown = |this: &Shell| {
            this.error([name, b"[", subscript, b"]: bad array subscript"].concat());
            Refused
        };
        if subscript.trim_ascii().is_empty() {
            return Err(shown(self));
        }
        let Ok(index) = self.eval_text(subscript) else {
            return Err(Refused);
        };
        if index >= 0 {
            return Ok(index);
        }
        let end = match self.vars.get(name).map(|v| &v.value) {
            Some(Value::Indexed(items)) => {
                items.keys().next_back().map_or(0, |k| k.saturating_add(1))
            }
            Some(Value::Scalar(_)) => 1,
            _ => 0,
        };
        if end + index < 0 {
            return Err(shown(self));
        }
        Ok(end + index)
    }

    pub fn check_readonly(&self, name: &[u8]) -> Result<(), Refused> {
        if self.vars.get(name).is_some_and(|v| v.has(attr::READONLY))
            || matches!(
                name,
                b"UID" | b"EUID" | b"PPID" | b"BASHOPTS" | b"SHELLOPTS" | b"BASH_VERSINFO"
            )
        {
            self.error([name, b": readonly variable"].concat());
            return Err(Refused);
        }
        Ok(())
    }

    /// The variable to change, made where `scope` says.
    pub fn binding(&mut self, name: &[u8], scope: Scope) -> &mut Var {
        let export = self.st.options.allexport();
        if export {
            self.vars.changes_environment();
        }
        let var = match scope {
            Scope::Visible => self.vars.get_or_create(name),
            Scope::Global => self.vars.global_mut(name),
            Scope::Local => self.vars.local(name, false).1,
        };
        if export {
            var.set_attr(attr::EXPORT, true);
        }
        var
    }

    /// Applies the integer and case attributes to a value before it is stored.
    fn transform(
        &mut self,
        name: &[u8],
        value: Vec<u8>,
        append: bool,
        subscript: Option<&[u8]>,
    ) -> Result<Vec<u8>, Refused> {
        let Some(var) = self.vars.get(name) else {
            return Ok(value);
        };
        let attrs = var.attrs;
        if attrs & attr::INTEGER != 0 {
            let Ok(mut number) = self.eval_text(&value) else {
                return Err(Refused);
            };
            if append {
                let old = match subscript {
                    None => self
                        .vars
                        .get(name)
                        .and_then(|v| v.text().map(<[u8]>::to_vec)),
                    Some(s) => self.element(name, s),
                };
                let old = match old {
                    Some(text) => self.eval_text(&text).map_err(|_| Refused)?,
                    None => 0,
                };
                number = number.wrapping_add(old);
                // Appending is addition: the old text goes.
                match (subscript, self.vars.get_mut(name).map(|v| &mut v.value)) {
                    (None, Some(Value::Scalar(text))) => text.clear(),
                    (None, Some(Value::Indexed(items))) => drop(items.insert(0, Vec::new())),
                    (Some(s), Some(Value::Assoc(items))) => items.insert(s, Vec::new()),
                    (Some(s), Some(Value::Indexed(_))) => {
                        let index = self.index(name, s)?;
                        if let Some(Value::Indexed(items)) =
                            self.vars.get_mut(name).map(|v| &mut v.value)
                        {
                            items.insert(index, Vec::new());
                        }
                    }
                    _ => {}
                }
            }
            return Ok(number.to_string().into_bytes());
        }
        Ok(self.change_case(attrs, value))
    }

    pub fn change_case(&self, attrs: u16, value: Vec<u8>) -> Vec<u8> {
        use crate::expand::case::{Change, change};
        if attrs & attr::LOWER != 0 {
            change(&value, Change::Lower, true, None, self.st.utf8)
        } else if attrs & attr::UPPER != 0 {
            change(&value, Change::Upper, true, None, self.st.utf8)
        } else if attrs & attr::CAPITAL != 0 {
            let lower = change(&value, Change::Lower, true, None, self.st.utf8);
            change(&lower, Change::Upper, false, None, self.st.utf8)
        } else {
            value
        }
    }

    /// An element's text.
    pub fn element(&mut self, name: &[u8], subscript: &[u8]) -> Option<Vec<u8>> {
        match self.lookup(name).map(|v| &v.value) {
            Some(Value::Assoc(items)) => items.get(subscript).map(<[u8]>::to_vec),
            Some(_) => {
                let index = self.index(name, subscript).ok()?;
                match self.lookup(name).map(|v| &v.value) {
                    Some(Value::Indexed(items)) => items.get(&index).cloned(),
                    Some(Value::Scalar(text)) if index == 0 => Some(text.clone()),
                    _ => None,
                }
            }
            None => None,
        }
    }

    /// Replaces a variable by an indexed array.
    pub fn put_array(
        &mut self,
        name: &[u8],
        items: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<(), Refused> {
        let Some(target) = self.resolve(name) else {
            return Err(Refused);
        };
        self.check_readonly(&target.name)?;
        let var = self.binding(&target.name, Scope::Visible);
        var.value = Value::Indexed(
            items
                .into_iter()
                .enumerate()
                .map(|(i, v)| (i as i64, v))
                .collect(),
        );
        var.unassigned = false;
        Ok(())
    }

    /// Removes a variable or an element. `Err`: readonly, or a bad subscript.
    pub fn unset(&mut self, name: &[u8], subscript: Option<&[u8]>) -> Result<(), Refused> {
        if self.vars.get(name).is_some_and(|v| v.has(attr::READONLY)) {
            return Err(Refused);
        }
        let Some(subscript) = subscript else {
            self.vars.unset(name);
            self.forget_special(name);
            self.assigned(name);
            return Ok(());
        };
        match self.vars.get(name).map(|v| &v.value) {
            Some(Value::Assoc(_)) => {
                if let Some(Value::Assoc(items)) = self.vars.get_mut(name).map(|v| &mut v.value) {
                    items.remove(subscript);
                }
            }
            Some(Value::Indexed(_)) => {
                if matches!(subscript, b"@" | b"*") {
                    if let Some(var) = self.vars.get_mut(name) {
                        var.value = Value::Indexed(BTreeMap::new());
                    }
                    return Ok(());
                }
                let index = self.index(name, subscript)?;
                if let Some(Value::Indexed(items)) = self.vars.get_mut(name).map(|v| &mut v.value) {
                    items.remove(&index);
                }
            }
            Some(Value::Scalar(_)) => {
                if self.index(name, subscript)? == 0 {
                    self.vars.unset(name);
                } else {
                    return Err(Refused);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What other state hangs on a variable.
    pub fn assigned(&mut self, name: &[u8]) {
        match name {
            b"LC_ALL" | b"LC_CTYPE" | b"LANG" => self.locale_changed(),
            b"PATH" => self.st.hashed = Rc::default(),
            b"OPTIND" => {
                self.st.getopts = (
                    self.get(b"OPTIND")
                        .and_then(|t| crate::arith::parse_decimal(&t))
                        .unwrap_or(1),
                    0,
                )
            }
            b"RANDOM" => {
                let seed = self
                    .get(b"RANDOM")
                    .and_then(|t| crate::arith::parse_decimal(&t))
                    .unwrap_or(0);
                self.st.random = seed as u32;
            }
            b"SECONDS" => {
                let value = self
                    .get(b"SECONDS")
                    .and_then(|t| crate::arith::parse_decimal(&t))
                    .unwrap_or(0);
                self.seconds_offset = value;
                self.started = crate::sys::now();
            }
            b"BASH_ARGV0" => {
                if let Some(name) = self.vars.get(name).and_then(|v| v.text()) {
                    self.st.arg0 = name.into();
                }
            }
            b"POSIXLY_CORRECT" => {
                let on = self.vars.get(name).is_some_and(|v| v.text().is_some());
                self.st.options.enable("posix", on);
            }
            _ => {}
        }
    }

    fn locale_changed(&mut self) {
        let locale = [&b"LC_ALL"[..], b"LC_CTYPE", b"LANG"]
            .iter()
            .find_map(|n| self.get(n).filter(|t| !t.is_empty()))
            .unwrap_or_default();
        let lower = locale.to_ascii_lowercase();
        self.st.utf8 = lower.ends_with(b".utf-8") || lower.ends_with(b".utf8");
    }
}

/// Makes a value an indexed array; a scalar becomes element 0.
pub fn make_indexed(value: &mut Value) {
    match value {
        Value::Indexed(_) | Value::Assoc(_) => {}
        Value::Scalar(text) => *value = Value::Indexed(BTreeMap::from([(0, std::mem::take(text))])),
        Value::Unset => *value = Value::Indexed(BTreeMap::new()),
    }
}

/// Makes a value an associative array; a scalar becomes the element with key 0.
pub fn make_assoc(value: &mut Value) {
    match value {
        Value::Assoc(_) | Value::Indexed(_) => {}
        Value::Scalar(text) => {
            let mut items = Assoc::default();
            items.insert(b"0", std::mem::take(text));
            *value = Value::Assoc(items);
        }
        Value::Unset => *value = Value::Assoc(Assoc::default()),
    }
}
