//! YAML 1.1 as PyYAML 6 writes it for remarshal 0.17 (`json2yaml`): block style, keys in the order
//! given, lines folded at 80 columns, plain scalars where YAML 1.1 reads a string back.
//!
//! Counterpart: `formats.yaml` in nixpkgs, which is `formats.yaml_1_1`. The order of events and the
//! wording below follow the YAML 1.1 specification, chapters 5 to 9.

mod emitter;
mod resolver;
mod scalar;

use super::number;
use serde_json::{Number, Value};

/// The text of a value.
pub fn render(value: &Value) -> String {
    let mut emitter = emitter::Emitter::default();
    emitter.document(value);
    emitter.text
}

/// A number as PyYAML spells it: a float with an exponent has a point too.
fn number(number: &Number) -> String {
    let text = number::python(number);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}
