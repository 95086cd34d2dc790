//! Pipelines of several stages. Programs are started directly; a stage that is shell code runs in
//! another instance, except one, which this instance runs itself as a subshell once all others
//! are started: it may block then, for nothing here has to happen meanwhile. A first stage that
//! is only `echo` or `printf` runs ahead into memory. `docs/shell.md` says why this is exact.

use std::cell::RefCell;
use std::rc::Rc;

use super::image::Task;
use super::launch::{Batch, Program, text_desc};
use crate::builtins;
use crate::state::fds::Desc;
use crate::state::vars::ScopeKind;
use crate::state::{Flow, Shell, Unwind};
use crate::syntax::ast::{Command, Kind, ParamOp, Part, RedirectOp, Simple, Word};
use crate::sys::{self, Pid};

enum Stage {
    Running(Pid),
    Done(i32),
}

impl Shell {
    pub(super) fn run_stages(&mut self, commands: &[Rc<Command>]) -> Flow {
        let outer = self.st.fds.clone();
        let result = self.run_stages_inner(commands);
        self.st.fds = outer;
        let statuses = result?;
        let last = statuses.last().copied().unwrap_or(0);
        let status = if self.st.options.pipefail() {
            statuses
                .iter()
                .rev()
                .copied()
                .find(|s| *s != 0)
                .unwrap_or(0)
        } else {
            last
        };
        self.st.pipe_status = Rc::new(statuses);
        Ok(status)
    }

    fn run_stages_inner(&mut self, commands: &[Rc<Command>]) -> Result<Vec<i32>, Unwind> {
        let outer = self.st.fds.clone();
        let mut batch = Batch::default();
        let mut stages: Vec<Stage> = Vec::with_capacity(commands.len());
        let last = commands.len() - 1;
        let own = self.own_stage(commands, &outer);
        // What this instance runs itself, with its descriptors.
        let mut mine = None;
        let mut input: Option<Rc<Desc>> = None;
        for (at, command) in commands.iter().enumerate() {
            if matches!(command.kind, Kind::Simple(_)) {
                self.before_simple(command)?;
            }
            let mut fds = outer.clone();
            if let Some(input) = input.take() {
                fds.set(0, input);
            }
            if at == 0 && own != Some(0) && self.runs_ahead(command) {
                let sink = Rc::new(Desc::Sink(RefCell::default()));
                fds.set(1, sink.clone());
                self.st.fds = fds;
                let status = self.in_subshell(|sh| sh.run_command(command));
                self.st.fds = outer.clone();
                stages.push(Stage::Done(status));
                let text = if let Desc::Sink(out) = &*sink {
                    out.take()
                } else {
                    Vec::new()
                };
                input = Some(text_desc(text));
                continue;
            }
            if at < last {
                let (read, write) = match sys::pipe() {
                    Ok(pair) => pair,
                    Err(e) => {
                        self.error([b"pipe error: ", sys::error_text(&e).as_bytes()].concat());
                        return Err(Unwind::Discard(1));
                    }
                };
                input = Some(Rc::new(Desc::Os(read)));
                fds.set(1, Rc::new(Desc::Os(write)));
            }
            if own == Some(at) {
                mine = Some((at, fds));
                stages.push(Stage::Done(0));
                continue;
            }
            self.st.fds = fds;
            let started = self.start_stage(command, &mut batch);
            self.st.fds = outer.clone();
            stages.push(match started? {
                Ok(pid) => Stage::Running(pid),
                Err(status) => Stage::Done(status),
            });
        }
        drop(input);
        batch.close();
        if let Some((at, fds)) = mine
            && let Some(command) = commands.get(at)
        {
            self.st.fds = fds;
            let lastpipe = at == last && self.st.options.lastpipe();
            let status = if lastpipe {
                self.run_command(command)
            } else {
                Ok(self.in_subshell(|sh| sh.run_command(command)))
            };
            self.st.fds = outer.clone();
            match status {
                Ok(status) => {
                    if let Some(stage) = stages.get_mut(at) {
                        *stage = Stage::Done(status);
                    }
                }
                Err(e) => {
                    batch.finish();
                    for stage in &stages {
                        if let Stage::Running(pid) = stage {
                            self.wait_for(*pid);
                        }
                    }
                    return Err(e);
                }
            }
        }
        batch.finish();
        let mut statuses = Vec::with_capacity(stages.len());
        for stage in stages {
            statuses.push(match stage {
                Stage::Done(status) => status,
                Stage::Running(pid) => self.wait_for(pid),
            });
        }
        self.poll_signals()?;
        Ok(statuses)
    }

