//! `md5sum`, `sha1sum`, `sha224sum` … `sha512sum`, `b2sum`.
//!
//! Counterpart: coreutils' `digest.c`: its escapes of names, and its reading of lists (`-c`).

use super::{Utility, lines};
use crate::shared::errno::Result as SysResult;
use crate::shared::options::{Opt, Parsed, Spec, flag, parse, value};
use crate::shared::{io, program, quote};
use blake2::Blake2b;
use blake2::digest::consts::{U16, U20, U32, U48, U64};
use bstr::{BString, ByteSlice};
use sha2::Digest;

const SPEC: Spec = Spec {
    options: &[
        flag('b', "binary"),
        flag('c', "check"),
        flag('ĩ', "ignore-missing"),
        flag('q', "quiet"),
        flag('ś', "status"),
        flag('ŝ', "strict"),
        flag('ť', "tag"),
        flag('t', "text"),
        flag('w', "warn"),
        flag('z', "zero"),
    ],
    permute: true,
    usage: 1,
};
const B2: &[Opt] = &[
    flag('b', "binary"),
    flag('c', "check"),
    flag('ĩ', "ignore-missing"),
    value('l', "length"),
    flag('q', "quiet"),
    flag('ś', "status"),
    flag('ŝ', "strict"),
    flag('ť', "tag"),
    flag('t', "text"),
    flag('w', "warn"),
    flag('z', "zero"),
];

const fn utility(name: &'static str, run: fn(&Spec, Vec<BString>) -> u8) -> Utility {
    Utility {
        name,
        spec: SPEC,
        run,
    }
}

pub const MD5SUM: Utility = utility("md5sum", |spec, words| run(spec, words, Kind::Md5));
pub const SHA1SUM: Utility = utility("sha1sum", |spec, words| run(spec, words, Kind::Sha1));
pub const SHA224SUM: Utility = utility("sha224sum", |spec, words| run(spec, words, Kind::Sha224));
pub const SHA256SUM: Utility = utility("sha256sum", |spec, words| run(spec, words, Kind::Sha256));
pub const SHA384SUM: Utility = utility("sha384sum", |spec, words| run(spec, words, Kind::Sha384));
pub const SHA512SUM: Utility = utility("sha512sum", |spec, words| run(spec, words, Kind::Sha512));
pub const B2SUM: Utility = Utility {
    name: "b2sum",
    spec: Spec {
        options: B2,
        permute: true,
        usage: 1,
    },
    run: |spec, words| run(spec, words, Kind::Blake2b(512)),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// With this many bits.
    Blake2b(usize),
}

impl Kind {
    fn name(self) -> String {
        match self {
            Kind::Md5 => "MD5".into(),
            Kind::Sha1 => "SHA1".into(),
            Kind::Sha224 => "SHA224".into(),
            Kind::Sha256 => "SHA256".into(),
            Kind::Sha384 => "SHA384".into(),
            Kind::Sha512 => "SHA512".into(),
            Kind::Blake2b(512) => "BLAKE2b".into(),
            Kind::Blake2b(bits) => format!("BLAKE2b-{bits}"),
        }
    }

    fn bits(self) -> usize {
        match self {
            Kind::Md5 => 128,
            Kind::Sha1 => 160,
            Kind::Sha224 => 224,
            Kind::Sha256 => 256,
            Kind::Sha384 => 384,
            Kind::Sha512 => 512,
            Kind::Blake2b(bits) => bits,
        }
    }

