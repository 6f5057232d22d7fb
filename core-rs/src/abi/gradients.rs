//! Backward passes of products for the host. No arithmetic; shapes stand at the ops.
//!
//! Functions write nothing if their status is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, an unknown type,
//! columns that are no whole number of blocks.

use super::linear::{checked, status};
use super::{BAD_ARGUMENT, OK};
use crate::dtype::Dtype;
use crate::ops::linear::gradient::{input_gradient, weight_gradient, InputGradient, WeightGradient};
use wasm_bindgen::prelude::wasm_bindgen;

/// out f32 [rows, heads, cols] = head by head d f32 [rows, heads, outputs] times the head's weights [outputs, cols] in
/// `packed`, where each head begins a tile; added to `out` where `adds`.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn linear_input_gradient(
    dtype: u32,
    packed: usize,
    d: usize,
    out: usize,
    rows: usize,
    heads: usize,
    cols: usize,
    outputs: usize,
    adds: bool,
) -> u32 {
    status(checked(dtype, cols, &[packed, d, out]).map(|dtype| {
        for head in 0..heads {
            let job = InputGradient {
                dtype,
                packed: (packed + head * dtype.packed_bytes(outputs, cols).unwrap_or(0)) as *const u8,
                d: (d as *const f32).wrapping_add(head * outputs),
                out: (out as *mut f32).wrapping_add(head * cols),
                rows,
                cols,
                outputs,
                d_width: heads * outputs,
                out_width: heads * cols,
                adds,
            };
            unsafe { input_gradient(&job) };
        }
    }))
}

/// into f32 [heads, outputs, cols], packed as weights whose heads each begin a tile, += head by head the transpose of d f32
/// [rows, heads, outputs] times x f32 [rows, heads, cols].
#[wasm_bindgen]
pub fn linear_weight_gradient(
    d: usize,
    x: usize,
    into: usize,
    rows: usize,
    heads: usize,
    cols: usize,
    outputs: usize,
) -> u32 {
    if [d, x, into].contains(&0) {
        return BAD_ARGUMENT;
    }
    for head in 0..heads {
        let job = WeightGradient {
            d: (d as *const f32).wrapping_add(head * outputs),
            x: (x as *const f32).wrapping_add(head * cols),
            into: (into + head * Dtype::F32.packed_bytes(outputs, cols).unwrap_or(0)) as *mut f32,
            rows,
            cols,
            outputs,
            d_width: heads * outputs,
            x_width: heads * cols,
        };
        unsafe { weight_gradient(&job) };
    }
    OK
}
