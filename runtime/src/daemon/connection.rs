//! One client: the greeting, then a request and its answer, again and again.
//!
//! Contract: every request that can be read gets an answer or an error; one that cannot be read gets
//! an error and ends the connection, since where the next one begins is not known. Nix's counterpart
//! is `processConnection`.

use std::io::{BufReader, BufWriter, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use wasibuild_store::Store;
use wasibuild_worker_protocol::{
    BuildMode, ClientOptions, FramedReader, Message, ProtocolError, Reader, Request, Version,
    Writer, server_handshake, server_hello,
};

use super::answer::Answer;
use super::client_log::ClientLog;
use super::error::OperationError;
use super::{Server, Trust};
use crate::realise::Caches;
use crate::realise::error::chain;
use crate::realise::stop::Stop;

/// Who we say we are.
const NAME: &str = concat!("wasibuild-", env!("CARGO_PKG_VERSION"));

/// What comes from the client.
type Input = Reader<BufReader<Box<dyn Read + Send>>>;

/// A client and what is known of it.
pub(super) struct Connection<'s> {
    pub(super) server: &'s Server,
    pub(super) store: Arc<Store>,
    pub(super) trust: Trust,
    pub(super) log: Arc<ClientLog>,
    pub(super) caches: Caches,
    pub(super) options: ClientOptions,
    /// Tells when the client is gone.
    pub(super) watched: BorrowedFd<'s>,
    /// Is thrown when the server ends.
    pub(super) stop: &'s Stop,
}

/// Serves one client until it leaves or says something that makes no sense.
pub(super) fn serve(
    server: &Server,
    input: Box<dyn Read + Send>,
    output: Box<dyn Write + Send>,
    watched: BorrowedFd<'_>,
    trust: Trust,
    stop: &Stop,
) {
    let mut input = Reader::new(BufReader::with_capacity(64 << 10, input));
    let mut output = Writer::new(BufWriter::with_capacity(64 << 10, output));
    let version = match greet(&mut input, &mut output, trust) {
        Ok(version) => version,
        Err(error) => return tell(&mut output, &error),
    };
    let log = Arc::new(ClientLog::new(output));
    let store = match server.open_store() {
        Ok(store) => store,
        Err(error) => {
            let _ = log.end(&Message::error(chain(&error)), |_| Ok(()));
            return;
        }
    };
    if log.end(&Message::Last, |_| Ok(())).is_err() {
        return;
    }
    let config = &server.config;
    let keys = config.trusted_public_keys.iter().map(ToString::to_string);
    let caches = Caches::new(
        config.substituters.clone(),
        keys.collect(),
        log.clone(),
        stop.clone(),
    );
    let mut connection = Connection {
        server,
        store,
        trust,
        log,
        caches,
        options: ClientOptions::default(),
        watched,
        stop,
    };
    connection.answer_all(&mut input, version);
}

fn greet<R: Read, W: Write>(
    input: &mut Reader<R>,
    output: &mut Writer<W>,
    trust: Trust,
) -> Result<Version, ProtocolError> {
    let negotiated = server_handshake(input, output)?;
    server_hello(output, negotiated.version, NAME, trust == Trust::Trusted)?;
    Ok(negotiated.version)
}

/// Tells a client that does not speak our language why the connection ends.
fn tell<W: Write>(output: &mut Writer<W>, error: &ProtocolError) {
    if matches!(error, ProtocolError::TooOld { .. }) {
        let _ = Message::error(error.to_string()).write(output);
        let _ = output.get_mut().flush();
    }
    tracing::debug!(%error, "a client could not be greeted");
}

impl Connection<'_> {
    fn answer_all(&mut self, input: &mut Input, version: Version) {
        while !self.stop.is_stopped() {
            let request = match Request::read(input) {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(%error, "a request could not be read");
                    let _ = self.log.end(&Message::error(chain(&error)), |_| Ok(()));
                    return;
                }
            };
            self.log.begin();
            let sent = match self.perform(request, input) {
                Ok(answer) => {
                    let store = &self.store;
                    let write = |output: &mut _| answer.write(output, version, store);
                    self.log.end(&Message::Last, write)
                }
                Err(OperationError::Refused(text)) => {
                    self.log.end(&Message::error(text), |_| Ok(()))
                }
                Err(OperationError::Connection(error)) => Err(error),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "a connection failed");
                return;
            }
        }
    }

    fn perform(&mut self, request: Request, input: &mut Input) -> Result<Answer, OperationError> {
        if request.operation().is_followed_by_a_stream() {
            let mut stream = FramedReader::new(input);
            let result = self.add(request, &mut stream);
            // Whatever went wrong, the next request begins after the stream.
            stream.finish()?;
            return result;
        }
        match request {
            Request::SetOptions(options) => {
                self.options = *options;
                Ok(Answer::Nothing)
            }
            Request::BuildPaths { targets, mode } => self.build_paths(targets, mode),
            Request::BuildPathsWithResults { targets, mode } => {
                Ok(Answer::Results(self.build_targets(targets, mode)?))
            }
            Request::BuildDerivation {
                path,
                derivation,
                mode,
            } => self.build_derivation(&path, *derivation, mode),
            Request::EnsurePath(path) => {
                self.ensure(&path)?;
                Ok(Answer::Number(1))
            }
            Request::QueryMissing(targets) => Ok(Answer::Missing(self.missing(targets)?)),
            other => self.query(other),
        }
    }

    /// Refuses what a build mode asks for and is not done here.
    pub(super) fn check_mode(mode: BuildMode) -> Result<(), OperationError> {
        match mode {
            BuildMode::Normal | BuildMode::Check => Ok(()),
            BuildMode::Repair => Err(OperationError::refused(
                "repairing is not supported\n\
                 hint: `wasibuild store verify --check-contents` finds what is damaged; `wasibuild store delete` it and build again",
            )),
        }
    }
}
