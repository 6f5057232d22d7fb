//! Six-bit scales of the K formats and IQ4_XS: where the file has them, and how the packed ones become bytes. Products
//! with scales are in the blocks.
//!
//! Packed scales are the file's bytes of the 8 rows side by side, `[byte][8 rows]`, so that 16-byte loads hold two
//! scales of all rows. They are decoded once a block; `f16 factor x scale` is exact in f32.

use super::{Constants, TileSums, TILE};
use crate::simd::{Bytes, I32x4};

/// Bytes of the 8 scales and 8 minima of a Q4_K or Q5_K block.
pub const WITH_MINIMA_BYTES: usize = 12;

/// Interleaves `count` bytes of the 8 rows' blocks.
/// # Safety
/// Each of `rows` has `offset + count` readable bytes, `to` 8 count writable ones.
pub unsafe fn gather_bytes(rows: &[*const u8; TILE], offset: usize, count: usize, to: *mut u8) {
    for i in 0..count {
        for (row, from) in rows.iter().enumerate() {
            *to.add(TILE * i + row) = *from.add(offset + i);
        }
    }
}

/// One row's bytes of what `gather_bytes` wrote.
/// # Safety
/// `from` points to 8 N readable bytes.
pub unsafe fn row_bytes<const N: usize>(from: *const u8, row: usize) -> [u8; N] {
    core::array::from_fn(|i| *from.add(TILE * i + row))
}

/// Eight bytes, one a row and below 128, times the rows' factors.
/// # Safety
/// `bytes` points to 8 readable bytes.
#[inline(always)]
pub unsafe fn scaled(factors: TileSums, bytes: *const u8) -> TileSums {
    let [low, high] = I32x4::load_i8x8(bytes);
    [factors[0] * low.to_f32(), factors[1] * high.to_f32()]
}

/// Scale and minimum of group `g` (0..8) of a Q4_K or Q5_K block: those of the first four groups stand whole in the low
/// six bits of bytes 0-3 and 4-7, whose upper pairs complete the nibbles of bytes 8-11, the last four groups.
pub fn with_minimum(bytes: &[u8], g: usize) -> (u8, u8) {
    if g < 4 {
        return (bytes[g] & 63, bytes[g + 4] & 63);
    }
    let (scale, minimum) = (bytes[g + 4] & 15, bytes[g + 4] >> 4);
    (scale | bytes[g - 4] >> 6 << 4, minimum | bytes[g] >> 6 << 4)
}

/// `with_minimum` of 8 rows and all groups: scales `[8 groups][8 rows]`, then minima alike.
/// # Safety
/// `packed` points to 96 readable bytes.
#[inline(always)]
pub unsafe fn decode_with_minima(packed: *const u8, c: &Constants) -> [u8; 128] {
    let mut out = [0; 128];
    let to = out.as_mut_ptr();
    let whole = c.nibble | c.upper_pair;
    for two in 0..2 {
        let scales = Bytes::load(packed.add(16 * two));
        let minima = Bytes::load(packed.add(32 + 16 * two));
        let nibbles = Bytes::load(packed.add(64 + 16 * two));
        let upper = |from: Bytes| from.shr_pairs::<2>() & c.upper_pair;
        (scales & whole).store(to.add(16 * two));
        (minima & whole).store(to.add(64 + 16 * two));
        ((nibbles & c.nibble) | upper(scales)).store(to.add(32 + 16 * two));
        let high = nibbles.shr_pairs::<4>() & c.nibble;
        (high | upper(minima)).store(to.add(96 + 16 * two));
    }
    out
}

/// Nibbles completed by pairs, two scales of 8 rows a vector: `N` vectors `[2 N scales][8 rows]`. Vector `t` takes low
/// nibbles (high ones in the second half) of nibble vector `t % (N / 2)` and bits `2 (t / P)` and above of pair vector
/// `t % P`.
/// # Safety
/// `packed` points to 8 N readable bytes of nibbles and 16 P of pairs after them.
#[inline(always)]
pub unsafe fn decode_nibbles_and_pairs<const N: usize, const P: usize>(
    packed: *const u8,
    c: &Constants,
) -> [[u8; 16]; N] {
    let mut out = [[0; 16]; N];
    for (t, to) in out.iter_mut().enumerate() {
        let nibbles = Bytes::load(packed.add(16 * (t % (N / 2))));
        let nibbles = nibbles.move_bits(4 * (t as u32 / (N as u32 / 2)), 0) & c.nibble;
        let pairs = Bytes::load(packed.add(8 * N + 16 * (t % P)));
        let pairs = pairs.move_bits(2 * (t / P) as u32, 4) & c.upper_pair;
        (nibbles | pairs).store(to.as_mut_ptr());
    }
    out
}
