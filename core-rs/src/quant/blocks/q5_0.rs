//! Q5_0: 32 columns, one f16 scale, `value = d (q - 16)` with q in 0..=31. File block: d, 4 bytes of fifth bits (bit k is
//! column k), nibbles as in Q4_0. Packed: 8 d, one nibble plane, its fifth bits.

use super::q4_0::{file_nibble, file_nibbles};
use super::{apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::half::f16_at;
use crate::quant::high_bits::{five_bits, pack_bits, unpack_bits};
use crate::quant::planes::{
    dot_group, gather_f16, pack_plane, unpack_plane, word, LevelSource, PLANE_BYTES,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::Bytes;

pub struct Q5_0;

/// The parts of the file's block.
const FILE_BITS: usize = 2;
const FILE_NIBBLES: usize = 6;
/// Where a packed block holds the nibble plane and the fifth bits.
const PLANE_AT: usize = 16;
const BITS_AT: usize = PLANE_AT + PLANE_BYTES;

/// The fifth bits of a step (4 columns) out of the word that holds 32, as 4 bytes.
#[inline(always)]
pub(super) fn file_bits(word: u32, step: usize) -> u32 {
    let bits = word >> (4 * step) & 15;
    (bits | bits << 7 | bits << 14 | bits << 21) & 0x0101_0101
}

/// The level (0..=31) of a column: `bits` are the 4 bytes of fifth bits, `nibbles` 16 bytes in Q4_0's order.
pub(super) fn file_level(bits: &[u8], nibbles: &[u8], column: usize) -> i32 {
    file_nibble(nibbles, column) | i32::from(bits[column / 8] >> (column % 8) & 1) << 4
}

/// Level minus 16 of a column of the file's block.
fn signed_level(block: &[u8], column: usize) -> i32 {
    file_level(&block[FILE_BITS..], &block[FILE_NIBBLES..], column) - 16
}

impl BlockFormat for Q5_0 {
    const COLS: usize = 32;
    const BYTES: usize = 22;
    const F16_OFFSETS: &'static [usize] = &[0];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        pack_plane(to.add(PLANE_AT), |row, step| file_nibbles(rows[row].add(FILE_NIBBLES), step));
        pack_bits(to.add(BITS_AT), |row, step| file_bits(word(rows[row].add(FILE_BITS)), step));
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, _: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        five_bits(packed.add(PLANE_AT), packed.add(BITS_AT), step, c)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let mut integer = minus_8_sums(&act).map(|rows| rows.map(|sum| sum.shl::<1>()));
        dot_group(&mut integer, source, 0, &act);
        apply_scales(sums, &integer, load_scales(packed, c), &act);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        let low = unpack_plane(packed.add(PLANE_AT), row);
        let high = unpack_bits(packed.add(BITS_AT), row);
        for k in 0..32 {
            *to.add(k) = d * (i32::from(low[k] | high[k] << 4) - 16) as f32;
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * signed_level(block, k) as f32;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| signed_level(block, k));
        sum + integer as f32 * (f16_at(block, 0) * scales[0])
    }
}
