//! The daemon's socket: permissions, one server only, activation, idleness.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use wasibuild_worker_protocol::Request;

use crate::support::{Client, Daemon, PROGRAM, World};

#[test]
fn the_socket_has_its_permissions_and_one_server() {
    let world = World::new();
    let daemon = Daemon::start(&world, &["--socket-mode", "640"]);
    let mode = fs::metadata(&daemon.socket)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let second = world.run(&["daemon", "--socket", daemon.socket.to_str().expect("text")]);
    assert_eq!(second.code, 1);
    assert_eq!(
        second.err,
        "error: cannot listen on the socket 'DIR/socket': another wasibuild daemon listens there\n"
    );
    // The first one is not disturbed.
    daemon
        .connect(38)
        .ask(&Client::options())
        .expect("an answer");
    assert_eq!(daemon.end(), "");
}

#[test]
fn a_dead_servers_socket_is_replaced_and_a_file_is_not() {
    let world = World::new();
    let socket = world.path("socket");
    drop(UnixListener::bind(&socket).expect("a socket"));
    assert!(socket.exists());
    let daemon = Daemon::start(&world, &[]);
    crate::support::until("the new socket", || {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    });
    assert_eq!(daemon.end(), "");
    fs::write(&socket, "precious").expect("a file");
    let refused = world.run(&["daemon", "--socket", socket.to_str().expect("text")]);
    assert_eq!(refused.code, 1);
    assert_eq!(
        refused.err,
        "error: cannot listen on the socket 'DIR/socket': something that is not a socket is there\n"
    );
    assert_eq!(fs::read_to_string(&socket).expect("the file"), "precious");
}

/// What systemd does: the socket as descriptor 3, and the variables. The process number must be that
/// of the program, so that a shell sets it.
fn activated(world: &World, listener: UnixListener, idle: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!(
        "LISTEN_PID=$$ LISTEN_FDS=1 exec '{PROGRAM}' daemon --idle-timeout {idle} 3<&0 0</dev/null"
    );
    command
        .args(["-c", &script])
        .env_clear()
        .env("WASIBUILD_STORE", world.root())
        .env("XDG_CACHE_HOME", world.path("cache"))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_service_manager_starts_it_and_it_ends_when_idle() {
    let world = World::new();
    let socket = world.path("activated");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let inherited = listener.try_clone().expect("a descriptor");
    let child = activated(&world, inherited, "1")
        .spawn()
        .expect("sh starts");
    let stream = std::os::unix::net::UnixStream::connect(&socket).expect("a connection");
    let mut client = Client::new(stream, 38);
    client.ask(&Request::QueryAllValidPaths).expect("an answer");
    assert_eq!(client.number(), 0);
    // As long as there is a client it stays, however idle it is.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    client.ask(&Client::options()).expect("an answer");
    drop(client);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert_eq!(errors, "");
    // The socket is the service manager's, and is served again when somebody comes.
    assert!(socket.exists());
    let child = activated(&world, listener, "1").spawn().expect("sh starts");
    let stream = std::os::unix::net::UnixStream::connect(&socket).expect("a connection");
    drop(Client::new(stream, 34));
    assert!(child.wait_with_output().expect("it ends").status.success());
}

#[test]
fn standard_input_ends_it() {
    let world = World::new();
    let printed = world.run(&["daemon", "--stdio"]);
    assert_eq!(
        (printed.code, printed.out.as_str(), printed.err.as_str()),
        (0, "", "")
    );
    let both = world.run(&["daemon", "--stdio", "--socket", "x"]);
    assert_eq!(both.code, 2);
}
