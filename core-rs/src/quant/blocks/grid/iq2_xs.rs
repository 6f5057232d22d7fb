//! IQ2_XS: 256 columns, one f16 scale, a four-bit scale for each 16 columns, `value = d (2 scale + 1) / 8 * sign * magnitude`
//! with 8 magnitudes at a time out of 512 entries (`quant::codebooks`).
//!
//! File block: d, 32 words of 9 index bits and 7 sign bits (`signs`), 8 bytes of two scales, the first 16 columns' low.
//! Packed: 8 d, then for each group of 32 columns the low bytes of its indices, the plane of signs, whose spare bits are
//! the indices' ninth bits, and the 8 rows' bytes of scales.

use super::signs::{even_signs, load_plane, pack_even, unpack_even, Signs, SPARE};
use super::{accumulate_groups, accumulate_nibble_scales, dequantize_groups, form_by_8, place, places, Group};
use crate::half::f16_at;
use crate::quant::blocks::scale_of_row;
use crate::quant::codebooks::IQ2_XS;
use crate::quant::high_bits::BITS_BYTES;
use crate::quant::planes::{gather_f16, word, LevelSource};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::opaque_splat;

pub struct Iq2Xs;

/// The parts of the file's block and of a packed group.
const FILE_WORDS: usize = 2;
const FILE_SCALES: usize = 66;
const SIGNS_AT: usize = 4 * TILE;
const SCALES_AT: usize = SIGNS_AT + BITS_BYTES;
const PACKED_GROUP: usize = SCALES_AT + TILE;
/// What d is multiplied with.
const EIGHTH: f32 = 0.125;

/// A group by the low bytes of its indices, its word of signs and ninth bits, and its byte of scales.
fn group(low: [u8; 4], word: u32, scales: u8) -> Group {
    let index = |i: usize| usize::from(low[i]) | (word >> (28 + i) & 1) as usize * 256;
    let factors = [scales & 15, scales >> 4].map(|scale| 2 * i32::from(scale) + 1);
    Group::signed(|i| IQ2_XS[index(i)], |i| even_signs(word, i), factors)
}

/// Signs and ninth bits of the four 16-bit words at `words`, as `signs` packs them.
fn signs_and_ninths(words: [u16; 4]) -> u32 {
    words.into_iter().enumerate().fold(0, |all, (i, word)| {
        all | u32::from(word >> 9) << (7 * i) | u32::from(word >> 8 & 1) << (28 + i)
    })
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let bytes = &block[FILE_WORDS + 8 * g..][..8];
    let words = core::array::from_fn(|i| u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]));
    let low = words.map(|word| word as u8);
    group(low, signs_and_ninths(words), block[FILE_SCALES + g])
}

impl BlockFormat for Iq2Xs {
    const COLS: usize = 256;
    const BYTES: usize = 74;
    const F16_OFFSETS: &'static [usize] = &[0];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        for g in 0..8 {
            let (from, group) = (FILE_WORDS + 8 * g, to.add(16 + PACKED_GROUP * g));
            for entry in 0..4 {
                gather_bytes(rows, from + 2 * entry, 1, group.add(TILE * entry));
            }
            pack_even(group.add(SIGNS_AT), |row| {
                let two = [word(rows[row].add(from)), word(rows[row].add(from + 4))];
                signs_and_ninths(core::array::from_fn(|i| (two[i / 2] >> (16 * (i % 2))) as u16))
            });
            gather_bytes(rows, FILE_SCALES + g, 1, group.add(SCALES_AT));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(16 + PACKED_GROUP * plane);
        let bits = load_plane(group.add(SIGNS_AT));
        let (signs, ninth) = (Signs::even(bits), opaque_splat(256 << 3));
        let places: [_; 4] = core::array::from_fn(|entry| {
            let high = |half: usize| bits[half].move_bits(SPARE[entry], 11) & ninth;
            places::<3>(group.add(TILE * entry), high)
        });
        let place = |entry, row| place(&places, entry, row);
        let level = |step, half, bytes| signs.apply(step, half, bytes, c);
        form_by_8(to, IQ2_XS.as_ptr().cast(), place, level, c);
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
            let word = unpack_even(at.add(SIGNS_AT), row);
            let scales = *at.add(SCALES_AT + row);
            group(row_bytes(at, row), word, scales).write(d, to.add(GROUP * g));
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
