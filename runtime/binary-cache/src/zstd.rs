//! Zstandard files as a stream: several frames, skippable frames, content checksums.
//!
//! Why: the decoder library reads one frame and leaves the rest to its caller. Caches other than
//! Nix's write many frames (parallel compressors, seekable archives).
//! Contract: the whole input is read; a frame whose checksum or announced content size differs
//! is an error, and so is anything that is not a frame. Source: RFC 8878, 3.1.

use std::io::{Error, ErrorKind, Read, Result};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::full_reads::FullReads;

/// See the module.
pub(crate) struct ZstdReader<R> {
    source: FullReads<R>,
    decoder: FrameDecoder,
    state: State,
}

enum State {
    /// Before a frame or at the end.
    Between,
    /// In a frame that has given this many bytes.
    Frame {
        given: u64,
    },
    End,
}

impl<R: Read> ZstdReader<R> {
    /// `max_window` bounds the decoder's memory, in bytes.
    pub(crate) fn new(source: FullReads<R>, max_window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(max_window);
        Self {
            source,
            decoder,
            state: State::Between,
        }
    }

    /// Reads a frame's header, or finds the end.
    fn next_frame(&mut self, first: bool) -> Result<State> {
        if self.source.at_end()? {
            return if first {
                Err(Error::new(ErrorKind::UnexpectedEof, "the file is empty"))
            } else {
                Ok(State::End)
            };
        }
        match self.decoder.reset(&mut self.source) {
            Ok(()) => Ok(State::Frame { given: 0 }),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let wanted = u64::from(length);
                let skipped =
                    std::io::copy(&mut (&mut self.source).take(wanted), &mut std::io::sink())?;
                if skipped < wanted {
                    let text = "the file ends within a skippable frame";
                    return Err(Error::new(ErrorKind::UnexpectedEof, text));
                }
                Ok(State::Between)
            }
            Err(error) => Err(broken(error)),
        }
    }

    /// Checks a frame that has been read to its end.
    fn check_frame(&self, given: u64) -> Result<()> {
        // A size of 0 stands for "not announced" here; an empty frame gives 0 bytes anyway.
        let announced = self.decoder.content_size();
        if announced != 0 && announced != given {
            return Err(broken(format!(
                "a frame announces {announced} bytes and holds {given}"
            )));
        }
        if let Some(expected) = self.decoder.get_checksum_from_data() {
            let found = self.decoder.get_calculated_checksum();
            if found != Some(expected) {
                let found = found.unwrap_or_default();
                return Err(broken(format!(
                    "a frame's checksum is {found:08x}, expected {expected:08x}"
                )));
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut first = matches!(self.state, State::Between);
        loop {
            match self.state {
                State::End => return Ok(0),
                State::Between => {
                    self.state = self.next_frame(first)?;
                    first = false;
                }
                State::Frame { given } => {
                    while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                        self.decoder
                            .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                            .map_err(broken)?;
                    }
                    let count = self.decoder.read(buffer)?;
                    if count > 0 {
                        self.state = State::Frame {
                            given: given.saturating_add(count as u64),
                        };
                        return Ok(count);
                    }
                    self.check_frame(given)?;
                    self.state = State::Between;
                    first = false;
                }
            }
        }
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

    fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut output = Vec::new();
        let reader = ZstdReader::new(FullReads::new(bytes), 1 << 27);
        reader.take(1 << 20).read_to_end(&mut output)?;
        Ok(output)
    }

    /// A frame with one raw block; the header announces `announced` bytes (RFC 8878, 3.1.1).
    fn frame(contents: &[u8], announced: u8) -> Vec<u8> {
        let block = ((contents.len() as u32) << 3) | 1;
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0x20, announced]);
        bytes.extend(&block.to_le_bytes()[..3]);
        bytes.extend(contents);
        bytes
    }

    fn skippable(length: u32, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x5a, 0x2a, 0x4d, 0x18];
        bytes.extend(length.to_le_bytes());
        bytes.extend(contents);
        bytes
    }

    #[test]
    fn frames_are_joined_and_others_skipped() -> Result<()> {
        let parts = [
            skippable(3, b"abc"),
            frame(b"one ", 4),
            frame(b"", 0),
            skippable(0, b""),
            frame(b"two", 3),
            skippable(1, b"x"),
        ];
        assert_eq!(decode(&parts.concat())?, b"one two");
        Ok(())
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let large_window = [&MAGIC[..], &[0x00, 21 << 3, 1, 0, 0]].concat();
        for (bytes, part) in [
            (Vec::new(), "empty"),
            (frame(b"one", 4), "announces 4 bytes and holds 3"),
            ([frame(b"one", 3), b"garbage".to_vec()].concat(), ""),
            (skippable(9, b"short"), "within a skippable frame"),
            (large_window, "indow"),
            (MAGIC.to_vec(), ""),
        ] {
            let error = decode(&bytes).err().map(|error| error.to_string());
            let found = error.as_ref().is_some_and(|text| text.contains(part));
            assert!(found, "{bytes:x?}: {error:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(rest in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&rest);
            let _ = decode(&[&MAGIC[..], &rest].concat());
        }
    }
}
