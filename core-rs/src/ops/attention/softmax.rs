//! One query's online softmax over blocks of 32 keys (Milakov & Gimelshein, 1805.02867). Knows neither keys nor values.

use super::BLOCK;
use crate::math::{exp_with, ExpConstants};
use crate::simd::{F32x4, I32x4};

const VECTORS: usize = BLOCK / 4;

/// One query's online softmax.
#[derive(Clone, Copy)]
pub(in crate::ops) struct State {
    /// Keys up to its own position.
    pub keys: usize,
    pub top: f32,
    pub total: f32,
}

impl State {
    pub const EMPTY: State = State { keys: 0, top: f32::NEG_INFINITY, total: 0.0 };
}

/// Turns a block's products into weights e^(scale x - top), 0 beyond the valid keys; gives what earlier sums shrink by.
/// A score that is not a number makes the sum none either, whether or not `pmax` takes it for the top: the relaxed build
/// leaves that to the processor.
#[inline(never)]
pub(in crate::ops) unsafe fn soften(weights: &mut [f32; BLOCK], state: &mut State, valid: usize, scale: f32, constants: &ExpConstants) -> f32 {
    let scale = F32x4::splat(scale);
    let mut scores: [F32x4; VECTORS] = core::array::from_fn(|j| F32x4::load(weights.as_ptr().add(4 * j)) * scale);
    if valid < BLOCK {
        for (j, score) in scores.iter_mut().enumerate() {
            let key = I32x4::from_array([0, 1, 2, 3]) + I32x4::splat(4 * j as i32);
            *score = F32x4::select(I32x4::splat(valid as i32).gt(key), *score, F32x4::splat(f32::NEG_INFINITY));
        }
    }
    let lanes = scores.iter().fold(F32x4::splat(state.top), |m, s| m.pmax(*s)).to_array().map(F32x4::splat);
    let top = lanes[0].pmax(lanes[1]).pmax(lanes[2].pmax(lanes[3]));
    let decay = exp_with(F32x4::splat(state.top) - top, constants).to_array()[0];
    let mut sum = F32x4::splat(0.0);
    for (j, score) in scores.into_iter().enumerate() {
        let weight = exp_with(score - top, constants);
        sum = sum + weight;
        weight.store(weights.as_mut_ptr().add(4 * j));
    }
    state.top = top.to_array()[0];
    state.total = state.total * decay + sum.sum();
    decay
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::exp1;

    #[test]
    fn keys_beyond_the_valid_ones_weigh_nothing() {
        for valid in [0usize, 1, 5, 31, 32] {
            let mut weights = [f32::NAN; BLOCK];
            for (t, w) in weights.iter_mut().enumerate().take(valid) {
                *w = t as f32 * 0.7 - 3.0;
            }
            let products = weights;
            let mut state = State { top: 1.5, total: 2.0, ..State::EMPTY };
            let decay = unsafe { soften(&mut weights, &mut state, valid, 0.5, &ExpConstants::opaque()) };
            let top = (0..valid).map(|t| products[t] * 0.5).fold(1.5f32, f32::max);
            assert_eq!((state.top, decay), (top, exp1(1.5 - top)));
            let sum: f32 = (0..valid).map(|t| (products[t] * 0.5 - top).exp()).sum();
            assert!((state.total - (2.0 * decay + sum)).abs() < 1e-5);
            assert!(weights[valid..].iter().all(|w| *w == 0.0));
        }
    }
}
