//! What a client asks.
//!
//! Contract: one variant for each operation that Nix's clients since 2.4 send; archives follow the
//! request as a stream ([`Operation::is_followed_by_a_stream`]) and are not part of it. Counterpart:
//! `performOp` in `src/libstore/daemon.cc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use bstr::BString;
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use crate::value::{read_derivation, read_paths, write_derivation};
use crate::{ClientOptions, DerivedPath, ProtocolError, Reader, Result, Writer, read_path_info};

macro_rules! operations {
    ($($name:ident = $number:literal,)*) => {
        /// The operations by their numbers on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)] // Nix's words.
        pub enum Operation { $($name = $number,)* }

        impl Operation {
            /// All of them.
            pub const ALL: &[Operation] = &[$(Operation::$name,)*];

            /// The operation of that number.
            ///
            /// # Errors
            /// [`ProtocolError::UnknownOperation`].
            pub fn from_number(number: u64) -> Result<Self> {
                match number {
                    $($number => Ok(Operation::$name),)*
                    other => Err(ProtocolError::UnknownOperation(other)),
                }
            }
        }
    };
}

operations! {
    IsValidPath = 1,
    QueryReferrers = 6,
    AddToStore = 7,
    BuildPaths = 9,
    EnsurePath = 10,
    AddTempRoot = 11,
    AddIndirectRoot = 12,
    SyncWithGc = 13,
    FindRoots = 14,
    QueryDeriver = 18,
    SetOptions = 19,
    CollectGarbage = 20,
    QuerySubstitutablePathInfo = 21,
    QueryDerivationOutputs = 22,
    QueryAllValidPaths = 23,
    QueryPathInfo = 26,
    QueryDerivationOutputNames = 28,
    QueryPathFromHashPart = 29,
    QuerySubstitutablePathInfos = 30,
    QueryValidPaths = 31,
    QuerySubstitutablePaths = 32,
    QueryValidDerivers = 33,
    OptimiseStore = 34,
    VerifyStore = 35,
    BuildDerivation = 36,
    AddSignatures = 37,
    NarFromPath = 38,
    AddToStoreNar = 39,
    QueryMissing = 40,
    QueryDerivationOutputMap = 41,
    RegisterDrvOutput = 42,
    QueryRealisation = 43,
    AddMultipleToStore = 44,
    AddBuildLog = 45,
    BuildPathsWithResults = 46,
    AddPermRoot = 47,
}

impl Operation {
    /// Whether a stream of frames follows the request.
    pub fn is_followed_by_a_stream(self) -> bool {
        matches!(
            self,
            Self::AddToStore | Self::AddToStoreNar | Self::AddMultipleToStore | Self::AddBuildLog
        )
    }
}

/// How to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildMode {
    /// What is not valid.
    Normal = 0,
    /// Again, replacing what is damaged.
    Repair = 1,
    /// Again, comparing.
    Check = 2,
}

/// What a collector shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GcAction {
    /// List what is alive.
    ReturnLive = 0,
    /// List what is dead.
    ReturnDead = 1,
    /// Delete what is dead.
    DeleteDead = 2,
    /// Delete given paths.
    DeleteSpecific = 3,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The operations' own words; see the Nix manual and `daemon.cc`.
pub enum Request {
    IsValidPath(StorePath),
    QueryReferrers(StorePath),
    /// The stream is the file (`text:…` or flat) or its NAR (`fixed:r:…`).
    AddToStore {
        name: String,
        /// Such as `text:sha256`, `fixed:sha256`, `fixed:r:sha256`.
        method: String,
        references: BTreeSet<StorePath>,
        repair: bool,
    },
    BuildPaths {
        targets: Vec<DerivedPath>,
        mode: BuildMode,
    },
    EnsurePath(StorePath),
    AddTempRoot(StorePath),
    AddIndirectRoot(BString),
    SyncWithGc,
    FindRoots,
    QueryDeriver(StorePath),
    SetOptions(Box<ClientOptions>),
    CollectGarbage {
        action: GcAction,
        paths: BTreeSet<StorePath>,
        ignore_liveness: bool,
        /// Stop after so many bytes.
        max_freed: u64,
    },
    QuerySubstitutablePathInfo(StorePath),
    QueryDerivationOutputs(StorePath),
    QueryAllValidPaths,
    QueryPathInfo(StorePath),
    QueryDerivationOutputNames(StorePath),
    QueryPathFromHashPart(String),
    /// Paths, each with its content address or nothing.
    QuerySubstitutablePathInfos(BTreeMap<StorePath, String>),
    QueryValidPaths {
        paths: BTreeSet<StorePath>,
        substitute: bool,
    },
    QuerySubstitutablePaths(BTreeSet<StorePath>),
    QueryValidDerivers(StorePath),
    OptimiseStore,
    VerifyStore {
        check_contents: bool,
        repair: bool,
    },
    BuildDerivation {
        path: StorePath,
        /// Its inputs are all sources.
        derivation: Box<Derivation>,
        mode: BuildMode,
    },
    AddSignatures {
        path: StorePath,
        signatures: Vec<String>,
    },
    NarFromPath(StorePath),
    /// The stream is the NAR.
    AddToStoreNar {
        info: Box<PathInfo>,
        repair: bool,
        dont_check_signatures: bool,
    },
    QueryMissing(Vec<DerivedPath>),
    QueryDerivationOutputMap(StorePath),
    /// A realisation as JSON.
    RegisterDrvOutput(BString),
    /// `sha256:HASH!OUTPUT`.
    QueryRealisation(BString),
    /// The stream is a count, then for each path what is known of it, and its NAR.
    AddMultipleToStore {
        repair: bool,
        dont_check_signatures: bool,
    },
    /// The base name of a `.drv`; the stream is the log.
    AddBuildLog(BString),
    BuildPathsWithResults {
        targets: Vec<DerivedPath>,
        mode: BuildMode,
    },
    AddPermRoot {
        path: StorePath,
        link: BString,
    },
}

