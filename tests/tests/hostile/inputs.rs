//! Attacks on the inputs of a build. `world` checks that the files the inputs were copied from are
//! as they were; here and by the store's verification so are the copies.

use super::guests::{Guest, probe};

#[test]
fn inputs_stay_what_they_are() {
    super::world::run(&table());
}

fn table() -> Vec<Guest> {
    vec![
        probe(
            "opens-inputs-for-writing",
            &[
                ("open 5 INPUT/file w", "! EACCES"),
                ("open 5 INPUT/file wt", "! EACCES"),
                ("open 5 INPUT/file rwa", "! EACCES"),
                ("open 5 INPUT/file rt", "! EACCES"),
                ("open 5 INPUT/new cw", "! EACCES"),
                ("open 5 INPUT/directory/new cw", "! EACCES"),
                ("mkdir 5 INPUT/directory/new", "! EACCES"),
                ("symlink x 5 INPUT/new", "! EACCES"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "changes-an-open-input",
            &[
                ("open 5 INPUT/file r", "= 6"),
                ("write 6 x", "! EBADF"),
                ("pwrite 6 0 x", "! EBADF"),
                ("truncate 6 0", "! EBADF"),
                ("allocate 6 0 100", "! EBADF"),
                ("ftimes 6 7 7 5", "! EPERM"),
                ("fchmod 6 0o777", "! EPERM"),
                ("open 5 dev/fd/3 w", "! EACCES"),
                ("read 6 5", "= \"input\""),
                ("open 5 OUT cw", "= 7"),
            ],
        ),
        probe(
            "removes-inputs",
            &[
                ("unlink 5 INPUT/file", "! EACCES"),
                ("unlink 5 INPUT/host", "! EACCES"),
                ("rmdir 5 INPUT/directory", "! EACCES"),
                ("rmdir 5 INPUT", "! EACCES"),
                ("unlink 5 PROBE", "! EPERM"),
                ("unlink 5 .PROBE", "! EACCES"),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "renames-over-inputs",
            &[
                ("open 4 mine cw", "= 6"),
                ("rename 4 mine 5 INPUT/file", "! EACCES"),
                ("rename 4 mine 5 .PROBE", "! EACCES"),
                ("rename 5 INPUT/file 4 stolen", "! EACCES"),
                ("rename 5 INPUT 4 stolen", "! EACCES"),
                ("rename 5 INPUT/file 5 INPUT/new", "! EACCES"),
                ("rename 5 INPUT 5 OUT", "! EACCES"),
                ("open 5 OUT cw", "= 7"),
            ],
        ),
        probe(
            "changes-modes-and-times-of-inputs",
            &[
                ("chmod 5 INPUT/file 0o777", "! EPERM"),
                ("chmod 5 INPUT 0o777", "! EPERM"),
                ("times 5 INPUT/file 7 7 5", "! EPERM"),
                ("times 5 INPUT 7 7 5", "! EPERM"),
                ("mode 5 INPUT/file", "= 444"),
                (
                    "stat 5 INPUT/file",
                    "= dev=1 type=4 links=1 size=6 atime=1 mtime=1 ctime=1",
                ),
                ("open 5 OUT cw", "= 6"),
            ],
        ),
        probe(
            "writes-through-links-in-its-output",
            &[
                ("mkdir 5 OUT", "= ok"),
                ("symlink /INPUT 5 OUT/input", "= ok"),
                ("open 5 OUT/input/file wt", "! EACCES"),
                ("unlink 5 OUT/input/file", "! EACCES"),
                ("chmod 5 OUT/input/file 0o777 f", "! EPERM"),
                ("chmod 5 OUT/input 0o777 f", "! EPERM"),
            ],
        ),
        probe(
            "lets-a-child-write",
            &[
                ("open 5 INPUT/file r", "= 6"),
                (
                    "spawn PROBE 1:1,0:6 write_0_x fchmod_0_0o777 unlink_5_.INPUT/file exit_3",
                    "= 2",
                ),
                ("wait 2", "= 2 0x3"),
                ("open 5 OUT cw", "= 7"),
            ],
        )
        .quiet(),
    ]
}
