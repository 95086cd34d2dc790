//! The order in which bash lists the keys of an associative array.
//!
//! NixOS removes duplicate packages by such an array, so this order decides which of two packages
//! comes first. Bash 5 has 1,024 buckets, chosen by a 32-bit FNV-1 hash; in a bucket the newest key
//! is the first. (From 2,048 keys on bash would use more buckets; no system has as many packages
//! with units.)

use bstr::BString;

const BUCKETS: u32 = 1024;

/// The keys without duplicates, in bash's order.
pub fn unique(keys: &[BString]) -> Vec<BString> {
    let mut found: Vec<(u32, BString)> = Vec::new();
    for key in keys {
        let bucket = hash(key) & (BUCKETS - 1);
        let start = found.partition_point(|(other, _)| *other < bucket);
        let end = found.partition_point(|(other, _)| *other <= bucket);
        let known = found
            .get(start..end)
            .is_some_and(|chain| chain.iter().any(|(_, other)| other == key));
        if !known {
            found.insert(start, (bucket, key.clone()));
        }
    }
    found.into_iter().map(|(_, key)| key).collect()
}

/// FNV-1 with signed characters, as bash has it.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(2_166_136_261, |hash: u32, byte| {
        let signed = i32::from(byte.cast_signed());
        hash.wrapping_mul(16_777_619) ^ signed.cast_unsigned()
    })
}
