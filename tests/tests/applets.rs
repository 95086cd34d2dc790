//! Applets against the GNU programs: same output, status, messages, and trees.

#[path = "applets/harness.rs"]
mod harness;

#[path = "applets/archives.rs"]
mod archives;
#[path = "applets/diffutils.rs"]
mod diffutils;
#[path = "applets/filters.rs"]
mod filters;
#[path = "applets/gawk.rs"]
mod gawk;
#[path = "applets/generated.rs"]
mod generated;
#[path = "applets/jq.rs"]
mod jq;
#[path = "applets/patch.rs"]
mod patch;
#[path = "applets/sandbox.rs"]
mod sandbox;
#[path = "applets/tables.rs"]
mod tables;
#[path = "applets/text.rs"]
mod text;
#[path = "applets/tree.rs"]
mod tree;
#[path = "applets/words.rs"]
mod words;
