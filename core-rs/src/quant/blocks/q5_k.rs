//! Q5_K: Q4_K with q in 0..=31. File block: d, dmin and scales as in Q4_K, 32 bytes of fifth bits (bit g of byte l is
//! column 32 g + l), nibbles as in Q4_K. Packed: the head as in Q4_K, then 8 times a nibble plane and its fifth bits.

use super::q4_k::{
    accumulate_groups, accumulate_groups_scalar, dequantize_groups, file_nibble, file_nibbles,
    pack_head, unpack_groups, GROUPS_AT,
};
use crate::quant::high_bits::{five_bits, pack_bits, unpack_bits, BITS_BYTES};
use crate::quant::planes::{pack_plane, unpack_plane, word, LevelSource, PLANE_BYTES};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::Bytes;

pub struct Q5K;

/// The parts of the file's block.
const FILE_BITS: usize = 16;
const FILE_NIBBLES: usize = 48;
const PACKED_GROUP: usize = PLANE_BYTES + BITS_BYTES;

fn level(block: &[u8], column: usize) -> u8 {
    let bit = block[FILE_BITS + column % GROUP] >> (column / GROUP) & 1;
    file_nibble(&block[FILE_NIBBLES..], column) | bit << 4
}

impl BlockFormat for Q5K {
    const COLS: usize = 256;
    const BYTES: usize = 176;
    const F16_OFFSETS: &'static [usize] = &[0, 2];
    const UNROLLED: usize = 4;

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        pack_head(rows, to);
        for g in 0..8 {
            let group = to.add(GROUPS_AT + g * PACKED_GROUP);
            pack_plane(group, |row, step| file_nibbles(rows[row].add(FILE_NIBBLES), g, step));
            pack_bits(group.add(PLANE_BYTES), |row, step| {
                (word(rows[row].add(FILE_BITS + 4 * step)) >> g) & 0x0101_0101
            });
        }
    }

    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let group = packed.add(GROUPS_AT + plane * PACKED_GROUP);
        five_bits(group, group.add(PLANE_BYTES), step, c)
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        accumulate_groups(sums, packed, source, &act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        unpack_groups(packed, row, to, |g| {
            let group = packed.add(GROUPS_AT + g * PACKED_GROUP);
            let high = unpack_bits(group.add(PLANE_BYTES), row);
            let mut levels = unpack_plane(group, row);
            levels.iter_mut().zip(high).for_each(|(level, bit)| *level |= bit << 4);
            levels
        });
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        dequantize_groups(block, to, |k| level(block, k));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        accumulate_groups_scalar(sum, block, quants, scales, |k| level(block, k))
    }
}
