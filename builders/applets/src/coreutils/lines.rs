//! Lines from several files, one after the other, as most filters read them.

use crate::shared::errno::Result as SysResult;
use crate::shared::io::{Records, Source};
use crate::shared::{fs, program, quote};
use bstr::BString;
use rustix::io::Errno;

/// Opens a file, refusing directories as a read of them would.
pub fn open(path: &[u8]) -> SysResult<Source> {
    let source = Source::open(path)?;
    if let Source::File(file) = &source
        && fs::fstat(file)?.is_dir()
    {
        return Err(Errno::ISDIR);
    }
    Ok(source)
}

/// Reads a whole file.
pub fn read(path: &[u8]) -> SysResult<Vec<u8>> {
    open(path)?.read_to_end()
}

/// The operands, or standard input.
pub fn or_stdin(operands: &[BString]) -> Vec<BString> {
    if operands.is_empty() {
        vec!["-".into()]
    } else {
        operands.to_vec()
    }
}

/// Calls `each` with every record of every file, without its end; tells of files that fail.
pub fn each(paths: &[BString], end: u8, mut each: impl FnMut(&[u8])) -> u8 {
    let mut status = 0;
    let mut record = Vec::new();
    for path in paths {
        let result = open(path).and_then(|source| {
            let mut records = Records::new(source, end);
            while records.next(&mut record)? {
                each(record.strip_suffix(&[end]).unwrap_or(&record));
            }
            Ok(())
        });
        if let Err(errno) = result {
            program::complain_errno(&[&quote::maybe(path)], errno);
            status = 1;
        }
    }
    status
}

/// The records of a text, each with its end if it has one.
pub fn split(text: &[u8], end: u8) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(move |byte| *byte == end)
}
