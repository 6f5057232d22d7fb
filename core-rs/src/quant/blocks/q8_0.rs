//! Q8_0: 32 columns, one f16 scale, `value = d q` with q in -128..=127. File block: d, then 32 signed bytes.
//! Packed: 8 d, then `q + 128 = 16 high + low` as two nibble planes, because the relaxed dot takes 7 bits; the high
//! plane's sums are shifted and the low plane's are added to them, which is exact.

use super::{apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::half::{f16_at, f32_to_f16};
use crate::quant::planes::{
    dot_group, gather_f16, nibbles, pack_plane, unpack_plane, word, LevelSource, PLANE_BYTES,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::Bytes;

pub struct Q8_0;

/// Where a packed block holds the planes of the high and of the low nibbles.
const HIGH_AT: usize = 16;
const LOW_AT: usize = HIGH_AT + PLANE_BYTES;

impl BlockFormat for Q8_0 {
    const COLS: usize = 32;
    const BYTES: usize = 34;
    const F16_OFFSETS: &'static [usize] = &[0];
    const EXPANDS: bool = false;
    const PLANES: usize = 2;

    #[inline(always)]
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        // Adding 128 to a byte is flipping its top bit.
        let shifted = |row: usize, step: usize| word(rows[row].add(2 + 4 * step)) ^ 0x8080_8080;
        pack_plane(to.add(HIGH_AT), |row, step| (shifted(row, step) >> 4) & 0x0f0f_0f0f);
        pack_plane(to.add(LOW_AT), |row, step| shifted(row, step) & 0x0f0f_0f0f);
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        nibbles(packed.add(HIGH_AT + PLANE_BYTES * plane), step, c)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        // -128 x sum = 16 x (-8 x sum), so the offset can precede the shift.
        let mut integer = minus_8_sums(&act);
        dot_group(&mut integer, source, 0, &act);
        let mut integer = integer.map(|rows| rows.map(|high| high.shl::<4>()));
        dot_group(&mut integer, source, 1, &act);
        apply_scales(sums, &integer, load_scales(packed, c), &act);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        let high = unpack_plane(packed.add(HIGH_AT), row);
        let low = unpack_plane(packed.add(LOW_AT), row);
        for k in 0..32 {
            *to.add(k) = d * (i32::from(high[k] << 4 | low[k]) - 128) as f32;
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        for (value, &q) in to.iter_mut().zip(&block[2..]) {
            *value = d * f32::from(q as i8);
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| i32::from(block[2 + k] as i8));
        sum + integer as f32 * (f16_at(block, 0) * scales[0])
    }
}

/// Quantizes 32 values as gguf-py does: absmax / 127, halves away from zero.
pub fn quantize(values: &[f32], block: &mut [u8]) {
    let d = values.iter().fold(0f32, |a, &b| a.max(b.abs())) / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    block[..2].copy_from_slice(&f32_to_f16(d).to_le_bytes());
    for (byte, &x) in block[2..34].iter_mut().zip(values) {
        *byte = (x * inverse).round() as i8 as u8;
    }
}
