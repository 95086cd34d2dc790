//! Small builtins.

use std::rc::Rc;

use super::Call;
use crate::state::{Flow, FrameKind, Shell, Unwind};
use crate::sys;

pub fn truth(_: &mut Shell, _: &mut Call) -> Flow {
    Ok(0)
}

pub fn falsehood(_: &mut Shell, _: &mut Call) -> Flow {
    Ok(1)
}

pub fn help(sh: &mut Shell, call: &mut Call) -> Flow {
    for topic in call.args.iter().filter(|a| a.first() != Some(&b'-')) {
        if super::find(topic).is_none() {
            sh.builtin_error(
                &call.name,
                [b"no help topics match `", topic.as_slice(), b"'."].concat(),
            );
            return Ok(1);
        }
    }
    let mut text = b"These shell commands are defined internally.\n".to_vec();
    for (name, ..) in super::TABLE {
        text.extend_from_slice(format!(" {name}\n").as_bytes());
    }
    Ok(sh.output(&call.name, &text))
}

/// Aliases are off in scripts; the names are refused.
pub fn alias(sh: &mut Shell, call: &mut Call) -> Flow {
    let mut status = 0;
    for arg in &call.args {
        if !arg.contains(&b'=') && arg != b"-p" && arg != b"--" {
            sh.builtin_error(&call.name, [arg.as_slice(), b": not found"].concat());
            status = 1;
        }
    }
    Ok(status)
}

pub fn unalias(sh: &mut Shell, call: &mut Call) -> Flow {
    let mut status = 0;
    for arg in &call.args {
        if arg != b"-a" && arg != b"--" {
            sh.builtin_error(&call.name, [arg.as_slice(), b": not found"].concat());
            status = 1;
        }
    }
    Ok(status)
}

pub fn shift(sh: &mut Shell, call: &mut Call) -> Flow {
    let args = match call.args.first() {
        Some(a) if a == b"--" => call.args.get(1..).unwrap_or_default(),
        _ => &call.args,
    };
    let count = match args.first() {
        None => 1,
        Some(text) => match crate::arith::parse_decimal(text) {
            Some(n) => n,
            None => {
                sh.builtin_error(
                    &call.name,
                    [text.as_slice(), b": numeric argument required"].concat(),
                );
                return Ok(1);
            }
        },
    };
    if args.len() > 1 {
        sh.builtin_error(&call.name, b"too many arguments");
        return Err(Unwind::Discard(1));
    }
    if count < 0 {
        sh.builtin_error(&call.name, format!("{count}: shift count out of range"));
        return Ok(1);
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > sh.st.positional.len() {
        if sh.st.options.shift_verbose() {
            sh.builtin_error(&call.name, format!("{count}: shift count out of range"));
        }
        return Ok(1);
    }
    Rc::make_mut(&mut sh.st.positional).drain(..count);
    Ok(0)
}

pub fn let_builtin(sh: &mut Shell, call: &mut Call) -> Flow {
    let args = match call.args.first() {
        Some(a) if a == b"--" => call.args.get(1..).unwrap_or_default(),
        _ => &call.args,
    };
    if args.is_empty() {
        sh.builtin_error(&call.name, b"expression expected");
        return Ok(1);
    }
    let mut value = 0;
    for text in args {
        value = match sh.eval_cached(text) {
            Ok(value) => value,
            Err(e) => {
                return match sh.report_arith(text, e, b"let: ") {
                    Unwind::Discard(_) => Ok(1),
                    other => Err(other),
                };
            }
        };
    }
    Ok(i32::from(value == 0))
}

pub fn times(sh: &mut Shell, call: &mut Call) -> Flow {
    let show = |micros: i64| {
        format!(
            "{}m{}.{:03}s",
            micros / 60_000_000,
            micros / 1_000_000 % 60,
            micros / 1000 % 1000
        )
    };
    let [user, system, child_user, child_system] = sys::times();
    let text = format!(
        "{} {}\n{} {}\n",
        show(user),
        show(system),
        show(child_user),
        show(child_system)
    );
    Ok(sh.output(&call.name, text.as_bytes()))
}

pub fn umask(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"pS", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let mask = sh.st.umask;
    let Some(text) = call.args.get(options.used) else {
        let mut out = String::new();
        if options.has(b'p') {
            out.push_str(if options.has(b'S') {
                "umask -S "
            } else {
                "umask "
            });
        }
        if options.has(b'S') {
            let part = |shift: u32| {
                let bits = !mask >> shift & 7;
                let mut s = String::new();
                for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
                    if bits & bit != 0 {
                        s.push(letter);
                    }
                }
                s
            };
            out.push_str(&format!("u={},g={},o={}\n", part(6), part(3), part(0)));
        } else {
            out.push_str(&format!("{mask:04o}\n"));
        }
        return Ok(sh.output(&call.name, out.as_bytes()));
    };
    let text = text.clone();
    let new = if text.first().is_some_and(u8::is_ascii_digit) {
        match std::str::from_utf8(&text)
            .ok()
            .and_then(|t| u32::from_str_radix(t, 8).ok())
            .filter(|m| *m <= 0o777)
        {
            Some(new) => new,
            None => {
                sh.builtin_error(
                    &call.name,
                    [text.as_slice(), b": octal number out of range"].concat(),
                );
                return Ok(1);
            }
        }
    } else {
        match symbolic(&text, mask) {
            Some(new) => new,
            None => {
                let bad = text
                    .iter()
                    .find(|c| !b"ugoa+-=rwxXst,".contains(c))
                    .copied()
                    .unwrap_or(b'?');
                sh.builtin_error(
                    &call.name,
                    [b"`", &[bad][..], b"': invalid symbolic mode character"].concat(),
                );
                return Ok(1);
            }
        }
    };
    sh.st.umask = new;
    sys::set_umask(new);
    Ok(0)
}

