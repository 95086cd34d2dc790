//! What evaluation passes on: values with their paths, bindings, and early ends.

use super::ast::{Definition, Part};
use super::value::Value;
use std::rc::Rc;

/// Why evaluation ends early.
#[derive(Debug)]
pub enum Stop {
    /// An error; true: its text is jq's own, and no stable interface.
    Error(Value, bool),
    /// `break` to this label.
    Break(u64),
    /// `halt`, with the status.
    Halt(u8),
}

/// What callbacks and evaluation return.
pub type Flow = Result<(), Stop>;

/// An error with jq's own text.
pub fn fail<T>(text: impl AsRef<str>) -> Result<T, Stop> {
    Err(Stop::Error(Value::text(text), true))
}

/// Where a value comes from, while paths are asked for.
#[derive(Clone, Debug)]
pub enum Track {
    /// Nobody asks.
    Off,
    /// From the input along these keys.
    Along(Option<Rc<Step>>),
    /// From nowhere.
    Broken,
}

/// The last key of a path, and those before.
#[derive(Debug)]
pub struct Step {
    key: Value,
    before: Option<Rc<Step>>,
}

impl Track {
    /// One key further.
    pub fn push(&self, key: Value) -> Track {
        match self {
            Track::Along(before) => Track::Along(Some(Rc::new(Step {
                key,
                before: before.clone(),
            }))),
            other => other.clone(),
        }
    }

    /// For a value that was made.
    pub fn made(&self) -> Track {
        match self {
            Track::Off => Track::Off,
            _ => Track::Broken,
        }
    }
}

/// The keys from the input on.
pub fn keys_of(mut step: &Option<Rc<Step>>) -> Vec<Value> {
    let mut keys = Vec::new();
    while let Some(it) = step {
        keys.push(it.key.clone());
        step = &it.before;
    }
    keys.reverse();
    keys
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub struct Item {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub track: Track,
}

impl Item {
    /// A value of which nobody asks.
    pub fn plain(value: Value) -> Item {
        Item {
            value,
            track: Track::Off,
        }
    }
}

/// What takes the outputs.
pub type Out<'a> = &'a mut dyn FnMut(Item) -> Flow;

/// What a name means.
pub enum Binding {
    /// `$name`.
    Variable(&'static str, Value),
    /// A function, whose body sees this binding too.
    Function(&'static Definition),
    /// A parameter: a filter and what its names mean.
    Closure(&'static str, Part, Env),
    /// A label.
    Label(&'static str, u64),
}

/// A binding and those outside of it.
pub struct Frame {
    pub(super) binding: Binding,
    pub(super) outer: Env,
}

/// The bindings in force.
pub type Env = Option<Rc<Frame>>;

/// One more binding.
pub fn bind(outer: &Env, binding: Binding) -> Env {
    Some(Rc::new(Frame {
        binding,
        outer: outer.clone(),
    }))
}
