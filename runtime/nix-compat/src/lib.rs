//! Nix's formats, pure: store paths, derivations, NAR, narinfo, export streams, references.
//!
//! Contract: no file is opened here, no clock, environment or randomness is read. What comes in is
//! bytes from a stranger; what goes out is what Nix 2.8 and later read and write, byte for byte.
//! Nothing here panics on input, recurses without a bound, or allocates by an announced size.
//!
//! Counterpart in Nix: `src/libutil/{hash,archive}.cc`, `src/libstore/{path,derivations,
//! content-address,nar-info,path-info,export-import,parsed-derivations}.cc` and the chapter
//! "Protocols and formats" of the Nix manual.
#![forbid(unsafe_code)]

pub mod case_hack;
pub mod content_address;
pub mod derivation;
pub mod derivation_options;
pub mod export;
pub mod file_system_object;
pub mod hash;
pub mod nar;
pub mod narinfo;
pub mod nixbase32;
pub mod path_info;
pub mod placeholder;
pub mod refscan;
pub mod store_path;
pub mod structured_attrs;
