//! The greeting: both sides say who they are and agree on a version.
//!
//! Contract: the lower of the two versions is spoken. The client begins; each side writes what the
//! other waits for before it waits itself. Counterpart: `BasicServerConnection::handshake` and
//! `postHandshake`, and the same of `BasicClientConnection`.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read, Write};

use crate::{ProtocolError, Reader, Result, Writer};

const CLIENT_MAGIC: u64 = 0x6e69_7863;
const SERVER_MAGIC: u64 = 0x6478_696f;

/// The minor number of a version; the major one has been 1 since 2003.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u8);

/// The oldest version that is spoken here: that of Nix 2.4.
pub const MIN_VERSION: Version = Version(32);
/// The newest, of Nix 2.26 and all later ones so far.
pub const OUR_VERSION: Version = Version(38);

/// Client and server tell each other features since this version.
const FEATURES: Version = Version(38);
/// The server tells whether it trusts the client.
const TRUST: Version = Version(35);
/// The server tells its own version.
const SERVER_NAME: Version = Version(33);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl Version {
    fn to_wire(self) -> u64 {
        1 << 8 | u64::from(self.0)
    }

    fn from_wire(number: u64) -> Result<Version> {
        match (number >> 8, u8::try_from(number & 0xff)) {
            (1, Ok(minor)) => Ok(Version(minor)),
            _ => Err(ProtocolError::value(
                "the protocol's version",
                format!("expected 1.x, found {number:#x}"),
            )),
        }
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The version that is spoken.
    pub version: Version,
    /// The optional features that the other side offers, for what it is worth: none is used here.
    pub features: BTreeSet<String>,
}

/// The server's first half: agrees on a version. [`server_hello`] must follow.
///
/// # Errors
/// When the other side speaks something else or is too old.
pub fn server_handshake<R: Read, W: Write>(
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
) -> Result<Negotiated> {
    expect_magic(reader, CLIENT_MAGIC)?;
    writer.number(SERVER_MAGIC)?;
    writer.number(OUR_VERSION.to_wire())?;
    writer.get_mut().flush()?;
    let version = agree(reader)?;
    let mut features = BTreeSet::new();
    if version >= FEATURES {
        features = reader.list("the client's features", |reader| reader.text("a feature"))?;
        writer.number(0)?;
        writer.get_mut().flush()?;
    }
    if reader.flag("the obsolete CPU affinity")? {
        reader.number("the obsolete CPU affinity")?;
    }
    reader.number("the obsolete reserved space")?;
    Ok(Negotiated { version, features })
}

/// The server's second half: who it is and whether it trusts the client. An empty run of log messages
/// (just [`crate::Message::Last`]) must follow.
///
/// # Errors
/// When the connection fails.
pub fn server_hello<W: Write>(
    writer: &mut Writer<W>,
    version: Version,
    name: &str,
    trusted: bool,
) -> Result<()> {
    if version >= SERVER_NAME {
        writer.bytes(name)?;
    }
    if version >= TRUST {
        writer.number(if trusted { 1 } else { 2 })?;
    }
    Ok(())
}

/// What a client learns from the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHandshake {
    /// The version that is spoken, and the server's features.
    pub negotiated: Negotiated,
    /// The server's own name and version, if it says so.
    pub server: Option<String>,
    /// Whether it trusts us, if it says so.
    pub trusted: Option<bool>,
}

/// The client's side, as of a Nix that speaks `ours`. Log messages follow.
///
/// # Errors
/// When the other side speaks something else or is too old.
pub fn client_handshake<R: Read, W: Write>(
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
    ours: Version,
) -> Result<ClientHandshake> {
    writer.number(CLIENT_MAGIC)?;
    writer.number(ours.to_wire())?;
    writer.get_mut().flush()?;
    expect_magic(reader, SERVER_MAGIC)?;
    let version = agree(reader)?.min(ours);
    let mut features = BTreeSet::new();
    if version >= FEATURES {
        writer.number(0)?;
        writer.get_mut().flush()?;
        features = reader.list("the server's features", |reader| reader.text("a feature"))?;
    }
    writer.number(0)?;
    writer.number(0)?;
    writer.get_mut().flush()?;
    let server = match version >= SERVER_NAME {
        true => Some(reader.text("the server's version")?),
        false => None,
    };
    let trusted = match version >= TRUST {
        true => match reader.number("whether the server trusts us")? {
            0 => None,
            1 => Some(true),
            2 => Some(false),
            other => {
                return Err(ProtocolError::value(
                    "whether the server trusts us",
                    format!("expected 0, 1 or 2, found {other}"),
                ));
            }
        },
        false => None,
    };
    Ok(ClientHandshake {
        negotiated: Negotiated { version, features },
        server,
        trusted,
    })
}

fn expect_magic<R: Read>(reader: &mut Reader<R>, expected: u64) -> Result<()> {
    reader.begin();
    match reader.number("the protocol's first number")? {
        found if found == expected => Ok(()),
        found => Err(ProtocolError::Magic { expected, found }),
    }
}

fn agree<R: Read>(reader: &mut Reader<R>) -> Result<Version> {
    let found = Version::from_wire(reader.number("the protocol's version")?)?;
    if found < MIN_VERSION {
        let min = MIN_VERSION;
        return Err(ProtocolError::TooOld { found, min });
    }
    Ok(found.min(OUR_VERSION))
}
