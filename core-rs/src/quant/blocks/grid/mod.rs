//! The formats whose magnitudes come out of codebooks, four or eight columns at a time, one a file, and what they share.
//! Each forms a plane of levels in memory and multiplies that. Signed levels have the offset 64.
//!
//! A packed group of 32 columns begins with the low bytes of its indices, `[entry][8 rows]`; further bits of them stand
//! where the format has room.

pub mod iq1_m;
pub mod iq1_s;
pub mod iq2_s;
pub mod iq2_xs;
pub mod iq2_xxs;
pub mod iq3_s;
pub mod iq3_xxs;
mod signs;

use super::{apply_scales, load_scales, minus_8_sums};
use crate::quant::activation::{GROUP_BYTES, MINUS_32_SUMS_AT};
use crate::quant::planes::{dot_group, dot_half, Expanded, IntSums, LevelSource, PlaneRoom};
use crate::quant::{integer_dot, Constants, TileSums, GROUP};
use crate::simd::{Bytes, F32x4, I32x4};

/// Where each of 8 rows finds its columns in a codebook, in bytes.
type Places = [I32x4; 2];

/// `low` bytes of indices of 8 rows with the bits above them, into a codebook with entries of `1 << SHIFT` bytes.
#[inline(always)]
unsafe fn places<const SHIFT: u32>(low: *const u8, high: impl Fn(usize) -> I32x4) -> Places {
    let [first, second] = I32x4::load_u8x8(low);
    [first.shl::<SHIFT>() | high(0), second.shl::<SHIFT>() | high(1)]
}

/// Row `row`'s place for entry `entry`.
#[inline(always)]
unsafe fn place(places: &[Places], entry: usize, row: usize) -> usize {
    *places.as_ptr().cast::<u32>().add(8 * entry + row) as usize
}

/// Writes a plane out of a codebook of 8 columns: `place(entry, row)` tells where it has them, `level(step, half, bytes)`
/// makes levels of them.
/// # Safety
/// `to` points to EXPANDED_PLANE_BYTES writable bytes; places are within the codebook.
#[inline(always)]
unsafe fn form_by_8(
    to: *mut u8,
    codebook: *const u8,
    place: impl Fn(usize, usize) -> usize,
    level: impl Fn(usize, usize, Bytes) -> Bytes,
    c: &Constants,
) {
    for two in 0..c.two {
        for entry in 0..2 {
            let step = 4 * two + 2 * entry;
            for half in 0..2 {
                let columns = |row| codebook.add(place(2 * two + entry, 4 * half + row));
                let first = Bytes::load_halves(columns(0), columns(1));
                let second = Bytes::load_halves(columns(2), columns(3));
                let [even, odd] = first.even_odd_words(second);
                let at = to.add(32 * step + 16 * half);
                level(step, half, even).store(at);
                level(step + 1, half, odd).store(at.add(32));
            }
        }
    }
}

/// The same with a codebook of 4 columns.
/// # Safety
/// As `form_by_8`.
#[inline(always)]
unsafe fn form_by_4(
    to: *mut u8,
    codebook: *const u8,
    place: impl Fn(usize, usize) -> usize,
    level: impl Fn(usize, usize, Bytes) -> Bytes,
    c: &Constants,
) {
    for two in 0..c.two {
        for step in 4 * two..4 * two + 4 {
            for half in 0..2 {
                let columns = |row| codebook.add(place(step, 4 * half + row));
                let words = Bytes::load_words([columns(0), columns(1), columns(2), columns(3)]);
                level(step, half, words).store(to.add(32 * step + 16 * half));
            }
        }
    }
}

/// Where the integer sums of levels with the offset 64 start.
#[inline(always)]
unsafe fn minus_64_sums<const R: usize>(act: &[*const u8; R]) -> [IntSums; R] {
    minus_8_sums(act).map(|rows| rows.map(|sum| sum.shl::<3>()))
}

/// Integer sums of a group with one factor for each 16 columns and 8 rows; `start` makes of -32 times the activations'
/// sums what corrects the levels' offset.
#[inline(always)]
unsafe fn scaled_halves<const R: usize>(
    levels: Expanded,
    factors: [[I32x4; 2]; 2],
    start: impl Fn(I32x4) -> I32x4,
    act: &[*const u8; R],
) -> [IntSums; R] {
    let mut totals = [[I32x4::splat(0); 2]; R];
    for (sub, factors) in factors.into_iter().enumerate() {
        let mut sums = act.map(|a| {
            [start(I32x4::load_splat(a.add(MINUS_32_SUMS_AT + 4 * sub).cast())); 2]
        });
        dot_half(&mut sums, levels, 0, sub, act);
        for row in 0..R {
            for half in 0..2 {
                totals[row][half] = totals[row][half] + sums[row][half] * factors[half];
            }
        }
    }
    totals
}

/// The two factors `2 nibble + 1` of a group out of a byte of 8 rows, the low nibbles first.
#[inline(always)]
unsafe fn nibble_factors(bytes: *const u8) -> [[I32x4; 2]; 2] {
    let bytes = I32x4::load_u8x8(bytes);
    [0, 4].map(|from| bytes.map(|byte| odd(byte.move_bits(from, 1), 30)))
}

