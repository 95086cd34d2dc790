//! Times and their table.
//!
//! Contract: the sides of a comparison run in turns, so that a slow moment of the machine hits all
//! of them; the median counts.

use std::time::Duration;

use anyhow::Result;

/// One way to do a job: does it once, and says how long it took without the preparations.
pub type Side<'a> = Box<dyn FnMut() -> Result<Duration> + 'a>;

/// The median time of each side over `samples` turns, after one that does not count when there is
/// more than one.
///
/// # Errors
/// Those of the sides.
pub fn medians(samples: usize, sides: &mut [Side<'_>]) -> Result<Vec<Duration>> {
    let mut times = vec![Vec::new(); sides.len()];
    let warm_up = usize::from(samples > 1);
    for turn in 0..samples + warm_up {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let time = side()?;
            if turn >= warm_up {
                times.push(time);
            }
        }
    }
    Ok(times.into_iter().map(median).collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The job.
    pub job: String,
    /// wasibuild's time.
    pub ours: Duration,
    /// The native twin's, started as a process.
    pub native: Option<Duration>,
    /// That of GNU bash and coreutils.
    pub gnu: Option<Duration>,
    /// The same, each process tree in the namespaces of Nix's sandbox.
    pub sandboxed: Option<Duration>,
    /// Real Nix with bash and coreutils.
    pub nix: Option<Duration>,
    /// How many times faster than bash it has to be; 1 = than the native twin, where there is one.
    pub goal: f64,
}

/// How many times longer `other` takes.
pub fn ratio(other: Duration, ours: Duration) -> f64 {
    other.as_secs_f64() / ours.as_secs_f64().max(1e-9)
}

impl Row {
    /// The row in Markdown.
    pub fn line(&self) -> String {
        let side = |time: Option<Duration>| {
            time.map_or_else(
                || "—".to_owned(),
                |time| format!("{:.2} ×", ratio(time, self.ours)),
            )
        };
        let judged = if self.goal > 1.0 {
            self.gnu
        } else {
            self.native.or(self.gnu)
        };
        let judged = judged.or(self.sandboxed);
        let met = judged.is_some_and(|time| ratio(time, self.ours) >= self.goal);
        format!(
            "| {} | {} | {} | {} | {} | {} | {} ×: {} |\n",
            self.job,
            human(self.ours),
            side(self.native),
            side(self.gnu),
            side(self.sandboxed),
            side(self.nix),
            self.goal,
            if met { "met" } else { "**missed**" },
        )
    }
}

/// The table in Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| Job | wasibuild | native twin takes | bash and coreutils take | in Nix's namespaces | under real Nix | goal |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text.push_str(&row.line());
    }
    text
}

/// Three digits and a unit.
pub fn human(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let digits = if value >= 100.0 { 0 } else { 1 };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_said() {
        let row = |gnu| Row {
            job: "job".to_owned(),
            ours: Duration::from_millis(2),
            native: None,
            gnu: Some(Duration::from_millis(gnu)),
            sandboxed: None,
            nix: None,
            goal: 50.0,
        };
        assert!(table(&[row(100)]).contains("| 2.0 ms | — | 50.00 × | — | — | 50 ×: met |"));
        assert!(table(&[row(99)]).contains("**missed**"));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let mut times = [5u64, 1, 9, 2, 3].into_iter();
        let mut sides: [Side<'_>; 1] = [Box::new(|| {
            Ok(Duration::from_secs(times.next().unwrap_or(100)))
        })];
        // The first turn does not count: 1, 9, 2, 3.
        assert_eq!(
            medians(4, &mut sides).expect("times"),
            [Duration::from_secs(3)]
        );
    }
}
