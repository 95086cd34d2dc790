//! `xargs`. Commands run one after the other, whatever `-P` says: that is one of the orders which
//! GNU allows.

use crate::shared::io::{Records, Source};
use crate::shared::options::{Spec, flag, maybe, parse, value};
use crate::shared::{io, process, program, quote};
use bstr::{BString, ByteSlice};
use rustix::io::Errno;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('0', "null"),
        value('a', "arg-file"),
        value('d', "delimiter"),
        value('I', ""),
        maybe('i', "replace"),
        value('L', "max-lines"),
        value('n', "max-args"),
        value('P', "max-procs"),
        flag('r', "no-run-if-empty"),
        value('s', "max-chars"),
        flag('t', "verbose"),
        flag('x', "exit"),
    ],
    permute: false,
    usage: 1,
};

/// Bytes of a command line, as GNU takes them if the system allows more.
const MOST_BYTES: usize = 128 * 1024;

struct Xargs {
    command: Vec<BString>,
    environment: Vec<BString>,
    words: Vec<BString>,
    bytes: usize,
    most_words: usize,
    most_bytes: usize,
    verbose: bool,
    stdin: bool,
    status: u8,
}

fn number(text: &BString, option: &str, least: usize) -> usize {
    let plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match text
        .to_str()
        .ok()
        .filter(|_| plain)
        .and_then(|text| text.parse().ok())
    {
        Some(number) if number >= least => number,
        Some(_) => program::usage_error(
            1,
            &[format!("value {text} for -{option} option should be >= {least}").as_bytes()],
        ),
        None => program::usage_error(
            1,
            &[format!("invalid number \"{text}\" for -{option} option").as_bytes()],
        ),
    }
}

/// Runs `xargs`.
pub fn run(words: Vec<BString>) -> u8 {
    let parsed = parse(&SPEC, words);
    if let Some(text) = parsed.value('P') {
        number(text, "P", 0);
    }
    let file = parsed.value('a').filter(|it| *it != "-");
    let source = match file {
        None => Source::Stdin,
        Some(path) => match crate::shared::fs::open_read(path) {
            Ok(file) => Source::File(file),
            Err(errno) => program::die_errno(
                1,
                &[b"Cannot open input file ", &quote::always(path)],
                errno,
            ),
        },
    };
    let delimiter = match parsed.last_of(&['0', 'd']) {
        Some('0') => Some(0),
        Some(_) => parsed.value('d').map(|text| match text.as_slice() {
            [only] => *only,
            b"\\n" => b'\n',
            b"\\0" => 0,
            b"\\t" => b'\t',
            _ => program::refuse("a delimiter of this kind"),
        }),
        None => None,
    };
    // Of -I, -L and -n the last holds.
    let mode = parsed.last_of(&['I', 'i', 'L', 'n']);
    let replace = match mode {
        Some('I') => parsed.value('I').cloned(),
        Some('i') => Some(parsed.value('i').cloned().unwrap_or_else(|| "{}".into())),
        _ => None,
    };
    let given = [
        parsed.has('I') || parsed.has('i'),
        parsed.has('L'),
        parsed.has('n'),
    ];
    if given.iter().filter(|it| **it).count() > 1 {
        program::refuse("more than one of -I, -L and -n");
    }
    let lines = parsed.value('L').map(|text| number(text, "L", 1));
    let mut command = parsed.operands.clone();
    if command.is_empty() {
        command.push("echo".into());
    }
    let mut xargs = Xargs {
        bytes: 0,
        environment: process::environment(),
        words: Vec::new(),
        most_words: parsed
            .value('n')
            .map_or(usize::MAX, |text| number(text, "n", 1)),
        most_bytes: parsed
            .value('s')
            .map_or(MOST_BYTES, |text| number(text, "s", 1).min(MOST_BYTES)),
        verbose: parsed.has('t'),
        stdin: file.is_some(),
        status: 0,
        command,
    };
    xargs.bytes = xargs.command_bytes();
    let mut records = Records::new(source, delimiter.unwrap_or(b'\n'));
    if let Some(token) = replace {
        return xargs.replace(&mut records, delimiter, &token);
    }
    let mut started = false;
    let mut record = Vec::new();
    let mut count = 0;
    let mut unfinished = false;
    while read(&mut records, &mut record) {
        let line_words;
        if let Some(end) = delimiter {
            if record.last() == Some(&end) {
                record.pop();
            }
            line_words = vec![BString::from(record.as_slice())];
        } else {
            line_words = split(&record);
        }
        // A blank at its end makes a line go on in the next one.
        let continues = delimiter.is_none()
            && lines.is_some()
            && matches!(record.as_slice(), [.., b' ' | b'\t', b'\n']);
        let blank = line_words.is_empty();
        for word in line_words {
            started = true;
            xargs.add(word, parsed.has('x'));
        }
        unfinished = continues;
        if let Some(lines) = lines
            && !blank
            && !unfinished
        {
            count += 1;
            if count == lines {
                xargs.flush();
                count = 0;
            }
        }
    }
    let _ = unfinished;
    if !xargs.words.is_empty() || (!started && !parsed.has('r')) {
        xargs.flush();
    }
    xargs.status
}

