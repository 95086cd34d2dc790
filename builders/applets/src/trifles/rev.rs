//! `rev`.
//!
//! Counterpart: util-linux 2.38's `rev.c` in the C locale.

use crate::shared::io::{Records, Source};
use crate::shared::{fs, io, program};
use bstr::BString;

pub fn rev(words: Vec<BString>) -> u8 {
    let (_, mut operands) = super::operands(words, &[]);
    let stdin = operands.is_empty();
    if stdin {
        operands.push("-".into());
    }
    let mut status = 0;
    for path in &operands {
        let source = if stdin {
            Ok(Source::Stdin)
        } else {
            fs::open_read(path).map(Source::File)
        };
        let source = match source {
            Ok(source) => source,
            Err(errno) => {
                program::complain_errno(&[b"cannot open ", path], errno);
                status = 1;
                continue;
            }
        };
        let mut records = Records::new(source, b'\n');
        let mut line = Vec::new();
        loop {
            match records.next(&mut line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(errno) => {
                    program::complain_errno(&[path], errno);
                    status = 1;
                    break;
                }
            }
            if line.contains(&0) {
                program::refuse("a line with a NUL");
            }
            let end = usize::from(line.last() == Some(&b'\n'));
            let body = line.len() - end;
            if let Some(body) = line.get_mut(..body) {
                body.reverse();
            }
            io::put(&line);
        }
    }
    status
}
