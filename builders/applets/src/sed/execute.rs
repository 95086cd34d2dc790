//! Running a script over the input.
//!
//! Counterpart: sed's `execute.c`.

use super::files::{Input, Output};
use super::script::{Action, Address, Command, Script};
use super::{Settings, substitute};
use crate::regex::{Cache, Regex};
use crate::shared::io::{Records, Source};
use crate::shared::{io, program};
use bstr::BString;

/// What waits for the end of the cycle.
enum Appended {
    Text(BString),
    File(BString),
    Line(usize),
}

/// A range's state.
#[derive(Clone, Copy, Default)]
struct Range {
    active: bool,
    end: u64,
    /// It ended: one that starts at a line number does not start again.
    closed: bool,
}

impl Range {
    fn close(&mut self, over: bool) {
        if over {
            self.active = false;
            self.closed = true;
        }
    }
}

/// The line number that ends a range, if its second address is one: `+0` and `~0` are line 0.
fn last_line(address: &Address) -> Option<u64> {
    match address {
        Address::Line(number) => Some(*number),
        Address::Plus(0) | Address::Multiple(0) => Some(0),
        _ => None,
    }
}

/// Ranges as they are before the first line of the input, or with `-s` of a file.
fn untouched(script: &Script) -> Vec<Range> {
    let from_zero = |command: &Command| matches!(command.first, Some(Address::Zero));
    script
        .commands
        .iter()
        .map(|command| Range {
            active: from_zero(command),
            ..Range::default()
        })
        .collect()
}

struct Machine<'a> {
    script: &'a Script,
    input: Input,
    written: Vec<Output>,
    read: Vec<Option<Records>>,
    ranges: Vec<Range>,
    space: Vec<u8>,
    /// The line in the pattern space had its end.
    ended: bool,
    hold: Vec<u8>,
    /// The line in the hold space had its end.
    hold_ended: bool,
    appended: Vec<Appended>,
    replaced: bool,
    /// `D`: the next cycle does not read.
    again: bool,
    last: Option<&'a Regex>,
    cache: Cache,
    /// The last line written to standard output lacks its end.
    missing_end: bool,
}

enum Flow {
    Next,
    Goto(usize),
    /// The cycle ends; the pattern space is printed unless told otherwise.
    EndCycle {
        print: bool,
    },
    Quit {
        print: bool,
        status: u8,
    },
}

