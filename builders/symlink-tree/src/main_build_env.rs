//! What runs in place of `perl builder.pl`: the same request from the environment, the same tree.
//!
//! Contract: the one argument is the age of the script, which the host knows from the script's
//! content; the environment is that of `buildEnv`'s derivation. Messages go to standard error as
//! the script's do; a failure ends with perl's status for `die`.
//!
//! Counterpart: nixpkgs' pkgs/build-support/buildenv/builder.pl.

use std::collections::BTreeMap;
use std::process::ExitCode;

use bstr::BString;
use builder_symlink_tree::rules::Rules;
use builder_symlink_tree::source::{Disk, Modes};
use builder_symlink_tree::{build_env, environment, print};
use wasibuild_guest::{Error, Result, bytes};

/// `@storeDir@` of the script: the store of the sandbox.
const STORE: &[u8] = b"/nix/store";
/// The status with which perl ends after `die`.
const DIED: u8 = 255;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print(&[BString::from(error.to_string())]);
            ExitCode::from(DIED)
        }
    }
}

fn run() -> Result<()> {
    let rules = std::env::args_os().nth(1).and_then(|age| {
        let (_, rules) = Rules::AGES.iter().find(|(name, _)| age == *name)?;
        Some(*rules)
    });
    let rules = rules.ok_or(Error::Arguments)?;
    // This program is the one that reads its environment.
    #[allow(clippy::disallowed_methods)]
    let environment: BTreeMap<BString, BString> = std::env::vars_os()
        .map(|(name, value)| (bytes::from_os(&name), bytes::from_os(&value)))
        .collect();
    let disk = Disk::new(Modes::Known(wasibuild_guest::mode::is_executable));
    let request = environment::request(&environment, STORE, &rules, &disk)?;
    let mut messages = Vec::new();
    let tree = build_env::plan(&request, rules, &disk, &mut messages);
    print(&messages);
    let tree = tree.map_err(|problem| Error::Refused(problem.to_string()))?;
    tree.write(
        &bytes::to_path(&request.out),
        wasibuild_guest::mode::plain(),
    )
}
