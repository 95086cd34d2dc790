//! How deep recursion may go: by the stack that it takes, not by counting levels, because a level of
//! `while … case … if` takes five times what a plain call takes.
//!
//! In wasm there are two stacks: the one in linear memory, which the shell can measure and whose size
//! it chooses (`build.rs`), and the host's of 8 MiB (`docs/abi.md`), which it cannot. Measured over
//! forty kinds of nesting (`tests/tests/shell_builds/recursion.rs` repeats them), the host's is used 0.7 to
//! 2.1 times as fast. So at 2.5 MiB of the first there is room on both: for what is done between
//! two checks, and for processors with larger frames.

use std::cell::Cell;

/// Bytes of stack that recursion may take.
const BUDGET: usize = if cfg!(target_family = "wasm") {
    5 << 19
} else {
    3 << 28
};

thread_local! {
    /// Where the stack was when the shell began.
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// The address of this function's frame.
#[inline(never)]
fn here() -> usize {
    let mark = 0u8;
    std::hint::black_box(&raw const mark).addr()
}

/// Says that the stack is as good as unused here.
pub fn start() {
    BASE.set(here());
}

/// Is what recursion may take used up?
pub fn is_used_up() -> bool {
    let base = BASE.get();
    base != 0 && base.abs_diff(here()) > BUDGET
}
