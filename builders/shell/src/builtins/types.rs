//! `type`, `command`, `builtin`, `enable`, `hash`.

use std::rc::Rc;

use super::Call;
use crate::state::{Flow, Shell};

const KEYWORDS: &[&[u8]] = &[
    b"!",
    b"[[",
    b"]]",
    b"case",
    b"coproc",
    b"do",
    b"done",
    b"elif",
    b"else",
    b"esac",
    b"fi",
    b"for",
    b"function",
    b"if",
    b"in",
    b"select",
    b"then",
    b"time",
    b"until",
    b"while",
    b"{",
    b"}",
];

fn is_builtin(sh: &Shell, name: &[u8]) -> bool {
    super::find(name).is_some() && !sh.st.disabled.iter().any(|d| d == name)
}

pub fn builtin(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.first().is_some_and(|a| a == b"--") {
        call.args.remove(0);
        shift_arrays(call);
    }
    if call.args.is_empty() {
        return Ok(0);
    }
    let name = call.args.remove(0);
    shift_arrays(call);
    let Some(run) = super::find(&name).filter(|_| is_builtin(sh, &name)) else {
        sh.builtin_error(
            &call.name,
            [name.as_slice(), b": not a shell builtin"].concat(),
        );
        return Ok(1);
    };
    call.name = name;
    sh.run_builtin(run, call)
}

fn shift_arrays(call: &mut Call) {
    call.arrays.retain_mut(|(at, _)| match at.checked_sub(1) {
        Some(new) => {
            *at = new;
            true
        }
        None => false,
    });
}

pub fn command(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"pvV", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    for _ in 0..options.used {
        call.args.remove(0);
        shift_arrays(call);
    }
    let saved = options.has(b'p').then(|| sh.get(b"PATH")).flatten();
    if options.has(b'p') {
        sh.put(
            b"PATH",
            b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_vec(),
        );
    }
    let result = command_inner(sh, call, options.has(b'v'), options.has(b'V'));
    if let Some(path) = saved {
        sh.put(b"PATH", path);
    }
    result
}

