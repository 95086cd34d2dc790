//! The dates that people write, for `date -d` and `touch -d`.
//!
//! Contract: a text of which every word is known here means what GNU says; any other is beyond
//! this, so that the caller refuses. Counterpart: gnulib's `parse-datetime.y`, in UTC.

use super::format::Moment;
use super::words::{Token, half, month, ordinal, tokens, unit, week_day};
use crate::shared::calendar;

/// Why there is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// GNU calls it invalid: a month 13, two times of day.
    Invalid,
    /// It is not known here what it means.
    Beyond,
}

type Result<T> = std::result::Result<T, Bad>;

/// Numbers in words stop here: no year or count is larger.
const MOST: i64 = 1_000_000_000_000;

/// Year with its number of digits, month, day.
type Date = (Option<(i64, usize)>, i64, i64);

/// What was found so far.
#[derive(Debug, Default)]
struct Seen {
    date: Option<Date>,
    time: Option<[i64; 3]>,
    nanoseconds: u32,
    zone: Option<i64>,
    day: Option<(i64, i64)>,
    relative: bool,
    /// Years, months, days, seconds.
    shift: [i64; 4],
}

/// Reads a date; what it leaves open is that of `now`.
pub fn parse(text: &[u8], now: Moment) -> Result<Moment> {
    let text = std::str::from_utf8(text).map_err(|_| Bad::Beyond)?;
    let tokens = tokens(text)?;
    if let [Token::Mark(b'@'), number] = tokens.as_slice() {
        return since_epoch(number);
    }
    let mut seen = Seen::default();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        rest = item(&mut seen, rest)?;
    }
    moment(&seen, now)
}

fn since_epoch(number: &Token) -> Result<Moment> {
    let Token::Number {
        sign,
        value,
        fraction,
        ..
    } = number
    else {
        return Err(Bad::Beyond);
    };
    let seconds = value * sign.unwrap_or(1);
    let part = nanoseconds(fraction.as_deref());
    if *sign == Some(-1) && part > 0 {
        return Ok((seconds - 1, 1_000_000_000 - part));
    }
    Ok((seconds, part))
}

fn nanoseconds(fraction: Option<&str>) -> u32 {
    let digits: String = fraction.unwrap_or("").chars().take(9).collect();
    format!("{digits:0<9}").parse().unwrap_or(0)
}

