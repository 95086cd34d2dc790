//! The same request gives the same bytes and the same log, wherever and however often it runs.

use crate::support::{INPUT, OUT, PROBE, probe_with_output, show, write};
use std::collections::BTreeSet;

/// A request that uses everything that could differ.
fn busy() -> (String, Vec<String>) {
    let mut build = probe_with_output();
    let root = build.input(INPUT);
    for name in ["zeta", "alpha", "mid", "Beta"] {
        write(&root.join(name), name);
    }
    let commands = [
        format!("mkdir 3 {OUT}"),
        format!("open 3 {OUT}/file cw"),
        "write 6 hello".to_owned(),
        format!("symlink /nix/store/{INPUT}/alpha 3 {OUT}/link"),
        format!("open 3 {INPUT} dr"),
        "ls 7".to_owned(),
        format!("ino 3 {INPUT}/zeta"),
        format!("ino 3 {OUT}/file"),
        "random 32".to_owned(),
        "clock 1".to_owned(),
        "pipe".to_owned(),
        format!("spawn /nix/store/{PROBE} 1:9 fill_1_300000 random_8"),
        format!("spawn /nix/store/{PROBE} 0:8,1:1 drain_0 random_8 clock_1"),
        format!("spawn /nix/store/{PROBE} 1:1 sleep_5 clock_1 yield random_4"),
        "close 8".to_owned(),
        "close 9".to_owned(),
        "wait -1".to_owned(),
        "wait -1".to_owned(),
        "wait -1".to_owned(),
        "fstat 6".to_owned(),
        "env".to_owned(),
    ];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let build = build.args(&commands).env("b", "2").env("a", "1");
    let ran = build.run();
    (ran.log(), show(ran.out()))
}

#[test]
fn the_same_request_gives_the_same_log_and_bytes() {
    let (log, tree) = busy();
    assert!(log.contains("env = a=1 b=2\n"), "{log}");
    for _ in 0..10 {
        let (other_log, other_tree) = busy();
        assert_eq!(log, other_log);
        assert_eq!(tree, other_tree);
    }
}

#[test]
fn builds_on_several_threads_do_not_disturb_each_other() {
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(busy)).collect();
    let found: BTreeSet<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn nan_bits_are_canonical() {
    let ran = crate::support::Build::wat(
        r#"(module
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (f32.store (i32.const 0) (f32.const 0))
            (call $exit (i32.eq
              (i32.reinterpret_f32 (f32.div (f32.load (i32.const 0)) (f32.load (i32.const 0))))
              (i32.const 0x7fc00000)))))"#,
    )
    .run();
    assert!(
        ran.error().to_string().contains("exit code 1"),
        "{}",
        ran.error()
    );
}
