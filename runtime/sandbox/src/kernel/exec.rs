//! From a path to a module: WebAssembly, `#!` lines, applets.
//!
//! Contract: as `execve(2)`: an executable regular file; a `#!` line of at most 255 bytes names an
//! interpreter and at most one argument, five deep at most. The builder itself needs no executable
//! bit, as with Determinate Nix, whose builders are plain files.

use super::Kernel;
use crate::engine::Module;
use crate::errno::{Errno, Fail, Result};
use crate::error::{Fatal, ForeignProgram};
use crate::program::{LoadAnswer, ProgramQuery};
use crate::vfs::node::{Body, Device, FileType, NodeId};
use bstr::{BString, ByteSlice};

/// Bytes of a file that decide what it is (`BINPRM_BUF_SIZE`).
const HEAD: usize = 256;
/// Interpreters of interpreters that are followed.
const MAX_INTERPRETERS: usize = 5;
/// Largest module, in bytes.
const MAX_MODULE: u64 = 1 << 30;

/// A program ready to run.
pub struct Loaded {
    /// Its module.
    pub module: Module,
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
        argv: Vec<BString>,
        cwd: &[u8],
    ) -> Result<Loaded> {
        let start = self.vfs.resolve(self.vfs.root(), cwd, true)?.existing()?;
        let mut requested = BString::from(path);
        let mut argv = argv;
        for _ in 0..=MAX_INTERPRETERS {
            let place = self.vfs.resolve(start, &requested, true)?;
            let id = place.existing()?;
            let node = self.vfs.node(id)?;
            if node.file_type() != FileType::RegularFile || !node.permits(1) {
                return Err(Errno::Acces.into());
            }
            let shell = matches!(node.body, Body::Device(Device::Shell));
            let head = self.head(id)?;
            if head.starts_with(b"\0asm") {
                let module = self.module(id).map_err(|error| self.refuse(error))?;
                return Ok(Loaded { module, argv });
            }
            if head.starts_with(b"#!") && !shell {
                let (interpreter, argument) = parse_interpreter(&head)?;
                let mut longer = vec![interpreter.clone()];
                longer.extend(argument);
                longer.push(requested);
                longer.extend(argv.into_iter().skip(1));
                argv = longer;
                requested = interpreter;
                continue;
            }
            let canonical = self.vfs.path_of(place.parent, &place.name)?;
            let query = ProgramQuery {
                path: canonical.as_bstr(),
                requested: requested.as_bstr(),
                argv: &argv,
                head: &head,
            };
            return match self.programs.clone().load(query) {
                LoadAnswer::Run(module) => Ok(Loaded { module, argv }),
                LoadAnswer::NotAProgram => Err(Errno::Noexec.into()),
                LoadAnswer::Foreign(reason) => {
                    let parent_argv = self.process(pid).map(|it| it.argv.clone());
                    Err(Fatal::Foreign(Box::new(ForeignProgram {
                        program: canonical,
                        requested,
                        argv,
                        cwd: cwd.into(),
                        parent: pid,
                        parent_argv: parent_argv.unwrap_or_default(),
                        reason,
                    }))
                    .into())
                }
            };
        }
        Err(Errno::Loop.into())
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
            let file = self
                .vfs
                .open_input(&path)
                .map_err(|_| invalid("it cannot be opened"))?;
            return engine.module_from_file(&file);
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
        let host = match &self.vfs.node(id)?.body {
            Body::HostFile(path, _) => Some(path.clone()),
            _ => None,
        };
        let count = match host {
            Some(path) => {
                use std::os::unix::fs::FileExt;
                let file = self.vfs.open_input(&path)?;
                file.read_at(&mut head, 0)
                    .map_err(|error| Fatal::Host(format!("a program cannot be read: {error}")))?
            }
            None => self.vfs.read_at(id, 0, &mut head)?,
        };
        head.truncate(count);
        Ok(head)
    }

    /// The process says that what it was asked for is beyond it: the build ends as if it had been
    /// a foreign program.
    pub fn refusal(&mut self, pid: u32, reason: String) -> Fail {
        let (argv, cwd, parent) = match self.process(pid) {
            Ok(process) => (process.argv.clone(), process.cwd.clone(), process.parent),
            Err(fail) => return fail,
        };
        let program = argv.first().cloned().unwrap_or_default();
        let parent_argv = self.process(parent).map(|it| it.argv.clone());
        Fatal::Foreign(Box::new(ForeignProgram {
            program: program.clone(),
            requested: program,
            argv,
            cwd,
            parent,
            parent_argv: parent_argv.unwrap_or_default(),
            reason,
        }))
        .into()
    }

    /// A module that cannot run is no program; the log says why.
    fn refuse(&mut self, error: crate::EngineError) -> Fail {
        let line = format!("wasibuild: cannot run a module: {error}\n");
        match self.log.write(line.as_bytes()) {
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
