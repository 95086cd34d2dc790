//! Export streams: round trips, and what is refused.

use super::*;
use crate::{
    file_system_object::{FileSystemObject, Limits},
    path_info::PathInfo,
    store_path::StorePath,
};
use proptest::prelude::*;

fn info(tree: &FileSystemObject, digest: u8, references: &[u8], deriver: bool) -> PathInfo {
    let path = |digest: u8, name: &str| StorePath::from_digest(&[digest; 20], name).unwrap();
    let (nar_hash, nar_size) = tree.nar_hash().unwrap();
    let mut info = PathInfo::new(path(digest, "object"), nar_hash, nar_size);
    info.references = references
        .iter()
        .map(|digest| path(*digest, "object"))
        .collect();
    info.deriver = deriver.then(|| path(digest, "object.drv"));
    info
}

fn write(objects: &[(FileSystemObject, PathInfo)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (tree, info) in objects {
        writer.object(info, |sink| tree.write_nar(sink)).unwrap();
    }
    writer.finish().unwrap()
}

fn read(stream: &[u8]) -> Result<Vec<(FileSystemObject, PathInfo)>, ExportError> {
    let mut reader = Reader::new(stream);
    let mut objects = Vec::new();
    while reader.begin_object()? {
        let tree =
            FileSystemObject::from_nar(reader.nar(), &Limits::default(), &mut tempfile::tempfile)
                .map_err(|error| ExportError::Io(io::Error::other(error)))?;
        objects.push((tree, reader.end_object()?));
    }
    Ok(objects)
}

fn sample() -> (FileSystemObject, PathInfo) {
    let tree = FileSystemObject::file("contents");
    let info = info(&tree, 1, &[2, 3], true);
    (tree, info)
}

proptest! {
    #[test]
    fn streams_round_trip(objects in prop::collection::vec(
        (any::<Vec<u8>>(), any::<u8>(), any::<Vec<u8>>(), any::<bool>()), 0..4))
    {
        let objects: Vec<_> = objects.into_iter().map(|(contents, digest, references, deriver)| {
            let tree = FileSystemObject::file(contents);
            let info = info(&tree, digest, &references, deriver);
            (tree, info)
        }).collect();
        let stream = write(&objects);
        let read = read(&stream).unwrap();
        let infos = |objects: &[(_, PathInfo)]| objects.iter().map(|(_, info)| info.clone()).collect::<Vec<_>>();
        prop_assert_eq!(infos(&read), infos(&objects));
        prop_assert_eq!(write(&read), stream);
    }
}

#[test]
fn every_prefix_and_other_streams_are_refused() {
    let stream = write(&[sample()]);
    for end in 0..stream.len() {
        assert!(
            read(&stream[..end]).is_err(),
            "a stream cut off at {end} was accepted"
        );
    }
    let mut second = stream.clone();
    second[0] = 2;
    assert!(matches!(read(&second), Err(ExportError::Malformed(_))));
    let magic = stream
        .windows(8)
        .position(|window| window == MAGIC.to_le_bytes())
        .unwrap();
    let mut other = stream;
    other[magic] = 0;
    assert!(matches!(read(&other), Err(ExportError::Malformed(_))));
}

#[test]
fn a_signature_of_old_is_skipped() {
    let mut stream = write(&[sample()]);
    stream.truncate(stream.len() - 16);
    for part in [1u64, 3] {
        stream.extend(part.to_le_bytes());
    }
    stream.extend(b"sig\0\0\0\0\0");
    stream.extend(0u64.to_le_bytes());
    let objects = read(&stream).unwrap();
    assert_eq!(objects[0].1, sample().1);
}

#[test]
fn what_has_changed_is_not_exported() {
    let (tree, mut info) = sample();
    info.nar_hash[0] ^= 1;
    let error = Writer::new(Vec::new())
        .object(&info, |sink| tree.write_nar(sink))
        .unwrap_err();
    assert!(error.to_string().contains("has changed"), "{error}");
}

#[test]
fn misuse_is_an_error() {
    let stream = write(&[sample()]);
    let mut reader = Reader::new(&stream[..]);
    assert!(matches!(reader.end_object(), Err(ExportError::Misuse(_))));
    assert!(reader.begin_object().unwrap());
    assert!(matches!(reader.begin_object(), Err(ExportError::Misuse(_))));
}
