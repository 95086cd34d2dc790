//! Where the inputs of a build are in the guest.
//!
//! Contract: a client names them by their places on this computer, the guest gets its own. Where the store is
//! shared that is a matter of names; else images are written ([`crate::image`]), which may take a while.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bstr::BString;
use wasibuild_vm_protocol::{Input, ProtocolError, STORE_PLACE, ToGuest};

use crate::image::{ImageError, Images};

/// See the module.
#[derive(Debug)]
pub enum Inputs {
    /// The guest sees this directory.
    Shared(PathBuf),
    /// The guest sees images.
    Images(Images),
}

impl Inputs {
    /// Whether nothing has to be written before a build.
    pub fn are_shared(&self) -> bool {
        matches!(self, Inputs::Shared(_))
    }

    /// Says where the inputs of a build are in the guest; what it must be told before is given to `tell`.
    ///
    /// # Errors
    /// In words for the build's failure.
    pub fn prepare(
        &self,
        build: u32,
        inputs: &mut [Input],
        stop: &AtomicBool,
        tell: &mut dyn FnMut(&ToGuest) -> Result<(), ProtocolError>,
    ) -> Result<(), ImageError> {
        match self {
            Inputs::Shared(store) => {
                for input in inputs {
                    input.place = shared(store, input)?;
                }
                Ok(())
            }
            Inputs::Images(images) => images.prepare(build, inputs, stop, tell),
        }
    }

    /// A build is over.
    pub fn release(&self, build: u32) {
        if let Inputs::Images(images) = self {
            images.release(build);
        }
    }
}

/// Where an input is below the store that is shared.
fn shared(store: &Path, input: &Input) -> Result<BString, ImageError> {
    use std::os::unix::ffi::OsStrExt;
    let place = Path::new(std::ffi::OsStr::from_bytes(&input.place));
    let name = place.file_name().map(OsStrExt::as_bytes);
    if place.parent() != Some(store) || name != Some(&input.name) {
        return Err(ImageError::Elsewhere {
            path: place.to_owned(),
            store: store.to_owned(),
        });
    }
    Ok(BString::from(
        [STORE_PLACE.as_bytes(), b"/", &input.name].concat(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_shared_shows_nothing_else() {
        let inputs = Inputs::Shared("/s/nix/store".into());
        let place = |name: &str, place: &str| {
            let mut input = [Input {
                name: name.into(),
                place: place.into(),
            }];
            let result = inputs.prepare(1, &mut input, &AtomicBool::new(false), &mut |_| Ok(()));
            result.map(|()| input[0].place.to_string())
        };
        assert_eq!(place("a", "/s/nix/store/a").expect("shown"), "/store/a");
        for (name, other) in [
            ("a", "/t/nix/store/a"),
            ("a", "/s/nix/store/b"),
            ("a", "/s/nix/store/a/a"),
            ("a", "/s/nix/store/../a"),
            ("store", "/s/nix/store"),
        ] {
            let problem = place(name, other).expect_err("refused").to_string();
            assert!(problem.contains("only directory"), "{problem}");
        }
    }
}
