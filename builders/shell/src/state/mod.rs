//! The shell's state. [`State`] is what a subshell copies; copying is cheap, for everything big in
//! it is shared until changed. Variables have a journal of their own ([`vars`]).

pub mod assign;
pub mod environment;
pub mod fds;
pub mod options;
pub mod special;
pub mod value;
pub mod vars;

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::arith::Expr;
use crate::syntax::Flags;
use crate::syntax::ast::{Command, Place, Source};
use crate::sys::Pid;
use crate::witness;
use fds::{Desc, Fds};
use options::Options;
use value::PlainMap;
use vars::Vars;

/// Why commands are left before their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwind {
    Break(u32),
    Continue(u32),
    Return(i32),
    Exit(i32),
    /// An error in an expansion: the current top-level command ends, a subshell altogether.
    Discard(i32),
}

/// A status, or why there is none.
pub type Flow = Result<i32, Unwind>;

/// Functions by name.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    /// With their number in order of definition, which a new body does not change.
    functions: PlainMap<Vec<u8>, (u64, Rc<Function>)>,
    next: u64,
}

impl Functions {
    pub fn get(&self, name: &[u8]) -> Option<&Rc<Function>> {
        witness::function(name);
        self.functions.get(name).map(|(_, function)| function)
    }

    /// As [`Self::get`], for who does not run the script.
    pub fn at_rest(&self, name: &[u8]) -> Option<&Function> {
        self.functions.get(name).map(|(_, function)| &**function)
    }

    /// The function's number in order of definition.
    pub fn age(&self, name: &[u8]) -> Option<u64> {
        self.functions.get(name).map(|(number, _)| *number)
    }

    pub fn contains_key(&self, name: &[u8]) -> bool {
        witness::function(name);
        self.functions.contains_key(name)
    }

    pub fn insert(&mut self, name: Vec<u8>, function: Rc<Function>) {
        witness::function(&name);
        let next = self.next;
        let entry = self.functions.entry(name);
        entry
            .and_modify(|(_, old)| *old = function.clone())
            .or_insert((next, function));
        self.next += 1;
    }

    pub fn remove(&mut self, name: &[u8]) {
        witness::function(name);
        self.functions.remove(name);
    }

    /// All functions, by name.
    pub fn ordered(&self) -> Vec<(&Vec<u8>, &Rc<Function>)> {
        let mut list = self.by_age();
        list.sort_unstable_by_key(|(name, _)| *name);
        list
    }

    /// Is one of them exported?
    pub fn any_exported(&self) -> bool {
        self.functions.values().any(|(_, it)| it.exported)
    }

    /// All functions, the oldest first.
    pub fn by_age(&self) -> Vec<(&Vec<u8>, &Rc<Function>)> {
        witness::spoil();
        let mut list: Vec<_> = self.functions.iter().collect();
        list.sort_unstable_by_key(|(_, (number, _))| *number);
        list.into_iter()
            .map(|(name, (_, function))| (name, function))
            .collect()
    }
}

/// A function: where it was parsed, and its body once it was needed.
#[derive(Debug, Clone)]
pub struct Function {
    pub place: Rc<Place>,
    /// Number of the body in its unit.
    pub id: u32,
    pub body: std::cell::OnceCell<Rc<Command>>,
    pub exported: bool,
}

