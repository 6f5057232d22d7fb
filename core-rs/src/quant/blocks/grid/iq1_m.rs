//! IQ1_M: 256 columns, one f16 scale, a three-bit scale for each 16 columns and a sign for each 8, `value =
//! d (2 scale + 1) (q + sign / 8)` with q in -1..=1, 8 at a time out of the 2048 entries of IQ1_S.
//!
//! File block: 32 low bytes of indices; 32 nibbles of three upper index bits and the sign, 1 for minus, even entries low;
//! 4 words of 4 times 3 bits of scales and 4 bits of d each, the lowest first. Packed: the 8 rows' words, then for each
//! group of 32 columns the low bytes of its indices and the 8 rows' 4 nibbles. Levels are `8 (q + 1)`, 2 more where the
//! sign is plus, so their offset is 9.

use super::{accumulate_groups, dequantize_groups, form_by_8, odd, place, places, scaled_halves, Group};
use crate::half::{f16_is_finite, f16_to_f32};
use crate::quant::activation::GROUP_BYTES;
use crate::quant::blocks::{apply_scales, load_scales};
use crate::quant::codebooks::IQ1;
use crate::quant::planes::{gather_f16, LevelSource, PlaneRoom};
use crate::quant::six_bits::{gather_bytes, row_bytes};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{opaque_splat, Bytes, F32x4, I32x4};

pub struct Iq1M;

/// The parts of the file's block, of a packed block and of its groups.
const FILE_NIBBLES: usize = 32;
const FILE_WORDS: usize = 48;
const GROUPS_AT: usize = 4 * 2 * TILE;
const NIBBLES_AT: usize = 4 * TILE;
const PACKED_GROUP: usize = NIBBLES_AT + 2 * TILE;
/// What d is multiplied with.
const EIGHTH: f32 = 0.125;

/// The bit pattern of d out of the four words.
fn d_bits(words: [u16; 4]) -> u16 {
    (0..4).fold(0, |bits, i| bits | words[i] >> 12 << (4 * i))
}

/// Group `g` by the low bytes of its indices, its nibbles and the block's words.
fn group(g: usize, low: [u8; 4], nibbles: u16, words: [u16; 4]) -> Group {
    let nibble = |i: usize| usize::from(nibbles >> (4 * i) & 15);
    let level = |k: usize| {
        let (i, sign) = (k / 8, if nibble(k / 8) < 8 { 1 } else { -1 });
        i32::from(IQ1[usize::from(low[i]) | (nibble(i) & 7) << 8][k % 8]) - 8 + sign
    };
    let scale = |sub: usize| words[g / 2] >> (6 * (g % 2) + 3 * sub) & 7;
    let factors = [0, 1].map(|sub| 2 * i32::from(scale(sub)) + 1);
    Group { levels: core::array::from_fn(level), factors }
}

/// The words of the file's block.
fn file_words(block: &[u8]) -> [u16; 4] {
    core::array::from_fn(|i| {
        u16::from_le_bytes([block[FILE_WORDS + 2 * i], block[FILE_WORDS + 2 * i + 1]])
    })
}

/// Group `g` of the file's block.
fn file_group(block: &[u8], g: usize) -> Group {
    let low = core::array::from_fn(|i| block[4 * g + i]);
    let nibbles = core::array::from_fn(|i| block[FILE_NIBBLES + 2 * g + i]);
    group(g, low, u16::from_le_bytes(nibbles), file_words(block))
}

/// The f16 numbers of 8 rows, eighths of d.
#[inline(always)]
unsafe fn factors_of_rows(packed: *const u8, c: &Constants) -> TileSums {
    let mut halves = [0u8; 16];
    for half in 0..2 {
        let word = |i: usize| I32x4::load_i16(packed.add(16 * i + 8 * half));
        let nibble = |i: u32| word(i as usize).move_bits(12, 4 * i) & I32x4::splat(15 << (4 * i));
        let bits = nibble(0) | nibble(1) | nibble(2) | nibble(3);
        bits.store_u16(halves.as_mut_ptr().add(8 * half));
    }
    load_scales(halves.as_ptr(), c).map(|d| d * F32x4::splat(EIGHTH))
}

