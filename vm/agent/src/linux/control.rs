//! The virtio-serial port to the host.
//!
//! Contract: found by its name, opened once. Frames are written whole, by any thread. Where the host
//! has hung up, reading ends.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasibuild_vm_protocol::{FromGuest, PORT};

use super::{Result, Tried};

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
pub struct Sender(Arc<Mutex<File>>);

impl Sender {
    /// Sends one.
    pub fn send(&self, message: FromGuest) -> Result<()> {
        let mut port = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        message
            .frame()
            .write(&mut *port)
            .tried(|| "write to the host".to_owned())
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
        let writer = port.try_clone().tried(|| "copy the port".to_owned())?;
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
