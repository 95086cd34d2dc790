//! Who is believed: signatures, keys, content addresses, explicit trust.

use std::path::Path;

use anyhow::Result;
use wasibuild_binary_cache::{Compression, NIXOS_CACHE_KEY, Trust, parse_public_key};
use wasibuild_nix_compat::store_path::StorePath;

use crate::support::nix::{NixCache, nar_file};
use crate::support::{Fixture, options, refused};

/// Rewrites the lines of a narinfo that begin with `key`; an empty `line` removes them.
fn edit(directory: &Path, path: &StorePath, key: &str, line: &str) -> Result<()> {
    let file = directory.join(format!("{}.narinfo", path.hash_part()));
    let mut text = String::new();
    for old in std::fs::read_to_string(&file)?.lines() {
        let new = if old.starts_with(key) { line } else { old };
        if !new.is_empty() {
            text.push_str(new);
            text.push('\n');
        }
    }
    std::fs::write(file, text)?;
    Ok(())
}

fn url(directory: &Path) -> String {
    format!("file://{}", directory.display())
}

#[test]
fn a_key_that_is_not_trusted_is_named() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let nixos = parse_public_key(NIXOS_CACHE_KEY)?;
    let fixture = Fixture::new(&[cache.file_url()], options(&[&nixos])?)?;
    refused(
        fixture.get(&cache.leaf),
        &[
            "signed by 'test-1', which is not trusted",
            "trusted are 'cache.nixos.org-1'",
            &cache.leaf.to_string(),
            "add its public key",
        ],
    )
}

#[test]
fn a_key_of_the_same_name_is_not_enough() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let (_, base64) = NIXOS_CACHE_KEY.split_once(':').unwrap_or_default();
    let impostor = parse_public_key(&format!("test-1:{base64}"))?;
    let fixture = Fixture::new(&[cache.file_url()], options(&[&impostor])?)?;
    refused(
        fixture.get(&cache.leaf),
        &["signature by 'test-1' does not fit"],
    )
}

#[test]
fn what_is_signed_cannot_be_changed() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let other = cache.narinfo(&cache.tree)?;
    let other_signature = other
        .lines()
        .find(|line| line.starts_with("Sig: "))
        .unwrap_or_default();
    let other_hash = other
        .lines()
        .find(|line| line.starts_with("NarHash: "))
        .unwrap_or_default();
    for (key, line, part) in [
        ("Sig: ", "", "it is not signed"),
        ("Sig: ", other_signature, "does not fit"),
        ("Sig: ", "Sig: test-1:AAAA", "does not fit"),
        ("References: ", "References: ", "does not fit"),
        ("NarSize: ", "NarSize: 1000", "does not fit"),
        ("NarHash: ", other_hash, "does not fit"),
    ] {
        let copy = cache.copy()?;
        edit(copy.path(), &cache.top, key, line)?;
        let fixture = Fixture::new(&[url(copy.path())], options(&[&cache.public_key])?)?;
        refused(
            fixture.get(&cache.top),
            &["no valid signature by a trusted key", part],
        )
        .map_err(|error| error.context(format!("{key}{line}")))?;
    }
    Ok(())
}

#[test]
fn explicit_trust_needs_no_signature_but_right_hashes() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    edit(copy.path(), &cache.leaf, "Sig: ", "")?;
    let trusted = format!("{}?trusted=true", url(copy.path()));
    let mut lenient = options(&[])?;
    lenient.require_signatures = false;
    for (url, options) in [
        (trusted.clone(), options(&[])?),
        (url(copy.path()), lenient),
    ] {
        let fixture = Fixture::new(&[url], options)?;
        let candidate = fixture.substituter.query(&cache.leaf)?;
        assert_eq!(candidate.map(|found| found.trust), Some(Trust::NotRequired));
        assert_eq!(fixture.get(&cache.leaf), Ok(cache.dump(&cache.leaf)?));
    }
    let nar = copy.path().join(nar_file(&cache.narinfo(&cache.leaf)?)?);
    std::fs::write(
        &nar,
        String::from_utf8_lossy(&std::fs::read(&nar)?).replace("leaf", "LEAF"),
    )?;
    let fixture = Fixture::new(&[trusted], options(&[])?)?;
    refused(
        fixture.get(&cache.leaf),
        &["wrong file hash", &cache.leaf.to_string()],
    )
}

