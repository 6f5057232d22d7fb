//! Q2_K: 256 columns, f16 factors, for each 16 columns a four-bit scale and minimum, `value = d scale q - dmin minimum` with
//! q in 0..=3.
//!
//! File block: 16 bytes (scale low, minimum high), 64 bytes of pairs, d, dmin. Byte l of each 32 bytes of pairs holds
//! columns l, l + 32, l + 64, l + 96 of 128, from the lowest bits up. Packed: 8 d, 8 dmin, then for each of the 8 groups of
//! 32 columns the pairs (`high_bits`) and 2 x 8 bytes of scales and minima. The integer sum of a group's minima takes
//! the activations' sums of 16 as they stand, times -32, so dmin is divided by 32.

use super::{apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::{GROUP_BYTES, MINUS_32_SUMS_AT};
use crate::quant::high_bits::{pack_pairs, pairs_at, unpack_pairs, PAIRS_BYTES};
use crate::quant::planes::{dot_half, gather_f16, word, IntSums, LevelSource};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{Bytes, F32x4, I32x4};

pub struct Q2K;

/// The parts of the file's block.
const FILE_PAIRS: usize = 16;
const FILE_D: usize = 80;
const FILE_DMIN: usize = 82;
/// The parts of a packed block and of its groups.
const GROUPS_AT: usize = 32;
const SCALES_AT: usize = PAIRS_BYTES;
const PACKED_GROUP: usize = SCALES_AT + 16;

/// The pairs of a step of group `g` out of 64 bytes in Q2_K's order.
#[inline(always)]
pub(super) unsafe fn file_pairs(pairs: *const u8, g: usize, step: usize) -> u32 {
    (word(pairs.add(32 * (g / 4) + 4 * step)) >> (2 * (g % 4))) & 0x0303_0303
}

/// The pair of a column out of 64 bytes in Q2_K's order.
pub(super) fn file_pair(pairs: &[u8], column: usize) -> u8 {
    pairs[32 * (column / 128) + column % 32] >> (2 * (column / 32 % 4)) & 3
}

/// Integer sums of one group: levels times scales, and minima times -32 x the activations' sums.
#[inline(always)]
unsafe fn scaled_sums<const R: usize>(
    group: *const u8,
    source: impl LevelSource,
    plane: usize,
    act: &[*const u8; R],
) -> [[IntSums; R]; 2] {
    let zero = [[I32x4::splat(0); 2]; R];
    let (mut totals, mut minima) = (zero, zero);
    for sub in 0..2 {
        let mut sums = zero;
        dot_half(&mut sums, source, plane, sub, act);
        let both = I32x4::load_i8x8(group.add(SCALES_AT + 8 * sub));
        for half in 0..2 {
            let scale = both[half] & I32x4::splat(15);
            let minimum = both[half].shr_u::<4>() & I32x4::splat(15);
            for row in 0..R {
                let sum = I32x4::load_splat(act[row].add(MINUS_32_SUMS_AT + 4 * sub).cast());
                totals[row][half] = totals[row][half] + sums[row][half] * scale;
                minima[row][half] = minima[row][half] + sum * minimum;
            }
        }
    }
    [totals, minima]
}

impl BlockFormat for Q2K {
    const COLS: usize = 256;
    const BYTES: usize = 84;
    const F16_OFFSETS: &'static [usize] = &[FILE_D, FILE_DMIN];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        gather_f16(rows, FILE_DMIN, to.add(16));
        for g in 0..8 {
            let group = to.add(GROUPS_AT + g * PACKED_GROUP);
            pack_pairs(group, |row, step| file_pairs(rows[row].add(FILE_PAIRS), g, step));
            for (row, from) in rows.iter().enumerate() {
                for sub in 0..2 {
                    *group.add(SCALES_AT + 8 * sub + row) = *from.add(2 * g + sub);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let pairs = packed.add(GROUPS_AT + plane * PACKED_GROUP);
        pairs_at(pairs, step, 0).map(|pair| pair & c.pair)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let d = load_scales(packed, c);
        let dmin = load_scales(packed.add(16), c).map(|dmin| dmin * F32x4::splat(1.0 / 32.0));
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let group = packed.add(GROUPS_AT + g * PACKED_GROUP);
            let [levels, minima] = scaled_sums(group, source, g, &act);
            apply_scales(sums, &levels, d, &act);
            apply_scales(sums, &minima, dmin, &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let (d, dmin) = (scale_of_row(packed, row), scale_of_row(packed.add(16), row));
        for g in 0..8 {
            let group = packed.add(GROUPS_AT + g * PACKED_GROUP);
            for (k, level) in unpack_pairs(group, row).into_iter().enumerate() {
                let both = *group.add(SCALES_AT + 8 * (k / 16) + row);
                let (scale, minimum) = (f32::from(both & 15), f32::from(both >> 4));
                *to.add(GROUP * g + k) = d * scale * f32::from(level) - dmin * minimum;
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let (d, dmin) = (f16_at(block, FILE_D), f16_at(block, FILE_DMIN));
        for (k, value) in to.iter_mut().enumerate() {
            let (scale, minimum) = (f32::from(block[k / 16] & 15), f32::from(block[k / 16] >> 4));
            *value = d * scale * f32::from(file_pair(&block[FILE_PAIRS..], k)) - dmin * minimum;
        }
    }

    fn accumulate_scalar(mut sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let (d, dmin) = (f16_at(block, FILE_D), f16_at(block, FILE_DMIN) / 32.0);
        for (g, group) in quants.chunks(GROUP).enumerate() {
            let (mut levels, mut minima) = (0, 0);
            for (sub, part) in group.chunks(16).enumerate() {
                let both = block[2 * g + sub];
                let first = GROUP * g + 16 * sub;
                let level = |k| i32::from(file_pair(&block[FILE_PAIRS..], first + k));
                levels += i32::from(both & 15) * integer_dot(part, level);
                minima += i32::from(both >> 4) * integer_dot(part, |_| -32);
            }
            sum += levels as f32 * (d * scales[g]);
            sum += minima as f32 * (dmin * scales[g]);
        }
        sum
    }
}
