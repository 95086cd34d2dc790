//! The sandbox from outside: guests that try everything, and what of it they may.

mod first;
mod support;
