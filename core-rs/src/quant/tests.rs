//! Tests of the formats: gguf-py's numbers, the packed form against the file's, activations against their scalar twin.

use super::activation::{
    self, quantize_row_scalar, GROUP_BYTES, SCALE_AT, WIDE_HIGH_AT, WIDE_STEP_AT,
};
use super::pack::pack;
use super::{fit, scalar, BlockFormat};
use crate::dtype::Dtype;
use crate::ops::embed::{embed, unpack_row};
use crate::rng::philox;

/// Reproducible random numbers.
pub(crate) struct Rng {
    seed: u32,
    count: u32,
}

impl Rng {
    pub(crate) fn new(seed: u32) -> Self {
        Self { seed, count: 0 }
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.count += 1;
        philox([self.seed, 0], [self.count, 0, 0, 0])[0]
    }

    /// Between -1 and 1.
    pub(crate) fn signed_unit(&mut self) -> f32 {
        (self.next() as i32) as f32 / 2f32.powi(31)
    }
}

/// Where a block, or an f16 number, holds f16 numbers.
fn f16_offsets(dtype: Dtype) -> &'static [usize] {
    match dtype {
        Dtype::F16 => &[0],
        // The upper 4 bits of four words are one number; the last word has its exponent's first bits.
        Dtype::Iq1M => &[54],
        _ => with_block_format!(dtype, F => F::F16_OFFSETS).unwrap_or(&[]),
    }
}

/// Finite random rows as a file holds them.
pub(crate) fn random_rows(rng: &mut Rng, dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
    let (block_cols, block_bytes) = dtype.block();
    let mut bytes = Vec::new();
    for _ in 0..rows * cols / block_cols {
        let mut block: Vec<u8> = (0..block_bytes).map(|_| rng.next() as u8).collect();
        for &at in f16_offsets(dtype) {
            // Exponents 0 (subnormal) to 15, either sign.
            block[at + 1] &= 0xbf;
        }
        match dtype {
            Dtype::F32 => block.copy_from_slice(&rng.signed_unit().to_le_bytes()),
            Dtype::Bf16 => block.copy_from_slice(&rng.signed_unit().to_le_bytes()[2..]),
            _ => {}
        }
        bytes.extend(block);
    }
    bytes
}

