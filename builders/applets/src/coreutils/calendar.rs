//! The calendar in UTC, the only time zone of a build.
//!
//! Counterpart: glibc's `timegm` and `gmtime`; of gnulib's `parse_datetime` only `@N`, ISO dates
//! with a time, and `now`-less forms that do not depend on the clock.

use bstr::ByteSlice as _;

/// Days from 1970-01-01 to this day of the proleptic Gregorian calendar.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Seconds since 1970 of year, month, day, hour, minute and second.
pub fn seconds([year, month, day, hour, minute, second]: [i64; 6]) -> i64 {
    days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
}

/// Days of a month.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads `@N[.fraction]`, `YYYY-MM-DD`, and that with ` HH:MM[:SS]` or `T…`, and with `Z`, ` UTC`,
/// `+00:00` or `+hh:mm` behind. `None`: not such a date.
pub fn parse(text: &[u8]) -> Option<(i64, u32)> {
    let text = text.trim_ascii().to_str().ok()?;
    if let Some(number) = text.strip_prefix('@') {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let value: i64 = whole.parse().ok()?;
        if !fraction.bytes().all(|it| it.is_ascii_digit()) || fraction.len() > 9 {
            return None;
        }
        let nanoseconds: u32 = format!("{fraction:0<9}").parse().ok()?;
        if whole.starts_with('-') && nanoseconds > 0 {
            return Some((value - 1, 1_000_000_000 - nanoseconds));
        }
        return Some((value, nanoseconds));
    }
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.split('-').map(|part| {
        part.bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| part.parse::<i64>().ok())
            .flatten()
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if date.len() != 10
        || !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month)).contains(&day)
    {
        return None;
    }
    let mut rest = rest;
    let mut offset = 0;
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    if !rest.is_empty() {
        rest = rest.strip_prefix(['T', ' '])?.trim_start();
        let end = rest
            .find(|it: char| !(it.is_ascii_digit() || it == ':'))
            .unwrap_or(rest.len());
        let (clock, zone) = rest.split_at(end);
        let mut numbers = clock.split(':').map(|part| {
            (part.len() == 2)
                .then(|| part.parse::<i64>().ok())
                .flatten()
        });
        hour = numbers.next()??;
        minute = numbers.next()??;
        second = match numbers.next() {
            Some(number) => number?,
            None => 0,
        };
        if numbers.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let zone = zone.trim();
        offset = match zone {
            "" | "Z" | "UTC" | "GMT" => 0,
            _ => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let digits: String = zone
                    .strip_prefix(['+', '-'])?
                    .chars()
                    .filter(|it| *it != ':')
                    .collect();
                if digits.len() != 4 {
                    return None;
                }
                let number: i64 = digits.parse().ok()?;
                sign * (number / 100 * 3600 + number % 100 * 60)
            }
        };
    }
    Some((
        seconds([year, month, day, hour, minute, second]) - offset,
        0,
    ))
}
