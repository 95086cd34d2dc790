//! A build of which the guest was not told yet.
//!
//! Contract: what its client says of it meanwhile is kept in order, within a bound, and comes after the build; that
//! it shall end ends the preparations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasibuild_vm_protocol::{Frame, Kind};

/// The most bytes that are kept of what is typed.
const EARLY: usize = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Preparing {
    stop: Arc<AtomicBool>,
    told: bool,
    later: Vec<Frame>,
    size: usize,
}

impl Preparing {
    /// What ends the preparations.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether they are to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the guest may speak of the build.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// The guest is told now.
    pub fn tell(&mut self) {
        self.told = true;
    }

    /// Keeps a frame for later.
    pub fn keep(&mut self, frame: Frame) {
        if frame.kind == Kind::Kill {
            self.stop.store(true, Ordering::Relaxed);
        }
        // The head, so that frames without a content are not for nothing.
        self.size = self.size.saturating_add(frame.content.len() + 16);
        if self.size <= EARLY || frame.kind == Kind::Kill {
            self.later.push(frame);
        }
    }

    /// What was kept since this was asked last.
    pub fn later(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_kept_within_a_bound_and_an_end_always() {
        let mut preparing = Preparing::default();
        let typed = |byte| Frame::new(Kind::Input, 1, vec![byte; 60 << 10]);
        for byte in 0..100 {
            preparing.keep(typed(byte));
        }
        assert!(!preparing.is_stopped());
        preparing.keep(Frame::new(Kind::Kill, 1, Vec::new()));
        assert!(preparing.is_stopped() && preparing.stop().load(Ordering::Relaxed));
        let later = preparing.later();
        assert_eq!(later.len(), 18);
        assert_eq!(later.first(), Some(&typed(0)));
        assert_eq!(later.last().map(|frame| frame.kind), Some(Kind::Kill));
        assert!(preparing.later().is_empty());
    }
}
