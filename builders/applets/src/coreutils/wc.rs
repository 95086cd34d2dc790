//! `wc`.

use super::{Utility, lines};
use crate::shared::io::Source;
use crate::shared::options::{Parsed, Spec, flag, parse};
use crate::shared::{fs, io, program, quote};
use bstr::BString;

pub const WC: Utility = Utility {
    name: "wc",
    spec: Spec {
        options: &[
            flag('c', "bytes"),
            flag('l', "lines"),
            flag('L', "max-line-length"),
            flag('m', "chars"),
            flag('w', "words"),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

#[derive(Clone, Copy, Default)]
struct Counts {
    lines: u64,
    words: u64,
    bytes: u64,
    longest: u64,
}

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let named = !parsed.operands.is_empty();
    let paths = lines::or_stdin(&parsed.operands);
    let width = width(&parsed, &paths);
    let mut total = Counts::default();
    let mut status = 0;
    for path in &paths {
        match lines::open(path).and_then(|source| count(&source)) {
            Ok(counts) => {
                show(&parsed, counts, width, named.then_some(path.as_slice()));
                total.lines += counts.lines;
                total.words += counts.words;
                total.bytes += counts.bytes;
                total.longest = total.longest.max(counts.longest);
            }
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                if errno == rustix::io::Errno::ISDIR {
                    show(&parsed, Counts::default(), width, Some(path));
                }
                status = 1;
            }
        }
    }
    if paths.len() > 1 {
        show(&parsed, total, width, Some(b"total"));
    }
    status
}

fn columns(parsed: &Parsed) -> Vec<char> {
    let mut found: Vec<char> = ['l', 'w', 'm', 'c', 'L']
        .into_iter()
        .filter(|key| parsed.has(*key))
        .collect();
    if found.is_empty() {
        found = vec!['l', 'w', 'c'];
    }
    found
}

/// Wide enough for the sizes of all files together; 7 where a size is not known beforehand.
fn width(parsed: &Parsed, paths: &[BString]) -> usize {
    if paths.len() == 1 && columns(parsed).len() == 1 {
        return 1;
    }
    let mut least = 1;
    let mut sum = 0u64;
    for path in paths {
        let meta = if path == "-" {
            fs::fstat(rustix::stdio::stdin())
        } else {
            fs::stat(path)
        };
        match meta {
            Ok(meta) if meta.kind == fs::Kind::File => sum += meta.size,
            Ok(_) => least = 7,
            Err(_) => {}
        }
    }
    sum.to_string().len().max(least)
}

fn count(source: &Source) -> crate::shared::errno::Result<Counts> {
    let mut counts = Counts::default();
    let mut buffer = vec![0; 64 * 1024];
    let (mut in_word, mut column) = (false, 0u64);
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        counts.bytes += read as u64;
        for byte in buffer.get(..read).unwrap_or_default() {
            match byte {
                b'\n' | b'\r' | 0x0c => {
                    counts.lines += u64::from(*byte == b'\n');
                    counts.longest = counts.longest.max(column);
                    column = 0;
                    in_word = false;
                }
                b'\t' => {
                    column += 8 - column % 8;
                    in_word = false;
                }
                b' ' => {
                    column += 1;
                    in_word = false;
                }
                0x0b => in_word = false,
                0x21..0x7f => {
                    column += 1;
                    counts.words += u64::from(!in_word);
                    in_word = true;
                }
                _ => {}
            }
        }
    }
    counts.longest = counts.longest.max(column);
    Ok(counts)
}

fn show(parsed: &Parsed, counts: Counts, width: usize, name: Option<&[u8]>) {
    let shown: Vec<String> = columns(parsed)
        .into_iter()
        .map(|key| {
            let number = match key {
                'l' => counts.lines,
                'w' => counts.words,
                'L' => counts.longest,
                _ => counts.bytes,
            };
            format!("{number:width$}")
        })
        .collect();
    io::put(shown.join(" ").as_bytes());
    if let Some(name) = name {
        io::put(b" ");
        io::put(name);
    }
    io::put(b"\n");
}
