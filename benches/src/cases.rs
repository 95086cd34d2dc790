//! The jobs that are measured.
//!
//! Contract: each gives one row. Stores and folders are new for each turn and are removed only at
//! the end: ext4 without a journal makes files slowly just after many were removed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_sandbox::{BuildRequest, CancelToken, Engine, EngineOptions, LogSink, ProgramSource};

use crate::derivations::{self, Written};
use crate::measure::{Row, Side, medians};
use crate::nix;
use crate::plain::{Kind, Plain};
use crate::realise::Host;

/// Where things are.
#[derive(Debug, Clone)]
pub struct Places {
    /// A folder for everything that is written.
    pub scratch: PathBuf,
    /// The compiled programs.
    pub programs: PathBuf,
    /// Builds at a time, on all sides.
    pub jobs: usize,
}

impl Places {
    pub(crate) fn fresh(&self, what: &str) -> Result<PathBuf> {
        let prefix = format!("{what}.");
        Ok(tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&self.scratch)?
            .keep())
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.scratch.join("cache/wasibuild/modules")
    }

    pub(crate) fn host(&self) -> Result<Host> {
        Host::open(&self.fresh("store")?, &self.modules(), self.jobs)
    }
}

/// An empty program: `_start` does nothing.
const EMPTY: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x05\x03\x01\0\x01\
    \x07\x13\x02\x06memory\x02\0\x06_start\0\0\x0a\x04\x01\x02\0\x0b";

struct NoLog;

impl LogSink for NoLog {
    fn write(&mut self, _: &[u8]) {}
}

/// A new instance of an empty program, from request to exit, against an empty process.
///
/// # Errors
/// When a side fails.
pub fn instance_start(_: &Places) -> Result<Row> {
    const TIMES: u32 = 200;
    let engine = Engine::new(EngineOptions::default())?;
    let module = engine.module(EMPTY)?;
    let each = |mut once: Box<dyn FnMut() -> Result<()>>| -> Side<'_> {
        Box::new(move || {
            let start = Instant::now();
            for _ in 0..TIMES {
                once()?;
            }
            Ok(start.elapsed() / TIMES)
        })
    };
    let process = |program: &'static str, arguments: &'static [&'static str]| {
        move || {
            let status = Command::new(program)
                .args(arguments)
                .env_clear()
                .stdin(Stdio::null())
                .status()?;
            ensure!(status.success(), "{program} failed");
            Ok(())
        }
    };
    let ours = move || {
        let request = BuildRequest::new("empty", ProgramSource::Module(module.clone()));
        engine.run(request, &mut NoLog, &CancelToken::new())?;
        Ok(())
    };
    let mut sides = [
        each(Box::new(ours)),
        each(Box::new(process("/bin/true", &[]))),
        each(Box::new(process("/bin/bash", &["-c", ":"]))),
    ];
    row(
        "instance start (an empty program)",
        1.0,
        medians(5, &mut sides)?,
    )
}

fn row(job: &str, goal: f64, times: Vec<Duration>) -> Result<Row> {
    let mut times = times.into_iter();
    Ok(Row {
        job: job.to_owned(),
        ours: times.next().context("our time")?,
        native: times.next(),
        gnu: times.next(),
        sandboxed: times.next(),
        nix: times.next(),
        goal,
    })
}

/// Derivations in a store, wasibuild against the two other sides.
fn derivations_row(
    places: &Places,
    job: &str,
    goal: f64,
    samples: usize,
    arguments: &[OsString],
    prepare: &dyn Fn(&Host) -> Result<()>,
) -> Result<Row> {
    // Built once, so that the other sides know what is to be done, and modules are compiled.
    let host = places.host()?;
    prepare(&host)?;
    let plan = host.import(arguments)?;
    let goals: Vec<OsString> = (plan.goals.iter())
        .map(|(id, _)| plan.graph.node(*id).derivation.to_absolute_path().into())
        .collect();
    host.run(&goals)?;
    let plain = Plain::of(&host.store, &plan, &places.programs)?;
    for kind in [Kind::Native, Kind::Gnu, Kind::Sandboxed] {
        let folder = places.fresh("plain")?;
        plain.run(kind, &folder, places.jobs)?;
        plain.check(kind, &folder)?;
    }
    let ours = || {
        let host = places.host()?;
        prepare(&host)?;
        host.import(arguments)?;
        let start = Instant::now();
        host.run(&goals)?;
        Ok(start.elapsed())
    };
    let other = |kind| {
        let plain = &plain;
        move || plain.run(kind, &places.fresh("plain")?, places.jobs)
    };
    let mut sides: Vec<Side<'_>> = vec![
        Box::new(ours),
        Box::new(other(Kind::Native)),
        Box::new(other(Kind::Gnu)),
        Box::new(other(Kind::Sandboxed)),
    ];
    if nix::works(&plain, &places.fresh("nix")?, places.jobs)? {
        sides.push(Box::new(|| {
            let time = nix::run(&plain, &places.fresh("nix")?, places.jobs)?;
            time.context("nix-store vanished")
        }));
    }
    row(job, goal, medians(samples, &mut sides)?)
}