impl Function {
    /// Were both parsed from the same place of the same text?
    pub fn is_same(&self, other: &Function) -> bool {
        let (place, others) = (&*self.place, &*other.place);
        let same_source = || {
            Rc::ptr_eq(&place.source, &others.source)
                || place.source.name == others.source.name
                    && place.source.text == others.source.text
        };
        let numbers = |place: &Place| (place.start, place.end, place.line, place.flags);
        self.id == other.id
            && self.exported == other.exported
            && numbers(place) == numbers(others)
            && same_source()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameKind {
    Function,
    Source,
}

/// One level of `FUNCNAME`, `BASH_SOURCE`, `BASH_LINENO`.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: FrameKind,
    pub name: Rc<[u8]>,
    pub source: Rc<[u8]>,
    /// Line of the call.
    pub line: u32,
    /// Number of arguments, for `BASH_ARGC`.
    pub args: Rc<Vec<Vec<u8>>>,
}

#[derive(Debug, Clone, Default)]
pub struct Trap {
    pub action: Rc<[u8]>,
    /// Set by the parent of a subshell: listed, not run.
    pub inherited: bool,
}

/// The command that `BASH_COMMAND` names: its text is only made when it is asked for.
#[derive(Debug, Clone)]
pub enum CommandText {
    Text(Rc<[u8]>),
    /// A command and its source.
    Command(Rc<Command>, Rc<Source>),
}

impl Default for CommandText {
    fn default() -> CommandText {
        CommandText::Text(Rc::from(&b""[..]))
    }
}

impl CommandText {
    pub fn text(&self) -> Rc<[u8]> {
        match self {
            CommandText::Text(text) => text.clone(),
            CommandText::Command(command, source) => {
                crate::syntax::print::command_text(command, source).into()
            }
        }
    }
}

/// Numbers of the traps that are no signals.
pub const TRAP_EXIT: i32 = 0;
pub const TRAP_DEBUG: i32 = 1000;
pub const TRAP_ERR: i32 = 1001;
pub const TRAP_RETURN: i32 = 1002;

/// What a subshell gets a copy of.
#[derive(Debug, Clone)]
pub struct State {
    pub functions: Rc<Functions>,
    /// Words of the environment whose names are no names: programs get them, the script cannot.
    pub nameless: Rc<Vec<Vec<u8>>>,
    pub options: Options,
    pub positional: Rc<Vec<Vec<u8>>>,
    pub arg0: Rc<[u8]>,
    /// What error messages begin with.
    pub script: Rc<[u8]>,
    pub traps: Rc<BTreeMap<i32, Trap>>,
    pub cwd: Rc<[u8]>,
    pub umask: u32,
    pub fds: Fds,
    pub frames: Vec<Frame>,
    pub status: i32,
    pub pipe_status: Rc<Vec<i32>>,
    pub background: Option<Pid>,
    pub dir_stack: Rc<Vec<Vec<u8>>>,
    pub hashed: Rc<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub disabled: Rc<Vec<Vec<u8>>>,
    pub line: u32,
    pub subshell: u32,
    /// Nesting of command substitutions, for the trace.
    pub subshell_level: u32,
    /// Depth of contexts in which `errexit` and the ERR trap keep quiet.
    pub quiet: u32,
    pub loops: u32,
    /// `getopts`: position inside a cluster of options.
    pub getopts: (i64, usize),
    pub random: u32,
    /// What `BASH_COMMAND` says.
    pub command: CommandText,
    pub last_arg: Vec<u8>,
    pub utf8: bool,
    /// How the shell was started, for `$-`: `c` or `s`.
    pub start_letter: u8,
    /// The `-c` form of error messages: `bash: line 1:`.
    pub pid: u32,
    pub shell_pid: u32,
    pub readonly_functions: Rc<Vec<Vec<u8>>>,
    /// Names of dynamic variables that lost their meaning by `unset`.
    pub dead_specials: Rc<Vec<Vec<u8>>>,
}

/// A process that was started and may be waited for.
#[derive(Debug, Clone)]
pub struct Job {
    pub pid: Pid,
    pub status: Option<i32>,
    /// Output that is collected for a command substitution: the read end and where it goes.
    pub drain: Option<(Rc<Desc>, Rc<Desc>)>,
    /// It is a `>(…)`: what the shell wrote is still on its way.
    pub consumer: bool,
}

/// How much one expansion may give; and whether anything may be run for it.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Words of one brace expansion.
    pub words: usize,
    /// Bytes of all of them together.
    pub words_text: usize,
    /// Bytes of one replacement, or of what `printf` writes.
    pub text: usize,
    /// Characters of one field of `printf`.
    pub field: i64,
    /// Command and process substitutions give nothing.
    pub inert: bool,
}

impl Bounds {
    /// Those of scripts (docs/shell.md, Bounds).
    pub const SCRIPTS: Bounds = Bounds {
        words: 1 << 21,
        words_text: 1 << 28,
        text: 1 << 30,
        field: 1 << 28,
        inert: false,
    };

    /// Those of [`crate::exec::inert`].
    pub const SMALL: Bounds = Bounds {
        words: 256,
        words_text: 1 << 14,
        text: 1 << 16,
        field: 1 << 12,
        inert: true,
    };
}

