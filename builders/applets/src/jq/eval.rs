//! Running a program: every output of a filter is handed to a callback, so that generators nest
//! as they do in jq.
//!
//! Contract: outputs come in jq's order. Where jq 1.6, 1.7 and 1.8 differ, the run is refused.
//!
//! Counterpart: jq's `execute.c`, and how `compile.c` arranges operands.

use super::ast::{Chunk, Definition, Node, Operator, Part};
pub use super::flow::{Binding, Env, Flow, Item, Out, Stop, Track, bind, fail, keys_of};
use super::value::{Map, Value};
use super::{formats, operators, paths};
use crate::shared::program;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most levels of evaluation: a level takes less than 700 bytes of a stack of one MiB.
const MAX_DEPTH: usize = 1200;

/// Where `input` reads.
pub type Inputs = Box<dyn FnMut() -> Option<Value>>;

/// What evaluation needs besides the program.
pub struct Machine {
    /// `$ENV`, and what the command line named.
    pub globals: BTreeMap<String, Value>,
    /// The values that are not read yet.
    pub inputs: RefCell<Inputs>,
    /// The file that is read.
    pub filename: Rc<RefCell<Value>>,
    /// Functions of [`prelude`] that were parsed.
    pub prelude: RefCell<BTreeMap<(&'static str, usize), &'static Definition>>,
    labels: Cell<u64>,
    depth: Cell<usize>,
}

impl Machine {
    /// A machine.
    pub fn new(
        globals: BTreeMap<String, Value>,
        inputs: Inputs,
        filename: Rc<RefCell<Value>>,
    ) -> Machine {
        Machine {
            globals,
            inputs: RefCell::new(inputs),
            filename,
            prelude: RefCell::default(),
            labels: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    /// A label that no other has.
    pub fn label(&self) -> u64 {
        self.labels.set(self.labels.get() + 1);
        self.labels.get()
    }

    /// Runs a filter.
    pub fn run(&self, node: Part, env: &Env, item: Item, out: Out) -> Flow {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            program::refuse("a program that nests too deeply");
        }
        self.depth.set(depth + 1);
        let flow = self.step(node, env, item, out);
        self.depth.set(depth);
        flow
    }

    /// Runs a filter for its values alone.
    pub fn values(
        &self,
        node: Part,
        env: &Env,
        value: &Value,
        out: &mut dyn FnMut(Value) -> Flow,
    ) -> Flow {
        if let Some(simple) = self.simple(node, env, value) {
            return out(simple);
        }
        let item = Item::plain(value.clone());
        self.run(node, env, item, &mut |item| out(item.value))
    }

    /// All values of a filter.
    pub fn all(&self, node: Part, env: &Env, value: &Value) -> Result<Vec<Value>, Stop> {
        let mut all = Vec::new();
        self.values(node, env, value, &mut |value| {
            all.push(value);
            Ok(())
        })?;
        Ok(all)
    }

    /// The value of a filter that has exactly one without any work.
    fn simple(&self, node: Part, env: &Env, value: &Value) -> Option<Value> {
        match node {
            Node::Literal(value) => Some(value.clone()),
            Node::Identity => Some(value.clone()),
            Node::Variable(name) => self.variable(name, env),
            _ => None,
        }
    }

    fn variable(&self, name: &str, env: &Env) -> Option<Value> {
        let mut at = env;
        while let Some(frame) = at {
            match &frame.binding {
                Binding::Variable(found, value) if *found == name => return Some(value.clone()),
                _ => at = &frame.outer,
            }
        }
        self.globals.get(name).cloned()
    }

    fn step(&self, node: Part, env: &Env, item: Item, out: Out) -> Flow {
        match node {
            Node::Identity => out(item),
            Node::Descend => self.descend(item, out),
            Node::Literal(value) => made(&item.track, value.clone(), out),
            Node::Variable(name) => match self.variable(name, env) {
                Some(value) => made(&item.track, value, out),
                None => program::refuse(&format!("${name} is not defined")),
            },
            Node::Format(name) => {
                let text = formats::apply(name, &item.value)?;
                made(&item.track, Value::text(text), out)
            }
            Node::Text(format, chunks) => {
                let name = format.as_deref().unwrap_or("text");
                self.text(name, chunks, env, &item, String::new(), out)
            }
            Node::Index(term, key) => self.values(key, env, &item.value, &mut |key| {
                self.run(term, env, item.clone(), &mut |it| {
                    out(paths::index(it, &key)?)
                })
            }),
            Node::Slice(term, start, end) => {
                self.optional(*start, env, &item.value, &mut |start| {
                    self.optional(*end, env, &item.value, &mut |end| {
                        let mut key = Map::default();
                        key.insert("start".into(), start.clone());
                        key.insert("end".into(), end);
                        let key = Value::object(key);
                        self.run(term, env, item.clone(), &mut |it| {
                            out(paths::index(it, &key)?)
                        })
                    })
                })
            }
            Node::Each(term) => self.run(term, env, item, &mut |it| paths::each(&it, out)),
            Node::Try(body, handler) => self.attempt(body, *handler, env, item, out),
            Node::Collect(inner) => {
                let values = match inner {
                    Some(inner) => self.all(inner, env, &item.value)?,
                    None => Vec::new(),
                };
                made(&item.track, Value::array(values), out)
            }
            Node::Object(members) => self.object(members, env, &item, &Map::default(), out),
            Node::Negate(operand) => self.values(operand, env, &item.value, &mut |value| {
                made(&item.track, operators::negate(&value)?, out)
            }),
            Node::Pipe(left, right) => {
                self.run(left, env, item, &mut |it| self.run(right, env, it, out))
            }
            Node::Comma(left, right) => {
                self.run(left, env, item.clone(), out)?;
                self.run(right, env, item, out)
            }
            Node::Binary(
                Operator::Divide | Operator::Remainder,
                Node::Literal(_),
                Node::Literal(Value::Number(zero)),
            ) if zero.get() == 0.0 => program::refuse("a division by zero that is not computed"),
            Node::Binary(operator, left, right) => {
                self.binary(*operator, left, right, env, item, out)
            }
            Node::And(left, right) => self.values(left, env, &item.value, &mut |left| {
                if !left.is_true() {
                    return made(&item.track, Value::Bool(false), out);
                }
                self.values(right, env, &item.value, &mut |right| {
                    made(&item.track, Value::Bool(right.is_true()), out)
                })
            }),
            Node::Or(left, right) => self.values(left, env, &item.value, &mut |left| {
                if left.is_true() {
                    return made(&item.track, Value::Bool(true), out);
                }
                self.values(right, env, &item.value, &mut |right| {
                    made(&item.track, Value::Bool(right.is_true()), out)
                })
            }),
            Node::Alternative(left, right) => {
                let mut any = false;
                self.run(left, env, item.clone(), &mut |it| {
                    if it.value.is_true() {
                        any = true;
                        return out(it);
                    }
                    Ok(())
                })?;
                if any {
                    return Ok(());
                }
                self.run(right, env, item, out)
            }
            Node::Assign(left, right) => self.values(right, env, &item.value, &mut |value| {
                let all = self.paths(left, env, &item.value)?;
                let mut whole = item.value.clone();
                for path in all {
                    whole = paths::set(whole, &path, value.clone())?;
                }
                made(&item.track, whole, out)
            }),
            Node::Update(left, right) => {
                let track = item.track.made();
                let whole = self.update(left, env, item.value, &mut |old| {
                    self.first(right, env, old)
                })?;
                out(Item {
                    value: whole,
                    track,
                })
            }
            Node::Change(operator, left, right) => {
                self.values(right, env, &item.value, &mut |value| {
                    let whole = self.update(left, env, item.value.clone(), &mut |old| {
                        Ok(Some(match operator {
                            Some(operator) => operators::apply(*operator, old, value.clone())?,
                            None if old.is_true() => old,
                            None => value.clone(),
                        }))
                    })?;
                    made(&item.track, whole, out)
                })
            }
            Node::If(test, yes, no) => self.values(test, env, &item.value, &mut |value| match (
                value.is_true(),
                no,
            ) {
                (true, _) => self.run(yes, env, item.clone(), out),
                (false, Some(no)) => self.run(no, env, item.clone(), out),
                (false, None) => out(item.clone()),
            }),
            Node::Reduce(source, pattern, first, update) => {
                self.values(first, env, &item.value, &mut |first| {
                    let mut state = first;
                    self.bound(source, pattern, env, &item.value, &mut |env| {
                        let old = std::mem::replace(&mut state, Value::Null);
                        let mut last = None;
                        self.run(update, env, Item::plain(old), &mut |it| {
                            last = Some(it.value);
                            Ok(())
                        })?;
                        match last {
                            Some(value) => state = value,
                            None => program::refuse(
                                "'reduce' with an update without output, of which versions differ",
                            ),
                        }
                        Ok(())
                    })?;
                    made(&item.track, state, out)
                })
            }
            Node::Foreach(source, pattern, first, update, extract) => {
                self.values(first, env, &item.value, &mut |first| {
                    let mut state = first;
                    self.bound(source, pattern, env, &item.value, &mut |env| {
                        let old = state.clone();
                        self.run(update, env, Item::plain(old), &mut |it| {
                            state = it.value.clone();
                            match extract {
                                Some(extract) => self.values(extract, env, &it.value, &mut |it| {
                                    made(&item.track, it, out)
                                }),
                                None => made(&item.track, it.value, out),
                            }
                        })
                    })?;
                    Ok(())
                })
            }
            Node::Define(definition, rest) => {
                let env = bind(env, Binding::Function(definition));
                self.run(rest, &env, item, out)
            }
            Node::Bind(source, pattern, body) => {
                self.bound(source, pattern, env, &item.value, &mut |env| {
                    self.run(body, env, item.clone(), out)
                })
            }
            Node::Label(name, body) => {
                let id = self.label();
                let env = bind(env, Binding::Label(name, id));
                until_break(id, self.run(body, &env, item, out))
            }
            Node::Break(name) => {
                let mut at = env;
                while let Some(frame) = at {
                    match &frame.binding {
                        Binding::Label(found, id) if found == name => return Err(Stop::Break(*id)),
                        _ => at = &frame.outer,
                    }
                }
                program::refuse(&format!("${name} is no label"))
            }
            Node::Call(name, arguments) => self.call(name, arguments, env, item, out),
        }
    }

    fn optional(
        &self,
        node: Option<Part>,
        env: &Env,
        value: &Value,
        out: &mut dyn FnMut(Value) -> Flow,
    ) -> Flow {
        match node {
            Some(node) => self.values(node, env, value, out),
            None => out(Value::Null),
        }
    }

    fn binary(
        &self,
        operator: Operator,
        left: Part,
        right: Part,
        env: &Env,
        item: Item,
        out: Out,
    ) -> Flow {
        // The usual case moves the value, so that appending to it copies nothing.
        if let (Node::Identity, Some(right)) = (left, self.simple(right, env, &item.value)) {
            let track = item.track.made();
            let value = operators::apply(operator, item.value, right)?;
            return out(Item { value, track });
        }
        self.values(right, env, &item.value, &mut |right| {
            self.values(left, env, &item.value, &mut |left| {
                let value = operators::apply(operator, left, right.clone())?;
                made(&item.track, value, out)
            })
        })
    }

    /// `..`: the value and all that is in it.
    fn descend(&self, item: Item, out: Out) -> Flow {
        out(item.clone())?;
        if matches!(item.value, Value::Array(_) | Value::Object(_)) {
            return paths::each(&item, &mut |it| self.deeper(|| self.descend(it, out)));
        }
        Ok(())
    }

    /// A level of recursion that is no node's.
    pub fn deeper(&self, inner: impl FnOnce() -> Flow) -> Flow {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            program::refuse("a recursion that is too deep");
        }
        self.depth.set(depth + 1);
        let flow = inner();
        self.depth.set(depth);
        flow
    }

