//! Trees to NAR and back: generated trees, limits, and the deepest tree.

use super::*;
use crate::nar::{MAX_DEPTH, NarError};
use proptest::prelude::*;
use std::io::{self, Read};

fn any_tree() -> impl Strategy<Value = FileSystemObject> {
    let name = || {
        prop::collection::vec(1..=255u8, 1..6)
            .prop_map(BString::from)
            .prop_filter("a name", |name| crate::nar::check_name(name).is_ok())
    };
    let leaf = prop_oneof![
        (any::<bool>(), any::<Vec<u8>>()).prop_map(|(executable, bytes)| FileSystemObject::File {
            executable,
            contents: bytes.into(),
        }),
        prop::collection::vec(1..=255u8, 1..20).prop_map(FileSystemObject::symlink),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop::collection::btree_map(name(), inner, 0..8).prop_map(FileSystemObject::directory)
    })
}

fn to_nar(tree: &FileSystemObject) -> Vec<u8> {
    let mut nar = Vec::new();
    tree.write_nar(&mut nar).unwrap();
    nar
}

fn from_nar(mut nar: &[u8], limits: &Limits) -> Result<FileSystemObject, FromNarError> {
    FileSystemObject::from_nar(&mut nar, limits, &mut tempfile::tempfile)
}

proptest! {
    #[test]
    fn trees_round_trip(tree in any_tree(), spill_above in 0..64u64) {
        let nar = to_nar(&tree);
        let limits = Limits { spill_above, ..Limits::default() };
        let read = from_nar(&nar, &limits).unwrap();
        prop_assert_eq!(to_nar(&read), nar.clone());
        prop_assert_eq!(tree.nar_hash().unwrap(), (crate::hash::sha256(&nar), nar.len() as u64));
    }
}

#[test]
fn limits_hold() {
    let tree = FileSystemObject::directory([
        ("a".into(), FileSystemObject::file("0123456789")),
        ("b".into(), FileSystemObject::executable("0123456789")),
    ]);
    let nar = to_nar(&tree);
    let limits = Limits::default();
    assert!(matches!(
        from_nar(
            &nar,
            &Limits {
                max_nodes: 2,
                ..limits
            }
        ),
        Err(FromNarError::TooManyNodes(2))
    ));
    assert!(matches!(
        from_nar(
            &nar,
            &Limits {
                max_total_size: 19,
                ..limits
            }
        ),
        Err(FromNarError::TooLarge(19))
    ));
    let FileSystemObject::Directory { entries } = from_nar(
        &nar,
        &Limits {
            max_memory: 10,
            ..limits
        },
    )
    .unwrap() else {
        panic!("not a directory");
    };
    let kinds: Vec<bool> = entries
        .values()
        .map(|entry| {
            matches!(
                entry,
                FileSystemObject::File {
                    contents: Contents::Spilled { .. },
                    ..
                }
            )
        })
        .collect();
    assert_eq!(kinds, [false, true]);
}

#[test]
fn an_announced_size_alone_takes_no_memory() {
    let tree = FileSystemObject::file("0123456789");
    let mut nar = to_nar(&tree);
    let size = nar
        .windows(8)
        .position(|window| window == 10u64.to_le_bytes())
        .unwrap();
    let announced = 1u64 << 62;
    nar[size..size + 8].copy_from_slice(&announced.to_le_bytes());
    let limits = Limits {
        max_total_size: u64::MAX,
        max_memory: u64::MAX,
        spill_above: u64::MAX,
        ..Limits::default()
    };
    assert!(
        matches!(from_nar(&nar, &limits), Err(FromNarError::Contents(error)) if error.kind() == io::ErrorKind::UnexpectedEof)
    );
}

#[test]
fn the_deepest_tree_works_and_a_deeper_one_is_refused() {
    let nest = |depth| {
        (0..depth).fold(FileSystemObject::file("x"), |inner, _| {
            FileSystemObject::directory([("d".into(), inner)])
        })
    };
    let deepest = nest(MAX_DEPTH);
    let nar = to_nar(&deepest);
    let read = from_nar(&nar, &Limits::default()).unwrap();
    assert_eq!(to_nar(&read.clone()), nar);
    assert!(format!("{read:?}").len() > MAX_DEPTH);
    assert!(matches!(
        nest(MAX_DEPTH + 1).write_nar(&mut io::sink()),
        Err(NarError::TooDeep)
    ));
}

#[test]
fn readers_of_spilled_contents_do_not_disturb_each_other() -> anyhow::Result<()> {
    use std::io::Write;
    let mut file = tempfile::tempfile()?;
    file.write_all(b"hello world")?;
    let contents = Contents::Spilled {
        file: std::sync::Arc::new(file),
        len: 5,
    };
    let (mut first, mut second) = (contents.reader(), contents.reader());
    let mut three = [0; 3];
    first.read_exact(&mut three)?;
    let mut whole = String::new();
    second.read_to_string(&mut whole)?;
    assert_eq!((&three, whole.as_str()), (b"hel", "hello"));
    assert_eq!(&contents.to_bytes(5)?[..], b"hello");
    assert!(contents.to_bytes(4).is_err());
    Ok(())
}
