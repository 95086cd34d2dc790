//! Files that are no builders: not WebAssembly, broken, or made for another machine.

use super::guests::{Guest, bytes, shared, text};

#[test]
fn what_is_no_builder_is_refused() {
    super::world::run(&table());
}

/// A command that imports one thing.
fn importing(import: &str) -> String {
    format!(r#"(module {import} (memory (export "memory") 1) (func (export "_start")))"#)
}

fn table() -> Vec<Guest> {
    let probe = std::fs::read(&shared().0).expect("the probe");
    let half = probe.get(..probe.len() / 2).unwrap_or_default().to_vec();
    let mut flipped = probe.clone();
    flipped
        .iter_mut()
        .skip(1000)
        .step_by(997)
        .for_each(|byte| *byte ^= 0x55);
    vec![
        bytes("is-empty", "").fails(&["cannot be started"]),
        bytes("is-a-text", "echo hello\n").fails(&["cannot be started"]),
        bytes("is-a-script", "#!/bin/sh\necho hello > $out\n").fails(&["cannot be started"]),
        bytes("is-for-linux", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".to_vec())
            .fails(&["cannot be started"]),
        bytes("is-a-magic-number", b"\0asm".to_vec()).fails(&["cannot be started"]),
        bytes("is-of-another-version", b"\0asm\x02\0\0\0".to_vec()).fails(&["cannot be started"]),
        bytes("is-cut-in-half", half).fails(&["cannot be started"]),
        bytes("has-flipped-bits", flipped).fails(&["cannot be started"]),
        // A section that says it has 4 GiB, a function body that says it has as many locals.
        bytes("lies-about-its-length", b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f".to_vec())
            .fails(&["cannot be started"]),
        bytes(
            "lies-about-its-locals",
            b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x0a\x01\x08\x01\xff\xff\xff\xff\x0f\x7f\x0b".to_vec(),
        )
        .fails(&["cannot be started"]),
        text("is-a-component", "(component)").fails(&["cannot be started"]),
        text("has-no-start", r#"(module (memory (export "memory") 1))"#).fails(&["_start"]),
        text("has-no-memory", r#"(module (func (export "_start")))"#).fails(&["memory"]),
        text("has-a-start-that-takes-arguments", r#"(module (memory (export "memory") 1) (func (export "_start") (param i32)))"#)
            .fails(&["without parameters"]),
        text("has-a-start-that-is-no-function", r#"(module (memory (export "memory") 1) (global (export "_start") i32 (i32.const 0)))"#)
            .fails(&["_start"]),
        text("imports-from-the-host", importing(r#"(import "env" "system" (func (param i32) (result i32)))"#))
            .fails(&["'env' 'system'", "docs/abi.md"]),
        text("imports-what-wasi-has-not", importing(r#"(import "wasi_snapshot_preview1" "sock_open" (func (param i32 i32 i32) (result i32)))"#))
            .fails(&["'wasi_snapshot_preview1' 'sock_open'", "docs/abi.md"]),
        text("imports-another-wasi", importing(r#"(import "wasi_unstable" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#))
            .fails(&["'wasi_unstable' 'fd_write'", "wasm32-wasip1"]),
        text("imports-a-wrong-type", importing(r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i64)))"#))
            .fails(&["fd_write"]),
        text("imports-a-function-as-a-global", importing(r#"(import "wasi_snapshot_preview1" "fd_close" (global i32))"#))
            .fails(&["fd_close"]),
        text("imports-its-memory", r#"(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) (func (export "_start")))"#)
            .fails(&["'env' 'memory'"]),
        text("imports-threads", importing(r#"(import "wasi" "thread-spawn" (func (param i32) (result i32)))"#))
            .fails(&["'wasi' 'thread-spawn'"]),
        text("has-shared-memory", r#"(module (memory (export "memory") 1 2 shared) (func (export "_start")))"#)
            .fails(&["cannot be started"]),
        text("has-a-memory-of-64-bits", r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#)
            .fails(&["cannot be started"]),
        text("traps-before-its-start", r#"(module (memory (export "memory") 1) (func $f unreachable) (start $f) (func (export "_start")))"#)
            .fails(&["trapped", "unreachable"]),
    ]
}
