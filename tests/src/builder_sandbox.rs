//! Runs builders where they count: their WebAssembly modules, in the sandbox.
//!
//! The modules are those of [`crate::builder_modules`]. Inputs are on disk in a temporary folder and
//! appear in `/nix/store`; attributes come as Nix gives them. One engine serves a test process, and
//! compiles each module once.

use crate::builder_modules;
use crate::builder_reference::{
    Attributes, Host, Outcome, Places, TemporaryStore, Tree, base_name,
};
use bstr::BString;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use wasibuild_nix_compat::file_system_object::FileSystemObject;
use wasibuild_sandbox::{
    BuildError, BuildRequest, CancelToken, Engine, EngineOptions, ProgramSource,
};

/// The sandbox, in process.
pub struct Sandbox;

/// No output of a test is larger.
const OUTPUT_LIMIT: u64 = 64 << 20;

impl Host for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn run(
        &self,
        module: &str,
        inputs: &[(String, Tree)],
        attributes: &dyn Fn(&Places) -> Attributes,
    ) -> Outcome {
        let store = TemporaryStore::mounted(inputs);
        let places = Places::new("/nix/store");
        let request = request(module, inputs, &store, &places, attributes(&places));
        let mut log = Vec::new();
        let result = engine().run(request, &mut log, &CancelToken::new());
        let output = match result {
            Ok(mut outcome) => outcome.outputs.remove("out").map(tree),
            // The builder refuses, in its own words, or made nothing.
            Err(BuildError::Exit { code: 1, .. } | BuildError::MissingOutput { .. }) => None,
            Err(error) => panic!("{module}.wasm must not end like this: {error}"),
        };
        Outcome {
            success: output.is_some(),
            output,
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

fn request(
    module: &str,
    inputs: &[(String, Tree)],
    store: &TemporaryStore,
    places: &Places,
    attributes: Attributes,
) -> BuildRequest {
    let program = engine()
        .module(builder_modules::module(module))
        .unwrap_or_else(|error| panic!("{module}.wasm: {error}"));
    let mut request = BuildRequest::new("test", ProgramSource::Module(program));
    request.argv = vec![BString::from(format!("{module}.wasm"))];
    for (name, _) in inputs {
        let name = base_name(name);
        let place = store.folder().join(&name);
        request.inputs.insert(name, place);
    }
    request.outputs.insert("out".to_owned(), base_name("out"));
    let mut set = |name: &str, value: BString| request.env.insert(BString::from(name), value);
    set("out", places.out().into());
    match attributes {
        Attributes::Structured(mut map) => {
            let outputs = serde_json::json!({ "out": places.out() });
            map.insert("outputs".to_owned(), outputs);
            set("NIX_ATTRS_JSON_FILE", "/build/.attrs.json".into());
            let text = serde_json::to_vec(&map).expect("attributes are JSON");
            let file = BString::from(".attrs.json");
            request
                .build_files
                .insert(file, bytes::Bytes::from(text).into());
        }
        Attributes::Plain(variables) => {
            set("PATH", "/path-not-set".into());
            set("HOME", "/homeless-shelter".into());
            set("NIX_BUILD_CORES", "1".into());
            for (name, value) in variables {
                set(&name, value.into());
            }
        }
    }
    request
}

fn tree(object: FileSystemObject) -> Tree {
    match object {
        FileSystemObject::File {
            executable,
            contents,
        } => Tree::File {
            executable,
            contents: contents
                .to_bytes(OUTPUT_LIMIT)
                .expect("an output can be read")
                .to_vec(),
        },
        FileSystemObject::Symlink { target } => Tree::Symlink(target.into()),
        FileSystemObject::Directory { entries } => {
            let entries: BTreeMap<Vec<u8>, Tree> = entries
                .into_iter()
                .map(|(name, object)| (name.into(), tree(object)))
                .collect();
            Tree::Directory(entries)
        }
    }
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(EngineOptions::default()).expect("the engine starts"))
}
