//! How a line is shown: name, number, offset, separators.

use super::Settings;
use crate::shared::io;

/// Writes what comes before a line; `separator` is `:` for matches, `-` for context.
pub fn head(settings: &Settings, name: &[u8], number: u64, offset: usize, separator: u8) {
    let mut any = false;
    if settings.names {
        io::put(name);
        if settings.null_name {
            io::put(b"\0")
        } else {
            io::put(&[separator])
        }
        any = true;
    }
    let width = if settings.initial_tab { 4 } else { 0 };
    if settings.numbers {
        io::put(format!("{number:width$}").as_bytes());
        io::put(&[separator]);
        any = true;
    }
    if settings.offsets {
        let width = if settings.initial_tab { 6 } else { 0 };
        io::put(format!("{offset:width$}").as_bytes());
        io::put(&[separator]);
        any = true;
    }
    if settings.initial_tab && any {
        io::put(b"\t");
    }
}