/// Reads one item; gives what is left.
fn item<'a>(seen: &mut Seen, rest: &'a [Token]) -> Result<&'a [Token]> {
    use Token::{Mark, Number, Word};
    let skip = |count: usize| rest.get(count..).unwrap_or_default();
    match rest {
        // A time of day, with what may follow.
        [
            Number {
                sign: None,
                value: hour,
                fraction: None,
                ..
            },
            Mark(b':'),
            Number {
                sign: None,
                value: minute,
                fraction: None,
                ..
            },
            ..,
        ] => {
            let (mut second, mut part, mut used) = (0, 0, 3);
            if let [
                Mark(b':'),
                Number {
                    sign: None,
                    value,
                    fraction,
                    ..
                },
                ..,
            ] = skip(3)
            {
                (second, part, used) = (*value, nanoseconds(fraction.as_deref()), 5);
            }
            let mut hour = *hour;
            if let Some(Word(word)) = rest.get(used)
                && let Some(half) = half(word)
            {
                hour = to_24(hour, half)?;
                used += 1;
            } else if let Some(Number {
                sign: Some(sign),
                value,
                digits,
                fraction: None,
            }) = rest.get(used)
            {
                let mut minutes = None;
                let mut more = 1;
                if let [
                    Mark(b':'),
                    Number {
                        sign: None,
                        value,
                        fraction: None,
                        ..
                    },
                    ..,
                ] = skip(used + 1)
                {
                    (minutes, more) = (Some(*value), 3);
                }
                set_zone(seen, offset(*sign, *value, *digits, minutes)?)?;
                used += more;
            }
            set_time(seen, [hour, *minute, second], part)?;
            Ok(skip(used))
        }
        [
            Number {
                sign: None,
                value,
                digits,
                fraction: None,
            },
            Word(word),
            ..,
        ] if half(word).is_some() && *digits <= 2 => {
            let hour = to_24(*value, half(word).unwrap_or(false))?;
            set_time(seen, [hour, 0, 0], 0)?;
            Ok(skip(2))
        }
        // Dates.
        [
            Number {
                sign: None,
                value: year,
                digits,
                fraction: None,
            },
            Number {
                sign: Some(-1),
                value: month,
                fraction: None,
                ..
            },
            Number {
                sign: Some(-1),
                value: day,
                fraction: None,
                ..
            },
            ..,
        ] => {
            set_date(seen, Some((*year, *digits)), *month, *day)?;
            let rest = skip(3);
            // `T` before a time only.
            match rest {
                [Word(word), Number { sign: None, .. }, Mark(b':'), ..] if word == "t" => {
                    Ok(rest.get(1..).unwrap_or_default())
                }
                _ => Ok(rest),
            }
        }
        [
            Number {
                sign: None,
                value: a,
                digits,
                fraction: None,
            },
            Mark(b'/'),
            Number {
                sign: None,
                value: b,
                fraction: None,
                ..
            },
            Mark(b'/'),
            Number {
                sign: None,
                value: c,
                digits: last,
                fraction: None,
            },
            ..,
        ] => {
            if *digits >= 4 {
                set_date(seen, Some((*a, *digits)), *b, *c)?;
            } else {
                set_date(seen, Some((*c, *last)), *a, *b)?;
            }
            Ok(skip(5))
        }
        [
            Number {
                sign: None,
                value: a,
                fraction: None,
                ..
            },
            Mark(b'/'),
            Number {
                sign: None,
                value: b,
                fraction: None,
                ..
            },
            ..,
        ] => {
            set_date(seen, None, *a, *b)?;
            Ok(skip(3))
        }
        [
            Number {
                sign: None,
                value: day,
                fraction: None,
                ..
            },
            Word(word),
            ..,
        ] if month(word).is_some() => {
            let month = month(word).unwrap_or(0);
            match skip(2) {
                // A number with a colon behind it is a time, not a year.
                [Number { sign: None, .. }, Mark(b':'), ..] => {
                    set_date(seen, None, month, *day)?;
                    Ok(skip(2))
                }
                [
                    Number {
                        sign: None,
                        value: year,
                        digits,
                        fraction: None,
                    },
                    ..,
                ] => {
                    set_date(seen, Some((*year, *digits)), month, *day)?;
                    Ok(skip(3))
                }
                [Number { sign: Some(-1), .. }, ..] => Err(Bad::Beyond),
                _ => {
                    set_date(seen, None, month, *day)?;
                    Ok(skip(2))
                }
            }
        }
        [
            Word(word),
            Number {
                sign: None,
                value: day,
                digits,
                fraction: None,
            },
            ..,
        ] if month(word).is_some() && !matches!(rest.get(2), Some(Mark(b':'))) && *digits <= 2 => {
            let month = month(word).unwrap_or(0);
            match skip(2) {
                [
                    Mark(b','),
                    Number {
                        sign: None,
                        value: year,
                        digits,
                        fraction: None,
                    },
                    ..,
                ] => {
                    set_date(seen, Some((*year, *digits)), month, *day)?;
                    Ok(skip(4))
                }
                _ => {
                    set_date(seen, None, month, *day)?;
                    Ok(skip(2))
                }
            }
        }
        // Shifts.
        [
            Number {
                sign,
                value,
                fraction: None,
                ..
            },
            Word(word),
            ..,
        ] if unit(word).is_some() => shift(seen, sign.unwrap_or(1) * value, word, skip(2)),
        [Word(word), Word(next), ..] if ordinal(word).is_some() && unit(next).is_some() => {
            shift(seen, ordinal(word).unwrap_or(0), next, skip(2))
        }
        [Word(word), Word(next), ..] if ordinal(word).is_some() && week_day(next).is_some() => {
            set_day(
                seen,
                ordinal(word).unwrap_or(0),
                week_day(next).unwrap_or(0),
            )?;
            Ok(skip(2))
        }
        [Word(word), ..] if unit(word).is_some() => shift(seen, 1, word, skip(1)),
        [Word(word), ..] if week_day(word).is_some() => {
            set_day(seen, 0, week_day(word).unwrap_or(0))?;
            let comma = matches!(rest.get(1), Some(Mark(b',')));
            Ok(skip(1 + usize::from(comma)))
        }
        [Word(word), ..] => {
            match word.as_str() {
                "now" | "today" => seen.relative = true,
                "tomorrow" => shifted(seen, 2, 1)?,
                "yesterday" => shifted(seen, 2, -1)?,
                "utc" | "gmt" | "z" | "ut" => set_zone(seen, 0)?,
                _ => return Err(Bad::Beyond),
            }
            Ok(skip(1))
        }
        // A number before a day's name counts weeks.
        [Number { .. }, Word(word), ..] if week_day(word).is_some() => Err(Bad::Beyond),
        // A number alone: the year, a whole date, or a time.
        [
            Number {
                sign: None,
                value,
                digits,
                fraction: None,
            },
            ..,
        ] => {
            match &mut seen.date {
                Some((year @ None, ..))
                    if !seen.relative && (seen.time.is_some() || *digits > 2) =>
                {
                    *year = Some((*value, *digits));
                }
                _ if *digits > 4 => {
                    let year = (value / 10_000, digits - 4);
                    set_date(seen, Some(year), value / 100 % 100, value % 100)?;
                }
                _ if *digits <= 2 => set_time(seen, [*value, 0, 0], 0)?,
                _ => set_time(seen, [value / 100, value % 100, 0], 0)?,
            }
            Ok(skip(1))
        }
        _ => Err(Bad::Beyond),
    }
}

