//! IQ2_S: 256 columns, one f16 scale, a four-bit scale for each 16 columns, `value = d (2 scale + 1) / 8 * sign * magnitude`
//! with 8 magnitudes at a time out of 1024 entries (`quant::codebooks`).
//!
//! File block: d, 32 low bytes of indices, 32 bytes of signs, 8 bytes of upper index pairs (entry i of a group at bit
//! 2 i), 8 bytes of two scales, the first 16 columns' low. Packed: 8 d, then for each group of 32 columns the low bytes of
//! its indices, the plane of signs, the 8 rows' bytes of pairs and of scales.

use super::signs::{pack_signs, unpack_signs, Signs};
use super::{accumulate_groups, accumulate_nibble_scales, dequantize_groups, form_by_8, place, places, Group};
use crate::half::f16_at;
use crate::quant::blocks::scale_of_row;
use crate::quant::codebooks::IQ2_S;
use crate::quant::high_bits::BITS_BYTES;
use crate::quant::planes::{gather_f16, LevelSource};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{opaque_splat, I32x4};

pub struct Iq2S;

/// The parts of the file's block and of a packed group.
const FILE_LOW: usize = 2;
const FILE_SIGNS: usize = 34;
const FILE_PAIRS: usize = 66;
const FILE_SCALES: usize = 74;
const SIGNS_AT: usize = 4 * TILE;
const PAIRS_AT: usize = SIGNS_AT + BITS_BYTES;
const SCALES_AT: usize = PAIRS_AT + TILE;
const PACKED_GROUP: usize = SCALES_AT + TILE;
/// What d is multiplied with.
const EIGHTH: f32 = 0.125;

/// A group by the low bytes of its indices, its signs, its byte of pairs and its byte of scales.
fn group(low: [u8; 4], signs: [u8; 4], pairs: u8, scales: u8) -> Group {
    let index = |i: usize| usize::from(low[i]) | usize::from(pairs >> (2 * i) & 3) << 8;
    let factors = [scales & 15, scales >> 4].map(|scale| 2 * i32::from(scale) + 1);
    Group::signed(|i| IQ2_S[index(i)], |i| signs[i], factors)
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let low = core::array::from_fn(|i| block[FILE_LOW + 4 * g + i]);
    let signs = core::array::from_fn(|i| block[FILE_SIGNS + 4 * g + i]);
    group(low, signs, block[FILE_PAIRS + g], block[FILE_SCALES + g])
}

impl BlockFormat for Iq2S {
    const COLS: usize = 256;
    const BYTES: usize = 82;
    const F16_OFFSETS: &'static [usize] = &[0];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        for g in 0..8 {
            let group = to.add(16 + PACKED_GROUP * g);
            gather_bytes(rows, FILE_LOW + 4 * g, 4, group);
            pack_signs(group.add(SIGNS_AT), |row, entry| {
                *rows[row].add(FILE_SIGNS + 4 * g + entry)
            });
            gather_bytes(rows, FILE_PAIRS + g, 1, group.add(PAIRS_AT));
            gather_bytes(rows, FILE_SCALES + g, 1, group.add(SCALES_AT));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(16 + PACKED_GROUP * plane);
        let (signs, upper) = (Signs::load(group.add(SIGNS_AT)), opaque_splat(768 << 3));
        let pairs = I32x4::load_u8x8(group.add(PAIRS_AT));
        let places: [_; 4] = core::array::from_fn(|entry| {
            let high = |half: usize| pairs[half].move_bits(2 * entry as u32, 11) & upper;
            places::<3>(group.add(TILE * entry), high)
        });
        let place = |entry, row| place(&places, entry, row);
        let level = |step, half, bytes| signs.apply(step, half, bytes, c);
        form_by_8(to, IQ2_S.as_ptr().cast(), place, level, c);
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let scales = |g| packed.add(16 + PACKED_GROUP * g + SCALES_AT);
        accumulate_nibble_scales(sums, (packed, EIGHTH), scales, source, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row) * EIGHTH;
        for g in 0..8 {
            let at = packed.add(16 + PACKED_GROUP * g);
            let (pairs, scales) = (*at.add(PAIRS_AT + row), *at.add(SCALES_AT + row));
            let signs = unpack_signs(at.add(SIGNS_AT), row);
            group(row_bytes(at, row), signs, pairs, scales).write(d, to.add(GROUP * g));
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0) * EIGHTH;
        dequantize_groups(d, to, |g| file_group(block, g));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, 0) * EIGHTH;
        accumulate_groups(sum, d, quants, scales, Group::accumulate_halves, |g| file_group(block, g))
    }
}
