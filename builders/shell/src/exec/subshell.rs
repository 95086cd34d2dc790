//! Subshells in this instance: the state is copied (cheaply), the commands run, the state is put
//! back. What must not leak is all in [`State`](crate::state::State) and the journal of the
//! variables: directory, descriptors, options, traps, functions, parameters. The only process-wide
//! things, the mask for new files and the signals' dispositions, are set back here.

use std::cell::RefCell;
use std::rc::Rc;

use super::image::Task;
use super::launch::{Batch, Program};
use crate::state::fds::Desc;
use crate::state::{Flow, Shell, TRAP_DEBUG, TRAP_ERR, TRAP_RETURN, Unwind};
use crate::syntax::ast::{Command, CommandSub, Kind, List, RedirectOp};
use crate::sys::{self, OpenMode};

impl Shell {
    /// Runs as in a subshell; gives its status.
    pub fn in_subshell(&mut self, run: impl FnOnce(&mut Self) -> Flow) -> i32 {
        let saved = self.st.clone();
        let jobs = std::mem::take(&mut self.jobs);
        let processes = std::mem::take(&mut self.process_fds);
        let signalled = std::mem::take(&mut self.signalled);
        let in_trap = self.in_trap.clone();
        let call_depth = self.call_depth;
        let place = self.place.clone();
        self.vars.begin_subshell();
        self.enter_subshell();
        let status = match run(self) {
            Ok(status)
            | Err(Unwind::Exit(status) | Unwind::Return(status) | Unwind::Discard(status)) => {
                status
            }
            Err(Unwind::Break(_) | Unwind::Continue(_)) => self.st.status,
        };
        let status = self.exit_trap(status);
        for job in std::mem::take(&mut self.jobs) {
            if let Some((read, sink)) = job.drain {
                super::launch::drain(&read, &sink);
            }
        }
        self.vars.end_subshell();
        let (umask, traps) = (self.st.umask, self.st.traps.clone());
        self.st = saved;
        self.jobs = jobs;
        self.process_fds = processes;
        self.signalled = signalled;
        self.in_trap = in_trap;
        self.call_depth = call_depth;
        self.place = place;
        if umask != self.st.umask {
            sys::set_umask(self.st.umask);
        }
        if !Rc::ptr_eq(&traps, &self.st.traps) {
            for number in traps.keys().chain(self.st.traps.keys()) {
                self.sync_signal(*number);
            }
        }
        status
    }

    /// What a subshell begins with: no traps of the parent, no loops to leave.
    pub fn enter_subshell(&mut self) {
        self.st.subshell += 1;
        self.next_pid = self.next_pid.wrapping_add(1);
        self.st.pid = self.next_pid;
        self.st.random = self.st.random.wrapping_add(self.next_pid);
        self.st.loops = 0;
        if !self.st.traps.is_empty() {
            let (errtrace, functrace) = (self.st.options.errtrace(), self.st.options.functrace());
            for (number, trap) in Rc::make_mut(&mut self.st.traps) {
                let keep = match *number {
                    TRAP_ERR => errtrace,
                    TRAP_DEBUG | TRAP_RETURN => functrace,
                    _ => false,
                };
                if !keep && !trap.action.is_empty() {
                    trap.inherited = true;
                }
            }
        }
    }

    /// `( list )`
    pub(super) fn run_subshell(&mut self, list: &List) -> Flow {
        Ok(self.in_subshell(|sh| sh.run_list(list)))
    }

