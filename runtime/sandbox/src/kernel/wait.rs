//! Waiting for children.

use super::process::State;
use super::{Kernel, Step};
use crate::errno::{Errno, Result};

impl Kernel {
    /// Takes an ended child's number and status: of `target`, or of any child (the lowest number
    /// first) if `None`. `no_hang` gives `(0, 0)` instead of waiting.
    ///
    /// # Errors
    /// `ECHILD` if there is no such child.
    pub fn wait(
        &mut self,
        pid: u32,
        target: Option<u32>,
        no_hang: bool,
    ) -> Result<Step<(u32, u32)>> {
        let mut any = false;
        let mut ended = None;
        for (child, process) in &self.processes {
            if process.parent != pid || target.is_some_and(|target| target != *child) {
                continue;
            }
            any = true;
            if let State::Ended(status) = &process.state {
                ended = Some((*child, status.code()));
                break;
            }
        }
        if let Some((child, code)) = ended {
            self.processes.remove(&child);
            return Ok(Step::Done((child, code)));
        }
        if !any {
            return Err(Errno::Child.into());
        }
        if no_hang {
            return Ok(Step::Done((0, 0)));
        }
        self.process_mut(pid)?.waits_for_child = true;
        self.block(pid, "waits for a child");
        Ok(Step::Blocked)
    }
}
