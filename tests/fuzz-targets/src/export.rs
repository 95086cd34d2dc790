//! The export stream: what is read is written back and read again as the same objects; the same bytes
//! unless a signature of old was skipped.

use wasibuild_nix_compat::{
    export::{ExportError, Reader, Writer},
    file_system_object::{FileSystemObject, Limits},
    path_info::PathInfo,
};

type Objects = Vec<(FileSystemObject, PathInfo)>;

fn read(mut bytes: &[u8]) -> Option<(Objects, usize)> {
    let whole = bytes.len();
    let mut reader = Reader::new(&mut bytes);
    let mut objects = Vec::new();
    while reader.begin_object().ok()? {
        let mut no_spill = || Err(std::io::Error::other("too large"));
        let tree =
            FileSystemObject::from_nar(reader.nar(), &Limits::default(), &mut no_spill).ok()?;
        objects.push((tree, reader.end_object().ok()?));
    }
    Some((objects, whole - bytes.len()))
}

fn write(objects: &Objects) -> Result<Vec<u8>, ExportError> {
    let mut writer = Writer::new(Vec::new());
    for (tree, info) in objects {
        writer.object(info, |sink| tree.write_nar(sink))?;
    }
    writer.finish()
}

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let Some((objects, length)) = read(bytes) else {
        return;
    };
    let written = write(&objects).expect("what was read can be written");
    let (again, _) = read(&written).expect("what was written can be read");
    assert!(
        objects
            .iter()
            .map(|(_, info)| info)
            .eq(again.iter().map(|(_, info)| info))
    );
    if written.len() == length {
        assert_eq!(written, &bytes[..length]);
    }
}
