//! The backward passes of attention without a cache for the host. No arithmetic; shapes stand at the ops.
//!
//! Functions write nothing if their status is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, sizes that do not fit
//! together, runs beyond the rows.

use super::layers::{heads_fit, latent_fits};
use super::{BAD_ARGUMENT, OK};
use crate::ops::attention::gradient::{self, Gradient, Run, STATISTICS};
use crate::ops::attention::{Shape, MAX_HEAD};
use crate::ops::latent_attention::LatentShape;
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// Numbers of room that the backward pass of attention takes for each row and head.
#[wasm_bindgen]
pub fn attention_statistics() -> usize {
    STATISTICS
}

/// d f32 [rows, heads, value_size], q f32 [rows, heads, key_size], k and v f32 [rows, kv_heads, key_size or value_size] -> d_q,
/// d_k and d_v of their shapes. `runs` u32 [run_count, 2] holds the first row and the rows of each sequence, `statistics` f32
/// [rows, heads, attention_statistics()] is room. Rows in no run are left as they are.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn attend_gradient(
    d: usize,
    q: usize,
    k: usize,
    v: usize,
    d_q: usize,
    d_k: usize,
    d_v: usize,
    statistics: usize,
    runs: usize,
    run_count: usize,
    rows: usize,
    heads: usize,
    kv_heads: usize,
    key_size: usize,
    value_size: usize,
    scale: f32,
) -> u32 {
    let sizes_fit = key_size > 0 && value_size > 0 && key_size.max(value_size) <= MAX_HEAD;
    if [d, q, k, v, d_q, d_k, d_v, statistics, runs].contains(&0) || !heads_fit(heads, kv_heads) || !sizes_fit {
        return BAD_ARGUMENT;
    }
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset: 0 };
    let v_width = kv_heads * value_size;
    unsafe { run([d, q, k, v], [d_q, d_k, d_v], statistics, runs_at(runs, run_count), v_width, shape) }
}

/// d f32 [rows, heads, rank], q f32 [rows, heads, rank + rotary_size], latent f32 [rows, rank + rotary_size] -> d_q and d_latent
/// of their shapes; runs and statistics as for `attend_gradient`.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn latent_attend_gradient(
    d: usize,
    q: usize,
    latent: usize,
    d_q: usize,
    d_latent: usize,
    statistics: usize,
    runs: usize,
    run_count: usize,
    rows: usize,
    heads: usize,
    rank: usize,
    rotary_size: usize,
    scale: f32,
) -> u32 {
    let latents = LatentShape { rows, heads, rank, rotary_size, scale, layer_offset: 0 };
    if [d, q, latent, d_q, d_latent, statistics, runs].contains(&0) || !latent_fits(&latents) {
        return BAD_ARGUMENT;
    }
    let key_size = latents.key_size();
    let shape = Shape { rows, heads, kv_heads: 1, key_size, value_size: rank, scale, layer_offset: 0 };
    let outs = [d_q, d_latent, d_latent];
    unsafe { run([d, q, latent, latent], outs, statistics, runs_at(runs, run_count), key_size, shape) }
}

/// # Safety
/// `address` is that of so many pairs of numbers.
unsafe fn runs_at<'a>(address: usize, count: usize) -> &'a [Run] {
    slice::from_raw_parts(address as *const Run, count)
}

/// # Safety
/// The addresses are those of arrays of the shapes.
unsafe fn run(
    [d, q, k, v]: [usize; 4],
    [d_q, d_k, d_v]: [usize; 3],
    statistics: usize,
    runs: &[Run],
    v_width: usize,
    shape: Shape,
) -> u32 {
    let is_within = |run: &Run| run.start as u64 + run.length as u64 <= shape.rows as u64;
    if !runs.iter().all(is_within) {
        return BAD_ARGUMENT;
    }
    gradient::attend_gradient(&Gradient {
        d: d as *const f32,
        q: q as *const f32,
        k: k as *const f32,
        v: v as *const f32,
        d_q: d_q as *mut f32,
        d_k: d_k as *mut f32,
        d_v: d_v as *mut f32,
        statistics: statistics as *mut f32,
        runs,
        v_width,
        shape,
    });
    OK
}
