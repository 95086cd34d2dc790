//! A small HTTP server on loopback that can misbehave.
//!
//! Contract: serves a directory's files with ranges and keep-alive, as caches do; a [`Rule`]
//! changes what happens to the next requests whose path contains a text. All requests are kept for
//! the test to look at. Everything ends when the server is dropped.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

/// One way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and no body.
    Status(u16),
    /// Answers with 429 and `Retry-After`, in seconds.
    RetryAfter(u64),
    /// Announces everything, sends this many bytes of the body and closes.
    DropAfter(usize),
    /// Announces everything, sends this many bytes and then nothing until the server ends.
    StallAfter(usize),
    /// Sends the whole file with status 200 whatever is asked.
    IgnoreRange,
    /// Sends a range that begins this many bytes too late.
    ShiftRange(u64),
    /// Sends these bytes in place of the file.
    Replace(Vec<u8>),
    /// Announces a body that much longer (or shorter) than it is, and closes after it.
    Length(i64),
    /// Announces no length: the body ends with the connection.
    NoLength,
    /// Uses chunked transfer.
    Chunked,
    /// Sends the body in pieces of this size, flushing each.
    Pieces(usize),
    /// Adds a header line.
    Header(String),
    /// Refuses without this `Authorization`.
    Authorization(String),
}

struct Rule {
    path: String,
    fault: Fault,
    left: usize,
}

/// What a client asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    requests: Mutex<Vec<Request>>,
    connections: Mutex<Vec<TcpStream>>,
    ended: Mutex<bool>,
    wake: Condvar,
}

/// See the module.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub fn start(directory: impl Into<PathBuf>) -> std::io::Result<Self> {
        let directory = Arc::new(directory.into());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let for_thread = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                if *for_thread.ended.lock().unwrap() {
                    break;
                }
                if let Ok(copy) = stream.try_clone() {
                    for_thread.connections.lock().unwrap().push(copy);
                }
                let (shared, directory) = (for_thread.clone(), directory.clone());
                std::thread::spawn(move || {
                    // A client that goes away is no concern of the server.
                    let _ = serve(&stream, &shared, &directory);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, shared })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next `times` requests whose path contains `path` are served with `fault`.
    pub fn fault(&self, path: &str, fault: Fault, times: usize) -> &Self {
        self.shared.rules.lock().unwrap().push(Rule {
            path: path.to_owned(),
            fault,
            left: times,
        });
        self
    }

    /// What was asked so far for paths that contain `path`.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        let mut requests = requests.clone();
        requests.retain(|request| request.path.contains(path));
        requests
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap() = true;
        self.shared.wake.notify_all();
        for connection in self.shared.connections.lock().unwrap().iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, shared: &Shared, directory: &std::path::Path) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        shared.requests.lock().unwrap().push(request.clone());
        let faults = take_faults(shared, &request.path);
        if !answer(stream, shared, directory, &request, &faults)? {
            break;
        }
    }
    Ok(())
}

fn take_faults(shared: &Shared, path: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for rule in shared.rules.lock().unwrap().iter_mut() {
        if rule.left > 0 && path.contains(&rule.path) {
            rule.left -= 1;
            faults.push(rule.fault.clone());
        }
    }
    faults
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((key, value)) = line.trim_end().split_once(':') else {
            return Ok(Some(Request { path, headers }));
        };
        headers.push((key.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Whether the connection stays open.
fn answer(
    mut stream: &TcpStream,
    shared: &Shared,
    directory: &std::path::Path,
    request: &Request,
    faults: &[Fault],
) -> std::io::Result<bool> {
    let name = request.path.split('?').next().unwrap_or("");
    let file = std::fs::read(directory.join(name.trim_start_matches('/')));
    let mut status = if file.is_ok() { 200 } else { 404 };
    let mut body = file.unwrap_or_default();
    let mut head = String::new();
    let mut offset = request
        .header("range")
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        })
        .unwrap_or(0_usize);
    let mut shift = 0;
    for fault in faults {
        match fault {
            Fault::Status(code) => status = *code,
            Fault::RetryAfter(seconds) => {
                status = 429;
                head.push_str(&format!("Retry-After: {seconds}\r\n"));
            }
            Fault::IgnoreRange => offset = 0,
            Fault::ShiftRange(bytes) => shift = *bytes as usize,
            Fault::Replace(bytes) => {
                body.clone_from(bytes);
                status = 200;
            }
            Fault::Header(line) => head.push_str(&format!("{line}\r\n")),
            Fault::Authorization(value) if request.header("authorization") != Some(value) => {
                status = 401;
            }
            _ => {}
        }
    }
    if status == 200 && offset > 0 {
        status = if offset >= body.len() { 416 } else { 206 };
    }
    let total = body.len();
    match status {
        206 => {
            let first = offset + shift;
            head.push_str(&format!(
                "Content-Range: bytes {first}-{}/{total}\r\n",
                total - 1
            ));
            body.drain(..first);
        }
        200 => {}
        _ => body.clear(),
    }
    let mut announced = body.len() as i64;
    let mut sent = body.len();
    let (mut keep, mut stall, mut chunked, mut length) = (true, false, false, true);
    let mut piece = usize::MAX;
    for fault in faults {
        match fault {
            Fault::DropAfter(bytes) => (sent, keep) = (sent.min(*bytes), false),
            Fault::StallAfter(bytes) => (sent, keep, stall) = (sent.min(*bytes), false, true),
            Fault::Length(more) => (announced, keep) = (announced + more, false),
            Fault::NoLength => (length, keep) = (false, false),
            Fault::Chunked => (length, chunked) = (false, true),
            Fault::Pieces(bytes) => piece = *bytes,
            _ => {}
        }
    }
    if length {
        head.push_str(&format!("Content-Length: {announced}\r\n"));
    }
    if chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    }
    if !keep {
        head.push_str("Connection: close\r\n");
    }
    stream.write_all(format!("HTTP/1.1 {status} X\r\n{head}\r\n").as_bytes())?;
    for part in body[..sent].chunks(piece.min(1 << 16)) {
        if chunked {
            write!(stream, "{:x}\r\n", part.len())?;
        }
        stream.write_all(part)?;
        if chunked {
            stream.write_all(b"\r\n")?;
        }
        stream.flush()?;
    }
    if chunked && keep {
        stream.write_all(b"0\r\n\r\n")?;
    }
    if stall {
        let ended = shared.ended.lock().unwrap();
        drop(shared.wake.wait_while(ended, |ended| !*ended).unwrap());
    }
    Ok(keep)
}
