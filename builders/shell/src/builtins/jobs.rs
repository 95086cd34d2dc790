//! `wait`, `kill`, `jobs`: processes in the background, without job control.

use super::Call;
use crate::exec::trap::{SIGNALS, trap_number};
use crate::state::assign::Scope;
use crate::state::{Flow, Shell, Unwind};
use crate::sys::{self, Pid};

pub fn wait(sh: &mut Shell, call: &mut Call) -> Flow {
    let options = match super::letters(sh, call, b"fnp:", false) {
        Ok(options) => options,
        Err(status) => return Ok(status),
    };
    let ids = call.args.get(options.used..).unwrap_or_default().to_vec();
    let name = options.value(b'p').map(<[u8]>::to_vec);
    if let Some(name) = &name {
        let _ = sh.unset(name, None);
    }
    let store = |sh: &mut Shell, pid: Pid| {
        if let Some(name) = &name {
            let _ = sh.assign(
                name,
                None,
                pid.to_string().into_bytes(),
                false,
                Scope::Visible,
            );
        }
    };
    if options.has(b'n') {
        for text in &ids {
            if job_pid(sh, text).is_none() {
                sh.builtin_error(
                    &call.name,
                    [b"`", text.as_slice(), b"': not a pid or valid job spec"].concat(),
                );
            }
        }
        let wanted: Vec<Pid> = ids.iter().filter_map(|t| job_pid(sh, t)).collect();
        return wait_any(sh, &wanted, ids.is_empty(), store);
    }
    if ids.is_empty() {
        let pids: Vec<Pid> = sh.jobs.iter().map(|j| j.pid).collect();
        for pid in pids {
            if let Some(status) = wait_interruptible(sh, pid)? {
                return Ok(status);
            }
        }
        sh.jobs.clear();
        return Ok(0);
    }
    let mut status = 0;
    for text in ids {
        if text.first() == Some(&b'%') && job_pid(sh, &text).is_none() {
            sh.builtin_error(&call.name, [text.as_slice(), b": no such job"].concat());
            status = 127;
            continue;
        }
        let Some(pid) = job_pid(sh, &text) else {
            sh.builtin_error(
                &call.name,
                [b"`", text.as_slice(), b"': not a pid or valid job spec"].concat(),
            );
            status = 1;
            continue;
        };
        if !sh.jobs.iter().any(|j| j.pid == pid) {
            sh.builtin_error(
                &call.name,
                format!("pid {pid} is not a child of this shell"),
            );
            status = 127;
            continue;
        }
        if let Some(interrupted) = wait_interruptible(sh, pid)? {
            return Ok(interrupted);
        }
        status = sh.wait_job(pid).unwrap_or(127);
        store(sh, pid);
    }
    Ok(status)
}

/// Waits for a job; a trapped signal ends the waiting: its status.
fn wait_interruptible(sh: &mut Shell, pid: Pid) -> Result<Option<i32>, Unwind> {
    if sh
        .jobs
        .iter()
        .any(|j| j.pid == pid && (j.status.is_some() || j.drain.is_some()))
    {
        sh.wait_job(pid);
        return Ok(None);
    }
    loop {
        match sys::wait(Some(pid), false) {
            Ok(Some((_, status))) => {
                if let Some(job) = sh.jobs.iter_mut().find(|j| j.pid == pid) {
                    job.status = Some(status);
                }
                return Ok(None);
            }
            Ok(None) => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {
                let bits = sys::take_signals();
                let first = (1..64).find(|n| bits >> n & 1 != 0);
                for n in 1..64 {
                    if bits >> n & 1 != 0 {
                        sh.signalled.push(n);
                    }
                }
                if let Some(n) = first {
                    sh.poll_signals()?;
                    return Ok(Some(128 + n));
                }
            }
            Err(_) => {
                if let Some(job) = sh.jobs.iter_mut().find(|j| j.pid == pid) {
                    job.status = Some(127);
                }
                return Ok(None);
            }
        }
    }
}

fn wait_any(sh: &mut Shell, wanted: &[Pid], all: bool, store: impl Fn(&mut Shell, Pid)) -> Flow {
    if let Some(at) = sh
        .jobs
        .iter()
        .position(|j| j.status.is_some() && (all || wanted.contains(&j.pid)))
    {
        let job = sh.jobs.remove(at);
        store(sh, job.pid);
        return Ok(job.status.unwrap_or(0));
    }
    if !sh.jobs.iter().any(|j| all || wanted.contains(&j.pid)) {
        return Ok(127);
    }
    loop {
        match sys::wait(None, false) {
            Ok(Some((pid, status))) => {
                let Some(at) = sh.jobs.iter().position(|j| j.pid == pid) else {
                    continue;
                };
                if all || wanted.contains(&pid) {
                    sh.jobs.remove(at);
                    store(sh, pid);
                    return Ok(status);
                }
                if let Some(job) = sh.jobs.get_mut(at) {
                    job.status = Some(status);
                }
            }
            Ok(None) => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => sh.poll_signals()?,
            Err(_) => return Ok(127),
        }
    }
}

/// A process by number, or by job (`%1`).
fn job_pid(sh: &Shell, text: &[u8]) -> Option<Pid> {
    if let Some(spec) = text.strip_prefix(b"%") {
        return match spec {
            b"" | b"%" | b"+" => sh.jobs.last().map(|j| j.pid),
            b"-" => sh.jobs.iter().rev().nth(1).map(|j| j.pid),
            digits => {
                let n =
                    crate::arith::parse_decimal(digits).and_then(|n| usize::try_from(n).ok())?;
                sh.jobs.get(n.checked_sub(1)?).map(|j| j.pid)
            }
        };
    }
    crate::arith::parse_decimal(text).and_then(|n| Pid::try_from(n).ok())
}

