//! What a command line of a script did in another build of the same run. The derivations of a configuration
//! source the same setup script, and most of what it does (finding the packages of the standard
//! environment, calling their hooks) depends on nothing that differs between them.
//!
//! Contract: running a command line gives the same with and without what is kept. A recollection says what
//! the line looked at and what it left. It is made only if the list is complete: variables and
//! functions by every name that was looked up ([`crate::state::vars::Watched`]), files in inputs
//! ([`crate::witness`]), and the rest of the state as a whole ([`situation`]). Whatever else a line does
//! (it writes, starts a program, asks for the time, changes options, ends the script) spoils the list,
//! and the line is run every time. It is used only if all of that is as it was.
//!
//! The host keeps recollections for one run (`wasibuild_v1.recall`, docs/abi.md), under the path of the
//! script, which is in an input: during a run such a file stays what it is.

use std::rc::Rc;

use super::codec::{BadImage, Reader, Writer};
use crate::state::fds::Fds;
use crate::state::value::Var;
use crate::state::vars::Vars;
use crate::state::{CommandText, Flow, Function, Functions, Shell};
use crate::syntax::Parser;
use crate::syntax::ast::Source;
use crate::{sys, witness};

/// Shorter scripts take no time.
const LEAST: usize = 768;
/// Lines that run fewer commands are run: comparing takes as long.
const LEAST_COMMANDS: u32 = 40;
/// How often a line is tried that was found to be spoiled or short, and how many outcomes of it are kept.
const MOST_TRIES: usize = 3;
const MOST_OUTCOMES: usize = 6;
/// Longer recollections are not kept.
const LONGEST: usize = 1 << 18;

/// What is known of a script's command lines.
#[derive(Debug)]
pub struct Recollections {
    source: Rc<Source>,
    lines: Vec<Line>,
    bytes: Vec<u8>,
}

/// One recollection of a command line.
#[derive(Debug)]
struct Line {
    /// Where it begins, where the next begins, and the number of the line there.
    start: usize,
    end: usize,
    line: u32,
    verdict: Verdict,
    /// Place of the rest in the bytes.
    at: usize,
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Outcome,
    /// It did something that no list can tell of.
    Spoiled,
    /// It is not worth it.
    Short,
}

/// A command line that runs, to be kept.
pub struct Recording {
    start: usize,
    situation: Vec<u8>,
    beginning: Vec<u8>,
    functions: Rc<Functions>,
    fds: Fds,
    random: u32,
    next_pid: u32,
}

impl Shell {
    /// What is known of a script, if it is one of which anything may be kept.
    pub fn recollections(&self, source: &Rc<Source>) -> Option<Recollections> {
        let may_be = source.text.len() >= LEAST
            && source.name.starts_with(b"/nix/store/")
            && !witness::is_active()
            && self.is_plain_place();
        if !may_be || sys::stable_object(&source.name).is_none() {
            return None;
        }
        let bytes = sys::recall(&source.name);
        let lines = lines(&bytes).unwrap_or_default();
        Some(Recollections {
            source: source.clone(),
            lines,
            bytes,
        })
    }

    /// Is the shell where a command line may be spared: at the top of a script, with nothing pending?
    fn is_plain_place(&self) -> bool {
        let options = &self.st.options;
        self.vars.is_flat()
            && self.st.subshell == 0
            && self.jobs.is_empty()
            && self.in_trap.is_empty()
            && self.process_fds.is_empty()
            && self.signalled.is_empty()
            && !self.broken_pipe
            && !self.exec_keeps
            && !self.frozen_line
            && !self.bounds.inert
            && !options.xtrace()
            && !options.verbose()
            && !options.noexec()
    }

    /// What the command line at which the parser is did before, if it would do the same: it is done, and
    /// the parser is behind it. Gives the status.
    pub fn recall(&mut self, known: &Recollections, parser: &mut Parser) -> Option<i32> {
        let at = parser.offset();
        let mut candidates = known.outcomes(at).peekable();
        candidates.peek()?;
        if !self.is_plain_place() {
            return None;
        }
        let situation = situation(self);
        let beginning = beginning(self);
        for line in candidates {
            let rest = known.bytes.get(line.at..line.at + line.length)?;
            let found = Outcome::read(self, &known.source, &situation, &beginning, rest);
            if let Ok(Some(outcome)) = found {
                parser.skip_to(line.end, line.line);
                return Some(outcome.apply(self));
            }
        }
        None
    }

