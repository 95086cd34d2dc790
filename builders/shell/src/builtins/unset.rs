//! `unset`.

use std::rc::Rc;

use super::Call;
use crate::state::assign::split_reference;
use crate::state::value::attr;
use crate::state::{Flow, Shell};
use crate::syntax::is_name;

pub fn unset(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"fnv", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let mut status = 0;
    for arg in call.args.get(options.used..).unwrap_or_default().to_vec() {
        if options.has(b'f') {
            status = status.max(unset_function(sh, call, &arg));
            continue;
        }
        let (name, subscript) = split_reference(&arg);
        if !is_name(name) {
            if options.has(b'v') || subscript.is_some() || !sh.st.functions.contains_key(&arg) {
                sh.not_identifier(&call.name, &arg);
                status = 1;
            } else {
                status = status.max(unset_function(sh, call, &arg));
            }
            continue;
        }
        let (mut name, mut subscript) = (name.to_vec(), subscript.map(<[u8]>::to_vec));
        if !options.has(b'n')
            && sh.vars.get(&name).is_some_and(|v| v.has(attr::NAMEREF))
            && let Some(target) = sh.resolve(&name)
        {
            name = target.name;
            subscript = subscript.or(target.subscript);
        }
        if sh.vars.get(&name).is_none()
            && subscript.is_none()
            && !options.has(b'v')
            && !options.has(b'n')
            && sh.st.functions.contains_key(&arg)
        {
            status = status.max(unset_function(sh, call, &arg));
            continue;
        }
        if sh.vars.get(&name).is_some_and(|v| v.has(attr::READONLY))
            || matches!(
                name.as_slice(),
                b"UID" | b"EUID" | b"PPID" | b"SHELLOPTS" | b"BASHOPTS" | b"BASH_VERSINFO"
            )
        {
            sh.builtin_error(
                &call.name,
                [name.as_slice(), b": cannot unset: readonly variable"].concat(),
            );
            status = 1;
            continue;
        }
        let key = match &subscript {
            Some(s) => Some(sh.expand_subscript_text(&name, s)?),
            None => None,
        };
        if key.is_some()
            && sh.vars.get(&name).is_some_and(|v| !v.is_array())
            && key.as_deref() != Some(b"0")
        {
            sh.builtin_error(
                &call.name,
                [name.as_slice(), b": not an array variable"].concat(),
            );
            status = 1;
            continue;
        }
        if sh.unset(&name, key.as_deref()).is_err() {
            status = 1;
        }
    }
    Ok(status)
}

fn unset_function(sh: &mut Shell, call: &Call, name: &[u8]) -> i32 {
    if sh.is_readonly_function(name) {
        sh.builtin_error(
            &call.name,
            [name, b": cannot unset: readonly function"].concat(),
        );
        return 1;
    }
    if sh.st.functions.contains_key(name) {
        Rc::make_mut(&mut sh.st.functions).remove(name);
    }
    0
}
