//! Outputs as they reach the store.

use crate::support::{INPUT, OUT, PROBE, names, probe_with_output, show, write};
use wasibuild_sandbox::BuildError;

#[test]
fn an_output_is_a_canonical_tree() {
    let commands = [
        format!("mkdir 3 {OUT}"),
        format!("open 3 {OUT} dr"),
        "open 6 run cw".to_owned(),
        "write 7 #!".to_owned(),
        "chmod 6 run 0o6711".to_owned(),
        "open 6 group cw".to_owned(),
        "chmod 6 group 0o611".to_owned(),
        "link 6 run 6 again".to_owned(),
        "mkdir 6 sub".to_owned(),
        "symlink ../run 6 sub/link".to_owned(),
        "chmod 6 sub 0".to_owned(),
    ];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let ran = probe_with_output().args(&commands).run();
    assert_eq!(
        show(ran.out()),
        [
            ": directory",
            "/again: executable \"#!\"",
            "/group: file \"\"",
            "/run: executable \"#!\"",
            "/sub: directory",
            "/sub/link: link ../run",
        ]
    );
}

#[test]
fn an_output_may_be_a_link_and_may_be_moved_in() {
    let link = format!("symlink /nix/store/{INPUT} 3 {OUT}");
    assert_eq!(
        show(probe_with_output().args(&[&link]).run().out()),
        [format!(": link /nix/store/{INPUT}")]
    );
    let moved = format!("rename 4 made 3 {OUT}");
    let ran = probe_with_output()
        .args(&["open 4 made cw", "write 6 x", &moved])
        .run();
    assert_eq!(show(ran.out()), [": file \"x\""]);
}

#[test]
fn a_removed_output_is_missing() {
    let (open, unlink) = (format!("open 3 {OUT} cw"), format!("unlink 3 {OUT}"));
    let ran = probe_with_output().args(&[&open, &unlink]).run();
    assert!(
        matches!(ran.error(), BuildError::MissingOutput { .. }),
        "{}",
        ran.error()
    );
}

#[test]
fn large_files_spill_and_read_the_same() {
    let open = format!("open 3 {OUT} crw");
    let commands = [
        open.as_str(),
        "fill 6 300000",
        "pwrite 6 299999 END",
        "pread 6 5 299997",
        "truncate 6 300001",
    ];
    let spilled = tempfile::tempdir().unwrap();
    let mut build = probe_with_output()
        .args(&commands)
        .limits(|limits| limits.spill_file = 1000);
    build.request.spill_dir = Some(spilled.path().to_owned());
    let small = probe_with_output().args(&commands).run();
    let ran = build.run();
    assert_eq!(small.log(), ran.log());
    assert_eq!(show(small.out()), show(ran.out()));
    assert_eq!(names(spilled.path()).len(), 0, "no name is left");
    build.request.spill_dir = Some(spilled.path().join("vanished"));
    let text = build.run().error().to_string();
    assert!(
        text.contains("temporary directory") && text.contains("TMPDIR"),
        "{text}"
    );
}

#[test]
fn too_deep_an_output_is_refused_with_its_path() {
    let mut commands = vec![format!("mkdir 3 {OUT}"), format!("a=open 3 {OUT} dr")];
    for _ in 0..1100 {
        commands.extend([
            "mkdir $a d".to_owned(),
            "b=open $a d dr".to_owned(),
            "close $a".to_owned(),
        ]);
        commands.push("a=dup $b 0".to_owned());
        commands.push("close $b".to_owned());
    }
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let ran = probe_with_output().args(&commands).run();
    assert!(
        matches!(ran.error(), BuildError::Output { .. }),
        "{}",
        ran.error()
    );
    assert!(
        ran.error().to_string().contains("nested"),
        "{}",
        ran.error()
    );
}

#[test]
fn an_output_sees_its_inputs() {
    let mut build = probe_with_output();
    write(&build.input(INPUT).join("x"), "in");
    let commands = [
        "ls 3".to_owned(),
        format!("open 3 {OUT} cw"),
        "ls 3".to_owned(),
    ];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let log = build.args(&commands).run().log();
    assert!(
        log.ends_with(&format!("ls 3 = .:3 ..:3 {INPUT}:3 {OUT}:4 {PROBE}:4\n")),
        "{log}"
    );
}

#[test]
fn a_failure_shows_the_end_of_the_log() {
    let ran = probe_with_output().args(&["pid", "exit 3"]).run();
    assert!(matches!(ran.error(), BuildError::Exit { code: 3, .. }));
    assert_eq!(
        ran.error().to_string(),
        "builder of 'test' failed with exit code 3; the log ends with:\n  > pid = 1"
    );
}
