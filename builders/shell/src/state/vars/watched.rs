//! Which variables a command line looks at, and what it leaves in them ([`crate::exec::recollect`]).
//!
//! Contract: a watch lasts for one command line outside of functions and subshells, so that there is one
//! binding of a name at most. A name that is looked up in any way, found or not, is in the list; the
//! journal, in which a layer is opened, tells what the names had before.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Binding, Layer, Name, Vars};
use crate::state::value::Var;

/// More names than this are not worth keeping.
const MOST: usize = 4096;

/// The list that is made, if one is.
#[derive(Debug, Default)]
pub(super) struct Watch {
    active: Cell<bool>,
    /// Number of the list.
    list: Cell<u32>,
    /// Entries that were met.
    met: RefCell<Vec<u32>>,
    /// Number of the first binding that is made meanwhile.
    first: Cell<u64>,
    /// Names without an entry that were looked up.
    missed: RefCell<BTreeSet<Vec<u8>>>,
}

impl Watch {
    pub(super) fn is_active(&self) -> bool {
        self.active.get()
    }
}

/// A name, and its variable if it has one.
pub type Named = (Name, Option<Rc<Var>>);

/// What a watch found.
#[derive(Debug, Default)]
pub struct Watched {
    /// All names that were looked up, as they were before.
    pub before: Vec<Named>,
    /// Those that changed, as they are now, in the order in which they were made.
    pub changed: Vec<Changed>,
}

/// A variable that changed.
#[derive(Debug)]
pub struct Changed {
    pub name: Name,
    pub var: Option<Rc<Var>>,
    /// It was made anew: in bash's tables, and so in the environment, it comes after those that were there.
    pub fresh: bool,
}

impl Vars {
    /// A name is looked up.
    #[cold]
    pub(super) fn meet(&self, number: Option<u32>, name: &[u8]) {
        let watch = &self.watch;
        let Some(number) = number else {
            let mut missed = watch.missed.borrow_mut();
            if !missed.contains(name) {
                missed.insert(name.to_vec());
            }
            return;
        };
        if let Some(entry) = self.entries.get(number as usize)
            && entry.met.get() != watch.list.get()
        {
            entry.met.set(watch.list.get());
            watch.met.borrow_mut().push(number);
        }
    }

    /// Nothing hides anything: no function, no subshell, no temporary environment.
    pub fn is_flat(&self) -> bool {
        self.scopes.is_empty() && self.journal.is_empty()
    }

    /// Begins a watch; only if [`Self::is_flat`].
    pub fn begin_watch(&mut self) {
        self.begin_subshell();
        let watch = &self.watch;
        watch.list.set(watch.list.get() + 1);
        watch.met.borrow_mut().clear();
        watch.missed.borrow_mut().clear();
        watch.first.set(self.next);
        watch.active.set(true);
    }

    /// Ends it; what was changed stays. `None`: it cannot be told what was looked at.
    pub fn end_watch(&mut self) -> Option<Watched> {
        self.watch.active.set(false);
        let Layer { saved, .. } = self.journal.pop()?;
        let met = self.watch.met.take();
        let missed = self.watch.missed.take();
        let mut old = BTreeMap::new();
        for (number, layer, bindings) in saved {
            if let Some(entry) = self.entries.get_mut(number as usize) {
                entry.layer = layer;
            }
            old.insert(number, bindings);
        }
        if !self.is_flat() || met.len() + missed.len() > MOST {
            return None;
        }
        let mut found = Watched::default();
        let mut changed = Vec::new();
        let first = self.watch.first.get();
        // Every name that changed was met, for it had to be looked up.
        for number in met {
            let entry = self.entries.get(number as usize)?;
            let now = entry.bindings.last().map(|it| it.var.clone());
            let made = entry.bindings.last().map_or(0, |it| it.made);
            let before = match old.remove(&number) {
                Some(bindings) => bindings.last().map(|it| it.var.clone()),
                None => now.clone(),
            };
            let same = match (&before, &now) {
                (Some(before), Some(now)) => Rc::ptr_eq(before, now),
                (None, None) => true,
                _ => false,
            };
            if !same {
                let (name, fresh) = (entry.name.clone(), made >= first);
                let var = now;
                changed.push((made, Changed { name, var, fresh }));
            }
            found.before.push((entry.name.clone(), before));
        }
        if !old.is_empty() {
            return None;
        }
        for name in missed {
            if !self.numbers.contains_key(name.as_slice()) {
                found.before.push((name.into(), None));
            }
        }
        changed.sort_by_key(|(made, _)| *made);
        found.changed = changed.into_iter().map(|(_, it)| it).collect();
        Some(found)
    }

    /// Gives a variable outside of functions a value, or takes it away; `fresh`: it is made anew.
    pub fn put(&mut self, name: &[u8], var: Option<Var>, fresh: bool) {
        let number = self.number(name);
        let next = self.next;
        self.next += 1;
        let entry = self.entry(number);
        let there = entry.bindings.first().filter(|_| !fresh);
        let made = there.map_or(next, |it| it.made);
        entry.bindings.clear();
        if let Some(var) = var.map(Rc::new) {
            let level = 0;
            entry.bindings.push(Binding { level, made, var });
        }
    }

    /// Has the environment of programs to be made anew? `describe` and `bound` tell what it is made of.
    pub fn is_environment_stale(&self) -> bool {
        self.made.stale
    }

    /// See [`Self::is_environment_stale`].
    pub fn set_environment_stale(&mut self, stale: bool) {
        self.made.stale = stale;
    }

    /// Does other state hang on the variable, or is it computed?
    pub fn is_remarkable(name: &[u8]) -> bool {
        super::is_remarkable(name)
    }
}
