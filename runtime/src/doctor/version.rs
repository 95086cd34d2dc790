//! The version of Nix, and what follows from it.
//!
//! Contract: from the text of `nix --version`; facts about versions are those of docs/nix.md.

use std::fmt;

/// Who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// The original.
    Nix,
    /// Determinate Nix, with its own number besides.
    Determinate((u32, u32, u32)),
    /// Lix.
    Lix,
}

/// A version of Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Who made it.
    pub flavour: Flavour,
    /// Major, minor.
    pub number: (u32, u32),
    /// The whole number as it was printed.
    pub text: String,
}

impl Version {
    /// From `nix --version`: `nix (Nix) 2.34.8`, `nix (Determinate Nix 3.8.3) 2.30.1`,
    /// `nix (Lix, like Nix) 2.91.0`.
    pub fn parse(text: &str) -> Option<Version> {
        let line = text.lines().next()?.trim();
        let number = line.rsplit(char::is_whitespace).next()?;
        let (major, minor, _) = numbers(number)?;
        let inside = line
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        let inside = inside.map_or("", |(inside, _)| inside);
        let flavour = match inside.strip_prefix("Determinate Nix") {
            Some(own) => Flavour::Determinate(numbers(own.trim()).unwrap_or_default()),
            None if inside.starts_with("Lix") => Flavour::Lix,
            None => Flavour::Nix,
        };
        Some(Version {
            flavour,
            number: (major, minor),
            text: number.to_owned(),
        })
    }

    /// Whether it has external builders.
    pub fn has_external_builders(&self) -> bool {
        match self.flavour {
            Flavour::Determinate(own) => own >= (3, 8, 3),
            Flavour::Nix => self.number >= (2, 32),
            Flavour::Lix => false,
        }
    }

    /// Whether it ignores `build-hook` in its configuration: a bug of 2.25 to 2.33.
    pub fn ignores_build_hook(&self) -> bool {
        self.flavour != Flavour::Lix && ((2, 25)..(2, 34)).contains(&self.number)
    }

    /// Whether its protocol is one that the daemon speaks.
    pub fn speaks(&self) -> bool {
        self.number >= (2, 4)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flavour {
            Flavour::Nix => write!(f, "Nix {}", self.text),
            Flavour::Determinate((a, b, c)) => {
                write!(f, "Determinate Nix {a}.{b}.{c} (Nix {})", self.text)
            }
            Flavour::Lix => write!(f, "Lix {}", self.text),
        }
    }
}

/// The first three numbers of a text with dots.
fn numbers(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        part.get(..end).and_then(|digits| digits.parse().ok())
    });
    let major = parts.next()??;
    let mut next = || parts.next().flatten().unwrap_or(0);
    Some((major, next(), next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_judged() {
        for (text, shown, external, ignores) in [
            ("nix (Nix) 2.8.0", "Nix 2.8.0", false, false),
            ("nix (Nix) 2.26.3\n", "Nix 2.26.3", false, true),
            ("nix (Nix) 2.33.6", "Nix 2.33.6", true, true),
            ("nix (Nix) 2.34.8", "Nix 2.34.8", true, false),
            (
                "nix (Nix) 2.36.0pre20260101_abc",
                "Nix 2.36.0pre20260101_abc",
                true,
                false,
            ),
            (
                "nix (Determinate Nix 3.8.3) 2.30.1",
                "Determinate Nix 3.8.3 (Nix 2.30.1)",
                true,
                true,
            ),
            (
                "nix (Determinate Nix 3.6.0) 2.29.0",
                "Determinate Nix 3.6.0 (Nix 2.29.0)",
                false,
                true,
            ),
            ("nix (Lix, like Nix) 2.91.1", "Lix 2.91.1", false, false),
        ] {
            let version = Version::parse(text).expect(text);
            assert_eq!(version.to_string(), shown);
            assert_eq!(version.has_external_builders(), external, "{text}");
            assert_eq!(version.ignores_build_hook(), ignores, "{text}");
            assert!(version.speaks());
        }
        assert!(
            !Version::parse("nix-env (Nix) 2.3.16")
                .expect("a version")
                .speaks()
        );
        for wrong in ["", "nix", "command not found", "nix (Nix) x.y"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}
