//! An initramfs: the first file system of a Linux, in the `newc` form of cpio.
//!
//! Contract: the same bytes for the same content, made on any system: numbers, times and owners are
//! constant. `Documentation/driver-api/early-userspace/buffer-format.rst` of the kernel is the format.

/// Numbers of an entry that is a device.
type Device = (u32, u32);

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const CONSOLE: u32 = 0o020_600;

/// Writes the archive: `/init`, and the modules in `/modules`, their names beginning with their place.
pub fn write(init: &[u8], modules: &[(String, Vec<u8>)]) -> Vec<u8> {
    let size: usize = modules.iter().map(|(_, bytes)| bytes.len() + 256).sum();
    let mut archive = Archive(Vec::with_capacity(init.len() + size + 1024));
    archive.entry("dev", DIRECTORY, b"", (0, 0));
    archive.entry("dev/console", CONSOLE, b"", (5, 1));
    archive.entry("modules", DIRECTORY, b"", (0, 0));
    archive.entry("init", PROGRAM, init, (0, 0));
    for (place, (name, bytes)) in modules.iter().enumerate() {
        archive.entry(
            &format!("modules/{place:03}-{name}.ko"),
            FILE,
            bytes,
            (0, 0),
        );
    }
    archive.entry("TRAILER!!!", 0, b"", (0, 0));
    archive.0
}

struct Archive(Vec<u8>);

impl Archive {
    fn entry(&mut self, name: &str, mode: u32, content: &[u8], device: Device) {
        let inode = 0;
        let links = 1;
        // A module or program of 4 GiB does not exist; were it one, the kernel would refuse it.
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        self.0.extend_from_slice(b"070701");
        for number in [
            inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0,
        ] {
            self.0.extend_from_slice(format!("{number:08X}").as_bytes());
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
        self.pad();
        self.0.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_kernels() {
        let archive = write(b"abc", &[("m".to_owned(), vec![1])]);
        assert_eq!(archive.len() % 4, 0);
        let text = String::from_utf8_lossy(&archive);
        assert!(
            text.starts_with("070701000000000000 41ED".replace(' ', "").as_str()),
            "{text}"
        );
        assert!(text.contains("modules/000-m.ko\0"));
        assert!(text.contains("init\0"));
        assert!(text.trim_end_matches('\0').ends_with("TRAILER!!!"));
        assert_eq!(archive, write(b"abc", &[("m".to_owned(), vec![1])]));
    }
}