fn to_24(hour: i64, afternoon: bool) -> Result<i64> {
    match hour {
        12 => Ok(if afternoon { 12 } else { 0 }),
        1..=11 => Ok(if afternoon { hour + 12 } else { hour }),
        _ => Err(Bad::Invalid),
    }
}

/// Seconds east of UTC.
fn offset(sign: i64, value: i64, digits: usize, minutes: Option<i64>) -> Result<i64> {
    if value > 9999 || minutes.is_some_and(|it| it > 9999) {
        return Err(Bad::Invalid);
    }
    let found = match minutes {
        Some(minutes) => value * 60 + minutes,
        None if digits <= 2 => value * 60,
        None => value / 100 * 60 + value % 100,
    };
    if found > 24 * 60 {
        return Err(Bad::Invalid);
    }
    Ok(sign * found * 60)
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Bad::Invalid),
    }
}

fn set_time(seen: &mut Seen, time: [i64; 3], nanoseconds: u32) -> Result<()> {
    seen.nanoseconds = nanoseconds;
    once(&mut seen.time, time)
}

fn set_date(seen: &mut Seen, year: Option<(i64, usize)>, month: i64, day: i64) -> Result<()> {
    once(&mut seen.date, (year, month, day))
}

fn set_zone(seen: &mut Seen, seconds: i64) -> Result<()> {
    once(&mut seen.zone, seconds)
}

fn set_day(seen: &mut Seen, ordinal: i64, day: i64) -> Result<()> {
    once(&mut seen.day, (ordinal, day))
}

fn shifted(seen: &mut Seen, which: usize, by: i64) -> Result<()> {
    seen.relative = true;
    match seen.shift.get_mut(which) {
        Some(place) if by.abs() < MOST => {
            *place += by;
            Ok(())
        }
        _ => Err(Bad::Beyond),
    }
}

fn shift<'a>(seen: &mut Seen, count: i64, word: &str, rest: &'a [Token]) -> Result<&'a [Token]> {
    let (which, factor) = unit(word).ok_or(Bad::Beyond)?;
    let ago = matches!(rest.first(), Some(Token::Word(word)) if word == "ago");
    let by = count.checked_mul(factor).ok_or(Bad::Beyond)?;
    shifted(seen, which, if ago { -by } else { by })?;
    Ok(rest.get(usize::from(ago)..).unwrap_or_default())
}

fn moment(seen: &Seen, now: Moment) -> Result<Moment> {
    let (mut year, mut month, mut day) = calendar::date(now.0.div_euclid(86_400));
    if let Some((given, given_month, given_day)) = seen.date {
        if let Some((value, digits)) = given {
            year = match (value, digits) {
                (short, 2) if short < 69 => short + 2000,
                (short, 2) => short + 1900,
                (value, _) => value,
            };
        }
        (month, day) = (given_month, given_day);
    }
    if !(0..=9999).contains(&year) {
        return Err(Bad::Beyond);
    }
    let keep_time = seen.relative && seen.date.is_none() && seen.day.is_none();
    let (time, part) = match seen.time {
        Some(time) => (time, seen.nanoseconds),
        None if keep_time => {
            let rest = now.0.rem_euclid(86_400);
            ([rest / 3600, rest / 60 % 60, rest % 60], now.1)
        }
        None => ([0; 3], 0),
    };
    let [hour, minute, second] = time;
    // The 60th second is a leap second, of which mktime makes the next minute.
    let right = (1..=12).contains(&month)
        && (1..=calendar::days_in_month(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !right {
        return Err(if second == 60 {
            Bad::Beyond
        } else {
            Bad::Invalid
        });
    }
    let [years, months, days, seconds] = seen.shift;
    if let (Some((ordinal, wanted)), None) = (seen.day, seen.date) {
        let today = (calendar::days(year, month, day) + 4).rem_euclid(7);
        let past = ordinal > 0 && today != wanted;
        day += (wanted - today + 7) % 7 + 7 * (ordinal - i64::from(past));
    }
    let all_months = year * 12 + month - 1 + years * 12 + months;
    let (year, month) = (all_months.div_euclid(12), all_months.rem_euclid(12) + 1);
    if !(0..=9999).contains(&year) {
        return Err(Bad::Beyond);
    }
    let days = calendar::days(year, month, 1) + day - 1 + days;
    let clock = hour * 3600 + minute * 60 + second;
    let whole = days * 86_400 + clock + seconds - seen.zone.unwrap_or(0);
    if !(-62_135_596_800..=253_402_300_799).contains(&whole) {
        return Err(Bad::Beyond);
    }
    Ok((whole, part))
}
