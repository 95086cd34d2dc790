//! Ways out of the view, each of which must end inside it.

use crate::support::{INPUT, OUT, expect, probe, probe_with_output, write};

#[test]
fn nothing_of_the_host_exists() {
    let build = probe(&[]);
    let host = build
        .inputs
        .path()
        .to_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    let open_host = format!("open 5 {host} r");
    expect(
        build,
        &[
            (&open_host, "! ENOENT"),
            ("open 5 proc/self/exe r", "! ENOENT"),
            ("open 5 etc/shadow r", "! ENOENT"),
            ("open 5 etc/hostname r", "! ENOENT"),
            ("open 5 usr/bin/env r", "! ENOENT"),
            ("open 5 bin/sh r", "! ENOENT"),
            ("open 5 sys r", "! ENOENT"),
            ("open 5 home r", "! ENOENT"),
            ("open 5 homeless-shelter r", "! ENOENT"),
            ("ls 5", "= .:3 ..:3 build:3 dev:3 etc:3 nix:3 tmp:3"),
            ("open 5 dev dr", "= 6"),
            (
                "ls 6",
                "= .:3 ..:3 fd:3 full:2 null:2 random:2 stderr:7 stdin:7 stdout:7 urandom:2 zero:2",
            ),
            ("env", "= "),
        ],
    );
}

#[test]
fn dots_and_links_never_leave_the_view() {
    expect(
        probe(&[]),
        &[
            ("open 5 .. dr", "= 6"),
            ("ls 6", "= .:3 ..:3 build:3 dev:3 etc:3 nix:3 tmp:3"),
            ("open 5 ../../../../etc dr", "= 7"),
            ("ls 7", "= .:3 ..:3 group:4 hosts:4 passwd:4"),
            ("open 3 ../../../../../../proc r", "! ENOENT"),
            ("open 3 .. dr", "= 8"),
            ("ls 8", "= .:3 ..:3 store:3"),
            ("symlink ../../../../../../../../etc 4 up", "= ok"),
            ("open 4 up/shadow r", "! ENOENT"),
            ("symlink /proc/1/root 4 proc", "= ok"),
            ("open 4 proc/etc/passwd r", "! ENOENT"),
            ("symlink / 4 root", "= ok"),
            ("open 4 root/root/build/root/etc dr", "! ENOENT"),
            ("open 4 root/build/root/etc/passwd r", "= 9"),
            ("open 4 /etc/passwd r", "! EPERM"),
            ("stat 4 /", "! EPERM"),
            ("mkdir 4 /x", "! EPERM"),
        ],
    );
}

#[test]
fn hostile_names_are_refused() {
    let long = format!("open 4 {} cw", "x".repeat(256));
    let fits = format!("open 4 {} cw", "x".repeat(255));
    let path = format!("open 4 {} r", "a/".repeat(2100));
    expect(
        probe(&[]),
        &[
            ("open 4 a%00b cw", "! EINVAL"),
            ("symlink x%00y 4 l", "! EINVAL"),
            ("open 4 %0a%ff%5c cw", "= 6"),
            (&long, "! ENAMETOOLONG"),
            (&fits, "= 7"),
            (&path, "! ENAMETOOLONG"),
            ("open 4 %2e%2e/etc/passwd r", "= 8"),
        ],
    );
}

