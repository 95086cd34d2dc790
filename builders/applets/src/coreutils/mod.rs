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
mod cut;
mod ends;
mod env;
mod install;
mod lines;
mod links;
mod ln;
mod ls;
mod mkdir;
mod mktemp;
mod mode;
mod mv;
mod resolve;
mod rm;
mod small;
mod sort;
mod target;
mod tee;
mod test;
mod touch;
mod tr;
mod uniq;
mod wc;

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
    cut::CUT,
    basename::DIRNAME,
    small::ECHO,
    env::ENV,
    small::FALSE,
    ends::HEAD,
    install::INSTALL,
    small::LINK,
    ln::LN,
    ls::LS,
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
    sort::SORT,
    small::SYNC,
    tee::TAC,
    ends::TAIL,
    tee::TEE,
    test::TEST,
    touch::TOUCH,
    tr::TR,
    small::TRUE,
    uniq::UNIQ,
    small::UNLINK,
    wc::WC,
];

/// Runs the utility that the process was started as.
pub fn main() -> ! {
    let words = program::start();
    let name = program::base_name();
    match UTILITIES
        .iter()
        .find(|utility| utility.name.as_bytes() == name)
    {
        Some(utility) => program::exit((utility.run)(&utility.spec, words)),
        None => program::refuse(&format!("there is no utility '{}' here", name.as_bstr())),
    }
}
