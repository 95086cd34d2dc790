//! What one small build through the daemon takes, step by step.
//!
//! Contract: a client of ours sends what Nix' stock client sends, on connections of its own, so that Nix' own
//! time is not in the figures.

use std::fs;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use wasibuild::embedded::BUILDERS;
use wasibuild_nix_compat::derivation::Derivation;
use wasibuild_nix_compat::store_path::StorePath;
use wasibuild_store::Store;
use wasibuild_worker_protocol::{
    BuildMode, BuildResult, BuildStatus, Message, Reader, Request, Version, Writer,
    client_handshake,
};

use super::side::Daemon;
use super::{Machine, steps::Step};
use crate::derivations;
use crate::measure::{Side, medians};

/// What Nix 2.34 speaks, and we.
const VERSION: Version = Version(38);

struct Client {
    reader: Reader<BufReader<UnixStream>>,
    writer: Writer<BufWriter<UnixStream>>,
}

impl Client {
    fn connect(socket: &Path) -> Result<Client> {
        let stream = UnixStream::connect(socket)?;
        let mut client = Client {
            reader: Reader::new(BufReader::new(stream.try_clone()?)),
            writer: Writer::new(BufWriter::new(stream)),
        };
        client_handshake(&mut client.reader, &mut client.writer, VERSION)?;
        client.messages()?;
        client.ask(&Request::SetOptions(Box::default()))?;
        Ok(client)
    }

    fn ask(&mut self, request: &Request) -> Result<()> {
        request.write(&mut self.writer)?;
        self.writer.get_mut().flush()?;
        self.messages()
    }

    fn messages(&mut self) -> Result<()> {
        loop {
            match Message::read(&mut self.reader)? {
                Message::Last => return Ok(()),
                Message::Error(error) => bail!("the daemon says: {}", error.message),
                _ => {}
            }
        }
    }

    fn build(&mut self, (path, derivation): &(StorePath, Derivation)) -> Result<BuildStatus> {
        let derivation = Box::new(derivation.clone());
        let path = path.clone();
        let mode = BuildMode::Normal;
        self.ask(&Request::BuildDerivation {
            path,
            derivation,
            mode,
        })?;
        Ok(BuildResult::read(&mut self.reader, VERSION)?.status)
    }
}

/// Measures everything.
///
/// # Errors
/// When a part fails.
pub fn steps(machine: &Machine, samples: usize) -> Result<Vec<Step>> {
    let daemon = Daemon::start(machine)?;
    let made = derivations(machine, &daemon.root, samples + 2)?;
    let mut made = made.iter();
    let first = made.next().context("a derivation")?;
    ensure!(Client::connect(&daemon.socket)?.build(first)? == BuildStatus::Built);
    let connect = || {
        let begin = Instant::now();
        drop(Client::connect(&daemon.socket)?);
        Ok(begin.elapsed())
    };
    let inputs = || {
        let mut client = Client::connect(&daemon.socket)?;
        let begin = Instant::now();
        client.ask(&Request::QueryValidPaths {
            paths: first.1.input_sources.clone(),
            substitute: false,
        })?;
        Ok(begin.elapsed())
    };
    let build = || {
        let next = made.next().context("enough derivations")?;
        let mut client = Client::connect(&daemon.socket)?;
        let begin = Instant::now();
        ensure!(client.build(next)? == BuildStatus::Built);
        Ok(begin.elapsed())
    };
    let again = || {
        let mut client = Client::connect(&daemon.socket)?;
        let begin = Instant::now();
        ensure!(client.build(first)? == BuildStatus::AlreadyValid);
        Ok(begin.elapsed())
    };
    let mut sides: [Side<'_>; 4] = [
        Box::new(connect),
        Box::new(inputs),
        Box::new(build),
        Box::new(again),
    ];
    let names = [
        "daemon: a connection, its greeting and options",
        "daemon: which inputs are valid",
        "daemon: a build, from the request to the answer",
        "daemon: the same when it is valid",
    ];
    Ok(names
        .into_iter()
        .zip(medians(samples, &mut sides)?)
        .collect())
}

/// Derivations in the form without input derivations; their builder is in the daemon's store.
fn derivations(
    machine: &Machine,
    root: &Path,
    count: usize,
) -> Result<Vec<(StorePath, Derivation)>> {
    let text = BUILDERS.iter().find(|builder| builder.name == "text");
    let folder = machine.fresh("drv")?;
    let module = folder.join("wasibuild-text.wasm");
    fs::write(&module, text.context("no builder 'text'")?.module)?;
    Store::open(root)?.add_path(&module)?;
    let mut all = Vec::new();
    for number in 0..count {
        let attributes = json!({ "text": format!("step {number}\n") });
        let name = format!("step-{number}");
        let made = derivations::write(&folder, "text", &name, attributes, &[], &[])?;
        let bytes = fs::read(folder.join(made.path.basename()))?;
        all.push((made.path, Derivation::from_aterm_bytes(&bytes)?));
    }
    Ok(all)
}
