//! What is tried through every door. [`crate::matrix`] says through which, and runs them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::doors::{Door, Way};
use crate::support::{World, failure, until};

pub use crate::multi_user::multi_user;

/// Many kinds of derivations, all of which must build.
pub const KINDS: &str = r#"
  let
    leaf = mk "leaf" { script = "print building the leaf\nwrite $out leaf"; };
    multiple = mk "multiple" {
      outputs = [ "out" "dev" ];
      script = "write $out a\nwrite $dev b";
    };
    files = mk "files" {
      passAsFile = [ "text" ];
      text = "as a file";
      script = "copy $textPath $out";
    };
    itself = mk "itself" { script = "mkdir $out\nwrite $out/self $out"; };
    fixed = mk "fixed" {
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
      script = "write $out hello";
    };
  in
  [
    (mk "top" {
      inherit leaf;
      both = "${multiple} ${multiple.dev}";
      file = files;
      self = itself;
      fix = fixed;
      script = "mkdir $out\nwrite $out/all $leaf $file $self $fix\nenvironment $out/environment";
    })
    (mk "graph" {
      exportReferencesGraph = [ "closure" itself ];
      script = "environment $out";
    })
    (mk "structured" {
      __structuredAttrs = true;
      numbers = [ 1 2 3 ];
      script = "environment ${placeholder "out"}";
    })
  ]
"#;

pub fn success(way: &Way<'_>) {
    let paths = way.built(KINDS);
    assert_eq!(paths.len(), 3, "{}: {paths:?}", way.shown());
    // The same derivations, built by `wasibuild run` from Nix' own files.
    let alone = World::new();
    for path in &paths {
        let deriver = way.query(&["--query", "--deriver", path]);
        let file = way.store.join(deriver.trim_start_matches('/'));
        let built = alone.build(&[file.to_str().expect("text")]);
        assert_eq!(built, [path.as_str()], "{}", way.shown());
        for question in ["--hash", "--references", "--size"] {
            let query = ["--query", question, path];
            let found = way.query(&query);
            let expected = crate::run_support::nix_output("nix-store", &alone.root(), &query);
            assert_eq!(found, expected, "{}: {path}", way.shown());
        }
    }
    way.verify();
}

pub fn failing(way: &Way<'_>) {
    let body = r#"[ (mk "bad" { script = "print the last words\nexit 3"; }) ]"#;
    let errors = failure(way.build(body).output().expect("nix-build starts"));
    for expected in ["the last words", "exit code 3"] {
        assert!(errors.contains(expected), "{}:\n{errors}", way.shown());
    }
    let derivation = way.derivation(body);
    let log = way.query(&["--read-log", &derivation]);
    assert_eq!(log, "the last words", "{}", way.shown());
    // The command that people know: it asks the store.
    let mut command = way.nix.command("nix", way.world.directory.path());
    command
        .args(["log", "--store"])
        .arg(&way.store)
        .arg(&derivation);
    let log = way.text(command.output().expect("nix starts"));
    assert_eq!(log, "the last words", "{}", way.shown());
}

pub fn keep_failed(way: &Way<'_>) {
    let body = r#"[ (mk "left" { script = "write /build/clue found\nexit 1"; }) ]"#;
    let mut command = way.build(body);
    let output = command.arg("--keep-failed").output();
    let errors = failure(output.expect("nix-build starts"));
    // Ours ("left in '…'") or Nix' ("keeping build directory '…'", with or without the last part).
    let said = errors.lines().find_map(|line| {
        let ours = line.split_once("left in ");
        let (_, place) = ours.or_else(|| line.split_once("keeping build directory "))?;
        Some(place.trim_matches(['"', '\'']).to_owned())
    });
    let place = said.unwrap_or_else(|| panic!("{}:\n{errors}", way.shown()));
    let clue = ["clue", "build/clue"]
        .iter()
        .find_map(|name| std::fs::read_to_string(Path::new(&place).join(name)).ok());
    assert_eq!(clue.as_deref(), Some("found\n"), "{}: {place}", way.shown());
}

pub fn check(way: &Way<'_>) {
    way.built(KINDS);
    let mut command = way.build(KINDS);
    way.text(command.arg("--check").output().expect("nix-build starts"));
}

