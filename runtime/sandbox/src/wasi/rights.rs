//! Rights: what `fd_fdstat_get` tells, from which guests conclude what they may do.
//!
//! Contract: as wasmtime's implementation, which keeps no rights but the modes of opening: a preopen
//! has the fixed set that wasi-libc expects; anything else has all rights that its kind and mode
//! allow. Rights are never reduced (`fd_fdstat_set_rights` is refused).

use crate::kernel::descriptor::FdStat;
use crate::vfs::node::FileType;

/// `fd_read`
pub const FD_READ: u64 = 1 << 1;
/// `fd_write`
pub const FD_WRITE: u64 = 1 << 6;
const FD_SEEK: u64 = 1 << 2;
const FD_TELL: u64 = 1 << 5;
const FD_READDIR: u64 = 1 << 14;
const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
const POLL_FD_READWRITE: u64 = 1 << 27;
const ALL: u64 = (1 << 30) - 1;

/// On a preopen: what concerns paths, plus `fd_readdir` and `fd_filestat_*`.
const PREOPEN: u64 = 0x1ff << 9 | 1 << 18 | 1 << 20 | 1 << 21 | 0b1111 << 23;

/// On what is opened from a preopen.
const PREOPEN_INHERITING: u64 =
    PREOPEN | 0b1_1111_1111 | 1 << 21 | 1 << 22 | 1 << 23 | POLL_FD_READWRITE;

/// Base and inheriting rights.
pub fn of(stat: &FdStat) -> (u64, u64) {
    if stat.preopen {
        return (PREOPEN, PREOPEN_INHERITING);
    }
    let mut rights = ALL;
    if stat.file_type == FileType::Directory {
        rights &= !(FD_SEEK | FD_FILESTAT_SET_SIZE | PATH_FILESTAT_SET_SIZE);
    }
    if !stat.seekable && stat.file_type != FileType::Directory {
        rights &= !(FD_SEEK | FD_TELL);
    }
    if !stat.read {
        rights &= !(FD_READ | FD_READDIR);
    }
    if !stat.write {
        rights &= !FD_WRITE;
    }
    (rights, rights)
}
