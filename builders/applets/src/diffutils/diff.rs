//! `diff`: operands, directories, and what is said about a pair of files.
//!
//! Counterpart: diffutils' `diff.c` and `dir.c`.

use super::lines::{Equality, split};
use super::trivial::Trivial;
use super::{columns, output, script};
use crate::findutils::glob;
use crate::regex::{Regex, Syntax};
use crate::shared::errno;
use crate::shared::fs::{self, Kind};
use crate::shared::io::{self, Source};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse, value};
use crate::shared::{process, program};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;
use std::collections::BTreeSet;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('a', "text"),
        flag('b', "ignore-space-change"),
        flag('B', "ignore-blank-lines"),
        flag('c', ""),
        value('C', ""),
        maybe('ç', "context"),
        flag('e', "ed"),
        value('F', "show-function-line"),
        flag('i', "ignore-case"),
        value('I', "ignore-matching-lines"),
        flag('ļ', "left-column"),
        value('ł', "label"),
        flag('n', "rcs"),
        flag('N', "new-file"),
        flag('ņ', "normal"),
        flag('p', "show-c-function"),
        flag('q', "brief"),
        flag('r', "recursive"),
        flag('s', "report-identical-files"),
        flag('ş', "strip-trailing-cr"),
        flag('ŝ', "suppress-common-lines"),
        flag('t', "expand-tabs"),
        flag('u', ""),
        value('U', ""),
        maybe('ü', "unified"),
        flag('w', "ignore-all-space"),
        value('W', "width"),
        value('x', "exclude"),
        value('X', "exclude-from"),
        flag('y', "side-by-side"),
        flag('Z', "ignore-trailing-space"),
    ],
    permute: true,
    usage: 2,
};

/// The place in which GNU diff looks for a NUL: one block.
const BLOCK: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Normal,
    Context,
    Unified,
    Rcs,
    Ed,
    Columns,
}

struct Diff {
    equality: Equality,
    style: Style,
    shown: output::Shown,
    trivial: Trivial,
    layout: columns::Layout,
    /// An end without a newline, which a script for `ed` cannot have.
    incomplete: std::cell::Cell<bool>,
    /// Patterns of names that are left out of directories.
    excluded: Vec<BString>,
    brief: bool,
    text: bool,
    recursive: bool,
    new_file: bool,
    identical: bool,
    labels: Vec<BString>,
    /// The options as they were given, for the line before a file's changes.
    switches: BString,
}

/// One side of a comparison.
enum Side {
    Missing,
    Directory,
    Content(Vec<u8>),
}

/// Runs it.
pub fn run(words: Vec<BString>) -> u8 {
    let parsed = parse(&SPEC, words.clone());
    let (one, two) = match parsed.operands.as_slice() {
        [] => program::usage_error(2, &[b"missing operand after '", last(&words), b"'"]),
        [one] => program::usage_error(2, &[b"missing operand after '", one, b"'"]),
        [one, two] => (one.clone(), two.clone()),
        [_, _, extra, ..] => program::usage_error(2, &[b"extra operand '", extra, b"'"]),
    };
    let diff = Diff::new(&parsed, &words);
    let status = compare(&diff, &one, &two);
    if diff.incomplete.get() { 2 } else { status }
}

fn compare(diff: &Diff, one: &BString, two: &BString) -> u8 {
    let is_dir = |path: &BString| path != "-" && fs::stat(path).is_ok_and(|it| it.is_dir());
    match (is_dir(one), is_dir(two)) {
        (true, false) if *two != "-" => {
            let name = fs::base_name(two).to_vec();
            diff.pair(&fs::join(one, &name), two, true)
        }
        (false, true) if *one != "-" => {
            let name = fs::base_name(one).to_vec();
            diff.pair(one, &fs::join(two, &name), true)
        }
        (true, true) => diff.directories(one, two),
        _ => diff.pair(one, two, true),
    }
}

fn last(words: &[BString]) -> &[u8] {
    words.last().map_or(program::name(), |word| word.as_slice())
}