    /// The digest of a file, in hexadecimal.
    fn of(self, path: &[u8]) -> SysResult<String> {
        let source = lines::open(path)?;
        let mut buffer = vec![0; 64 * 1024];
        let mut each = |update: &mut dyn FnMut(&[u8])| -> SysResult<()> {
            loop {
                let count = source.read(&mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                update(buffer.get(..count).unwrap_or_default());
            }
        };
        macro_rules! digest {
            ($hasher:ty) => {{
                let mut hasher = <$hasher>::new();
                each(&mut |bytes| Digest::update(&mut hasher, bytes))?;
                hex(&hasher.finalize())
            }};
        }
        Ok(match self {
            Kind::Md5 => digest!(md5::Md5),
            Kind::Sha1 => digest!(sha1::Sha1),
            Kind::Sha224 => digest!(sha2::Sha224),
            Kind::Sha256 => digest!(sha2::Sha256),
            Kind::Sha384 => digest!(sha2::Sha384),
            Kind::Sha512 => digest!(sha2::Sha512),
            Kind::Blake2b(128) => digest!(Blake2b<U16>),
            Kind::Blake2b(160) => digest!(Blake2b<U20>),
            Kind::Blake2b(256) => digest!(Blake2b<U32>),
            Kind::Blake2b(384) => digest!(Blake2b<U48>),
            Kind::Blake2b(512) => digest!(Blake2b<U64>),
            Kind::Blake2b(_) => program::refuse("a digest of this length"),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn run(spec: &Spec, words: Vec<BString>, kind: Kind) -> u8 {
    sums(&parse(spec, words), kind)
}

/// `cksum -a NAME` for a digest: as the program of that name, but with a tag. `None`: there is no
/// digest of that name.
pub fn cksum(parsed: &mut Parsed, name: &[u8], tagged: bool) -> Option<u8> {
    let kind = match name {
        b"md5" => Kind::Md5,
        b"sha1" => Kind::Sha1,
        b"sha224" => Kind::Sha224,
        b"sha256" => Kind::Sha256,
        b"sha384" => Kind::Sha384,
        b"sha512" => Kind::Sha512,
        b"blake2b" => Kind::Blake2b(512),
        _ => return None,
    };
    if tagged {
        parsed.options.push(('ť', None));
    }
    Some(sums(parsed, kind))
}

fn sums(parsed: &Parsed, mut kind: Kind) -> u8 {
    if let Some(text) = parsed.value('l') {
        let bits = super::number::option(text, b"", 0, u64::MAX, "invalid length");
        let invalid = |why: &[u8]| -> ! {
            program::complain(&[b"invalid length: ", &quote::locale(text)]);
            program::die(1, &[why])
        };
        match usize::try_from(bits) {
            Ok(0) => {}
            Ok(bits) if bits > 512 => invalid(b"maximum digest length for 'BLAKE2b' is 512 bits"),
            Ok(bits) if bits % 8 != 0 => invalid(b"length is not a multiple of 8"),
            Ok(bits) if !parsed.has('c') => kind = Kind::Blake2b(bits),
            _ => program::refuse("a digest of this length"),
        }
    }
    demand(parsed);
    let paths = lines::or_stdin(&parsed.operands);
    if parsed.has('c') {
        return paths
            .iter()
            .fold(0, |status, path| status | check(path, kind, parsed));
    }
    let mut status = 0;
    for path in &paths {
        match kind.of(path) {
            Ok(digest) => put(path, &digest, kind, parsed),
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(path)], errno);
                status = 1;
            }
        }
    }
    status
}

/// Options that do not go together.
fn demand(parsed: &Parsed) {
    let check = parsed.has('c');
    let usage = |text: &str| -> ! { program::usage_error(1, &[text.as_bytes()]) };
    if parsed.has('ť') && parsed.last_of(&['b', 't', 'ť']) == Some('t') {
        usage("--tag does not support --text mode");
    }
    if parsed.has('z') && check {
        usage("the --zero option is not supported when verifying checksums");
    }
    if parsed.has('ť') && check {
        usage("the --tag option is meaningless when verifying checksums");
    }
    if check && (parsed.has('b') || parsed.has('t')) {
        usage("the --binary and --text options are meaningless when verifying checksums");
    }
    for (key, name) in [
        ('ĩ', "ignore-missing"),
        ('ś', "status"),
        ('w', "warn"),
        ('q', "quiet"),
        ('ŝ', "strict"),
    ] {
        if parsed.has(key) && !check {
            usage(&format!(
                "the --{name} option is meaningful only when verifying checksums"
            ));
        }
    }
}

/// The name with backslashes, newlines and returns escaped, and whether there were any.
fn escape(name: &[u8]) -> (bool, Vec<u8>) {
    let needed = name.iter().any(|it| matches!(it, b'\\' | b'\n' | b'\r'));
    let escaped = name.iter().flat_map(|byte| match byte {
        b'\\' => b"\\\\".to_vec(),
        b'\n' => b"\\n".to_vec(),
        b'\r' => b"\\r".to_vec(),
        other => vec![*other],
    });
    (needed, escaped.collect())
}

fn put(path: &[u8], digest: &str, kind: Kind, parsed: &Parsed) {
    let zero = parsed.has('z');
    let (needed, escaped) = escape(path);
    let name = if zero { path } else { escaped.as_slice() };
    if needed && !zero {
        io::put(b"\\");
    }
    if parsed.has('ť') {
        io::put(format!("{} (", kind.name()).as_bytes());
        io::put(name);
        io::put(format!(") = {digest}").as_bytes());
    } else {
        let binary = parsed.last_of(&['b', 't']) == Some('b');
        io::put(digest.as_bytes());
        io::put(if binary { b" *" } else { b"  " });
        io::put(name);
    }
    io::put(if zero { b"\0" } else { b"\n" });
}

/// Reads a line of a list: digest and name.
fn entry(line: &[u8], kind: Kind) -> Option<(String, Vec<u8>)> {
    let line = line.trim_start_with(|it| it == ' ' || it == '\t');
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let tag = format!("{} (", kind.name());
    let tagged = line
        .strip_prefix(tag.as_bytes())
        .or_else(|| line.strip_prefix(tag.replace(' ', "").as_bytes()));
    let (digest, name) = match tagged {
        Some(rest) => {
            let close = rest.iter().rposition(|it| *it == b')')?;
            let (name, behind) = rest.split_at(close);
            let behind = behind.strip_prefix(b")")?.trim_start_with(|it| it == ' ');
            let digest = behind
                .strip_prefix(b"=")?
                .trim_start_with(|it| it == ' ' || it == '\t');
            (digest, name)
        }
        None => {
            let end = line.iter().take_while(|it| it.is_ascii_hexdigit()).count();
            let (digest, rest) = line.split_at(end);
            let name = match rest {
                [b' ' | b'\t', b' ' | b'*', name @ ..] => name,
                [b' ' | b'\t', name @ ..] => name,
                _ => return None,
            };
            (digest, name)
        }
    };
    let right = digest.len() == kind.bits() / 4 && digest.iter().all(u8::is_ascii_hexdigit);
    if !right || name.is_empty() {
        return None;
    }
    let name = if escaped {
        unescape(name)?
    } else {
        name.to_vec()
    };
    Some((digest.to_str().ok()?.to_ascii_lowercase(), name))
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b'\\' => b'\\',
            _ => return None,
        });
    }
    Some(out)
}

