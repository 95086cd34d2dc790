//! The worker protocol as no Nix speaks it: other versions, noise, half messages, lies, sudden ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Command;

use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::derivation::{Derivation, Output};
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_nix_compat::hash::{NixHash, sha256};
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::{StorePath, build_ca_path};
use wasibuild_worker_protocol::{
    BuildMode, BuildResult, BuildStatus, FramedWriter, Request, Version, read_path_info,
};

use crate::support::{Client, Daemon, World, log_of, until};

/// A file that is named by its hash, with its archive.
pub fn content(name: &str, contents: &[u8]) -> (PathInfo, Vec<u8>) {
    let object = FileSystemObject::file(contents.to_vec());
    let (hash, size) = object.nar_hash().expect("a hash");
    let ca = ContentAddress {
        method: CaMethod::Recursive,
        hash: NixHash::sha256(hash),
    };
    let path = build_ca_path(name, ca.method, &ca.hash, &BTreeSet::new(), false).expect("a path");
    let mut info = PathInfo::new(path, hash, size);
    info.ca = Some(ca);
    let mut archive = Vec::new();
    object.write_nar(&mut archive).expect("an archive");
    (info, archive)
}

/// Sends a path as Nix does.
pub fn add(client: &mut Client, info: &PathInfo, archive: &[u8]) -> Result<(), String> {
    let request = Request::AddToStoreNar {
        info: Box::new(info.clone()),
        repair: false,
        dont_check_signatures: true,
    };
    stream(client, &request, archive)
}

pub fn stream(client: &mut Client, request: &Request, bytes: &[u8]) -> Result<(), String> {
    request.write(&mut client.writer).expect("it is sent");
    let mut frames = FramedWriter::new(&mut client.writer);
    for chunk in bytes.chunks(1 << 16) {
        frames.write_all(chunk).expect("it is sent");
    }
    frames.finish().expect("it is sent");
    client.writer.get_mut().flush().expect("it is sent");
    client.messages().map(drop)
}

fn valid(client: &mut Client, path: &StorePath) -> bool {
    client
        .ask(&Request::IsValidPath(path.clone()))
        .expect("an answer");
    client.number() == 1
}

/// A derivation that the guest of these tests builds, in the form without input derivations.
pub fn guest_derivation(
    client: &mut Client,
    world: &World,
    script: &str,
) -> (StorePath, Derivation) {
    world.expression("[ ]");
    let guest = std::fs::read(world.path("guest.wasm")).expect("the guest");
    let (info, archive) = content("guest.wasm", &guest);
    add(client, &info, &archive).expect("the guest is added");
    let builder = info.path.to_absolute_path();
    let mut derivation = Derivation {
        outputs: BTreeMap::from([("out".to_owned(), Output::Deferred)]),
        input_derivations: BTreeMap::new(),
        input_sources: BTreeSet::from([info.path]),
        system: "wasm32-wasip1".into(),
        builder: builder.clone().into(),
        arguments: Vec::new(),
        environment: BTreeMap::from([
            ("builder".into(), builder.into()),
            ("name".into(), "raw".into()),
            ("out".into(), "".into()),
            ("script".into(), script.into()),
            ("system".into(), "wasm32-wasip1".into()),
        ]),
    };
    // Masked, the path plays no part in the hash that it follows from.
    let some = StorePath::from_digest(&[0; 20], "raw").expect("a path");
    derivation
        .outputs
        .insert("out".to_owned(), Output::InputAddressed { path: some });
    let no_inputs =
        |_: &StorePath| -> Result<[u8; 32], wasibuild_nix_compat::derivation::OutputPathError> {
            unreachable!("there are no input derivations")
        };
    let paths = derivation
        .calculate_output_paths("raw", no_inputs)
        .expect("paths");
    let path = paths.get("out").expect("a path").clone();
    derivation
        .environment
        .insert("out".into(), path.to_absolute_path().into());
    derivation
        .outputs
        .insert("out".to_owned(), Output::InputAddressed { path });
    let drv = derivation.calculate_derivation_path("raw").expect("a path");
    (drv, derivation)
}

fn build(path: &StorePath, derivation: &Derivation) -> Request {
    Request::BuildDerivation {
        path: path.clone(),
        derivation: Box::new(derivation.clone()),
        mode: BuildMode::Normal,
    }
}