impl Diff {
    fn new(parsed: &Parsed, words: &[BString]) -> Diff {
        let context = |text: &BString| match text.to_str().ok().and_then(|it| it.parse().ok()) {
            Some(count) => count,
            None => program::usage_error(2, &[b"invalid context length '", text, b"'"]),
        };
        let (mut lines, mut style) = (None, None);
        for (key, text) in &parsed.options {
            let (wanted, count) = match (key, text) {
                ('u', _) | ('ü', None) => (Style::Unified, Some(3)),
                ('U' | 'ü', Some(text)) => (Style::Unified, Some(context(text))),
                ('c', _) | ('ç', None) => (Style::Context, Some(3)),
                ('C' | 'ç', Some(text)) => (Style::Context, Some(context(text))),
                ('n', _) => (Style::Rcs, None),
                ('ņ', _) => (Style::Normal, None),
                ('e', _) => (Style::Ed, None),
                ('y', _) => (Style::Columns, None),
                _ => continue,
            };
            if style.is_some_and(|style| style != wanted) {
                program::refuse("two formats at once");
            }
            style = Some(wanted);
            lines = lines.max(count);
        }
        let function = parsed.has('p') || parsed.has('F');
        let style = style.unwrap_or(if parsed.has('p') {
            Style::Context
        } else {
            Style::Normal
        });
        if parsed.has('p') && !matches!(style, Style::Context | Style::Unified) {
            program::refuse("the functions of changes without context");
        }
        let excluded = parsed.options.iter().filter(|(key, _)| *key == 'x');
        let mut excluded: Vec<BString> = excluded.filter_map(|(_, text)| text.clone()).collect();
        for (_, file) in parsed.options.iter().filter(|(key, _)| *key == 'X') {
            excluded.extend(patterns(file.as_ref().map_or(b"", |it| it.as_slice())));
        }
        if excluded
            .iter()
            .any(|it| it.contains(&b'\\') || it.contains(&b'/'))
        {
            program::refuse("a pattern of names with a backslash or a slash");
        }
        if parsed.has('ş') {
            program::refuse("--strip-trailing-cr");
        }
        let labels = parsed.options.iter().filter(|(key, _)| *key == 'ł');
        let labels: Vec<BString> = labels.filter_map(|(_, text)| text.clone()).collect();
        if labels.len() > 2 {
            program::die(2, &[b"too many file label options"]);
        }
        let heads = regex(parsed, 'F', parsed.has('p').then_some("^[[:alpha:]$_]"));
        let width = parsed.value('W').map_or(Some(130), |text| {
            text.to_str().ok().and_then(|it| it.parse().ok())
        });
        let layout = columns::Layout {
            width: match width {
                Some(width @ 1..=100_000) => width,
                _ => program::refuse("a strange width"),
            },
            expand: parsed.has('t'),
            left: parsed.has('ļ'),
            suppress: parsed.has('ŝ'),
        };
        if style != Style::Columns && (layout.expand || layout.left || layout.suppress) {
            program::refuse("options of two columns without -y");
        }
        // What is no operand is an option or its value.
        let mut switches = BString::default();
        let mut operands = parsed.operands.iter().peekable();
        for word in words {
            if operands.peek() == Some(&word) {
                operands.next();
                continue;
            }
            if word == "--" {
                continue;
            }
            switches.push(b' ');
            switches.extend_from_slice(&crate::shared::quote::shell_if_needed(word));
        }
        Diff {
            equality: Equality {
                ignore_case: parsed.has('i'),
                space_change: parsed.has('b'),
                all_space: parsed.has('w'),
                trailing_space: parsed.has('Z'),
            },
            style,
            shown: output::Shown {
                context: lines.unwrap_or(if style == Style::Context { 3 } else { 0 }),
                function: heads.filter(|_| function),
            },
            trivial: Trivial {
                blank: parsed.has('B'),
                pattern: regex(parsed, 'I', None),
            },
            layout,
            incomplete: std::cell::Cell::new(false),
            excluded,
            brief: parsed.has('q'),
            text: parsed.has('a'),
            recursive: parsed.has('r'),
            new_file: parsed.has('N'),
            identical: parsed.has('s'),
            labels,
            switches,
        }
    }

    /// What a name leads to.
    fn side(&self, path: &BString) -> errno::Result<Side> {
        if path == "-" {
            return Source::Stdin.read_to_end().map(Side::Content);
        }
        match fs::stat(path) {
            Err(Errno::NOENT) if self.new_file => return Ok(Side::Missing),
            Err(number) => return Err(number),
            Ok(meta) => match meta.kind {
                Kind::Directory => return Ok(Side::Directory),
                Kind::File | Kind::Fifo => {}
                _ => program::refuse("a file that is neither plain nor a directory"),
            },
        }
        Source::open(path)
            .and_then(|it| it.read_to_end())
            .map(Side::Content)
    }

