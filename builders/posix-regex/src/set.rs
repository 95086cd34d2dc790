//! What one character is compared with: sets of bytes (the C locale), and of code points (UTF-8).

use crate::Class;

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Set([u64; 4]);

impl Set {
    /// Adds one.
    pub fn add(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Is it in the set?
    pub fn has(&self, byte: u8) -> bool {
        self.0
            .get(usize::from(byte >> 6))
            .is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// Those that the test takes.
    pub fn of(test: impl Fn(u8) -> bool) -> Set {
        let mut set = Set::default();
        (0..=255)
            .filter(|byte| test(*byte))
            .for_each(|byte| set.add(byte));
        set
    }

    /// With the other case of each letter.
    pub fn folded(&self) -> Set {
        Set::of(|byte| {
            self.has(byte)
                || self.has(byte.to_ascii_lowercase())
                || self.has(byte.to_ascii_uppercase())
        })
    }

    /// Adds all of another.
    pub fn union(&mut self, other: &Set) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }
}

/// The bytes of a named class in the C locale.
pub fn class_of(name: &[u8]) -> Result<Set, &'static str> {
    let class = regex_class(name)?;
    Ok(Set::of(|byte| byte < 0x80 && class.contains(byte.into())))
}

/// A class that regular expressions know: `ascii` and `word` are the shell's.
pub fn regex_class(name: &[u8]) -> Result<Class, &'static str> {
    match Class::named(name) {
        None | Some(Class::Ascii | Class::Word) => Err("Invalid character class name"),
        Some(class) => Ok(class),
    }
}

/// The character in upper case, if that is one character, as `towupper(3)` has it.
pub fn upper(c: char) -> char {
    single(c, c.to_uppercase())
}

fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(other), None) => other,
        _ => c,
    }
}

/// A set of code points.
#[derive(Clone, Debug, Default)]
pub struct Wide {
    pub negated: bool,
    pub ranges: Vec<(u32, u32)>,
    pub classes: Vec<Class>,
    /// A letter counts in both cases.
    pub fold: bool,
    /// What is ASCII in it, `negated` taken into account; see [`Wide::done`].
    pub ascii: Set,
}

impl Wide {
    /// All characters.
    pub fn all() -> Wide {
        Wide {
            negated: true,
            ..Wide::default()
        }
        .done()
    }

    /// Notes the answers for ASCII, when all members are known.
    pub fn done(mut self) -> Wide {
        self.ascii = Set::of(|byte| byte < 0x80 && self.holds(char::from(byte)));
        self
    }

    /// Is the character in the set?
    pub fn has(&self, c: char) -> bool {
        match u8::try_from(c) {
            Ok(byte) if byte < 0x80 => self.ascii.has(byte),
            _ => self.holds(c),
        }
    }

    /// The bytes that a member can start with.
    pub fn first_bytes(&self) -> Set {
        Set::of(|byte| byte >= 0x80 || self.ascii.has(byte))
    }

    fn holds(&self, c: char) -> bool {
        let plain = |c: char| {
            let c = u32::from(c);
            self.ranges.iter().any(|(a, b)| (*a..=*b).contains(&c))
                || self.classes.iter().any(|class| class.contains(c))
        };
        let hit = plain(c) || self.fold && (plain(single(c, c.to_lowercase())) || plain(upper(c)));
        hit != self.negated
    }
}
