//! The options of `doctor` and `setup`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::doctor::doors::Door;
use crate::setup::units::Service;

/// What to look at.
#[derive(Debug, Args)]
pub struct Where {
    /// Look at the machine whose files lie below DIR
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// The program `nix` [default: that of the PATH]
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub nix: Option<PathBuf>,
    /// Look as this user does [default: who runs this]
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Username)]
    pub user: Option<String>,
}

/// `wasibuild doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// What to look at.
    #[command(flatten)]
    pub place: Where,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `wasibuild setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// The door to open [default: what `wasibuild doctor` recommends]
    #[arg(long, value_name = "DOOR", value_enum)]
    pub door: Option<Door>,
    /// Make the change
    #[arg(long)]
    pub apply: bool,
    /// Take back what was made
    #[arg(long, conflicts_with_all = ["apply", "door"])]
    pub undo: bool,
    /// Who starts the daemon [default: the system's own]
    #[arg(long, value_name = "SERVICE", value_enum)]
    pub service: Option<Service>,
    /// How many builds Nix may hand over at once [default: the number of processors]
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub max_jobs: Option<u16>,
    /// What to look at.
    #[command(flatten)]
    pub place: Where,
}
