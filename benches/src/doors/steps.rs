//! What one small build through the external builder takes, step by step.
//!
//! Contract: the same build as a whole (the program from its start to its end, as Nix calls it), and its
//! parts in this process, each a median. What the program's start takes is shown by a command that does
//! nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use wasibuild::embedded::BUILDERS;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{BuildRequest, CancelToken, Engine, EngineOptions, LogSink, ProgramSource};

use super::Machine;
use super::connection::Served;
use crate::measure::{Side, medians};

/// The output of the build.
const OUT: &str = "/nix/store/10bgd045z0d4icpbc2yyz4gx48ak44la-step";
/// The builder.
const BUILDER: &str = "00bgd045z0d4icpbc2yyz4gx48ak44la-wasibuild-text.wasm";

/// A step and its time.
pub type Step = (&'static str, Duration);
/// A step, and how to do it.
pub type NamedSide<'a> = (&'static str, Side<'a>);

struct NoLog;

impl LogSink for NoLog {
    fn write(&mut self, _: &[u8]) {}
}

/// Measures these steps and those of the daemon, all in turns.
///
/// # Errors
/// When a part fails.
pub fn steps(machine: &Machine, samples: usize) -> Result<Vec<Step>> {
    let served = Served::start(machine, samples)?;
    let (mut names, mut sides): (Vec<_>, Vec<_>) = alone(machine)?.into_iter().unzip();
    let (others, their_sides): (Vec<_>, Vec<_>) = served.sides().into_iter().unzip();
    names.extend(others);
    sides.extend(their_sides);
    let times = medians(samples, &mut sides)?;
    Ok(names.into_iter().zip(times).collect())
}

/// The external builder's, without Nix.
fn alone(machine: &Machine) -> Result<Vec<NamedSide<'_>>> {
    let folder = machine.fresh("steps")?;
    let text = BUILDERS.iter().find(|builder| builder.name == "text");
    let module = text.context("the program has no builder 'text'")?.module;
    fs::create_dir_all(folder.join("nix/store"))?;
    fs::write(folder.join("nix/store").join(BUILDER), module)?;
    let options = || EngineOptions {
        cache_dir: Some(machine.cache().join("wasibuild/modules")),
        ..EngineOptions::default()
    };
    let engine = Engine::new(options())?;
    engine.module(module)?;
    let object = build(&engine, module)?;

    let start = move || {
        let begin = Instant::now();
        let mut command = Command::new(&machine.wasibuild);
        command.arg("--version").stdout(Stdio::null());
        ensure!(command.status()?.success(), "wasibuild --version failed");
        Ok(begin.elapsed())
    };
    let whole = move || {
        let description = describe(machine, &folder)?;
        let begin = Instant::now();
        let mut command = Command::new(&machine.wasibuild);
        command
            .arg("external-builder")
            .arg(&description)
            .env("XDG_CACHE_HOME", machine.cache())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status()?;
        let time = begin.elapsed();
        ensure!(status.success(), "wasibuild external-builder failed");
        Ok(time)
    };
    let set_up = move || {
        let begin = Instant::now();
        drop(Engine::new(options())?);
        Ok(begin.elapsed())
    };
    let load = move || {
        let engine = Engine::new(options())?;
        let begin = Instant::now();
        engine.module(module)?;
        Ok(begin.elapsed())
    };
    let run = move || {
        let begin = Instant::now();
        build(&engine, module)?;
        Ok(begin.elapsed())
    };
    let write = move || {
        let place = machine.fresh("output")?.join("out");
        let begin = Instant::now();
        wasibuild::realise::keep::write_tree(&object, &place)?;
        Ok(begin.elapsed())
    };
    Ok(vec![
        (
            "external builder, from its start to its end",
            Box::new(whole) as Side<'_>,
        ),
        (
            "of that: a program that does nothing (`--version`)",
            Box::new(start),
        ),
        ("setting the engine up", Box::new(set_up)),
        (
            "loading the compiled module from the cache, with its hash",
            Box::new(load),
        ),
        ("running the builder", Box::new(run)),
        ("writing the output", Box::new(write)),
    ])
}

/// The build in this process.
fn build(engine: &Engine, module: &[u8]) -> Result<FileSystemObject> {
    let mut request = BuildRequest::new("step", ProgramSource::Module(engine.module(module)?));
    request.argv = vec![BUILDER.into()];
    request.env = variables();
    request.outputs = BTreeMap::from([("out".to_owned(), base_name(OUT).to_owned())]);
    request.build_files =
        BTreeMap::from([(".attrs.json".into(), attributes().into_bytes().into())]);
    let mut outcome = engine.run(request, &mut NoLog, &CancelToken::new())?;
    outcome.outputs.remove("out").context("its output")
}

fn attributes() -> String {
    json!({
        "name": "step", "builder": format!("/nix/store/{BUILDER}"), "system": "wasm32-wasi",
        "text": "a small text\n", "outputs": { "out": OUT },
    })
    .to_string()
}

fn variables() -> BTreeMap<bstr::BString, bstr::BString> {
    [
        ("NIX_ATTRS_JSON_FILE", "/build/.attrs.json"),
        ("NIX_BUILD_TOP", "/build"),
        ("name", "step"),
        ("out", OUT),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .into()
}

/// What Nix would write for the build, with a directory of its own.
fn describe(machine: &Machine, folder: &Path) -> Result<PathBuf> {
    let top = machine.fresh("build")?;
    let directory = top.join("build");
    fs::create_dir(&directory)?;
    fs::write(directory.join(".attrs.json"), attributes())?;
    let store = top.join("store");
    fs::create_dir(&store)?;
    fs::hard_link(folder.join("nix/store").join(BUILDER), store.join(BUILDER))?;
    let variables: BTreeMap<String, String> = variables()
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let description = json!({
        "version": 1, "system": "wasm32-wasi", "args": [],
        "builder": format!("/nix/store/{BUILDER}"), "env": variables,
        "inputPaths": [format!("/nix/store/{BUILDER}")], "outputs": { "out": OUT },
        "storeDir": "/nix/store", "realStoreDir": store,
        "topTmpDir": top, "tmpDir": directory, "tmpDirInSandbox": "/build",
    });
    let place = top.join("build.json");
    fs::write(&place, description.to_string())?;
    Ok(place)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
