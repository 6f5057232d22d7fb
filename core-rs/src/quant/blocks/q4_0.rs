//! Q4_0: 32 columns, one f16 scale, `value = d (q - 8)` with q in 0..=15. File block: d, then 16 bytes whose low
//! nibbles are columns 0-15 and high nibbles 16-31. Packed: 8 d, one nibble plane.

use super::{accumulate_group_tiles, apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::half::{f16_at, f32_to_f16};
use crate::quant::planes::{
    dot_group, gather_f16, nibbles, pack_plane, unpack_plane, word, LevelSource,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::Bytes;

pub struct Q4_0;

/// The 4 nibbles of a step (4 columns) out of 16 bytes in Q4_0's order, as 4 bytes.
#[inline(always)]
pub(super) unsafe fn file_nibbles(quants: *const u8, step: usize) -> u32 {
    (word(quants.add(4 * (step & 3))) >> (4 * (step >> 2))) & 0x0f0f_0f0f
}

/// The nibble of a column out of 16 bytes in Q4_0's order.
pub(super) fn file_nibble(quants: &[u8], column: usize) -> i32 {
    i32::from(quants[column % 16] >> (4 * (column / 16)) & 15)
}

/// Puts 32 levels (0..=15) into 16 bytes in Q4_0's order.
pub(super) fn write_nibbles(quants: &mut [u8], level: impl Fn(usize) -> u8) {
    for (i, byte) in quants.iter_mut().enumerate() {
        *byte = level(i) | level(i + 16) << 4;
    }
}

impl BlockFormat for Q4_0 {
    const COLS: usize = 32;
    const BYTES: usize = 18;
    const F16_OFFSETS: &'static [usize] = &[0];
    const EXPANDS: bool = false;
    const SHARES_ROWS: bool = true;

    #[inline(always)]
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        pack_plane(to.add(16), |row, step| file_nibbles(rows[row].add(2), step));
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, _: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        nibbles(packed.add(16), step, c)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let mut integer = minus_8_sums(&act);
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
        let [start] = minus_8_sums(&[act]);
        accumulate_group_tiles::<Self, T>(sums, start, packed, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for (k, q) in unpack_plane(packed.add(16), row).into_iter().enumerate() {
            *to.add(k) = d * (i32::from(q) - 8) as f32;
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * (file_nibble(&block[2..], k) - 8) as f32;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| file_nibble(&block[2..], k) - 8);
        sum + integer as f32 * (f16_at(block, 0) * scales[0])
    }
}

/// Quantizes 32 values as gguf-py does: the value largest in magnitude becomes level 0, which stands for -8 d.
pub fn quantize(values: &[f32], block: &mut [u8]) {
    let mut extreme = values[0];
    for &x in values {
        if x.abs() > extreme.abs() {
            extreme = x;
        }
    }
    let d = extreme / -8.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    block[..2].copy_from_slice(&f32_to_f16(d).to_le_bytes());
    write_nibbles(&mut block[2..18], |k| ((values[k] * inverse + 8.5) as u8).min(15));
}
