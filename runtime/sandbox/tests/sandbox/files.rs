//! Files and directories of the builder's own, as Linux treats them.

use crate::support::{expect, probe};

#[test]
fn a_file_is_written_sought_cut_and_read() {
    expect(
        probe(&[]),
        &[
            ("open 4 a cw", "= 6"),
            ("write 6 hello", "= 5"),
            ("tell 6", "= 5"),
            ("seek 6 10 0", "= 10"),
            ("write 6 end", "= 3"),
            ("read 6 1", "! EBADF"),
            ("close 6", "= ok"),
            ("open 4 a rw", "= 6"),
            ("read 6 20", "= \"hello\\0\\0\\0\\0\\0end\""),
            ("read 6 20", "= \"\""),
            ("pread 6 3 1", "= \"ell\""),
            ("pwrite 6 0 J", "= 1"),
            ("seek 6 -13 2", "= 0"),
            ("readv 6", "= 5 \"Je\" \"llo\""),
            ("seek 6 -1 0", "! EINVAL"),
            ("seek 6 0 7", "! EINVAL"),
            ("truncate 6 3", "= ok"),
            ("pread 6 9 0", "= \"Jel\""),
            ("truncate 6 5", "= ok"),
            ("pread 6 9 0", "= \"Jel\\0\\0\""),
            ("allocate 6 4 6", "= ok"),
            ("allocate 6 0 0", "! EINVAL"),
            ("seek 6 0 2", "= 10"),
            ("advise 6 0 10 2", "= ok"),
            ("advise 6 0 10 9", "! EINVAL"),
            ("sync 6", "= ok"),
            ("datasync 6", "= ok"),
            ("truncate 6 9223372036854775808", "! EFBIG"),
            ("close 6", "= ok"),
            ("close 6", "! EBADF"),
        ],
    );
}

#[test]
fn appending_writes_at_the_end_whatever_the_offset() {
    expect(
        probe(&[]),
        &[
            ("open 4 a crw", "= 6"),
            ("open 4 a rwa", "= 7"),
            ("write 6 one", "= 3"),
            ("write 7 two", "= 3"),
            ("seek 7 0 0", "= 0"),
            ("write 7 three", "= 5"),
            ("pread 6 20 0", "= \"onetwothree\""),
            ("setflags 7 0", "= ok"),
            ("pwrite 7 0 O", "= 1"),
            ("pread 6 20 0", "= \"Onetwothree\""),
            ("setflags 7 2", "! EINVAL"),
            ("setrights 7", "! ENOTSUP"),
        ],
    );
}

