//! Network interfaces, by the oldest of the kernel's interfaces: `netdevice(7)`.
//!
//! Contract: the addresses are those that QEMU's user network always has (`-netdev user`: 10.0.2.0/24,
//! gateway 10.0.2.2, names by 10.0.2.3), so that nothing must be asked for.

use std::os::fd::OwnedFd;

use super::{Result, Tried, sys};

/// Who resolves names.
pub const RESOLVER: &str = "nameserver 10.0.2.3\n";

const GUEST: [u8; 4] = [10, 0, 2, 15];
const MASK: [u8; 4] = [255, 255, 255, 0];
const GATEWAY: [u8; 4] = [10, 0, 2, 2];

/// Brings up `lo` in this process's network.
pub fn loopback() -> Result<()> {
    let socket = sys::network_socket().tried(|| "open a socket".to_owned())?;
    up(&socket, "lo")
}

/// Brings up the first interface beside `lo`.
pub fn configure() -> Result<()> {
    let name = interface()?;
    let socket = sys::network_socket().tried(|| "open a socket".to_owned())?;
    for (number, address) in [(libc::SIOCSIFADDR, GUEST), (libc::SIOCSIFNETMASK, MASK)] {
        let mut request = named(&name);
        request.ifr_ifru.ifru_addr = socket_address(address);
        sys::request(&socket, number, &mut request)
            .tried(|| format!("give '{name}' an address"))?;
    }
    up(&socket, &name)?;
    let mut route = Route {
        destination: socket_address([0; 4]),
        gateway: socket_address(GATEWAY),
        mask: socket_address([0; 4]),
        flags: libc::RTF_UP | libc::RTF_GATEWAY,
        ..Route::default()
    };
    sys::request(&socket, libc::SIOCADDRT, &mut route).tried(|| "set the route".to_owned())
}

/// `struct rtentry` of `<linux/route.h>`, as 64-bit Linux lays it out.
#[repr(C)]
struct Route {
    pad1: u64,
    destination: libc::sockaddr,
    gateway: libc::sockaddr,
    mask: libc::sockaddr,
    flags: u16,
    pad2: i16,
    pad3: u64,
    pad4: u64,
    metric: i16,
    device: u64,
    mtu: u64,
    window: u64,
    irtt: u16,
}

impl Default for Route {
    fn default() -> Self {
        let none = libc::sockaddr {
            sa_family: 0,
            sa_data: [0; 14],
        };
        Route {
            pad1: 0,
            destination: none,
            gateway: none,
            mask: none,
            flags: 0,
            pad2: 0,
            pad3: 0,
            pad4: 0,
            metric: 0,
            device: 0,
            mtu: 0,
            window: 0,
            irtt: 0,
        }
    }
}

/// The first interface beside `lo`, waiting for its module for a moment.
fn interface() -> Result<String> {
    for _ in 0..500 {
        let names = std::fs::read_dir("/sys/class/net").tried(|| "list interfaces".to_owned())?;
        let mut names: Vec<String> = names
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name != "lo")
            .collect();
        names.sort();
        if let Some(first) = names.into_iter().next() {
            return Ok(first);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Err("there is no network interface".to_owned())
}

fn up(socket: &OwnedFd, name: &str) -> Result<()> {
    let mut request = named(name);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    sys::request(socket, libc::SIOCSIFFLAGS, &mut request).tried(|| format!("bring up '{name}'"))
}

fn named(name: &str) -> libc::ifreq {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_addr: socket_address([0; 4]),
        },
    };
    // One place stays zero: the end of the string.
    for (to, from) in request
        .ifr_name
        .iter_mut()
        .take(libc::IFNAMSIZ - 1)
        .zip(name.bytes())
    {
        *to = from as libc::c_char;
    }
    request
}

/// `struct sockaddr_in` with port 0.
fn socket_address(address: [u8; 4]) -> libc::sockaddr {
    let mut data = [0; 14];
    for (to, from) in data.iter_mut().skip(2).zip(address) {
        *to = from as libc::c_char;
    }
    libc::sockaddr {
        sa_family: libc::AF_INET as libc::sa_family_t,
        sa_data: data,
    }
}
