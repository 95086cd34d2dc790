//! Named classes of characters: `[:alpha:]` and its like, in the C.UTF-8 locale; the C locale has of
//! them what is ASCII. Counterpart: POSIX XBD 7.3.1, glibc's `locales/C`.

/// A named class of characters.
/// A named class of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `[:alnum:]`
    Alnum,
    /// `[:alpha:]`
    Alpha,
    /// `[:ascii:]`
    Ascii,
    /// `[:blank:]`
    Blank,
    /// `[:cntrl:]`
    Cntrl,
    /// `[:digit:]`
    Digit,
    /// `[:graph:]`
    Graph,
    /// `[:lower:]`
    Lower,
    /// `[:print:]`
    Print,
    /// `[:punct:]`
    Punct,
    /// `[:space:]`
    Space,
    /// `[:upper:]`
    Upper,
    /// `[:word:]`
    Word,
    /// `[:xdigit:]`
    Xdigit,
}

impl Class {
    /// The class of that name, `ascii` and `word` too, which only shell patterns have.
    pub fn named(name: &[u8]) -> Option<Class> {
        Some(match name {
            b"alnum" => Class::Alnum,
            b"alpha" => Class::Alpha,
            b"ascii" => Class::Ascii,
            b"blank" => Class::Blank,
            b"cntrl" => Class::Cntrl,
            b"digit" => Class::Digit,
            b"graph" => Class::Graph,
            b"lower" => Class::Lower,
            b"print" => Class::Print,
            b"punct" => Class::Punct,
            b"space" => Class::Space,
            b"upper" => Class::Upper,
            b"word" => Class::Word,
            b"xdigit" => Class::Xdigit,
            _ => return None,
        })
    }

    /// Is the code point in the class? Bytes that are no characters are in none.
    pub fn contains(self, c: u32) -> bool {
        let Some(c) = char::from_u32(c) else {
            return false;
        };
        let ascii = c.is_ascii();
        match self {
            Class::Alnum => c.is_alphanumeric(),
            Class::Alpha => c.is_alphabetic(),
            Class::Ascii => ascii,
            Class::Blank => c == ' ' || c == '\t',
            Class::Cntrl => c.is_control(),
            Class::Digit => c.is_ascii_digit(),
            Class::Graph => {
                if ascii {
                    c.is_ascii_graphic()
                } else {
                    !c.is_control() && !c.is_whitespace()
                }
            }
            Class::Lower => c.is_lowercase(),
            Class::Print => {
                if ascii {
                    c == ' ' || c.is_ascii_graphic()
                } else {
                    !c.is_control()
                }
            }
            Class::Punct => {
                if ascii {
                    c.is_ascii_punctuation()
                } else {
                    !c.is_alphanumeric() && !c.is_control() && !c.is_whitespace()
                }
            }
            Class::Space => {
                matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
                    || (!ascii && c.is_whitespace())
            }
            Class::Upper => c.is_uppercase(),
            Class::Word => c.is_alphanumeric() || c == '_',
            Class::Xdigit => c.is_ascii_hexdigit(),
        }
    }
}