#[test]
fn every_version_is_spoken() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    for version in 32..=40 {
        let mut client = daemon.connect(version);
        let agreed = client.handshake.negotiated.version;
        assert_eq!(agreed, Version(version.min(38)));
        assert_eq!(client.handshake.trusted, (version >= 35).then_some(true));
        client.ask(&Client::options()).expect("an answer");
        let script = format!("print hello\nwrite $out {version}");
        let (path, derivation) = guest_derivation(&mut client, &world, &script);
        let messages = client.ask(&build(&path, &derivation)).expect("an answer");
        assert!(messages.len() >= 3, "start, line, stop: {messages:?}");
        let result = BuildResult::read(&mut client.reader, agreed).expect("a result");
        assert_eq!(result.status, BuildStatus::Built, "{result:?}");
        let output = result.outputs.get("out").expect("an output").clone();
        assert_eq!(
            Some(&output),
            derivation.outputs.get("out").and_then(Output::path)
        );
        client
            .ask(&Request::NarFromPath(output.clone()))
            .expect("an archive");
        let archive =
            FileSystemObject::from_nar(client.reader.get_mut(), &Default::default(), &mut || {
                unreachable!("it is small")
            });
        let expected = FileSystemObject::file(format!("{version}\n").into_bytes());
        assert_eq!(
            archive.expect("an archive").nar_hash().ok(),
            expected.nar_hash().ok()
        );
        // In order: what follows the archive is the next answer.
        assert!(valid(&mut client, &output));
        client.ask(&build(&path, &derivation)).expect("an answer");
        let again = BuildResult::read(&mut client.reader, agreed).expect("a result");
        assert_eq!(again.status, BuildStatus::AlreadyValid);
    }
    assert_eq!(daemon.end(), "");
}

#[test]
fn old_clients_are_told_so() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut stream = UnixStream::connect(&daemon.socket).expect("a connection");
    stream
        .write_all(&0x6e69_7863_u64.to_le_bytes())
        .expect("sent");
    stream
        .write_all(&(1_u64 << 8 | 21).to_le_bytes())
        .expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("at least 1.32 (Nix 2.4) is needed"), "{text}");
    assert_eq!(daemon.end(), "");
}

/// Numbers that look random and are the same in each run.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

#[test]
fn noise_hurts_nobody() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut bystander = daemon.connect(38);
    for seed in 0..300_u64 {
        let mut stream = UnixStream::connect(&daemon.socket).expect("a connection");
        let length = (seed * 7 % 300) as usize;
        // Half of them after a proper greeting, as one of the operations.
        let mut bytes = Vec::new();
        if seed % 2 == 0 {
            for number in [0x6e69_7863, 1 << 8 | 37, 0, 0, seed / 2 % 50] {
                bytes.extend_from_slice(&u64::to_le_bytes(number));
            }
            if seed % 4 == 0 {
                bytes.extend_from_slice(&(seed % 64).to_le_bytes());
            }
        }
        bytes.extend(noise(seed).take(length));
        // It may have hung up already.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    bystander.ask(&Client::options()).expect("an answer");
    assert_eq!(daemon.end(), "");
    world.verify();
}

#[test]
fn a_session_may_be_cut_anywhere() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let (info, archive) = content("cut", b"some contents that are not very long");
    // What a client of version 1.34 sends, in one piece.
    let mut session = Vec::new();
    for number in [0x6e69_7863, 1 << 8 | 34, 0, 0] {
        session.extend_from_slice(&u64::to_le_bytes(number));
    }
    let mut writer = wasibuild_worker_protocol::Writer::new(session);
    Client::options().write(&mut writer).expect("memory");
    let request = Request::AddToStoreNar {
        info: Box::new(info.clone()),
        repair: false,
        dont_check_signatures: true,
    };
    request.write(&mut writer).expect("memory");
    let mut frames = FramedWriter::new(&mut writer);
    archive
        .chunks(50)
        .for_each(|chunk| frames.write_all(chunk).expect("memory"));
    frames.finish().expect("memory");
    let session = writer.into_inner();
    // Up to the empty frame at the end: with all bytes of the archive the path is whole.
    for cut in 0..session.len() - 8 {
        let mut stream = UnixStream::connect(&daemon.socket).expect("a connection");
        let _ = stream.write_all(session.get(..cut).expect("a part"));
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let mut client = daemon.connect(38);
    assert!(!valid(&mut client, &info.path), "half a path is valid");
    let mut stream = UnixStream::connect(&daemon.socket).expect("a connection");
    stream.write_all(&session).expect("sent");
    stream.shutdown(Shutdown::Write).expect("open");
    stream.read_to_end(&mut Vec::new()).expect("an answer");
    assert!(valid(&mut client, &info.path));
    assert_eq!(daemon.end(), "");
    world.verify();
}

