//! How messages show names: gnulib's `quotearg` in the C locale.
//!
//! Counterpart: `lib/quotearg.c`, styles `shell_escape`, `shell_escape_always` and `locale`.

use bstr::BString;

/// `quoteaf`: always in quotes, so that a shell reads it back.
pub fn always(name: &[u8]) -> BString {
    shell(name, true)
}

/// `quotef`: in quotes where a shell would read it differently. Names in messages before a colon
/// are quoted too when they hold a colon.
pub fn maybe(name: &[u8]) -> BString {
    shell(name, name.contains(&b':'))
}

fn is_special(index: usize, byte: u8, len: usize) -> bool {
    match byte {
        b'!' | b'"' | b'$' | b'&' | b'(' | b')' | b'*' | b';' | b'<' | b'=' | b'>' | b'['
        | b'^' | b'`' | b'|' | b' ' | b'\\' | b'?' | b'\'' => true,
        b'#' | b'~' => index == 0,
        b'{' | b'}' => len == 1,
        _ => false,
    }
}

fn shell(name: &[u8], always: bool) -> BString {
    let unprintable = |byte: &u8| !(0x20..0x7f).contains(byte);
    let escapes = name.iter().any(unprintable);
    let special = name
        .iter()
        .enumerate()
        .any(|(index, byte)| is_special(index, *byte, name.len()));
    if !always && !escapes && !special && !name.is_empty() {
        return name.into();
    }
    // A single quote is shown in double quotes where that is enough.
    if name.contains(&b'\'')
        && !escapes
        && !name
            .iter()
            .any(|byte| matches!(byte, b'"' | b'$' | b'`' | b'\\' | b'!'))
    {
        let mut out = vec![b'"'];
        out.extend_from_slice(name);
        out.push(b'"');
        return out.into();
    }
    let mut out = vec![b'\''];
    let mut escaping = false;
    for byte in name {
        if unprintable(byte) {
            if !escaping {
                out.extend_from_slice(b"'$'");
                escaping = true;
            }
            push_escape(&mut out, *byte);
            continue;
        }
        if escaping {
            out.extend_from_slice(b"''");
            escaping = false;
        }
        match byte {
            b'\'' => out.extend_from_slice(b"'\\''"),
            _ => out.push(*byte),
        }
    }
    out.push(b'\'');
    out.into()
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        0x07 => out.extend_from_slice(b"\\a"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x0b => out.extend_from_slice(b"\\v"),
        _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
    }
}

/// `quote`: in single quotes, with C's escapes.
pub fn locale(name: &[u8]) -> BString {
    let mut out = vec![b'\''];
    for byte in name {
        match byte {
            b'\'' => out.extend_from_slice(b"\\'"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..0x7f => out.push(*byte),
            _ => push_escape(&mut out, *byte),
        }
    }
    out.push(b'\'');
    out.into()
}

/// In quotes where a shell would read it differently; a colon alone needs none.
pub fn shell_if_needed(name: &[u8]) -> BString {
    shell(name, false)
}
