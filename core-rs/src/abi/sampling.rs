//! Log-probabilities and drawing for the host. No arithmetic; shapes stand at the ops themselves.

use super::{BAD_ARGUMENT, OK};
use crate::ops::logits::{self, Adjustment, Draw, NoDraw, RowDraw, ALL_EXCLUDED, NOT_FINITE};
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// No token is drawn: see `draw`.
const UNKNOWN_ID: i32 = -3;

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

/// Draws from one row of logits `[V]`, adjusted as the record at `adjustment` says (0: not at all): the token's id, -1 when a
/// logit is NaN, the largest is not finite or there is no row, -2 when the record excludes every token, -3 when it names one
/// outside of the vocabulary or has a mask of another.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn draw(
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
    if logits == 0 || vocab == 0 {
        return NOT_FINITE;
    }
    let how = Draw { temperature, top_k, top_p, min_p, key: [seed_low, seed_high], choice, position };
    match unsafe { logits::draw_adjusted(logits as *const f32, vocab, &adjustment_at(adjustment), &how) } {
        Ok(id) => id as i32,
        Err(NoDraw::NotFinite) => NOT_FINITE,
        Err(NoDraw::AllExcluded) => ALL_EXCLUDED,
        Err(NoDraw::UnknownId) => UNKNOWN_ID,
    }
}

/// Draws from each row of logits f32 [rows, vocab], adjusted as the record at `adjustment` says: ids i32 [rows], -1 and -2 as
/// of `draw`, and log-softmax(logits / temperature) at these, f32 [rows]; with temperature 1 where it is 0. `draws` u32
/// [rows, 5]: seed low, seed high, choice, position, and an id that is taken without drawing (-1: none). Writes nothing if an
/// id or the record does not fit the vocabulary.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn draw_rows(
    logits: usize,
    rows: usize,
    vocab: usize,
    draws: usize,
    adjustment: usize,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    min_p: f32,
    ids: usize,
    logprobs: usize,
) -> u32 {
    if [logits, draws, ids, logprobs].contains(&0) || vocab == 0 {
        return BAD_ARGUMENT;
    }
    let how = Draw { temperature, top_k, top_p, min_p, key: [0; 2], choice: 0, position: 0 };
    let done = unsafe {
        let draws = slice::from_raw_parts(draws as *const RowDraw, rows);
        let adjustment = adjustment_at(adjustment);
        logits::draw_rows(logits as *const f32, vocab, draws, &adjustment, &how, ids as *mut i32, logprobs as *mut f32)
    };
    if done {
        OK
    } else {
        BAD_ARGUMENT
    }
}

/// The record of an adjustment, in words of 4 bytes: the lengths of `allowed`, `biased`, `repeated` and `counted`; `repeat`,
/// `presence` and `frequency` as f32; then `allowed`, `biased`, `bias` as f32, `repeated`, `counted` and `counts`.
///
/// # Safety
/// `address` is 0 or that of such a record, which nobody writes meanwhile.
pub(super) unsafe fn adjustment_at<'a>(address: usize) -> Adjustment<'a> {
    if address == 0 {
        return Adjustment::default();
    }
    let [masks, biases, repeats, counts] = *(address as *const [u32; 4]);
    let [repeat, presence, frequency] = *((address + 16) as *const [f32; 3]);
    let mut next = (address + 28) as *const u32;
    let mut take = |n: u32| {
        let part = next;
        next = next.add(n as usize);
        slice::from_raw_parts(part, n as usize)
    };
    let (allowed, biased) = (take(masks), take(biases));
    let bias = slice::from_raw_parts(take(biases).as_ptr().cast(), biases as usize);
    let (repeated, counted, counts) = (take(repeats), take(counts), take(counts));
    Adjustment { allowed, biased, bias, repeated, repeat, counted, counts, presence, frequency }
}

/// log-softmax of one row of logits `[V]` at `id`, then at the `count` most probable tokens (the lower id first among equals):
/// to out f32 `[1 + count]`, and these tokens to ids i32 `[count]`. Writes nothing for an id or a count outside of the row.
#[wasm_bindgen]
pub fn best_logprobs(logits: usize, vocab: usize, id: usize, count: usize, ids: usize, out: usize) -> u32 {
    if [logits, ids, out].contains(&0) || id >= vocab || count > vocab {
        return BAD_ARGUMENT;
    }
    let (own, best) = unsafe { logits::best_logprobs(logits as *const f32, vocab, id, count) };
    let (ids, out) = unsafe { (slice::from_raw_parts_mut(ids as *mut u32, count), slice::from_raw_parts_mut(out as *mut f32, 1 + count)) };
    out[0] = own;
    for (i, (id, logprob)) in best.into_iter().enumerate() {
        (ids[i], out[1 + i]) = (id, logprob);
    }
    OK
}

/// Two random words for a key and counter; the host's own uses of Philox go through here.
#[wasm_bindgen]
pub fn philox_uniform(seed_low: u32, seed_high: u32, a: u32, b: u32, c: u32, d: u32) -> f64 {
    crate::rng::uniform([seed_low, seed_high], [a, b, c, d])
}
