//! The little languages of applets: dates, expressions, formats, numbers, patches, archives.
//! Nothing panics.
use builder_applets::languages;

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let at = rest.len() * usize::from(*first) / 256;
    let (head, tail) = rest.split_at(at);
    let _ = languages::date(head, tail);
    let _ = languages::patched(head, tail);
    let _ = languages::archived(rest);
    let words: Vec<_> = rest.split(|byte| *byte == b' ').map(Into::into).collect();
    let _ = languages::expression(&words);
    let _ = languages::printf(rest);
    let letter = b"eEfFgG"[usize::from(*first) % 6];
    let _ = languages::number(rest, letter, *first);
}