    fn attempt(&self, body: Part, handler: Option<Part>, env: &Env, item: Item, out: Out) -> Flow {
        let depth = self.depth.get();
        let mut later = false;
        let track = item.track.clone();
        let flow = self.run(body, env, item, &mut |it| {
            out(it).inspect_err(|_| later = true)
        });
        self.depth.set(depth);
        match flow {
            Err(Stop::Error(..)) if later => program::refuse(
                "an error after a 'try' has given its value, of which versions of jq differ",
            ),
            Err(Stop::Error(value, own)) => {
                let Some(handler) = handler else {
                    return Ok(());
                };
                if own && !ignores_input(handler) {
                    program::refuse(
                        "a 'catch' that looks at a message of jq, which versions word differently",
                    );
                }
                self.values(handler, env, &value, &mut |value| made(&track, value, out))
            }
            other => other,
        }
    }

    fn text(
        &self,
        format: &str,
        chunks: &'static [Chunk],
        env: &Env,
        item: &Item,
        after: String,
        out: Out,
    ) -> Flow {
        // The last piece is the outermost loop.
        let Some((last, before)) = chunks.split_last() else {
            return made(&item.track, Value::text(after), out);
        };
        match last {
            Chunk::Text(text) => {
                self.text(format, before, env, item, format!("{text}{after}"), out)
            }
            Chunk::Program(part) => self.values(part, env, &item.value, &mut |value| {
                let text = formats::apply(format, &value)?;
                self.text(format, before, env, item, format!("{text}{after}"), out)
            }),
        }
    }

