//! What a build may not ask of the kernel although its user may.
//!
//! Contract: as Nix's filter (`setupSeccomp` in `libstore/unix/build/linux-derivation-builder.cc`):
//! no file becomes set-user-ID or set-group-ID (EPERM), extended attributes do not exist (ENOTSUP),
//! because neither can be in a store. Other system calls, and those of other architectures' ABIs that
//! the kernel takes, pass.

use libc::sock_filter;

use super::sys;

/// The kernel's names of the architectures (`linux/audit.h`).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// `fchmodat2(2)`, the same number everywhere.
const FCHMODAT2: i64 = 452;

const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// Calls that set a mode, and which argument it is.
#[cfg(target_arch = "x86_64")]
const MODES: [(i64, u32); 4] = [
    (libc::SYS_chmod, 1),
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
];
#[cfg(not(target_arch = "x86_64"))]
const MODES: [(i64, u32); 3] = [
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
];

/// Calls that set extended attributes.
const ATTRIBUTES: [i64; 3] = [libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr];

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Installs the filter for this process and all that it starts.
pub fn install() -> std::io::Result<()> {
    sys::install_filter(&program())
}

fn program() -> Vec<sock_filter> {
    let load = |offset| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let equal = |value, skip_else| {
        instruction(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            skip_else,
            value,
        )
    };
    let any_bit = |bits, skip_else| {
        instruction(
            libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K,
            0,
            skip_else,
            bits,
        )
    };
    let answer = |value| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    let refuse = |error: i32| answer(libc::SECCOMP_RET_ERRNO | error as u32);
    let allow = answer(libc::SECCOMP_RET_ALLOW);

    let if_ours = instruction(
        libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
        1,
        0,
        ARCHITECTURE,
    );
    let mut program = vec![load(ARCH), if_ours, allow, load(NUMBER)];
    for (call, argument) in MODES {
        program.extend([
            equal(call as u32, 4),
            load(ARGUMENTS + 8 * argument),
            any_bit(SET_ID, 1),
            refuse(libc::EPERM),
            allow,
        ]);
    }
    for call in ATTRIBUTES {
        program.extend([equal(call as u32, 1), refuse(libc::ENOTSUP)]);
    }
    program.push(allow);
    program
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}
