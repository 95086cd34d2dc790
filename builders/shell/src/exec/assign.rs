//! Assignments of the syntax tree: scalars, elements, compound values.

use std::collections::BTreeMap;

use crate::state::assign::{Refused, Scope, make_indexed};
use crate::state::value::{Assoc, Value, attr};
use crate::state::{Shell, Unwind};
use crate::syntax::ast::{Assign, AssignValue, Element};

/// An expanded element of a compound assignment: subscript, `+=`, value.
pub type Item = (Option<Vec<u8>>, bool, Vec<u8>);

impl Shell {
    /// Runs an assignment. The inner result tells whether it was refused (and reported).
    pub fn run_assign(
        &mut self,
        assign: &Assign,
        scope: Scope,
        trace: bool,
    ) -> Result<Result<(), Refused>, Unwind> {
        match &assign.value {
            AssignValue::Scalar(word) => {
                let value = self.expand_value(word)?;
                let subscript = match &assign.subscript {
                    Some(sub) => {
                        let name = self
                            .resolve(&assign.name)
                            .map_or_else(|| assign.name.clone(), |t| t.name);
                        Some(self.subscript_key(&name, sub)?)
                    }
                    None => None,
                };
                if trace && self.st.options.xtrace() {
                    let name = match &assign.subscript {
                        Some(sub) => [assign.name.as_slice(), b"[", &sub.raw, b"]"].concat(),
                        None => assign.name.clone(),
                    };
                    self.trace_assign(&name, &value, assign.append);
                }
                Ok(self.assign(
                    &assign.name,
                    subscript.as_deref(),
                    value,
                    assign.append,
                    scope,
                ))
            }
            AssignValue::Array(_) if assign.subscript.is_some() => {
                let raw = assign
                    .subscript
                    .as_ref()
                    .map(|s| s.raw.clone())
                    .unwrap_or_default();
                self.error(
                    [
                        assign.name.as_slice(),
                        b"[",
                        &raw,
                        b"]: cannot assign list to array member",
                    ]
                    .concat(),
                );
                Ok(Err(Refused))
            }
            AssignValue::Array(elements) => {
                self.assign_array(&assign.name, elements, assign.append, scope, None, trace)
            }
        }
    }

    /// `name=( … )`. `assoc`: force an associative (`declare -A`) or indexed array.
    pub fn assign_array(
        &mut self,
        name: &[u8],
        elements: &[Element],
        append: bool,
        scope: Scope,
        assoc: Option<bool>,
        trace: bool,
    ) -> Result<Result<(), Refused>, Unwind> {
        let name = match scope {
            Scope::Visible => match self.resolve(name) {
                Some(target) if target.subscript.is_some() => {
                    let shown = [
                        target.name.as_slice(),
                        b"[",
                        target.subscript.as_deref().unwrap_or_default(),
                        b"]",
                    ]
                    .concat();
                    self.error([b"`", shown.as_slice(), b"': not a valid identifier"].concat());
                    return Ok(Err(Refused));
                }
                Some(target) => target.name,
                None => return Ok(Err(Refused)),
            },
            _ => name.to_vec(),
        };
        let visible = self.vars.get(&name);
        let is_assoc = assoc.unwrap_or_else(|| {
            matches!(visible.map(|v| &v.value), Some(Value::Assoc(_)))
                && (scope != Scope::Local || self.vars.is_local(&name))
        });
        if let Err(refused) = self.check_readonly(&name) {
            return Ok(Err(refused));
        }
        // All values are expanded before anything changes: `a=("${a[@]}" x)`.
        let mut items: Vec<Item> = Vec::new();
        for element in elements {
            match &element.subscript {
                Some(sub) => {
                    let key = if is_assoc {
                        self.expand_single(&sub.word)?
                    } else {
                        self.expand_arith(&sub.arith)?
                    };
                    let value = if is_assoc {
                        self.expand_single_plain(&element.value)?
                    } else {
                        self.expand_value(&element.value)?
                    };
                    items.push((Some(key), element.append, value));
                }
                None => {
                    let mut values = Vec::new();
                    self.expand_word(&element.value, &mut values)?;
                    items.extend(values.into_iter().map(|v| (None, false, v)));
                }
            }
        }
        if trace && self.st.options.xtrace() {
            self.trace_array(&name, &items, append);
        }
        Ok(self.store_items(&name, items, append, scope, is_assoc))
    }

