//! The build's log: what processes write to the descriptor that is the log, in order.
//!
//! Contract: bytes are kept as written; the scheduler hands them to the caller's sink before any
//! process runs on, so that the log streams; the end is kept for error messages. What was written
//! to standard error is handed on as such where that is another file than standard output, as
//! with a [`crate::Console`].

use crate::errno::Result;
use crate::error::Fatal;
use crate::limits::LimitKind;
use bstr::{BString, ByteSlice};
use std::collections::VecDeque;

/// Bytes of the log's end that errors show at most.
const TAIL_BYTES: usize = 8 * 1024;
/// Lines of the log's end that errors show at most (Nix's `log-lines` is 10, 25 since 2.24).
const TAIL_LINES: usize = 25;

/// Receives the log while the build runs.
pub trait LogSink {
    /// Bytes that a process of the build wrote to its standard output or error.
    fn write(&mut self, bytes: &[u8]);

    /// The same, where standard error is another file than standard output.
    fn write_error(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }
}

/// Which file was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Standard output; in a build, standard error as well.
    Output,
    /// Standard error with a console.
    Error,
}

impl LogSink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What was written and not yet handed on, and the end of it all.
pub struct Log {
    pending: Vec<u8>,
    /// Where the pending bytes went; bytes for another place are handed on in pieces of their own.
    pieces: Vec<(Channel, usize)>,
    total: u64,
    limit: u64,
    tail: VecDeque<u8>,
}

impl Log {
    /// An empty log of at most `limit` bytes.
    pub fn new(limit: u64) -> Log {
        Log {
            pending: Vec::new(),
            pieces: Vec::new(),
            total: 0,
            limit,
            tail: VecDeque::new(),
        }
    }

    /// Appends. What still fits below the limit is kept when it is passed.
    pub fn write(&mut self, channel: Channel, bytes: &[u8]) -> Result<()> {
        let room = usize::try_from(self.limit.saturating_sub(self.total)).unwrap_or(usize::MAX);
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or(bytes);
        self.pending.extend_from_slice(kept);
        match self.pieces.last_mut() {
            Some((last, len)) if *last == channel => *len += kept.len(),
            _ => self.pieces.push((channel, kept.len())),
        }
        self.total += kept.len() as u64;
        let end = kept
            .get(kept.len().saturating_sub(TAIL_BYTES)..)
            .unwrap_or(kept);
        self.tail.extend(end);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
        if kept.len() < bytes.len() {
            return Err(Fatal::Limit(LimitKind::LogSize).into());
        }
        Ok(())
    }

    /// Is there something to hand on?
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Hands on what is pending. Returns whether there was anything.
    pub fn drain(&mut self, sink: &mut dyn LogSink) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        let mut rest = self.pending.as_slice();
        for (channel, len) in self.pieces.drain(..) {
            let (piece, after) = rest.split_at(len.min(rest.len()));
            match channel {
                Channel::Output => sink.write(piece),
                Channel::Error => sink.write_error(piece),
            }
            rest = after;
        }
        self.pending.clear();
        true
    }

    /// Bytes written so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The last lines.
    pub fn tail(&self) -> BString {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let lines: Vec<&[u8]> = bytes.lines().collect();
        let last = lines.get(lines.len().saturating_sub(TAIL_LINES)..);
        BString::from(last.unwrap_or_default().join(&b"\n"[..]))
    }
}
