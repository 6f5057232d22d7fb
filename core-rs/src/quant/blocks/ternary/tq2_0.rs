//! TQ2_0: 256 columns, one f16 scale, `value = d (q - 1)` with q in 0..=3, of which files use 0..=2. File block: 64 bytes
//! of pairs as in Q2_K, d. Packed: 8 d, then the pairs (`high_bits`) of each group of 32 columns.

use super::super::q2_k::{file_pair, file_pairs};
use super::super::scale_of_row;
use super::{accumulate, accumulate_scalar};
use crate::half::f16_at;
use crate::quant::high_bits::{pack_pairs, pairs_at, unpack_pairs, PAIRS_BYTES};
use crate::quant::planes::{gather_f16, LevelSource};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::Bytes;

pub struct Tq2_0;

const FILE_D: usize = 64;

/// Level minus 1 of a column of the file's block.
fn file_level(block: &[u8], column: usize) -> i32 {
    i32::from(file_pair(block, column)) - 1
}

impl BlockFormat for Tq2_0 {
    const COLS: usize = 256;
    const BYTES: usize = 66;
    const F16_OFFSETS: &'static [usize] = &[FILE_D];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        for g in 0..8 {
            let pairs = to.add(16 + g * PAIRS_BYTES);
            pack_pairs(pairs, |row, step| file_pairs(rows[row], g, step));
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        pairs_at(packed.add(16 + plane * PAIRS_BYTES), step, 0).map(|pair| pair & c.pair)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        accumulate::<R, false>(sums, packed, source, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for g in 0..8 {
            let pairs = unpack_pairs(packed.add(16 + g * PAIRS_BYTES), row);
            for (k, level) in pairs.into_iter().enumerate() {
                *to.add(GROUP * g + k) = d * (f32::from(level) - 1.0);
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, FILE_D);
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * file_level(block, k) as f32;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        accumulate_scalar(sum, f16_at(block, FILE_D), |k| file_level(block, k), quants, scales)
    }
}
