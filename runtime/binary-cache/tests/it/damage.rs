//! NAR files that are not what the narinfo announces.

use std::path::{Path, PathBuf};

use anyhow::Result;
use wasibuild_binary_cache::Compression;
use wasibuild_nix_compat::store_path::StorePath;

use crate::support::nix::{NixCache, nar_file};
use crate::support::{Fixture, options, refused};

struct Damaged {
    directory: tempfile::TempDir,
    nar: PathBuf,
    narinfo: PathBuf,
    path: StorePath,
    cache: &'static NixCache,
}

impl Damaged {
    /// A copy of the cache in which the large path is to be damaged.
    fn new(method: Compression) -> Result<Option<Self>> {
        let Some(cache) = NixCache::get(method)? else {
            return Ok(None);
        };
        let directory = cache.copy()?;
        let path = cache.tree.clone();
        let nar = directory.path().join(nar_file(&cache.narinfo(&path)?)?);
        let narinfo = directory
            .path()
            .join(format!("{}.narinfo", path.hash_part()));
        Ok(Some(Self {
            directory,
            nar,
            narinfo,
            path,
            cache,
        }))
    }

    /// Replaces the NAR file's bytes.
    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut bytes = std::fs::read(&self.nar)?;
        change(&mut bytes);
        std::fs::write(&self.nar, bytes)?;
        Ok(())
    }

    /// Removes what protects the file itself, so that only the NAR's own facts remain.
    fn without_file_facts(&self) -> Result<()> {
        let text = std::fs::read_to_string(&self.narinfo)?;
        let lines = text.lines().filter(|line| !line.starts_with("File"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        Ok(std::fs::write(&self.narinfo, text)?)
    }

    fn refused(&self, parts: &[&str]) -> Result<()> {
        let url = format!("file://{}", self.directory.path().display());
        let fixture = Fixture::new(&[url], options(&[&self.cache.public_key])?)?;
        refused(fixture.get(&self.path), &[self.path.basename()])?;
        let fixture_faults = fixture.events("fault: ").join("\n");
        for part in parts.iter().copied().chain([file_name(&self.nar)]) {
            anyhow::ensure!(
                fixture_faults.contains(part),
                "no {part:?} in: {fixture_faults}"
            );
        }
        Ok(())
    }
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

#[test]
fn files_of_the_wrong_size_are_refused_at_once() -> Result<()> {
    for method in Compression::ALL {
        for longer in [false, true] {
            let Some(damaged) = Damaged::new(method)? else {
                return Ok(());
            };
            let mut expected = 0;
            damaged.change(|bytes| {
                expected = bytes.len();
                if longer {
                    bytes.push(0)
                } else {
                    bytes.truncate(expected - 1)
                }
            })?;
            let found = if longer { expected + 1 } else { expected - 1 };
            let sizes = format!("wrong file size: expected {expected}, found {found}");
            damaged.refused(&[&sizes])?;
        }
    }
    Ok(())
}

#[test]
fn a_changed_byte_anywhere_is_refused() -> Result<()> {
    for method in Compression::ALL {
        for (place, facts) in [(0, true), (1, true), (5, false), (9, true), (10, false)] {
            let Some(damaged) = Damaged::new(method)? else {
                return Ok(());
            };
            damaged.change(|bytes| {
                let index = (bytes.len() - 1) * place / 10;
                bytes[index] ^= 0x10;
            })?;
            if !facts {
                damaged.without_file_facts()?;
            }
            damaged
                .refused(&["tell the cache's owner"])
                .map_err(|error| error.context(format!("{method} at {place}/10")))?;
        }
    }
    Ok(())
}

#[test]
fn truncated_files_are_refused_without_file_facts_too() -> Result<()> {
    for method in Compression::ALL {
        for keep in [0, 1, 10, 50, 99] {
            let Some(damaged) = Damaged::new(method)? else {
                return Ok(());
            };
            damaged.change(|bytes| bytes.truncate(bytes.len() * keep / 100))?;
            damaged.without_file_facts()?;
            damaged
                .refused(&["tell the cache's owner"])
                .map_err(|error| error.context(format!("{method} cut to {keep} %")))?;
        }
    }
    Ok(())
}

#[test]
fn what_follows_the_nar_is_refused() -> Result<()> {
    for method in Compression::ALL {
        let Some(damaged) = Damaged::new(method)? else {
            return Ok(());
        };
        damaged.change(|bytes| bytes.extend(b"garbage after the end"))?;
        damaged.without_file_facts()?;
        damaged
            .refused(&[])
            .map_err(|error| error.context(method.name()))?;
        // The same file once more: sound as a compressed file of two members, too long as a NAR.
        let Some(damaged) = Damaged::new(method)? else {
            return Ok(());
        };
        damaged.change(|bytes| bytes.extend_from_within(..))?;
        damaged.without_file_facts()?;
        damaged
            .refused(&["wrong NAR size", "found more than"])
            .map_err(|error| error.context(method.name()))?;
    }
    Ok(())
}

#[test]
fn bombs_end_at_the_announced_size() -> Result<()> {
    for method in Compression::ALL {
        let Some(damaged) = Damaged::new(method)? else {
            return Ok(());
        };
        // 8 MB of zeros, compressed to a few KB; the announced NAR has three.
        let zeros = nar_file(&damaged.cache.narinfo(&damaged.cache.zeros)?)?.to_owned();
        std::fs::copy(damaged.cache.directory.join(zeros), &damaged.nar)?;
        damaged.without_file_facts()?;
        damaged.refused(&["wrong NAR size", "found more than"])?;
    }
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<()> {
    let Some(damaged) = Damaged::new(Compression::Xz)? else {
        return Ok(());
    };
    std::fs::remove_file(&damaged.nar)?;
    damaged.refused(&["status 404"])
}
