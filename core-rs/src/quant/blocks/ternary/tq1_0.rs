//! TQ1_0: 256 columns, one f16 scale, `value = d (q - 1)` with q in 0..=2, five q a byte.
//!
//! A byte b is a fraction b / 256 in base 3: digit n is the whole part of `3 (3^n b mod 256) / 256`. File block: 32 bytes
//! with columns l, l + 32, ... l + 128 as digits 0-4; 16 bytes with columns 160 + l, 176 + l, ...; 4 bytes with columns
//! 240 + l, ... in digits 0-3; d.
//!
//! Packed: 8 d, then 26 vectors of bytes in the order of levels (4 rows x 4 columns): vectors 3 g to 3 g + 2 hold as digits
//! what group g of 32 columns takes in its 16 half steps (rows 0-3, rows 4-7, of each step), 5 a vector; the last half
//! steps are digits of vectors 24 (groups 0-3) and 25. Bytes are stored minus 128, because vectors compare signed bytes.

use super::super::scale_of_row;
use super::{accumulate, accumulate_scalar};
use crate::half::f16_at;
use crate::quant::planes::{gather_f16, LevelSource};
use crate::quant::{BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{opaque_splat, Bytes};

pub struct Tq1_0;

const FILE_D: usize = 52;
/// Digits of a byte.
const DIGITS: usize = 5;
/// Half steps of a group, and how many of them stand in vectors of the group's own.
const HALF_STEPS: usize = 16;
const OWN: usize = 15;
/// Vectors of a block that belong to groups.
const OWN_VECTORS: usize = 8 * OWN / DIGITS;

/// Digit `n` of a byte.
fn digit(byte: u8, n: usize) -> u8 {
    let rest = byte.wrapping_mul(3u8.pow(n as u32));
    (u16::from(rest) * 3 >> 8) as u8
}

/// The smallest byte with these digits.
fn spell(digits: [u8; DIGITS]) -> u8 {
    let number = digits.into_iter().fold(0, |number, digit| 3 * number + u16::from(digit));
    (number * 256).div_ceil(243) as u8
}

/// The digit (0..=2) of a column of the file's block.
fn file_digit(block: &[u8], column: usize) -> u8 {
    let (byte, n) = match column {
        0..160 => (column % 32, column / 32),
        160..240 => (32 + column % 16, (column - 160) / 16),
        _ => (48 + column % 4, (column - 240) / 4),
    };
    digit(block[byte], n)
}

/// The vector and the digit that hold half step `h` of group `g`.
fn place(g: usize, h: usize) -> (usize, usize) {
    if h < OWN { (3 * g + h / DIGITS, h % DIGITS) } else { (OWN_VECTORS + g / 4, g % 4) }
}

/// 3 times each byte, modulo 256: the next digit comes first.
#[inline(always)]
fn next(bytes: Bytes) -> Bytes {
    bytes + bytes + bytes
}

/// The first digit of each byte; `thirds` are 86 and 171 minus 128, the smallest bytes with the digits 1 and 2, `two` is
/// the largest digit.
#[inline(always)]
fn first_digit(bytes: Bytes, thirds: [Bytes; 2], two: Bytes) -> Bytes {
    two + thirds[0].gt_signed(bytes) + thirds[1].gt_signed(bytes)
}

impl BlockFormat for Tq1_0 {
    const COLS: usize = 256;
    const BYTES: usize = 54;
    const F16_OFFSETS: &'static [usize] = &[FILE_D];

    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8) {
        gather_f16(rows, FILE_D, to);
        let blocks = rows.map(|row| core::slice::from_raw_parts(row, Self::BYTES));
        let mut digits = [[0; DIGITS]; 16 * (OWN_VECTORS + 2)];
        for g in 0..8 {
            for h in 0..HALF_STEPS {
                let (vector, n) = place(g, h);
                for i in 0..16 {
                    let (row, column) = (4 * (h % 2) + i / 4, GROUP * g + 4 * (h / 2) + i % 4);
                    digits[16 * vector + i][n] = file_digit(blocks[row], column);
                }
            }
        }
        for (i, digits) in digits.into_iter().enumerate() {
            *to.add(16 + i) = spell(digits) ^ 0x80;
        }
    }

    #[inline(never)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, _: &Constants) {
        let [first, second, two] = [0xd6d6_d6d6u32, 0x2b2b_2b2b, 0x0202_0202]
            .map(|bytes| Bytes::from_i32_bits(opaque_splat(bytes as i32)));
        for vector in 0..OWN / DIGITS {
            let mut bytes = Bytes::load(packed.add(16 + 16 * (3 * plane + vector)));
            for n in 0..DIGITS {
                first_digit(bytes, [first, second], two).store(to.add(16 * (DIGITS * vector + n)));
                bytes = next(bytes);
            }
        }
        let mut last = Bytes::load(packed.add(16 + 16 * (OWN_VECTORS + plane / 4)));
        for _ in 0..plane % 4 {
            last = next(last);
        }
        first_digit(last, [first, second], two).store(to.add(16 * OWN));
    }

    #[inline(always)]
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    ) {
        accumulate::<R, true>(sums, packed, source, act, c);
    }

    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32) {
        let d = scale_of_row(packed, row);
        for k in 0..Self::COLS {
            let (g, column) = (k / GROUP, k % GROUP);
            let (vector, n) = place(g, 2 * (column / 4) + row / 4);
            let byte = *packed.add(16 + 16 * vector + 4 * (row % 4) + column % 4) ^ 0x80;
            *to.add(k) = d * (f32::from(digit(byte, n)) - 1.0);
        }
    }

    fn dequantize(block: &[u8], to: &mut [f32]) {
        let d = f16_at(block, FILE_D);
        for (k, value) in to.iter_mut().enumerate() {
            *value = d * (f32::from(file_digit(block, k)) - 1.0);
        }
    }

    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32 {
        let level = |k: usize| i32::from(file_digit(block, k)) - 1;
        accumulate_scalar(sum, f16_at(block, FILE_D), level, quants, scales)
    }
}
