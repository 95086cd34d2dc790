//! `nix-cache-info`: what a binary cache says about itself.
//!
//! Contract: lines `Key: value`; unknown keys are ignored, as Nix does, so that newer caches stay
//! readable; a known key with a value that means nothing is an error. Counterpart in Nix:
//! `BinaryCacheStore::init` (binary-cache-store.cc).

use wasibuild_nix_compat::store_path::STORE_DIR;

/// The most bytes that are read of a `nix-cache-info`; real ones have under 200.
pub const MAX_CACHE_INFO_BYTES: u64 = 64 * 1024;

/// The parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheInfo {
    /// The store directory that the cache's paths live in; `/nix/store` when it is not named.
    pub store_dir: String,
    /// Whether the cache wants to be asked about many paths at once.
    pub want_mass_query: bool,
    /// Caches with a lower number are asked first. `None` when the cache does not say.
    pub priority: Option<i64>,
}

/// Why a `nix-cache-info` was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheInfoError {
    /// Not text at all: most likely some other file.
    #[error("it is not text (invalid UTF-8)")]
    NotText,
    /// A line without a colon: most likely an HTML page.
    #[error("line {line} is not 'Key: value': {text:?}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The line's beginning.
        text: String,
    },
    /// A known key with a senseless value.
    #[error("line {line}: {key} is {value:?}, expected {expected}")]
    Value {
        /// Counted from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
}

impl CacheInfo {
    /// Parses the file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CacheInfoError> {
        let text = std::str::from_utf8(bytes).map_err(|_| CacheInfoError::NotText)?;
        let mut info = CacheInfo {
            store_dir: STORE_DIR.to_owned(),
            want_mass_query: false,
            priority: None,
        };
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            if raw.trim().is_empty() {
                continue;
            }
            let Some((key, value)) = raw.split_once(':') else {
                let text = raw.chars().take(80).collect();
                return Err(CacheInfoError::Line { line, text });
            };
            let value = value.trim();
            let refuse = |key, expected| CacheInfoError::Value {
                line,
                key,
                value: value.chars().take(80).collect(),
                expected,
            };
            match key.trim() {
                "StoreDir" if value.starts_with('/') => info.store_dir = value.to_owned(),
                "StoreDir" => return Err(refuse("StoreDir", "an absolute directory")),
                "WantMassQuery" => match value {
                    "0" => info.want_mass_query = false,
                    "1" => info.want_mass_query = true,
                    _ => return Err(refuse("WantMassQuery", "0 or 1")),
                },
                "Priority" => match value.parse() {
                    Ok(priority) => info.priority = Some(priority),
                    Err(_) => return Err(refuse("Priority", "a whole number")),
                },
                _ => {}
            }
        }
        Ok(info)
    }
}

impl std::fmt::Display for CacheInfo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "StoreDir: {}", self.store_dir)?;
        writeln!(
            formatter,
            "WantMassQuery: {}",
            u8::from(self.want_mass_query)
        )?;
        if let Some(priority) = self.priority {
            writeln!(formatter, "Priority: {priority}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_nixos_cache_serves() {
        let info = CacheInfo::parse(b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n");
        assert_eq!(
            info,
            Ok(CacheInfo {
                store_dir: "/nix/store".into(),
                want_mass_query: true,
                priority: Some(40)
            })
        );
    }

    #[test]
    fn reads_what_nix_copy_writes_to_a_directory() {
        let info = CacheInfo::parse(b"StoreDir: /nix/store\n");
        assert_eq!(
            info,
            Ok(CacheInfo {
                store_dir: "/nix/store".into(),
                want_mass_query: false,
                priority: None
            })
        );
    }

    #[test]
    fn refuses_an_html_page_and_senseless_values() {
        for (text, part) in [
            ("<!DOCTYPE html>\n", "line 1 is not"),
            ("StoreDir: /nix/store\nPriority: high\n", "line 2: Priority"),
            ("WantMassQuery: yes\n", "expected 0 or 1"),
            ("StoreDir: nix/store\n", "absolute"),
        ] {
            let error = CacheInfo::parse(text.as_bytes())
                .map_or_else(|error| error.to_string(), |info| format!("{info:?}"));
            assert!(error.contains(part), "{text:?} gave: {error}");
        }
        assert_eq!(
            CacheInfo::parse(b"StoreDir: \xff"),
            Err(CacheInfoError::NotText)
        );
    }

    proptest! {
        #[test]
        fn prints_and_parses_back(
            dir in "/[a-z/]{0,20}[a-z]",
            want_mass_query: bool,
            priority in proptest::option::of(any::<i64>()),
        ) {
            let info = CacheInfo { store_dir: dir, want_mass_query, priority };
            prop_assert_eq!(CacheInfo::parse(info.to_string().as_bytes()), Ok(info));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = CacheInfo::parse(&bytes);
        }
    }
}