/// The example's whole closure.
///
/// # Errors
/// When a side fails.
pub fn closure(places: &Places) -> Result<Row> {
    let job = "the example's closure (130 derivations), with the engine's start";
    let goal = derivations::example()?;
    derivations_row(places, job, 50.0, 7, &[goal], &|_| Ok(()))
}

/// One text derivation in a process that runs already.
///
/// # Errors
/// When a side fails.
pub fn text(places: &Places) -> Result<Row> {
    let host = places.host()?;
    let folder = places.fresh("drv")?;
    let mut made = Vec::new();
    for number in 0..64 {
        made.push(text_derivation(&folder, number)?);
    }
    let files: Vec<OsString> = made.iter().map(|made| file(&folder, made)).collect();
    let plan = host.import(&files)?;
    // The first starts the engine.
    let mut goals = made
        .iter()
        .map(|made| OsString::from(made.path.to_absolute_path()));
    host.run(&[goals.next().context("a derivation")?])?;
    host.run(&goals.clone().skip(32).collect::<Vec<_>>())?;
    let other = places.host()?;
    let one = other.import(files.get(..1).unwrap_or_default())?;
    drop(plan);
    other.run(&[OsString::from(
        one.graph
            .node(one.goals.first().context("a goal")?.0)
            .derivation
            .to_absolute_path(),
    )])?;
    let plain = Plain::of(&other.store, &one, &places.programs)?;
    let run = |kind| {
        let plain = &plain;
        move || plain.run(kind, &places.fresh("plain")?, 1)
    };
    let ours = || {
        let goal = goals.next().context("enough derivations")?;
        let start = Instant::now();
        host.run(&[goal])?;
        Ok(start.elapsed())
    };
    let mut sides: Vec<Side<'_>> = vec![
        Box::new(ours),
        Box::new(run(Kind::Native)),
        Box::new(run(Kind::Gnu)),
        Box::new(run(Kind::Sandboxed)),
    ];
    if nix::works(&plain, &places.fresh("nix")?, 1)? {
        sides.push(Box::new(|| {
            nix::run(&plain, &places.fresh("nix")?, 1)?.context("nix-store vanished")
        }));
    }
    row(
        "one text derivation, from its .drv to the registered output",
        1.0,
        medians(25, &mut sides)?,
    )
}

fn text_derivation(folder: &Path, number: usize) -> Result<Written> {
    let attributes = json!({ "text": format!("the text of number {number}\n") });
    derivations::write(
        folder,
        "text",
        &format!("text-{number}"),
        attributes,
        &[],
        &[],
    )
}

fn file(folder: &Path, made: &Written) -> OsString {
    folder.join(made.path.basename()).into_os_string()
}

/// A tree of 10,000 links.
///
/// # Errors
/// When a side fails.
pub fn links(places: &Places) -> Result<Row> {
    let folder = places.fresh("drv")?;
    let entries: Map<String, Value> = (0..10_000)
        .map(|number| {
            let name = format!("share/{:02}/link-{number}", number % 100);
            (name, json!(format!("/run/target/{number}")))
        })
        .collect();
    let attributes = json!({ "entries": entries });
    let made = derivations::write(&folder, "symlink-tree", "links", attributes, &[], &[])?;
    let goals = [file(&folder, &made)];
    derivations_row(
        places,
        "a tree of 10,000 links",
        1.0,
        1,
        &goals,
        &|_| Ok(()),
    )
}

/// Substitution in a file of 10 MB.
///
/// # Errors
/// When a side fails.
pub fn substitution(places: &Places) -> Result<Row> {
    let folder = places.fresh("drv")?;
    let source = folder.join("large.in");
    // Bash takes minutes for a replacement in every line: its time grows with their product.
    let plain = "A line of some length, with no variable and nothing else in it, as it goes.\n";
    let block = plain.repeat(500) + "A line with a @variable@ and another @second@ in it.\n";
    fs::write(&source, block.repeat(10_000_000 / block.len()))?;
    let path = places.host()?.store.add_path(&source)?;
    let attributes = json!({
        "src": path.to_absolute_path(), "all": true, "variable": "value", "second": "/some/where",
    });
    let sources = [path];
    let made = derivations::write(&folder, "substitute", "large", attributes, &sources, &[])?;
    let goals = [file(&folder, &made)];
    let add = |host: &Host| -> Result<()> {
        host.store.add_path(&source)?;
        Ok(())
    };
    derivations_row(
        places,
        "substitution in a file of 10 MB",
        1.0,
        3,
        &goals,
        &add,
    )
}

