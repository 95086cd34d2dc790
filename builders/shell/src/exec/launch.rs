//! Starting programs and other instances of the shell. Descriptors that live in memory are turned
//! into pipes here: text to read is written into one ahead, what a command substitution collects
//! is read from one afterwards ([`Batch::finish`]).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::image::{self, Task};
use crate::state::fds::{Desc, Text};
use crate::state::{Job, Shell};
use crate::sys::{self, Handle, Pid, Spawn};

/// What collects, the pipe's read end, its write end.
type Sink = (Rc<Desc>, Rc<Desc>, Option<Rc<Desc>>);

/// Starts a program with arguments and descriptors.
type Start<'a> = dyn FnMut(&[Vec<u8>], &[(u32, Rc<Desc>)]) -> io::Result<Pid> + 'a;

/// Pipes of processes that are started together.
#[derive(Debug, Default)]
pub struct Batch {
    sinks: Vec<Sink>,
}

impl Batch {
    fn write_end(&mut self, sink: &Rc<Desc>) -> io::Result<Rc<Desc>> {
        if let Some((_, _, Some(write))) = self.sinks.iter().find(|(s, ..)| Rc::ptr_eq(s, sink)) {
            return Ok(write.clone());
        }
        let (read, write) = sys::pipe()?;
        let write = Rc::new(Desc::Os(write));
        self.sinks
            .push((sink.clone(), Rc::new(Desc::Os(read)), Some(write.clone())));
        Ok(write)
    }

    /// Closes this side's write ends: all processes are started.
    pub fn close(&mut self) {
        for (_, _, write) in &mut self.sinks {
            *write = None;
        }
    }

    /// Collects all output. Ends when every process has closed its end.
    pub fn finish(mut self) {
        self.close();
        for (sink, read, _) in self.sinks {
            drain(&read, &sink);
        }
    }

    /// Leaves collecting for later, with the job.
    pub fn into_drain(mut self) -> Option<(Rc<Desc>, Rc<Desc>)> {
        self.close();
        self.sinks.pop().map(|(sink, read, _)| (read, sink))
    }
}

