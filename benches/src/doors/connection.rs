//! What one small build through the daemon takes, step by step.
//!
//! Contract: a client of ours sends what Nix' stock client sends, on connections of its own, so that Nix' own
//! time is not in the figures.

use std::cell::RefCell;
use std::fs;
use std::io::{BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;
use std::vec;

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
use super::{Machine, steps::NamedSide};
use crate::derivations;
use crate::measure::Side;

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

    fn build(&mut self, (path, derivation): &Made) -> Result<BuildStatus> {
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

/// A daemon that runs, and what it is to build.
pub struct Served {
    daemon: Daemon,
    first: Made,
    /// One for each turn.
    next: RefCell<vec::IntoIter<Made>>,
}

/// A derivation and its path.
type Made = (StorePath, Derivation);

impl Served {
    /// Starts it, with derivations for so many turns.
    ///
    /// # Errors
    /// When it does not build.
    pub fn start(machine: &Machine, samples: usize) -> Result<Served> {
        let daemon = Daemon::start(machine)?;
        let mut made = derivations(machine, &daemon.root, samples + 2)?.into_iter();
        let first = made.next().context("a derivation")?;
        ensure!(Client::connect(&daemon.socket)?.build(&first)? == BuildStatus::Built);
        Ok(Served {
            daemon,
            first,
            next: RefCell::new(made),
        })
    }

    /// The steps of one build.
    pub fn sides(&self) -> Vec<NamedSide<'_>> {
        let connected = || Client::connect(&self.daemon.socket);
        let connect = move || {
            let begin = Instant::now();
            drop(connected()?);
            Ok(begin.elapsed())
        };
        let inputs = move || {
            let mut client = connected()?;
            let begin = Instant::now();
            client.ask(&Request::QueryValidPaths {
                paths: self.first.1.input_sources.clone(),
                substitute: false,
            })?;
            Ok(begin.elapsed())
        };
        let build = move || {
            let next = self.next.borrow_mut().next();
            let next = next.context("enough derivations")?;
            let mut client = connected()?;
            let begin = Instant::now();
            ensure!(client.build(&next)? == BuildStatus::Built);
            Ok(begin.elapsed())
        };
        let again = move || {
            let mut client = connected()?;
            let begin = Instant::now();
            ensure!(client.build(&self.first)? == BuildStatus::AlreadyValid);
            Ok(begin.elapsed())
        };
        vec![
            (
                "daemon: a connection, its greeting and options",
                Box::new(connect) as Side<'_>,
            ),
            ("daemon: which inputs are valid", Box::new(inputs)),
            (
                "daemon: a build, from the request to the answer",
                Box::new(build),
            ),
            ("daemon: the same when it is valid", Box::new(again)),
        ]
    }
}

/// Derivations in the form without input derivations; their builder is in the daemon's store.
fn derivations(machine: &Machine, root: &Path, count: usize) -> Result<Vec<Made>> {
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
