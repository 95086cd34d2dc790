//! `head` and `tail`.

use super::{Utility, lines};
use crate::shared::options::{Opt, Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use bstr::{BString, ByteSlice};

const OPTIONS: &[Opt] = &[
    value('c', "bytes"),
    value('n', "lines"),
    flag('q', "quiet"),
    flag('ŋ', "silent"),
    flag('v', "verbose"),
    flag('z', "zero-terminated"),
];
const SPEC: Spec = Spec {
    options: OPTIONS,
    permute: true,
    usage: 1,
};

pub const HEAD: Utility = Utility {
    name: "head",
    spec: SPEC,
    run: |spec, words| run(spec, words, true),
};
pub const TAIL: Utility = Utility {
    name: "tail",
    spec: SPEC,
    run: |spec, words| run(spec, words, false),
};

fn run(spec: &Spec, mut words: Vec<BString>, head: bool) -> u8 {
    // `-5` is `-n 5`, and `tail +5` is `tail -n +5`, as the first word only.
    if let Some(first) = words.first_mut()
        && let Some(digits) = first.strip_prefix(b"-").filter(|it| !it.is_empty())
        && digits.iter().all(u8::is_ascii_digit)
    {
        *first = format!("-n{}", digits.as_bstr()).into();
    } else if !head
        && words
            .first()
            .is_some_and(|word| word.first() == Some(&b'+'))
    {
        program::refuse("the old form of tail's options");
    }
    let parsed = parse(spec, words);
    let paths = lines::or_stdin(&parsed.operands);
    let by_bytes = parsed.last_of(&['c', 'n']) == Some('c');
    let text = parsed
        .value(if by_bytes { 'c' } else { 'n' })
        .cloned()
        .unwrap_or_else(|| "10".into());
    let (sign, count) = number(&text, by_bytes);
    let end = if parsed.has('z') { 0 } else { b'\n' };
    let names = names(&parsed, &paths);
    let mut status = 0;
    let mut shown = false;
    for path in &paths {
        let all = match lines::open(path) {
            Ok(source) if head && sign != b'-' => {
                if names {
                    header(path, &mut shown);
                }
                if let Err(errno) = first(&source, count, by_bytes, end) {
                    program::complain_errno(&[b"error reading ", &quote::always(path)], errno);
                    status = 1;
                }
                continue;
            }
            Ok(source) => match source.read_to_end() {
                Ok(all) => all,
                Err(errno) => {
                    program::complain_errno(&[b"error reading ", &quote::always(path)], errno);
                    status = 1;
                    continue;
                }
            },
            Err(rustix::io::Errno::ISDIR) => {
                if names {
                    header(path, &mut shown);
                }
                program::complain_errno(
                    &[b"error reading ", &quote::always(path)],
                    rustix::io::Errno::ISDIR,
                );
                status = 1;
                continue;
            }
            Err(errno) => {
                program::complain_errno(
                    &[b"cannot open ", &quote::always(path), b" for reading"],
                    errno,
                );
                status = 1;
                continue;
            }
        };
        if names {
            header(path, &mut shown);
        }
        io::put(part(&all, sign, count, by_bytes, head, end));
    }
    status
}

/// The first records or bytes, without reading on: what writes into a pipe may never end. What was
/// read of a file but not wanted is given back, for the next program that reads it.
fn first(
    source: &io::Source,
    mut left: usize,
    by_bytes: bool,
    end: u8,
) -> Result<(), rustix::io::Errno> {
    // As much as GNU reads at a time.
    let mut buffer = [0; 8192];
    while left > 0 {
        let wanted = if by_bytes {
            left.min(buffer.len())
        } else {
            buffer.len()
        };
        let filled = source.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        let block = buffer.get(..filled).unwrap_or_default();
        if block.is_empty() {
            break;
        }
        let mut used = filled;
        if by_bytes {
            left -= filled;
        } else {
            for at in memchr::memchr_iter(end, block) {
                left -= 1;
                if left == 0 {
                    used = at + 1;
                    break;
                }
            }
        }
        io::put(block.get(..used).unwrap_or_default());
        if used < filled {
            source.give_back(filled - used);
        }
        if io::failed() {
            break;
        }
    }
    Ok(())
}

fn header(path: &[u8], shown: &mut bool) {
    if std::mem::replace(shown, true) {
        io::put(b"\n");
    }
    io::put(b"==> ");
    io::put(if path == b"-" {
        b"standard input"
    } else {
        path
    });
    io::put(b" <==\n");
}

fn names(parsed: &Parsed, paths: &[BString]) -> bool {
    match parsed.last_of(&['q', 'ŋ', 'v']) {
        Some(key) => key == 'v',
        None => paths.len() > 1,
    }
}

/// Sign and value of a count with its multiplier.
fn number(text: &BString, bytes: bool) -> (u8, usize) {
    let (sign, rest) = match text.split_first() {
        Some((sign @ (b'-' | b'+'), rest)) => (*sign, rest),
        _ => (0, text.as_slice()),
    };
    let digits = rest.iter().take_while(|it| it.is_ascii_digit()).count();
    let (number, suffix) = rest.split_at(digits);
    let factor: u64 = match suffix {
        b"" => 1,
        b"b" => 512,
        b"kB" => 1000,
        b"k" | b"K" | b"KiB" => 1024,
        b"MB" => 1_000_000,
        b"m" | b"M" | b"MiB" => 1024 * 1024,
        _ => 0,
    };
    if digits == 0 || factor == 0 {
        let what: &[u8] = if bytes {
            b"invalid number of bytes: "
        } else {
            b"invalid number of lines: "
        };
        program::die(
            1,
            &[what, &quote::always(if sign == b'+' { text } else { rest })],
        );
    }
    let value = number.iter().fold(0u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    (
        sign,
        usize::try_from(value.saturating_mul(factor)).unwrap_or(usize::MAX),
    )
}

fn part(all: &[u8], sign: u8, count: usize, by_bytes: bool, head: bool, end: u8) -> &[u8] {
    // Where the n-th record from the start ends.
    let after = |count: usize| {
        if by_bytes {
            return count.min(all.len());
        }
        if count == 0 {
            return 0;
        }
        memchr::memchr_iter(end, all)
            .nth(count - 1)
            .map_or(all.len(), |at| at + 1)
    };
    // Where the n-th record from the end starts.
    let before = |count: usize| {
        if by_bytes {
            return all.len().saturating_sub(count);
        }
        if count == 0 {
            return all.len();
        }
        let skip = usize::from(all.last() == Some(&end));
        memchr::memrchr_iter(end, all)
            .nth(count - 1 + skip)
            .map_or(0, |at| at + 1)
    };
    match (head, sign) {
        (true, b'-') => all.get(..before(count)),
        (true, _) => all.get(..after(count)),
        (false, b'+') => all.get(after(count.saturating_sub(1))..),
        (false, _) => all.get(before(count)..),
    }
    .unwrap_or_default()
}
