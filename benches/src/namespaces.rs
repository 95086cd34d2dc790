//! What Nix's sandbox on Linux has, by bubblewrap: for the sides that start a process for each build.
//!
//! Contract: its namespaces (user, process, network, IPC and host name), its user, `/proc`, `/dev` and
//! `/tmp` of its own, and this machine's `/usr`. Nix mounts every input by itself, the callers the
//! whole store at once: the comparison favours bash.

use std::process::{Command, Stdio};

/// `bwrap` with all that is common; the environment is empty. What the command sees besides, and
/// the command itself, follow as arguments.
pub fn bubblewrap() -> Command {
    let mut command = Command::new("/usr/bin/bwrap");
    command.args([
        "--unshare-user",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--uid",
        "1000",
        "--gid",
        "100",
        "--hostname",
        "localhost",
        "--ro-bind",
        "/usr",
        "/usr",
        "--symlink",
        "usr/lib",
        "/lib",
        "--symlink",
        "usr/lib64",
        "/lib64",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--tmpfs",
        "/tmp",
        "--die-with-parent",
        "--new-session",
    ]);
    command.env_clear().stdin(Stdio::null());
    command
}
