//! From a path to a module: WebAssembly, `#!` lines, applets.
//!
//! Contract: as `execve(2)`: an executable regular file; the loader may answer for each place on the
//! way to it, see [`crate::ProgramLoader::replace`]; a `#!` line of at most 255 bytes names an
//! interpreter and at most one argument, five deep at most. The builder itself needs no executable
//! bit, as with Determinate Nix, whose builders are plain files.

use super::Kernel;
use super::log::Channel;
use crate::engine::Module;
use crate::errno::{Errno, Fail, Result};
use crate::error::{Fatal, ForeignProgram, ScriptLine};
use crate::program::{LoadAnswer, ProgramLoader, ProgramQuery};
use crate::vfs::node::{Body, FileType, NodeId};
use bstr::{BString, ByteSlice};

/// Bytes of a file that decide what it is (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;
/// Interpreters of interpreters that are followed.
const MAX_INTERPRETERS: usize = 5;
/// Largest module, in bytes.
const MAX_MODULE: u64 = 1 << 30;

/// Largest script that a loader may look at, in bytes.
const MAX_TEXT: u64 = 1 << 20;
/// Most links from a program's path to its file, as on Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What a program is started with.
pub struct Start {
    /// Its arguments.
    pub argv: Vec<BString>,
    /// The script and the line that ask for it.
    pub place: Option<ScriptLine>,
}

/// What `spawn` was asked for; a `#!` line changes it.
struct Asked {
    pid: u32,
    start: NodeId,
    cwd: BString,
    requested: BString,
    argv: Vec<BString>,
    place: Option<ScriptLine>,
}

impl Asked {
    fn loaded(self, module: Module, program: BString) -> Loaded {
        Loaded {
            module,
            program,
            place: self.place,
            argv: self.argv,
        }
    }

    /// The interpreter of a script takes its place.
    fn interpret(&mut self, head: &[u8]) -> Result<()> {
        let (interpreter, argument) = parse_interpreter(head)?;
        let mut longer = vec![interpreter.clone()];
        longer.extend(argument);
        longer.push(std::mem::replace(&mut self.requested, interpreter));
        longer.extend(self.argv.drain(..).skip(1));
        self.argv = longer;
        Ok(())
    }
}

/// What a path turned out to be.
enum Step {
    /// The loader knows this place.
    Answer(BString, LoadAnswer),
    /// A file of WebAssembly.
    Module(NodeId),
    /// A script, and its head.
    Script(Vec<u8>),
    /// Another file: its place and its head.
    Other(BString, Vec<u8>),
}

/// A program ready to run.
pub struct Loaded {
    /// Its module.
    pub module: Module,
    /// The place of the program, for messages.
    pub program: BString,
    /// The script and the line that started it.
    pub place: Option<ScriptLine>,
    /// Its arguments, with those that `#!` added.
    pub argv: Vec<BString>,
}

impl Kernel {
    /// Finds what `path` (absolute, or from `cwd`) runs. `pid` asks; it is named when the program
    /// turns out to be foreign.
    ///
    /// # Errors
    /// As `execve(2)`; fatal for a foreign program.
    pub fn load_program(
        &mut self,
        pid: u32,
        path: &[u8],
        start: Start,
        cwd: &[u8],
    ) -> Result<Loaded> {
        let (place, argv) = (start.place, start.argv);
        let start = self.vfs.resolve(self.vfs.root(), cwd, true)?.existing()?;
        let mut asked = Asked {
            pid,
            start,
            cwd: cwd.into(),
            requested: path.into(),
            argv,
            place,
        };
        for _ in 0..=MAX_INTERPRETERS {
            let (canonical, answer) = match self.follow_program(&asked)? {
                Step::Answer(place, answer) => (place, answer),
                Step::Module(id) => {
                    let module = self.module(id).map_err(|error| self.refuse(error))?;
                    let program = asked.requested.clone();
                    return Ok(asked.loaded(module, program));
                }
                Step::Script(head) => {
                    asked.interpret(&head)?;
                    continue;
                }
                Step::Other(place, head) => {
                    let answer = self.ask(&asked, &place, &head, |programs, query| {
                        programs.load(query)
                    });
                    (place, answer)
                }
            };
            return match answer {
                LoadAnswer::Run(module) => Ok(asked.loaded(module, canonical)),
                LoadAnswer::RunAs(module, argv) => {
                    asked.argv = argv;
                    Ok(asked.loaded(module, canonical))
                }
                LoadAnswer::NotAProgram => Err(Errno::Noexec.into()),
                LoadAnswer::Foreign(reason) => Err(self.foreign(asked, canonical, reason)),
            };
        }
        Err(Errno::Loop.into())
    }

