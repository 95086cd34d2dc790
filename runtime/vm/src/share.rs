//! How a guest gets the store.

use std::fmt;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// The host's directory, by 9p.
    NineP,
    /// Images of inputs on a disk.
    Images,
}

impl Share {
    /// All, the better ones first.
    pub const ALL: [Share; 2] = [Share::NineP, Share::Images];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Share::NineP => "9p",
            Share::Images => "image",
        }
    }

    /// By its name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The modules that a guest needs for it.
    pub(crate) fn modules(self) -> [&'static str; 2] {
        match self {
            Share::NineP => ["9pnet_virtio", "9p"],
            Share::Images => ["virtio_blk", "squashfs"],
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
