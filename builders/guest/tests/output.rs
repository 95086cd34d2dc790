//! Output trees: planned, checked and written; and listings, which are sorted.

use bstr::BString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use wasibuild_guest::output::{create_file, relative_parts};
use wasibuild_guest::{Node, bytes, input, mode};

fn inserted(tree: &mut Node, path: &str) -> Result<(), BString> {
    tree.insert(path.as_bytes(), Node::file(path))
}

#[test]
fn inserting_makes_directories_and_overwrites_nothing() {
    let mut tree = Node::directory();
    inserted(&mut tree, "a/b//c").unwrap();
    inserted(&mut tree, "/a/d/").unwrap();
    for (path, obstacle) in [
        ("a/b/c", "a/b/c"),
        ("a/b", "a/b"),
        ("a/d/x/y", "a/d"),
        ("a/d/x", "a/d"),
        ("", ""),
        ("//", "//"),
    ] {
        let before = tree.clone();
        assert_eq!(inserted(&mut tree, path).unwrap_err(), obstacle, "{path}");
        assert_eq!(tree, before, "{path}");
    }
    assert_eq!(tree.get(b"a/b/c"), Some(&Node::file("a/b//c")));
    assert_eq!(tree.get(b"a//d"), Some(&Node::file("/a/d/")));
    assert_eq!(tree.get(b"a/d/x"), None);
    assert_eq!(tree.get(b""), Some(&tree));
    let place = tree.get_mut(b"a/b").unwrap();
    *place = Node::Symlink("x".into());
    assert_eq!(tree.get(b"a/b/c"), None);
}

#[test]
fn a_tree_is_written_with_its_modes_and_targets() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut tree = Node::directory();
    let tool = Node::File {
        executable: true,
        contents: "tool".into(),
    };
    tree.insert(b"bin/tool", tool).unwrap();
    tree.insert("bin/ü".as_bytes(), Node::file("text")).unwrap();
    tree.insert(b"link", Node::Symlink("/nix/store/\u{e9}".into()))
        .unwrap();
    tree.insert(b"empty", Node::directory()).unwrap();
    assert!(tree.has_executable());
    tree.write(&out, mode::extension()).unwrap();

    assert_eq!(
        input::list_directory(&out).unwrap(),
        ["bin", "empty", "link"]
    );
    let names = input::list_directory(&out.join("bin")).unwrap();
    assert_eq!(names, ["tool", "ü"]);
    let target = std::fs::read_link(out.join("link")).unwrap();
    assert_eq!(target.as_os_str().as_bytes(), "/nix/store/é".as_bytes());
    let place = out.join("bin/tool");
    let permissions = std::fs::metadata(&place).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o755);
    assert!(mode::is_executable(&std::fs::File::open(place).unwrap()).unwrap());
    let other = std::fs::File::open(out.join("bin/ü")).unwrap();
    assert!(!mode::is_executable(&other).unwrap());

    let again = tree.write(&out, mode::extension()).unwrap_err().to_string();
    let expected = format!("{}: cannot create the directory: ", out.display());
    assert!(again.starts_with(&expected), "{again}");
}

#[test]
fn the_portable_module_refuses_executables() {
    let folder = tempfile::tempdir().unwrap();
    let tree = Node::File {
        executable: true,
        contents: "".into(),
    };
    let error = tree.write(&folder.path().join("out"), mode::plain());
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("use the builder's `-executable` module"),
        "{text}"
    );
    assert!(mode::check(false, mode::plain()).is_ok());
    assert!(mode::check(true, mode::extension()).is_ok());
}

#[test]
fn files_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("x");
    create_file(&place).unwrap();
    let text = create_file(&place).unwrap_err().to_string();
    assert!(text.contains("cannot create: "), "{text}");
}

/// As deep as paths may be on every system.
#[test]
fn a_deep_tree_is_written() {
    let mut tree = Node::directory();
    let path = "a/".repeat(400);
    tree.insert(path.as_bytes(), Node::file("deep")).unwrap();
    assert!(!tree.has_executable());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    tree.write(&out, mode::plain()).unwrap();
    assert_eq!(std::fs::read(out.join(&path[..799])).unwrap(), b"deep");
}

#[test]
fn places_below_an_output_are_relative_and_plain() {
    let parts = |path: &str| {
        relative_parts("target", path.as_bytes())
            .map(|parts| parts.iter().map(|part| BString::from(*part)).collect())
            .map_err(|error| error.to_string())
    };
    let expected: Vec<BString> = vec!["a".into(), "b".into()];
    assert_eq!(parts("a//b/"), Ok(expected));
    for (path, problem) in [
        ("/a", "is absolute"),
        ("a/../b", "contains `..`"),
        ("./a", "contains `.`"),
        ("a\0", "contains a NUL"),
        ("", "is an empty path"),
    ] {
        let text = parts(path).unwrap_err();
        assert!(text.starts_with("attribute `target`: "), "{text}");
        assert!(text.contains(problem), "{path:?}: {text}");
    }
}

#[test]
fn words_are_those_of_a_shell() {
    let found = bytes::words(b" a\tb\n\nc\xff ");
    let expected: [&[u8]; 3] = [b"a", b"b", b"c\xff"];
    assert_eq!(found, expected.map(BString::from));
    assert_eq!(bytes::words(b" \n"), Vec::<BString>::new());
}
