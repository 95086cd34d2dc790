//! The sandbox from outside: guests that try everything, and what of it they may.

mod clocks;
mod closures;
mod descriptors;
mod determinism;
mod escape;
mod files;
mod first;
mod inputs;
mod limits;
mod modules;
mod outputs;
mod processes;
mod start;
mod support;
