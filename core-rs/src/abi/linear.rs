//! Exports for weights: packing, quantization, int8 activations, `linear`, `embed`, scalar twins for tests. No arithmetic.
//!
//! `dtype` is a ggml type id. Functions that return a status write nothing if it is not `OK`, but for `pack_rows` and
//! `quantize`, whose bytes must then not be used. `BAD_ARGUMENT` stands for an unknown type, columns that are no whole
//! number of blocks, an address that is 0, a count or a row id out of its range.

use super::{BAD_ARGUMENT, NON_FINITE, OK};
use crate::dtype::Dtype;
use crate::ops::embed;
use crate::ops::linear::{self, Linear};
use crate::quant::byte_dot::{self, ByteDot};
use crate::quant::{activation, fit, pack, scalar};
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// The format, if known and if rows of `cols` exist in it.
pub(super) fn checked(dtype: u32, cols: usize, addresses: &[usize]) -> Result<Dtype, u32> {
    let dtype = Dtype::from_id(dtype).ok_or(BAD_ARGUMENT)?;
    dtype.row_bytes(cols).ok_or(BAD_ARGUMENT)?;
    if addresses.contains(&0) {
        return Err(BAD_ARGUMENT);
    }
    Ok(dtype)
}

pub(super) fn status(result: Result<(), u32>) -> u32 {
    result.err().unwrap_or(OK)
}

/// Bytes of `rows` packed rows of `cols` columns; 0 if the type is unknown or does not have such rows.
#[wasm_bindgen]
pub fn packed_bytes(dtype: u32, rows: usize, cols: usize) -> usize {
    Dtype::from_id(dtype).and_then(|dtype| dtype.packed_bytes(rows, cols)).unwrap_or(0)
}

/// What this engine's dot product takes as its second operand: 0 for 7 bits, 1 for unsigned bytes, 2 for signed ones. An
/// engine may compile twice, so ask until it has.
#[wasm_bindgen]
pub fn byte_dot_probe() -> u32 {
    byte_dot::probe() as u32
}

/// Lets kernels use what `byte_dot_probe` said; call it before weights are packed.
#[wasm_bindgen]
pub fn use_byte_dot(kind: u32) -> u32 {
    for known in [ByteDot::SevenBits, ByteDot::Unsigned, ByteDot::Signed] {
        if known as u32 == kind {
            byte_dot::choose(known);
            return OK;
        }
    }
    BAD_ARGUMENT
}

/// Bytes that `quantize_rows` writes for `rows` rows of `cols` columns.
#[wasm_bindgen]
pub fn activation_bytes(rows: usize, cols: usize) -> usize {
    rows * activation::row_bytes(cols)
}

/// Packs `tiles` tiles of 8 rows (the last has `rows_in_last`, 1..=8, in the file) from the file's bytes at `src` to `dst`.
#[wasm_bindgen]
pub fn pack_rows(
    dtype: u32,
    src: usize,
    dst: usize,
    tiles: usize,
    cols: usize,
    rows_in_last: usize,
) -> u32 {
    status(checked(dtype, cols, &[src, dst]).and_then(|dtype| {
        if !(1..=8).contains(&rows_in_last) {
            return Err(BAD_ARGUMENT);
        }
        let (src, dst) = (src as *const u8, dst as *mut u8);
        let finite = unsafe { pack::pack(dtype, src, dst, tiles, cols, rows_in_last) };
        finite.then_some(()).ok_or(NON_FINITE)
    }))
}

/// Quantizes `x` f32 [rows, cols] to `act`, `activation_bytes(rows, cols)` bytes: each row apart from the others.
#[wasm_bindgen]
pub fn quantize_rows(x: usize, act: usize, rows: usize, cols: usize) -> u32 {
    if x == 0 || act == 0 {
        return BAD_ARGUMENT;
    }
    unsafe { activation::quantize_rows(x as *const f32, act as *mut u8, rows, cols) };
    OK
}

/// Words of a product in the list of `linear`.
const PRODUCT_WORDS: usize = 5;

