//! Binary caches that real Nix wrote, read through this package, whole and damaged.
//!
//! Contract: nothing reaches beyond loopback; without Nix the tests say SKIPPED.

mod closures;
mod damage;
mod encoders;
mod formats;
mod http;
mod network;
mod support;
mod trust;
