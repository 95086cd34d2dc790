//! `wasibuild external-builder`: one build for Nix, see [`crate::external_builder`].
//!
//! Contract: Nix is answered before anything else is done. Standard output is the builder's log. The
//! exit code is the builder's, or 1.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use crate::error::{Error, shown};
use crate::external_builder::{Description, ExternalError, READY, build};
use crate::options::{Common, ExternalBuilder};
use crate::realise::error::chain;
use crate::realise::executor::{Routed, Sandbox};
use crate::realise::stop::Stop;
use crate::{directories, exit_code, hangup, platform};

/// The largest description that is read, in bytes: environments of derivations are smaller.
const MAX_DESCRIPTION: u64 = 256 << 20;

/// Builds and returns the exit code.
pub fn external_builder(common: &Common, options: &ExternalBuilder) -> Result<u8, Error> {
    // Nix 2.34 leaves its own end of the terminal open that it reads what is printed from: as long as this
    // process holds it, it cannot see that Nix is gone.
    platform::close_inherited();
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
    let parsed = Description::parse(&text).map_err(ExternalError::from);
    let work = || {
        let (cores, limits) = (policy.cores, policy.limits);
        parsed.and_then(|description| {
            build(description, &executor, &router, cores, limits, io::stdout())
        })
    };
    // Nix reads what is printed until the build ends: when it is gone, nobody wants the output.
    let result = hangup::watch(io::stderr().as_fd(), || stop.stop(), work);
    match result.map_err(failed("watch Nix for"))? {
        Ok(()) => Ok(exit_code::SUCCESS),
        // What there is to say the builder has said, and Nix says the rest.
        Err(ExternalError::Exit(code)) => Ok(code),
        Err(error) => {
            let _ = writeln!(errors, "error: {}", shown(&chain(&error)));
            Ok(exit_code::OTHER)
        }
    }
}
