//! Unmodified derivations for Linux in the shell: what is attempted, what runs, what is refused.

mod by_hand;
mod corpus;
mod differences;
mod fifos;
mod generated;
mod hostile;
mod identify;
mod recollect;
mod recursion;
mod refuse;
mod support;
mod trees;
