//! Binary caches written by real Nix, as the tests' ground truth.
//!
//! Contract: a small closure in a chroot store of its own, copied with `nix copy` to a directory,
//! signed, one directory per compression method; made once per method and kept for the test run
//! (and until the next one, since statics are not dropped) below cargo's directory for tests.
//! Nothing of the machine's own Nix store or settings takes part.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use wasibuild_binary_cache::{Compression, parse_public_key};
use wasibuild_nix_compat::hash::{NixHash, sha256};
use wasibuild_nix_compat::narinfo::PublicKey;
use wasibuild_nix_compat::store_path::StorePath;

/// The closure in a cache's directory.
pub struct NixCache {
    pub directory: PathBuf,
    pub public_key: PublicKey,
    /// A single file.
    pub leaf: StorePath,
    /// A directory with a symlink, an executable and a large file; refers to `leaf`.
    pub tree: StorePath,
    /// A file that refers to `tree`, `leaf` and itself.
    pub top: StorePath,
    /// A content-addressed directory (`fixed:r:sha256`).
    pub source: StorePath,
    /// A content-addressed file (`fixed:sha256`).
    pub flat: StorePath,
    /// A content-addressed text (`text:sha256`) that refers to `source`.
    pub text: StorePath,
    /// 8 MB of zeros.
    pub zeros: StorePath,
    store: Arc<Store>,
}

struct Store {
    /// Held locked: a second test run waits for its turn.
    _lock: std::fs::File,
    root: PathBuf,
    home: PathBuf,
    public_key: PublicKey,
    paths: [StorePath; 7],
}

impl NixCache {
    /// The cache with this compression; `None` (and a line that says so) without Nix.
    pub fn get(compression: Compression) -> Result<Option<&'static NixCache>> {
        static CACHES: [OnceLock<Result<NixCache, String>>; 4] = [const { OnceLock::new() }; 4];
        if Command::new("nix").arg("--version").output().is_err() {
            println!("SKIPPED: binary-cache: the program 'nix' is not installed");
            return Ok(None);
        }
        let index = Compression::ALL
            .iter()
            .position(|method| *method == compression)
            .context("unknown method")?;
        let cache = CACHES[index].get_or_init(|| make(compression).map_err(|e| format!("{e:#}")));
        match cache {
            Ok(cache) => Ok(Some(cache)),
            Err(text) => bail!("{text}"),
        }
    }

    pub fn file_url(&self) -> String {
        format!("file://{}", self.directory.display())
    }

    /// A copy that a test may damage.
    pub fn copy(&self) -> Result<TempDir> {
        let copy = TempDir::new()?;
        copy_tree(&self.directory, copy.path())?;
        Ok(copy)
    }

    /// The text of a path's narinfo.
    pub fn narinfo(&self, path: &StorePath) -> Result<String> {
        let file = self.directory.join(format!("{}.narinfo", path.hash_part()));
        Ok(std::fs::read_to_string(file)?)
    }

    /// The NAR as `nix-store --dump` writes it.
    pub fn dump(&self, path: &StorePath) -> Result<Vec<u8>> {
        let real = self.store.root.join("nix/store").join(path.basename());
        self.store
            .run("nix-store", &["--dump".as_ref(), real.as_ref()])
    }
}

/// The file that a narinfo names.
pub fn nar_file(narinfo: &str) -> Result<&str> {
    let mut lines = narinfo.lines();
    lines
        .find_map(|line| line.strip_prefix("URL: "))
        .context("narinfo without URL")
}

