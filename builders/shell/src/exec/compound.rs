//! Compound commands.

use std::rc::Rc;

use crate::state::{Flow, Function, Shell, TRAP_DEBUG, Unwind};
use crate::syntax::ast::{ArithText, CaseArm, CaseEnd, Command, Kind, List, Word};
use crate::syntax::is_name;

impl Shell {
    pub(super) fn run_compound(&mut self, command: &Rc<Command>) -> Flow {
        match &command.kind {
            Kind::Simple(_) => Ok(0),
            Kind::Group(list) => self.run_list(list),
            Kind::Subshell(list) => self.run_subshell(list),
            Kind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.quietly(|sh| sh.run_list(condition))? == 0 {
                        return self.run_list(body);
                    }
                }
                match otherwise {
                    Some(body) => self.run_list(body),
                    None => Ok(0),
                }
            }
            Kind::While {
                until,
                condition,
                body,
            } => self.run_while(*until, condition, body),
            Kind::For { name, words, body } => {
                self.run_for(name, words.as_deref(), body, command.line)
            }
            Kind::Select { name, words, body } => self.run_select(name, words.as_deref(), body),
            Kind::ArithFor {
                init,
                condition,
                update,
                body,
            } => self.run_arith_for([init, condition, update], body, command.line),
            Kind::Case { word, arms } => self.run_case(word, arms),
            Kind::Arith(text) => {
                self.before_command_trap(command.line)?;
                if self.st.options.xtrace() {
                    self.trace_text(&[b"(( ", text.raw.as_slice(), b" ))"].concat());
                }
                match self.arith_text_value(text, b"((: ") {
                    Ok(value) => Ok(i32::from(value == 0)),
                    Err(Unwind::Discard(_)) => Ok(1),
                    Err(e) => Err(e),
                }
            }
            Kind::Cond(cond) => {
                self.before_command_trap(command.line)?;
                self.run_cond(cond)
            }
            Kind::Function { name, body } => self.define(name, body.id, Some(body)),
            Kind::FunctionAt { name, body } => self.define(name, *body, None),
            Kind::Coproc { name, body } => self.start_coproc(name, body),
        }
    }

    pub(super) fn before_command_trap(&mut self, line: u32) -> Result<(), Unwind> {
        self.st.line = line;
        self.run_trap_quick(TRAP_DEBUG)
    }

    fn define(&mut self, name: &[u8], id: u32, body: Option<&Rc<Command>>) -> Flow {
        if self.st.options.posix() && !is_name(name) {
            self.error([b"`", name, b"': not a valid identifier"].concat());
            return Ok(1);
        }
        if self.st.options.posix() && crate::builtins::is_special(name) {
            self.error([b"`", name, b"': is a special builtin"].concat());
            return Err(Unwind::Exit(2));
        }
        if self.is_readonly_function(name) {
            self.error([name, b": readonly function"].concat());
            return Ok(1);
        }
        let old = self.st.functions.get(name);
        let exported = self.st.options.allexport() || old.is_some_and(|it| it.exported);
        if exported {
            self.vars.changes_environment();
        }
        let function = Function {
            place: self.place.clone(),
            id,
            body: body.map_or_else(Default::default, |body| body.clone().into()),
            exported,
        };
        Rc::make_mut(&mut self.st.functions).insert(name.to_vec(), Rc::new(function));
        Ok(0)
    }

    /// Runs a loop's body once. `Some`: the loop ends with that result.
    fn run_body(&mut self, body: &List, status: &mut i32) -> Option<Flow> {
        match self.run_list(body) {
            Ok(s) => *status = s,
            Err(Unwind::Break(n)) if n > 1 => return Some(Err(Unwind::Break(n - 1))),
            Err(Unwind::Break(_)) => return Some(Ok(self.st.status)),
            Err(Unwind::Continue(n)) if n > 1 => return Some(Err(Unwind::Continue(n - 1))),
            Err(Unwind::Continue(_)) => *status = self.st.status,
            Err(other) => return Some(Err(other)),
        }
        None
    }

    fn in_loop(&mut self, run: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let loops = self.st.loops;
        self.st.loops += 1;
        let result = run(self);
        self.st.loops = loops;
        result
    }

    fn run_while(&mut self, until: bool, condition: &List, body: &List) -> Flow {
        self.in_loop(|sh| {
            let mut status = 0;
            loop {
                let met = match sh.quietly(|sh| sh.run_list(condition)) {
                    Ok(s) => (s == 0) != until,
                    Err(Unwind::Break(n)) if n > 1 => return Err(Unwind::Break(n - 1)),
                    Err(Unwind::Break(_)) => return Ok(0),
                    Err(Unwind::Continue(n)) if n > 1 => return Err(Unwind::Continue(n - 1)),
                    Err(Unwind::Continue(_)) => continue,
                    Err(other) => return Err(other),
                };
                if !met {
                    return Ok(status);
                }
                if let Some(end) = sh.run_body(body, &mut status) {
                    return end;
                }
            }
        })
    }

    fn run_for(&mut self, name: &[u8], words: Option<&[Word]>, body: &List, line: u32) -> Flow {
        if !is_name(name) {
            self.error([b"`", name, b"': not a valid identifier"].concat());
            return if self.st.options.posix() {
                Err(Unwind::Exit(1))
            } else {
                Ok(1)
            };
        }
        let items = match words {
            Some(words) => self.expand_words(words)?,
            None => self.st.positional.to_vec(),
        };
        let trace = self.st.options.xtrace().then(|| self.for_text(name, words));
        self.in_loop(|sh| {
            let mut status = 0;
            for item in items {
                sh.before_command_trap(line)?;
                if let Some(text) = &trace {
                    sh.trace_text(text);
                }
                if sh.assign_loop_variable(name, item).is_err() {
                    return Ok(1);
                }
                if let Some(end) = sh.run_body(body, &mut status) {
                    return end;
                }
            }
            Ok(status)
        })
    }

    /// A loop variable that is a nameref is pointed elsewhere, not assigned through.
    fn assign_loop_variable(
        &mut self,
        name: &[u8],
        item: Vec<u8>,
    ) -> Result<(), crate::state::assign::Refused> {
        use crate::state::value::{Value, attr};
        if self.vars.get(name).is_some_and(|v| v.has(attr::NAMEREF)) {
            if !crate::state::assign::is_reference(&item) {
                self.error(
                    [
                        b"`",
                        item.as_slice(),
                        b"': invalid variable name for name reference",
                    ]
                    .concat(),
                );
                return Err(crate::state::assign::Refused);
            }
            if let Some(var) = self.vars.get_mut(name) {
                var.value = Value::Scalar(item);
            }
            return Ok(());
        }
        self.assign(
            name,
            None,
            item,
            false,
            crate::state::assign::Scope::Visible,
        )
    }

    fn run_select(&mut self, name: &[u8], words: Option<&[Word]>, body: &List) -> Flow {
        let items = match words {
            Some(words) => self.expand_words(words)?,
            None => self.st.positional.to_vec(),
        };
        if items.is_empty() {
            return Ok(0);
        }
        let width = items.len().to_string().len();
        self.in_loop(|sh| {
            let mut status = 0;
            let mut show = true;
            loop {
                if show {
                    let mut menu = Vec::new();
                    for (at, item) in items.iter().enumerate() {
                        menu.extend_from_slice(format!("{:>width$}) ", at + 1).as_bytes());
                        menu.extend_from_slice(item);
                        menu.push(b'\n');
                    }
                    sh.warn(&menu);
                }
                let prompt = sh.get(b"PS3").unwrap_or_else(|| b"#? ".to_vec());
                sh.warn(&prompt);
                let Some(line) = sh.read_line(0) else {
                    let _ = sh.st.fds.write(1, b"\n");
                    return Ok(1);
                };
                show = line.is_empty();
                sh.put(b"REPLY", line.clone());
                if line.is_empty() {
                    continue;
                }
                let choice = crate::arith::parse_decimal(&line)
                    .and_then(|n| usize::try_from(n).ok())
                    .and_then(|n| n.checked_sub(1))
                    .and_then(|n| items.get(n));
                let choice = choice.cloned().unwrap_or_default();
                if sh.assign_loop_variable(name, choice).is_err() {
                    return Ok(1);
                }
                if let Some(end) = sh.run_body(body, &mut status) {
                    return end;
                }
            }
        })
    }

    fn run_arith_for(
        &mut self,
        [init, condition, update]: [&ArithText; 3],
        body: &List,
        line: u32,
    ) -> Flow {
        let value =
            |sh: &mut Self, text: &ArithText, default: i64| -> Result<Option<i64>, Unwind> {
                if text.raw.trim_ascii().is_empty() {
                    return Ok(Some(default));
                }
                sh.before_command_trap(line)?;
                if sh.st.options.xtrace() {
                    sh.trace_text(&[b"(( ", text.raw.as_slice(), b" ))"].concat());
                }
                match sh.arith_text_value(text, b"((: ") {
                    Ok(v) => Ok(Some(v)),
                    Err(Unwind::Discard(_)) => Ok(None),
                    Err(e) => Err(e),
                }
            };
        if value(self, init, 0)?.is_none() {
            return Ok(1);
        }
        self.in_loop(|sh| {
            let mut status = 0;
            loop {
                match value(sh, condition, 1)? {
                    None => return Ok(1),
                    Some(0) => return Ok(status),
                    Some(_) => {}
                }
                if let Some(end) = sh.run_body(body, &mut status) {
                    return end;
                }
                if value(sh, update, 1)?.is_none() {
                    return Ok(1);
                }
            }
        })
    }

    fn run_case(&mut self, word: &Word, arms: &[CaseArm]) -> Flow {
        let line = self.st.line;
        self.before_command_trap(line)?;
        let text = self.expand_single(word)?;
        if self.st.options.xtrace() {
            let shown = crate::expand::quote::trace(&text, self.st.utf8);
            self.trace_text(&[b"case ", shown.as_slice(), b" in"].concat());
        }
        let mut status = 0;
        let mut fall_through = false;
        for arm in arms {
            let mut hit = fall_through;
            for pattern in &arm.patterns {
                if hit {
                    break;
                }
                let pattern = self.expand_pattern(pattern)?;
                let options = self.pattern_options();
                hit = self.patterns.matches(&pattern, options, &text);
            }
            if !hit {
                continue;
            }
            status = self.run_list(&arm.body)?;
            match arm.end {
                CaseEnd::Stop => return Ok(status),
                CaseEnd::FallThrough => fall_through = true,
                CaseEnd::TestNext => fall_through = false,
            }
        }
        Ok(status)
    }
}
