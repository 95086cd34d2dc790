//! Nix's worker protocol: what a daemon and its clients say to each other, on a socket or a pipe.
//!
//! Contract: pure and blocking; generic over [`std::io::Read`] and [`std::io::Write`]; knows no
//! store. Both sides of every message are here, so that each is tested against the other, and real
//! Nix is the oracle of both. Spoken are the versions [`MIN_VERSION`] (Nix 2.4) to [`OUR_VERSION`]
//! (since Nix 2.26; later Nix only adds optional features, none of which is claimed here). What
//! comes in is bytes from a stranger: nothing panics on it, recurses without a bound, or allocates
//! by an announced size.
//!
//! Counterpart in Nix: `src/libstore/{worker-protocol,worker-protocol-connection,common-protocol,
//! daemon,remote-store}.cc`, `src/libutil/serialise.cc`.
#![forbid(unsafe_code)]

mod build_result;
mod derived_path;
mod error;
mod framed;
mod handshake;
mod message;
mod options;
mod reader;
mod request;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use build_result::{BuildResult, BuildStatus};
pub use derived_path::{DerivedPath, OutputSelection};
pub use error::ProtocolError;
pub use framed::{FramedReader, FramedWriter};
pub use handshake::{
    ClientHandshake, MIN_VERSION, Negotiated, OUR_VERSION, Version, client_handshake,
    server_handshake, server_hello,
};
pub use message::{Activity, Field, Message, RemoteError};
pub use options::ClientOptions;
pub use reader::{MAX_MESSAGE, Reader};
pub use request::{BuildMode, GcAction, Operation, Request};
pub use value::{read_path_info, read_unkeyed_path_info, write_path_info, write_unkeyed_path_info};
pub use writer::Writer;

/// The result of reading or writing the protocol.
pub type Result<T, E = ProtocolError> = std::result::Result<T, E>;
