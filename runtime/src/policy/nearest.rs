//! The known word that somebody may have meant.
//!
//! Contract: pure; the nearest by the number of inserted, removed, changed or exchanged characters
//! (Damerau's distance, each place at most once), none if all are far. Nix's counterpart is
//! `Suggestions` in `libutil/suggestions.cc`.

/// The nearest of the candidates, the first of them if several are.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody means a word by a text of this length, and the time is its square.
    if word.len() > 64 {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = distance(word, candidate);
        let far = distance > candidate.chars().count().div_ceil(3).max(2);
        if !far && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let before = rows.last().cloned().unwrap_or_default();
        for (j, to) in b.iter().enumerate() {
            let changed = before[j] + usize::from(from != to);
            let mut least = changed.min(before[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *to && b[j - 1] == *from {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last()
        .and_then(|row| row.last())
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let words = ["memory", "max-jobs", "cores", "shell.attempt"];
        for (slip, meant) in [
            ("memroy", Some("memory")),
            ("max_jobs", Some("max-jobs")),
            ("core", Some("cores")),
            ("shell.atempt", Some("shell.attempt")),
            ("something-else", None),
            ("", None),
        ] {
            assert_eq!(nearest(slip, words), meant, "{slip}");
        }
        assert_eq!(nearest(&"memory".repeat(100), words), None);
    }

    #[test]
    fn distances_are_counted() {
        for (a, b, wanted) in [
            ("", "", 0),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
            ("a", "", 1),
        ] {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
            assert_eq!(distance(b, a), wanted, "{b} {a}");
        }
    }
}
