//! The number formats of cache pages: how a token's key and value are written, and how a block of them is read as f32.
//! Knows one KV head of one page, neither queries nor layers.

use super::BLOCK;
use crate::half::f16_to_f32;
use crate::simd::{Bytes, F16Constants, F32x4};

/// Numbers of a head that are read at a time.
pub const SLICE: usize = 128;

/// Room for a slice of a block as f32.
#[repr(align(64))]
pub struct Room(pub [f32; BLOCK * SLICE]);

/// A number format of pages. What is written is rounded once; reading gives that number exactly. Sizes and ranges are whole
/// blocks of the format, ranges at most a `SLICE` and multiples of 4.
pub trait Pages: Copy + Sync {
    /// Numbers of a head that share a scale, and the bytes they take.
    const BLOCK: usize;
    const BLOCK_BYTES: usize;
    /// What reading a block costs, in queries over it.
    const READ_COST: usize;
    /// Key x `[size]` into slot `slot` of keys `[size][32]`.
    /// # Safety
    /// x is readable, the page's keys are writable.
    unsafe fn write_key(x: *const f32, size: usize, keys: *mut u8, slot: usize);
    /// Value x `[size]` into row `slot` of values `[32][size]`.
    /// # Safety
    /// x is readable, the page's values are writable.
    unsafe fn write_value(x: *const f32, size: usize, values: *mut u8, slot: usize);
    /// Rows `from..from + n` of keys as f32 `[n][32]`.
    /// # Safety
    /// The page's keys are readable.
    unsafe fn keys(keys: *const u8, from: usize, n: usize, room: &mut Room) -> *const f32;
    /// Columns `from..from + n` of the first `tokens` values as f32 rows, and how far apart these are.
    /// # Safety
    /// The page's values are readable.
    unsafe fn values(values: *const u8, size: usize, from: usize, n: usize, tokens: usize, room: &mut Room) -> (*const f32, usize);
}

/// Pages of f32, read where they stand.
#[derive(Clone, Copy)]
pub struct F32Pages;
/// Pages of f16, rounded to nearest even.
#[derive(Clone, Copy)]
pub struct F16Pages;
/// Pages of Q8_0: 32 numbers of a head are int8 with one f16 scale. Keys stand in groups of 32 rows: 32 scales, one a token,
/// then int8 `[32][32]`. Values stand in GGUF's blocks: scale, then 32 int8.
#[derive(Clone, Copy)]
pub struct Q8Pages;

impl Pages for F32Pages {
    const BLOCK: usize = 1;
    const BLOCK_BYTES: usize = 4;
    const READ_COST: usize = 1;

    #[inline(always)]
    unsafe fn write_key(x: *const f32, size: usize, keys: *mut u8, slot: usize) {
        for i in 0..size {
            *keys.cast::<f32>().add(i * BLOCK + slot) = *x.add(i);
        }
    }
    #[inline(always)]
    unsafe fn write_value(x: *const f32, size: usize, values: *mut u8, slot: usize) {
        core::ptr::copy_nonoverlapping(x, values.cast::<f32>().add(slot * size), size);
    }
    #[inline(always)]
    unsafe fn keys(keys: *const u8, from: usize, _: usize, _: &mut Room) -> *const f32 {
        keys.cast::<f32>().add(from * BLOCK)
    }
    #[inline(always)]
    unsafe fn values(values: *const u8, size: usize, from: usize, _: usize, _: usize, _: &mut Room) -> (*const f32, usize) {
        (values.cast::<f32>().add(from), size)
    }
}

impl Pages for F16Pages {
    const BLOCK: usize = 1;
    const BLOCK_BYTES: usize = 2;
    const READ_COST: usize = 5;

    unsafe fn write_key(x: *const f32, size: usize, keys: *mut u8, slot: usize) {
        let keys = keys.cast::<u16>().add(slot);
        for_fours(x, size, |i, four, n| {
            for (c, half) in four.to_f16_lanes().to_array().into_iter().enumerate().take(n) {
                *keys.add((i + c) * BLOCK) = half as u16;
            }
        });
    }
    unsafe fn write_value(x: *const f32, size: usize, values: *mut u8, slot: usize) {
        let row = values.add(2 * slot * size);
        for_fours(x, size, |i, four, _| four.store_f16(row.add(2 * i)));
    }
    unsafe fn keys(keys: *const u8, from: usize, n: usize, room: &mut Room) -> *const f32 {
        widen(keys.add(2 * from * BLOCK), n * BLOCK, room.0.as_mut_ptr(), &F16Constants::opaque());
        room.0.as_ptr()
    }
    unsafe fn values(values: *const u8, size: usize, from: usize, n: usize, tokens: usize, room: &mut Room) -> (*const f32, usize) {
        let constants = F16Constants::opaque();
        for t in 0..tokens {
            widen(values.add(2 * (t * size + from)), n, room.0.as_mut_ptr().add(t * n), &constants);
        }
        (room.0.as_ptr(), n)
    }
}

