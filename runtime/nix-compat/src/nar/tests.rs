//! What the reader refuses, and that a large file streams.

use super::*;
use std::io::{self, Read};

/// The tokens of a NAR, each as a string.
fn encode(tokens: &[&[u8]]) -> Vec<u8> {
    let mut nar = Vec::new();
    for token in tokens {
        nar.extend_from_slice(&(token.len() as u64).to_le_bytes());
        nar.extend_from_slice(token);
        nar.resize(nar.len().next_multiple_of(8), 0);
    }
    nar
}

fn read(nar: &[u8]) -> Result<Vec<Event>, NarError> {
    let mut reader = Reader::new(nar);
    let mut events = Vec::new();
    while let Some(event) = reader.next_event()? {
        events.push(event);
    }
    reader.finish()?;
    Ok(events)
}

const FILE: [&[u8]; 6] = [b"(", b"type", b"regular", b"contents", b"hello", b")"];

fn directory(names: &[&[u8]]) -> Vec<u8> {
    let mut tokens: Vec<&[u8]> = vec![MAGIC, b"(", b"type", b"directory"];
    for name in names {
        tokens.extend([&b"entry"[..], b"(", b"name", name, b"node"]);
        tokens.extend(FILE);
        tokens.push(b")");
    }
    tokens.push(b")");
    encode(&tokens)
}

#[track_caller]
fn refused(nar: &[u8], expected: &str) {
    let error = read(nar).expect_err(expected).to_string();
    assert!(error.contains(expected), "expected “{expected}”: {error}");
}

#[test]
fn names_are_checked() {
    assert_eq!(read(&directory(&[b"a", b"b"])).unwrap().len(), 6);
    refused(&directory(&[b"b", b"a"]), "does not come after “b”");
    refused(&directory(&[b"a", b"a"]), "does not come after “a”");
    refused(&directory(&[b""]), "name is empty");
    refused(&directory(&[b"."]), "not names");
    refused(&directory(&[b".."]), "not names");
    refused(&directory(&[b"a/b"]), "slash");
    refused(&directory(&[b"a\0"]), "NUL");
    refused(&directory(&[&[b'a'; 256]]), "announces 256 bytes");
}

#[test]
fn form_is_checked() {
    let nar = directory(&[b"a"]);
    for end in 0..nar.len() {
        assert!(
            read(&nar[..end]).is_err(),
            "a NAR cut off at {end} was accepted"
        );
    }
    let mut longer = nar.clone();
    longer.push(0);
    refused(&longer, "bytes follow the end");
    refused(&encode(&[b"nix-archive-2", b"("]), "nix-archive-1");
    refused(&encode(&[MAGIC, b"(", b"type", b"fifo"]), "found “fifo”");
    refused(
        &encode(&[MAGIC, b"(", b"type", b"regular", b")"]),
        "found “)”",
    );
    refused(
        &encode(&[MAGIC, b"(", b"type", b"symlink", b"target", b"", b")"]),
        "target",
    );
    refused(
        &encode(&[MAGIC, b"(", b"type", b"symlink", b"target", b"a\0", b")"]),
        "target",
    );
    refused(
        &encode(&[MAGIC, b"(", b"type", b"regular", b"executable", b"x"]),
        "empty string",
    );
    let padded = encode(&[MAGIC]).len() - 1;
    let mut dirty = nar;
    dirty[padded] = 1;
    refused(&dirty, "padding");
}

#[test]
fn nesting_is_bounded() {
    let mut tokens: Vec<&[u8]> = vec![MAGIC];
    for _ in 0..=MAX_DEPTH {
        tokens.extend([
            &b"("[..],
            b"type",
            b"directory",
            b"entry",
            b"(",
            b"name",
            b"d",
            b"node",
        ]);
    }
    refused(&encode(&tokens), "nested more than");
}

#[test]
fn an_error_is_final() {
    let mut nar = &encode(&[MAGIC, b"x"])[..];
    let mut reader = Reader::new(&mut nar);
    assert!(reader.next_event().is_err());
    assert!(matches!(reader.next_event(), Err(NarError::Misuse(_))));
}

#[test]
fn a_large_file_streams_both_ways() {
    const SIZE: u64 = 300 << 20;
    let mut head = Vec::new();
    let mut hash = crate::hash::Sha256Writer::new();
    Writer::new(&mut hash)
        .file(false, SIZE, &mut io::repeat(7))
        .unwrap();
    let (_, nar_size) = hash.finish();
    for token in [MAGIC, b"(", b"type", b"regular", b"contents"] {
        head.extend(encode(&[token]));
    }
    head.extend(SIZE.to_le_bytes());
    let tail = encode(&[b")"]);
    let source = head
        .as_slice()
        .chain(io::repeat(7).take(SIZE))
        .chain(tail.as_slice());
    let mut reader = Reader::new(source);
    assert_eq!(
        reader.next_event().unwrap(),
        Some(Event::File {
            executable: false,
            size: SIZE
        })
    );
    assert_eq!(reader.next_event().unwrap(), None);
    assert_eq!(reader.finish().unwrap(), nar_size);
}

#[test]
fn the_writer_refuses_misuse() {
    let mut writer = Writer::new(Vec::new());
    writer.directory().unwrap();
    assert!(matches!(writer.symlink(b"x"), Err(NarError::Misuse(_))));
    writer.entry(b"b").unwrap();
    assert!(writer.end_directory().is_err());
    writer.symlink(b"x").unwrap();
    assert!(matches!(writer.entry(b"a"), Err(NarError::Order { .. })));
    assert!(matches!(writer.entry(b".."), Err(NarError::Name { .. })));
    writer.end_directory().unwrap();
    assert!(matches!(writer.directory(), Err(NarError::Misuse(_))));
    assert!(writer.finish().is_ok());
    assert!(matches!(
        Writer::new(Vec::new()).finish(),
        Err(NarError::Misuse(_))
    ));
    assert!(matches!(
        Writer::new(Vec::new()).file(false, 3, &mut &b"ab"[..]),
        Err(NarError::ShortFile {
            expected: 3,
            found: 2
        })
    ));
}
