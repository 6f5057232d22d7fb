//! Q8_0 where the dot product takes whole bytes (`byte_dot`): one dot a step instead of the two of `q8_0`. Packed: 8 d,
//! then for each step of 4 columns the bytes of rows 0-3 and those of rows 4-7. The file's block is `q8_0`'s.

use super::q8_0::Q8_0;
use super::{accumulate_group_tiles, apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::quant::byte_dot::flipped_bits;
use crate::quant::planes::{dot_group, gather_f16, word, LevelSource, STEPS};
use crate::quant::{BlockFormat, Constants, TileSums, TILE};
use crate::simd::Bytes;

pub struct Q8Bytes;

const LEVELS_AT: usize = 16;
/// Bytes of a step: 8 rows of 4 columns.
const STEP_BYTES: usize = 32;

impl BlockFormat for Q8Bytes {
    const COLS: usize = Q8_0::COLS;
    const BYTES: usize = Q8_0::BYTES;
    const F16_OFFSETS: &'static [usize] = Q8_0::F16_OFFSETS;
    const EXPANDS: bool = false;
    const SHARES_ROWS: bool = true;

    #[inline(always)]
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        let flipped = u32::from_ne_bytes([flipped_bits(); 4]);
        for step in 0..STEPS {
            for (row, from) in rows.iter().enumerate() {
                let levels = word(from.add(2 + 4 * step)) ^ flipped;
                let at = to.add(LEVELS_AT + STEP_BYTES * step + 4 * row);
                at.cast::<u32>().write_unaligned(levels);
            }
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, _: usize, step: usize, _: &Constants) -> [Bytes; 2] {
        let at = packed.add(LEVELS_AT + STEP_BYTES * step);
        [Bytes::load(at), Bytes::load(at.add(16))]
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        // -128 x sum = 16 x (-8 x sum); nothing where bytes are signed.
        let mut integer = minus_8_sums(&act).map(|rows| rows.map(|sum| sum.shl::<4>() & c.if_unsigned));
        dot_group(&mut integer, source, 0, &act);
        apply_scales(sums, &integer, load_scales(packed, c), &act);
    }

    #[inline(always)]
    unsafe fn accumulate_tiles<const T: usize>(
        sums: &mut [TileSums; T],
        packed: [*const u8; T],
        act: *const u8,
        c: &Constants,
    ) {
        let [start] = minus_8_sums(&[act]).map(|sums| sums.map(|sum| sum.shl::<4>() & c.if_unsigned));
        accumulate_group_tiles::<Self, T>(sums, start, packed, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        let flipped = flipped_bits();
        for k in 0..Self::COLS {
            let level = *packed.add(LEVELS_AT + STEP_BYTES * (k / 4) + 4 * row + k % 4);
            *to.add(k) = d * f32::from((level ^ flipped) as i8);
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        Q8_0::dequantize(block, to);
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        Q8_0::accumulate_scalar(sum, block, quants, scales)
    }
}
