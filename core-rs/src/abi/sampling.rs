//! Log-probabilities and drawing for the host. No arithmetic; shapes stand at the ops themselves.

use super::{BAD_ARGUMENT, OK};
use crate::ops::logits::{self, Draw};
use wasm_bindgen::prelude::wasm_bindgen;

/// logits f32 [rows, vocab], targets i32 [rows] -> out f32 [rows]; writes nothing if a target lies outside the vocabulary.
#[wasm_bindgen]
pub fn token_logprobs(logits: usize, targets: usize, out: usize, rows: usize, vocab: usize, temperature: f32) -> u32 {
    if [logits, targets, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    let (logits, targets, out) = (logits as *const f32, targets as *const i32, out as *mut f32);
    if unsafe { logits::token_logprobs(logits, targets, out, rows, vocab, temperature) } {
        OK
    } else {
        BAD_ARGUMENT
    }
}

/// Draws from one row of logits `[V]`: the token's id, or -1 when the row's largest logit is not finite or there is no row.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn draw(
    logits: usize,
    vocab: usize,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    min_p: f32,
    seed_low: u32,
    seed_high: u32,
    choice: u32,
    position: u32,
) -> i32 {
    if logits == 0 || vocab == 0 {
        return -1;
    }
    let how = Draw { temperature, top_k, top_p, min_p, key: [seed_low, seed_high], choice, position };
    unsafe { logits::draw(logits as *const f32, vocab, &how) }.map_or(-1, |id| id as i32)
}

/// log-softmax of one row of logits `[V]` at `id`; NaN for an id outside of it.
#[wasm_bindgen]
pub fn token_logprob(logits: usize, vocab: usize, id: usize) -> f32 {
    if logits == 0 || id >= vocab {
        return f32::NAN;
    }
    unsafe { logits::token_logprob(logits as *const f32, vocab, id, 1.0) }
}

/// Two random words for a key and counter; the host's own uses of Philox go through here.
#[wasm_bindgen]
pub fn philox_uniform(seed_low: u32, seed_high: u32, a: u32, b: u32, c: u32, d: u32) -> f64 {
    crate::rng::uniform([seed_low, seed_high], [a, b, c, d])
}
