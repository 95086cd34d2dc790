//! `symlinkJoin` and `lndir`: directories shadowed one after the other into one tree.
//!
//! Counterpart: nixpkgs' `symlinkJoin`, which runs `lndir -silent` for each path.

use crate::error::{Problem, Result};
use crate::lndir::{self, Options};
use crate::overlay::Overlay;
use crate::source::{Kind, Source};
use bstr::BString;
use std::path::Path;
use wasibuild_guest::{Node, bytes};

/// What is joined, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Directories; what comes first wins.
    pub paths: Vec<BString>,
    /// Whether a path that is no directory is a failure; otherwise it is skipped.
    pub fail_on_missing: bool,
    /// Options of `lndir`.
    pub options: Options,
}

/// Plans the output. What `lndir` prints is added to `log`.
pub fn plan(
    request: &Request,
    out: &Path,
    source: &dyn Source,
    log: &mut Vec<BString>,
) -> Result<Node> {
    let mut tree = Node::directory();
    let overlay = Overlay::new(bytes::from_path(out), source);
    for path in &request.paths {
        match source.followed(path) {
            Some(Kind::Directory) => {}
            _ if !request.fail_on_missing => continue,
            Some(_) => return Err(Problem::refused(format!("{path}: Not a directory"))),
            None => {
                return Err(Problem::refused(format!(
                    "{path}: No such file or directory"
                )));
            }
        }
        lndir::shadow(&mut tree, b"", path, request.options, &overlay, log)?;
    }
    Ok(tree)
}
