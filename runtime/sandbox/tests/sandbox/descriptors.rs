//! Descriptors: preopens, devices, duplicates, flags, pipes within one process, sockets.

use crate::support::{expect, probe};

#[test]
fn the_preopens_are_at_their_numbers() {
    expect(
        probe(&[]),
        &[
            ("prestat 3", "= /nix/store"),
            ("prestat 4", "= /build"),
            ("prestat 5", "= /"),
            ("prestat 6", "! EBADF"),
            ("prestat 0", "! EBADF"),
            ("fdstat 4", "= type=3 flags=0 read=0 write=0 seek=0 open=1"),
            ("close 4", "= ok"),
            ("open 5 build dr", "= 4"),
            ("prestat 4", "! EBADF"),
        ],
    );
}

#[test]
fn standard_descriptors_are_null_and_the_log() {
    expect(
        probe(&[]),
        &[
            ("read 0 10", "= \"\""),
            ("fdstat 0", "= type=2 flags=0 read=1 write=0 seek=1 open=1"),
            ("fdstat 1", "= type=2 flags=0 read=1 write=1 seek=0 open=1"),
            ("fdstat 2", "= type=2 flags=0 read=1 write=1 seek=0 open=1"),
            ("write 0 x", "! EBADF"),
            ("seek 1 0 0", "! ESPIPE"),
            ("pwrite 1 0 x", "! ESPIPE"),
            ("sync 1", "! EINVAL"),
        ],
    );
}

#[test]
fn open_descriptors_are_told() {
    expect(
        probe(&[]),
        &[
            ("next 0", "= 0"),
            ("next 3", "= 3"),
            ("next 6", "! EBADF"),
            ("dup 0 100", "= 100"),
            ("next 6", "= 100"),
            ("next 101", "! EBADF"),
            ("next 4294967295", "! EBADF"),
            ("close 100", "= ok"),
            ("next 6", "! EBADF"),
        ],
    );
}

#[test]
fn devices_do_what_they_do() {
    expect(
        probe(&[]),
        &[
            ("open 5 dev/null rw", "= 6"),
            ("read 6 5", "= \"\""),
            ("write 6 x", "= 1"),
            ("open 5 dev/zero rw", "= 7"),
            ("read 7 3", "= \"\\0\\0\\0\""),
            ("write 7 x", "= 1"),
            ("open 5 dev/full rw", "= 8"),
            ("read 8 1", "= \"\\0\""),
            ("write 8 x", "! ENOSPC"),
            ("pwrite 8 0 x", "! ENOSPC"),
            ("seek 7 5 0", "= 0"),
            ("truncate 7 0", "! EINVAL"),
            (
                "stat 5 dev/null",
                "= dev=1 type=2 links=1 size=0 atime=1 mtime=1 ctime=1",
            ),
            ("open 5 dev/fd/9 r", "! ENOENT"),
            ("open 5 dev/fd/x r", "! ENOENT"),
            ("open 5 dev/fd/00 r", "! ENOENT"),
            ("open 5 dev/stdout wf", "= 9"),
            ("open 5 dev/stdin wf", "! EACCES"),
        ],
    );
}

#[test]
fn dev_fd_has_posix_numbers() {
    expect(
        probe(&[]),
        &[
            ("open 4 a crw", "= 6"),
            ("write 6 text", "= 4"),
            ("open 5 dev/fd dr", "= 7"),
            ("ls 7", "= .:3 ..:3 0:7 1:7 2:7 3:7 4:7"),
            ("open 5 dev/fd/3 r", "= 8"),
            ("read 8 9", "= \"text\""),
            (
                "stat 5 dev/fd/3 f",
                "= dev=1 type=4 links=1 size=4 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("pipe", "= 9 10"),
            ("write 10 piped", "= 5"),
            ("open 5 dev/fd/6 r", "= 11"),
            ("read 11 9", "= \"piped\""),
            ("open 5 dev/fd/6 w", "! EACCES"),
        ],
    );
}

#[test]
fn duplicates_share_the_offset() {
    expect(
        probe(&[]),
        &[
            ("open 4 a crw", "= 6"),
            ("dup 6 0", "= 7"),
            ("dup 6 20", "= 20"),
            ("write 6 abc", "= 3"),
            ("tell 20", "= 3"),
            ("dup2 6 7", "= ok"),
            ("dup2 6 6", "= ok"),
            ("dup2 99 7", "! EBADF"),
            ("dup2 6 4294967295", "! EBADF"),
            ("dup 6 4294967295", "! EINVAL"),
            ("close 6", "= ok"),
            ("pread 7 9 0", "= \"abc\""),
            ("renumber 7 6", "! EBADF"),
            ("renumber 7 20", "= ok"),
            ("tell 7", "! EBADF"),
            ("tell 20", "= 3"),
            ("renumber 20 20", "= ok"),
            ("dup2 20 8", "= ok"),
            ("fdstat 8", "= type=4 flags=0 read=1 write=1 seek=1 open=1"),
        ],
    );
}

#[test]
fn a_pipe_holds_64_kib_and_ends() {
    expect(
        probe(&[]),
        &[
            ("pipe", "= 6 7"),
            ("setflags 6 4", "= ok"),
            ("setflags 7 4", "= ok"),
            ("read 6 1", "! EAGAIN"),
            ("fill 7 65536", "= ok"),
            ("write 7 x", "! EAGAIN"),
            ("poll 7 w 10", "= type=0 errno=0 bytes=0 flags=0"),
            ("poll 6 r 10", "= type=1 errno=0 bytes=65536 flags=0"),
            ("close 7", "= ok"),
            ("drain 6", "= 65536"),
            ("read 6 1", "= \"\""),
            ("poll 6 r", "= type=1 errno=0 bytes=0 flags=1"),
            ("poll 99 r", "= type=1 errno=8 bytes=0 flags=0"),
            ("seek 6 0 0", "! ESPIPE"),
            ("fdstat 6", "= type=0 flags=4 read=1 write=0 seek=0 open=1"),
        ],
    );
}

#[test]
fn there_are_no_sockets() {
    expect(
        probe(&[]),
        &[
            ("sock 1", "= ENOTSOCK ENOTSOCK ENOTSOCK ENOTSOCK"),
            ("sock 99", "= EBADF EBADF EBADF EBADF"),
        ],
    );
}
