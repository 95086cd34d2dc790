//! What a command line looks at while it runs: files, functions, descriptors. With the variables, which
//! keep such a list themselves (`state::vars`), these are all it can depend on, so that another
//! build can be spared running it ([`crate::exec::recollect`]).
//!
//! Contract: between [`begin`] and [`end`] every question is either in the list or spoils it. What is not
//! known to be harmless spoils; a question too many in the list does no harm.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::state::value::PlainMap;

/// More questions than this about files or functions are not worth keeping.
const MOST: usize = 4096;

/// What was looked at.
#[derive(Debug, Default)]
pub struct Seen {
    /// Names that were looked up as functions.
    pub functions: BTreeSet<Vec<u8>>,
    /// Store paths in which files were asked for. All of them are inputs, which nobody changes.
    pub objects: BTreeSet<Vec<u8>>,
    /// How many commands ran.
    pub commands: u32,
}

#[derive(Default)]
struct Witness {
    active: Cell<bool>,
    spoiled: Cell<bool>,
    commands: Cell<u32>,
    functions: RefCell<BTreeSet<Vec<u8>>>,
    objects: RefCell<BTreeSet<Vec<u8>>>,
    /// Paths that were asked about, so that each is looked into once.
    paths: RefCell<PlainMap<Vec<u8>, ()>>,
    /// Descriptors that were opened since [`begin`] and read what nobody changes.
    opened: RefCell<BTreeSet<i32>>,
    /// Descriptors of `/dev/null`, whenever they were opened.
    nulls: RefCell<BTreeSet<i32>>,
}

thread_local! {
    static WITNESS: Witness = Witness::default();
}

/// Is a list made now?
pub fn is_active() -> bool {
    WITNESS.with(|it| it.active.get())
}

/// Begins a list.
pub fn begin() {
    WITNESS.with(|it| {
        it.active.set(true);
        it.spoiled.set(false);
        it.commands.set(0);
        it.functions.borrow_mut().clear();
        it.objects.borrow_mut().clear();
        it.paths.borrow_mut().clear();
        it.opened.borrow_mut().clear();
    });
}

/// Ends it. `None`: it was spoiled.
pub fn end() -> Option<Seen> {
    WITNESS.with(|it| {
        it.active.set(false);
        let functions = it.functions.take();
        let objects = it.objects.take();
        if it.spoiled.get() {
            return None;
        }
        Some(Seen {
            functions,
            objects,
            commands: it.commands.get(),
        })
    })
}

/// The command line did what cannot be told by a list.
pub fn spoil() {
    WITNESS.with(|it| it.spoiled.set(true));
}

/// A command runs.
pub fn command() {
    WITNESS.with(|it| {
        if it.active.get() {
            it.commands.set(it.commands.get().saturating_add(1));
        }
    });
}

/// A function is looked up, defined or removed.
pub fn function(name: &[u8]) {
    WITNESS.with(|it| {
        if !it.active.get() || it.spoiled.get() {
            return;
        }
        let mut functions = it.functions.borrow_mut();
        if !functions.contains(name) {
            if functions.len() >= MOST {
                it.spoiled.set(true);
            } else {
                functions.insert(name.to_vec());
            }
        }
    });
}

/// A path is asked about. `place` gives the store path that it lies in, if the answer is the same as long
/// as that is an input.
pub fn path(path: &[u8], place: impl FnOnce(&[u8]) -> Option<Vec<u8>>) {
    WITNESS.with(|it| {
        if !it.active.get() || it.spoiled.get() || it.paths.borrow().contains_key(path) {
            return;
        }
        match place(path) {
            Some(object) if it.paths.borrow().len() < MOST => {
                it.objects.borrow_mut().insert(object);
                it.paths.borrow_mut().insert(path.to_vec(), ());
            }
            _ => it.spoiled.set(true),
        }
    });
}

/// A descriptor was opened whose bytes nobody changes.
pub fn opened(descriptor: i32) {
    WITNESS.with(|it| {
        if it.active.get() {
            it.opened.borrow_mut().insert(descriptor);
        }
    });
}

/// A descriptor of `/dev/null` was opened: reading and writing it means nothing.
pub fn opened_null(descriptor: i32) {
    WITNESS.with(|it| {
        it.nulls.borrow_mut().insert(descriptor);
    });
}

/// A descriptor is closed: its number may come to mean something else.
pub fn closed(descriptor: i32) {
    // The thread's end drops this too, when nobody asks any more.
    let _ = WITNESS.try_with(|it| {
        if it.active.get() {
            it.opened.borrow_mut().remove(&descriptor);
        }
        let mut nulls = it.nulls.borrow_mut();
        if !nulls.is_empty() {
            nulls.remove(&descriptor);
        }
    });
}

/// A descriptor is used.
pub fn used(descriptor: i32) {
    WITNESS.with(|it| {
        if it.active.get()
            && !it.opened.borrow().contains(&descriptor)
            && !it.nulls.borrow().contains(&descriptor)
        {
            it.spoiled.set(true);
        }
    });
}
