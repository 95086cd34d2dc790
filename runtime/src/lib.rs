//! Builds Nix derivations with WebAssembly builders, the same bytes on every host.
