//! `wasibuild external-builder`: one build for Nix, see [`crate::external_builder`].
//!
//! Contract: Nix is answered before anything else is done. Standard output is the builder's log. The
//! exit code is the builder's, or 1.

use std::fs::File;
use std::io::{self, Read, Write};

use crate::error::{Error, shown};
use crate::external_builder::{Description, ExternalError, READY, build};
use crate::options::{Common, ExternalBuilder};
use crate::realise::error::chain;
use crate::realise::executor::{Routed, Sandbox};
use crate::realise::stop::Stop;
use crate::{directories, exit_code};

/// The largest description that is read, in bytes: environments of derivations are smaller.
const MAX_DESCRIPTION: u64 = 256 << 20;

/// Builds and returns the exit code.
pub fn external_builder(common: &Common, options: &ExternalBuilder) -> Result<u8, Error> {
    let failed = |action: &'static str| {
        move |source| Error::Io {
            action,
            path: options.description.clone(),
            source,
        }
    };
    let mut errors = io::stderr();
    errors
        .write_all(READY)
        .and_then(|()| errors.flush())
        .map_err(failed("tell Nix that all is ready for"))?;
    let policy = super::policy(common, options)?;
    let machine = super::machine(&policy);
    let router = super::router(&policy, &machine);
    let stop = Stop::new();
    let mut text = Vec::new();
    File::open(&options.description)
        .and_then(|file| file.take(MAX_DESCRIPTION).read_to_end(&mut text))
        .map_err(failed("read"))?;
    // As it was given: a path need not be UTF-8.
    let precompiled = options.precompiled.clone().or(policy.precompiled);
    let cache = directories::cache().map(|cache| cache.join("modules"));
    let sandbox = Sandbox::new(cache, &stop).precompiled(precompiled);
    let executor = Routed {
        sandbox: &sandbox,
        machine: &*machine,
        stop: &stop,
        decisions: &router.decisions,
    };
    let result = Description::parse(&text)
        .map_err(ExternalError::from)
        .and_then(|description| {
            build(
                description,
                &executor,
                &router,
                policy.cores,
                policy.limits,
                io::stdout(),
            )
        });
    match result {
        Ok(()) => Ok(exit_code::SUCCESS),
        // What there is to say the builder has said, and Nix says the rest.
        Err(ExternalError::Exit(code)) => Ok(code),
        Err(error) => {
            let _ = writeln!(errors, "error: {}", shown(&chain(&error)));
            Ok(exit_code::OTHER)
        }
    }
}
