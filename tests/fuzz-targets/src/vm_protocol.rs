//! The stream between host and guest, as either side reads it: what is accepted has one encoding.
use wasibuild_vm_protocol::{Frame, FromGuest, ToGuest};

/// Runs one input.
pub fn run(bytes: &[u8]) {
    let mut stream = bytes;
    while let Ok(Some(frame)) = Frame::read(&mut stream) {
        if let Ok(message) = ToGuest::of(frame.clone()) {
            assert_eq!(message.frame(), frame);
        }
        if let Ok(message) = FromGuest::of(frame.clone()) {
            assert_eq!(message.frame(), frame);
        }
        let mut written = Vec::new();
        frame.write(&mut written).expect("what was read fits");
        let again = Frame::read(&mut written.as_slice());
        assert_eq!(again.expect("it reads"), Some(frame));
    }
}
