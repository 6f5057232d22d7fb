//! Float weight formats: f32, f16 and bf16, one number a column. Loads of 8 packed rows and single reads, no sums.

use crate::half::{bf16_to_f32, f16_to_f32};
use crate::simd::{F16Constants, F32x4};

/// A format of plain numbers, packed as `[tile][column][8 rows]`.
pub trait FloatFormat {
    /// Bytes of a number.
    const BYTES: usize;

    /// The 8 rows of a tile at one column.
    /// # Safety
    /// `from` points to 8 readable numbers.
    unsafe fn load8(from: *const u8, c: &F16Constants) -> [F32x4; 2];

    /// One number.
    /// # Safety
    /// `from` points to a readable number, any alignment.
    unsafe fn read(from: *const u8) -> f32;
}

pub struct Float32;
pub struct Float16;
pub struct Brain16;

impl FloatFormat for Float32 {
    const BYTES: usize = 4;

    #[inline(always)]
    unsafe fn load8(from: *const u8, _: &F16Constants) -> [F32x4; 2] {
        [F32x4::load(from.cast()), F32x4::load(from.add(16).cast())]
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> f32 {
        from.cast::<f32>().read_unaligned()
    }
}

impl FloatFormat for Float16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn load8(from: *const u8, c: &F16Constants) -> [F32x4; 2] {
        [F32x4::load_f16_with(from, c), F32x4::load_f16_with(from.add(8), c)]
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> f32 {
        f16_to_f32(from.cast::<u16>().read_unaligned())
    }
}

impl FloatFormat for Brain16 {
    const BYTES: usize = 2;

    #[inline(always)]
    unsafe fn load8(from: *const u8, _: &F16Constants) -> [F32x4; 2] {
        [F32x4::load_bf16(from), F32x4::load_bf16(from.add(8))]
    }

    #[inline(always)]
    unsafe fn read(from: *const u8) -> f32 {
        bf16_to_f32(from.cast::<u16>().read_unaligned())
    }
}
