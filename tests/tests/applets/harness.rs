//! Runs a case with the GNU program and with the applet in the sandbox, and compares standard
//! output, status, standard error, and the tree.
//!
//! The modules are those of `cargo xtask builders`, or in the folder `WASIBUILD_TEST_BUILDERS`.
//! The driver that runs many cases in one build is `builders/applets/examples/driver.rs`.

use bstr::{BString, ByteSlice};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use wasibuild_nix_compat::file_system_object::{Contents, FileSystemObject};
use wasibuild_sandbox::{
    BuildError, BuildRequest, CancelToken, Engine, EngineOptions, LoadAnswer, Module,
    ProgramLoader, ProgramQuery, ProgramSource,
};

/// User and group of the sandbox (docs/abi.md).
const BUILDER: (u32, u32) = (1000, 100);
const OUT: &str = "1b9p07z77phvv2hf6gm9f28syp39f1ag-out";

/// What is run, and in which tree.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub argv: Vec<BString>,
    pub env: Vec<(BString, BString)>,
    pub stdin: BString,
    /// Kind (`d`, `f`, `x`, `l`), path, content; or `t`, path, and its time in seconds since 1970.
    pub tree: Vec<(char, BString, BString)>,
    /// The GNU program runs as the user of the sandbox.
    pub as_builder: bool,
    /// Lines of the output may come in any order.
    pub unordered: bool,
    /// What is written to standard error may differ.
    pub any_messages: bool,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Result {
    pub status: i32,
    pub stdout: BString,
    pub stderr: BString,
    pub tree: Vec<String>,
}

impl std::fmt::Debug for Result {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "status {}", self.status)?;
        writeln!(f, "stdout {:?}", self.stdout.as_bstr())?;
        writeln!(f, "stderr {:?}", self.stderr.as_bstr())?;
        for line in &self.tree {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

/// A case from words of a command line.
pub fn case(words: &[&str]) -> Case {
    Case {
        argv: words.iter().map(|it| BString::from(*it)).collect(),
        ..Case::default()
    }
}

impl Case {
    pub fn stdin(mut self, text: impl Into<BString>) -> Case {
        self.stdin = text.into();
        self
    }

    pub fn file(mut self, path: &str, text: impl Into<BString>) -> Case {
        self.tree.push(('f', path.into(), text.into()));
        self
    }

    pub fn executable(mut self, path: &str, text: &str) -> Case {
        self.tree.push(('x', path.into(), text.into()));
        self
    }

    pub fn dir(mut self, path: &str) -> Case {
        self.tree.push(('d', path.into(), "".into()));
        self
    }

    pub fn link(mut self, path: &str, target: &str) -> Case {
        self.tree.push(('l', path.into(), target.into()));
        self
    }

    /// Dates all that is in the tree by now, links aside: the innermost first.
    pub fn touch(&mut self, seconds: &BString) {
        let paths: Vec<BString> = self
            .tree
            .iter()
            .rev()
            .filter(|(kind, ..)| *kind != 'l')
            .map(|(_, path, _)| path.clone())
            .collect();
        let times = paths.into_iter().map(|path| ('t', path, seconds.clone()));
        self.tree.extend(times);
    }

    pub fn env(mut self, name: &str, value: &str) -> Case {
        self.env.push((name.into(), value.into()));
        self
    }

    pub fn any_messages(mut self) -> Case {
        self.any_messages = true;
        self
    }

    pub fn unordered(mut self) -> Case {
        self.unordered = true;
        self
    }

    /// The environment that both sides get: `PATH` finds the same names.
    fn environment(&self, path: &str) -> BTreeMap<BString, BString> {
        let mut env: BTreeMap<BString, BString> = self.env.iter().cloned().collect();
        env.insert("LC_ALL".into(), "C".into());
        env.entry("TZ".into()).or_insert_with(|| "UTC".into());
        env.entry("PATH".into()).or_insert_with(|| path.into());
        env
    }
}

/// The folder with the modules.
fn builders() -> PathBuf {
    match std::env::var_os("WASIBUILD_TEST_BUILDERS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/builders"),
    }
}

