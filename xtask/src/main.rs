//! Chores of the repository, in one place: what the README and CI call is here.
//!
//! `xtask/run` (a shell script) is the way in on a fresh machine: it installs what is
//! missing and then runs `cargo xtask …`. Every chore prints what it runs.

mod agents;
mod builders;
mod command;
mod compare;
mod debian;
mod example;
mod fixtures;
mod kernels;
mod layers;
mod lock;
mod nixes;
mod skips;
mod test;
mod verify;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the wasibuild repository")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Compile the virtual machine's agent to target/vm-agents
    Agents,
    /// Compile the builders to target/builders and compare them with builders/builders.lock
    Builders(builders::Options),
    /// Build derivations natively with GNU tools and in the sandbox, and compare every output
    Compare(compare::Options),
    /// Make a Debian with systemd, sshd and Nix in target/vm/debian, for the benchmark `vm` (needs root)
    Debian,
    /// Build the example machine from its fixture, with no Nix involved, and print the tree
    Example(example::Options),
    /// Evaluate nix-plugin/examples with the installed Nix and compare with tests/fixtures
    Fixtures(fixtures::Options),
    /// Fetch Debian's kernels to target/vm, for tests
    Kernels,
    /// Compare the dependencies between packages with the table in docs/architecture.md
    Layers,
    /// Unpack other versions of Nix to target/nix, for tests
    Nixes,
    /// Everything that CI runs: format, lints, layers, builders, tests, the check for macOS
    Test(test::Options),
    /// Build every derivation of the stdenv example in the sandbox and in the virtual machine, and compare
    Verify,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Agents => agents::run(),
        Chore::Builders(options) => builders::run(&options),
        Chore::Compare(options) => compare::run(&options),
        Chore::Debian => debian::run(),
        Chore::Example(options) => example::run(&options),
        Chore::Fixtures(options) => fixtures::run(&options),
        Chore::Kernels => kernels::run(),
        Chore::Layers => layers::run(),
        Chore::Nixes => nixes::run(),
        Chore::Test(options) => test::run(&options),
        Chore::Verify => verify::run(),
    }
}
