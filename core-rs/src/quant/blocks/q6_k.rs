//! Q6_K: 256 columns, one f16 scale, an i8 scale for each 16 columns, `value = d scale (q - 32)` with q in 0..=63.
//!
//! File block: 128 bytes of low nibbles, 64 of upper bit pairs, 16 scales, d. Each half of 128 columns takes 64 bytes of
//! nibbles (bytes 0-31 columns 0-31 low and 64-95 high, bytes 32-63 columns 32-63 low and 96-127 high) and 32 bytes of
//! pairs (byte l: columns l, l + 32, l + 64, l + 96 from the lowest bits up).
//! Packed: 8 d, then for each of the 8 groups of 32 columns a nibble plane, 64 bytes of pairs (one 16-byte load serves
//! two steps: bits 0-1 and 2-3 are rows 0-3 and 4-7 of the first, bits 4-7 the second), and 2 x 8 scales.

use super::{apply_scales, load_scales, scale_of_row};
use crate::half::f16_at;
use crate::quant::activation::{GROUP_BYTES, MINUS_32_SUMS_AT};
use crate::quant::planes::{
    add_wide, gather_f16, pack_plane, unpack_plane, wide_step, word, IntSums, PLANE_BYTES, STEPS,
};
use crate::quant::{integer_dot, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{dot4, Act4, Bytes, I32x4, Weights4};

pub struct Q6K;

/// The parts of the file's block.
const FILE_PAIRS: usize = 128;
const FILE_SCALES: usize = 192;
const FILE_D: usize = 208;
/// The parts of a packed group.
const PAIRS_AT: usize = PLANE_BYTES;
const SCALES_AT: usize = PAIRS_AT + 64;
const PACKED_GROUP: usize = SCALES_AT + 16;

/// Offsets of group `g`'s first nibble byte and first pair byte in the file's block, and the shifts of both.
const fn file_group(g: usize) -> (usize, usize, usize, usize) {
    let (half, quarter) = (g / 4, g % 4);
    let nibbles = 64 * half + 32 * (quarter & 1);
    (nibbles, FILE_PAIRS + 32 * half, 4 * (quarter >> 1), 2 * quarter)
}

/// Level minus 32 of a column of the file's block.
fn file_level(block: &[u8], column: usize) -> i32 {
    let (nibbles, pairs, nibble_shift, pair_shift) = file_group(column / GROUP);
    let l = column % GROUP;
    let low = block[nibbles + l] >> nibble_shift & 15;
    let high = block[pairs + l] >> pair_shift & 3;
    i32::from(low | high << 4) - 32
}

/// The four vectors of weights of two steps: first step rows 0-3, rows 4-7, then the second step's.
#[inline(always)]
unsafe fn two_steps(plane: *const u8, pairs: *const u8, c: &Constants) -> [Weights4; 4] {
    let (nibble, upper) = (c.nibble, c.upper_pair);
    let (first, second) = (Bytes::load(plane), Bytes::load(plane.add(16)));
    let pair = Bytes::load(pairs);
    [
        Weights4::new((first & nibble) | (pair.shl_pairs::<4>() & upper)),
        Weights4::new((first.shr_pairs::<4>() & nibble) | (pair.shl_pairs::<2>() & upper)),
        Weights4::new((second & nibble) | (pair & upper)),
        Weights4::new((second.shr_pairs::<4>() & nibble) | (pair.shr_pairs::<2>() & upper)),
    ]
}

/// Scaled integer sums of one packed group: for each 16 columns `scale * (dot - 32 sum)`.
#[inline(always)]
unsafe fn dot_group<const R: usize>(
    packed: *const u8,
    act: &[*const u8; R],
    c: &Constants,
) -> [IntSums; R] {
    let mut totals = [[I32x4::splat(0); 2]; R];
    for sub in 0..2 {
        let mut sums = act.map(|a| {
            [I32x4::load_splat(a.add(MINUS_32_SUMS_AT + 4 * sub).cast()); 2]
        });
        for two in [2 * sub, 2 * sub + 1] {
            let w = two_steps(packed.add(32 * two), packed.add(PAIRS_AT + 16 * two), c);
            for row in 0..R {
                let first = Act4::load(act[row].add(8 * two));
                let second = Act4::load(act[row].add(8 * two + 4));
                let [low, high] = sums[row];
                sums[row] = [
                    dot4(dot4(low, first, w[0]), second, w[2]),
                    dot4(dot4(high, first, w[1]), second, w[3]),
                ];
            }
        }
        for row in 0..R {
            let step = wide_step(act[row]);
            if step / 4 == sub {
                let w = two_steps(packed.add(32 * (step / 2)), packed.add(PAIRS_AT + 16 * (step / 2)), c);
                let first = 2 * (step & 1);
                add_wide(&mut sums[row], act[row], w[first], w[first + 1]);
            }
        }
        let scales = I32x4::load_i8x8(packed.add(SCALES_AT + 8 * sub));
        for row in 0..R {
            for half in 0..2 {
                totals[row][half] = totals[row][half] + sums[row][half] * scales[half];
            }
        }
    }
    totals
}

impl BlockFormat for Q6K {
    const COLS: usize = 256;
    const BYTES: usize = 210;
    const F16_OFFSETS: &'static [usize] = &[FILE_D];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        for g in 0..8 {
            let (nibbles, pairs, nibble_shift, pair_shift) = file_group(g);
            let group = to.add(16 + g * PACKED_GROUP);
            pack_plane(group, |row, step| {
                (word(rows[row].add(nibbles + 4 * step)) >> nibble_shift) & 0x0f0f_0f0f
            });
            let pair = |row: usize, step: usize| {
                (word(rows[row].add(pairs + 4 * step)) >> pair_shift) & 0x0303_0303
            };
            for two in 0..STEPS / 2 {
                for lane in 0..4 {
                    let first = pair(lane, 2 * two) | pair(lane + 4, 2 * two) << 2;
                    let second = pair(lane, 2 * two + 1) | pair(lane + 4, 2 * two + 1) << 2;
                    let at = group.add(PAIRS_AT + 16 * two + 4 * lane);
                    at.cast::<u32>().write_unaligned(first | second << 4);
                }
            }
            for (row, from) in rows.iter().enumerate() {
                for sub in 0..2 {
                    let scale = *from.add(FILE_SCALES + 2 * g + sub);
                    *group.add(SCALES_AT + 8 * sub + row) = scale;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let scales = load_scales(packed, c);
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let integer = dot_group(packed.add(16 + g * PACKED_GROUP), &act, c);
            apply_scales(sums, &integer, scales, &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for g in 0..8 {
            let group = packed.add(16 + g * PACKED_GROUP);
            let low = unpack_plane(group, row);
            for (k, low) in low.into_iter().enumerate() {
                let byte = *group.add(PAIRS_AT + 16 * (k / 8) + 4 * (row & 3) + k % 4);
                let high = byte >> (4 * (k / 4 % 2) + 2 * (row >> 2)) & 3;
                let scale = *group.add(SCALES_AT + 8 * (k / 16) + row) as i8;
                let level = i32::from(low | high << 4) - 32;
                *to.add(GROUP * g + k) = d * f32::from(scale) * level as f32;
            }
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, FILE_D);
        for (k, value) in to.iter_mut().enumerate() {
            let scale = block[FILE_SCALES + k / 16] as i8;
            *value = d * f32::from(scale) * file_level(block, k) as f32;
        }
    }

    fn accumulate_scalar(mut sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, FILE_D);
        for (g, group) in quants.chunks(GROUP).enumerate() {
            let mut integer = 0;
            for (sub, part) in group.chunks(16).enumerate() {
                let scale = block[FILE_SCALES + 2 * g + sub] as i8;
                let first = GROUP * g + 16 * sub;
                integer += i32::from(scale) * integer_dot(part, |k| file_level(block, first + k));
            }
            sum += integer as f32 * (d * scales[g]);
        }
        sum
    }
}
