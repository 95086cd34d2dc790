//! Programs that are none, and the cache of compiled code.

use crate::support::{Build, names, probe, write};
use std::os::unix::fs::PermissionsExt;
use wasibuild_sandbox::{BuildError, Engine, EngineError, EngineOptions, ProgramSource};

fn refused(text: &str) -> String {
    let bytes = wat::parse_str(text).unwrap();
    match crate::support::ENGINE.module(&bytes) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_command_is_refused() {
    assert!(refused("(module)").contains("_start"));
    assert!(
        refused(r#"(module (func (export "_start") (param i32)))"#).contains("without parameters")
    );
    assert!(refused(r#"(module (func (export "_start")))"#).contains("memory"));
    let import = refused(
        r#"(module (import "env" "socket" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
    );
    assert!(import.contains("'env' 'socket'"), "{import}");
    let wrong = refused(
        r#"(module (import "wasi_snapshot_preview1" "fd_close" (func)) (memory (export "memory") 1)
           (func (export "_start")))"#,
    );
    assert!(wrong.contains("fd_close"), "{wrong}");
    assert!(
        refused(r#"(module (memory (export "memory") 1 2 shared) (func (export "_start")))"#).len()
            > 10
    );
    assert!(
        refused(r#"(module (memory (export "memory") i64 1) (func (export "_start")))"#).len() > 10
    );
    let error = crate::support::ENGINE.module(b"#!/bin/sh\n").unwrap_err();
    assert!(matches!(error, EngineError::Invalid(_)), "{error}");
    assert!(
        crate::support::ENGINE
            .module(b"\0asm\x01\0\0\0\xff")
            .is_err()
    );
}

#[test]
fn a_builder_that_is_missing_or_no_module_is_named() {
    let mut build = probe(&[]);
    let text = build.input("2a9p07z77phvv2hf6gm9f28syp39f1ag-text");
    write(&text, "no module");
    for (path, hint) in [
        ("/nix/store/2a9p07z77phvv2hf6gm9f28syp39f1ag-text", "magic"),
        ("/nix/store/none", "input closure"),
        ("/nix/store", "regular file"),
        ("/dev/null", "regular file"),
    ] {
        build.request.program = ProgramSource::Path(path.into());
        let ran = build.run();
        let text = ran.error().to_string();
        assert!(matches!(ran.error(), BuildError::Program { .. }), "{text}");
        assert!(
            text.contains(path) && text.contains(hint) && text.contains("'test'"),
            "{text}"
        );
    }
}

#[test]
fn a_builder_needs_no_executable_bit() {
    let mut build = probe(&["pid"]);
    let path = build.input("2a9p07z77phvv2hf6gm9f28syp39f1ag-builder.wasm");
    std::fs::write(&path, &*crate::support::PROBE_WASM).unwrap();
    let view = "/nix/store/2a9p07z77phvv2hf6gm9f28syp39f1ag-builder.wasm";
    build.request.program = ProgramSource::Path(view.into());
    assert_eq!(build.run().log(), "pid = 1\n");
}

#[test]
fn requests_that_contradict_themselves_are_refused() {
    let check = |change: fn(&mut Build), hint: &str| {
        let mut build = probe(&[]);
        change(&mut build);
        let ran = build.run();
        let text = ran.error().to_string();
        assert!(matches!(ran.error(), BuildError::Request { .. }), "{text}");
        assert!(text.contains(hint), "{text}");
    };
    check(
        |it| drop(it.request.outputs.insert("out".into(), "../x".into())),
        "'../x'",
    );
    check(
        |it| {
            drop(
                it.request
                    .outputs
                    .insert("out".into(), crate::support::PROBE.into()),
            )
        },
        "at once",
    );
    check(
        |it| drop(it.request.inputs.insert("a/b".into(), "/".into())),
        "'a/b'",
    );
    check(
        |it| drop(it.request.build_files.insert("..".into(), "x".into())),
        "'..'",
    );
    check(|it| it.request.argv.push("a\0b".into()), "NUL");
    check(
        |it| drop(it.request.env.insert("a=b".into(), "".into())),
        "'='",
    );
    check(|it| it.request.cwd = "build".into(), "not absolute");
}

const SMALL: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

#[test]
fn compiled_code_is_kept_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("a/modules");
    let options = EngineOptions {
        cache_dir: Some(cache.clone()),
        precompiled_dir: None,
    };
    let bytes = wat::parse_str(SMALL).unwrap();
    Engine::new(options.clone())
        .unwrap()
        .module(&bytes)
        .unwrap();
    let names = || names(&cache);
    assert_eq!(names().len(), 1);
    assert_eq!(
        std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    // Proof that it is read: rubbish under the right name is met, told, and compiled over.
    let file = cache.join(&names()[0]);
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"rubbish").unwrap();
    Engine::new(options.clone())
        .unwrap()
        .module(&bytes)
        .unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), good);
    // The same for code that came with the program.
    let engine = Engine::new(EngineOptions {
        cache_dir: None,
        precompiled_dir: Some(cache.clone()),
    })
    .unwrap();
    let (name, code) = engine.precompile(&bytes).unwrap();
    assert_eq!((name.as_str(), code), (names()[0].as_str(), good));
    engine.module(&bytes).unwrap();
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("modules");
    std::fs::create_dir(&cache).unwrap();
    let bytes = wat::parse_str(SMALL).unwrap();
    let used = || {
        let options = EngineOptions {
            cache_dir: Some(cache.clone()),
            precompiled_dir: None,
        };
        Engine::new(options).unwrap().module(&bytes).unwrap();
        names(&cache).len()
    };
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&cache, 0o770);
    assert_eq!(used(), 0);
    mode(&cache, 0o702);
    assert_eq!(used(), 0);
    mode(&cache, 0o700);
    mode(dir.path(), 0o777);
    assert_eq!(used(), 0);
    mode(dir.path(), 0o700);
    assert_eq!(used(), 1);
}