fn make(compression: Compression) -> Result<NixCache> {
    static STORE: OnceLock<Result<Arc<Store>, String>> = OnceLock::new();
    let store = STORE.get_or_init(|| Store::make().map(Arc::new).map_err(|e| format!("{e:#}")));
    let store = match store {
        Ok(store) => store.clone(),
        Err(text) => bail!("{text}"),
    };
    let directory = store.home.join(format!("cache-{compression}"));
    let to = format!(
        "file://{}?compression={compression}&secret-key={}",
        directory.display(),
        store.home.join("secret").display()
    );
    let mut arguments: Vec<String> = ["--extra-experimental-features", "nix-command", "copy"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend([
        "--no-check-sigs".into(),
        "--to".into(),
        to,
        "--store".into(),
    ]);
    arguments.push(store.root.display().to_string());
    arguments.extend(store.paths.iter().map(StorePath::to_absolute_path));
    let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
    store.run("nix", &arguments)?;
    let [leaf, tree, top, source, flat, text, zeros] = store.paths.clone();
    Ok(NixCache {
        directory,
        public_key: store.public_key.clone(),
        leaf,
        tree,
        top,
        source,
        flat,
        text,
        zeros,
        store,
    })
}

impl Store {
    fn make() -> Result<Self> {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        std::fs::create_dir_all(base)?;
        // Nix wants no symlinks on the way to its store.
        let base = base.canonicalize()?.join("binary-cache");
        let lock = std::fs::File::create(base.with_extension("lock"))?;
        lock.lock()?;
        if base.exists() {
            std::fs::remove_dir_all(&base)?;
        }
        let (root, home) = (base.join("root"), base.join("home"));
        std::fs::create_dir_all(root.join("nix/store"))?;
        std::fs::create_dir_all(&home)?;
        let leaf = StorePath::from_digest(&[1; 20], "leaf")?;
        let tree = StorePath::from_digest(&[2; 20], "tree")?;
        let top = StorePath::from_digest(&[3; 20], "top")?;
        let mut store = Self {
            _lock: lock,
            root,
            home,
            public_key: parse_public_key(wasibuild_binary_cache::NIXOS_CACHE_KEY)?,
            paths: [
                leaf.clone(),
                tree.clone(),
                top.clone(),
                leaf.clone(),
                leaf.clone(),
                leaf.clone(),
                leaf.clone(),
            ],
        };
        let (secret, public) = (store.home.join("secret"), store.home.join("public"));
        let name = Path::new("test-1");
        store.run(
            "nix-store",
            &[
                "--generate-binary-cache-key".as_ref(),
                name,
                &secret,
                &public,
            ],
        )?;
        store.public_key = parse_public_key(&std::fs::read_to_string(public)?)?;
        store.write_paths(&leaf, &tree, &top)?;
        store.paths = [
            leaf,
            tree,
            top,
            store.add_source()?,
            store.add_flat()?,
            store.add_text()?,
            store.add_zeros()?,
        ];
        Ok(store)
    }

    /// Paths that are named by no content, with references; `top` refers to itself.
    fn write_paths(&self, leaf: &StorePath, tree: &StorePath, top: &StorePath) -> Result<()> {
        let real = |path: &StorePath| self.root.join("nix/store").join(path.basename());
        std::fs::write(real(leaf), "a leaf\n")?;
        std::fs::create_dir_all(real(tree).join("bin"))?;
        let script = real(tree).join("bin/run");
        std::fs::write(&script, "#!/bin/sh\necho run\n")?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode)?;
        std::os::unix::fs::symlink(leaf.to_absolute_path(), real(tree).join("leaf"))?;
        std::fs::write(real(tree).join("large"), noise(3_000_000))?;
        let text = format!("{tree} {leaf} {top}\n");
        std::fs::write(real(top), text)?;
        let mut registration = String::new();
        for (path, references) in [
            (leaf, vec![]),
            (tree, vec![leaf]),
            (top, vec![leaf, tree, top]),
        ] {
            let nar = self.run("nix-store", &["--dump".as_ref(), &real(path)])?;
            let hash = NixHash::sha256(sha256(&nar)).to_hex();
            let path = path.to_absolute_path();
            let (size, count) = (nar.len(), references.len());
            registration.push_str(&format!("{path}\n{hash}\n{size}\n\n{count}\n"));
            for reference in references {
                registration.push_str(&format!("{}\n", reference.to_absolute_path()));
            }
        }
        let file = self.home.join("registration");
        std::fs::write(&file, registration)?;
        let mut command = self.command("nix-store");
        command
            .arg("--store")
            .arg(&self.root)
            .arg("--load-db")
            .stdin(std::fs::File::open(file)?);
        run(&mut command)?;
        Ok(())
    }

    fn add_source(&self) -> Result<StorePath> {
        let source = self.home.join("source");
        std::fs::create_dir_all(source.join("empty"))?;
        std::fs::write(source.join("file"), "content\n")?;
        self.add(&["--add".as_ref(), &source])
    }

    fn add_flat(&self) -> Result<StorePath> {
        let file = self.home.join("flat.txt");
        std::fs::write(&file, noise(100_001))?;
        self.add(&["--add-fixed".as_ref(), "sha256".as_ref(), &file])
    }

    fn add_zeros(&self) -> Result<StorePath> {
        let file = self.home.join("zeros");
        std::fs::write(&file, vec![0; 8_000_000])?;
        self.add(&["--add".as_ref(), &file])
    }

    fn add(&self, arguments: &[&Path]) -> Result<StorePath> {
        let mut all: Vec<&Path> = vec!["--store".as_ref(), &self.root];
        all.extend(arguments);
        parse_path(&self.run("nix-store", &all)?)
    }

    fn add_text(&self) -> Result<StorePath> {
        let source = self.home.join("source");
        let expression = format!(
            "builtins.toFile \"text\" \"see ${{{}}}\\n\"",
            source.display()
        );
        let arguments: [&Path; 7] = [
            "--store".as_ref(),
            &self.root,
            "--eval".as_ref(),
            "--read-write-mode".as_ref(),
            "--json".as_ref(),
            "-E".as_ref(),
            expression.as_ref(),
        ];
        parse_path(&self.run("nix-instantiate", &arguments)?)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", &self.home)
            .env("NIX_CONF_DIR", &self.home)
            .env("XDG_CONFIG_HOME", &self.home)
            .env("XDG_CACHE_HOME", &self.home)
            .current_dir(&self.home);
        command
    }

    fn run(&self, program: &str, arguments: &[&Path]) -> Result<Vec<u8>> {
        run(self.command(program).args(arguments))
    }
}

fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{text}", output.status);
    }
    Ok(output.stdout)
}

fn parse_path(output: &[u8]) -> Result<StorePath> {
    let text = String::from_utf8_lossy(output);
    let text = text.trim().trim_matches('"');
    StorePath::from_absolute_path(text.as_bytes()).with_context(|| format!("not a path: {text:?}"))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Bytes that compress a little, always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8 & 0x3f
    })
    .take(length)
    .collect()
}
