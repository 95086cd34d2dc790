//! The allocator of the wasm shell. An interpreter asks for very many small pieces that live
//! shortly; wasi-libc's `malloc` took a third of its time. Pieces up to 512 bytes come from lists of
//! free pieces of one size, 16 bytes apart, and go back there; larger ones are the system's.
//!
//! Contract: as [`GlobalAlloc`]. Memory that a size once took is used again for that size only, so at
//! most the sum of the sizes' peaks is held.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Sizes are multiples of this, and pieces are aligned to it.
const GRAIN: usize = 16;
/// How many sizes there are.
const SIZES: usize = 32;
/// What is taken from the system at a time.
const CHUNK: usize = 64 << 10;

/// A free piece: it holds the next one of its size.
struct Free {
    next: *mut Free,
}

struct Pools {
    free: [*mut Free; SIZES],
    /// The rest of the last chunk.
    rest: *mut u8,
    left: usize,
}

/// An allocator for one thread.
pub struct Memory(UnsafeCell<Pools>);

/// The index of the size that a layout needs; `None` if the system serves it.
fn size_index(layout: Layout) -> Option<usize> {
    let index = layout.size().div_ceil(GRAIN).wrapping_sub(1);
    (index < SIZES && layout.align() <= GRAIN).then_some(index)
}

impl Memory {
    /// An allocator that holds nothing yet.
    pub const fn new() -> Memory {
        Memory(UnsafeCell::new(Pools {
            free: [null_mut(); SIZES],
            rest: null_mut(),
            left: 0,
        }))
    }
}

impl Pools {
    /// A piece that was never used, of `size` bytes.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let Ok(layout) = Layout::from_size_align(CHUNK, GRAIN) else {
            return false;
        };
        // SAFETY: the layout has a size. What was left of the last chunk is given up: less than one
        // piece of the size asked for, 512 bytes at most.
        self.rest = unsafe { System.alloc(layout) };
        self.left = if self.rest.is_null() { 0 } else { CHUNK };
        self.left > 0
    }
}

// SAFETY: WebAssembly without threads runs one at a time; natively only a test uses it, on its own
// thread and its own value.
#[cfg(any(target_family = "wasm", test))]
unsafe impl Sync for Memory {}

// SAFETY: a piece is handed out once until it comes back: it is taken off its list, or is cut from
// the chunk. It is at least as large as asked for, and aligned to `GRAIN`, since chunks are and all
// sizes are multiples of it.
unsafe impl GlobalAlloc for Memory {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(index) = size_index(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: one thread, and nothing below calls back into this allocator.
        let pools = unsafe { &mut *self.0.get() };
        let Some(first) = pools.free.get_mut(index) else {
            return null_mut();
        };
        if !first.is_null() {
            let piece = *first;
            // SAFETY: what is on a list is a free piece, written by `dealloc`.
            *first = unsafe { (*piece).next };
            return piece.cast();
        }
        let size = (index + 1) * GRAIN;
        if pools.left < size && !pools.refill() {
            return null_mut();
        }
        let piece = pools.rest;
        // SAFETY: at least `size` bytes of the chunk are left.
        pools.rest = unsafe { piece.add(size) };
        pools.left -= size;
        piece
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(index) = size_index(layout) else {
            // SAFETY: the caller's promise; it came from the system.
            return unsafe { System.dealloc(pointer, layout) };
        };
        // SAFETY: one thread.
        let pools = unsafe { &mut *self.0.get() };
        if let Some(first) = pools.free.get_mut(index) {
            let piece: *mut Free = pointer.cast();
            // SAFETY: the piece is no longer used, and large and aligned enough for a pointer.
            unsafe { (*piece).next = *first };
            *first = piece;
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size fits the alignment.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (size_index(layout), size_index(new)) {
            (Some(old), Some(new)) if old == new => pointer,
            // SAFETY: both sizes are the system's.
            (None, None) => unsafe { System.realloc(pointer, layout, new_size) },
            _ => {
                // SAFETY: the new piece has room for what is copied, and is another one.
                unsafe {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        let len = layout.size().min(new_size);
                        std::ptr::copy_nonoverlapping(pointer, moved, len);
                        self.dealloc(pointer, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A piece, its layout, and the byte that fills it.
    type Held = (*mut u8, Layout, u8);

    fn check(held: &Held) -> Result<(), TestCaseError> {
        // SAFETY: the test holds the piece, which it filled.
        let bytes = unsafe { std::slice::from_raw_parts(held.0, held.1.size()) };
        prop_assert!(bytes.iter().all(|b| *b == held.2), "another piece overlaps");
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_do_not_overlap(steps in proptest::collection::vec((0u8..3, 1usize..700, 0u32..7, any::<proptest::sample::Index>()), 1..300)) {
            let memory = Memory::new();
            let mut held: Vec<Held> = Vec::new();
            for (at, (what, size, align, which)) in steps.into_iter().enumerate() {
                let fill = at as u8;
                if what == 0 || held.is_empty() {
                    let layout = Layout::from_size_align(size, 1 << align).expect("a layout");
                    // SAFETY: the layout has a size; the piece is filled as a whole.
                    let piece = unsafe { memory.alloc(layout) };
                    prop_assert_eq!(piece as usize % (1 << align), 0);
                    // SAFETY: the piece has that size.
                    unsafe { piece.write_bytes(fill, size) };
                    held.push((piece, layout, fill));
                    continue;
                }
                let piece = held.swap_remove(which.index(held.len()));
                check(&piece)?;
                if what == 1 {
                    // SAFETY: the piece came from there, with that layout.
                    unsafe { memory.dealloc(piece.0, piece.1) };
                    continue;
                }
                // SAFETY: as above.
                let moved = unsafe { memory.realloc(piece.0, piece.1, size) };
                let kept = size.min(piece.1.size());
                let kept_layout = Layout::from_size_align(kept, piece.1.align()).expect("a layout");
                check(&(moved, kept_layout, piece.2))?;
                // SAFETY: the piece has the new size.
                unsafe { moved.write_bytes(fill, size) };
                let layout = Layout::from_size_align(size, piece.1.align()).expect("a layout");
                held.push((moved, layout, fill));
            }
            for piece in &held {
                check(piece)?;
            }
        }
    }
}
