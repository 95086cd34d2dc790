//! How a build went.
//!
//! Contract: the numbers of the wire. Which outputs there are now is sent in the form of versions
//! without the feature `realisation-with-path-not-hash`: a map from `sha256:HASH!OUTPUT` to JSON. The
//! hash would be that of the derivation modulo its inputs; clients look at the output's name and path
//! only, and Nix 2.36 itself writes a hash of zeros for them. So does this. Counterpart:
//! `Serialise<BuildResult>` in `src/libstore/worker-protocol.cc`.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use bstr::BString;
use serde_json::Value;
use wasibuild_nix_compat::store_path::{StorePath, check_name};

use crate::{ProtocolError, Reader, Result, Version, Writer};

/// Processor times are sent since this version.
const PROCESSOR_TIMES: Version = Version(37);

/// How a build went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Nix's words.
pub enum BuildStatus {
    Built = 0,
    Substituted = 1,
    AlreadyValid = 2,
    PermanentFailure = 3,
    InputRejected = 4,
    OutputRejected = 5,
    TransientFailure = 6,
    CachedFailure = 7,
    TimedOut = 8,
    MiscFailure = 9,
    DependencyFailed = 10,
    LogLimitExceeded = 11,
    NotDeterministic = 12,
    ResolvesToAlreadyValid = 13,
    NoSubstituters = 14,
}

impl BuildStatus {
    /// All, by their number.
    pub const ALL: [BuildStatus; 15] = [
        Self::Built,
        Self::Substituted,
        Self::AlreadyValid,
        Self::PermanentFailure,
        Self::InputRejected,
        Self::OutputRejected,
        Self::TransientFailure,
        Self::CachedFailure,
        Self::TimedOut,
        Self::MiscFailure,
        Self::DependencyFailed,
        Self::LogLimitExceeded,
        Self::NotDeterministic,
        Self::ResolvesToAlreadyValid,
        Self::NoSubstituters,
    ];

    /// Whether the outputs are valid.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::Built | Self::Substituted | Self::AlreadyValid | Self::ResolvesToAlreadyValid
        )
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildResult {
    /// In one word.
    pub status: BuildStatus,
    /// Why it failed.
    pub message: BString,
    /// How often it was built.
    pub times_built: u64,
    /// Whether it was seen to differ.
    pub non_deterministic: bool,
    /// When it began and ended, in seconds since 1970.
    pub times: (u64, u64),
    /// Microseconds of the processor in user and system mode, if known.
    pub processor: [Option<u64>; 2],
    /// The outputs that are valid now.
    pub outputs: BTreeMap<String, StorePath>,
}

impl BuildResult {
    /// A result without times.
    pub fn new(status: BuildStatus, message: impl Into<BString>) -> Self {
        BuildResult {
            status,
            message: message.into(),
            times_built: 0,
            non_deterministic: status == BuildStatus::NotDeterministic,
            times: (0, 0),
            processor: [None; 2],
            outputs: BTreeMap::new(),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn write<W: Write>(&self, writer: &mut Writer<W>, version: Version) -> Result<()> {
        writer.number(self.status as u64)?;
        writer.bytes(&self.message)?;
        writer.number(self.times_built)?;
        writer.flag(self.non_deterministic)?;
        writer.number(self.times.0)?;
        writer.number(self.times.1)?;
        if version >= PROCESSOR_TIMES {
            for time in self.processor {
                writer.flag(time.is_some())?;
                time.map_or(Ok(()), |time| writer.number(time))?;
            }
        }
        writer.list(&self.outputs, |writer, (name, path)| {
            let id = format!("sha256:{:064}!{name}", 0);
            let realisation = serde_json::json!({
                "dependentRealisations": {},
                "id": id,
                "outPath": path.basename(),
                "signatures": [],
            });
            writer.bytes(id)?;
            writer.bytes(realisation.to_string())
        })
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the connection fails, or it makes no sense.
    pub fn read<R: Read>(reader: &mut Reader<R>, version: Version) -> Result<Self> {
        let status = reader.number("a build's status")?;
        let status = usize::try_from(status)
            .ok()
            .and_then(|number| BuildStatus::ALL.get(number).copied())
            .ok_or_else(|| ProtocolError::value("a build's status", status))?;
        let message = reader.bytes("a build's error")?;
        let times_built = reader.number("a count of builds")?;
        let non_deterministic = reader.flag("whether a build is not deterministic")?;
        let start = reader.number("a build's start")?;
        let stop = reader.number("a build's end")?;
        let mut processor = [None; 2];
        if version >= PROCESSOR_TIMES {
            for time in &mut processor {
                *time = match reader.number("whether a time follows")? {
                    0 => None,
                    1 => Some(reader.number("a processor time")?),
                    other => {
                        return Err(ProtocolError::value(
                            "whether a time follows",
                            format!("expected 0 or 1, found {other}"),
                        ));
                    }
                };
            }
        }
        let outputs = reader.list("outputs", read_output)?;
        Ok(BuildResult {
            status,
            message,
            times_built,
            non_deterministic,
            times: (start, stop),
            processor,
            outputs,
        })
    }
}

fn read_output<R: Read>(reader: &mut Reader<R>) -> Result<(String, StorePath)> {
    let wrong = |problem: String| ProtocolError::value("an output", problem);
    let id = reader.text("an output")?;
    let realisation = reader.bytes("an output's path")?;
    let name = match id.split_once('!') {
        Some((_, name)) if check_name(name.as_bytes()).is_ok() => name.to_owned(),
        _ => return Err(wrong(format!("'{id}' names no output"))),
    };
    let realisation: Value =
        serde_json::from_slice(&realisation).map_err(|error| wrong(error.to_string()))?;
    let path = realisation
        .get("outPath")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong(format!("'{id}' has no outPath")))?;
    let path =
        StorePath::from_basename(path.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    Ok((name, path))
}
