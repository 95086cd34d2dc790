//! Process 1 of a machine that lies: what the tests put in the place of the agent. Never shipped.
//!
//! Contract: a program of its own, with the standard library alone, compiled by the test. The file `/hostile`
//! says how it begins: `panic`, `hang`, `console`, `version`, `drip`, `garbage`, `long`; or `builds`, which
//! greets as it should and then treats each build as its name demands: `lie-WHAT`. It writes the protocol's
//! bytes itself (docs/vm.md), for the protocol's package would not let it lie.

use std::ffi::{CString, c_char, c_int, c_long, c_ulong, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::thread::sleep;
use std::time::Duration;

unsafe extern "C" {
    fn mount(
        a: *const c_char,
        b: *const c_char,
        c: *const c_char,
        d: c_ulong,
        e: *const c_void,
    ) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

const FINIT_MODULE: c_long = 313;
const HELLO: u8 = 65;
const LOG: u8 = 66;
const ENDED: u8 = 67;
const OUTPUT: u8 = 68;
const ARCHIVE: u8 = 69;
const OUTPUT_END: u8 = 70;
const FINISHED: u8 = 71;
const PONG: u8 = 72;

fn main() {
    let mode = fs::read_to_string("/hostile").unwrap_or_default();
    match mode.trim() {
        // The kernel panics when its process 1 ends.
        "panic" => return,
        "hang" => rest(),
        "console" => loop {
            println!("a line of a flood, \x1b[31mred, and no end to it");
        },
        _ => {}
    }
    prepare();
    let mut port = port();
    match mode.trim() {
        "version" => port.frame(HELLO, 0, &hello(7)),
        "drip" => {
            for byte in frame(HELLO, 0, &hello(2)) {
                port.bytes(&[byte]);
                sleep(Duration::from_secs(1));
            }
        }
        "garbage" => port.bytes(&[0x5a; 4096]),
        "long" => port.bytes(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, HELLO]),
        _ => {
            port.frame(HELLO, 0, &hello(2));
            serve(&mut port);
        }
    }
    rest();
}

fn rest() -> ! {
    loop {
        sleep(Duration::from_secs(3600));
    }
}

fn prepare() {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        fs::create_dir_all(place).expect("a directory");
        let (kind, place) = (
            CString::new(kind).expect("text"),
            CString::new(place).expect("text"),
        );
        unsafe {
            mount(
                kind.as_ptr(),
                place.as_ptr(),
                kind.as_ptr(),
                0,
                std::ptr::null(),
            )
        };
    }
    let mut modules: Vec<_> = fs::read_dir("/modules")
        .expect("modules")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    modules.sort();
    for module in modules {
        let file = File::open(module).expect("a module");
        unsafe { syscall(FINIT_MODULE, file.as_raw_fd(), c"".as_ptr(), 0) };
    }
}

struct Port(File);

fn port() -> Port {
    loop {
        for entry in fs::read_dir("/sys/class/virtio-ports")
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            let device = std::path::Path::new("/dev").join(entry.file_name());
            if name.trim() == "wasibuild.control.1"
                && let Ok(file) = OpenOptions::new().read(true).write(true).open(device)
            {
                return Port(file);
            }
        }
        sleep(Duration::from_millis(5));
    }
}

impl Port {
    fn bytes(&mut self, bytes: &[u8]) {
        // Who lies must expect that nobody listens any more.
        let _ = self.0.write_all(bytes);
    }

    fn frame(&mut self, kind: u8, build: u32, content: &[u8]) {
        self.bytes(&frame(kind, build, content));
    }

    fn ended_well(&mut self, build: u32) {
        self.frame(ENDED, build, &[0; 16]);
    }

    /// A builder that failed, and left this.
    fn left(&mut self, build: u32, name: &str, archive: &[u8]) {
        let mut status = [0; 16];
        status[8] = 9;
        self.frame(ENDED, build, &status);
        self.output(build, name, archive);
    }

    /// An output with such an archive.
    fn output(&mut self, build: u32, name: &str, archive: &[u8]) {
        self.frame(OUTPUT, build, &string(name));
        for piece in archive.chunks(60_000) {
            self.frame(ARCHIVE, build, piece);
        }
        self.frame(OUTPUT_END, build, &[]);
    }

    fn read(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let mut filled = 0;
        while filled < size {
            match self.0.read(&mut bytes[filled..]) {
                // Until the host's side is open, the port answers with an end.
                Ok(0) => sleep(Duration::from_millis(2)),
                Ok(count) => filled += count,
                Err(error) => panic!("the port: {error}"),
            }
        }
        bytes
    }
}

fn frame(kind: u8, build: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u32).to_le_bytes().to_vec();
    bytes.extend(build.to_le_bytes());
    bytes.push(kind);
    bytes.extend(content);
    bytes
}

