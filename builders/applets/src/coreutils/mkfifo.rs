//! `mkfifo`.

use super::Utility;
use super::mode::Mode;
use crate::shared::options::{Spec, parse, value};
use crate::shared::{fs, program, quote};
use bstr::BString;

pub const MKFIFO: Utility = Utility {
    name: "mkfifo",
    spec: Spec {
        options: &[value('m', "mode")],
        permute: true,
        usage: 1,
    },
    run: mkfifo,
};

fn mkfifo(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let mode = parsed.value('m').map(|text| match Mode::parse(text) {
        None => program::die(1, &[b"invalid mode"]),
        Some(mode) => match mode.apply(0o666, false, fs::umask()) {
            mode if mode & !0o777 == 0 => mode,
            _ => program::die(1, &[b"mode must specify only file permission bits"]),
        },
    });
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing operand"]);
    }
    let mut status = 0;
    for path in &parsed.operands {
        if let Err(errno) = fs::mkfifo(path, mode.unwrap_or(0o666)) {
            program::complain_errno(&[b"cannot create fifo ", &quote::always(path)], errno);
            status = 1;
            continue;
        }
        if let Some(mode) = mode
            && let Err(errno) = fs::chmod(path, mode)
        {
            program::complain_errno(
                &[b"cannot set permissions of ", &quote::always(path)],
                errno,
            );
            status = 1;
        }
    }
    status
}
