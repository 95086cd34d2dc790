//! What the text builder will write, and the writing.

use crate::attributes::{Request, Source};
use bstr::BString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use wasibuild_guest::{Error, MarkExecutable, Result, bytes, output};

/// One file and the directories above it.
#[derive(Debug)]
pub struct Plan {
    directories: Vec<PathBuf>,
    file: PathBuf,
    contents: Contents,
    executable: bool,
}

#[derive(Debug)]
enum Contents {
    Bytes(BString),
    /// Copied as a stream, whatever their size.
    Files(Vec<PathBuf>),
}

/// Decides what to write; formats the value.
pub fn plan(request: Request) -> Result<Plan> {
    let contents = match request.source {
        Source::Text(text) => Contents::Bytes(text),
        Source::Files(files) => Contents::Files(files),
        Source::Value(format, value) => Contents::Bytes(format.render(&value)?.into()),
    };
    let mut directories = Vec::new();
    let mut file = request.out;
    for part in &request.destination {
        let inside = bytes::join(&file, part);
        directories.push(std::mem::replace(&mut file, inside));
    }
    Ok(Plan {
        directories,
        file,
        contents,
        executable: request.executable,
    })
}

impl Plan {
    /// The file that is written.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Writes the file.
    pub fn write(&self, mark: MarkExecutable) -> Result<()> {
        for directory in &self.directories {
            std::fs::create_dir(directory)
                .map_err(Error::file(directory, "create the directory"))?;
        }
        let mut file = output::create_file(&self.file)?;
        match &self.contents {
            Contents::Bytes(bytes) => file
                .write_all(bytes)
                .map_err(Error::file(&self.file, "write"))?,
            Contents::Files(sources) => {
                for source in sources {
                    copy(source, &mut file, &self.file)?;
                }
            }
        }
        if self.executable {
            output::mark_executable(&self.file, &file, mark)?;
        }
        Ok(())
    }
}

fn copy(source: &Path, file: &mut File, path: &Path) -> Result<()> {
    let mut input = File::open(source).map_err(Error::file(source, "read"))?;
    let metadata = input.metadata().map_err(Error::file(source, "read"))?;
    if metadata.is_dir() {
        return Err(Error::value(
            "files",
            format!("{} is a directory; give files", source.display()),
        ));
    }
    std::io::copy(&mut input, file).map_err(Error::file(path, "write"))?;
    Ok(())
}
