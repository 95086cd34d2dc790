//! The state of a shell as bytes, for another instance: WASI has no fork. The image holds the
//! variables with their scopes, functions (as places in their sources, parsed when they are first
//! called), options, traps, parameters, and what to run: a part of a unit by its number. The
//! other instance reads it from a descriptor before it does anything else. The format is private
//! to one build of the shell: both sides are the same program.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::codec::{BadImage, Reader, Writer};
use crate::state::options::Options;
use crate::state::vars::ScopeKind;
use crate::state::{CommandText, Flow, Frame, FrameKind, Functions, Shell, Trap};
use crate::syntax::ast::{Place, Source};
use crate::syntax::{Parser, Piece};

/// First argument of an instance that takes its state from a descriptor.
pub const INSTANCE_FLAG: &[u8] = b"--wasibuild-instance";

/// What another instance shall do.
pub enum Task<'a> {
    /// Run the part with that number of the unit at that place.
    Piece { place: &'a Place, id: u32 },
}

/// An image that only writes text to standard output.
pub fn encode_writer(text: &[u8]) -> Vec<u8> {
    let mut w = Writer::default();
    w.num(0);
    w.bytes(text);
    w.out
}

/// The image of a shell with what to run.
pub fn encode(sh: &Shell, task: &Task) -> Vec<u8> {
    let mut w = Writer::default();
    let st = &sh.st;
    let (scopes, bindings) = sh.vars.describe();
    w.num(scopes.len() as i128);
    for kind in scopes {
        w.num(u8::from(kind == ScopeKind::Temporary));
    }
    w.num(bindings.len() as i128);
    for (name, level, var) in bindings {
        w.bytes(name);
        w.num(level);
        w.var(var);
    }
    w.list(&st.nameless);
    let functions = st.functions.by_age();
    w.num(functions.len() as i128);
    for (name, function) in functions {
        w.bytes(name);
        w.function(function);
    }
    w.out.extend_from_slice(&st.options.set.to_le_bytes());
    w.out.extend_from_slice(&st.options.shopt.to_le_bytes());
    w.list(&st.positional);
    let command = st.command.text();
    for text in [&*st.arg0, &st.script, &st.cwd, &command, &st.last_arg] {
        w.bytes(text);
    }
    w.num(st.traps.len() as i128);
    for (number, trap) in st.traps.iter() {
        w.num(*number);
        w.bytes(&trap.action);
        w.num(u8::from(trap.inherited));
    }
    w.num(st.frames.len() as i128);
    for frame in &st.frames {
        w.frame(frame);
    }
    for n in [
        st.umask,
        st.line,
        st.subshell,
        st.subshell_level,
        st.quiet,
        st.random,
        st.shell_pid,
        st.background.unwrap_or(0),
        sh.call_depth,
    ] {
        w.num(n);
    }
    w.num(st.status);
    w.num(st.getopts.0);
    w.num(st.getopts.1 as i128);
    w.num(u8::from(st.utf8));
    w.num(st.start_letter);
    w.num(sh.started.0);
    w.num(sh.started.1);
    w.num(sh.seconds_offset);
    w.list(
        &st.pipe_status
            .iter()
            .map(|s| s.to_string().into_bytes())
            .collect::<Vec<_>>(),
    );
    w.list(&st.dir_stack);
    w.list(&st.disabled);
    w.list(&st.dead_specials);
    w.list(&sh.st.readonly_functions);
    w.num(sh.in_trap.len() as i128);
    for n in &sh.in_trap {
        w.num(*n);
    }
    let Task::Piece { place, id } = task;
    w.place(place);
    w.num(*id);
    let mut head = Writer::default();
    head.num(1 + w.sources.len() as i128);
    for source in &w.sources {
        head.bytes(&source.name);
        head.bytes(&source.text);
    }
    head.out.extend_from_slice(&w.out);
    head.out
}

/// What an image says to do.
pub enum Order {
    /// Write this to standard output.
    Write(Vec<u8>),
    Run(Piece),
}