    /// Stores the items of a compound assignment.
    pub fn store_items(
        &mut self,
        name: &[u8],
        items: Vec<Item>,
        append: bool,
        scope: Scope,
        assoc: bool,
    ) -> Result<(), Refused> {
        let (attrs, value) = match self.vars.get(name) {
            Some(var) => (var.attrs, append.then_some(&var.value)),
            None => (0, None),
        };
        // Taken out, not copied: appending one by one must not take quadratic time. An integer's
        // text is an expression, which may read the array.
        let own = match scope {
            Scope::Visible => true,
            Scope::Local => self.vars.is_local(name),
            Scope::Global => false,
        };
        let mut value = match value {
            None => Value::Unset,
            Some(_) if own && attrs & attr::INTEGER == 0 => match self.vars.get_mut(name) {
                Some(var) => std::mem::take(&mut var.value),
                None => Value::Unset,
            },
            Some(value) => value.clone(),
        };
        let result = if assoc {
            self.fill_assoc(name, &mut value, items, append, attrs)
        } else {
            if append {
                make_indexed(&mut value);
            }
            self.fill_indexed(name, &mut value, items, scope, attrs)
        };
        let var = self.binding(name, scope);
        var.value = value;
        var.unassigned = false;
        result
    }

    fn fill_assoc(
        &mut self,
        name: &[u8],
        value: &mut Value,
        items: Vec<Item>,
        append: bool,
        attrs: u16,
    ) -> Result<(), Refused> {
        if !matches!(value, Value::Assoc(_)) {
            *value = Value::Assoc(Assoc::default());
        }
        let Value::Assoc(map) = value else {
            return Err(Refused);
        };
        let mut pending: Option<Vec<u8>> = None;
        for (key, add, value) in items {
            let value = self.element_text(attrs, value)?;
            match key {
                Some(key) => {
                    if key.is_empty() {
                        self.error(
                            [name, b"[", key.as_slice(), b"]: bad array subscript"].concat(),
                        );
                        continue;
                    }
                    let mut text = if add && append {
                        map.get(&key).unwrap_or_default().to_vec()
                    } else {
                        Vec::new()
                    };
                    text.extend(value);
                    map.insert(&key, text);
                }
                None => match pending.take() {
                    None => pending = Some(value),
                    Some(key) => map.insert(&key, value),
                },
            }
        }
        if let Some(key) = pending {
            map.insert(&key, Vec::new());
        }
        Ok(())
    }

    fn fill_indexed(
        &mut self,
        name: &[u8],
        value: &mut Value,
        items: Vec<Item>,
        scope: Scope,
        attrs: u16,
    ) -> Result<(), Refused> {
        let mut map = match std::mem::take(value) {
            Value::Indexed(map) => map,
            _ => BTreeMap::new(),
        };
        let result = self.fill_map(name, &mut map, items, scope, attrs);
        *value = Value::Indexed(map);
        result
    }

    fn fill_map(
        &mut self,
        name: &[u8],
        map: &mut BTreeMap<i64, Vec<u8>>,
        items: Vec<Item>,
        scope: Scope,
        attrs: u16,
    ) -> Result<(), Refused> {
        let end = |map: &BTreeMap<i64, Vec<u8>>| {
            map.last_key_value().map_or(0, |(k, _)| k.saturating_add(1))
        };
        let mut next = end(map);
        for (key, add, value) in items {
            let value = self.element_text(attrs, value)?;
            if let Some(key) = key {
                // A subscript sees the elements that were assigned before it.
                let names = key.iter().any(u8::is_ascii_alphabetic);
                if names {
                    self.binding(name, scope).value = Value::Indexed(std::mem::take(map));
                }
                let index = self.eval_text(&key);
                if names
                    && let Value::Indexed(back) =
                        std::mem::take(&mut self.binding(name, scope).value)
                {
                    *map = back;
                }
                let Ok(mut index) = index else {
                    return Err(Refused);
                };
                if index < 0 {
                    index = index.saturating_add(end(map));
                }
                if index < 0 {
                    let shown = [b"[", key.as_slice(), b"]=", &value].concat();
                    self.error([shown.as_slice(), b": bad array subscript"].concat());
                    continue;
                }
                next = index;
            }
            let slot = map.entry(next).or_default();
            if !add {
                *slot = value;
            } else if attrs & attr::INTEGER != 0 {
                let sum = [slot.as_slice(), b"+", &value].concat();
                *slot = self.integer_text(&sum)?;
            } else {
                slot.extend(value);
            }
            next = next.saturating_add(1);
        }
        Ok(())
    }

    /// A value as the array's attributes make it.
    fn element_text(&mut self, attrs: u16, value: Vec<u8>) -> Result<Vec<u8>, Refused> {
        if attrs & attr::INTEGER != 0 {
            return self.integer_text(&value);
        }
        Ok(self.change_case(attrs, value))
    }

    fn integer_text(&mut self, text: &[u8]) -> Result<Vec<u8>, Refused> {
        self.eval_text(text)
            .map(|n| n.to_string().into_bytes())
            .map_err(|_| Refused)
    }
}
