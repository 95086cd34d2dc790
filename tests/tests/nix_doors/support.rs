//! The versions of Nix, a daemon of its own for each test, and a client that speaks the protocol.

use std::fs;
use std::io::{BufReader, BufWriter};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use wasibuild_worker_protocol::{
    ClientHandshake, Message, Reader, Request, Version, Writer, client_handshake,
};

pub use crate::run_support::{PROGRAM, World};

/// A version of Nix.
pub struct Nix {
    pub version: String,
    /// Where its programs are, if not in `PATH`.
    bin: Option<PathBuf>,
}

impl Nix {
    /// All that there are; `test` is named if one is missing.
    pub fn all(test: &str) -> Vec<Nix> {
        let unpacked = Path::new(PROGRAM)
            .ancestors()
            .find(|folder| folder.join("nix").is_dir())
            .map(|folder| folder.join("nix"));
        let mut all = vec![Nix::at(None)];
        for suite in ["trixie", "testing"] {
            let bin = unpacked
                .as_ref()
                .map(|folder| folder.join(suite).join("bin"));
            match bin.filter(|bin| bin.join("nix").exists()) {
                Some(bin) => all.push(Nix::at(Some(bin))),
                None => println!(
                    "SKIPPED: {test}: no Nix of Debian {suite}; `cargo xtask nixes` unpacks it"
                ),
            }
        }
        let newest = all.iter().map(Nix::number).max();
        assert!(
            newest >= Some((2, 32)),
            "no Nix with external builders (2.32) in {unpacked:?}; run `cargo xtask nixes`"
        );
        all
    }

    fn at(bin: Option<PathBuf>) -> Nix {
        let mut nix = Nix {
            version: String::new(),
            bin,
        };
        let output = nix
            .command("nix", Path::new("/"))
            .arg("--version")
            .output()
            .expect("Nix starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        nix.version = text
            .split_whitespace()
            .last()
            .expect("a version")
            .to_owned();
        nix
    }

    /// Major and minor version.
    pub fn number(&self) -> (u32, u32) {
        let mut parts = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// Where a program of it is.
    pub fn program(&self, program: &str) -> PathBuf {
        match &self.bin {
            Some(bin) => bin.join(program),
            None => PathBuf::from(program),
        }
    }

    /// One of its programs, with an environment that cannot disturb it.
    pub fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(self.program(program));
        let config = "experimental-features = nix-command\nsubstituters =\nsandbox = false\nbuild-users-group =\n";
        command
            .env("NIX_CONFIG", config)
            .env("NIX_CONF_DIR", home.join("no-configuration"))
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("TMPDIR", home)
            .env_remove("NIX_PATH")
            .env_remove("NIX_REMOTE")
            .stdin(Stdio::null());
        match &self.bin {
            Some(bin) => command.env("NIX_BIN_DIR", bin),
            None => command.env_remove("NIX_BIN_DIR"),
        };
        command
    }

    /// The store of this Nix in a world.
    pub fn store(&self, world: &World) -> PathBuf {
        world.path(&format!("client-{}", self.version))
    }

    /// `nix-build` of an expression of the world, by these builders alone.
    pub fn build(&self, world: &World, body: &str, builders: &str) -> Command {
        let mut command = self.command("nix-build", world.directory.path());
        command
            .arg(world.expression(body))
            .args(["--no-out-link", "-j0", "--builders", builders, "--store"])
            .arg(self.store(world));
        command
    }

    /// What a command about this Nix' own store prints.
    pub fn query(&self, world: &World, arguments: &[&str]) -> String {
        let mut command = self.command("nix-store", world.directory.path());
        command
            .arg("--store")
            .arg(self.store(world))
            .args(arguments);
        text(command.output().expect("nix-store starts"))
    }
}

/// Standard output of a command that must have succeeded.
pub fn text(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}:\n{errors}", output.status);
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// Standard error of a command that must have failed.
pub fn failure(output: Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success(),
        "it succeeded:\n{printed}\n{errors}"
    );
    errors
}

