//! Calls of functions, `eval`, `source`: what runs other text or another body in this shell.

use std::rc::Rc;

use crate::state::vars::ScopeKind;
use crate::state::{
    Flow, Frame, FrameKind, Function, MAX_CALL_DEPTH, Shell, TRAP_DEBUG, TRAP_ERR, TRAP_RETURN,
    Unwind,
};
use crate::syntax::ast::{Command, Source, Unit};
use crate::syntax::{Parser, Piece, SyntaxError};

use super::outline::Outline;

impl Shell {
    pub fn is_readonly_function(&self, name: &[u8]) -> bool {
        self.st.readonly_functions.iter().any(|n| n == name)
    }

    /// A function's body; parsed now if that was not done yet.
    pub fn function_body(&self, function: &Function) -> Option<Rc<Command>> {
        if let Some(body) = function.body.get() {
            return Some(body.clone());
        }
        match Parser::find_piece(&function.place, function.id) {
            Ok(Some(Piece::Command(body))) => Some(function.body.get_or_init(|| body).clone()),
            _ => None,
        }
    }

    /// Calls a function. `scoped`: its scope was made for the assignments before the call.
    pub fn call_function(
        &mut self,
        function: &Rc<Function>,
        mut args: Vec<Vec<u8>>,
        scoped: bool,
    ) -> Flow {
        if args.is_empty() {
            return Ok(1);
        }
        let name = args.remove(0);
        let Some(body) = self.function_body(function) else {
            self.error([name.as_slice(), b": function body is not readable"].concat());
            return Ok(1);
        };
        let [_, slot] = &self.slots;
        let limit = (self.vars.get_at(slot, b"FUNCNEST"))
            .and_then(|v| v.text())
            .and_then(crate::arith::parse_decimal)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| *n > 0);
        // Whether the stack lasts is asked when the body runs.
        if self.call_depth >= limit.unwrap_or(MAX_CALL_DEPTH).min(MAX_CALL_DEPTH) {
            self.error(
                [
                    name.as_slice(),
                    format!(
                        ": maximum function nesting level exceeded ({})",
                        self.call_depth
                    )
                    .as_bytes(),
                ]
                .concat(),
            );
            if scoped {
                self.vars.pop_scope();
            }
            return Err(Unwind::Discard(1));
        }
        if !scoped {
            self.vars.push_scope(ScopeKind::Function);
        }
        let args = Rc::new(args);
        let positional = std::mem::replace(&mut self.st.positional, args.clone());
        let place = std::mem::replace(&mut self.place, function.place.clone());
        let (loops, line, getopts) = (self.st.loops, self.st.line, self.st.getopts);
        self.st.loops = 0;
        self.call_depth += 1;
        self.st.frames.push(Frame {
            kind: FrameKind::Function,
            name: name.into(),
            source: function.place.source.name.clone(),
            line,
            args,
        });
        let hidden = self.hide_traps();
        self.st.line = body.line;
        let mut result = self
            .run_trap_quick(TRAP_DEBUG)
            .and_then(|()| self.run_command_unchecked(&body));
        // As in bash, `return` sets the status behind the trap: there `$?` is that of the command before.
        if let Ok(status) = result {
            self.st.status = status;
        }
        if let Err(Unwind::Return(status)) = result {
            result = Ok(status);
        }
        if result.is_ok()
            && let Err(e) = self.run_trap_quick(TRAP_RETURN)
        {
            result = Err(e);
        }
        if let Ok(status) = result {
            self.st.status = status;
        }
        self.unhide_traps(hidden);
        self.st.frames.pop();
        self.call_depth -= 1;
        for name in self.vars.pop_scope() {
            self.assigned_back(&name);
            if &*name == b"OPTIND" {
                self.st.getopts = getopts;
            }
        }
        self.st.positional = positional;
        self.place = place;
        self.st.loops = loops;
        self.st.line = line;
        result
    }

    fn run_command_unchecked(&mut self, body: &Rc<Command>) -> Flow {
        let status = self.run_command(body)?;
        // A body that is a subshell or a test counts as a command of its own.
        if !matches!(body.kind, crate::syntax::ast::Kind::Group(_)) {
            self.st.status = status;
            self.check_failure(status)?;
        }
        Ok(status)
    }

    /// ERR, DEBUG and RETURN traps are not inherited by functions unless asked for.
    fn hide_traps(&mut self) -> Vec<(i32, crate::state::Trap)> {
        let mut hidden = Vec::new();
        let last = self.st.traps.last_key_value();
        if last.is_none_or(|(last, _)| *last < TRAP_DEBUG) {
            return hidden;
        }
        for (key, keep) in [
            (TRAP_ERR, self.st.options.errtrace()),
            (TRAP_DEBUG, self.st.options.functrace()),
            (TRAP_RETURN, self.st.options.functrace()),
        ] {
            if !keep
                && self.st.traps.contains_key(&key)
                && let Some(trap) = Rc::make_mut(&mut self.st.traps).remove(&key)
            {
                hidden.push((key, trap));
            }
        }
        hidden
    }

    fn unhide_traps(&mut self, hidden: Vec<(i32, crate::state::Trap)>) {
        for (key, trap) in hidden {
            if !self.st.traps.contains_key(&key) {
                Rc::make_mut(&mut self.st.traps).insert(key, trap);
            }
        }
    }

    /// Runs text as `eval` does, in the current context.
    pub fn eval_string(&mut self, text: Vec<u8>, line: u32) -> Flow {
        let source = self.make_source(text);
        self.run_source(&source, line, b"eval")
    }

    /// Runs all units of a source; errors in expansions end only the unit they are in.
    pub fn run_source(&mut self, source: &Rc<Source>, line: u32, who: &[u8]) -> Flow {
        let text = source.text.clone();
        let mut parser = Parser::new(&text, source.clone(), 0, line, self.flags());
        // What `eval` runs is short or runs once.
        let mut outline = (who != b"eval").then(Outline::default);
        let recollections = match who {
            b"" => self.recollections(source),
            _ => None,
        };
        let mut status = 0;
        loop {
            let flags = self.flags();
            parser.set_flags(flags);
            let found = parser.skip_to_unit();
            if let (Some(recollections), Ok(())) = (&recollections, &found)
                && let Some(recalled) = self.recall(recollections, &mut parser)
            {
                status = recalled;
                continue;
            }
            let start = parser.offset();
            let known = match (&mut outline, found) {
                (Some(outline), Ok(())) => outline.next(&mut parser, source, flags),
                _ => None,
            };
            let defines = known.is_some();
            let unit = match known.map_or_else(|| parser.next_unit(), |unit| Ok(Some(unit))) {
                Ok(Some(unit)) => unit,
                Ok(None) => return Ok(status),
                Err(error) => {
                    self.syntax_error(&error, &text, who);
                    self.st.status = 2;
                    return Ok(2);
                }
            };
            let warned = !parser.warnings.is_empty();
            self.here_warnings(&mut parser);
            if self.st.options.verbose() && who != b"eval" {
                self.echo_source(&text, unit.place.start, unit.place.end);
            }
            let recording = match &recollections {
                Some(known) if !defines && !warned => self.begin_recording(known, start),
                _ => None,
            };
            let result = self.run_unit(&unit);
            if let (Some(known), Some(recording)) = (&recollections, recording) {
                self.end_recording(known, recording, result, &parser);
            }
            match result {
                Ok(s) => status = s,
                Err(Unwind::Discard(s)) if self.st.subshell == 0 => {
                    status = s;
                    self.st.status = s;
                    if self.st.options.errexit()
                        && !std::mem::take(&mut self.quiet_discard)
                        && self.st.quiet == 0
                    {
                        return Err(Unwind::Exit(s));
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }

    pub fn here_warnings(&mut self, parser: &mut Parser) {
        for warning in std::mem::take(&mut parser.warnings) {
            self.st.line = warning.line;
            let start = warning.start_line.saturating_sub(1);
            let mut text = format!(
                "warning: here-document at line {start} delimited by end-of-file (wanted `"
            )
            .into_bytes();
            text.extend(warning.delimiter);
            text.extend_from_slice(b"')");
            self.error(text);
        }
    }

    /// `set -v`
    pub fn echo_source(&self, text: &[u8], start: usize, end: usize) {
        let mut line = text.get(start..end).unwrap_or_default().to_vec();
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        self.warn(&line);
    }

    /// Runs one complete command line.
    pub fn run_unit(&mut self, unit: &Rc<Unit>) -> Flow {
        let place = std::mem::replace(&mut self.place, Rc::new(unit.place.clone()));
        let result = self.run_list(&unit.list);
        self.place = place;
        if let Ok(status) = result {
            self.st.status = status;
        }
        result
    }

    /// Reports text that does not parse, with the line at fault.
    pub fn syntax_error(&mut self, error: &SyntaxError, text: &[u8], who: &[u8]) {
        self.st.line = error.line;
        let mut prefix = if who.is_empty() {
            self.prefix()
        } else {
            let mut name = self.source_name().to_vec();
            name.extend_from_slice(b": ");
            name.extend_from_slice(who);
            name.extend_from_slice(format!(": line {}: ", error.line).as_bytes());
            name
        };
        let mut out = prefix.clone();
        out.extend_from_slice(error.message.as_bytes());
        out.push(b'\n');
        if !error.at_end {
            let start = text
                .get(..error.offset.min(text.len()))
                .unwrap_or_default()
                .iter()
                .rposition(|c| *c == b'\n')
                .map_or(0, |n| n + 1);
            let line = text
                .get(start..)
                .unwrap_or_default()
                .split(|c| *c == b'\n')
                .next()
                .unwrap_or_default();
            out.append(&mut prefix);
            out.push(b'`');
            out.extend_from_slice(line);
            out.extend_from_slice(b"'\n");
        }
        self.warn(&out);
    }

    /// Runs a file in this shell (`source`).
    pub fn source_file(&mut self, name: &[u8], text: Vec<u8>, args: Option<Vec<Vec<u8>>>) -> Flow {
        if self.call_depth >= MAX_CALL_DEPTH {
            self.error([name, b": sources nested too deeply"].concat());
            return Err(Unwind::Discard(1));
        }
        let given = args.is_some();
        let positional = self.st.positional.clone();
        if let Some(args) = args {
            self.st.positional = Rc::new(args);
        }
        let set = self.st.positional.clone();
        let line = self.st.line;
        let frame_args = if given {
            set.clone()
        } else {
            Rc::new(vec![name.to_vec()])
        };
        self.st.frames.push(Frame {
            kind: FrameKind::Source,
            name: Rc::from(&b"source"[..]),
            source: name.into(),
            line,
            args: frame_args,
        });
        self.call_depth += 1;
        let source = Rc::new(Source {
            name: name.into(),
            text: text.into(),
        });
        let hidden = if self.st.options.functrace() {
            Vec::new()
        } else {
            self.hide_debug()
        };
        let mut result = self.run_source(&source, 1, b"");
        if let Err(Unwind::Return(status)) = result {
            result = Ok(status);
        }
        if let Ok(status) = result {
            self.st.status = status;
        }
        self.unhide_traps(hidden);
        if result.is_ok()
            && let Err(e) = self.run_trap_quick(TRAP_RETURN)
        {
            result = Err(e);
        }
        self.call_depth -= 1;
        self.st.frames.pop();
        self.st.line = line;
        // `set` inside the file changes the caller's parameters only if it got none of its own.
        if given {
            self.st.positional = positional;
        }
        result
    }

    fn hide_debug(&mut self) -> Vec<(i32, crate::state::Trap)> {
        if !self.st.traps.contains_key(&TRAP_DEBUG) {
            return Vec::new();
        }
        Rc::make_mut(&mut self.st.traps)
            .remove(&TRAP_DEBUG)
            .map(|t| vec![(TRAP_DEBUG, t)])
            .unwrap_or_default()
    }
}
