//! What `declare`, `export` and `readonly` print, and their work on functions.

use std::rc::Rc;

use super::Call;
use super::declare::Request;
use crate::expand::quote;
use crate::expand::{array_text, attribute_letters};
use crate::state::value::{Value, Var, attr};
use crate::state::{Flow, Shell};

pub(super) fn all_vars(sh: &mut Shell) -> Vec<(Vec<u8>, Var)> {
    let mut list: Vec<(Vec<u8>, Var)> = sh
        .vars
        .all()
        .into_iter()
        .map(|(n, v)| (n.to_vec(), v.clone()))
        .collect();
    for (name, attrs) in [
        (&b"BASHOPTS"[..], attr::READONLY),
        (b"BASH_VERSINFO", attr::READONLY),
        (b"EUID", attr::READONLY | attr::INTEGER),
        (b"PPID", attr::READONLY | attr::INTEGER),
        (b"SHELLOPTS", attr::READONLY),
        (b"UID", attr::READONLY | attr::INTEGER),
    ] {
        if let Some(mut var) = sh.special(name) {
            var.attrs = attrs;
            list.retain(|(n, _)| n != name);
            list.push((name.to_vec(), var));
        }
    }
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// `declare -x NAME="value"`
pub fn declaration(name: &[u8], var: &Var, utf8: bool) -> Vec<u8> {
    let letters = attribute_letters(var);
    let mut out = b"declare -".to_vec();
    if letters.is_empty() {
        out.push(b'-')
    } else {
        out.extend(letters)
    }
    out.push(b' ');
    out.extend_from_slice(name);
    match &var.value {
        Value::Unset => {}
        Value::Scalar(text) => {
            out.push(b'=');
            out.extend(quote::double(text, utf8));
        }
        _ if var.unassigned => {}
        _ => {
            out.push(b'=');
            out.extend(array_text(var, utf8));
        }
    }
    out.push(b'\n');
    out
}

pub(super) fn list_functions(
    sh: &mut Shell,
    who: &[u8],
    names_only: bool,
    bit: Option<u16>,
) -> Flow {
    let list: Vec<_> = sh
        .st
        .functions
        .ordered()
        .into_iter()
        .map(|(n, f)| (n.clone(), f.clone()))
        .collect();
    let mut out = Vec::new();
    for (name, function) in list {
        match bit {
            Some(attr::EXPORT) if !function.exported => continue,
            Some(attr::READONLY) if !sh.is_readonly_function(&name) => continue,
            _ => {}
        }
        if !names_only && let Some(body) = sh.function_body(&function) {
            out.extend(crate::syntax::print::function_text(
                &name,
                &body,
                &function.place.source,
            ));
        }
        if names_only || bit.is_some() {
            out.extend_from_slice(b"declare -f");
            if sh.is_readonly_function(&name) {
                out.push(b'r');
            }
            if function.exported {
                out.push(b'x');
            }
            out.push(b' ');
            out.extend(name);
            out.push(b'\n');
        }
    }
    Ok(sh.output(who, &out))
}

pub(super) fn list(sh: &mut Shell, call: &Call, request: &Request) -> Flow {
    if request.functions {
        return list_functions(sh, &call.name, request.names_only, None);
    }
    let mut out = Vec::new();
    let local = call.name == b"local";
    let names = sh.vars.local_names();
    let filtered = request.on != 0 || request.indexed || request.assoc;
    for (name, var) in all_vars(sh) {
        if local && !names.iter().any(|n| **n == *name) {
            continue;
        }
        if filtered || request.print {
            let kind = (!request.indexed || matches!(var.value, Value::Indexed(_)))
                && (!request.assoc || matches!(var.value, Value::Assoc(_)));
            if kind && (request.on == 0 || var.attrs & request.on != 0) {
                out.extend(declaration(&name, &var, sh.st.utf8));
            }
        } else if !matches!(var.value, Value::Unset) {
            out.extend(super::options::plain_assignment(&name, &var, sh.st.utf8));
        }
    }
    Ok(sh.output(&call.name, &out))
}

pub(super) fn functions(
    sh: &mut Shell,
    call: &Call,
    args: &[Vec<u8>],
    request: &Request,
    builtin: Option<u16>,
) -> Flow {
    let mut status = 0;
    let mut out = Vec::new();
    for name in args {
        let Some(function) = sh.st.functions.get(name).cloned() else {
            if builtin.is_some() {
                sh.builtin_error(&call.name, [name.as_slice(), b": not a function"].concat());
            }
            status = 1;
            continue;
        };
        if request.on & attr::EXPORT != 0 || request.off & attr::EXPORT != 0 {
            let _ = sh.function_body(&function);
            crate::witness::spoil();
            sh.vars.changes_environment();
            let mut function = (*function).clone();
            function.exported = request.on & attr::EXPORT != 0;
            Rc::make_mut(&mut sh.st.functions).insert(name.clone(), Rc::new(function));
            continue;
        }
        if request.on & attr::READONLY != 0 {
            Rc::make_mut(&mut sh.st.readonly_functions).push(name.clone());
            continue;
        }
        if request.names_only {
            out.extend_from_slice(name);
            if sh.st.options.extdebug() {
                let line = sh.function_body(&function).map_or(0, |b| b.line);
                out.extend_from_slice(format!(" {line} ").as_bytes());
                out.extend_from_slice(&function.place.source.name);
            }
            out.push(b'\n');
        } else if let Some(body) = sh.function_body(&function) {
            out.extend(crate::syntax::print::function_text(
                name,
                &body,
                &function.place.source,
            ));
        }
    }
    let written = sh.output(&call.name, &out);
    Ok(if written != 0 { written } else { status })
}

pub(super) fn print(sh: &mut Shell, call: &Call, args: &[Vec<u8>]) -> Flow {
    let mut status = 0;
    let mut out = Vec::new();
    for name in args {
        let special = if crate::expand::param_is_computed(name) {
            sh.special(name)
        } else {
            None
        };
        match special.as_ref().or_else(|| sh.vars.get(name)) {
            Some(var) => out.extend(declaration(name, var, sh.st.utf8)),
            None => {
                sh.builtin_error(&call.name, [name.as_slice(), b": not found"].concat());
                status = 1;
            }
        }
    }
    let written = sh.output(&call.name, &out);
    Ok(if written != 0 { written } else { status })
}
