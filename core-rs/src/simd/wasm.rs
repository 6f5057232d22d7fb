//! The vector primitives over core::arch::wasm32, one instruction each where wasm has it. Nothing composed here.

use core::arch::wasm32::*;

/// Four f32 lanes.
#[derive(Clone, Copy)]
pub struct F32x4(v128);
/// Four i32 lanes; also the mask type (all ones or zero a lane).
#[derive(Clone, Copy)]
pub struct I32x4(v128);
/// Sixteen raw bytes.
#[derive(Clone, Copy)]
pub struct Bytes(v128);

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $instruction:ident;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self, other: Self) -> Self { Self($instruction(self.0, other.0)) })*
    };
}
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident = $instruction:ident;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self) -> Self { Self($instruction(self.0)) })*
    };
}
macro_rules! compare {
    ($($(#[$doc:meta])* $name:ident = $instruction:ident;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self, other: Self) -> I32x4 { I32x4($instruction(self.0, other.0)) })*
    };
}

impl F32x4 {
    binary! {
        plus = f32x4_add;
        minus = f32x4_sub;
        times = f32x4_mul;
        over = f32x4_div;
        /// Smaller lane; NaN if either is.
        min = f32x4_min;
        /// Larger lane; NaN if either is.
        max = f32x4_max;
        /// `other < self ? other : self`: one instruction on x86, for numbers known not to be NaN.
        pmin = f32x4_pmin;
        /// `self < other ? other : self`.
        pmax = f32x4_pmax;
    }
    unary! {
        sqrt = f32x4_sqrt;
        floor = f32x4_floor;
        /// Nearest integer, ties to even.
        nearest = f32x4_nearest;
    }
    compare! {
        lt = f32x4_lt;
        le = f32x4_le;
        gt = f32x4_gt;
        ge = f32x4_ge;
        eq = f32x4_eq;
    }

    /// # Safety
    /// `from` points to 4 readable f32, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const f32) -> Self {
        Self(v128_load(from.cast()))
    }
    /// # Safety
    /// `to` points to 4 writable f32, any alignment.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut f32) {
        v128_store(to.cast(), self.0)
    }
    /// # Safety
    /// `from` points to a readable f32, any alignment.
    #[inline(always)]
    pub unsafe fn load_splat(from: *const f32) -> Self {
        Self(v128_load32_splat(from.cast()))
    }
    /// Lanes `A` to `D` of the eight of both, those of `other` being 4 to 7.
    #[inline(always)]
    pub fn pick<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        Self(i32x4_shuffle::<A, B, C, D>(self.0, other.0))
    }
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self(f32x4_splat(x))
    }
    #[inline(always)]
    pub fn from_array([a, b, c, d]: [f32; 4]) -> Self {
        Self(f32x4(a, b, c, d))
    }
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        let v = self.0;
        [
            f32x4_extract_lane::<0>(v),
            f32x4_extract_lane::<1>(v),
            f32x4_extract_lane::<2>(v),
            f32x4_extract_lane::<3>(v),
        ]
    }
    /// `self + a * b`; the relaxed build may round once.
    #[inline(always)]
    pub fn madd(self, a: Self, b: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(f32x4_relaxed_madd(a.0, b.0, self.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return self + a * b;
    }
    /// Truncates to i32, saturating; NaN gives 0.
    #[inline(always)]
    pub fn to_i32(self) -> I32x4 {
        I32x4(i32x4_trunc_sat_f32x4(self.0))
    }
    #[inline(always)]
    pub fn bits(self) -> I32x4 {
        I32x4(self.0)
    }
    #[inline(always)]
    pub fn from_bits(bits: I32x4) -> Self {
        Self(bits.0)
    }
}

impl I32x4 {
    binary! {
        plus = i32x4_add;
        minus = i32x4_sub;
        times = i32x4_mul;
        both = v128_and;
        either = v128_or;
        differ = v128_xor;
        min = i32x4_min;
        max = i32x4_max;
    }
    compare! {
        gt = i32x4_gt;
        eq = i32x4_eq;
    }

    /// # Safety
    /// `from` points to 4 readable i32, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const i32) -> Self {
        Self(v128_load(from.cast()))
    }
    /// # Safety
    /// `to` points to 4 writable i32, any alignment.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut i32) {
        v128_store(to.cast(), self.0)
    }
    /// # Safety
    /// `from` points to a readable i32, any alignment.
    #[inline(always)]
    pub unsafe fn load_splat(from: *const i32) -> Self {
        Self(v128_load32_splat(from.cast()))
    }
    /// Four i16, sign-extended.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_i16(from: *const u8) -> Self {
        Self(i32x4_load_extend_i16x4(from.cast()))
    }
    /// Eight i8, sign-extended to two vectors.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_i8x8(from: *const u8) -> [Self; 2] {
        let words = i16x8_load_extend_i8x8(from.cast());
        [Self(i32x4_extend_low_i16x8(words)), Self(i32x4_extend_high_i16x8(words))]
    }
    /// Eight u8, zero-extended to two vectors.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_u8x8(from: *const u8) -> [Self; 2] {
        let words = i16x8_load_extend_u8x8(from);
        [Self(u32x4_extend_low_u16x8(words)), Self(u32x4_extend_high_u16x8(words))]
    }
    /// Writes the lanes, each within 0..=65535, as 4 u16.
    /// # Safety
    /// `to` points to 8 writable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn store_u16(self, to: *mut u8) {
        v128_store64_lane::<0>(u16x8_narrow_i32x4(self.0, self.0), to.cast())
    }
    #[inline(always)]
    pub fn splat(x: i32) -> Self {
        Self(i32x4_splat(x))
    }
    #[inline(always)]
    pub fn from_array([a, b, c, d]: [i32; 4]) -> Self {
        Self(i32x4(a, b, c, d))
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        let v = self.0;
        [
            i32x4_extract_lane::<0>(v),
            i32x4_extract_lane::<1>(v),
            i32x4_extract_lane::<2>(v),
            i32x4_extract_lane::<3>(v),
        ]
    }
    /// Whether a lane is not zero.
    #[inline(always)]
    pub fn any(self) -> bool {
        v128_any_true(self.0)
    }
    #[inline(always)]
    pub fn shl<const N: u32>(self) -> Self {
        Self(i32x4_shl(self.0, N))
    }
    #[inline(always)]
    pub fn shr_s<const N: u32>(self) -> Self {
        Self(i32x4_shr(self.0, N))
    }
    #[inline(always)]
    pub fn shr_u<const N: u32>(self) -> Self {
        Self(u32x4_shr(self.0, N))
    }
    /// Bit `from` of each lane moved to place `to` and its neighbours with it, zeros in.
    #[inline(always)]
    pub fn move_bits(self, from: u32, to: u32) -> Self {
        Self(if to >= from { i32x4_shl(self.0, to - from) } else { u32x4_shr(self.0, from - to) })
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }
    #[inline(always)]
    pub fn select(mask: Self, yes: Self, no: Self) -> Self {
        Self(v128_bitselect(yes.0, no.0, mask.0))
    }
}

