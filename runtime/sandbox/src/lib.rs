//! The deterministic sandbox: wasmtime, a file system of its own, WASI preview 1, processes.
