//! What all tests use: caches by real Nix, a misbehaving server, a receiver that keeps NARs.

pub mod nix;
pub mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow};
use wasibuild_binary_cache::{
    Cancel, DownloadError, Event, Options, Plan, Proxy, Report, Substituter,
};
use wasibuild_nix_compat::narinfo::PublicKey;
use wasibuild_nix_compat::store_path::StorePath;

/// Options for tests: no proxy, short pauses.
pub fn options(keys: &[&PublicKey]) -> Result<Options> {
    Ok(Options {
        trusted_public_keys: keys.iter().map(|key| (*key).clone()).collect(),
        proxy: Proxy::Direct,
        retry_delay: Duration::from_millis(1),
        ..Options::new()?
    })
}

/// A substituter and what it reported.
pub struct Fixture {
    pub substituter: Substituter,
    pub cancel: Cancel,
    events: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    pub fn new(urls: &[String], options: Options) -> Result<Self> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = events.clone();
        let cancel = Cancel::new();
        let observer = move |event: &Event<'_>| {
            let text = match event {
                Event::Fault { error, .. } => format!("fault: {}", error.full_text()),
                other => format!("{other:?}"),
            };
            sink.lock().unwrap().push(text);
        };
        let substituter = Substituter::new(urls, options, cancel.clone(), Arc::new(observer))?;
        Ok(Self {
            substituter,
            cancel,
            events,
        })
    }

    /// The events whose text contains `part`.
    pub fn events(&self, part: &str) -> Vec<String> {
        let mut events = self.events.lock().unwrap().clone();
        events.retain(|event| event.contains(part));
        events
    }

    pub fn plan(&self, wanted: &[&StorePath]) -> Result<Plan> {
        let wanted: BTreeSet<StorePath> = wanted.iter().map(|path| (*path).clone()).collect();
        Ok(self.substituter.plan(&wanted, &mut |_| false)?)
    }

    /// Downloads everything into memory.
    pub fn download(&self, plan: &Plan) -> (Report<std::io::Error>, BTreeMap<StorePath, Vec<u8>>) {
        let nars = Mutex::new(BTreeMap::new());
        let report = self.substituter.download(plan, &|info, nar| {
            let mut bytes = Vec::new();
            nar.read_to_end(&mut bytes)?;
            nars.lock().unwrap().insert(info.path.clone(), bytes);
            Ok(())
        });
        (report, nars.into_inner().unwrap())
    }

    /// Plans and downloads one path with its closure; its NAR, or the text of what went wrong.
    pub fn get(&self, path: &StorePath) -> Result<Vec<u8>, String> {
        let plan = self.plan(&[path]).map_err(|error| format!("{error:#}"))?;
        if let Some(reason) = plan.unavailable.get(path) {
            return Err(match reason {
                wasibuild_binary_cache::Unavailable::Failed(error) => error.full_text(),
                other => format!("{other:?}"),
            });
        }
        let (report, mut nars) = self.download(&plan);
        match report.failed.get(path) {
            None => nars.remove(path).ok_or_else(|| "not received".to_owned()),
            Some(error) => {
                assert!(!nars.contains_key(path), "a failed path was received");
                Err(describe(error))
            }
        }
    }
}

pub fn describe(error: &DownloadError<std::io::Error>) -> String {
    match error {
        DownloadError::Caches(error) => error.full_text(),
        other => format!("{other:?}"),
    }
}

/// Fails unless `result` is an error that contains all `parts`.
pub fn refused(result: Result<Vec<u8>, String>, parts: &[&str]) -> Result<()> {
    let text = match result {
        Err(text) => text,
        Ok(nar) => return Err(anyhow!("{} bytes were accepted", nar.len())),
    };
    for part in parts {
        if !text.contains(part) {
            return Err(anyhow!("the error does not contain {part:?}: {text}"));
        }
    }
    Ok(())
}
