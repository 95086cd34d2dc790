//! `getopts`.

use super::Call;
use crate::state::assign::Scope;
use crate::state::{Flow, Shell};
use crate::syntax::is_name;

pub fn getopts(sh: &mut Shell, call: &mut Call) -> Flow {
    if call.args.first().is_some_and(|a| a == b"--") {
        call.args.remove(0);
    }
    let (Some(spec), Some(name)) = (call.args.first().cloned(), call.args.get(1).cloned()) else {
        sh.builtin_error(&call.name, b"usage: getopts optstring name [arg ...]");
        return Ok(2);
    };
    let args: Vec<Vec<u8>> = match call.args.get(2..) {
        Some(args) if !args.is_empty() => args.to_vec(),
        _ => sh.st.positional.to_vec(),
    };
    let silent = spec.first() == Some(&b':');
    let wanted = if silent {
        spec.get(1..).unwrap_or_default().to_vec()
    } else {
        spec.clone()
    };
    let loud = !silent && sh.get(b"OPTERR").is_none_or(|t| t != b"0");
    let (mut index, mut within) = sh.st.getopts;
    if index < 1 {
        (index, within) = (1, 0);
    }
    let at = |n: i64| usize::try_from(n - 1).ok().and_then(|n| args.get(n));
    let most = args.len() as i64 + 1;
    let finish = |sh: &mut Shell, index: i64| -> Flow {
        let index = index.min(most);
        let _ = sh.unset(b"OPTARG", None);
        sh.put(b"OPTIND", index.to_string().into_bytes());
        sh.st.getopts = (index, 0);
        set_name(sh, call, &name, b"?");
        Ok(1)
    };
    let word = match at(index) {
        Some(word) if within > 0 || (word.first() == Some(&b'-') && word.len() > 1) => word.clone(),
        _ => return finish(sh, index),
    };
    if within == 0 && word == b"--" {
        return finish(sh, index + 1);
    }
    if within == 0 {
        within = 1;
    }
    let Some(&letter) = word.get(within) else {
        return finish(sh, index);
    };
    within += 1;
    let spec_at = wanted.iter().position(|c| *c == letter && letter != b':');
    let takes = spec_at.is_some_and(|s| wanted.get(s + 1) == Some(&b':'));
    let mut value = None;
    let mut missing = false;
    if takes {
        if within < word.len() {
            value = word.get(within..).map(<[u8]>::to_vec);
        } else {
            index += 1;
            match at(index) {
                Some(next) => value = Some(next.clone()),
                None => missing = true,
            }
        }
        if !missing {
            index += 1;
        }
        within = 0;
    } else if within >= word.len() {
        index += 1;
        within = 0;
    }
    sh.put(b"OPTIND", index.to_string().into_bytes());
    sh.st.getopts = (index, within);
    let script = sh.st.arg0.to_vec();
    let complain = |sh: &Shell, text: &str| {
        if loud {
            sh.warn(
                &[
                    script.as_slice(),
                    b": ",
                    text.as_bytes(),
                    b" -- ",
                    &[letter],
                    b"\n",
                ]
                .concat(),
            );
        }
    };
    if spec_at.is_none() || missing {
        complain(
            sh,
            if missing {
                "option requires an argument"
            } else {
                "illegal option"
            },
        );
        if silent {
            sh.put(b"OPTARG", vec![letter]);
        } else {
            let _ = sh.unset(b"OPTARG", None);
        }
        let result: &[u8] = if missing && silent { b":" } else { b"?" };
        return Ok(set_name(sh, call, &name, result));
    }
    match value {
        Some(value) => sh.put(b"OPTARG", value),
        None => {
            let _ = sh.unset(b"OPTARG", None);
        }
    }
    Ok(set_name(sh, call, &name, &[letter]))
}

fn set_name(sh: &mut Shell, call: &Call, name: &[u8], value: &[u8]) -> i32 {
    if !is_name(name) {
        sh.not_identifier(&call.name, name);
        return 1;
    }
    i32::from(
        sh.assign(name, None, value.to_vec(), false, Scope::Visible)
            .is_err(),
    )
}
