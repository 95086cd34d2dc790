//! Store paths that Nix computes, and the export stream in both directions.

use crate::nix::{Nix, finish, text};
use anyhow::{Context, Result, bail, ensure};
use bstr::ByteSlice;
use std::{collections::BTreeSet, fs::File, process::Command};
use wasibuild_nix_compat::{
    content_address::CaMethod,
    export,
    file_system_object::{FileSystemObject, Limits},
    hash::{HashAlgo, NixHash, hash_reader, sha256},
    path_info::PathInfo,
    store_path::{StorePath, build_ca_path, build_text_path},
};

#[test]
fn added_paths_are_those_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let none = BTreeSet::new();
    let contents = b"some contents\n";
    let file = nix.write("file.txt", contents)?;
    let mut nar = Vec::new();
    FileSystemObject::file(contents.to_vec()).write_nar(&mut nar)?;
    for algo in HashAlgo::ALL {
        for (method, bytes) in [(CaMethod::Flat, &contents[..]), (CaMethod::Recursive, &nar)] {
            let (hash, _) = hash_reader(algo, &mut { bytes })?;
            let ours = build_ca_path("file.txt", method, &hash, &none, false)?;
            let mut arguments = vec!["--add-fixed"];
            if method == CaMethod::Recursive {
                arguments.push("--recursive");
            }
            arguments.extend([algo.name(), text(&file)?]);
            assert_eq!(ours.to_absolute_path(), nix.line("nix-store", &arguments)?);
        }
    }
    Ok(())
}

#[test]
fn text_paths_with_references_are_those_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let expression = r#"builtins.toFile "text" "see ${builtins.toFile "other" "x"}""#;
    let theirs = nix.line(
        "nix-instantiate",
        &["--eval", "--read-write-mode", "-E", expression],
    )?;
    let other = build_text_path("other", b"x", &BTreeSet::new())?;
    let contents = format!("see {}", other.to_absolute_path());
    let ours = build_text_path("text", contents.as_bytes(), &BTreeSet::from([other]))?;
    assert_eq!(format!("\"{}\"", ours.to_absolute_path()), theirs);
    Ok(())
}

/// The hash of a NAR that holds its own path: the hash part becomes zeros, and the places where it was
/// are hashed after the NAR.
fn hash_modulo(nar: &[u8], own: &StorePath) -> NixHash {
    let zeroed = nar.replace(own.hash_part(), [0; 32]);
    let places: String = nar
        .find_iter(own.hash_part())
        .map(|place| format!("|{place}"))
        .collect();
    NixHash::sha256(sha256(&[zeroed.as_slice(), places.as_bytes()].concat()))
}

#[test]
fn paths_with_references_to_themselves_are_those_of_nix() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let expression = r#"builtins.toFile "other" "x""#;
    nix.line(
        "nix-instantiate",
        &["--eval", "--read-write-mode", "-E", expression],
    )?;
    let other = build_text_path("other", b"x", &BTreeSet::new())?;
    let own = StorePath::from_digest(&[7; 20], "own")?;
    let own_path = own.to_absolute_path();
    // Nix makes the references content-addressed first, so the object refers to that one.
    let moved = make_content_addressed(&nix, &other.to_absolute_path())?;
    let contents = format!(
        "{own_path}/bin and {own_path} and {}\n",
        moved.to_absolute_path()
    );
    let tree = FileSystemObject::executable(contents.into_bytes());
    let (nar_hash, nar_size) = tree.nar_hash()?;
    let mut info = PathInfo::new(own.clone(), nar_hash, nar_size);
    info.references = BTreeSet::from([own.clone(), moved.clone()]);
    let mut writer = export::Writer::new(Vec::new());
    writer.object(&info, |sink| tree.write_nar(sink))?;
    let file = nix.write("stream", writer.finish()?)?;
    let mut import = nix.command("nix-store");
    import
        .arg("--store")
        .arg(nix.root())
        .arg("--import")
        .stdin(File::open(file)?);
    finish(&mut import)?;

    let theirs = make_content_addressed(&nix, &own_path)?;
    let mut nar = Vec::new();
    tree.write_nar(&mut nar)?;
    let hash = hash_modulo(&nar, &own);
    let references = BTreeSet::from([moved]);
    let ours = build_ca_path("own", CaMethod::Recursive, &hash, &references, true)?;
    assert_eq!(ours, theirs);
    Ok(())
}

