//! `set` and `shopt`.

use std::rc::Rc;

use super::Call;
use crate::expand::{array_text, quote};
use crate::state::options::{SET, SHOPT, set_index, shopt_index};
use crate::state::value::{Value, Var};
use crate::state::{Flow, Shell};

/// `NAME=value` as `set` prints it.
pub fn plain_assignment(name: &[u8], var: &Var, utf8: bool) -> Vec<u8> {
    let mut out = name.to_vec();
    out.push(b'=');
    match &var.value {
        Value::Scalar(text) if text.is_empty() => {}
        Value::Scalar(text) => out.extend(quote::reusable(text, utf8)),
        _ => out.extend(array_text(var, utf8)),
    }
    out.push(b'\n');
    out
}

pub fn set(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.is_empty() {
        let mut out = Vec::new();
        let mut list: Vec<(Vec<u8>, Var)> = sh
            .vars
            .all()
            .into_iter()
            .map(|(n, v)| (n.to_vec(), v.clone()))
            .collect();
        for name in [
            &b"BASHOPTS"[..],
            b"BASH_VERSINFO",
            b"EUID",
            b"PIPESTATUS",
            b"PPID",
            b"SHELLOPTS",
            b"UID",
            b"_",
        ] {
            if let Some(var) = sh.special(name) {
                list.retain(|(n, _)| n != name);
                list.push((name.to_vec(), var));
            }
        }
        list.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, var) in list {
            if !matches!(var.value, Value::Unset) && !var.unassigned {
                out.extend(plain_assignment(&name, &var, sh.st.utf8));
            }
        }
        if !sh.st.options.posix() {
            let functions: Vec<_> = sh
                .st
                .functions
                .ordered()
                .into_iter()
                .map(|(n, f)| (n.clone(), f.clone()))
                .collect();
            for (name, function) in functions {
                if let Some(body) = sh.function_body(&function) {
                    out.extend(crate::syntax::print::function_text(
                        &name,
                        &body,
                        &function.place.source,
                    ));
                }
            }
        }
        return Ok(sh.output(&call.name, &out));
    }
    let mut at = 0;
    let mut parameters = None;
    while let Some(arg) = call.args.get(at).cloned() {
        let on = match arg.first() {
            Some(b'-') => true,
            Some(b'+') => false,
            _ => {
                parameters = Some(at);
                break;
            }
        };
        at += 1;
        match arg.as_slice() {
            b"--" => {
                parameters = Some(at);
                break;
            }
            b"-" => {
                sh.st.options.enable("xtrace", false);
                sh.st.options.enable("verbose", false);
                if at < call.args.len() {
                    parameters = Some(at);
                }
                break;
            }
            b"+" => continue,
            _ => {}
        }
        for letter in arg.iter().skip(1) {
            if *letter == b'o' {
                let Some(name) = call.args.get(at).cloned() else {
                    let text = list_set(sh, on);
                    return Ok(sh.output(&call.name, &text));
                };
                at += 1;
                if !change_set(sh, &name, on) {
                    sh.builtin_error(
                        &call.name,
                        [name.as_slice(), b": invalid option name"].concat(),
                    );
                    return Ok(2);
                }
                continue;
            }
            let Some((name, _)) = SET.iter().find(|(_, l)| l == letter && *l != 0) else {
                return Ok(sh.bad_option(&call.name, &[if on { b'-' } else { b'+' }, *letter]));
            };
            change_set(sh, name.as_bytes(), on);
        }
    }
    if let Some(from) = parameters {
        sh.st.positional = Rc::new(call.args.get(from..).unwrap_or_default().to_vec());
    }
    Ok(0)
}

fn change_set(sh: &mut Shell, name: &[u8], on: bool) -> bool {
    let Some(at) = set_index(name) else {
        return false;
    };
    let bits = &mut sh.st.options.set;
    *bits = *bits & !(1 << at) | u64::from(on) << at;
    true
}

/// `set -o` (`readable`) or `set +o`.
fn list_set(sh: &Shell, readable: bool) -> Vec<u8> {
    let mut out = String::new();
    for (at, (name, _)) in SET.iter().enumerate() {
        let on = sh.st.options.set >> at & 1 != 0;
        if readable {
            out.push_str(&format!("{name:<15}\t{}\n", if on { "on" } else { "off" }));
        } else {
            out.push_str(&format!("set {}o {name}\n", if on { '-' } else { '+' }));
        }
    }
    out.into_bytes()
}

pub fn shopt(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"supqo", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let (on, off, quiet, reusable, old) = (
        options.has(b's'),
        options.has(b'u'),
        options.has(b'q'),
        options.has(b'p'),
        options.has(b'o'),
    );
    if on && off {
        sh.builtin_error(
            &call.name,
            b"cannot set and unset shell options simultaneously",
        );
        return Ok(1);
    }
    let names = call.args.get(options.used..).unwrap_or_default().to_vec();
    let index = |name: &[u8]| {
        if old {
            set_index(name)
        } else {
            shopt_index(name)
        }
    };
    let bit = |sh: &Shell, at: usize| {
        if old {
            sh.st.options.set >> at & 1 != 0
        } else {
            sh.st.options.shopt >> at & 1 != 0
        }
    };
    let line = |name: &str, value: bool| -> String {
        if reusable {
            if old {
                format!("set {}o {name}\n", if value { '-' } else { '+' })
            } else {
                format!("shopt -{} {name}\n", if value { 's' } else { 'u' })
            }
        } else {
            let width = 15;
            format!("{name:<width$}\t{}\n", if value { "on" } else { "off" })
        }
    };
    if names.is_empty() {
        let mut out = String::new();
        let table: Vec<&str> = if old {
            SET.iter().map(|(n, _)| *n).collect()
        } else {
            SHOPT.iter().map(|(n, _)| *n).collect()
        };
        for (at, name) in table.iter().enumerate() {
            let value = bit(sh, at);
            if (on && !value) || (off && value) {
                continue;
            }
            out.push_str(&line(name, value));
        }
        return Ok(if quiet {
            0
        } else {
            sh.output(&call.name, out.as_bytes())
        });
    }
    let mut status = 0;
    let mut out = String::new();
    for name in names {
        let Some(at) = index(&name) else {
            let text: &[u8] = if old {
                b": invalid option name"
            } else {
                b": invalid shell option name"
            };
            sh.builtin_error(&call.name, [name.as_slice(), text].concat());
            status = 1;
            continue;
        };
        if on || off {
            let bits = if old {
                &mut sh.st.options.set
            } else {
                &mut sh.st.options.shopt
            };
            *bits = *bits & !(1 << at) | u64::from(on) << at;
            continue;
        }
        let value = bit(sh, at);
        if !value {
            status = 1;
        }
        if !quiet {
            out.push_str(&line(&String::from_utf8_lossy(&name), value));
        }
    }
    let written = sh.output(&call.name, out.as_bytes());
    Ok(if written != 0 { written } else { status })
}
