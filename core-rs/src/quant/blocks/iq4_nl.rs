//! IQ4_NL: Q4_0's block with levels out of a table, `value = d CODEBOOK[q]`. Packed: 8 d, one nibble plane.
//!
//! The table spans 240 steps and the relaxed dot takes 7 bits, so `level + 128 = 2 half + odd`: one pass over the plane
//! looks up the halves, its sums are doubled, a second pass adds the odd ones. All of it is exact.

use super::q4_0::{file_nibble, file_nibbles};
use super::{apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::half::f16_at;
use crate::quant::planes::{
    dot_group, gather_f16, nibbles, pack_plane, unpack_plane, IntSums, LevelSource,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, TILE};
use crate::simd::Bytes;

pub struct Iq4Nl;

/// The levels, `kvalues_iq4nl` of ggml-common.h.
pub(super) const CODEBOOK: [i8; 16] =
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// `(level + 128) / 2` and the rest of the division.
static SPLIT: [[u8; 16]; 2] = {
    let mut split = [[0; 16]; 2];
    let mut i = 0;
    while i < 16 {
        let unsigned = (CODEBOOK[i] as i16 + 128) as u8;
        split[0][i] = unsigned >> 1;
        split[1][i] = unsigned & 1;
        i += 1;
    }
    split
};

/// Halves and odd ones as vectors that compilers do not know as constants (see `simd::opaque_splat`).
#[inline(always)]
pub fn tables() -> [Bytes; 2] {
    let split = core::hint::black_box(&SPLIT);
    split.map(|table| unsafe { Bytes::load(table.as_ptr()) })
}

/// Sums of one group's levels; its planes are `first`, the halves, and the next, the odd ones.
#[inline(always)]
pub(super) unsafe fn dot_codebook<const R: usize>(
    source: impl LevelSource,
    first: usize,
    act: &[*const u8; R],
) -> [IntSums; R] {
    // -128 x sum = 2 x 8 x (-8 x sum); the doubling is that of the halves.
    let mut integer = minus_8_sums(act).map(|rows| rows.map(|sum| sum.shl::<3>()));
    dot_group(&mut integer, source, first, act);
    let mut integer = integer.map(|rows| rows.map(|sum| sum.shl::<1>()));
    dot_group(&mut integer, source, first + 1, act);
    integer
}

/// The level of a column out of 16 bytes in Q4_0's order.
pub(super) fn file_level(quants: &[u8], column: usize) -> i32 {
    i32::from(CODEBOOK[file_nibble(quants, column) as usize])
}

impl BlockFormat for Iq4Nl {
    const COLS: usize = 32;
    const BYTES: usize = 18;
    const F16_OFFSETS: &'static [usize] = &[0];
    const PLANES: usize = 2;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        pack_plane(to.add(16), |row, step| file_nibbles(rows[row].add(2), step));
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        nibbles(packed.add(16), step, c).map(|nibbles| c.codebook[plane].look_up(nibbles))
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let integer = dot_codebook(source, 0, &act);
        apply_scales(sums, &integer, load_scales(packed, c), &act);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for (k, q) in unpack_plane(packed.add(16), row).into_iter().enumerate() {
            *to.add(k) = d * f32::from(CODEBOOK[usize::from(q)]);
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * file_level(&block[2..], k) as f32;
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let integer = integer_dot(quants, |k| file_level(&block[2..], k));
        sum + integer as f32 * (f16_at(block, 0) * scales[0])
    }
}
