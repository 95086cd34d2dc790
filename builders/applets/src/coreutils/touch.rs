//! `touch`.

use super::Utility;
use crate::shared::options::{Spec, flag, parse, value};
use crate::shared::{calendar, fs, program, quote};
use bstr::{BString, ByteSlice};
use rustix::fs::OFlags;
use rustix::io::Errno;

pub const TOUCH: Utility = Utility {
    name: "touch",
    spec: Spec {
        options: &[
            flag('a', ""),
            flag('c', "no-create"),
            value('d', "date"),
            flag('f', ""),
            flag('h', "no-dereference"),
            flag('m', ""),
            value('r', "reference"),
            value('t', ""),
        ],
        permute: true,
        usage: 1,
    },
    run,
};

/// "Now", as `utimensat` spells it.
const NOW: (i64, u32) = (0, rustix::fs::UTIME_NOW as u32);

fn run(spec: &Spec, words: Vec<BString>) -> u8 {
    let parsed = parse(spec, words);
    let follow = !parsed.has('h');
    let mut times = [NOW, NOW];
    if let Some(file) = parsed.value('r') {
        match if follow {
            fs::stat(file)
        } else {
            fs::lstat(file)
        } {
            Ok(meta) => times = [meta.times[0], meta.times[1]],
            Err(errno) => program::die_errno(
                1,
                &[b"failed to get attributes of ", &quote::always(file)],
                errno,
            ),
        }
    }
    if let Some(text) = parsed.value('d') {
        times = [date(text); 2];
    }
    if let Some(text) = parsed.value('t') {
        match stamp(text) {
            Some(time) => times = [time; 2],
            None => program::die(1, &[b"invalid date format ", &quote::locale(text)]),
        }
    }
    if parsed.operands.is_empty() {
        program::usage_error(1, &[b"missing file operand"]);
    }
    let only = |key| parsed.has(key);
    let both = only('a') == only('m');
    let [access, modification] = times;
    let times = [
        (both || only('a')).then_some(access),
        (both || only('m')).then_some(modification),
    ];
    let create = !parsed.has('c') && follow;
    let mut status = 0;
    for path in &parsed.operands {
        let mut opened = Ok(());
        if create && path != "-" {
            opened = fs::open_write(path, OFlags::CREATE | OFlags::NONBLOCK).map(|_| ());
        }
        match fs::set_times(path, times, follow) {
            Ok(()) => {}
            Err(Errno::NOENT) if !create && parsed.has('c') => {}
            Err(errno) => {
                let name = quote::always(path);
                match opened {
                    Err(open) if open != Errno::ISDIR || errno != Errno::ISDIR => {
                        let shown = if open == Errno::ISDIR { errno } else { open };
                        program::complain_errno(&[b"cannot touch ", &name], shown);
                    }
                    _ => program::complain_errno(&[b"setting times of ", &name], errno),
                }
                status = 1;
            }
        }
    }
    status
}

/// `-d`.
fn date(text: &[u8]) -> (i64, u32) {
    super::date::demand_utc();
    match super::date::parse_date(text, super::date::now()) {
        Ok(moment) => moment,
        Err(super::date::Bad::Invalid) => {
            program::die(1, &[b"invalid date format ", &quote::locale(text)])
        }
        Err(super::date::Bad::Beyond) => program::refuse(&format!(
            "the date '{}' is beyond this applet",
            text.as_bstr()
        )),
    }
}

/// `[[CC]YY]MMDDhhmm[.ss]`.
fn stamp(text: &[u8]) -> Option<(i64, u32)> {
    let (digits, seconds) = match text.split_once_str(".") {
        Some((digits, seconds)) => (digits, Some(seconds)),
        None => (text, None),
    };
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = digits.get(from..to)?;
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| part.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let (year, at) = match digits.len() {
        12 => (number(0, 4)?, 4),
        10 => {
            let short = number(0, 2)?;
            (
                if short < 69 {
                    2000 + short
                } else {
                    1900 + short
                },
                2,
            )
        }
        8 => program::refuse("a date without a year"),
        _ => return None,
    };
    let second = match seconds {
        None => 0,
        Some([a @ b'0'..=b'6', b @ b'0'..=b'9']) => i64::from(a - b'0') * 10 + i64::from(b - b'0'),
        Some(_) => return None,
    };
    let (month, day) = (number(at, at + 2)?, number(at + 2, at + 4)?);
    let (hour, minute) = (number(at + 4, at + 6)?, number(at + 6, at + 8)?);
    let good =
        (1..=12).contains(&month) && (1..=calendar::days_in_month(year, month)).contains(&day);
    (good && hour < 24 && minute < 60 && second < 61).then(|| {
        (
            calendar::seconds([year, month, day, hour, minute, second]),
            0,
        )
    })
}
