//! narinfo: what is read and printed is read again as the same.
use wasibuild_nix_compat::narinfo::{NarInfo, PublicKey, SecretKey};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    if let Ok(narinfo) = NarInfo::parse(bytes) {
        let printed = narinfo.to_string();
        assert_eq!(NarInfo::parse(printed.as_bytes()), Ok(narinfo));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<PublicKey>() {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        if let Ok(key) = text.parse::<SecretKey>() {
            assert_eq!(key.to_secret_string(), text.trim_end());
        }
    }
}
