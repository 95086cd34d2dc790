//! What one side writes the other reads as the same, and no bytes make a reader panic, wait for more
//! than it was promised, or take more memory than came in.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use wasibuild_nix_compat::content_address::{CaMethod, ContentAddress};
use wasibuild_nix_compat::derivation::{Derivation, Output};
use wasibuild_nix_compat::hash::NixHash;
use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;

use super::*;

fn path() -> impl Strategy<Value = StorePath> {
    (any::<[u8; 20]>(), "[a-z][a-z0-9.+-]{0,8}")
        .prop_map(|(digest, name)| StorePath::from_digest(&digest, &name).expect("a path"))
}

fn drv() -> impl Strategy<Value = StorePath> {
    any::<[u8; 20]>().prop_map(|digest| StorePath::from_digest(&digest, "x.drv").expect("a path"))
}

fn bytes() -> impl Strategy<Value = bstr::BString> {
    vec(any::<u8>(), 0..20).prop_map(Into::into)
}

fn paths() -> impl Strategy<Value = BTreeSet<StorePath>> {
    btree_set(path(), 0..4)
}

fn address() -> impl Strategy<Value = ContentAddress> {
    (0usize..3, any::<[u8; 32]>()).prop_map(|(method, digest)| ContentAddress {
        method: [CaMethod::Flat, CaMethod::Recursive, CaMethod::Text][method],
        hash: NixHash::sha256(digest),
    })
}

fn info() -> impl Strategy<Value = PathInfo> {
    let known = (
        paths(),
        proptest::option::of(path()),
        vec("[a-z:+/=]{0,9}", 0..3),
    );
    let rest = (proptest::option::of(address()), any::<u64>(), any::<bool>());
    (path(), any::<[u8; 32]>(), any::<u64>(), known, rest).prop_map(
        |(path, nar_hash, nar_size, (references, deriver, signatures), (ca, time, ultimate))| {
            PathInfo {
                path,
                nar_hash,
                nar_size,
                references,
                deriver,
                signatures,
                ca,
                registration_time: time,
                ultimate,
            }
        },
    )
}

fn output() -> impl Strategy<Value = Output> {
    prop_oneof![
        path().prop_map(|path| Output::InputAddressed { path }),
        (path(), address()).prop_map(|(path, ca)| Output::Fixed { path, ca }),
        Just(Output::Deferred),
    ]
}

fn derivation() -> impl Strategy<Value = Derivation> {
    let texts = (
        bytes(),
        bytes(),
        vec(bytes(), 0..4),
        btree_map(bytes(), bytes(), 0..4),
    );
    (btree_map("[a-z]{1,4}", output(), 0..4), paths(), texts).prop_map(
        |(outputs, input_sources, (system, builder, arguments, environment))| Derivation {
            outputs,
            input_derivations: BTreeMap::new(),
            input_sources,
            system,
            builder,
            arguments,
            environment,
        },
    )
}

fn target() -> impl Strategy<Value = DerivedPath> {
    let outputs = prop_oneof![
        Just(OutputSelection::All),
        btree_set("[a-z]{1,4}", 1..4).prop_map(OutputSelection::Names),
    ];
    prop_oneof![
        path().prop_map(DerivedPath::Opaque),
        (drv(), outputs).prop_map(|(derivation, outputs)| DerivedPath::Built {
            derivation,
            outputs,
        }),
    ]
}

fn mode() -> impl Strategy<Value = BuildMode> {
    prop_oneof![
        Just(BuildMode::Normal),
        Just(BuildMode::Repair),
        Just(BuildMode::Check)
    ]
}

fn options() -> impl Strategy<Value = ClientOptions> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, any::<[u64; 5]>(), btree_map(bytes(), bytes(), 0..4)).prop_map(
        |((keep_failed, keep_going, try_fallback, use_substitutes), numbers, overrides)| {
            ClientOptions {
                keep_failed,
                keep_going,
                try_fallback,
                use_substitutes,
                verbosity: numbers[0],
                max_jobs: numbers[1],
                max_silent_time: numbers[2],
                build_verbosity: numbers[3],
                build_cores: numbers[4],
                overrides,
            }
        },
    )
}

