//! A build with this host's GNU tools: the builder as it is, under bubblewrap, in a store of stand-ins.
//!
//! Contract: what the builder sees is what Nix's sandbox shows on Linux: `/nix/store`, `/build`, an
//! unprivileged user, `/bin/sh`, no network; and besides `/usr` and the libraries, which the programs of
//! this host need. Counterpart: `LocalDerivationGoal::startBuilder` of Nix.

use anyhow::{Context, Result};
use bstr::ByteSlice;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::environment::{self, Environment};
use super::graph::Node;
use super::store::Store;
use super::{tools, tree};

/// Builds that take longer are ended: a stand-in keeps them waiting.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How a build ended.
pub struct Outcome {
    pub seconds: f64,
    /// Why there are no outputs, if there are none.
    pub failure: Option<String>,
}

/// The machine on which derivations are built natively.
pub struct Native<'a> {
    /// The store of stand-ins and of what was built, below a root.
    pub store: &'a Store,
    /// A folder for what a build needs besides.
    pub scratch: PathBuf,
}

impl Native<'_> {
    pub fn build(&self, node: &Node) -> Result<Outcome> {
        let top = self.scratch.join("build");
        tree::fresh(&top)?;
        // As Nix makes it.
        fs::set_permissions(&top, fs::Permissions::from_mode(0o700))?;
        let environment = environment::prepare(node, self.store)
            .with_context(|| format!("preparing the build of {}", node.path.basename()))?;
        for (name, contents) in &environment.files {
            let file = top.join(OsStr::from_bytes(name));
            fs::write(&file, contents).with_context(|| format!("writing {}", file.display()))?;
        }
        for path in node.outputs().values() {
            tree::remove(&self.store.place(path))?;
        }
        let log = self.scratch.join("log");
        let mut command = self.command(node, &environment, &top)?;
        let out = fs::File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        let start = Instant::now();
        let status = wait(&mut command)?;
        let seconds = start.elapsed().as_secs_f64();

        let missing = node
            .outputs()
            .into_values()
            .find(|path| fs::symlink_metadata(self.store.place(path)).is_err());
        let failure = match (status, missing) {
            (None, _) => Some(format!("it ran longer than {} s", TIMEOUT.as_secs())),
            (Some(status), _) if !status.success() => Some(format!("{status}: {}", tail(&log)?)),
            (_, Some(path)) => Some(format!("it made no {}", path.basename())),
            (_, None) => None,
        };
        if failure.is_none() {
            for path in node.outputs().values() {
                tree::canonicalise(&self.store.place(path))?;
            }
        }
        Ok(Outcome { seconds, failure })
    }

    fn command(&self, node: &Node, environment: &Environment, top: &Path) -> Result<Command> {
        let etc = self.scratch.join("etc");
        fs::create_dir_all(&etc)?;
        fs::write(
            etc.join("passwd"),
            "root:x:0:0:Nix build user:/build:/noshell\nnixbld:x:1000:100:Nix build user:/build:/noshell\nnobody:x:65534:65534:Nobody:/:/noshell\n",
        )?;
        fs::write(
            etc.join("group"),
            "root:x:0:\nnixbld:!:100:\nnogroup:x:65534:\n",
        )?;
        fs::write(etc.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;

        // By its path, since the builder's PATH is another one.
        let bwrap = tools::find("bwrap").context("there is no bwrap on this machine")?;
        let mut command = Command::new(bwrap);
        command.args([
            "--unshare-all",
            "--die-with-parent",
            "--as-pid-1",
            "--cap-drop",
            "ALL",
        ]);
        command.args(["--uid", "1000", "--gid", "100"]);
        command.args(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]);
        command.arg("--bind").arg(top).arg("/build");
        command
            .arg("--bind")
            .arg(self.store.root().join("nix"))
            .arg("/nix");
        command.arg("--ro-bind").arg(&etc).arg("/etc");
        for folder in ["/usr", "/lib", "/lib64"] {
            match fs::read_link(folder) {
                Ok(target) => command.arg("--symlink").arg(target).arg(folder),
                Err(_) if Path::new(folder).exists() => command.args(["--ro-bind", folder, folder]),
                Err(_) => &mut command,
            };
        }
        let shell = tools::find("bash").context("there is no bash on this machine")?;
        command.arg("--ro-bind").arg(shell).arg("/bin/sh");
        command.args(["--chdir", "/build"]);
        // A builder is called by its base name, which bwrap of today's distributions cannot do.
        let builder = &node.derivation.builder;
        let name = builder.rsplit_str("/").next().unwrap_or(builder);
        let call = "exec { shift } @ARGV or die qq{$!\n}";
        command.args(["/usr/bin/perl", "-e", call]);
        command.args([OsStr::from_bytes(builder), OsStr::from_bytes(name)]);
        command.args(
            node.derivation
                .arguments
                .iter()
                .map(|a| OsStr::from_bytes(a)),
        );
        command.env_clear();
        let pairs = environment.variables.iter();
        command.envs(pairs.map(|(k, v)| (OsStr::from_bytes(k), OsStr::from_bytes(v))));
        Ok(command)
    }
}

/// Waits for a command; `None` if it had to be ended.
fn wait(command: &mut Command) -> Result<Option<ExitStatus>> {
    let mut child = command.spawn().context("starting bwrap")?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > TIMEOUT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The end of a log, on one line.
fn tail(log: &Path) -> Result<String> {
    let text = fs::read(log)?;
    let end = &text[text.len().saturating_sub(300)..];
    let text = end.to_str_lossy();
    Ok(text.trim().replace('\n', " | "))
}
