//! `tsort`.
//!
//! Counterpart: coreutils' `tsort.c`: items without predecessors in the order of their names, their
//! successors the latest first. A loop is refused: GNU's way of telling of it follows its trees.

use super::{Utility, lines};
use crate::shared::options::{Spec, parse};
use crate::shared::{io, program, quote};
use bstr::BString;
use std::collections::{BTreeMap, VecDeque};

pub const TSORT: Utility = Utility {
    name: "tsort",
    spec: Spec {
        options: &[],
        permute: true,
        usage: 1,
    },
    run,
};

#[derive(Default)]
struct Item {
    before: usize,
    /// In the order in which they were read.
    after: Vec<BString>,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    if let [_, extra, ..] = parsed.operands.as_slice() {
        program::usage_error(1, &[b"extra operand ", &quote::locale(extra)]);
    }
    let path = parsed.operands.first().cloned().unwrap_or("-".into());
    let text = match lines::read(&path) {
        Ok(text) => text,
        Err(rustix::io::Errno::ISDIR) => program::die_errno(
            1,
            &[&quote::maybe(&path), b": read error"],
            rustix::io::Errno::ISDIR,
        ),
        Err(errno) => program::die_errno(1, &[&quote::maybe(&path)], errno),
    };
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    let words: Vec<&[u8]> = text.split(blank).filter(|word| !word.is_empty()).collect();
    if words.len() % 2 == 1 {
        let shown: &[u8] = &quote::maybe(&path);
        program::die(1, &[shown, b": input contains an odd number of tokens"]);
    }
    let mut items: BTreeMap<BString, Item> = BTreeMap::new();
    for pair in words.chunks(2) {
        let [first, second] = pair else { continue };
        items.entry((*second).into()).or_default();
        let item = items.entry((*first).into()).or_default();
        if first != second {
            item.after.push((*second).into());
            if let Some(second) = items.get_mut(*second) {
                second.before += 1;
            }
        }
    }
    let ready = items.iter().filter(|(_, item)| item.before == 0);
    let mut queue: VecDeque<BString> = ready.map(|(name, _)| name.clone()).collect();
    let mut done = 0;
    while let Some(name) = queue.pop_front() {
        done += 1;
        io::put(&name);
        io::put(b"\n");
        let after = items.get_mut(&name).map(|it| std::mem::take(&mut it.after));
        for next in after.unwrap_or_default().into_iter().rev() {
            if let Some(item) = items.get_mut(&next) {
                item.before -= 1;
                if item.before == 0 {
                    queue.push_back(next);
                }
            }
        }
    }
    if done < items.len() {
        program::refuse("a loop");
    }
    0
}
