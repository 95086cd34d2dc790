//! Standard input that ends when the program shall.
//!
//! Contract: reads what there is, and the end once the switch is thrown, also while it waits. (A
//! socket needs none of this: it can be shut down.)

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::realise::stop::Stop;

/// See the module.
#[derive(Debug)]
pub struct StoppableInput {
    input: File,
    stopped: UnixStream,
}

impl StoppableInput {
    /// What comes from `input` until `stop` is thrown.
    ///
    /// # Errors
    /// When the system gives no pair of sockets.
    pub fn new(input: File, stop: &Stop) -> io::Result<Self> {
        let (mut wake, stopped) = UnixStream::pair()?;
        stop.on_stop(move || {
            let _ = wake.write_all(b"s");
        });
        Ok(StoppableInput { input, stopped })
    }
}

impl Read for StoppableInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut descriptors = [
                PollFd::from_borrowed_fd(self.input.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.stopped.as_fd(), PollFlags::IN),
            ];
            match poll(&mut descriptors, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [input, stopped] = &descriptors;
            if !stopped.revents().is_empty() {
                return Ok(0);
            }
            if !input.revents().is_empty() {
                return self.input.read(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    #[test]
    fn it_reads_and_ends_when_told() {
        let (mut writer, reader) = UnixStream::pair().expect("a pair");
        let stop = Stop::new();
        let mut input = StoppableInput::new(OwnedFd::from(reader).into(), &stop).expect("an input");
        writer.write_all(b"abc").expect("room");
        let mut buffer = [0; 8];
        assert_eq!(input.read(&mut buffer).expect("bytes"), 3);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || input.read(&mut [0; 8]).expect("the end"));
            stop.stop();
            assert_eq!(waiting.join().expect("no panic"), 0);
        });
        drop(writer);
    }
}
