//! Round trips, and streams of strangers.

use bstr::BString;
use proptest::prelude::*;

use super::*;

fn bytes() -> impl Strategy<Value = BString> {
    proptest::collection::vec(1_u8.., 0..40).prop_map(BString::from)
}

fn name() -> impl Strategy<Value = BString> {
    "[a-z0-9][a-z0-9.+-]{0,20}".prop_map(BString::from)
}

fn path() -> impl Strategy<Value = BString> {
    "/[a-z/]{0,20}".prop_map(BString::from)
}

fn spec() -> impl Strategy<Value = BuildSpec> {
    use proptest::collection::vec;
    let words = (
        bytes(),
        path(),
        vec(bytes(), 0..4),
        vec((name(), bytes()), 0..4),
    );
    let files = (
        vec(
            (name(), vec(any::<u8>(), 0..40).prop_map(BString::from)),
            0..3,
        ),
        vec(
            (name(), path()).prop_map(|(name, place)| Input { name, place }),
            0..4,
        ),
        vec((name(), name()), 0..3),
        proptest::option::of(path()),
    );
    let limits =
        any::<[u64; 5]>().prop_map(|[memory, scratch, files, processes, open_files]| Limits {
            memory,
            scratch,
            files,
            processes,
            open_files,
        });
    (words, files, any::<[bool; 4]>(), limits).prop_map(|(words, files, flags, limits)| {
        let [network, kvm, interactive, keep_failed] = flags;
        BuildSpec {
            name: words.0,
            builder: words.1,
            arguments: words.2,
            environment: words.3,
            files: files.0,
            inputs: files.1,
            outputs: files.2,
            shell: files.3,
            network,
            kvm,
            interactive,
            keep_failed,
            limits,
        }
    })
}

fn to_guest() -> impl Strategy<Value = ToGuest> {
    prop_oneof![
        any::<u32>().prop_map(|version| ToGuest::Hello { version }),
        (any::<u32>(), spec()).prop_map(|(build, spec)| ToGuest::Build(build, Box::new(spec))),
        any::<u32>().prop_map(ToGuest::Kill),
        any::<(u32, u64)>().prop_map(|(build, bytes)| ToGuest::Grant(build, bytes)),
        any::<u32>().prop_map(ToGuest::Ping),
        Just(ToGuest::Shutdown),
        any::<(u32, Vec<u8>)>().prop_map(|(build, bytes)| ToGuest::Input(build, bytes)),
        image().prop_map(ToGuest::Image),
        (1..=MAX_IMAGES).prop_map(ToGuest::DropImage),
    ]
}

fn image() -> impl Strategy<Value = Image> {
    (1..=MAX_IMAGES, 0..1_u64 << 40, 1..1_u64 << 40).prop_map(|(number, offset, length)| Image {
        number,
        offset: offset << 12,
        length: length << 12,
    })
}

fn from_guest() -> impl Strategy<Value = FromGuest> {
    let ending = prop_oneof![
        any::<u8>().prop_map(Ending::Exited),
        any::<u8>().prop_map(Ending::Signalled),
        Just(Ending::Killed),
        Just(Ending::OutOfMemory),
        bytes().prop_map(Ending::Failed),
    ];
    let hello = (bytes(), any::<[u64; 3]>(), any::<bool>());
    prop_oneof![
        hello.prop_map(|(kernel, [processors, memory, uptime], kvm)| {
            FromGuest::Hello(GuestHello {
                version: VERSION,
                kernel,
                processors,
                memory,
                kvm,
                uptime,
            })
        }),
        any::<(u32, Vec<u8>)>().prop_map(|(build, bytes)| FromGuest::Log(build, bytes)),
        (any::<u32>(), ending).prop_map(|(build, ending)| FromGuest::Ended(build, ending)),
        (any::<u32>(), name()).prop_map(|(build, name)| FromGuest::Output(build, name)),
        any::<(u32, Vec<u8>)>().prop_map(|(build, bytes)| FromGuest::Archive(build, bytes)),
        any::<u32>().prop_map(FromGuest::OutputEnd),
        any::<u32>().prop_map(FromGuest::Finished),
        any::<u32>().prop_map(FromGuest::Pong),
    ]
}

