//! Benchmarks: ratios against native twins and GNU tools.
