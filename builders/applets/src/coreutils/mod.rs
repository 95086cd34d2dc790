//! GNU coreutils in one module: the name it is started under says which utility it is.
//!
//! Contract: as coreutils 9.1 in the C locale, byte for byte, for the options in each utility's
//! table; anything else is refused (`shared::options`).

use crate::shared::options::Spec;
use crate::shared::program;
use bstr::{BString, ByteSlice};

pub(crate) use mode::Mode;

mod basename;
mod calendar;
mod cat;
mod chmod;
mod copy;
mod cp;
mod env;
mod install;
mod links;
mod ln;
mod mkdir;
mod mktemp;
mod mode;
mod mv;
mod resolve;
mod rm;
mod small;
mod target;
mod test;
mod touch;

/// One utility.
pub(crate) struct Utility {
    /// Its name.
    pub name: &'static str,
    /// Its options.
    pub spec: Spec,
    /// Runs it with the words after its name; gives the exit status.
    pub run: fn(&Spec, Vec<BString>) -> u8,
}

/// Every utility, by name.
pub(crate) static UTILITIES: &[Utility] = &[
    test::BRACKET,
    basename::BASENAME,
    cat::CAT,
    chmod::CHMOD,
    cp::CP,
    basename::DIRNAME,
    small::ECHO,
    env::ENV,
    small::FALSE,
    install::INSTALL,
    small::LINK,
    ln::LN,
    mkdir::MKDIR,
    mktemp::MKTEMP,
    mv::MV,
    env::PRINTENV,
    small::PWD,
    links::READLINK,
    links::REALPATH,
    rm::RM,
    mkdir::RMDIR,
    small::SLEEP,
    small::SYNC,
    test::TEST,
    touch::TOUCH,
    small::TRUE,
    small::UNLINK,
];

/// Runs the utility that the process was started as.
pub fn main() -> ! {
    let words = program::start();
    let name = program::base_name();
    match UTILITIES.iter().find(|utility| utility.name.as_bytes() == name) {
        Some(utility) => program::exit((utility.run)(&utility.spec, words)),
        None => program::refuse(&format!("there is no utility '{}' here", name.as_bstr())),
    }
}