/// Runs the script; gives the exit status.
pub fn run(script: &Script, settings: Settings, files: Vec<BString>) -> u8 {
    let mut machine = Machine {
        script,
        input: Input::new(settings, files),
        written: script
            .written
            .iter()
            .map(|name| Output::create(name))
            .collect(),
        read: script
            .read
            .iter()
            .map(|name| {
                let source = if name == "/dev/stdin" {
                    Ok(Source::Stdin)
                } else {
                    crate::shared::fs::open_read(name).map(Source::File)
                };
                source.ok().map(|source| Records::new(source, b'\n'))
            })
            .collect(),
        ranges: untouched(script),
        space: Vec::new(),
        ended: true,
        hold: Vec::new(),
        hold_ended: true,
        appended: Vec::new(),
        replaced: false,
        again: false,
        last: None,
        cache: Cache::default(),
        missing_end: false,
    };
    let status = machine.run();
    machine.written.iter_mut().for_each(Output::flush);
    if status != 0 {
        status
    } else {
        machine.input.status
    }
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> u8 {
        loop {
            if !std::mem::take(&mut self.again) && !self.read_line(false) {
                return 0;
            }
            let quiet = self.input.settings().quiet;
            match self.cycle() {
                Flow::Quit { print, status } => {
                    if print && !quiet {
                        self.print_space();
                    }
                    if print {
                        self.flush_appended();
                    }
                    self.input.finish_in_place();
                    return status;
                }
                Flow::EndCycle { print: true } if !quiet => self.print_space(),
                _ => {}
            }
            self.flush_appended();
        }
    }

    /// Reads the next line into the pattern space, or behind it.
    fn read_line(&mut self, append: bool) -> bool {
        self.replaced = if append { self.replaced } else { false };
        self.flush_appended();
        let Some(mut line) = self.input.next_line() else {
            return false;
        };
        if std::mem::take(&mut self.input.new_file) {
            self.ranges = untouched(self.script);
        }
        self.ended = line.last() == Some(&self.input.settings().end);
        if self.ended {
            line.pop();
        }
        if append {
            self.space.push(self.input.settings().end);
            self.space.extend_from_slice(&line);
        } else {
            self.space = line;
        }
        true
    }

    fn out(&mut self, bytes: &[u8]) {
        match &mut self.input.in_place {
            Some(file) => file.output.put(bytes),
            None => io::put(bytes),
        }
    }

    /// Writes text that ends itself; a line before it that lacks its end gets one.
    /// The text of `i` or `c`, whose last line ends as lines do (that of `a` ends with a newline).
    fn put_text(&mut self, text: &[u8], end: u8) {
        match text.strip_suffix(b"\n") {
            Some(line) => self.put(&[line, &[end]].concat()),
            None => self.put(text),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.input.new_output) {
            self.missing_end = false;
        }
        if std::mem::take(&mut self.missing_end) {
            let end = self.input.settings().end;
            self.out(&[end]);
        }
        self.out(bytes);
    }

    fn print_space(&mut self) {
        let space = std::mem::take(&mut self.space);
        self.put(&space);
        self.space = space;
        if self.ended {
            let end = self.input.settings().end;
            self.out(&[end]);
        } else {
            self.missing_end = true;
        }
    }

    fn flush_appended(&mut self) {
        for appended in std::mem::take(&mut self.appended) {
            match appended {
                Appended::Text(text) => self.put(&text),
                Appended::File(name) => {
                    let source = if name == "/dev/stdin" {
                        Ok(Source::Stdin)
                    } else {
                        crate::shared::fs::open_read(&name).map(Source::File)
                    };
                    if let Ok(text) = source.and_then(|source| source.read_to_end())
                        && !text.is_empty()
                    {
                        self.put(&text);
                    }
                }
                Appended::Line(number) => {
                    let mut line = Vec::new();
                    let found = match self.read.get_mut(number) {
                        Some(Some(records)) => records.next(&mut line).unwrap_or(false),
                        _ => false,
                    };
                    if found {
                        let whole = line.last() == Some(&b'\n');
                        self.put(&line);
                        if !whole {
                            self.missing_end = true;
                        }
                    }
                }
            }
        }
    }

    fn write(&mut self, number: usize, text: &[u8], ended: bool) {
        let end = self.input.settings().end;
        match self.written.get_mut(number) {
            Some(Output::Stdout) => {
                self.put(text);
                if ended {
                    self.out(&[end])
                } else {
                    self.missing_end = true
                }
            }
            Some(output) => {
                output.put_line(text, ended, end);
                output.flush();
            }
            None => {}
        }
    }

    fn matches(&mut self, regex: &'a Option<Regex>) -> bool {
        let Some(regex) = regex.as_ref().or(self.last) else {
            program::die(1, &[b"no previous regular expression"]);
        };
        self.last = Some(regex);
        regex.is_match(&mut self.cache, &self.space)
    }

    fn address(&mut self, address: &'a Address) -> bool {
        match address {
            Address::Line(number) => self.input.line == *number,
            Address::Step(first, step) => {
                self.input.line >= *first && (self.input.line - first).is_multiple_of(*step)
            }
            Address::Last => self.input.is_last(),
            Address::Match(regex) => self.matches(regex),
            Address::Plus(_) | Address::Multiple(_) | Address::Zero => false,
        }
    }

    /// Does the command apply to the line?
    fn selected(&mut self, index: usize, command: &'a Command) -> bool {
        let Some(first) = &command.first else {
            return true;
        };
        let Some(second) = &command.second else {
            return self.address(first);
        };
        let range = self.ranges.get(index).copied().unwrap_or_default();
        let (now, applies) = self.in_range(range, first, second);
        if let Some(place) = self.ranges.get_mut(index) {
            *place = now;
        }
        applies
    }

    /// As GNU's `match_address_p`: a first address that is a line number is reached once, also by a
    /// line behind it when `N` skipped it; behind the end, `ADDR,LINE` no longer applies, but the
    /// line that ends `ADDR,+N` or `ADDR,~N` does, however far behind it lies.
    fn in_range(
        &mut self,
        mut range: Range,
        first: &'a Address,
        second: &'a Address,
    ) -> (Range, bool) {
        let line = self.input.line;
        if !range.active {
            let starts = match first {
                Address::Line(number) => !range.closed && line >= *number,
                other => self.address(other),
            };
            if !starts {
                return (range, false);
            }
            range.active = true;
            match second {
                // A pattern is tried from the next line.
                Address::Match(_) => return (range, true),
                Address::Plus(count) if *count > 0 => {
                    range.end = line.saturating_add(*count);
                    return (range, true);
                }
                Address::Multiple(of) if *of > 0 => {
                    if line.is_multiple_of(*of) {
                        program::refuse(
                            "an address ',~N' from a multiple of N on, where versions of sed differ",
                        );
                    }
                    range.end = line.div_ceil(*of).saturating_mul(*of);
                    return (range, true);
                }
                _ => {}
            }
            if let Some(end) = last_line(second) {
                range.close(line >= end);
                return (range, line <= end || self.address(first));
            }
        }
        if let Some(end) = last_line(second) {
            range.close(line >= end);
            return (range, line <= end);
        }
        let ends = match second {
            Address::Plus(_) | Address::Multiple(_) => line >= range.end,
            other => self.address(other),
        };
        range.close(ends);
        (range, true)
    }

    fn cycle(&mut self) -> Flow {
        let script = self.script;
        let mut at = 0;
        while let Some(command) = script.commands.get(at) {
            let applies = self.selected(at, command) != command.negated;
            match &command.action {
                Action::Block(end) if !applies => {
                    at = *end;
                    continue;
                }
                _ if !applies => {}
                action => match self.act(at, command, action) {
                    Flow::Next => {}
                    Flow::Goto(to) => {
                        at = to;
                        continue;
                    }
                    other => return other,
                },
            }
            at += 1;
        }
        Flow::EndCycle { print: true }
    }

    fn act(&mut self, index: usize, command: &'a Command, action: &'a Action) -> Flow {
        let end = self.input.settings().end;
        match action {
            Action::Block(_) | Action::EndBlock | Action::Label | Action::Nothing => {}
            Action::Append(text) => self.appended.push(Appended::Text(text.clone())),
            Action::Insert(text) => self.put_text(text, end),
            Action::Change(text) => {
                // In a range the text is written once, at its end.
                let inside = command.second.is_some()
                    && !command.negated
                    && self.ranges.get(index).is_some_and(|range| range.active);
                if !inside {
                    self.put_text(text, end);
                }
                return Flow::EndCycle { print: false };
            }
            Action::Branch(to) => return Flow::Goto(*to),
            Action::BranchIf(to) => {
                if std::mem::take(&mut self.replaced) {
                    return Flow::Goto(*to);
                }
            }
            Action::BranchUnless(to) => {
                if !std::mem::take(&mut self.replaced) {
                    return Flow::Goto(*to);
                }
            }
            Action::Delete => return Flow::EndCycle { print: false },
            Action::DeleteFirst => match memchr::memchr(end, &self.space) {
                None => return Flow::EndCycle { print: false },
                Some(at) => {
                    self.space.drain(..=at);
                    self.again = true;
                    return Flow::EndCycle { print: false };
                }
            },
            Action::FileName => {
                let mut name = self.input.name.to_vec();
                name.push(end);
                self.put(&name);
            }
            Action::Get => {
                self.space.clone_from(&self.hold);
                self.ended = self.hold_ended;
            }
            Action::GetAppend => {
                self.space.push(end);
                self.space.extend_from_slice(&self.hold);
                self.ended = self.hold_ended;
            }
            Action::Hold => {
                self.hold.clone_from(&self.space);
                self.hold_ended = self.ended;
            }
            Action::HoldAppend => {
                self.hold.push(end);
                self.hold.extend_from_slice(&self.space);
                self.hold_ended = self.ended;
            }
            Action::Exchange => {
                std::mem::swap(&mut self.space, &mut self.hold);
                std::mem::swap(&mut self.ended, &mut self.hold_ended);
            }
            Action::List(length) => {
                let length = length.unwrap_or(self.input.settings().line_length);
                let text = [listed(&self.space, length).as_slice(), b"$", &[end]].concat();
                self.put(&text);
            }
            Action::Next => {
                if self.input.is_at_end() {
                    return Flow::Quit {
                        print: true,
                        status: 0,
                    };
                }
                if !self.input.settings().quiet {
                    self.print_space();
                }
                if !self.read_line(false) {
                    return Flow::Quit {
                        print: false,
                        status: 0,
                    };
                }
            }
            Action::NextAppend => {
                if self.input.is_at_end() {
                    return Flow::Quit {
                        print: true,
                        status: 0,
                    };
                }
                if !self.read_line(true) {
                    return Flow::Quit {
                        print: false,
                        status: 0,
                    };
                }
            }
            Action::Print => self.print_space(),
            Action::PrintFirst => {
                let newline = memchr::memchr(end, &self.space);
                let until = newline.unwrap_or(self.space.len());
                let mut first = self.space.get(..until).unwrap_or_default().to_vec();
                let ended = newline.is_some() || self.ended;
                if ended {
                    first.push(end);
                }
                self.put(&first);
                self.missing_end = !ended;
            }
            Action::Quit(status) => {
                return Flow::Quit {
                    print: true,
                    status: *status,
                };
            }
            Action::QuitSilently(status) => {
                return Flow::Quit {
                    print: false,
                    status: *status,
                };
            }
            Action::ReadFile(name) => self.appended.push(Appended::File(name.clone())),
            Action::ReadLine(number) => self.appended.push(Appended::Line(*number)),
            Action::Substitute(found) => {
                let Some(regex) = found.regex.as_ref().or(self.last) else {
                    program::die(1, &[b"no previous regular expression"]);
                };
                self.last = Some(regex);
                if let Some(space) = substitute::apply(found, regex, &mut self.cache, &self.space) {
                    self.space = space;
                    self.replaced = true;
                    if found.print > 0 {
                        self.print_space();
                    }
                    if let Some(number) = found.file {
                        let space = self.space.clone();
                        self.write(number, &space, self.ended);
                    }
                }
            }
            Action::WriteFile(number) => {
                let space = self.space.clone();
                self.write(*number, &space, self.ended);
            }
            Action::WriteFirst(number) => {
                let newline = memchr::memchr(end, &self.space);
                let until = newline.unwrap_or(self.space.len());
                let first = self.space.get(..until).unwrap_or_default().to_vec();
                self.write(*number, &first, newline.is_some() || self.ended);
            }
            Action::Translate(table) => {
                for byte in &mut self.space {
                    if let Some(to) = table.get(usize::from(*byte)) {
                        *byte = *to;
                    }
                }
            }
            Action::LineNumber => {
                let number = self.input.line.to_string();
                self.put(&[number.as_bytes(), &[end]].concat());
            }
            Action::Zap => self.space.clear(),
        }
        Flow::Next
    }
}

/// `l`: everything visible, in lines of at most `length`.
fn listed(text: &[u8], length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut column = 0;
    for byte in text {
        let shown: Vec<u8> = match byte {
            b'\\' => b"\\\\".to_vec(),
            7 => b"\\a".to_vec(),
            8 => b"\\b".to_vec(),
            0x0c => b"\\f".to_vec(),
            b'\n' => b"\\n".to_vec(),
            b'\r' => b"\\r".to_vec(),
            b'\t' => b"\\t".to_vec(),
            0x0b => b"\\v".to_vec(),
            0x20..0x7f => vec![*byte],
            _ => format!("\\{byte:03o}").into_bytes(),
        };
        if length > 0 && column + shown.len() > length - 1 {
            out.extend_from_slice(b"\\\n");
            column = 0;
        }
        column += shown.len();
        out.extend_from_slice(&shown);
    }
    out
}
