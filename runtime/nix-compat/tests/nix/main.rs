//! Real Nix as oracle: what it writes is read here, and what is written here is read by it.
//!
//! Contract: every test works in a directory of its own, with a configuration of its own; the
//! machine's `/nix` is never touched. Without `nix-store` on the path the tests print SKIPPED.

mod archives;
mod binary_cache;
mod derivations;
mod nix;
mod paths;
mod structured_attrs;
