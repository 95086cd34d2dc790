//! Functions that take filters.
//!
//! Counterpart: `builtin.jq` and `bytecoded_builtins` of jq.

use super::ast::Part;
use super::eval::{Env, Flow, Item, Machine, Out, Stop, Track, fail, made, until_break};
use super::value::{Map, Value, compare, equal};
use super::{builtins, matching, paths};
use crate::shared::{io, program};
use std::cmp::Ordering;

impl Machine {
    /// Runs a function of jq's own.
    pub fn native(
        &self,
        name: &'static str,
        arguments: &'static [Part],
        env: &Env,
        item: Item,
        out: Out,
    ) -> Flow {
        match (name, arguments) {
            ("empty", []) => Ok(()),
            ("error", []) => Err(Stop::Error(item.value, false)),
            ("error", [text]) => self.values(text, env, &item.value, &mut |text| {
                Err(Stop::Error(text, false))
            }),
            ("select", [test]) => self.values(test, env, &item.value, &mut |test| {
                if test.is_true() {
                    out(item.clone())?;
                }
                Ok(())
            }),
            ("path", [inner]) => {
                let start = Item {
                    value: item.value.clone(),
                    track: Track::Along(None),
                };
                self.run(inner, env, start, &mut |it| {
                    made(&item.track, Value::array(paths::of(&it)?), out)
                })
            }
            ("recurse", []) => {
                self.run(super::ast::keep(super::ast::Node::Descend), env, item, out)
            }
            ("recurse", [next]) => self.recurse(next, env, item, out),
            ("while", [test, next]) => self.cycle(item, &mut |item, again| {
                if !self.is_true(test, env, &item.value)? {
                    return Ok(());
                }
                out(item.clone())?;
                self.run(next, env, item, again)
            }),
            ("until", [test, next]) => self.cycle(item, &mut |item, again| {
                if self.is_true(test, env, &item.value)? {
                    return out(item);
                }
                self.run(next, env, item, again)
            }),
            ("range", [end]) => self.values(end, env, &item.value, &mut |end| {
                range(&item.track, &Value::count(0), &end, &Value::count(1), out)
            }),
            ("range", [start, end]) => self.values(start, env, &item.value, &mut |start| {
                self.values(end, env, &item.value, &mut |end| {
                    range(&item.track, &start, &end, &Value::count(1), out)
                })
            }),
            ("range", [start, end, step]) => self.values(start, env, &item.value, &mut |start| {
                self.values(end, env, &item.value, &mut |end| {
                    self.values(step, env, &item.value, &mut |step| {
                        range(&item.track, &start, &end, &step, out)
                    })
                })
            }),
            ("first", [inner]) => {
                let id = self.label();
                let flow = self.run(inner, env, item, &mut |it| {
                    out(it)?;
                    Err(Stop::Break(id))
                });
                until_break(id, flow)
            }
            ("last", [inner]) => {
                let mut last = None;
                self.run(inner, env, item, &mut |it| {
                    last = Some(it);
                    Ok(())
                })?;
                match last {
                    Some(it) => out(it),
                    None => program::refuse("'last' of nothing, of which versions of jq differ"),
                }
            }
            ("nth", [count, inner]) => self.values(count, env, &item.value, &mut |count| {
                let wanted = whole(&count)?;
                let (mut seen, mut found) = (0, None);
                let id = self.label();
                let flow = self.run(inner, env, item.clone(), &mut |it| {
                    if seen == wanted {
                        found = Some(it);
                        return Err(Stop::Break(id));
                    }
                    seen += 1;
                    Ok(())
                });
                until_break(id, flow)?;
                match found {
                    Some(it) => out(it),
                    None => program::refuse("'nth' of too few, of which versions of jq differ"),
                }
            }),
            ("limit", [count, inner]) => self.values(count, env, &item.value, &mut |count| {
                let most = whole(&count)?;
                if most == 0 {
                    program::refuse("'limit' to nothing, of which versions of jq differ");
                }
                let mut seen = 0;
                let id = self.label();
                let flow = self.run(inner, env, item.clone(), &mut |it| {
                    seen += 1;
                    out(it)?;
                    if seen >= most {
                        return Err(Stop::Break(id));
                    }
                    Ok(())
                });
                until_break(id, flow)
            }),
            ("skip", [count, inner]) => self.values(count, env, &item.value, &mut |count| {
                let mut left = whole(&count)?;
                self.run(inner, env, item.clone(), &mut |it| {
                    if left > 0 {
                        left -= 1;
                        return Ok(());
                    }
                    out(it)
                })
            }),
            ("isempty", [inner]) => {
                let found = self.first(inner, env, item.value.clone())?;
                made(&item.track, Value::Bool(found.is_none()), out)
            }
            ("getpath", [path]) => self.values(path, env, &item.value, &mut |path| {
                let Value::Array(keys) = path else {
                    return fail("Path must be specified as an array");
                };
                if matches!(item.track, Track::Broken) {
                    paths::of(&item)?;
                }
                let value = paths::get_path(&item.value, &keys)?;
                let mut track = item.track.clone();
                for key in keys.iter() {
                    track = track.push(key.clone());
                }
                out(Item { value, track })
            }),
            ("sort_by" | "group_by" | "unique_by" | "min_by" | "max_by", [key]) => {
                let value = self.arranged(name, key, env, &item.value)?;
                made(&item.track, value, out)
            }
            ("sub" | "gsub", [re, to]) => {
                self.substitute(name == "gsub", re, to, None, env, &item, out)
            }
            ("sub" | "gsub", [re, to, flags]) => {
                self.substitute(name == "gsub", re, to, Some(flags), env, &item, out)
            }
            ("walk", [inner]) => self.walk(inner, env, item.value, 0, &mut |value| {
                made(&item.track, value, out)
            }),
            ("input", []) => match self.next_input() {
                Some(value) => made(&item.track, value, out),
                None => fail("No more inputs"),
            },
            ("inputs", []) => {
                while let Some(value) = self.next_input() {
                    made(&item.track, value, out)?;
                }
                Ok(())
            }
            ("input_filename", []) => match &*self.filename.borrow() {
                Value::Null => program::refuse("'input_filename' without a file"),
                name => made(&item.track, name.clone(), out),
            },
            ("debug", []) => {
                let shown = Value::array(vec![Value::text("DEBUG:"), item.value.clone()]);
                io::flush_quietly();
                io::write_error(format!("{}\n", super::write::compact(&shown)).as_bytes());
                out(item)
            }
            ("halt", []) => Err(Stop::Halt(0)),
            ("halt_error", [status]) => self.values(status, env, &item.value, &mut |status| {
                let Value::Number(status) = status else {
                    return fail("halt_error/1: number required");
                };
                io::flush_quietly();
                match &item.value {
                    Value::String(text) => io::write_error(text.as_bytes()),
                    Value::Null => program::refuse("'halt_error' of null"),
                    other => {
                        io::write_error(format!("{}\n", super::write::compact(other)).as_bytes());
                    }
                }
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // As in C.
                Err(Stop::Halt((status.get() as i64 & 0xff) as u8))
            }),
            _ if !builtins::KNOWN.contains(&(name, arguments.len())) => {
                program::refuse(&format!("the function {name}/{}", arguments.len()))
            }
            _ => self.with_arguments(name, arguments, env, &item, Vec::new(), out),
        }
    }

