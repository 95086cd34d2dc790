//! Where a kernel's image and modules are, in what the user named.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::{deb, direct};
use crate::Architecture;
use crate::error::{KernelError, io};

/// A kernel as it lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the user named.
    pub named: PathBuf,
    /// The image.
    pub image: PathBuf,
    /// The directory `lib/modules/RELEASE`.
    pub modules: PathBuf,
    /// The release.
    pub release: String,
}

/// Names of images, without a release: those of nixpkgs' kernels.
const PLAIN: [&str; 3] = ["bzImage", "Image", "vmlinuz"];

/// Finds the kernel at `from`; a package is unpacked to `work`.
///
/// # Errors
/// When there is none.
pub fn find(from: &Path, work: &Path) -> Result<Source, KernelError> {
    let metadata = fs::metadata(from).map_err(io("open", from))?;
    let root = if metadata.is_dir() {
        from.to_owned()
    } else if deb::is_deb(from) {
        deb::unpack(from, work).map_err(io("unpack", from))?;
        work.to_owned()
    } else {
        // An image: its modules are where its system has them.
        let parent = from.parent().unwrap_or(Path::new("/"));
        let root = if parent.ends_with("boot") {
            parent.parent().unwrap_or(Path::new("/"))
        } else {
            parent
        };
        return source(from, root, Some(from.to_owned()));
    };
    source(from, &root, None)
}

fn source(named: &Path, root: &Path, image: Option<PathBuf>) -> Result<Source, KernelError> {
    let none = |problem: String| KernelError::NotAKernel {
        path: named.to_owned(),
        problem,
    };
    let all_modules = root.join("lib/modules");
    let mut releases: Vec<String> = match fs::read_dir(&all_modules) {
        Ok(entries) => entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect(),
        Err(error) => {
            return Err(none(format!(
                "it has no directory 'lib/modules' ({error}); a kernel's modules are needed, too"
            )));
        }
    };
    releases.sort();
    // The newest, as far as names tell.
    for release in releases.iter().rev() {
        let images = match &image {
            Some(image) => {
                let name = image.file_name().unwrap_or_default().to_string_lossy();
                if releases.len() > 1 && !name.ends_with(release.as_str()) {
                    continue;
                }
                vec![image.clone()]
            }
            None => std::iter::once(format!("boot/vmlinuz-{release}"))
                .chain(std::iter::once(format!("lib/modules/{release}/vmlinuz")))
                .chain(PLAIN.iter().map(ToString::to_string))
                .map(|name| root.join(name))
                .collect(),
        };
        let modules = all_modules.join(release);
        if !modules.join("kernel").is_dir() {
            continue;
        }
        if let Some(image) = images.into_iter().find(|image| image.is_file()) {
            return Ok(Source {
                named: named.to_owned(),
                image,
                modules,
                release: release.clone(),
            });
        }
    }
    Err(none(format!(
        "for none of the releases in 'lib/modules' ({}) there is an image, such as 'boot/vmlinuz-RELEASE' or 'bzImage'",
        releases.join(", ")
    )))
}

/// The architecture that an image is for, by its own header.
///
/// # Errors
/// When it is no kernel that QEMU could start.
pub fn architecture_of(image: &[u8], source: &Source) -> Result<Architecture, KernelError> {
    // Documentation/arch/x86/boot.rst; Documentation/arch/arm64/booting.rst; a compressed arm64
    // image is started by QEMU if it is gzip.
    if image.get(0x202..0x206) == Some(b"HdrS") || direct::is_kernel(image) {
        return Ok(Architecture::X86_64);
    }
    if image.get(56..60) == Some(b"ARM\x64") || image.starts_with(b"\x1f\x8b") {
        return Ok(Architecture::Aarch64);
    }
    Err(KernelError::NotAKernel {
        path: source.named.clone(),
        problem: format!(
            "'{}' is neither a bzImage (nor an ELF kernel with an entry for PVH) for x86_64 nor an Image for aarch64",
            source.image.display()
        ),
    })
}

/// All module files below a directory, by the names that modules have (with underscores).
pub(super) fn module_files(
    directory: &Path,
) -> Result<std::collections::BTreeMap<String, PathBuf>, KernelError> {
    let mut found = std::collections::BTreeMap::new();
    let mut open = vec![directory.join("kernel")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(io("list", &folder))? {
            let entry = entry.map_err(io("list", &folder))?;
            let kind = entry.file_type().map_err(io("list", &folder))?;
            if kind.is_dir() {
                open.push(entry.path());
                continue;
            }
            let name = entry.file_name();
            if let Some((stem, rest)) = name.to_string_lossy().split_once(".ko")
                && (rest.is_empty() || rest.starts_with('.'))
            {
                found.insert(stem.replace('-', "_"), entry.path());
            }
        }
    }
    Ok(found)
}

/// The modules that are in the image, from `modules.builtin`.
pub(super) fn built_in(
    directory: &Path,
) -> Result<std::collections::BTreeSet<String>, KernelError> {
    let path = directory.join("modules.builtin");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(io("read", &path)(error).into()),
    };
    Ok(text
        .lines()
        .filter_map(|line| {
            let name = line.rsplit('/').next()?;
            Some(name.strip_suffix(".ko")?.replace('-', "_"))
        })
        .collect())
}

/// Opens a module.
pub(super) fn open(path: &Path) -> Result<File, KernelError> {
    Ok(File::open(path).map_err(io("open", path))?)
}
