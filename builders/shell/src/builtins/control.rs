//! Control: `break`, `continue`, `return`, `exit`, `eval`, `source`, `exec`.

use super::Call;
use crate::exec::launch::Batch;
use crate::state::value::{Value, attr};
use crate::state::{Flow, FrameKind, Shell, Unwind};
use crate::sys;

/// A status given as an argument; `Err`: not a number (reported).
fn status_arg(sh: &mut Shell, call: &Call) -> Result<i32, Unwind> {
    let args = match call.args.first() {
        Some(a) if a == b"--" => call.args.get(1..).unwrap_or_default(),
        _ => &call.args,
    };
    let Some(text) = args.first() else {
        return Ok(sh.st.status);
    };
    match crate::arith::parse_decimal(text) {
        Some(n) => Ok((n & 0xff) as i32),
        None => {
            sh.builtin_error(
                &call.name,
                [text.as_slice(), b": numeric argument required"].concat(),
            );
            Ok(2)
        }
    }
}

pub fn exit(sh: &mut Shell, call: &mut Call) -> Flow {
    let status = status_arg(sh, call)?;
    if call.args.len() > 1
        && call
            .args
            .first()
            .is_some_and(|a| a != b"--" && crate::arith::parse_decimal(a).is_some())
    {
        sh.builtin_error(&call.name, b"too many arguments");
        return Err(Unwind::Discard(1));
    }
    Err(Unwind::Exit(status))
}

pub fn return_from(sh: &mut Shell, call: &mut Call) -> Flow {
    let in_call = sh
        .st
        .frames
        .iter()
        .any(|f| f.kind == FrameKind::Function || f.kind == FrameKind::Source);
    if !in_call {
        sh.builtin_error(
            &call.name,
            b"can only `return' from a function or sourced script",
        );
        return Ok(2);
    }
    let status = status_arg(sh, call)?;
    if call.args.len() > 1 && call.args.first().is_some_and(|a| a != b"--") {
        sh.builtin_error(&call.name, b"too many arguments");
        return Err(Unwind::Discard(1));
    }
    Err(Unwind::Return(status))
}

fn loop_count(sh: &mut Shell, call: &Call) -> Result<Option<u32>, Unwind> {
    let args = match call.args.first() {
        Some(a) if a == b"--" => call.args.get(1..).unwrap_or_default(),
        _ => &call.args,
    };
    if sh.st.loops == 0 {
        sh.builtin_error(
            &call.name,
            b"only meaningful in a `for', `while', or `until' loop",
        );
        return Ok(None);
    }
    let Some(text) = args.first() else {
        return Ok(Some(1));
    };
    let Some(n) = crate::arith::parse_decimal(text) else {
        sh.builtin_error(
            &call.name,
            [text.as_slice(), b": numeric argument required"].concat(),
        );
        return Err(Unwind::Exit(128));
    };
    if args.len() > 1 {
        sh.builtin_error(&call.name, b"too many arguments");
        return Err(Unwind::Discard(1));
    }
    if n < 1 {
        sh.builtin_error(
            &call.name,
            [text.as_slice(), b": loop count out of range"].concat(),
        );
        sh.st.status = 1;
        return Err(Unwind::Break(sh.st.loops));
    }
    Ok(Some(u32::try_from(n).unwrap_or(u32::MAX).min(sh.st.loops)))
}

pub fn break_loop(sh: &mut Shell, call: &mut Call) -> Flow {
    match loop_count(sh, call)? {
        Some(n) => {
            sh.st.status = 0;
            Err(Unwind::Break(n))
        }
        None => Ok(0),
    }
}

pub fn continue_loop(sh: &mut Shell, call: &mut Call) -> Flow {
    match loop_count(sh, call)? {
        Some(n) => {
            sh.st.status = 0;
            Err(Unwind::Continue(n))
        }
        None => Ok(0),
    }
}

