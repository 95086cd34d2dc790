//! Which programs a build script looks as if it would start, without running it.
//!
//! Contract: a guess, for derivations that were never attempted. It looks at the attributes that stdenv runs
//! (`buildCommand`, phases, hooks) and at script files among the arguments, and only at words that stand
//! where a command stands: paths of programs in the store, and plain names that an input has in its `bin`.
//! What is computed, quoted, or in a sourced file is not seen; what stands in a branch that is not taken is.
//! Linear in the text.

use std::collections::BTreeSet;
use std::io;

use bstr::{BStr, ByteSlice};
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;

use crate::plan::Node;
use crate::printable;
use crate::programs::{self, Place};

/// The longest script that is looked at, in bytes.
const MAX_SCRIPT: u64 = 1 << 20;
/// How many guesses are kept of one derivation.
const MAX_GUESSES: usize = 20;

/// Words after which a command stands.
const LEADS: [&[u8]; 13] = [
    b"then", b"do", b"else", b"elif", b"if", b"while", b"until", b"!", b"{", b"exec", b"time",
    b"command", b"eval",
];

/// A program that may be met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guess {
    /// The program, as the script names it or where it lies.
    pub program: String,
    /// The attribute or file that it stands in.
    pub place: String,
}

/// What the scan asks of the world.
pub trait Programs {
    /// The whole derivation.
    ///
    /// # Errors
    /// When it cannot be read.
    fn derivation(&self, node: &Node) -> io::Result<Derivation>;
    /// The content of a file of the store, up to a length; none if it is not there.
    fn script(&self, path: &BStr, most: u64) -> Option<Vec<u8>>;
    /// The outputs of its inputs that are valid, and its sources.
    fn inputs(&self, node: &Node) -> Vec<StorePath>;
    /// Whether a path of the store has this program in its `bin`.
    fn has(&self, path: &StorePath, program: &BStr) -> bool;
}

/// The foreign programs that a derivation may meet.
pub(super) fn guesses(node: &Node, world: &dyn Programs) -> Vec<Guess> {
    let Ok(derivation) = world.derivation(node) else {
        return Vec::new();
    };
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in attributes(&derivation) {
        texts.push((name, value));
    }
    for argument in &derivation.arguments {
        if argument.starts_with(b"/nix/store/")
            && let Some(script) = world.script(argument.as_bstr(), MAX_SCRIPT)
        {
            let path = StorePath::from_absolute_path(argument);
            let name =
                path.map_or_else(|_| printable::name(argument), |path| path.name().to_owned());
            texts.push((name, script));
        }
    }
    let inputs = world.inputs(node);
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for (place, text) in &texts {
        for word in commands(text) {
            if !seen.insert(word) {
                continue;
            }
            if let Some(program) = foreign(word, &inputs, world) {
                found.insert(Guess {
                    program,
                    place: place.clone(),
                });
            }
        }
    }
    found.into_iter().take(MAX_GUESSES).collect()
}

/// The attributes that stdenv runs as scripts.
fn attributes(derivation: &Derivation) -> Vec<(String, Vec<u8>)> {
    let runs = |name: &str| {
        name == "buildCommand"
            || name.ends_with("Phase")
            || (name.starts_with("pre") || name.starts_with("post"))
                && name
                    .chars()
                    .nth(if name.starts_with("pre") { 3 } else { 4 })
                    .is_some_and(char::is_uppercase)
    };
    if let Ok(Some(structured)) = derivation.structured_attrs() {
        let members = structured.attributes().iter();
        return members
            .filter(|(name, _)| runs(name))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.as_bytes().to_vec())))
            .collect();
    }
    let variables = derivation.environment.iter();
    variables
        .filter_map(|(name, value)| {
            let name = name.to_str().ok().filter(|name| runs(name))?;
            Some((name.to_owned(), value.to_vec()))
        })
        .collect()
}

/// The program's name if the shell does not run it.
fn foreign(word: &[u8], inputs: &[StorePath], world: &dyn Programs) -> Option<String> {
    let unknown = |place: &Place<'_>| programs::row(place).is_none_or(|row| row.module.is_empty());
    if word.starts_with(b"/") {
        let place = Place::of(word.as_bstr()).filter(unknown)?;
        return Some(format!(
            "{} of {}",
            printable::name(place.program),
            place.package
        ));
    }
    let path = inputs.iter().find(|path| world.has(path, word.as_bstr()))?;
    let full = format!("{}/bin/", path.to_absolute_path());
    let full = [full.as_bytes(), word].concat();
    let place = Place::of(full.as_bstr()).filter(unknown)?;
    Some(format!(
        "{} of {}",
        printable::name(place.program),
        place.package
    ))
}

/// The plain words that stand where a command stands.
fn commands(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').flat_map(|line| {
        let mut found = Vec::new();
        let line = line.trim_ascii();
        if !line.starts_with(b"#") {
            let is_border = |byte: &u8| matches!(byte, b';' | b'|' | b'&' | b'(' | b'`');
            for part in line.split(is_border) {
                found.extend(first(part));
            }
        }
        found
    })
}

/// The command of a part of a line: the first word that is no lead and no assignment.
fn first(part: &[u8]) -> Option<&[u8]> {
    let mut words = part
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let word = words.find(|word| !LEADS.contains(word) && !is_assignment(word))?;
    let word = word.strip_suffix(b")").unwrap_or(word);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(byte);
    (word.iter().all(plain) && word.iter().any(u8::is_ascii_alphabetic)).then_some(word)
}

fn is_assignment(word: &[u8]) -> bool {
    let Some(at) = word.iter().position(|&byte| byte == b'=') else {
        return false;
    };
    let name = word.get(..at).unwrap_or_default();
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_the_place_of_a_command_are_found() {
        let text = b"  set -e # no\n# fc-cache\nif ! grep -q x y; then X=1 make all | sed s/a/b/; fi\n\
            a=$(xsltproc \"$b\"); $cmd; \"quoted\"; /nix/store/x/bin/y `w z`\nfor i in a b; do cp $i; done";
        let found: Vec<&str> = commands(text)
            .map(|word| std::str::from_utf8(word).expect("text"))
            .collect();
        assert_eq!(
            found,
            [
                "set",
                "grep",
                "make",
                "sed",
                "fi",
                "xsltproc",
                "/nix/store/x/bin/y",
                "w",
                "for",
                "cp",
                "done"
            ]
        );
        assert_eq!(commands(b"\xff\xfe ; \x00").count(), 0);
    }
}
