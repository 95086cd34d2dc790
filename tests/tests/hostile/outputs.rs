//! Outputs that are missing, misplaced, misnamed, or try to carry something out.

use super::guests::{Guest, probe};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[test]
fn only_canonical_outputs_are_kept() {
    super::world::run(&table());
}

/// Names and modes in a directory, sorted.
fn modes(directory: &Path) -> Vec<(String, u32)> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .expect("the output is a directory")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let mode = entry.metadata().expect("facts").mode();
            (
                entry.file_name().to_string_lossy().into_owned(),
                mode & 0o7777,
            )
        })
        .collect();
    all.sort();
    all
}

fn table() -> Vec<Guest> {
    let long = format!("open 6 {} cw", "x".repeat(255));
    let too_long = format!("open 6 {} cw", "x".repeat(256));
    vec![
        probe("leaves-no-output", &[("pid", "= 1")])
            .fails(&["did not create output 'out'", "must create every path"]),
        probe("removes-its-output", &[
            ("open 5 OUT cw", "= 6"),
            ("write 6 x", "= 1"),
            ("unlink 5 OUT", "= ok"),
        ])
        .fails(&["did not create output 'out'"]),
        probe("leaves-one-output-of-two", &[("open 5 OUT cw", "= 6")])
            .attributes("outputs = [ \"out\" \"dev\" ];")
            .fails(&["did not create output 'dev'"]),
        probe("makes-an-output-of-another-name", &[
            ("open 5 OUT-2 cw", "! EACCES"),
            ("open 3 out cw", "! EACCES"),
            ("mkdir 4 out", "= ok"),
        ])
        .fails(&["did not create output 'out'"]),
        probe("puts-its-output-below-a-link", &[
            ("mkdir 4 directory", "= ok"),
            ("symlink /build/directory 5 OUT", "= ok"),
            ("open 5 OUT/file cw", "= 6"),
        ])
        .check(|out| assert!(fs::symlink_metadata(out).expect("the output").is_symlink())),
        probe("output-is-a-link-to-itself", &[
            ("symlink /OUT 5 OUT", "= ok"),
            ("open 5 OUT rf", "! ELOOP"),
        ])
        .quiet(),
        probe("names-that-break-lines", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("open 6 a%0aerror:%20b cw", "= 7"),
            ("open 6 %1b%5b2J cw", "= 8"),
            ("open 6 %ff%fe cw", "= 9"),
            ("open 6 -rf cw", "= 10"),
            ("open 6 %20 cw", "= 11"),
        ])
        .check(|out| {
            for name in [&b"a\nerror: b"[..], b"\x1b[2J", b"\xff\xfe", b"-rf", b" "] {
                assert!(out.join(OsStr::from_bytes(name)).exists(), "{name:?}");
            }
        }),
        probe("names-that-lead-out", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("open 6 .. cw", "! EISDIR"),
            ("mkdir 6 ..", "! EEXIST"),
            ("mkdir 6 .", "! EEXIST"),
            ("symlink x 6 ..", "! EEXIST"),
            ("open 6 a%00b cw", "! EINVAL"),
            ("open 6 \"\" cw", "! ENOENT"),
            ("open 6 ../new cw", "! EACCES"),
            ("open 6 %2e%2e%2fnew cw", "! EACCES"),
        ])
        .check(|out| assert_eq!(modes(out), [])),
        probe("names-of-great-length", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            (&long, "= 7"),
            (&too_long, "! ENAMETOOLONG"),
        ])
        .check(|out| assert_eq!(modes(out)[0].0.len(), 255)),
        probe("names-that-differ-by-case", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("open 6 name cw", "= 7"),
            ("write 7 lower", "= 5"),
            ("open 6 NAME cwx", "= 8"),
            ("write 8 upper!", "= 6"),
            ("mkdir 6 Name", "= ok"),
        ])
        .check(|out| assert_eq!(modes(out).len(), 3)),
        probe("sets-user-and-group-ids", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("open 6 program cw", "= 7"),
            ("chmod 6 program 0o6777", "= ok"),
            ("mode 6 program", "= 6777"),
            ("mkdir 6 sticky", "= ok"),
            ("chmod 6 sticky 0o7777", "= ok"),
            ("open 6 none cw", "= 8"),
            ("chmod 6 none 0", "= ok"),
        ])
        .check(|out| {
            let expected = [("none", 0o444), ("program", 0o555), ("sticky", 0o555)];
            assert_eq!(modes(out), expected.map(|(name, mode)| (name.to_owned(), mode)));
            let facts = fs::metadata(out.join("program")).expect("facts");
            assert_eq!((facts.mtime(), facts.uid()), (1, fs::metadata(out).expect("facts").uid()));
        }),
        probe("keeps-hard-links", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("open 4 outside cw", "= 7"),
            ("link 4 outside 6 a", "= ok"),
            ("link 4 outside 6 b", "= ok"),
            ("rename 4 outside 6 c", "= ok"),
            ("write 7 late", "= 4"),
        ])
        .check(|out| {
            for name in ["a", "b", "c"] {
                assert_eq!(fs::read(out.join(name)).expect("a file"), b"late");
                assert_eq!(fs::metadata(out.join(name)).expect("facts").nlink(), 1, "{name}");
            }
        }),
        probe("makes-special-files", &[
            ("mkdir 5 OUT", "= ok"),
            ("open 5 OUT dr", "= 6"),
            ("link 5 dev/zero 6 zero", "! EPERM"),
            ("rename 5 dev/zero 6 zero", "! EACCES"),
            ("link 5 dev/stdout 6 log", "! EPERM"),
            ("symlink /dev/zero 6 zero", "= ok"),
        ])
        .check(|out| {
            let facts = fs::symlink_metadata(out.join("zero")).expect("the link");
            assert!(facts.is_symlink());
        }),
        probe("writes-to-an-output-after-the-end", &[
            ("open 5 OUT cw", "= 6"),
            ("spawn PROBE 0:6 sleep_1000000000 write_0_late", "= 2"),
            ("write 6 early", "= 5"),
        ])
        .check(|out| assert_eq!(fs::read(out).expect("the output"), b"early")),
        probe("refers-to-what-is-forbidden", &[
            ("symlink /INPUT 5 OUT", "= ok"),
        ])
        .attributes("disallowedReferences = [ input ];")
        .fails(&["-input", "disallowedReferences"]),
        probe("output-is-too-large", &[
            ("open 5 OUT cw", "= 6"),
            ("fill 6 5000", "= ok"),
        ])
        .attributes("__structuredAttrs = true; outputChecks.out.maxSize = 1000;")
        .fails(&["1000", "maxSize"]),
        probe("fixed-output-of-another-hash", &[
            ("open 5 OUT cw", "= 6"),
            ("write 6 other", "= 5"),
        ])
        .attributes("outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; outputHash = builtins.hashString \"sha256\" \"expected\";")
        .fails_with(102, &["hash mismatch"]),
        probe("fixed-output-is-a-link-to-a-file-of-that-hash", &[
            ("symlink /INPUT/file 5 OUT", "= ok"),
        ])
        .attributes("outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; outputHash = builtins.hashString \"sha256\" \"input\\n\";")
        .fails(&["regular file"]),
    ]
}
