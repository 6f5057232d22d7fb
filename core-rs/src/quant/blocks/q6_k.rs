//! Q6_K: 256 columns, one f16 scale, an i8 scale for each 16 columns, `value = d scale (q - 32)` with q in 0..=63.
//!
//! File block: 128 bytes of low nibbles, 64 of upper bit pairs, 16 scales, d. Each half of 128 columns takes 64 bytes of
//! nibbles (bytes 0-31 columns 0-31 low and 64-95 high, bytes 32-63 columns 32-63 low and 96-127 high) and 32 bytes of
//! pairs (byte l: columns l, l + 32, l + 64, l + 96 from the lowest bits up).
//! Packed: 8 d, then for each of the 8 groups of 32 columns a nibble plane, the pairs (`high_bits`), and 2 x 8 scales.

use super::{apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::{GROUP_BYTES, MINUS_32_SUMS_AT};
use crate::quant::high_bits::{pack_pairs, pairs_at, unpack_pairs, PAIRS_BYTES};
use crate::quant::planes::{
    dot_half, gather_f16, nibbles, pack_plane, unpack_plane, word, IntSums, LevelSource, PLANE_BYTES,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Q6K;

/// The parts of the file's block.
const FILE_PAIRS: usize = 128;
const FILE_SCALES: usize = 192;
const FILE_D: usize = 208;
/// The parts of a packed group.
const PAIRS_AT: usize = PLANE_BYTES;
const SCALES_AT: usize = PAIRS_AT + PAIRS_BYTES;
const PACKED_GROUP: usize = SCALES_AT + 16;

/// Offsets of group `g`'s first nibble byte and first pair byte in the file's block, and the shifts of both.
const fn file_group(g: usize) -> (usize, usize, usize, usize) {
    let (half, quarter) = (g / 4, g % 4);
    let nibbles = 64 * half + 32 * (quarter & 1);
    (nibbles, FILE_PAIRS + 32 * half, 4 * (quarter >> 1), 2 * quarter)
}

/// Level minus 32 of a column of the file's block.
fn file_level(block: &[u8], column: usize) -> i32 {
    let (nibbles, pairs, nibble_shift, pair_shift) = file_group(column / GROUP);
    let l = column % GROUP;
    let low = block[nibbles + l] >> nibble_shift & 15;
    let high = block[pairs + l] >> pair_shift & 3;
    i32::from(low | high << 4) - 32
}

/// Scaled integer sums of one group: for each 16 columns `scale * (dot - 32 sum)`.
#[inline(always)]
unsafe fn scaled_sums<const R: usize>(
    group: *const u8,
    source: impl LevelSource,
    plane: usize,
    act: &[*const u8; R],
) -> [IntSums; R] {
    let mut totals = [[I32x4::splat(0); 2]; R];
    for sub in 0..2 {
        let mut sums = act.map(|a| {
            [I32x4::load_splat(a.add(MINUS_32_SUMS_AT + 4 * sub).cast()); 2]
        });
        dot_half(&mut sums, source, plane, sub, act);
        let scales = I32x4::load_i8x8(group.add(SCALES_AT + 8 * sub));
        for row in 0..R {
            for half in 0..2 {
                totals[row][half] = totals[row][half] + sums[row][half] * scales[half];
            }
        }
    }
    totals
}

impl BlockFormat for Q6K {
    const COLS: usize = 256;
    const BYTES: usize = 210;
    const F16_OFFSETS: &'static [usize] = &[FILE_D];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        for g in 0..8 {
            let (nibbles, pairs, nibble_shift, pair_shift) = file_group(g);
            let group = to.add(16 + g * PACKED_GROUP);
            pack_plane(group, |row, step| {
                (word(rows[row].add(nibbles + 4 * step)) >> nibble_shift) & 0x0f0f_0f0f
            });
            pack_pairs(group.add(PAIRS_AT), |row, step| {
                (word(rows[row].add(pairs + 4 * step)) >> pair_shift) & 0x0303_0303
            });
            for (row, from) in rows.iter().enumerate() {
                for sub in 0..2 {
                    let scale = *from.add(FILE_SCALES + 2 * g + sub);
                    *group.add(SCALES_AT + 8 * sub + row) = scale;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let group = packed.add(16 + plane * PACKED_GROUP);
        let [low, high] = nibbles(group, step, c);
        let [low_pair, high_pair] = pairs_at(group.add(PAIRS_AT), step, 4);
        [low | (low_pair & c.upper_pair), high | (high_pair & c.upper_pair)]
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let scales = load_scales(packed, c);
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let integer = scaled_sums(packed.add(16 + g * PACKED_GROUP), source, g, &act);
            apply_scales(sums, &integer, scales, &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for g in 0..8 {
            let group = packed.add(16 + g * PACKED_GROUP);
            let low = unpack_plane(group, row);
            let high = unpack_pairs(group.add(PAIRS_AT), row);
            for k in 0..GROUP {
                let scale = *group.add(SCALES_AT + 8 * (k / 16) + row) as i8;
                let level = i32::from(low[k] | high[k] << 4) - 32;
                *to.add(GROUP * g + k) = d * f32::from(scale) * level as f32;
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, FILE_D);
        for (k, value) in to.iter_mut().enumerate() {
            let scale = block[FILE_SCALES + k / 16] as i8;
            *value = d * f32::from(scale) * file_level(block, k) as f32;
        }
    }

    fn accumulate_scalar(mut sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, FILE_D);
        for (g, group) in quants.chunks(GROUP).enumerate() {
            let mut integer = 0;
            for (sub, part) in group.chunks(16).enumerate() {
                let scale = block[FILE_SCALES + 2 * g + sub] as i8;
                let first = GROUP * g + 16 * sub;
                integer += i32::from(scale) * integer_dot(part, |k| file_level(block, first + k));
            }
            sum += integer as f32 * (d * scales[g]);
        }
        sum
    }
}