impl Bytes {
    #[inline(always)]
    pub fn from_i32_bits(bits: I32x4) -> Self {
        Self(bits.0)
    }
    binary! {
        both = v128_and;
        either = v128_or;
        differ = v128_xor;
        plus = u8x16_add;
        minus = u8x16_sub;
        /// All ones in each byte that is greater than the other one, both as signed bytes; zero elsewhere.
        gt_signed = i8x16_gt;
    }

    /// Eight bytes, then eight others.
    /// # Safety
    /// Both point to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_halves(first: *const u8, second: *const u8) -> Self {
        Self(v128_load64_lane::<1>(v128_load64_zero(first.cast()), second.cast()))
    }
    /// Four words of 4 bytes.
    /// # Safety
    /// Each points to 4 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_words(words: [*const u8; 4]) -> Self {
        let v = v128_load32_zero(words[0].cast());
        let v = v128_load32_lane::<1>(v, words[1].cast());
        let v = v128_load32_lane::<2>(v, words[2].cast());
        Self(v128_load32_lane::<3>(v, words[3].cast()))
    }
    /// The words (of 4 bytes) 0 and 2 of `self`, then those of `other`; and the words 1 and 3.
    #[inline(always)]
    pub fn even_odd_words(self, other: Self) -> [Self; 2] {
        [
            Self(i32x4_shuffle::<0, 2, 4, 6>(self.0, other.0)),
            Self(i32x4_shuffle::<1, 3, 5, 7>(self.0, other.0)),
        ]
    }
    /// # Safety
    /// `from` points to 16 readable bytes.
    #[inline(always)]
    pub unsafe fn load(from: *const u8) -> Self {
        Self(v128_load(from.cast()))
    }
    /// # Safety
    /// `to` points to 16 writable bytes.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut u8) {
        v128_store(to.cast(), self.0)
    }
    #[inline(always)]
    pub fn splat(x: u8) -> Self {
        Self(u8x16_splat(x))
    }
    /// Each byte shifted right, zeros in.
    #[inline(always)]
    pub fn shr<const N: u32>(self) -> Self {
        Self(u8x16_shr(self.0, N))
    }
    /// 16-bit pairs shifted right: bits cross into the lower byte, so mask afterwards.
    #[inline(always)]
    pub fn shr_pairs<const N: u32>(self) -> Self {
        Self(u16x8_shr(self.0, N))
    }
    /// 16-bit pairs shifted left: bits cross into the upper byte, so mask afterwards.
    #[inline(always)]
    pub fn shl_pairs<const N: u32>(self) -> Self {
        Self(u16x8_shl(self.0, N))
    }
    /// Bit `from` of each byte moved to place `to` and its neighbours with it; bits cross into the other byte of a
    /// 16-bit pair, so mask afterwards.
    #[inline(always)]
    pub fn move_bits(self, from: u32, to: u32) -> Self {
        Self(if to >= from { u16x8_shl(self.0, to - from) } else { u16x8_shr(self.0, from - to) })
    }
    /// `self` as a table of 16 bytes: those at `indices`, each below 16.
    #[inline(always)]
    pub fn look_up(self, indices: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(i8x16_relaxed_swizzle(self.0, indices.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(i8x16_swizzle(self.0, indices.0));
    }
    /// Four vectors of i32, each lane within -128..=127, as 16 signed bytes.
    #[inline(always)]
    pub fn from_i32(parts: [I32x4; 4]) -> Self {
        let low = i16x8_narrow_i32x4(parts[0].0, parts[1].0);
        let high = i16x8_narrow_i32x4(parts[2].0, parts[3].0);
        Self(i8x16_narrow_i16x8(low, high))
    }
    /// Sixteen signed bytes added in fours: lane i holds bytes 4 i to 4 i + 3.
    #[inline(always)]
    pub fn sum4_signed(self) -> I32x4 {
        I32x4(i32x4_extadd_pairwise_i16x8(i16x8_extadd_pairwise_i8x16(self.0)))
    }
}

/// Four signed activation bytes, repeated in each lane and ready for `dot4`.
#[derive(Clone, Copy)]
pub struct Act4 {
    #[cfg(target_feature = "relaxed-simd")]
    bytes: v128,
    #[cfg(not(target_feature = "relaxed-simd"))]
    even_odd: [v128; 2],
}
/// Sixteen weight bytes, within 0..=127 unless `quant::byte_dot` says more, ready for `dot4`: lane i holds 4 consecutive k of row i.
#[derive(Clone, Copy)]
pub struct Weights4 {
    #[cfg(target_feature = "relaxed-simd")]
    bytes: v128,
    #[cfg(not(target_feature = "relaxed-simd"))]
    even_odd: [v128; 2],
}

impl Act4 {
    /// # Safety
    /// `from` points to 4 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const u8) -> Self {
        let bytes = v128_load32_splat(from.cast());
        #[cfg(target_feature = "relaxed-simd")]
        return Self { bytes };
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self { even_odd: [i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8)] };
    }
}

impl Weights4 {
    #[inline(always)]
    pub fn new(quants: Bytes) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self { bytes: quants.0 };
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self { even_odd: [v128_and(quants.0, u16x8_splat(0xff)), u16x8_shr(quants.0, 8)] };
    }
}

/// `acc[i] + sum of act[j] * weights[4 i + j]` over j in 0..4, exactly.
#[inline(always)]
pub fn dot4(acc: I32x4, act: Act4, weights: Weights4) -> I32x4 {
    #[cfg(target_feature = "relaxed-simd")]
    return I32x4(i32x4_relaxed_dot_i8x16_i7x16_add(act.bytes, weights.bytes, acc.0));
    #[cfg(not(target_feature = "relaxed-simd"))]
    {
        let even = i32x4_dot_i16x8(act.even_odd[0], weights.even_odd[0]);
        let odd = i32x4_dot_i16x8(act.even_odd[1], weights.even_odd[1]);
        I32x4(i32x4_add(acc.0, i32x4_add(even, odd)))
    }
}
