//! The worker protocol: a request that is read is written back as one that reads the same, and so are
//! messages and results; nothing else happens on any bytes.

use wasibuild_worker_protocol::{BuildResult, Message, Reader, Request, Version, Writer};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(request)) = Request::read(&mut reader) {
        let mut writer = Writer::new(Vec::new());
        request.write(&mut writer).expect("memory takes everything");
        let written = writer.into_inner();
        let again = Request::read(&mut Reader::new(written.as_slice())).expect("it reads");
        assert_eq!(again, Some(request));
    }
    if let Ok(message) = Message::read(&mut Reader::new(bytes)) {
        let mut writer = Writer::new(Vec::new());
        message.write(&mut writer).expect("memory takes everything");
        let written = writer.into_inner();
        assert_eq!(
            Message::read(&mut Reader::new(written.as_slice())).expect("it reads"),
            message
        );
    }
    for version in [Version(34), Version(38)] {
        if let Ok(result) = BuildResult::read(&mut Reader::new(bytes), version) {
            let mut writer = Writer::new(Vec::new());
            result
                .write(&mut writer, version)
                .expect("memory takes everything");
            let written = writer.into_inner();
            let again = BuildResult::read(&mut Reader::new(written.as_slice()), version);
            assert_eq!(again.expect("it reads"), result);
        }
    }
}
