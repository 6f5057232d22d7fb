//! The backward passes of routing and of experts for the host. No arithmetic; shapes stand at the ops.
//!
//! Functions write nothing if their status is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, sizes that do not fit
//! together, ids that do not ascend in each row or lie outside 0..E.

use super::mixture::{adapters_at, banks_at, rule_of};
use super::{BAD_ARGUMENT, OK};
use crate::ops::experts::gradient::{self, ExpertsGradient};
use crate::ops::route::gradient as router;
use crate::ops::route::Scoring;
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// logits f32 [rows, experts] and ids i32 [rows, used] of `route`; d f32 [rows, used] by the weights, d_scores f32 [rows,
/// experts] by the scores (0: none) -> out f32 [rows, experts], the gradient by the logits.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn route_gradient(
    logits: usize,
    ids: usize,
    d: usize,
    d_scores: usize,
    out: usize,
    rows: usize,
    experts: usize,
    used: usize,
    sigmoid: bool,
    normalize: bool,
    scale: f32,
) -> u32 {
    if [logits, ids, d, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    // Neither the bias nor groups take part.
    let rule = unsafe { rule_of(0, experts, used, sigmoid, 1, 1, false, normalize, scale) };
    let fits = unsafe {
        let ids = slice::from_raw_parts(ids as *const i32, rows * used);
        let [logits, d, d_scores] = [logits, d, d_scores].map(|at| at as *const f32);
        router::route_gradient(logits, &rule, ids, d, d_scores, out as *mut f32)
    };
    if fits { OK } else { BAD_ARGUMENT }
}

/// logits f32 [rows, experts] -> scores f32 [rows, experts].
#[wasm_bindgen]
pub fn route_scores(logits: usize, out: usize, rows: usize, experts: usize, sigmoid: bool) -> u32 {
    if [logits, out, experts].contains(&0) {
        return BAD_ARGUMENT;
    }
    let scoring = if sigmoid { Scoring::Sigmoid } else { Scoring::Softmax };
    unsafe { router::route_scores(logits as *const f32, out as *mut f32, rows, experts, scoring) };
    OK
}

/// Bytes of room that `experts_gradient` needs.
#[wasm_bindgen]
pub fn experts_gradient_room(rows: usize, width: usize, hidden: usize, adapters: usize) -> usize {
    let ranks = unsafe { adapters_at(adapters) }.map(|adapter| adapter.rank);
    gradient::room_bytes(rows, width, hidden, ranks)
}

/// `banks` and `adapters` as for `experts`; d and x f32 [rows, width], ids i32 and weights f32 [rows, used] -> d_x f32 [rows, width] and
/// d_weights f32 [rows, used]; adds to the gradients of gate, up and down at `into` u32 [3] (0: not wanted) and of A and B of their
/// adapters at `adapters_into` u32 [3, 2], f32 packed as the banks.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn experts_gradient(
    banks: usize,
    d: usize,
    x: usize,
    ids: usize,
    weights: usize,
    d_x: usize,
    d_weights: usize,
    into: usize,
    room: usize,
    rows: usize,
    used: usize,
    experts: usize,
    width: usize,
    hidden: usize,
    adapters: usize,
    adapters_into: usize,
) -> u32 {
    if [d, x, ids, weights, d_x, d_weights, into, adapters_into, room, used].contains(&0) {
        return BAD_ARGUMENT;
    }
    let Ok([gate, up, down]) = (unsafe { banks_at(banks, width, hidden) }) else {
        return BAD_ARGUMENT;
    };
    let into = unsafe { *(into as *const [u32; 3]) }.map(|at| at as usize as *mut f32);
    let adapters_into = unsafe { *(adapters_into as *const [[u32; 2]; 3]) }.map(|pair| pair.map(|at| at as usize as *mut f32));
    let job = ExpertsGradient {
        adapters: unsafe { adapters_at(adapters) },
        adapters_into,
        gate,
        up,
        down,
        d: d as *const f32,
        x: x as *const f32,
        ids: ids as *const i32,
        weights: weights as *const f32,
        d_x: d_x as *mut f32,
        d_weights: d_weights as *mut f32,
        into,
        room: room as *mut u8,
        rows,
        used,
        experts,
        width,
        hidden,
    };
    if unsafe { gradient::experts_gradient(&job) } { OK } else { BAD_ARGUMENT }
}
