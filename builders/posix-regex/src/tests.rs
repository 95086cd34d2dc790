//! The language's corners by table, and against a naive matcher; glibc itself is the reference in
//! the tests of grep, sed and the shell.

use super::*;
use proptest::prelude::*;

const EXTENDED: Syntax = Syntax {
    extended: true,
    ignore_case: false,
    multiline: false,
    lenient: false,
    stray_close: true,
    utf8: false,
};

fn groups(pattern: &str, text: &str, syntax: Syntax) -> Option<Vec<Option<String>>> {
    let regex = Regex::new(pattern.as_bytes(), syntax).expect("a pattern");
    let found = regex
        .search(&mut Cache::default(), text.as_bytes(), 0)
        .expect("within the limits")?;
    let part = |(a, b)| text.get(a..b).map(str::to_owned);
    Some(found.into_iter().map(|span| span.and_then(part)).collect())
}

#[test]
fn the_longest_of_the_leftmost_wins() {
    let some = |text: &str| Some(text.to_owned());
    for (pattern, text, want) in [
        ("a|ab|abc", "xabcd", vec![some("abc")]),
        (
            "(a|ab)(c|bcd)",
            "abcd",
            vec![some("abcd"), some("a"), some("bcd")],
        ),
        ("(a*)(ab)*b*", "abb", vec![some("abb"), some("a"), None]),
        ("(a)|b", "b", vec![some("b"), None]),
        ("(a|b)*\\1", "abb", vec![some("abb"), some("b")]),
        ("x*", "aaa", vec![some("")]),
        ("(a{2}){2}", "aaaaa", vec![some("aaaa"), some("aa")]),
        ("()", "a", vec![some(""), some("")]),
        ("a)", "ba)", vec![some("a)")]),
    ] {
        assert_eq!(
            groups(pattern, text, EXTENDED),
            Some(want),
            "{pattern} on {text}"
        );
    }
}

#[test]
fn what_is_no_expression_has_glibcs_message() {
    for (pattern, message) in [
        ("a{1", "Unmatched \\{"),
        ("a{1x", "Invalid content of \\{\\}"),
        ("*a", "Invalid preceding regular expression"),
        ("a|*b", "Invalid preceding regular expression"),
        ("(a", "Unmatched ( or \\("),
        ("[a", "Unmatched [, [^, [:, [., or [="),
        ("[z-a]", "Invalid range end"),
        ("[a-c-e]", "Invalid range end"),
        ("[[:alpha:]-z]", "Invalid range end"),
        ("[[:word:]]", "Invalid character class name"),
        ("(a\\1)", "Invalid back reference"),
        ("a\\", "Trailing backslash"),
        ("a{32768}", "Regular expression too big"),
        ("((a{999}){999}){999}", "Regular expression too big"),
    ] {
        assert_eq!(
            Regex::new(pattern.as_bytes(), EXTENDED).err(),
            Some(message),
            "{pattern}"
        );
    }
}

#[test]
fn characters_of_utf8_count_as_one_and_stray_bytes_as_none() {
    let utf8 = Syntax {
        utf8: true,
        ..EXTENDED
    };
    let nocase = Syntax {
        ignore_case: true,
        ..utf8
    };
    let matches = |pattern: &str, text: &[u8], syntax| {
        Regex::new(pattern.as_bytes(), syntax)
            .expect("a pattern")
            .is_match(&mut Cache::default(), text)
            .expect("within the limits")
    };
    assert!(matches("^.$", "é".as_bytes(), utf8));
    assert!(!matches("^.$", "é".as_bytes(), EXTENDED));
    assert!(!matches(".", b"\xff", utf8));
    assert!(!matches("[^a]", b"\xc3", utf8));
    assert!(matches("^é{2}$", "éé".as_bytes(), utf8));
    assert!(matches("[àéü]\\>", "é!".as_bytes(), utf8));
    assert!(!matches("é\\Bé", "é é".as_bytes(), utf8));
    assert!(matches("É", "é".as_bytes(), nocase));
    assert!(matches("[É]", "é".as_bytes(), nocase));
    assert!(matches("(é)\\1", "Éé".as_bytes(), nocase));
    assert!(matches("[[:alpha:]]", "é".as_bytes(), utf8));
    assert!(!matches("[[:alpha:]]", "é".as_bytes(), EXTENDED));
}

