//! Applets: what build scripts call instead of GNU programs, one WebAssembly module per package.
//!
//! Contract: byte for byte as the GNU program of Debian 12 in the C locale, for the options that
//! an applet's table lists; every other option is a *refusal*, which ends the build as a foreign
//! program does. docs/applets.md lists programs, options, and known differences.

mod coreutils;
mod diffutils;
mod findutils;
mod gawk;
mod grep;
mod jq;
pub mod languages;
mod patch;
mod regex;
mod sed;
mod shared;
mod table;
mod tar;
mod trifles;
mod unpack;

pub use table::markdown;

/// Runs the process as the utility of coreutils that it is called.
pub fn coreutils() {
    coreutils::main()
}

/// Runs the process as `sed`.
pub fn sed() {
    sed::main()
}

/// Runs the process as `grep`, `egrep` or `fgrep`.
pub fn grep() {
    grep::main()
}

/// Runs the process as `cmp` or `diff`.
pub fn diffutils() {
    diffutils::main()
}

/// Runs the process as `awk` or `gawk`.
pub fn gawk() {
    gawk::main()
}

/// Runs the process as a program that unpacks: `gzip`, `bzip2`, `xz`, `zstd` and their like.
pub fn unpack() {
    unpack::main()
}

/// Runs the process as `patch`.
pub fn patch() {
    patch::main()
}

/// Runs the process as `tar`.
pub fn tar() {
    tar::main()
}

/// Runs the process as `jq`.
pub fn jq() {
    jq::main()
}

/// Runs the process as `find` or `xargs`.
pub fn findutils() {
    findutils::main()
}

/// Runs the process as a trifle, such as `lndir`.
pub fn trifles() {
    trifles::main()
}