impl Request {
    /// Reads a request, or none if the client is gone.
    ///
    /// # Errors
    /// When the connection fails, or the request makes no sense.
    pub fn read<R: Read>(reader: &mut Reader<R>) -> Result<Option<Request>> {
        reader.begin();
        match reader.number_or_end()? {
            Some(number) => Operation::from_number(number)?.read(reader).map(Some),
            None => Ok(None),
        }
    }
}

impl Operation {
    fn read<R: Read>(self, reader: &mut Reader<R>) -> Result<Request> {
        let path = |reader: &mut Reader<R>| reader.path("a store path");
        Ok(match self {
            Self::IsValidPath => Request::IsValidPath(path(reader)?),
            Self::QueryReferrers => Request::QueryReferrers(path(reader)?),
            Self::AddToStore => Request::AddToStore {
                name: reader.text("a name")?,
                method: reader.text("a content address method")?,
                references: read_paths(reader, "references")?,
                repair: reader.flag("whether to repair")?,
            },
            Self::BuildPaths => Request::BuildPaths {
                targets: read_targets(reader)?,
                mode: read_mode(reader)?,
            },
            Self::EnsurePath => Request::EnsurePath(path(reader)?),
            Self::AddTempRoot => Request::AddTempRoot(path(reader)?),
            Self::AddIndirectRoot => Request::AddIndirectRoot(reader.bytes("a link")?),
            Self::SyncWithGc => Request::SyncWithGc,
            Self::FindRoots => Request::FindRoots,
            Self::QueryDeriver => Request::QueryDeriver(path(reader)?),
            Self::SetOptions => Request::SetOptions(Box::new(ClientOptions::read(reader)?)),
            Self::CollectGarbage => {
                let action = read_action(reader)?;
                let paths = read_paths(reader, "paths to delete")?;
                let ignore_liveness = reader.flag("whether to ignore roots")?;
                let max_freed = reader.number("how much to free")?;
                for _ in 0..3 {
                    reader.number("an obsolete option")?;
                }
                Request::CollectGarbage {
                    action,
                    paths,
                    ignore_liveness,
                    max_freed,
                }
            }
            Self::QuerySubstitutablePathInfo => Request::QuerySubstitutablePathInfo(path(reader)?),
            Self::QueryDerivationOutputs => Request::QueryDerivationOutputs(path(reader)?),
            Self::QueryAllValidPaths => Request::QueryAllValidPaths,
            Self::QueryPathInfo => Request::QueryPathInfo(path(reader)?),
            Self::QueryDerivationOutputNames => Request::QueryDerivationOutputNames(path(reader)?),
            Self::QueryPathFromHashPart => {
                Request::QueryPathFromHashPart(reader.text("the hash part of a path")?)
            }
            Self::QuerySubstitutablePathInfos => {
                Request::QuerySubstitutablePathInfos(reader.list("paths", |reader| {
                    Ok((path(reader)?, reader.text("a content address")?))
                })?)
            }
            Self::QueryValidPaths => Request::QueryValidPaths {
                paths: read_paths(reader, "paths")?,
                substitute: reader.flag("whether to substitute")?,
            },
            Self::QuerySubstitutablePaths => {
                Request::QuerySubstitutablePaths(read_paths(reader, "paths")?)
            }
            Self::QueryValidDerivers => Request::QueryValidDerivers(path(reader)?),
            Self::OptimiseStore => Request::OptimiseStore,
            Self::VerifyStore => Request::VerifyStore {
                check_contents: reader.flag("whether to check contents")?,
                repair: reader.flag("whether to repair")?,
            },
            Self::BuildDerivation => Request::BuildDerivation {
                path: path(reader)?,
                derivation: Box::new(read_derivation(reader)?),
                mode: read_mode(reader)?,
            },
            Self::AddSignatures => Request::AddSignatures {
                path: path(reader)?,
                signatures: reader.list("signatures", |reader| reader.text("a signature"))?,
            },
            Self::NarFromPath => Request::NarFromPath(path(reader)?),
            Self::AddToStoreNar => Request::AddToStoreNar {
                info: Box::new(read_path_info(reader)?),
                repair: reader.flag("whether to repair")?,
                dont_check_signatures: reader.flag("whether to check signatures")?,
            },
            Self::QueryMissing => Request::QueryMissing(read_targets(reader)?),
            Self::QueryDerivationOutputMap => Request::QueryDerivationOutputMap(path(reader)?),
            Self::RegisterDrvOutput => Request::RegisterDrvOutput(reader.bytes("a realisation")?),
            Self::QueryRealisation => Request::QueryRealisation(reader.bytes("a realisation")?),
            Self::AddMultipleToStore => Request::AddMultipleToStore {
                repair: reader.flag("whether to repair")?,
                dont_check_signatures: reader.flag("whether to check signatures")?,
            },
            Self::AddBuildLog => Request::AddBuildLog(reader.bytes("a derivation")?),
            Self::BuildPathsWithResults => Request::BuildPathsWithResults {
                targets: read_targets(reader)?,
                mode: read_mode(reader)?,
            },
            Self::AddPermRoot => Request::AddPermRoot {
                path: path(reader)?,
                link: reader.bytes("a link")?,
            },
        })
    }
}

