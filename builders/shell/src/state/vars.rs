//! The table of variables: dynamic scopes for functions and temporary environments, and a journal
//! that makes a subshell in the same instance cheap: its first change of a variable saves the
//! variable, and its end puts the saved ones back.

use std::cell::Cell;
use std::rc::Rc;

use super::value::{PlainMap, Value, Var, attr};

mod watched;

pub use watched::Watched;

type Name = Rc<[u8]>;

/// What is known of one name. An entry stays where it is as long as the shell runs, so that the syntax
/// tree can remember its number ([`Slot`]).
#[derive(Debug, Clone)]
struct Entry {
    name: Name,
    /// Its value is computed when it is read, or other state hangs on it.
    remarkable: bool,
    /// Scope and variable, innermost last.
    bindings: Vec<(u32, Rc<Var>)>,
    /// The journal layer that saved this entry last.
    layer: u64,
    /// The list that it is in ([`watched`]).
    met: Cell<u32>,
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
    /// Numbers of the entries that are bound here.
    names: Vec<u32>,
}

/// Bindings that an entry had, by its number.
type Saved = (u32, u64, Vec<(u32, Rc<Var>)>);

#[derive(Debug)]
struct Layer {
    id: u64,
    saved: Vec<Saved>,
    scopes: usize,
}

/// Name, level and variable of a binding.
pub type Exported<'a> = (&'a [u8], u32, &'a Var);

/// The number of a name's entry plus one, once it was looked up; it belongs to one table.
#[derive(Debug, Clone, Default)]
pub struct Slot(Cell<u32>);

#[derive(Debug, Default)]
pub struct Vars {
    numbers: PlainMap<Name, u32>,
    entries: Vec<Entry>,
    scopes: Vec<Scope>,
    journal: Vec<Layer>,
    last_layer: u64,
    watch: watched::Watch,
}

/// Names whose value is computed, or on which other state hangs.
fn is_remarkable(name: &[u8]) -> bool {
    crate::expand::param_is_computed(name) || super::assign::is_watched(name)
}

impl Vars {
    /// The number of a name that has an entry.
    fn find(&self, name: &[u8]) -> Option<u32> {
        let number = self.numbers.get(name).copied();
        if self.watch.is_active() {
            self.meet(number, name);
        }
        number
    }

    fn known(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.get(self.find(name)? as usize)
    }

    /// The entry of a name whose place is remembered in `slot`.
    fn at(&self, slot: &Slot, name: &[u8]) -> Option<&Entry> {
        if slot.0.get() == 0 || self.watch.is_active() {
            slot.0.set(self.find(name)? + 1);
        }
        self.entries.get((slot.0.get() as usize).wrapping_sub(1))
    }

