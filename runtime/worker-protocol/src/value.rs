//! What is known of a path, and a derivation without its inputs' derivations.
//!
//! Contract: the form of versions since 1.16. Counterpart: `Serialise<ValidPathInfo>` in
//! `src/libstore/worker-protocol.cc`, and `derivation::read` in `src/libstore/derivation/aterm.cc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use wasibuild_nix_compat::content_address::ContentAddress;
use wasibuild_nix_compat::derivation::{Derivation, Output};
use wasibuild_nix_compat::hash::{HashAlgo, NixHash};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{StorePath, check_name};

use crate::{ProtocolError, Reader, Result, Writer};

/// Reads a path and what is known of it.
///
/// # Errors
/// When the connection fails, or it makes no sense.
pub fn read_path_info<R: Read>(reader: &mut Reader<R>) -> Result<PathInfo> {
    let path = reader.path("a store path")?;
    read_unkeyed_path_info(reader, path)
}

/// Reads what is known of a path.
///
/// # Errors
/// As [`read_path_info`].
pub fn read_unkeyed_path_info<R: Read>(
    reader: &mut Reader<R>,
    path: StorePath,
) -> Result<PathInfo> {
    let deriver = reader.optional_path("a deriver")?;
    let hash = reader.text("a NAR hash")?;
    let nar_hash = NixHash::from_str(&hash, Some(HashAlgo::Sha256))
        .map_err(|error| ProtocolError::value("a NAR hash", error))?
        .as_sha256()
        .ok_or_else(|| ProtocolError::value("a NAR hash", "it is not SHA-256"))?;
    let references = read_paths(reader, "references")?;
    let registration_time = reader.number("a registration time")?;
    let nar_size = reader.number("a NAR size")?;
    let ultimate = reader.flag("whether a path was built there")?;
    let signatures = reader.list("signatures", |reader| reader.text("a signature"))?;
    let ca = reader.text("a content address")?;
    let ca = match ca.as_str() {
        "" => None,
        text => Some(
            text.parse::<ContentAddress>()
                .map_err(|error| ProtocolError::value("a content address", error))?,
        ),
    };
    Ok(PathInfo {
        path,
        nar_hash,
        nar_size,
        references,
        deriver,
        signatures,
        ca,
        registration_time,
        ultimate,
    })
}

/// Writes a path and what is known of it.
///
/// # Errors
/// When the connection fails.
pub fn write_path_info<W: Write>(writer: &mut Writer<W>, info: &PathInfo) -> Result<()> {
    writer.path(&info.path)?;
    write_unkeyed_path_info(writer, info)
}

/// Writes what is known of a path.
///
/// # Errors
/// When the connection fails.
pub fn write_unkeyed_path_info<W: Write>(writer: &mut Writer<W>, info: &PathInfo) -> Result<()> {
    writer.optional_path(info.deriver.as_ref())?;
    writer.bytes(NixHash::sha256(info.nar_hash).to_hex())?;
    writer.paths(&info.references)?;
    writer.number(info.registration_time)?;
    writer.number(info.nar_size)?;
    writer.flag(info.ultimate)?;
    writer.list(&info.signatures, |writer, signature| {
        writer.bytes(signature)
    })?;
    let ca = info.ca.as_ref().map(ToString::to_string);
    writer.bytes(ca.unwrap_or_default())
}

/// Reads a set of paths.
pub(crate) fn read_paths<R: Read>(
    reader: &mut Reader<R>,
    what: &'static str,
) -> Result<BTreeSet<StorePath>> {
    reader.list(what, |reader| reader.path(what))
}

/// Reads a derivation whose inputs are all sources.
pub(crate) fn read_derivation<R: Read>(reader: &mut Reader<R>) -> Result<Derivation> {
    let outputs: BTreeMap<String, Output> = reader.list("outputs", |reader| {
        let name = reader.text("an output's name")?;
        check_name(name.as_bytes())
            .map_err(|error| ProtocolError::value("an output's name", error))?;
        let path = reader.bytes("an output's path")?;
        let algo = reader.text("an output's hash algorithm")?;
        let hash = reader.text("an output's hash")?;
        let output = Output::from_fields(&path, &algo, &hash)
            .map_err(|error| ProtocolError::value("an output", causes(&error)))?;
        Ok((name, output))
    })?;
    Ok(Derivation {
        outputs,
        input_derivations: BTreeMap::new(),
        input_sources: read_paths(reader, "inputs")?,
        system: reader.bytes("a system")?,
        builder: reader.bytes("a builder")?,
        arguments: reader.list("arguments", |reader| reader.bytes("an argument"))?,
        environment: reader.list("an environment", |reader| {
            Ok((
                reader.bytes("a variable")?,
                reader.bytes("a variable's value")?,
            ))
        })?,
    })
}

/// Writes a derivation; its input derivations are left out.
pub(crate) fn write_derivation<W: Write>(
    writer: &mut Writer<W>,
    derivation: &Derivation,
) -> Result<()> {
    writer.list(&derivation.outputs, |writer, (name, output)| {
        writer.bytes(name)?;
        output
            .to_fields()
            .iter()
            .try_for_each(|field| writer.bytes(field))
    })?;
    writer.paths(&derivation.input_sources)?;
    writer.bytes(&derivation.system)?;
    writer.bytes(&derivation.builder)?;
    writer.list(&derivation.arguments, |writer, argument| {
        writer.bytes(argument)
    })?;
    writer.list(&derivation.environment, |writer, (name, value)| {
        writer.bytes(name)?;
        writer.bytes(value)
    })
}

/// An error and its causes in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