    /// Compares two names that are not both directories at the top.
    fn pair(&self, one: &BString, two: &BString, top: bool) -> u8 {
        let mut sides = Vec::new();
        let mut failed = false;
        for path in [one, two] {
            match self.side(path) {
                Ok(side) => sides.push(side),
                Err(number) => {
                    program::complain_errno(&[path], number);
                    failed = true;
                }
            }
        }
        if failed {
            return 2;
        }
        match (sides.pop(), sides.pop()) {
            (Some(Side::Missing), Some(Side::Missing)) => {
                program::complain_errno(&[one], Errno::NOENT);
                program::complain_errno(&[two], Errno::NOENT);
                2
            }
            (Some(Side::Content(two_text)), Some(Side::Content(one_text))) => {
                self.contents(one, two, &one_text, &two_text, top)
            }
            (Some(Side::Missing), Some(Side::Content(text))) => {
                self.contents(one, two, &text, b"", top)
            }
            (Some(Side::Content(text)), Some(Side::Missing)) => {
                self.contents(one, two, b"", &text, top)
            }
            (Some(second), Some(first)) if !top => {
                let kind = |side: &Side, path: &BString| match side {
                    Side::Directory => "directory",
                    _ if fs::stat(path).is_ok_and(|it| it.size == 0) => "regular empty file",
                    _ => "regular file",
                };
                let (left, right) = (kind(&first, one), kind(&second, two));
                let text = format!("File {one} is a {left} while file {two} is a {right}\n");
                io::put(text.as_bytes());
                1
            }
            _ => program::refuse("a directory that is compared with something else"),
        }
    }

    fn directories(&self, one: &BString, two: &BString) -> u8 {
        let mut lists = Vec::new();
        for path in [one, two] {
            match fs::list(path) {
                Ok(names) => lists.push(names),
                Err(Errno::NOENT) if self.new_file => lists.push(Vec::new()),
                Err(number) => {
                    program::complain_errno(&[path], number);
                    return 2;
                }
            }
        }
        let mut names: BTreeSet<&BString> = lists.iter().flatten().collect();
        names.retain(|name| {
            let excludes = |it: &BString| glob::matches(it, name, glob::Options::default());
            !self.excluded.iter().any(excludes)
        });
        let mut status = 0;
        for name in names {
            let holds = |side: usize| lists.get(side).is_some_and(|it| it.contains(name));
            let (left, right) = (fs::join(one, name), fs::join(two, name));
            if !self.new_file {
                let only = match (holds(0), holds(1)) {
                    (true, false) => Some(one),
                    (false, true) => Some(two),
                    _ => None,
                };
                if let Some(place) = only {
                    io::put(format!("Only in {place}: {name}\n").as_bytes());
                    status = status.max(1);
                    continue;
                }
            }
            let is_dir = |path: &BString| fs::stat(path).is_ok_and(|it| it.is_dir());
            let is_missing = |path: &BString| fs::lstat(path).is_err();
            let both = match (is_dir(&left), is_dir(&right)) {
                (true, true) => true,
                (true, false) => is_missing(&right),
                (false, true) => is_missing(&left),
                _ => false,
            };
            status = status.max(if !both {
                self.pair(&left, &right, false)
            } else if self.recursive {
                self.directories(&left, &right)
            } else {
                io::put(format!("Common subdirectories: {left} and {right}\n").as_bytes());
                0
            });
        }
        status
    }