#[test]
fn inputs_and_fixed_files_cannot_be_changed() {
    let mut build = probe_with_output();
    write(&build.input(INPUT).join("file"), "input");
    let at = |command: &str| command.replace('@', INPUT);
    let table: Vec<(String, &str)> = vec![
        (at("open 3 @/file w"), "! EACCES"),
        (at("open 3 @/file tr"), "! EACCES"),
        (at("open 3 @/new cw"), "! EACCES"),
        (at("mkdir 3 @/new"), "! EACCES"),
        (at("symlink x 3 @/new"), "! EACCES"),
        (at("unlink 3 @/file"), "! EACCES"),
        (at("rmdir 3 @"), "! EACCES"),
        (at("rename 3 @ 4 stolen"), "! EACCES"),
        (at("rename 3 @/file 4 stolen"), "! EACCES"),
        (at("link 3 @/file 4 linked"), "! EPERM"),
        ("open 4 mine cw".to_owned(), "= 6"),
        (at("rename 4 mine 3 @/file"), "! EACCES"),
        (at("rename 4 mine 3 @"), "! EACCES"),
        (at("chmod 3 @/file 0o777"), "! EPERM"),
        (at("times 3 @/file 7 7 5"), "! EPERM"),
        (at("access 3 @/file 2"), "! EACCES"),
        (at("access 3 @ 2"), "! EACCES"),
        (at("access 3 @/file 4"), "= ok"),
        // An input stays as it is; what the build makes, also an output, does not.
        (at("access 3 @ 8"), "= ok"),
        (at("access 3 @/file 8"), "= ok"),
        (at("access 3 @/file 12"), "= ok"),
        (at("access 3 @/file 10"), "! EACCES"),
        (at("access 3 @/nothing 8"), "! ENOENT"),
        (format!("mkdir 3 {OUT}"), "= ok"),
        (format!("access 3 {OUT} 8"), "! EACCES"),
        (format!("access 3 {OUT} 2"), "= ok"),
        ("access 4 . 8".to_owned(), "! EACCES"),
        ("access 3 . 8".to_owned(), "! EACCES"),
        (format!("rmdir 3 {OUT}"), "= ok"),
        (at("owner 3 @/file"), "= 65534:65534"),
        (at("open 3 @/file r"), "= 7"),
        ("fchmod 7 0o777".to_owned(), "! EPERM"),
        ("truncate 7 0".to_owned(), "! EBADF"),
        ("write 7 x".to_owned(), "! EBADF"),
        ("read 7 10".to_owned(), "= \"input\""),
        ("open 5 etc/passwd w".to_owned(), "! EACCES"),
        ("unlink 5 etc/passwd".to_owned(), "! EACCES"),
        ("mkdir 5 new".to_owned(), "! EACCES"),
        ("rmdir 5 build".to_owned(), "! EACCES"),
        ("rename 5 build 5 tmp/b".to_owned(), "! EACCES"),
        ("unlink 5 dev/null".to_owned(), "! EACCES"),
        (
            "mkdir 3 1b9p07z77phvv2hf6gm9f28syp39f1ag-other".to_owned(),
            "! EACCES",
        ),
        ("open 3 .lock cw".to_owned(), "! EACCES"),
        (format!("mkdir 3 {OUT}"), "= ok"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(build, &table);
}

#[test]
fn a_link_in_an_input_that_leads_to_the_host_leads_nowhere() {
    let mut build = probe(&[]);
    let secret = tempfile::NamedTempFile::new().unwrap();
    let root = build.input(INPUT);
    std::fs::create_dir_all(&root).unwrap();
    std::os::unix::fs::symlink(secret.path(), root.join("absolute")).unwrap();
    std::os::unix::fs::symlink("../../../../../../etc/hostname", root.join("relative")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("passwd")).unwrap();
    let absolute = format!("open 3 {INPUT}/absolute rf");
    let relative = format!("open 3 {INPUT}/relative rf");
    let passwd = format!("p=open 3 {INPUT}/passwd rf");
    expect(
        build,
        &[
            (&absolute, "! ENOENT"),
            (&relative, "! ENOENT"),
            (&passwd, "= 6"),
            ("read 6 15", "= \"root:x:0:0:Nix \""),
        ],
    );
}

#[test]
fn pointers_outside_the_memory_trap() {
    let ran = probe(&["badptr"]).run();
    let text = ran.error().to_string();
    assert!(text.contains("outside the guest's memory"), "{text}");
}
