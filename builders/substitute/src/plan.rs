//! What the substitute builder will write, and the writing.
//!
//! Which files there are is found out first, so that a missing one leaves no output behind; their
//! contents are read, replaced and written one at a time.

use crate::attributes::Request;
use crate::{left_over, replace};
use bstr::{BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use wasibuild_guest::{Error, MarkExecutable, Result, bytes, input, output};

/// Files to read with the places to write them.
#[derive(Debug)]
pub struct Plan {
    request: Request,
    /// Each after the one that holds it.
    directories: Vec<PathBuf>,
    files: Vec<(PathBuf, PathBuf)>,
}

/// Finds the files.
pub fn plan(request: Request) -> Result<Plan> {
    let mut directories = Vec::new();
    let mut files = Vec::new();
    if let Some(names) = &request.files {
        let mut found = BTreeMap::new();
        for name in names {
            collect(&request.src, name, &mut found)?;
        }
        let mut places = BTreeSet::new();
        for (path, source) in found {
            for slash in path.find_iter("/") {
                places.insert(BString::from(path.get(..slash).unwrap_or_default()));
            }
            files.push((source, bytes::join(&request.out, &path)));
        }
        if !files.is_empty() {
            directories.push(request.out.clone());
        }
        directories.extend(places.iter().map(|place| bytes::join(&request.out, place)));
    } else {
        let metadata =
            std::fs::metadata(&request.src).map_err(Error::file(&request.src, "read"))?;
        if !metadata.is_file() {
            return Err(Error::value(
                "src",
                format!(
                    "{} is not a file; for a directory say in `files` what to take",
                    request.src.display()
                ),
            ));
        }
        let mut target = request.out.clone();
        for part in &request.destination {
            let inside = bytes::join(&target, part);
            directories.push(std::mem::replace(&mut target, inside));
        }
        files.push((request.src.clone(), target));
    }
    Ok(Plan {
        request,
        directories,
        files,
    })
}

/// Finds the regular files at or below `src/name`, as `find NAME -type f` does: symlinks are left
/// out. Keys are paths relative to `src`.
fn collect(src: &Path, name: &BString, found: &mut BTreeMap<BString, PathBuf>) -> Result<()> {
    let start: BString = match name.as_slice() {
        b"." => BString::default(),
        _ => bstr::join("/", output::relative_parts("files", name)?).into(),
    };
    let mut pending = vec![start];
    while let Some(relative) = pending.pop() {
        let path = if relative.is_empty() {
            src.to_path_buf()
        } else {
            bytes::join(src, &relative)
        };
        let metadata = std::fs::symlink_metadata(&path).map_err(Error::file(&path, "read"))?;
        if metadata.is_file() {
            found.insert(relative, path);
        } else if metadata.is_dir() {
            for entry in input::list_directory(&path).map_err(Error::file(&path, "list"))? {
                let mut below = relative.clone();
                if !below.is_empty() {
                    below.push(b'/');
                }
                below.extend_from_slice(&entry);
                pending.push(below);
            }
        }
    }
    Ok(())
}

impl Plan {
    /// Reads, replaces and writes each file.
    pub fn write(&self, mark: MarkExecutable) -> Result<()> {
        for directory in &self.directories {
            std::fs::create_dir(directory)
                .map_err(Error::file(directory, "create the directory"))?;
        }
        for (source, target) in &self.files {
            let content = self.substituted(source)?;
            let mut file = output::create_file(target)?;
            file.write_all(&content)
                .map_err(Error::file(target, "write"))?;
            if self.request.executable {
                output::mark_executable(target, &file, mark)?;
            }
        }
        Ok(())
    }

    fn substituted(&self, source: &Path) -> Result<Vec<u8>> {
        let mut content = std::fs::read(source).map_err(Error::file(source, "read"))?;
        let report = replace::apply(&mut content, &self.request.operations);
        for operation in report.warnings {
            eprintln!(
                "substitute: {}: warning: pattern {:?} does not match anything in {}",
                self.request.name,
                operation.pattern,
                source.display()
            );
        }
        if let Some(operation) = report.failure {
            return Err(Error::Refused(format!(
                "pattern {:?} does not match anything in {}; remove it, or use --replace-warn",
                operation.pattern,
                source.display()
            )));
        }
        if let Some(kept) = &self.request.left_over {
            let found = left_over::find(&content, kept);
            if !found.is_empty() {
                return Err(Error::Refused(format!(
                    "{}: these look like variables that were not replaced: {}; name them in \
                     `replacements` (null keeps one), or use `substitute`",
                    source.display(),
                    bstr::join(", ", found).as_bstr()
                )));
            }
        }
        Ok(content)
    }
}
