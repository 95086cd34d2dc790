//! jq.
//!
//! Contract: what jq 1.6, 1.7 and 1.8 agree on, byte for byte; where they differ, and for modules,
//! streaming and colours, the run is refused. So are programs that do not parse and input that is
//! no JSON: their messages differ.
//!
//! Counterpart: jq's `main.c`.

mod ast;
mod bindings;
mod builtins;
mod dates;
mod eval;
mod flow;
mod formats;
mod json;
mod lexer;
mod matching;
mod native;
mod number;
mod operators;
mod parser;
mod paths;
mod prelude;
mod settings;
mod value;
mod write;

use crate::shared::io::Source;
use crate::shared::{io, process, program};
use bstr::{BString, ByteSlice};
use eval::{Item, Machine, Stop};
use settings::{Settings, Wanted};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use value::{Map, Value};

pub(crate) use settings::OPTIONS;

/// Runs the process as `jq`.
pub fn main() -> ! {
    let words = program::start();
    let settings = settings::read(words);
    let status = run(settings);
    program::exit(status)
}

fn text(bytes: Vec<u8>, what: &str) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => program::refuse(&format!("{what} is not UTF-8")),
    }
}

/// The contents of a file of the command line; without it jq ends with status 2.
fn file(path: &[u8], name: &[u8], option: &str) -> Vec<u8> {
    match Source::open(path).and_then(|source| source.read_to_end()) {
        Ok(bytes) => bytes,
        Err(number) => {
            let path = path.as_bstr();
            let text = crate::shared::errno::text(number);
            program::refuse(&format!(
                "--{option} {name} {path}: {text}",
                name = name.as_bstr()
            ))
        }
    }
}

fn environment() -> Value {
    let mut map = Map::default();
    for word in process::environment() {
        let word = text(word.into(), "the environment");
        if let Some((name, value)) = word.split_once('=') {
            map.insert(name.into(), Value::text(value));
        }
    }
    Value::object(map)
}

fn globals(settings: &Settings) -> BTreeMap<String, Value> {
    let mut named = Map::default();
    for (wanted, name, value) in &settings.named {
        let name = text(name.to_vec(), "a name");
        let json = |text: &str| match json::one(text) {
            Ok(value) => value,
            Err(error) => program::refuse(&format!("--argjson {name}: {error}")),
        };
        let value = match wanted {
            Wanted::Text => Value::text(text(value.to_vec(), "an argument")),
            Wanted::Json => json(&text(value.to_vec(), "an argument")),
            Wanted::RawFile => {
                let bytes = file(value, name.as_bytes(), "rawfile");
                Value::text(text(bytes, "a file"))
            }
            Wanted::SlurpFile => {
                let content = text(file(value, name.as_bytes(), "slurpfile"), "a file");
                let mut reader = json::Reader::new(&content);
                let mut all = Vec::new();
                loop {
                    match reader.next() {
                        Ok(Some(value)) => all.push(value),
                        Ok(None) => break Value::array(all),
                        Err(error) => program::refuse(&format!("--slurpfile {name}: {error}")),
                    }
                }
            }
        };
        // The first of several with one name wins.
        named.entry(name.into()).or_insert(value);
    }
    let mut positional = Vec::new();
    for (is_json, word) in &settings.positional {
        let word = text(word.to_vec(), "an argument");
        positional.push(if *is_json {
            match json::one(&word) {
                Ok(value) => value,
                Err(error) => program::refuse(&format!("--jsonargs: {error}")),
            }
        } else {
            Value::text(word)
        });
    }
    let mut globals = BTreeMap::new();
    for (name, value) in &named {
        globals.insert(name.to_string(), value.clone());
    }
    let mut arguments = Map::default();
    arguments.insert("positional".into(), Value::array(positional));
    arguments.insert("named".into(), Value::object(named));
    globals.insert("ARGS".to_owned(), Value::object(arguments));
    globals.insert("ENV".to_owned(), environment());
    globals
}

/// What is read: all files as one text, and where each ends.
struct Input {
    text: Vec<u8>,
    ends: Vec<(usize, Value)>,
    failed: bool,
}

fn input(files: &[BString]) -> Input {
    let mut input = Input {
        text: Vec::new(),
        ends: Vec::new(),
        failed: false,
    };
    if files.is_empty() {
        match Source::Stdin.read_to_end() {
            Ok(bytes) => input.text = bytes,
            Err(number) => program::refuse(crate::shared::errno::text(number)),
        }
        input.ends.push((input.text.len(), Value::Null));
    }
    for path in files {
        if path == "-" {
            program::refuse("a file with the name '-'");
        }
        match Source::open(path).and_then(|source| source.read_to_end()) {
            Ok(bytes) => input.text.extend(bytes),
            Err(number) => {
                let error = crate::shared::errno::text(number);
                program::complain(&[
                    b"error: Could not open file ",
                    path,
                    b": ",
                    error.as_bytes(),
                ]);
                input.failed = true;
            }
        }
        let name = text(path.to_vec(), "a file's name");
        input.ends.push((input.text.len(), Value::text(name)));
    }
    input
}

