//! What names mean: patterns that values are bound to, and calls of functions.

use super::ast::{Definition, Part, Pattern};
use super::eval::{Binding, Env, Flow, Item, Machine, Out, bind, fail};
use super::value::Value;
use super::{paths, prelude};

impl Machine {
    /// Runs `then` for every value of `source`, bound to the pattern.
    pub(super) fn bound(
        &self,
        source: Part,
        pattern: &'static Pattern,
        env: &Env,
        value: &Value,
        then: &mut dyn FnMut(&Env) -> Flow,
    ) -> Flow {
        self.values(source, env, value, &mut |found| {
            self.destructure(&[(pattern, found)], env, then)
        })
    }

    fn destructure(
        &self,
        pending: &[(&'static Pattern, Value)],
        env: &Env,
        then: &mut dyn FnMut(&Env) -> Flow,
    ) -> Flow {
        let Some(((pattern, value), rest)) = pending.split_first() else {
            return then(env);
        };
        match pattern {
            Pattern::Variable(name) => {
                let env = bind(env, Binding::Variable(name, value.clone()));
                self.deeper(|| self.destructure(rest, &env, then))
            }
            Pattern::Array(parts) => {
                if !matches!(value, Value::Array(_) | Value::Null) {
                    return fail(format!("Cannot index {} with number", value.kind()));
                }
                let mut pending = Vec::new();
                for (index, part) in parts.iter().enumerate() {
                    let key = Value::count(index);
                    let item = paths::index(Item::plain(value.clone()), &key)?;
                    pending.push((part, item.value));
                }
                pending.extend(rest.iter().cloned());
                self.deeper(|| self.destructure(&pending, env, then))
            }
            Pattern::Object(members) => self.members(members, value, rest, env, then),
        }
    }

    fn members(
        &self,
        members: &'static [(Part, Option<&'static str>, Option<Pattern>)],
        value: &Value,
        rest: &[(&'static Pattern, Value)],
        env: &Env,
        then: &mut dyn FnMut(&Env) -> Flow,
    ) -> Flow {
        let Some(((key, name, inner), others)) = members.split_first() else {
            return self.deeper(|| self.destructure(rest, env, then));
        };
        self.values(key, env, value, &mut |key| {
            if !matches!(key, Value::String(_)) {
                return fail(format!("Cannot index {} with {}", value.kind(), key.kind()));
            }
            let found = paths::index(Item::plain(value.clone()), &key)?.value;
            let env = match name {
                Some(name) => bind(env, Binding::Variable(name, found.clone())),
                None => env.clone(),
            };
            let mut next = |env: &Env| self.members(others, value, rest, env, then);
            match inner {
                Some(inner) => self.destructure(&[(inner, found)], &env, &mut next),
                None => next(&env),
            }
        })
    }

    /// Calls a function by its name.
    pub(super) fn call(
        &self,
        name: &'static str,
        arguments: &'static [Part],
        env: &Env,
        item: Item,
        out: Out,
    ) -> Flow {
        let mut at = env;
        while let Some(frame) = at {
            match &frame.binding {
                Binding::Function(found)
                    if found.name == name && found.parameters.len() == arguments.len() =>
                {
                    return self.enter(found, at, arguments, env, item, out);
                }
                Binding::Closure(found, body, inner) if *found == name && arguments.is_empty() => {
                    return self.run(body, inner, item, out);
                }
                _ => at = &frame.outer,
            }
        }
        if let Some(found) = prelude::find(&self.prelude, name, arguments.len()) {
            return self.enter(found, &None, arguments, env, item, out);
        }
        self.native(name, arguments, env, item, out)
    }

    fn enter(
        &self,
        definition: &'static Definition,
        home: &Env,
        arguments: &'static [Part],
        env: &Env,
        item: Item,
        out: Out,
    ) -> Flow {
        let mut inner = home.clone();
        let mut values = Vec::new();
        for ((name, value), argument) in definition.parameters.iter().zip(arguments) {
            inner = bind(&inner, Binding::Closure(name, argument, env.clone()));
            if *value {
                values.push((*name, *argument));
            }
        }
        self.with_values(&values, env, &inner, definition.body, item, out)
    }

    fn with_values(
        &self,
        values: &[(&'static str, Part)],
        caller: &Env,
        inner: &Env,
        body: Part,
        item: Item,
        out: Out,
    ) -> Flow {
        let Some(((name, argument), rest)) = values.split_first() else {
            return self.run(body, inner, item, out);
        };
        self.values(argument, caller, &item.value, &mut |value| {
            let inner = bind(inner, Binding::Variable(name, value));
            self.with_values(rest, caller, &inner, body, item.clone(), out)
        })
    }
}
