//! Comparison of bytes for the wasm shell. wasi-libc's `memcmp` goes byte by byte, and an interpreter
//! that looks names up spends a tenth of its time there. This one takes eight at a time.
//!
//! Contract: as `memcmp(3)`. The linker takes this definition before the library's.

/// As `memcmp(3)`.
///
/// # Safety
/// Both pointers lead to `count` bytes that can be read.
#[cfg_attr(target_family = "wasm", unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    let mut at = 0;
    while count - at >= 8 {
        // SAFETY: eight bytes from `at` on are within both.
        let (a, b) = unsafe {
            (
                left.add(at).cast::<u64>().read_unaligned(),
                right.add(at).cast::<u64>().read_unaligned(),
            )
        };
        if a != b {
            // The first byte in memory decides.
            return if u64::from_be(a) < u64::from_be(b) {
                -1
            } else {
                1
            };
        }
        at += 8;
    }
    while at < count {
        // SAFETY: `at` is within both.
        let (a, b) = unsafe { (*left.add(at), *right.add(at)) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::memcmp;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bytes_are_ordered(
            same in proptest::collection::vec(any::<u8>(), 0..40),
            left in proptest::collection::vec(0u8..3, 0..3),
            right in proptest::collection::vec(0u8..3, 0..3),
            offset in 0usize..8,
        ) {
            let long = |end: &[u8]| [&vec![0; offset], same.as_slice(), end].concat();
            let (left, right) = (long(&left), long(&right));
            let count = left.len().min(right.len());
            // SAFETY: both have as many bytes.
            let found = unsafe { memcmp(left.as_ptr(), right.as_ptr(), count) };
            prop_assert_eq!(found.cmp(&0), left[..count].cmp(&right[..count]));
        }
    }
}