    /// Goes from link to link until the loader knows the place, or there is a file.
    fn follow_program(&mut self, asked: &Asked) -> Result<Step> {
        let (mut dir, mut path) = (asked.start, asked.requested.clone());
        for _ in 0..=MAX_LINKS {
            let place = self.vfs.resolve(dir, &path, false)?;
            let id = place.existing()?;
            let node = self.vfs.node(id)?;
            let link = match &node.body {
                Body::Symlink(target) => Some(target.clone()),
                // Descriptors are no programs here.
                _ if node.file_type() != FileType::RegularFile || !node.permits(1) => {
                    return Err(Errno::Acces.into());
                }
                _ => None,
            };
            let head = match link {
                Some(_) => Vec::new(),
                None => self.head(id)?,
            };
            if head.starts_with(b"\0asm") {
                return Ok(Step::Module(id));
            }
            let here = self.vfs.path_of(place.parent, &place.name)?;
            let replaced = self.ask(asked, &here, b"", |programs, query| programs.replace(query));
            match (replaced, link) {
                (Some(answer), _) => return Ok(Step::Answer(here, answer)),
                (None, Some(target)) => (dir, path) = (place.parent, target),
                (None, None) if head.starts_with(b"#!") => return Ok(Step::Script(head)),
                (None, None) => return Ok(Step::Other(here, head)),
            }
        }
        Err(Errno::Loop.into())
    }

    /// Asks the loader.
    fn ask<T>(
        &mut self,
        asked: &Asked,
        path: &BString,
        head: &[u8],
        question: impl FnOnce(&dyn ProgramLoader, ProgramQuery<'_>) -> T,
    ) -> T {
        let programs = self.programs.clone();
        let mut read = |path: &[u8]| self.read_text(asked.start, path);
        question(
            &*programs,
            ProgramQuery {
                path: path.as_bstr(),
                requested: asked.requested.as_bstr(),
                argv: &asked.argv,
                head,
                read: &mut read,
            },
        )
    }

    /// The content of a regular file of at most 1 MiB that the builder may read.
    fn read_text(&mut self, start: NodeId, path: &[u8]) -> Option<Vec<u8>> {
        let id = self.vfs.resolve(start, path, true).ok()?.existing().ok()?;
        let node = self.vfs.node(id).ok()?;
        let size = node.size();
        if node.file_type() != FileType::RegularFile || !node.permits(4) || size > MAX_TEXT {
            return None;
        }
        let mut text = vec![0; usize::try_from(size).ok()?];
        let mut done = 0;
        while let Some(rest) = text.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.bytes(id, done as u64, rest).ok()? {
                0 => return None,
                count => done += count,
            }
        }
        Some(text)
    }

    /// The end of the build: a program that only a Linux machine can run.
    fn foreign(&self, asked: Asked, program: BString, reason: String) -> Fail {
        let parent_argv = self.process(asked.pid).map(|it| it.argv.clone());
        Fatal::Foreign(Box::new(ForeignProgram {
            program,
            requested: asked.requested,
            argv: asked.argv,
            cwd: asked.cwd,
            parent: asked.pid,
            parent_argv: parent_argv.unwrap_or_default(),
            place: asked.place,
            reason,
        }))
        .into()
    }

    /// The module of the file `id`, which must be a regular file.
    pub fn module(&mut self, id: NodeId) -> Result<Module, crate::EngineError> {
        let invalid = |text: &str| crate::EngineError::Invalid(text.to_owned());
        let engine = self.engine.clone();
        let (host, size) = match self.vfs.node(id).map(|node| (&node.body, node.size())) {
            Ok((Body::HostFile(path, _), size)) => (Some(path.clone()), size),
            Ok((Body::File(_), size)) => (None, size),
            _ => return Err(invalid("it is not a regular file")),
        };
        if size > MAX_MODULE {
            return Err(invalid("it is larger than 1 GiB"));
        }
        if let Some(path) = host {
            let nar_hash = self.vfs.input_nar_hash(&path);
            let mut open = || {
                let opened = self.vfs.open_input(&path);
                opened.map_err(|_| invalid("it cannot be opened"))
            };
            return match nar_hash {
                Some(nar_hash) => engine.module_from_store(nar_hash, open),
                None => engine.module_from_file(&open()?),
            };
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(|_| invalid("it is too large"))?];
        self.vfs
            .read_at(id, 0, &mut bytes)
            .map_err(|_| invalid("it cannot be read"))?;
        engine.module(&bytes)
    }

