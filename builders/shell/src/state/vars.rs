//! The table of variables: dynamic scopes for functions and temporary environments, and a journal
//! that makes a subshell in the same instance cheap: its first change of a variable saves the
//! variable, and its end puts the saved ones back.

use std::rc::Rc;

use super::value::{PlainMap, Value, Var, attr};

type Name = Rc<[u8]>;

#[derive(Debug, Clone, Default)]
struct Entry {
    /// Scope and variable, innermost last.
    bindings: Vec<(u32, Rc<Var>)>,
    /// The journal layer that saved this entry last.
    layer: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    Function,
    /// `NAME=value command`
    Temporary,
}

#[derive(Debug)]
struct Scope {
    kind: ScopeKind,
    names: Vec<Name>,
}

#[derive(Debug)]
struct Layer {
    id: u64,
    saved: Vec<(Name, Option<Entry>)>,
    scopes: usize,
}

/// Name, level and variable of a binding.
pub type Exported<'a> = (&'a [u8], u32, &'a Var);

#[derive(Debug, Default)]
pub struct Vars {
    map: PlainMap<Name, Entry>,
    scopes: Vec<Scope>,
    journal: Vec<Layer>,
    last_layer: u64,
}

impl Vars {
    /// The visible variable of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Var> {
        self.map.get(name)?.bindings.last().map(|(_, var)| &**var)
    }

    /// For changing the visible variable.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Var> {
        self.map.get(name)?.bindings.last()?;
        self.entry(name)
            .bindings
            .last_mut()
            .map(|(_, var)| Rc::make_mut(var))
    }

    /// The visible variable, made in the global scope if there is none.
    pub fn get_or_create(&mut self, name: &[u8]) -> &mut Var {
        let entry = self.entry(name);
        if entry.bindings.is_empty() {
            entry.bindings.push((0, Rc::default()));
        }
        match entry.bindings.last_mut() {
            Some((_, var)) => Rc::make_mut(var),
            None => unreachable!("a binding was just pushed"),
        }
    }

    /// The variable in the global scope (`declare -g`).
    pub fn global_mut(&mut self, name: &[u8]) -> &mut Var {
        let entry = self.entry(name);
        if entry.bindings.first().is_none_or(|(level, _)| *level != 0) {
            entry.bindings.insert(0, (0, Rc::default()));
        }
        match entry.bindings.first_mut() {
            Some((_, var)) => Rc::make_mut(var),
            None => unreachable!("a binding was just inserted"),
        }
    }

    fn entry(&mut self, name: &[u8]) -> &mut Entry {
        let layer = self.journal.last().map_or(0, |l| l.id);
        if !self.map.contains_key(name) {
            let name: Name = name.into();
            if let Some(layer) = self.journal.last_mut() {
                layer.saved.push((name.clone(), None));
            }
            let entry = self.map.entry(name).or_default();
            entry.layer = layer;
            return entry;
        }
        let Some(entry) = self.map.get_mut(name) else {
            unreachable!("the entry exists")
        };
        if entry.layer != layer
            && let Some(layer) = self.journal.last_mut()
        {
            layer.saved.push((name.into(), Some(entry.clone())));
        }
        entry.layer = layer;
        entry
    }

    /// Level of the innermost function, 0 outside of functions.
    pub fn function_level(&self) -> u32 {
        self.scopes
            .iter()
            .rposition(|s| s.kind == ScopeKind::Function)
            .map_or(0, |at| at as u32 + 1)
    }

    pub fn push_scope(&mut self, kind: ScopeKind) {
        self.scopes.push(Scope {
            kind,
            names: Vec::new(),
        });
    }

    /// Ends the innermost scope. Gives the names that were bound there.
    pub fn pop_scope(&mut self) -> Vec<Name> {
        let level = self.scopes.len() as u32;
        let Some(scope) = self.scopes.pop() else {
            return Vec::new();
        };
        for name in &scope.names {
            if self
                .map
                .get(name)
                .is_some_and(|e| e.bindings.iter().any(|(l, _)| *l >= level))
            {
                self.entry(name).bindings.retain(|(l, _)| *l < level);
            }
        }
        scope.names
    }

    /// A variable of the innermost function, or of the innermost scope if `temporary`; made if
    /// new. Says whether it is.
    pub fn local(&mut self, name: &[u8], temporary: bool) -> (bool, &mut Var) {
        let level = if temporary {
            self.scopes.len() as u32
        } else {
            self.function_level()
        };
        if let Some(scope) = (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get_mut(at))
            && !scope.names.iter().any(|n| **n == *name)
        {
            scope.names.push(name.into());
        }
        let entry = self.entry(name);
        let at = entry.bindings.partition_point(|(l, _)| *l < level);
        let new = entry.bindings.get(at).is_none_or(|(l, _)| *l != level);
        if new {
            entry.bindings.insert(at, (level, Rc::default()));
        }
        match entry.bindings.get_mut(at) {
            Some((_, var)) => (new, Rc::make_mut(var)),
            None => unreachable!("a binding was just inserted"),
        }
    }

    /// Whether the visible variable is local to a function that called this one.
    pub fn is_of_caller(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        (self.map.get(name))
            .and_then(|entry| entry.bindings.last())
            .is_some_and(|(own, _)| (1..level).contains(own))
    }

    /// Is the visible variable local to the innermost function?
    pub fn is_local(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        level > 0
            && self
                .map
                .get(name)
                .and_then(|e| e.bindings.last())
                .is_some_and(|(l, _)| *l == level)
    }

    /// Removes the visible variable. One that is local to the innermost function stays local,
    /// without a value; an outer one uncovers what it hid.
    pub fn unset(&mut self, name: &[u8]) {
        let level = self.function_level();
        if self.map.get(name).is_none_or(|e| e.bindings.is_empty()) {
            return;
        }
        let entry = self.entry(name);
        match entry.bindings.last_mut() {
            Some((l, var)) if *l == level && level > 0 && !var.has(attr::TEMPORARY) => {
                *var = Rc::new(Var {
                    value: Value::Unset,
                    attrs: 0,
                    unassigned: false,
                })
            }
            _ => {
                entry.bindings.pop();
            }
        }
    }

    /// All visible variables, by name.
    pub fn all(&self) -> Vec<(&[u8], &Var)> {
        self.visible(|_| true)
    }

    /// The visible variables that programs see, by name.
    pub fn exported(&self) -> Vec<(&[u8], &Var)> {
        self.visible(|var| var.has(attr::EXPORT))
    }

    fn visible(&self, wanted: impl Fn(&Var) -> bool) -> Vec<(&[u8], &Var)> {
        let mut list: Vec<_> = self
            .map
            .iter()
            .filter_map(|(name, e)| e.bindings.last().map(|(_, v)| (&**name, &**v)))
            .filter(|(_, var)| wanted(var))
            .collect();
        list.sort_unstable_by_key(|(name, _)| *name);
        list
    }

    /// The names that are local to the innermost function, in order of declaration.
    pub fn local_names(&self) -> Vec<Name> {
        let level = self.function_level();
        (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get(at))
            .map(|s| s.names.clone())
            .unwrap_or_default()
    }

    /// Every scope and binding, for another instance: kinds of the scopes, and name, level,
    /// variable of each binding in order.
    pub fn export(&self) -> (Vec<ScopeKind>, Vec<Exported<'_>>) {
        let mut list: Vec<_> = self
            .map
            .iter()
            .flat_map(|(name, e)| e.bindings.iter().map(|(l, v)| (&**name, *l, &**v)))
            .collect();
        list.sort_unstable_by_key(|(name, level, _)| (*name, *level));
        (self.scopes.iter().map(|s| s.kind).collect(), list)
    }

    /// Takes what [`Self::export`] gave.
    pub fn import_binding(&mut self, name: &[u8], level: u32, var: Var) {
        if let Some(scope) = (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get_mut(at))
        {
            scope.names.push(name.into());
        }
        self.entry(name).bindings.push((level, Rc::new(var)));
    }

    /// Begins a subshell in the same instance.
    pub fn begin_subshell(&mut self) {
        self.last_layer += 1;
        self.journal.push(Layer {
            id: self.last_layer,
            saved: Vec::new(),
            scopes: self.scopes.len(),
        });
    }

    /// Ends it: everything is as it was.
    pub fn end_subshell(&mut self) {
        let Some(layer) = self.journal.pop() else {
            return;
        };
        self.scopes.truncate(layer.scopes);
        for (name, entry) in layer.saved {
            match entry {
                Some(entry) => {
                    self.map.insert(name, entry);
                }
                None => {
                    self.map.remove(&name);
                }
            }
        }
    }
}