    /// The visible variable of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Var> {
        self.known(name)?.bindings.last().map(|(_, var)| &**var)
    }

    /// The visible variable of that name if nothing is remarkable about the name; its place is
    /// remembered.
    pub fn get_plain(&self, slot: &Slot, name: &[u8]) -> Option<&Var> {
        let entry = self.at(slot, name)?;
        match entry.bindings.last() {
            Some((_, var)) if !entry.remarkable => Some(var),
            _ => None,
        }
    }

    /// As [`Self::get`], remembering the place.
    pub fn get_at(&self, slot: &Slot, name: &[u8]) -> Option<&Var> {
        let entry = self.at(slot, name)?;
        entry.bindings.last().map(|(_, var)| &**var)
    }

    /// For changing the visible variable.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Var> {
        let number = self.find(name)?;
        self.entries.get(number as usize)?.bindings.last()?;
        let entry = self.changing(number)?;
        entry.bindings.last_mut().map(|(_, var)| Rc::make_mut(var))
    }

    /// For changing the visible variable if nothing but its text would change: it is a scalar without
    /// attributes other than that it is exported, and nothing is remarkable about the name.
    pub fn plain_text_mut(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        let number = self.find(name)?;
        let entry = self.entries.get(number as usize)?;
        let (_, var) = entry.bindings.last()?;
        if entry.remarkable
            || var.attrs & !attr::EXPORT != 0
            || !matches!(var.value, Value::Scalar(_))
        {
            return None;
        }
        let (_, var) = self.changing(number)?.bindings.last_mut()?;
        match &mut Rc::make_mut(var).value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
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

    /// The number of a name, which gets an entry if it has none.
    fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = self.entries.len() as u32;
        let name: Name = name.into();
        self.numbers.insert(name.clone(), number);
        self.entries.push(Entry {
            remarkable: is_remarkable(&name),
            name,
            bindings: Vec::new(),
            layer: 0,
            met: Cell::new(0),
        });
        if self.watch.is_active() {
            self.meet(Some(number), &[]);
        }
        number
    }

    /// An entry that is about to change.
    fn changing(&mut self, number: u32) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(number as usize)?;
        if let Some(layer) = self.journal.last_mut()
            && entry.layer != layer.id
        {
            layer
                .saved
                .push((number, entry.layer, entry.bindings.clone()));
            entry.layer = layer.id;
        }
        Some(entry)
    }

    fn entry(&mut self, name: &[u8]) -> &mut Entry {
        let number = self.number(name);
        match self.changing(number) {
            Some(entry) => entry,
            None => unreachable!("the entry was just made"),
        }
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

    /// Ends the innermost scope. Gives the remarkable names that were bound there.
    pub fn pop_scope(&mut self) -> Vec<Name> {
        let level = self.scopes.len() as u32;
        let Some(scope) = self.scopes.pop() else {
            return Vec::new();
        };
        let mut remarkable = Vec::new();
        for number in scope.names {
            let Some(entry) = self.entries.get(number as usize) else {
                continue;
            };
            if entry.remarkable {
                remarkable.push(entry.name.clone());
            }
            if entry.bindings.last().is_some_and(|(l, _)| *l >= level)
                && let Some(entry) = self.changing(number)
            {
                while entry.bindings.last().is_some_and(|(l, _)| *l >= level) {
                    entry.bindings.pop();
                }
            }
        }
        remarkable
    }

    /// A variable of the innermost function, or of the innermost scope if `temporary`; made if
    /// new. Says whether it is.
    pub fn local(&mut self, name: &[u8], temporary: bool) -> (bool, &mut Var) {
        let level = if temporary {
            self.scopes.len() as u32
        } else {
            self.function_level()
        };
        let number = self.number(name);
        if let Some(scope) = (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get_mut(at))
            && !scope.names.contains(&number)
        {
            scope.names.push(number);
        }
        let Some(entry) = self.changing(number) else {
            unreachable!("the entry was just made")
        };
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

    /// Makes a variable of the innermost function that is not there yet, as `local NAME=value` does.
    /// `false`, and nothing was done: it is there, or what it hides has to be asked about, for it is more
    /// than a scalar without attributes other than that it is exported.
    pub fn new_plain_local(&mut self, name: &[u8], value: Option<&[u8]>) -> bool {
        let level = self.function_level();
        let number = self.number(name);
        let Some(entry) = self.entries.get(number as usize) else {
            return false;
        };
        let mut attrs = 0;
        if let Some((hidden_level, hidden)) = entry.bindings.last() {
            if *hidden_level >= level
                || hidden.attrs & !attr::EXPORT != 0
                || !matches!(hidden.value, Value::Scalar(_) | Value::Unset)
            {
                return false;
            }
            attrs = hidden.attrs;
        }
        let scope = (level as usize).checked_sub(1);
        let Some(scope) = scope.and_then(|at| self.scopes.get_mut(at)) else {
            return false;
        };
        if entry.remarkable {
            return false;
        }
        if !scope.names.contains(&number) {
            scope.names.push(number);
        }
        let Some(entry) = self.changing(number) else {
            return false;
        };
        let value = value.map_or(Value::Unset, |text| Value::Scalar(text.to_vec()));
        let var = Var {
            value,
            attrs,
            unassigned: false,
        };
        entry.bindings.push((level, Rc::new(var)));
        true
    }

    /// Whether the visible variable is local to a function that called this one.
    pub fn is_of_caller(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        (self.known(name))
            .and_then(|entry| entry.bindings.last())
            .is_some_and(|(own, _)| (1..level).contains(own))
    }

    /// Is the visible variable local to the innermost function?
    pub fn is_local(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        level > 0
            && (self.known(name))
                .and_then(|e| e.bindings.last())
                .is_some_and(|(l, _)| *l == level)
    }

    /// Removes the visible variable. One that is local to the innermost function stays local,
    /// without a value; an outer one uncovers what it hid.
    pub fn unset(&mut self, name: &[u8]) {
        let level = self.function_level();
        if self.get(name).is_none() {
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
        crate::witness::spoil();
        let mut list: Vec<_> = self
            .entries
            .iter()
            .filter_map(|e| e.bindings.last().map(|(_, v)| (&*e.name, &**v)))
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
            .map(|s| {
                let entries = s.names.iter().filter_map(|n| self.entries.get(*n as usize));
                entries.map(|e| e.name.clone()).collect()
            })
            .unwrap_or_default()
    }

    /// Every scope and binding, for another instance: kinds of the scopes, and name, level,
    /// variable of each binding in order.
    pub fn export(&self) -> (Vec<ScopeKind>, Vec<Exported<'_>>) {
        crate::witness::spoil();
        let mut list: Vec<_> = self
            .entries
            .iter()
            .flat_map(|e| e.bindings.iter().map(|(l, v)| (&*e.name, *l, &**v)))
            .collect();
        list.sort_unstable_by_key(|(name, level, _)| (*name, *level));
        (self.scopes.iter().map(|s| s.kind).collect(), list)
    }

    /// Takes what [`Self::export`] gave.
    pub fn import_binding(&mut self, name: &[u8], level: u32, var: Var) {
        let number = self.number(name);
        if let Some(scope) = (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get_mut(at))
        {
            scope.names.push(number);
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
        for (number, layer, bindings) in layer.saved {
            if let Some(entry) = self.entries.get_mut(number as usize) {
                entry.bindings = bindings;
                entry.layer = layer;
            }
        }
    }
}
