//! `dd`.
//!
//! Counterpart: coreutils' `dd.c`. Its words are not options but `name=value`; those that are not
//! listed here are refused. The sandbox's clock stands, so that the time in the summary is 0.

use super::{Utility, number};
use crate::shared::io::{self, Source};
use crate::shared::options::Spec;
use crate::shared::{fs, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fd::OwnedFd;
use rustix::fs::OFlags;

pub const DD: Utility = Utility {
    name: "dd",
    spec: Spec {
        options: &[],
        permute: false,
        usage: 1,
    },
    run,
};

/// Largest block: beyond it memory is the limit, not the request.
const MOST: u64 = 256 << 20;

/// What was asked for.
struct Request {
    input: Option<BString>,
    output: Option<BString>,
    ibs: u64,
    obs: u64,
    /// Blocks, or bytes.
    count: Option<(u64, bool)>,
    skip: (u64, bool),
    seek: (u64, bool),
    notrunc: bool,
    sync: bool,
    excl: bool,
    nocreat: bool,
    append: bool,
    full_blocks: bool,
    /// Letters become small (`l`) or large (`u`).
    case: Option<u8>,
    /// Pairs of bytes are exchanged.
    swab: bool,
    /// 0: no summary, 1: records, 2: all.
    status: u8,
}

/// Whole and partial blocks.
#[derive(Default)]
struct Records(u64, u64);

fn run(_: &Spec, words: Vec<BString>) -> u8 {
    let request = request(&words);
    let input = match &request.input {
        None => Source::Stdin,
        Some(path) => match fs::open_read(path) {
            Ok(file) => Source::File(file),
            Err(errno) => program::die_errno(1, &[b"failed to open ", &quote::always(path)], errno),
        },
    };
    let output = request
        .output
        .as_ref()
        .map(|path| open_output(&request, path));
    let mut left = skip(&request, &input);
    let mut records = (Records::default(), Records::default());
    let mut copied = 0u64;
    let mut gathered: Vec<u8> = Vec::new();
    let ibs = usize::try_from(request.ibs).unwrap_or(1);
    let obs = usize::try_from(request.obs).unwrap_or(1);
    let mut block = vec![0; ibs];
    let mut blocks = match request.count {
        Some((count, false)) => Some(count),
        _ => None,
    };
    let mut status = 0;
    while left != Some(0) && blocks != Some(0) {
        let want = left.map_or(ibs, |left| usize::try_from(left).unwrap_or(ibs).min(ibs));
        let got = match read(&input, block.get_mut(..want).unwrap_or_default(), &request) {
            Ok(got) => got,
            Err(errno) => {
                let name = request.input.as_ref().map_or_else(
                    || BString::from("'standard input'"),
                    |path| quote::always(path),
                );
                program::complain_errno(&[b"error reading ", &name], errno);
                status = 1;
                break;
            }
        };
        if got == 0 {
            break;
        }
        left = left.map(|left| left - got as u64);
        blocks = blocks.map(|blocks| blocks - 1);
        if got == ibs {
            records.0.0 += 1;
        } else {
            records.0.1 += 1;
        }
        let mut part = block.get(..got).unwrap_or_default().to_vec();
        if request.sync {
            part.resize(ibs, 0);
        }
        if request.swab && part.len() % 2 == 1 {
            program::refuse("an odd block whose bytes are exchanged");
        }
        convert(&request, &mut part);
        gathered.extend_from_slice(&part);
        // With `bs` alone a partial block is written as it is.
        let whole = gathered.len() - gathered.len() % obs;
        let plain = request.case.is_none() && !request.swab;
        let now = if request.ibs == request.obs && plain {
            gathered.len()
        } else {
            whole
        };
        write(
            &output,
            &request,
            &mut gathered,
            now,
            obs,
            &mut records.1,
            &mut copied,
        );
    }
    let rest = gathered.len();
    write(
        &output,
        &request,
        &mut gathered,
        rest,
        obs,
        &mut records.1,
        &mut copied,
    );
    summary(&request, &records, copied);
    io::finish(status)
}

fn convert(request: &Request, part: &mut [u8]) {
    match request.case {
        Some(b'l') => part.make_ascii_lowercase(),
        Some(_) => part.make_ascii_uppercase(),
        None => {}
    }
    if request.swab {
        part.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
}

/// One block, or what a pipe had of it.
fn read(input: &Source, block: &mut [u8], request: &Request) -> rustix::io::Result<usize> {
    let mut filled = 0;
    loop {
        let got = input.read(block.get_mut(filled..).unwrap_or_default())?;
        filled += got;
        if got == 0 || filled == block.len() || !request.full_blocks {
            return Ok(filled);
        }
    }
}

fn write(
    output: &Option<OwnedFd>,
    request: &Request,
    gathered: &mut Vec<u8>,
    count: usize,
    obs: usize,
    records: &mut Records,
    copied: &mut u64,
) {
    let ready: Vec<u8> = gathered.drain(..count).collect();
    for block in ready.chunks(obs) {
        if block.len() == obs {
            records.0 += 1;
        } else {
            records.1 += 1;
        }
        *copied += block.len() as u64;
        match output {
            None => io::put(block),
            Some(file) => {
                if let Err(errno) = io::write_all(file, block) {
                    let path = request.output.clone().unwrap_or_default();
                    program::die_errno(1, &[b"error writing ", &quote::always(&path)], errno);
                }
            }
        }
    }
}

fn open_output(request: &Request, path: &BString) -> OwnedFd {
    let mut flags = OFlags::empty();
    for (wanted, flag) in [
        (!request.nocreat, OFlags::CREATE),
        (request.excl, OFlags::EXCL),
        (request.append, OFlags::APPEND),
        (!request.notrunc && request.seek.0 == 0, OFlags::TRUNC),
    ] {
        if wanted {
            flags |= flag;
        }
    }
    let file = match fs::open_write(path, flags) {
        Ok(file) => file,
        Err(errno) => program::die_errno(1, &[b"failed to open ", &quote::always(path)], errno),
    };
    let at = offset(request.seek, request.obs);
    if at > 0 {
        let sought = rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(at)).and_then(|_| {
            if request.notrunc {
                return Ok(());
            }
            rustix::fs::ftruncate(&file, at)
        });
        if let Err(errno) = sought {
            let bytes = format!("failed to truncate to {at} bytes in output file ");
            program::die_errno(1, &[bytes.as_bytes(), &quote::always(path)], errno);
        }
    }
    file
}

fn offset((count, bytes): (u64, bool), block: u64) -> u64 {
    let factor = if bytes { 1 } else { block };
    match count.checked_mul(factor).filter(|it| *it < 1 << 62) {
        Some(at) => at,
        None => program::refuse("an offset beyond 62 bits"),
    }
}

/// Passes over what is skipped; gives how many bytes may be read, if bytes are counted.
fn skip(request: &Request, input: &Source) -> Option<u64> {
    let mut left = offset(request.skip, request.ibs);
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let want = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match input.read(buffer.get_mut(..want).unwrap_or_default()) {
            Ok(0) | Err(_) => {
                let name = request.input.as_ref().map_or_else(
                    || BString::from("'standard input'"),
                    |path| quote::maybe(path),
                );
                program::complain(&[&name, b": cannot skip to specified offset"]);
                break;
            }
            Ok(got) => left -= got as u64,
        }
    }
    match request.count {
        Some((bytes, true)) => Some(bytes),
        _ => None,
    }
}

