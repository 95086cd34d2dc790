//! Differences of small trees, with the whole text that a user sees.

use wasibuild_nix_compat::file_system_object::Contents;

use super::*;

fn tree(entries: &[(&str, FileSystemObject)]) -> FileSystemObject {
    FileSystemObject::directory(
        entries
            .iter()
            .map(|(name, object)| (BString::from(*name), object.clone())),
    )
}

fn shown(old: &FileSystemObject, new: &FileSystemObject) -> String {
    compare(old, new).expect("readable").to_string()
}

#[test]
fn equal_trees_do_not_differ() {
    let object = tree(&[
        ("a", FileSystemObject::file("text")),
        ("l", FileSystemObject::symlink("a")),
    ]);
    assert!(
        compare(&object, &object.clone())
            .expect("readable")
            .is_empty()
    );
}

#[test]
fn every_kind_is_described() {
    let old = tree(&[
        ("bits", FileSystemObject::file("")),
        ("gone", tree(&[])),
        ("link", FileSystemObject::symlink("a\n")),
        ("text", FileSystemObject::file("first\nroot:x:0\nlast\n")),
        ("type", FileSystemObject::symlink("a")),
        ("zero", FileSystemObject::file(vec![0, 1, 2, 3])),
    ]);
    let new = tree(&[
        ("bits", FileSystemObject::executable("")),
        ("added", FileSystemObject::executable("")),
        ("link", FileSystemObject::symlink("b\x1b")),
        ("text", FileSystemObject::file("first\nroot:x:10\nlast\n")),
        ("type", tree(&[])),
        ("zero", FileSystemObject::file(vec![0, 1])),
    ]);
    assert_eq!(
        shown(&old, &new),
        "  /added: the executable file is new
  /bits: was not executable, now is
  /gone: the directory is gone
  /link: pointed to 'a\\n', now points to 'b\\u{1b}'
  /text: had 20 bytes, now has 21; they differ from byte 13 on:
    before: \"root:x:0\\n\"
    now:    \"root:x:10\\n\"
  /type: was a symbolic link, now is a directory
  /zero: had 4 bytes, now has 2; they differ from byte 2 on:
    before: 02 03
    now:    (end of file)
"
    );
}

#[test]
fn the_root_has_a_name_too() {
    let (old, new) = (FileSystemObject::file("a"), FileSystemObject::file("b"));
    assert_eq!(
        shown(&old, &new),
        "  the output itself: both have 1 bytes; they differ from byte 0 on:\n    before: \"a\"\n    now:    \"b\"\n"
    );
}

#[test]
fn a_difference_far_into_a_file_is_found() {
    let mut bytes = vec![b'x'; 300_000];
    let old = FileSystemObject::file(Contents::from(bytes.clone()));
    bytes[299_999] = b'y';
    let found = compare(&old, &FileSystemObject::file(Contents::from(bytes))).expect("readable");
    match &found.shown[0].kind {
        Kind::Contents(contents) => assert_eq!(contents.offset, 299_999),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_first_differences_are_shown() {
    let many = |text: &'static str| {
        FileSystemObject::directory(
            (0..1000).map(|i| (format!("{i:04}").into(), FileSystemObject::file(text))),
        )
    };
    let text = shown(&many("a"), &many("b"));
    assert!(
        text.starts_with("  /0000: ") && text.ends_with("  and 980 more\n"),
        "{text}"
    );
    assert!(text.contains("/0019") && !text.contains("/0020"), "{text}");
}
