//! What a shell begins with: variables and functions of the environment, and its own.
//!
//! Counterpart: bash's `initialize_shell_variables` (`variables.c`).

use std::rc::Rc;

use crate::state::options;
use crate::state::value::{Value, Var, attr};
use crate::state::{Function, Shell, environment};
use crate::syntax::ast::{Kind, Source};
use crate::syntax::{Flags, Parser};
use crate::sys::{self, FileKind};

impl Shell {
    /// Makes variables and functions of the environment.
    pub fn import_environment(&mut self, environment: Vec<(Vec<u8>, Vec<u8>)>) {
        let mut nameless = Vec::new();
        for (name, value) in environment {
            if let Some(function) = name
                .strip_prefix(b"BASH_FUNC_")
                .and_then(|n| n.strip_suffix(b"%%"))
            {
                self.import_function(function, &value);
                continue;
            }
            if !crate::syntax::is_name(&name) {
                if !name.is_empty() {
                    nameless.push((name, value));
                }
                continue;
            }
            let var = self.vars.get_or_create(&name);
            var.value = Value::Scalar(value);
            var.set_attr(attr::EXPORT, true);
        }
        self.st.nameless = Rc::new(environment::nameless(nameless));
        for name in [&b"LC_ALL"[..], b"POSIXLY_CORRECT"] {
            if self.vars.get(name).is_some() {
                self.assigned(name);
            }
        }
        self.assigned(b"LANG");
        let physical = sys::current_dir();
        let given = self.get(b"PWD").filter(|p| {
            p.first() == Some(&b'/')
                && (*p == physical
                    || sys::canonical(p)
                        .is_ok_and(|c| sys::canonical(&physical).is_ok_and(|d| c == d)))
        });
        self.st.cwd = given.unwrap_or(physical).into();
        let cwd = self.st.cwd.to_vec();
        let var = self.vars.get_or_create(b"PWD");
        var.value = Value::Scalar(cwd);
        var.set_attr(attr::EXPORT, true);
        let is_directory = |path: &Vec<u8>| {
            sys::stat(&self.absolute(path), true).is_ok_and(|it| it.kind == FileKind::Directory)
        };
        if !self.get(b"OLDPWD").is_some_and(|path| is_directory(&path)) {
            let var = self.vars.get_or_create(b"OLDPWD");
            var.value = Value::Unset;
            var.set_attr(attr::EXPORT, true);
        }
        let level = self
            .get(b"SHLVL")
            .and_then(|t| crate::arith::parse_decimal(&t))
            .unwrap_or(0)
            + 1;
        let var = self.vars.get_or_create(b"SHLVL");
        var.value = Value::Scalar(level.to_string().into_bytes());
        var.set_attr(attr::EXPORT, true);
        let defaults: [(&[u8], &[u8]); 9] = [
            (b"IFS", b" \t\n"),
            (
                b"PATH",
                b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            (b"PS4", b"+ "),
            (b"OPTIND", b"1"),
            (b"OPTERR", b"1"),
            (b"HOSTTYPE", b"x86_64"),
            (b"OSTYPE", b"linux-gnu"),
            (b"MACHTYPE", b"x86_64-pc-linux-gnu"),
            (b"BASH_VERSION", b"5.2.15(1)-release"),
        ];
        for (name, value) in defaults {
            if self.vars.get(name).is_none() || name == b"IFS" || name == b"OPTIND" {
                *self.vars.get_or_create(name) = Var::scalar(value.to_vec());
            }
        }
        let shell = self.login_shell();
        if self.vars.get(b"SHELL").is_none() {
            *self.vars.get_or_create(b"SHELL") = Var::scalar(shell.clone());
        }
        let own = self.own_name(shell);
        *self.vars.get_or_create(b"BASH") = Var::scalar(own);
        *self.vars.get_or_create(b"HOSTNAME") = Var::scalar(sys::host_name());
        if let Some(var) = self.vars.get_mut(b"IFS") {
            var.attrs = 0;
        }
        if self.vars.get(b"_").is_none() {
            self.st.last_arg = self.st.arg0.to_vec();
        }
        if let Some(options) = self.get(b"SHELLOPTS") {
            for name in options.split(|c| *c == b':') {
                if let Ok(name) = std::str::from_utf8(name) {
                    self.st.options.enable(name, true);
                }
            }
        }
        if let Some(list) = self.get(b"BASHOPTS") {
            for at in list.split(|c| *c == b':').filter_map(options::shopt_index) {
                self.st.options.shopt |= 1 << at;
            }
        }
    }

    fn import_function(&mut self, name: &[u8], value: &[u8]) {
        if !value.starts_with(b"() {") {
            return;
        }
        let text: Rc<[u8]> = [name, b" ", value].concat().into();
        let source = Rc::new(Source {
            name: Rc::from(&b"environment"[..]),
            text: text.clone(),
        });
        let mut parser = Parser::new(
            &text,
            source,
            0,
            1,
            Flags {
                extglob: true,
                posix: false,
                utf8: self.st.utf8,
            },
        );
        let Ok(Some(unit)) = parser.next_unit() else {
            return;
        };
        let command = unit
            .list
            .items
            .first()
            .and_then(|i| i.and_or.first.commands.first());
        if let (Some(Kind::Function { name, body }), None) =
            (command.map(|c| &c.kind), unit.list.items.get(1))
        {
            let function = Function {
                place: Rc::new(unit.place.clone()),
                id: body.id,
                body: body.clone().into(),
                exported: true,
            };
            Rc::make_mut(&mut self.st.functions).insert(name.clone(), Rc::new(function));
        }
    }
}
