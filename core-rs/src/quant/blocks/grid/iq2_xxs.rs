//! IQ2_XXS: 256 columns, one f16 scale, a four-bit scale for each 32 columns, `value = d (2 scale + 1) / 8 * sign * magnitude`
//! with 8 magnitudes at a time out of 256 entries (`quant::codebooks`).
//!
//! File block: d, then for each group of 32 columns 4 indices and a word of 4 times 7 sign bits (`signs`) and the scale.
//! Packed: 8 d, then for each group the indices and the plane of signs, whose spare bits are the scale.

use super::signs::{even_signs, load_plane, pack_even, unpack_even, Signs};
use super::{accumulate_groups, accumulate_spare_scales, dequantize_groups, form_by_8, Group};
use crate::half::f16_at;
use crate::quant::blocks::scale_of_row;
use crate::quant::codebooks::IQ2_XXS;
use crate::quant::high_bits::BITS_BYTES;
use crate::quant::planes::{gather_f16, word, LevelSource};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};

pub struct Iq2Xxs;

/// Bytes of a group of the file's block, and the parts of a packed one.
const FILE_GROUP: usize = 8;
const SIGNS_AT: usize = 4 * TILE;
const PACKED_GROUP: usize = SIGNS_AT + BITS_BYTES;
/// What d is multiplied with.
const EIGHTH: f32 = 0.125;

/// A group by its indices and its word of signs and scale.
fn group(indices: [u8; 4], word: u32) -> Group {
    let factor = 2 * (word >> 28) as i32 + 1;
    let entry = |i: usize| IQ2_XXS[usize::from(indices[i])];
    Group::signed(entry, |i| even_signs(word, i), [factor; 2])
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let bytes = &block[2 + FILE_GROUP * g..][..FILE_GROUP];
    let [a, b, c, d, e, f, g, h] = core::array::from_fn(|i| bytes[i]);
    group([a, b, c, d], u32::from_le_bytes([e, f, g, h]))
}

impl BlockFormat for Iq2Xxs {
    const COLS: usize = 256;
    const BYTES: usize = 66;
    const F16_OFFSETS: &'static [usize] = &[0];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        for g in 0..8 {
            let (from, group) = (2 + FILE_GROUP * g, to.add(16 + PACKED_GROUP * g));
            gather_bytes(rows, from, 4, group);
            pack_even(group.add(SIGNS_AT), |row| word(rows[row].add(from + 4)));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(16 + PACKED_GROUP * plane);
        let signs = Signs::even(load_plane(group.add(SIGNS_AT)));
        let place = |entry, row| usize::from(*group.add(TILE * entry + row)) << 3;
        let level = |step, half, bytes| signs.apply(step, half, bytes, c);
        form_by_8(to, IQ2_XXS.as_ptr().cast(), place, level, c);
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let signs = |g| packed.add(16 + PACKED_GROUP * g + SIGNS_AT);
        accumulate_spare_scales(sums, (packed, EIGHTH), signs, source, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row) * EIGHTH;
        for g in 0..8 {
            let at = packed.add(16 + PACKED_GROUP * g);
            let word = unpack_even(at.add(SIGNS_AT), row);
            group(row_bytes(at, row), word).write(d, to.add(GROUP * g));
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0) * EIGHTH;
        dequantize_groups(d, to, |g| file_group(block, g));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, 0) * EIGHTH;
        accumulate_groups(sum, d, quants, scales, Group::accumulate, |g| file_group(block, g))
    }
}
