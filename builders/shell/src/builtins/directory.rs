//! `cd`, `pwd`, `pushd`, `popd`, `dirs`.

use std::rc::Rc;

use super::Call;
use crate::state::{Flow, Shell};
use crate::sys::{self, Access, FileKind};

pub fn cd(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"LPe@", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let physical = options
        .found
        .iter()
        .rev()
        .find(|(l, ..)| matches!(l, b'L' | b'P'))
        .map_or(sh.st.options.physical(), |(l, ..)| *l == b'P');
    let args = call.args.get(options.used..).unwrap_or_default();
    if args.len() > 1 {
        sh.builtin_error(&call.name, b"too many arguments");
        return Ok(1);
    }
    let mut show = false;
    let target = match args.first() {
        None => match sh.get(b"HOME") {
            Some(home) => home,
            None => {
                sh.builtin_error(&call.name, b"HOME not set");
                return Ok(1);
            }
        },
        Some(a) if a == b"-" => match sh.get(b"OLDPWD") {
            Some(old) => {
                show = true;
                old
            }
            None => {
                sh.builtin_error(&call.name, b"OLDPWD not set");
                return Ok(1);
            }
        },
        Some(a) => a.clone(),
    };
    if target.is_empty() {
        return Ok(0);
    }
    let relative = target.first() != Some(&b'/')
        && !target.starts_with(b"./")
        && !target.starts_with(b"../")
        && target != b"."
        && target != b"..";
    if relative
        && args.first().is_some_and(|a| a != b"-")
        && let Some(path) = sh.get(b"CDPATH")
    {
        for dir in path.split(|c| *c == b':') {
            let full = if dir.is_empty() {
                target.clone()
            } else {
                [dir, b"/", &target].concat()
            };
            if enter(sh, &full, physical).is_ok() {
                if !dir.is_empty() && dir != b"." {
                    let cwd = sh.st.cwd.to_vec();
                    return Ok(sh.output(&call.name, &[cwd.as_slice(), b"\n"].concat()));
                }
                return Ok(0);
            }
        }
    }
    match enter(sh, &target, physical) {
        Ok(()) => {}
        Err(e) => {
            sh.builtin_error(
                &call.name,
                [target.as_slice(), b": ", sys::error_text(&e).as_bytes()].concat(),
            );
            return Ok(1);
        }
    }
    if show {
        let cwd = sh.st.cwd.to_vec();
        return Ok(sh.output(&call.name, &[cwd.as_slice(), b"\n"].concat()));
    }
    Ok(0)
}

/// Changes the directory, with `PWD` and `OLDPWD`.
fn enter(sh: &mut Shell, target: &[u8], physical: bool) -> std::io::Result<()> {
    let absolute = sh.absolute(target);
    let logical = normal(&absolute);
    // Without links resolved first, the plain path must lead somewhere too.
    let path = if physical {
        sys::canonical(&absolute)?
    } else {
        logical
    };
    let stat = match sys::stat(&path, true) {
        Ok(stat) => stat,
        Err(e) => {
            if physical {
                return Err(e);
            }
            sys::stat(&absolute, true)?
        }
    };
    if stat.kind != FileKind::Directory {
        return Err(sys::not_a_directory());
    }
    if !sys::access(&path, Access::Execute) {
        return Err(sys::permission_denied());
    }
    // `a/../b` needs `a` to exist, as in the kernel.
    if absolute.windows(3).any(|w| w == b"/..") && !physical {
        sys::stat(&absolute, true)?;
    }
    let old = sh.get(b"PWD").unwrap_or_else(|| sh.st.cwd.to_vec());
    sh.st.cwd = path.as_slice().into();
    let fresh = sh.vars.has_environment();
    sh.put(b"OLDPWD", old);
    sh.put(b"PWD", path);
    if fresh {
        sh.vars.enters_directory();
    }
    Ok(())
}

