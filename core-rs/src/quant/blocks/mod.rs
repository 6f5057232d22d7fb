//! The quantized block formats of GGUF, one a file (two kinds of them in folders), and the steps they share: applying scales and minima to integer sums.

pub mod grid;
pub mod iq4_nl;
pub mod iq4_xs;
pub mod q2_k;
pub mod q3_k;
pub mod q4_0;
pub mod q4_1;
pub mod q4_k;
pub mod q5_0;
pub mod q5_1;
pub mod q5_k;
pub mod q6_k;
pub mod q8_0;
pub mod q8_bytes;
pub mod ternary;

use super::activation::{MINUS_8_SUM_AT, SCALED_SUM_AT, SCALE_AT};
use super::planes::{dot_tiles, InPlace, IntSums};
use super::{BlockFormat, Constants, TileSums};
use crate::half::f16_to_f32;
use crate::simd::{F32x4, I32x4};

/// The 8 f16 numbers at the head of a packed block.
#[inline(always)]
unsafe fn load_scales(from: *const u8, c: &Constants) -> TileSums {
    [F32x4::load_f16_with(from, &c.f16), F32x4::load_f16_with(from.add(8), &c.f16)]
}

/// One of them.
unsafe fn scale_of_row(from: *const u8, row: usize) -> f32 {
    f16_to_f32(from.add(2 * row).cast::<u16>().read_unaligned())
}

/// `sums += integer * (scale * activation scale)`, one operation an output.
#[inline(always)]
unsafe fn apply_scales<const R: usize>(
    sums: &mut [TileSums; R],
    integer: &[IntSums; R],
    scales: TileSums,
    act: &[*const u8; R],
) {
    for row in 0..R {
        let a = F32x4::load_splat(act[row].add(SCALE_AT).cast());
        for half in 0..2 {
            let scale = scales[half] * a;
            sums[row][half] = sums[row][half].madd(integer[row][half].to_f32(), scale);
        }
    }
}

/// `BlockFormat::accumulate_tiles` for blocks of one group and one plane, without minima: integer sums start at `start`.
#[inline(always)]
unsafe fn accumulate_group_tiles<F: BlockFormat, const T: usize>(
    sums: &mut [TileSums; T],
    start: IntSums,
    packed: [*const u8; T],
    act: *const u8,
    c: &Constants,
) {
    let mut integer = [start; T];
    dot_tiles(&mut integer, packed.map(|packed| InPlace::<F>::new(packed, c)), 0, act);
    for tile in 0..T {
        let sums = core::array::from_mut(&mut sums[tile]);
        apply_scales(sums, &[integer[tile]], load_scales(packed[tile], c), &[act]);
    }
}

/// `sums += minimum * (activation scale * sum of the activations)`, one operation an output.
#[inline(always)]
unsafe fn add_minima<const R: usize>(
    sums: &mut [TileSums; R],
    minima: TileSums,
    act: &[*const u8; R],
) {
    for row in 0..R {
        let total = F32x4::load_splat(act[row].add(SCALED_SUM_AT).cast());
        sums[row] = [sums[row][0].madd(minima[0], total), sums[row][1].madd(minima[1], total)];
    }
}

/// `add_minima` of one row of activations to T tiles whose blocks hold the minima at byte 16.
#[inline(always)]
unsafe fn add_tile_minima<const T: usize>(
    sums: &mut [TileSums; T],
    packed: [*const u8; T],
    act: *const u8,
    c: &Constants,
) {
    for (sums, packed) in sums.iter_mut().zip(packed) {
        add_minima(core::array::from_mut(sums), load_scales(packed.add(16), c), &[act]);
    }
}

/// Where the integer sums of weights with the offset 8 start: at -8 times the activations' sums.
#[inline(always)]
unsafe fn minus_8_sums<const R: usize>(act: &[*const u8; R]) -> [IntSums; R] {
    act.map(|a| [I32x4::load_splat(a.add(MINUS_8_SUM_AT).cast()); 2])
}
