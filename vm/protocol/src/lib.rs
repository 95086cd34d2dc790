//! What wasibuild and the agent in its virtual machine say to each other (docs/vm.md).
//!
//! Contract: pure and blocking; generic over [`std::io::Read`] and [`std::io::Write`]; both sides of
//! every message are here, so that each is tested against the other. The stream carries frames; a
//! frame names a build, so that one stream serves many, and a supervisor between the two sides can
//! renumber frames without reading them. What comes in is bytes from a stranger on *both* sides: a
//! guest may be taken over by what it builds. Nothing panics on it, and memory grows with what has
//! come in, never with a length that was announced. There is one encoding of every message:
//! what is accepted would be written the same again.
#![forbid(unsafe_code)]

mod error;
mod fields;
mod frame;
mod from_guest;
mod image;
mod spec;
mod to_guest;
mod window;

#[cfg(test)]
mod tests;

pub use error::ProtocolError;
pub use frame::{Frame, Kind, MAX_CHUNK, MAX_REQUEST, MAX_TEXT};
pub use from_guest::{Ending, FromGuest, GuestHello};
pub use image::Image;
pub use spec::{BuildSpec, Input, Limits};
pub use to_guest::ToGuest;
pub use window::{WINDOW, Window};

/// The version of the protocol that this crate speaks. Both sides must speak the same: the agent
/// is delivered with the program, so that another version means another program's machine.
pub const VERSION: u32 = 2;

/// The name of the virtio-serial port that carries the stream.
pub const PORT: &str = "wasibuild.control.1";

/// The tag of the 9p file system that is the host's store.
pub const STORE_TAG: &str = "wasibuild-store";

/// The serial number of the disk that a guest swaps to.
pub const SWAP_SERIAL: &str = "wasibuild-swap";

/// The serial number of the disk with images of inputs.
pub const IMAGES_SERIAL: &str = "wasibuild-images";

/// Where a guest shows the store; images have directories of their own there, by their numbers.
pub const STORE_PLACE: &str = "/store";

/// The name under which the build directory of a failed build is sent.
pub const BUILD_DIRECTORY: &str = "build";

/// The highest number of an image: a disk of Linux has 255 partitions (`DISK_MAX_PARTS`).
pub const MAX_IMAGES: u64 = 200;

/// The result of reading or writing the protocol.
pub type Result<T, E = ProtocolError> = std::result::Result<T, E>;
