//! Frames: a length, the number of a build, a kind, and the content.
//!
//! Contract: `length: u32`, `build: u32`, `kind: u8`, all little-endian, then `length` bytes. Each
//! kind has its own bound, so that a side that only streams cannot make the other keep much.

use std::io::{self, Read, Write};

use crate::{ProtocolError, Result};

/// The most bytes of a frame that carries a piece of a stream.
pub const MAX_CHUNK: u32 = 64 << 10;

/// The most bytes of a build's description: its variables, files and inputs.
pub const MAX_REQUEST: u32 = 64 << 20;

/// The most bytes of a text for people.
pub const MAX_TEXT: u32 = 4096;

pub const HEADER: usize = 9;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// To the guest: the version that the host speaks.
    HostHello = 1,
    /// To the guest: run a build.
    Build = 2,
    /// To the guest: end a build.
    Kill = 3,
    /// To the guest: so many more bytes of log and archives may come.
    Grant = 4,
    /// To the guest: say that you are there.
    Ping = 5,
    /// To the guest: end all builds and power off.
    Shutdown = 6,
    /// To the guest: bytes for the standard input of an interactive build; empty at its end.
    Input = 7,
    /// To the guest: an image of inputs is on the disk for images.
    Image = 8,
    /// To the guest: no build needs an image any more.
    DropImage = 9,
    /// To the host: the version that the guest speaks, and what it is.
    GuestHello = 65,
    /// To the host: bytes that a build printed.
    Log = 66,
    /// To the host: how a build's builder ended.
    Ended = 67,
    /// To the host: the archive of an output begins.
    Output = 68,
    /// To the host: bytes of that archive.
    Archive = 69,
    /// To the host: the archive is complete.
    OutputEnd = 70,
    /// To the host: nothing more comes of this build.
    Finished = 71,
    /// To the host: the answer to a ping.
    Pong = 72,
}

impl Kind {
    /// All kinds, for tests and tables.
    pub const ALL: [Kind; 17] = [
        Kind::HostHello,
        Kind::Build,
        Kind::Kill,
        Kind::Grant,
        Kind::Ping,
        Kind::Shutdown,
        Kind::Input,
        Kind::Image,
        Kind::DropImage,
        Kind::GuestHello,
        Kind::Log,
        Kind::Ended,
        Kind::Output,
        Kind::Archive,
        Kind::OutputEnd,
        Kind::Finished,
        Kind::Pong,
    ];

    /// The most bytes that a frame of this kind may have.
    pub fn limit(self) -> u32 {
        match self {
            Kind::Build => MAX_REQUEST,
            Kind::Log | Kind::Archive | Kind::Input => MAX_CHUNK,
            Kind::GuestHello | Kind::Ended | Kind::Output => MAX_TEXT + 64,
            Kind::HostHello | Kind::Grant | Kind::DropImage => 8,
            Kind::Image => 24,
            Kind::Kill
            | Kind::Ping
            | Kind::Shutdown
            | Kind::OutputEnd
            | Kind::Finished
            | Kind::Pong => 0,
        }
    }

    fn of(number: u8) -> Result<Self> {
        Kind::ALL
            .into_iter()
            .find(|kind| *kind as u8 == number)
            .ok_or(ProtocolError::UnknownKind(number))
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// The build that it is about; 0 where it is about none.
    pub build: u32,
    /// The content.
    pub content: Vec<u8>,
}

impl Frame {
    /// A frame.
    pub fn new(kind: Kind, build: u32, content: Vec<u8>) -> Self {
        Frame {
            kind,
            build,
            content,
        }
    }

    /// Reads the next frame; none if the stream ends before it.
    ///
    /// # Errors
    /// When the stream fails, ends inside the frame, or holds what is no frame.
    pub fn read(source: &mut impl Read) -> Result<Option<Frame>> {
        let mut header = [0_u8; HEADER];
        let mut filled = 0;
        while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match source.read(rest) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(ProtocolError::Truncated("the head of a frame")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let [l0, l1, l2, l3, b0, b1, b2, b3, kind] = header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let build = u32::from_le_bytes([b0, b1, b2, b3]);
        let kind = Kind::of(kind)?;
        let limit = kind.limit();
        if length > limit {
            return Err(ProtocolError::TooLong {
                kind,
                length,
                limit,
            });
        }
        let mut content = Vec::new();
        source
            .by_ref()
            .take(u64::from(length))
            .read_to_end(&mut content)?;
        if content.len() as u64 != u64::from(length) {
            return Err(ProtocolError::Truncated("the content of a frame"));
        }
        Ok(Some(Frame::new(kind, build, content)))
    }

    /// The head of the frame, were its content so long: at most what its kind allows.
    pub fn head(&self, length: usize) -> [u8; HEADER] {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let [l0, l1, l2, l3] = length.min(self.kind.limit()).to_le_bytes();
        let [b0, b1, b2, b3] = self.build.to_le_bytes();
        [l0, l1, l2, l3, b0, b1, b2, b3, self.kind as u8]
    }

    /// Writes the frame in one piece.
    ///
    /// # Errors
    /// When the stream fails, or the content is longer than its kind allows.
    pub fn write(&self, sink: &mut impl Write) -> Result<()> {
        let limit = self.kind.limit();
        let length = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
        if length > limit {
            return Err(ProtocolError::TooLong {
                kind: self.kind,
                length,
                limit,
            });
        }
        let mut bytes = Vec::with_capacity(HEADER + self.content.len());
        bytes.extend_from_slice(&self.head(self.content.len()));
        bytes.extend_from_slice(&self.content);
        sink.write_all(&bytes)?;
        Ok(())
    }
}