/// The path without `.`, `..` and double slashes, by text alone.
pub fn normal(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|c| *c == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut out = if path.starts_with(b"//") && !path.starts_with(b"///") {
        b"//".to_vec()
    } else {
        b"/".to_vec()
    };
    out.extend(parts.join(&b'/'));
    out
}

pub fn pwd(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"LP", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let physical = options
        .found
        .last()
        .map_or(sh.st.options.physical(), |(l, ..)| *l == b'P');
    let cwd = sh.st.cwd.to_vec();
    let mut text = if physical {
        sys::canonical(&cwd).unwrap_or(cwd)
    } else {
        cwd
    };
    text.push(b'\n');
    Ok(sh.output(&call.name, &text))
}

fn stack(sh: &Shell) -> Vec<Vec<u8>> {
    let mut list = vec![sh.st.cwd.to_vec()];
    list.extend(sh.st.dir_stack.iter().cloned());
    list
}

fn show_stack(sh: &mut Shell, name: &[u8]) -> i32 {
    let home = sh.get(b"HOME").unwrap_or_default();
    let list: Vec<Vec<u8>> = stack(sh).iter().map(|d| shorten(d, &home)).collect();
    let mut text = list.join(&b' ');
    text.push(b'\n');
    sh.output(name, &text)
}

fn shorten(dir: &[u8], home: &[u8]) -> Vec<u8> {
    match dir.strip_prefix(home) {
        Some(rest) if home.len() > 1 && (rest.is_empty() || rest.first() == Some(&b'/')) => {
            [b"~", rest].concat()
        }
        _ => dir.to_vec(),
    }
}

/// `+N` or `-N` as a position in the stack.
fn position(sh: &Shell, arg: &[u8]) -> Option<Result<usize, ()>> {
    let (sign, digits) = arg.split_first()?;
    if !matches!(sign, b'+' | b'-') || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len = sh.st.dir_stack.len() + 1;
    let n = crate::arith::parse_decimal(digits)
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(usize::MAX);
    if n >= len {
        return Some(Err(()));
    }
    Some(Ok(if *sign == b'+' { n } else { len - 1 - n }))
}

pub fn dirs(sh: &mut Shell, call: &mut Call) -> Flow {
    let (mut full, mut lines, mut numbered, mut pick) = (false, false, false, None);
    for arg in call.args.clone() {
        match arg.as_slice() {
            b"-c" => {
                sh.st.dir_stack = Rc::default();
                return Ok(0);
            }
            b"--" => {}
            _ => match position(sh, &arg) {
                Some(Ok(n)) => pick = Some(n),
                Some(Err(())) => {
                    sh.builtin_error(
                        &call.name,
                        [
                            arg.get(1..).unwrap_or_default(),
                            b": directory stack index out of range",
                        ]
                        .concat(),
                    );
                    return Ok(1);
                }
                None if arg.first() == Some(&b'-') && arg.len() > 1 => {
                    for c in arg.iter().skip(1) {
                        match c {
                            b'l' => full = true,
                            b'p' => lines = true,
                            b'v' => (lines, numbered) = (true, true),
                            _ => {
                                sh.bad_option(&call.name, &arg);
                                return Ok(2);
                            }
                        }
                    }
                }
                None => {
                    sh.builtin_error(&call.name, [arg.as_slice(), b": invalid number"].concat());
                    return Ok(2);
                }
            },
        }
    }
    let home = if full {
        Vec::new()
    } else {
        sh.get(b"HOME").unwrap_or_default()
    };
    let list: Vec<Vec<u8>> = stack(sh).iter().map(|d| shorten(d, &home)).collect();
    let mut out = Vec::new();
    for (at, dir) in list.iter().enumerate() {
        if pick.is_some_and(|n| n != at) {
            continue;
        }
        if numbered {
            out.extend_from_slice(format!("{at:2}  ").as_bytes());
        } else if !lines && at > 0 && pick.is_none() {
            out.push(b' ');
        }
        out.extend_from_slice(dir);
        if lines {
            out.push(b'\n');
        }
    }
    if !lines {
        out.push(b'\n');
    }
    Ok(sh.output(&call.name, &out))
}

