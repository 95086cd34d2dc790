//! What a supervisor tells a guest of builds that need an image, with streams for client and guest.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;

use tempfile::TempDir;
use wasibuild_vm_protocol::{
    BuildSpec, Ending, Frame, FromGuest, GuestHello, Image, Input, Limits, ToGuest, VERSION,
};

use super::relay::{Bounds, End};
use super::*;
use crate::image::Images;

/// A supervisor with one client.
struct World {
    directory: TempDir,
    guest: UnixStream,
    client: UnixStream,
    relay: JoinHandle<End>,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (theirs, guest) = UnixStream::pair().expect("a pair");
        let socket = directory.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let images = Images::new(directory.path(), 1 << 40).expect("a disk");
        let time = Duration::from_secs(100);
        let bounds = Bounds {
            idle: time,
            patience: time,
            disk: None,
        };
        let hello = GuestHello {
            version: VERSION,
            kernel: "6.1".into(),
            processors: 1,
            memory: 1,
            kvm: false,
            uptime: 1,
        };
        let relay = std::thread::spawn(move || {
            relay::run(theirs, &listener, hello, Inputs::Images(images), &bounds)
        });
        let client = UnixStream::connect(&socket).expect("connected");
        for stream in [&guest, &client] {
            stream.set_read_timeout(Some(time)).expect("a time");
        }
        let world = World {
            directory,
            guest,
            client,
            relay,
        };
        assert!(matches!(world.answer(), FromGuest::Hello(_)));
        assert_eq!(world.told(), ToGuest::Hello { version: VERSION });
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a path with a sparse file; those of gigabytes take seconds to be written.
    fn input(&self, name: &str, size: u64) {
        fs::create_dir(self.path(name)).expect("made");
        let file = File::create(self.path(name).join("file")).expect("made");
        file.set_len(size).expect("its size");
    }

    fn say(&self, message: &ToGuest) {
        message.frame().write(&mut &self.client).expect("said");
    }

    fn build(&self, number: u32, input: &str) {
        let place = self.path(input).to_string_lossy().into_owned();
        let spec = BuildSpec {
            name: "x".into(),
            builder: "/b".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            inputs: vec![Input {
                name: input.into(),
                place: place.into(),
            }],
            outputs: Vec::new(),
            shell: None,
            network: false,
            kvm: false,
            interactive: false,
            keep_failed: false,
            limits: Limits {
                memory: 0,
                scratch: 0,
                files: 0,
                processes: 0,
                open_files: 0,
            },
        };
        self.say(&ToGuest::Build(number, Box::new(spec)));
    }

    /// What the guest is told next.
    fn told(&self) -> ToGuest {
        let frame = Frame::read(&mut &self.guest).expect("a frame");
        ToGuest::of(frame.expect("no end")).expect("a message")
    }

    /// What the client is told next.
    fn answer(&self) -> FromGuest {
        let frame = Frame::read(&mut &self.client).expect("a frame");
        FromGuest::of(frame.expect("no end")).expect("a message")
    }

    /// The number and the input's place of a build that the guest is told of.
    fn told_build(&self) -> (u32, String) {
        match self.told() {
            ToGuest::Build(number, spec) => (number, spec.inputs[0].place.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn told_image(&self) -> Image {
        match self.told() {
            ToGuest::Image(image) => image,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_build_that_is_cancelled_while_its_image_is_written_is_gone() {
    let world = World::new();
    world.input("large", 2 << 30);
    world.input("small", 10);
    world.build(7, "large");
    world.say(&ToGuest::Kill(7));
    assert_eq!(world.answer(), FromGuest::Ended(7, Ending::Killed));
    assert_eq!(world.answer(), FromGuest::Finished(7));
    // The guest never heard of it, and its number and its room are free.
    world.build(7, "small");
    let image = world.told_image();
    assert_eq!((image.number, image.offset), (1, 0));
    assert_eq!(world.told_build().1, "/store/1/small");
}

#[test]
fn a_client_that_goes_takes_such_a_build_with_it() {
    let mut world = World::new();
    world.input("large", 2 << 30);
    world.input("small", 10);
    world.build(1, "large");
    // That is in the supervisor's hands when the ping is answered.
    world.say(&ToGuest::Ping(1));
    assert_eq!(world.answer(), FromGuest::Pong(1));
    world.client = UnixStream::connect(world.path("socket")).expect("connected");
    assert!(matches!(world.answer(), FromGuest::Hello(_)));
    world.build(1, "small");
    assert_eq!(world.told_image().number, 1);
    assert_eq!(world.told_build().1, "/store/1/small");
}

#[test]
fn what_is_said_of_a_build_meanwhile_comes_after_it() {
    let world = World::new();
    world.input("large", 1 << 30);
    world.build(3, "large");
    for typed in ["a", "b", "c"] {
        world.say(&ToGuest::Input(3, typed.into()));
    }
    world.told_image();
    let (number, _) = world.told_build();
    for typed in ["a", "b", "c"] {
        assert_eq!(world.told(), ToGuest::Input(number, typed.into()));
    }
    // And what is said later at once.
    world.say(&ToGuest::Kill(3));
    assert_eq!(world.told(), ToGuest::Kill(number));
}

#[test]
fn an_input_that_is_not_there_is_the_builds_failure() {
    let world = World::new();
    world.build(1, "none");
    let FromGuest::Ended(1, Ending::Failed(words)) = world.answer() else {
        panic!("no failure");
    };
    let words = words.to_string();
    assert!(
        words.contains("/none' cannot be put into an image"),
        "{words}"
    );
    assert_eq!(world.answer(), FromGuest::Finished(1));
}

#[test]
fn a_guest_that_speaks_of_a_build_before_it_knows_of_it_lies() {
    let world = World::new();
    world.input("large", 2 << 30);
    world.build(1, "large");
    // Pings are answered in order: then the build is there.
    world.say(&ToGuest::Ping(5));
    assert_eq!(world.answer(), FromGuest::Pong(5));
    let lie = FromGuest::Log(1, b"I am that build".to_vec()).frame();
    lie.write(&mut &world.guest).expect("said");
    let End::Reason(reason) = world.relay.join().expect("it ends") else {
        panic!("given up");
    };
    assert!(reason.contains("there is no such build"), "{reason}");
}

#[test]
fn a_client_has_no_say_in_what_is_shown() {
    let world = World::new();
    world.input("small", 10);
    world.build(1, "small");
    world.told_image();
    world.told_build();
    let image = Image {
        number: 9,
        offset: 0,
        length: 4096,
    };
    // Of no build, and as if it were of one.
    let mut frame = ToGuest::Image(image).frame();
    frame.write(&mut &world.client).expect("said");
    world.say(&ToGuest::Ping(1));
    assert_eq!(world.answer(), FromGuest::Pong(1));
    frame.build = 1;
    frame.write(&mut &world.client).expect("said");
    // It is given up, and its build is ended.
    assert!(Frame::read(&mut &world.client).expect("an end").is_none());
    assert!(matches!(world.told(), ToGuest::Kill(_)));
}
