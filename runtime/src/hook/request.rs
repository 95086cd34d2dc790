//! What Nix says to its hook.
//!
//! Contract: numbers and strings as in the worker protocol; everything bounded. Nothing is answered
//! here. Counterpart: `HookInstance` and `tryBuildHook`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_sandbox::Limits;
use wasibuild_worker_protocol::{Reader, Result, Writer};

/// The settings of the Nix that asks, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings(Vec<(BString, BString)>);

impl Settings {
    pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        reader.begin();
        let mut settings = Vec::new();
        while reader.flag("whether a setting follows")? {
            settings.push((
                reader.bytes("a setting's name")?,
                reader.bytes("a setting")?,
            ));
        }
        Ok(Settings(settings))
    }

    pub(super) fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        for (name, value) in &self.0 {
            writer.number(1)?;
            writer.bytes(name)?;
            writer.bytes(value)?;
        }
        writer.number(0)
    }

    /// The limits with Nix' `timeout` and `max-silent-time`, in seconds, which Nix leaves to its hook.
    pub(super) fn limits(&self, limits: &Limits) -> Limits {
        let seconds = |name: &str| {
            let text = self.get(name)?.to_str().ok()?;
            let seconds: u64 = text.parse().ok()?;
            (seconds != 0).then(|| Duration::from_secs(seconds))
        };
        let sooner = |own: Option<Duration>, name| [own, seconds(name)].into_iter().flatten().min();
        let mut limits = limits.clone();
        limits.timeout = sooner(limits.timeout, "timeout");
        limits.max_silent_time = sooner(limits.max_silent_time, "max-silent-time");
        limits
    }

    pub(super) fn get(&self, name: &str) -> Option<&BStr> {
        let found = self.0.iter().rev().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_ref())
    }
}

/// A question: will you build this?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    /// Whether Nix could build it itself now.
    pub(super) willing: bool,
    /// The derivation's system.
    pub(super) system: BString,
    /// The `.drv`.
    pub(super) derivation: StorePath,
    /// The features that it requires.
    pub(super) features: Vec<BString>,
}

impl Try {
    /// Reads the next question; none when Nix leaves.
    pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Option<Self>> {
        reader.begin();
        let Some(length) = reader.number_or_end()? else {
            return Ok(None);
        };
        // The word "try" with its padding; anything else is a farewell, as Nix's own hook takes it.
        if length != 3 || reader.number("a command")? != u64::from_le_bytes(*b"try\0\0\0\0\0") {
            return Ok(None);
        }
        Ok(Some(Try {
            willing: reader.flag("whether Nix would build itself")?,
            system: reader.bytes("a system")?,
            derivation: reader.path("a derivation")?,
            features: reader.list("features", |reader| reader.bytes("a feature"))?,
        }))
    }

    pub(super) fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        writer.bytes("try")?;
        writer.flag(self.willing)?;
        writer.bytes(&self.system)?;
        writer.path(&self.derivation)?;
        writer.list(&self.features, |writer, feature| writer.bytes(feature))
    }
}

/// What Nix says to who accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The input closure.
    pub(super) inputs: BTreeSet<StorePath>,
    /// The names of the outputs that are missing.
    pub(super) wanted: BTreeSet<String>,
}

impl Accepted {
    pub(super) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        reader.begin();
        Ok(Accepted {
            inputs: reader.list("the inputs", |reader| reader.path("an input"))?,
            wanted: reader.list("the outputs", |reader| reader.text("an output"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_handed_on_unchanged() {
        let settings = Settings(vec![
            ("a".into(), "1".into()),
            ("store".into(), "/x".into()),
            ("timeout".into(), "7".into()),
            ("max-silent-time".into(), "0".into()),
        ]);
        let limits = settings.limits(&Limits::default());
        assert_eq!(limits.timeout, Some(Duration::from_secs(7)));
        assert_eq!(limits.max_silent_time, Limits::default().max_silent_time);
        let derivation = b"/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x.drv";
        let asked = Try {
            willing: true,
            system: "wasm32-wasi".into(),
            derivation: StorePath::from_absolute_path(derivation).expect("a path"),
            features: vec!["kvm".into()],
        };
        let mut writer = Writer::new(Vec::new());
        settings.write(&mut writer).expect("memory");
        asked.write(&mut writer).expect("memory");
        let bytes = writer.into_inner();
        let mut reader = Reader::new(bytes.as_slice());
        let read = Settings::read(&mut reader).expect("settings");
        assert_eq!(read, settings);
        assert_eq!(read.get("store"), Some(BStr::new("/x")));
        assert_eq!(Try::read(&mut reader).expect("a question"), Some(asked));
        assert_eq!(Try::read(&mut reader).expect("the end"), None);
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(bytes.get(..cut).expect("a part"));
            if Settings::read(&mut reader).is_ok() {
                let rest = Try::read(&mut reader);
                assert!(matches!(rest, Ok(None) | Err(_)), "{cut}: {rest:?}");
            }
        }
    }
}
