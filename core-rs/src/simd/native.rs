//! The vector primitives on plain arrays, with the results of wasm's plain SIMD, so that `cargo test` runs the kernels.

use core::array::from_fn;

/// Four f32 lanes.
#[derive(Clone, Copy)]
pub struct F32x4([f32; 4]);
/// Four i32 lanes; also the mask type (all ones or zero a lane).
#[derive(Clone, Copy)]
pub struct I32x4([i32; 4]);
/// Sixteen raw bytes.
#[derive(Clone, Copy)]
pub struct Bytes([u8; 16]);

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $lane:expr;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self, other: Self) -> Self {
            Self(from_fn(|i| $lane(self.0[i], other.0[i])))
        })*
    };
}
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident = $lane:expr;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self) -> Self { Self(self.0.map($lane)) })*
    };
}
macro_rules! compare {
    ($($(#[$doc:meta])* $name:ident = $lane:expr;)*) => {
        $($(#[$doc])* #[inline(always)] pub fn $name(self, other: Self) -> I32x4 {
            I32x4(from_fn(|i| if $lane(&self.0[i], &other.0[i]) { -1 } else { 0 }))
        })*
    };
}

impl F32x4 {
    binary! {
        plus = |a: f32, b: f32| a + b;
        minus = |a: f32, b: f32| a - b;
        times = |a: f32, b: f32| a * b;
        over = |a: f32, b: f32| a / b;
        /// Smaller lane; NaN if either is.
        min = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.min(b) };
        /// Larger lane; NaN if either is.
        max = |a: f32, b: f32| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) };
        /// `other < self ? other : self`: one instruction on x86, for numbers known not to be NaN.
        pmin = |a: f32, b: f32| if b < a { b } else { a };
        /// `self < other ? other : self`.
        pmax = |a: f32, b: f32| if a < b { b } else { a };
    }
    unary! {
        sqrt = f32::sqrt;
        floor = f32::floor;
        /// Nearest integer, ties to even.
        nearest = f32::round_ties_even;
    }
    compare! {
        lt = f32::lt;
        le = f32::le;
        gt = f32::gt;
        ge = f32::ge;
        eq = f32::eq;
    }

    /// # Safety
    /// `from` points to 4 readable f32, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const f32) -> Self {
        Self(from.cast::<[f32; 4]>().read_unaligned())
    }
    /// # Safety
    /// `to` points to 4 writable f32, any alignment.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut f32) {
        to.cast::<[f32; 4]>().write_unaligned(self.0)
    }
    /// # Safety
    /// `from` points to a readable f32, any alignment.
    #[inline(always)]
    pub unsafe fn load_splat(from: *const f32) -> Self {
        Self::splat(from.read_unaligned())
    }
    /// Lanes `A` to `D` of the eight of both, those of `other` being 4 to 7.
    #[inline(always)]
    pub fn pick<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        let lane = |i: usize| if i < 4 { self.0[i] } else { other.0[i - 4] };
        Self([lane(A), lane(B), lane(C), lane(D)])
    }
    #[inline(always)]
    pub fn splat(x: f32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    pub fn from_array(lanes: [f32; 4]) -> Self {
        Self(lanes)
    }
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }
    /// `self + a * b`, rounded twice.
    #[inline(always)]
    pub fn madd(self, a: Self, b: Self) -> Self {
        self + a * b
    }
    /// Truncates to i32, saturating; NaN gives 0.
    #[inline(always)]
    pub fn to_i32(self) -> I32x4 {
        I32x4(self.0.map(|x| x as i32))
    }
    #[inline(always)]
    pub fn bits(self) -> I32x4 {
        I32x4(self.0.map(|x| x.to_bits() as i32))
    }
    #[inline(always)]
    pub fn from_bits(bits: I32x4) -> Self {
        Self(bits.0.map(|x| f32::from_bits(x as u32)))
    }
}

impl I32x4 {
    binary! {
        plus = i32::wrapping_add;
        minus = i32::wrapping_sub;
        times = i32::wrapping_mul;
        both = |a, b| a & b;
        either = |a, b| a | b;
        differ = |a, b| a ^ b;
        min = Ord::min;
        max = Ord::max;
    }
    compare! {
        gt = i32::gt;
        eq = i32::eq;
    }

