//! Inputs as the guest sees them: canonical whatever the disk says.

use crate::support::{INPUT, PROBE, executable, expect, probe, write};

#[test]
fn inputs_have_canonical_metadata() {
    let mut build = probe(&[]);
    let root = build.input(INPUT);
    write(&root.join("dir/b"), "bytes");
    write(&root.join("dir/a"), "");
    write(&root.join("run"), "#!");
    executable(&root.join("run"));
    std::os::unix::fs::symlink("dir/b", root.join("link")).unwrap();
    let at = |command: &str| command.replace('@', INPUT);
    let store = format!("= .:3 ..:3 {INPUT}:3 {PROBE}:4");
    let table: Vec<(String, &str)> = vec![
        ("ls 3".to_owned(), store.as_str()),
        (
            at("stat 3 @"),
            "= dev=1 type=3 links=1 size=4096 atime=1 mtime=1 ctime=1",
        ),
        (
            at("stat 3 @/dir/b"),
            "= dev=1 type=4 links=1 size=5 atime=1 mtime=1 ctime=1",
        ),
        (
            at("stat 3 @/link"),
            "= dev=1 type=7 links=1 size=5 atime=1 mtime=1 ctime=1",
        ),
        (at("mode 3 @/dir/b"), "= 444"),
        (at("mode 3 @/run"), "= 555"),
        (at("mode 3 @/dir"), "= 555"),
        (at("readlink 3 @/link"), "= \"dir/b\""),
        (at("open 3 @/link rf"), "= 6"),
        ("read 6 9".to_owned(), "= \"bytes\""),
        ("seek 6 1 0".to_owned(), "= 1"),
        ("readv 6".to_owned(), "= 4 \"yt\" \"es\\0\""),
        (at("open 3 @ dr"), "= 7"),
        ("ls 7".to_owned(), "= .:3 ..:3 dir:3 link:7 run:4"),
        (at("open 3 @/dir/none r"), "! ENOENT"),
        (at("open 3 @/dir/b/c r"), "! ENOTDIR"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(build, &table);
}

#[test]
fn the_listing_and_the_lookup_agree_on_inode_numbers() {
    let mut build = probe(&[]);
    write(&build.input(INPUT).join("file"), "");
    let command = format!("ino 3 {INPUT}/file");
    let first = build.args(&[&command]).run().log();
    let mut other = probe(&[]);
    write(&other.input(INPUT).join("file"), "longer");
    assert_eq!(first, other.args(&[&command]).run().log());
}

#[test]
fn a_disk_that_folds_case_shows_exact_names_without_the_hack() {
    let mut build = probe(&[]);
    let root = build.input(INPUT);
    write(&root.join("name"), "lower");
    write(&root.join("Name~nix~case~hack~1"), "upper");
    build.request.folded_case = true;
    let at = |command: &str| command.replace('@', INPUT);
    let table: Vec<(String, &str)> = vec![
        (at("open 3 @ dr"), "= 6"),
        ("ls 6".to_owned(), "= .:3 ..:3 Name:4 name:4"),
        (at("open 3 @/Name r"), "= 7"),
        ("read 7 9".to_owned(), "= \"upper\""),
        (at("open 3 @/NAME r"), "! ENOENT"),
        (at("open 3 @/Name~nix~case~hack~1 r"), "! ENOENT"),
    ];
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    expect(build, &table);
}

#[test]
fn an_input_that_vanished_ends_the_build() {
    let mut build = probe(&[]);
    build.input(INPUT);
    let command = format!("open 3 {INPUT}/x r");
    let ran = build.args(&[&command]).run();
    let text = ran.error().to_string();
    assert!(text.contains(INPUT) && text.contains("verify"), "{text}");
}

#[test]
fn build_files_are_there_and_writable() {
    let mut build = probe(&[]);
    build
        .request
        .build_files
        .insert(".attrs.json".into(), "{}".into());
    expect(
        build,
        &[
            ("open 4 .attrs.json rw", "= 6"),
            ("read 6 9", "= \"{}\""),
            ("pwrite 6 1 x", "= 1"),
            ("pread 6 9 0", "= \"{x\""),
            ("mode 5 build", "= 700"),
            ("mode 5 tmp", "= 1777"),
            ("owner 5 build", "= 1000:100"),
        ],
    );
}

#[test]
fn the_fixed_files_are_those_of_nix() {
    expect(
        probe(&[]),
        &[
            ("open 5 etc/passwd r", "= 6"),
            (
                "read 6 500",
                "= \"root:x:0:0:Nix build user:/build:/noshell\\n\
                 nixbld:x:1000:100:Nix build user:/build:/noshell\\n\
                 nobody:x:65534:65534:Nobody:/:/noshell\\n\"",
            ),
            ("open 5 etc/group r", "= 7"),
            (
                "read 7 500",
                "= \"root:x:0:\\nnixbld:!:100:\\nnogroup:x:65534:\\n\"",
            ),
            ("open 5 etc/hosts r", "= 8"),
            ("read 8 500", "= \"127.0.0.1 localhost\\n::1 localhost\\n\""),
        ],
    );
}
