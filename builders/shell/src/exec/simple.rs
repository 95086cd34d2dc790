//! Simple commands: expansion, assignments, redirections, and the choice between function,
//! builtin and program (bash(1) "SIMPLE COMMAND EXPANSION", "COMMAND SEARCH AND EXECUTION").

use std::rc::Rc;

use crate::builtins::{self, Call};
use crate::state::assign::Scope;
use crate::state::value::attr;
use crate::state::vars::ScopeKind;
use crate::state::{CommandText, Flow, Shell, Unwind};
use crate::syntax::ast::{Assign, AssignValue, Command, Simple, Word};

/// A command with its words expanded.
pub struct Ready<'a> {
    pub args: Vec<Vec<u8>>,
    /// Compound assignments by the position of their argument.
    pub arrays: Vec<(usize, &'a Assign)>,
}

impl Shell {
    pub(super) fn run_simple(&mut self, simple: &Simple, command: &Rc<Command>) -> Flow {
        self.before_simple(command)?;
        if self.st.options.noexec() {
            return Ok(0);
        }
        self.sub_status = None;
        let processes = self.process_fds.len();
        let result = match self.expand_command(simple) {
            Ok(ready) => self.run_ready(simple, command, ready),
            Err(e) => Err(e),
        };
        self.close_process_fds(processes);
        result
    }

    pub(super) fn before_simple(&mut self, command: &Rc<Command>) -> Result<(), Unwind> {
        self.st.line = command.line;
        if !self.st.traps.is_empty() {
            if self.in_trap.is_empty() {
                self.st.command = CommandText::Command(command.clone(), self.place.source.clone());
            }
            self.before_command_trap(command.line)?;
        }
        Ok(())
    }

