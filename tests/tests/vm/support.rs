//! Stores with Debian's programs, and machines for them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::run_support::{PROGRAM, nix};

/// Where `cargo xtask kernels` keeps kernels and `cargo` what it makes.
pub fn target() -> PathBuf {
    let program = Path::new(PROGRAM);
    let debug = program.parent().expect("a directory");
    debug.parent().expect("a directory").to_owned()
}

/// A store, a state directory with kernels, and a directory for files. Its machines end with it.
pub struct World {
    pub directory: TempDir,
    /// Variables of the program's environment, in which configuration can be given.
    pub settings: Vec<(&'static str, String)>,
    /// What ends with it.
    pub kept: Vec<TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.run(&["vm", "stop"]);
    }
}

impl World {
    pub fn new() -> World {
        World::with_kernels("state", &["x86_64", "aarch64"])
    }

    /// One with Debian's kernel for clouds, which knows no 9p.
    pub fn with_cloud_kernel() -> World {
        World::with_kernels("cloud-state", &["x86_64"])
    }

    /// One with the kernels that `cargo xtask kernels` keeps there.
    fn with_kernels(state: &str, architectures: &[&str]) -> World {
        let world = World {
            directory: World::temporary(),
            settings: Vec::new(),
            kept: Vec::new(),
        };
        for architecture in architectures {
            let from = target()
                .join("vm")
                .join(state)
                .join("wasibuild/vm/kernels")
                .join(architecture);
            assert!(
                from.join("release").exists(),
                "there is no kernel in {}: run `cargo xtask kernels`",
                from.display()
            );
            let to = world
                .state()
                .join("wasibuild/vm/kernels")
                .join(architecture);
            copy(&from, &to);
        }
        // Nix may fail when two of its processes make the directories of a store at once.
        world.derivations("first", r#"mk "first" { }"#);
        world
    }

    /// A directory that ends with its owner.
    pub fn temporary() -> TempDir {
        tempfile::tempdir().expect("a directory")
    }

    /// The one that most tests share, made with the first.
    pub fn shared() -> &'static World {
        static SHARED: OnceLock<World> = OnceLock::new();
        SHARED.get_or_init(World::new)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn real(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// The program, on this world's store, without binary caches. Machines are emulated, so that the
    /// tests are the same where there is hardware, and end soon if a test leaves one.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("WASIBUILD_VM_ACCELERATOR", "tcg")
            .env("WASIBUILD_VM_MEMORY", "1G")
            .env("PATH", "/usr/bin:/bin")
            .env("WASIBUILD_STORE", self.root())
            .env("WASIBUILD_SUBSTITUTERS", "")
            .env("WASIBUILD_CONFIG", "")
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.state())
            .env("TMPDIR", self.directory.path())
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the program starts")
    }

