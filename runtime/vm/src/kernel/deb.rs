//! Debian packages: an `ar` archive with the files in `data.tar.*`.
//!
//! Contract: unpacks the kernel's image and its modules below a directory, and nothing else; what the
//! package's names say cannot lead out of it. `deb(5)` is the format.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::{decompress, tar};

const MAGIC: &[u8] = b"!<arch>\n";

/// Whether a file begins like a package.
pub fn is_deb(path: &Path) -> bool {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head))
        .is_ok()
        && head == MAGIC
}

/// Unpacks `boot/` and `lib/modules/` (also below `usr/`) of a package into `to`.
///
/// # Errors
/// When the package is damaged, or a file cannot be written.
pub fn unpack(package: &Path, to: &Path) -> io::Result<()> {
    let mut source = io::BufReader::with_capacity(1 << 16, File::open(package)?);
    let mut magic = [0; 8];
    source.read_exact(&mut magic)?;
    loop {
        let mut header = Vec::new();
        source.by_ref().take(60).read_to_end(&mut header)?;
        let Ok(header) = <[u8; 60]>::try_from(header.as_slice()) else {
            return Err(damaged("it has no 'data.tar'"));
        };
        let text = String::from_utf8_lossy(&header).into_owned();
        let name = text
            .get(..16)
            .unwrap_or_default()
            .trim_end_matches([' ', '/']);
        let size = text.get(48..58).unwrap_or_default().trim_end();
        let size: u64 = size
            .parse()
            .map_err(|_| damaged("a member's size is no number"))?;
        let mut member = source.by_ref().take(size);
        if name.starts_with("data.tar") {
            let data = decompress::reader(member)?;
            return tar::files(data, |name, content| file(name, content, to));
        }
        io::copy(&mut member, &mut io::sink())?;
        // Members begin at even places.
        io::copy(&mut source.by_ref().take(size % 2), &mut io::sink())?;
    }
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the Debian package is damaged: {problem}"),
    )
}

fn file(name: &[u8], content: &mut dyn Read, to: &Path) -> io::Result<()> {
    let name = String::from_utf8_lossy(name).into_owned();
    let path = Path::new(&name);
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir | Component::RootDir => {}
            Component::Normal(part) => inside.push(part),
            _ => return Err(damaged("a file's name leads out of it")),
        }
    }
    let inside = inside.strip_prefix("usr").unwrap_or(&inside).to_owned();
    let wanted = inside.starts_with("boot")
        || (inside.starts_with("lib/modules") && !inside.starts_with("lib/modules/extra"));
    if !wanted {
        return Ok(());
    }
    let place = to.join(inside);
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    io::copy(content, &mut File::create(place)?)?;
    Ok(())
}
