//! `trap`.

use super::Call;
use crate::exec::trap::{SIGNALS, trap_name, trap_number};
use crate::expand::quote;
use crate::state::{Flow, Shell};

pub fn trap(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"lp", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    if options.has(b'l') {
        let mut out = String::new();
        for (at, name) in SIGNALS.iter().enumerate() {
            out.push_str(&format!(
                "{:2}) SIG{name}{}",
                at + 1,
                if at % 5 == 4 { "\n" } else { "\t" }
            ));
        }
        out.push('\n');
        return Ok(sh.output(&call.name, out.as_bytes()));
    }
    let args = call.args.get(options.used..).unwrap_or_default().to_vec();
    if options.has(b'p') || args.is_empty() {
        return list(sh, call, &args);
    }
    let first = args.first().cloned().unwrap_or_default();
    // A lone signal, or a number first, resets.
    let (action, names) = if args.len() == 1 {
        if trap_number(&first).is_none() {
            sh.builtin_error(&call.name, b"usage: trap [-lp] [[arg] signal_spec ...]");
            return Ok(2);
        }
        (None, &args[..])
    } else if first == b"-"
        || (!first.is_empty()
            && first.iter().all(u8::is_ascii_digit)
            && trap_number(&first).is_some())
    {
        let from = usize::from(first == b"-");
        (None, args.get(from..).unwrap_or_default())
    } else {
        (Some(first), args.get(1..).unwrap_or_default())
    };
    let mut status = 0;
    for name in names {
        match trap_number(name) {
            Some(number) => sh.set_trap(number, action.as_deref()),
            None => {
                sh.builtin_error(
                    &call.name,
                    [name.as_slice(), b": invalid signal specification"].concat(),
                );
                status = 1;
            }
        }
    }
    Ok(status)
}

fn list(sh: &mut Shell, call: &Call, names: &[Vec<u8>]) -> Flow {
    let mut wanted = Vec::new();
    for name in names {
        match trap_number(name) {
            Some(n) => wanted.push(n),
            None => {
                sh.builtin_error(
                    &call.name,
                    [name.as_slice(), b": invalid signal specification"].concat(),
                );
                return Ok(1);
            }
        }
    }
    let mut out = Vec::new();
    for (number, trap) in sh.st.traps.iter() {
        if !names.is_empty() && !wanted.contains(number) {
            continue;
        }
        out.extend_from_slice(b"trap -- ");
        out.extend(quote::single(&trap.action));
        out.push(b' ');
        out.extend_from_slice(trap_name(*number).as_bytes());
        out.push(b'\n');
    }
    Ok(sh.output(&call.name, &out))
}