    /// Expands the words.
    pub(super) fn expand_command<'a>(&mut self, simple: &'a Simple) -> Result<Ready<'a>, Unwind> {
        let mut args = Vec::with_capacity(simple.words.len());
        let mut arrays = Vec::new();
        let mut declaration = None;
        for (at, word) in simple.words.iter().enumerate() {
            let declares = word.assignment.is_some()
                && *declaration.get_or_insert_with(|| is_declaration(&simple.words));
            if declares {
                if let Some((_, assign)) = simple.array_args.iter().find(|(n, _)| *n == at) {
                    arrays.push((args.len(), assign));
                }
                let text = self.expand_declaration(word)?;
                args.push(text);
            } else {
                self.expand_word(word, &mut args)?;
            }
        }
        Ok(Ready { args, arrays })
    }

    fn run_ready(&mut self, simple: &Simple, command: &Rc<Command>, ready: Ready) -> Flow {
        if ready.args.is_empty() {
            return self.run_assignments_only(simple, command);
        }
        if self.st.options.xtrace() && simple.assigns.is_empty() {
            self.trace_command(&ready.args, &ready.arrays);
        }
        let mut undo = Vec::new();
        if command.redirects.is_empty() {
            let result = self.run_args(simple, ready);
            self.exec_keeps = false;
            return result;
        }
        let keep = ready.args.first().is_some_and(|n| n == b"exec")
            && !self.st.functions.contains_key(&b"exec"[..]);
        let result = match self.redirect_all(&command.redirects, &mut undo) {
            Ok(true) => self.run_args(simple, ready),
            Ok(false) => {
                let special =
                    builtins::is_special(ready.args.first().map(Vec::as_slice).unwrap_or_default());
                if special && self.st.options.posix() {
                    Err(Unwind::Exit(1))
                } else {
                    Ok(1)
                }
            }
            Err(e) => Err(e),
        };
        let exec_kept = keep && result.is_ok() && self.exec_keeps;
        self.exec_keeps = false;
        if !exec_kept {
            self.undo_redirects(undo);
        }
        result
    }

    fn run_assignments_only(&mut self, simple: &Simple, command: &Rc<Command>) -> Flow {
        for assign in &simple.assigns {
            if self.run_assign(assign, Scope::Visible, true)?.is_err() {
                return Err(if self.st.options.posix() {
                    Unwind::Exit(1)
                } else {
                    Unwind::Discard(1)
                });
            }
        }
        if !command.redirects.is_empty() {
            let mut undo = Vec::new();
            let done = self.redirect_all(&command.redirects, &mut undo);
            self.undo_redirects(undo);
            if !done? {
                return Ok(1);
            }
        }
        let status = self.sub_status.take().unwrap_or(0);
        self.st.last_arg.clear();
        Ok(status)
    }

    /// Runs expanded words with the command's assignments as their environment.
    fn run_args(&mut self, simple: &Simple, ready: Ready) -> Flow {
        let name = ready.args.first().map(Vec::as_slice).unwrap_or_default();
        let special = self.st.options.posix() && builtins::is_special(name);
        let function = match special {
            true => None,
            false => self.st.functions.get(name).cloned(),
        };
        let disabled = function.is_some() || self.st.disabled.iter().any(|it| it == name);
        let builtin = if disabled { None } else { builtins::find(name) };
        if simple.assigns.is_empty() {
            self.st.last_arg.clear();
            self.st.last_arg.extend_from_slice(last_word(&ready));
            return match (function, builtin) {
                (Some(function), _) => self.call_function(&function, ready.args, false),
                (None, Some(builtin)) => self.call_builtin(builtin, ready),
                (None, None) => self.run_external(ready.args),
            };
        }
        // `NAME=value command`: the assignments live as long as the command.
        let kind = if function.is_some() {
            ScopeKind::Function
        } else {
            ScopeKind::Temporary
        };
        self.vars.push_scope(kind);
        let mut refused = false;
        for assign in &simple.assigns {
            match self.run_temporary(assign, kind) {
                Ok(Ok(())) => {}
                Ok(Err(_)) => refused = true,
                Err(e) => {
                    self.end_temporary();
                    return Err(e);
                }
            }
        }
        if refused && special {
            self.end_temporary();
            return Err(Unwind::Exit(1));
        }
        if self.st.options.xtrace() {
            self.trace_command(&ready.args, &ready.arrays);
        }
        self.st.last_arg = ready.args.last().cloned().unwrap_or_default();
        let result = match (function, builtin) {
            (Some(function), _) => {
                // The function's scope is the one that was just made.
                let result = self.call_function(&function, ready.args, true);
                self.resync_specials(simple);
                return result;
            }
            (None, Some(builtin)) => {
                let result = self.call_builtin(builtin, ready);
                if special {
                    self.keep_temporary(simple);
                    return result;
                }
                result
            }
            (None, None) => self.run_external(ready.args),
        };
        self.end_temporary();
        result
    }

    pub(super) fn run_temporary(
        &mut self,
        assign: &Assign,
        kind: ScopeKind,
    ) -> Result<Result<(), crate::state::assign::Refused>, Unwind> {
        let value = match (&assign.value, &assign.subscript) {
            (AssignValue::Scalar(word), None) => self.expand_value(word)?,
            _ => return Ok(Ok(())),
        };
        if self
            .vars
            .get(&assign.name)
            .is_some_and(|v| v.has(attr::READONLY))
        {
            self.error([assign.name.as_slice(), b": readonly variable"].concat());
            return Ok(Err(crate::state::assign::Refused));
        }
        if self.st.options.xtrace() {
            self.trace_assign(&assign.name, &value, assign.append);
        }
        let old = if assign.append {
            self.get(&assign.name).unwrap_or_default()
        } else {
            Vec::new()
        };
        let value = [old, value].concat();
        let (_, var) = self.vars.local(&assign.name, kind == ScopeKind::Temporary);
        var.value = crate::state::value::Value::Scalar(value);
        var.set_attr(attr::EXPORT | attr::TEMPORARY, true);
        self.vars.changes_environment();
        self.assigned(&assign.name.clone());
        Ok(Ok(()))
    }

    fn end_temporary(&mut self) {
        for name in self.vars.pop_scope() {
            self.assigned_back(&name);
        }
    }

    /// After a scope ended: state that hangs on its variables follows.
    pub fn assigned_back(&mut self, name: &[u8]) {
        if matches!(
            name,
            b"LC_ALL" | b"LC_CTYPE" | b"LANG" | b"PATH" | b"POSIXLY_CORRECT"
        ) {
            self.assigned(name);
        }
    }

    fn resync_specials(&mut self, simple: &Simple) {
        for assign in &simple.assigns {
            self.assigned_back(&assign.name);
        }
    }

    /// In POSIX mode assignments before a special builtin stay.
    fn keep_temporary(&mut self, simple: &Simple) {
        let values: Vec<_> = simple
            .assigns
            .iter()
            .filter_map(|a| self.get(&a.name).map(|v| (a.name.clone(), v)))
            .collect();
        self.end_temporary();
        for (name, value) in values {
            self.put(&name, value);
            if let Some(var) = self.vars.get_mut(&name) {
                var.set_attr(attr::EXPORT, true);
            }
        }
    }

    fn call_builtin(&mut self, builtin: builtins::Builtin, ready: Ready) -> Flow {
        let mut args = ready.args;
        let name = args.remove(0);
        let arrays = ready
            .arrays
            .into_iter()
            .filter_map(|(at, a)| Some((at.checked_sub(1)?, a)))
            .collect();
        let mut call = Call { name, args, arrays };
        self.run_builtin(builtin, &mut call)
    }

    /// Runs a builtin; a broken pipe while it writes ends the shell as SIGPIPE would.
    pub fn run_builtin(&mut self, builtin: builtins::Builtin, call: &mut Call) -> Flow {
        let status = builtin(self, call)?;
        if std::mem::take(&mut self.broken_pipe) {
            const SIGPIPE: i32 = 13;
            if self
                .st
                .traps
                .get(&SIGPIPE)
                .is_none_or(|t| t.inherited && !t.action.is_empty())
            {
                return Err(Unwind::Exit(128 + SIGPIPE));
            }
        }
        Ok(status)
    }
}

/// Is the command written as a declaration builtin?
fn is_declaration(words: &[Word]) -> bool {
    let name = words.first().and_then(|w| w.literal());
    matches!(
        name,
        Some(b"declare" | b"typeset" | b"local" | b"export" | b"readonly")
    )
}

/// What `$_` becomes: the last argument; of a compound assignment the name.
fn last_word<'a>(ready: &'a Ready) -> &'a [u8] {
    match ready.arrays.last() {
        Some((at, assign)) if at + 1 == ready.args.len() => &assign.name,
        _ => ready.args.last().map(Vec::as_slice).unwrap_or_default(),
    }
}
