//! What the database knows: the facts of a path, who refers to it, who made it.
//!
//! Contract: the statements are Nix's, so that each finds what the other wrote; rows that
//! do not parse are [`Error::CorruptEntry`], never a panic.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row};
use wasibuild_nix_compat::hash::{HashAlgo, NixHash};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{STORE_DIR_SLASH, StorePath};

use crate::database::Database;
use crate::error::{Error, Result};

impl Database {
    /// The facts of a path, or none if it is not valid.
    pub(crate) fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>> {
        let name = path.to_absolute_path();
        let found = self.read("look up a path", |db| {
            let Some((id, row)) = db
                .prepare_cached(
                    "select id, hash, registrationTime, deriver, narSize, ultimate, sigs, ca \
                     from ValidPaths where path = ?",
                )?
                .query_row([&name], |row| {
                    Ok((row.get::<_, i64>(0)?, InfoRow::read(row)?))
                })
                .optional()?
            else {
                return Ok(None);
            };
            let references = texts(
                db,
                "select path from Refs join ValidPaths on reference = id where referrer = ?",
                id,
            )?;
            Ok(Some((row, references)))
        })?;
        found
            .map(|(row, references)| row.parse(path, &references))
            .transpose()
    }

    /// True if the path is registered.
    pub(crate) fn is_valid(&self, path: &StorePath) -> Result<bool> {
        self.read("look up a path", |db| is_valid(db, path))
    }

    /// The paths that `path` refers to; none if it is not valid.
    pub(crate) fn references(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.paths(
            "select r.path from Refs join ValidPaths r on reference = r.id \
             where referrer = (select id from ValidPaths where path = ?)",
            path,
        )
    }

    /// The valid ones among `paths`, and all that they refer to, directly or not.
    pub(crate) fn closure(&self, paths: &BTreeSet<StorePath>) -> Result<BTreeSet<StorePath>> {
        // One statement for all, since builds ask this for each derivation. Store paths
        // hold no character that JSON would have to escape.
        let quoted: Vec<String> = paths
            .iter()
            .map(|path| format!("\"{}\"", path.to_absolute_path()))
            .collect();
        let rows: Vec<String> = self.read("look up a closure", |db| {
            texts(
                db,
                "with recursive closure(id) as ( \
                   select v.id from json_each(?) given join ValidPaths v on v.path = given.value \
                   union select reference from Refs join closure on referrer = closure.id) \
                 select path from ValidPaths join closure using (id)",
                format!("[{}]", quoted.join(",")),
            )
        })?;
        rows.iter().map(|path| parse_path(path)).collect()
    }

