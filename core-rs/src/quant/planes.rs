//! Nibble planes: 128 bytes that hold 4 bits of 8 rows x 32 columns, low nibbles rows 0-3, high nibbles rows 4-7.
//! Shared by the block formats; knows no scales.

use super::activation::{WIDE_HIGH_AT, WIDE_SHIFT, WIDE_STEP_AT};
use super::{Constants, TILE};
use crate::simd::{dot4, Act4, Bytes, I32x4, Weights4};

/// Bytes of the plane of one group of 32 columns.
pub const PLANE_BYTES: usize = 128;
/// Steps of 4 columns in a group.
pub const STEPS: usize = 8;

/// Integer sums of a tile's 8 rows.
pub type IntSums = [I32x4; 2];

/// Four consecutive bytes as a little-endian word.
/// # Safety
/// `from` points to 4 readable bytes.
#[inline(always)]
pub unsafe fn word(from: *const u8) -> u32 {
    from.cast::<u32>().read_unaligned()
}

/// Adds the products of one group's nibbles (0..=15) with R rows of activations.
/// # Safety
/// `plane` points to 128 readable bytes, each of `act` to an activation group.
#[inline(always)]
pub unsafe fn dot_plane<const R: usize>(
    sums: &mut [IntSums; R],
    plane: *const u8,
    act: &[*const u8; R],
    c: &Constants,
) {
    // An unknown count keeps this a loop. Unrolled whole, the compiler orders it by accumulator instead of by step, and
    // all weights and activations of the group are alive at once.
    let (first, group) = (plane, act);
    let (mut plane, mut act) = (plane, *act);
    for _ in 0..core::hint::black_box(STEPS / 2) {
        for step in 0..2 {
            let both = Bytes::load(plane.add(16 * step));
            let low = Weights4::new(both & c.nibble);
            let high = Weights4::new(both.shr_pairs::<4>() & c.nibble);
            for row in 0..R {
                let a = Act4::load(act[row].add(4 * step));
                sums[row][0] = dot4(sums[row][0], a, low);
                sums[row][1] = dot4(sums[row][1], a, high);
            }
        }
        plane = plane.add(32);
        act = act.map(|a| a.add(8));
    }
    dot_wide(sums, first, group, c);
}

/// Adds what the high parts of wide steps (see `activation`) contribute to the sums of `dot_plane`.
/// # Safety
/// As for `dot_plane`; each of `act` points to a whole activation group.
#[inline(always)]
unsafe fn dot_wide<const R: usize>(
    sums: &mut [IntSums; R],
    plane: *const u8,
    act: &[*const u8; R],
    c: &Constants,
) {
    for row in 0..R {
        let step = wide_step(act[row]);
        if step < STEPS {
            let both = Bytes::load(plane.add(16 * step));
            let low = Weights4::new(both & c.nibble);
            let high = Weights4::new(both.shr_pairs::<4>() & c.nibble);
            add_wide(&mut sums[row], act[row], low, high);
        }
    }
}

/// The number of a group's wide step, or 8.
/// # Safety
/// `act` points to a group as `quantize_rows` writes it.
#[inline(always)]
pub unsafe fn wide_step(act: *const u8) -> usize {
    word(act.add(WIDE_STEP_AT)) as usize
}

/// `sums += 128 * high parts * weights`.
/// # Safety
/// As `wide_step`.
#[inline(always)]
pub unsafe fn add_wide(sums: &mut IntSums, act: *const u8, low: Weights4, high: Weights4) {
    let a = Act4::load(act.add(WIDE_HIGH_AT));
    let zero = I32x4::splat(0);
    sums[0] = sums[0] + dot4(zero, a, low).shl::<WIDE_SHIFT>();
    sums[1] = sums[1] + dot4(zero, a, high).shl::<WIDE_SHIFT>();
}

/// Writes one group's plane; `nibbles(row, step)` gives the 4 columns of a step as 4 bytes, each 0..=15.
/// # Safety
/// `to` points to 128 writable bytes.
#[inline(always)]
pub unsafe fn pack_plane(to: *mut u8, nibbles: impl Fn(usize, usize) -> u32) {
    for step in 0..STEPS {
        for lane in 0..4 {
            let both = nibbles(lane, step) | nibbles(lane + 4, step) << 4;
            to.add(16 * step + 4 * lane).cast::<u32>().write_unaligned(both);
        }
    }
}

/// The nibbles of one row (0..8) of a plane in column order.
/// # Safety
/// `plane` points to 128 readable bytes.
#[inline(always)]
pub unsafe fn unpack_plane(plane: *const u8, row: usize) -> [u8; 32] {
    debug_assert!(row < TILE);
    let (at, shift) = (4 * (row & 3), 4 * (row >> 2));
    core::array::from_fn(|k| (*plane.add(16 * (k / 4) + at + k % 4) >> shift) & 15)
}

/// Copies the 2-byte number at `offset` of each of the 8 rows' blocks to 16 bytes.
/// # Safety
/// Each of `rows` has `offset + 2` readable bytes, `to` 16 writable ones.
#[inline(always)]
pub unsafe fn gather_f16(rows: &[*const u8; TILE], offset: usize, to: *mut u8) {
    for (row, from) in rows.iter().enumerate() {
        core::ptr::copy_nonoverlapping(from.add(offset), to.add(2 * row), 2);
    }
}