    /// Every combination of the arguments' values; the last argument is the outermost loop.
    fn with_arguments(
        &self,
        name: &'static str,
        arguments: &'static [Part],
        env: &Env,
        item: &Item,
        after: Vec<Value>,
        out: Out,
    ) -> Flow {
        let Some((last, before)) = arguments.split_last() else {
            return builtins::call(name, &item.value, &after, &mut |value| {
                made(&item.track, value, out)
            });
        };
        self.values(last, env, &item.value, &mut |value| {
            let mut values = vec![value];
            values.extend(after.iter().cloned());
            self.with_arguments(name, before, env, item, values, out)
        })
    }

    fn next_input(&self) -> Option<Value> {
        let mut next = self.inputs.borrow_mut();
        next()
    }

    fn is_true(&self, test: Part, env: &Env, value: &Value) -> Result<bool, Stop> {
        match self.all(test, env, value)?.as_slice() {
            [only] => Ok(only.is_true()),
            _ => program::refuse("a condition of a loop with other than one value"),
        }
    }

    fn recurse(&self, next: Part, env: &Env, item: Item, out: Out) -> Flow {
        self.cycle(item, &mut |item, again| {
            out(item.clone())?;
            self.run(next, env, item, again)
        })
    }

    /// Recursion where the last output of a round starts the next round without a deeper stack.
    fn cycle(&self, start: Item, round: &mut dyn FnMut(Item, Out) -> Flow) -> Flow {
        let mut next = Some(start);
        while let Some(item) = next.take() {
            // Outputs of this round but the last, whose rounds are nested. They are collected
            // first, since one callback cannot be entered twice.
            let mut found = Vec::new();
            let flow = round(item, &mut |it| {
                found.push(it);
                Ok(())
            });
            let last = found.pop();
            for it in found {
                self.deeper(|| self.cycle(it, round))?;
            }
            if flow.is_err() {
                if let Some(it) = last {
                    self.deeper(|| self.cycle(it, round))?;
                }
                return flow;
            }
            next = last;
        }
        Ok(())
    }

