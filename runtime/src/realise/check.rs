//! `--check`: compares what was built again with what is in the store.
//!
//! Contract: the store is not changed. The NAR hashes decide; only if they differ the old tree is
//! read. With `--keep-failed` the new tree is left beside the old one as `PATH.check`, as Nix does
//! (`LocalDerivationGoal::registerOutputs`).

use std::io::{BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use wasibuild_nix_compat::file_system_object::{FileSystemObject, Limits};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::NewPath;

use super::error::{RealiseError, chain};
use super::{Realiser, keep};
use crate::difference;
use crate::plan::Node;

/// Compares all outputs; the first that differs is the error.
pub(super) fn compare(
    realiser: &Realiser<'_>,
    node: &Node,
    outputs: Vec<NewPath>,
) -> Result<(), RealiseError> {
    for output in outputs {
        let Some(info) = realiser.store.query_path_info(&output.path)? else {
            return Err(RealiseError::Store(wasibuild_store::Error::NotValid {
                path: output.path,
                store: realiser.store.root().to_owned(),
            }));
        };
        if info.nar_hash == output.nar_hash {
            continue;
        }
        let differences = match read_old(realiser, &output.path) {
            Ok(old) => match difference::compare(&old, &output.object) {
                Ok(found) => found.to_string(),
                Err(error) => format!("  cannot compare them: {error}\n"),
            },
            Err(problem) => format!("  cannot compare them: {problem}\n"),
        };
        return Err(RealiseError::NotDeterministic {
            derivation: node.derivation.to_absolute_path(),
            path: output.path.to_absolute_path(),
            differences,
            kept: kept(realiser, &output),
        });
    }
    Ok(())
}

fn kept(realiser: &Realiser<'_>, output: &NewPath) -> String {
    let real = realiser.store.real_path(&output.path);
    if !realiser.settings.keep_failed {
        return "hint: with --keep-failed the new version is kept beside the old one".to_owned();
    }
    let mut place = real.into_os_string();
    place.push(".check");
    let place = PathBuf::from(place);
    match keep::remove(&place).and_then(|()| keep::write_tree(&output.object, &place)) {
        Ok(()) => format!("the new version is in '{}'", place.display()),
        Err(error) => format!("cannot keep the new version: {error}"),
    }
}

/// The tree that is in the store.
fn read_old(realiser: &Realiser<'_>, path: &StorePath) -> Result<FileSystemObject, String> {
    let io = |error: std::io::Error| error.to_string();
    let mut nar = tempfile::tempfile().map_err(io)?;
    let mut writer = BufWriter::new(&mut nar);
    realiser
        .store
        .write_nar(path, &mut writer)
        .map_err(|error| chain(&error))?;
    writer.flush().map_err(io)?;
    drop(writer);
    nar.seek(SeekFrom::Start(0)).map_err(io)?;
    let limits = Limits::default();
    FileSystemObject::from_nar(&mut BufReader::new(nar), &limits, &mut tempfile::tempfile)
        .map_err(|error| chain(&error))
}