/// The NAR hash of a file of 1 GB, against `sha256sum` of the same bytes.
///
/// # Errors
/// When a side fails.
pub fn nar_hash(places: &Places) -> Result<Row> {
    let path = places.fresh("nar")?.join("file");
    let mut file = File::create(&path)?;
    let block: Vec<u8> = (0..1_000_000u32).map(|n| (n * 31 % 251) as u8).collect();
    for _ in 0..1000 {
        file.write_all(&block)?;
    }
    drop(file);
    let ours = || {
        let file = File::open(&path)?;
        let len = file.metadata()?.len();
        let contents = Contents::Spilled {
            file: file.into(),
            len,
        };
        let start = Instant::now();
        FileSystemObject::file(contents).nar_hash()?;
        Ok(start.elapsed())
    };
    let theirs = || {
        let start = Instant::now();
        let status = Command::new("sha256sum")
            .arg(&path)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "sha256sum failed");
        Ok(start.elapsed())
    };
    let mut sides: [Side<'_>; 2] = [Box::new(ours), Box::new(theirs)];
    let times = medians(3, &mut sides)?;
    let mut times = times.into_iter();
    Ok(Row {
        job: "NAR hash of 1 GB (beside it: sha256sum)".to_owned(),
        ours: times.next().context("our time")?,
        native: None,
        gnu: times.next(),
        sandboxed: None,
        nix: None,
        goal: 1.0,
    })
}

/// From the start of the program to the start of the first build, modules being compiled.
///
/// # Errors
/// When the program fails.
pub fn start(places: &Places) -> Result<Duration> {
    let folder = places.fresh("drv")?;
    let mut times = Vec::new();
    for number in 0..12 {
        let made = text_derivation(&folder, number + 1000)?;
        let store = places.fresh("store")?;
        Host::open(&store, &places.modules(), 1)?.import(&[file(&folder, &made)])?;
        let start = Instant::now();
        let mut child = wasibuild(places, &store)
            .arg(made.path.to_absolute_path())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("its messages")?);
        let mut line = String::new();
        while !line.starts_with("building") {
            line.clear();
            ensure!(lines.read_line(&mut line)? > 0, "nothing was built");
        }
        times.push(start.elapsed());
        std::io::copy(&mut lines, &mut std::io::sink())?;
        ensure!(child.wait()?.success(), "wasibuild failed");
    }
    times.sort();
    times.get(times.len() / 2).copied().context("a time")
}

fn wasibuild(places: &Places, store: &Path) -> Command {
    let mut command = Command::new(places.programs.join("wasibuild"));
    command
        .env("XDG_CACHE_HOME", places.scratch.join("cache"))
        .args(["run", "--no-substitute", "--store"])
        .arg(store)
        .stdout(Stdio::null());
    command
}

/// Time and the most memory (in kB) of a program that builds `count` text derivations.
///
/// # Errors
/// When the program fails.
pub fn many(places: &Places, count: usize, chain: bool) -> Result<(Duration, u64)> {
    let folder = places.fresh("drv")?;
    let store = places.fresh("store")?;
    let mut all: Vec<Written> = Vec::new();
    let mut last: Option<Written> = None;
    for number in 0..count {
        let inputs: Vec<Written> = last.take().filter(|_| chain).into_iter().collect();
        // A reference: each has all before it in its closure.
        let before = inputs.first().map(|input| input.out.to_absolute_path());
        let attributes = json!({ "text": format!("number {number} after {before:?}\n") });
        let name = format!("many-{number}");
        let made = derivations::write(&folder, "text", &name, attributes, &[], &inputs)?;
        if !chain {
            all.push(made.clone());
        }
        last = Some(made);
    }
    // One that needs all the others: a command line has no room for ten thousand.
    all.extend(last.filter(|_| chain));
    let attributes = json!({ "text": "the last one\n" });
    let top = derivations::write(&folder, "text", "many", attributes, &[], &all)?;
    Host::open(&store, &places.modules(), 1)?.import(&[file(&folder, &top)])?;
    let start = Instant::now();
    let mut child = wasibuild(places, &store)
        .arg(top.path.to_absolute_path())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let code = loop {
        if let Some(code) = child.try_wait()? {
            break code;
        }
        memory = memory.max(peak(&status).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(2));
    };
    let time = start.elapsed();
    ensure!(code.success(), "wasibuild failed");
    Ok((time, memory))
}

/// `VmHWM` of a process, in kB.
fn peak(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
