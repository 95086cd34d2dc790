//! Every call on the system goes through here, so that [`crate::witness`] knows what a command line looks
//! at. A question about a file in an input is listed; the same for a descriptor that reads one, and
//! for `/dev/null`. What is the same for all builds, or does nothing, passes. The rest spoils the list.

use std::io;

use super::{Access, Ended, FileKind, Handle, OpenMode, Pid, Spawn, Stat, system};
use crate::witness;

pub use system::{
    Disposition, PIPE_ROOM, args, derive, environment, exit, inherited, recall, remember,
    take_signals,
};

/// A path is asked about, by a call or by what is remembered of one.
pub fn asked(path: &[u8]) {
    witness::path(path, stable_object);
}

/// The store path that a path lies in, if that is an input, and no link is on the way: then whatever is
/// asked about the path is answered by that input, which stays as it is.
pub fn stable_object(path: &[u8]) -> Option<Vec<u8>> {
    const STORE: &[u8] = b"/nix/store/";
    let within = path.strip_prefix(STORE)?;
    let mut names = within.split(|c| *c == b'/');
    let object = [STORE, names.next().filter(|name| is_plain(name))?].concat();
    if !system::is_fixed(&object) {
        return None;
    }
    let mut place = object.clone();
    let mut kind = system::stat(&place, false).ok()?.kind;
    for name in names.filter(|name| !name.is_empty() && *name != b".") {
        match kind {
            FileKind::Directory if is_plain(name) => {}
            FileKind::Symlink => return None,
            // There is nothing below a file, and what lies above is none of this object's business.
            _ => return (name != b"..").then_some(object),
        }
        place.push(b'/');
        place.extend_from_slice(name);
        match system::stat(&place, false) {
            Ok(stat) => kind = stat.kind,
            Err(_) => {
                let goes_up = within.split(|c| *c == b'/').any(|name| name == b"..");
                return (!goes_up).then_some(object);
            }
        }
    }
    (kind != FileKind::Symlink).then_some(object)
}

fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name != b"." && name != b".."
}

/// See [`system::open`].
pub fn open(path: &[u8], mode: OpenMode) -> io::Result<Handle> {
    let null = path == b"/dev/null";
    let reads = mode.read && !mode.write && !mode.create && !mode.truncate && !mode.append;
    if !null && witness::is_active() {
        match reads {
            true => asked(path),
            false => witness::spoil(),
        }
    }
    let handle = system::open(path, mode)?;
    match null {
        true => witness::opened_null(handle.0),
        false => witness::opened(handle.0),
    }
    Ok(handle)
}

/// See [`system::stat`].
pub fn stat(path: &[u8], follow: bool) -> io::Result<Stat> {
    asked(path);
    system::stat(path, follow)
}

/// See [`system::stat_handle`].
pub fn stat_handle(handle: &Handle) -> io::Result<Stat> {
    witness::used(handle.0);
    system::stat_handle(handle)
}

/// See [`system::exists`].
pub fn exists(path: &[u8]) -> bool {
    asked(path);
    system::exists(path)
}

/// See [`system::is_fixed`].
pub fn is_fixed(path: &[u8]) -> bool {
    asked(path);
    system::is_fixed(path)
}

/// See [`system::access`].
pub fn access(path: &[u8], question: Access) -> bool {
    asked(path);
    system::access(path, question)
}

/// See [`system::read_dir`].
pub fn read_dir(path: &[u8]) -> io::Result<Vec<(Vec<u8>, Option<FileKind>)>> {
    asked(path);
    system::read_dir(path)
}

/// Calls that no list can tell of.
macro_rules! spoiling {
    ($($name:ident($($argument:ident: $of:ty),*) $(-> $result:ty)?;)*) => {$(
        #[doc = concat!("See [`system::", stringify!($name), "`].")]
        pub fn $name($($argument: $of),*) $(-> $result)? {
            witness::spoil();
            system::$name($($argument),*)
        }
    )*};
}

spoiling! {
    canonical(path: &[u8]) -> io::Result<Vec<u8>>;
    current_dir() -> Vec<u8>;
    die_of(signal: i32) -> !;
    group_id() -> u32;
    home_of(user: &[u8]) -> Option<Vec<u8>>;
    host_name() -> Vec<u8>;
    kill(pid: i64, signal: i32) -> io::Result<()>;
    now() -> (i64, u32);
    own_home() -> Vec<u8>;
    own_program() -> Vec<u8>;
    parent_pid() -> u32;
    pipe() -> io::Result<(Handle, Handle)>;
    process_id() -> Pid;
    readable_within(handle: &Handle, millis: i32) -> bool;
    seed() -> u32;
    set_signal(signal: i32, disposition: Disposition);
    set_umask(mask: u32) -> u32;
    spawn(request: &Spawn) -> io::Result<Pid>;
    times() -> [i64; 4];
    user_id() -> u32;
    wait(pid: Option<Pid>, poll: bool) -> io::Result<Option<Ended>>;
}
