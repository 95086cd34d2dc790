//! gzip's format: deflate with checks around it.
//!
//! Counterpart: RFC 1951 and RFC 1952.

/// Most bits of a code.
const MOST_BITS: usize = 15;

/// Reads bits from the low end of bytes.
struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
}

type Result<T> = std::result::Result<T, &'static str>;
const SHORT: &str = "unexpected end of file";
const BAD: &str = "invalid compressed data";

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(byte) = self.input.get(self.at) else {
                return;
            };
            self.held |= u64::from(*byte) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> Result<usize> {
        self.fill();
        if self.count < count {
            return Err(SHORT);
        }
        let value = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        Ok(value as usize)
    }

    /// Gives whole bytes back and drops the rest.
    fn align(&mut self) {
        self.at -= (self.count / 8) as usize;
        self.held = 0;
        self.count = 0;
    }
}

/// A canonical Huffman code: how many codes have each length, and the symbols in order.
struct Code {
    counts: [u16; MOST_BITS + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Result<Code> {
        let mut counts = [0u16; MOST_BITS + 1];
        for length in lengths {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += 1;
            }
        }
        let mut left = 1i32;
        for count in counts.iter().skip(1) {
            left = (left << 1) - i32::from(*count);
            if left < 0 {
                return Err(BAD);
            }
        }
        let mut symbols: Vec<u16> = (0u16..).take(lengths.len()).collect();
        symbols.retain(|symbol| lengths.get(usize::from(*symbol)) != Some(&0));
        symbols.sort_by_key(|symbol| lengths.get(usize::from(*symbol)).copied());
        Ok(Code { counts, symbols })
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<usize> {
        bits.fill();
        let (mut code, mut first, mut index) = (0i32, 0i32, 0i32);
        for (length, count) in self.counts.iter().enumerate().skip(1) {
            if bits.count < length as u32 {
                return Err(SHORT);
            }
            code |= (bits.held >> (length - 1) & 1) as i32;
            let count = i32::from(*count);
            if code - count < first {
                bits.held >>= length;
                bits.count -= length as u32;
                let at = usize::try_from(index + code - first).map_err(|_| BAD)?;
                return self.symbols.get(at).map(|it| usize::from(*it)).ok_or(BAD);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(BAD)
    }
}

const LENGTHS: [(usize, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
const DISTANCES: [(usize, u32); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

fn block(bits: &mut Bits<'_>, out: &mut Vec<u8>, start: usize, codes: &[Code; 2]) -> Result<()> {
    let [literals, distances] = codes;
    loop {
        let symbol = literals.symbol(bits)?;
        match symbol {
            0..256 => out.push(symbol as u8),
            256 => return Ok(()),
            _ => {
                let (base, extra) = *LENGTHS.get(symbol - 257).ok_or(BAD)?;
                let length = base + bits.take(extra)?;
                let (base, extra) = *DISTANCES.get(distances.symbol(bits)?).ok_or(BAD)?;
                let distance = base + bits.take(extra)?;
                if distance > out.len() - start {
                    return Err(BAD);
                }
                let from = out.len() - distance;
                for at in from..from + length {
                    let byte = out.get(at).copied().ok_or(BAD)?;
                    out.push(byte);
                }
            }
        }
    }
}

fn dynamic(bits: &mut Bits<'_>) -> Result<[Code; 2]> {
    let literals = bits.take(5)? + 257;
    let distances = bits.take(5)? + 1;
    let count = bits.take(4)? + 4;
    let mut lengths = [0u8; 19];
    for place in ORDER.iter().take(count) {
        if let Some(length) = lengths.get_mut(*place) {
            *length = bits.take(3)? as u8;
        }
    }
    let code = Code::new(&lengths)?;
    let mut all: Vec<u8> = Vec::new();
    while all.len() < literals + distances {
        let (value, times) = match code.symbol(bits)? {
            16 => (all.last().copied().ok_or(BAD)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        all.extend(std::iter::repeat_n(value, times));
    }
    if all.len() > literals + distances {
        return Err(BAD);
    }
    let (first, second) = all.split_at(literals);
    Ok([Code::new(first)?, Code::new(second)?])
}

fn fixed() -> Result<[Code; 2]> {
    let mut lengths = [8u8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    Ok([Code::new(&lengths)?, Code::new(&[5; 30])?])
}

/// Unpacks deflate; gives how many bytes it took.
fn inflate(input: &[u8], out: &mut Vec<u8>) -> Result<usize> {
    let start = out.len();
    let mut bits = Bits {
        input,
        at: 0,
        held: 0,
        count: 0,
    };
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => {
                bits.align();
                let head = input.get(bits.at..bits.at + 4).ok_or(SHORT)?;
                let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
                if head[0] != !head[2] || head[1] != !head[3] {
                    return Err(BAD);
                }
                bits.at += 4;
                let data = input.get(bits.at..bits.at + length).ok_or(SHORT)?;
                out.extend_from_slice(data);
                bits.at += length;
            }
            1 => block(&mut bits, out, start, &fixed()?)?,
            2 => {
                let codes = dynamic(&mut bits)?;
                block(&mut bits, out, start, &codes)?;
            }
            _ => return Err(BAD),
        }
        if last {
            bits.align();
            return Ok(bits.at);
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (start, entry) in (0u32..).zip(table.iter_mut()) {
        let mut value = start;
        for _ in 0..8 {
            value = if value & 1 == 1 {
                0xedb8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
        }
        *entry = value;
    }
    let step = |crc: u32, byte: &u8| table[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

/// Is this gzip's format?
pub fn is_gzip(input: &[u8]) -> bool {
    input.starts_with(&[0x1f, 0x8b])
}

/// Unpacks all members; zeros may follow them.
pub fn gunzip(mut input: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let head = input.get(..10).ok_or(SHORT)?;
        if !is_gzip(head) || head[2] != 8 || head[3] & 0xe0 != 0 {
            return Err("not in gzip format");
        }
        let flags = head[3];
        let mut at = 10;
        if flags & 4 != 0 {
            let size = input.get(at..at + 2).ok_or(SHORT)?;
            at += 2 + usize::from(u16::from_le_bytes([size[0], size[1]]));
        }
        for flag in [8, 16] {
            if flags & flag != 0 {
                let rest = input.get(at..).ok_or(SHORT)?;
                at += memchr::memchr(0, rest).ok_or(SHORT)? + 1;
            }
        }
        at += if flags & 2 != 0 { 2 } else { 0 };
        let start = out.len();
        at += inflate(input.get(at..).ok_or(SHORT)?, &mut out)?;
        let tail = input.get(at..at + 8).ok_or(SHORT)?;
        let member = out.get(start..).unwrap_or_default();
        let size = (member.len() & 0xffff_ffff) as u32;
        if crc(member).to_le_bytes() != tail[..4] || size.to_le_bytes() != tail[4..] {
            return Err("crc or length error");
        }
        input = input.get(at + 8..).unwrap_or_default();
        if input.iter().all(|it| *it == 0) {
            return Ok(out);
        }
    }
}
