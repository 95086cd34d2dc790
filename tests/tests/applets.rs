//! Applets against the GNU programs: same output, status, messages, and trees.

#[path = "applets/harness.rs"]
mod harness;

#[path = "applets/archives.rs"]
mod archives;
#[path = "applets/coreutils.rs"]
mod coreutils;
#[path = "applets/differences.rs"]
mod differences;
#[path = "applets/diffutils.rs"]
mod diffutils;
#[path = "applets/filters.rs"]
mod filters;
#[path = "applets/gawk.rs"]
mod gawk;
#[path = "applets/jq.rs"]
mod jq;
#[path = "applets/patch.rs"]
mod patch;
#[path = "applets/text.rs"]
mod text;