pub fn pushd(sh: &mut Shell, call: &mut Call) -> Flow {
    let mut change = true;
    if call.args.first().is_some_and(|a| a == b"-n") {
        change = false;
        call.args.remove(0);
    }
    if call.args.first().is_some_and(|a| a == b"--") {
        call.args.remove(0);
    }
    let Some(arg) = call.args.first().cloned() else {
        let mut list = stack(sh);
        if list.len() < 2 {
            sh.builtin_error(&call.name, b"no other directory");
            return Ok(1);
        }
        list.swap(0, 1);
        return apply(sh, call, list);
    };
    if call.args.len() > 1 {
        sh.builtin_error(&call.name, b"too many arguments");
        return Ok(1);
    }
    match position(sh, &arg) {
        Some(Ok(n)) => {
            let mut list = stack(sh);
            list.rotate_left(n);
            return apply(sh, call, list);
        }
        Some(Err(())) => {
            sh.builtin_error(
                &call.name,
                [arg.as_slice(), b": directory stack index out of range"].concat(),
            );
            return Ok(1);
        }
        None if arg.first() == Some(&b'-') && arg.len() > 1 => {
            sh.builtin_error(&call.name, [arg.as_slice(), b": invalid number"].concat());
            return Ok(2);
        }
        None => {}
    }
    let before = sh.st.cwd.to_vec();
    if change {
        if let Err(e) = enter(sh, &arg, false) {
            sh.builtin_error(
                &call.name,
                [arg.as_slice(), b": ", sys::error_text(&e).as_bytes()].concat(),
            );
            return Ok(1);
        }
        Rc::make_mut(&mut sh.st.dir_stack).insert(0, before);
    } else {
        Rc::make_mut(&mut sh.st.dir_stack).insert(0, arg);
    }
    Ok(show_stack(sh, &call.name))
}

/// Makes a list the stack, and its first entry the directory.
fn apply(sh: &mut Shell, call: &Call, mut list: Vec<Vec<u8>>) -> Flow {
    let first = list.remove(0);
    if let Err(e) = enter(sh, &first, false) {
        sh.builtin_error(
            &call.name,
            [first.as_slice(), b": ", sys::error_text(&e).as_bytes()].concat(),
        );
        return Ok(1);
    }
    sh.st.dir_stack = Rc::new(list);
    Ok(show_stack(sh, &call.name))
}

pub fn popd(sh: &mut Shell, call: &mut Call) -> Flow {
    let mut change = true;
    let mut at = 0;
    for arg in call.args.clone() {
        match arg.as_slice() {
            b"-n" => change = false,
            b"--" => {}
            _ => match position(sh, &arg) {
                Some(Ok(n)) => at = n,
                Some(Err(())) if !sh.st.dir_stack.is_empty() => {
                    sh.builtin_error(
                        &call.name,
                        [arg.as_slice(), b": directory stack index out of range"].concat(),
                    );
                    return Ok(1);
                }
                Some(Err(())) => {}
                None => {
                    let option = arg.first() == Some(&b'-');
                    let text: &[u8] = if option {
                        b": invalid number"
                    } else {
                        b": invalid argument"
                    };
                    sh.builtin_error(&call.name, [arg.as_slice(), text].concat());
                    return Ok(2);
                }
            },
        }
    }
    let mut list = stack(sh);
    if list.len() < 2 {
        sh.builtin_error(&call.name, b"directory stack empty");
        return Ok(1);
    }
    if at == 0 && change {
        list.remove(0);
        return apply(sh, call, list);
    }
    Rc::make_mut(&mut sh.st.dir_stack).remove(at.max(1) - 1);
    Ok(show_stack(sh, &call.name))
}
