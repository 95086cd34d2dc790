//! Files by the usual compressors with all kinds of settings, which other tools than Nix use.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use wasibuild_binary_cache::Compression;

use crate::support::nix::NixCache;
use crate::support::{Fixture, options};

const XZ: [&str; 8] = [
    "-0",
    "-9e",
    "-T2 --block-size=20000",
    "-C none",
    "-C crc32",
    "-C sha256",
    "--x86 --lzma2=preset=6",
    "--delta=dist=4 --lzma2=preset=1",
];
const ZSTD: [&str; 6] = ["-1", "-19", "--ultra -22", "--long=27", "--no-check", "-T2"];
const BZIP2: [&str; 2] = ["-1", "-9"];

/// `None` (and a line that says so) when the program is not installed.
fn compress(program: &str, arguments: &str, input: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).arg("-c");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("SKIPPED: binary-cache: the program '{program}' is not installed");
            return Ok(None);
        }
        child => child?,
    };
    let mut stdin = child.stdin.take().context("no stdin")?;
    let output = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output();
        writer.join().map(|written| written.and(output))
    });
    let output = output.map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    Ok(Some(output.stdout))
}

fn check(method: Compression, what: &str, file: &[u8]) -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    std::fs::write(copy.path().join("nar/other"), file)?;
    let mut text = String::new();
    for line in cache.narinfo(&cache.flat)?.lines() {
        match line.split(':').next() {
            Some("FileHash" | "FileSize") => {}
            Some("URL") => text.push_str("URL: nar/other\n"),
            Some("Compression") => text.push_str(&format!("Compression: {method}\n")),
            _ => text.push_str(&format!("{line}\n")),
        }
    }
    let name = format!("{}.narinfo", cache.flat.hash_part());
    std::fs::write(copy.path().join(name), text)?;
    let url = format!("file://{}", copy.path().display());
    let fixture = Fixture::new(&[url], options(&[&cache.public_key])?)?;
    let nar = fixture.get(&cache.flat).map_err(anyhow::Error::msg);
    let nar = nar.with_context(|| format!("{method} {what}"))?;
    ensure!(
        nar == cache.dump(&cache.flat)?,
        "{method} {what}: another NAR"
    );
    Ok(())
}

#[test]
fn all_settings_are_read() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let nar = cache.dump(&cache.flat)?;
    for (method, program, settings) in [
        (Compression::Xz, "xz", XZ.as_slice()),
        (Compression::Zstd, "zstd", ZSTD.as_slice()),
        (Compression::Bzip2, "bzip2", BZIP2.as_slice()),
    ] {
        for setting in settings {
            if let Some(file) = compress(program, setting, &nar)? {
                check(method, setting, &file)?;
            }
        }
    }
    Ok(())
}

/// Several streams in one file, with what each format allows between them.
#[test]
fn files_of_several_streams_are_read() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let nar = cache.dump(&cache.flat)?;
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    for (method, program, between) in [
        (Compression::Xz, "xz", vec![Vec::new(), vec![0; 8]]),
        (Compression::Zstd, "zstd", vec![Vec::new(), skippable]),
        (Compression::Bzip2, "bzip2", vec![Vec::new()]),
    ] {
        let mut parts = Vec::new();
        for part in nar.chunks(30_011) {
            parts.extend(compress(program, "-1", part)?);
        }
        for between in between {
            if !parts.is_empty() {
                check(
                    method,
                    "in several streams",
                    &parts.join(between.as_slice()),
                )?;
            }
        }
    }
    Ok(())
}
