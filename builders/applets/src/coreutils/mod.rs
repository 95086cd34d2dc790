//! GNU coreutils in one module: the name it is started under says which utility it is.
//!
//! Contract: as coreutils 9.1 in the C locale, byte for byte, for the options in each utility's
//! table; anything else is refused (`shared::options`).

use crate::shared::options::Spec;
use crate::shared::program;
use bstr::{BString, ByteSlice};

pub(crate) use mode::Mode;

mod backup;
mod base64;
mod basename;
mod cat;
mod chmod;
mod chown;
mod cksum;
mod comm;
mod copy;
mod cp;
mod csplit;
mod cut;
pub(crate) mod date;
mod dd;
mod digest;
mod ends;
mod env;
mod expand;
pub(crate) mod expr;
mod factor;
pub(crate) mod float;
mod fmt;
mod fold;
mod install;
mod join;
mod launch;
mod lines;
mod links;
mod ln;
mod long_double;
mod ls;
mod mkdir;
mod mkfifo;
mod mktemp;
mod mode;
mod mv;
mod nl;
mod number;
mod numfmt;
mod od;
pub(crate) mod owner;
mod parents;
mod paste;
mod pathchk;
pub(crate) mod printf;
mod resolve;
mod rm;
mod seq;
mod shuf;
mod small;
mod sort;
mod split;
mod stat;
mod system;
mod tac;
mod target;
mod tee;
mod terminal;
mod test;
mod touch;
mod tr;
mod truncate;
mod tsort;
mod uniq;
mod version;
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
    system::ARCH,
    digest::B2SUM,
    base64::BASE32,
    base64::BASE64,
    basename::BASENAME,
    base64::BASENC,
    cat::CAT,
    chown::CHGRP,
    chmod::CHMOD,
    chown::CHOWN,
    cksum::CKSUM,
    comm::COMM,
    cp::CP,
    csplit::CSPLIT,
    cut::CUT,
    date::DATE,
    dd::DD,
    ls::DIR,
    basename::DIRNAME,
    small::ECHO,
    env::ENV,
    expand::EXPAND,
    expr::EXPR,
    factor::FACTOR,
    small::FALSE,
    fmt::FMT,
    fold::FOLD,
    system::GROUPS,
    ends::HEAD,
    system::ID,
    install::INSTALL,
    join::JOIN,
    small::LINK,
    ln::LN,
    system::LOGNAME,
    ls::LS,
    digest::MD5SUM,
    mkdir::MKDIR,
    mkfifo::MKFIFO,
    mktemp::MKTEMP,
    mv::MV,
    launch::NICE,
    nl::NL,
    launch::NOHUP,
    system::NPROC,
    numfmt::NUMFMT,
    od::OD,
    paste::PASTE,
    pathchk::PATHCHK,
    env::PRINTENV,
    printf::PRINTF,
    small::PWD,
    links::READLINK,
    links::REALPATH,
    rm::RM,
    mkdir::RMDIR,
    seq::SEQ,
    digest::SHA1SUM,
    digest::SHA224SUM,
    digest::SHA256SUM,
    digest::SHA384SUM,
    digest::SHA512SUM,
    shuf::SHUF,
    small::SLEEP,
    sort::SORT,
    split::SPLIT,
    stat::STAT,
    launch::STDBUF,
    cksum::SUM,
    small::SYNC,
    tac::TAC,
    ends::TAIL,
    tee::TEE,
    test::TEST,
    launch::TIMEOUT,
    touch::TOUCH,
    tr::TR,
    small::TRUE,
    truncate::TRUNCATE,
    tsort::TSORT,
    terminal::TTY,
    system::UNAME,
    expand::UNEXPAND,
    uniq::UNIQ,
    small::UNLINK,
    terminal::USERS,
    ls::VDIR,
    wc::WC,
    terminal::WHO,
    system::WHOAMI,
    tac::YES,
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
