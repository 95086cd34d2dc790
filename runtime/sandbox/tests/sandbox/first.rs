//! A builder that writes its output, and one that does not.

use crate::support::{Build, show};
use wasibuild_sandbox::BuildError;

/// Writes "hello" to the output, and a line to the log.
const HELLO: &str = r#"
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "1b9p07z77phvv2hf6gm9f28syp39f1ag-out")
  (data (i32.const 64) "hello\n")
  (data (i32.const 80) "\40\00\00\00\06\00\00\00")
  (func (export "_start")
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 36)
          (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0))
      (then unreachable))
    (if (call $fd_write (i32.load (i32.const 0)) (i32.const 80) (i32.const 1) (i32.const 8))
      (then unreachable))
    (if (call $fd_write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 8))
      (then unreachable))))
"#;

#[test]
fn a_builder_writes_its_output_and_its_log() {
    let ran = Build::wat(HELLO).run();
    assert_eq!(show(ran.out()), [": file \"hello\\n\""]);
    assert_eq!(ran.log(), "hello\n");
}

#[test]
fn an_output_that_was_not_made_is_named() {
    let ran =
        Build::wat("(module (memory (export \"memory\") 1) (func (export \"_start\")))").run();
    assert!(matches!(ran.error(), BuildError::MissingOutput { output, .. } if output == "out"));
}
