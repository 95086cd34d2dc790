//! Writes derivations as ATerm.
//!
//! Contract: the bytes are those of `Derivation::unparse` in Nix, for the file itself and for the
//! variants that its hashes are made of. Output names, paths and the system are written as they are;
//! other strings have `"`, `\`, newline, return and tab escaped, and nothing else.

use super::{Derivation, Output};
use std::collections::{BTreeMap, BTreeSet};

/// What to write in place of what the file has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Variant<'a> {
    /// The file itself.
    Plain,
    /// For a hash: the input derivations by their modulo hashes in base 16, and, when `mask_outputs`
    /// is set, no output paths, neither as outputs nor in the environment.
    Modulo {
        /// Modulo hash in base 16 → outputs.
        inputs: &'a BTreeMap<String, BTreeSet<&'a str>>,
        /// Whether to leave the output paths out.
        mask_outputs: bool,
    },
}

/// Writes one derivation.
pub(super) fn write(derivation: &Derivation, variant: Variant<'_>) -> Vec<u8> {
    let mask_outputs = matches!(
        variant,
        Variant::Modulo {
            mask_outputs: true,
            ..
        }
    );
    let mut text = Vec::with_capacity(4096);
    text.extend_from_slice(b"Derive(");
    list(&mut text, &derivation.outputs, |text, (name, output)| {
        write_output(text, name, output, mask_outputs);
    });
    text.push(b',');
    match variant {
        Variant::Plain => list(
            &mut text,
            &derivation.input_derivations,
            |text, (path, outputs)| {
                write_input(text, &path.to_absolute_path(), outputs);
            },
        ),
        Variant::Modulo { inputs, .. } => list(&mut text, inputs, |text, (hash, outputs)| {
            write_input(text, hash, outputs);
        }),
    }
    text.push(b',');
    list(&mut text, &derivation.input_sources, |text, path| {
        unescaped(text, path.to_absolute_path().as_bytes());
    });
    text.push(b',');
    unescaped(&mut text, &derivation.system);
    text.push(b',');
    escaped(&mut text, &derivation.builder);
    text.push(b',');
    list(&mut text, &derivation.arguments, |text, argument| {
        escaped(text, argument);
    });
    text.push(b',');
    list(&mut text, &derivation.environment, |text, (name, value)| {
        let masked = mask_outputs
            && std::str::from_utf8(name).is_ok_and(|name| derivation.outputs.contains_key(name));
        text.push(b'(');
        escaped(text, name);
        text.push(b',');
        escaped(text, if masked { b"" } else { value });
        text.push(b')');
    });
    text.push(b')');
    text
}

fn write_output(text: &mut Vec<u8>, name: &str, output: &Output, mask_path: bool) {
    let [mut path, algo, hash] = output.to_fields();
    if mask_path {
        path.clear();
    }
    text.push(b'(');
    unescaped(text, name.as_bytes());
    for field in [path, algo, hash] {
        text.push(b',');
        unescaped(text, field.as_bytes());
    }
    text.push(b')');
}

fn write_input<S: AsRef<str>>(text: &mut Vec<u8>, input: &str, outputs: &BTreeSet<S>) {
    text.push(b'(');
    unescaped(text, input.as_bytes());
    text.push(b',');
    list(text, outputs, |text, output| {
        unescaped(text, output.as_ref().as_bytes());
    });
    text.push(b')');
}

fn list<I: IntoIterator>(
    text: &mut Vec<u8>,
    items: I,
    mut item: impl FnMut(&mut Vec<u8>, I::Item),
) {
    text.push(b'[');
    for (index, element) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        item(text, element);
    }
    text.push(b']');
}

fn unescaped(text: &mut Vec<u8>, string: &[u8]) {
    text.push(b'"');
    text.extend_from_slice(string);
    text.push(b'"');
}

fn escaped(text: &mut Vec<u8>, string: &[u8]) {
    text.reserve(string.len() + 2);
    text.push(b'"');
    // Whole runs at once: few bytes are special.
    let mut rest = string;
    while let Some(length) = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t'))
    {
        let (run, special) = rest.split_at(length);
        text.extend_from_slice(run);
        text.push(b'\\');
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        text.push(match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            other => other,
        });
        rest = after;
    }
    text.extend_from_slice(rest);
    text.push(b'"');
}
