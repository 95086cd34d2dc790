//! The connection to Nix's SQLite database and its opening; the queries are in
//! `queries.rs`, the registration in `register.rs`.
//!
//! Contract: Nix's settings, so that both can use the file at once: write-ahead log,
//! foreign keys, an hour of patience with a busy database, a checkpoint each 40,000
//! pages, and `synchronous = normal` (Nix's `fsync-metadata = true`). That is sound: with
//! a write-ahead log a killed process loses nothing that was committed, since the
//! kernel has it; after a loss of power the log is valid up to some commit, so that the
//! latest registrations may be missing (their trees are then removable rubbish), but
//! the database is never torn. (As in Nix by default, the trees' contents are not forced
//! to the disk either: after a loss of power, not after a killed process,
//! `verify --check-contents` tells whether one is incomplete.) One connection, one mutex: statements take microseconds,
//! and SQLite has one writer at a time anyway.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Context, Error, Result};
use crate::layout::Layout;
use crate::lock_file::{self, Kind};

/// Nix's `nixSchemaVersion` since Nix 2.0.
const SCHEMA_VERSION: u32 = 10;

const SCHEMA: &str = include_str!("schema.sql");

/// As Nix: an hour.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A log up to this size is left to the next process.
const SHORT_LOG: u64 = 4 << 20;

/// An open database. The big lock is held (shared) as long as this lives, as every Nix
/// process does, so that no schema upgrade happens meanwhile.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Mutex<Connection>,
    path: PathBuf,
    _big_lock: File,
}

impl Database {
    /// Opens the database, making it if the store is new.
    pub(crate) fn open(layout: &Layout) -> Result<Self> {
        match Self::try_open(layout) {
            // SQLite needs some room to open. The reserve is there for this case.
            Err(e) if e.is_disk_full() => {
                layout.release_reserve();
                Self::try_open(layout)
            }
            other => other,
        }
    }

    /// Opens another store's database, only to read it. (SQLite needs the log's index beside it: it is there
    /// as long as a Nix works on the store, and else made if this user may.)
    pub(crate) fn open_to_read(directory: &Path) -> Result<Self> {
        let lock_path = directory.join("big-lock");
        let big_lock = File::open(&lock_path).context("open the lock file", &lock_path)?;
        lock_file::lock(&big_lock, Kind::Shared, &lock_path)?;
        let schema_file = directory.join("schema");
        if schema_version(&schema_file)?.is_none() {
            let error = io::Error::from(io::ErrorKind::NotFound);
            return Err(error).context("read the schema version", &schema_file);
        }
        let path = directory.join("db.sqlite");
        let error = |e| Error::database("open", &path, e);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(error)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(16);
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(error)?;
        // Its own log is its own business.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(error)?;
        Ok(Database {
            connection: Mutex::new(connection),
            path,
            _big_lock: big_lock,
        })
    }

    fn try_open(layout: &Layout) -> Result<Self> {
        let path = layout.db.join("db.sqlite");
        let schema_file = layout.db.join("schema");
        let lock_path = layout.db.join("big-lock");
        let big_lock = lock_file::open(&lock_path)?;
        loop {
            lock_file::lock(&big_lock, Kind::Shared, &lock_path)?;
            match schema_version(&schema_file)? {
                Some(_) => {
                    let connection = connect(&path, false)?;
                    return Ok(Database {
                        connection: Mutex::new(connection),
                        path,
                        _big_lock: big_lock,
                    });
                }
                None => {
                    // A new store. Ours make it alone (then look again). A Nix that makes
                    // it holds the lock shared, and is done in a moment.
                    lock_file::unlock(&big_lock, &lock_path)?;
                    if lock_file::try_lock(&big_lock, Kind::Exclusive, &lock_path)? {
                        if schema_version(&schema_file)?.is_none() {
                            connect(&path, true)?;
                            write_schema_version(&schema_file)?;
                        }
                        lock_file::unlock(&big_lock, &lock_path)?;
                    } else {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            }
        }
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic of another thread rolled its transaction back: the connection is good.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs queries that change nothing.
    pub(crate) fn read<T>(
        &self,
        action: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        query(&self.lock()).map_err(|e| Error::database(action, &self.path, e))
    }

    /// Runs `change` in one transaction, which an error rolls back. The write lock is
    /// taken at the start: a transaction that begins by reading could not become a
    /// writer when another process wrote meanwhile, whatever the patience.
    pub(crate) fn write<T>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| Error::database(action, &self.path, e))?;
        let result = change(&transaction)?;
        transaction
            .commit()
            .map_err(|e| Error::database(action, &self.path, e))?;
        Ok(result)
    }

    /// Turns SQLite's error inside of `write` into ours.
    pub(crate) fn error(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> Error + '_ {
        move |e| Error::database(action, &self.path, e)
    }
}

/// SQLite copies the log into the database when the last connection closes, which forces
/// both to the disk (10 to 30 ms) and makes the next program force a new log's header.
/// A short log can as well stay: whoever opens the database next, Nix too, goes on
/// from it, as after a killed process. A long one would have to be read then.
impl Drop for Database {
    fn drop(&mut self) {
        let log = self.path.with_extension("sqlite-wal");
        if fs::metadata(&log).is_ok_and(|log| log.len() <= SHORT_LOG) {
            let connection = self
                .connection
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

fn connect(path: &Path, create: bool) -> Result<Connection> {
    let error = |e| Error::database("open", path, e);
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(path, flags).map_err(error)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Without it (SQLITE_ENABLE_STAT4) every new parameter compiles its statement anew.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(error)?;
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(error)?;
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(error)?;
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .map_err(error)?;
    if !mode.eq_ignore_ascii_case("wal") {
        connection
            .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
            .map_err(error)?;
    }
    connection
        .pragma_update_and_check(None, "wal_autocheckpoint", 40_000, |_| Ok(()))
        .map_err(error)?;
    if create {
        connection
            .execute_batch(&format!("begin immediate; {SCHEMA} commit;"))
            .map_err(error)?;
    }
    Ok(connection)
}

/// The version that `db/schema` says; none if the store is new. Nix does not write the
/// file atomically, so an empty one means that the writer has not come so far.
fn schema_version(path: &Path) -> Result<Option<u32>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).context("read the schema version", path),
    };
    let found = text.trim();
    let problem = |hint| {
        Err(Error::Schema {
            path: path.to_owned(),
            found: found.chars().take(40).collect(),
            expected: SCHEMA_VERSION,
            hint,
        })
    };
    match found.parse::<u32>() {
        Ok(SCHEMA_VERSION) => Ok(Some(SCHEMA_VERSION)),
        Ok(version) if version > SCHEMA_VERSION => {
            problem("the store was made by a newer Nix; use a newer wasibuild or another store")
        }
        Ok(_) => problem("open the store once with Nix 2, which upgrades it"),
        Err(_) if found.is_empty() => Ok(None),
        Err(_) => problem("the file is damaged; restore it from a backup"),
    }
}

fn write_schema_version(path: &Path) -> Result<()> {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, SCHEMA_VERSION.to_string()).context("write", &temporary)?;
    fs::rename(&temporary, path).context("write", path)
}
