//! What a server says while it works: log lines, progress, the end, or an error.
//!
//! Contract: between a request and its answer come any number of these, the last being
//! [`Message::Last`] (the answer follows) or [`Message::Error`] (no answer follows). Log lines of a
//! build are [`Message::Result`]s of its activity, as Nix's clients expect that write them to their own
//! log (`nix log`). Counterpart: `TunnelLogger` in `src/libstore/daemon.cc`.

use std::io::{Read, Write};

use bstr::BString;

use crate::{ProtocolError, Reader, Result, Writer};

const NEXT: u64 = 0x6f6c_6d67;
const READ: u64 = 0x6461_7461;
const WRITE: u64 = 0x6461_7416;
const LAST: u64 = 0x616c_7473;
const ERROR: u64 = 0x6378_7470;
const START_ACTIVITY: u64 = 0x5354_5254;
const STOP_ACTIVITY: u64 = 0x5354_4f50;
const RESULT: u64 = 0x5253_4c54;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A line for the user.
    Next(BString),
    /// The server wants this many bytes of what the client sends. Not used since 1.23.
    Read(u64),
    /// The server sends bytes. Not used since 1.17.
    Write(BString),
    /// The work is done; the answer follows.
    Last,
    /// The work failed; no answer follows.
    Error(RemoteError),
    /// Something begins.
    StartActivity(Activity),
    /// It ended.
    StopActivity(u64),
    /// Something happened to it.
    Result {
        /// Which activity.
        activity: u64,
        /// What (`ResultType` in Nix); see [`Message::BUILD_LOG_LINE`].
        kind: u64,
        /// The details.
        fields: Vec<Field>,
    },
}

/// An error as the other side reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteError {
    /// How serious (`Verbosity` in Nix); 0 is an error.
    pub level: u64,
    /// What went wrong.
    pub message: BString,
    /// In the course of what, innermost first.
    pub traces: Vec<BString>,
}

/// Something that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its number, not zero.
    pub id: u64,
    /// How interesting (`Verbosity`).
    pub level: u64,
    /// What it is (`ActivityType`); see [`Message::BUILD`].
    pub kind: u64,
    /// What the user sees.
    pub text: BString,
    /// The details.
    pub fields: Vec<Field>,
    /// The activity of which it is a part; 0 for none.
    pub parent: u64,
}

/// A detail of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Number(u64),
    /// A string.
    Text(BString),
}

impl Message {
    /// The activity of building a derivation; its fields are the `.drv`, the machine's name, the round
    /// and the number of rounds.
    pub const BUILD: u64 = 105;
    /// The result that is a line of a build's log.
    pub const BUILD_LOG_LINE: u64 = 101;

    /// A line of the log of the build `activity`.
    pub fn log_line(activity: u64, line: impl Into<BString>) -> Self {
        Message::Result {
            activity,
            kind: Self::BUILD_LOG_LINE,
            fields: vec![Field::Text(line.into())],
        }
    }

    /// An error with a message.
    pub fn error(message: impl Into<BString>) -> Self {
        Message::Error(RemoteError {
            message: message.into(),
            ..RemoteError::default()
        })
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        match self {
            Message::Next(line) => {
                writer.number(NEXT)?;
                writer.bytes(line)
            }
            Message::Read(count) => {
                writer.number(READ)?;
                writer.number(*count)
            }
            Message::Write(bytes) => {
                writer.number(WRITE)?;
                writer.bytes(bytes)
            }
            Message::Last => writer.number(LAST),
            Message::Error(error) => {
                writer.number(ERROR)?;
                error.write(writer)
            }
            Message::StartActivity(activity) => {
                writer.number(START_ACTIVITY)?;
                writer.number(activity.id)?;
                writer.number(activity.level)?;
                writer.number(activity.kind)?;
                writer.bytes(&activity.text)?;
                write_fields(writer, &activity.fields)?;
                writer.number(activity.parent)
            }
            Message::StopActivity(id) => {
                writer.number(STOP_ACTIVITY)?;
                writer.number(*id)
            }
            Message::Result {
                activity,
                kind,
                fields,
            } => {
                writer.number(RESULT)?;
                writer.number(*activity)?;
                writer.number(*kind)?;
                write_fields(writer, fields)
            }
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When the connection fails, or it makes no sense.
    pub fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        reader.begin();
        Ok(match reader.number("a message")? {
            NEXT => Message::Next(reader.bytes("a line")?),
            READ => Message::Read(reader.number("a count of bytes")?),
            WRITE => Message::Write(reader.bytes("data")?),
            LAST => Message::Last,
            ERROR => Message::Error(RemoteError::read(reader)?),
            START_ACTIVITY => Message::StartActivity(Activity {
                id: reader.number("an activity")?,
                level: reader.number("an activity's level")?,
                kind: reader.number("an activity's type")?,
                text: reader.bytes("an activity's text")?,
                fields: read_fields(reader)?,
                parent: reader.number("an activity's parent")?,
            }),
            STOP_ACTIVITY => Message::StopActivity(reader.number("an activity")?),
            RESULT => Message::Result {
                activity: reader.number("an activity")?,
                kind: reader.number("a result's type")?,
                fields: read_fields(reader)?,
            },
            other => return Err(ProtocolError::UnknownMessage(other)),
        })
    }
}

impl RemoteError {
    fn write<W: Write>(&self, writer: &mut Writer<W>) -> Result<()> {
        writer.bytes("Error")?;
        writer.number(self.level)?;
        writer.bytes("Error")?; // A name, which Nix has not looked at since 2.4.
        writer.bytes(&self.message)?;
        writer.number(0)?; // No position.
        writer.list(&self.traces, |writer, trace| {
            writer.number(0)?;
            writer.bytes(trace)
        })
    }

    fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self> {
        let kind = reader.bytes("an error's kind")?;
        if kind != "Error" {
            return Err(ProtocolError::value("an error's kind", kind));
        }
        let level = reader.number("an error's level")?;
        reader.bytes("an error's name")?;
        let message = reader.bytes("an error's message")?;
        no_position(reader)?;
        let traces = reader.list("an error's traces", |reader| {
            no_position(reader)?;
            reader.bytes("an error's trace")
        })?;
        Ok(RemoteError {
            level,
            message,
            traces,
        })
    }
}

fn no_position<R: Read>(reader: &mut Reader<R>) -> Result<()> {
    match reader.number("an error's position")? {
        0 => Ok(()),
        _ => Err(ProtocolError::value(
            "an error's position",
            "positions are not supported",
        )),
    }
}

fn write_fields<W: Write>(writer: &mut Writer<W>, fields: &[Field]) -> Result<()> {
    writer.list(fields, |writer, field| match field {
        Field::Number(number) => {
            writer.number(0)?;
            writer.number(*number)
        }
        Field::Text(text) => {
            writer.number(1)?;
            writer.bytes(text)
        }
    })
}

fn read_fields<R: Read>(reader: &mut Reader<R>) -> Result<Vec<Field>> {
    reader.list("the fields", |reader| {
        Ok(match reader.number("a field's type")? {
            0 => Field::Number(reader.number("a field")?),
            1 => Field::Text(reader.bytes("a field")?),
            other => {
                return Err(ProtocolError::value(
                    "a field's type",
                    format!("expected 0 or 1, found {other}"),
                ));
            }
        })
    })
}