    /// The output of `$(…)`, without trailing newlines.
    pub fn command_substitution(&mut self, sub: &Rc<CommandSub>) -> Result<Vec<u8>, Unwind> {
        if self.bounds.inert {
            return Ok(Vec::new());
        }
        if let Some((line, message)) = &sub.error {
            let saved = self.st.line;
            self.st.line = *line;
            self.error([b"command substitution: ", message.as_bytes()].concat());
            self.st.line = saved;
            self.sub_status = Some(2);
            self.st.status = 2;
            return Ok(Vec::new());
        }
        let mut text = match single_input(&sub.list) {
            Some(command) => self.file_contents(command)?,
            None => {
                let sink = Rc::new(Desc::Sink(RefCell::default()));
                let outer_line = self.st.line;
                if !self.vars.has_environment() {
                    self.make_environment();
                }
                let status = self.in_subshell(|sh| {
                    sh.st.fds.set(1, sink.clone());
                    if !sh.st.options.inherit_errexit() && !sh.st.options.posix() {
                        sh.st.options.enable("errexit", false);
                    }
                    sh.st.subshell_level += 1;
                    let status = sh.run_list(&sub.list)?;
                    sh.drain_jobs(&sink);
                    Ok(status)
                });
                self.st.line = outer_line;
                self.sub_status = Some(status);
                self.st.status = status;
                match &*sink {
                    Desc::Sink(out) => out.take(),
                    _ => Vec::new(),
                }
            }
        };
        if text.contains(&0) {
            text.retain(|c| *c != 0);
            self.error("warning: command substitution: ignored null byte in input");
        }
        let end = text.iter().rposition(|c| *c != b'\n').map_or(0, |n| n + 1);
        text.truncate(end);
        Ok(text)
    }

    /// `$(< file)`
    fn file_contents(&mut self, command: &Rc<Command>) -> Result<Vec<u8>, Unwind> {
        let saved = self.st.fds.clone();
        self.st.line = command.line;
        let done = self.redirect_all(&command.redirects, &mut Vec::new());
        let desc = self.st.fds.get(0).cloned();
        self.st.fds = saved;
        let mut status = 1;
        let mut text = Vec::new();
        if done? && let Some(desc) = desc {
            match desc.read_to_end() {
                Ok(all) => {
                    text = all;
                    status = 0;
                }
                Err(e) => self.error([b"read error: 0: ", sys::error_text(&e).as_bytes()].concat()),
            }
        }
        self.sub_status = Some(status);
        self.st.status = status;
        Ok(text)
    }

    /// `<(…)` and `>(…)`: starts the program and gives the path of the pipe.
    pub fn process_substitution(
        &mut self,
        body: &Rc<CommandSub>,
        write: bool,
    ) -> Result<Vec<u8>, Unwind> {
        if self.bounds.inert {
            return Ok(Vec::new());
        }
        let fail = |sh: &mut Shell, e: &std::io::Error| {
            sh.error([b"process substitution: ", sys::error_text(e).as_bytes()].concat());
            Unwind::Discard(1)
        };
        let (read, out) = sys::pipe().map_err(|e| fail(self, &e))?;
        let (theirs, mine) = if write { (read, out) } else { (out, read) };
        let saved = self.st.fds.clone();
        self.st
            .fds
            .set(u32::from(!write), Rc::new(Desc::Os(theirs)));
        let mut batch = Batch::default();
        let place = self.place.clone();
        let started = match self.simple_program(&body.list) {
            Some((command, simple)) => match self.start_stage_program(&command, simple, &mut batch)
            {
                Ok(Ok(pid)) => Ok(Some(pid)),
                Ok(Err(_)) => Ok(None),
                Err(e) => {
                    self.st.fds = saved;
                    return Err(e);
                }
            },
            None => self
                .launch(
                    &Program::Instance(Task::Piece {
                        place: &place,
                        id: body.id,
                    }),
                    &mut batch,
                )
                .map(Some),
        };
        self.st.fds = saved;
        match started {
            Ok(Some(pid)) => {
                self.add_job(pid, batch);
                if let Some(job) = self.jobs.last_mut() {
                    job.consumer = write;
                }
            }
            Ok(None) => {}
            Err(e) => return Err(fail(self, &e)),
        }
        let fd = (3..=63).rev().find(|fd| self.st.fds.get(*fd).is_none());
        let Some(fd) = fd else {
            return Err(fail(self, &sys::bad_descriptor()));
        };
        self.st.fds.set(fd, Rc::new(Desc::Os(mine)));
        self.process_fds.push(fd);
        Ok(format!("/dev/fd/{fd}").into_bytes())
    }

