//! f16 and bf16 as bit patterns, one number at a time, for all inputs. The vector forms are in `simd`.

/// The f32 equal to an f16 bit pattern, infinities and NaN included.
pub fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10) & 31;
    let mantissa = u32::from(half & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa as f32 / (1u32 << 24) as f32,
        31 => f32::from_bits(0x7f80_0000 | mantissa << 13),
        _ => f32::from_bits((exponent + 112) << 23 | mantissa << 13),
    };
    f32::from_bits(sign | magnitude.to_bits())
}

/// The f16 nearest to `x`, ties to even; too large gives infinity, NaN stays NaN.
pub fn f32_to_f16(x: f32) -> u16 {
    crate::simd::F32x4::splat(x).to_f16_lanes().to_array()[0] as u16
}

/// The f32 equal to a bf16 bit pattern.
pub fn bf16_to_f32(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

/// The bf16 nearest to `x`, ties to even; NaN stays NaN.
pub fn f32_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

/// Whether an f16 bit pattern is neither infinite nor NaN.
pub fn f16_is_finite(half: u16) -> bool {
    half & 0x7c00 != 0x7c00
}

/// The f16 at a byte offset of a GGUF block, as f32.
pub(crate) fn f16_at(block: &[u8], offset: usize) -> f32 {
    f16_to_f32(u16::from_le_bytes([block[offset], block[offset + 1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_round_trips_for_every_pattern() {
        for half in 0..=u16::MAX {
            let x = f16_to_f32(half);
            if x.is_nan() {
                assert!(f16_to_f32(f32_to_f16(x)).is_nan());
            } else {
                assert_eq!(f32_to_f16(x), half, "{x}");
            }
        }
    }

    #[test]
    fn f16_rounds_to_the_nearest_with_ties_to_even() {
        for half in 0..0x7bffu16 {
            let (low, high) = (f16_to_f32(half), f16_to_f32(half + 1));
            let middle = (low + high) / 2.0; // exact: 12 significant bits
            let even = half + (half & 1);
            assert_eq!(f32_to_f16(middle), even, "between {low} and {high}");
            assert_eq!(f32_to_f16(-middle), even | 0x8000);
            assert_eq!(f32_to_f16(f32::from_bits(middle.to_bits() - 1)), half);
            assert_eq!(f32_to_f16(f32::from_bits(middle.to_bits() + 1)), half + 1);
        }
        assert_eq!(f32_to_f16(65519.996), 0x7bff);
        assert_eq!(f32_to_f16(65520.0), 0x7c00);
        assert_eq!(f32_to_f16(f32::MAX), 0x7c00);
        assert_eq!(f32_to_f16(f32::NEG_INFINITY), 0xfc00);
        assert_eq!(f32_to_f16(f32::from_bits(1)), 0);
    }

    #[test]
    fn bf16_rounds_to_the_nearest_with_ties_to_even() {
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f81_8000)), 0x3f82);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8001)), 0x3f81);
        assert_eq!(f32_to_bf16(f32::MAX), 0x7f80);
        assert!(bf16_to_f32(f32_to_bf16(f32::from_bits(0x7f80_0001))).is_nan());
    }
}
