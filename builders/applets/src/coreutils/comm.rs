//! `comm`.
//!
//! Counterpart: coreutils' `comm.c`, with its moments of noticing disorder.

use super::{Utility, lines};
use crate::shared::io::Records;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::BString;
use std::cmp::Ordering;

pub const COMM: Utility = Utility {
    name: "comm",
    spec: Spec {
        options: &[
            flag('1', ""),
            flag('2', ""),
            flag('3', ""),
            flag('č', "check-order"),
            flag('ň', "nocheck-order"),
            value('ô', "output-delimiter"),
            flag('ť', "total"),
            flag('z', "zero-terminated"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// One of the two inputs: the lines that were read last, newest first, and where more come from.
struct Input {
    records: Records,
    recent: [Option<Vec<u8>>; 3],
    told: bool,
}

struct Comm {
    /// Whether order is checked: always, never, or once something is unpaired.
    check: Option<bool>,
    unpaired: bool,
    end: u8,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let separators: Vec<&BString> = parsed
        .options
        .iter()
        .filter(|(key, _)| *key == 'ô')
        .filter_map(|(_, text)| text.as_ref())
        .collect();
    if separators
        .windows(2)
        .any(|pair| pair.first() != pair.last())
    {
        program::die(1, &[b"multiple output delimiters specified"]);
    }
    let separator: &[u8] = match separators.first() {
        Some(text) if text.is_empty() => b"\0",
        Some(text) => text,
        None => b"\t",
    };
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let (first, second) = match parsed.operands.as_slice() {
        [] => program::usage_error(1, &[b"missing operand"]),
        [only] => program::usage_error(1, &[b"missing operand after ", &quote::locale(only)]),
        [first, second] => (first, second),
        [_, _, extra, ..] => program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]),
    };
    let open = |path: &BString| match lines::open(path) {
        Ok(source) => Input {
            records: Records::new(source, end),
            recent: [None, None, None],
            told: false,
        },
        Err(errno) => program::die_errno(1, &[&quote::maybe(path)], errno),
    };
    let mut inputs = [open(first), open(second)];
    let mut comm = Comm {
        check: parsed.last_of(&['č', 'ň']).map(|key| key == 'č'),
        unpaired: false,
        end,
    };
    let shown = [!parsed.has('1'), !parsed.has('2'), !parsed.has('3')];
    let mut totals = [0u64; 3];
    let [one, two] = &mut inputs;
    comm.next(one, 1);
    comm.next(two, 2);
    loop {
        let order = match (&one.recent[0], &two.recent[0]) {
            (None, None) => break,
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
            (Some(a), Some(b)) => a.cmp(b),
        };
        let (class, line) = match order {
            Ordering::Less => (0, &one.recent[0]),
            Ordering::Greater => (1, &two.recent[0]),
            Ordering::Equal => (2, &two.recent[0]),
        };
        comm.unpaired |= order.is_ne();
        if let (Some(true), Some(total)) = (shown.get(class), totals.get_mut(class)) {
            for before in shown.iter().take(class) {
                if *before {
                    io::put(separator);
                }
            }
            io::put(line.as_deref().unwrap_or_default());
            io::put(&[end]);
            *total += 1;
        } else if let Some(total) = totals.get_mut(class) {
            *total += 1;
        }
        if order.is_le() {
            comm.next(one, 1);
        }
        if order.is_ge() {
            comm.next(two, 2);
        }
    }
    if parsed.has('ť') {
        for total in totals {
            io::put(total.to_string().as_bytes());
            io::put(separator);
        }
        io::put(b"total");
        io::put(&[end]);
    }
    if one.told || two.told {
        program::die(1, &[b"input is not in sorted order"]);
    }
    0
}

impl Comm {
    /// Reads the next line of an input and checks the order.
    fn next(&self, input: &mut Input, number: u8) {
        let first = input.recent[0].is_none();
        let mut line = Vec::new();
        let found = match input.records.next(&mut line) {
            Ok(found) => found,
            Err(errno) => program::die_errno(1, &[b"read error"], errno),
        };
        if line.last() == Some(&self.end) {
            line.pop();
        }
        let recent = &mut input.recent;
        recent.rotate_right(1);
        recent[0] = found.then_some(line);
        if first {
            return;
        }
        // At the end the last two lines are looked at again: something may be unpaired by now.
        let (before, after) = if found {
            (&recent[1], &recent[0])
        } else {
            (&recent[2], &recent[1])
        };
        let checked = self.check.unwrap_or(self.unpaired);
        if let (Some(before), Some(after)) = (before, after)
            && checked
            && !input.told
            && before > after
        {
            let text = format!("file {number} is not in sorted order");
            if self.check == Some(true) {
                program::die(1, &[text.as_bytes()]);
            }
            program::complain(&[text.as_bytes()]);
            input.told = true;
        }
    }
}
