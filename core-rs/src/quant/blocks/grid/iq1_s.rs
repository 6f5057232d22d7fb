//! IQ1_S: 256 columns, one f16 scale, a three-bit scale and a sign for each 32 columns, `value = d (2 scale + 1) (q + sign / 8)`
//! with q in -1..=1, 8 at a time out of 2048 entries (`quant::codebooks`).
//!
//! File block: d, 32 low bytes of indices, then for each group of 32 columns a word of 4 times 3 upper index bits, the
//! scale and the sign, 1 for minus. Packed: 8 d, then for each group the low bytes of its indices and the 8 rows' words.
//! Levels are `8 (q + 1)`, which leaves `sign - 8` times the activations' sum to add.

use super::{accumulate_groups, dequantize_groups, form_by_8, odd, place, places, scaled, Group};
use crate::half::f16_at;
use crate::quant::activation::GROUP_BYTES;
use crate::quant::blocks::{apply_scales, load_scales, minus_8_sums, scale_of_row};
use crate::quant::codebooks::IQ1;
use crate::quant::planes::{dot_group, gather_f16, LevelSource, PlaneRoom};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{opaque_splat, F32x4, I32x4};

pub struct Iq1S;

/// The parts of the file's block and of a packed group.
const FILE_LOW: usize = 2;
const FILE_WORDS: usize = 34;
const WORDS_AT: usize = 4 * TILE;
const PACKED_GROUP: usize = WORDS_AT + 2 * TILE;
/// What d is multiplied with.
const EIGHTH: f32 = 0.125;

/// A group by the low bytes of its indices and its word.
fn group(low: [u8; 4], word: u16) -> Group {
    let index = |i: usize| usize::from(low[i]) | usize::from(word >> (3 * i) & 7) << 8;
    let sign = if word >> 15 == 0 { 1 } else { -1 };
    let level = |k: usize| i32::from(IQ1[index(k / 8)][k % 8]) - 8 + sign;
    let factor = 2 * i32::from(word >> 12 & 7) + 1;
    Group { levels: core::array::from_fn(level), factors: [factor; 2] }
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let low = core::array::from_fn(|i| block[FILE_LOW + 4 * g + i]);
    let word = core::array::from_fn(|i| block[FILE_WORDS + 2 * g + i]);
    group(low, u16::from_le_bytes(word))
}

/// The words of 8 rows, the sign at bit 31 and its copies below.
#[inline(always)]
unsafe fn words(group: *const u8) -> [I32x4; 2] {
    [0, 8].map(|at| I32x4::load_i16(group.add(WORDS_AT + at)))
}

impl BlockFormat for Iq1S {
    const COLS: usize = 256;
    const BYTES: usize = 50;
    const F16_OFFSETS: &'static [usize] = &[0];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, 0, to);
        for g in 0..8 {
            let group = to.add(16 + PACKED_GROUP * g);
            gather_bytes(rows, FILE_LOW + 4 * g, 4, group);
            gather_f16(rows, FILE_WORDS + 2 * g, group.add(WORDS_AT));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(16 + PACKED_GROUP * plane);
        let (words, upper) = (words(group), opaque_splat(0x700 << 3));
        let places: [_; 4] = core::array::from_fn(|entry| {
            let high = |half: usize| words[half].move_bits(3 * entry as u32, 11) & upper;
            places::<3>(group.add(TILE * entry), high)
        });
        let place = |entry, row| place(&places, entry, row);
        form_by_8(to, IQ1.as_ptr().cast(), place, |_, _, bytes| bytes, c);
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let d = load_scales(packed, c).map(|d| d * F32x4::splat(EIGHTH));
        let mut room = PlaneRoom::uninit();
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let words = words(packed.add(16 + PACKED_GROUP * g));
            // -8 x sum - (-8 x sum) / 8 where the sign is plus, the other way round where it is minus.
            let signs = words.map(|word| word.shr_s::<31>());
            let mut integer = minus_8_sums(&act).map(|start| {
                let eighth = start[0].shr_s::<3>();
                signs.map(|sign| start[0] - ((eighth ^ sign) - sign))
            });
            dot_group(&mut integer, source.formed(g, &mut room), 0, &act);
            let factors = words.map(|word| odd(word.move_bits(12, 1), 14));
            apply_scales(sums, &integer, scaled(d, factors), &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row) * EIGHTH;
        for g in 0..8 {
            let at = packed.add(16 + PACKED_GROUP * g);
            let word = at.add(WORDS_AT + 2 * row).cast::<u16>().read_unaligned();
            group(row_bytes(at, row), word).write(d, to.add(GROUP * g));
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, 0) * EIGHTH;
        dequantize_groups(d, to, |g| file_group(block, g));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_at(block, 0) * EIGHTH;
        accumulate_groups(sum, d, quants, scales, Group::accumulate, |g| file_group(block, g))
    }
}
