//! Four-lane vector values that every kernel is written in: wasm SIMD on wasm, plain arrays elsewhere. No kernels here.
//!
//! `wasm` and `native` hold the same primitives with the same results; what is built from primitives is in this file.
//! `F32x4::madd` and `dot4` are the two places where the relaxed build takes other instructions: `madd` may then
//! round once instead of twice, `dot4` is exact in all builds.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{dot4, Act4, Bytes, F32x4, I32x4, Weights4};
#[cfg(test)]
pub use native::SIGNED_BYTES;
#[cfg(target_arch = "wasm32")]
pub use wasm::{dot4, Act4, Bytes, F32x4, I32x4, Weights4};

use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Sub};

/// Operators as traits, so that kernels read `a + b * c`; each forwards to the primitive of the same meaning.
macro_rules! operator {
    ($trait:ident, $method:ident, $type:ty, $primitive:ident) => {
        impl $trait for $type {
            type Output = $type;
            #[inline(always)]
            fn $method(self, other: $type) -> $type {
                self.$primitive(other)
            }
        }
    };
}
operator!(Add, add, F32x4, plus);
operator!(Sub, sub, F32x4, minus);
operator!(Mul, mul, F32x4, times);
operator!(Div, div, F32x4, over);
operator!(Add, add, I32x4, plus);
operator!(Sub, sub, I32x4, minus);
operator!(Mul, mul, I32x4, times);
operator!(BitAnd, bitand, I32x4, both);
operator!(BitOr, bitor, I32x4, either);
operator!(BitXor, bitxor, I32x4, differ);
operator!(BitAnd, bitand, Bytes, both);
operator!(BitOr, bitor, Bytes, either);
operator!(BitXor, bitxor, Bytes, differ);
operator!(Add, add, Bytes, plus);
operator!(Sub, sub, Bytes, minus);

impl Neg for F32x4 {
    type Output = F32x4;
    #[inline(always)]
    fn neg(self) -> F32x4 {
        F32x4::from_bits(self.bits() ^ I32x4::splat(i32::MIN))
    }
}

/// What `load_f16_with` needs; make it once, outside of the loop.
#[derive(Clone, Copy)]
pub struct F16Constants {
    fields: I32x4,
    rebias: I32x4,
    sign: I32x4,
    implicit: F32x4,
}

impl F16Constants {
    /// Constants that compilers do not know as such (see `opaque_splat`).
    #[inline(always)]
    pub fn opaque() -> Self {
        Self::splat(opaque_splat)
    }

    #[inline(always)]
    fn splat(splat: impl Fn(i32) -> I32x4) -> Self {
        Self {
            fields: splat(0x0fff_e000),
            rebias: splat(112 << 23),
            sign: splat(i32::MIN),
            implicit: F32x4::from_bits(splat(113 << 23)),
        }
    }
}

/// A splat that compilers do not know as a constant: engines rebuild a vector constant at each of its uses, in three
/// instructions, but keep other values in a register.
#[inline(always)]
pub fn opaque_splat(x: i32) -> I32x4 {
    I32x4::splat(core::hint::black_box(x))
}

impl F32x4 {
    /// The lanes' sum in the fixed order (0 + 1) + (2 + 3).
    #[inline(always)]
    pub fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + b) + (c + d)
    }

    /// All lanes are lane `I`.
    #[inline(always)]
    pub fn lane<const I: usize>(self) -> F32x4 {
        self.pick::<I, I, I, I>(self)
    }

    /// The largest lane; NaN if a lane is NaN.
    #[inline(always)]
    pub fn max_lane(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        F32x4::splat(a).max(F32x4::splat(b)).max(F32x4::splat(c)).max(F32x4::splat(d)).to_array()[0]
    }

    /// Magnitudes.
    #[inline(always)]
    pub fn abs(self) -> F32x4 {
        F32x4::from_bits(self.bits() & I32x4::splat(i32::MAX))
    }

    /// Lanes of `yes` where the mask is all ones, of `no` where it is zero.
    #[inline(always)]
    pub fn select(mask: I32x4, yes: F32x4, no: F32x4) -> F32x4 {
        F32x4::from_bits(I32x4::select(mask, yes.bits(), no.bits()))
    }

    /// Four finite f16 numbers (8 bytes, any alignment) as f32, exactly; infinities and NaN are not expected here.
    ///
    /// No step sees a subnormal f32, on which some processors fall back to microcode: the exponent is moved first,
    /// which leaves f16's subnormals too large by the implicit bit, and `2 t - 2^-14 < t` holds just for those.
    /// # Safety
    /// `from` points to 8 readable bytes.
    #[inline(always)]
    pub unsafe fn load_f16(from: *const u8) -> F32x4 {
        Self::load_f16_with(from, &F16Constants::splat(I32x4::splat))
    }

    /// `load_f16` for loops.
    /// # Safety
    /// `from` points to 8 readable bytes.
    #[inline(always)]
    pub unsafe fn load_f16_with(from: *const u8, c: &F16Constants) -> F32x4 {
        let lanes = I32x4::load_i16(from);
        let t = F32x4::from_bits((lanes.shl::<13>() & c.fields) + c.rebias);
        let magnitude = ((t + t) - c.implicit).pmin(t);
        F32x4::from_bits(magnitude.bits() | (lanes & c.sign))
    }

    /// Four bf16 numbers (8 bytes, any alignment) as f32, exactly.
    /// # Safety
    /// `from` points to 8 readable bytes.
    #[inline(always)]
    pub unsafe fn load_bf16(from: *const u8) -> F32x4 {
        F32x4::from_bits(I32x4::load_i16(from).shl::<16>())
    }

    /// The f16 bit patterns nearest to the lanes, ties to even; too large gives infinity, NaN stays NaN.
    #[inline(always)]
    pub fn to_f16_lanes(self) -> I32x4 {
        let bits = self.bits();
        let sign = bits.shr_u::<16>() & I32x4::splat(0x8000);
        let magnitude = self.abs();
        let m = magnitude.bits();
        // Normal results: round the 13 dropped bits by integer addition, then move the exponent from bias 127 to 15.
        let odd = m.shr_u::<13>() & I32x4::splat(1);
        let rounded = m + I32x4::splat(0xfff) + odd;
        let normal = rounded.shr_u::<13>() - I32x4::splat(112 << 10);
        // Subnormal results: adding 0.5, whose last place is f16's smallest number, rounds in the adder.
        let half = F32x4::splat(0.5);
        let subnormal = (magnitude + half).bits() - half.bits();
        let small = I32x4::splat(113 << 23).gt(m);
        let finite = I32x4::select(small, subnormal, normal).min(I32x4::splat(0x7c00));
        let is_nan = m.gt(I32x4::splat(0x7f80_0000));
        sign | I32x4::select(is_nan, I32x4::splat(0x7e00), finite)
    }

    /// Rounds to f16 (see `to_f16_lanes`) and writes 8 bytes, any alignment.
    /// # Safety
    /// `to` points to 8 writable bytes.
    #[inline(always)]
    pub unsafe fn store_f16(self, to: *mut u8) {
        self.to_f16_lanes().store_u16(to)
    }
}

impl I32x4 {
    /// The lanes' wrapping sum.
    #[inline(always)]
    pub fn sum(self) -> i32 {
        let [a, b, c, d] = self.to_array();
        a.wrapping_add(b).wrapping_add(c).wrapping_add(d)
    }
}

#[cfg(test)]
mod tests;