    fn arranged(&self, name: &str, key: Part, env: &Env, value: &Value) -> Result<Value, Stop> {
        let Value::Array(values) = value else {
            let what = match name {
                "sort_by" => "sorted, as it is not an array",
                "group_by" | "unique_by" => "grouped, as it is not an array",
                _ => return fail(format!("Cannot index {} with number", value.kind())),
            };
            return fail(format!(
                "{} ({}) cannot be {what}",
                value.kind(),
                super::operators::shown(value)
            ));
        };
        let mut keyed = Vec::new();
        for value in values.iter() {
            let key = Value::array(self.all(key, env, value)?);
            keyed.push((key, value.clone()));
        }
        Ok(arrange(name, keyed))
    }

    /// `sub` and `gsub`. The replacement is a filter of the named groups.
    #[allow(clippy::too_many_arguments)] // Those of the function.
    fn substitute(
        &self,
        global: bool,
        re: Part,
        to: Part,
        flags: Option<Part>,
        env: &Env,
        item: &Item,
        out: Out,
    ) -> Flow {
        let one = |part: Part| -> Result<String, Stop> {
            match self.all(part, env, &item.value)?.as_slice() {
                [Value::String(text)] => Ok(text.to_string()),
                _ => program::refuse("a regular expression that is not one string"),
            }
        };
        let re = one(re)?;
        let flags = flags.map_or(Ok(String::new()), one)?;
        let Value::String(text) = &item.value else {
            return fail(format!(
                "{} ({}) cannot be matched, as it is not a string",
                item.value.kind(),
                super::operators::shown(&item.value)
            ));
        };
        let (pieces, rest) = matching::pieces(text, &re, &flags, global);
        let mut whole = String::new();
        for (before, named) in pieces {
            whole.push_str(&before);
            match self.all(to, env, &named)?.as_slice() {
                [one] => whole.push_str(&matching::replacement(one)?),
                _ => program::refuse("a replacement that is not one string"),
            }
        }
        whole.push_str(&rest);
        made(&item.track, Value::text(whole), out)
    }

    fn walk(
        &self,
        inner: Part,
        env: &Env,
        value: Value,
        depth: usize,
        out: &mut dyn FnMut(Value) -> Flow,
    ) -> Flow {
        if depth > 300 {
            program::refuse("'walk' through more than 300 levels");
        }
        let value = match value {
            Value::Array(values) => {
                let mut all = Vec::new();
                for value in values.iter() {
                    self.walk(inner, env, value.clone(), depth + 1, &mut |value| {
                        all.push(value);
                        Ok(())
                    })?;
                }
                Value::array(all)
            }
            Value::Object(map) => {
                let mut all = Map::default();
                for (key, value) in map.iter() {
                    let mut count = 0;
                    self.walk(inner, env, value.clone(), depth + 1, &mut |value| {
                        count += 1;
                        all.insert(key.clone(), value);
                        Ok(())
                    })?;
                    if count != 1 {
                        program::refuse("'walk' that gives a member other than one value");
                    }
                }
                Value::object(all)
            }
            other => other,
        };
        self.deeper(|| self.values(inner, env, &value, out))
    }
}

/// Sorts, groups and chooses by keys.
pub fn arrange(name: &str, mut keyed: Vec<(Value, Value)>) -> Value {
    if matches!(name, "min_by" | "max_by") {
        let mut best: Option<(Value, Value)> = None;
        for (key, value) in keyed {
            let better = match &best {
                None => true,
                Some((old, _)) => (compare(&key, old) == Ordering::Less) == (name == "min_by"),
            };
            if better {
                best = Some((key, value));
            }
        }
        return best.map_or(Value::Null, |(_, value)| value);
    }
    keyed.sort_by(|(left, _), (right, _)| compare(left, right));
    if name == "sort_by" {
        return Value::array(keyed.into_iter().map(|(_, value)| value).collect());
    }
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, value) in keyed {
        match groups.last_mut() {
            Some((last, group)) if equal(last, &key) => group.push(value),
            _ => groups.push((key, vec![value])),
        }
    }
    let groups = groups.into_iter().map(|(_, group)| group);
    if name == "group_by" {
        return Value::array(groups.map(Value::array).collect());
    }
    Value::array(
        groups
            .filter_map(|group| group.into_iter().next())
            .collect(),
    )
}

/// A count of outputs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // It is in range.
fn whole(value: &Value) -> Result<usize, Stop> {
    match value {
        Value::Number(number)
            if (0.0..1e9).contains(&number.get()) && number.get().fract() == 0.0 =>
        {
            Ok(number.get() as usize)
        }
        _ => program::refuse("a count of outputs of which versions of jq differ"),
    }
}

fn range(track: &Track, start: &Value, end: &Value, step: &Value, out: Out) -> Flow {
    let (Value::Number(start), Value::Number(end), Value::Number(step)) = (start, end, step) else {
        return fail("Range bounds must be numeric");
    };
    let (mut at, end, step) = (start.get(), end.get(), step.get());
    if step == 0.0 || step.is_nan() {
        program::refuse("'range' by zero, of which versions of jq differ");
    }
    while if step > 0.0 { at < end } else { at > end } {
        made(track, Value::number(at), out)?;
        at += step;
    }
    Ok(())
}
