//! Every operation, asked by a client that is not trusted and lies: nothing is added.
//!
//! Contract: exhaustive, so that a new operation does not compile until it stands here. What the daemon answers
//! is its own business (other tests look at it); here the store, its roots and its logs are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wasibuild_nix_compat::path_info::PathInfo;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_worker_protocol::{
    BuildMode, DerivedPath, GcAction, Operation, OutputSelection, Request, write_path_info,
};

use crate::protocol::{add, content, guest_derivation, stream};
use crate::support::{Client, Daemon, World};

/// What a liar has.
struct Lies {
    /// A path that nothing proves, and its archive.
    info: PathInfo,
    archive: Vec<u8>,
    /// A derivation whose output it would forge.
    drv: StorePath,
    derivation: wasibuild_nix_compat::derivation::Derivation,
    /// A valid path.
    valid: StorePath,
    link: bstr::BString,
}

/// The request, and what follows it.
fn request(operation: Operation, lies: &Lies) -> (Request, Vec<u8>) {
    let path = || lies.info.path.clone();
    let paths = || BTreeSet::from([path(), lies.valid.clone()]);
    let mode = BuildMode::Normal;
    let targets = || {
        vec![DerivedPath::Built {
            derivation: lies.drv.clone(),
            outputs: OutputSelection::All,
        }]
    };
    let (repair, dont_check_signatures) = (false, true);
    let request = match operation {
        Operation::IsValidPath => Request::IsValidPath(path()),
        Operation::QueryReferrers => Request::QueryReferrers(path()),
        Operation::AddToStore => {
            let request = Request::AddToStore {
                name: "lie".to_owned(),
                method: "fixed:r:sha256".to_owned(),
                references: BTreeSet::from([path()]), // Which is not valid.
                repair,
            };
            return (request, lies.archive.clone());
        }
        Operation::BuildPaths => Request::BuildPaths {
            targets: targets(),
            mode,
        },
        Operation::EnsurePath => Request::EnsurePath(path()),
        Operation::AddTempRoot => Request::AddTempRoot(path()),
        Operation::AddIndirectRoot => Request::AddIndirectRoot(lies.link.clone()),
        Operation::SyncWithGc => Request::SyncWithGc,
        Operation::FindRoots => Request::FindRoots,
        Operation::QueryDeriver => Request::QueryDeriver(path()),
        Operation::SetOptions => Client::options(),
        Operation::CollectGarbage => Request::CollectGarbage {
            action: GcAction::DeleteSpecific,
            paths: BTreeSet::from([lies.valid.clone()]),
            ignore_liveness: true,
            max_freed: u64::MAX,
        },
        Operation::QuerySubstitutablePathInfo => Request::QuerySubstitutablePathInfo(path()),
        Operation::QueryDerivationOutputs => Request::QueryDerivationOutputs(path()),
        Operation::QueryAllValidPaths => Request::QueryAllValidPaths,
        Operation::QueryPathInfo => Request::QueryPathInfo(path()),
        Operation::QueryDerivationOutputNames => Request::QueryDerivationOutputNames(path()),
        Operation::QueryPathFromHashPart => {
            Request::QueryPathFromHashPart(path().hash_part().to_owned())
        }
        Operation::QuerySubstitutablePathInfos => {
            Request::QuerySubstitutablePathInfos(BTreeMap::from([(path(), String::new())]))
        }
        Operation::QueryValidPaths => Request::QueryValidPaths {
            paths: paths(),
            substitute: true,
        },
        Operation::QuerySubstitutablePaths => Request::QuerySubstitutablePaths(paths()),
        Operation::QueryValidDerivers => Request::QueryValidDerivers(path()),
        Operation::OptimiseStore => Request::OptimiseStore,
        Operation::VerifyStore => Request::VerifyStore {
            check_contents: true,
            repair: true,
        },
        Operation::BuildDerivation => Request::BuildDerivation {
            path: lies.drv.clone(),
            derivation: Box::new(lies.derivation.clone()),
            mode,
        },
        Operation::AddSignatures => Request::AddSignatures {
            path: lies.valid.clone(),
            signatures: vec!["cache.nixos.org-1:AAAA".to_owned()],
        },
        Operation::NarFromPath => Request::NarFromPath(path()),
        Operation::AddToStoreNar => {
            let request = Request::AddToStoreNar {
                info: Box::new(lies.info.clone()),
                repair,
                dont_check_signatures,
            };
            return (request, lies.archive.clone());
        }
        Operation::QueryMissing => Request::QueryMissing(targets()),
        Operation::QueryDerivationOutputMap => Request::QueryDerivationOutputMap(path()),
        Operation::RegisterDrvOutput => Request::RegisterDrvOutput("{}".into()),
        Operation::QueryRealisation => Request::QueryRealisation("sha256:00!out".into()),
        Operation::AddMultipleToStore => {
            let mut many = wasibuild_worker_protocol::Writer::new(Vec::new());
            many.number(1).expect("memory");
            write_path_info(&mut many, &lies.info).expect("memory");
            let mut many = many.into_inner();
            many.extend_from_slice(&lies.archive);
            let request = Request::AddMultipleToStore {
                repair,
                dont_check_signatures,
            };
            return (request, many);
        }
        Operation::AddBuildLog => {
            let name = lies.drv.basename().to_owned().into_bytes();
            return (Request::AddBuildLog(name.into()), b"a false log".to_vec());
        }
        Operation::BuildPathsWithResults => Request::BuildPathsWithResults {
            targets: targets(),
            mode,
        },
        Operation::AddPermRoot => Request::AddPermRoot {
            path: lies.valid.clone(),
            link: lies.link.clone(),
        },
    };
    (request, Vec::new())
}

