//! The seeds of each fuzz target, changed at random: a little of what the fuzzer does, on the compiler
//! of the other packages and in seconds. The changes are the same each time; `FUZZ_ROUNDS` and
//! `FUZZ_SEED` ask for more and for others.

use std::fs;
use std::path::Path;

use wasibuild_fuzz_targets::TARGETS;

/// Changed inputs of each target.
const ROUNDS: u64 = 400;

/// Pieces that mean something to one of the targets.
const PIECES: &[&str] = &[
    "$",
    "${",
    "}",
    "$((",
    "))",
    "$(",
    ")",
    "`",
    "'",
    "\"",
    "\\",
    "{a,b}",
    "{1..9}",
    "[",
    "]",
    "[[ ",
    " ]]",
    "*",
    "?",
    "@(",
    "!(",
    "+(",
    "|",
    "&&",
    ";",
    "\n",
    " ",
    "=",
    "+=",
    "a[",
    "a=(",
    "<<E\n",
    "E\n",
    "$'",
    "\\x",
    "%s",
    "%*d",
    "%(",
    "#",
    "##",
    "%%",
    "/",
    "//",
    "^^",
    ",,",
    "@Q",
    "@P",
    "@A",
    ":-",
    ":?",
    "!x",
    "1",
    "-9223372036854775808",
    "08",
    "2#",
    "64#",
    "**",
    "<<",
    "?1:",
    "++",
    "printf ",
    "declare -A ",
    "case x in ",
    "esac",
    "(",
    "{2,3}",
    "\\1",
    "[[:alpha:]]",
    "\u{e9}",
    "\0",
    "\u{7f}",
];

/// xorshift64*: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(value).unwrap_or(0) % end.max(1)
    }
}

fn change(input: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = (at + random.below(12)).min(input.len());
    match random.below(7) {
        0 => drop(input.drain(at..end)),
        1 => {
            let copy = input[at..end].to_vec();
            drop(input.splice(at..at, copy));
        }
        2 if at < input.len() => input[at] ^= 1 << random.below(8),
        3 => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len() + 1);
            let to = (from + random.below(40)).min(other.len());
            drop(input.splice(at..end, other[from..to].to_vec()));
        }
        _ => {
            let piece = PIECES[random.below(PIECES.len())];
            drop(input.splice(at..at, piece.bytes()));
        }
    }
    input.truncate(2000);
}

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => default,
    }
}

#[test]
fn changed_seeds_run_without_a_panic() {
    let mut random = Random(number("FUZZ_SEED", 1) | 1 << 40);
    let rounds = number("FUZZ_ROUNDS", ROUNDS);
    for (target, run) in TARGETS {
        let place = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("seeds")
            .join(target);
        let mut names: Vec<_> = fs::read_dir(&place)
            .expect("seeds")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        names.sort();
        let seeds: Vec<Vec<u8>> = names
            .iter()
            .map(|name| fs::read(name).expect("read"))
            .collect();
        let mut input = Vec::new();
        for round in 0..rounds {
            // Some changes on top of each other, then from a seed again.
            if round % 16 == 0 {
                input.clone_from(&seeds[random.below(seeds.len())]);
            }
            change(&mut input, &seeds, &mut random);
            let ran = std::panic::catch_unwind(|| run(&input));
            assert!(
                ran.is_ok(),
                "{target} fails on {:?}: keep it in {}",
                String::from_utf8_lossy(&input),
                place.display()
            );
        }
    }
}
