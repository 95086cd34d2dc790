//! The virtio-serial port to the host.
//!
//! Contract: found by its name, opened once. Frames are written whole, by any thread. Where the host
//! has hung up, reading ends. What is written goes through a pipe: the port's driver takes 32 KiB from a
//! `write`, and any number of pages from a `splice`, without copying them.

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{Frame, FromGuest, PORT};

use super::{Result, Tried, sys};

/// What is handed to the port's driver at a time: as much as a pipe may hold.
const PIPE: usize = 1 << 20;

const PORTS: &str = "/sys/class/virtio-ports";

/// The port.
#[derive(Debug)]
pub struct Control {
    /// What the host says.
    pub reader: PortReader,
    /// The way to say something.
    pub sender: Sender,
}

/// Sends messages; clones share the port.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Mutex<PortWriter>>);

impl Sender {
    /// Sends one.
    pub fn send(&self, message: FromGuest) -> Result<()> {
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        message
            .frame()
            .write(&mut *port)
            .tried(|| "write to the host".to_owned())
    }

    /// Sends a frame whose content is the next `count` bytes of a file, which are not copied.
    pub fn send_file(&self, frame: &Frame, file: &File, count: usize) -> io::Result<()> {
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        port.write_file(&frame.head(count), file, count)
    }
}

/// Writes to the port.
#[derive(Debug)]
struct PortWriter {
    port: File,
    /// Holds [`PIPE`] bytes.
    pipe: (PipeReader, PipeWriter),
}

impl PortWriter {
    fn open(port: File) -> io::Result<Self> {
        let pipe = io::pipe()?;
        sys::set_pipe_size(&pipe.1, PIPE)?;
        Ok(PortWriter { port, pipe })
    }

    /// Hands over what is in the pipe.
    fn hand_over(&mut self, mut left: usize) -> io::Result<()> {
        while left > 0 {
            match sys::splice(&self.pipe.0, &self.port, left)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                moved => left = left.saturating_sub(moved),
            }
        }
        Ok(())
    }

    /// A frame's head, and its content from a file. All of it is in the pipe before any of it is sent, so that
    /// a file that is too short does no harm to the stream.
    fn write_file(&mut self, head: &[u8], file: &File, count: usize) -> io::Result<()> {
        self.pipe.1.write_all(head)?;
        let mut left = count;
        while left > 0 {
            match sys::splice(file, &self.pipe.1, left) {
                Ok(moved @ 1..) => left = left.saturating_sub(moved),
                end => {
                    *self = PortWriter::open(self.port.try_clone()?)?;
                    end?;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        self.hand_over(head.len() + count)
    }
}

impl Write for PortWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.pipe.1.write(bytes.get(..PIPE).unwrap_or(bytes))?;
        self.hand_over(count)?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads the port. Until the host's side is open, the port answers with an end; that is waited out.
#[derive(Debug)]
pub struct PortReader {
    port: File,
    begun: bool,
    patience: Duration,
}

impl Read for PortReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        loop {
            let count = self.port.read(buffer)?;
            if count > 0 {
                self.begun = true;
            } else if !self.begun && start.elapsed() < self.patience {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            return Ok(count);
        }
    }
}

impl Control {
    /// Opens the port as soon as it is there.
    pub fn open(patience: Duration) -> Result<Self> {
        let start = Instant::now();
        let place = loop {
            if let Some(place) = find() {
                break place;
            }
            if start.elapsed() > patience {
                return Err(format!("the port '{PORT}' did not appear in '{PORTS}'"));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let port = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&place)
            .tried(|| format!("open '{}'", place.display()))?;
        let copy = port.try_clone().tried(|| "copy the port".to_owned())?;
        let writer = PortWriter::open(copy).tried(|| "make a pipe to the port".to_owned())?;
        Ok(Control {
            reader: PortReader {
                port,
                begun: false,
                patience,
            },
            sender: Sender(Arc::new(Mutex::new(writer))),
        })
    }
}

/// The device of the port.
fn find() -> Option<PathBuf> {
    for entry in fs::read_dir(PORTS).ok()? {
        let entry = entry.ok()?;
        let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        if name.trim_end() == PORT {
            let device = PathBuf::from("/dev").join(entry.file_name());
            return device.exists().then_some(device);
        }
    }
    None
}
