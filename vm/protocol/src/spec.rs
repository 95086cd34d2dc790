//! A build's description: everything that decides its result, and its bounds.
//!
//! Contract: names are checked when they are read, so that no name can lead the agent out of the
//! directory that it is for.

use bstr::BString;

use crate::fields::{Put, Take};
use crate::{ProtocolError, Result};

/// The longest name of a file, in bytes.
const MAX_NAME: usize = 255;

/// What one build may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of all its processes together and of the files that it writes, in bytes; 0: whatever the machine has.
    pub memory: u64,
    /// What it may write, in bytes.
    pub scratch: u64,
    /// How many files, directories and links it may have at a time.
    pub files: u64,
    /// How many processes it may have at a time.
    pub processes: u64,
    /// How many descriptors a process may have.
    pub open_files: u64,
}

/// A store path that a build sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// Its base name.
    pub name: BString,
    /// Where it lies, an absolute path: for a supervisor on the host, for the agent in the guest.
    pub place: BString,
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSpec {
    /// The derivation's name, for messages.
    pub name: BString,
    /// The program, an absolute path.
    pub builder: BString,
    /// Its arguments, its own name first.
    pub arguments: Vec<BString>,
    /// Its variables, as `execve` gets them apart from the `=`.
    pub environment: Vec<(BString, BString)>,
    /// Files in `/build`: names and contents.
    pub files: Vec<(BString, BString)>,
    /// The store paths that it sees.
    pub inputs: Vec<Input>,
    /// Its outputs: names, and base names of the store paths.
    pub outputs: Vec<(BString, BString)>,
    /// The program that is `/bin/sh`, an absolute path.
    pub shell: Option<BString>,
    /// Whether it gets the network.
    pub network: bool,
    /// Whether it gets `/dev/kvm`.
    pub kvm: bool,
    /// Whether somebody types: then standard input is a terminal.
    pub interactive: bool,
    /// Whether what it leaves is to be sent if it fails by itself: `/build` and outputs, as outputs are.
    pub keep_failed: bool,
    /// Bounds.
    pub limits: Limits,
}

impl BuildSpec {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut put = Put::default();
        let one = |put: &mut Put, item: &BString| {
            put.string(item);
        };
        let pair = |put: &mut Put, (name, value): &(BString, BString)| {
            put.string(name).string(value);
        };
        put.string(&self.name)
            .string(&self.builder)
            .list(&self.arguments, one)
            .list(&self.environment, pair)
            .list(&self.files, pair)
            .list(&self.inputs, |put, input| {
                put.string(&input.name).string(&input.place);
            })
            .list(&self.outputs, pair)
            .list(self.shell.as_slice(), one)
            .flag(self.network)
            .flag(self.kvm)
            .flag(self.interactive)
            .flag(self.keep_failed)
            .number(self.limits.memory)
            .number(self.limits.scratch)
            .number(self.limits.files)
            .number(self.limits.processes)
            .number(self.limits.open_files)
            .end()
    }

    pub(crate) fn read(content: &[u8]) -> Result<Self> {
        let mut take = Take::new(content);
        let pair = |take: &mut Take<'_>, what| -> Result<(BString, BString)> {
            Ok((take.string(what)?, take.string(what)?))
        };
        let spec = BuildSpec {
            name: text(take.string("a build's name")?, "a build's name")?,
            builder: absolute(take.string("the builder")?, "the builder")?,
            arguments: take.list("the arguments", |take| {
                text(take.string("an argument")?, "an argument")
            })?,
            environment: take.list("the variables", |take| {
                let (name, value) = pair(take, "a variable")?;
                if name.is_empty() || name.contains(&b'=') {
                    return Err(ProtocolError::malformed("a variable", "no name"));
                }
                Ok((text(name, "a variable")?, text(value, "a variable")?))
            })?,
            files: take.list("the files", |take| {
                let (name, contents) = pair(take, "a file")?;
                Ok((file_name(name, "a file")?, contents))
            })?,
            inputs: take.list("the inputs", |take| {
                let (name, place) = pair(take, "an input")?;
                Ok(Input {
                    name: file_name(name, "an input")?,
                    place: absolute(place, "the place of an input")?,
                })
            })?,
            outputs: take.list("the outputs", |take| {
                let (name, base) = pair(take, "an output")?;
                Ok((file_name(name, "an output")?, file_name(base, "an output")?))
            })?,
            shell: {
                let mut shells = take.list("the shell", |take| {
                    absolute(take.string("the shell")?, "the shell")
                })?;
                if shells.len() > 1 {
                    return Err(ProtocolError::malformed("the shell", "more than one"));
                }
                shells.pop()
            },
            network: take.flag("whether there is a network")?,
            kvm: take.flag("whether there is KVM")?,
            interactive: take.flag("whether somebody types")?,
            keep_failed: take.flag("whether what is left is kept")?,
            limits: Limits {
                memory: take.number("the bound of memory")?,
                scratch: take.number("the bound of scratch space")?,
                files: take.number("the bound of files")?,
                processes: take.number("the bound of processes")?,
                open_files: take.number("the bound of descriptors")?,
            },
        };
        take.end("a build")?;
        Ok(spec)
    }
}

/// Bytes that the kernel can take as a string.
pub(crate) fn text(bytes: BString, what: &'static str) -> Result<BString> {
    if bytes.contains(&0) {
        return Err(ProtocolError::malformed(what, "a zero byte in it"));
    }
    Ok(bytes)
}

fn absolute(bytes: BString, what: &'static str) -> Result<BString> {
    if !bytes.starts_with(b"/") {
        return Err(ProtocolError::malformed(what, "no absolute path"));
    }
    text(bytes, what)
}

/// The name of a directory's entry.
pub(crate) fn file_name(bytes: BString, what: &'static str) -> Result<BString> {
    let problem = match bytes.as_slice() {
        b"" => "no name",
        b"." | b".." => "a name that is a way",
        name if name.contains(&b'/') => "a slash in a name",
        name if name.len() > MAX_NAME => "a name that is too long",
        _ => return text(bytes, what),
    };
    Err(ProtocolError::malformed(what, problem))
}
