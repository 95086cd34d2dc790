//! Builders that ask for more than there is, or never end. Each bound ends the build with a message
//! that names its option.

use super::guests::{Guest, probe, text};

#[test]
fn every_bound_ends_the_build() {
    super::world::run(&bounded());
}

#[test]
fn what_never_ends_is_ended() {
    super::world::run(&endless());
}

fn bounded() -> Vec<Guest> {
    vec![
        probe("makes-a-million-files", &[("mkdir 5 OUT", "= ok"), ("open 5 OUT dr", "= 6"), ("files 6", "")])
            .quiet()
            .fails(&["limit of", "1000000", "--max-files"]),
        probe("makes-many-files", &[("files 4", "")])
            .quiet()
            .options(&["--max-files", "1000"])
            .fails(&["limit of", "--max-files"]),
        probe("writes-a-huge-file", &[("open 5 OUT cw", "= 6"), ("fill 6 2000000000", "")])
            .quiet()
            .options(&["--max-output-size", "100M"])
            .fails(&["limit of", "--max-output-size"]),
        probe("makes-a-huge-hole", &[("open 5 OUT cw", "= 6"), ("truncate 6 1000000000000000", "")])
            .quiet()
            .fails(&["limit of", "--max-output-size"]),
        probe("writes-behind-a-huge-hole", &[("open 5 OUT cw", "= 6"), ("pwrite 6 1000000000000000 x", "")])
            .quiet()
            .fails(&["limit of", "--max-output-size"]),
        probe("reserves-a-huge-file", &[("open 5 OUT cw", "= 6"), ("allocate 6 0 1000000000000000", "")])
            .quiet()
            .fails(&["limit of", "--max-output-size"]),
        probe("sizes-that-overflow", &[
            ("open 5 OUT crw", "= 6"),
            ("truncate 6 -1", "! EFBIG"),
            ("pwrite 6 -1 x", "! EFBIG"),
            ("pread 6 10 -1", "= \"\""),
            ("seek 6 -1 0", "! EINVAL"),
            ("allocate 6 -1 -1", "! EINVAL"),
        ]),
        probe("prints-for-ever", &[("yes 1", "")])
            .quiet()
            .options(&["--max-build-log-size", "1M", "--no-build-output"])
            .fails(&["limit of", "--max-build-log-size"]),
        text("prints-one-endless-line", ENDLESS_LINE)
            .options(&["--max-build-log-size", "8M", "--no-build-output"])
            .fails(&["limit of", "--max-build-log-size"]),
        probe("opens-for-ever", &[("fds", "")]).quiet().fails(&["limit of", "4096", "--max-open-files"]),
        probe("grows-its-memory", &[("grow", "")])
            .quiet()
            .options(&["--max-memory", "64M"])
            .fails(&["limit of", "--max-memory"]),
        text("begins-with-too-much-memory", r#"(module (memory (export "memory") 65536) (func (export "_start")))"#)
            .fails(&["--max-memory"]),
        text("has-a-huge-table", r#"(module (memory (export "memory") 1) (table 4294967295 funcref) (func (export "_start")))"#)
            .fails(&["--max-memory"]),
        text("grows-its-table", r#"(module (memory (export "memory") 1) (table $t 1 funcref)
            (func (export "_start") (loop $again
              (drop (table.grow $t (ref.null func) (i32.const 100000000))) (br $again))))"#)
            .options(&["--timeout", "20"])
            .fails(&["--max-memory"]),
        text("has-data-beyond-its-memory", r#"(module (memory (export "memory") 1) (data (i32.const 65530) "0123456789") (func (export "_start")))"#)
            .fails(&["out of bounds"]),
        text("has-elements-beyond-its-table", r#"(module (memory (export "memory") 1) (table 1 funcref) (func $f) (elem (i32.const 1) $f) (func (export "_start")))"#)
            .fails(&["out of bounds"]),
        text("reads-beyond-its-memory", r#"(module (memory (export "memory") 1) (func (export "_start") (drop (i64.load (i32.const -4)))))"#)
            .fails(&["trapped", "out of bounds"]),
        probe("gives-pointers-beyond-its-memory", &[("badptr", "")]).quiet().fails(&["outside the guest's memory"]),
        text("gives-a-huge-vector", r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1)
            (func (export "_start") (if (i32.ne (call $w (i32.const 1) (i32.const 0) (i32.const 536870911) (i32.const 0)) (i32.const 28)) (then unreachable))))"#)
            // EINVAL, as beyond IOV_MAX on Linux; then it just ends.
        .fails(&["did not create output"]),
        text("gives-overlapping-vectors", OVERLAPPING)
            .options(&["--max-build-log-size", "1M", "--no-build-output"])
            .fails(&["limit of", "--max-build-log-size"]),
        text("recurses-for-ever", r#"(module (memory (export "memory") 1)
            (func $f (param i64) (result i64) (i64.add (call $f (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
            (func (export "_start") (drop (call $f (i64.const 0)))))"#)
            .fails(&["trapped", "call stack exhausted"]),
        probe("fills-its-shadow-stack", &[("recurse", "")]).quiet().fails(&["trapped"]),
        probe("aborts", &[("pid", "= 1"), ("abort", "")]).quiet().fails(&["trapped", "unreachable", "> pid = 1"]),
        text("divides-by-zero", r#"(module (memory (export "memory") 1) (func (export "_start") (drop (i32.div_u (i32.const 1) (i32.const 0)))))"#)
            .fails(&["trapped", "divide by zero"]),
        text("calls-what-is-not-there", r#"(module (memory (export "memory") 1) (table 1 funcref) (func (export "_start") (call_indirect (i32.const 0))))"#)
            .fails(&["trapped"]),
        probe("exits-with-one", &[("exit 1", "")]).quiet().fails(&["exit code 1"]),
        probe("exits-with-255", &[("exit 255", "")]).quiet().fails(&["exit code 255"]),
        // As on POSIX the low eight bits count, so that this ends well, but without an output.
        probe("exits-with-256", &[("exit 256", "")]).quiet().fails(&["did not create output"]),
        probe("fills-the-random-pool", &[("open 5 OUT cw", "= 6"), ("random 10000000", "")])
            .quiet()
            .options(&["--no-build-output", "--max-build-log-size", "1M"])
            .fails(&["--max-build-log-size"]),
    ]
}

fn endless() -> Vec<Guest> {
    vec![
        probe("spins", &[("spin", "")])
            .quiet()
            .options(&["--timeout", "1"])
            .fails_with(101, &["limit of", "--timeout"]),
        probe("is-silent", &[("spin", "")])
            .quiet()
            .options(&["--max-silent-time", "1"])
            .fails_with(101, &["limit of", "--max-silent-time"]),
        text("reads-the-clock-for-ever", r#"(module (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32))) (memory (export "memory") 1)
            (func (export "_start") (loop $again (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 0))) (br $again))))"#)
            .options(&["--timeout", "1"])
            .fails_with(101, &["--timeout"]),
        text("yields-for-ever", r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32))) (memory (export "memory") 1)
            (func (export "_start") (loop $again (drop (call $yield)) (br $again))))"#)
            .options(&["--timeout", "1"])
            .fails_with(101, &["--timeout"]),
        text("sleeps-for-ever", SLEEPER)
            .options(&["--timeout", "1"])
            .fails_with(101, &["--timeout"]),
        text("writes-nothing-for-ever", r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1)
            (func (export "_start") (loop $again
              (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))) (br $again))))"#)
            .options(&["--max-silent-time", "1"])
            .fails_with(101, &["--max-silent-time"]),
        probe("reads-zeros-for-ever", &[("open 5 dev/zero r", "= 6"), ("drain 6", "")])
            .options(&["--timeout", "1"])
            .quiet()
            .fails_with(101, &["--timeout"]),
        text("spins-before-its-start", r#"(module (memory (export "memory") 1)
            (func $spin (loop $again (br $again))) (start $spin) (func (export "_start")))"#)
            .options(&["--timeout", "1"])
            .fails_with(101, &["--timeout"]),
        text("spins-in-one-instruction", r#"(module (memory (export "memory") 16384)
            (func (export "_start") (loop $again
              (memory.fill (i32.const 0) (i32.const 1) (i32.const 1073741824)) (br $again))))"#)
            .options(&["--timeout", "1"])
            .fails_with(101, &["--timeout"]),
        // Sleeping takes no time: a century passes at once.
        probe("sleeps-for-a-century", &[
            ("sleep 3155760000000000000", "= type=0 errno=0 bytes=0 flags=0"),
            ("open 5 OUT cw", "= 6"),
        ])
        .options(&["--timeout", "30"]),
    ]
}

/// Writes 64 KiB of zeros without a line's end, again and again.
const ENDLESS_LINE: &str = r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 65536))
    (loop $again (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $again))))"#;

/// Writes the same MiB a thousand times in one call.
const OVERLAPPING: &str = r#"(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 32)
  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store (i32.mul (local.get $i) (i32.const 8)) (i32.const 65536))
      (i32.store offset=4 (i32.mul (local.get $i) (i32.const 8)) (i32.const 1048576))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
    (loop $again (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1000) (i32.const 32768))) (br $again))))"#;

/// Sleeps an hour, again and again.
const SLEEPER: &str = r#"(module (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (loop $again (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))) (br $again))))"#;
