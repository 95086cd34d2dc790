//! `wasibuild log`: the log of a build, as it was written.
//!
//! Contract: the bytes of the log, also while the build runs, with what a terminal would act on made
//! visible if standard output is one. The log of a build here that printed nothing is empty. Counterpart: `nix log`, `nix-store --read-log`.

use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use super::{open_store, store_path};
use crate::error::Error;
use crate::options::{Common, Log};
use crate::printable::{self, Escapes};
use crate::request;

/// Prints it.
pub fn log(common: &Common, options: &Log, out: &mut dyn Write) -> Result<(), Error> {
    let store = open_store(&super::policy(common, &())?)?;
    let path = match store_path(&options.derivation, &store) {
        Ok(path) => path,
        // A loose file: its store path follows from its content.
        Err(error) => match request::read_loose_file(std::path::Path::new(&options.derivation)) {
            Ok((path, _)) => path,
            Err(_) => return Err(error),
        },
    };
    let Some(file) = store.open_build_log(&path)? else {
        // Builds that print nothing leave no file.
        if store.was_built_here(&path)? {
            return Ok(());
        }
        return Err(Error::NoLog(path.to_absolute_path()));
    };
    let unreadable = |source| Error::Io {
        action: "read",
        path: store.build_log_path(&path),
        source,
    };
    let mut log = BufReader::new(file);
    if !io::stdout().is_terminal() {
        return copy(&mut log, out, unreadable);
    }
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        writeln!(out, "{}", printable::log_line(text, Escapes::KeepColours))
            .map_err(Error::standard_output)?;
        line.clear();
    }
    Ok(())
}

/// Copies, telling a failure to read from one to write.
fn copy(
    log: &mut dyn BufRead,
    out: &mut dyn Write,
    unreadable: impl Fn(io::Error) -> Error,
) -> Result<(), Error> {
    loop {
        let bytes = log.fill_buf().map_err(&unreadable)?;
        if bytes.is_empty() {
            return Ok(());
        }
        out.write_all(bytes).map_err(Error::standard_output)?;
        let length = bytes.len();
        log.consume(length);
    }
}