#[test]
fn lies_are_refused_and_the_connection_goes_on() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut client = daemon.connect(38);
    let (info, archive) = content("honest", b"contents");
    /// What the error says, and the lie.
    type Lie = (&'static str, fn(&mut PathInfo));
    let lies: [Lie; 5] = [
        ("hash", |info| info.nar_hash = [7; 32]),
        ("size", |info| info.nar_size += 8),
        ("a path with it would be", |info| {
            info.path = StorePath::from_digest(&[1; 20], "honest").expect("a path");
        }),
        (
            "'/nix/store/00000000000000000000000000000000-missing'",
            |info| {
                let missing = StorePath::from_digest(&[0; 20], "missing").expect("a path");
                info.references.insert(missing);
                info.ca = None;
            },
        ),
        ("size", |info| info.nar_size = u64::MAX),
    ];
    for (expected, lie) in lies {
        let mut lying = info.clone();
        lie(&mut lying);
        let error = add(&mut client, &lying, &archive).expect_err("refused");
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!valid(&mut client, &lying.path));
    }
    add(&mut client, &info, &archive).expect("the truth");
    // Many at once: one that lies spoils those after it, and nothing else.
    let (second, more) = content("second", b"more");
    let mut bytes = wasibuild_worker_protocol::Writer::new(Vec::new());
    bytes.number(2).expect("memory");
    for (info, archive) in [(&info, &archive), (&second, &more)] {
        wasibuild_worker_protocol::write_path_info(&mut bytes, info).expect("memory");
        bytes.get_mut().extend_from_slice(archive);
    }
    let request = Request::AddMultipleToStore {
        repair: false,
        dont_check_signatures: true,
    };
    stream(&mut client, &request, &bytes.into_inner()).expect("both");
    assert!(valid(&mut client, &second.path));
    let error = stream(&mut client, &request, &[9; 100]).expect_err("refused");
    assert!(error.contains("at most 268435456 are accepted"), "{error}");
    // Content that is named by its hash: the server computes the name.
    let request = Request::AddToStore {
        name: "text".to_owned(),
        method: "text:sha256".to_owned(),
        references: BTreeSet::new(),
        repair: false,
    };
    stream(&mut client, &request, b"a text").expect("it is added");
    let added = read_path_info(&mut client.reader).expect("an answer");
    assert_eq!(
        added.ca.map(|ca| ca.hash),
        Some(NixHash::sha256(sha256(b"a text")))
    );
    assert_eq!(daemon.end(), "");
    world.verify();
}

#[test]
fn derivations_that_make_no_sense_are_refused() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut client = daemon.connect(38);
    let (path, derivation) = guest_derivation(&mut client, &world, "write $out x");
    let mut other = derivation.clone();
    let wrong = StorePath::from_digest(&[3; 20], "raw").expect("a path");
    other
        .outputs
        .insert("out".to_owned(), Output::InputAddressed { path: wrong });
    let other_path = other.calculate_derivation_path("raw").expect("a path");
    let error = client
        .ask(&build(&other_path, &other))
        .expect_err("refused");
    assert!(error.contains("output"), "{error}");
    let named = StorePath::from_digest(&[3; 20], "other.drv").expect("a path");
    let error = client
        .ask(&build(&named, &derivation))
        .expect_err("refused");
    assert!(error.contains("must be named 'other'"), "{error}");
    let mut foreign = derivation.clone();
    foreign.system = "sparc-solaris".into();
    let named = StorePath::from_digest(&[3; 20], "raw.drv").expect("a path");
    let error = client.ask(&build(&named, &foreign)).expect_err("refused");
    assert!(error.contains("'sparc-solaris'"), "{error}");
    let mut incomplete = derivation.clone();
    incomplete.input_sources.insert(named.clone());
    client.ask(&build(&named, &incomplete)).expect("an answer");
    let result = BuildResult::read(&mut client.reader, Version(38)).expect("a result");
    assert_eq!(result.status, BuildStatus::InputRejected);
    // After all that.
    client.ask(&build(&path, &derivation)).expect("an answer");
    let result = BuildResult::read(&mut client.reader, Version(38)).expect("a result");
    assert_eq!(result.status, BuildStatus::Built, "{result:?}");
    assert_eq!(daemon.end(), "");
}

