//! A builder for tests. Its variable `script` says what it does, one command a line.
//!
//! Words are separated by spaces; `$NAME` at the start of a word is a variable.

use std::fs::{self, File};
use std::io::{Read, Write};

fn word(word: &str) -> String {
    let Some(rest) = word.strip_prefix('$') else { return word.to_owned() };
    let (name, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{}{after}", std::env::var(name).unwrap_or_else(|_| panic!("no variable {name}")))
}

fn main() {
    let script = match std::env::var("script") {
        Ok(script) => script,
        Err(_) => fs::read_to_string("/build/.attrs.json").map(|json| script_of(&json)).unwrap_or_default(),
    };
    for line in script.lines() {
        let words: Vec<String> = line.split(' ').filter(|w| !w.is_empty()).map(word).collect();
        let rest = |from: usize| words.get(from..).unwrap_or_default().join(" ");
        match words.first().map(String::as_str) {
            None => {}
            Some("print") => println!("{}", rest(1)),
            Some("print-hex") => {
                let bytes: Vec<u8> = words[1..].iter().map(|w| u8::from_str_radix(w, 16).unwrap()).collect();
                std::io::stdout().write_all(&bytes).unwrap();
                std::io::stdout().flush().unwrap();
            }
            Some("write") => fs::write(&words[1], rest(2) + "\n").unwrap(),
            Some("mkdir") => fs::create_dir(&words[1]).unwrap(),
            Some("touch-name") => drop(File::create(format!("{}/{}", words[1], rest(2).replace("\\n", "\n"))).unwrap()),
            Some("cat") => print!("{}", fs::read_to_string(&words[1]).unwrap()),
            Some("copy") => fs::write(&words[2], fs::read(&words[1]).unwrap()).unwrap(),
            Some("environment") => {
                let mut file = File::create(&words[1]).unwrap();
                for (name, value) in std::env::vars() {
                    writeln!(file, "{name}={value}").unwrap();
                }
                writeln!(file, "args={:?}", std::env::args().skip(1).collect::<Vec<_>>()).unwrap();
                let mut names: Vec<_> = fs::read_dir("/build").unwrap().map(|e| e.unwrap().file_name()).collect();
                names.sort();
                for name in names {
                    let mut text = String::new();
                    File::open(std::path::Path::new("/build").join(&name)).unwrap().read_to_string(&mut text).unwrap();
                    writeln!(file, "== {}\n{text}", name.to_string_lossy()).unwrap();
                }
            }
            Some("megabytes") => {
                let mut file = File::create(&words[1]).unwrap();
                for _ in 0..words[2].parse::<u32>().unwrap() {
                    file.write_all(&[0x5a; 1 << 20]).unwrap();
                }
            }
            Some("spin") => loop {
                std::hint::black_box(0);
            },
            Some("chatter") => loop {
                println!("still here");
                for i in 0..50_000_000u32 {
                    std::hint::black_box(i);
                }
            },
            Some("exit") => std::process::exit(words[1].parse().unwrap()),
            Some(other) => panic!("unknown command {other}"),
        }
    }
}

/// The value of `"script"` in a JSON object, where only newlines are escaped.
fn script_of(json: &str) -> String {
    let start = json.find("\"script\":\"").map_or(json.len(), |at| at + 10);
    let rest = &json[start..];
    rest[..rest.find('"').unwrap_or(0)].replace("\\n", "\n")
}
