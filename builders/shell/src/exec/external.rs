//! Programs in the foreground, `exec`, and background lists.

use std::io;
use std::rc::Rc;

use super::image::Task;
use super::launch::{Batch, Program};
use crate::state::fds::Desc;
use crate::state::{Flow, Shell, Unwind};
use crate::syntax::ast::{AndOr, Kind};
use crate::sys::{self, FileKind, OpenMode, Pid};

impl Shell {
    /// Runs a program and waits for it.
    pub fn run_external(&mut self, args: Vec<Vec<u8>>) -> Flow {
        let mut batch = Batch::default();
        match self.start_program(&args, &mut batch)? {
            Ok(pid) => {
                batch.finish();
                let status = self.wait_for(pid);
                self.poll_signals()?;
                Ok(status)
            }
            Err(status) => Ok(status),
        }
    }

    /// Starts a program; `Err`: the status of not being able to, which was reported.
    pub fn start_program(
        &mut self,
        args: &[Vec<u8>],
        batch: &mut Batch,
    ) -> Result<Result<Pid, i32>, Unwind> {
        let Some(name) = args.first() else {
            return Ok(Err(0));
        };
        let Some(path) = self.find_program(name) else {
            if let Some(handler) = self
                .st
                .functions
                .get(&b"command_not_found_handle"[..])
                .cloned()
            {
                let mut call = vec![b"command_not_found_handle".to_vec()];
                call.extend(args.iter().cloned());
                let status = self.in_subshell(|sh| sh.call_function(&handler, call, false));
                return Ok(Err(status));
            }
            self.error([name.as_slice(), b": command not found"].concat());
            return Ok(Err(127));
        };
        match self.launch(
            &Program::File {
                path: &path,
                argv: args,
                called: Some(&path),
            },
            batch,
        ) {
            Ok(pid) => Ok(Ok(pid)),
            Err(e) if sys::is_not_executable_format(&e) => self.start_script(&path, args, batch),
            Err(e) => Ok(Err(self.report_start(name, &path, &e))),
        }
    }

    fn report_start(&mut self, name: &[u8], path: &[u8], error: &io::Error) -> i32 {
        let absolute = self.absolute(path);
        if sys::stat(&absolute, true).is_ok_and(|s| s.kind == FileKind::Directory) {
            self.error([name, b": Is a directory"].concat());
            return 126;
        }
        let missing =
            error.kind() == io::ErrorKind::NotFound && sys::stat(&absolute, true).is_err();
        if missing {
            let text: &[u8] = if name.contains(&b'/') {
                b": No such file or directory"
            } else {
                b": command not found"
            };
            self.error([name, text].concat());
            return 127;
        }
        if error.kind() == io::ErrorKind::NotFound {
            self.error([name, b": cannot execute: required file not found"].concat());
            return 127;
        }
        self.error([name, b": ", sys::error_text(error).as_bytes()].concat());
        126
    }

    /// A file that is no program: text is run by this shell.
    fn start_script(
        &mut self,
        path: &[u8],
        args: &[Vec<u8>],
        batch: &mut Batch,
    ) -> Result<Result<Pid, i32>, Unwind> {
        let head = match sys::open(
            &self.absolute(path),
            OpenMode {
                read: true,
                ..OpenMode::default()
            },
        ) {
            Ok(handle) => {
                let mut head = vec![0; 80];
                let n = sys::read(&handle, &mut head).unwrap_or(0);
                head.truncate(n);
                head
            }
            Err(_) => Vec::new(),
        };
        let first = head.split(|c| *c == b'\n').next().unwrap_or_default();
        if first.contains(&0) {
            self.error([path, b": cannot execute binary file: Exec format error"].concat());
            return Ok(Err(126));
        }
        let mut argv = vec![args.first().cloned().unwrap_or_default(), path.to_vec()];
        argv.extend(args.iter().skip(1).cloned());
        match self.launch(
            &Program::File {
                path: &sys::own_program(),
                argv: &argv,
                called: Some(path),
            },
            batch,
        ) {
            Ok(pid) => Ok(Ok(pid)),
            Err(e) => Ok(Err(self.report_start(path, path, &e))),
        }
    }

    /// `list &`
    pub(super) fn run_background(&mut self, and_or: &Rc<AndOr>) -> Flow {
        let mut batch = Batch::default();
        let fds = self.st.fds.clone();
        if let Ok(null) = sys::open(
            b"/dev/null",
            OpenMode {
                read: true,
                ..OpenMode::default()
            },
        ) {
            self.st.fds.set(0, Rc::new(Desc::Os(null)));
        }
        let direct = match and_or.first.commands.as_slice() {
            [only]
                if and_or.rest.is_empty()
                    && !and_or.first.negated
                    && and_or.first.timed.is_none() =>
            {
                match &only.kind {
                    Kind::Simple(simple) => Some((only, simple)),
                    _ => None,
                }
            }
            _ => None,
        };
        let mut started = None;
        if let Some((command, simple)) = direct
            && self.surely_external(simple)
        {
            started = Some(self.start_stage_program(command, simple, &mut batch)?);
        }
        let started = match started {
            Some(s) => s,
            None => {
                let place = self.place.clone();
                let task = Task::Piece {
                    place: &place,
                    id: and_or.id,
                };
                self.launch(&Program::Instance(task), &mut batch)
                    .map_err(|e| self.report_instance(&e))
            }
        };
        self.st.fds = fds;
        match started {
            Ok(pid) => {
                self.add_job(pid, batch);
                Ok(0)
            }
            Err(_) => {
                // bash has forked by then: the list counts as started.
                Ok(0)
            }
        }
    }

    /// Reports that another instance could not be started; gives the status.
    pub fn report_instance(&mut self, error: &io::Error) -> i32 {
        self.error([b"fork: ", sys::error_text(error).as_bytes()].concat());
        254
    }
}

impl Shell {
    /// Starts a program whose path is known under another name (`exec -a`).
    pub fn start_program_as(
        &mut self,
        path: &[u8],
        args: &[Vec<u8>],
        name: Vec<u8>,
        batch: &mut Batch,
    ) -> Result<Result<Pid, i32>, Unwind> {
        let mut argv = args.to_vec();
        if let Some(first) = argv.first_mut() {
            *first = name;
        }
        let program = Program::File {
            path,
            argv: &argv,
            called: None,
        };
        match self.launch(&program, batch) {
            Ok(pid) => Ok(Ok(pid)),
            Err(e) if sys::is_not_executable_format(&e) => self.start_script(path, args, batch),
            Err(e) => Ok(Err(self.report_start(path, path, &e))),
        }
    }
}
