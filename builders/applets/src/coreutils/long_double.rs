//! Arithmetic in C's `long double`, with as many bits as one asks for: each operation rounds to the
//! nearest, ties to even, as the processor does.
//!
//! Contract: exponents are without limit, so that what overflows in C is not for this.
//! Counterpart: x86-64 has 64 bits of mantissa, aarch64 has 113.

use num_bigint::BigUint;
use std::cmp::Ordering;

/// `±mantissa * 2^exponent`.
#[derive(Clone, Debug)]
pub struct Long {
    /// The sign, which zero has too.
    pub negative: bool,
    mantissa: BigUint,
    exponent: i64,
    bits: u64,
}

/// Shifts to the right, rounded to nearest even.
fn shift_right(value: &BigUint, by: u64) -> BigUint {
    if by == 0 {
        return value.clone();
    }
    let quotient = value >> by;
    let half = BigUint::from(1u32) << (by - 1);
    let rest = value - (&quotient << by);
    let up = match rest.cmp(&half) {
        Ordering::Greater => true,
        Ordering::Equal => quotient.bit(0),
        Ordering::Less => false,
    };
    if up { quotient + 1u32 } else { quotient }
}

impl Long {
    fn rounded(negative: bool, mantissa: BigUint, exponent: i64, bits: u64) -> Long {
        let excess = mantissa.bits().saturating_sub(bits);
        let mut mantissa = shift_right(&mantissa, excess);
        let mut exponent = exponent + excess as i64;
        // Short mantissas keep comparisons cheap.
        let zeros = mantissa.trailing_zeros().unwrap_or(0);
        if zeros > 0 {
            mantissa >>= zeros;
            exponent += zeros as i64;
        }
        if mantissa == BigUint::default() {
            exponent = 0;
        }
        Long {
            negative,
            mantissa,
            exponent,
            bits,
        }
    }

    /// A whole number with so many bits of mantissa.
    pub fn whole(value: u64, bits: u64) -> Long {
        Long::rounded(false, BigUint::from(value), 0, bits)
    }

    /// Is it zero?
    pub fn is_zero(&self) -> bool {
        self.mantissa == BigUint::default()
    }

    /// With this sign.
    pub fn signed(mut self, negative: bool) -> Long {
        self.negative = negative;
        self
    }

    /// The product.
    pub fn times(&self, other: &Long) -> Long {
        Long::rounded(
            self.negative != other.negative,
            &self.mantissa * &other.mantissa,
            self.exponent + other.exponent,
            self.bits,
        )
    }

    /// The quotient; the divisor is not zero.
    pub fn over(&self, other: &Long) -> Long {
        if other.is_zero() {
            return self.clone();
        }
        // More bits than are needed, and one that says whether anything is left.
        let more = self.bits + 2 + other.mantissa.bits();
        let above = &self.mantissa << more;
        let (quotient, rest) = (&above / &other.mantissa, &above % &other.mantissa);
        let sticky = u32::from(rest != BigUint::default());
        Long::rounded(
            self.negative != other.negative,
            (quotient << 1u32) + sticky,
            self.exponent - other.exponent - more as i64 - 1,
            self.bits,
        )
    }

    /// The sum.
    pub fn plus(&self, other: &Long) -> Long {
        let least = self.exponent.min(other.exponent);
        let scaled = |it: &Long| &it.mantissa << (it.exponent - least).unsigned_abs();
        let (a, b) = (scaled(self), scaled(other));
        let (negative, mantissa) = if self.negative == other.negative {
            (self.negative, a + b)
        } else {
            match a.cmp(&b) {
                Ordering::Greater => (self.negative, a - b),
                Ordering::Less => (other.negative, b - a),
                Ordering::Equal => (false, BigUint::default()),
            }
        };
        Long::rounded(negative, mantissa, least, self.bits)
    }

    /// Which is greater without the signs.
    pub fn compare_size(&self, other: &Long) -> Ordering {
        let least = self.exponent.min(other.exponent);
        let scaled = |it: &Long| &it.mantissa << (it.exponent - least).unsigned_abs();
        scaled(self).cmp(&scaled(other))
    }

    /// The whole number below in size, and whether anything is left.
    pub fn truncated(&self) -> (Long, bool) {
        if self.exponent >= 0 {
            return (self.clone(), false);
        }
        let by = self.exponent.unsigned_abs();
        let whole = &self.mantissa >> by;
        let left = (&whole << by) != self.mantissa;
        (Long::rounded(self.negative, whole, 0, self.bits), left)
    }

    /// Numerator and denominator.
    pub fn fraction(&self) -> (BigUint, BigUint) {
        let one = BigUint::from(1u32);
        if self.exponent >= 0 {
            (&self.mantissa << self.exponent.unsigned_abs(), one)
        } else {
            (self.mantissa.clone(), one << self.exponent.unsigned_abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Long;

    /// With 53 bits it is Rust's `f64`.
    #[test]
    fn as_the_processor_does() {
        let number = |it: &Long| {
            let (above, below) = it.fraction();
            let digits = |it: &num_bigint::BigUint| it.to_string().parse::<f64>().expect("digits");
            digits(&above) / digits(&below)
        };
        for (a, b) in [
            (1u64, 3u64),
            (7, 10),
            (123_456_789, 1000),
            (1 << 40, 7),
            (5, 1 << 20),
        ] {
            let (x, y) = (Long::whole(a, 53), Long::whole(b, 53));
            let (f, g) = (a as f64, b as f64);
            assert_eq!(number(&x.over(&y)), f / g);
            assert_eq!(number(&x.over(&y).times(&y)), f / g * g);
            assert_eq!(number(&x.over(&y).plus(&x)), f / g + f);
        }
    }
}
