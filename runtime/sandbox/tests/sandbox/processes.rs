//! Processes and pipes between them.

use crate::support::{Build, ENGINE, PROBE, executable, expect, module, probe, write};
use bstr::BString;
use std::sync::Arc;
use wasibuild_sandbox::{BuildError, LoadAnswer, Module, ProgramLoader, ProgramQuery, RunMemory};

/// `spawn` of the probe.
fn spawn(rest: &str) -> String {
    format!("spawn /nix/store/{PROBE} {rest}")
}

#[test]
fn a_child_gets_what_it_is_given_and_nothing_else() {
    let child = spawn("1:1 pid ppid env argc write_0_x write_2_x open_5_etc/passwd_r cwd");
    let log = probe(&["open 4 mine cw", &child, "wait -1", "wait -1"])
        .run()
        .log();
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        [
            "open 4 mine cw = 6",
            &format!("{child} = 2"),
            "pid = 2",
            "ppid = 1",
            "env = CHILD=yes",
            "argc = 9",
            "write 0 x ! EBADF",
            "write 2 x ! EBADF",
            "open 5 etc/passwd r = 0",
            "cwd = \"/build\"",
            "wait -1 = 2 0x0",
            "wait -1 ! ECHILD",
        ],
        "{log}"
    );
}

#[test]
fn statuses_tell_exits_from_signals() {
    let table: Vec<(String, &str)> = vec![
        (spawn("- exit_7"), "= 2"),
        ("wait 2".to_owned(), "= 2 0x7"),
        (spawn("- exit_300"), "= 3"),
        ("wait 3".to_owned(), "= 3 0x2c"),
        (spawn("- raise_15"), "= 4"),
        ("wait 4".to_owned(), "= 4 0x18f"),
        (spawn("- sleep_5 exit_1"), "= 5"),
        ("wait 5 1".to_owned(), "= 0 0x0"),
        ("kill 5 0".to_owned(), "= ok"),
        ("kill 5 9".to_owned(), "= ok"),
        ("wait 5".to_owned(), "= 5 0x189"),
        ("kill 5 9".to_owned(), "! ESRCH"),
        ("kill 1 99".to_owned(), "! EINVAL"),
        ("kill 1 17".to_owned(), "= ok"),
        ("wait 77".to_owned(), "! ECHILD"),
        ("ignore 9 1".to_owned(), "! EINVAL"),
        ("ignore 15 1".to_owned(), "= ok"),
        ("raise 15".to_owned(), "= ok"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(probe(&[]), &table);
}

#[test]
fn a_trap_of_a_child_is_a_status_and_a_line_in_the_log() {
    let child = spawn("- abort");
    let ran = probe(&[&child, "wait -1"]).run();
    let log = ran.log();
    assert!(
        log.contains("process 2 (child) trapped: wasm trap: wasm `unreachable`"),
        "{log}"
    );
    assert!(log.ends_with("wait -1 = 2 0x186\n"), "{log}");
}

#[test]
fn yes_into_head_ends() {
    let yes = spawn("1:7 yes_1");
    let table: Vec<(String, &str)> = vec![
        ("pipe".to_owned(), "= 6 7"),
        (yes, "= 2"),
        ("close 7".to_owned(), "= ok"),
        ("read 6 4".to_owned(), "= \"y\\ny\\n\""),
        ("close 6".to_owned(), "= ok"),
        ("wait 2".to_owned(), "= 2 0x18d"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(probe(&[]), &table);
}

#[test]
fn a_megabyte_goes_through_a_pipe_of_two_children() {
    let writer = spawn("1:7 fill_1_1000000");
    // Its answers must not go into the pipe: its output is the log.
    let reader = spawn("0:6,1:1 drain_0");
    let log = probe(&[
        "pipe", &writer, &reader, "close 6", "close 7", "wait 2", "wait 3",
    ])
    .run()
    .log();
    // "fill 1 1000000 = ok\n" follows the million bytes.
    assert!(log.contains("drain 0 = 1000020\n"), "{log}");
    assert!(log.contains("wait 3 = 3 0x0\n"), "{log}");
}

#[test]
fn an_ignored_sigpipe_is_an_error_and_is_inherited() {
    let child = spawn("1:1,9:7 yes_9");
    let table = [
        "ignore 13 1",
        "pipe",
        "close 6",
        "write 7 x",
        &child,
        "close 7",
        "wait -1",
    ];
    let log = probe(&table).run().log();
    assert!(log.contains("write 7 x ! EPIPE"), "{log}");
    assert!(log.contains("yes 9 ! EPIPE"), "{log}");
    assert!(log.ends_with("wait -1 = 2 0x0\n"), "{log}");
}

#[test]
fn children_share_open_files_with_their_parent() {
    let child = spawn("1:1,6:6 write_6_child");
    let table: Vec<(&str, &str)> = vec![
        ("open 4 a crw", "= 6"),
        ("write 6 one", "= 3"),
        (&child, "= 2"),
    ];
    let mut commands: Vec<&str> = table.iter().map(|(command, _)| *command).collect();
    commands.extend(["wait 2", "tell 6", "pread 6 20 0"]);
    let log = probe(&commands).run().log();
    assert!(
        log.ends_with("tell 6 = 8\npread 6 20 0 = \"onechild\"\n"),
        "{log}"
    );
}

#[test]
fn spawning_fails_as_execve_does() {
    let mut build = probe(&[]);
    let script = build.input("1a9p07z77phvv2hf6gm9f28syp39f1ag-scripts");
    write(&script.join("plain"), "echo\n");
    write(&script.join("text"), "echo\n");
    write(
        &script.join("loop"),
        "#!/nix/store/1a9p07z77phvv2hf6gm9f28syp39f1ag-scripts/loop\n",
    );
    write(&script.join("none"), "#!/no/such\n");
    write(&script.join("bad"), "\0asm\x01\0\0\0junk");
    for name in ["text", "loop", "none", "bad"] {
        executable(&script.join(name));
    }
    let dir = "/nix/store/1a9p07z77phvv2hf6gm9f28syp39f1ag-scripts";
    let table: Vec<(String, &str)> = vec![
        ("spawn /none -".to_owned(), "! ENOENT"),
        ("spawn /etc -".to_owned(), "! EACCES"),
        (format!("spawn {dir}/plain -"), "! EACCES"),
        (format!("spawn {dir}/text -"), "! ENOEXEC"),
        (format!("spawn {dir}/loop -"), "! ELOOP"),
        (format!("spawn {dir}/none -"), "! ENOENT"),
        (format!("spawn /nix/store/{PROBE} 4:1"), "! EINVAL"),
        (format!("spawn /nix/store/{PROBE} 1:99"), "! EBADF"),
        (format!("spawncwd /nix/store/{PROBE} - /none"), "! ENOENT"),
        (
            format!("spawncwd /nix/store/{PROBE} - /etc/passwd"),
            "! ENOTDIR",
        ),
        (format!("spawncwd /nix/store/{PROBE} - build"), "! EINVAL"),
        ("chdir /tmp".to_owned(), "= ok"),
        ("cwd".to_owned(), "= \"/tmp\""),
        ("cwd 2".to_owned(), "! ERANGE"),
        ("chdir /none".to_owned(), "! ENOENT"),
        ("chdir tmp".to_owned(), "! EINVAL"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(build, &table);
}

#[test]
fn an_interpreter_line_is_followed() {
    let mut build = probe(&[]);
    let script = build.input("1a9p07z77phvv2hf6gm9f28syp39f1ag-script");
    write(&script, &format!("#! /nix/store/{PROBE} argc\nignored\n"));
    executable(&script);
    let log = build
        .args(&[
            "spawn /nix/store/1a9p07z77phvv2hf6gm9f28syp39f1ag-script 1:1",
            "wait -1",
        ])
        .run()
        .log();
    // interpreter, its argument, the script's path (a command that fails: the child panics).
    assert!(log.contains("argc = 3\n"), "{log}");
}

#[test]
fn all_waiting_is_a_deadlock() {
    let child = spawn("1:1,8:6,9:7 read_8_1");
    let ran = probe(&["pipe", &child, "wait -1"]).run();
    let BuildError::Deadlock { waiting, .. } = ran.error() else {
        panic!("{}", ran.error());
    };
    assert_eq!(
        waiting,
        "process 1 (builder) waits for a child, process 2 (child) waits for data from a pipe"
    );
}

#[test]
fn timers_wake_in_their_order() {
    let (slow, fast) = (spawn("1:1 sleep_30 clock_1"), spawn("1:1 sleep_10 clock_1"));
    let log = probe(&[&slow, &fast, "wait -1", "wait -1"]).run().log();
    assert!(
        log.contains("wait -1 = 3 0x0\nsleep 30") || log.contains("sleep 10"),
        "{log}"
    );
    let (fast, slow) = (
        log.find("sleep 10 =").unwrap(),
        log.find("sleep 30 =").unwrap(),
    );
    assert!(fast < slow, "{log}");
}

#[test]
fn the_build_ends_with_its_first_process() {
    let child = spawn("1:1 yield yield sleep_1000 pid");
    let log = probe(&[&child]).run().log();
    assert!(!log.contains("\npid ="), "{log}");
}

/// A loader that knows one applet.
struct Applets(Module);

impl ProgramLoader for Applets {
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        let name = query
            .requested
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        let applet = name == b"probe-applet" && query.head.starts_with(b"\x7fELF");
        if applet || query.path == "/bin/sh" {
            LoadAnswer::Run(self.0.clone())
        } else {
            LoadAnswer::Foreign("no applet of this name".to_owned())
        }
    }
}

fn with_applets() -> Build {
    let applet = ENGINE.module(&crate::support::PROBE_WASM).unwrap();
    let mut build = probe(&[]).programs(Arc::new(Applets(applet)));
    let dir = build.input("1a9p07z77phvv2hf6gm9f28syp39f1ag-tools");
    write(&dir.join("bin/real"), "\x7fELF…");
    executable(&dir.join("bin/real"));
    std::os::unix::fs::symlink("real", dir.join("bin/probe-applet")).unwrap();
    build.request.bin = vec!["sh".to_owned()];
    build
}

const TOOLS: &str = "/nix/store/1a9p07z77phvv2hf6gm9f28syp39f1ag-tools/bin";

#[test]
fn an_applet_replaces_a_linux_program() {
    let applet = format!("spawn {TOOLS}/probe-applet 1:1 pid");
    let log = with_applets()
        .args(&[
            &applet,
            "wait -1",
            "spawn /bin/sh 1:1 pid",
            "wait -1",
            "stat 5 bin/sh",
        ])
        .run()
        .log();
    assert!(
        log.contains("\npid = 2\n") && log.contains("\npid = 3\n"),
        "{log}"
    );
    assert!(log.contains("stat 5 bin/sh = dev=1 type=4"), "{log}");
}

#[test]
fn a_foreign_program_ends_the_build_and_is_named() {
    let foreign = format!("spawncwd {TOOLS}/real - /tmp --flag");
    let ran = with_applets().args(&[&foreign]).run();
    let BuildError::Foreign { program, .. } = ran.error() else {
        panic!("{}", ran.error());
    };
    assert_eq!(program.program, BString::from(format!("{TOOLS}/real")));
    assert_eq!(
        program.argv,
        [BString::from("child"), BString::from("--flag")]
    );
    assert_eq!(program.cwd, "/tmp");
    assert_eq!(program.parent, 1);
    assert_eq!(program.parent_argv[0], "builder");
    let text = ran.error().to_string();
    assert!(
        text.contains("'test'") && text.contains("no applet of this name"),
        "{text}"
    );
}

#[test]
fn a_module_that_reads_only_its_number_starts() {
    let getpid = module(
        r#"(module
          (import "wasibuild_v1" "getpid" (func $getpid (param i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (drop (call $getpid (i32.const 0)))
            (call $exit (i32.add (i32.load (i32.const 0)) (i32.const 41)))))"#,
    );
    let ran = Build::new(getpid).run();
    assert!(
        matches!(ran.error(), BuildError::Exit { code: 42, .. }),
        "{}",
        ran.error()
    );
}

#[test]
fn an_answer_follows_from_the_module_and_the_question_alone() {
    let build = probe(&[
        "open 4 mine cw",
        "derive 99 abc read%200%2010 ls%204 env",
        "derive 99 abc read%200%2010 ls%204 env",
        "derive 3 abc read%200%2010",
        "derive 99 xyz read%200%2010",
        "derive 99 x derive%209%20y%20argc",
        "derive 99 x exit%203",
        "derive 99 x exit%203",
    ]);
    let log = build.env("MINE", "1").run().log();
    let seen: Vec<&str> = log
        .lines()
        .filter_map(|line| Some(line.split_once(' ')?.1))
        .collect();
    assert_eq!(seen.get(1), seen.get(2), "{log}");
    for wanted in [
        "read 0 10 = \\\"abc\\\"\\n",
        "env = \\n",
        "ENOTSUP",
        "= room ",
        "xyz",
    ] {
        assert!(log.contains(wanted), "no {wanted:?} in\n{log}");
    }
    assert!(!log.contains("mine\\"), "{log}");
    assert_eq!(log.matches("! EIO").count(), 2, "{log}");
}

#[test]
fn builds_of_a_run_remember_for_each_other_and_for_nobody_else() {
    let memory = Arc::new(RunMemory::default());
    let in_run = |commands: &[&str], memory: &Arc<RunMemory>| {
        let mut build = probe(commands);
        build.request.memory = Some(Arc::clone(memory));
        build.run().log()
    };
    let log = in_run(
        &[
            "recall 99 key",
            "remember key one",
            "remember key two",
            "remember key one",
            "remember long x 1048577",
            "recall 3 key",
        ],
        &memory,
    );
    assert!(log.contains("recall 99 key ! ENOENT"), "{log}");
    assert!(log.contains("1048577 ! ENOSPC"), "{log}");
    assert!(log.contains("recall 3 key = room 6"), "{log}");
    let log = in_run(&["recall 6 key", "recall 99 long"], &memory);
    assert!(log.contains("recall 6 key = \"onetwo\""), "{log}");
    assert!(log.contains("recall 99 long ! ENOENT"), "{log}");
    // Another run, no run, another module.
    let log = in_run(&["recall 99 key"], &Arc::default());
    assert!(log.contains("! ENOENT"), "{log}");
    let log = probe(&["recall 99 key", "remember key x"]).run().log();
    assert_eq!(log.matches("! ENOTSUP").count(), 2, "{log}");
    let other = module(
        r#"(module
          (import "wasibuild_v1" "recall" (func $recall (param i32 i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 8) "key")
          (func (export "_start") (call $exit
            (call $recall (i32.const 8) (i32.const 3) (i32.const 16) (i32.const 99) (i32.const 0)))))"#,
    );
    let mut build = Build::new(other);
    build.request.memory = Some(memory);
    let ran = build.run();
    // ENOENT
    assert!(
        matches!(ran.error(), BuildError::Exit { code: 44, .. }),
        "{}",
        ran.error()
    );
}