    fn contents(&self, one: &BString, two: &BString, left: &[u8], right: &[u8], top: bool) -> u8 {
        let say = |text: String| io::put(text.as_bytes());
        if left == right && self.style == Style::Columns && !self.brief {
            let texts = split(left, right, self.equality, usize::MAX);
            columns::put(&texts, &[], self.layout);
        }
        if left == right {
            if self.identical {
                say(format!("Files {one} and {two} are identical\n"));
            }
            return 0;
        }
        if !self.text && (is_binary(left) || is_binary(right)) {
            let kind = if self.brief { "Files" } else { "Binary files" };
            say(format!("{kind} {one} and {two} differ\n"));
            return 1;
        }
        // A script for `ed` cannot tell of a newline that is missing at the end.
        let ends = |text: &[u8]| text.is_empty() || text.ends_with(b"\n");
        let (mut left, mut right) = (left, right);
        let mut whole: [Vec<u8>; 2];
        if self.style == Style::Ed {
            whole = [left.to_vec(), right.to_vec()];
            let labels = [self.labels.first(), self.labels.get(1)];
            let names = [labels[0].unwrap_or(one), labels[1].unwrap_or(two)];
            for (path, text) in names.into_iter().zip(&mut whole) {
                if !ends(text) {
                    program::complain(&[path, b": No newline at end of file\n"]);
                    self.incomplete.set(true);
                    text.push(b'\n');
                }
            }
            [left, right] = [&whole[0], &whole[1]];
        }
        let texts = split(left, right, self.equality, self.shown.context);
        let mut changes = script::changes(&texts);
        self.trivial.mark(&texts, &mut changes, &self.equality);
        if changes.iter().all(|it| it.trivial) {
            if self.style == Style::Columns && !self.brief {
                columns::put(&texts, &changes, self.layout);
            }
            if self.identical {
                say(format!("Files {one} and {two} are identical\n"));
            }
            return 0;
        }
        if self.brief {
            say(format!("Files {one} and {two} differ\n"));
            return 1;
        }
        if !top {
            let quote = crate::shared::quote::shell_if_needed;
            say(format!(
                "diff{} {} {}\n",
                self.switches,
                quote(one),
                quote(two)
            ));
        }
        match self.style {
            Style::Normal => output::normal(&texts, &changes),
            Style::Rcs => output::rcs(&texts, &changes),
            Style::Ed => {
                output::ed(&texts, &changes);
            }
            Style::Columns => columns::put(&texts, &changes, self.layout),
            Style::Context => {
                self.header("***", one, 0);
                self.header("---", two, 1);
                output::context(&texts, &changes, &self.shown);
            }
            Style::Unified => {
                self.header("---", one, 0);
                self.header("+++", two, 1);
                output::unified(&texts, &changes, &self.shown);
            }
        }
        1
    }

    fn header(&self, mark: &str, path: &BString, number: usize) {
        if let Some(label) = self.labels.get(number) {
            io::put(format!("{mark} {label}\n").as_bytes());
            return;
        }
        let plain = |byte: &u8| (0x21..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\');
        if path == "-" || !path.iter().all(plain) {
            program::refuse("the name of standard input, or one in quotes, before changes");
        }
        let environment = process::environment();
        let zone = process::variable(&environment, "TZ").unwrap_or(b"UTC");
        if !matches!(zone, b"" | b"UTC" | b"UTC0" | b"GMT" | b"GMT0") {
            program::refuse("times in another zone than UTC");
        }
        let (seconds, nanoseconds) = match fs::stat(path) {
            Ok(meta) => meta.times[1],
            Err(_) => (0, 0),
        };
        if self.style == Style::Context {
            // POSIX has the time of the context format so.
            let broken = crate::shared::time::broken_down(seconds);
            let time = crate::shared::time::strftime("%a %b %e %T %Y", &broken);
            io::put(format!("{mark} {path}\t{}\n", time.unwrap_or_default()).as_bytes());
            return;
        }
        let time = crate::shared::time::date(seconds);
        let [year, month, day, hour, minute, second] = time;
        let text = format!(
            "{mark} {path}\t{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nanoseconds:09} +0000\n"
        );
        io::put(text.as_bytes());
    }
}

/// Patterns of one option joined to one expression.
fn regex(parsed: &Parsed, key: char, more: Option<&str>) -> Option<Regex> {
    let given = parsed.options.iter().filter(|(found, _)| *found == key);
    let mut all: Vec<BString> = given.filter_map(|(_, text)| text.clone()).collect();
    all.extend(more.map(BString::from));
    if all.is_empty() {
        return None;
    }
    let syntax = Syntax {
        ignore_case: parsed.has('i'),
        ..Syntax::default()
    };
    match Regex::new(&bstr::join("\\|", &all), syntax) {
        Ok(regex) => Some(regex),
        Err(_) => program::refuse("a broken regular expression"),
    }
}

/// The patterns of a file, one to a line.
fn patterns(file: &[u8]) -> Vec<BString> {
    let text = match Source::open(file).and_then(|it| it.read_to_end()) {
        Ok(text) => text,
        Err(number) => program::die_errno(2, &[file], number),
    };
    let lines = text.lines().map(|it| BString::from(it.trim_ascii_end()));
    lines.filter(|it| !it.is_empty()).collect()
}

fn is_binary(text: &[u8]) -> bool {
    let block = text.get(..BLOCK.min(text.len())).unwrap_or_default();
    if block.contains(&0) {
        return true;
    }
    if text.contains(&0) {
        program::refuse("a NUL beyond the first block, of which it depends whether diff sees it");
    }
    false
}
