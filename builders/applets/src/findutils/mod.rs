//! GNU findutils: `find` and `xargs`.
//!
//! Contract: as findutils 4.9 in the C locale. Directories are read in the order of their names.

mod evaluate;
mod extra;
mod find;
pub mod glob;
mod parse;
mod printf;
mod xargs;

use crate::shared::program;
use bstr::ByteSlice;

pub(crate) use find::{OPTIONS as FIND_OPTIONS, PREDICATES};
pub(crate) use xargs::SPEC as XARGS;

/// Runs the process as `find` or `xargs`.
pub fn main() -> ! {
    let words = program::start();
    let status = match program::base_name() {
        b"find" => find::run(words),
        b"xargs" => xargs::run(words),
        name => program::refuse(&format!("there is no program '{}' here", name.as_bstr())),
    };
    program::exit(status)
}