fn string(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

fn hello(version: u64) -> Vec<u8> {
    let mut bytes = version.to_le_bytes().to_vec();
    bytes.extend(string("6.1.0-hostile"));
    for number in [1_u64, 1 << 30, 0, 5] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

fn serve(port: &mut Port) {
    let mut mute = false;
    loop {
        let head = port.read(9);
        let length = u32::from_le_bytes(head[..4].try_into().expect("four"));
        let build = u32::from_le_bytes(head[4..8].try_into().expect("four"));
        let content = port.read(length as usize);
        match head[8] {
            2 => {
                let text = String::from_utf8_lossy(&content);
                let (_, lie) = text.split_once("lie-").expect("a lie");
                let lie: String = lie
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                mute = lie == "mute";
                tell(port, build, &lie);
            }
            3 if !mute => port.frame(FINISHED, build, &[]),
            5 if !mute => port.frame(PONG, build, &[]),
            6 => std::process::exit(0),
            _ => {}
        }
    }
}

fn tell(port: &mut Port, build: u32, lie: &str) {
    let mut finished = true;
    match lie {
        "words" => {
            let mut words = 4_u64.to_le_bytes().to_vec();
            words.extend(string("cannot \x1b[31mdo\x07 it"));
            port.frame(ENDED, build, &words);
        }
        "leftdots" => port.left(build, "build", &archive("dots")),
        "leftother" => port.left(build, "other", &nar(&file("x", 1))),
        "leftcut" => port.left(build, "build", &archive("cut")),
        "lefttwice" => {
            port.left(build, "build", &nar(&file("x", 1)));
            port.output(build, "build", &nar(&file("y", 1)));
        }
        "lefthuge" => port.left(build, "build", &archive("huge")),
        "leftlog" => {
            port.left(build, "build", &nar(&file("x", 1)));
            port.frame(LOG, build, b"more");
        }
        "nothing" => port.ended_well(build),
        "early" => {}
        "unasked" => {
            port.ended_well(build);
            port.output(build, "other", &nar(&file("x", 1)));
        }
        "twice" => {
            port.ended_well(build);
            port.output(build, "out", &nar(&file("x", 1)));
            port.output(build, "out", &nar(&file("x", 1)));
        }
        "stranger" => port.frame(LOG, build.wrapping_add(77), b"I am another build"),
        "unknown" => port.frame(200, build, b""),
        "side" => port.frame(2, build, b""),
        "long" => port.bytes(&[0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, LOG]),
        "mute" => finished = false,
        "wait" => finished = false,
        "deaf" => rest(),
        "power" => std::process::exit(0),
        _ => {
            port.ended_well(build);
            port.output(build, "out", &archive(lie));
        }
    }
    if finished {
        port.frame(FINISHED, build, &[]);
    }
}

/// A string of an archive.
fn word(text: &str) -> Vec<u8> {
    let mut bytes = string(text);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn words(all: &[&str]) -> Vec<u8> {
    all.iter().flat_map(|one| word(one)).collect()
}

/// A file that announces a length.
fn file(content: &str, length: u64) -> Vec<u8> {
    let mut bytes = words(&["(", "type", "regular", "contents"]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(content.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(word(")"));
    bytes
}

fn directory(names: &[&str]) -> Vec<u8> {
    let mut bytes = words(&["(", "type", "directory"]);
    for name in names {
        bytes.extend(words(&["entry", "(", "name", name, "node"]));
        bytes.extend(file("x", 1));
        bytes.extend(word(")"));
    }
    bytes.extend(word(")"));
    bytes
}

fn nar(node: &[u8]) -> Vec<u8> {
    [word("nix-archive-1"), node.to_vec()].concat()
}

fn archive(lie: &str) -> Vec<u8> {
    match lie {
        "dots" => nar(&directory(&[".."])),
        "dot" => nar(&directory(&["."])),
        "slash" => nar(&directory(&["a/b"])),
        "empty" => nar(&directory(&[""])),
        "unsorted" => nar(&directory(&["b", "a"])),
        "same" => nar(&directory(&["a", "a"])),
        "device" => nar(&words(&[
            "(", "type", "device", "major", "8", "minor", "0", ")",
        ])),
        "tenfold" => nar(&file(&"x".repeat(10_000), 1000)),
        "huge" => nar(&file("x", 1 << 62)),
        "cut" => nar(&file(&"x".repeat(1000), 1_000_000)),
        "trailing" => [nar(&file("x", 1)), word("more")].concat(),
        "noise" => vec![0xa5; 100_000],
        "deep" => {
            let mut bytes = word("nix-archive-1");
            for _ in 0..20_000 {
                bytes.extend(words(&[
                    "(",
                    "type",
                    "directory",
                    "entry",
                    "(",
                    "name",
                    "d",
                    "node",
                ]));
            }
            bytes
        }
        other => panic!("no lie: {other}"),
    }
}
