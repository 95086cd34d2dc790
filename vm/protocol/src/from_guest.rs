//! What the guest says.

use bstr::BString;

use crate::fields::{Put, Take};
use crate::spec::{file_name, text};
use crate::to_guest::none;
use crate::{Frame, Kind, MAX_TEXT, ProtocolError, Result};

/// What a guest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestHello {
    /// See [`crate::VERSION`].
    pub version: u32,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: BString,
    /// Processors.
    pub processors: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// Whether `/dev/kvm` was opened and made a machine.
    pub kvm: bool,
    /// Milliseconds from the kernel's start to this message.
    pub uptime: u64,
}

/// How a builder ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With this status.
    Exited(u8),
    /// By this signal.
    Signalled(u8),
    /// [`crate::ToGuest::Kill`] ended it.
    Killed,
    /// It ran out of the memory that it may have.
    OutOfMemory,
    /// It was never started, or its outputs cannot be read: the agent's words.
    Failed(BString),
}

/// A message to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromGuest {
    /// The first.
    Hello(GuestHello),
    /// What a build printed.
    Log(u32, Vec<u8>),
    /// How its builder ended. Outputs follow after status 0; after another end, if it was asked for, what the
    /// builder left, named as the builder saw it: `build`, and base names of outputs.
    Ended(u32, Ending),
    /// An output's archive begins; its name.
    Output(u32, BString),
    /// A piece of it.
    Archive(u32, Vec<u8>),
    /// It is complete.
    OutputEnd(u32),
    /// Nothing more comes of this build; its number may be used again.
    Finished(u32),
    /// The answer to a ping.
    Pong(u32),
}

impl FromGuest {
    /// The frame that carries it.
    pub fn frame(self) -> Frame {
        match self {
            FromGuest::Hello(hello) => {
                let content = Put::default()
                    .number(u64::from(hello.version))
                    .string(cut(&hello.kernel))
                    .number(hello.processors)
                    .number(hello.memory)
                    .flag(hello.kvm)
                    .number(hello.uptime)
                    .end();
                Frame::new(Kind::GuestHello, 0, content)
            }
            FromGuest::Log(build, bytes) => Frame::new(Kind::Log, build, bytes),
            FromGuest::Ended(build, ending) => {
                let mut put = Put::default();
                match &ending {
                    Ending::Exited(status) => put.number(0).number(u64::from(*status)),
                    Ending::Signalled(signal) => put.number(1).number(u64::from(*signal)),
                    Ending::Killed => put.number(2),
                    Ending::OutOfMemory => put.number(3),
                    Ending::Failed(words) => put.number(4).string(cut(words)),
                };
                Frame::new(Kind::Ended, build, put.end())
            }
            FromGuest::Output(build, name) => {
                Frame::new(Kind::Output, build, Put::default().string(&name).end())
            }
            FromGuest::Archive(build, bytes) => Frame::new(Kind::Archive, build, bytes),
            FromGuest::OutputEnd(build) => Frame::new(Kind::OutputEnd, build, Vec::new()),
            FromGuest::Finished(build) => Frame::new(Kind::Finished, build, Vec::new()),
            FromGuest::Pong(number) => Frame::new(Kind::Pong, number, Vec::new()),
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// When its content is not what its kind demands, or it is for the other side.
    pub fn of(frame: Frame) -> Result<Self> {
        let Frame {
            kind,
            build,
            content,
        } = frame;
        let mut take = Take::new(&content);
        let message = match kind {
            Kind::GuestHello => {
                none(build)?;
                let version = take.number("the version")?;
                FromGuest::Hello(GuestHello {
                    version: u32::try_from(version)
                        .map_err(|_| ProtocolError::malformed("the version", "too large"))?,
                    kernel: short(text(take.string("the kernel")?, "the kernel")?)?,
                    processors: take.number("the processors")?,
                    memory: take.number("the memory")?,
                    kvm: take.flag("whether there is KVM")?,
                    uptime: take.number("the time since the start")?,
                })
            }
            Kind::Log => return Ok(FromGuest::Log(build, content)),
            Kind::Archive => return Ok(FromGuest::Archive(build, content)),
            Kind::Ended => FromGuest::Ended(build, ending(&mut take)?),
            Kind::Output => {
                FromGuest::Output(build, file_name(take.string("an output")?, "an output")?)
            }
            Kind::OutputEnd => FromGuest::OutputEnd(build),
            Kind::Finished => FromGuest::Finished(build),
            Kind::Pong => FromGuest::Pong(build),
            other => return Err(ProtocolError::WrongSide(other)),
        };
        take.end("a message of the guest")?;
        if let FromGuest::Hello(hello) = &message
            && hello.version != crate::VERSION
        {
            return Err(ProtocolError::Version {
                expected: crate::VERSION,
                found: hello.version,
            });
        }
        Ok(message)
    }
}

fn ending(take: &mut Take<'_>) -> Result<Ending> {
    const WHAT: &str = "how a build ended";
    let byte = |number: u64| {
        u8::try_from(number).map_err(|_| ProtocolError::malformed(WHAT, "a status above 255"))
    };
    Ok(match take.number(WHAT)? {
        0 => Ending::Exited(byte(take.number(WHAT)?)?),
        1 => Ending::Signalled(byte(take.number(WHAT)?)?),
        2 => Ending::Killed,
        3 => Ending::OutOfMemory,
        4 => Ending::Failed(short(take.string(WHAT)?)?),
        _ => return Err(ProtocolError::malformed(WHAT, "no way that is known")),
    })
}

/// A text that is not longer than one that would be sent.
fn short(text: BString) -> Result<BString> {
    if text.len() > MAX_TEXT as usize {
        return Err(ProtocolError::malformed("a text", "too long"));
    }
    Ok(text)
}

/// As much of a text as may be sent.
fn cut(text: &[u8]) -> &[u8] {
    text.get(..MAX_TEXT as usize).unwrap_or(text)
}