    /// The list as one program, if it is.
    fn simple_program<'a>(
        &self,
        list: &'a List,
    ) -> Option<(Rc<Command>, &'a crate::syntax::ast::Simple)> {
        let [item] = list.items.as_slice() else {
            return None;
        };
        if item.background || !item.and_or.rest.is_empty() || item.and_or.first.negated {
            return None;
        }
        let [command] = item.and_or.first.commands.as_slice() else {
            return None;
        };
        match &command.kind {
            Kind::Simple(simple) if self.surely_external(simple) => Some((command.clone(), simple)),
            _ => None,
        }
    }

    /// Closes the pipes of process substitutions made since there were `keep` of them.
    pub fn close_process_fds(&mut self, keep: usize) {
        if self.process_fds.len() <= keep {
            return;
        }
        for fd in self.process_fds.split_off(keep) {
            self.st.fds.close(fd);
        }
    }

    /// `coproc`: two pipes and an instance.
    pub(super) fn start_coproc(&mut self, name: &[u8], body: &Rc<Command>) -> Flow {
        let pipes = sys::pipe().and_then(|a| Ok((a, sys::pipe()?)));
        let ((their_in, my_out), (my_in, their_out)) = match pipes {
            Ok(pipes) => pipes,
            Err(e) => {
                self.error([b"pipe error: ", sys::error_text(&e).as_bytes()].concat());
                return Ok(1);
            }
        };
        let saved = self.st.fds.clone();
        self.st.fds.set(0, Rc::new(Desc::Os(their_in)));
        self.st.fds.set(1, Rc::new(Desc::Os(their_out)));
        let mut batch = Batch::default();
        let place = self.place.clone();
        let started = self.launch(
            &Program::Instance(Task::Piece {
                place: &place,
                id: body.id,
            }),
            &mut batch,
        );
        self.st.fds = saved;
        let pid = match started {
            Ok(pid) => pid,
            Err(e) => return Ok(self.report_instance(&e)),
        };
        let (Some(a), Some(b)) = (self.st.fds.free_from(60), self.st.fds.free_from(61)) else {
            return Ok(1);
        };
        let (a, b) = if a == b { (a, b + 1) } else { (a, b) };
        self.st.fds.set(a, Rc::new(Desc::Os(my_in)));
        self.st.fds.set(b, Rc::new(Desc::Os(my_out)));
        let _ = self.put_array(
            name,
            [a.to_string().into_bytes(), b.to_string().into_bytes()],
        );
        self.put(&[name, b"_PID"].concat(), pid.to_string().into_bytes());
        self.add_job(pid, batch);
        Ok(0)
    }

    /// Reads a file for `source`.
    pub fn read_file(&mut self, path: &[u8]) -> std::io::Result<Vec<u8>> {
        let desc = self.open_path(
            path,
            OpenMode {
                read: true,
                ..OpenMode::default()
            },
            false,
        )?;
        desc.read_to_end()
    }
}

/// The one command of `$(< file)`.
fn single_input(list: &List) -> Option<&Rc<Command>> {
    let [item] = list.items.as_slice() else {
        return None;
    };
    if item.background || !item.and_or.rest.is_empty() || item.and_or.first.negated {
        return None;
    }
    let [command] = item.and_or.first.commands.as_slice() else {
        return None;
    };
    let Kind::Simple(simple) = &command.kind else {
        return None;
    };
    let plain = simple.words.is_empty() && simple.assigns.is_empty();
    match command.redirects.as_slice() {
        [only] if plain && matches!(only.op, RedirectOp::Read(_)) => Some(command),
        _ => None,
    }
}
