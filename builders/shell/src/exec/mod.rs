//! Runs the syntax tree: lists, conditions, loops. `errexit` and the ERR trap look at the status of
//! simple commands, pipelines, subshells, `((…))` and `[[…]]`, and keep quiet where a status is
//! tested (bash(1) `set -e`): [`State::quiet`](crate::state::State) counts those contexts.

pub mod assign;
pub mod call;
pub mod codec;
mod compound;
pub mod cond;
mod external;
pub mod image;
mod import;
pub mod inert;
pub mod launch;
pub mod lookup;
pub mod outline;
pub mod path;
mod pipeline;
pub mod recollect;
mod redirect;
pub mod regexes;
pub mod script;
mod simple;
pub mod subshell;
pub mod trace;
pub mod trap;

use std::rc::Rc;

use crate::state::{Flow, Shell, TRAP_ERR, Unwind};
use crate::syntax::ast::{AndOr, Command, Connector, Item, Kind, List, Pipeline};

impl Shell {
    pub fn run_list(&mut self, list: &List) -> Flow {
        let mut status = 0;
        for item in &list.items {
            status = self.run_item(item)?;
        }
        Ok(status)
    }

    fn run_item(&mut self, item: &Item) -> Flow {
        if self.st.options.noexec() {
            return Ok(0);
        }
        if item.background {
            return self.run_background(&item.and_or);
        }
        self.run_and_or(&item.and_or)
    }

    pub fn run_and_or(&mut self, and_or: &AndOr) -> Flow {
        if and_or.rest.is_empty() {
            return self.run_pipeline(&and_or.first);
        }
        let mut status = self.quietly(|sh| sh.run_pipeline(&and_or.first))?;
        let last = and_or.rest.len() - 1;
        for (at, (connector, pipeline)) in and_or.rest.iter().enumerate() {
            if (status == 0) != (*connector == Connector::And) {
                continue;
            }
            status = if at == last {
                self.run_pipeline(pipeline)?
            } else {
                self.quietly(|sh| sh.run_pipeline(pipeline))?
            };
        }
        Ok(status)
    }

    /// Runs where a failing status ends nothing.
    pub fn quietly<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Unwind>,
    ) -> Result<T, Unwind> {
        let before = self.st.quiet;
        self.st.quiet += 1;
        let result = run(self);
        self.st.quiet = before;
        self.quiet_discard = matches!(result, Err(Unwind::Discard(_)));
        result
    }

    fn run_pipeline(&mut self, pipeline: &Pipeline) -> Flow {
        let clock = pipeline
            .timed
            .map(|posix| (posix, crate::sys::now(), crate::sys::times()));
        let result = if !pipeline.negated {
            self.run_commands(pipeline, true)
        } else if self.st.options.errexit() {
            self.quietly(|sh| sh.run_commands(pipeline, false))
        } else {
            // As in bash a `set -e` inside counts then.
            self.run_commands(pipeline, false)
        };
        let negate = |status| match pipeline.negated {
            true => i32::from(status == 0),
            false => status,
        };
        let result = result.map(negate);
        if let Some((posix, start, cpu)) = clock {
            self.report_time(posix, start, cpu);
        }
        let status = result?;
        self.st.status = status;
        // Of these two bash takes the status when it is negated already.
        if pipeline.negated
            && let [only] = pipeline.commands.as_slice()
            && matches!(only.kind, Kind::Cond(_) | Kind::Arith(_))
        {
            self.set_pipe_status(status);
        }
        Ok(status)
    }

    /// What `PIPESTATUS` is after a command that is no pipeline.
    fn set_pipe_status(&mut self, status: i32) {
        match Rc::get_mut(&mut self.st.pipe_status).map(Vec::as_mut_slice) {
            Some([only]) => *only = status,
            _ => self.st.pipe_status = Rc::new(vec![status]),
        }
    }

    /// `check`: a failure counts for `errexit` and the ERR trap.
    fn run_commands(&mut self, pipeline: &Pipeline, check: bool) -> Flow {
        match pipeline.commands.as_slice() {
            [] => Ok(0),
            [only] => {
                let status = self.run_command(only)?;
                self.st.status = status;
                if !is_compound_without_check(&only.kind) {
                    self.set_pipe_status(status);
                    if check {
                        self.check_failure(status)?;
                    }
                }
                Ok(status)
            }
            many => {
                let status = self.run_stages(many)?;
                self.st.line = many.last().map_or(self.st.line, |c| c.line);
                self.st.status = status;
                if check {
                    self.check_failure(status)?;
                }
                Ok(status)
            }
        }
    }

    /// The ERR trap and `errexit`, for a command that failed.
    pub fn check_failure(&mut self, status: i32) -> Result<(), Unwind> {
        if status == 0 || self.st.quiet > 0 {
            return Ok(());
        }
        self.run_trap_quick(TRAP_ERR)?;
        if self.st.options.errexit() {
            return Err(Unwind::Exit(status));
        }
        Ok(())
    }

    /// Runs one command with its redirections.
    pub fn run_command(&mut self, command: &Rc<Command>) -> Flow {
        self.poll_signals()?;
        if crate::stack::is_used_up() {
            self.st.line = command.line;
            self.error("commands nested too deeply: the stack is used up");
            return Err(Unwind::Exit(2));
        }
        self.run_command_kind(command)
    }

    fn run_command_kind(&mut self, command: &Rc<Command>) -> Flow {
        crate::witness::command();
        self.st.line = command.line;
        if let Kind::Simple(simple) = &command.kind {
            return self.run_simple(simple, command);
        }
        if self.st.options.noexec() {
            return Ok(0);
        }
        if command.redirects.is_empty() {
            return self.run_compound(command);
        }
        let mut undo = Vec::new();
        let processes = self.process_fds.len();
        let result = match self.redirect_all(&command.redirects, &mut undo) {
            Ok(true) => self.run_compound(command),
            Ok(false) => {
                self.st.status = 1;
                self.check_failure(1).map(|()| 1)
            }
            Err(e) => Err(e),
        };
        self.undo_redirects(undo);
        self.close_process_fds(processes);
        result
    }

    fn report_time(&mut self, posix: bool, start: (i64, u32), cpu: [i64; 4]) {
        let end = crate::sys::now();
        let now = crate::sys::times();
        let real = (end.0 - start.0) * 1_000_000 + (i64::from(end.1) - i64::from(start.1)) / 1000;
        let user = now[0] + now[2] - cpu[0] - cpu[2];
        let system = now[1] + now[3] - cpu[1] - cpu[3];
        let text = if posix {
            let show = |micros: i64| format!("{}.{:02}", micros / 1_000_000, micros / 10_000 % 100);
            format!(
                "real {}\nuser {}\nsys {}\n",
                show(real),
                show(user),
                show(system)
            )
        } else {
            let show = |micros: i64| {
                format!(
                    "{}m{}.{:03}s",
                    micros / 60_000_000,
                    micros / 1_000_000 % 60,
                    micros / 1000 % 1000
                )
            };
            format!(
                "\nreal\t{}\nuser\t{}\nsys\t{}\n",
                show(real),
                show(user),
                show(system)
            )
        };
        self.warn(text.as_bytes());
    }
}

/// Compound commands whose parts were looked at already.
fn is_compound_without_check(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Group(_)
            | Kind::If { .. }
            | Kind::While { .. }
            | Kind::For { .. }
            | Kind::Select { .. }
            | Kind::ArithFor { .. }
            | Kind::Case { .. }
    )
}