fn make_content_addressed(nix: &Nix, path: &str) -> Result<StorePath> {
    let json = nix.run("nix", &["store", "make-content-addressed", "--json", path])?;
    let json: serde_json::Value = serde_json::from_slice(&json)?;
    let rewrites = json.pointer("/rewrites").context("no rewrites")?;
    let new = rewrites
        .get(path)
        .and_then(serde_json::Value::as_str)
        .context("no path")?;
    Ok(StorePath::from_absolute_path(new.as_bytes())?)
}

#[test]
fn references_are_refused_where_no_path_can_have_them() -> Result<()> {
    let hash = NixHash::sha256([1; 32]);
    let references = BTreeSet::from([StorePath::from_digest(&[2; 20], "other")?]);
    let none = BTreeSet::new();
    assert!(build_ca_path("x", CaMethod::Flat, &hash, &none, true).is_err());
    assert!(build_ca_path("x", CaMethod::Text, &hash, &none, true).is_err());
    assert!(build_ca_path("x", CaMethod::Flat, &hash, &references, false).is_err());
    let (sha1, _) = hash_reader(HashAlgo::Sha1, &mut { &b""[..] })?;
    assert!(build_ca_path("x", CaMethod::Recursive, &sha1, &references, false).is_err());
    assert!(build_ca_path("x", CaMethod::Text, &sha1, &none, false).is_err());
    Ok(())
}

#[test]
fn export_streams_go_both_ways() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let Some(other) = Nix::new()? else {
        bail!("Nix was here a moment ago");
    };
    let expression = r#"builtins.toFile "text" "see ${builtins.toFile "other" "x"}""#;
    let top = nix.line(
        "nix-instantiate",
        &["--eval", "--read-write-mode", "-E", expression],
    )?;
    let top = top.trim_matches('"');
    let closure = nix.line("nix-store", &["--query", "--requisites", top])?;
    let mut arguments = vec!["--export"];
    arguments.extend(closure.lines());
    let stream = nix.run("nix-store", &arguments)?;

    let mut reader = export::Reader::new(stream.as_slice());
    let mut objects: Vec<(FileSystemObject, PathInfo)> = Vec::new();
    while reader.begin_object()? {
        let limits = Limits::default();
        let tree = FileSystemObject::from_nar(reader.nar(), &limits, &mut tempfile::tempfile)?;
        objects.push((tree, reader.end_object()?));
    }
    ensure!(objects.len() == 2, "found {} objects", objects.len());
    for (_, info) in &objects {
        let path = info.path.to_absolute_path();
        let hash = nix.line("nix-store", &["--query", "--hash", &path])?;
        assert_eq!(NixHash::sha256(info.nar_hash).to_nix32(), hash);
        let size = nix.line("nix-store", &["--query", "--size", &path])?;
        assert_eq!(info.nar_size.to_string(), size);
    }

    let mut writer = export::Writer::new(Vec::new());
    for (tree, info) in &objects {
        writer.object(info, |sink| tree.write_nar(sink))?;
    }
    let written = writer.finish()?;
    ensure!(written == stream, "the stream is written differently");
    let file = other.write("stream", &written)?;
    let mut import: Command = other.command("nix-store");
    import
        .arg("--store")
        .arg(other.root())
        .arg("--import")
        .stdin(File::open(file)?);
    finish(&mut import)?;
    let references = other.line("nix-store", &["--query", "--references", top])?;
    let (_, last) = objects.last().context("no objects")?;
    let expected: Vec<String> = last
        .references
        .iter()
        .map(StorePath::to_absolute_path)
        .collect();
    assert_eq!(references, expected.join("\n"));
    Ok(())
}
