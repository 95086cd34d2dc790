//! Runs applets inside the sandbox for the tests: each case gets a directory, a file as standard
//! input, and files for its output; the build's output then holds all that the cases left.
//!
//! Contract: `/build/cases` holds the cases (see `read_list`), four lists each: argument vector,
//! environment, standard input, and the tree as triples of kind, path and content. Case N leaves
//! `$out/N/{stdout,stderr,status,tree}`. Arguments: `$out`, and the names of the programs, which
//! are put into `/build/bin` as files that only the test's loader understands.

use bstr::{BString, ByteSlice};
use std::io::Write;
use std::os::fd::AsRawFd;
use wasibuild_guest::host::{self, Spawn};
use wasibuild_guest::{bytes, output};

fn main() {
    if let Err(error) = run() {
        eprintln!("driver: {error}");
        std::process::exit(1);
    }
}

fn run() -> std::io::Result<()> {
    let out = std::env::args_os().nth(1).unwrap_or_default();
    let out = std::path::PathBuf::from(out);
    std::fs::create_dir(&out)?;
    std::fs::create_dir("/build/bin")?;
    for name in std::env::args_os().skip(2) {
        let program = std::path::Path::new("/build/bin").join(name);
        std::fs::write(&program, "\x7fELF")?;
        host::set_path_mode(bytes::from_path(&program), 0o755)?;
    }
    let cases = std::fs::read("/build/cases")?;
    let mut rest = cases.as_slice();
    let mut number = 0;
    while !rest.is_empty() {
        let argv = read_list(&mut rest);
        let env = read_list(&mut rest);
        let stdin = read_list(&mut rest);
        let tree = read_list(&mut rest);
        let place = out.join(number.to_string());
        std::fs::create_dir(&place)?;
        let work = place.join("tree");
        std::fs::create_dir(&work)?;
        grow(&work, &tree)?;
        case(
            &place,
            &work,
            &argv,
            &env,
            stdin.first().map_or(b"", |it| it.as_slice()),
        )?;
        number += 1;
    }
    Ok(())
}

fn case(
    place: &std::path::Path,
    work: &std::path::Path,
    argv: &[BString],
    env: &[BString],
    stdin: &[u8],
) -> std::io::Result<()> {
    let input = place.join("stdin");
    std::fs::write(&input, stdin)?;
    let stdin = std::fs::File::open(&input)?;
    let stdout = std::fs::File::create(place.join("stdout"))?;
    let stderr = std::fs::File::create(place.join("stderr"))?;
    let directory = bytes::from_path(work).to_owned();
    let with_place = |words: &[BString]| -> Vec<BString> {
        words
            .iter()
            .map(|word| word.replace(b"@DIR@", &directory).into())
            .collect()
    };
    let (argv, env) = (with_place(argv), with_place(env));
    let mut program = BString::from("/build/bin/");
    let name = argv.first().cloned().unwrap_or_default();
    program.extend_from_slice(name.rsplit_str("/").next().unwrap_or_default());
    let ended = host::run(&Spawn {
        program: &program,
        argv: &argv,
        env: &env,
        cwd: &directory,
        descriptors: &[
            (0, stdin.as_raw_fd() as u32),
            (1, stdout.as_raw_fd() as u32),
            (2, stderr.as_raw_fd() as u32),
        ],
    })?;
    std::fs::write(place.join("status"), ended.code.to_string())
}

/// Makes the tree: directories `d`, files `f`, executables `x`, links `l`; `t` sets a time.
fn grow(work: &std::path::Path, tree: &[BString]) -> std::io::Result<()> {
    for triple in tree.chunks(3) {
        let [kind, path, content] = triple else { break };
        let place = bytes::join(work, path);
        match kind.as_slice() {
            b"d" => std::fs::create_dir_all(&place)?,
            b"l" => output::create_symlink(content, &place).map_err(std::io::Error::other)?,
            b"t" => set_time(&place, content)?,
            kind => {
                let mut file = std::fs::File::create(&place)?;
                file.write_all(content)?;
                if kind == b"x" {
                    host::set_path_mode(bytes::from_path(&place), 0o755)?;
                }
            }
        }
    }
    Ok(())
}

fn set_time(path: &std::path::Path, seconds: &[u8]) -> std::io::Result<()> {
    let seconds = seconds.to_str().ok().and_then(|it| it.parse().ok());
    let time = rustix::fs::Timespec {
        tv_sec: seconds.unwrap_or(0),
        tv_nsec: 0,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    let flags = rustix::fs::AtFlags::empty();
    Ok(rustix::fs::utimensat(rustix::fs::CWD, path, &times, flags)?)
}

/// A list: its length and then length and bytes of each element, as little-endian u32.
fn read_list(rest: &mut &[u8]) -> Vec<BString> {
    let count = read_number(rest);
    (0..count)
        .map(|_| {
            let len = read_number(rest).min(rest.len());
            let (word, after) = rest.split_at(len);
            *rest = after;
            BString::from(word)
        })
        .collect()
}

fn read_number(rest: &mut &[u8]) -> usize {
    let Some((number, after)) = rest.split_first_chunk::<4>() else {
        *rest = &[];
        return 0;
    };
    *rest = after;
    u32::from_le_bytes(*number) as usize
}