/// Eight rows' words at a place.
#[inline(always)]
unsafe fn words_at(at: *const u8) -> [I32x4; 2] {
    [I32x4::load_i16(at), I32x4::load_i16(at.add(8))]
}

impl BlockFormat for Iq1M {
    const COLS: usize = 256;
    const BYTES: usize = 56;
    const F16_OFFSETS: &'static [usize] = &[];

    unsafe fn is_finite(block: *const u8) -> bool {
        f16_is_finite(d_bits(file_words(core::slice::from_raw_parts(block, Self::BYTES))))
    }

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        for i in 0..4 {
            gather_f16(rows, FILE_WORDS + 2 * i, to.add(16 * i));
        }
        for g in 0..8 {
            let group = to.add(GROUPS_AT + PACKED_GROUP * g);
            gather_bytes(rows, 4 * g, 4, group);
            gather_f16(rows, FILE_NIBBLES + 2 * g, group.add(NIBBLES_AT));
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        let group = packed.add(GROUPS_AT + PACKED_GROUP * plane);
        let (nibbles, upper) = (words_at(group.add(NIBBLES_AT)), opaque_splat(0x700 << 3));
        let two = opaque_splat(0x0202_0202);
        let places: [_; 4] = core::array::from_fn(|entry| {
            let high = |half: usize| nibbles[half].move_bits(4 * entry as u32, 11) & upper;
            places::<3>(group.add(TILE * entry), high)
        });
        // A lane is a row: 2 in each of its bytes where the sign is plus.
        let plus: [[Bytes; 2]; 4] = core::array::from_fn(|entry| {
            nibbles.map(|nibbles| {
                let minus = nibbles.move_bits(4 * entry as u32 + 3, 31).shr_s::<31>();
                Bytes::from_i32_bits((minus & two) ^ two)
            })
        });
        let place = |entry, row| place(&places, entry, row);
        let level = |step: usize, half: usize, bytes| {
            bytes | *plus.get_unchecked(step / 2).get_unchecked(half)
        };
        form_by_8(to, IQ1.as_ptr().cast(), place, level, c);
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        let d = factors_of_rows(packed, c);
        let mut room = PlaneRoom::uninit();
        for g in 0..8 {
            let act = act.map(|a| a.add(g * GROUP_BYTES));
            let words = words_at(packed.add(16 * (g / 2)));
            let factors = [0, 3].map(|sub| {
                words.map(|word| odd(word.move_bits(6 * (g as u32 % 2) + sub, 1), 14))
            });
            let levels = source.formed(g, &mut room);
            // -9 x sum = (-32 x sum) / 4 + (-32 x sum) / 32, exactly.
            let start = |sum: I32x4| sum.shr_s::<2>() + sum.shr_s::<5>();
            let integer = scaled_halves(levels, factors, start, &act);
            apply_scales(sums, &integer, d, &act);
        }
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let word_at = |at: *const u8| at.add(2 * row).cast::<u16>().read_unaligned();
        let words = core::array::from_fn(|i| word_at(packed.add(16 * i)));
        let d = f16_to_f32(d_bits(words)) * EIGHTH;
        for g in 0..8 {
            let at = packed.add(GROUPS_AT + PACKED_GROUP * g);
            let nibbles = word_at(at.add(NIBBLES_AT));
            group(g, row_bytes(at, row), nibbles, words).write(d, to.add(GROUP * g));
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_to_f32(d_bits(file_words(block))) * EIGHTH;
        dequantize_groups(d, to, |g| file_group(block, g));
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let d = f16_to_f32(d_bits(file_words(block))) * EIGHTH;
        accumulate_groups(sum, d, quants, scales, Group::accumulate_halves, |g| file_group(block, g))
    }
}
