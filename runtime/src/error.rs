//! Where every error of the program ends.
//!
//! Contract: [`Error::exit_code`] maps each to one of [`crate::exit_code`]; [`Error::text`] is what
//! is printed, once, with control characters made visible, since messages quote file names and logs
//! that others wrote.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::exit_code;
use crate::plan::PlanError;
use crate::policy::PolicyError;
use crate::printable::{self, Escapes};
use crate::realise::error::{RealiseError, chain};
use crate::request::RequestError;
use crate::setup::SetupError;

/// An error that ends the program.
#[derive(Debug, Error)]
pub enum Error {
    /// The request cannot be read.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The configuration is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Nix cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// There is no Nix to set up.
    #[error("there is no program `nix` to set up\nhint: name it with --nix")]
    NoNix,
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError<RealiseError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] wasibuild_store::Error),
    /// Something that belongs to one derivation or path.
    #[error(transparent)]
    Realise(#[from] RealiseError),
    /// There is no virtual machine.
    #[error(transparent)]
    Machine(#[from] wasibuild_vm::MachineError),
    /// A command about machines makes no sense.
    #[error("{0}")]
    Vm(String),
    /// The store has errors, which were printed.
    #[error("the store has {0}")]
    Verify(String),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    StandardOutput(io::Error),
    /// A file cannot be used.
    #[error("cannot {action} '{}': {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be used, as the system's error says.
    #[error("{0}")]
    File(io::Error),
    /// The signal handlers cannot be installed.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// There is nowhere to put the store.
    #[error(
        "there is no place for the store, because HOME is not set\n\
         hint: name one with --store or WASIBUILD_STORE"
    )]
    NoStore,
    /// A store path argument is wrong.
    #[error("'{argument}' is not a store path: {problem}")]
    BadPath {
        /// The argument, made printable.
        argument: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no log.
    #[error("there is no log of '{0}' in this store\nhint: it was not built here")]
    NoLog(String),
    /// The program came without builders.
    #[error(
        "this program was compiled without builders\n\
         hint: run `cargo xtask builders`, then compile it again"
    )]
    NoBuilders,
    /// An embedded builder cannot be compiled.
    #[error("cannot compile the builder '{name}': {source}")]
    Builder {
        /// Its name.
        name: &'static str,
        /// Why.
        source: wasibuild_sandbox::EngineError,
    },
    /// A public key cannot be read.
    #[error("'{key}' is not a public key: {problem}\nhint: expected NAME:BASE64")]
    BadKey {
        /// The key, made printable.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// There is nowhere to keep compiled modules.
    #[error(
        "there is no place for compiled builders, because HOME is not set\nhint: set XDG_CACHE_HOME"
    )]
    NoCache,
}

impl Error {
    /// Standard output cannot be written.
    pub fn standard_output(error: io::Error) -> Self {
        Error::StandardOutput(error)
    }

    /// The number with which the program ends.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Request(RequestError::Store(_)) | Error::Store(_) | Error::Verify(_) => {
                exit_code::STORE
            }
            Error::Request(RequestError::Unsupported { .. }) => exit_code::UNSUPPORTED,
            Error::Request(_) => exit_code::BAD_INPUT,
            Error::Plan(PlanError::Refused { .. }) => exit_code::UNSUPPORTED,
            Error::Plan(PlanError::Facts(error)) | Error::Realise(error) => realise_code(error),
            Error::Plan(_) => exit_code::BAD_INPUT,
            Error::NoStore | Error::BadPath { .. } | Error::BadKey { .. } | Error::Policy(_) => {
                exit_code::USAGE
            }
            _ => exit_code::OTHER,
        }
    }

    /// What is printed after `error: `.
    pub fn text(&self) -> String {
        shown(&chain(self))
    }

    /// Whether nobody reads our output any more, which is no reason to complain (`| head`).
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Error::StandardOutput(error) => error.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }
}

fn realise_code(error: &RealiseError) -> u8 {
    if error.is_store_failure() {
        exit_code::STORE
    } else {
        exit_code::OTHER
    }
}

/// A message with control characters made visible; its lines stay.
pub fn shown(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| printable::log_line(line.as_bytes(), Escapes::Plain))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cannot_move_the_cursor() {
        assert_eq!(shown("a\x1b[2J\nb\x1b[31mc"), "a^[[2J\nbc");
    }

    #[test]
    fn codes_follow_from_the_kind() {
        assert_eq!(Error::NoStore.exit_code(), exit_code::USAGE);
        assert_eq!(Error::Verify(String::new()).exit_code(), exit_code::STORE);
        let refused = RequestError::NotFound {
            argument: "x".to_owned(),
        };
        assert_eq!(Error::Request(refused).exit_code(), exit_code::BAD_INPUT);
    }
}
