//! The example machine is built 50 times, on hosts that differ in whatever a host can differ in.
//!
//! Contract: every store path that comes out has the same NAR hash, size and references each time,
//! and the bytes on the disk have the hash that is registered. Time, zone, locale, mask, number of
//! jobs, load, host name, environment, home, current directory, place of the store and its file
//! system vary, each by a period of its own, so that they meet in many combinations.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tempfile::TempDir;
use wasibuild_store::Store;
use wasibuild_tests::file_systems::{FileSystem, Kind};

const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");
const REBUILDS: usize = 50;

const ZONES: [&str; 5] = [
    "UTC",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "XYZ+11:59",
    ":/none",
];
const LOCALES: [&str; 4] = ["C", "tr_TR.UTF-8", "C.UTF-8", "ja_JP.eucJP"];
const MASKS: [&str; 3] = ["022", "077", "000"];
const JOBS: [&str; 4] = ["1", "2", "7", "32"];
/// Shifts of the wall clock in seconds: none, 30 years back, 60 years on.
const SHIFTS: [i64; 3] = [0, -946_080_000, 1_892_160_000];

/// A wall clock that is wrong by `CLOCK_SHIFT` seconds, put before the C library's.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    const char *shift = getenv("CLOCK_SHIFT");
    if (result == 0 && clock == CLOCK_REALTIME && shift) out->tv_sec += atoll(shift);
    return result;
}
"#;

/// What is registered of a path, except for what may differ: time and signatures.
type Facts = BTreeMap<String, ([u8; 32], u64, Vec<String>)>;