impl Request {
    /// Which operation it is.
    pub fn operation(&self) -> Operation {
        match self {
            Self::IsValidPath(_) => Operation::IsValidPath,
            Self::QueryReferrers(_) => Operation::QueryReferrers,
            Self::AddToStore { .. } => Operation::AddToStore,
            Self::BuildPaths { .. } => Operation::BuildPaths,
            Self::EnsurePath(_) => Operation::EnsurePath,
            Self::AddTempRoot(_) => Operation::AddTempRoot,
            Self::AddIndirectRoot(_) => Operation::AddIndirectRoot,
            Self::SyncWithGc => Operation::SyncWithGc,
            Self::FindRoots => Operation::FindRoots,
            Self::QueryDeriver(_) => Operation::QueryDeriver,
            Self::SetOptions(_) => Operation::SetOptions,
            Self::CollectGarbage { .. } => Operation::CollectGarbage,
            Self::QuerySubstitutablePathInfo(_) => Operation::QuerySubstitutablePathInfo,
            Self::QueryDerivationOutputs(_) => Operation::QueryDerivationOutputs,
            Self::QueryAllValidPaths => Operation::QueryAllValidPaths,
            Self::QueryPathInfo(_) => Operation::QueryPathInfo,
            Self::QueryDerivationOutputNames(_) => Operation::QueryDerivationOutputNames,
            Self::QueryPathFromHashPart(_) => Operation::QueryPathFromHashPart,
            Self::QuerySubstitutablePathInfos(_) => Operation::QuerySubstitutablePathInfos,
            Self::QueryValidPaths { .. } => Operation::QueryValidPaths,
            Self::QuerySubstitutablePaths(_) => Operation::QuerySubstitutablePaths,
            Self::QueryValidDerivers(_) => Operation::QueryValidDerivers,
            Self::OptimiseStore => Operation::OptimiseStore,
            Self::VerifyStore { .. } => Operation::VerifyStore,
            Self::BuildDerivation { .. } => Operation::BuildDerivation,
            Self::AddSignatures { .. } => Operation::AddSignatures,
            Self::NarFromPath(_) => Operation::NarFromPath,
            Self::AddToStoreNar { .. } => Operation::AddToStoreNar,
            Self::QueryMissing(_) => Operation::QueryMissing,
            Self::QueryDerivationOutputMap(_) => Operation::QueryDerivationOutputMap,
            Self::RegisterDrvOutput(_) => Operation::RegisterDrvOutput,
            Self::QueryRealisation(_) => Operation::QueryRealisation,
            Self::AddMultipleToStore { .. } => Operation::AddMultipleToStore,
            Self::AddBuildLog(_) => Operation::AddBuildLog,
            Self::BuildPathsWithResults { .. } => Operation::BuildPathsWithResults,
            Self::AddPermRoot { .. } => Operation::AddPermRoot,
        }
    }

