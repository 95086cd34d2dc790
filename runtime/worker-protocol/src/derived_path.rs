//! What can be asked for: a store path, or outputs of a derivation.
//!
//! Contract: the text of versions since 1.30: `PATH`, `DRV!OUTPUT,…` or `DRV!*`. Counterpart:
//! `DerivedPath::parseLegacy` and `to_string_legacy`.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read, Write};

use bstr::ByteSlice;
use wasibuild_nix_compat::store_path::{StorePath, check_name};

use crate::{ProtocolError, Reader, Result, Writer};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DerivedPath {
    /// A path itself, a `.drv` perhaps.
    Opaque(StorePath),
    /// Outputs of a derivation.
    Built {
        /// The `.drv`.
        derivation: StorePath,
        /// Which.
        outputs: OutputSelection,
    },
}

/// Which outputs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputSelection {
    /// All that the derivation has.
    All,
    /// These; never none.
    Names(BTreeSet<String>),
}

impl fmt::Display for DerivedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DerivedPath::Opaque(path) => f.write_str(&path.to_absolute_path()),
            DerivedPath::Built {
                derivation,
                outputs,
            } => {
                write!(f, "{}!", derivation.to_absolute_path())?;
                match outputs {
                    OutputSelection::All => f.write_str("*"),
                    OutputSelection::Names(names) => {
                        let names: Vec<&str> = names.iter().map(String::as_str).collect();
                        f.write_str(&names.join(","))
                    }
                }
            }
        }
    }
}

impl DerivedPath {
    /// Reads the text.
    ///
    /// # Errors
    /// [`ProtocolError::Value`].
    pub fn parse(text: &[u8]) -> Result<Self> {
        let wrong = |problem: String| ProtocolError::Value {
            what: "what is to be built",
            problem,
        };
        let path =
            |bytes| StorePath::from_absolute_path(bytes).map_err(|error| wrong(error.to_string()));
        let Some((derivation, outputs)) = text.split_once_str("!") else {
            return Ok(DerivedPath::Opaque(path(text)?));
        };
        let derivation = path(derivation)?;
        if !derivation.is_derivation() {
            let path = derivation.to_absolute_path();
            return Err(wrong(format!("'{path}' is not a derivation")));
        }
        let outputs = match outputs {
            b"*" => OutputSelection::All,
            names => {
                let names = names.split_str(",").map(|name| match name.to_str() {
                    Ok(text) if check_name(name).is_ok() => Ok(text.to_owned()),
                    _ => Err(wrong(format!(
                        "'{}' is not an output's name",
                        name.as_bstr()
                    ))),
                });
                OutputSelection::Names(names.collect::<Result<_>>()?)
            }
        };
        Ok(DerivedPath::Built {
            derivation,
            outputs,
        })
    }

    pub(crate) fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        Self::parse(&reader.bytes("what is to be built")?)
    }

    pub(crate) fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        writer.bytes(self.to_string())
    }
}