fn written(frame: &Frame) -> Vec<u8> {
    let mut stream = Vec::new();
    frame.write(&mut stream).expect("a frame that fits");
    stream
}

fn read(mut stream: &[u8]) -> Result<Vec<Frame>> {
    let mut frames = Vec::new();
    while let Some(frame) = Frame::read(&mut stream)? {
        frames.push(frame);
    }
    Ok(frames)
}

proptest! {
    #[test]
    fn what_the_host_says_is_understood(message in to_guest()) {
        let frames = read(&written(&message.frame())).expect("frames");
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(ToGuest::of(frames[0].clone()).expect("a message"), message);
    }

    #[test]
    fn what_the_guest_says_is_understood(message in from_guest()) {
        let frames = read(&written(&message.clone().frame())).expect("frames");
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(FromGuest::of(frames[0].clone()).expect("a message"), message);
    }

    #[test]
    fn a_cut_stream_is_an_error_and_never_a_message(message in to_guest(), cut in any::<prop::sample::Index>()) {
        let stream = written(&message.frame());
        let cut = cut.index(stream.len());
        match read(&stream[..cut]) {
            Ok(frames) => prop_assert!(cut == 0 && frames.is_empty()),
            Err(error) => prop_assert!(matches!(error, ProtocolError::Truncated(_)), "{}", error),
        }
    }

    #[test]
    fn what_is_accepted_has_one_encoding(message in to_guest(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frame = message.frame();
        if !frame.content.is_empty() {
            let at = at.index(frame.content.len());
            frame.content[at] = byte;
        }
        if let Ok(accepted) = ToGuest::of(frame.clone()) {
            prop_assert_eq!(accepted.frame(), frame);
        }
    }

    #[test]
    fn bytes_of_a_stranger_do_no_harm(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
        for frame in read(&stream).unwrap_or_default() {
            let _ = ToGuest::of(frame.clone());
            let _ = FromGuest::of(frame);
        }
    }
}

#[test]
fn an_announced_length_is_not_believed() {
    for kind in Kind::ALL {
        let mut stream = Vec::new();
        stream.extend_from_slice(&(kind.limit() + 1).to_le_bytes());
        stream.extend_from_slice(&[0, 0, 0, 0, kind as u8]);
        let error = read(&stream).expect_err("refused");
        assert!(matches!(error, ProtocolError::TooLong { .. }), "{error}");
    }
}

#[test]
fn an_image_lies_on_a_disk() {
    let read = |number, offset, length| {
        let image = Image {
            number,
            offset,
            length,
        };
        ToGuest::of(ToGuest::Image(image).frame())
    };
    assert!(read(1, 0, 4096).is_ok());
    for (number, offset, length) in [
        (0, 0, 4096),
        (MAX_IMAGES + 1, 0, 4096),
        (1, 512, 4096),
        (1, 0, 5000),
        (1, 0, 0),
        (1, u64::MAX - 4095, 4096),
        (1, i64::MAX as u64 - 4095, 8192),
    ] {
        assert!(
            read(number, offset, length).is_err(),
            "{number} {offset} {length}"
        );
    }
    for number in [0, MAX_IMAGES + 1] {
        assert!(ToGuest::of(ToGuest::DropImage(number).frame()).is_err());
    }
}

#[test]
fn names_cannot_lead_elsewhere() {
    for name in ["", ".", "..", "a/b", "/etc", "a\0b"] {
        let frame = FromGuest::Output(1, name.into()).frame();
        assert!(FromGuest::of(frame).is_err(), "{name:?}");
    }
}

#[test]
fn another_version_says_what_to_do() {
    let mut frame = FromGuest::Hello(GuestHello {
        version: VERSION,
        kernel: "6.1".into(),
        processors: 1,
        memory: 1,
        kvm: false,
        uptime: 1,
    })
    .frame();
    frame.content[0] = 77;
    let text = FromGuest::of(frame).expect_err("refused").to_string();
    assert!(
        text.contains("version 77") && text.contains("vm stop"),
        "{text}"
    );
}

#[test]
fn a_window_holds_what_was_granted() {
    let mut window = Window::default();
    window.spend(WINDOW).expect("granted");
    assert!(window.spend(1).is_err());
    window.grant(2);
    window.spend(1).expect("granted");
    assert_eq!(window.left(), 1);
}