fn one_path() -> impl Strategy<Value = Request> {
    const MAKE: [fn(StorePath) -> Request; 12] = [
        Request::IsValidPath,
        Request::QueryReferrers,
        Request::EnsurePath,
        Request::AddTempRoot,
        Request::QueryDeriver,
        Request::QuerySubstitutablePathInfo,
        Request::QueryDerivationOutputs,
        Request::QueryPathInfo,
        Request::QueryDerivationOutputNames,
        Request::QueryValidDerivers,
        Request::NarFromPath,
        Request::QueryDerivationOutputMap,
    ];
    (0..MAKE.len(), path()).prop_map(|(which, path)| MAKE[which](path))
}

fn adding() -> impl Strategy<Value = Request> {
    prop_oneof![
        ("[a-z]{1,9}", "[a-z:]{1,9}", paths(), any::<bool>()).prop_map(
            |(name, method, references, repair)| Request::AddToStore {
                name,
                method,
                references,
                repair
            }
        ),
        (info(), any::<bool>(), any::<bool>()).prop_map(|(info, repair, dont_check_signatures)| {
            Request::AddToStoreNar {
                info: Box::new(info),
                repair,
                dont_check_signatures,
            }
        }),
        (any::<bool>(), any::<bool>()).prop_map(|(repair, dont_check_signatures)| {
            Request::AddMultipleToStore {
                repair,
                dont_check_signatures,
            }
        }),
        bytes().prop_map(Request::AddBuildLog),
        (path(), vec("[a-z:]{0,9}", 0..3))
            .prop_map(|(path, signatures)| Request::AddSignatures { path, signatures }),
        (path(), bytes()).prop_map(|(path, link)| Request::AddPermRoot { path, link }),
        bytes().prop_map(Request::AddIndirectRoot),
        bytes().prop_map(Request::RegisterDrvOutput),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let actions = [
        GcAction::ReturnLive,
        GcAction::ReturnDead,
        GcAction::DeleteDead,
        GcAction::DeleteSpecific,
    ];
    prop_oneof![
        one_path(),
        adding(),
        Just(Request::SyncWithGc),
        Just(Request::FindRoots),
        Just(Request::QueryAllValidPaths),
        Just(Request::OptimiseStore),
        (vec(target(), 0..4), mode())
            .prop_map(|(targets, mode)| Request::BuildPaths { targets, mode }),
        (vec(target(), 0..4), mode())
            .prop_map(|(targets, mode)| Request::BuildPathsWithResults { targets, mode }),
        vec(target(), 0..4).prop_map(Request::QueryMissing),
        options().prop_map(|options| Request::SetOptions(Box::new(options))),
        (0usize..4, paths(), any::<bool>(), any::<u64>()).prop_map(
            move |(action, paths, ignore_liveness, max_freed)| Request::CollectGarbage {
                action: actions[action],
                paths,
                ignore_liveness,
                max_freed
            }
        ),
        "[a-z]{0,9}".prop_map(Request::QueryPathFromHashPart),
        btree_map(path(), "[a-z]{0,9}", 0..4).prop_map(Request::QuerySubstitutablePathInfos),
        (paths(), any::<bool>())
            .prop_map(|(paths, substitute)| Request::QueryValidPaths { paths, substitute }),
        paths().prop_map(Request::QuerySubstitutablePaths),
        (any::<bool>(), any::<bool>()).prop_map(|(check_contents, repair)| Request::VerifyStore {
            check_contents,
            repair
        }),
        (drv(), derivation(), mode()).prop_map(|(path, derivation, mode)| {
            Request::BuildDerivation {
                path,
                derivation: Box::new(derivation),
                mode,
            }
        }),
        bytes().prop_map(Request::QueryRealisation),
    ]
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    vec(
        prop_oneof![
            any::<u64>().prop_map(Field::Number),
            bytes().prop_map(Field::Text)
        ],
        0..4,
    )
}

fn message() -> impl Strategy<Value = Message> {
    let error = |(level, message, traces)| {
        Message::Error(RemoteError {
            level,
            message,
            traces,
        })
    };
    prop_oneof![
        bytes().prop_map(Message::Next),
        any::<u64>().prop_map(Message::Read),
        bytes().prop_map(Message::Write),
        Just(Message::Last),
        (any::<u64>(), bytes(), vec(bytes(), 0..3)).prop_map(error),
        (any::<[u64; 4]>(), bytes(), fields()).prop_map(
            |([id, level, kind, parent], text, fields)| Message::StartActivity(Activity {
                id,
                level,
                kind,
                text,
                fields,
                parent
            })
        ),
        any::<u64>().prop_map(Message::StopActivity),
        (any::<u64>(), any::<u64>(), fields()).prop_map(|(activity, kind, fields)| {
            Message::Result {
                activity,
                kind,
                fields,
            }
        }),
    ]
}

fn build_result() -> impl Strategy<Value = BuildResult> {
    let numbers = (any::<[u64; 3]>(), any::<[Option<u64>; 2]>(), any::<bool>());
    let outputs = btree_map("[a-z]{1,4}", path(), 0..4);
    (0..BuildStatus::ALL.len(), bytes(), numbers, outputs).prop_map(
        |(status, message, ([times_built, start, stop], processor, differs), outputs)| {
            BuildResult {
                status: BuildStatus::ALL[status],
                message,
                times_built,
                non_deterministic: differs,
                times: (start, stop),
                processor,
                outputs,
            }
        },
    )
}

fn written(write: impl FnOnce(&mut Writer<Vec<u8>>) -> Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    write(&mut writer).expect("memory takes everything");
    writer.into_inner()
}

proptest! {
    #[test]
    fn requests(request in request()) {
        let bytes = written(|writer| request.write(writer));
        let mut reader = Reader::new(bytes.as_slice());
        prop_assert_eq!(Request::read(&mut reader).expect("a request"), Some(request));
        prop_assert!(Request::read(&mut reader).expect("the end").is_none());
    }

    #[test]
    fn requests_that_are_cut(request in request(), place in any::<prop::sample::Index>()) {
        let bytes = written(|writer| request.write(writer));
        let cut = place.index(bytes.len());
        let result = Request::read(&mut Reader::new(&bytes[..cut]));
        prop_assert!(if cut == 0 { matches!(result, Ok(None)) } else { result.is_err() }, "{result:?}");
    }

    #[test]
    fn requests_that_are_noise(number in 0u64..50, noise in vec(any::<u8>(), 0..200)) {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.extend(noise);
        let _ = Request::read(&mut Reader::new(bytes.as_slice()));
    }

    #[test]
    fn messages(message in message()) {
        let bytes = written(|writer| message.write(writer));
        let mut reader = Reader::new(bytes.as_slice());
        prop_assert_eq!(Message::read(&mut reader).expect("a message"), message);
        prop_assert!(reader.number_or_end().expect("the end").is_none());
    }

    #[test]
    fn results(result in build_result(), version in 32u8..=38) {
        let version = Version(version);
        let bytes = written(|writer| result.write(writer, version));
        let mut reader = Reader::new(bytes.as_slice());
        let mut expected = result.clone();
        if version < Version(37) {
            expected.processor = [None; 2];
        }
        prop_assert_eq!(BuildResult::read(&mut reader, version).expect("a result"), expected);
        prop_assert!(reader.number_or_end().expect("the end").is_none());
    }

    #[test]
    fn path_infos(info in info()) {
        let bytes = written(|writer| write_path_info(writer, &info));
        prop_assert_eq!(read_path_info(&mut Reader::new(bytes.as_slice())).expect("an info"), info);
    }

    #[test]
    fn streams(chunks in vec(vec(any::<u8>(), 0..50), 0..8), left in 0usize..60) {
        let mut bytes = written(|writer| {
            let mut stream = FramedWriter::new(writer);
            chunks.iter().try_for_each(|chunk| stream.write_all(chunk))?;
            stream.finish()
        });
        bytes.extend(7u64.to_le_bytes());
        let whole = chunks.concat();
        let mut reader = Reader::new(bytes.as_slice());
        let mut stream = FramedReader::new(&mut reader);
        let mut begin = vec![0; left.min(whole.len())];
        stream.read_exact(&mut begin).expect("the beginning");
        prop_assert_eq!(&whole[..begin.len()], begin.as_slice());
        stream.finish().expect("the rest");
        prop_assert_eq!(reader.number("what follows").expect("a number"), 7);
    }
}

#[test]
fn no_length_is_believed() {
    for announced in [1 << 27, 1 << 40, u64::MAX] {
        let mut bytes = written(|writer| writer.number(announced));
        bytes.extend(b"short");
        let error = Reader::new(bytes.as_slice())
            .bytes("a string")
            .expect_err("refused");
        let known = matches!(
            error,
            ProtocolError::TooLong { .. }
                | ProtocolError::TooMuch { .. }
                | ProtocolError::Truncated { .. }
        );
        assert!(known, "{error}");
        let error = Reader::new(bytes.as_slice())
            .list::<_, Vec<_>>("a list", |reader| reader.bytes("an item"));
        assert!(error.is_err());
    }
}

#[test]
fn a_list_of_nothings_ends() {
    let endless = std::io::repeat(0);
    let mut count = written(|writer| writer.number(u64::MAX));
    count.truncate(8);
    let mut reader = Reader::new(count.as_slice().chain(endless));
    let error = reader
        .list::<_, Vec<_>>("a list", |reader| reader.bytes("an item"))
        .expect_err("refused");
    assert!(matches!(error, ProtocolError::TooMuch { .. }), "{error}");
}

#[test]
fn padding_is_looked_at() {
    let mut bytes = written(|writer| writer.bytes("abc"));
    *bytes.last_mut().expect("padding") = 1;
    let error = Reader::new(bytes.as_slice())
        .bytes("a string")
        .expect_err("refused");
    assert!(matches!(error, ProtocolError::Padding { .. }), "{error}");
}

#[test]
fn both_sides_of_the_greeting_agree() {
    use std::os::unix::net::UnixStream;
    for ours in 30..=40 {
        let (client, server) = UnixStream::pair().expect("a pair");
        let serving = std::thread::spawn(move || {
            let (mut reader, mut writer) = (Reader::new(&server), Writer::new(&server));
            let agreed = server_handshake(&mut reader, &mut writer)?;
            server_hello(&mut writer, agreed.version, "2.99 (test)", ours % 2 == 0)?;
            Ok::<_, ProtocolError>(agreed.version)
        });
        let (mut reader, mut writer) = (Reader::new(&client), Writer::new(&client));
        let result = client_handshake(&mut reader, &mut writer, Version(ours));
        drop(client);
        let served = serving.join().expect("the server");
        if ours < MIN_VERSION.0 {
            assert!(
                matches!(served, Err(ProtocolError::TooOld { .. })),
                "{served:?}"
            );
            continue;
        }
        let result = result.expect("a handshake");
        assert_eq!(result.negotiated.version, Version(ours.min(OUR_VERSION.0)));
        assert_eq!(served.expect("a version"), result.negotiated.version);
        assert_eq!(result.server.is_some(), ours >= 33);
        assert_eq!(result.trusted, (ours >= 35).then_some(ours % 2 == 0));
    }
}

#[test]
fn every_operation_has_its_number() {
    for number in 0..2000 {
        match Operation::from_number(number) {
            Ok(operation) => assert_eq!(operation as u64, number),
            Err(error) => assert!(
                matches!(error, ProtocolError::UnknownOperation(_)),
                "{error}"
            ),
        }
    }
    assert_eq!(Operation::ALL.len(), 36);
}

#[test]
fn what_is_to_be_built() {
    let drv = "/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x.drv";
    for good in [drv.to_owned(), format!("{drv}!*"), format!("{drv}!dev,out")] {
        assert_eq!(
            DerivedPath::parse(good.as_bytes())
                .expect("a target")
                .to_string(),
            good
        );
    }
    for bad in [
        "",
        "/nix/store/x",
        "/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-x!out",
    ] {
        assert!(
            DerivedPath::parse(bad.as_bytes()).is_err(),
            "{bad} was accepted"
        );
    }
    for bad in ["!", "!a,", "!a b", "!a!b"] {
        assert!(
            DerivedPath::parse(format!("{drv}{bad}").as_bytes()).is_err(),
            "{bad} was accepted"
        );
    }
}
