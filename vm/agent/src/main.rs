//! Init and build agent of wasibuild's virtual machine (docs/vm.md).
//!
//! Contract: the only program in the initramfs, linked statically. As process 1 it prepares the
//! machine and serves the host over a virtio-serial port; started again with `build` it becomes one
//! build's builder. It trusts the host and nothing that a build does. Everything is for Linux; where
//! the workspace is checked on other systems, only this file is compiled.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this program is process 1 of a Linux machine");
    std::process::exit(1);
}
