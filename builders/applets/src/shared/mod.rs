//! What all applets share: options, messages, quoting, files, streams.

pub mod calendar;
pub mod errno;
pub mod fs;
pub mod io;
pub mod options;
pub mod process;
pub mod program;
pub mod quote;
pub mod time;
