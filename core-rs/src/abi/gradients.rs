//! Backward passes of products and of what stands between them for the host. No arithmetic; shapes stand at the ops.
//!
//! Functions write nothing if their status is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, an unknown type,
//! columns that are no whole number of blocks, an index out of its range.

use super::linear::{checked, status};
use super::layers::{pairing, turns_fit};
use super::{BAD_ARGUMENT, OK};
use crate::dtype::Dtype;
use crate::ops::elementwise::dropout::DropoutKey;
use crate::ops::linear::gradient::{input_gradient, weight_gradient, InputGradient, WeightGradient};
use crate::ops::rope::{self, RotaryHeads};
use crate::ops::{elementwise, embed, heads, logits, norm};
use core::slice;
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

/// d, x f32 [rows, cols], gain f32 [cols] -> out f32 [rows, cols].
#[wasm_bindgen]
pub fn rms_norm_gradient(d: usize, x: usize, gain: usize, out: usize, rows: usize, cols: usize, epsilon: f32) -> u32 {
    if [d, x, gain, out, cols].contains(&0) {
        return BAD_ARGUMENT;
    }
    let [d, x, gain] = [d, x, gain].map(|at| at as *const f32);
    unsafe { norm::rms_norm_gradient(d, x, gain, out as *mut f32, rows, cols, epsilon) };
    OK
}

/// d, x f32 [rows, cols]; adds to into f32 [cols].
#[wasm_bindgen]
pub fn rms_norm_gain_gradient(d: usize, x: usize, into: usize, rows: usize, cols: usize, epsilon: f32) -> u32 {
    if [d, x, into, cols].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { norm::rms_norm_gain_gradient(d as *const f32, x as *const f32, into as *mut f32, rows, cols, epsilon) };
    OK
}

/// Arguments as those of `rope`, with d for x.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn rope_gradient(
    d: usize,
    table: usize,
    out: usize,
    rows: usize,
    heads: usize,
    head_size: usize,
    half: usize,
    interleaved: bool,
    start: usize,
) -> u32 {
    let shape = RotaryHeads { heads, head_size, start, half, pairing: pairing(interleaved) };
    if [d, table, out].contains(&0) || !turns_fit(&shape) {
        return BAD_ARGUMENT;
    }
    unsafe { rope::rope_gradient(d as *const f32, table as *const f32, out as *mut f32, rows, shape) };
    OK
}

/// d, gate, up, d_gate, d_up f32 [n].
#[wasm_bindgen]
pub fn swiglu_gradient(d: usize, gate: usize, up: usize, d_gate: usize, d_up: usize, n: usize) -> u32 {
    if [d, gate, up, d_gate, d_up].contains(&0) {
        return BAD_ARGUMENT;
    }
    let [d, gate, up] = [d, gate, up].map(|at| at as *const f32);
    unsafe { elementwise::swiglu_gradient(d, gate, up, [d_gate as *mut f32, d_up as *mut f32], n) };
    OK
}

/// Adds the rows of d f32 [count, cols] to the rows `ids` i32 [count] of into f32 [rows, cols], packed.
#[wasm_bindgen]
pub fn embed_gradient(d: usize, ids: usize, into: usize, count: usize, cols: usize, rows: usize) -> u32 {
    if [d, ids, into].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let ids = slice::from_raw_parts(ids as *const i32, count);
        done(embed::embed_gradient(d as *const f32, ids, into as *mut f32, cols, rows))
    }
}

/// Adds the rows of d f32 [rows, cols] to into f32 [cols].
#[wasm_bindgen]
pub fn add_columns(d: usize, into: usize, rows: usize, cols: usize) -> u32 {
    if [d, into].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { elementwise::add_columns(d as *const f32, into as *mut f32, rows, cols) };
    OK
}

/// out f32 [rows, cols]: zeros, and the rows of d f32 [n, cols] added to rows `indices` i32 [n].
#[wasm_bindgen]
pub fn scatter_rows(d: usize, indices: usize, out: usize, n: usize, rows: usize, cols: usize) -> u32 {
    if [d, indices, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let indices = slice::from_raw_parts(indices as *const i32, n);
        done(elementwise::scatter_rows(d as *const f32, indices, out as *mut f32, rows, cols))
    }
}

/// d f32 [rows, heads, size] -> out f32 [rows, size].
#[wasm_bindgen]
pub fn sum_heads(d: usize, out: usize, rows: usize, heads: usize, size: usize) -> u32 {
    if [d, out, heads].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { heads::sum_heads(d as *const f32, out as *mut f32, rows, heads, size) };
    OK
}

/// x, out f32 [n].
#[wasm_bindgen]
pub fn scale(x: usize, factor: f32, out: usize, n: usize) -> u32 {
    if [x, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { elementwise::scale(x as *const f32, factor, out as *mut f32, n) };
    OK
}

/// x, out f32 [rows, cols]; keys i32 [rows] number the rows.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn dropout(
    x: usize,
    out: usize,
    keys: usize,
    rows: usize,
    cols: usize,
    rate: f64,
    seed_low: u32,
    seed_high: u32,
    stream: u32,
) -> u32 {
    if [x, out, keys].contains(&0) || !(0.0..1.0).contains(&rate) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let rows = slice::from_raw_parts(keys as *const i32, rows);
        let key = DropoutKey { seed: [seed_low, seed_high], stream, rows };
        elementwise::dropout::dropout(x as *const f32, out as *mut f32, cols, rate, key);
    }
    OK
}

/// Logits f32 [rows, vocab] become the gradient by them; d f32 [rows], targets i32 [rows].
#[wasm_bindgen]
pub fn logprob_gradient(d: usize, logits: usize, targets: usize, rows: usize, vocab: usize, temperature: f32) -> u32 {
    if [d, logits, targets].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let targets = slice::from_raw_parts(targets as *const i32, rows);
        done(logits::logprob_gradient(d as *const f32, logits as *mut f32, targets, vocab, temperature))
    }
}

/// logits f32 [rows, vocab] -> entropies f32 [rows] of softmax(logits / temperature).
#[wasm_bindgen]
pub fn entropies(logits: usize, out: usize, rows: usize, vocab: usize, temperature: f32) -> u32 {
    if [logits, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { logits::entropies(logits as *const f32, out as *mut f32, rows, vocab, temperature) };
    OK
}

fn done(ok: bool) -> u32 {
    if ok { OK } else { BAD_ARGUMENT }
}
