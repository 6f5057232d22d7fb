//! Scalar twins of the float ops, and what they are compared with: for tests alone, no program calls them. No arithmetic.
//!
//! `BAD_ARGUMENT` stands for an address that is 0 and for sizes that do not fit together; nothing is written then. The
//! twins of `linear` and of the block formats stand in `linear`.

use super::layers::{heads_fit, latent_fits, pairing, turns_fit};
use super::linear::checked;
use super::mixture::rule_of;
use super::sampling::adjustment_at;
use super::{BAD_ARGUMENT, OK};
use crate::math;
use crate::ops::attention::{self, Shape};
use crate::ops::experts::{self as mixture, StoredBank};
use crate::ops::latent_attention::{self, LatentShape};
use crate::ops::logits::{self, Draw, ScalarDraw};
use crate::ops::rope::{self, RotaryHeads, Turn};
use crate::ops::{elementwise, norm, route as router};
use crate::simd::F32x4;
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// # Safety
/// `address` holds `n` readable numbers that nobody writes meanwhile.
unsafe fn floats<'a>(address: usize, n: usize) -> &'a [f32] {
    slice::from_raw_parts(address as *const f32, n)
}

/// # Safety
/// `out` has room for the values.
unsafe fn write(values: &[f32], out: usize) -> u32 {
    slice::from_raw_parts_mut(out as *mut f32, values.len()).copy_from_slice(values);
    OK
}

/// For tests: e^x of x f32 [n] to out f32 [n] by the vectors that the kernels use.
#[wasm_bindgen]
pub fn exp_lanes(x: usize, out: usize, n: usize) -> u32 {
    if [x, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    let values: Vec<f32> = unsafe { floats(x, n) }
        .chunks(4)
        .flat_map(|part| {
            let lanes: [f32; 4] = core::array::from_fn(|i| part.get(i).copied().unwrap_or(0.0));
            let powers = math::exp(F32x4::from_array(lanes)).to_array();
            powers.into_iter().take(part.len())
        })
        .collect();
    unsafe { write(&values, out) }
}

/// For tests: `exp_lanes` by the scalar twin.
#[wasm_bindgen]
pub fn exp_scalar(x: usize, out: usize, n: usize) -> u32 {
    if [x, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    let values: Vec<f32> = unsafe { floats(x, n) }.iter().map(|x| math::exp_scalar(*x)).collect();
    unsafe { write(&values, out) }
}

/// For tests: `rms_norm` by the scalar twin.
#[wasm_bindgen]
pub fn rms_norm_scalar(x: usize, gain: usize, out: usize, rows: usize, cols: usize, epsilon: f32) -> u32 {
    if [x, gain, out, cols].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { write(&norm::rms_norm_scalar(floats(x, rows * cols), floats(gain, cols), epsilon), out) }
}

/// For tests: `swiglu` by the scalar twin.
#[wasm_bindgen]
pub fn swiglu_scalar(gate: usize, up: usize, out: usize, n: usize) -> u32 {
    if [gate, up, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { write(&elementwise::swiglu_scalar(floats(gate, n), floats(up, n)), out) }
}

/// For tests: `rope_table` and `rope` in one by the scalar twin; `factors` may be 0.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn rope_scalar(
    x: usize,
    positions: usize,
    factors: usize,
    out: usize,
    rows: usize,
    heads: usize,
    head_size: usize,
    half: usize,
    base: f32,
    interleaved: bool,
    start: usize,
    magnitude: f32,
) -> u32 {
    let shape = RotaryHeads { heads, head_size, start, half, pairing: pairing(interleaved) };
    if [x, positions, out, heads * head_size].contains(&0) || !turns_fit(&shape) {
        return BAD_ARGUMENT;
    }
    let turn = Turn { shape, base, magnitude };
    unsafe {
        let positions = slice::from_raw_parts(positions as *const i32, rows);
        let factors = (factors != 0).then(|| floats(factors, half));
        write(&rope::rope_scalar(floats(x, rows * heads * head_size), positions, factors, turn), out)
    }
}

/// For tests: `attend` of one whole sequence from position 0 on by the scalar twin; no pages, nothing rounded to f16.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn attend_scalar(
    q: usize,
    k: usize,
    v: usize,
    out: usize,
    rows: usize,
    heads: usize,
    kv_heads: usize,
    key_size: usize,
    value_size: usize,
    scale: f32,
) -> u32 {
    if [q, k, v, out].contains(&0) || !heads_fit(heads, kv_heads) {
        return BAD_ARGUMENT;
    }
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset: 0 };
    unsafe {
        let (q, k) = (floats(q, rows * heads * key_size), floats(k, rows * kv_heads * key_size));
        write(&attention::attend_scalar(q, k, floats(v, rows * kv_heads * value_size), shape), out)
    }
}

/// For tests: `latent_attend` of one whole sequence from position 0 on by the scalar twin, as `attend_scalar`.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn latent_attend_scalar(
    q: usize,
    latent: usize,
    out: usize,
    rows: usize,
    heads: usize,
    rank: usize,
    rotary_size: usize,
    scale: f32,
) -> u32 {
    let shape = LatentShape { rows, heads, rank, rotary_size, scale, layer_offset: 0 };
    if [q, latent, out].contains(&0) || !latent_fits(&shape) {
        return BAD_ARGUMENT;
    }
    let size = shape.key_size();
    unsafe {
        let (q, latent) = (floats(q, rows * heads * size), floats(latent, rows * size));
        write(&latent_attention::latent_attend_scalar(q, latent, shape), out)
    }
}

