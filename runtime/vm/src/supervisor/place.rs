//! Where a machine's socket, lock and logs are.
//!
//! Contract: a function of the state directory, the architecture and the store, so that all programs of
//! a user find the same. Names of sockets have a bound (104 bytes on macOS, 108 on Linux); where the state
//! directory is too deep the socket lies in a directory of the user's own in `/tmp`.

use std::fs::{self, DirBuilder};
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use wasibuild_nix_compat::hash::sha256;

use crate::error::{FileError, io};
use crate::{Architecture, platform};

/// The longest name of a socket that every system takes, with its final zero.
const MAX_SOCKET: usize = 100;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    directory: PathBuf,
    /// The directory of the socket, and its name there.
    socket: (PathBuf, String),
}

impl Place {
    /// The place below `state` for a store's machine.
    pub fn new(state: &Path, architecture: Architecture, store: &Path) -> Self {
        let digest = sha256(store.as_os_str().as_bytes());
        let hex = |bytes: &[u8]| -> String {
            bytes
                .iter()
                .take(6)
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let directory = state.join(format!("{architecture}-{}", hex(&digest)));
        let mut socket = (directory.clone(), "socket".to_owned());
        if directory.join("socket").as_os_str().len() > MAX_SOCKET {
            let name = hex(&sha256(directory.as_os_str().as_bytes()));
            let user = format!("/tmp/wasibuild-vm-{}", platform::user());
            socket = (PathBuf::from(user), name);
        }
        Place { directory, socket }
    }

    /// Makes the directories, for this user only.
    ///
    /// # Errors
    /// When one cannot be made, or is somebody else's.
    pub(super) fn make(&self) -> Result<(), FileError> {
        for directory in [&self.directory, &self.socket.0] {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(directory).map_err(io("make", directory))?;
        }
        own(&self.socket.0).map_err(io("use", &self.socket.0))
    }

    /// The socket, if it can be trusted: nobody else could have made it.
    pub(super) fn trusted_socket(&self) -> Result<PathBuf, FileError> {
        match own(&self.socket.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.map_err(io("use", &self.socket.0))?,
        }
        Ok(self.socket())
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.socket.0.join(&self.socket.1)
    }

    /// The file that the supervisor has locked.
    pub fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    /// What the guest's console says.
    pub fn console(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// What the supervisor says.
    pub fn log(&self) -> PathBuf {
        self.directory.join("supervisor.log")
    }

    /// Numbers of processes and such, for people.
    pub fn description(&self) -> PathBuf {
        self.directory.join("machine")
    }

    /// The directory of all that.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// That a directory is this user's, and nobody else may write to it.
fn own(directory: &Path) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(directory)?;
    if metadata.is_dir() && metadata.uid() == platform::user() && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::PermissionDenied,
        "it is not a directory that belongs to you alone; remove it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_state_directory_has_its_socket_elsewhere() {
        let place =
            |state: &str| Place::new(Path::new(state), Architecture::X86_64, Path::new("/s"));
        let near = place("/home/u/.local/state/wasibuild/vm");
        assert!(near.socket().starts_with(near.directory()));
        let deep = "/deep".repeat(40);
        let far = place(&deep);
        assert!(far.socket().as_os_str().len() <= MAX_SOCKET);
        assert_ne!(far.socket(), place(&format!("{deep}/x")).socket());
        let arm = Place::new(Path::new("/v"), Architecture::Aarch64, Path::new("/s"));
        assert_ne!(
            arm,
            Place::new(Path::new("/v"), Architecture::X86_64, Path::new("/s"))
        );
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        assert!(own(directory.path()).is_ok());
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("mode");
        assert!(own(directory.path()).is_err());
    }
}
