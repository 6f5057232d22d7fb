//! IQ4_XS: 256 columns, one f16 scale, a six-bit scale for each 32 columns, `value = d (scale - 32) CODEBOOK[q]` with the
//! codebook of IQ4_NL.
//!
//! File block: d, a word of upper pairs (group g at bit 2 g), 4 bytes of lower nibbles (group g in byte g / 2, odd ones
//! high), then for each group 16 bytes of nibbles in Q4_0's order. Packed: 8 d; the scales, byte by byte of the 8 rows:
//! 4 bytes of nibbles (groups g and g + 4), 2 of pairs (groups g, g + 2, g + 4, g + 6); 8 nibble planes.

use super::iq4_nl::{dot_codebook, file_level, CODEBOOK};
use super::q4_0::file_nibbles;
use super::{apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::GROUP_BYTES;
use crate::quant::planes::{
    gather_f16, nibbles, pack_plane, unpack_plane, LevelSource, PLANE_BYTES,
};
use crate::quant::six_bits::decode_nibbles_and_pairs;
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Iq4Xs;

/// The parts of the file's block.
const FILE_NIBBLES: usize = 8;
/// The parts of a packed block.
const SCALES_AT: usize = 16;
const PLANES_AT: usize = SCALES_AT + 6 * TILE;

/// The scale (0..=63) of group `g`; `block` is at least the head of a block.
fn file_scale(block: &[u8], g: usize) -> u8 {
    let low = block[4 + g / 2] >> (4 * (g % 2)) & 15;
    let high = block[2 + g / 4] >> (2 * (g % 4)) & 3;
    low | high << 4
}

/// Eight scales, one a row, minus 32 and times the rows' factors, which is exact.
#[inline(always)]
unsafe fn scaled(factors: TileSums, bytes: *const u8) -> TileSums {
    let [low, high] = I32x4::load_i8x8(bytes).map(|scale| (scale - I32x4::splat(32)).to_f32());
    [factors[0] * low, factors[1] * high]
}

impl BlockFormat for Iq4Xs {
    const COLS: usize = 256;
    const BYTES: usize = 136;
    const F16_OFFSETS: &'static [usize] = &[0];
    const PLANES: usize = 16;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        for (row, &from) in rows.iter().enumerate() {
            let head = core::slice::from_raw_parts(from, FILE_NIBBLES);
            let scale = |g: usize| file_scale(head, g);
            let at = to.add(SCALES_AT + row);
            for i in 0..4 {
                *at.add(TILE * i) = scale(i) & 15 | (scale(i + 4) & 15) << 4;
            }
            for i in 0..2 {
                *at.add(TILE * (4 + i)) =
                    (0..4).fold(0, |byte, j| byte | scale(i + 2 * j) >> 4 << (2 * j));
            }
        }
        for g in 0..8 {
            pack_plane(to.add(PLANES_AT + g * PLANE_BYTES), |row, step| {
                file_nibbles(rows[row].add(FILE_NIBBLES + 16 * g), step)
            });
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let plane_at = packed.add(PLANES_AT + plane / 2 * PLANE_BYTES);
        nibbles(plane_at, step, c).map(|nibbles| c.codebook[plane % 2].look_up(nibbles))
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
        let scales = decode_nibbles_and_pairs::<4, 1>(packed.add(SCALES_AT), c);
        let scales = scales.as_ptr().cast::<u8>();
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let integer = dot_codebook(source, 2 * g, &act);
            apply_scales(sums, &integer, scaled(d, scales.add(TILE * g)), &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for g in 0..8 {
            let low = *packed.add(SCALES_AT + TILE * (g % 4) + row) >> (4 * (g / 4)) & 15;
            let high = *packed.add(SCALES_AT + TILE * (4 + g % 2) + row) >> (2 * (g / 2)) & 3;
            let scale = f32::from(low | high << 4) - 32.0;
            let levels = unpack_plane(packed.add(PLANES_AT + g * PLANE_BYTES), row);
            for (k, q) in levels.into_iter().enumerate() {
                *to.add(GROUP * g + k) = d * scale * f32::from(CODEBOOK[usize::from(q)]);
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        for (g, group) in to.chunks_mut(GROUP).enumerate() {
            let scale = f32::from(file_scale(block, g)) - 32.0;
            for (k, value) in group.iter_mut().enumerate() {
                *value = d * scale * file_level(&block[FILE_NIBBLES + 16 * g..], k) as f32;
            }
        }
    }

    fn accumulate_scalar(mut sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, 0);
        for (g, group) in quants.chunks(GROUP).enumerate() {
            let integer = integer_dot(group, |k| file_level(&block[FILE_NIBBLES + 16 * g..], k));
            let scale = f32::from(file_scale(block, g)) - 32.0;
            sum += integer as f32 * (d * scale * scales[g]);
        }
        sum
    }
}
