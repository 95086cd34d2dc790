//! NARs that Nix wrote are read; NARs written here are restored by Nix.

use crate::nix::{Nix, text};
use anyhow::{Result, ensure};
use std::{
    fs,
    io::Write,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink},
    path::Path,
    process::Stdio,
};
use wasibuild_nix_compat::{
    file_system_object::{FileSystemObject, Limits},
    hash::NixHash,
    nar::{Event, Reader},
};

/// A tree with everything that a NAR can hold.
fn make_tree(root: &Path) -> Result<()> {
    fs::create_dir_all(root.join("deep/er/est"))?;
    fs::create_dir(root.join("empty-directory"))?;
    for size in [0usize, 1, 7, 8, 9, 4095, 4096, 70_000] {
        fs::write(root.join(format!("file-{size}")), vec![size as u8; size])?;
    }
    fs::write(root.join("deep/er/est/script"), "#!/bin/sh\n")?;
    fs::set_permissions(
        root.join("deep/er/est/script"),
        fs::Permissions::from_mode(0o755),
    )?;
    for name in [
        &b" space"[..],
        b"UPPER",
        b"upper",
        b"new\nline",
        b"\xff\xfe",
        "ünï".as_bytes(),
        b"a.b",
        b"a-b",
        b"a",
    ] {
        fs::write(root.join(std::ffi::OsStr::from_bytes(name)), name)?;
    }
    symlink("/nix/store/somewhere", root.join("absolute"))?;
    symlink("../up", root.join("deep/relative"))?;
    symlink("dangling", root.join("deep/er/dangling"))?;
    Ok(())
}

fn read(nar: &[u8]) -> Result<FileSystemObject> {
    Ok(FileSystemObject::from_nar(
        &mut { nar },
        &Limits::default(),
        &mut tempfile::tempfile,
    )?)
}

#[test]
fn trees_of_nix_round_trip() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let tree = nix.work().join("tree");
    make_tree(&tree)?;
    for path in [
        tree.clone(),
        tree.join("file-9"),
        tree.join("absolute"),
        tree.join("deep/er/est/script"),
    ] {
        let nar = nix.run("nix-store", &["--dump", text(&path)?])?;
        let object = read(&nar)?;
        let mut written = Vec::new();
        object.write_nar(&mut written)?;
        ensure!(written == nar, "{} is written differently", path.display());
        let (hash, size) = object.nar_hash()?;
        let expected = nix.line("nix-hash", &["--type", "sha256", "--base32", text(&path)?])?;
        assert_eq!(NixHash::sha256(hash).digest_nix32(), expected);
        assert_eq!(size, nar.len() as u64);

        let restored = nix.work().join("restored");
        let mut child = nix
            .command("nix-store")
            .args(["--restore", text(&restored)?])
            .stdin(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(&written)?;
        ensure!(child.wait()?.success(), "nix-store --restore failed");
        assert_eq!(nix.run("nix-store", &["--dump", text(&restored)?])?, nar);
        nix.command("rm").arg("-rf").arg(&restored).status()?;
    }
    Ok(())
}

#[test]
fn events_and_their_order() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let tree = nix.work().join("tree");
    make_tree(&tree)?;
    let nar = nix.run("nix-store", &["--dump", text(&tree)?])?;
    let mut reader = Reader::new(nar.as_slice());
    let mut names = Vec::new();
    let mut executables = 0;
    while let Some(event) = reader.next_event()? {
        match event {
            Event::Entry { name } => names.push(name),
            Event::File { executable, .. } => executables += usize::from(executable),
            _ => {}
        }
    }
    assert_eq!(reader.finish()?, nar.len() as u64);
    assert_eq!((names.len(), executables), (25, 1));
    Ok(())
}
