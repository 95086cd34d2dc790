//! The settings that a client sends first.
//!
//! Contract: what a client wishes, not what it gets: a server takes what is the client's to decide and
//! ignores the rest, such as the client's own `system`. Counterpart: `RemoteStore::setOptions`.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use bstr::BString;

use crate::{Reader, Result, Writer};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// Keep what failed builds leave.
    pub keep_failed: bool,
    /// Go on after a failure.
    pub keep_going: bool,
    /// Build what cannot be fetched although a cache offers it.
    pub try_fallback: bool,
    /// How much to say (`Verbosity`).
    pub verbosity: u64,
    /// How many builds at once.
    pub max_jobs: u64,
    /// Seconds without output after which a build is stopped; 0 for never.
    pub max_silent_time: u64,
    /// 0 if the builders' logs shall be shown, as a level.
    pub build_verbosity: u64,
    /// `NIX_BUILD_CORES`; 0 for all.
    pub build_cores: u64,
    /// Whether to ask binary caches.
    pub use_substitutes: bool,
    /// Every other setting that the client's configuration or command line sets.
    pub overrides: BTreeMap<BString, BString>,
}

impl ClientOptions {
    /// Writes them.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        writer.flag(self.keep_failed)?;
        writer.flag(self.keep_going)?;
        writer.flag(self.try_fallback)?;
        writer.number(self.verbosity)?;
        writer.number(self.max_jobs)?;
        writer.number(self.max_silent_time)?;
        writer.number(1)?; // Obsolete: whether to use the build hook.
        writer.number(self.build_verbosity)?;
        writer.number(0)?; // Obsolete: the type of the log.
        writer.number(0)?; // Obsolete: whether to print a trace.
        writer.number(self.build_cores)?;
        writer.flag(self.use_substitutes)?;
        writer.list(&self.overrides, |writer, (name, value)| {
            writer.bytes(name)?;
            writer.bytes(value)
        })
    }

    /// Reads them.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        let keep_failed = reader.flag("keep-failed")?;
        let keep_going = reader.flag("keep-going")?;
        let try_fallback = reader.flag("fallback")?;
        let verbosity = reader.number("the verbosity")?;
        let max_jobs = reader.number("max-jobs")?;
        let max_silent_time = reader.number("max-silent-time")?;
        reader.number("an obsolete setting")?;
        let build_verbosity = reader.number("the verbosity of builds")?;
        reader.number("an obsolete setting")?;
        reader.number("an obsolete setting")?;
        let build_cores = reader.number("cores")?;
        let use_substitutes = reader.flag("substitute")?;
        let overrides = reader.list("the settings", |reader| {
            Ok((
                reader.bytes("a setting's name")?,
                reader.bytes("a setting")?,
            ))
        })?;
        Ok(ClientOptions {
            keep_failed,
            keep_going,
            try_fallback,
            verbosity,
            max_jobs,
            max_silent_time,
            build_verbosity,
            build_cores,
            use_substitutes,
            overrides,
        })
    }
}
