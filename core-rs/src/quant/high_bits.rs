//! Bits beside the nibbles: planes of one bit and of two bits a column of 8 rows x 32 columns. Moves bits and forms the
//! weights of five-bit formats; knows no scales.
//!
//! Bits: 32 bytes, one 16-byte load for 4 steps of 4 columns: bits 2 s and 2 s + 1 of a byte are rows 0-3 and 4-7 of step
//! s. Pairs: 64 bytes, one 16-byte load for 2 steps: bits 0-1 and 2-3 are rows 0-3 and 4-7 of the first, bits 4-7 the
//! second. Byte `4 lane + i` is column i of the step and row `lane`, as in nibble planes.

use super::planes::{nibbles, STEPS};
use super::Constants;
use crate::simd::Bytes;

/// Bytes of the planes of one group of 32 columns.
pub const BITS_BYTES: usize = 32;
pub const PAIRS_BYTES: usize = 64;

/// The bits of a step at place `to` of each byte, other places not cleared: rows 0-3 and rows 4-7.
/// # Safety
/// `bits` points to 32 readable bytes.
#[inline(always)]
pub unsafe fn bits_at(bits: *const u8, step: usize, to: u32) -> [Bytes; 2] {
    let four = Bytes::load(bits.add(16 * (step / 4)));
    let place = 2 * (step % 4) as u32;
    [four.move_bits(place, to), four.move_bits(place + 1, to)]
}

/// The pairs of a step at place `to` and above, other places not cleared: rows 0-3 and rows 4-7.
/// # Safety
/// `pairs` points to 64 readable bytes.
#[inline(always)]
pub unsafe fn pairs_at(pairs: *const u8, step: usize, to: u32) -> [Bytes; 2] {
    let two = Bytes::load(pairs.add(16 * (step / 2)));
    let place = 4 * (step % 2) as u32;
    [two.move_bits(place, to), two.move_bits(place + 2, to)]
}

/// The five-bit levels of a step: nibble + 16 bit.
/// # Safety
/// `plane` points to 128 readable bytes, `bits` to 32.
#[inline(always)]
pub unsafe fn five_bits(plane: *const u8, bits: *const u8, step: usize, c: &Constants) -> [Bytes; 2] {
    let [low, high] = nibbles(plane, step, c);
    let [low_bit, high_bit] = bits_at(bits, step, 4);
    [low | (low_bit & c.fifth_bit), high | (high_bit & c.fifth_bit)]
}

/// Writes one group's bits; `bits(row, step)` gives the 4 columns of a step as 4 bytes, each 0 or 1.
/// # Safety
/// `to` points to 32 writable bytes.
#[inline(always)]
pub unsafe fn pack_bits(to: *mut u8, bits: impl Fn(usize, usize) -> u32) {
    for four in 0..STEPS / 4 {
        for lane in 0..4 {
            let together = (0..4).fold(0, |all, s| {
                let step = 4 * four + s;
                all | (bits(lane, step) | bits(lane + 4, step) << 1) << (2 * s)
            });
            to.add(16 * four + 4 * lane).cast::<u32>().write_unaligned(together);
        }
    }
}

/// The bits of one row (0..8) in column order.
/// # Safety
/// `bits` points to 32 readable bytes.
#[inline(always)]
pub unsafe fn unpack_bits(bits: *const u8, row: usize) -> [u8; 32] {
    core::array::from_fn(|k| {
        let byte = *bits.add(16 * (k / 16) + 4 * (row & 3) + k % 4);
        byte >> (2 * (k / 4 % 4) + (row >> 2)) & 1
    })
}

/// Writes one group's pairs; `pairs(row, step)` gives the 4 columns of a step as 4 bytes, each 0..=3.
/// # Safety
/// `to` points to 64 writable bytes.
#[inline(always)]
pub unsafe fn pack_pairs(to: *mut u8, pairs: impl Fn(usize, usize) -> u32) {
    for two in 0..STEPS / 2 {
        for lane in 0..4 {
            let first = pairs(lane, 2 * two) | pairs(lane + 4, 2 * two) << 2;
            let second = pairs(lane, 2 * two + 1) | pairs(lane + 4, 2 * two + 1) << 2;
            let at = to.add(16 * two + 4 * lane);
            at.cast::<u32>().write_unaligned(first | second << 4);
        }
    }
}

/// The pairs of one row (0..8) in column order.
/// # Safety
/// `pairs` points to 64 readable bytes.
#[inline(always)]
pub unsafe fn unpack_pairs(pairs: *const u8, row: usize) -> [u8; 32] {
    core::array::from_fn(|k| {
        let byte = *pairs.add(16 * (k / 8) + 4 * (row & 3) + k % 4);
        byte >> (4 * (k / 4 % 2) + 2 * (row >> 2)) & 3
    })
}
