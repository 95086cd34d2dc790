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
        let integer = self.vars.get(name).is_some_and(|v| v.has(attr::INTEGER));
        let attrs = self.vars.get(name).map_or(0, |v| v.attrs);
        let old = match (append, self.vars.get(name)) {
            (true, Some(var)) => var.value.clone(),
            _ => Value::Unset,
        };
        if assoc {
            let mut map = match old {
                Value::Assoc(map) => map,
                _ => Assoc::default(),
            };
            let mut pending: Option<Vec<u8>> = None;
            for (key, add, value) in items {
                let value = if integer {
                    self.integer_text(&value)?
                } else {
                    self.change_case(attrs, value)
                };
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
            let var = self.binding(name, scope);
            var.value = Value::Assoc(map);
            var.unassigned = false;
            return Ok(());
        }
        let mut old = old;
        if append {
            make_indexed(&mut old);
        }
        let mut map = match old {
            Value::Indexed(map) => map,
            _ => BTreeMap::new(),
        };
        let mut next = map.keys().next_back().map_or(0, |k| k + 1);
        for (key, add, value) in items {
            let value = if integer {
                self.integer_text(&value)?
            } else {
                self.change_case(attrs, value)
            };
            if let Some(key) = key {
                // A subscript sees the elements that were assigned before it.
                if key.iter().any(u8::is_ascii_alphabetic) {
                    self.binding(name, scope).value = Value::Indexed(map.clone());
                }
                let Ok(mut index) = self.eval_text(&key) else {
                    return Err(Refused);
                };
                if index < 0 {
                    index += map.keys().next_back().map_or(0, |k| k + 1);
                }
                if index < 0 {
                    self.error(
                        [
                            b"[",
                            key.as_slice(),
                            b"]=",
                            &value,
                            b": bad array subscript",
                        ]
                        .concat(),
                    );
                    continue;
                }
                next = index;
            }
            let slot = map.entry(next).or_default();
            if add {
                if integer {
                    let sum = [slot.as_slice(), b"+", &value].concat();
                    *slot = self.integer_text(&sum)?;
                } else {
                    slot.extend(value);
                }
            } else {
                *slot = value;
            }
            next += 1;
        }
        let var = self.binding(name, scope);
        var.value = Value::Indexed(map);
        var.unassigned = false;
        Ok(())
    }

    fn integer_text(&mut self, text: &[u8]) -> Result<Vec<u8>, Refused> {
        self.eval_text(text)
            .map(|n| n.to_string().into_bytes())
            .map_err(|_| Refused)
    }
}