fn run(settings: Settings) -> u8 {
    let source = text(settings.program.to_vec(), "the program");
    let program = match parser::parse(&source) {
        Ok(program) => program,
        Err(error) => program::refuse(&format!("the program: {error}")),
    };
    let globals = globals(&settings);
    // `-n` reads only what `input` asks for.
    let asks = source.contains("input");
    let found = if settings.null && !asks {
        Input {
            text: Vec::new(),
            ends: Vec::new(),
            failed: false,
        }
    } else {
        input(&settings.files)
    };
    let mut status = if found.failed { 2 } else { 0 };
    let place = Rc::new(RefCell::new("<unknown>".to_owned()));
    let filename = Rc::new(RefCell::new(Value::Null));
    let inputs = values(&settings, found, place.clone(), filename.clone());
    let machine = Machine::new(globals, inputs, filename);
    let mut last = None;
    if settings.null {
        one(
            &machine,
            program,
            Value::Null,
            &settings,
            &place,
            &mut status,
            &mut last,
        );
    } else {
        loop {
            let next = {
                let mut inputs = machine.inputs.borrow_mut();
                inputs()
            };
            let Some(value) = next else { break };
            if !one(
                &machine,
                program,
                value,
                &settings,
                &place,
                &mut status,
                &mut last,
            ) {
                break;
            }
        }
    }
    match (settings.by_value && status == 0, last) {
        (true, None) => 4,
        (true, Some(false)) => 1,
        _ => status,
    }
}

/// The values that are read, one by one.
fn values(
    settings: &Settings,
    input: Input,
    place: Rc<RefCell<String>>,
    filename: Rc<RefCell<Value>>,
) -> eval::Inputs {
    let content = text(input.text, "the input");
    let content: &'static str = Box::leak(content.into_boxed_str());
    let stdin = settings.files.is_empty();
    let ends = input.ends;
    let tell = move |at: usize| {
        let file = ends.iter().find(|(end, _)| at <= *end).or(ends.last());
        if let Some((_, name)) = file {
            *filename.borrow_mut() = name.clone();
        }
        // jq reads line by line, and counts a line when it is read.
        let read = content.as_bytes().get(..at).unwrap_or_default();
        let rest = content.as_bytes().get(at..).unwrap_or_default();
        let ended = read.last() == Some(&b'\n') || !rest.contains(&b'\n');
        let lines = memchr::memchr_iter(b'\n', read).count() + usize::from(!ended);
        let name = if stdin {
            "<stdin>".to_owned()
        } else {
            file.map_or(String::new(), |(_, name)| formats::text(name))
        };
        *place.borrow_mut() = format!("{name}:{lines}");
    };
    if settings.raw_input {
        let slurp = settings.slurp;
        let mut at = 0;
        let mut done = false;
        return Box::new(move || {
            if slurp {
                tell(content.len());
                return (!std::mem::replace(&mut done, true)).then(|| Value::text(content));
            }
            let rest = content.get(at..).filter(|rest| !rest.is_empty())?;
            let (line, used) = match rest.split_once('\n') {
                Some((line, _)) => (line, line.len() + 1),
                None => (rest, rest.len()),
            };
            at += used;
            tell(at);
            Some(Value::text(line))
        });
    }
    let mut reader = json::Reader::new(content);
    let next = move || match reader.next() {
        Ok(value) => {
            tell(reader.place());
            value
        }
        Err(error) => program::refuse(&error),
    };
    if !settings.slurp {
        return Box::new(next);
    }
    let mut next = Some(next);
    Box::new(move || {
        let mut next = next.take()?;
        let mut all = Vec::new();
        while let Some(value) = next() {
            all.push(value);
        }
        Some(Value::array(all))
    })
}

/// Runs the program on one value. False: it halts.
fn one(
    machine: &Machine,
    part: ast::Part,
    value: Value,
    settings: &Settings,
    place: &RefCell<String>,
    status: &mut u8,
    last: &mut Option<bool>,
) -> bool {
    let flow = machine.run(part, &None, Item::plain(value), &mut |item| {
        let mut out = String::new();
        match &item.value {
            Value::String(text) if settings.raw && !(settings.style.ascii) => out.push_str(text),
            Value::String(_) if settings.raw => {
                program::refuse("-r with -a, of which versions of jq differ")
            }
            value => write::write(value, &settings.style, &mut out),
        }
        if !settings.join {
            out.push('\n');
        }
        io::put(out.as_bytes());
        *last = Some(item.value.is_true());
        Ok(())
    });
    match flow {
        Ok(()) => true,
        Err(Stop::Halt(code)) => {
            *status = code;
            if code == 0 && settings.by_value {
                program::refuse("'halt' with -e");
            }
            false
        }
        Err(Stop::Break(_)) => program::refuse("'break' without its label"),
        Err(Stop::Error(Value::Null, _)) => {
            program::refuse("'error(null)', of which versions of jq differ")
        }
        Err(Stop::Error(error, _)) => {
            let place = place.borrow();
            let line = match &error {
                Value::String(text) => format!("error (at {place}): {text}"),
                other => format!(
                    "error (at {place}) (not a string): {}",
                    write::compact(other)
                ),
            };
            program::complain(&[line.as_bytes()]);
            *status = 5;
            true
        }
    }
}