    /// Derivations of a Nix expression in which `bash`, `coreutils`, `utilLinux` and `gcc` are
    /// packages of Debian's programs, and `script NAME TEXT` is a derivation that runs a script.
    pub fn derivations(&self, name: &str, body: &str) -> Vec<String> {
        let file = self.path(&format!("{name}.nix"));
        let tools = tools();
        let text = format!(
            r#"let
  package = name: builtins.path {{ path = {} + "/${{name}}"; inherit name; }};
  libraries = package "libraries"; bash = package "bash-5.2"; coreutils = package "coreutils-9.1";
  utilLinux = package "util-linux-2.38"; perl = package "perl-5.36"; gcc = package "gcc-12";
  mk = name: attributes: derivation ({{
    inherit name libraries gcc; system = "x86_64-linux"; builder = "${{bash}}/bin/bash";
    PATH = "${{coreutils}}/bin:${{utilLinux}}/bin";
  }} // attributes);
  script = name: text: mk name {{ args = [ "-euc" text ]; }};
in {body}
"#,
            tools.display()
        );
        fs::write(&file, text).expect("written");
        let output = nix("nix-instantiate", &self.root())
            .arg(&file)
            .output()
            .expect("nix-instantiate starts");
        assert!(output.status.success(), "{body}:\n{}", text_of(&output));
        String::from_utf8(output.stdout)
            .expect("text")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Builds all of them, with options, and returns the output paths.
    pub fn build(&self, derivations: &[String], options: &[&str]) -> Vec<String> {
        let mut arguments = vec!["run"];
        arguments.extend(options);
        arguments.extend(derivations.iter().map(String::as_str));
        let output = self.run(&arguments);
        assert!(
            output.status.success(),
            "{arguments:?}:\n{}",
            text_of(&output)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The contents of a file that a derivation made, built by itself.
    pub fn built(&self, name: &str, body: &str) -> String {
        let outputs = self.build(&self.derivations(name, body), &[]);
        let output = outputs.first().expect("an output");
        fs::read_to_string(self.real(output)).expect("a file")
    }

    /// One whose machines end after so many seconds without a build.
    pub fn new_ending_after(seconds: u32) -> World {
        let mut world = World::new();
        world
            .settings
            .push(("WASIBUILD_VM_IDLE", seconds.to_string()));
        world
    }

    /// A process of this world with a text in its command line.
    pub fn process_with(&self, part: &str) -> Option<i32> {
        let mut all = self.numbered_processes().into_iter();
        all.find(|(_, line)| line.contains(part))
            .map(|(number, _)| number)
    }

    /// What runs with a name of this world in its command line, and does not just wait to be buried.
    pub fn processes(&self) -> Vec<String> {
        let all = self.numbered_processes().into_iter();
        all.map(|(_, line)| line).collect()
    }

    fn numbered_processes(&self) -> Vec<(i32, String)> {
        let directory = self.directory.path().to_string_lossy().into_owned();
        let numbers = fs::read_dir("/proc")
            .expect("listed")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        numbers
            .filter(|number| is_alive(*number))
            .filter_map(|number| {
                let line = fs::read(format!("/proc/{number}/cmdline")).ok()?;
                Some((number, String::from_utf8_lossy(&line).replace('\0', " ")))
            })
            .filter(|(_, line)| line.contains(&directory))
            .collect()
    }

    /// The number that a line of the machine's description has.
    pub fn process(&self, what: &str) -> i32 {
        let output = text_of(&self.run(&["vm", "status"]));
        let line = output
            .lines()
            .find_map(|line| line.trim().strip_prefix(what))
            .unwrap_or_else(|| panic!("no {what} in\n{output}"));
        line.trim().parse().expect("a number")
    }
}

/// Everything that a command printed.
pub fn text_of(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits until something is so.
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("not so within a minute: {what}");
}

/// Whether a process is there and is not just waited for.
pub fn is_alive(process: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = status
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// Packages of programs of this Debian, named as nixpkgs names them; the compiler is one more.
const PACKAGES: [(&str, &[&str]); 4] = [
    ("bash-5.2", &["bash"]),
    (
        "coreutils-9.1",
        &[
            "cat", "chmod", "cp", "head", "id", "ln", "ls", "mkdir", "mknod", "sleep", "stat",
            "uname", "yes",
        ],
    ),
    ("util-linux-2.38", &["agetty", "mount"]),
    ("perl-5.36", &["perl"]),
];

/// A directory with these packages, and their loader and libraries in `libraries`; made once. The programs
/// name their loader and their libraries by store paths, as those of nixpkgs do.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<TempDir> = OnceLock::new();
    TOOLS
        .get_or_init(|| {
            let directory = tempfile::tempdir().expect("a directory");
            let compiler = Compiler::find();
            let mut packages: Vec<(&str, Vec<PathBuf>)> = PACKAGES
                .iter()
                .map(|(name, programs)| (*name, programs.iter().map(|one| which(one)).collect()))
                .collect();
            packages.push(("gcc-12", compiler.programs()));
            let libraries = directory.path().join("libraries");
            let all: Vec<PathBuf> = packages.iter().flat_map(|(_, all)| all.clone()).collect();
            copy_libraries(&all, &libraries);
            let at = store_path_of(&libraries, "libraries");
            for (name, programs) in packages {
                let bin = directory.path().join(name).join("bin");
                fs::create_dir_all(&bin).expect("made");
                for program in programs {
                    install(&program, &bin, &at);
                }
            }
            compiler.copy_files(&directory.path().join("gcc-12/lib"));
            directory
        })
        .path()
}

/// Copies a program into a directory; it finds its loader and libraries in a store path.
fn install(program: &Path, bin: &Path, libraries: &str) {
    install_as(
        program,
        &bin.join(program.file_name().expect("a name")),
        libraries,
    );
}

/// Copies a program under a name; a script stays as it is.
pub fn install_as(program: &Path, to: &Path, libraries: &str) {
    fs::copy(program, to).unwrap_or_else(|error| panic!("{program:?}: {error}"));
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("mode");
    if !is_elf(program) {
        return;
    }
    let loader = format!("{libraries}/ld-linux-x86-64.so.2");
    let output = Command::new("patchelf")
        .args([
            "--set-interpreter",
            &loader,
            "--force-rpath",
            "--set-rpath",
            libraries,
        ])
        .arg(to)
        .output()
        .expect("patchelf starts");
    assert!(output.status.success(), "{program:?}: {}", text_of(&output));
}

pub fn is_elf(program: &Path) -> bool {
    let mut start = [0; 4];
    let read = fs::File::open(program).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"\x7fELF"
}

pub fn which(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| panic!("this machine has no '{name}'"))
}

/// A program of this machine, by its own name.
pub fn find(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.exists())
        .map(|path| fs::canonicalize(path).expect("a program"))
}

/// Copies what programs are linked with.
pub fn copy_libraries(programs: &[PathBuf], to: &Path) {
    fs::create_dir_all(to).expect("made");
    let mut found = BTreeSet::new();
    for program in programs {
        let output = Command::new("ldd")
            .arg(program)
            .output()
            .expect("ldd starts");
        for word in String::from_utf8_lossy(&output.stdout).split_whitespace() {
            if word.starts_with('/') {
                found.insert(PathBuf::from(word));
            }
        }
    }
    for library in found {
        let name = library.file_name().expect("a name");
        fs::copy(&library, to.join(name)).unwrap_or_else(|error| panic!("{library:?}: {error}"));
    }
}

/// The path that a directory has in a store.
pub fn store_path_of(directory: &Path, name: &str) -> String {
    let root = tempfile::tempdir().expect("a directory");
    let file = root.path().join("x.nix");
    let expression = format!(
        "builtins.path {{ path = {}; name = \"{name}\"; }}",
        directory.display()
    );
    fs::write(&file, expression).expect("written");
    let output = nix("nix-instantiate", root.path())
        .args(["--eval", "--read-write-mode"])
        .arg(&file)
        .output()
        .expect("nix-instantiate starts");
    assert!(output.status.success(), "{}", text_of(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    text.trim().trim_matches('"').to_owned()
}

/// Debian's C compiler, as far as a small program needs it.
struct Compiler {
    /// `/usr/lib/gcc/x86_64-linux-gnu/12`.
    own: PathBuf,
}

impl Compiler {
    fn find() -> Compiler {
        let output = Command::new("gcc")
            .arg("-print-libgcc-file-name")
            .output()
            .expect("gcc starts");
        let file = String::from_utf8(output.stdout).expect("text");
        let own = Path::new(file.trim()).parent().expect("a directory");
        Compiler {
            own: own.to_owned(),
        }
    }

    fn programs(&self) -> Vec<PathBuf> {
        let mut all = vec![self.own.join("cc1"), self.own.join("collect2")];
        all.extend(["gcc", "as", "ld"].map(which));
        all
    }

    /// What is linked into a static program, and the headers, all in one directory.
    fn copy_files(&self, to: &Path) {
        fs::create_dir_all(to).expect("made");
        for name in ["crtbeginT.o", "crtend.o", "libgcc.a", "libgcc_eh.a"] {
            fs::copy(self.own.join(name), to.join(name)).expect("copied");
        }
        let system = Path::new("/usr/lib/x86_64-linux-gnu");
        for name in ["crt1.o", "crti.o", "crtn.o", "libc.a"] {
            fs::copy(system.join(name), to.join(name)).expect("copied");
        }
    }
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
