//! Substitution from end to end: a cache that real Nix wrote, this project's substituter and
//! embedded store, and real Nix's verdict on the result.
//!
//! Contract: whatever the cache or the line does, the store holds whole, right paths or nothing
//! of them; nothing reaches beyond loopback.

#[allow(dead_code)]
#[path = "../../runtime/binary-cache/tests/it/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;

use anyhow::{Context, Result, ensure};
use wasibuild_binary_cache::{Compression, DownloadError, Plan, Report};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;

use support::nix::{NixCache, nar_file};
use support::server::{Fault, Server};
use support::{Fixture, options};

/// An empty store in a temporary directory.
struct Target {
    directory: tempfile::TempDir,
    store: Store,
}

impl Target {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let store = Store::open(&directory.path().join("root"))?;
        Ok(Self { directory, store })
    }

    /// Real Nix and our own check must find nothing wrong with exactly these paths.
    fn holds(&self, paths: &[&StorePath]) -> Result<()> {
        let expected: BTreeSet<_> = paths.iter().map(|path| (*path).clone()).collect();
        let valid = self.store.all_valid_paths()?;
        ensure!(
            valid == expected,
            "valid: {valid:?}, expected: {expected:?}"
        );
        let report = self.store.verify(true)?;
        ensure!(report.is_ok(), "{report}");
        ensure!(
            report.rubbish.is_empty(),
            "left behind: {:?}",
            report.rubbish
        );
        let said = self.nix_store(&["--verify", "--check-contents"])?.1;
        for bad in ["disappeared", "modified", "error"] {
            ensure!(!said.contains(bad), "nix-store --verify says:\n{said}");
        }
        Ok(())
    }

    /// Standard output and standard error of `nix-store`, which must succeed.
    fn nix_store(&self, arguments: &[&str]) -> Result<(Vec<u8>, String)> {
        let home = self.directory.path().join("home");
        std::fs::create_dir_all(&home)?;
        let mut command = Command::new("nix-store");
        command
            .arg("--store")
            .arg(self.store.root())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("NIX_CONF_DIR", &home)
            .env(
                "NIX_CONFIG",
                "build-users-group =\nsandbox = false\nsubstitute = false\n",
            );
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success(),
            "{command:?}: {}\n{said}",
            output.status
        );
        Ok((output.stdout, said))
    }
}

type Outcome = Report<wasibuild_store::Error>;

/// What the program does: asks the store what it has, the caches for the rest, and adds that.
fn substitute(fixture: &Fixture, store: &Store, wanted: &[&StorePath]) -> Result<(Plan, Outcome)> {
    let wanted = wanted.iter().map(|path| (*path).clone()).collect();
    let mut failure = None;
    let plan = fixture.substituter.plan(&wanted, &mut |path| {
        store.is_valid(path).unwrap_or_else(|error| {
            failure = Some(error);
            false
        })
    })?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    let outcome = fixture
        .substituter
        .download(&plan, &|info, nar| store.add_nar(info.clone(), nar));
    Ok((plan, outcome))
}

fn closure(cache: &NixCache) -> [&StorePath; 6] {
    [
        &cache.leaf,
        &cache.tree,
        &cache.top,
        &cache.source,
        &cache.flat,
        &cache.text,
    ]
}

#[test]
fn a_closure_arrives_as_nix_wrote_it() -> Result<()> {
    for method in Compression::ALL {
        let Some(cache) = NixCache::get(method)? else {
            return Ok(());
        };
        let server = Server::start(&cache.directory)?;
        let target = Target::new()?;
        let fixture = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
        let wanted = [&cache.top, &cache.flat, &cache.text];
        let (plan, outcome) = substitute(&fixture, &target.store, &wanted)?;
        ensure!(outcome.is_complete(), "{method}: {:?}", outcome.failed);
        target.holds(&closure(cache))?;
        for candidate in &plan.paths {
            let expected = &candidate.narinfo.info;
            let path = &expected.path;
            let mut found = target.store.query_path_info(path)?.context("not valid")?;
            ensure!(!found.signatures.is_empty(), "{path} lost its signature");
            found.registration_time = expected.registration_time;
            ensure!(
                found == *expected,
                "registered {found:?}, announced {expected:?}"
            );
            let real = target.store.real_path(path);
            let dump = target
                .nix_store(&["--dump", &real.display().to_string()])?
                .0;
            ensure!(
                dump == cache.dump(path)?,
                "{method}: {path} has another NAR"
            );
        }
        // Once more: everything is there, and nobody is asked.
        let asked = server.requests("").len();
        let fixture = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
        let (plan, _) = substitute(&fixture, &target.store, &wanted)?;
        ensure!(plan.paths.is_empty() && server.requests("").len() == asked);
    }
    Ok(())
}