pub fn jobs(sh: &mut Shell, call: &mut Call) -> Flow {
    let only_pids = call.args.iter().any(|a| a == b"-p");
    let mut out = Vec::new();
    let list = sh.jobs.clone();
    for (at, job) in list.iter().enumerate().filter(|(_, j)| j.status.is_none()) {
        if let Ok(Some((_, status))) = sys::wait(Some(job.pid), true) {
            if let Some(job) = sh.jobs.get_mut(at) {
                job.status = Some(status);
            }
            continue;
        }
        if only_pids {
            out.extend_from_slice(format!("{}\n", job.pid).as_bytes());
        } else {
            out.extend_from_slice(format!("[{}]+  Running\n", at + 1).as_bytes());
        }
    }
    Ok(sh.output(&call.name, &out))
}

pub fn kill(sh: &mut Shell, call: &mut Call) -> Flow {
    let mut args = call.args.clone();
    let mut signal = 15;
    match args.first().map(Vec::as_slice) {
        Some(b"-l" | b"-L") => {
            let mut out = Vec::new();
            if args.len() == 1 {
                for (at, name) in SIGNALS.iter().enumerate() {
                    out.extend_from_slice(
                        format!(
                            "{:2}) SIG{name}{}",
                            at + 1,
                            if at % 5 == 4 { "\n" } else { "\t" }
                        )
                        .as_bytes(),
                    );
                }
                out.push(b'\n');
            }
            for text in args.iter().skip(1) {
                match crate::arith::parse_decimal(text) {
                    Some(n) => {
                        let n = if n > 128 { n - 128 } else { n };
                        match usize::try_from(n - 1).ok().and_then(|n| SIGNALS.get(n)) {
                            Some(name) => out.extend_from_slice(format!("{name}\n").as_bytes()),
                            None => {
                                sh.builtin_error(
                                    &call.name,
                                    [text.as_slice(), b": invalid signal specification"].concat(),
                                );
                                return Ok(1);
                            }
                        }
                    }
                    None => match trap_number(text).filter(|n| *n < 100) {
                        Some(n) => out.extend_from_slice(format!("{n}\n").as_bytes()),
                        None => {
                            sh.builtin_error(
                                &call.name,
                                [text.as_slice(), b": invalid signal specification"].concat(),
                            );
                            return Ok(1);
                        }
                    },
                }
            }
            return Ok(sh.output(&call.name, &out));
        }
        Some(b"-s" | b"-n") => {
            let text = args.get(1).cloned().unwrap_or_default();
            match trap_number(&text).filter(|n| *n < 100) {
                Some(n) => signal = n,
                None => {
                    sh.builtin_error(
                        &call.name,
                        [text.as_slice(), b": invalid signal specification"].concat(),
                    );
                    return Ok(1);
                }
            }
            args.drain(..2.min(args.len()));
        }
        Some(b"--") => {
            args.remove(0);
        }
        Some(text) if text.first() == Some(&b'-') && text.len() > 1 => {
            match trap_number(text.get(1..).unwrap_or_default()).filter(|n| *n < 100) {
                Some(n) => signal = n,
                None => {
                    sh.builtin_error(
                        &call.name,
                        [
                            text.get(1..).unwrap_or_default(),
                            b": invalid signal specification",
                        ]
                        .concat(),
                    );
                    return Ok(1);
                }
            }
            args.remove(0);
            if args.first().is_some_and(|a| a == b"--") {
                args.remove(0);
            }
        }
        _ => {}
    }
    if args.is_empty() {
        sh.builtin_error(&call.name, b"usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]");
        return Ok(2);
    }
    let mut status = 1;
    for text in args {
        let pid = match job_pid(sh, &text) {
            Some(pid) if text.first() == Some(&b'%') => i64::from(pid),
            _ => match crate::arith::parse_decimal(&text) {
                Some(pid) => pid,
                None => {
                    sh.builtin_error(
                        &call.name,
                        [text.as_slice(), b": arguments must be process or job IDs"].concat(),
                    );
                    continue;
                }
            },
        };
        if pid == i64::from(sh.st.pid) || (sh.st.subshell == 0 && pid == i64::from(sh.st.shell_pid))
        {
            status = 0;
            signal_self(sh, signal)?;
            continue;
        }
        match sys::kill(pid, signal) {
            Ok(()) => status = 0,
            Err(e) => sh.builtin_error(
                &call.name,
                [
                    b"(",
                    text.as_slice(),
                    b") - ",
                    sys::error_text(&e).as_bytes(),
                ]
                .concat(),
            ),
        }
    }
    Ok(status)
}

/// A signal to this shell, or to a subshell that this instance runs.
fn signal_self(sh: &mut Shell, signal: i32) -> Result<(), Unwind> {
    match sh.st.traps.get(&signal) {
        Some(trap) if trap.action.is_empty() => Ok(()),
        Some(trap) if !trap.inherited => {
            sh.signalled.push(signal);
            sh.poll_signals()
        }
        _ => match signal {
            0 | 17 | 18 | 23 | 28 => Ok(()),
            _ if sh.st.subshell == 0 => {
                let status = sh.exit_trap(128 + signal);
                let _ = status;
                sys::die_of(signal)
            }
            _ => Err(Unwind::Exit(128 + signal)),
        },
    }
}