pub fn timeouts(way: &Way<'_>) {
    for (name, script, option) in [
        ("slow", "chatter", "--timeout"),
        ("silent", r"print begun\nspin", "--max-silent-time"),
    ] {
        let body = format!(r#"[ (mk "{name}" {{ script = "{script}"; }}) ]"#);
        let mut command = way.build(&body);
        let output = command.args([option, "1"]).output();
        let errors = failure(output.expect("nix-build starts"));
        let told = errors.contains("timed out") || errors.contains("1 second");
        assert!(told, "{} {option}:\n{errors}", way.shown());
        no_builds(way);
    }
}

pub fn interrupted(way: &Way<'_>) {
    ended_by(way, Signal::INT);
}

pub fn killed(way: &Way<'_>) {
    ended_by(way, Signal::KILL);
}

/// A build that would never end, and a signal for who asked for it.
fn ended_by(way: &Way<'_>, signal: Signal) {
    let body = r#"[ (mk "endless" { script = "print begun\nspin"; }) ]"#;
    let mut child = begun(way, body);
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    assert!(!child.wait().expect("it ends").success());
    no_builds(way);
    // There is room again, and nothing is locked: as many as there can be at once.
    let body = r#"builtins.genList (n: mk "next-${toString n}" { script = "write $out x"; }) 3"#;
    assert_eq!(way.built(body).len(), 3, "{}", way.shown());
    way.verify();
}

/// Starts `nix build` and waits until the builder has printed a line.
fn begun(way: &Way<'_>, body: &str) -> Child {
    let mut command = way.command("nix", 1);
    let log = way.world.path("log");
    let file = std::fs::File::create(&log).expect("a file");
    command
        .args(["build", "--no-link", "--print-build-logs", "--file"])
        .arg(way.world.expression(body))
        .stdout(Stdio::null())
        .stderr(file);
    let child = command.spawn().expect("nix starts");
    let seen = || std::fs::read_to_string(&log).unwrap_or_default();
    until("the build", || seen().contains("begun"));
    child
}

/// Waits until nothing of ours works for this world any more.
fn no_builds(way: &Way<'_>) {
    let directory = way.world.directory.path().to_str().expect("text");
    match way.door {
        // It stays, and works for nobody.
        Door::Daemon => until("the daemon's rest", || {
            running("daemon", directory).iter().all(|one| !one.busy)
        }),
        Door::Ssh => until("the daemon's end", || {
            running("daemon", directory).is_empty()
        }),
        Door::External => until("the builder's end", || {
            running("external-builder", directory).is_empty()
        }),
        Door::Hook => until("the hook's end", || running("hook", directory).is_empty()),
    }
}

/// A process of ours.
#[derive(Debug)]
pub struct Running {
    /// As whom it runs.
    pub user: u32,
    /// Whether it uses the processor.
    pub busy: bool,
}

/// Our processes that have an argument `word` and name something below `directory` in their arguments or
/// their environment.
pub fn running(word: &str, directory: &str) -> Vec<Running> {
    let processes = std::fs::read_dir("/proc").expect("/proc");
    let places: Vec<PathBuf> = processes
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|place| {
            let read = |name| std::fs::read(place.join(name)).unwrap_or_default();
            let (line, variables) = (read("cmdline"), read("environ"));
            let program = std::fs::read_link(place.join("exe")).unwrap_or_default();
            let ours = program
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("wasibuild"));
            let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(directory);
            // A link to the program may say in its name what it is.
            let names = |one: &[u8]| {
                let before = one.strip_suffix(word.as_bytes());
                before.is_some_and(|before| before.is_empty() || before.ends_with(b"-"))
            };
            let mut words = line.split(|byte| *byte == 0);
            ours && words.any(names) && (has(&line) || has(&variables))
        })
        .collect();
    let before: Vec<Option<u64>> = places.iter().map(|place| used(place)).collect();
    if !places.is_empty() {
        std::thread::sleep(Duration::from_millis(200));
    }
    let both = places.iter().zip(before);
    both.filter_map(|(place, before)| {
        let user = std::fs::metadata(place).ok()?.uid();
        let busy = used(place)? > before?;
        Some(Running { user, busy })
    })
    .collect()
}

/// The processor time that a process has used, in ticks.
fn used(place: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(place.join("stat")).ok()?;
    // After the name, which may hold anything: the state is the first field.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

pub fn hundred(way: &Way<'_>) {
    let body = r#"builtins.genList (n: mk "many-${toString n}" {
      script = "print $name\nwrite $out $name";
    }) 100"#;
    let mut command = way.command("nix-build", 16);
    command.arg("--no-out-link").arg(way.world.expression(body));
    let printed = way.text(command.output().expect("nix-build starts"));
    assert_eq!(printed.lines().count(), 100, "{}", way.shown());
    way.verify();
}

/// One derivation in common: Nix 2.8 goes on holding the lock of an output that another process built while
/// it waited, so that two of them can wait for each other without end, whatever builds for them.
pub fn clients(way: &Way<'_>) {
    let client = |number: u32| {
        let body = format!(
            r#"builtins.genList (n: mk "many-${{toString n}}" {{
              who = if n == 3 then "all" else "{number}";
              script = "print $who\nwrite $out $who";
            }}) 6"#
        );
        let file = way.world.expression(&body);
        let own = way.world.path(&format!("client-{number}.nix"));
        std::fs::rename(file, &own).expect("renamed");
        let mut command = way.command("nix-build", 4);
        command.arg("--no-out-link").arg(own);
        // How often Nix looks whether another has unlocked what it waits for.
        command.args(["--option", "build-poll-interval", "1"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("nix-build starts")
    };
    // Several Nixes cannot make a store at the same time.
    assert_eq!(way.query(&["--verify"]), "");
    let all: Vec<Child> = (0..3).map(client).collect();
    for child in all {
        let printed = way.text(child.wait_with_output().expect("nix-build ends"));
        assert_eq!(printed.lines().count(), 6, "{}", way.shown());
    }
    way.verify();
}

pub fn in_place(way: &Way<'_>) {
    let built = way.built(r#"[ (mk "here" { script = "write $out x"; }) ]"#);
    assert_eq!(built.len(), 1, "{}", way.shown());
    assert!(!way.world.root().exists(), "{}", way.shown());
}

pub fn far(way: &Way<'_>) {
    let body = r#"[ (mk "far" { script = "write $out x"; }) ]"#;
    let mut command = way.build(body);
    let command = command.args(["--option", "system", "aarch64-darwin"]);
    way.text(command.output().expect("nix-build starts"));
}
