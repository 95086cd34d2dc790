//! The kernel inside a bzImage, so that no guest has to decompress it.
//!
//! Contract: what a bzImage has packed is unpacked once, when a kernel is taken; QEMU starts an ELF kernel
//! that has an entry for PVH (a note, `PHYS32_ENTRY`) at once, where under emulation decompressing alone takes
//! longer than all else of a start. An image that cannot be unpacked here, or has no such entry, stays as it
//! is. Counterparts: Documentation/arch/x86/boot.rst of the kernel (`payload_offset`), QEMU's
//! `docs/system/i386/microvm.rst`, Xen's `public/elfnote.h`. Such a start skips the choice of a random place
//! for the kernel (KASLR); the machine holds nothing but builds.

use super::decompress;
use crate::Architecture;

/// The largest kernel, decompressed.
const MAX_KERNEL: u64 = 512 << 20;
/// The version of the boot protocol since which the payload is described.
const WITH_PAYLOAD: u64 = 0x0208;
const SECTOR: u64 = 512;
/// `PT_NOTE` of ELF.
const NOTE: u64 = 4;
/// `XEN_ELFNOTE_PHYS32_ENTRY`.
const PHYS32_ENTRY: u64 = 18;

/// The ELF file in a bzImage, if QEMU can start it.
pub fn kernel(image: &[u8]) -> Option<Vec<u8>> {
    let packed = payload(image)?;
    // All but gzip, which has it itself, are followed by the size.
    let cut = packed.len().checked_sub(4)?;
    let without_size = packed.get(..cut)?;
    let elf = [without_size, packed]
        .into_iter()
        .find_map(|packed| decompress::all(packed, MAX_KERNEL).ok())?;
    let whole = number(packed, cut as u64, 4)? == elf.len() as u64;
    (whole && is_kernel(&elf)).then_some(elf)
}

/// Whether it is a kernel for x86_64 that QEMU can start.
pub fn is_kernel(elf: &[u8]) -> bool {
    number(elf, 18, 2) == Some(u64::from(Architecture::X86_64.elf_machine())) && has_entry(elf)
}

fn number(bytes: &[u8], at: u64, size: u64) -> Option<u64> {
    let start = usize::try_from(at).ok()?;
    let end = usize::try_from(at.checked_add(size)?).ok()?;
    let mut wide = [0; 8];
    for (to, from) in wide.iter_mut().zip(bytes.get(start..end)?) {
        *to = *from;
    }
    Some(u64::from_le_bytes(wide))
}

fn part(bytes: &[u8], start: u64, length: u64) -> Option<&[u8]> {
    let end = usize::try_from(start.checked_add(length)?).ok()?;
    bytes.get(usize::try_from(start).ok()?..end)
}

fn payload(image: &[u8]) -> Option<&[u8]> {
    if part(image, 0x202, 4)? != b"HdrS" || number(image, 0x206, 2)? < WITH_PAYLOAD {
        return None;
    }
    // 0 stands for 4.
    let sectors = match number(image, 0x1f1, 1)? {
        0 => 4,
        sectors => sectors,
    };
    let start = (sectors + 1) * SECTOR + number(image, 0x248, 4)?;
    part(image, start, number(image, 0x24c, 4)?)
}

/// Whether a 64-bit ELF file has the note by which QEMU finds the entry.
fn has_entry(elf: &[u8]) -> bool {
    let find = || -> Option<bool> {
        if elf.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let (table, size, count) = (
            number(elf, 32, 8)?,
            number(elf, 54, 2)?,
            number(elf, 56, 2)?,
        );
        for index in 0..count {
            let header = table.checked_add(index * size)?;
            if number(elf, header, 4)? != NOTE {
                continue;
            }
            let mut at = number(elf, header.checked_add(8)?, 8)?;
            let end = at.checked_add(number(elf, header.checked_add(32)?, 8)?)?;
            while at < end {
                let sizes = (number(elf, at, 4)?, number(elf, at.checked_add(4)?, 4)?);
                let name = part(elf, at.checked_add(12)?, sizes.0)?;
                if name == b"Xen\0" && number(elf, at.checked_add(8)?, 4)? == PHYS32_ENTRY {
                    return Some(true);
                }
                let padded = |size: u64| size.next_multiple_of(4);
                at = at.checked_add(12 + padded(sizes.0) + padded(sizes.1))?;
            }
        }
        Some(false)
    };
    find() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A kernel with one note, packed by nothing at all.
    fn image(kind: u32) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = 62;
        elf[32..40].copy_from_slice(&64_u64.to_le_bytes());
        elf[54..56].copy_from_slice(&56_u16.to_le_bytes());
        elf[56..58].copy_from_slice(&1_u16.to_le_bytes());
        elf[64..68].copy_from_slice(&4_u32.to_le_bytes());
        elf[72..80].copy_from_slice(&120_u64.to_le_bytes());
        elf[96..104].copy_from_slice(&20_u64.to_le_bytes());
        for number in [4, 4, kind] {
            elf.extend(number.to_le_bytes());
        }
        elf.extend(b"Xen\0\0\0\0\0");
        let size = (elf.len() as u32).to_le_bytes();
        elf.extend(size);
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(elf.len() as u32).to_le_bytes());
        image.extend(elf);
        image
    }

    #[test]
    fn only_what_qemu_can_start_is_taken_out() {
        let with_entry = image(18);
        let elf = kernel(&with_entry).expect("a kernel");
        assert_eq!(elf, with_entry[1024..with_entry.len() - 4]);
        assert_eq!(kernel(&image(17)), None);
        assert_eq!(kernel(&with_entry[..with_entry.len() - 1]), None);
        assert_eq!(kernel(b"MZ"), None);
    }

    proptest! {
        #[test]
        fn bytes_of_a_stranger_do_no_harm(at in 0_usize..1160, bytes in any::<[u8; 8]>()) {
            let mut image = image(18);
            for (to, from) in image.iter_mut().skip(at).zip(bytes) {
                *to = from;
            }
            let _ = kernel(&image);
        }
    }
}