/// Calls back with each four numbers of x `[size]`, their place, and how many of them there are at the end.
#[inline(always)]
unsafe fn for_fours(x: *const f32, size: usize, mut each: impl FnMut(usize, F32x4, usize)) {
    for i in (0..size & !3).step_by(4) {
        each(i, F32x4::load(x.add(i)), 4);
    }
    for i in size & !3..size {
        each(i, F32x4::splat(*x.add(i)), 1);
    }
}

/// `n` f16 numbers, a multiple of 4, as f32.
#[inline(always)]
unsafe fn widen(from: *const u8, n: usize, to: *mut f32, constants: &F16Constants) {
    for i in (0..n).step_by(4) {
        F32x4::load_f16_with(from.add(2 * i), constants).store(to.add(i));
    }
}

/// Bytes of 32 rows of keys.
const KEY_GROUP_BYTES: usize = BLOCK * Q8Pages::BLOCK_BYTES;

impl Pages for Q8Pages {
    const BLOCK: usize = 32;
    const BLOCK_BYTES: usize = 34;
    const READ_COST: usize = 3;

    unsafe fn write_key(x: *const f32, size: usize, keys: *mut u8, slot: usize) {
        for group in 0..size / 32 {
            let (scale, quants) = quantize(x.add(32 * group));
            let keys = keys.add(group * KEY_GROUP_BYTES);
            keys.cast::<u16>().add(slot).write_unaligned(scale);
            for (i, quant) in quants.into_iter().enumerate() {
                *keys.add(2 * BLOCK + i * BLOCK + slot) = quant;
            }
        }
    }
    unsafe fn write_value(x: *const f32, size: usize, values: *mut u8, slot: usize) {
        for block in 0..size / 32 {
            let (scale, quants) = quantize(x.add(32 * block));
            let to = values.add((slot * size / 32 + block) * Self::BLOCK_BYTES);
            to.cast::<u16>().write_unaligned(scale);
            to.add(2).cast::<[u8; 32]>().write(quants);
        }
    }
    unsafe fn keys(keys: *const u8, from: usize, n: usize, room: &mut Room) -> *const f32 {
        for group in 0..n / 32 {
            let keys = keys.add((from / 32 + group) * KEY_GROUP_BYTES);
            let scales: [F32x4; BLOCK / 4] = core::array::from_fn(|j| F32x4::load_f16(keys.add(8 * j)));
            for i in 0..32 {
                let to = room.0.as_mut_ptr().add((group * 32 + i) * BLOCK);
                scaled(keys.add(2 * BLOCK + i * BLOCK), scales, to);
            }
        }
        room.0.as_ptr()
    }
    unsafe fn values(values: *const u8, size: usize, from: usize, n: usize, tokens: usize, room: &mut Room) -> (*const f32, usize) {
        for t in 0..tokens {
            for block in 0..n / 32 {
                let at = values.add((t * size / 32 + from / 32 + block) * Self::BLOCK_BYTES);
                let scale = F32x4::splat(f16_to_f32(at.cast::<u16>().read_unaligned()));
                scaled(at.add(2), [scale; 8], room.0.as_mut_ptr().add(t * n + block * 32));
            }
        }
        (room.0.as_ptr(), n)
    }
}

const F16_MAX: f32 = 65504.0;

/// 32 int8 times their scales as f32; exact, since a product has 19 bits.
#[inline(always)]
unsafe fn scaled(quants: *const u8, scales: [F32x4; 8], to: *mut f32) {
    for j in 0..4 {
        let [low, high] = crate::simd::I32x4::load_i8x8(quants.add(8 * j));
        (low.to_f32() * scales[2 * j]).store(to.add(8 * j));
        (high.to_f32() * scales[2 * j + 1]).store(to.add(8 * j + 4));
    }
}

/// The f16 scale of 32 numbers and each number over that scale, to nearest even. Numbers beyond 127 times f16's largest
/// become that; NaN makes the scale NaN, which values show.
unsafe fn quantize(x: *const f32) -> (u16, [u8; 32]) {
    let fours: [F32x4; 8] = core::array::from_fn(|i| F32x4::load(x.add(4 * i)));
    let largest = fours.iter().fold(F32x4::splat(0.0), |most, four| most.max(four.abs())).max_lane();
    let scale = F32x4::splat(largest / 127.0).min(F32x4::splat(F16_MAX)).to_f16_lanes().to_array()[0] as u16;
    let step = f16_to_f32(scale);
    let factor = F32x4::splat(if step > 0.0 { 1.0 / step } else { 0.0 });
    // A scale may have been rounded down, below f16's normal numbers by much.
    let most = F32x4::splat(127.0);
    let levels = fours.map(|four| (four * factor).nearest().min(most).max(-most).to_i32());
    let mut quants = [0; 32];
    Bytes::from_i32([levels[0], levels[1], levels[2], levels[3]]).store(quants.as_mut_ptr());
    Bytes::from_i32([levels[4], levels[5], levels[6], levels[7]]).store(quants.as_mut_ptr().add(16));
    (scale, quants)
}