    /// # Safety
    /// `from` points to 4 readable i32, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const i32) -> Self {
        Self(from.cast::<[i32; 4]>().read_unaligned())
    }
    /// # Safety
    /// `to` points to 4 writable i32, any alignment.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut i32) {
        to.cast::<[i32; 4]>().write_unaligned(self.0)
    }
    /// # Safety
    /// `from` points to a readable i32, any alignment.
    #[inline(always)]
    pub unsafe fn load_splat(from: *const i32) -> Self {
        Self::splat(from.read_unaligned())
    }
    /// Four i16, sign-extended.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_i16(from: *const u8) -> Self {
        Self(from.cast::<[i16; 4]>().read_unaligned().map(i32::from))
    }
    /// Eight i8, sign-extended to two vectors.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_i8x8(from: *const u8) -> [Self; 2] {
        from.cast::<[[i8; 4]; 2]>().read_unaligned().map(|half| Self(half.map(i32::from)))
    }
    /// Eight u8, zero-extended to two vectors.
    /// # Safety
    /// `from` points to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_u8x8(from: *const u8) -> [Self; 2] {
        from.cast::<[[u8; 4]; 2]>().read_unaligned().map(|half| Self(half.map(i32::from)))
    }
    /// Writes the lanes, each within 0..=65535, as 4 u16.
    /// # Safety
    /// `to` points to 8 writable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn store_u16(self, to: *mut u8) {
        to.cast::<[u16; 4]>().write_unaligned(self.0.map(|x| x.clamp(0, 65535) as u16))
    }
    #[inline(always)]
    pub fn splat(x: i32) -> Self {
        Self([x; 4])
    }
    #[inline(always)]
    pub fn from_array(lanes: [i32; 4]) -> Self {
        Self(lanes)
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        self.0
    }
    /// Whether a lane is not zero.
    #[inline(always)]
    pub fn any(self) -> bool {
        self.0.iter().any(|&lane| lane != 0)
    }
    #[inline(always)]
    pub fn shl<const N: u32>(self) -> Self {
        Self(self.0.map(|x| x << N))
    }
    #[inline(always)]
    pub fn shr_s<const N: u32>(self) -> Self {
        Self(self.0.map(|x| x >> N))
    }
    #[inline(always)]
    pub fn shr_u<const N: u32>(self) -> Self {
        Self(self.0.map(|x| (x as u32 >> N) as i32))
    }
    /// Bit `from` of each lane moved to place `to` and its neighbours with it, zeros in.
    #[inline(always)]
    pub fn move_bits(self, from: u32, to: u32) -> Self {
        let shift = |x: u32| if to >= from { x << (to - from) } else { x >> (from - to) };
        Self(self.0.map(|x| shift(x as u32) as i32))
    }
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(self.0.map(|x| x as f32))
    }
    #[inline(always)]
    pub fn select(mask: Self, yes: Self, no: Self) -> Self {
        Self(from_fn(|i| (mask.0[i] & yes.0[i]) | (!mask.0[i] & no.0[i])))
    }
}

impl Bytes {
    #[inline(always)]
    pub fn from_i32_bits(bits: I32x4) -> Self {
        Self(from_fn(|i| bits.0[i / 4].to_le_bytes()[i % 4]))
    }
    binary! {
        both = |a, b| a & b;
        either = |a, b| a | b;
        differ = |a, b| a ^ b;
        plus = u8::wrapping_add;
        minus = u8::wrapping_sub;
        /// All ones in each byte that is greater than the other one, both as signed bytes; zero elsewhere.
        gt_signed = |a, b| if a as i8 > b as i8 { 255 } else { 0 };
    }