#[test]
fn back_references_that_do_not_end_are_refused() {
    let regex = Regex::new(b"(a*)*(a*)*(a*)*(a*)*\\1\\2\\3\\4b", EXTENDED).expect("a pattern");
    let found = regex.is_match(&mut Cache::default(), &[b'a'; 200]);
    assert_eq!(found, Err(Limit::Steps));
}

/// All places where a match of the pattern `ab.()|*?` that starts at `at` can end: by definition,
/// without any of the automaton.
fn ends(pattern: &[u8], text: &[u8], at: usize) -> Vec<usize> {
    fn split(pattern: &[u8], by: u8) -> Option<(&[u8], &[u8])> {
        let mut depth = 0;
        for (i, c) in pattern.iter().enumerate() {
            if *c == by && depth == 0 {
                return Some((&pattern[..i], &pattern[i + 1..]));
            }
            depth += i32::from(*c == b'(') - i32::from(*c == b')');
        }
        None
    }
    if let Some((one, two)) = split(pattern, b'|') {
        return [ends(one, text, at), ends(two, text, at)].concat();
    }
    let Some(first) = pattern.first() else {
        return vec![at];
    };
    let len = match first {
        b'(' => 2 + split(&pattern[1..], b')').map_or(0, |(inner, _)| inner.len()),
        _ => 1,
    };
    let atom = |at: usize| match first {
        b'(' => ends(&pattern[1..len - 1], text, at),
        b'.' if at < text.len() => vec![at + 1],
        c if text.get(at) == Some(c) => vec![at + 1],
        _ => vec![],
    };
    let (mut reached, rest) = match pattern.get(len) {
        Some(b'*') => {
            let mut all = vec![at];
            let mut i = 0;
            while let Some(from) = all.get(i).copied() {
                let new: Vec<_> = atom(from)
                    .into_iter()
                    .filter(|e| !all.contains(e))
                    .collect();
                all.extend(new);
                i += 1;
            }
            (all, &pattern[len + 1..])
        }
        Some(b'?') => ([vec![at], atom(at)].concat(), &pattern[len + 1..]),
        _ => (atom(at), &pattern[len..]),
    };
    reached.sort_unstable();
    reached.dedup();
    reached
        .into_iter()
        .flat_map(|at| ends(rest, text, at))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn matches_are_those_of_the_definition(
        pattern in "([ab.][*?]?){0,3}(\\(([ab.][*?]?){0,2}\\|?[ab.]?\\)[*?]?)?([ab.][*?]?){0,2}(\\|[ab]*)?".prop_filter("a repetition needs something before it", |p| !p.contains("|*") && !p.contains("(*")),
        text in "[abc]{0,8}",
    ) {
        let Ok(regex) = Regex::new(pattern.as_bytes(), EXTENDED) else { return Ok(()) };
        let found = regex.find(&mut Cache::default(), text.as_bytes(), 0).expect("within the limits");
        let want = (0..=text.len()).find_map(|start| {
            Some((start, ends(pattern.as_bytes(), text.as_bytes(), start).into_iter().max()?))
        });
        prop_assert_eq!(found, want, "{:?} on {:?}", pattern, text);
    }

    #[test]
    fn any_bytes_compile_or_do_not(pattern in proptest::collection::vec(any::<u8>(), 0..24), text in proptest::collection::vec(any::<u8>(), 0..24), bits in 0u8..64) {
        let bit = |n: u8| bits >> n & 1 == 1;
        let syntax = Syntax { extended: bit(0), ignore_case: bit(1), multiline: bit(2), lenient: bit(3), stray_close: bit(4), utf8: bit(5) };
        if let Ok(regex) = Regex::new(&pattern, syntax) {
            let mut cache = Cache::default();
            if let Ok(Some(found)) = regex.search(&mut cache, &text, 0) {
                prop_assert!(found.iter().flatten().all(|(a, b)| a <= b && *b <= text.len()));
            }
        }
    }
}
