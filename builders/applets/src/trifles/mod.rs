//! Trifles of other packages, in one module: `lndir` of xorg, `rev` of util-linux, `which`,
//! `getent` of glibc, `hostname`.

use crate::shared::program;
use bstr::{BString, ByteSlice};

mod getent;
mod lndir;
mod rev;
mod which;

/// Package, name, what the table of options says, and the program.
type Trifle = (
    &'static str,
    &'static str,
    &'static str,
    fn(Vec<BString>) -> u8,
);

/// Every trifle.
pub(crate) const TRIFLES: &[Trifle] = &[
    ("glibc", "getent", "`passwd`, `group`", getent::getent),
    ("hostname", "hostname", "`-s --short`", getent::hostname),
    ("lndir", "lndir", "`-silent`", lndir::lndir),
    ("util-linux", "rev", "none", rev::rev),
    ("which", "which", "`-a --all`", which::which),
];

/// Runs the trifle that the process was started as.
pub fn main() -> ! {
    let words = program::start();
    let name = program::base_name();
    match TRIFLES.iter().find(|(_, it, ..)| it.as_bytes() == name) {
        Some((.., run)) => program::exit(run(words)),
        None => program::refuse(&format!("there is no program '{}' here", name.as_bstr())),
    }
}

/// The only option of a program, or a refusal; what is left are operands.
fn operands(words: Vec<BString>, options: &[&str]) -> (bool, Vec<BString>) {
    let (mut found, mut operands) = (false, Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            operands.extend(words);
            break;
        }
        if options.iter().any(|option| word == *option) {
            found = true;
        } else if word.len() > 1 && word.starts_with(b"-") {
            program::refuse(&format!("the option '{word}' is beyond this applet"));
        } else {
            operands.push(word);
        }
    }
    (found, operands)
}
