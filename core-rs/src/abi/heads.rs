//! Heads of a row for the host: cutting, joining, a product for each. No arithmetic; shapes stand at the ops.
//!
//! Functions write nothing if their status is not `OK`.

use super::linear::{checked, status};
use super::{BAD_ARGUMENT, OK};
use crate::ops::heads::{self, Part};
use crate::ops::linear::Linear;
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// Words of a part in the lists of `split_heads` and `join_heads`.
const PART_WORDS: usize = 3;

/// The parts at `list`, three u32 each, `values, size, heads`; none that has neither one head nor all.
fn parts(list: usize, count: usize, heads: usize) -> Result<Vec<Part>, u32> {
    if list == 0 || heads == 0 {
        return Err(BAD_ARGUMENT);
    }
    let words = unsafe { slice::from_raw_parts(list as *const u32, PART_WORDS * count) };
    let part = |words: &[u32]| {
        let [values, size, own] = [0, 1, 2].map(|i| words[i] as usize);
        let part = Part { values: values as *mut f32, size, heads: own };
        (values != 0 && (own == 1 || own == heads)).then_some(part).ok_or(BAD_ARGUMENT)
    };
    words.chunks(PART_WORDS).map(part).collect()
}

/// x f32 [rows, heads, sum of sizes] -> the `count` parts f32 [rows, heads, size] that are listed at `list`, three u32 each:
/// `address, size, heads`.
#[wasm_bindgen]
pub fn split_heads(x: usize, list: usize, count: usize, rows: usize, heads: usize) -> u32 {
    let parts = match parts(list, count, heads) {
        Ok(parts) if x != 0 && parts.iter().all(|part| part.heads == heads) => parts,
        _ => return BAD_ARGUMENT,
    };
    unsafe { heads::split_heads(x as *const f32, &parts, rows, heads) };
    OK
}

/// Parts, listed as for `split_heads`, -> out f32 [rows, heads, sum of sizes]; a part of one head is repeated for all.
#[wasm_bindgen]
pub fn join_heads(list: usize, count: usize, out: usize, rows: usize, heads: usize) -> u32 {
    let parts = match parts(list, count, heads) {
        Ok(parts) if out != 0 => parts,
        _ => return BAD_ARGUMENT,
    };
    unsafe { heads::join_heads(&parts, out as *mut f32, rows, heads) };
    OK
}

/// out f32 [rows, heads, outputs] = head by head x f32 [rows, heads, cols] (quantized types read `act` instead, what
/// `quantize_rows` wrote for rows of heads * cols) times the transpose of the head's weights [outputs, cols] in `packed`,
/// where each head begins a tile, + `bias` f32 [heads, outputs] (0: none).
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn head_linear(
    dtype: u32,
    x: usize,
    act: usize,
    packed: usize,
    bias: usize,
    out: usize,
    rows: usize,
    heads: usize,
    cols: usize,
    outputs: usize,
) -> u32 {
    status(checked(dtype, cols, &[packed, out]).and_then(|dtype| {
        if (if dtype.is_quantized() { act } else { x }) == 0 {
            return Err(BAD_ARGUMENT);
        }
        let first = Linear {
            dtype,
            x: x as *const f32,
            act: act as *const u8,
            packed: packed as *const u8,
            bias: bias as *const f32,
            out: out as *mut f32,
            rows,
            cols,
            outputs,
            x_width: heads * cols,
            out_width: heads * outputs,
        };
        unsafe { heads::head_linear(first, heads) };
        Ok(())
    }))
}
