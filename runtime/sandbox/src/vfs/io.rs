//! Bytes of regular files, under the build's bounds on size and memory.

use super::Vfs;
use super::WALL_CLOCK_NS;
use super::node::{Body, NodeId};
use crate::errno::{Errno, Result};
use crate::error::Fatal;
use crate::limits::LimitKind;
use std::io;

/// Largest file: 8 EiB − 1, as `off_t`.
const MAX_FILE: u64 = i64::MAX as u64;

impl Vfs {
    /// Reads at `offset`; 0 at the end. Files of inputs are read through their open descriptor,
    /// not here.
    pub fn read_at(&self, id: NodeId, offset: u64, buf: &mut [u8]) -> Result<usize> {
        match &self.node(id)?.body {
            Body::File(data) => Ok(data.read_at(offset, buf).map_err(host)?),
            Body::Device(_) => Ok(0),
            _ => Err(Errno::Isdir.into()),
        }
    }

    /// Writes all of `buf` at `offset`.
    pub fn write_at(&mut self, id: NodeId, offset: u64, buf: &[u8]) -> Result<()> {
        let end = offset
            .checked_add(buf.len() as u64)
            .filter(|end| *end <= MAX_FILE)
            .ok_or(Errno::Fbig)?;
        if buf.is_empty() {
            return Ok(());
        }
        self.change(id, |old| old.max(end), |data| data.write_at(offset, buf))
    }

    /// Cuts or extends a file.
    pub fn set_len(&mut self, id: NodeId, len: u64) -> Result<()> {
        if len > MAX_FILE {
            return Err(Errno::Fbig.into());
        }
        self.change(id, |_| len, |data| data.set_len(len))
    }

    /// Extends a file to at least `len` (`posix_fallocate`).
    pub fn allocate(&mut self, id: NodeId, len: u64) -> Result<()> {
        if len > MAX_FILE {
            return Err(Errno::Fbig.into());
        }
        if self.node(id)?.size() < len {
            self.set_len(id, len)?;
        }
        Ok(())
    }

    /// Changes a file's bytes, with the bounds checked first and the usage counted.
    fn change(
        &mut self,
        id: NodeId,
        new_len: impl Fn(u64) -> u64,
        apply: impl FnOnce(&mut super::data::Data) -> io::Result<()>,
    ) -> Result<()> {
        let node = self
            .nodes
            .get_mut(id.index())
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf)?;
        let usage = &mut self.usage;
        let Body::File(data) = &mut node.body else {
            return Err(Errno::Inval.into());
        };
        let (old, old_memory) = (data.len(), data.in_memory());
        let new = new_len(old);
        let bytes = (usage.bytes - old.min(usage.bytes)).saturating_add(new);
        if bytes > usage.limits.output_size {
            return Err(Fatal::Limit(LimitKind::OutputSize).into());
        }
        let others = usage.in_memory.saturating_sub(old_memory);
        let large =
            new > usage.limits.spill_file || others.saturating_add(new) > usage.limits.spill_total;
        if large {
            data.spill(usage.spill_dir.as_deref()).map_err(host)?;
        } else {
            data.own().map_err(host)?;
        }
        apply(data).map_err(host)?;
        usage.bytes = bytes;
        usage.in_memory = others.saturating_add(data.in_memory());
        node.times.modification = WALL_CLOCK_NS;
        node.times.change = WALL_CLOCK_NS;
        Ok(())
    }
}

/// A failed spill is the host's fault, never the guest's to see.
fn host(error: io::Error) -> Fatal {
    Fatal::Host(format!(
        "a file of the build cannot be kept in the temporary directory: {error}; \
         free space there or set TMPDIR"
    ))
}
