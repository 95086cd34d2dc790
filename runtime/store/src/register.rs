//! Making paths valid, and invalid again: all that changes the database.
//!
//! Contract: one call is one transaction, so that of several outputs all are registered
//! or none. A path is registered after its tree is in place, complete and canonical. Its
//! references must be valid or be registered with it, and must not form a cycle among
//! them. Counterpart: `registerValidPaths`, `invalidatePathChecked` in `local-store.cc`.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Transaction, params};
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::platform;

/// A path to register, and if it is a `.drv` its outputs.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) info: PathInfo,
    pub(crate) outputs: BTreeMap<String, StorePath>,
}

const REGISTER: &str = "register a path";

impl Database {
    /// Registers the paths, which are complete on the disk.
    pub(crate) fn register(&self, paths: &[&Registration]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        check_for_cycles(paths)?;
        let error = self.error(REGISTER);
        self.write(REGISTER, |db| {
            let mut ids = Vec::with_capacity(paths.len());
            for entry in paths {
                let id = upsert(db, &entry.info).map_err(&error)?;
                for (name, path) in &entry.outputs {
                    db.prepare_cached(
                        "insert or replace into DerivationOutputs (drv, id, path) values (?, ?, ?)",
                    )
                    .and_then(|mut s| s.execute(params![id, name, path.to_absolute_path()]))
                    .map_err(&error)?;
                }
                ids.push(id);
            }
            // After all rows are there, since the paths may refer to each other.
            for (id, entry) in ids.into_iter().zip(paths) {
                for reference in &entry.info.references {
                    let to = id_of(db, reference).map_err(&error)?.ok_or_else(|| {
                        Error::InvalidReference {
                            path: entry.info.path.clone(),
                            reference: reference.clone(),
                        }
                    })?;
                    db.prepare_cached(
                        "insert or replace into Refs (referrer, reference) values (?, ?)",
                    )
                    .and_then(|mut s| s.execute([id, to]))
                    .map_err(&error)?;
                }
            }
            Ok(())
        })
    }

    /// Adds signatures to a valid path.
    pub(crate) fn set_signatures(&self, path: &StorePath, signatures: &[String]) -> Result<()> {
        let error = self.error("sign a path");
        self.write("sign a path", |db| {
            db.prepare_cached("update ValidPaths set sigs = ? where path = ?")
                .and_then(|mut s| s.execute([signatures.join(" "), path.to_absolute_path()]))
                .map_err(error)
                .map(|_| ())
        })
    }

    /// Forgets a path, unless another one refers to it: then those are returned.
    pub(crate) fn invalidate(&self, path: &StorePath) -> Result<BTreeSet<String>> {
        let action = "remove a path";
        let error = self.error(action);
        self.write(action, |db| {
            let name = path.to_absolute_path();
            let referrers: BTreeSet<String> = db
                .prepare_cached(
                    "select path from Refs join ValidPaths on referrer = id \
                     where reference = (select id from ValidPaths where path = ?1) \
                     and path <> ?1",
                )
                .and_then(|mut s| s.query_map([&name], |row| row.get(0))?.collect())
                .map_err(&error)?;
            if referrers.is_empty() {
                db.prepare_cached("delete from ValidPaths where path = ?")
                    .and_then(|mut s| s.execute([&name]))
                    .map_err(&error)?;
            }
            Ok(referrers)
        })
    }
}

fn id_of(db: &Transaction<'_>, path: &StorePath) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("select id from ValidPaths where path = ?")?
        .query_row([path.to_absolute_path()], |row| row.get(0))
        .optional()
}

/// Writes one row of ValidPaths; an existing one gets the new facts, as in Nix.
fn upsert(db: &Transaction<'_>, info: &PathInfo) -> rusqlite::Result<i64> {
    let name = info.path.to_absolute_path();
    let hash = NixHash::sha256(info.nar_hash).to_hex_prefixed();
    // SQLite's integers are signed; no NAR comes near their bound.
    let nar_size = i64::try_from(info.nar_size).unwrap_or(i64::MAX);
    let nar_size = (nar_size != 0).then_some(nar_size);
    let ultimate = info.ultimate.then_some(1);
    let signatures = (!info.signatures.is_empty()).then(|| info.signatures.join(" "));
    let ca = info.ca.as_ref().map(ToString::to_string);
    if let Some(id) = id_of(db, &info.path)? {
        db.prepare_cached(
            "update ValidPaths set narSize = ?, hash = ?, ultimate = ?, sigs = ?, ca = ? \
             where id = ?",
        )?
        .execute(params![nar_size, hash, ultimate, signatures, ca, id])?;
        return Ok(id);
    }
    let time = match info.registration_time {
        0 => platform::now(),
        time => i64::try_from(time).unwrap_or(i64::MAX),
    };
    let deriver = info.deriver.as_ref().map(StorePath::to_absolute_path);
    db.prepare_cached(
        "insert into ValidPaths \
         (path, hash, registrationTime, deriver, narSize, ultimate, sigs, ca) \
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .insert(params![
        name, hash, time, deriver, nar_size, ultimate, signatures, ca
    ])
}

/// Removes paths without references to the rest, until nothing or a cycle is left.
fn check_for_cycles(paths: &[&Registration]) -> Result<()> {
    let batch: BTreeSet<&StorePath> = paths.iter().map(|p| &p.info.path).collect();
    let mut waiting: BTreeMap<&StorePath, usize> = BTreeMap::new();
    let mut referrers: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    for entry in paths {
        let path = &entry.info.path;
        let mut count = 0;
        for reference in &entry.info.references {
            if reference != path && batch.contains(reference) {
                count += 1;
                referrers.entry(reference).or_default().push(path);
            }
        }
        waiting.insert(path, count);
    }
    let mut ready: Vec<&StorePath> = waiting
        .iter()
        .filter(|(_, n)| **n == 0)
        .map(|(p, _)| *p)
        .collect();
    while let Some(path) = ready.pop() {
        waiting.remove(path);
        for referrer in referrers.remove(path).unwrap_or_default() {
            if let Some(count) = waiting.get_mut(referrer) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(referrer);
                }
            }
        }
    }
    let mut cycle = waiting.into_keys();
    match (cycle.next(), cycle.next()) {
        (Some(path), Some(other)) => Err(Error::ReferenceCycle {
            path: path.clone(),
            other: other.clone(),
        }),
        _ => Ok(()),
    }
}
