//! Formatting of times and floating-point numbers for `printf`.

/// `strftime(3)` in UTC and the C locale.
pub fn strftime(template: &[u8], seconds: i64) -> Vec<u8> {
    const DAYS: [&str; 7] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let days = seconds.div_euclid(86_400);
    let second_of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    let (year, month, day) = civil(days);
    let week_day = (days + 4).rem_euclid(7);
    let year_day = days - from_civil(year, 1, 1);
    let name = |list: &[&'static str], at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| list.get(at).copied())
            .unwrap_or("")
    };
    let mut out = String::new();
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&c) = template.get(at) {
        at += 1;
        if c != b'%' {
            bytes.push(c);
            continue;
        }
        let mut plain = false;
        while matches!(
            template.get(at),
            Some(b'-' | b'_' | b'0' | b'^' | b'#' | b'E' | b'O')
        ) {
            plain |= template.get(at) == Some(&b'-');
            at += 1;
        }
        let Some(&f) = template.get(at) else {
            bytes.push(b'%');
            break;
        };
        at += 1;
        out.clear();
        let two = |n: i64| {
            if plain {
                n.to_string()
            } else {
                format!("{n:02}")
            }
        };
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        match f {
            b'Y' => out = year.to_string(),
            b'C' => out = two(year.div_euclid(100)),
            b'y' => out = two(year.rem_euclid(100)),
            b'm' => out = two(month),
            b'd' => out = two(day),
            b'e' => out = format!("{day:2}"),
            b'H' => out = two(hour),
            b'I' => out = two(twelve),
            b'k' => out = format!("{hour:2}"),
            b'l' => out = format!("{twelve:2}"),
            b'M' => out = two(minute),
            b'S' => out = two(second),
            b'j' => out = format!("{:03}", year_day + 1),
            b'p' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            b'P' => out.push_str(if hour < 12 { "am" } else { "pm" }),
            b'a' => out.push_str(name(&DAYS, week_day).get(..3).unwrap_or("")),
            b'A' => out.push_str(name(&DAYS, week_day)),
            b'b' | b'h' => out.push_str(name(&MONTHS, month - 1).get(..3).unwrap_or("")),
            b'B' => out.push_str(name(&MONTHS, month - 1)),
            b'u' => out = if week_day == 0 { 7 } else { week_day }.to_string(),
            b'w' => out = week_day.to_string(),
            b'U' => out = two((year_day + 7 - week_day) / 7),
            b'W' => out = two((year_day + 7 - (week_day + 6) % 7) / 7),
            b's' => out = seconds.to_string(),
            b'n' => out.push('\n'),
            b't' => out.push('\t'),
            b'%' => out.push('%'),
            b'z' => out.push_str("+0000"),
            b'Z' => out.push_str("UTC"),
            b'F' => out = format!("{year}-{month:02}-{day:02}"),
            b'D' | b'x' => out = format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
            b'T' | b'X' => out = format!("{hour:02}:{minute:02}:{second:02}"),
            b'R' => out = format!("{hour:02}:{minute:02}"),
            b'r' => {
                out = format!(
                    "{twelve:02}:{minute:02}:{second:02} {}",
                    if hour < 12 { "AM" } else { "PM" }
                )
            }
            b'c' => {
                let (d, m) = (
                    name(&DAYS, week_day).get(..3).unwrap_or(""),
                    name(&MONTHS, month - 1).get(..3).unwrap_or(""),
                );
                out = format!("{d} {m} {day:2} {hour:02}:{minute:02}:{second:02} {year}");
            }
            b'G' | b'g' | b'V' => {
                let (iso_year, week) = iso_week(days, year, year_day, week_day);
                out = match f {
                    b'G' => iso_year.to_string(),
                    b'g' => two(iso_year.rem_euclid(100)),
                    _ => two(week),
                };
            }
            other => {
                bytes.extend([b'%', other]);
                continue;
            }
        }
        bytes.extend_from_slice(out.as_bytes());
    }
    bytes
}

fn iso_week(days: i64, year: i64, year_day: i64, week_day: i64) -> (i64, i64) {
    // The week's Thursday decides the year.
    let thursday = days - (week_day + 6) % 7 + 3;
    let (iso_year, ..) = civil(thursday);
    let _ = (year, year_day);
    (iso_year, (thursday - from_civil(iso_year, 1, 1)) / 7 + 1)
}

/// Year, month, day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (
        yoe + era * 400 + i64::from(month <= 2),
        month,
        doy - (153 * mp + 2) / 5 + 1,
    )
}

fn from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// `%f`, `%e`, `%g` of a number that is not negative.
pub fn format_float(
    conversion: u8,
    value: f64,
    precision: Option<usize>,
    alternate: bool,
) -> Vec<u8> {
    let upper = conversion.is_ascii_uppercase();
    if !value.is_finite() {
        let text: &[u8] = if value.is_nan() { b"nan" } else { b"inf" };
        return if upper {
            text.to_ascii_uppercase()
        } else {
            text.to_vec()
        };
    }
    let precision = precision.unwrap_or(6).min(1 << 16);
    let text = match conversion.to_ascii_lowercase() {
        b'f' => {
            let mut text = format!("{value:.precision$}");
            if alternate && precision == 0 {
                text.push('.');
            }
            text
        }
        b'e' => exponent(value, precision),
        b'g' => {
            let significant = precision.max(1);
            let rounded = format!("{value:.*e}", significant - 1);
            let power: i64 = rounded
                .split_once('e')
                .and_then(|(_, e)| e.parse().ok())
                .unwrap_or(0);
            let mut text = if power < -4 || power >= significant as i64 {
                exponent(value, significant - 1)
            } else {
                format!(
                    "{value:.*}",
                    usize::try_from(significant as i64 - 1 - power).unwrap_or(0)
                )
            };
            if !alternate && text.contains('.') {
                let (mantissa, tail) = match text.find('e') {
                    Some(at) => (
                        text.get(..at).unwrap_or("").to_string(),
                        text.get(at..).unwrap_or("").to_string(),
                    ),
                    None => (text.clone(), String::new()),
                };
                text = format!(
                    "{}{}",
                    mantissa.trim_end_matches('0').trim_end_matches('.'),
                    tail
                );
            }
            text
        }
        _ => hex_float(value),
    };
    if upper {
        text.to_ascii_uppercase().into_bytes()
    } else {
        text.into_bytes()
    }
}

fn exponent(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, e)) => {
            let e: i64 = e.parse().unwrap_or(0);
            format!("{mantissa}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs())
        }
        None => text,
    }
}

fn hex_float(value: f64) -> String {
    if value == 0.0 {
        return "0x0p+0".into();
    }
    // glibc's long double: the first digit holds four bits.
    let bits = value.to_bits();
    let mut power = (bits >> 52 & 0x7ff) as i64 - 1023;
    let mantissa = (bits & ((1 << 52) - 1) | 1 << 52) << 11;
    power -= 3;
    let first = mantissa >> 60;
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!(
        "0x{first:x}{point}{digits}p{}{}",
        if power < 0 { '-' } else { '+' },
        power.abs()
    )
}
