//! Unmodified derivations for Linux in the shell: what is attempted, what runs, what is refused.

mod by_hand;
mod corpus;
mod fifos;
mod hostile;
mod identify;
mod recursion;
mod refuse;
mod support;
