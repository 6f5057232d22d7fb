//! Q3_K: 256 columns, one f16 scale, a six-bit scale for each 16 columns, `value = d (scale - 32) (q - 4)` with q in 0..=7.
//!
//! File block: 32 bytes of third bits (bit g of byte l is column 32 g + l), 64 bytes of pairs as in Q2_K, 12 bytes of scales,
//! d. Scale j has its nibble in byte j % 8 (high for the last eight) and its upper pair in byte 8 + j % 4, at bits 2 (j / 4).
//! Packed: 8 d, the scales' bytes (`six_bits`), then for each group of 32 columns the pairs and the third bits (`high_bits`).

use super::q2_k::{file_pair, file_pairs};
use super::{apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::{GROUP_BYTES, MINUS_32_SUMS_AT};
use crate::quant::high_bits::{
    bits_at, pack_bits, pack_pairs, pairs_at, unpack_bits, unpack_pairs, BITS_BYTES, PAIRS_BYTES,
};
use crate::quant::planes::{dot_half, gather_f16, word, IntSums, LevelSource};
use crate::quant::six_bits::{decode_nibbles_and_pairs, gather_bytes, row_bytes};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Q3K;

/// The parts of the file's block.
const FILE_PAIRS: usize = 32;
const FILE_SCALES: usize = 96;
const FILE_D: usize = 108;
const SCALES_BYTES: usize = 12;
/// The parts of a packed block.
const SCALES_AT: usize = 16;
const GROUPS_AT: usize = SCALES_AT + TILE * SCALES_BYTES;
const PACKED_GROUP: usize = PAIRS_BYTES + BITS_BYTES;

/// Scale minus 32 of 16 columns out of the file's 12 bytes.
fn file_scale(bytes: &[u8], j: usize) -> i32 {
    let low = bytes[j % 8] >> (4 * (j / 8)) & 15;
    let high = bytes[8 + j % 4] >> (2 * (j / 4)) & 3;
    i32::from(low | high << 4) - 32
}

/// Level minus 4 of a column of the file's block.
fn file_level(block: &[u8], column: usize) -> i32 {
    let bit = block[column % GROUP] >> (column / GROUP) & 1;
    i32::from(file_pair(&block[FILE_PAIRS..], column) | bit << 2) - 4
}

/// Scaled integer sums of one group; `scales` are the bytes of its two times 8 scales.
#[inline(always)]
unsafe fn scaled_sums<const R: usize>(
    scales: &[u8; 16],
    source: impl LevelSource,
    plane: usize,
    act: &[*const u8; R],
) -> [IntSums; R] {
    let mut totals = [[I32x4::splat(0); 2]; R];
    for sub in 0..2 {
        // -4 x sum = (-32 x sum) / 8, exactly.
        let mut sums = act.map(|a| {
            [I32x4::load_splat(a.add(MINUS_32_SUMS_AT + 4 * sub).cast()).shr_s::<3>(); 2]
        });
        dot_half(&mut sums, source, plane, sub, act);
        let scales = I32x4::load_i8x8(scales.as_ptr().add(8 * sub));
        for half in 0..2 {
            let scale = scales[half] - I32x4::splat(32);
            for row in 0..R {
                totals[row][half] = totals[row][half] + sums[row][half] * scale;
            }
        }
    }
    totals
}

impl BlockFormat for Q3K {
    const COLS: usize = 256;
    const BYTES: usize = 110;
    const F16_OFFSETS: &'static [usize] = &[FILE_D];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        gather_bytes(rows, FILE_SCALES, SCALES_BYTES, to.add(SCALES_AT));
        for g in 0..8 {
            let group = to.add(GROUPS_AT + g * PACKED_GROUP);
            pack_pairs(group, |row, step| file_pairs(rows[row].add(FILE_PAIRS), g, step));
            pack_bits(group.add(PAIRS_BYTES), |row, step| {
                (word(rows[row].add(4 * step)) >> g) & 0x0101_0101
            });
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let pairs = packed.add(GROUPS_AT + plane * PACKED_GROUP);
        let [low, high] = pairs_at(pairs, step, 0).map(|pair| pair & c.pair);
        let [low_bit, high_bit] = bits_at(pairs.add(PAIRS_BYTES), step, 2);
        [low | (low_bit & c.third_bit), high | (high_bit & c.third_bit)]
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
        let scales = decode_nibbles_and_pairs::<8, 2>(packed.add(SCALES_AT), c);
        for (g, scales) in scales.iter().enumerate() {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let integer = scaled_sums(scales, source, g, &act);
            apply_scales(sums, &integer, d, &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        let scales: [u8; SCALES_BYTES] = row_bytes(packed.add(SCALES_AT), row);
        for g in 0..8 {
            let group = packed.add(GROUPS_AT + g * PACKED_GROUP);
            let low = unpack_pairs(group, row);
            let high = unpack_bits(group.add(PAIRS_BYTES), row);
            for k in 0..GROUP {
                let scale = file_scale(&scales, 2 * g + k / 16);
                let level = i32::from(low[k] | high[k] << 2) - 4;
                *to.add(GROUP * g + k) = d * scale as f32 * level as f32;
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, FILE_D);
        for (k, value) in to.iter_mut().enumerate() {
            let scale = file_scale(&block[FILE_SCALES..], k / 16);
            *value = d * scale as f32 * file_level(block, k) as f32;
        }
    }

    fn accumulate_scalar(mut sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, FILE_D);
        for (g, group) in quants.chunks(GROUP).enumerate() {
            let mut integer = 0;
            for (sub, part) in group.chunks(16).enumerate() {
                let first = GROUP * g + 16 * sub;
                let dot = integer_dot(part, |k| file_level(block, first + k));
                integer += file_scale(&block[FILE_SCALES..], 2 * g + sub) * dot;
            }
            sum += integer as f32 * (d * scales[g]);
        }
        sum
    }
}
