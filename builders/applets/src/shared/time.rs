//! Times in UTC taken apart, and `strftime` in the C locale.
//!
//! Counterpart: glibc's `gmtime` and `strftime`.

use super::calendar::{self, DAYS, MONTHS, days};

/// Year, month from 0, day, hour, minute, second, day of the week, day of the year.
pub fn broken_down(seconds: i64) -> [i64; 8] {
    let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = calendar::date(day);
    [
        year,
        month - 1,
        date,
        rest / 3600,
        rest % 3600 / 60,
        rest % 60,
        (day + 4).rem_euclid(7),
        day - days(year, 1, 1),
    ]
}

/// Year, month from 1, day, hour, minute, second.
pub fn date(seconds: i64) -> [i64; 6] {
    let [year, month, day, hour, minute, second, ..] = broken_down(seconds);
    [year, month + 1, day, hour, minute, second]
}

/// The time in a format. The error is a conversion that is not known.
pub fn strftime(format: &str, broken: &[i64; 8]) -> Result<String, char> {
    let [year, month, day, hour, minute, second, week_day, year_day] = *broken;
    let name = |names: &[&'static str], at: i64| {
        let at = usize::try_from(at).ok();
        at.and_then(|at| names.get(at).copied()).unwrap_or("?")
    };
    let short = |name: &str| name.get(..3).unwrap_or(name).to_owned();
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "AM" } else { "PM" };
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let letter = letters.next().unwrap_or(' ');
        out.push_str(&match letter {
            'Y' => format!("{year}"),
            'C' => format!("{:02}", year.div_euclid(100)),
            'y' => format!("{:02}", year.rem_euclid(100)),
            'm' => format!("{:02}", month + 1),
            'd' => format!("{day:02}"),
            'e' => format!("{day:2}"),
            'H' => format!("{hour:02}"),
            'I' => format!("{twelve:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'p' => half.to_owned(),
            'j' => format!("{:03}", year_day + 1),
            'u' => format!("{}", if week_day == 0 { 7 } else { week_day }),
            'w' => format!("{week_day}"),
            'F' => format!("{year}-{:02}-{day:02}", month + 1),
            'D' | 'x' => format!("{:02}/{day:02}/{:02}", month + 1, year.rem_euclid(100)),
            'T' | 'X' => format!("{hour:02}:{minute:02}:{second:02}"),
            'R' => format!("{hour:02}:{minute:02}"),
            'r' => format!("{twelve:02}:{minute:02}:{second:02} {half}"),
            'c' => format!(
                "{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}",
                short(name(&DAYS, week_day)),
                short(name(&MONTHS, month))
            ),
            's' => format!(
                "{}",
                days(year, month + 1, day) * 86_400 + hour * 3600 + minute * 60 + second
            ),
            'Z' => "UTC".to_owned(),
            'z' => "+0000".to_owned(),
            'A' => name(&DAYS, week_day).to_owned(),
            'a' => short(name(&DAYS, week_day)),
            'B' => name(&MONTHS, month).to_owned(),
            'b' | 'h' => short(name(&MONTHS, month)),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            other => return Err(other),
        });
    }
    Ok(out)
}