    /// Begins to watch the command line that starts there.
    pub fn begin_recording(&mut self, known: &Recollections, start: usize) -> Option<Recording> {
        if !known.wants(start) || witness::is_active() || !self.is_plain_place() {
            return None;
        }
        let recording = Recording {
            start,
            situation: situation(self),
            beginning: beginning(self),
            functions: self.st.functions.clone(),
            fds: self.st.fds.clone(),
            random: self.st.random,
            next_pid: self.next_pid,
        };
        self.vars.begin_watch();
        witness::begin();
        Some(recording)
    }

    /// Ends it, and keeps what was found. The parser is behind the line.
    pub fn end_recording(
        &mut self,
        known: &Recollections,
        recording: Recording,
        result: Flow,
        parser: &Parser,
    ) {
        let seen = witness::end();
        let watched = self.vars.end_watch();
        let commands = seen.as_ref().map(|seen| seen.commands);
        let place = [recording.start, parser.offset(), parser.line() as usize];
        let outcome = match (result, seen, watched) {
            (Ok(status), Some(seen), Some(watched)) if self.is_as_before(&recording) => {
                let before =
                    Outcome::write(self, &known.source, &recording, &seen, &watched, status);
                before.filter(|bytes| bytes.len() <= LONGEST)
            }
            _ => None,
        };
        let (verdict, rest) = match outcome {
            _ if commands.is_some_and(|count| count < LEAST_COMMANDS) => {
                (Verdict::Short, Vec::new())
            }
            Some(bytes) => (Verdict::Outcome, bytes),
            None => (Verdict::Spoiled, Vec::new()),
        };
        let mut out = Writer::default();
        for number in place {
            out.num(number as i128);
        }
        out.num(verdict as u8);
        // Which try it was: the host keeps what is equal once.
        out.num(known.of(recording.start).count() as i128);
        out.bytes(&rest);
        sys::remember(&known.source.name, &out.out);
    }

    /// Did a command line change variables and functions at most, and what each line changes?
    fn is_as_before(&self, recording: &Recording) -> bool {
        let same_fds = || {
            let (before, now) = (&recording.fds, &self.st.fds);
            before.iter().count() == now.iter().count()
                && (before.iter().zip(now.iter()))
                    .all(|(one, other)| one.0 == other.0 && Rc::ptr_eq(one.1, other.1))
        };
        self.is_plain_place()
            && self.st.random == recording.random
            && same_fds()
            && situation(self) == recording.situation
    }
}

impl Recollections {
    fn of(&self, start: usize) -> impl Iterator<Item = &Line> {
        let first = self.lines.partition_point(|line| line.start < start);
        let rest = self.lines.get(first..).unwrap_or_default();
        rest.iter().take_while(move |line| line.start == start)
    }

    fn outcomes(&self, start: usize) -> impl Iterator<Item = &Line> {
        let of = self.of(start);
        of.filter(|line| line.verdict == Verdict::Outcome)
    }

    /// Should the line be watched?
    fn wants(&self, start: usize) -> bool {
        let count = |verdict| {
            self.of(start)
                .filter(|line| line.verdict == verdict)
                .count()
        };
        count(Verdict::Short) < MOST_TRIES
            && count(Verdict::Spoiled) < MOST_TRIES
            && count(Verdict::Outcome) < MOST_OUTCOMES
    }
}

/// Takes apart what the host kept, in the order of the script.
fn lines(bytes: &[u8]) -> Result<Vec<Line>, BadImage> {
    let mut r = Reader::new(bytes);
    let mut lines = Vec::new();
    while !r.rest.is_empty() {
        let (start, end, line) = (r.small()?, r.small()?, r.small()?);
        let verdict = match r.num()? {
            0 => Verdict::Outcome,
            1 => Verdict::Spoiled,
            2 => Verdict::Short,
            _ => return Err(BadImage),
        };
        r.num()?;
        let length = r.bytes()?.len();
        lines.push(Line {
            start,
            end,
            line,
            verdict,
            at: bytes.len() - r.rest.len() - length,
            length,
        });
    }
    lines.sort_by_key(|line| line.start);
    Ok(lines)
}

/// Reads bytes as what the host kept, and as what one command line left, which is put into effect. For fuzzing;
/// says whether one of both made sense.
pub fn try_all(bytes: &[u8]) -> bool {
    let mut sh = Shell::start(b"recollect".to_vec());
    let source = Rc::new(Source {
        name: Rc::default(),
        text: bytes.into(),
    });
    let (situation, beginning) = (situation(&sh), beginning(&sh));
    let mut head = Writer::default();
    head.bytes(&situation);
    head.bytes(&beginning);
    head.out.extend_from_slice(bytes);
    let left = Outcome::read(&sh, &source, &situation, &beginning, &head.out);
    let made_sense = match left {
        Ok(Some(outcome)) => {
            outcome.apply(&mut sh);
            true
        }
        Ok(None) | Err(_) => false,
    };
    lines(bytes).is_ok() || made_sense
}