    /// The valid paths that refer to `path`.
    pub(crate) fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.paths(
            "select path from Refs join ValidPaths on referrer = id \
             where reference = (select id from ValidPaths where path = ?)",
            path,
        )
    }

    /// The valid derivations that have `path` as an output.
    pub(crate) fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        self.paths(
            "select v.path from DerivationOutputs d join ValidPaths v on d.drv = v.id \
             where d.path = ?",
            path,
        )
    }

    /// The outputs of a valid derivation by name.
    pub(crate) fn derivation_outputs(
        &self,
        drv: &StorePath,
    ) -> Result<BTreeMap<String, StorePath>> {
        let rows: Vec<(String, String)> = self.read("look up outputs", |db| {
            db.prepare_cached(
                "select id, path from DerivationOutputs \
                 where drv = (select id from ValidPaths where path = ?)",
            )?
            .query_map([drv.to_absolute_path()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect()
        })?;
        rows.into_iter()
            .map(|(name, path)| Ok((name, parse_path(&path)?)))
            .collect()
    }

    /// Every valid path.
    pub(crate) fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>> {
        let rows: Vec<String> = self.read("list the valid paths", |db| {
            db.prepare_cached("select path from ValidPaths")?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        rows.iter().map(|path| parse_path(path)).collect()
    }

    /// The valid path with these 32 digits before its dash.
    pub(crate) fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>> {
        let prefix = format!("{STORE_DIR_SLASH}{hash_part}-");
        let found: Option<String> = self.read("look up a path", |db| {
            db.prepare_cached("select path from ValidPaths where path >= ? limit 1")?
                .query_row([&prefix], |row| row.get(0))
                .optional()
        })?;
        found
            .filter(|path| path.starts_with(&prefix))
            .map(|path| parse_path(&path))
            .transpose()
    }

    fn paths(&self, statement: &'static str, path: &StorePath) -> Result<BTreeSet<StorePath>> {
        let rows = self.read("look up a path", |db| {
            texts(db, statement, path.to_absolute_path())
        })?;
        rows.iter().map(|path| parse_path(path)).collect()
    }
}

/// True if the path is registered, inside of a transaction.
pub(crate) fn is_valid(db: &Connection, path: &StorePath) -> rusqlite::Result<bool> {
    db.prepare_cached("select 1 from ValidPaths where path = ?")?
        .exists([path.to_absolute_path()])
}

fn texts(
    db: &Connection,
    statement: &'static str,
    key: impl rusqlite::ToSql,
) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(statement)?
        .query_map([key], |row| row.get(0))?
        .collect()
}

fn parse_path(text: &str) -> Result<StorePath> {
    parse_path_of(text, text)
}

/// Parses a path that stands in the entry of another one.
fn parse_path_of(entry: &str, text: &str) -> Result<StorePath> {
    StorePath::from_absolute_path(text.as_bytes()).map_err(|e| Error::CorruptEntry {
        entry: entry.to_owned(),
        problem: e.to_string(),
    })
}

/// A row of ValidPaths, not yet understood.
struct InfoRow {
    hash: String,
    registration_time: i64,
    deriver: Option<String>,
    nar_size: Option<i64>,
    ultimate: Option<i64>,
    signatures: Option<String>,
    ca: Option<String>,
}

impl InfoRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(InfoRow {
            hash: row.get(1)?,
            registration_time: row.get(2)?,
            deriver: row.get(3)?,
            nar_size: row.get(4)?,
            ultimate: row.get(5)?,
            signatures: row.get(6)?,
            ca: row.get(7)?,
        })
    }

    fn parse(self, path: &StorePath, references: &[String]) -> Result<PathInfo> {
        let entry = path.to_absolute_path();
        let corrupt = |problem: String| Error::CorruptEntry {
            entry: entry.clone(),
            problem,
        };
        let nar_hash = NixHash::from_str(&self.hash, Some(HashAlgo::Sha256))
            .ok()
            .and_then(|hash| hash.as_sha256())
            .ok_or_else(|| corrupt(format!("'{}' is not a SHA-256 hash", self.hash)))?;
        let nar_size = u64::try_from(self.nar_size.unwrap_or(0))
            .map_err(|_| corrupt("its size is negative".to_owned()))?;
        let mut info = PathInfo::new(path.clone(), nar_hash, nar_size);
        info.registration_time = u64::try_from(self.registration_time).unwrap_or(0);
        info.deriver = self
            .deriver
            .filter(|d| !d.is_empty())
            .map(|d| parse_path_of(&entry, &d))
            .transpose()?;
        info.ultimate = self.ultimate == Some(1);
        info.signatures = self
            .signatures
            .iter()
            .flat_map(|text| text.split_ascii_whitespace())
            .map(str::to_owned)
            .collect();
        info.ca = self
            .ca
            .filter(|ca| !ca.is_empty())
            .map(|ca| {
                ca.parse()
                    .map_err(|e| corrupt(format!("content address '{ca}': {e}")))
            })
            .transpose()?;
        info.references = references
            .iter()
            .map(|r| parse_path_of(&entry, r))
            .collect::<Result<_>>()?;
        Ok(info)
    }
}