#[test]
fn an_unknown_operation_ends_the_connection_with_an_error() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut client = daemon.connect(38);
    client.writer.number(999).expect("sent");
    client.writer.get_mut().flush().expect("sent");
    assert_eq!(
        client.messages().expect_err("an error"),
        "invalid operation 999"
    );
    let mut rest = Vec::new();
    client
        .reader
        .get_mut()
        .read_to_end(&mut rest)
        .expect("the end");
    assert!(rest.is_empty());
    assert_eq!(daemon.end(), "");
}

#[test]
fn a_client_that_vanishes_stops_its_build() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["-j1"]);
    let mut client = daemon.connect(38);
    let (path, derivation) = guest_derivation(&mut client, &world, "print begun\nspin");
    client.send(&build(&path, &derivation));
    until("the build", || {
        log_of(&daemon, "raw").is_some_and(|log| log.contains("begun"))
    });
    drop(client);
    // There is one job: this one runs only if the other was stopped.
    let mut client = daemon.connect(38);
    let (path, derivation) = guest_derivation(&mut client, &world, "write $out next");
    client.ask(&build(&path, &derivation)).expect("an answer");
    let result = BuildResult::read(&mut client.reader, Version(38)).expect("a result");
    assert_eq!(result.status, BuildStatus::Built, "{result:?}");
    assert_eq!(daemon.end(), "");
}

#[test]
fn the_end_of_the_server_stops_builds() {
    let world = World::new();
    let daemon = Daemon::start(&world, &[]);
    let mut client = daemon.connect(38);
    let (path, derivation) = guest_derivation(&mut client, &world, "print begun\nspin");
    client.send(&build(&path, &derivation));
    until("the build", || {
        log_of(&daemon, "raw").is_some_and(|log| log.contains("begun"))
    });
    assert_eq!(daemon.end(), "");
    world.verify();
}

/// A small file system, mounted for a test.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(world: &World) -> Option<Small> {
        let place = world.root();
        std::fs::create_dir(&place).expect("a directory");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=24m", "none"])
            .arg(&place);
        mount
            .status()
            .is_ok_and(|status| status.success())
            .then_some(Small(place))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_an_error_and_not_the_end() {
    let world = World::new();
    let Some(_small) = Small::mount(&world) else {
        println!("SKIPPED: a_full_disk_is_an_error_and_not_the_end: cannot mount");
        return;
    };
    let daemon = Daemon::start(&world, &[]);
    let mut client = daemon.connect(38);
    let (large, archive) = content("large", &vec![7; 40 << 20]);
    let error = add(&mut client, &large, &archive).expect_err("refused");
    assert!(
        error.contains("full") || error.contains("No space"),
        "{error}"
    );
    let (small, archive) = content("small", b"fits");
    add(&mut client, &small, &archive).expect("it fits");
    assert!(valid(&mut client, &small.path));
    assert!(!valid(&mut client, &large.path));
    // A build that fills it fails alone, too.
    let script = "megabytes $out 40";
    let (path, derivation) = guest_derivation(&mut client, &world, script);
    client.ask(&build(&path, &derivation)).expect("an answer");
    let result = BuildResult::read(&mut client.reader, Version(38)).expect("a result");
    assert!(!result.status.is_success(), "{result:?}");
    let message = result.message.to_string();
    assert!(
        message.contains("full") || message.contains("No space"),
        "{message}"
    );
    let (path, derivation) = guest_derivation(&mut client, &world, "write $out x");
    client.ask(&build(&path, &derivation)).expect("an answer");
    let result = BuildResult::read(&mut client.reader, Version(38)).expect("a result");
    assert_eq!(result.status, BuildStatus::Built, "{result:?}");
    drop(client);
    assert_eq!(daemon.end(), "");
    let verified = world.run(&["store", "verify", "--check-contents"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
