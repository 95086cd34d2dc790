//! What the host says.

use crate::fields::{Put, Take};
use crate::image::{self, Image};
use crate::spec::BuildSpec;
use crate::{Frame, Kind, ProtocolError, Result};

/// A message to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToGuest {
    /// The first: the version that the host speaks.
    Hello {
        /// See [`crate::VERSION`].
        version: u32,
    },
    /// Run a build. Its number is new.
    Build(u32, Box<BuildSpec>),
    /// End a build: all its processes are killed. Answered like an end by itself.
    Kill(u32),
    /// So many more bytes of log and archives of this build may be sent.
    Grant(u32, u64),
    /// Answer.
    Ping(u32),
    /// End everything and power off.
    Shutdown,
    /// What somebody typed; empty: the end.
    Input(u32, Vec<u8>),
    /// An image is on the disk. Its number is free.
    Image(Image),
    /// The image of this number is not needed any more; the number is free when this is done.
    DropImage(u64),
}

impl ToGuest {
    /// The frame that carries it.
    pub fn frame(&self) -> Frame {
        match self {
            ToGuest::Hello { version } => Frame::new(
                Kind::HostHello,
                0,
                Put::default().number(u64::from(*version)).end(),
            ),
            ToGuest::Build(build, spec) => Frame::new(Kind::Build, *build, spec.write()),
            ToGuest::Kill(build) => Frame::new(Kind::Kill, *build, Vec::new()),
            ToGuest::Grant(build, bytes) => {
                Frame::new(Kind::Grant, *build, Put::default().number(*bytes).end())
            }
            ToGuest::Ping(number) => Frame::new(Kind::Ping, *number, Vec::new()),
            ToGuest::Shutdown => Frame::new(Kind::Shutdown, 0, Vec::new()),
            ToGuest::Input(build, bytes) => Frame::new(Kind::Input, *build, bytes.clone()),
            ToGuest::Image(image) => Frame::new(Kind::Image, 0, image.write()),
            ToGuest::DropImage(number) => {
                Frame::new(Kind::DropImage, 0, Put::default().number(*number).end())
            }
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
        Ok(match kind {
            Kind::HostHello => {
                let version = take.number("the version")?;
                take.end("a greeting")?;
                let version = u32::try_from(version)
                    .map_err(|_| ProtocolError::malformed("the version", "too large"))?;
                none(build)?;
                ToGuest::Hello { version }
            }
            Kind::Build => ToGuest::Build(build, Box::new(BuildSpec::read(&content)?)),
            Kind::Kill => ToGuest::Kill(build),
            Kind::Grant => {
                let bytes = take.number("a grant")?;
                take.end("a grant")?;
                ToGuest::Grant(build, bytes)
            }
            Kind::Ping => ToGuest::Ping(build),
            Kind::Shutdown => {
                none(build)?;
                ToGuest::Shutdown
            }
            Kind::Input => ToGuest::Input(build, content),
            Kind::Image => {
                none(build)?;
                ToGuest::Image(Image::read(&content)?)
            }
            Kind::DropImage => {
                none(build)?;
                let number = image::number(&mut take)?;
                take.end("the end of an image")?;
                ToGuest::DropImage(number)
            }
            other => return Err(ProtocolError::WrongSide(other)),
        })
    }
}

/// Where no build is meant, its number is zero.
pub(crate) fn none(build: u32) -> Result<()> {
    if build == 0 {
        return Ok(());
    }
    Err(ProtocolError::malformed(
        "a message about no build",
        "it names one",
    ))
}
