//! Nix's formats, pure: store paths, derivations, NAR, narinfo, references.
