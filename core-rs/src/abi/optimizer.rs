//! The optimizer's step for the host. No arithmetic; the meaning stands at the op.

use super::{BAD_ARGUMENT, OK};
use crate::ops::optimizer::{self, AdamW, Moments};
use wasm_bindgen::prelude::wasm_bindgen;

/// One step of `n` numbers f32 in any arrangement, all four in the same one; `step` counts from 1.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn adamw(
    parameter: usize,
    gradient: usize,
    first: usize,
    second: usize,
    n: usize,
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    step: f64,
    gradient_scale: f64,
) -> u32 {
    if [parameter, gradient, first, second].contains(&0) {
        return BAD_ARGUMENT;
    }
    let at = Moments {
        parameter: parameter as *mut f32,
        gradient: gradient as *const f32,
        first: first as *mut f32,
        second: second as *mut f32,
    };
    let how = AdamW { learning_rate, beta1, beta2, epsilon, weight_decay, step, gradient_scale };
    unsafe { optimizer::adamw(at, n, how) };
    OK
}

/// The sum of squares of x f32 [n]; NaN for an address that is 0.
#[wasm_bindgen]
pub fn squared_norm(x: usize, n: usize) -> f64 {
    if x == 0 {
        return f64::NAN;
    }
    unsafe { optimizer::squared_norm(x as *const f32, n) }
}