#[test]
fn content_addressed_paths_prove_themselves() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let fixture = Fixture::new(&[cache.file_url()], options(&[])?)?;
    for path in [&cache.source, &cache.flat, &cache.text] {
        let candidate = fixture.substituter.query(path)?;
        assert_eq!(
            candidate.map(|found| found.trust),
            Some(Trust::ContentAddressed),
            "{path}"
        );
        assert_eq!(fixture.get(path), Ok(cache.dump(path)?), "{path}");
    }
    // Without the address they are as any other path.
    let copy = cache.copy()?;
    edit(copy.path(), &cache.source, "CA: ", "")?;
    let fixture = Fixture::new(&[url(copy.path())], options(&[])?)?;
    refused(
        fixture.get(&cache.source),
        &["signed by 'test-1', which is not trusted"],
    )
}

/// The attack that the content check is for: a right name and address with another NAR, whose
/// size and hash the narinfo truly gives.
#[test]
fn a_content_address_is_checked_against_the_content() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    for (path, other) in [
        (&cache.source, &cache.flat),
        (&cache.flat, &cache.leaf),
        (&cache.flat, &cache.source),
        (&cache.text, &cache.leaf),
    ] {
        let copy = cache.copy()?;
        let from = cache.narinfo(other)?;
        for key in [
            "URL: ",
            "FileHash: ",
            "FileSize: ",
            "NarHash: ",
            "NarSize: ",
        ] {
            let line = from
                .lines()
                .find(|line| line.starts_with(key))
                .unwrap_or_default();
            edit(copy.path(), path, key, line)?;
        }
        let fixture = Fixture::new(&[url(copy.path())], options(&[])?)?;
        let trust = fixture.substituter.query(path)?.map(|found| found.trust);
        assert_eq!(trust, Some(Trust::ContentAddressed));
        refused(
            fixture.get(path),
            &["wrong content hash", &path.to_string()],
        )?;
    }
    Ok(())
}

#[test]
fn a_content_address_does_not_cover_other_references() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    edit(copy.path(), &cache.text, "References: ", "References: ")?;
    let fixture = Fixture::new(&[url(copy.path())], options(&[])?)?;
    refused(
        fixture.get(&cache.text),
        &["no valid signature by a trusted key"],
    )
}

#[test]
fn a_narinfo_for_another_path_is_refused() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    let file = |path: &StorePath| copy.path().join(format!("{}.narinfo", path.hash_part()));
    std::fs::copy(file(&cache.flat), file(&cache.leaf))?;
    let fixture = Fixture::new(&[url(copy.path())], options(&[&cache.public_key])?)?;
    refused(
        fixture.get(&cache.leaf),
        &[&format!(
            "describes '{}', expected '{}'",
            cache.flat, cache.leaf
        )],
    )
}

#[test]
fn narinfos_that_cannot_be_used_say_why() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::None)? else {
        return Ok(());
    };
    for (key, line, part) in [
        (
            "URL: ",
            "URL: ../../etc/passwd",
            "places the NAR at '../../etc/passwd'",
        ),
        ("URL: ", "URL: /etc/passwd", "within the cache's directory"),
        (
            "Compression: ",
            "Compression: br",
            "'br', expected none, xz, zstd, bzip2",
        ),
        ("NarSize: ", "NarSize: many", "is no valid narinfo"),
        ("StorePath: ", "", "is no valid narinfo"),
    ] {
        let copy = cache.copy()?;
        edit(copy.path(), &cache.leaf, key, line)?;
        let fixture = Fixture::new(&[url(copy.path())], options(&[&cache.public_key])?)?;
        refused(fixture.get(&cache.leaf), &[part, cache.leaf.hash_part()])?;
    }
    Ok(())
}