fn summary(request: &Request, (read, written): &(Records, Records), copied: u64) {
    if request.status == 0 {
        return;
    }
    let mut text = format!(
        "{}+{} records in\n{}+{} records out\n",
        read.0, read.1, written.0, written.1
    );
    if request.status == 2 {
        let unit = if copied == 1 { "byte" } else { "bytes" };
        text.push_str(&format!("{copied} {unit} copied, 0 s, Infinity B/s\n"));
    }
    io::flush_quietly();
    io::write_error(text.as_bytes());
}

fn request(words: &[BString]) -> Request {
    let mut request = Request {
        input: None,
        output: None,
        ibs: 512,
        obs: 512,
        count: None,
        skip: (0, false),
        seek: (0, false),
        notrunc: false,
        sync: false,
        excl: false,
        nocreat: false,
        append: false,
        full_blocks: false,
        case: None,
        swab: false,
        status: 2,
    };
    let mut both = None;
    let (mut skip_bytes, mut seek_bytes, mut count_bytes) = (false, false, false);
    for word in words {
        let Some((name, value)) = word.split_once_str("=") else {
            program::usage_error(1, &[b"unrecognized operand ", &quote::always(word)]);
        };
        match name {
            b"if" => request.input = Some(value.into()),
            b"of" => request.output = Some(value.into()),
            b"bs" => both = Some(size(word, value)),
            b"ibs" => request.ibs = size(word, value),
            b"obs" => request.obs = size(word, value),
            b"count" => request.count = Some(amount(word, value)),
            b"skip" | b"iseek" => request.skip = amount(word, value),
            b"seek" | b"oseek" => request.seek = amount(word, value),
            b"conv" => each(value, |flag| match flag {
                b"notrunc" => request.notrunc = true,
                b"sync" => request.sync = true,
                b"lcase" => request.case = both_cases(request.case, b'l'),
                b"ucase" => request.case = both_cases(request.case, b'u'),
                b"swab" => request.swab = true,
                b"excl" => request.excl = true,
                b"nocreat" => request.nocreat = true,
                b"fsync" | b"fdatasync" => {}
                _ => program::refuse("an operand 'conv=' of another name"),
            }),
            b"iflag" => each(value, |flag| match flag {
                b"fullblock" => request.full_blocks = true,
                b"skip_bytes" => skip_bytes = true,
                b"count_bytes" => count_bytes = true,
                _ => program::refuse("an operand 'iflag=' of another name"),
            }),
            b"oflag" => each(value, |flag| match flag {
                b"append" => request.append = true,
                b"seek_bytes" => seek_bytes = true,
                _ => program::refuse("an operand 'oflag=' of another name"),
            }),
            b"status" => {
                request.status = match value {
                    b"none" => 0,
                    b"noxfer" => 1,
                    _ => program::refuse("an operand 'status=' of another name"),
                }
            }
            _ => program::refuse(&format!("the operand '{}='", name.as_bstr())),
        }
    }
    if let Some(block) = both {
        (request.ibs, request.obs) = (block, block);
    }
    request.skip.1 |= skip_bytes;
    request.seek.1 |= seek_bytes;
    if let Some(count) = &mut request.count {
        count.1 |= count_bytes;
    }
    if request.excl && request.nocreat {
        program::die(1, &[b"cannot combine excl and nocreat"]);
    }
    if request.output.is_none() && (request.seek.0 > 0 || request.append) {
        program::refuse("dd that seeks in standard output");
    }
    request
}