/// For tests: `route` by the scalar twin.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn route_scalar(
    logits: usize,
    bias: usize,
    forced: usize,
    ids: usize,
    weights: usize,
    rows: usize,
    experts: usize,
    used: usize,
    sigmoid: bool,
    groups: usize,
    groups_used: usize,
    two_best: bool,
    normalize: bool,
    scale: f32,
) -> u32 {
    if [logits, ids, weights].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let rule = rule_of(bias, experts, used, sigmoid, groups, groups_used, two_best, normalize, scale);
        let forced = (forced != 0).then(|| slice::from_raw_parts(forced as *const i32, rows * used));
        let Some((chosen, parts)) = router::route_scalar(floats(logits, rows * experts), &rule, forced) else {
            return BAD_ARGUMENT;
        };
        slice::from_raw_parts_mut(ids as *mut i32, chosen.len()).copy_from_slice(&chosen);
        write(&parts, weights)
    }
}

/// For tests: `experts` by the scalar twin; `banks` u32 [3, 2] holds type and address of the file's own bytes.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn experts_scalar(
    banks: usize,
    x: usize,
    ids: usize,
    weights: usize,
    out: usize,
    rows: usize,
    used: usize,
    experts: usize,
    width: usize,
    hidden: usize,
) -> u32 {
    if [banks, x, ids, weights, out, used, width, hidden].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe {
        let words = *(banks as *const [[u32; 2]; 3]);
        let bank = |i: usize, outputs: usize, cols: usize| {
            let address = words[i][1] as usize;
            let dtype = checked(words[i][0], cols, &[address]).ok()?;
            let bytes = experts * outputs * dtype.row_bytes(cols)?;
            Some(StoredBank { dtype, bytes: slice::from_raw_parts(address as *const u8, bytes) })
        };
        let sums = || {
            let banks = [bank(0, hidden, width)?, bank(1, hidden, width)?, bank(2, width, hidden)?];
            let ids = slice::from_raw_parts(ids as *const i32, rows * used);
            mixture::experts_scalar(banks, floats(x, rows * width), ids, floats(weights, rows * used), used, width, hidden)
        };
        sums().map_or(BAD_ARGUMENT, |sums| write(&sums, out))
    }
}

/// For tests: log-softmax(logits / temperature) at `id` by the scalar twin; NaN for an id outside of the row.
#[wasm_bindgen]
pub fn token_logprob_scalar(logits: usize, vocab: usize, id: usize, temperature: f32) -> f64 {
    if logits == 0 || id >= vocab {
        return f64::NAN;
    }
    logits::token_logprob_scalar(unsafe { floats(logits, vocab) }, id, temperature)
}

/// For tests: `draw` by the scalar twin.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn draw_scalar(
    logits: usize,
    vocab: usize,
    adjustment: usize,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    min_p: f32,
    seed_low: u32,
    seed_high: u32,
    choice: u32,
    position: u32,
) -> i32 {
    let how = Draw { temperature, top_k, top_p, min_p, key: [seed_low, seed_high], choice, position };
    drawn(logits, vocab, adjustment, &how).map_or(-1, |drawn| drawn.id as i32)
}

/// For tests: how far `draw_scalar` was from another id, as a share of the mass; 0 where nothing is drawn.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn draw_margin(
    logits: usize,
    vocab: usize,
    adjustment: usize,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    min_p: f32,
    seed_low: u32,
    seed_high: u32,
    choice: u32,
    position: u32,
) -> f64 {
    let how = Draw { temperature, top_k, top_p, min_p, key: [seed_low, seed_high], choice, position };
    drawn(logits, vocab, adjustment, &how).map_or(0.0, |drawn| drawn.margin)
}

fn drawn(logits: usize, vocab: usize, adjustment: usize, how: &Draw) -> Option<ScalarDraw> {
    if logits == 0 || vocab == 0 {
        return None;
    }
    unsafe {
        let adjustment = adjustment_at(adjustment);
        let row = adjustment.fits(vocab).then(|| logits::adjusted_scalar(floats(logits, vocab), &adjustment))?;
        logits::draw_scalar(&row, how)
    }
}

/// For tests: the row from which `draw` draws, to out f32 `[V]`.
#[wasm_bindgen]
pub fn adjusted(logits: usize, vocab: usize, adjustment: usize, out: usize) -> u32 {
    let how = unsafe { adjustment_at(adjustment) };
    if [logits, out].contains(&0) || !how.fits(vocab) {
        return BAD_ARGUMENT;
    }
    unsafe { write(&logits::adjusted(floats(logits, vocab), &how), out) }
}

/// For tests: `adjusted` by the scalar twin, rounded once.
#[wasm_bindgen]
pub fn adjusted_scalar(logits: usize, vocab: usize, adjustment: usize, out: usize) -> u32 {
    let how = unsafe { adjustment_at(adjustment) };
    if [logits, out].contains(&0) || !how.fits(vocab) {
        return BAD_ARGUMENT;
    }
    let row: Vec<f32> = unsafe { logits::adjusted_scalar(floats(logits, vocab), &how) }.iter().map(|x| *x as f32).collect();
    unsafe { write(&row, out) }
}