#[test]
fn a_bad_line_leaves_no_trace() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let server = Server::start(&cache.directory)?;
    let nar = nar_file(&cache.narinfo(&cache.tree)?)?.to_owned();
    server
        .fault("", Fault::Status(503), 2)
        .fault(".narinfo", Fault::Pieces(7), 1000)
        .fault(&nar, Fault::DropAfter(250_000), 4);
    let target = Target::new()?;
    let fixture = Fixture::new(&[server.url()], options(&[&cache.public_key])?)?;
    let (_, outcome) = substitute(&fixture, &target.store, &[&cache.top])?;
    ensure!(outcome.is_complete(), "{:?}", outcome.failed);
    ensure!(
        fixture.events("Resumed").len() == 4,
        "{:?}",
        fixture.events("Resumed")
    );
    target.holds(&[&cache.leaf, &cache.tree, &cache.top])
}

/// Removes what protects the compressed file itself, so that the NAR's own facts must do.
fn without_file_facts(narinfo: &Path) -> Result<()> {
    let text = std::fs::read_to_string(narinfo)?;
    let lines = text.lines().filter(|line| !line.starts_with("File"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    Ok(std::fs::write(narinfo, text)?)
}

#[test]
fn damaged_nars_are_never_registered() -> Result<()> {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("cut by a byte", |bytes| bytes.truncate(bytes.len() - 1)),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", Vec::clear),
        ("changed in the middle", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("twice in a row", |bytes| bytes.extend_from_within(..)),
    ];
    for method in Compression::ALL {
        for (what, damage) in damages {
            for with_facts in [true, false] {
                damaged(method, damage, with_facts)
                    .with_context(|| format!("{method}, {what}, file facts: {with_facts}"))?;
            }
        }
    }
    Ok(())
}

fn damaged(method: Compression, damage: fn(&mut Vec<u8>), with_facts: bool) -> Result<()> {
    let Some(cache) = NixCache::get(method)? else {
        return Ok(());
    };
    let copy = cache.copy()?;
    let nar = copy.path().join(nar_file(&cache.narinfo(&cache.tree)?)?);
    let mut bytes = std::fs::read(&nar)?;
    damage(&mut bytes);
    std::fs::write(nar, bytes)?;
    if !with_facts {
        let name = format!("{}.narinfo", cache.tree.hash_part());
        without_file_facts(&copy.path().join(name))?;
    }
    let target = Target::new()?;
    let bad = format!("file://{}", copy.path().display());
    let fixture = Fixture::new(std::slice::from_ref(&bad), options(&[&cache.public_key])?)?;
    let (_, outcome) = substitute(&fixture, &target.store, &[&cache.top])?;
    let failed: Vec<_> = outcome.failed.keys().collect();
    ensure!(
        failed == [&cache.tree, &cache.top],
        "failed: {:?}",
        outcome.failed
    );
    let tree = outcome.failed.get(&cache.tree);
    ensure!(matches!(tree, Some(DownloadError::Caches(_))), "{tree:?}");
    target.holds(&[&cache.leaf])?;
    // With a second, sound cache the same run succeeds.
    let urls = [bad, cache.file_url()];
    let fixture = Fixture::new(&urls, options(&[&cache.public_key])?)?;
    let (_, outcome) = substitute(&fixture, &target.store, &[&cache.top])?;
    ensure!(outcome.is_complete(), "{:?}", outcome.failed);
    target.holds(&[&cache.leaf, &cache.tree, &cache.top])
}

#[test]
fn an_untrusted_cache_adds_nothing_but_what_proves_itself() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let target = Target::new()?;
    let fixture = Fixture::new(&[cache.file_url()], options(&[])?)?;
    let wanted = [&cache.top, &cache.text, &cache.flat];
    let (plan, outcome) = substitute(&fixture, &target.store, &wanted)?;
    ensure!(outcome.is_complete(), "{:?}", outcome.failed);
    ensure!(plan.unavailable.contains_key(&cache.top));
    target.holds(&[&cache.source, &cache.text, &cache.flat])
}

#[test]
fn two_at_once_share_the_work() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Zstd)? else {
        return Ok(());
    };
    let target = Target::new()?;
    let both = Barrier::new(2);
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    // A store of its own on the same directory, as another process has.
                    let store = Store::open(target.store.root())?;
                    let fixture =
                        Fixture::new(&[cache.file_url()], options(&[&cache.public_key])?)?;
                    both.wait();
                    let (_, outcome) = substitute(&fixture, &store, &[&cache.top, &cache.text])?;
                    ensure!(outcome.is_complete(), "{:?}", outcome.failed);
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("panicked")))
            .collect()
    });
    results.into_iter().collect::<Result<()>>()?;
    target.holds(&[
        &cache.leaf,
        &cache.tree,
        &cache.top,
        &cache.source,
        &cache.text,
    ])
}