    /// Writes it, as a client does. A stream may have to follow.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        writer.number(self.operation() as u64)?;
        match self {
            Self::SyncWithGc | Self::FindRoots | Self::QueryAllValidPaths | Self::OptimiseStore => {
                Ok(())
            }
            Self::IsValidPath(path)
            | Self::QueryReferrers(path)
            | Self::EnsurePath(path)
            | Self::AddTempRoot(path)
            | Self::QueryDeriver(path)
            | Self::QuerySubstitutablePathInfo(path)
            | Self::QueryDerivationOutputs(path)
            | Self::QueryPathInfo(path)
            | Self::QueryDerivationOutputNames(path)
            | Self::QueryValidDerivers(path)
            | Self::NarFromPath(path)
            | Self::QueryDerivationOutputMap(path) => writer.path(path),
            Self::AddIndirectRoot(text)
            | Self::RegisterDrvOutput(text)
            | Self::QueryRealisation(text)
            | Self::AddBuildLog(text) => writer.bytes(text),
            Self::QueryPathFromHashPart(text) => writer.bytes(text),
            Self::AddToStore {
                name,
                method,
                references,
                repair,
            } => {
                writer.bytes(name)?;
                writer.bytes(method)?;
                writer.paths(references)?;
                writer.flag(*repair)
            }
            Self::BuildPaths { targets, mode } | Self::BuildPathsWithResults { targets, mode } => {
                writer.list(targets, |writer, target| target.write(writer))?;
                writer.number(*mode as u64)
            }
            Self::SetOptions(options) => options.write(writer),
            Self::CollectGarbage {
                action,
                paths,
                ignore_liveness,
                max_freed,
            } => {
                writer.number(*action as u64)?;
                writer.paths(paths)?;
                writer.flag(*ignore_liveness)?;
                writer.number(*max_freed)?;
                (0..3).try_for_each(|_| writer.number(0))
            }
            Self::QuerySubstitutablePathInfos(paths) => {
                writer.list(paths, |writer, (path, address)| {
                    writer.path(path)?;
                    writer.bytes(address)
                })
            }
            Self::QueryValidPaths { paths, substitute } => {
                writer.paths(paths)?;
                writer.flag(*substitute)
            }
            Self::QuerySubstitutablePaths(paths) => writer.paths(paths),
            Self::VerifyStore {
                check_contents,
                repair,
            } => {
                writer.flag(*check_contents)?;
                writer.flag(*repair)
            }
            Self::BuildDerivation {
                path,
                derivation,
                mode,
            } => {
                writer.path(path)?;
                write_derivation(writer, derivation)?;
                writer.number(*mode as u64)
            }
            Self::AddSignatures { path, signatures } => {
                writer.path(path)?;
                writer.list(signatures, |writer, signature| writer.bytes(signature))
            }
            Self::AddToStoreNar {
                info,
                repair,
                dont_check_signatures,
            } => {
                crate::write_path_info(writer, info)?;
                writer.flag(*repair)?;
                writer.flag(*dont_check_signatures)
            }
            Self::QueryMissing(targets) => {
                writer.list(targets, |writer, target| target.write(writer))
            }
            Self::AddMultipleToStore {
                repair,
                dont_check_signatures,
            } => {
                writer.flag(*repair)?;
                writer.flag(*dont_check_signatures)
            }
            Self::AddPermRoot { path, link } => {
                writer.path(path)?;
                writer.bytes(link)
            }
        }
    }
}

fn read_targets<R: Read>(reader: &mut Reader<R>) -> Result<Vec<DerivedPath>> {
    reader.list("what is to be built", DerivedPath::read)
}

fn read_mode<R: Read>(reader: &mut Reader<R>) -> Result<BuildMode> {
    match reader.number("a build mode")? {
        0 => Ok(BuildMode::Normal),
        1 => Ok(BuildMode::Repair),
        2 => Ok(BuildMode::Check),
        other => Err(ProtocolError::value("a build mode", other)),
    }
}

fn read_action<R: Read>(reader: &mut Reader<R>) -> Result<GcAction> {
    match reader.number("a collector's action")? {
        0 => Ok(GcAction::ReturnLive),
        1 => Ok(GcAction::ReturnDead),
        2 => Ok(GcAction::DeleteDead),
        3 => Ok(GcAction::DeleteSpecific),
        other => Err(ProtocolError::value("a collector's action", other)),
    }
}