/// `u=rwx,g-w`: the mask that such a mode leaves.
fn symbolic(text: &[u8], mask: u32) -> Option<u32> {
    let mut allowed = !mask & 0o777;
    for clause in text.split(|c| *c == b',') {
        let at = clause
            .iter()
            .position(|c| matches!(c, b'+' | b'-' | b'='))?;
        let (who, rest) = clause.split_at(at);
        let mut classes = 0;
        for c in who {
            classes |= match c {
                b'u' => 0o700,
                b'g' => 0o070,
                b'o' => 0o007,
                b'a' => 0o777,
                _ => return None,
            };
        }
        if classes == 0 {
            classes = 0o777;
        }
        let mut rest = rest.iter().copied().peekable();
        while let Some(op) = rest.next() {
            if !matches!(op, b'+' | b'-' | b'=') {
                return None;
            }
            let mut bits = 0;
            while let Some(c) = rest
                .peek()
                .copied()
                .filter(|c| !matches!(c, b'+' | b'-' | b'='))
            {
                bits |= match c {
                    b'r' => 0o444,
                    b'w' => 0o222,
                    b'x' | b'X' => 0o111,
                    b's' | b't' => 0,
                    b'u' => (allowed >> 6 & 7) * 0o111,
                    b'g' => (allowed >> 3 & 7) * 0o111,
                    b'o' => (allowed & 7) * 0o111,
                    _ => return None,
                };
                rest.next();
            }
            match op {
                b'+' => allowed |= bits & classes,
                b'-' => allowed &= !(bits & classes),
                _ => allowed = allowed & !classes | bits & classes,
            }
        }
    }
    Some(!allowed & 0o777)
}

/// Limits belong to the sandbox: asking gives "unlimited", setting is accepted.
pub fn ulimit(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"SHabcdefiklmnpqrstuvxPRT", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    if call.args.get(options.used).is_some() {
        return Ok(0);
    }
    let text: &[u8] = if options.has(b'n') {
        b"1024\n"
    } else {
        b"unlimited\n"
    };
    Ok(sh.output(&call.name, text))
}

pub fn caller(sh: &mut Shell, call: &mut Call) -> Flow {
    let depth = match call.args.first() {
        None => None,
        Some(text) => match crate::arith::parse_decimal(text).and_then(|n| usize::try_from(n).ok())
        {
            Some(n) => Some(n),
            None => {
                sh.builtin_error(&call.name, [text.as_slice(), b": invalid number"].concat());
                return Ok(2);
            }
        },
    };
    let frames = &sh.st.frames;
    let n = depth.unwrap_or(0);
    let Some(frame) = frames
        .len()
        .checked_sub(1 + n)
        .and_then(|at| frames.get(at))
    else {
        return Ok(1);
    };
    let outer = frames
        .len()
        .checked_sub(2 + n)
        .and_then(|at| frames.get(at));
    let source = outer.map_or_else(
        || {
            if sh.st.start_letter == 0 {
                sh.st.script.to_vec()
            } else {
                b"environment".to_vec()
            }
        },
        |f| f.source.to_vec(),
    );
    let mut text = frame.line.to_string().into_bytes();
    text.push(b' ');
    if depth.is_some() {
        let name = outer.map_or_else(
            || b"main".to_vec(),
            |f| {
                if f.kind == FrameKind::Source {
                    b"source".to_vec()
                } else {
                    f.name.to_vec()
                }
            },
        );
        text.extend(name);
        text.push(b' ');
    }
    text.extend(if source.is_empty() {
        b"NULL".to_vec()
    } else {
        source
    });
    text.push(b'\n');
    Ok(sh.output(&call.name, &text))
}