/// What there is in the store, among the roots, and of logs.
fn everything(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for place in ["nix/store", "nix/var/nix/gcroots", "nix/var/log"] {
        let mut todo = vec![root.join(place)];
        while let Some(directory) = todo.pop() {
            let Ok(entries) = std::fs::read_dir(&directory) else {
                continue;
            };
            for entry in entries {
                let entry = entry.expect("an entry");
                found.insert(entry.path().display().to_string());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    todo.push(entry.path());
                }
            }
        }
    }
    found
}

#[test]
fn no_operation_lets_a_liar_add_anything() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["--force-untrusted", "--no-substitute"]);
    let mut client = daemon.connect(38);
    let (valid, archive) = content("valid", b"named by its hash");
    add(&mut client, &valid, &archive).expect("it proves itself");
    let (drv, derivation) = guest_derivation(&mut client, &world, "write $out forged");
    let output = derivation.outputs.get("out").expect("an output");
    let (mut info, archive) = content("lie", b"whatever");
    info.path = output.path().expect("a path").clone();
    info.ca = None;
    let lies = Lies {
        info,
        archive,
        drv,
        derivation,
        valid: valid.path.clone(),
        link: world
            .path("link")
            .into_os_string()
            .into_encoded_bytes()
            .into(),
    };
    std::os::unix::fs::symlink(valid.path.to_absolute_path(), world.path("link")).expect("a link");
    drop(client);
    let before = everything(&daemon.root);
    let mut refused = BTreeSet::new();
    for operation in Operation::ALL {
        let mut client = daemon.connect(38);
        let (request, bytes) = request(*operation, &lies);
        assert_eq!(request.operation(), *operation);
        let answer = match operation.is_followed_by_a_stream() {
            true => stream(&mut client, &request, &bytes),
            false => client.ask(&request).map(drop),
        };
        if answer.is_err() {
            refused.insert(*operation);
        }
        drop(client);
        assert_eq!(everything(&daemon.root), before, "after {operation:?}");
    }
    // Those that would change something are refused and not only without effect.
    for operation in [
        Operation::AddToStore,
        Operation::AddToStoreNar,
        Operation::AddMultipleToStore,
        Operation::AddBuildLog,
        Operation::AddSignatures,
        Operation::AddPermRoot,
        Operation::AddIndirectRoot,
        Operation::BuildDerivation,
        Operation::CollectGarbage,
        Operation::RegisterDrvOutput,
        Operation::VerifyStore,
    ] {
        assert!(refused.contains(&operation), "{operation:?} was answered");
    }
    let mut client = daemon.connect(38);
    client
        .ask(&Request::IsValidPath(lies.info.path))
        .expect("an answer");
    assert_eq!(client.number(), 0);
    drop(client);
    assert_eq!(daemon.end(), "");
    world.verify();
}