/// For each of `count` products at `list`, five u32 each, `dtype, packed, bias, out, outputs`: `out` f32 [rows, outputs] =
/// x * transpose of `packed` [outputs, cols] + `bias` f32 [outputs] (0: none). Quantized types read `act` (what
/// `quantize_rows` wrote) and may give `x` as 0; float types read `x` f32 [rows, cols], `act` may be 0.
#[wasm_bindgen]
pub fn linear(list: usize, count: usize, x: usize, act: usize, rows: usize, cols: usize) -> u32 {
    if list == 0 {
        return BAD_ARGUMENT;
    }
    let words = unsafe { slice::from_raw_parts(list as *const u32, PRODUCT_WORDS * count) };
    let product = |words: &[u32]| {
        let [packed, bias, out, outputs] = [1, 2, 3, 4].map(|i| words[i] as usize);
        let dtype = checked(words[0], cols, &[packed, out])?;
        if (if dtype.is_quantized() { act } else { x }) == 0 {
            return Err(BAD_ARGUMENT);
        }
        Ok(Linear {
            dtype,
            x: x as *const f32,
            act: act as *const u8,
            packed: packed as *const u8,
            bias: bias as *const f32,
            out: out as *mut f32,
            rows,
            cols,
            outputs,
            x_width: cols,
            out_width: outputs,
        })
    };
    let jobs: Result<Vec<Linear>, u32> = words.chunks(PRODUCT_WORDS).map(product).collect();
    status(jobs.map(|jobs| unsafe { linear::linear(&jobs) }))
}

/// `out` f32 [count, cols]: the rows `ids` i32 [count] of the packed table [rows, cols].
#[wasm_bindgen]
pub fn embed(
    dtype: u32,
    ids: usize,
    packed: usize,
    out: usize,
    count: usize,
    cols: usize,
    rows: usize,
) -> u32 {
    status(checked(dtype, cols, &[ids, packed, out]).and_then(|dtype| {
        let done = unsafe {
            let ids = slice::from_raw_parts(ids as *const i32, count);
            embed::embed(dtype, ids, packed as *const u8, out as *mut f32, cols, rows)
        };
        done.then_some(()).ok_or(BAD_ARGUMENT)
    }))
}

/// For tests: `out` f32 [rows, cols] from the file's own bytes at `src`, by the scalar twin.
#[wasm_bindgen]
pub fn dequantize_scalar(dtype: u32, src: usize, out: usize, rows: usize, cols: usize) -> u32 {
    status(checked(dtype, cols, &[src, out]).and_then(|dtype| {
        let row_bytes = dtype.row_bytes(cols).ok_or(BAD_ARGUMENT)?;
        for row in 0..rows {
            unsafe {
                let bytes = (src as *const u8).add(row * row_bytes);
                let to = (out as *mut f32).add(row * cols);
                let bytes = slice::from_raw_parts(bytes, row_bytes);
                scalar::dequantize_row(dtype, bytes, slice::from_raw_parts_mut(to, cols));
            }
        }
        Ok(())
    }))
}

/// For tests: `linear` by the scalar twin, from f32 `x` [rows, cols] and the file's own bytes at `src`.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn linear_scalar(
    dtype: u32,
    x: usize,
    src: usize,
    bias: usize,
    out: usize,
    rows: usize,
    cols: usize,
    outputs: usize,
) -> u32 {
    status(checked(dtype, cols, &[x, src, out]).and_then(|dtype| {
        let row_bytes = dtype.row_bytes(cols).filter(|&bytes| bytes > 0).ok_or(BAD_ARGUMENT)?;
        unsafe {
            let x = slice::from_raw_parts(x as *const f32, rows * cols);
            let weights = slice::from_raw_parts(src as *const u8, outputs * row_bytes);
            let bias = (bias != 0).then(|| slice::from_raw_parts(bias as *const f32, outputs));
            let sums = scalar::linear(dtype, x, weights, bias, cols).ok_or(BAD_ARGUMENT)?;
            slice::from_raw_parts_mut(out as *mut f32, sums.len()).copy_from_slice(&sums);
        }
        Ok(())
    }))
}

/// `count` f32 values (whole blocks) at `values` to the file's format at `out`: the 32-column formats as gguf-py, Q4_K and
/// Q6_K by `quant::fit`. `NON_FINITE` if a value is not finite or too large; the bytes must then not be used.
#[wasm_bindgen]
pub fn quantize(dtype: u32, values: usize, out: usize, count: usize) -> u32 {
    status(checked(dtype, count, &[values, out]).and_then(|dtype| {
        fit::block_writer(dtype).ok_or(BAD_ARGUMENT)?;
        let finite = unsafe { fit::quantize(dtype, values as *const f32, out as *mut u8, count) };
        finite.then_some(()).ok_or(NON_FINITE)
    }))
}
