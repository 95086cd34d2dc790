//! Images as the crate that wrote them reads them, and how they come and go. That kernels read them is tested with
//! real ones (tests/tests/vm).

use std::fs;
use std::io::{BufReader, Read as _};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use backhand::{FilesystemReader, InnerNode};
use tempfile::TempDir;

use super::*;

/// A directory for the disk and one for a store.
struct World {
    directory: TempDir,
    /// What the guest was told.
    told: Vec<ToGuest>,
}

impl World {
    fn new() -> Self {
        let world = World {
            directory: tempfile::tempdir().expect("a directory"),
            told: Vec::new(),
        };
        fs::create_dir(world.store()).expect("made");
        world
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn images(&self, allowed: u64) -> Images {
        Images::new(self.directory.path(), allowed).expect("a disk")
    }

    /// A path with a file of so many bytes.
    fn path(&self, name: &str, size: usize) {
        let place = self.store().join(name);
        fs::create_dir(&place).expect("made");
        fs::write(place.join("file"), vec![b'x'; size]).expect("written");
    }

    fn prepare(
        &mut self,
        images: &Images,
        build: u32,
        names: &[&str],
    ) -> Result<Vec<String>, ImageError> {
        let mut inputs: Vec<Input> = names
            .iter()
            .map(|name| Input {
                name: (*name).into(),
                place: self.store().join(name).into_os_string().into_vec().into(),
            })
            .collect();
        let told = &mut self.told;
        images.prepare(
            build,
            &mut inputs,
            &AtomicBool::new(false),
            &mut |message| {
                told.push(message.clone());
                Ok(())
            },
        )?;
        Ok(inputs.iter().map(|input| input.place.to_string()).collect())
    }

    /// What the guest was told since this was asked last: numbers of images, and negative ones of those dropped.
    fn told(&mut self) -> Vec<i64> {
        let number = |message| match message {
            ToGuest::Image(image) => image.number as i64,
            ToGuest::DropImage(number) => -(number as i64),
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut self.told)
            .into_iter()
            .map(number)
            .collect()
    }
}

#[test]
fn an_image_has_all_that_a_store_has() {
    let world = World::new();
    let store = world.store();
    let odd = std::ffi::OsString::from_vec(b"n\xff\n ame".to_vec());
    fs::create_dir_all(store.join("tree/a/b")).expect("made");
    fs::write(store.join("tree/a").join(&odd), "odd").expect("written");
    fs::write(store.join("tree/a/empty"), "").expect("written");
    // Zeros between, more than one block, and an end that is none.
    let mut large = vec![7; 200_000];
    large.extend(vec![0; 300_000]);
    large.extend(b"end");
    fs::write(store.join("tree/large"), &large).expect("written");
    fs::set_permissions(store.join("tree/large"), PermissionsExt::from_mode(0o755)).expect("mode");
    symlink("../b", store.join("tree/a/link")).expect("made");
    for number in 0..2000 {
        fs::write(store.join(format!("tree/a/b/{number}")), number.to_string()).expect("written");
    }
    fs::write(store.join("file"), "alone").expect("written");
    let sources: Vec<_> = ["tree", "file"]
        .map(|name| (name.into(), store.join(name)))
        .to_vec();
    let file = single(world.directory.path(), &sources).expect("an image");

    assert_eq!(file.metadata().expect("its size").len() % BLOCK, 0);
    let reader = FilesystemReader::from_reader_with_offset_and_kind(
        BufReader::new(file),
        0,
        backhand::kind::Kind::from_const(backhand::kind::LE_V4_0).expect("a kind"),
    );
    let reader = reader.expect("it is read");
    let mut found = BTreeMap::new();
    for node in reader.files() {
        let text = match &node.inner {
            InnerNode::Dir(_) => "/".to_owned(),
            InnerNode::Symlink(link) => format!("-> {}", link.link.display()),
            InnerNode::File(file) => {
                let mut bytes = Vec::new();
                let file = reader.file(file);
                file.reader().read_to_end(&mut bytes).expect("read");
                if bytes == large {
                    "the large one".to_owned()
                } else {
                    String::from_utf8(bytes).expect("text")
                }
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((node.header.uid, node.header.gid), (0, 0));
        found.insert(node.fullpath.clone(), (node.header.permissions, text));
    }
    assert_eq!(found.len(), 2009);
    for (path, mode, text) in [
        ("/", 0o755, "/"),
        ("/file", 0o444, "alone"),
        ("/tree/a/b", 0o555, "/"),
        ("/tree/a/b/1999", 0o444, "1999"),
        ("/tree/a/empty", 0o444, ""),
        ("/tree/a/link", 0o777, "-> ../b"),
        ("/tree/large", 0o555, "the large one"),
    ] {
        let expected = (mode, text.to_owned());
        assert_eq!(found.get(Path::new(path)), Some(&expected), "{path}");
    }
    let odd = Path::new("/tree/a").join(odd);
    assert_eq!(found.get(&odd), Some(&(0o444, "odd".to_owned())));
}

#[test]
fn only_what_no_image_has_is_written() {
    let mut world = World::new();
    let images = world.images(1 << 30);
    for name in ["a", "b", "c"] {
        world.path(name, 10);
    }
    assert_eq!(
        world.prepare(&images, 1, &["a", "b"]).expect("shown"),
        ["/store/1/a", "/store/1/b"]
    );
    assert_eq!(
        world.prepare(&images, 2, &["b", "c"]).expect("shown"),
        ["/store/1/b", "/store/2/c"]
    );
    assert_eq!(
        world.prepare(&images, 3, &["c", "a"]).expect("shown"),
        ["/store/2/c", "/store/1/a"]
    );
    assert_eq!(world.told(), [1, 2]);
    // One that was deleted and made again is another.
    fs::rename(world.store().join("a"), world.store().join("old")).expect("moved");
    world.path("a", 20);
    assert_eq!(
        world.prepare(&images, 4, &["a", "b"]).expect("shown"),
        ["/store/3/a", "/store/1/b"]
    );
    assert_eq!(world.told(), [3]);
}

#[test]
fn what_no_build_uses_makes_room() {
    let mut world = World::new();
    // Two fit.
    let images = world.images(2_500_000);
    for name in ["a", "b", "c", "d"] {
        world.path(name, 1_000_000);
    }
    for (build, name) in [(1, "a"), (2, "b")] {
        world.prepare(&images, build, &[name]).expect("shown");
    }
    let problem = world.prepare(&images, 3, &["c"]).expect_err("no room");
    assert!(
        problem.to_string().contains("may take 2 MiB (vm.images)"),
        "{problem}"
    );
    images.release(1);
    images.release(2);
    // The one that was used last stays.
    world.prepare(&images, 4, &["a"]).expect("shown");
    images.release(4);
    assert_eq!(
        world.prepare(&images, 5, &["c"]).expect("shown"),
        ["/store/2/c"]
    );
    assert_eq!(world.told(), [1, 2, -2, 2]);
    // A build's own images are not dropped for it.
    let problem = world.prepare(&images, 6, &["a", "d"]).expect_err("no room");
    assert!(matches!(problem, ImageError::TooLarge { .. }), "{problem}");
    // And it holds none when it failed.
    images.release(5);
    world.prepare(&images, 7, &["b", "d"]).expect("shown");
    assert_eq!(world.told(), [-1, -2, 1]);
    // What was dropped takes no room on the host.
    let blocks = images
        .for_reading()
        .expect("a file")
        .metadata()
        .expect("its size")
        .blocks();
    assert!(blocks * 512 < 2_500_000, "{blocks}");
}

#[test]
fn an_image_that_holds_more_than_is_needed_makes_room() {
    let mut world = World::new();
    let images = world.images(2_500_000);
    for name in ["a", "b", "c"] {
        world.path(name, 1_000_000);
    }
    world.prepare(&images, 1, &["a", "b"]).expect("shown");
    // Not while another build uses it.
    let problem = world.prepare(&images, 2, &["b", "c"]);
    assert!(matches!(problem, Err(ImageError::TooLarge { .. })));
    assert_eq!(world.told(), [1]);
    images.release(1);
    let places = world.prepare(&images, 3, &["b", "c"]).expect("shown");
    assert_eq!(places, ["/store/1/b", "/store/1/c"]);
    assert_eq!(world.told(), [-1, 1]);
}

#[test]
fn numbers_run_short_and_are_used_again() {
    let mut world = World::new();
    let images = world.images(1 << 30);
    let names: Vec<String> = (0..=MAX_IMAGES).map(|number| number.to_string()).collect();
    for (build, name) in (0..).zip(&names) {
        world.path(name, 1);
        let result = world.prepare(&images, build, &[name]);
        if u64::from(build) == MAX_IMAGES {
            let problem = result.expect_err("one too many");
            assert!(
                problem.to_string().contains("shows 200 images"),
                "{problem}"
            );
        }
    }
    images.release(5);
    let last = names.last().expect("a name").as_str();
    assert_eq!(
        world.prepare(&images, 999, &[last]).expect("shown"),
        [format!("/store/6/{last}")]
    );
}

#[test]
fn what_is_no_store_path_is_refused() {
    let mut world = World::new();
    let images = world.images(1 << 30);
    let problem = world
        .prepare(&images, 1, &["none"])
        .expect_err("refused")
        .to_string();
    assert!(
        problem.contains("store/none'") && problem.contains("No such file"),
        "{problem}"
    );
    world.path("socket", 1);
    let place = world.store().join("socket/s");
    let _socket = std::os::unix::net::UnixListener::bind(&place).expect("a socket");
    let problem = world
        .prepare(&images, 1, &["socket"])
        .expect_err("refused")
        .to_string();
    assert!(
        problem.contains("socket/s'") && problem.contains("neither a file"),
        "{problem}"
    );
    assert!(world.told().is_empty());
    let stop = AtomicBool::new(true);
    world.path("a", 1);
    let place = world.store().join("a").into_os_string().into_vec().into();
    let mut inputs = [Input {
        name: "a".into(),
        place,
    }];
    let stopped = images.prepare(2, &mut inputs, &stop, &mut |_| Ok(()));
    assert!(matches!(stopped, Err(ImageError::Stopped)));
    assert_eq!(images.known().room.taken(), 0);
}

#[test]
fn what_changes_while_it_is_written_is_an_error() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("it was changed meanwhile", |file| {
            fs::write(file, "longer than before").expect("written")
        }),
        ("No such file", |file| {
            fs::remove_file(file).expect("removed")
        }),
        ("Too many levels of symbolic links", |file| {
            fs::remove_file(file).expect("removed");
            symlink("/etc/passwd", file).expect("made");
        }),
    ];
    for (words, change) in changes {
        let world = World::new();
        world.path("a", 10);
        let place = world.store().join("a");
        let stop = AtomicBool::new(false);
        let source = std::iter::once(("a".into(), place.as_path()));
        let tree = Tree::scan(source, &stop).expect("a tree");
        change(&place.join("file"));
        let disk = Disk::new(world.directory.path()).expect("a disk");
        let bound = tree.bound();
        let problem = tree
            .write(&disk, 0, bound, &stop)
            .expect_err("refused")
            .to_string();
        assert!(
            problem.contains(words) && problem.contains("store/a/file'"),
            "{problem}"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_takes_no_more_is_an_error() {
    let world = World::new();
    world.path("a", 1_000_000);
    let place = world.store().join("a");
    let stop = AtomicBool::new(false);
    let source = std::iter::once(("a".into(), place.as_path()));
    let tree = Tree::scan(source, &stop).expect("a tree");
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let disk = Disk::of(full.expect("a disk")).expect("a disk");
    let bound = tree.bound();
    let problem = tree.write(&disk, 0, bound, &stop).expect_err("refused");
    assert!(matches!(problem, ImageError::Full(_)), "{problem}");
    let words = problem.to_string();
    assert!(
        words.contains("No space left") && words.contains("make room"),
        "{words}"
    );
}

#[test]
fn directories_may_lie_as_deep_in_each_other_as_archives_allow() {
    let world = World::new();
    let stop = AtomicBool::new(false);
    let mut place = world.store().join("deep");
    for _ in 0..500 {
        place.push("d");
    }
    fs::create_dir_all(&place).expect("made");
    let scan = || {
        let place = world.store().join("deep");
        Tree::scan(std::iter::once(("deep".into(), place.as_path())), &stop)
    };
    let disk = Disk::new(world.directory.path()).expect("a disk");
    let tree = scan().expect("a tree");
    let bound = tree.bound();
    tree.write(&disk, 0, bound, &stop).expect("written");
    for _ in 0..500 {
        place.push("d");
    }
    let deepest = place.join("d/".repeat(50));
    fs::create_dir_all(deepest).expect("made");
    let problem = scan().expect_err("refused").to_string();
    assert!(problem.contains("nested more than"), "{problem}");
    // What would take the writer for ever is refused, too.
    for number in 0..1000 {
        fs::write(place.join(number.to_string()), "").expect("written");
    }
    let problem = scan().expect_err("refused").to_string();
    assert!(problem.contains("too deep in each other"), "{problem}");
}
