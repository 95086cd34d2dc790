//! Every compression method that Nix writes, from a directory and over HTTP.

use anyhow::Result;
use wasibuild_binary_cache::{BinaryCache, Cancel, Compression, Silent};

use crate::support::nix::NixCache;
use crate::support::server::Server;
use crate::support::{Fixture, options};

#[test]
fn nars_are_those_that_nix_dumps() -> Result<()> {
    for method in Compression::ALL {
        let Some(cache) = NixCache::get(method)? else {
            return Ok(());
        };
        let server = Server::start(&cache.directory)?;
        for url in [cache.file_url(), server.url()] {
            let fixture = Fixture::new(std::slice::from_ref(&url), options(&[&cache.public_key])?)?;
            let plan = fixture.plan(&[&cache.top, &cache.text, &cache.flat])?;
            assert!(plan.unavailable.is_empty(), "{url}: {:?}", plan.unavailable);
            let (report, nars) = fixture.download(&plan);
            assert!(report.is_complete(), "{url}: {:?}", report.failed);
            for path in [
                &cache.leaf,
                &cache.tree,
                &cache.top,
                &cache.source,
                &cache.flat,
                &cache.text,
            ] {
                let nar = nars.get(path).map(Vec::as_slice);
                let same = nar == Some(cache.dump(path)?.as_slice());
                assert!(same, "{method} {url}: {path} differs from nix-store --dump");
                let narinfo = cache.narinfo(path)?;
                assert!(
                    narinfo.contains(&format!("Compression: {method}\n")),
                    "{narinfo}"
                );
            }
            assert_eq!(nars.len(), 6);
        }
    }
    Ok(())
}

#[test]
fn the_plan_lists_references_first_with_sizes() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let fixture = Fixture::new(&[cache.file_url()], options(&[&cache.public_key])?)?;
    let plan = fixture.plan(&[&cache.top])?;
    let paths: Vec<_> = plan
        .paths
        .iter()
        .map(|path| &path.narinfo.info.path)
        .collect();
    assert_eq!(paths, [&cache.leaf, &cache.tree, &cache.top]);
    let nar_size: usize = [&cache.leaf, &cache.tree, &cache.top]
        .into_iter()
        .map(|path| cache.dump(path).map(|nar| nar.len()))
        .sum::<Result<usize>>()?;
    assert_eq!(plan.nar_size(), nar_size as u64);
    assert!(plan.download_size() > 0 && plan.download_size() < plan.nar_size());
    Ok(())
}

#[test]
fn a_single_cache_says_what_it_is() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let open = |url: &str| {
        let options = options(&[]).map_err(|error| error.to_string())?;
        BinaryCache::open(url, options, Cancel::new(), std::sync::Arc::new(Silent))
            .map_err(|error| error.full_text())
    };
    let opened = open(&cache.file_url()).map_err(anyhow::Error::msg)?;
    assert_eq!(opened.info()?.store_dir, "/nix/store");
    assert!(opened.query(&cache.leaf)?.is_some());

    let copy = cache.copy()?;
    let url = format!("file://{}", copy.path().display());
    for (text, part) in [
        (
            "StoreDir: /gnu/store\n",
            "holds paths of the store '/gnu/store', expected '/nix/store'",
        ),
        ("<html>\n", "is no valid nix-cache-info"),
    ] {
        std::fs::write(copy.path().join("nix-cache-info"), text)?;
        let error = open(&url).err().unwrap_or_default();
        assert!(error.contains(part), "{error}");
    }
    std::fs::remove_file(copy.path().join("nix-cache-info"))?;
    let error = open(&url).err().unwrap_or_default();
    assert!(
        error.contains("does not look like a binary cache"),
        "{error}"
    );
    Ok(())
}
