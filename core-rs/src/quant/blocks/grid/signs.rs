//! Signs of codebook entries: a bit for each column, in planes of bits (`quant::high_bits`). Formats that keep 7 bits for
//! 8 columns make their number even by the eighth (`ksigns_iq2xs` of ggml-common.h is that as a table); in the plane its
//! place is spare and holds one of 4 other bits of each row and group. Knows no magnitudes.

use crate::quant::high_bits::{pack_bits, unpack_bits};
use crate::quant::Constants;
use crate::simd::{opaque_splat, Bytes, I32x4};

/// Where a row's spare bits stand in its lane: rows 0-3 have the plane's first vector, rows 4-7 the second.
pub const SPARE: [u32; 4] = [26, 27, 30, 31];
const SPARE_MASK: i32 = 0xcc00_0000u32 as i32;

/// The sign bits of a group, all 8 of each entry.
pub struct Signs {
    bits: [Bytes; 2],
    /// -1 in each byte.
    below_zero: Bytes,
}

impl Signs {
    /// A plane of 8 bits for 8 columns.
    /// # Safety
    /// `plane` points to 32 readable bytes.
    #[inline(always)]
    pub unsafe fn load(plane: *const u8) -> Self {
        Self::new([Bytes::load(plane), Bytes::load(plane.add(16))])
    }

    /// A plane with spare bits.
    #[inline(always)]
    pub fn even(plane: [I32x4; 2]) -> Self {
        let spare = opaque_splat(SPARE_MASK);
        Self::new(plane.map(|bits| {
            // Bits 0, 1, 4, 5 of the last byte become the parity of 8 columns: of two steps, then of the four bytes.
            let steps = bits ^ ((bits & spare) ^ bits).shr_u::<2>();
            let bytes = steps ^ steps.shl::<16>();
            let parity = (bytes ^ bytes.shl::<8>()).shl::<2>();
            Bytes::from_i32_bits(bits ^ ((parity ^ bits) & spare))
        }))
    }

    #[inline(always)]
    fn new(bits: [Bytes; 2]) -> Self {
        Self { bits, below_zero: Bytes::from_i32_bits(opaque_splat(-1)) }
    }

    /// 64 plus or minus magnitudes of 4 columns; `half` 0 has rows 0-3, 1 has rows 4-7. Compilers turn other forms of it
    /// into shifts of bytes, which take processors several instructions.
    /// # Safety
    /// `step` is below 8.
    #[inline(always)]
    pub unsafe fn apply(&self, step: usize, half: usize, magnitudes: Bytes, c: &Constants) -> Bytes {
        let bits = *self.bits.get_unchecked(step / 4);
        let positive = bits.move_bits((2 * (step % 4) + half) as u32, 7).gt_signed(self.below_zero);
        // 63 - (-1 - magnitude), or 64 - magnitude.
        (c.middle + positive) - (magnitudes ^ positive)
    }
}

/// The two vectors of a plane with spare bits.
/// # Safety
/// `plane` points to 32 readable bytes.
#[inline(always)]
pub unsafe fn load_plane(plane: *const u8) -> [I32x4; 2] {
    [I32x4::load(plane.cast()), I32x4::load(plane.add(16).cast())]
}

/// The four spare bits of each row as the factor `2 bits + 1`.
#[inline(always)]
pub fn spare_factors(plane: [I32x4; 2]) -> [I32x4; 2] {
    plane.map(|bits| {
        let low = bits.move_bits(SPARE[0], 1) & I32x4::splat(6);
        let high = bits.move_bits(SPARE[2], 3) & I32x4::splat(24);
        low | high | I32x4::splat(1)
    })
}

/// Packs 8 bits for 8 columns; `signs(row, entry)` gives them.
/// # Safety
/// `to` points to 32 writable bytes.
pub unsafe fn pack_signs(to: *mut u8, signs: impl Fn(usize, usize) -> u8) {
    pack_bits(to, |row, step| {
        let four = u32::from(signs(row, step / 2) >> (4 * (step % 2)) & 15);
        (four * 0x0020_4081) & 0x0101_0101
    });
}

/// Packs 7 bits for 8 columns and 4 spare ones; `word(row)` has 4 times 7 bits, then the others.
/// # Safety
/// `to` points to 32 writable bytes.
pub unsafe fn pack_even(to: *mut u8, word: impl Fn(usize) -> u32) {
    pack_signs(to, |row, entry| (word(row) >> (7 * entry) & 127) as u8);
    for row in 0..8 {
        let lane = to.add(16 * (row / 4) + 4 * (row % 4)).cast::<u32>();
        let spare = (0..4).fold(0, |bits, i| bits | (word(row) >> (28 + i) & 1) << SPARE[i]);
        lane.write_unaligned(lane.read_unaligned() | spare);
    }
}

/// The 8 sign bits of each entry of a row, of a plane without spare bits.
/// # Safety
/// `plane` points to 32 readable bytes.
pub unsafe fn unpack_signs(plane: *const u8, row: usize) -> [u8; 4] {
    let bits = unpack_bits(plane, row);
    core::array::from_fn(|entry| (0..8).fold(0, |signs, k| signs | bits[8 * entry + k] << k))
}

/// The word that `pack_even` was given for a row.
/// # Safety
/// `plane` points to 32 readable bytes.
pub unsafe fn unpack_even(plane: *const u8, row: usize) -> u32 {
    let lane = plane.add(16 * (row / 4) + 4 * (row % 4)).cast::<u32>().read_unaligned();
    let spare = (0..4).fold(0, |bits, i| bits | (lane >> SPARE[i] & 1) << (28 + i));
    let signs = unpack_signs(plane, row);
    (0..4).fold(spare, |word, entry| word | u32::from(signs[entry] & 127) << (7 * entry))
}

/// The 8 sign bits of an entry out of such a word.
pub fn even_signs(word: u32, entry: usize) -> u8 {
    let seven = (word >> (7 * entry) & 127) as u8;
    seven | (seven.count_ones() as u8 & 1) << 7
}