fn command_inner(sh: &mut Shell, call: &mut Call, short: bool, long: bool) -> Flow {
    if short || long {
        let mut status = if call.args.is_empty() { 0 } else { 1 };
        for name in call.args.clone() {
            let how = if short { How::Short } else { How::Long };
            let lines = describe(sh, &name, how, false, false);
            if lines.is_empty() {
                if long {
                    sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
                }
                continue;
            }
            status = 0;
            let text = lines.concat();
            sh.output(&call.name, &text);
        }
        return Ok(status);
    }
    if call.args.is_empty() {
        return Ok(0);
    }
    let name = call.args.first().cloned().unwrap_or_default();
    match super::find(&name).filter(|_| is_builtin(sh, &name)) {
        Some(run) => {
            call.args.remove(0);
            shift_arrays(call);
            call.name = name;
            sh.run_builtin(run, call)
        }
        None => sh.run_external(std::mem::take(&mut call.args)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// `command -v`
    Short,
    /// `type`, `command -V`
    Long,
    /// `type -t`
    Kind,
    /// `type -p`
    Path,
}

/// What a name is, one line for each meaning (only the first unless `all`).
fn describe(sh: &mut Shell, name: &[u8], how: How, all: bool, no_functions: bool) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let line = |short: &[u8], long: &[u8], kind: &[u8]| -> Option<Vec<u8>> {
        let text = match how {
            How::Short => short.to_vec(),
            How::Long => [name, long].concat(),
            How::Kind => kind.to_vec(),
            How::Path => return None,
        };
        Some([text.as_slice(), b"\n"].concat())
    };
    let done = |out: &Vec<Vec<u8>>| !all && !out.is_empty();
    if KEYWORDS.contains(&name) {
        out.extend(line(name, b" is a shell keyword", b"keyword"));
        if how == How::Path && !all {
            return out;
        }
    }
    if done(&out) {
        return out;
    }
    if !no_functions && let Some(function) = sh.st.functions.get(name).cloned() {
        if let Some(mut text) = line(name, b" is a function", b"function") {
            if how == How::Long
                && let Some(body) = sh.function_body(&function)
            {
                text.extend(crate::syntax::print::function_text(
                    name,
                    &body,
                    &function.place.source,
                ));
            }
            out.push(text);
        }
        if how == How::Path && !all {
            return out;
        }
    }
    if done(&out) {
        return out;
    }
    if is_builtin(sh, name) {
        let text: &[u8] = if super::is_special(name) && sh.st.options.posix() {
            b" is a special shell builtin"
        } else {
            b" is a shell builtin"
        };
        out.extend(line(name, text, b"builtin"));
        if how == How::Path && !all {
            return out;
        }
    }
    if done(&out) {
        return out;
    }
    let paths = if name.contains(&b'/') {
        let fits = sh
            .stat_path(name, true)
            .is_some_and(|s| s.kind != crate::sys::FileKind::Directory)
            && crate::sys::access(&sh.absolute(name), crate::sys::Access::Execute);
        if fits {
            vec![name.to_vec()]
        } else {
            Vec::new()
        }
    } else {
        if !all && let Some(path) = sh.st.hashed.get(name).cloned() {
            out.push(match how {
                How::Long => [name, b" is hashed (", &path, b")\n"].concat(),
                How::Kind => b"file\n".to_vec(),
                _ => [path.as_slice(), b"\n"].concat(),
            });
            return out;
        }
        sh.search_path(name, all)
            .into_iter()
            // A single answer may be a file that cannot be executed, if nothing else has the name.
            .filter(|p| !all || crate::sys::access(&sh.absolute(p), crate::sys::Access::Execute))
            .collect()
    };
    for path in paths {
        out.push(match how {
            How::Long => [name, b" is ", path.as_slice(), b"\n"].concat(),
            How::Kind => b"file\n".to_vec(),
            _ => [path.as_slice(), b"\n"].concat(),
        });
    }
    out
}

pub fn type_builtin(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"afptP", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let how = if options.has(b't') {
        How::Kind
    } else if options.has(b'p') || options.has(b'P') {
        How::Path
    } else {
        How::Long
    };
    let mut status = 0;
    for name in call.args.get(options.used..).unwrap_or_default().to_vec() {
        let lines = if options.has(b'P') {
            let found = if name.contains(&b'/') {
                describe(sh, &name, How::Path, true, true)
            } else {
                sh.search_path(&name, options.has(b'a'))
                    .into_iter()
                    .map(|p| [p.as_slice(), b"\n"].concat())
                    .collect()
            };
            if options.has(b'a') {
                found
            } else {
                found.into_iter().take(1).collect()
            }
        } else {
            describe(sh, &name, how, options.has(b'a'), options.has(b'f'))
        };
        if lines.is_empty() {
            let known = how == How::Path
                && !options.has(b'P')
                && (KEYWORDS.contains(&name.as_slice())
                    || is_builtin(sh, &name)
                    || sh.st.functions.contains_key(&name));
            if known {
                continue;
            }
            if how == How::Long {
                sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
            }
            status = 1;
            continue;
        }
        let text = lines.concat();
        sh.output(&call.name, &text);
    }
    Ok(status)
}

pub fn enable(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"adnpsf:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let names = call.args.get(options.used..).unwrap_or_default().to_vec();
    if names.is_empty() || options.has(b'p') {
        let mut out = Vec::new();
        for (name, _, special) in super::TABLE {
            let disabled = sh.st.disabled.iter().any(|d| d == name.as_bytes());
            if options.has(b's') && !special {
                continue;
            }
            if options.has(b'a') || disabled == options.has(b'n') {
                out.extend_from_slice(
                    format!("enable {}{name}\n", if disabled { "-n " } else { "" }).as_bytes(),
                );
            }
        }
        return Ok(sh.output(&call.name, &out));
    }
    let mut status = 0;
    for name in names {
        if super::find(&name).is_none() {
            sh.builtin_error(
                &call.name,
                [name.as_slice(), b": not a shell builtin"].concat(),
            );
            status = 1;
            continue;
        }
        let list = Rc::make_mut(&mut sh.st.disabled);
        list.retain(|d| *d != name);
        if options.has(b'n') {
            list.push(name);
        }
    }
    Ok(status)
}

pub fn hash(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"dlrtp:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let names = call.args.get(options.used..).unwrap_or_default().to_vec();
    if options.has(b'r') {
        sh.st.hashed = Rc::default();
        if names.is_empty() {
            return Ok(0);
        }
    }
    if names.is_empty() {
        let mut out = Vec::new();
        if sh.st.hashed.is_empty() {
            out.extend_from_slice(b"hash: hash table empty\n");
        } else if options.has(b'l') {
            for (name, path) in sh.st.hashed.iter() {
                out.extend([b"builtin hash -p ", path.as_slice(), b" ", name, b"\n"].concat());
            }
        } else {
            out.extend_from_slice(b"hits\tcommand\n");
            for path in sh.st.hashed.values() {
                out.extend([b"   1\t", path.as_slice(), b"\n"].concat());
            }
        }
        return Ok(sh.output(&call.name, &out));
    }
    let mut status = 0;
    let mut out = Vec::new();
    for name in names {
        if let Some(path) = options.value(b'p') {
            let path = path.to_vec();
            Rc::make_mut(&mut sh.st.hashed).insert(name, path);
        } else if options.has(b'd') {
            if Rc::make_mut(&mut sh.st.hashed).remove(&name).is_none() {
                sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
                status = 1;
            }
        } else if options.has(b't') {
            match sh.st.hashed.get(&name) {
                Some(path) => out.extend([path.as_slice(), b"\n"].concat()),
                None => {
                    sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
                    status = 1;
                }
            }
        } else if name.contains(&b'/')
            || is_builtin(sh, &name)
            || sh.st.functions.contains_key(&name)
        {
            continue;
        } else {
            let found = sh
                .search_path(&name, false)
                .into_iter()
                .find(|p| crate::sys::access(&sh.absolute(p), crate::sys::Access::Execute));
            match found {
                Some(path) => {
                    Rc::make_mut(&mut sh.st.hashed).insert(name, path);
                }
                None => {
                    sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
                    status = 1;
                }
            }
        }
    }
    let written = sh.output(&call.name, &out);
    Ok(if written != 0 { written } else { status })
}
