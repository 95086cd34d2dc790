//! The answers, as they follow the last message.
//!
//! Contract: one variant for each form on the wire; the order of their parts is Nix's.

use std::collections::{BTreeMap, BTreeSet};

use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::{Root, Store};
use wasibuild_worker_protocol::{
    BuildResult, DerivedPath, ProtocolError, Version, write_path_info, write_unkeyed_path_info,
};

use super::client_log::Output;

/// What could be done about paths.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Derivations to build.
    pub(super) builds: BTreeSet<StorePath>,
    /// Paths to fetch.
    pub(super) fetches: BTreeSet<StorePath>,
    /// Neither.
    pub(super) unknown: BTreeSet<StorePath>,
    /// Bytes to download.
    pub(super) download_size: u64,
    /// Bytes of the archives in them.
    pub(super) nar_size: u64,
}

/// See the module.
pub(super) enum Answer {
    /// Nothing follows.
    Nothing,
    /// A number or a truth.
    Number(u64),
    /// Paths.
    Paths(BTreeSet<StorePath>),
    /// A path or nothing.
    Path(Option<StorePath>),
    /// Strings.
    Texts(Vec<String>),
    /// A string.
    Text(String),
    /// What is known of a path, with the path.
    Added(Box<PathInfo>),
    /// What is known of a path that was named, if it is valid.
    Info(Option<Box<PathInfo>>),
    /// Outputs by name.
    Outputs(BTreeMap<String, StorePath>),
    /// What a build or a download would need.
    Missing(Missing),
    /// How a build went.
    Result(Box<BuildResult>),
    /// How builds went.
    Results(Vec<(DerivedPath, BuildResult)>),
    /// Who holds what.
    Roots(Vec<Root>),
    /// What was collected.
    Collected(BTreeSet<String>, u64),
    /// What caches know of paths: references, download size, NAR size.
    Offers(Vec<(StorePath, crate::plan::Offer)>),
    /// The same of one path.
    Offer(Option<crate::plan::Offer>),
    /// The archive of a valid path.
    Nar(StorePath),
}

impl Answer {
    pub(super) fn flag(flag: bool) -> Self {
        Answer::Number(u64::from(flag))
    }

    pub(super) fn write(
        self,
        output: &mut Output,
        version: Version,
        store: &Store,
    ) -> Result<(), ProtocolError> {
        match self {
            Answer::Nothing => Ok(()),
            Answer::Number(number) => output.number(number),
            Answer::Paths(paths) => output.paths(&paths),
            Answer::Path(path) => output.optional_path(path.as_ref()),
            Answer::Text(text) => output.bytes(text),
            Answer::Texts(texts) => output.list(texts, |output, text| output.bytes(text)),
            Answer::Added(info) => write_path_info(output, &info),
            Answer::Info(info) => {
                output.flag(info.is_some())?;
                info.map_or(Ok(()), |info| write_unkeyed_path_info(output, &info))
            }
            Answer::Outputs(outputs) => output.list(&outputs, |output, (name, path)| {
                output.bytes(name)?;
                output.path(path)
            }),
            Answer::Missing(missing) => {
                output.paths(&missing.builds)?;
                output.paths(&missing.fetches)?;
                output.paths(&missing.unknown)?;
                output.number(missing.download_size)?;
                output.number(missing.nar_size)
            }
            Answer::Result(result) => result.write(output, version),
            Answer::Results(results) => output.list(results, |output, (target, result)| {
                output.bytes(target.to_string())?;
                result.write(output, version)
            }),
            Answer::Roots(roots) => output.list(roots, |output, root| {
                output.bytes(root.holder)?;
                output.path(&root.path)
            }),
            Answer::Collected(paths, freed) => {
                output.list(paths, |output, path| output.bytes(path))?;
                output.number(freed)?;
                output.number(0) // Obsolete.
            }
            Answer::Offers(offers) => output.list(offers, |output, (path, offer)| {
                output.path(&path)?;
                write_offer(output, &offer)
            }),
            Answer::Offer(offer) => {
                output.flag(offer.is_some())?;
                offer.map_or(Ok(()), |offer| write_offer(output, &offer))
            }
            Answer::Nar(path) => {
                // The client learns of an error by the end of the connection: the archive has begun.
                let written = store.write_nar(&path, output.get_mut());
                written.map_err(|error| ProtocolError::Io(std::io::Error::other(error)))
            }
        }
    }
}

fn write_offer(output: &mut Output, offer: &crate::plan::Offer) -> Result<(), ProtocolError> {
    output.optional_path(None)?; // Which derivation made it is not asked for.
    output.paths(&offer.references)?;
    output.number(offer.download_size.unwrap_or_default())?;
    output.number(offer.nar_size)
}
