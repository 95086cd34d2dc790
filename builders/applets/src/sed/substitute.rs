//! `s`: finding matches in the pattern space and writing replacements.

use super::script::{Part, Substitute};
use crate::regex::{Cache, Captures, Regex};

/// Replaces in `space`. `None` if nothing was replaced.
pub fn apply(
    command: &Substitute,
    regex: &Regex,
    cache: &mut Cache,
    space: &[u8],
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(space.len());
    let mut start = 0;
    let mut count = 0;
    let mut replaced = false;
    let mut last_end = None;
    while start <= space.len() {
        let Some(found) = regex.search(cache, space, start) else {
            break;
        };
        let Some((from, to)) = found.first().copied().flatten() else {
            break;
        };
        out.extend_from_slice(space.get(start..from).unwrap_or_default());
        // An empty match where the last one ended is none.
        let adjacent = from == to && last_end == Some(from);
        if !adjacent {
            count += 1;
            if count >= command.number.max(1) {
                replaced = true;
                expand(&command.parts, &found, space, &mut out);
            } else {
                out.extend_from_slice(space.get(from..to).unwrap_or_default());
            }
        }
        last_end = Some(to);
        start = to;
        if replaced && !command.global {
            break;
        }
        if from == to {
            out.extend_from_slice(space.get(to..to + 1).unwrap_or_default());
            start += 1;
        }
    }
    if !replaced {
        return None;
    }
    out.extend_from_slice(space.get(start..).unwrap_or_default());
    Some(out)
}

fn expand(parts: &[Part], found: &Captures, space: &[u8], out: &mut Vec<u8>) {
    let (mut mode, mut once) = (0u8, 0u8);
    for part in parts {
        let bytes: &[u8] = match part {
            Part::Case(b'E') => {
                mode = 0;
                continue;
            }
            Part::Case(letter @ (b'u' | b'l')) => {
                once = *letter;
                continue;
            }
            Part::Case(letter) => {
                mode = *letter;
                continue;
            }
            Part::Text(text) => text,
            Part::Group(number) => match found.get(*number).copied().flatten() {
                Some((from, to)) => space.get(from..to).unwrap_or_default(),
                None => b"",
            },
        };
        if mode == 0 && once == 0 {
            out.extend_from_slice(bytes);
            continue;
        }
        for byte in bytes {
            out.push(match (once, mode) {
                (b'u', _) | (0, b'U') => byte.to_ascii_uppercase(),
                (b'l', _) | (0, b'L') => byte.to_ascii_lowercase(),
                _ => *byte,
            });
            once = 0;
        }
    }
}
