//! Several caches, their order, what is missing, and what the store already has.

use std::collections::BTreeSet;
use std::sync::Mutex;

use anyhow::Result;
use wasibuild_binary_cache::{Compression, DownloadError, Unavailable};
use wasibuild_nix_compat::store_path::StorePath;

use crate::support::nix::{NixCache, nar_file};
use crate::support::server::{Fault, Server};
use crate::support::{Fixture, options};

fn narinfo(path: &StorePath) -> String {
    format!("{}.narinfo", path.hash_part())
}

#[test]
fn references_are_received_before_what_refers_to_them() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let fixture = Fixture::new(&[cache.file_url()], options(&[&cache.public_key])?)?;
    let plan = fixture.plan(&[&cache.top, &cache.text])?;
    let done: Mutex<BTreeSet<StorePath>> = Mutex::default();
    let report = fixture
        .substituter
        .download::<std::io::Error>(&plan, &|info, nar| {
            std::io::copy(nar, &mut std::io::sink())?;
            let mut done = done.lock().unwrap();
            done.insert(info.path.clone());
            assert!(info.references.is_subset(&done), "{} too early", info.path);
            Ok(())
        });
    assert!(report.is_complete(), "{:?}", report.failed);
    assert_eq!(report.received.len(), 5);
    Ok(())
}

#[test]
fn what_the_store_has_is_not_asked_for() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let server = Server::start(&cache.directory)?;
    let fixture = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
    let wanted = BTreeSet::from([cache.top.clone()]);
    let plan = fixture
        .substituter
        .plan(&wanted, &mut |path| *path == cache.tree)?;
    let paths: Vec<_> = plan
        .paths
        .iter()
        .map(|path| &path.narinfo.info.path)
        .collect();
    assert_eq!(paths, [&cache.leaf, &cache.top]);
    assert!(server.requests(cache.tree.hash_part()).is_empty());
    // Nothing to do: not even the cache's own file is asked for.
    let idle = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
    let before = server.requests("").len();
    assert!(
        idle.substituter
            .plan(&wanted, &mut |_| true)?
            .paths
            .is_empty()
    );
    assert_eq!(server.requests("").len(), before);
    Ok(())
}

#[test]
fn a_missing_reference_makes_all_above_it_unavailable() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    std::fs::remove_file(copy.path().join(narinfo(&cache.leaf)))?;
    let url = format!("file://{}", copy.path().display());
    let fixture = Fixture::new(&[url], options(&[&cache.public_key])?)?;
    let plan = fixture.plan(&[&cache.top, &cache.source])?;
    let paths: Vec<_> = plan
        .paths
        .iter()
        .map(|path| &path.narinfo.info.path)
        .collect();
    assert_eq!(paths, [&cache.source]);
    assert!(matches!(
        plan.unavailable.get(&cache.leaf),
        Some(Unavailable::NotFound)
    ));
    for path in [&cache.tree, &cache.top] {
        let why = plan.unavailable.get(path);
        assert!(
            matches!(why, Some(Unavailable::Reference(_))),
            "{path}: {why:?}"
        );
    }
    Ok(())
}

#[test]
fn the_priority_decides_and_the_address_overrides_it() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let (one, two) = (cache.copy()?, cache.copy()?);
    let info = |directory: &tempfile::TempDir, priority: i32| {
        let text = format!("StoreDir: /nix/store\nPriority: {priority}\n");
        std::fs::write(directory.path().join("nix-cache-info"), text)
    };
    info(&one, 50)?;
    info(&two, 40)?;
    let (first, second) = (Server::start(one.path())?, Server::start(two.path())?);
    for (urls, asked, spared) in [
        ([first.url(), second.url()], &second, &first),
        (
            [format!("{}?priority=1", first.url()), second.url()],
            &first,
            &second,
        ),
    ] {
        let before = (
            asked.requests(".narinfo").len(),
            spared.requests(".narinfo").len(),
        );
        let fixture = Fixture::new(&urls, options(&[&cache.public_key])?)?;
        assert!(fixture.get(&cache.leaf).is_ok());
        let after = (
            asked.requests(".narinfo").len(),
            spared.requests(".narinfo").len(),
        );
        assert_eq!(after, (before.0 + 1, before.1), "{urls:?}");
    }
    Ok(())
}

