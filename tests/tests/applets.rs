//! Applets against the GNU programs: same output, status, messages, and trees.

#[path = "applets/harness.rs"]
mod harness;

#[path = "applets/coreutils.rs"]
mod coreutils;
#[path = "applets/differences.rs"]
mod differences;
#[path = "applets/diffutils.rs"]
mod diffutils;
#[path = "applets/filters.rs"]
mod filters;
#[path = "applets/jq.rs"]
mod jq;
#[path = "applets/text.rs"]
mod text;
