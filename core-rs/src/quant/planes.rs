//! Planes of levels, and their products with activations. A nibble plane is 128 bytes that hold 4 bits of 8 rows x 32
//! columns, low nibbles rows 0-3, high nibbles rows 4-7; `high_bits` has what formats of other widths hold beside it.
//! Knows no scales.

use super::activation::{WIDE_HIGH_AT, WIDE_SHIFT, WIDE_STEP_AT};
use super::{BlockFormat, Constants, TILE};
use crate::simd::{dot4, Act4, Bytes, I32x4, Weights4};
use core::marker::PhantomData;
use core::mem::MaybeUninit;

/// Bytes of the plane of one group of 32 columns.
pub const PLANE_BYTES: usize = 128;
/// Bytes of a plane of levels, one a byte: 8 rows x 32 columns.
pub const EXPANDED_PLANE_BYTES: usize = 256;
/// Memory for the levels of one plane.
pub type PlaneRoom = MaybeUninit<[u8; EXPANDED_PLANE_BYTES]>;
/// Steps of 4 columns in a group.
pub const STEPS: usize = 8;
const HALF: usize = STEPS / 2;

/// Integer sums of a tile's 8 rows.
pub type IntSums = [I32x4; 2];

/// Four consecutive bytes as a little-endian word.
/// # Safety
/// `from` points to 4 readable bytes.
#[inline(always)]
pub unsafe fn word(from: *const u8) -> u32 {
    from.cast::<u32>().read_unaligned()
}

/// Where products find the levels of a block.
pub trait LevelSource: Copy {
    /// Steps in the body of a loop, 2 or 4.
    const UNROLLED: usize;

    /// `Constants::two`.
    fn two(self) -> usize;

    /// As `BlockFormat::levels`.
    /// # Safety
    /// `plane` and `step` are within the block.
    unsafe fn levels(self, plane: usize, step: usize) -> [Bytes; 2];

    /// One plane (then number 0) as it stands in memory, formed in `room` unless it is there already: for formats that
    /// form many columns at a time.
    /// # Safety
    /// `plane` is within the block; the result is used while `room` lives.
    unsafe fn formed(self, plane: usize, room: &mut PlaneRoom) -> Expanded;
}

/// Levels formed out of the packed block at each use: for few rows.
pub struct InPlace<'a, F> {
    packed: *const u8,
    c: &'a Constants,
    format: PhantomData<F>,
}

impl<'a, F> InPlace<'a, F> {
    #[inline(always)]
    pub fn new(packed: *const u8, c: &'a Constants) -> Self {
        Self { packed, c, format: PhantomData }
    }
}
impl<F> Clone for InPlace<'_, F> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<F> Copy for InPlace<'_, F> {}

impl<F: BlockFormat> LevelSource for InPlace<'_, F> {
    const UNROLLED: usize = F::UNROLLED;

    #[inline(always)]
    fn two(self) -> usize {
        self.c.two
    }

    #[inline(always)]
    unsafe fn levels(self, plane: usize, step: usize) -> [Bytes; 2] {
        F::levels(self.packed, plane, step, self.c)
    }

    #[inline(always)]
    unsafe fn formed(self, plane: usize, room: &mut PlaneRoom) -> Expanded {
        let levels = room.as_mut_ptr().cast::<u8>();
        F::form_plane(self.packed, plane, levels, self.c);
        Expanded { levels, two: self.c.two }
    }
}

/// Levels that `expand` has written: for many rows.
#[derive(Clone, Copy)]
pub struct Expanded {
    pub levels: *const u8,
    pub two: usize,
}

impl LevelSource for Expanded {
    const UNROLLED: usize = 2;

    #[inline(always)]
    fn two(self) -> usize {
        self.two
    }

    #[inline(always)]
    unsafe fn levels(self, plane: usize, step: usize) -> [Bytes; 2] {
        let at = self.levels.add(EXPANDED_PLANE_BYTES * plane + 32 * step);
        [Bytes::load(at), Bytes::load(at.add(16))]
    }

    #[inline(always)]
    unsafe fn formed(self, plane: usize, _: &mut PlaneRoom) -> Expanded {
        Self { levels: self.levels.add(EXPANDED_PLANE_BYTES * plane), two: self.two }
    }
}

/// Writes all levels of a packed block for `Expanded`.
/// # Safety
/// `packed` points to a packed block, `to` to EXPANDED_PLANE_BYTES x PLANES writable bytes.
#[inline(always)]
pub unsafe fn expand<F: BlockFormat>(packed: *const u8, to: *mut u8, c: &Constants) {
    for plane in 0..F::PLANES {
        F::form_plane(packed, plane, to.add(EXPANDED_PLANE_BYTES * plane), c);
    }
}

