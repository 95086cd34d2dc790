//! The formats of `date`, `ls --time-style` and `stat`, in UTC and the C locale.
//!
//! Counterpart: gnulib's `nstrftime.c`: flags `-`, `_`, `0`, `^`, `#`, `+`, a width, the modifiers
//! `E` and `O`, which mean nothing here.

use crate::shared::calendar::{self, DAYS, MONTHS};

/// Seconds since 1970 and nanoseconds.
pub type Moment = (i64, u32);

/// A moment taken apart.
#[derive(Clone, Copy, Debug)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    week_day: i64,
    year_day: i64,
    moment: Moment,
}

impl Parts {
    fn of(moment: Moment) -> Parts {
        let days = moment.0.div_euclid(86_400);
        let rest = moment.0.rem_euclid(86_400);
        let (year, month, day) = calendar::date(days);
        Parts {
            year,
            month,
            day,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            week_day: (days + 4).rem_euclid(7),
            year_day: days - calendar::days(year, 1, 1),
            moment,
        }
    }

    /// Year and week of ISO 8601.
    fn iso_week(&self) -> (i64, i64) {
        let weeks = |year: i64| {
            let first = calendar::days(year, 1, 4);
            // The Monday of the week with January 4.
            first - (first + 3).rem_euclid(7)
        };
        let today = calendar::days(self.year, self.month, self.day);
        let year = if today < weeks(self.year) {
            self.year - 1
        } else if today >= weeks(self.year + 1) {
            self.year + 1
        } else {
            self.year
        };
        (year, (today - weeks(year)) / 7 + 1)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    pad: Option<u8>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
}

/// Formats a moment. `None`: the format is beyond this.
pub fn format(template: &[u8], moment: Moment) -> Option<Vec<u8>> {
    let parts = Parts::of(moment);
    let mut out = Vec::new();
    put(&parts, template, &mut out, 0)?;
    Some(out)
}

fn put(parts: &Parts, template: &[u8], out: &mut Vec<u8>, depth: u8) -> Option<()> {
    let mut at = 0;
    while let Some(byte) = template.get(at) {
        if *byte != b'%' {
            out.push(*byte);
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        let mut flags = Flags::default();
        while let Some(letter @ (b'_' | b'-' | b'+' | b'0' | b'^' | b'#')) = template.get(at) {
            match letter {
                b'^' => flags.upper = true,
                b'#' => flags.swap = true,
                pad => flags.pad = Some(*pad),
            }
            at += 1;
        }
        let mut width = None;
        while let Some(digit @ b'0'..=b'9') = template.get(at) {
            let value = width.unwrap_or(0usize) * 10 + usize::from(digit - b'0');
            width = Some(value.min(1 << 20));
            at += 1;
        }
        flags.width = width;
        let modifier = template.get(at).filter(|it| matches!(it, b'E' | b'O'));
        let modifier = modifier.copied();
        let modified = modifier.is_some();
        at += usize::from(modified);
        let colons = template
            .iter()
            .skip(at)
            .take_while(|it| **it == b':')
            .count();
        at += colons;
        let letter = template.get(at).copied();
        at += usize::from(letter.is_some());
        let whole = template.get(start..at).unwrap_or_default();
        match letter {
            Some(b'z') if colons <= 3 && !modified => zone(out, colons, flags),
            _ if colons > 0 => {
                // A colon that belongs to nothing ends the directive.
                at = at - colons - usize::from(letter.is_some()) + 1;
                text(template.get(start..at).unwrap_or_default(), flags, out);
            }
            Some(letter) if fits(modifier, letter) => {
                directive(parts, letter, whole, flags, out, depth)?;
            }
            _ => text(whole, flags, out),
        }
    }
    Some(())
}

/// Which letters a modifier goes with. It changes nothing in the C locale.
fn fits(modifier: Option<u8>, letter: u8) -> bool {
    match modifier {
        None => true,
        Some(b'E') => b"cCxXyY".contains(&letter),
        Some(_) => b"bBdeHIkljmMNSUVgGWwyCh".contains(&letter),
    }
}

/// `+0000` with its colons.
fn zone(out: &mut Vec<u8>, colons: usize, flags: Flags) {
    let (long, short) = match colons {
        0 => ("0000", "0"),
        1 => ("00:00", "0:00"),
        2 => ("00:00:00", "0:00:00"),
        _ => ("00", "0"),
    };
    let width = flags.width.unwrap_or(long.len() + 1);
    match flags.pad {
        Some(b'-') => out.extend_from_slice(format!("+{short}").as_bytes()),
        Some(b'_') => {
            let fill = width.saturating_sub(short.len() + 1);
            out.extend(std::iter::repeat_n(b' ', fill));
            out.extend_from_slice(format!("+{short}").as_bytes());
        }
        _ => {
            out.push(b'+');
            let fill = width.saturating_sub(short.len() + 1);
            out.extend(std::iter::repeat_n(b'0', fill));
            out.extend_from_slice(short.as_bytes());
        }
    }
}

fn directive(
    parts: &Parts,
    letter: u8,
    whole: &[u8],
    flags: Flags,
    out: &mut Vec<u8>,
    depth: u8,
) -> Option<()> {
    let name = |names: &[&str], at: i64, short: bool| -> String {
        let name = usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at))
            .copied();
        let name = name.unwrap_or("?");
        name.get(..if short { 3 } else { name.len() })
            .unwrap_or(name)
            .to_owned()
    };
    let hour = (parts.hour + 11) % 12 + 1;
    match letter {
        b'%' if whole == b"%%" => out.push(b'%'),
        b'%' => return None,
        b'n' => text("\n", flags, out),
        b't' => text("\t", flags, out),
        b'a' => text(swap(name(&DAYS, parts.week_day, true), flags), flags, out),
        b'A' => text(swap(name(&DAYS, parts.week_day, false), flags), flags, out),
        b'b' | b'h' => text(
            swap(name(&MONTHS, parts.month - 1, true), flags),
            flags,
            out,
        ),
        b'B' => text(
            swap(name(&MONTHS, parts.month - 1, false), flags),
            flags,
            out,
        ),
        b'p' => {
            let half = if parts.hour < 12 { "AM" } else { "PM" };
            let half = if flags.swap {
                half.to_lowercase()
            } else {
                half.to_owned()
            };
            text(half, flags, out);
        }
        b'P' => {
            let half = if parts.hour < 12 { "am" } else { "pm" };
            let flags = Flags {
                upper: false,
                ..flags
            };
            text(half, flags, out);
        }
        b'Z' => {
            let zone = if flags.swap { "utc" } else { "UTC" };
            text(zone, flags, out);
        }
        b'C' => year(parts.year.div_euclid(100), 2, parts.year < 0, flags, out)?,
        b'Y' => year(parts.year, 4, parts.year < 0, flags, out)?,
        b'G' => {
            let (iso, _) = parts.iso_week();
            year(iso, 4, iso < 0, flags, out)?;
        }
        b'y' => number(parts.year.rem_euclid(100), 2, b'0', flags, out),
        b'g' => number(parts.iso_week().0.rem_euclid(100), 2, b'0', flags, out),
        b'm' => number(parts.month, 2, b'0', flags, out),
        b'd' => number(parts.day, 2, b'0', flags, out),
        b'e' => number(parts.day, 2, b'_', flags, out),
        b'H' => number(parts.hour, 2, b'0', flags, out),
        b'k' => number(parts.hour, 2, b'_', flags, out),
        b'I' => number(hour, 2, b'0', flags, out),
        b'l' => number(hour, 2, b'_', flags, out),
        b'M' => number(parts.minute, 2, b'0', flags, out),
        b'S' => number(parts.second, 2, b'0', flags, out),
        b'j' => number(parts.year_day + 1, 3, b'0', flags, out),
        b'q' => number((parts.month - 1) / 3 + 1, 1, b'0', flags, out),
        b'u' => number((parts.week_day + 6) % 7 + 1, 1, b'0', flags, out),
        b'w' => number(parts.week_day, 1, b'0', flags, out),
        b's' => number(parts.moment.0, 1, b'0', flags, out),
        b'U' => number(
            (parts.year_day - parts.week_day + 7) / 7,
            2,
            b'0',
            flags,
            out,
        ),
        b'W' => {
            let monday = (parts.week_day + 6) % 7;
            number((parts.year_day - monday + 7) / 7, 2, b'0', flags, out);
        }
        b'V' => number(parts.iso_week().1, 2, b'0', flags, out),
        b'N' => nanoseconds(parts.moment.1, flags, out)?,
        b'c' | b'D' | b'F' | b'r' | b'R' | b'T' | b'x' | b'X' => {
            let inner: &[u8] = match letter {
                b'c' => b"%a %b %e %H:%M:%S %Y",
                b'D' | b'x' => b"%m/%d/%y",
                b'F' => b"%Y-%m-%d",
                b'r' => b"%I:%M:%S %p",
                b'R' => b"%H:%M",
                _ => b"%H:%M:%S",
            };
            // Padding reaches into some of these, and not into all of their parts.
            let padded = matches!(flags.pad, Some(b'_' | b'-'))
                || (letter == b'F' && (flags.pad.is_some() || flags.width.is_some()));
            if depth > 0 || padded {
                return None;
            }
            let mut found = Vec::new();
            put(parts, inner, &mut found, depth + 1)?;
            text(&found, flags, out);
        }
        // An unknown letter is copied with all before it.
        _ => text(whole, flags, out),
    }
    Some(())
}

