//! IQ3_S: 256 columns, one f16 scale, a four-bit scale for each 32 columns, `value = d (2 scale + 1) * sign * magnitude`
//! with 4 magnitudes at a time out of 512 entries (`quant::codebooks`).
//!
//! File block: d, 8 times 8 low bytes of indices, 8 bytes of ninth bits (entry i of a group at bit i), 32 bytes of signs,
//! 4 bytes of two scales (group g in byte g / 2, odd ones high). Packed: 8 d, the 8 rows' bytes of scales, then for each
//! group of 32 columns the low bytes of its indices, the plane of signs, the 8 rows' bytes of ninth bits.

use super::signs::{pack_signs, unpack_signs, Signs};
use super::{accumulate_groups, dequantize_groups, form_by_4, minus_64_sums, odd, place, places, scaled, Group};
use crate::half::f16_at;
use crate::quant::activation::GROUP_BYTES;
use crate::quant::blocks::{apply_scales, load_scales, scale_of_row};
use crate::quant::codebooks::IQ3_S;
use crate::quant::high_bits::BITS_BYTES;
use crate::quant::planes::{dot_group, gather_f16, LevelSource, PlaneRoom};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{opaque_splat, I32x4};

pub struct Iq3S;

/// The parts of the file's block, of a packed block and of its groups.
const FILE_LOW: usize = 2;
const FILE_NINTHS: usize = 66;
const FILE_SIGNS: usize = 74;
const FILE_SCALES: usize = 106;
const SCALES_AT: usize = 16;
const GROUPS_AT: usize = SCALES_AT + 4 * TILE;
const SIGNS_AT: usize = 8 * TILE;
const NINTHS_AT: usize = SIGNS_AT + BITS_BYTES;
const PACKED_GROUP: usize = NINTHS_AT + TILE;

/// A group by the low bytes of its indices, its signs, its byte of ninth bits and its scale.
fn group(low: [u8; 8], signs: [u8; 4], ninths: u8, scale: u8) -> Group {
    let index = |i: usize| usize::from(low[i]) | usize::from(ninths >> i & 1) << 8;
    let factor = 2 * i32::from(scale & 15) + 1;
    Group::signed(|i| IQ3_S[index(i)], |i| signs[i], [factor; 2])
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let low = core::array::from_fn(|i| block[FILE_LOW + 8 * g + i]);
    let signs = core::array::from_fn(|i| block[FILE_SIGNS + 4 * g + i]);
    let scale = block[FILE_SCALES + g / 2] >> (4 * (g % 2));
    group(low, signs, block[FILE_NINTHS + g], scale)
}

impl BlockFormat for Iq3S {
    const COLS: usize = 256;
    const BYTES: usize = 110;
    const F16_OFFSETS: &'static [usize] = &[0];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        gather_bytes(rows, FILE_SCALES, 4, to.add(SCALES_AT));
        for g in 0..8 {
            let group = to.add(GROUPS_AT + PACKED_GROUP * g);
            gather_bytes(rows, FILE_LOW + 8 * g, 8, group);
            pack_signs(group.add(SIGNS_AT), |row, entry| {
                *rows[row].add(FILE_SIGNS + 4 * g + entry)
            });
            gather_bytes(rows, FILE_NINTHS + g, 1, group.add(NINTHS_AT));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(GROUPS_AT + PACKED_GROUP * plane);
        let (signs, ninth) = (Signs::load(group.add(SIGNS_AT)), opaque_splat(256 << 2));
        let ninths = I32x4::load_u8x8(group.add(NINTHS_AT));
        let places: [_; 8] = core::array::from_fn(|entry| {
            let high = |half: usize| ninths[half].move_bits(entry as u32, 10) & ninth;
            places::<2>(group.add(TILE * entry), high)
        });
        let place = |entry, row| place(&places, entry, row);
        let level = |step, half, bytes| signs.apply(step, half, bytes, c);
        form_by_4(to, IQ3_S.as_ptr().cast(), place, level, c);
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let d = load_scales(packed, c);
        let mut room = PlaneRoom::uninit();
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let mut integer = minus_64_sums(&act);
            dot_group(&mut integer, source.formed(g, &mut room), 0, &act);
            let scales = I32x4::load_u8x8(packed.add(SCALES_AT + TILE * (g / 2)));
            let factors = scales.map(|two| odd(two.move_bits(4 * (g as u32 % 2), 1), 30));
            apply_scales(sums, &integer, scaled(d, factors), &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for g in 0..8 {
            let at = packed.add(GROUPS_AT + PACKED_GROUP * g);
            let scale = *packed.add(SCALES_AT + TILE * (g / 2) + row) >> (4 * (g % 2));
            let signs = unpack_signs(at.add(SIGNS_AT), row);
            let ninths = *at.add(NINTHS_AT + row);
            group(row_bytes(at, row), signs, ninths, scale).write(d, to.add(GROUP * g));
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0);
        dequantize_groups(d, to, |g| file_group(block, g));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, 0);
        accumulate_groups(sum, d, quants, scales, Group::accumulate, |g| file_group(block, g))
    }
}