#[test]
fn fifty_rebuilds_give_the_same_hashes() {
    let directory = tempfile::tempdir().expect("a directory");
    let host = Host::new(directory.path());
    let busy = AtomicBool::new(false);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| load(&busy, &over));
        // However this ends, the load ends.
        let _end = Ending(&over);
        let first = host.rebuild(0);
        assert!(
            first.len() > 200,
            "outputs and derivations: {}",
            first.len()
        );
        for number in 1..REBUILDS {
            busy.store(number % 5 == 3, Ordering::Relaxed);
            let other = host.rebuild(number);
            assert_eq!(
                other.len(),
                first.len(),
                "rebuild {number}: number of paths"
            );
            for (path, facts) in &first {
                assert_eq!(
                    other.get(path),
                    Some(facts),
                    "rebuild {number}: '{path}' differs"
                );
            }
        }
    });
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Keeps a processor busy while it shall.
fn load(busy: &AtomicBool, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        if busy.load(Ordering::Relaxed) {
            for number in 0..100_000_u64 {
                std::hint::black_box(number);
            }
        } else {
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// What this machine lets a test vary.
struct Host {
    directory: PathBuf,
    derivation: PathBuf,
    clock: Option<PathBuf>,
    names: bool,
    times: bool,
    mounts: Vec<FileSystem>,
    memory: Option<TempDir>,
}

impl Host {
    fn new(directory: &Path) -> Host {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/nixos");
        let top = fs::read_to_string(fixture.join("top")).expect("the name of the top level");
        let host = Host {
            directory: directory.to_owned(),
            derivation: fixture.join(top.trim()),
            clock: clock(directory),
            names: works(&["unshare", "--uts", "hostname", "elsewhere"]),
            times: works(&[
                "unshare",
                "--time",
                "--boottime",
                "100000",
                "--fork",
                "true",
            ]),
            mounts: mounts(directory),
            memory: tempfile::tempdir_in("/dev/shm").ok(),
        };
        for (there, what) in [
            (
                host.clock.is_some(),
                "another wall clock (needs cc and LD_PRELOAD)",
            ),
            (host.names, "another host name (needs unshare --uts)"),
            (
                host.times,
                "other clocks since start (needs unshare --time)",
            ),
            (host.memory.is_some(), "memory's file system (/dev/shm)"),
        ] {
            if !there {
                println!("SKIPPED: rebuilds with {what}");
            }
        }
        host
    }

    /// Where the store of a rebuild lies.
    fn root(&self, number: usize) -> PathBuf {
        let here = &self.directory;
        match number % 7 {
            1 => here.join(format!("a path with 'quotes', \u{e4} and spaces {number}")),
            2 => here.join("deep/".repeat(40)).join(number.to_string()),
            3 => self
                .memory
                .as_ref()
                .map_or(here.as_path(), TempDir::path)
                .join(number.to_string()),
            4..=6 if !self.mounts.is_empty() => self.mounts[number / 7 % self.mounts.len()]
                .path()
                .join(number.to_string()),
            _ => here.join(number.to_string()),
        }
    }

    /// Builds the example in a new store and returns what was registered.
    fn rebuild(&self, number: usize) -> Facts {
        let root = self.root(number);
        fs::create_dir_all(&root).expect("the root");
        let home = self.directory.join(format!("home-{}", number % 3));
        fs::create_dir_all(&home).expect("a home");

        let mut words: Vec<String> = Vec::new();
        if self.times && number % 4 == 1 {
            words.extend(
                ["unshare", "--time", "--boottime", "1000000", "--fork"].map(str::to_owned),
            );
        }
        let mut script = format!("umask {}; exec \"$@\"", MASKS[number % 3]);
        if self.names && number % 2 == 1 {
            words.extend(["unshare", "--uts"].map(str::to_owned));
            script.insert_str(0, &format!("hostname host-{number} && "));
        }
        words.extend(
            ["sh", "-c", &script, "sh", PROGRAM, "run", "--no-substitute"].map(str::to_owned),
        );
        words.extend(["-j", JOBS[number % 4]].map(str::to_owned));

        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("--store")
            .arg(&root)
            .arg(&self.derivation);
        command.env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // The compiled builders are kept, except that one rebuild compiles them anew.
        let cache = if number == 25 {
            format!("cache-{number}")
        } else {
            "cache".to_owned()
        };
        command
            .env("XDG_CACHE_HOME", self.directory.join(cache))
            .env("HOME", &home);
        command
            .env("TZ", ZONES[number % 5])
            .env("LC_ALL", LOCALES[number % 4]);
        command
            .env("LANG", LOCALES[(number + 1) % 4])
            .env("USER", format!("user{number}"));
        command.env(format!("NOISE_{number}"), "x".repeat(number * 50));
        if number.is_multiple_of(2) {
            command
                .env("NIX_BUILD_CORES", number.to_string())
                .env("SOURCE_DATE_EPOCH", "1");
            command.current_dir(&root);
        }
        let shift = SHIFTS[number % 3];
        if let Some(clock) = &self.clock {
            command
                .env("LD_PRELOAD", clock)
                .env("CLOCK_SHIFT", shift.to_string());
        }
        let output = command.output().expect("the program starts");
        assert!(
            output.status.success(),
            "rebuild {number} failed: {words:?} in {}:\n{}",
            root.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let store = Store::open(&root).expect("the store opens");
        let report = store.verify(true).expect("the store can be verified");
        assert!(report.is_ok(), "rebuild {number}: {report:?}");
        let facts = self.facts(&store, shift);
        drop(store);
        fs::remove_dir_all(&root).expect("the root can be removed");
        facts
    }

    fn facts(&self, store: &Store, shift: i64) -> Facts {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .expect("a time")
            .as_secs();
        let mut all = Facts::new();
        for path in store.all_valid_paths().expect("the paths") {
            let info = store
                .query_path_info(&path)
                .expect("a query")
                .expect("a valid path");
            // The wrong clock was really on: the time of registration is host's, and shifted.
            if self.clock.is_some() {
                let expected = i64::try_from(now).expect("a time") + shift;
                let found = i64::try_from(info.registration_time).expect("a time");
                assert!(
                    (found - expected).abs() < 100_000,
                    "{path}: {found}, not {expected}"
                );
            }
            let references = info
                .references
                .iter()
                .map(|path| path.basename().to_owned());
            let facts = (info.nar_hash, info.nar_size, references.collect());
            all.insert(path.basename().to_owned(), facts);
        }
        all
    }
}

/// The file systems that this machine can mount.
fn mounts(directory: &Path) -> Vec<FileSystem> {
    let mounted = Kind::ALL.map(|kind| {
        FileSystem::mount(kind, directory)
            .inspect_err(|why| println!("SKIPPED: rebuilds on {}: {why}", kind.name()))
            .ok()
    });
    mounted.into_iter().flatten().collect()
}

/// Compiles the wrong clock.
fn clock(directory: &Path) -> Option<PathBuf> {
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    fs::write(&source, CLOCK).expect("the source");
    let mut command = Command::new("cc");
    command
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl");
    let done = command
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    (done && cfg!(target_os = "linux")).then_some(library)
}

fn works(words: &[&str]) -> bool {
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