/// `bits` under a mask, plus 1.
#[inline(always)]
fn odd(bits: I32x4, mask: i32) -> I32x4 {
    (bits & I32x4::splat(mask)) | I32x4::splat(1)
}

/// Factors times the rows' f16 numbers, which is exact.
#[inline(always)]
fn scaled(d: TileSums, factors: [I32x4; 2]) -> TileSums {
    [d[0] * factors[0].to_f32(), d[1] * factors[1].to_f32()]
}

/// `accumulate` of formats whose signs have four spare bits, a group's scale: `signs(g)` points to its plane of signs, and d
/// is multiplied with `factor`.
#[inline(always)]
unsafe fn accumulate_spare_scales<const R: usize>(
    sums: &mut [TileSums; R],
    (packed, factor): (*const u8, f32),
    signs: impl Fn(usize) -> *const u8,
    source: impl LevelSource,
    act: [*const u8; R],
    c: &Constants,
) {
    let d = load_scales(packed, c).map(|d| d * F32x4::splat(factor));
    let mut room = PlaneRoom::uninit();
    for g in 0..8 {
        let act = act.map(|a| a.add(g * GROUP_BYTES));
        let mut integer = minus_64_sums(&act);
        dot_group(&mut integer, source.formed(g, &mut room), 0, &act);
        let factors = signs::spare_factors(signs::load_plane(signs(g)));
        apply_scales(sums, &integer, scaled(d, factors), &act);
    }
}

/// `accumulate` of formats with a nibble of scale for each 16 columns: `scales(g)` points to a group's bytes, and d is
/// multiplied with `factor`.
#[inline(always)]
unsafe fn accumulate_nibble_scales<const R: usize>(
    sums: &mut [TileSums; R],
    (packed, factor): (*const u8, f32),
    scales: impl Fn(usize) -> *const u8,
    source: impl LevelSource,
    act: [*const u8; R],
    c: &Constants,
) {
    let d = load_scales(packed, c).map(|d| d * F32x4::splat(factor));
    let mut room = PlaneRoom::uninit();
    for g in 0..8 {
        let act = act.map(|a| a.add(g * GROUP_BYTES));
        let levels = source.formed(g, &mut room);
        let integer = scaled_halves(levels, nibble_factors(scales(g)), |sum| sum.shl::<1>(), &act);
        apply_scales(sums, &integer, d, &act);
    }
}

/// Scalar twin: the values of a block's groups.
fn dequantize_groups(d: f32, to: &mut [f32], group: impl Fn(usize) -> Group) {
    for (g, values) in to.chunks_mut(GROUP).enumerate() {
        unsafe { group(g).write(d, values.as_mut_ptr()) };
    }
}

/// Scalar twin: `sum` plus the products of a block's groups, each added by `add`.
fn accumulate_groups(
    sum: f32,
    d: f32,
    quants: &[i32],
    scales: &[f32],
    add: impl Fn(&Group, f32, f32, &[i32], f32) -> f32,
    group: impl Fn(usize) -> Group,
) -> f32 {
    let groups = quants.chunks(GROUP).zip(scales).enumerate();
    groups.fold(sum, |sum, (g, (quants, &scale))| add(&group(g), sum, d, quants, scale))
}

/// Scalar twin of a group of 32 columns: levels without their offset, and one odd factor for each 16 of them.
struct Group {
    levels: [i32; GROUP],
    factors: [i32; 2],
}

impl Group {
    /// Signed magnitudes: `entry(i)` is entry i of the codebook, `signs(i)` the bits of columns 8 i and above.
    fn signed<const COLS: usize>(
        entry: impl Fn(usize) -> [u8; COLS],
        signs: impl Fn(usize) -> u8,
        factors: [i32; 2],
    ) -> Self {
        let level = |k: usize| {
            let magnitude = i32::from(entry(k / COLS)[k % COLS]);
            if signs(k / 8) >> (k % 8) & 1 == 0 { magnitude } else { -magnitude }
        };
        Self { levels: core::array::from_fn(level), factors }
    }

    /// Writes the 32 values.
    /// # Safety
    /// `to` points to 32 writable f32.
    unsafe fn write(&self, d: f32, to: *mut f32) {
        for (k, &level) in self.levels.iter().enumerate() {
            *to.add(k) = d * self.factors[k / 16] as f32 * level as f32;
        }
    }

    /// `sum` plus the products of a group whose factors are equal.
    fn accumulate(&self, sum: f32, d: f32, quants: &[i32], scale: f32) -> f32 {
        let integer = integer_dot(quants, |k| self.levels[k]);
        sum + integer as f32 * (d * self.factors[0] as f32 * scale)
    }

    /// `sum` plus the products of a group with two factors.
    fn accumulate_halves(&self, sum: f32, d: f32, quants: &[i32], scale: f32) -> f32 {
        let half = |sub: usize| {
            let part = &quants[16 * sub..16 * sub + 16];
            self.factors[sub] * integer_dot(part, |k| self.levels[16 * sub + k])
        };
        sum + (half(0) + half(1)) as f32 * (d * scale)
    }
}
