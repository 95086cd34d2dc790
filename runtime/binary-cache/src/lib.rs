//! Substituters: store paths from binary caches, over HTTP or in a directory (`file://`).
//!
//! Contract: nothing that a cache sends is believed. What it says about a path counts only with a
//! signature by a trusted key (or when the path's name proves its content), and what it sends as
//! the path is handed out whole only when size and hashes agree. Everything streams: memory does
//! not grow with the size of a path. This package never touches a store: the program connects
//! [`Substituter::download`] with one.
//!
//! The way of a path: [`Substituter::plan`] asks for the closure's narinfo files, breadth first;
//! [`Substituter::download`] brings the NARs, references first, each as a [`NarStream`].
//!
//! Counterpart in Nix: `binary-cache-store.cc`, `http-binary-cache-store.cc`,
//! `local-binary-cache-store.cc`, `filetransfer.cc`, `substitution-goal.cc`; the format is in the
//! Nix manual under "Binary cache" and "Protocols and formats".
#![forbid(unsafe_code)]

mod cache;
mod cache_info;
mod cancel;
mod compression;
mod content_check;
mod download;
mod error;
mod full_reads;
mod http;
mod location;
mod nar_stream;
mod netrc;
mod options;
mod plan;
mod progress;
mod resume;
mod retry;
mod schedule;
mod substituter;
mod tls;
mod transport;
mod trust;
mod zstd;

pub use cache::{BinaryCache, MAX_NARINFO_BYTES};
pub use cache_info::{CacheInfo, CacheInfoError, MAX_CACHE_INFO_BYTES};
pub use cancel::Cancel;
pub use compression::{Compression, MAX_WINDOW_BYTES};
pub use download::{DownloadError, Receiver, Report};
pub use error::Error;
pub use location::CacheUrl;
pub use nar_stream::NarStream;
pub use netrc::{Netrc, NetrcError};
pub use options::{NIXOS_CACHE_KEY, Options, Proxy, parse_public_key};
pub use plan::{MAX_CLOSURE_PATHS, Plan, Unavailable};
pub use progress::{Event, Observer, PROGRESS_STEP_BYTES, Silent};
pub use substituter::{Candidate, Substituter};
pub use trust::Trust;
