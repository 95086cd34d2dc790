//! A store, a host to attack, and the checks that follow every guest.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use wasibuild_store::Store;

use super::guests::{self, Builder, Expected, Guest};

/// The program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_wasibuild-under-test");
/// What no guest may learn: it is in a file and in the environment of the host, and in a store path
/// that no guest declares.
const SECRET: &str = "the-secret-of-the-host";

/// Runs all guests of a table in one store, each followed by all checks; then an honest builder.
pub fn run(table: &[Guest]) {
    let world = World::new(table);
    let all = world.instantiate(table);
    assert_eq!(all.len(), table.len() + 1, "one derivation for each guest");
    // All guests run, so that one run shows all that is wrong.
    let mut failed = Vec::new();
    for (guest, derivation) in table.iter().zip(&all) {
        let attack = AssertUnwindSafe(|| world.attack(guest, derivation));
        failed.extend(catch_unwind(attack).err().map(|_| guest.name));
    }
    let last = all.last().expect("the honest builder");
    let output = world.program(&["run", last]);
    assert!(failed.is_empty(), "failed, see above: {failed:?}");
    assert!(
        output.status.success(),
        "after the guests an honest build fails:\n{}",
        shown(&output)
    );
}

struct World {
    directory: TempDir,
}

/// What a host file is: type and mode, links, size, times, contents.
type Facts = (u32, u64, u64, i64, i64, Vec<u8>);

