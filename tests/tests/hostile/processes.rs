//! Attacks with processes, pipes and descriptors.

use super::guests::{Guest, probe, text};

#[test]
fn processes_end_with_their_build() {
    super::world::run(&table());
}

/// A module that starts the program that its last argument names, with the same argument; then does
/// what stands for `REST`.
const BOMB: &str = r#"(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasibuild_v1" "spawn" (func $spawn (param i32 i32) (result i32)))
  (import "wasibuild_v1" "wait" (func $wait (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $length i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 128) (i32.const 1024)))
    ;; the path is the last argument, without its NUL
    (local.set $length (i32.sub (i32.sub (i32.add (i32.const 1024) (i32.load (i32.const 4)))
                                         (i32.load (i32.const 132))) (i32.const 1)))
    (i32.store (i32.const 200) (i32.load (i32.const 132))) (i32.store (i32.const 204) (local.get $length))
    ;; argv: the path twice
    (i32.store (i32.const 208) (i32.const 300)) (i32.store (i32.const 212) (i32.const 2))
    (i32.store (i32.const 300) (i32.load (i32.const 132))) (i32.store (i32.const 304) (local.get $length))
    (i32.store (i32.const 308) (i32.load (i32.const 132))) (i32.store (i32.const 312) (local.get $length))
    ;; directory: "/"
    (i32.store8 (i32.const 400) (i32.const 47))
    (i32.store (i32.const 224) (i32.const 400)) (i32.store (i32.const 228) (i32.const 1))
    (if (call $spawn (i32.const 200) (i32.const 260)) (then unreachable))
    REST))"#;

/// A guest that starts itself.
fn bomb(name: &'static str, rest: &str) -> Guest {
    // The module's path follows from its bytes; Nix puts it into the arguments.
    let file = format!("args = [ \"${{./guests/{name}.wasm}}\" ];");
    text(name, BOMB.replace("REST", rest)).attributes(&file)
}