/// Takes an image into a new shell.
pub fn decode(sh: &mut Shell, image: &[u8]) -> Result<Order, BadImage> {
    let mut r = Reader::new(image);
    let sources = r.num()?;
    if sources == 0 {
        return Ok(Order::Write(r.bytes()?.to_vec()));
    }
    for _ in 1..sources {
        let name = r.shared()?;
        let text = r.shared()?;
        r.sources.push(Rc::new(Source { name, text }));
    }
    for _ in 0..r.num()? {
        let kind = if r.num()? != 0 {
            ScopeKind::Temporary
        } else {
            ScopeKind::Function
        };
        sh.vars.push_scope(kind);
    }
    for _ in 0..r.num()? {
        let name = r.bytes()?;
        let level = r.small()?;
        let var = r.var()?;
        sh.vars.import_binding(name, level, var);
    }
    sh.st.nameless = Rc::new(r.list()?);
    let mut functions = Functions::default();
    for _ in 0..r.num()? {
        let name = r.bytes()?.to_vec();
        functions.insert(name, Rc::new(r.function()?));
    }
    sh.st.functions = Rc::new(functions);
    let set = r.num()? as u64;
    let shopt = r.num()? as u64;
    sh.st.options = Options { set, shopt };
    sh.st.positional = Rc::new(r.list()?);
    sh.st.arg0 = r.shared()?;
    sh.st.script = r.shared()?;
    sh.st.cwd = r.shared()?;
    sh.st.command = CommandText::Text(r.shared()?);
    sh.st.last_arg = r.shared()?.to_vec();
    let mut traps = BTreeMap::new();
    for _ in 0..r.num()? {
        let number = r.small()?;
        let action = r.shared()?;
        traps.insert(
            number,
            Trap {
                action,
                inherited: r.num()? != 0,
            },
        );
    }
    sh.st.traps = Rc::new(traps);
    for _ in 0..r.num()? {
        let kind = if r.num()? != 0 {
            FrameKind::Source
        } else {
            FrameKind::Function
        };
        sh.st.frames.push(Frame {
            kind,
            name: r.shared()?,
            source: r.shared()?,
            line: r.small()?,
            args: Rc::new(r.list()?),
        });
    }
    sh.st.umask = r.small()?;
    sh.st.line = r.small()?;
    sh.st.subshell = r.small()?;
    sh.st.subshell_level = r.small()?;
    sh.st.quiet = r.small()?;
    sh.st.random = r.small()?;
    sh.st.shell_pid = r.small()?;
    sh.st.background = Some(r.small()?).filter(|p| *p != 0);
    sh.call_depth = r.small()?;
    sh.st.status = r.small()?;
    sh.st.getopts = (r.num()?, r.small()?);
    sh.st.utf8 = r.num()? != 0;
    sh.st.start_letter = r.small()?;
    sh.started = (r.num()?, r.small()?);
    sh.seconds_offset = r.num()?;
    sh.st.pipe_status = Rc::new(
        r.list()?
            .iter()
            .filter_map(|t| crate::arith::parse_decimal(t).and_then(|n| i32::try_from(n).ok()))
            .collect(),
    );
    sh.st.dir_stack = Rc::new(r.list()?);
    sh.st.disabled = Rc::new(r.list()?);
    sh.st.dead_specials = Rc::new(r.list()?);
    sh.st.readonly_functions = Rc::new(r.list()?);
    for _ in 0..r.num()? {
        sh.in_trap.push(r.small()?);
    }
    let place = r.place()?;
    let id = r.small()?;
    let piece = Parser::find_piece(&place, id)
        .ok()
        .flatten()
        .ok_or(BadImage)?;
    sh.place = Rc::new(place);
    Ok(Order::Run(piece))
}

impl Shell {
    /// Runs what the other instance was asked for.
    pub fn run_piece(&mut self, piece: &Piece) -> Flow {
        match piece {
            Piece::Command(command) => self.run_command(command),
            Piece::AndOr(and_or) => self.run_and_or(and_or),
            Piece::Sub(sub) => self.run_list(&sub.list),
        }
    }
}
