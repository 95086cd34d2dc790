//! gzip, bzip2, xz and zstd: unpacking only.
//!
//! Contract: what was packed comes out, and files change their names, as the four programs do it.
//! Refused: packing (no crate's bytes are those of the programs), broken input, and files that are
//! there already.
//!
//! Counterpart: gzip 1.12, bzip2 1.0.8, xz 5.4, zstd 1.5.

mod inflate;

use crate::shared::io::{self, Source};
use crate::shared::options::{Parsed, Spec, flag, maybe, parse};
use crate::shared::{fs, program};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use std::io::Read;

/// The format of packed data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

/// The options.
pub(crate) const SPEC: Spec = Spec {
    options: &[
        flag('c', "stdout"),
        flag('ç', "to-stdout"),
        flag('d', "decompress"),
        flag('đ', "uncompress"),
        flag('f', "force"),
        flag('k', "keep"),
        flag('n', "no-name"),
        flag('q', "quiet"),
        flag('t', "test"),
        maybe('T', "threads"),
    ],
    permute: true,
    usage: 1,
};

/// The programs.
pub(crate) const PROGRAMS: &[(&str, &str, Format)] = &[
    ("gzip", "gzip", Format::Gzip),
    ("gzip", "gunzip", Format::Gzip),
    ("gzip", "zcat", Format::Gzip),
    ("bzip2", "bzip2", Format::Bzip2),
    ("bzip2", "bunzip2", Format::Bzip2),
    ("bzip2", "bzcat", Format::Bzip2),
    ("xz", "xz", Format::Xz),
    ("xz", "unxz", Format::Xz),
    ("xz", "xzcat", Format::Xz),
    ("zstd", "zstd", Format::Zstd),
    ("zstd", "unzstd", Format::Zstd),
    ("zstd", "zstdcat", Format::Zstd),
];

/// Which format data is in.
pub fn format_of(input: &[u8]) -> Option<Format> {
    match input {
        input if inflate::is_gzip(input) => Some(Format::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Format::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Format::Zstd),
        _ => None,
    }
}

/// Unpacks data.
pub fn unpack(format: Format, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = match format {
        Format::Gzip => return inflate::gunzip(input).map_err(str::to_owned),
        Format::Bzip2 => bzip2::read::MultiBzDecoder::new(input).read_to_end(&mut out),
        Format::Xz => lzma_rust2::XzReader::new(input, true).read_to_end(&mut out),
        Format::Zstd => {
            // Frames follow each other.
            let mut rest = input;
            while !rest.is_empty() {
                let decoder = ruzstd::decoding::StreamingDecoder::new(&mut rest);
                let mut decoder = decoder.map_err(|error| error.to_string())?;
                decoder
                    .read_to_end(&mut out)
                    .map_err(|error| error.to_string())?;
            }
            Ok(out.len())
        }
    };
    read.map_err(|error| error.to_string())?;
    Ok(out)
}

/// Runs the process as one of the programs.
pub fn main() -> ! {
    let words = program::start();
    let name = program::base_name();
    let found = PROGRAMS.iter().find(|(_, it, _)| it.as_bytes() == name);
    let Some((_, _, format)) = found else {
        program::refuse(&format!("there is no program '{}' here", name.as_bstr()));
    };
    let parsed = parse(&SPEC, words);
    program::exit(run(*format, &parsed))
}

fn run(format: Format, parsed: &Parsed) -> u8 {
    let name = program::base_name();
    let cat = name.ends_with(b"cat");
    let unpacks = cat
        || [b"un", &b"gun"[..], b"bun"]
            .iter()
            .any(|it| name.starts_with(it));
    if !unpacks && parsed.last_of(&['d', 'đ', 't']).is_none() {
        program::refuse("packing");
    }
    if parsed.has('n') && format != Format::Gzip || parsed.has('T') && format != Format::Xz {
        program::refuse("an option of another format");
    }
    let test = parsed.has('t');
    let to_output = cat || parsed.has('c') || parsed.has('ç');
    let inputs = if parsed.operands.is_empty() {
        vec![BString::from("-")]
    } else {
        parsed.operands.clone()
    };
    for path in &inputs {
        let packed = match Source::open(path).and_then(|it| it.read_to_end()) {
            Ok(packed) => packed,
            Err(number) => {
                program::refuse(&format!("'{path}': {}", crate::shared::errno::text(number)))
            }
        };
        let target = (path != "-" && !to_output && !test).then(|| target(format, path));
        if packed.is_empty() || format_of(&packed) != Some(format) {
            program::refuse(&format!("'{path}' is not in this program's format"));
        }
        let unpacked = match unpack(format, &packed) {
            Ok(unpacked) => unpacked,
            Err(error) => program::refuse(&format!("'{path}': {error}")),
        };
        match target {
            _ if test => {}
            None => io::put(&unpacked),
            Some(target) => store(format, parsed, path, &target, &unpacked),
        }
    }
    0
}

/// The name without its suffix.
fn target(format: Format, path: &BString) -> BString {
    let suffixes: &[(&str, &str)] = match format {
        Format::Gzip => &[(".gz", ""), (".tgz", ".tar"), (".taz", ".tar")],
        Format::Bzip2 => &[
            (".bz2", ""),
            (".bz", ""),
            (".tbz2", ".tar"),
            (".tbz", ".tar"),
        ],
        Format::Xz => &[(".xz", ""), (".txz", ".tar")],
        Format::Zstd => &[(".zst", ""), (".tzst", ".tar")],
    };
    for (suffix, instead) in suffixes {
        if let Some(stem) = path.strip_suffix(suffix.as_bytes())
            && !stem.is_empty()
            && !stem.ends_with(b"/")
        {
            return [stem, instead.as_bytes()].concat().into();
        }
    }
    program::refuse(&format!("'{path}' without the suffix of its format"))
}

fn store(format: Format, parsed: &Parsed, path: &BString, target: &BString, unpacked: &[u8]) {
    let failed = |number| -> ! {
        program::refuse(&format!(
            "'{target}': {}",
            crate::shared::errno::text(number)
        ))
    };
    let meta = match fs::lstat(path) {
        Ok(meta) if meta.kind == fs::Kind::File => meta,
        _ => program::refuse("a packed file that is no plain file"),
    };
    if fs::lstat(target).is_ok() && !parsed.has('f') {
        program::refuse(&format!("'{target}' is there already"));
    }
    let file = fs::open_write(target, OFlags::CREATE | OFlags::TRUNC);
    let file = file.unwrap_or_else(|number| failed(number));
    if let Err(number) = io::write_all(&file, unpacked) {
        failed(number);
    }
    drop(file);
    let [access, modification, _] = meta.times;
    let result = fs::chmod(target, meta.mode)
        .and_then(|()| fs::set_times(target, [Some(access), Some(modification)], true));
    if let Err(number) = result {
        failed(number);
    }
    // zstd keeps what it unpacked.
    if format != Format::Zstd
        && !parsed.has('k')
        && let Err(number) = fs::unlink(path)
    {
        failed(number);
    }
}