    /// The first bytes of a file.
    fn head(&mut self, id: NodeId) -> Result<Vec<u8>> {
        let mut head = vec![0; HEAD];
        let count = self.bytes(id, 0, &mut head)?;
        head.truncate(count);
        Ok(head)
    }

    /// Bytes of a regular file that no descriptor is open for.
    fn bytes(&mut self, id: NodeId, offset: u64, into: &mut [u8]) -> Result<usize> {
        let host = match &self.vfs.node(id)?.body {
            Body::HostFile(path, _) => path.clone(),
            _ => return self.vfs.read_at(id, offset, into),
        };
        let file = self.vfs.open_input(&host)?;
        std::os::unix::fs::FileExt::read_at(&file, into, offset)
            .map_err(|error| Fatal::Host(format!("a program cannot be read: {error}")).into())
    }

    /// The process says that what it was asked for is beyond it: the build ends as if it had been
    /// a foreign program.
    pub fn refusal(&mut self, pid: u32, reason: String) -> Fail {
        let process = match self.process(pid) {
            Ok(process) => process,
            Err(fail) => return fail,
        };
        let parent_argv = self.process(process.parent).map(|it| it.argv.clone());
        Fatal::Foreign(Box::new(ForeignProgram {
            program: process.program.clone(),
            requested: process.program.clone(),
            argv: process.argv.clone(),
            cwd: process.cwd.clone(),
            parent: process.parent,
            parent_argv: parent_argv.unwrap_or_default(),
            place: process.place.clone(),
            reason,
        }))
        .into()
    }

    /// A module that cannot run is no program; the log says why.
    fn refuse(&mut self, error: crate::EngineError) -> Fail {
        let line = format!("wasibuild: cannot run a module: {error}\n");
        match self.log.write(Channel::Error, line.as_bytes()) {
            Ok(()) => Errno::Noexec.into(),
            Err(fail) => fail,
        }
    }
}

/// Interpreter and argument of a `#!` line (`fs/binfmt_script.c`).
fn parse_interpreter(head: &[u8]) -> Result<(BString, Option<BString>)> {
    let text = head.get(2..).unwrap_or_default();
    let line = match text.find_byte(b'\n') {
        Some(end) => text.get(..end).unwrap_or_default(),
        // Without its end in the head the line is too long, unless the file ends there.
        None if head.len() >= HEAD => return Err(Errno::Noexec.into()),
        None => text,
    };
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let trim = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| !blank(byte));
        let end = bytes.iter().rposition(|byte| !blank(byte));
        match (start, end) {
            (Some(start), Some(end)) => BString::from(bytes.get(start..=end).unwrap_or_default()),
            _ => BString::default(),
        }
    };
    let line = trim(line);
    let split = line.iter().position(blank).unwrap_or(line.len());
    let (interpreter, rest) = line.split_at(split);
    if interpreter.is_empty() {
        return Err(Errno::Noexec.into());
    }
    let argument = trim(rest);
    let argument = (!argument.is_empty()).then_some(argument);
    Ok((interpreter.into(), argument))
}

#[cfg(test)]
mod tests {
    use super::parse_interpreter;

    #[test]
    fn an_interpreter_line_has_one_argument_at_most() {
        let parse = |line: &str| {
            let (interpreter, argument) = parse_interpreter(line.as_bytes()).ok()?;
            Some((interpreter.to_string(), argument.map(|it| it.to_string())))
        };
        let found = |interpreter: &str, argument: Option<&str>| {
            Some((interpreter.to_owned(), argument.map(str::to_owned)))
        };
        assert_eq!(parse("#!/bin/sh\nx"), found("/bin/sh", None));
        assert_eq!(parse("#! /bin/sh -e \n"), found("/bin/sh", Some("-e")));
        assert_eq!(parse("#!/b\t-a  b"), found("/b", Some("-a  b")));
        assert_eq!(parse("#! \n"), None);
        assert_eq!(parse(&format!("#!/{}", "x".repeat(300))), None);
    }
}