/// `-c`: checks the files of a list.
fn check(path: &BString, kind: Kind, parsed: &Parsed) -> u8 {
    let shown: BString = if *path == "-" {
        "standard input".into()
    } else {
        quote::maybe(path)
    };
    let text = match lines::read(path) {
        Ok(text) => text,
        Err(rustix::io::Errno::ISDIR) => {
            program::complain_errno(&[&shown, b": read error"], rustix::io::Errno::ISDIR);
            return 1;
        }
        Err(errno) => {
            program::complain_errno(&[&quote::maybe(path)], errno);
            return 1;
        }
    };
    let quiet = parsed.has('q') || parsed.has('ś');
    let (mut good, mut wrong, mut unread, mut bad, mut matched) = (0u64, 0u64, 0u64, 0u64, 0u64);
    for (index, line) in lines::split(&text, b'\n').enumerate() {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first() == Some(&b'#') || line.is_empty() {
            continue;
        }
        let found = entry(line, kind).filter(|(_, name)| !(*path == "-" && name == b"-"));
        let Some((digest, name)) = found else {
            bad += 1;
            if parsed.has('w') {
                let number = format!(
                    ": {}: improperly formatted {} checksum line",
                    index + 1,
                    tag(kind)
                );
                program::complain(&[&shown, number.as_bytes()]);
            }
            continue;
        };
        good += 1;
        let (needed, escaped) = escape(&name);
        let tell = |what: &[u8]| {
            if needed {
                io::put(b"\\");
            }
            io::put(&escaped);
            io::put(what);
        };
        match kind.of(&name) {
            Err(rustix::io::Errno::NOENT) if parsed.has('ĩ') => {}
            Err(errno) => {
                program::complain_errno(&[&quote::maybe(&name)], errno);
                unread += 1;
                if !parsed.has('ś') {
                    tell(b": FAILED open or read\n");
                }
            }
            Ok(other) if other == digest => {
                matched += 1;
                if !quiet {
                    tell(b": OK\n");
                }
            }
            Ok(_) => {
                wrong += 1;
                if !parsed.has('ś') {
                    tell(b": FAILED\n");
                }
            }
        }
    }
    if good == 0 {
        program::complain(&[&shown, b": no properly formatted checksum lines found"]);
        return 1;
    }
    if !parsed.has('ś') {
        let warn = |count: u64, one: &str, many: &str| {
            if count > 0 {
                let what = if count == 1 { one } else { many };
                program::complain(&[format!("WARNING: {count} {what}").as_bytes()]);
            }
        };
        warn(
            bad,
            "line is improperly formatted",
            "lines are improperly formatted",
        );
        warn(
            unread,
            "listed file could not be read",
            "listed files could not be read",
        );
        warn(
            wrong,
            "computed checksum did NOT match",
            "computed checksums did NOT match",
        );
        if parsed.has('ĩ') && matched == 0 {
            program::complain(&[&shown, b": no file was verified"]);
        }
    }
    let failed = wrong > 0 || unread > 0 || matched == 0 || (parsed.has('ŝ') && bad > 0);
    u8::from(failed)
}

fn tag(kind: Kind) -> String {
    match kind {
        Kind::Blake2b(_) => "BLAKE2b".into(),
        other => other.name(),
    }
}