fn read(records: &mut Records, record: &mut Vec<u8>) -> bool {
    match records.next(record) {
        Ok(more) => more,
        Err(errno) => program::die_errno(1, &[b"read error"], errno),
    }
}

/// The words of a line: blanks part them, quotes and backslashes keep.
fn split(line: &[u8]) -> Vec<BString> {
    let mut words = Vec::new();
    let mut word: Option<BString> = None;
    let mut rest = line;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\n' => break,
            b' ' | b'\t' | 0x0b | 0x0c | b'\r' => words.extend(word.take()),
            b'\\' => match rest.split_first() {
                Some((b'\n', _)) => program::refuse("a backslash before the end of a line"),
                Some((next, after)) => {
                    word.get_or_insert_default().push(*next);
                    rest = after;
                }
                None => program::refuse("a backslash at the end of the input"),
            },
            quote @ (b'\'' | b'"') => {
                match rest.iter().position(|it| it == quote || *it == b'\n') {
                    Some(at) if rest.get(at) == Some(quote) => {
                        word.get_or_insert_default()
                            .extend_from_slice(rest.get(..at).unwrap_or_default());
                        rest = rest.get(at + 1..).unwrap_or_default();
                    }
                    _ => {
                        let name = if *quote == b'"' { "double" } else { "single" };
                        let text = format!(
                            "unmatched {name} quote; by default quotes are special to xargs unless you use the -0 option"
                        );
                        program::die(1, &[text.as_bytes()]);
                    }
                }
            }
            0 => program::refuse("a NUL in the input of xargs without -0"),
            byte => word.get_or_insert_default().push(*byte),
        }
    }
    words.extend(word);
    words
}

impl Xargs {
    fn command_bytes(&self) -> usize {
        self.command.iter().map(|word| word.len() + 1).sum()
    }

    fn add(&mut self, word: BString, exit: bool) {
        if self.bytes + word.len() + 1 > self.most_bytes {
            if self.words.is_empty() {
                program::die(1, &[b"argument line too long"]);
            }
            if exit {
                program::die(1, &[b"argument list too long"]);
            }
            self.flush();
        }
        self.bytes += word.len() + 1;
        self.words.push(word);
        if self.words.len() >= self.most_words {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        self.bytes = self.command_bytes();
        self.start([self.command.clone(), words].concat());
    }

    /// `-I`: a command per line, with the line in place of the token.
    fn replace(&mut self, records: &mut Records, delimiter: Option<u8>, token: &[u8]) -> u8 {
        let mut record = Vec::new();
        while read(records, &mut record) {
            let line = match delimiter {
                Some(end) => {
                    if record.last() == Some(&end) {
                        record.pop();
                    }
                    BString::from(record.as_slice())
                }
                None => {
                    let start = record
                        .iter()
                        .position(|it| *it != b' ' && *it != b'\t')
                        .unwrap_or(record.len());
                    let rest = record.get(start..).unwrap_or_default();
                    // Quotes are taken away, blanks stay.
                    let kept = rest.strip_suffix(b"\n").unwrap_or(rest);
                    let hidden = kept.replace(b" ", b"\\ ").replace(b"\t", b"\\\t");
                    if kept.iter().any(|it| b"'\"\\".contains(it)) && kept.contains(&b' ') {
                        program::refuse("quotes and blanks in a line for -I");
                    }
                    match split(&hidden).pop() {
                        Some(line) => line,
                        None => continue,
                    }
                }
            };
            if delimiter.is_some() && line.is_empty() {
                program::refuse("an empty item for -I");
            }
            let mut argv = self.command.clone();
            for word in argv.iter_mut().skip(1) {
                *word = word.replace(token, &line).into();
            }
            self.start(argv);
        }
        self.status
    }

    fn start(&mut self, argv: Vec<BString>) {
        if self.verbose {
            let shown: Vec<BString> = argv
                .iter()
                .map(|word| quote::shell_if_needed(word))
                .collect();
            let mut line = bstr::join(" ", shown);
            line.push(b'\n');
            io::write_error(&line);
        }
        io::flush_quietly();
        let name = argv.first().cloned().unwrap_or_default();
        match process::run(&argv, &self.environment, self.stdin) {
            Ok(ended) if ended.signalled => {
                let text = format!("terminated by signal {}", ended.code.wrapping_sub(128));
                program::die(125, &[&name, b": ", text.as_bytes()]);
            }
            Ok(ended) if ended.code == 255 => {
                program::die(124, &[&name, b": exited with status 255; aborting"]);
            }
            Ok(ended) if ended.code != 0 => self.status = 123,
            Ok(_) => {}
            Err(errno) => {
                let status = if errno == Errno::NOENT { 127 } else { 126 };
                program::die_errno(status, &[&name], errno);
            }
        }
    }
}
