//! Q4_1: 32 columns, f16 scale and minimum, `value = d q + m` with q in 0..=15. File block: d, m, nibbles as in Q4_0.
//! Packed: 8 d, 8 m, one nibble plane. The minimum enters a product as a second operation: `m (scale * sum)`.

use super::q4_0::{file_nibble, file_nibbles, write_nibbles};
use super::{accumulate_group_tiles, add_minima, add_tile_minima, apply_scales, load_scales, scale_of_row};
use crate::half::{f16_at, f32_to_f16};
use crate::quant::planes::{
    dot_group, gather_f16, nibbles, pack_plane, unpack_plane, LevelSource,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::{Bytes, I32x4};

pub struct Q4_1;

impl BlockFormat for Q4_1 {
    const COLS: usize = 32;
    const BYTES: usize = 20;
    const F16_OFFSETS: &'static [usize] = &[0, 2];
    const EXPANDS: bool = false;
    const SHARES_ROWS: bool = true;

    #[inline(always)]
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        gather_f16(rows, 2, to.add(16));
        pack_plane(to.add(32), |row, step| file_nibbles(rows[row].add(4), step));
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, _: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        nibbles(packed.add(32), step, c)
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

    #[inline(always)]
    unsafe fn accumulate_tiles<const T: usize>(
        sums: &mut [TileSums; T],
        packed: [*const u8; T],
        act: *const u8,
        c: &Constants,
    ) {
        let start = [I32x4::splat(0); 2];
        accumulate_group_tiles::<Self, T>(sums, start, packed, act, c);
        add_tile_minima(sums, packed, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let (d, m) = (scale_of_row(packed, row), scale_of_row(packed.add(16), row));
        for (k, q) in unpack_plane(packed.add(32), row).into_iter().enumerate() {
            *to.add(k) = d * f32::from(q) + m;
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let (d, m) = (f16_at(block, 0), f16_at(block, 2));
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * file_nibble(&block[4..], k) as f32 + m;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| file_nibble(&block[4..], k));
        let total = integer_dot(quants, |_| 1);
        let sum = sum + integer as f32 * (f16_at(block, 0) * scales[0]);
        sum + f16_at(block, 2) * (total as f32 * scales[0])
    }
}

/// Quantizes 32 values as gguf-py does: levels 0 and 15 are the smallest and the largest value.
pub fn quantize(values: &[f32], block: &mut [u8]) {
    let largest = values.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b));
    let smallest = values.iter().fold(f32::INFINITY, |a, &b| a.min(b));
    let d = (largest - smallest) / 15.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    block[..2].copy_from_slice(&f32_to_f16(d).to_le_bytes());
    block[2..4].copy_from_slice(&f32_to_f16(smallest).to_le_bytes());
    write_nibbles(&mut block[4..20], |k| (((values[k] - smallest) * inverse + 0.5) as u8).min(15));
}
