//! `echo`.

use super::Call;
use super::escape::{Escapes, unescape};
use crate::state::{Flow, Shell};

pub fn echo(sh: &mut Shell, call: &mut Call) -> Flow {
    let (mut newline, mut escapes) = (true, sh.st.options.xpg_echo());
    let mut used = 0;
    if !(sh.st.options.posix() && escapes) {
        for arg in &call.args {
            let Some(letters) = arg.strip_prefix(b"-") else {
                break;
            };
            if letters.is_empty() || !letters.iter().all(|c| matches!(c, b'n' | b'e' | b'E')) {
                break;
            }
            for c in letters {
                match c {
                    b'n' => newline = false,
                    b'e' => escapes = true,
                    _ => escapes = false,
                }
            }
            used += 1;
        }
    }
    let mut out = Vec::new();
    for (at, arg) in call.args.iter().skip(used).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        if escapes {
            if unescape(arg, Escapes::Echo, sh.st.utf8, &mut out) {
                newline = false;
                break;
            }
        } else {
            out.extend_from_slice(arg);
        }
    }
    if newline {
        out.push(b'\n');
    }
    Ok(sh.output(&call.name, &out))
}