pub fn eval(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.first().is_some_and(|a| a == b"--") {
        call.args.remove(0);
    } else if let Some(option) = call
        .args
        .first()
        .filter(|a| a.first() == Some(&b'-') && a.len() > 1)
    {
        let option = option.get(..2).unwrap_or_default().to_vec();
        return Ok(sh.bad_option(&call.name, &option));
    }
    let text = call.args.join(&b' ');
    let line = sh.st.line;
    let result = sh.eval_string(text, line);
    sh.st.line = line;
    result
}

pub fn source(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.first().is_some_and(|a| a == b"--") {
        call.args.remove(0);
    }
    let Some(name) = call.args.first().cloned() else {
        sh.builtin_error(&call.name, b"filename argument required");
        return Ok(2);
    };
    if name.first() == Some(&b'-') && name.len() > 1 {
        let option = name.get(..2).unwrap_or_default().to_vec();
        return Ok(sh.bad_option(&call.name, &option));
    }
    let path = sh.search_source(&name);
    let text = match &path {
        Some(path) => {
            if sh
                .stat_path(path, true)
                .is_some_and(|s| s.kind == sys::FileKind::Directory)
            {
                sh.builtin_error(&call.name, [path.as_slice(), b": is a directory"].concat());
                return Ok(1);
            }
            sh.read_file(path)
        }
        None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let text = match text {
        Ok(text) => text,
        Err(e) => {
            let why = if e.kind() == std::io::ErrorKind::NotFound {
                "No such file or directory".to_string()
            } else {
                sys::error_text(&e)
            };
            sh.error([name.as_slice(), b": ", why.as_bytes()].concat());
            return if sh.st.options.posix() {
                Err(Unwind::Exit(1))
            } else {
                Ok(1)
            };
        }
    };
    let args = call
        .args
        .get(1..)
        .filter(|a| !a.is_empty())
        .map(<[Vec<u8>]>::to_vec);
    sh.source_file(path.as_deref().unwrap_or(&name), text, args)
}

pub fn exec(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"cla:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let mut args: Vec<Vec<u8>> = call.args.split_off(options.used);
    if args.is_empty() {
        sh.exec_keeps = true;
        return Ok(0);
    }
    if options.has(b'c') {
        let names: Vec<Vec<u8>> = sh
            .vars
            .all()
            .into_iter()
            .filter(|(_, v)| v.has(attr::EXPORT))
            .map(|(n, _)| n.to_vec())
            .collect();
        for name in names {
            if let Some(var) = sh.vars.get_mut(&name) {
                var.set_attr(attr::EXPORT, false);
            }
        }
    }
    let name = args.first().cloned().unwrap_or_default();
    let Some(path) = sh.find_program(&name) else {
        sh.error([b"exec: ", name.as_slice(), b": not found"].concat());
        return if sh.st.options.execfail() {
            Ok(127)
        } else {
            Err(Unwind::Exit(127))
        };
    };
    if sh.st.subshell == 0
        && let Some(level) = sh
            .get(b"SHLVL")
            .and_then(|t| crate::arith::parse_decimal(&t))
        && let Some(var) = sh.vars.get_mut(b"SHLVL")
    {
        var.value = Value::Scalar((level - 1).to_string().into_bytes());
    }
    let mut name_arg = options.value(b'a').map_or(name, <[u8]>::to_vec);
    if options.has(b'l') {
        name_arg.insert(0, b'-');
    }
    if let Some(first) = args.first_mut() {
        *first = path;
    }
    // WASI has no exec: the program runs as a child, and its status ends the shell.
    let mut batch = Batch::default();
    let shown = args.first().cloned().unwrap_or_default();
    match sh.start_program_as(&shown, &args, name_arg, &mut batch)? {
        Ok(pid) => {
            batch.finish();
            let status = sh.wait_for(pid);
            std::rc::Rc::make_mut(&mut sh.st.traps).clear();
            Err(Unwind::Exit(status))
        }
        Err(status) => {
            if sh.st.options.execfail() {
                Ok(status)
            } else {
                Err(Unwind::Exit(status))
            }
        }
    }
}
