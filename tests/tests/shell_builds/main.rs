//! Unmodified derivations for Linux in the shell: what is attempted, what runs, what is refused.

mod by_hand;
mod fifos;
mod identify;
mod refuse;
mod support;
