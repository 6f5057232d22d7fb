//! Q4_K: 256 columns, f16 factors, for each 32 columns a six-bit scale and minimum, `value = d scale q - dmin minimum` with
//! q in 0..=15.
//!
//! File block: d, dmin, 12 bytes of scales and minima (`six_bits::with_minimum`), 128 bytes of nibbles: each 32 bytes
//! hold 64 columns, low nibbles the first 32. Packed: 8 d, 8 dmin, the scales' bytes, then 8 nibble planes. A group is
//! then as in Q4_1, with scales that are made on the way.

use super::{add_minima, apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::GROUP_BYTES;
use crate::quant::planes::{
    dot_group, gather_f16, nibbles, pack_plane, unpack_plane, word, LevelSource, PLANE_BYTES,
};
use crate::quant::six_bits::{
    decode_with_minima, gather_bytes, row_bytes, scaled, with_minimum, WITH_MINIMA_BYTES,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Q4K;

/// The parts of the file's block; Q5_K has the same head.
pub(super) const FILE_SCALES: usize = 4;
const FILE_NIBBLES: usize = 16;
/// The parts of a packed block, Q5_K's too.
const SCALES_AT: usize = 32;
pub(super) const GROUPS_AT: usize = SCALES_AT + TILE * WITH_MINIMA_BYTES;

/// The nibbles of a step of group `g` out of 128 bytes in Q4_K's order.
#[inline(always)]
pub(super) unsafe fn file_nibbles(quants: *const u8, g: usize, step: usize) -> u32 {
    (word(quants.add(32 * (g / 2) + 4 * step)) >> (4 * (g % 2))) & 0x0f0f_0f0f
}

/// The nibble of a column out of 128 bytes in Q4_K's order.
pub(super) fn file_nibble(quants: &[u8], column: usize) -> u8 {
    quants[32 * (column / 64) + column % 32] >> (4 * (column / 32 % 2)) & 15
}

/// Packs d, dmin and the scales.
#[inline(always)]
pub(super) unsafe fn pack_head(rows: &[*const u8; TILE], to: *mut u8) {
    gather_f16(rows, 0, to);
    gather_f16(rows, 2, to.add(16));
    gather_bytes(rows, FILE_SCALES, WITH_MINIMA_BYTES, to.add(SCALES_AT));
}

/// Adds the products of the 8 groups, whose planes are numbered alike.
#[inline(always)]
pub(super) unsafe fn accumulate_groups<const R: usize>(
    sums: &mut [TileSums; R],
    packed: *const u8,
    source: impl LevelSource,
    act: &[*const u8; R],
    c: &Constants,
) {
    let d = load_scales(packed, c);
    let minus_dmin = load_scales(packed.add(16), c).map(|dmin| -dmin);
    let scales = decode_with_minima(packed.add(SCALES_AT), c);
    let scales = scales.as_ptr();
    for g in 0..8 {
        let act = act.map(|a| a.add(g * GROUP_BYTES));
        let mut integer = [[I32x4::splat(0); 2]; R];
        dot_group(&mut integer, source, g, &act);
        apply_scales(sums, &integer, scaled(d, scales.add(TILE * g)), &act);
        add_minima(sums, scaled(minus_dmin, scales.add(64 + TILE * g)), &act);
    }
}

/// Writes one row of a packed block; `level` gives that of column `k` in group `g`.
pub(super) unsafe fn unpack_groups(
    packed: *const u8,
    row: usize,
    to: *mut f32,
    levels: impl Fn(usize) -> [u8; GROUP],
) {
    let (d, dmin) = (scale_of_row(packed, row), scale_of_row(packed.add(16), row));
    let scales: [u8; WITH_MINIMA_BYTES] = row_bytes(packed.add(SCALES_AT), row);
    for g in 0..8 {
        let (scale, minimum) = with_minimum(&scales, g);
        for (k, level) in levels(g).into_iter().enumerate() {
            *to.add(GROUP * g + k) =
                d * f32::from(scale) * f32::from(level) - dmin * f32::from(minimum);
        }
    }
}

/// Scalar twin of a block: `level` gives that of a column.
pub(super) fn dequantize_groups(block: &[u8], to: &mut [f32], level: impl Fn(usize) -> u8) {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (k, value) in to.iter_mut().enumerate() {
        let (scale, minimum) = with_minimum(&block[FILE_SCALES..], k / GROUP);
        *value = d * f32::from(scale) * f32::from(level(k)) - dmin * f32::from(minimum);
    }
}

/// Scalar twin of `accumulate_groups`.
pub(super) fn accumulate_groups_scalar(
    mut sum: f32,
    block: &[u8],
    quants: &[i32],
    scales: &[f32],
    level: impl Fn(usize) -> u8,
) -> f32 {
    let (d, dmin) = (f16_at(block, 0), f16_at(block, 2));
    for (g, group) in quants.chunks(GROUP).enumerate() {
        let (scale, minimum) = with_minimum(&block[FILE_SCALES..], g);
        let integer = integer_dot(group, |k| i32::from(level(GROUP * g + k)));
        let total = integer_dot(group, |_| 1);
        sum += integer as f32 * (d * f32::from(scale) * scales[g]);
        sum += -dmin * f32::from(minimum) * (total as f32 * scales[g]);
    }
    sum
}

impl BlockFormat for Q4K {
    const COLS: usize = 256;
    const BYTES: usize = 144;
    const F16_OFFSETS: &'static [usize] = &[0, 2];
    const EXPANDS: bool = false;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        pack_head(rows, to);
        for g in 0..8 {
            pack_plane(to.add(GROUPS_AT + g * PLANE_BYTES), |row, step| {
                file_nibbles(rows[row].add(FILE_NIBBLES), g, step)
            });
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        nibbles(packed.add(GROUPS_AT + plane * PLANE_BYTES), step, c)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        accumulate_groups(sums, packed, source, &act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        unpack_groups(packed, row, to, |g| {
            unpack_plane(packed.add(GROUPS_AT + g * PLANE_BYTES), row)
        });
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        dequantize_groups(block, to, |k| file_nibble(&block[FILE_NIBBLES..], k));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let level = |k| file_nibble(&block[FILE_NIBBLES..], k);
        accumulate_groups_scalar(sum, block, quants, scales, level)
    }
}
