//! NAR: what is read as a tree is written back as the same bytes, spilled or not.
use wasibuild_nix_compat::{
    file_system_object::{FileSystemObject, Limits},
    nar::Reader,
};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let accepted = loop {
        match reader.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => break reader.finish().is_ok(),
            Err(_) => break false,
        }
    };
    for spill_above in [u64::MAX, 8] {
        let limits = Limits {
            spill_above,
            max_nodes: 1000,
            ..Limits::default()
        };
        let mut source = bytes;
        let read = FileSystemObject::from_nar(&mut source, &limits, &mut tempfile::tempfile);
        match read {
            Ok(tree) => {
                let mut written = Vec::new();
                tree.write_nar(&mut written)
                    .expect("a tree that was read can be written");
                assert_eq!(bytes.strip_suffix(source), Some(written.as_slice()));
                assert_eq!(accepted, source.is_empty());
            }
            Err(error) => assert!(!accepted, "{error}"),
        }
    }
}
