//! narinfo files and signatures of a binary cache that Nix wrote.

use crate::nix::{Nix, text};
use anyhow::{Context, Result, ensure};
use std::fs;
use wasibuild_nix_compat::narinfo::{NarInfo, PublicKey, SecretKey, verify};

#[test]
fn narinfo_files_of_nix_round_trip_and_verify() -> Result<()> {
    let Some(nix) = Nix::new()? else {
        return Ok(());
    };
    let (secret_file, public_file) = (nix.work().join("secret"), nix.work().join("public"));
    nix.run(
        "nix-store",
        &[
            "--generate-binary-cache-key",
            "test-key-1",
            text(&secret_file)?,
            text(&public_file)?,
        ],
    )?;
    let secret: SecretKey = fs::read_to_string(&secret_file)?.parse()?;
    let public: PublicKey = fs::read_to_string(&public_file)?.parse()?;
    assert_eq!(secret.public_key(), public);
    assert_eq!(
        secret.to_secret_string(),
        fs::read_to_string(&secret_file)?.trim_end()
    );

    let expression = r#"builtins.toFile "text" "see ${builtins.toFile "other" "x"}""#;
    let top = nix.line(
        "nix-instantiate",
        &["--eval", "--read-write-mode", "-E", expression],
    )?;
    let cache = nix.work().join("cache");
    let url = format!(
        "file://{}?secret-key={}&compression=xz",
        text(&cache)?,
        text(&secret_file)?
    );
    nix.run("nix", &["copy", "--to", &url, top.trim_matches('"')])?;

    let mut count = 0;
    for entry in fs::read_dir(&cache)? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "narinfo")
        {
            continue;
        }
        count += 1;
        let contents = fs::read_to_string(&path)?;
        let narinfo = NarInfo::parse(contents.as_bytes()).with_context(|| contents.clone())?;
        assert_eq!(narinfo.to_string(), contents);
        let fingerprint = narinfo.info.fingerprint();
        let trusted = [public.clone()];
        ensure!(
            verify(&fingerprint, &narinfo.info.signatures, &trusted).is_some(),
            "no signature over {fingerprint} in\n{contents}"
        );
        assert_eq!(vec![secret.sign(&fingerprint)], narinfo.info.signatures);
        assert!(narinfo.file_hash.is_some() && narinfo.info.ca.is_some());
    }
    assert_eq!(count, 2);
    Ok(())
}
