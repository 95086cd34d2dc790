//! `@text` and its like: values as text for other languages.
//!
//! Counterpart: `f_format` in jq's `builtin.c`.

use super::eval::{Stop, fail};
use super::operators::shown;
use super::value::Value;
use super::write::compact;
use crate::shared::program;

type Result<T> = std::result::Result<T, Stop>;

/// As `tostring`.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => compact(other),
    }
}

/// The value in a format.
pub fn apply(name: &str, value: &Value) -> Result<String> {
    match name {
        "text" => Ok(text(value)),
        "json" => Ok(compact(value)),
        "csv" => row(value, ",", "csv-formatted", |text| {
            format!("\"{}\"", text.replace('"', "\"\""))
        }),
        "tsv" => row(value, "\t", "tsv-formatted", |text| {
            text.replace('\\', "\\\\")
                .replace('\t', "\\t")
                .replace('\r', "\\r")
                .replace('\n', "\\n")
        }),
        "html" => Ok(text(value)
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('\'', "&#39;")
            .replace('"', "&quot;")),
        "uri" => uri(&text(value)),
        "sh" => shell(value),
        "base64" => Ok(base64(text(value).as_bytes())),
        "base64d" => decode_base64(&text(value)),
        _ => program::refuse(&format!("the format @{name}")),
    }
}

fn row(value: &Value, separator: &str, what: &str, quote: fn(&str) -> String) -> Result<String> {
    let Value::Array(values) = value else {
        return fail(format!(
            "{} ({}) cannot be {what}, only an array can be",
            value.kind(),
            shown(value)
        ));
    };
    let mut fields = Vec::new();
    for field in values.iter() {
        fields.push(match field {
            Value::Null => String::new(),
            Value::Bool(_) | Value::Number(_) => compact(field),
            Value::String(text) => quote(text),
            _ => {
                return fail(format!(
                    "{} ({}) is not valid in a csv row",
                    field.kind(),
                    shown(field)
                ));
            }
        });
    }
    Ok(fields.join(separator))
}

fn uri(text: &str) -> Result<String> {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'!' | b'*' | b'\'' | b'(' | b')' => {
                program::refuse("@uri of one of !*'(), of which versions of jq differ");
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out)
}

fn shell(value: &Value) -> Result<String> {
    let all = match value {
        Value::Array(values) => values.as_slice(),
        other => std::slice::from_ref(other),
    };
    let mut words = Vec::new();
    for word in all {
        words.push(match word {
            Value::String(text) => format!("'{}'", text.replace('\'', "'\\''")),
            Value::Array(_) | Value::Object(_) => {
                return fail(format!(
                    "{} ({}) can not be escaped for shell",
                    word.kind(),
                    shown(word)
                ));
            }
            other => compact(other),
        });
    }
    Ok(words.join(" "))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn letter(alphabet: &[u8], at: u32) -> char {
    char::from(alphabet.get(at as usize).copied().unwrap_or(b'='))
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut word = 0;
        for (index, byte) in chunk.iter().enumerate() {
            word |= u32::from(*byte) << (16 - 8 * index);
        }
        for index in 0..4 {
            if index <= chunk.len() {
                out.push(letter(BASE64, word >> (18 - 6 * index) & 63));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn decode_base64(text: &str) -> Result<String> {
    let plain = text.trim_end_matches('=');
    let pad = text.len() - plain.len();
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0u32, 0);
    for byte in plain.bytes() {
        let Some(at) = BASE64.iter().position(|it| *it == byte) else {
            program::refuse("@base64d of what is no base64");
        };
        word = word << 6 | u32::try_from(at).unwrap_or(0);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    if bits == 6 || pad > 2 {
        program::refuse("@base64d of what is no base64");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => program::refuse("@base64d of what is not UTF-8"),
    }
}