fn table() -> Vec<Guest> {
    vec![
        bomb("fork-bomb",
            "(if (call $spawn (i32.const 200) (i32.const 260)) (then unreachable))
             (drop (call $wait (i32.const -1) (i32.const 0) (i32.const 500) (i32.const 504)))",
        )
        .options(&["--max-processes", "50"])
            .fails(&["limit of", "--max-processes"]),
        bomb("starts-itself-and-waits", "(drop (call $wait (i32.const -1) (i32.const 0) (i32.const 500) (i32.const 504)))")
            .fails(&["limit of", "512", "--max-processes"]),
        probe("leaves-an-endless-process", &[
            ("spawn PROBE - yield yield spin", "= 2"),
            ("open 5 OUT cw", "= 6"),
        ]),
        probe("leaves-a-sleeping-process", &[
            ("spawn PROBE - sleep_1000000000000 spin", "= 2"),
            ("open 5 OUT cw", "= 6"),
        ]),
        probe("waits-for-its-own-pipe", &[("pipe", "= 6 7"), ("read 6 1", "")])
            .quiet()
            .fails(&["wait for each other", "a pipe", "deadlock in the builder"]),
        probe("fills-its-own-pipe", &[("pipe", "= 6 7"), ("fill 7 100000", "")])
            .quiet()
            .fails(&["wait for each other", "a pipe", "deadlock in the builder"]),
        probe("two-wait-for-each-other", &[
            ("pipe", "= 6 7"),
            ("spawn PROBE 8:6,9:7 read_8_1", "= 2"),
            ("wait 2", ""),
        ])
        .quiet()
        .fails(&["waits for a child", "a pipe", "deadlock in the builder"]),
        probe("polls-for-ever", &[("pipe", "= 6 7"), ("poll 6 r", "")])
            .quiet()
            .fails(&["deadlock in the builder"]),
        probe("waits-for-nobody", &[
            ("wait -1", "! ECHILD"),
            ("wait 1", "! ECHILD"),
            ("wait 2", "! ECHILD"),
            ("open 5 OUT cw", "= 6"),
        ]),
        probe("kills-others", &[
            ("kill 2 9", "! ESRCH"),
            ("kill 999999 9", "! ESRCH"),
            ("kill 1 0", "= ok"),
            ("kill 1 99", "! EINVAL"),
            ("ignore 9 1", "! EINVAL"),
            ("open 5 OUT cw", "= 6"),
        ]),
        probe("kills-itself", &[("kill 1 9", "")]).quiet().fails(&["signal 9 (SIGKILL)"]),
        probe("kills-its-parent", &[("spawn PROBE - kill_1_15", "= 2"), ("wait 2", "")])
            .quiet()
            .fails(&["signal 15 (SIGTERM)"]),
        probe("closes-everything", &[
            ("open 5 OUT cw", "= 6"),
            ("close 0", "= ok"),
            ("close 3", "= ok"),
            ("close 4", "= ok"),
            ("close 5", "= ok"),
            ("open 5 etc/passwd r", "! EBADF"),
            ("close 5", "! EBADF"),
        ]),
        text("closes-its-log", r#"(module
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (drop (call $close (i32.const 0))) (drop (call $close (i32.const 1)))
              (drop (call $close (i32.const 2))) unreachable))"#)
            .fails(&["trapped"]),
        probe("writes-to-a-broken-pipe", &[("pipe", "= 6 7"), ("close 6", "= ok"), ("write 7 x", "")])
            .quiet()
            .fails(&["SIGPIPE"]),
        probe("runs-a-linux-program", &[
            ("open 4 program cw", "= 6"),
            ("write 6 %7fELF%02%01%01", "= 7"),
            ("chmod 4 program 0o755", "= ok"),
            ("spawn /build/program -", ""),
        ])
        .quiet()
        .fails_with(5, &["foreign program '/build/program'", "Nix on Linux"]),
        probe("runs-a-circle-of-scripts", &[
            ("open 4 a cw", "= 6"),
            ("write 6 #!/build/b%0a", "= 11"),
            ("open 4 b cw", "= 7"),
            ("write 7 #!/build/a%0a", "= 11"),
            ("chmod 4 a 0o755", "= ok"),
            ("chmod 4 b 0o755", "= ok"),
            ("spawn /build/a -", "! ELOOP"),
            ("open 5 OUT cw", "= 8"),
        ]),
        probe("runs-a-broken-module", &[
            ("open 4 module cw", "= 6"),
            ("write 6 %00asm%01%00%00%00%ff", "= 9"),
            ("chmod 4 module 0o755", "= ok"),
            ("spawn /build/module -", "! ENOEXEC"),
            ("open 5 OUT cw", "= 7"),
        ])
        // The reason is in the log, before the answer.
        .also_logs("offset 0x8)", 3),
        probe("gives-a-child-what-it-has-not", &[
            ("spawn PROBE 8:99 pid", "! EBADF"),
            ("spawn PROBE 3:1 pid", "! EINVAL"),
            ("spawn PROBE 4294967295:1 pid", "! EINVAL"),
            ("spawn /host/program - pid", "! ENOENT"),
            ("spawncwd PROBE - /HOST pid", "! ENOENT"),
            ("open 5 OUT cw", "= 6"),
        ]),
        probe("a-child-fills-the-disk", &[
            ("spawn PROBE - open_4_big_cw fill_0_200000000", "= 2"),
            ("wait 2", ""),
        ])
        .quiet()
        .options(&["--max-output-size", "100M"])
        .fails(&["--max-output-size"]),
        probe("a-child-prints-for-ever", &[("spawn PROBE 1:1 yes_1", "= 2"), ("wait 2", "")])
            .quiet()
            .options(&["--max-build-log-size", "1M", "--no-build-output"])
            .fails(&["--max-build-log-size"]),
    ]
}