#[test]
fn opening_follows_the_flags() {
    expect(
        probe(&[]),
        &[
            ("open 4 a r", "! ENOENT"),
            ("open 4 a cxw", "= 6"),
            ("write 6 text", "= 4"),
            ("open 4 a cxw", "! EEXIST"),
            ("open 4 a cw", "= 7"),
            ("open 4 a tw", "= 8"),
            (
                "fstat 6",
                "= dev=1 type=4 links=1 size=0 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("open 4 a dr", "! ENOTDIR"),
            ("open 4 a/ r", "! ENOTDIR"),
            ("open 4 a/b r", "! ENOTDIR"),
            ("open 4 new/ cw", "! EISDIR"),
            ("mkdir 4 d", "= ok"),
            ("mkdir 4 d", "! EEXIST"),
            ("mkdir 4 e/", "= ok"),
            ("mkdir 4 x/y", "! ENOENT"),
            ("mkdir 4 .", "! EEXIST"),
            ("open 4 d w", "! EISDIR"),
            ("open 4 d cr", "! EISDIR"),
            ("open 4 d dr", "= 9"),
            ("open 9 f cw", "= 10"),
            ("open 9 ../d/f r", "= 11"),
            ("open 9 \"\" r", "! ENOENT"),
            ("open 6 a r", "! ENOTDIR"),
            ("open 77 a r", "! EBADF"),
            ("read 9 10", "! EISDIR"),
        ],
    );
}

#[test]
fn names_are_removed_and_renamed_as_linux_does() {
    expect(
        probe(&[]),
        &[
            ("open 4 a crw", "= 6"),
            ("write 6 A", "= 1"),
            ("unlink 4 a", "= ok"),
            ("unlink 4 a", "! ENOENT"),
            (
                "fstat 6",
                "= dev=1 type=4 links=0 size=1 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("pread 6 5 0", "= \"A\""),
            ("write 6 B", "= 1"),
            ("mkdir 4 d", "= ok"),
            ("mkdir 4 d/e", "= ok"),
            ("unlink 4 d", "! EISDIR"),
            ("rmdir 4 d", "! ENOTEMPTY"),
            ("rmdir 4 d/.", "! EINVAL"),
            ("rmdir 4 d/..", "! ENOTEMPTY"),
            ("rename 4 d 4 d/e/f", "! EINVAL"),
            ("rename 4 d 4 d", "= ok"),
            ("open 4 f cw", "= 7"),
            ("rename 4 f 4 d", "! EISDIR"),
            ("rename 4 d 4 f", "! ENOTDIR"),
            ("rename 4 f/ 4 g", "! ENOTDIR"),
            ("rename 4 f 4 g", "= ok"),
            ("rmdir 4 g", "! ENOTDIR"),
            ("rename 4 d 4 h/", "= ok"),
            ("mkdir 4 empty", "= ok"),
            ("rename 4 h 4 empty", "= ok"),
            ("rename 4 empty 4 ..", "! EBUSY"),
            ("open 4 empty/e dr", "= 8"),
            ("rmdir 4 empty/e", "= ok"),
            ("open 8 x cw", "! ENOENT"),
            ("open 8 .. dr", "! ENOENT"),
            ("ls 4", "= .:3 ..:3 empty:3 g:4"),
            ("rename 4 empty 5 tmp/moved", "= ok"),
            (
                "stat 5 tmp/moved",
                "= dev=1 type=3 links=1 size=4096 atime=315532800 mtime=315532800 ctime=315532800",
            ),
        ],
    );
}

#[test]
fn hard_links_share_their_bytes() {
    expect(
        probe(&[]),
        &[
            ("open 4 a crw", "= 6"),
            ("link 4 a 4 b", "= ok"),
            ("write 6 shared", "= 6"),
            (
                "stat 4 b",
                "= dev=1 type=4 links=2 size=6 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("link 4 a 4 b", "! EEXIST"),
            ("link 4 none 4 c", "! ENOENT"),
            ("mkdir 4 d", "= ok"),
            ("link 4 d 4 e", "! EPERM"),
            ("rename 4 a 4 b", "= ok"),
            ("unlink 4 a", "= ok"),
            ("open 4 b r", "= 7"),
            ("read 7 9", "= \"shared\""),
            (
                "fstat 7",
                "= dev=1 type=4 links=1 size=6 atime=315532800 mtime=315532800 ctime=315532800",
            ),
        ],
    );
}

#[test]
fn symbolic_links_resolve_in_the_view() {
    expect(
        probe(&[]),
        &[
            ("open 4 file cw", "= 6"),
            ("symlink /build/file 4 absolute", "= ok"),
            ("symlink ../build/./file 4 relative", "= ok"),
            ("symlink none 4 dangling", "= ok"),
            ("symlink loop 4 loop", "= ok"),
            ("symlink \"\" 4 empty", "! ENOENT"),
            ("symlink x 4 file", "! EEXIST"),
            ("readlink 4 absolute", "= \"/build/file\""),
            ("readlink 4 absolute 3", "= \"/bu\""),
            ("readlink 4 file", "! EINVAL"),
            ("open 4 absolute rf", "= 7"),
            ("open 4 relative rf", "= 8"),
            ("open 4 absolute r", "! ELOOP"),
            ("open 4 loop rf", "! ELOOP"),
            ("open 4 dangling rf", "! ENOENT"),
            ("open 4 dangling cxwf", "! EEXIST"),
            ("open 4 dangling cwf", "= 9"),
            (
                "stat 4 none",
                "= dev=1 type=4 links=1 size=0 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            (
                "stat 4 absolute",
                "= dev=1 type=7 links=1 size=11 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            (
                "stat 4 absolute f",
                "= dev=1 type=4 links=1 size=0 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("symlink /build 4 up", "= ok"),
            ("open 4 up/up/up/file r", "= 10"),
            ("rmdir 4 up/", "! ENOTDIR"),
            ("unlink 4 up", "= ok"),
            ("symlink /tmp/made 4 tomake", "= ok"),
            ("mkdir 4 tomake", "! EEXIST"),
        ],
    );
}

#[test]
fn modes_follow_the_mask_and_bind_the_builder() {
    expect(
        probe(&[]),
        &[
            ("open 4 a cw", "= 6"),
            ("mode 4 a", "= 644"),
            ("umask 0o77", "= 22"),
            ("mkdir 4 d", "= ok"),
            ("mode 4 d", "= 700"),
            ("chmod 4 a 0o4755", "= ok"),
            ("fmode 6", "= 4755"),
            ("fchmod 6 0o444", "= ok"),
            ("open 4 a w", "! EACCES"),
            ("open 4 a r", "= 7"),
            ("write 6 still", "= 5"),
            ("access 4 a 4", "= ok"),
            // What the builder made may change while it runs.
            ("access 4 a 8", "! EACCES"),
            ("access 4 a 16", "! EINVAL"),
            ("access 4 a 2", "! EACCES"),
            ("access 4 a 1", "! EACCES"),
            ("open 4 d/f cw", "= 8"),
            ("chmod 4 d 0o500", "= ok"),
            ("open 4 d/g cw", "! EACCES"),
            ("unlink 4 d/f", "! EACCES"),
            ("chmod 4 d 0o300", "= ok"),
            ("open 4 d dr", "! EACCES"),
            ("chmod 4 d 0", "= ok"),
            ("open 4 d/f r", "! EACCES"),
            ("owner 4 a", "= 1000:100"),
            ("symlink a 4 l", "= ok"),
            ("chmod 4 l 0", "! ENOTSUP"),
            ("chmod 4 l 0o640 f", "= ok"),
            ("mode 4 a", "= 640"),
            ("mode 4 l", "= 777"),
        ],
    );
}

#[test]
fn times_can_be_set_and_now_is_the_wall_clock() {
    expect(
        probe(&[]),
        &[
            ("open 4 a cw", "= 6"),
            ("times 4 a 5 6 5", "= ok"),
            (
                "fstat 6",
                "= dev=1 type=4 links=1 size=0 atime=5 mtime=6 ctime=315532800",
            ),
            ("ftimes 6 0 0 10", "= ok"),
            (
                "fstat 6",
                "= dev=1 type=4 links=1 size=0 atime=315532800 mtime=315532800 ctime=315532800",
            ),
            ("ftimes 6 1 1 3", "! EINVAL"),
            ("ftimes 6 1 1 16", "! EINVAL"),
        ],
    );
}

#[test]
fn a_listing_is_sorted_and_comes_in_parts() {
    let mut table = vec![("open 4 . dr", "= 6".to_owned())];
    let names: Vec<String> = (0..40)
        .map(|index| format!("mkdir 4 d{}", (index * 7) % 40))
        .collect();
    for name in &names {
        table.push((name, "= ok".to_owned()));
    }
    let mut sorted: Vec<String> = (0..40).map(|index| format!("d{index}")).collect();
    sorted.sort();
    let sorted: Vec<String> = sorted.iter().map(|name| format!("{name}:3")).collect();
    table.push(("ls 6", format!("= .:3 ..:3 {}", sorted.join(" "))));
    let table: Vec<(&str, &str)> = table.iter().map(|(a, b)| (*a, b.as_str())).collect();
    expect(probe(&[]), &table);
}