/// Waits until something is so; fails after a minute.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited for a minute: {what}");
}

/// A running `wasibuild daemon`.
pub struct Daemon {
    child: Option<Child>,
    pub socket: PathBuf,
    pub root: PathBuf,
}

impl Daemon {
    pub fn start(world: &World, arguments: &[&str]) -> Daemon {
        let socket = world.path("socket");
        let mut all = vec!["daemon", "--socket", socket.to_str().expect("text")];
        all.extend(arguments);
        let child = world.spawn(&all);
        let daemon = Daemon {
            child: Some(child),
            socket,
            root: world.root(),
        };
        until("the socket", || daemon.socket.exists());
        daemon
    }

    /// What stands in `builders`.
    pub fn builders(&self, jobs: u32) -> String {
        let (socket, root) = (self.socket.display(), self.root.display());
        format!("unix://{socket}?root={root} wasm32-wasip1,wasm32-wasi - {jobs}")
    }

    pub fn connect(&self, version: u8) -> Client {
        Client::new(
            UnixStream::connect(&self.socket).expect("a connection"),
            version,
        )
    }

    fn process(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("it runs"))
    }

    /// Ends it as a service manager does, and checks that it takes its leave properly.
    pub fn end(mut self) -> String {
        kill_process(self.process(), Signal::TERM).expect("it runs");
        let child = self.child.take().expect("it runs");
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(143), "{errors}");
        assert!(output.stdout.is_empty());
        assert!(!self.socket.exists(), "the socket is still there");
        errors
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let output = child.wait_with_output().expect("it ends");
            // Shown if the test failed.
            println!(
                "the daemon said:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// A client that says what a test wants.
pub struct Client {
    pub reader: Reader<BufReader<UnixStream>>,
    pub writer: Writer<BufWriter<UnixStream>>,
    pub handshake: ClientHandshake,
}

impl Client {
    pub fn new(stream: UnixStream, version: u8) -> Client {
        let input = stream.try_clone().expect("a descriptor");
        let mut reader = Reader::new(BufReader::new(input));
        let mut writer = Writer::new(BufWriter::new(stream));
        let handshake =
            client_handshake(&mut reader, &mut writer, Version(version)).expect("a handshake");
        let mut client = Client {
            reader,
            writer,
            handshake,
        };
        client.messages().expect("a greeting");
        client
    }

    /// Sends a request and waits until the server has worked; the messages, or the error.
    pub fn ask(&mut self, request: &Request) -> Result<Vec<Message>, String> {
        self.send(request);
        self.messages()
    }

    pub fn send(&mut self, request: &Request) {
        use std::io::Write;
        request.write(&mut self.writer).expect("it is sent");
        self.writer.get_mut().flush().expect("it is sent");
    }

    pub fn messages(&mut self) -> Result<Vec<Message>, String> {
        let mut messages = Vec::new();
        loop {
            match Message::read(&mut self.reader).map_err(|error| error.to_string())? {
                Message::Last => return Ok(messages),
                Message::Error(error) => return Err(error.message.to_string()),
                other => messages.push(other),
            }
        }
    }

    pub fn number(&mut self) -> u64 {
        self.reader.number("a number").expect("an answer")
    }

    pub fn options() -> Request {
        Request::SetOptions(Box::default())
    }
}

/// The file with a derivation's log on the server.
pub fn log_of(daemon: &Daemon, name: &str) -> Option<String> {
    let logs = daemon.root.join("nix/var/log/nix/drvs");
    for shard in fs::read_dir(logs).ok()? {
        for log in fs::read_dir(shard.ok()?.path()).ok()? {
            let log = log.ok()?;
            if log
                .file_name()
                .to_string_lossy()
                .ends_with(&format!("-{name}.drv"))
            {
                return fs::read_to_string(log.path()).ok();
            }
        }
    }
    None
}
