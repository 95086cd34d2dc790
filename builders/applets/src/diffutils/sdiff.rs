//! `sdiff`: `diff -y` under another name. Merging (`-o`) asks a person, and is refused.
//!
//! Counterpart: diffutils' `sdiff.c`.

use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::program;
use bstr::BString;

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('a', "text"),
        flag('b', "ignore-space-change"),
        flag('B', "ignore-blank-lines"),
        flag('i', "ignore-case"),
        value('I', "ignore-matching-lines"),
        flag('l', "left-column"),
        flag('s', "suppress-common-lines"),
        flag('t', "expand-tabs"),
        value('w', "width"),
        flag('W', "ignore-all-space"),
        flag('Z', "ignore-trailing-space"),
    ],
    permute: true,
    usage: 2,
};

/// Runs it.
pub fn run(words: Vec<BString>) -> u8 {
    let parsed = parse(&SPEC, words);
    if parsed.operands.len() != 2 {
        program::refuse("not two files");
    }
    let mut words = vec![BString::from("-y")];
    for (key, value) in &parsed.options {
        let option = match key {
            'l' => "--left-column".to_owned(),
            's' => "--suppress-common-lines".to_owned(),
            'w' => "-W".to_owned(),
            'W' => "-w".to_owned(),
            other => format!("-{other}"),
        };
        words.push(option.into());
        words.extend(value.clone());
    }
    words.push("--".into());
    words.extend(parsed.operands);
    super::diff::run(words)
}
