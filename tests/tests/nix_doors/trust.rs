//! What clients may do whom the daemon does not trust.

use std::collections::BTreeSet;

use wasibuild_worker_protocol::{BuildMode, GcAction, Request};

use crate::protocol::{add, content, guest_derivation, stream};
use crate::support::{Daemon, Nix, World, failure, text};

#[test]
fn untrusted_clients_bring_only_what_proves_itself() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["--force-untrusted"]);
    let mut client = daemon.connect(38);
    assert_eq!(client.handshake.trusted, Some(false));
    let (info, archive) = content("proven", b"contents");
    let mut unproven = info.clone();
    unproven.ca = None;
    let error = add(&mut client, &unproven, &archive).expect_err("refused");
    assert!(
        error.contains("lacks a signature by a trusted key"),
        "{error}"
    );
    unproven.signatures = vec!["cache.nixos.org-1:AAAA".to_owned()];
    assert!(add(&mut client, &unproven, &archive).is_err());
    // That it was "built here" is not the client's to say.
    unproven.ultimate = true;
    assert!(add(&mut client, &unproven, &archive).is_err());
    add(&mut client, &info, &archive).expect("it proves itself");
    let (path, derivation) = guest_derivation(&mut client, &world, "write $out x");
    let request = Request::BuildDerivation {
        path,
        derivation: Box::new(derivation),
        mode: BuildMode::Normal,
    };
    let error = client.ask(&request).expect_err("refused");
    assert!(
        error.contains("you are not trusted to build input-addressed"),
        "{error}"
    );
    for request in [
        Request::CollectGarbage {
            action: GcAction::DeleteDead,
            paths: BTreeSet::new(),
            ignore_liveness: false,
            max_freed: u64::MAX,
        },
        Request::AddSignatures {
            path: info.path.clone(),
            signatures: vec!["a:b".to_owned()],
        },
        Request::AddPermRoot {
            path: info.path.clone(),
            link: "/tmp/link".into(),
        },
        Request::AddIndirectRoot("/tmp/link".into()),
        Request::FindRoots,
        Request::VerifyStore {
            check_contents: true,
            repair: false,
        },
    ] {
        let error = client.ask(&request).expect_err("refused");
        assert!(
            error.contains("you are not trusted to"),
            "{request:?}: {error}"
        );
    }
    let log = Request::AddBuildLog("00bgd045z0d4icpbc2yyz4gx48ak44la-x.drv".into());
    let error = stream(&mut client, &log, b"a false log").expect_err("refused");
    assert!(
        error.contains("you are not trusted to add build logs"),
        "{error}"
    );
    assert_eq!(daemon.end(), "");
}

#[test]
fn untrusted_nix_builds_by_sending_all_derivations() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["--force-untrusted"]);
    for nix in Nix::all("untrusted_nix_builds_by_sending_all_derivations") {
        let body = format!(
            r#"[ (mk "top-{}" {{
              leaf = mk "leaf" {{ script = "write $out leaf"; }};
              script = "copy $leaf $out";
            }}) ]"#,
            nix.version
        );
        let mut build = nix.build(&world, &body, &daemon.builders(1));
        let output = build.output().expect("nix-build starts");
        // Before 2.14 Nix does not ask whether it is trusted, and sends no derivations.
        if nix.number() < (2, 14) {
            let errors = failure(output);
            let told = errors.contains("you are not trusted to build input-addressed");
            assert!(told, "Nix {}:\n{errors}", nix.version);
        } else {
            text(output);
        }
    }
    assert_eq!(daemon.end(), "");
}