/// The driver: beside the modules, or else compiled here (an example is no builder).
fn driver(folder: &Path) -> Vec<u8> {
    if let Ok(bytes) = std::fs::read(folder.join("driver.wasm")) {
        return bytes;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let words = "build --quiet --profile guest --target wasm32-wasip1 --package builder-applets \
                 --example driver --target-dir target/guest";
    let status = Command::new(env!("CARGO"))
        .args(words.split_whitespace())
        .current_dir(&root)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "cargo {words}: {status}");
    let path = root.join("target/guest/wasm32-wasip1/guest/examples/driver.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Parts {
    engine: Engine,
    driver: Module,
    packages: BTreeMap<String, Module>,
}

/// Which package has which program.
const PACKAGES: &[(&str, &[&str])] = &[
    ("sed", &["sed"]),
    ("grep", &["grep", "egrep", "fgrep"]),
    ("findutils", &["find", "xargs"]),
    ("diffutils", &["cmp", "diff", "sdiff"]),
    ("gawk", &["awk", "gawk"]),
    ("patch", &["patch"]),
    ("tar", &["tar"]),
    (
        "unpack",
        &[
            "gzip", "gunzip", "zcat", "bzip2", "bunzip2", "bzcat", "xz", "unxz", "xzcat", "zstd",
            "unzstd", "zstdcat",
        ],
    ),
    ("jq", &["jq"]),
    ("trifles", &["getent", "hostname", "lndir", "rev", "which"]),
];

static PARTS: LazyLock<Option<Parts>> = LazyLock::new(|| {
    let folder = builders();
    let engine = Engine::new(EngineOptions::default()).expect("an engine");
    if !folder.join("coreutils.wasm").exists() {
        println!(
            "SKIPPED: {} is missing; run `cargo xtask builders`",
            folder.join("coreutils.wasm").display()
        );
        return None;
    }
    let driver = engine.module(&driver(&folder)).expect("the driver");
    let mut packages = BTreeMap::new();
    for name in PACKAGES.iter().map(|it| it.0).chain(["coreutils"]) {
        let path = folder.join(format!("{name}.wasm"));
        if let Ok(bytes) = std::fs::read(&path) {
            packages.insert(name.to_owned(), engine.module(&bytes).expect("an applet"));
        }
    }
    Some(Parts {
        engine,
        driver,
        packages,
    })
});

struct Loader;

impl ProgramLoader for Loader {
    fn load(&self, query: ProgramQuery<'_>) -> LoadAnswer {
        let name = query
            .requested
            .rsplit_str("/")
            .next()
            .unwrap_or_default()
            .to_str_lossy();
        let package = PACKAGES
            .iter()
            .find(|(_, names)| names.contains(&name.as_ref()))
            .map_or("coreutils", |(package, _)| package);
        match PARTS.as_ref().and_then(|parts| parts.packages.get(package)) {
            Some(module) => LoadAnswer::Run(module.clone()),
            None => LoadAnswer::Foreign(format!("there is no module {package}")),
        }
    }
}

/// Runs a case with the GNU program.
pub fn native(case: &Case) -> Result {
    let place = tempfile::tempdir().expect("a temporary directory");
    let place = place.path().canonicalize().expect("its path");
    let work = place.join("tree");
    std::fs::create_dir(&work).expect("the case's directory");
    for (kind, path, content) in &case.tree {
        let path = work.join(path.to_path().expect("a path"));
        match kind {
            'd' => std::fs::create_dir_all(&path).expect("a directory"),
            'l' => std::os::unix::fs::symlink(content.to_path().expect("a target"), &path)
                .expect("a link"),
            't' => set_time(&path, content),
            kind => {
                std::fs::write(&path, content).expect("a file");
                let mode = if *kind == 'x' { 0o755 } else { 0o644 };
                std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
            }
        }
    }
    let dir = work.to_str().expect("a path").as_bytes().to_vec();
    let word = |word: &BString| {
        word.replace(b"@DIR@", &dir)
            .to_os_str()
            .expect("a word")
            .to_owned()
    };
    let input = place.join("stdin");
    std::fs::write(&input, &case.stdin).expect("standard input");
    let stdin = std::fs::File::open(&input).expect("standard input");
    let mut command = Command::new(word(&case.argv[0]));
    command
        .arg0(word(&case.argv[0]))
        .args(case.argv.iter().skip(1).map(word))
        .env_clear()
        .envs(
            case.environment("/usr/bin:/bin")
                .iter()
                .map(|(name, value)| (word(name), word(value))),
        )
        .current_dir(&work)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if case.as_builder {
        give_away(&place);
        command.uid(BUILDER.0).gid(BUILDER.1);
    }
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{:?}: {error}", case.argv));
    let mut tree = Vec::new();
    walk(&read(&work), "", &mut tree);
    let place = work.to_str().expect("a path");
    Result {
        status: output.status.code().unwrap_or(255),
        stdout: output
            .stdout
            .replace(&dir, b"@DIR@")
            .replace("PATH=/usr/bin:/bin", "PATH=@PATH@")
            .into(),
        stderr: output.stderr.replace(&dir, b"@DIR@").into(),
        tree: tree
            .iter()
            .map(|line| line.replace(place, "@DIR@"))
            .collect(),
    }
}

fn set_time(path: &Path, seconds: &BString) {
    let seconds: u64 = seconds.to_str().expect("digits").parse().expect("seconds");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    let times = std::fs::FileTimes::new()
        .set_accessed(time)
        .set_modified(time);
    let file = std::fs::File::open(path).expect("what is dated");
    file.set_times(times).expect("a time");
}

/// Gives a tree to the user that the sandbox has.
fn give_away(path: &Path) {
    let (user, group) = BUILDER;
    std::os::unix::fs::lchown(path, Some(user), Some(group)).expect("an owner: are we root?");
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).expect("a directory") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

fn read(path: &Path) -> FileSystemObject {
    let meta = std::fs::symlink_metadata(path).expect("metadata");
    if meta.is_symlink() {
        let target = std::fs::read_link(path).expect("a link");
        return FileSystemObject::Symlink {
            target: path_bytes(&target),
        };
    }
    if meta.is_dir() {
        let entries = std::fs::read_dir(path).expect("a directory");
        let entries = entries.map(|entry| {
            let entry = entry.expect("an entry");
            (
                path_bytes(Path::new(&entry.file_name())),
                read(&entry.path()),
            )
        });
        return FileSystemObject::Directory {
            entries: entries.collect(),
        };
    }
    let contents = std::fs::read(path).unwrap_or_default();
    FileSystemObject::File {
        executable: meta.permissions().mode() & 0o100 != 0,
        contents: Contents::Memory(contents.into()),
    }
}

fn path_bytes(path: &Path) -> BString {
    <[u8]>::from_path(path).expect("bytes").into()
}

fn walk(object: &FileSystemObject, path: &str, lines: &mut Vec<String>) {
    match object {
        FileSystemObject::File {
            executable,
            contents,
        } => {
            let kind = if *executable { "executable" } else { "file" };
            lines.push(format!("{path} {kind} {:?}", text(contents).as_bstr()));
        }
        FileSystemObject::Symlink { target } => lines.push(format!("{path} -> {target}")),
        FileSystemObject::Directory { entries } => {
            lines.push(format!("{path}/"));
            for (name, object) in entries {
                walk(object, &format!("{path}/{name}"), lines);
            }
        }
    }
}

fn text(contents: &Contents) -> Vec<u8> {
    contents.to_bytes(1 << 26).expect("contents").to_vec()
}

fn put(list: impl IntoIterator<Item = BString>, to: &mut Vec<u8>) {
    let words: Vec<BString> = list.into_iter().collect();
    let number = |n: usize| u32::try_from(n).expect("a small number").to_le_bytes();
    to.extend(number(words.len()));
    for word in words {
        to.extend(number(word.len()));
        to.write_all(&word).expect("memory");
    }
}

/// Runs cases in the sandbox; the error is that of the build.
pub fn sandboxed(cases: &[Case]) -> Option<std::result::Result<Vec<Result>, BuildError>> {
    let parts = PARTS.as_ref()?;
    let mut bytes = Vec::new();
    let mut names = std::collections::BTreeSet::from(["true".to_owned()]);
    for case in cases {
        for word in &case.argv {
            let name = word
                .rsplit_str("/")
                .next()
                .unwrap_or_default()
                .to_str_lossy()
                .into_owned();
            let plain = name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'[');
            if plain && !name.is_empty() && name.len() < 20 {
                names.insert(name);
            }
        }
        put(case.argv.clone(), &mut bytes);
        let env = case.environment("/build/bin");
        put(
            env.iter()
                .map(|(name, value)| format!("{name}={value}").into()),
            &mut bytes,
        );
        put([case.stdin.clone()], &mut bytes);
        let triples = case.tree.iter().flat_map(|(kind, path, content)| {
            [
                BString::from(kind.to_string()),
                path.clone(),
                content.clone(),
            ]
        });
        put(triples, &mut bytes);
    }
    let mut request = BuildRequest::new("applets", ProgramSource::Module(parts.driver.clone()));
    request.argv = vec!["driver".into(), format!("/nix/store/{OUT}").into()];
    request.argv.extend(names.into_iter().map(BString::from));
    request.outputs.insert("out".to_owned(), OUT.to_owned());
    request
        .build_files
        .insert("cases".into(), Contents::Memory(bytes.into()));
    request.programs = Arc::new(Loader);
    let mut log = Vec::new();
    let outcome = match parts.engine.run(request, &mut log, &CancelToken::new()) {
        Ok(outcome) => outcome,
        Err(error) => return Some(Err(error)),
    };
    let FileSystemObject::Directory { entries } = &outcome.outputs["out"] else {
        panic!("the driver's output is no directory");
    };
    let results = (0..cases.len()).map(|number| {
        let FileSystemObject::Directory { entries } = &entries[&BString::from(number.to_string())]
        else {
            panic!("a case's output is no directory");
        };
        let dir = format!("/nix/store/{OUT}/{number}/tree").into_bytes();
        let file = |name: &str| -> BString {
            match entries.get(&BString::from(name)) {
                Some(FileSystemObject::File { contents, .. }) => {
                    text(contents).replace(&dir, b"@DIR@").into()
                }
                other => panic!("{name} of case {number}: {other:?}"),
            }
        };
        let mut tree = Vec::new();
        walk(&entries[&BString::from("tree")], "", &mut tree);
        let place = String::from_utf8_lossy(&dir).into_owned();
        Result {
            status: file("status")
                .to_str()
                .expect("digits")
                .parse()
                .expect("a status"),
            stdout: file("stdout")
                .replace("PATH=/build/bin", "PATH=@PATH@")
                .into(),
            stderr: file("stderr"),
            tree: tree
                .iter()
                .map(|line| line.replace(&place, "@DIR@"))
                .collect(),
        }
    });
    Some(Ok(results.collect()))
}