    fn object(
        &self,
        members: &'static [(Part, Part)],
        env: &Env,
        item: &Item,
        made_so_far: &Map,
        out: Out,
    ) -> Flow {
        let Some(((key, value), rest)) = members.split_first() else {
            return made(&item.track, Value::object(made_so_far.clone()), out);
        };
        self.values(key, env, &item.value, &mut |key| {
            let Value::String(key) = key else {
                return fail(format!(
                    "Cannot use {} ({}) as object key",
                    key.kind(),
                    operators::shown(&key)
                ));
            };
            self.values(value, env, &item.value, &mut |value| {
                let mut map = made_so_far.clone();
                map.insert(key.clone(), value);
                self.object(rest, env, item, &map, out)
            })
        })
    }

    /// All paths of a filter, on this value.
    pub fn paths(&self, node: Part, env: &Env, value: &Value) -> Result<Vec<Vec<Value>>, Stop> {
        let mut all = Vec::new();
        let item = Item {
            value: value.clone(),
            track: Track::Along(None),
        };
        self.run(node, env, item, &mut |it| {
            all.push(paths::of(&it)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The first value of a filter.
    pub fn first(&self, node: Part, env: &Env, value: Value) -> Result<Option<Value>, Stop> {
        let id = self.label();
        let mut found = None;
        let flow = self.run(node, env, Item::plain(value), &mut |it| {
            found = Some(it.value);
            Err(Stop::Break(id))
        });
        until_break(id, flow)?;
        Ok(found)
    }

    /// `|=`: changes what the paths lead to; nothing removes it.
    fn update(
        &self,
        node: Part,
        env: &Env,
        mut whole: Value,
        change: &mut dyn FnMut(Value) -> Result<Option<Value>, Stop>,
    ) -> Result<Value, Stop> {
        let all = self.paths(node, env, &whole)?;
        let many = all.len() > 1;
        for path in all {
            let old = paths::take(&mut whole, &path)?;
            match change(old)? {
                Some(new) => whole = paths::set(whole, &path, new)?,
                None if many && matches!(path.last(), Some(Value::Number(_))) => program::refuse(
                    "'|=' that removes elements of an array, of which versions of jq differ",
                ),
                None => whole = paths::delete(whole, vec![Value::array(path)])?,
            }
        }
        Ok(whole)
    }
}

/// Hands out a value that was made.
pub fn made(track: &Track, value: Value, out: Out) -> Flow {
    out(Item {
        value,
        track: track.made(),
    })
}

/// The end of what a label is around.
pub fn until_break(id: u64, flow: Flow) -> Flow {
    match flow {
        Err(Stop::Break(found)) if found == id => Ok(()),
        other => other,
    }
}

/// Does the filter give the same whatever its input?
fn ignores_input(node: Part) -> bool {
    match node {
        Node::Literal(_) | Node::Variable(_) | Node::Collect(None) => true,
        Node::Object(members) => members.is_empty(),
        Node::Call(name, arguments) => match arguments.as_slice() {
            [] => matches!(*name, "empty" | "null" | "true" | "false" | "input"),
            [only] => *name == "error" && ignores_input(only),
            _ => false,
        },
        Node::Pipe(left, _) => ignores_input(left),
        _ => false,
    }
}