    /// Eight bytes, then eight others.
    /// # Safety
    /// Both point to 8 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_halves(first: *const u8, second: *const u8) -> Self {
        let halves = [first, second].map(|half| half.cast::<[u8; 8]>().read_unaligned());
        Self(from_fn(|i| halves[i / 8][i % 8]))
    }
    /// Four words of 4 bytes.
    /// # Safety
    /// Each points to 4 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load_words(words: [*const u8; 4]) -> Self {
        let words = words.map(|word| word.cast::<[u8; 4]>().read_unaligned());
        Self(from_fn(|i| words[i / 4][i % 4]))
    }
    /// The words (of 4 bytes) 0 and 2 of `self`, then those of `other`; and the words 1 and 3.
    #[inline(always)]
    pub fn even_odd_words(self, other: Self) -> [Self; 2] {
        let both = [self.0, other.0];
        [0, 1].map(|odd| Self(from_fn(|i| both[i / 8][8 * (i / 4 % 2) + 4 * odd + i % 4])))
    }
    /// # Safety
    /// `from` points to 16 readable bytes.
    #[inline(always)]
    pub unsafe fn load(from: *const u8) -> Self {
        Self(from.cast::<[u8; 16]>().read_unaligned())
    }
    /// # Safety
    /// `to` points to 16 writable bytes.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut u8) {
        to.cast::<[u8; 16]>().write_unaligned(self.0)
    }
    #[inline(always)]
    pub fn splat(x: u8) -> Self {
        Self([x; 16])
    }
    /// Each byte shifted right, zeros in.
    #[inline(always)]
    pub fn shr<const N: u32>(self) -> Self {
        Self(self.0.map(|x| x >> N))
    }
    fn pairs(self, shift: impl Fn(u16) -> u16) -> Self {
        Self(from_fn(|i| {
            let first = i & !1;
            shift(u16::from_le_bytes([self.0[first], self.0[first + 1]])).to_le_bytes()[i & 1]
        }))
    }
    /// 16-bit pairs shifted right: bits cross into the lower byte, so mask afterwards.
    #[inline(always)]
    pub fn shr_pairs<const N: u32>(self) -> Self {
        self.pairs(|x| x >> N)
    }
    /// 16-bit pairs shifted left: bits cross into the upper byte, so mask afterwards.
    #[inline(always)]
    pub fn shl_pairs<const N: u32>(self) -> Self {
        self.pairs(|x| x << N)
    }
    /// Bit `from` of each byte moved to place `to` and its neighbours with it; bits cross into the other byte of a
    /// 16-bit pair, so mask afterwards.
    #[inline(always)]
    pub fn move_bits(self, from: u32, to: u32) -> Self {
        self.pairs(|x| if to >= from { x << (to - from) } else { x >> (from - to) })
    }
    /// `self` as a table of 16 bytes: those at `indices`, each below 16.
    #[inline(always)]
    pub fn look_up(self, indices: Self) -> Self {
        Self(indices.0.map(|i| self.0[usize::from(i)]))
    }
    /// Four vectors of i32, each lane within -128..=127, as 16 signed bytes.
    #[inline(always)]
    pub fn from_i32(parts: [I32x4; 4]) -> Self {
        Self(from_fn(|i| parts[i / 4].0[i % 4].clamp(-128, 127) as i8 as u8))
    }
    /// Sixteen signed bytes added in fours: lane i holds bytes 4 i to 4 i + 3.
    #[inline(always)]
    pub fn sum4_signed(self) -> I32x4 {
        I32x4(from_fn(|i| (0..4).map(|j| i32::from(self.0[4 * i + j] as i8)).sum()))
    }
}

/// Four signed activation bytes, repeated in each lane and ready for `dot4`.
#[derive(Clone, Copy)]
pub struct Act4([i8; 4]);
/// Sixteen weight bytes, within 0..=127 unless `quant::byte_dot` says more, ready for `dot4`: lane i holds 4 consecutive k of row i.
#[derive(Clone, Copy)]
pub struct Weights4([u8; 16]);

// Tests of both ways of `quant::byte_dot` run side by side.
#[cfg(test)]
std::thread_local!(pub static SIGNED_BYTES: core::cell::Cell<bool> = const { core::cell::Cell::new(false) });

/// A weight byte as processors take it: unsigned, in tests also signed.
#[inline(always)]
fn weight(byte: u8) -> i32 {
    #[cfg(test)]
    if SIGNED_BYTES.get() {
        return i32::from(byte as i8);
    }
    i32::from(byte)
}

impl Act4 {
    /// # Safety
    /// `from` points to 4 readable bytes, any alignment.
    #[inline(always)]
    pub unsafe fn load(from: *const u8) -> Self {
        Self(from.cast::<[i8; 4]>().read_unaligned())
    }
}

impl Weights4 {
    #[inline(always)]
    pub fn new(quants: Bytes) -> Self {
        Self(quants.0)
    }
}

/// `acc[i] + sum of act[j] * weights[4 i + j]` over j in 0..4, exactly.
#[inline(always)]
pub fn dot4(acc: I32x4, act: Act4, weights: Weights4) -> I32x4 {
    I32x4(from_fn(|i| {
        let products = (0..4).map(|j| i32::from(act.0[j]) * weight(weights.0[4 * i + j]));
        acc.0[i] + products.sum::<i32>()
    }))
}
