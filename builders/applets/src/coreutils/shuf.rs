//! `shuf`.
//!
//! Counterpart: coreutils' `shuf.c`, with gnulib's `randint.c` and `randperm.c`: the same bytes of
//! `--random-source` give the same order. Without that option the order is random, in the sandbox by
//! the build's seed. Refused: `-n` of input that is no file or is larger than 8 MiB, which GNU samples
//! while it reads.

use super::{Utility, lines, number};
use crate::shared::io::{self, Source};
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{fs, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;

pub const SHUF: Utility = Utility {
    name: "shuf",
    spec: Spec {
        options: &[
            flag('e', "echo"),
            value('i', "input-range"),
            value('n', "head-count"),
            value('o', "output"),
            value('ŕ', "random-source"),
            flag('r', "repeat"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// Input beyond which GNU samples.
const SAMPLED: u64 = 8 << 20;

/// Random numbers from bytes, none of whose chances are lost (gnulib's `randint`).
struct Random {
    source: Source,
    name: BString,
    number: u64,
    most: u64,
}

impl Random {
    fn byte(&mut self) -> u64 {
        let mut byte = [0];
        match self.source.read(&mut byte) {
            Ok(1) => u64::from(byte[0]),
            Ok(_) => program::die(1, &[&quote::always(&self.name), b": end of file"]),
            Err(errno) => {
                program::die_errno(1, &[&quote::always(&self.name), b": read error"], errno)
            }
        }
    }

    /// A number below `choices`, which is at least 1.
    fn below(&mut self, choices: u64) -> u64 {
        let greatest = choices.saturating_sub(1);
        loop {
            while self.most < greatest {
                let byte = self.byte();
                self.number = self.number.wrapping_shl(8).wrapping_add(byte);
                self.most = self.most.wrapping_shl(8).wrapping_add(255);
            }
            if self.most == greatest {
                let found = self.number;
                (self.number, self.most) = (0, 0);
                return found;
            }
            let excess = self.most - greatest;
            let unusable = excess % choices;
            let last = self.most - unusable;
            if self.number <= last {
                let found = self.number % choices;
                (self.number, self.most) = (self.number / choices, excess / choices);
                return found;
            }
            (self.number, self.most) = (self.number - last - 1, unusable - 1);
        }
    }
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let count_of = |key| {
        parsed
            .options
            .iter()
            .filter(|(found, _)| *found == key)
            .count()
    };
    for (key, message) in [
        ('i', "multiple -i options specified"),
        ('o', "multiple output files specified"),
        ('ŕ', "multiple random sources specified"),
    ] {
        if count_of(key) > 1 {
            program::die(1, &[message.as_bytes()]);
        }
    }
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let most = parsed
        .options
        .iter()
        .filter(|(key, _)| *key == 'n')
        .filter_map(|(_, text)| text.as_ref())
        .map(|text| match number::size(text, b"") {
            Ok(count) => count,
            Err(number::Bad::Overflow) => u64::MAX,
            Err(_) => program::die(1, &[b"invalid line count: ", &quote::always(text)]),
        })
        .min();
    if parsed.has('e') && parsed.has('i') {
        program::usage_error(1, &[b"cannot combine -e and -i options"]);
    }
    let extra = match (parsed.has('i'), parsed.has('e')) {
        (true, _) => parsed.operands.first(),
        (_, true) => None,
        _ => parsed.operands.get(1),
    };
    if let Some(extra) = extra {
        program::usage_error(1, &[b"extra operand ", &quote::always(extra)]);
    }
    let repeat = parsed.has('r');
    let all: Vec<BString> = if let Some(text) = parsed.value('i') {
        range(text)
    } else if parsed.has('e') {
        parsed.operands.clone()
    } else {
        let text = input(parsed.operands.first(), most.filter(|_| !repeat));
        lines::split(&text, end)
            .map(|line| line.strip_suffix(&[end]).unwrap_or(line).into())
            .collect()
    };
    let mut random = random(parsed.value('ŕ'));
    let mut out = Vec::new();
    let mut put = |line: &BString| {
        out.extend_from_slice(line);
        out.push(end);
    };
    if repeat {
        let Some(most) = most else {
            program::refuse("shuf -r without -n");
        };
        if most > 0 && all.is_empty() {
            program::die(1, &[b"no lines to repeat"]);
        }
        for _ in 0..most {
            let at = random.below(all.len() as u64);
            if let Some(line) = usize::try_from(at).ok().and_then(|at| all.get(at)) {
                put(line);
            }
        }
    } else {
        let count = usize::try_from(most.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let count = count.min(all.len());
        let mut order: Vec<usize> = (0..all.len()).collect();
        for at in 0..count {
            let other = random.below((all.len() - at) as u64);
            order.swap(at, at + usize::try_from(other).unwrap_or(0));
            if let Some(line) = order.get(at).and_then(|at| all.get(*at)) {
                put(line);
            }
        }
    }
    let Some(path) = parsed.value('o') else {
        io::put(&out);
        return io::finish(0);
    };
    let written = fs::open_write(path, OFlags::CREATE | OFlags::TRUNC)
        .and_then(|file| io::write_all(&file, &out));
    match written {
        Ok(()) => 0,
        Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
    }
}

/// The numbers of `LO-HI`.
fn range(text: &[u8]) -> Vec<BString> {
    let wrong = || -> ! { program::die(1, &[b"invalid input range: ", &quote::always(text)]) };
    let Some((low, high)) = text.split_once_str("-") else {
        wrong();
    };
    let bound = |text: &[u8]| match number::size(text, b"") {
        Ok(number) => number,
        Err(number::Bad::Overflow) => program::refuse("an input range of more than 64 bits"),
        Err(_) => program::die(1, &[b"invalid input range: ", &quote::always(text)]),
    };
    let (low, high) = (bound(low), bound(high));
    if low > high {
        // One less than the first is a range of nothing.
        if low == high.wrapping_add(1) {
            return Vec::new();
        }
        wrong();
    }
    if high - low > 10_000_000 {
        program::refuse("an input range of more than ten million numbers");
    }
    (low..=high)
        .map(|number| number.to_string().into())
        .collect()
}

/// The text to shuffle.
fn input(path: Option<&BString>, most: Option<u64>) -> Vec<u8> {
    let name: &[u8] = path.map_or(b"-", |path| path.as_slice());
    let source = match Source::open(name) {
        Ok(source) => source,
        Err(errno) => program::die_errno(1, &[&quote::maybe(name)], errno),
    };
    let file = source
        .meta()
        .is_ok_and(|meta| meta.kind == fs::Kind::File && meta.size <= SAMPLED);
    if most.is_some() && !file {
        program::refuse("shuf -n of what is no small file");
    }
    match source.read_to_end() {
        Ok(text) => text,
        Err(errno) => program::die_errno(1, &[b"read error"], errno),
    }
}

/// Where the chances come from.
fn random(path: Option<&BString>) -> Random {
    let name: BString = path.cloned().unwrap_or_else(|| "/dev/urandom".into());
    match fs::open_read(&name) {
        Ok(file) => Random {
            source: Source::File(file),
            name,
            number: 0,
            most: 0,
        },
        Err(errno) => program::die_errno(1, &[&quote::maybe(&name)], errno),
    }
}
