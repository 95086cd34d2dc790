//! The table of variables: dynamic scopes for functions and temporary environments, and a journal
//! that makes a subshell in the same instance cheap: its first change of a variable saves the
//! variable, and its end puts the saved ones back.

use std::cell::Cell;
use std::rc::Rc;

use super::environment::Made;
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
    /// Innermost last.
    bindings: Vec<Binding>,
    /// The journal layer that saved this entry last.
    layer: u64,
    /// The list that it is in ([`watched`]).
    met: Cell<u32>,
    /// It is in [`Vars::changed`].
    changed: bool,
}

/// A variable in a scope.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    pub(super) level: u32,
    /// Counts bindings as they are made: bash's tables, and so the environment, are in that order.
    pub(super) made: u64,
    pub(super) var: Rc<Var>,
}

impl Binding {
    fn new(level: u32, made: u64) -> Binding {
        Binding {
            level,
            made,
            var: Rc::default(),
        }
    }

    pub(super) fn exports(&self) -> bool {
        self.var.has(attr::EXPORT)
    }
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
type Saved = (u32, u64, Vec<Binding>);

#[derive(Debug)]
struct Layer {
    id: u64,
    saved: Vec<Saved>,
    scopes: usize,
    made: Made,
    changed: Vec<u32>,
}

/// Name, level and variable of a binding.
pub type Described<'a> = (&'a [u8], u32, &'a Var);

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
    /// Number of the next binding.
    next: u64,
    /// The environment that programs got last.
    pub(super) made: Made,
    /// Entries that may have changed since that was made or looked at.
    changed: Vec<u32>,
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
        self.known(name)?.bindings.last().map(|it| &*it.var)
    }

    /// The visible variable of that name if nothing is remarkable about the name; its place is
    /// remembered.
    pub fn get_plain(&self, slot: &Slot, name: &[u8]) -> Option<&Var> {
        let entry = self.at(slot, name)?;
        match entry.bindings.last() {
            Some(binding) if !entry.remarkable => Some(&binding.var),
            _ => None,
        }
    }

    /// As [`Self::get`], remembering the place.
    pub fn get_at(&self, slot: &Slot, name: &[u8]) -> Option<&Var> {
        let entry = self.at(slot, name)?;
        entry.bindings.last().map(|it| &*it.var)
    }

    /// For changing the visible variable.
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Var> {
        let number = self.find(name)?;
        let exports = self
            .entries
            .get(number as usize)?
            .bindings
            .last()?
            .exports();
        self.made.stale |= exports;
        let entry = self.changing(number)?;
        let binding = entry.bindings.last_mut();
        binding.map(|it| Rc::make_mut(&mut it.var))
    }

    /// For changing the visible variable if nothing but its text would change: it is a scalar without
    /// attributes other than that it is exported, and nothing is remarkable about the name.
    pub fn plain_text_mut(&mut self, name: &[u8]) -> Option<&mut Vec<u8>> {
        let number = self.find(name)?;
        let entry = self.entries.get(number as usize)?;
        let var = &entry.bindings.last()?.var;
        if entry.remarkable
            || var.attrs & !attr::EXPORT != 0
            || !matches!(var.value, Value::Scalar(_))
        {
            return None;
        }
        self.made.stale |= var.has(attr::EXPORT);
        let binding = self.changing(number)?.bindings.last_mut()?;
        match &mut Rc::make_mut(&mut binding.var).value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The visible variable, made in the global scope if there is none.
    pub fn get_or_create(&mut self, name: &[u8]) -> &mut Var {
        let number = self.number(name);
        let made = self.next;
        self.next += 1;
        let entry = self.entry(number);
        if entry.bindings.is_empty() {
            entry.bindings.push(Binding::new(0, made));
        }
        let exports = entry.bindings.last().is_some_and(Binding::exports);
        self.made.stale |= exports;
        match self.bindings(number).and_then(|it| it.last_mut()) {
            Some(binding) => Rc::make_mut(&mut binding.var),
            None => unreachable!("a binding was just pushed"),
        }
    }

    /// The variable in the global scope (`declare -g`).
    pub fn global_mut(&mut self, name: &[u8]) -> &mut Var {
        let number = self.number(name);
        let made = self.next;
        self.next += 1;
        let entry = self.entry(number);
        if entry.bindings.first().is_none_or(|it| it.level != 0) {
            entry.bindings.insert(0, Binding::new(0, made));
        }
        let exports = entry.bindings.first().is_some_and(Binding::exports);
        self.made.stale |= exports;
        match self.bindings(number).and_then(|it| it.first_mut()) {
            Some(binding) => Rc::make_mut(&mut binding.var),
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
            changed: false,
        });
        if self.watch.is_active() {
            self.meet(Some(number), &[]);
        }
        number
    }

    /// An entry that is about to change.
    fn changing(&mut self, number: u32) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(number as usize)?;
        if !entry.changed {
            entry.changed = true;
            self.changed.push(number);
        }
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

    /// Notes that an entry may differ from what the environment was made of.
    fn changes(&mut self, number: u32) {
        if let Some(entry) = self.entries.get_mut(number as usize)
            && !entry.changed
        {
            entry.changed = true;
            self.changed.push(number);
        }
    }

    /// The environment is as the variables are now.
    pub(super) fn forget_changes(&mut self) {
        for number in self.changed.drain(..) {
            if let Some(entry) = self.entries.get_mut(number as usize) {
                entry.changed = false;
            }
        }
    }

    /// Is one of the entries that may have changed exported, in whichever scope? If none is, the
    /// environment's words are as they were: who changes an exported binding says so ([`Made::stale`]).
    pub(super) fn may_change_environment(&self) -> bool {
        let mut entries = self
            .changed
            .iter()
            .filter_map(|it| self.entries.get(*it as usize));
        entries.any(|it| it.bindings.iter().any(Binding::exports))
    }

    fn bindings(&mut self, number: u32) -> Option<&mut Vec<Binding>> {
        let entry = self.entries.get_mut(number as usize)?;
        Some(&mut entry.bindings)
    }

    fn entry(&mut self, number: u32) -> &mut Entry {
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
        self.made.stale |= scope.kind == ScopeKind::Temporary;
        let mut remarkable = Vec::new();
        for number in scope.names {
            let Some(entry) = self.entries.get(number as usize) else {
                continue;
            };
            if entry.remarkable {
                remarkable.push(entry.name.clone());
            }
            if entry.bindings.last().is_some_and(|it| it.level >= level)
                && let Some(entry) = self.changing(number)
            {
                let mut exported = false;
                while let Some(gone) = entry.bindings.pop_if(|it| it.level >= level) {
                    exported |= gone.exports();
                }
                self.made.stale |= exported;
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
        let made = self.next;
        self.next += 1;
        let Some(entry) = self.changing(number) else {
            unreachable!("the entry was just made")
        };
        let at = entry.bindings.partition_point(|it| it.level < level);
        let new = entry.bindings.get(at).is_none_or(|it| it.level != level);
        if new {
            entry.bindings.insert(at, Binding::new(level, made));
        }
        let exports = entry.bindings.get(at).is_some_and(Binding::exports);
        self.made.stale |= exports || temporary;
        match self.bindings(number).and_then(|it| it.get_mut(at)) {
            Some(binding) => (new, Rc::make_mut(&mut binding.var)),
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
        if let Some(Binding {
            level: outer,
            var: hidden,
            ..
        }) = entry.bindings.last()
        {
            if *outer >= level
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
        self.made.stale |= attrs != 0 && value.is_some();
        let made = self.next;
        self.next += 1;
        let Some(entry) = self.changing(number) else {
            return false;
        };
        let value = value.map_or(Value::Unset, |text| Value::Scalar(text.to_vec()));
        let var = Var {
            value,
            attrs,
            unassigned: false,
        };
        entry.bindings.push(Binding {
            level,
            made,
            var: Rc::new(var),
        });
        true
    }

    /// Whether the visible variable is local to a function that called this one.
    pub fn is_of_caller(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        (self.known(name))
            .and_then(|entry| entry.bindings.last())
            .is_some_and(|it| (1..level).contains(&it.level))
    }

    /// Is the visible variable local to the innermost function?
    pub fn is_local(&self, name: &[u8]) -> bool {
        let level = self.function_level();
        level > 0
            && (self.known(name))
                .and_then(|e| e.bindings.last())
                .is_some_and(|it| it.level == level)
    }

    /// Removes the visible variable. One that is local to the innermost function stays local,
    /// without a value; an outer one uncovers what it hid.
    pub fn unset(&mut self, name: &[u8]) {
        let level = self.function_level();
        let Some(hidden) = self.get(name) else {
            return;
        };
        self.made.stale |= hidden.has(attr::EXPORT);
        let number = self.number(name);
        let entry = self.entry(number);
        match entry.bindings.last_mut() {
            Some(binding)
                if binding.level == level && level > 0 && !binding.var.has(attr::TEMPORARY) =>
            {
                // bash keeps so much of what was in the environment of the function's call.
                let kept = match binding.var.has(attr::OF_CALL) {
                    true => binding.var.attrs & (attr::OF_CALL | attr::EXPORT),
                    false => 0,
                };
                binding.var = Rc::new(Var {
                    value: Value::Unset,
                    attrs: kept,
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
        crate::witness::spoil();
        let mut list: Vec<_> = self
            .entries
            .iter()
            .filter_map(|e| e.bindings.last().map(|it| (&*e.name, &*it.var)))
            .collect();
        list.sort_unstable_by_key(|(name, _)| *name);
        list
    }

    /// Every binding with its name.
    pub(super) fn bound(&self) -> impl Iterator<Item = (&[u8], &Binding)> {
        crate::witness::spoil();
        self.entries
            .iter()
            .flat_map(|entry| entry.bindings.iter().map(|it| (&*entry.name, it)))
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
    /// variable of each binding in the order in which they were made.
    pub fn describe(&self) -> (Vec<ScopeKind>, Vec<Described<'_>>) {
        let mut list: Vec<_> = self.bound().collect();
        list.sort_unstable_by_key(|(_, binding)| binding.made);
        let list = list.into_iter();
        (
            self.scopes.iter().map(|s| s.kind).collect(),
            list.map(|(name, it)| (name, it.level, &*it.var)).collect(),
        )
    }

    /// Takes what [`Self::describe`] gave.
    pub fn import_binding(&mut self, name: &[u8], level: u32, var: Var) {
        let number = self.number(name);
        if let Some(scope) = (level as usize)
            .checked_sub(1)
            .and_then(|at| self.scopes.get_mut(at))
        {
            scope.names.push(number);
        }
        let made = self.next;
        self.next += 1;
        let bindings = &mut self.entry(number).bindings;
        let at = bindings.partition_point(|it| it.level < level);
        let var = Rc::new(var);
        bindings.insert(at, Binding { level, made, var });
    }

    /// Begins a subshell in the same instance.
    pub fn begin_subshell(&mut self) {
        self.last_layer += 1;
        self.journal.push(Layer {
            id: self.last_layer,
            saved: Vec::new(),
            scopes: self.scopes.len(),
            made: self.made.clone(),
            changed: self.changed.clone(),
        });
    }

    /// Ends it: everything is as it was.
    pub fn end_subshell(&mut self) {
        let Some(layer) = self.journal.pop() else {
            return;
        };
        self.scopes.truncate(layer.scopes);
        self.made = layer.made;
        self.forget_changes();
        for number in layer.changed {
            self.changes(number);
        }
        for (number, layer, bindings) in layer.saved {
            if let Some(entry) = self.entries.get_mut(number as usize) {
                entry.bindings = bindings;
                entry.layer = layer;
            }
        }
    }
}