/// Adds the products of one group's levels with R rows of activations.
/// # Safety
/// `plane` is one of the block's, each of `act` points to an activation group.
#[inline(always)]
pub unsafe fn dot_group<const R: usize>(
    sums: &mut [IntSums; R],
    source: impl LevelSource,
    plane: usize,
    act: &[*const u8; R],
) {
    dot_steps::<R, _, STEPS>(sums, source, plane, 0, act);
    for row in 0..R {
        let step = wide_step(act[row]);
        if step < STEPS {
            add_wide(&mut sums[row], act[row], source.levels(plane, step));
        }
    }
}

/// The same for the first (`half` 0) or the last 16 columns of a group.
/// # Safety
/// As for `dot_group`.
#[inline(always)]
pub unsafe fn dot_half<const R: usize>(
    sums: &mut [IntSums; R],
    source: impl LevelSource,
    plane: usize,
    half: usize,
    act: &[*const u8; R],
) {
    dot_steps::<R, _, HALF>(sums, source, plane, HALF * half, act);
    for row in 0..R {
        let step = wide_step(act[row]);
        if step / 4 == half {
            add_wide(&mut sums[row], act[row], source.levels(plane, step));
        }
    }
}

/// `dot_group` of one row of activations with a group of each of T tiles: what is loaded of a step meets all tiles.
/// # Safety
/// As for `dot_group`.
#[inline(always)]
pub unsafe fn dot_tiles<const T: usize, S: LevelSource>(
    sums: &mut [IntSums; T],
    tiles: [S; T],
    plane: usize,
    act: *const u8,
) {
    // A loop, as in `dot_steps`.
    for turn in 0..STEPS / 4 * tiles[0].two() {
        for step in 2 * turn..2 * turn + 2 {
            let a = Act4::load(act.add(4 * step));
            for (sums, tile) in sums.iter_mut().zip(tiles) {
                let [low, high] = tile.levels(plane, step).map(Weights4::new);
                *sums = [dot4(sums[0], a, low), dot4(sums[1], a, high)];
            }
        }
    }
    let step = wide_step(act);
    if step < STEPS {
        for (sums, tile) in sums.iter_mut().zip(tiles) {
            add_wide(sums, act, tile.levels(plane, step));
        }
    }
}

/// `N` steps from `first` on, without what wide ones add.
#[inline(always)]
unsafe fn dot_steps<const R: usize, S: LevelSource, const N: usize>(
    sums: &mut [IntSums; R],
    source: S,
    plane: usize,
    first: usize,
    act: &[*const u8; R],
) {
    // An unknown count keeps this a loop. Unrolled whole, the compiler orders it by accumulator instead of by step, and
    // all weights and activations of the group are alive at once.
    let unrolled = if N > HALF { S::UNROLLED } else { N };
    for turn in 0..if unrolled < N { N / unrolled / 2 * source.two() } else { 1 } {
        for step in 0..unrolled {
            let step = first + unrolled * turn + step;
            let [low, high] = source.levels(plane, step).map(Weights4::new);
            for row in 0..R {
                let a = Act4::load(act[row].add(4 * step));
                sums[row] = [dot4(sums[row][0], a, low), dot4(sums[row][1], a, high)];
            }
        }
    }
}

/// The number of a group's wide step, or 8.
/// # Safety
/// `act` points to a group as `quantize_rows` writes it.
#[inline(always)]
unsafe fn wide_step(act: *const u8) -> usize {
    word(act.add(WIDE_STEP_AT)) as usize
}

/// What the high parts of a wide step (see `activation`) contribute: `sums += 128 * high parts * levels`.
/// # Safety
/// As `wide_step`.
#[inline(always)]
unsafe fn add_wide(sums: &mut IntSums, act: *const u8, levels: [Bytes; 2]) {
    let a = Act4::load(act.add(WIDE_HIGH_AT));
    for (sum, levels) in sums.iter_mut().zip(levels) {
        *sum = *sum + dot4(I32x4::splat(0), a, Weights4::new(levels)).shl::<WIDE_SHIFT>();
    }
}

/// The nibbles of a step of a plane: rows 0-3 and rows 4-7.
/// # Safety
/// `plane` points to 128 readable bytes.
#[inline(always)]
pub unsafe fn nibbles(plane: *const u8, step: usize, c: &Constants) -> [Bytes; 2] {
    let both = Bytes::load(plane.add(16 * step));
    [both & c.nibble, both.shr_pairs::<4>() & c.nibble]
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
