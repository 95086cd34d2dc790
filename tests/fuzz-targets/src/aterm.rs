//! ATerm: what is read as a derivation is written back as the same bytes, and whatever it says about
//! its outputs is answered without a panic.

use wasibuild_nix_compat::derivation::{Derivation, OutputPathError};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let Ok(derivation) = Derivation::from_aterm_bytes(bytes) else {
        return;
    };
    assert_eq!(derivation.to_aterm_bytes(), bytes);
    let hash = |_: &_| Ok::<_, OutputPathError>([0; 32]);
    if let Ok(paths) = derivation.calculate_output_paths("fuzz", hash) {
        assert_eq!(paths.len(), derivation.outputs.len());
    }
    let _ = derivation.validate_output_paths("fuzz", hash);
    if let Ok(path) = derivation.calculate_derivation_path("fuzz") {
        let _ = derivation.to_json(&path);
    }
}