/// `#` turns names to capitals.
fn swap(text: String, flags: Flags) -> String {
    if flags.swap {
        text.to_uppercase()
    } else {
        text
    }
}

fn text(text: impl AsRef<[u8]>, flags: Flags, out: &mut Vec<u8>) {
    let text = text.as_ref();
    let fill = flags.width.unwrap_or(0).saturating_sub(text.len());
    let byte = match flags.pad {
        Some(b'0' | b'+') => b'0',
        _ => b' ',
    };
    if flags.pad != Some(b'-') {
        out.extend(std::iter::repeat_n(byte, fill));
    }
    if flags.upper {
        out.extend(text.to_ascii_uppercase());
    } else {
        out.extend_from_slice(text);
    }
}

/// A number of at least `digits` digits, filled with `fill` (`_`: blanks) unless a flag says otherwise.
fn number(value: i64, digits: usize, fill: u8, flags: Flags, out: &mut Vec<u8>) {
    let fill = flags.pad.unwrap_or(fill);
    let digits = if fill == b'-' && flags.width.is_none() {
        1
    } else {
        flags.width.unwrap_or(digits)
    };
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs().to_string();
    let missing = digits.saturating_sub(sign.len() + magnitude.len());
    match fill {
        b'-' => out.extend_from_slice(format!("{sign}{magnitude}").as_bytes()),
        b'_' => {
            out.extend(std::iter::repeat_n(b' ', missing));
            out.extend_from_slice(format!("{sign}{magnitude}").as_bytes());
        }
        _ => {
            out.extend_from_slice(sign.as_bytes());
            out.extend(std::iter::repeat_n(b'0', missing));
            out.extend_from_slice(magnitude.as_bytes());
        }
    }
}

fn year(value: i64, digits: usize, negative: bool, flags: Flags, out: &mut Vec<u8>) -> Option<()> {
    // `+` shows a sign for years of more digits; years before the first are shown in ways of their own.
    if negative || (flags.pad == Some(b'+')) {
        return None;
    }
    number(value, digits, b'0', flags, out);
    Some(())
}

/// `%N`, of which a width takes the first digits.
fn nanoseconds(value: u32, flags: Flags, out: &mut Vec<u8>) -> Option<()> {
    let digits = format!("{value:09}");
    let width = flags.width.unwrap_or(9);
    match flags.pad {
        None | Some(b'0') => {
            let shown = digits.get(..width.min(9)).unwrap_or_default();
            out.extend_from_slice(shown.as_bytes());
            out.extend(std::iter::repeat_n(b'0', width.saturating_sub(9)));
            Some(())
        }
        Some(_) => None,
    }
}