    /// Which stage this instance runs itself: the last, if it is shell code; else one in front of
    /// programs, unless what those write must be collected here at the same time.
    fn own_stage(&self, commands: &[Rc<Command>], fds: &crate::state::fds::Fds) -> Option<usize> {
        let last = commands.len() - 1;
        let external =
            |c: &Rc<Command>| matches!(&c.kind, Kind::Simple(s) if self.surely_external(s));
        let collects_errors = fds
            .iter()
            .any(|(fd, d)| fd != 1 && matches!(&**d, Desc::Sink(_)));
        let collects = collects_errors || matches!(fds.get(1).map(|d| &**d), Some(Desc::Sink(_)));
        if !commands.get(last).is_some_and(external) {
            return (!collects_errors).then_some(last);
        }
        if collects {
            return None;
        }
        commands.iter().rposition(|c| !external(c))
    }

    /// Is the command a program whatever its words expand to?
    pub(super) fn surely_external(&self, simple: &Simple) -> bool {
        let Some(name) = simple.words.first().and_then(|w| w.literal()) else {
            return false;
        };
        !self.st.functions.contains_key(name)
            && (builtins::find(name).is_none() || self.st.disabled.iter().any(|d| d == name))
            && !name.contains(&b'{')
            && !name.contains(&b'*')
            && !name.contains(&b'~')
    }

    /// `echo` or `printf` of words whose expansion starts nothing: finite, reads nothing.
    fn runs_ahead(&self, command: &Rc<Command>) -> bool {
        let Kind::Simple(simple) = &command.kind else {
            return false;
        };
        let name = simple.words.first().and_then(|w| w.literal());
        matches!(name, Some(b"echo" | b"printf"))
            && name.is_some_and(|n| {
                !self.st.functions.contains_key(n) && !self.st.disabled.iter().any(|d| d == n)
            })
            && simple.words.iter().all(|w| quiet_parts(&w.parts))
            && command
                .redirects
                .iter()
                .all(|r| matches!(&r.op, RedirectOp::DupOut(w) if w.literal() == Some(b"1")))
            && simple.assigns.is_empty()
            && self.st.traps.is_empty()
    }

    fn start_stage(
        &mut self,
        command: &Rc<Command>,
        batch: &mut Batch,
    ) -> Result<Result<Pid, i32>, Unwind> {
        if let Kind::Simple(simple) = &command.kind
            && self.surely_external(simple)
        {
            return self.start_stage_program(command, simple, batch);
        }
        let place = self.place.clone();
        let task = Task::Piece {
            place: &place,
            id: command.id,
        };
        match self.launch(&Program::Instance(task), batch) {
            Ok(pid) => Ok(Ok(pid)),
            Err(e) => Ok(Err(self.report_instance(&e))),
        }
    }

    /// Expands a program's words as in a subshell, and starts it.
    pub(super) fn start_stage_program(
        &mut self,
        command: &Rc<Command>,
        simple: &Simple,
        batch: &mut Batch,
    ) -> Result<Result<Pid, i32>, Unwind> {
        self.make_environment();
        let mut started = Err(0);
        let status = self.in_subshell(|sh| {
            sh.st.line = command.line;
            let ready = sh.expand_command(simple)?;
            if !sh.redirect_all(&command.redirects, &mut Vec::new())? {
                return Ok(1);
            }
            sh.vars.push_scope(ScopeKind::Temporary);
            for assign in &simple.assigns {
                if sh.run_temporary(assign, ScopeKind::Temporary)?.is_err() {
                    return Ok(1);
                }
            }
            if sh.st.options.xtrace() {
                sh.trace_command(&ready.args, &[]);
            }
            match sh.start_program(&ready.args, batch)? {
                Ok(pid) => {
                    started = Ok(pid);
                    Ok(0)
                }
                Err(status) => Ok(status),
            }
        });
        Ok(started.map_err(|_: i32| status))
    }
}

/// Do the parts expand without commands, processes or errors that end the shell?
fn quiet_parts(parts: &[Part]) -> bool {
    parts.iter().all(|part| match part {
        Part::Lit(_) | Part::Quoted(_) => true,
        Part::Double(inner) => quiet_parts(inner),
        Part::Param(p) => match &p.op {
            ParamOp::None | ParamOp::Length | ParamOp::Transform(_) | ParamOp::Prefix { .. } => {
                true
            }
            ParamOp::Default { word, .. } | ParamOp::Trim { pattern: word, .. } => quiet_word(word),
            ParamOp::Case { pattern, .. } => pattern.as_ref().is_none_or(quiet_word),
            ParamOp::Replace { pattern, with, .. } => {
                quiet_word(pattern) && with.as_ref().is_none_or(quiet_word)
            }
            ParamOp::Slice { .. } | ParamOp::Bad(_) => false,
        },
        Part::Arith(text) => quiet_parts(&text.parts),
        Part::Command(_) | Part::Process { .. } => false,
    })
}

fn quiet_word(word: &Word) -> bool {
    quiet_parts(&word.parts)
}