fn both_cases(old: Option<u8>, new: u8) -> Option<u8> {
    if old.is_some_and(|old| old != new) {
        program::die(1, &[b"cannot combine lcase and ucase"]);
    }
    Some(new)
}

fn each<'a>(list: &'a [u8], mut take: impl FnMut(&'a [u8])) {
    for flag in list.split(|byte| *byte == b',') {
        take(flag);
    }
}

fn size(word: &[u8], value: &[u8]) -> u64 {
    match amount(word, value) {
        (0, _) | (_, true) => invalid(value),
        (size, false) if size > MOST => program::refuse("a block of more than 256 MiB"),
        (size, false) => size,
    }
}

fn invalid(value: &[u8]) -> ! {
    program::die(1, &[b"invalid number: ", &quote::always(value)])
}

/// A number with multipliers, as a product (`2x512`); whether it counts bytes (`B` at its end).
fn amount(word: &[u8], value: &[u8]) -> (u64, bool) {
    if value.windows(2).any(|pair| pair == b"0x") {
        program::refuse(&format!("'{}', of which dd warns", word.as_bstr()));
    }
    let (number, bytes) = match value.strip_suffix(b"B") {
        Some(rest) if rest.last().is_some_and(u8::is_ascii_digit) => (rest, true),
        _ => (value, false),
    };
    let product = number
        .split(|byte| *byte == b'x')
        .try_fold(1u64, |product, factor| {
            let value = match factor.split_last() {
                Some((b'c', rest)) => number::size(rest, b"").ok(),
                Some((b'w', rest)) => number::size(rest, b"").ok()?.checked_mul(2),
                _ => number::size(factor, b"bEGKkMPTYZ0").ok(),
            };
            let plain = factor.first().is_some_and(u8::is_ascii_digit);
            product.checked_mul(value.filter(|_| plain)?)
        });
    match product {
        Some(product) => (product, bytes),
        None => invalid(value),
    }
}