/// The state but variables, functions, what each command line sets, and the numbers of descriptors' files.
fn situation(sh: &Shell) -> Vec<u8> {
    let (st, mut w) = (&sh.st, Writer::default());
    w.out.extend_from_slice(&st.options.set.to_le_bytes());
    w.out.extend_from_slice(&st.options.shopt.to_le_bytes());
    w.list(&st.positional);
    for text in [&*st.arg0, &st.script, &st.cwd] {
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
    w.num(st.fds.iter().count() as i128);
    for (fd, _) in st.fds.iter() {
        w.num(fd);
    }
    w.num(st.hashed.len() as i128);
    for (name, place) in st.hashed.iter() {
        w.bytes(name);
        w.bytes(place);
    }
    for list in [
        &st.dir_stack,
        &st.disabled,
        &st.dead_specials,
        &st.readonly_functions,
    ] {
        w.list(list);
    }
    for number in [
        st.umask,
        st.subshell_level,
        st.quiet,
        st.loops,
        st.pid,
        st.shell_pid,
        st.background.unwrap_or(0),
        sh.call_depth,
        u32::from(st.utf8),
        u32::from(st.start_letter),
    ] {
        w.num(number);
    }
    w.num(st.getopts.0);
    w.num(st.getopts.1 as i128);
    w.num(sh.seconds_offset);
    w.out
}

/// What a command line may ask the one before it for.
fn beginning(sh: &Shell) -> Vec<u8> {
    let mut w = Writer::default();
    w.num(sh.st.status);
    w.num(sh.st.pipe_status.len() as i128);
    for status in sh.st.pipe_status.iter() {
        w.num(*status);
    }
    w.num(sh.sub_status.unwrap_or(-1));
    w.num(u8::from(sh.quiet_discard));
    w.num(u8::from(sh.vars.is_environment_stale()));
    w.out
}

/// What a command line left.
struct Outcome {
    /// With whether they were made anew, in the order in which they were.
    vars: Vec<(Vec<u8>, bool, Option<Var>)>,
    functions: Vec<(Vec<u8>, bool, Option<Function>)>,
    /// The environment of programs has to be made anew.
    stale: bool,
    status: i32,
    pipe_status: Vec<i32>,
    sub_status: Option<i32>,
    line: u32,
    command: Vec<u8>,
    last_arg: Vec<u8>,
    pids: u32,
}

impl Outcome {
    /// What is kept of a command line; `None` if it changed what other state hangs on.
    fn write(
        sh: &Shell,
        source: &Rc<Source>,
        recording: &Recording,
        seen: &witness::Seen,
        watched: &crate::state::vars::Watched,
        status: i32,
    ) -> Option<Vec<u8>> {
        let mut changed = watched.changed.iter();
        if changed.any(|it| Vars::is_remarkable(&it.name) && &*it.name != b"PATH") {
            return None;
        }
        // The script itself is source 0, and not kept.
        let mut w = Writer {
            sources: vec![source.clone()],
            ..Writer::default()
        };
        w.num(watched.before.len() as i128);
        for (name, var) in &watched.before {
            w.bytes(name);
            w.optional(var.as_deref(), Writer::var);
        }
        w.num(seen.functions.len() as i128);
        for name in &seen.functions {
            w.bytes(name);
            w.optional(recording.functions.at_rest(name), Writer::function);
        }
        w.num(seen.objects.len() as i128);
        for object in &seen.objects {
            w.bytes(object);
        }
        w.num(watched.changed.len() as i128);
        for changed in &watched.changed {
            w.bytes(&changed.name);
            w.num(u8::from(changed.fresh));
            w.optional(changed.var.as_deref(), Writer::var);
        }
        let (before, now) = (&recording.functions, &sh.st.functions);
        let mut functions: Vec<_> = (seen.functions.iter())
            .filter_map(|name| {
                let fresh = before.age(name) != now.age(name);
                let same = match (before.at_rest(name), now.at_rest(name)) {
                    (Some(before), Some(now)) => std::ptr::eq(before, now) && !fresh,
                    (None, None) => true,
                    _ => false,
                };
                (!same).then(|| (now.age(name), name, fresh))
            })
            .collect();
        functions.sort_unstable();
        w.num(functions.len() as i128);
        for (_, name, fresh) in functions {
            w.bytes(name);
            w.num(u8::from(fresh));
            w.optional(now.at_rest(name), Writer::function);
        }
        w.num(u8::from(sh.vars.is_environment_stale()));
        w.num(status);
        w.num(sh.st.pipe_status.len() as i128);
        for status in sh.st.pipe_status.iter() {
            w.num(*status);
        }
        w.num(sh.sub_status.unwrap_or(-1));
        w.num(sh.st.line);
        w.bytes(&sh.st.command.text());
        w.bytes(&sh.st.last_arg);
        w.num(sh.next_pid - recording.next_pid);
        let mut head = Writer::default();
        head.bytes(&recording.situation);
        head.bytes(&recording.beginning);
        let sources = w.sources.get(1..).unwrap_or_default();
        head.num(sources.len() as i128);
        for source in sources {
            head.bytes(&source.name);
            head.bytes(&source.text);
        }
        head.out.extend_from_slice(&w.out);
        Some(head.out)
    }

    /// Reads it; `None` if the line would look at something else now.
    fn read(
        sh: &Shell,
        source: &Rc<Source>,
        situation: &[u8],
        beginning: &[u8],
        bytes: &[u8],
    ) -> Result<Option<Outcome>, BadImage> {
        let mut r = Reader::new(bytes);
        if r.bytes()? != situation || r.bytes()? != beginning {
            return Ok(None);
        }
        r.sources.push(source.clone());
        for _ in 0..r.num()? {
            let name = r.shared()?;
            let text = r.shared()?;
            r.sources.push(Rc::new(Source { name, text }));
        }
        let mut now = Writer::default();
        for _ in 0..r.num()? {
            let name = r.bytes()?;
            now.out.clear();
            now.optional(sh.vars.get(name), Writer::var);
            if !r.skip(&now.out) {
                return Ok(None);
            }
        }
        for _ in 0..r.num()? {
            let name = r.bytes()?;
            let before = r.optional(Reader::function)?;
            let same = match (&before, sh.st.functions.get(name)) {
                (Some(before), Some(now)) => before.is_same(now),
                (None, None) => true,
                _ => false,
            };
            if !same {
                return Ok(None);
            }
        }
        for _ in 0..r.num()? {
            if !sys::is_fixed(r.bytes()?) {
                return Ok(None);
            }
        }
        let mut vars = Vec::new();
        for _ in 0..r.num()? {
            let (name, fresh) = (r.bytes()?.to_vec(), r.num()? != 0);
            vars.push((name, fresh, r.optional(Reader::var)?));
        }
        let mut functions = Vec::new();
        for _ in 0..r.num()? {
            let (name, fresh) = (r.bytes()?.to_vec(), r.num()? != 0);
            functions.push((name, fresh, r.optional(Reader::function)?));
        }
        let stale = r.num()? != 0;
        let status = r.small()?;
        let mut pipe_status = Vec::new();
        for _ in 0..r.num()? {
            pipe_status.push(r.small()?);
        }
        Ok(Some(Outcome {
            vars,
            functions,
            stale,
            status,
            pipe_status,
            sub_status: Some(r.small()?).filter(|status| *status >= 0),
            line: r.small()?,
            command: r.bytes()?.to_vec(),
            last_arg: r.bytes()?.to_vec(),
            pids: r.small()?,
        }))
    }

    /// Makes the state what it was behind the line. Gives its status.
    fn apply(self, sh: &mut Shell) -> i32 {
        for (name, fresh, var) in self.vars {
            sh.vars.put(&name, var, fresh);
            if Vars::is_remarkable(&name) {
                sh.assigned(&name);
            }
        }
        for (name, fresh, function) in self.functions {
            let functions = Rc::make_mut(&mut sh.st.functions);
            if fresh {
                functions.remove(&name);
            }
            if let Some(function) = function {
                functions.insert(name, Rc::new(function));
            }
        }
        sh.vars.set_environment_stale(self.stale);
        sh.st.status = self.status;
        sh.st.pipe_status = Rc::new(self.pipe_status);
        sh.sub_status = self.sub_status;
        sh.st.line = self.line;
        sh.st.command = CommandText::Text(self.command.into());
        sh.st.last_arg = self.last_arg;
        sh.next_pid = sh.next_pid.wrapping_add(self.pids);
        self.status
    }
}
