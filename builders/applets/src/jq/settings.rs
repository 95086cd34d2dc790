//! The command line.
//!
//! Counterpart: the loop over words in jq's `main.c`: options and files mix, letters join, and the
//! first other word is the program.

use super::write::Style;
use crate::shared::io::Source;
use crate::shared::program;
use bstr::{BString, ByteSlice};

/// How a named value is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Wanted {
    Text,
    Json,
    RawFile,
    SlurpFile,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Settings {
    /// The program's text.
    pub program: BString,
    /// Names and values.
    pub named: Vec<(Wanted, BString, BString)>,
    /// Positional values; true: JSON.
    pub positional: Vec<(bool, BString)>,
    /// Files to read; none: standard input.
    pub files: Vec<BString>,
    /// Layout.
    pub style: Style,
    /// `-n`.
    pub null: bool,
    /// `-R`.
    pub raw_input: bool,
    /// `-s`.
    pub slurp: bool,
    /// `-r`.
    pub raw: bool,
    /// `-j`.
    pub join: bool,
    /// `-e`.
    pub by_value: bool,
}

/// The options, for the documentation.
pub(crate) const OPTIONS: &[&str] = &[
    "-a --ascii-output",
    "--arg N X",
    "--argjson N X",
    "--args",
    "-c --compact-output",
    "-e --exit-status",
    "-f --from-file X",
    "--indent N",
    "-j --join-output",
    "--jsonargs",
    "-M --monochrome-output",
    "-n --null-input",
    "-r --raw-output",
    "-R --raw-input",
    "--rawfile N X",
    "-s --slurp",
    "-S --sort-keys",
    "--slurpfile N X",
    "--tab",
    "--unbuffered",
];

/// Reads the words after the program's name.
pub fn read(words: Vec<BString>) -> Settings {
    let mut settings = Settings::default();
    settings.style.indent = 2;
    let mut words = words.into_iter();
    let mut source: Option<BString> = None;
    let mut from_file = false;
    let mut only_operands = false;
    // None: files follow; else positional values, true: JSON.
    let mut positional: Option<bool> = None;
    while let Some(word) = words.next() {
        if only_operands || !word.starts_with(b"-") || word == "-" {
            match (&source, positional) {
                (None, _) => source = Some(word),
                (Some(_), None) => settings.files.push(word),
                (Some(_), Some(json)) => settings.positional.push((json, word)),
            }
            continue;
        }
        if word == "--" {
            if source.is_none() {
                program::refuse("'--' before the program, of which versions of jq differ");
            }
            only_operands = true;
            continue;
        }
        let Some(long) = word.strip_prefix(b"--") else {
            for letter in word.get(1..).unwrap_or_default() {
                flag(char::from(*letter), &word, &mut settings, &mut from_file);
            }
            continue;
        };
        let wanted = match long {
            b"arg" => Wanted::Text,
            b"argjson" => Wanted::Json,
            b"rawfile" => Wanted::RawFile,
            b"slurpfile" => Wanted::SlurpFile,
            b"indent" => {
                let count = words
                    .next()
                    .and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
                match count {
                    Some(count) if count <= 7 => {
                        settings.style.indent = count;
                        settings.style.tab = false;
                    }
                    _ => program::refuse("--indent beyond 7"),
                }
                continue;
            }
            b"args" => {
                positional = Some(false);
                continue;
            }
            b"jsonargs" => {
                positional = Some(true);
                continue;
            }
            long => {
                let letter = match long {
                    b"ascii-output" => 'a',
                    b"compact-output" => 'c',
                    b"exit-status" => 'e',
                    b"from-file" => 'f',
                    b"join-output" => 'j',
                    b"monochrome-output" => 'M',
                    b"null-input" => 'n',
                    b"raw-output" => 'r',
                    b"raw-input" => 'R',
                    b"slurp" => 's',
                    b"sort-keys" => 'S',
                    b"tab" => 't',
                    b"unbuffered" => 'u',
                    _ => 'ÿ',
                };
                flag(letter, &word, &mut settings, &mut from_file);
                continue;
            }
        };
        match (words.next(), words.next()) {
            (Some(name), Some(value)) => settings.named.push((wanted, name, value)),
            _ => program::refuse(&format!("'{word}' without a name and a value")),
        }
    }
    let Some(source) = source else {
        program::refuse("no program");
    };
    settings.program = if from_file {
        match Source::open(&source).and_then(|it| it.read_to_end()) {
            Ok(text) => text.into(),
            Err(number) => program::refuse(&format!(
                "the program in '{source}': {}",
                crate::shared::errno::text(number)
            )),
        }
    } else {
        source
    };
    settings
}

fn flag(letter: char, word: &BString, settings: &mut Settings, from_file: &mut bool) {
    match letter {
        'a' => settings.style.ascii = true,
        'c' => {
            settings.style.indent = 0;
            settings.style.tab = false;
        }
        'e' => settings.by_value = true,
        'f' => *from_file = true,
        'j' => {
            settings.raw = true;
            settings.join = true;
        }
        'M' | 'u' if letter == 'M' || word.starts_with(b"--") => {}
        'n' => settings.null = true,
        'r' => settings.raw = true,
        'R' => settings.raw_input = true,
        's' => settings.slurp = true,
        'S' => settings.style.sort = true,
        't' if word.starts_with(b"--") => {
            settings.style.tab = true;
        }
        _ => program::refuse(&format!("the option '{word}' is beyond this applet")),
    }
}