/// The packed form of rows as a file holds them.
pub(crate) fn packed(dtype: Dtype, bytes: &[u8], rows: usize, cols: usize) -> Vec<u8> {
    let tiles = rows.div_ceil(8);
    let mut out = vec![0xaa; dtype.packed_bytes(rows, cols).unwrap()];
    let last = rows - 8 * (tiles - 1);
    assert!(unsafe { pack(dtype, bytes.as_ptr(), out.as_mut_ptr(), tiles, cols, last) });
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

fn hex(entry: &str, key: &str) -> Option<Vec<u8>> {
    let text = entry.split(&format!("\"{key}\": \"")).nth(1)?.split('"').next()?;
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(core::str::from_utf8(two).ok()?, 16).ok()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn formats_give_the_numbers_of_gguf_py() {
    let text = include_str!("../../../tests/fixtures/quant/quant.json");
    let mut seen = 0;
    for entry in text.split('}').filter(|entry| entry.contains("\"type\"")) {
        let id = entry.split("\"type\": ").nth(1).unwrap().split(',').next().unwrap();
        let dtype = Dtype::from_id(id.parse().unwrap()).unwrap();
        let expected = floats(&hex(entry, "values").unwrap());
        let mut values = vec![0f32; expected.len()];
        scalar::dequantize_row(dtype, &hex(entry, "blocks").unwrap(), &mut values);
        assert_eq!(bits(&values), bits(&expected), "{dtype:?}");
        if let (Some(from), Some(expected)) = (hex(entry, "from"), hex(entry, "quantized")) {
            let mut out = vec![0; expected.len()];
            let from = floats(&from);
            assert!(unsafe { fit::quantize(dtype, from.as_ptr(), out.as_mut_ptr(), from.len()) });
            assert_eq!(out, expected, "{dtype:?}");
        }
        seen += 1;
    }
    assert_eq!(seen, Dtype::ALL.into_iter().filter(|dtype| dtype.is_quantized()).count());
}

#[test]
fn packed_rows_hold_the_values_of_the_file() {
    let mut rng = Rng::new(1);
    for dtype in Dtype::ALL {
        for rows in [1, 8, 13] {
            let cols = 2 * dtype.block().0.max(3);
            let bytes = random_rows(&mut rng, dtype, rows, cols);
            let tiles = packed(dtype, &bytes, rows, cols);
            let mut expected = vec![0f32; rows * cols];
            scalar::dequantize_row(dtype, &bytes, &mut expected);
            let ids: Vec<i32> = (0..rows as i32).rev().collect();
            let mut got = vec![0f32; rows * cols];
            let (table, out) = (tiles.as_ptr(), got.as_mut_ptr());
            assert!(unsafe { embed(dtype, &ids, table, out, cols, rows) });
            for (i, &id) in ids.iter().enumerate() {
                let row = id as usize * cols..(id as usize + 1) * cols;
                let got = bits(&got[i * cols..(i + 1) * cols]);
                assert_eq!(got, bits(&expected[row]), "{dtype:?} row {id} of {rows}");
            }
            // The rows that fill up the last tile are zero.
            for row in rows..rows.div_ceil(8) * 8 {
                let mut values = vec![1f32; cols];
                unsafe { unpack_row(dtype, table, row, cols, values.as_mut_ptr()) };
                assert!(values.iter().all(|&v| v == 0.0), "{dtype:?}");
            }
        }
    }
}

#[test]
fn chunks_of_tiles_pack_to_the_same_bytes() {
    let (dtype, rows, cols) = (Dtype::Q6K, 29, 512);
    let bytes = random_rows(&mut Rng::new(2), dtype, rows, cols);
    let row_bytes = dtype.row_bytes(cols).unwrap();
    let mut joined = packed(dtype, &bytes[..16 * row_bytes], 16, cols);
    joined.extend(packed(dtype, &bytes[16 * row_bytes..], 13, cols));
    assert_eq!(joined, packed(dtype, &bytes, rows, cols));
}

#[test]
fn pack_reports_what_is_not_finite() {
    for dtype in Dtype::ALL {
        let cols = dtype.block().0;
        let mut bytes = random_rows(&mut Rng::new(3), dtype, 9, cols);
        let row_bytes = dtype.row_bytes(cols).unwrap();
        // Infinity in the last row: 0x7c00 in f16, 0x7f80 as the upper half of bf16 and f32.
        let infinity = match dtype {
            Dtype::F32 | Dtype::Bf16 => [0x80, 0x7f],
            _ => [0x00, 0x7c],
        };
        let at = 8 * row_bytes + f16_offsets(dtype).last().copied().unwrap_or(row_bytes - 2);
        bytes[at..at + 2].copy_from_slice(&infinity);
        if dtype == Dtype::Iq1M {
            bytes[at - 1] |= 0xc0;
        }
        let mut out = vec![0; dtype.packed_bytes(9, cols).unwrap()];
        let finite = unsafe { pack(dtype, bytes.as_ptr(), out.as_mut_ptr(), 2, cols, 1) };
        assert!(!finite, "{dtype:?}");
    }
}

#[test]
fn embed_refuses_ids_outside_of_the_table() {
    let table = packed(Dtype::F32, &[0; 4 * 3], 3, 1);
    let mut out = [7f32; 2];
    for bad in [-1, 3] {
        let ids = [0, bad];
        let done = unsafe { embed(Dtype::F32, &ids, table.as_ptr(), out.as_mut_ptr(), 1, 3) };
        assert!(!done);
        assert_eq!(out, [7.0; 2]);
    }
}

#[test]
fn activations_equal_their_scalar_twin() {
    let mut rng = Rng::new(4);
    for cols in [32, 64, 45, 7] {
        let rows = 3;
        let mut x: Vec<f32> = (0..rows * cols).map(|_| rng.signed_unit()).collect();
        x[3] = 40.0; // a wide step
        x[cols..2 * cols].fill(0.0);
        x[2 * cols] = 1e-35;
        let mut act = vec![0xaau8; rows * activation::row_bytes(cols)];
        unsafe { activation::quantize_rows(x.as_ptr(), act.as_mut_ptr(), rows, cols) };
        for row in 0..rows {
            let (quants, scales) = quantize_row_scalar(&x[row * cols..(row + 1) * cols]);
            let start = row * activation::row_bytes(cols);
            for (g, (group, scale)) in quants.chunks(32).zip(scales).enumerate() {
                let bytes = &act[start + g * GROUP_BYTES..][..GROUP_BYTES];
                let wide = bytes[WIDE_STEP_AT] as usize;
                let whole = |k: usize| {
                    let high = if k / 4 == wide { bytes[WIDE_HIGH_AT + k % 4] as i8 } else { 0 };
                    i32::from(bytes[k] as i8) + 128 * i32::from(high)
                };
                assert_eq!((0..32).map(whole).collect::<Vec<_>>(), group);
                assert_eq!(wide == 0, row == 0 && g == 0);
                let sum16 = |half: usize| -> i32 {
                    group[16 * half..][..16].iter().sum()
                };
                let sum = sum16(0) + sum16(1);
                let mut tail = scale.to_le_bytes().to_vec();
                tail.extend((-8 * sum).to_le_bytes());
                tail.extend((scale * sum as f32).to_le_bytes());
                tail.extend((-32 * sum16(0)).to_le_bytes());
                tail.extend((-32 * sum16(1)).to_le_bytes());
                assert_eq!(bytes[SCALE_AT..WIDE_STEP_AT], tail);
            }
        }
    }
}

#[test]
fn activations_pass_nan_and_infinity_on() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut x = [1f32; 32];
        x[17] = bad;
        let mut act = [0u8; GROUP_BYTES];
        unsafe { activation::quantize_rows(x.as_ptr(), act.as_mut_ptr(), 1, 32) };
        let scale = f32::from_le_bytes(act[SCALE_AT..SCALE_AT + 4].try_into().unwrap());
        assert!(!scale.is_finite());
    }
}