#[test]
fn the_next_cache_helps_out() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let Some(other) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let nar = nar_file(&cache.narinfo(&cache.tree)?)?.to_owned();
    let name = narinfo(&cache.tree);
    let mut damaged = std::fs::read(cache.directory.join(&nar))?;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for (place, fault, fault_text) in [
        ("nix-cache-info", Fault::Status(500), "HTTP status 500"),
        (
            "nix-cache-info",
            Fault::Replace(b"StoreDir: /other\n".to_vec()),
            "'/other'",
        ),
        (
            &*name,
            Fault::Replace(b"<html>".to_vec()),
            "is no valid narinfo",
        ),
        (&*name, Fault::Status(404), ""),
        (&*nar, Fault::Status(404), "status 404"),
        (&*nar, Fault::Replace(damaged), "tell the cache's owner"),
        (&*nar, Fault::DropAfter(10), "cannot download"),
    ] {
        let server = Server::start(&cache.directory)?;
        server.fault(place, fault.clone(), 1000);
        let urls = [server.url(), other.file_url()];
        let fixture = Fixture::new(&urls, options(&[&cache.public_key])?)?;
        let result = fixture.get(&cache.top);
        assert_eq!(result, Ok(cache.dump(&cache.top)?), "{place} {fault:?}");
        let faults = fixture.events("fault: ");
        let expected = faults
            .iter()
            .filter(|text| text.contains(fault_text))
            .count();
        assert!(
            fault_text.is_empty() || expected == 1,
            "{place}: {faults:#?}"
        );
    }
    Ok(())
}

#[test]
fn one_bad_path_does_not_stop_the_others() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let server = Server::start(&cache.directory)?;
    let nar = nar_file(&cache.narinfo(&cache.tree)?)?.to_owned();
    server.fault(&nar, Fault::Status(404), 1000);
    let fixture = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
    let plan = fixture.plan(&[&cache.top, &cache.text])?;
    let (report, nars) = fixture.download(&plan);
    let received = BTreeSet::from([cache.leaf.clone(), cache.source.clone(), cache.text.clone()]);
    assert_eq!(report.received, received);
    assert_eq!(nars.len(), 3);
    assert!(matches!(
        report.failed.get(&cache.tree),
        Some(DownloadError::Caches(_))
    ));
    let above = report.failed.get(&cache.top);
    assert!(
        matches!(above, Some(DownloadError::Reference(path)) if *path == cache.tree),
        "{above:?}"
    );
    Ok(())
}

#[test]
fn a_receiver_that_fails_or_stops_early_is_told_apart() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let fixture = Fixture::new(&[cache.file_url()], options(&[&cache.public_key])?)?;
    let plan = fixture.plan(&[&cache.leaf])?;
    let report = fixture
        .substituter
        .download(&plan, &|_, _| Err("disk full"));
    let error = report.failed.get(&cache.leaf);
    assert!(
        matches!(error, Some(DownloadError::Receiver("disk full"))),
        "{error:?}"
    );
    let report = fixture
        .substituter
        .download(&plan, &|_, nar| nar.read_exact(&mut [0; 8]));
    let error = report.failed.get(&cache.leaf);
    assert!(matches!(error, Some(DownloadError::NotRead)), "{error:?}");
    // Not reading at all means that the path is there already.
    let report = fixture
        .substituter
        .download::<std::io::Error>(&plan, &|_, _| Ok(()));
    assert!(report.received.contains(&cache.leaf), "{report:?}");
    Ok(())
}

#[test]
fn references_that_go_round_are_refused() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    let file = copy.path().join(narinfo(&cache.leaf));
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(
        &file,
        text.replace("References: ", &format!("References: {}", cache.top)),
    )?;
    let url = format!("file://{}?trusted=true", copy.path().display());
    let fixture = Fixture::new(&[url], options(&[])?)?;
    let error = fixture
        .plan(&[&cache.top])
        .err()
        .map(|error| error.to_string());
    assert!(
        error
            .as_ref()
            .is_some_and(|text| text.contains("refers to itself through")),
        "{error:?}"
    );
    Ok(())
}

#[test]
fn no_cache_means_nothing_is_found() -> Result<()> {
    let fixture = Fixture::new(&[], options(&[])?)?;
    assert!(fixture.substituter.is_empty());
    let path = StorePath::from_digest(&[9; 20], "missing")?;
    let plan = fixture.plan(&[&path])?;
    assert!(matches!(
        plan.unavailable.get(&path),
        Some(Unavailable::NotFound)
    ));
    Ok(())
}