/// The running shell.
#[derive(Debug)]
pub struct Shell {
    pub vars: Vars,
    pub st: State,
    pub jobs: Vec<Job>,
    /// Arithmetic that was parsed before.
    pub arith_cache: PlainMap<Vec<u8>, Rc<Expr>>,
    pub call_depth: u32,
    /// A trap's action is running.
    pub in_trap: Vec<i32>,
    pub started: (i64, u32),
    pub seconds_offset: i64,
    /// Status of the last command substitution of the word or assignment that is expanded.
    pub sub_status: Option<i32>,
    /// The unit that runs: parts of it can run in another instance.
    pub place: Rc<Place>,
    /// Descriptors of process substitutions to close after the command.
    pub process_fds: Vec<u32>,
    pub signalled: Vec<i32>,
    /// A builtin's output had no reader left.
    pub broken_pipe: bool,
    /// The last error in an expansion happened where a status is tested.
    pub quiet_discard: bool,
    /// `exec` without a command: its redirections stay.
    pub exec_keeps: bool,
    /// `LINENO` stays while a trap's action runs.
    pub frozen_line: bool,
    pub regexes: crate::exec::regexes::Regexes,
    pub patterns: crate::pattern::cache::Patterns,
    /// Where `IFS` and `FUNCNEST` are.
    pub slots: [vars::Slot; 2],
    /// `/dev/null`, once something was written to it.
    pub null: Option<Rc<Desc>>,
    pub search_path: crate::exec::path::SearchPath,
    pub bounds: Bounds,
    /// Numbers for subshells in this instance, as `BASHPID` shows them.
    pub next_pid: u32,
}

/// How deeply functions may call each other, if the stack lasts ([`crate::stack`]).
pub const MAX_CALL_DEPTH: u32 = 4000;

impl Shell {
    /// Parser flags of the options in force.
    pub fn flags(&self) -> Flags {
        Flags {
            extglob: self.st.options.extglob(),
            posix: self.st.options.posix(),
            utf8: self.st.utf8,
        }
    }

    /// Pattern options of the options in force.
    pub fn pattern_options(&self) -> crate::pattern::Options {
        crate::pattern::Options {
            extglob: self.st.options.extglob(),
            nocase: self.st.options.nocasematch(),
            utf8: self.st.utf8,
        }
    }

    /// What `IFS` says.
    pub fn ifs(&self) -> &[u8] {
        let [slot, _] = &self.slots;
        let var = self.vars.get_at(slot, b"IFS");
        let var = match var {
            Some(var) if var.has(value::attr::NAMEREF) => self.lookup(b"IFS"),
            var => var,
        };
        var.and_then(|v| v.text()).unwrap_or(b" \t\n")
    }

    /// Writes to standard error; a failure there has nowhere to be told.
    pub fn warn(&self, text: &[u8]) {
        let _ = self.st.fds.write(2, text);
    }

    /// `script: line N: ` as bash begins its messages.
    pub fn prefix(&self) -> Vec<u8> {
        let mut out = match self.st.frames.last() {
            Some(frame)
                if !frame.source.is_empty()
                    && &*frame.source != b"main"
                    && &*frame.source != b"environment" =>
            {
                frame.source.to_vec()
            }
            _ => self.st.script.to_vec(),
        };
        out.extend_from_slice(format!(": line {}: ", self.st.line).as_bytes());
        out
    }

    /// Reports an error in bash's form.
    pub fn error(&self, message: impl AsRef<[u8]>) {
        let mut out = self.prefix();
        out.extend_from_slice(message.as_ref());
        out.push(b'\n');
        self.warn(&out);
    }

    /// Reports an error of a builtin.
    pub fn builtin_error(&self, name: &[u8], message: impl AsRef<[u8]>) {
        let mut text = name.to_vec();
        text.extend_from_slice(b": ");
        text.extend_from_slice(message.as_ref());
        self.error(text);
    }

    /// The name of the running source, for `BASH_SOURCE`.
    pub fn source_name(&self) -> Rc<[u8]> {
        self.st
            .frames
            .last()
            .map_or_else(|| self.st.script.clone(), |f| f.source.clone())
    }

    /// An absolute path for one relative to the shell's directory.
    pub fn absolute(&self, path: &[u8]) -> Vec<u8> {
        if path.first() == Some(&b'/') || path.is_empty() {
            return path.to_vec();
        }
        let mut out = self.st.cwd.to_vec();
        if out.last() != Some(&b'/') {
            out.push(b'/');
        }
        out.extend_from_slice(path);
        out
    }

    /// A source for text that comes from the script itself.
    pub fn make_source(&self, text: Vec<u8>) -> Rc<Source> {
        Rc::new(Source {
            name: self.source_name(),
            text: text.into(),
        })
    }
}