impl World {
    fn new(table: &[Guest]) -> World {
        let world = World {
            directory: tempfile::tempdir().expect("a directory"),
        };
        for name in ["host", "tmp", "guests", "home", "input"] {
            fs::create_dir(world.path(name)).expect(name);
        }
        fs::write(world.path("host/canary"), format!("{SECRET}\n")).expect("the canary");
        fs::write(world.path("undeclared"), format!("{SECRET}\n")).expect("the undeclared path");
        fs::write(world.path("input/file"), "input\n").expect("a file");
        fs::create_dir(world.path("input/directory")).expect("a directory");
        std::os::unix::fs::symlink(world.path("host"), world.path("input/host")).expect("a link");
        fs::copy(&guests::shared().0, world.path("guests/probe.wasm")).expect("the probe");
        for guest in table {
            let module = match &guest.builder {
                Builder::Probe(_) => continue,
                Builder::Text(text) => wat::parse_str(text)
                    .unwrap_or_else(|error| panic!("{}: {error}\n{text}", guest.name)),
                Builder::Bytes(bytes) => bytes.clone(),
            };
            let file = world.file_of(guest);
            fs::write(&file, module).expect("the guest");
            fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("executable");
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn root(&self) -> PathBuf {
        self.path("root")
    }

    fn file_of(&self, guest: &Guest) -> PathBuf {
        let name = if matches!(guest.builder, Builder::Probe(_)) {
            "probe"
        } else {
            guest.name
        };
        self.path(&format!("guests/{name}.wasm"))
    }

    /// The derivations of the guests, and at the end an honest one.
    fn instantiate(&self, table: &[Guest]) -> Vec<String> {
        let directory = self.directory.path().display();
        let mut text = format!(
            "let probe = {directory}/guests/probe.wasm;\n input = \"${{{directory}/input}}\";\n \
             undeclared = builtins.unsafeDiscardStringContext \"${{{directory}/undeclared}}\";\n \
             honest = [ \"open 5 .${{placeholder \"out\"}} cw\" \"write 6 honest\" ];\nin [\n"
        );
        for guest in table {
            text += &guest.expression(&self.file_of(guest), &self.path("host"));
        }
        text += "(derivation { name = \"honest\"; system = \"wasm32-wasip1\"; builder = \"${probe}\"; args = honest; })\n]";
        let file = self.path("guests.nix");
        fs::write(&file, &text).expect("the expression");
        let output = Command::new("nix-instantiate")
            .arg("--store")
            .arg(self.root())
            .arg(&file)
            .env("HOME", self.path("home-of-nix"))
            .env_remove("NIX_PATH")
            .output()
            .expect("nix-instantiate starts");
        assert!(
            output.status.success(),
            "nix-instantiate: {}\n{text}",
            shown(&output)
        );
        lines(&output.stdout)
    }

    /// The program on this store, with a host around it that has something to steal.
    fn program(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .env("WASIBUILD_STORE", self.root())
            .env("WASIBUILD_SUBSTITUTERS", "")
            .env("XDG_CACHE_HOME", &guests::shared().1)
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("SECRET", SECRET)
            .current_dir(self.path("host"))
            .stdin(Stdio::null())
            .output()
            .expect("the program starts")
    }

    fn attack(&self, guest: &Guest, derivation: &str) {
        let before = (self.host(), self.store_names());
        let mut arguments = vec!["run", "-j1"];
        arguments.extend(guest.options);
        // No guest needs this; it turns a hang of the tests into a failure.
        if !guest.options.contains(&"--timeout") {
            arguments.extend(["--timeout", "100"]);
        }
        arguments.push(derivation);
        // `output` returns when nobody holds the pipes any more: a process that stays would hold them.
        let output = self.program(&arguments);
        let all = shown(&output);
        let context = format!("guest '{}', {arguments:?}:\n{all}", guest.name);
        self.check_end(guest, &output, &context);
        self.check_world(&output, before, &context);
    }

    /// The build ended as the table says, and its log is what the table says.
    fn check_end(&self, guest: &Guest, output: &Output, context: &str) {
        let errors = String::from_utf8_lossy(&output.stderr);
        if let Some(answers) = &guest.answers {
            let prefix = format!("{}> ", guest.name);
            let log: Vec<&str> = errors
                .lines()
                .filter_map(|line| line.strip_prefix(&prefix))
                .collect();
            assert_eq!(
                log.len(),
                answers.len(),
                "number of answers {answers:#?}; {context}"
            );
            for (line, answer) in log.iter().zip(answers) {
                assert!(
                    line.ends_with(&format!(" {answer}")),
                    "'{line}' is not '{answer}'; {context}"
                );
            }
        }
        match &guest.expected {
            Expected::Built => {
                assert!(output.status.success(), "it failed; {context}");
                let path = lines(&output.stdout)
                    .first()
                    .cloned()
                    .expect("an output path");
                (guest.check)(&self.root().join(path.trim_start_matches('/')));
            }
            Expected::Fails(code, texts) => {
                assert_eq!(output.status.code(), Some(*code), "{context}");
                assert!(output.stdout.is_empty(), "{context}");
                let start = errors
                    .find("error: ")
                    .unwrap_or_else(|| panic!("no message; {context}"));
                let message = &errors[start..];
                for text in texts.iter().chain([&guest.name]) {
                    assert!(
                        message.contains(text),
                        "no '{text}' in the message; {context}"
                    );
                }
            }
        }
    }

    /// What holds whatever the guest did.
    fn check_world(
        &self,
        output: &Output,
        before: (BTreeMap<PathBuf, Facts>, Vec<String>),
        context: &str,
    ) {
        let all = shown(output);
        assert!(!all.contains(SECRET), "the secret was printed; {context}");
        assert!(!all.contains("panicked"), "{context}");
        assert_eq!(self.host(), before.0, "the host's files changed; {context}");
        for place in ["tmp", "home"] {
            let left = names(&self.path(place));
            assert!(
                left.is_empty(),
                "files are left in {place}: {left:?}; {context}"
            );
        }

        let store = Store::open(&self.root()).expect("the store opens");
        let report = store.verify(true).expect("the store can be verified");
        assert!(
            report.is_ok(),
            "the store is damaged: {report:?}; {context}"
        );
        let valid: Vec<String> = store
            .all_valid_paths()
            .expect("the paths")
            .iter()
            .map(|path| path.basename().to_owned())
            .collect();
        let succeeded = output.status.success();
        for name in self.store_names() {
            assert!(
                valid.contains(&name),
                "'{name}' is in the store and not valid; {context}"
            );
            if !succeeded {
                assert!(
                    before.1.contains(&name),
                    "a failed build left '{name}'; {context}"
                );
            }
        }
        if succeeded {
            let path = lines(&output.stdout)
                .first()
                .cloned()
                .expect("an output path");
            let real = self.root().join(path.trim_start_matches('/'));
            assert!(
                !holds_secret(&real),
                "the secret is in the output; {context}"
            );
        }
        assert_eq!(
            processes_with(&self.path("tmp")),
            Vec::<String>::new(),
            "{context}"
        );
    }

    /// All files of the host, with what a guest could change.
    fn host(&self) -> BTreeMap<PathBuf, Facts> {
        let mut all = BTreeMap::new();
        let mut todo = vec![self.path("host"), self.path("input"), self.path("guests")];
        while let Some(path) = todo.pop() {
            let facts = fs::symlink_metadata(&path).expect("a file of the host");
            let contents = if facts.is_file() {
                fs::read(&path).expect("contents")
            } else {
                Vec::new()
            };
            if facts.is_dir() {
                todo.extend(names(&path).iter().map(|name| path.join(name)));
            }
            let what = (
                facts.mode(),
                facts.nlink(),
                facts.size(),
                facts.mtime(),
                facts.mtime_nsec(),
                contents,
            );
            all.insert(path, what);
        }
        all
    }

    /// What lies in the store's directory, other than Nix's own lock and link files.
    fn store_names(&self) -> Vec<String> {
        let mut all = names(&self.root().join("nix/store"));
        all.retain(|name| name != ".links" && !name.ends_with(".lock"));
        all
    }
}

/// Whether a file below a path holds the secret; links are not followed.
fn holds_secret(path: &Path) -> bool {
    let facts = fs::symlink_metadata(path).expect("the output");
    if facts.is_dir() {
        let entries = fs::read_dir(path).expect("a directory");
        return entries
            .map(|entry| entry.expect("an entry").path())
            .any(|path| holds_secret(&path));
    }
    let contents = if facts.is_file() {
        fs::read(path).expect("a file")
    } else {
        Vec::new()
    };
    contents
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
}

/// Names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut all: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    all.sort();
    all
}

/// Processes of this machine that were started with a temporary directory. Where there is no
/// `/proc`, the closed pipes have to do as proof.
fn processes_with(temporary: &Path) -> Vec<String> {
    let needle = format!("TMPDIR={}", temporary.display()).into_bytes();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = entries.filter(|entry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == needle)
    });
    found
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes)
        .lines()
        .map(str::to_owned)
        .collect()
}

fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
