//! The way to the server: TLS with certificates of the user's choice, and proxies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use wasibuild_binary_cache::{Compression, Proxy};

use crate::support::nix::NixCache;
use crate::support::server::Server;
use crate::support::{Fixture, options, refused};

/// OpenSSL's own server; ends with the value.
struct TlsServer {
    child: Child,
    port: u16,
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // It may have ended by itself, which is no concern here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(directory: &Path, arguments: &str) -> Result<()> {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl {arguments}: {text}");
    Ok(())
}

impl TlsServer {
    /// Serves `directory`, with a certificate for 127.0.0.1 by the authority `ca.pem` in `keys`.
    fn start(directory: &Path, keys: &Path) -> Result<Self> {
        const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -x509";
        openssl(
            keys,
            &format!("req {KEY} -keyout ca.key -out ca.pem -subj /CN=authority"),
        )?;
        openssl(
            keys,
            &format!(
                "req {KEY} -keyout own.key -out own.pem -subj /CN=own -CA ca.pem -CAkey ca.key \
                 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
            ),
        )?;
        let mut child = Command::new("openssl")
            .args(["s_server", "-WWW", "-accept", "127.0.0.1:0", "-cert"])
            .arg(keys.join("own.pem"))
            .arg("-key")
            .arg(keys.join("own.key"))
            .current_dir(directory)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut lines = output.lines();
        let port = loop {
            let line = lines.next().context("openssl s_server ended")??;
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                let port = address.rsplit(':').next().unwrap_or_default();
                break port.parse().with_context(|| line.clone())?;
            }
        };
        // It blocks when nobody reads what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, port })
    }
}

#[test]
fn https_needs_a_certificate_by_a_known_authority() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    if Command::new("openssl").arg("version").output().is_err() {
        println!("SKIPPED: binary-cache: the program 'openssl' is not installed");
        return Ok(());
    }
    let keys = tempfile::tempdir()?;
    let server = TlsServer::start(&cache.directory, keys.path())?;
    let url = format!("https://127.0.0.1:{}", server.port);

    let mut known = options(&[&cache.public_key])?;
    known.ca_file = Some(keys.path().join("ca.pem"));
    let fixture = Fixture::new(std::slice::from_ref(&url), known)?;
    let nar = fixture.get(&cache.leaf).map_err(anyhow::Error::msg);
    ensure!(nar? == cache.dump(&cache.leaf)?, "another NAR");

    let fixture = Fixture::new(&[url], options(&[&cache.public_key])?)?;
    refused(
        fixture.get(&cache.leaf),
        &["cannot download", "attempts: 1", "certificate"],
    )
}

/// A proxy that understands `CONNECT`; gives the first line of each request.
fn tunnel() -> Result<(String, Arc<Mutex<Vec<String>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = seen.clone();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let lines = lines.clone();
            std::thread::spawn(move || forward(client, &lines));
        }
    });
    Ok((url, seen))
}

fn forward(client: TcpStream, lines: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("-");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    lines.lock().unwrap().push(first.trim().to_owned());
    let target = first.split(' ').nth(1).unwrap_or_default();
    let server = TcpStream::connect(target)?;
    let mut client = client;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let mut rest: Box<dyn Read> = Box::new(reader);
    let mut server = server;
    std::io::copy(&mut rest, &mut server).map(drop)
}

#[test]
fn a_proxy_carries_everything() -> Result<()> {
    let Some(cache) = NixCache::get(Compression::Xz)? else {
        return Ok(());
    };
    let server = Server::start(&cache.directory)?;
    let (proxy, seen) = tunnel()?;
    let mut through = options(&[&cache.public_key])?;
    through.proxy = Proxy::Url(proxy);
    let fixture = Fixture::new(&[server.url()], through)?;
    assert_eq!(fixture.get(&cache.leaf), Ok(cache.dump(&cache.leaf)?));
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty());
    let expected = format!("CONNECT {} HTTP/1.1", server.url().replace("http://", ""));
    assert!(seen.iter().all(|line| *line == expected), "{seen:?}");
    Ok(())
}

#[test]
fn a_proxy_address_without_sense_is_refused_at_once() -> Result<()> {
    let mut through = options(&[])?;
    through.proxy = Proxy::Url("gopher://me:s3cret@h".into());
    let error = Fixture::new(&[], through)
        .err()
        .map(|error| error.to_string());
    let error = error.unwrap_or_default();
    assert!(
        error.contains("proxy setting 'gopher://h' is not valid"),
        "{error}"
    );
    Ok(())
}
