//! The little languages of applets: nothing panics, and what is exact is exact.

use builder_applets::languages::{archived, date, expression, number, patched, printf};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_date(text in "[-+:/,.@ a-zT0-9]{0,40}", template in "(%[-_0^#+]?[0-9]{0,3}[EO:]{0,3}[!-~]?|x){0,8}") {
        let _ = date(text.as_bytes(), template.as_bytes());
    }

    #[test]
    fn dates_of_known_words(words in prop::collection::vec(
        prop::sample::select(vec![
            "2020-02-29", "jan", "1", "12:30", "pm", "monday", "next", "last", "month", "year", "ago",
            "99999999999", "-7", "+0530", "days", "utc", ",", "/", ":", "T", "9223372036854775807", "now",
        ]), 0..8)) {
        let _ = date(words.join(" ").as_bytes(), b"%c %N %G %V %U %z");
    }

    #[test]
    fn a_day_is_found_again(seconds in -62_135_596_800i64..253_402_300_800) {
        let text = date(format!("@{seconds}").as_bytes(), b"%Y-%m-%d %H:%M:%S");
        let text = text.expect("a date");
        let again = date(&text, b"%s").expect("a date");
        prop_assert_eq!(again, seconds.to_string().into_bytes());
    }

    #[test]
    fn any_expression(words in prop::collection::vec(
        "[-+*/%|&<>=()]|[<>!]=|length|index|substr|-?[0-9]{1,30}|[a-z]{0,3}", 0..12)) {
        let words: Vec<_> = words.into_iter().map(Into::into).collect();
        let _ = expression(&words);
    }

    #[test]
    fn sums(a in any::<i64>(), b in any::<i64>()) {
        let words = [a.to_string().into(), "+".into(), b.to_string().into()];
        let sum = i128::from(a) + i128::from(b);
        prop_assert_eq!(expression(&words).expect("a sum"), sum.to_string());
    }

    #[test]
    fn any_format(format in "(%[-+ #0']{0,3}[0-9*]{0,3}(\\.[0-9*]{0,3})?[a-zA-Z%]|\\\\[0-9a-zU]{0,4}|[ -~]){0,9}") {
        let _ = printf(format.as_bytes());
    }

    #[test]
    fn any_number(text in "[ -+]?[0-9]{0,25}(\\.[0-9]{0,25})?(e[-+]?[0-9]{1,5})?|0x[0-9a-f]{0,9}|[a-z]{3}", precision in any::<u8>()) {
        for letter in *b"efgEFG" {
            let _ = number(text.as_bytes(), letter, precision);
        }
    }

    #[test]
    fn numbers_agree_with_rust(value in any::<i32>(), precision in 0u8..12) {
        let text = value.to_string();
        let shown = number(text.as_bytes(), b'f', precision).expect("a number");
        let sign = if value < 0 { "-" } else { "" };
        let expected = format!("{:.*}", usize::from(precision), f64::from(value));
        prop_assert_eq!(format!("{sign}{shown}"), expected);
    }

    #[test]
    fn any_patch(
        head in "(--- a|\\*\\*\\* a)(\t19[67][09]-0?1-01.{0,9})?\n(\\+\\+\\+ b|--- b)\n",
        hunks in "(@@ -[0-9]{1,19}(,[0-3])? \\+[0-9]{1,3}(,[0-3])? @@.?\n([-+ \\\\ab] ?[ab]?\n){0,6}|\\*{15}\n\\*\\*\\* [0-9](,[0-9]{1,20})? \\*{4}\n([-+ !] [ab]\n){0,3}--- [0-9](,[0-9])? ----\n([-+ !] [ab]\n){0,3}|[0-9],?[0-9]?[acd][0-9]\n([<>] a\n|---\n){0,4}){0,4}",
        text in "([ab]?\n){0,12}a?") {
        let _ = patched(format!("{head}{hunks}").as_bytes(), text.as_bytes());
        let _ = patched(hunks.as_bytes(), text.as_bytes());
    }

    #[test]
    fn any_archive(blocks in prop::collection::vec(
        ("[a-z/]{1,9}", "[0-7]{1,11}", "[012567xgLK]", "([1-3][0-9] (path|size|mtime|linkpath)=[0-9a-z.-]{1,9}\n?){0,3}"), 0..5)) {
        let mut archive = Vec::new();
        for (name, size, kind, content) in blocks {
            let mut block = [0u8; 512];
            block[..name.len()].copy_from_slice(name.as_bytes());
            block[124..124 + size.len()].copy_from_slice(size.as_bytes());
            block[156] = kind.as_bytes()[0];
            block[257..265].copy_from_slice(b"ustar\x0000");
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
            block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
            archive.extend(block);
            archive.extend(content.as_bytes());
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        let _ = archived(&archive);
        archive.extend([0; 1024]);
        let _ = archived(&archive);
    }
}
