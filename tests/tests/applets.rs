//! Applets against the GNU programs: same output, status, messages, and trees.

#[path = "applets/harness.rs"]
mod harness;

#[path = "applets/coreutils.rs"]
mod coreutils;
#[path = "applets/text.rs"]
mod text;