/// What differs, with both sides; `None` if nothing.
pub fn difference(case: &Case, gnu: &Result, ours: &Result) -> Option<String> {
    let arrange = |result: &Result| {
        let mut result = result.clone();
        if case.any_messages {
            result.stderr.clear();
        }
        if case.unordered {
            let mut lines: Vec<&[u8]> = result.stdout.split_inclusive(|it| *it == b'\n').collect();
            lines.sort_unstable();
            result.stdout = lines.concat().into();
            let mut lines: Vec<&[u8]> = result.stderr.split_inclusive(|it| *it == b'\n').collect();
            lines.sort_unstable();
            result.stderr = lines.concat().into();
        }
        result
    };
    (arrange(gnu) != arrange(ours)).then(|| {
        format!(
            "{:?}\n{:?}\nGNU: {gnu:?}applet: {ours:?}",
            case.argv,
            Shown(case)
        )
    })
}

struct Shown<'a>(&'a Case);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "stdin {:?}, tree {:?}, env {:?}",
            self.0.stdin, self.0.tree, self.0.env
        )
    }
}

/// Compares all cases; shows every one that differs.
#[track_caller]
pub fn same(cases: Vec<Case>) {
    let differences = compare(&cases);
    assert!(
        differences.is_empty(),
        "{} of {} cases differ:\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}

/// The differences of these cases. A refusal is one.
pub fn compare(cases: &[Case]) -> Vec<String> {
    let mut differences = Vec::new();
    match sandboxed(cases) {
        None => {}
        Some(Ok(results)) => {
            for (case, ours) in cases.iter().zip(&results) {
                differences.extend(difference(case, &native(case), ours));
            }
        }
        // One refusal ends all: run them one by one.
        Some(Err(error)) if cases.len() == 1 => {
            differences.push(format!("{:?}: {error}", cases[0].argv));
        }
        Some(Err(_)) => {
            let (left, right) = cases.split_at(cases.len() / 2);
            differences.extend(compare(left));
            differences.extend(compare(right));
        }
    }
    differences
}

/// The reason for which a case is refused.
pub fn refusal(case: &Case) -> Option<String> {
    match sandboxed(std::slice::from_ref(case))? {
        Err(BuildError::Foreign { program, .. }) => Some(program.reason),
        other => panic!("{:?} was not refused: {other:?}", case.argv),
    }
}