/// Moves everything from a pipe into what collects.
pub fn drain(read: &Desc, sink: &Desc) {
    // Most of what is collected is short.
    let mut buffer = vec![0; 1 << 12];
    loop {
        match read.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                if let Desc::Sink(out) = sink {
                    out.borrow_mut()
                        .extend_from_slice(buffer.get(..n).unwrap_or_default());
                }
                if n == buffer.len() && n < sys::PIPE_ROOM {
                    buffer.resize(sys::PIPE_ROOM, 0);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// What to start.
pub enum Program<'a> {
    /// A file, with its arguments.
    File {
        path: &'a [u8],
        argv: &'a [Vec<u8>],
        /// What `_` says in its environment.
        called: Option<&'a [u8]>,
    },
    /// Another instance of this shell.
    Instance(Task<'a>),
}

impl Shell {
    /// Starts a program or an instance with the shell's descriptors.
    pub fn launch(&mut self, program: &Program, batch: &mut Batch) -> io::Result<Pid> {
        let mut list: Vec<(u32, Rc<Desc>)> = Vec::new();
        let mut writers: Vec<(Rc<Desc>, Vec<u8>)> = Vec::new();
        let table: Vec<(u32, Rc<Desc>)> = self
            .st
            .fds
            .iter()
            .map(|(fd, desc)| (fd, desc.clone()))
            .collect();
        let mut made: Vec<(Rc<Desc>, Rc<Desc>)> = Vec::new();
        for (fd, desc) in table {
            if let Some((_, real)) = made.iter().find(|(d, _)| Rc::ptr_eq(d, &desc)) {
                list.push((fd, real.clone()));
                continue;
            }
            let real = match &*desc {
                Desc::Os(_) => desc.clone(),
                Desc::Sink(_) => batch.write_end(&desc)?,
                Desc::Text(text) => {
                    let mut text = text.borrow_mut();
                    match &*text {
                        Text::Pipe(read) => read.clone(),
                        Text::Memory(whole, at) => {
                            // From now on who reads takes it from the others, as in a pipe.
                            let rest = whole.get(*at..).unwrap_or_default();
                            let (read, write) = sys::pipe()?;
                            let (read, write) = (Rc::new(Desc::Os(read)), Rc::new(Desc::Os(write)));
                            if rest.len() <= sys::PIPE_ROOM {
                                write_all(&write, rest)?;
                            } else {
                                writers.push((write, rest.to_vec()));
                            }
                            *text = Text::Pipe(read.clone());
                            read
                        }
                    }
                }
            };
            made.push((desc, real.clone()));
            list.push((fd, real));
        }
        let env = match program {
            Program::File { called, .. } => self.environment(*called),
            Program::Instance(_) => Rc::default(),
        };
        let ignored = self.ignored_signals();
        let start = |program: &[u8],
                     argv: &[Vec<u8>],
                     list: &[(u32, Rc<Desc>)],
                     env: &[Vec<u8>]|
         -> io::Result<Pid> {
            let fds: Vec<(u32, &Handle)> = list
                .iter()
                .filter_map(|(fd, d)| {
                    if let Desc::Os(h) = &**d {
                        Some((*fd, h))
                    } else {
                        None
                    }
                })
                .collect();
            sys::spawn(&Spawn {
                program,
                argv,
                env,
                cwd: &self.st.cwd,
                fds: &fds,
                umask: self.st.umask,
                ignored: &ignored,
                place: (&self.source_name(), self.st.line),
            })
        };
        let pid = match program {
            // As it was found: a script sees this as its own path.
            Program::File { path, argv, .. } => start(path, argv, &list, &env)?,
            Program::Instance(task) => {
                let state = image::encode(self, task);
                start_instance(&state, &mut list, &mut |argv, list| {
                    start(&sys::own_program(), argv, list, &[])
                })?
            }
        };
        drop(list);
        // Long texts are written by instances of their own: this one must not block.
        for (write, text) in writers {
            let state = image::encode_writer(&text);
            let mut list = vec![(1, write)];
            start_instance(&state, &mut list, &mut |argv, list| {
                start(&sys::own_program(), argv, list, &[])
            })?;
        }
        Ok(pid)
    }

    /// Waits for a process that this shell started; gives its status.
    pub fn wait_for(&mut self, pid: Pid) -> i32 {
        loop {
            match sys::wait(Some(pid), false) {
                Ok(Some((_, status))) => return status,
                Ok(None) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                    let _ = self.poll_signals();
                }
                Err(_) => return 127,
            }
        }
    }

    /// Notes a process that runs in the background.
    pub fn add_job(&mut self, pid: Pid, batch: Batch) {
        self.st.background = Some(pid);
        self.jobs.push(Job {
            pid,
            status: None,
            drain: batch.into_drain(),
            consumer: false,
        });
    }

    /// At the end of the shell: waits for what reads its output (`exec > >(tee log)`). bash does not,
    /// and the output may be lost; here it always would, since a build ends with its first process.
    pub fn await_consumers(&mut self) {
        let pids: Vec<Pid> = self
            .jobs
            .iter()
            .filter(|j| j.consumer)
            .map(|j| j.pid)
            .collect();
        if pids.is_empty() {
            return;
        }
        self.close_process_fds(0);
        self.st.fds = Default::default();
        for pid in pids {
            self.wait_job(pid);
        }
    }

    /// Waits for a job; `None` if it is not this shell's.
    pub fn wait_job(&mut self, pid: Pid) -> Option<i32> {
        let at = self.jobs.iter().position(|j| j.pid == pid)?;
        if let Some((read, sink)) = self.jobs.get_mut(at).and_then(|j| j.drain.take()) {
            drain(&read, &sink);
        }
        if let Some(status) = self.jobs.get(at).and_then(|j| j.status) {
            return Some(status);
        }
        let status = self.wait_for(pid);
        if let Some(job) = self.jobs.get_mut(at) {
            job.status = Some(status);
        }
        Some(status)
    }

    /// Collects what background jobs wrote for a command substitution that ends.
    pub fn drain_jobs(&mut self, sink: &Rc<Desc>) {
        for job in &mut self.jobs {
            if job.drain.as_ref().is_some_and(|(_, s)| Rc::ptr_eq(s, sink))
                && let Some((read, sink)) = job.drain.take()
            {
                drain(&read, &sink);
            }
        }
    }
}

fn write_all(desc: &Desc, text: &[u8]) -> io::Result<()> {
    let Desc::Os(handle) = desc else {
        return Err(sys::bad_descriptor());
    };
    let mut rest = text;
    while !rest.is_empty() {
        match sys::write(handle, rest) {
            Ok(n) => rest = rest.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Starts an instance, which reads its state from a pipe.
fn start_instance(
    state: &[u8],
    list: &mut Vec<(u32, Rc<Desc>)>,
    start: &mut Start<'_>,
) -> io::Result<Pid> {
    let (read, write) = sys::pipe()?;
    let fd = (3..=super::super::state::fds::MAX_FD)
        .rev()
        .find(|fd| !list.iter().any(|(n, _)| n == fd))
        .ok_or_else(sys::bad_descriptor)?;
    list.push((fd, Rc::new(Desc::Os(read))));
    let argv = vec![
        b"bash".to_vec(),
        image::INSTANCE_FLAG.to_vec(),
        fd.to_string().into_bytes(),
    ];
    let pid = start(&argv, list)?;
    list.pop();
    let write = Desc::Os(write);
    // A child that is gone already cannot take its state: its status tells.
    match write_all(&write, state) {
        Err(e) if !sys::is_broken_pipe(&e) => Err(e),
        _ => Ok(pid),
    }
}

/// Text to read as a descriptor.
pub fn text_desc(text: Vec<u8>) -> Rc<Desc> {
    Rc::new(Desc::Text(RefCell::new(Text::Memory(text.into(), 0))))
}
