//! Q5_1: 32 columns, f16 scale and minimum, `value = d q + m` with q in 0..=31. File block: d, m, then fifth bits and
//! nibbles as in Q5_0. Packed: 8 d, 8 m, one nibble plane, its fifth bits. The minimum enters a product as in Q4_1.

use super::q4_0::file_nibbles;
use super::q5_0::{file_bits, file_level};
use super::{add_minima, apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::high_bits::{five_bits, pack_bits, unpack_bits};
use crate::quant::planes::{
    dot_group, gather_f16, pack_plane, unpack_plane, word, LevelSource, PLANE_BYTES,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Q5_1;

/// The parts of the file's block.
const FILE_BITS: usize = 4;
const FILE_NIBBLES: usize = 8;
/// Where a packed block holds the nibble plane and the fifth bits.
const PLANE_AT: usize = 32;
const BITS_AT: usize = PLANE_AT + PLANE_BYTES;

fn level(block: &[u8], column: usize) -> i32 {
    file_level(&block[FILE_BITS..], &block[FILE_NIBBLES..], column)
}

impl BlockFormat for Q5_1 {
    const COLS: usize = 32;
    const BYTES: usize = 24;
    const F16_OFFSETS: &'static [usize] = &[0, 2];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        gather_f16(rows, 2, to.add(16));
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
        let mut integer = [[I32x4::splat(0); 2]; R];
        dot_group(&mut integer, source, 0, &act);
        apply_scales(sums, &integer, load_scales(packed, c), &act);
        add_minima(sums, load_scales(packed.add(16), c), &act);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let (d, m) = (scale_of_row(packed, row), scale_of_row(packed.add(16), row));
        let low = unpack_plane(packed.add(PLANE_AT), row);
        let high = unpack_bits(packed.add(BITS_AT), row);
        for k in 0..32 {
            *to.add(k) = d * f32::from(low[k] | high[k] << 4) + m;
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let (d, m) = (f16_at(block, 0), f16_at(block, 2));
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * level(block, k) as f32 + m;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| level(block, k));
        let total = integer_dot(quants, |_| 1);
        let sum = sum + integer as f32 * (f16_at(block, 0) * scales[0]);
        sum + f16_at(block, 2) * (total as f32 * scales[0])
    }
}
