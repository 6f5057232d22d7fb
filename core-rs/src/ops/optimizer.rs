//! One step of AdamW, and the norm that gradients are clipped by. Element by element over numbers in any arrangement; knows no
//! parameters.

use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Elements a thread should get at least.
const GRAIN: usize = 8192;
/// Elements whose squares are added together before these sums are.
const BLOCK: usize = 4096;

/// AdamW (Loshchilov & Hutter, 1711.05101) as PyTorch applies it: decay of the weights before the step, epsilon outside of the
/// corrected root. Scalars are formed in f64.
#[derive(Clone, Copy)]
pub struct AdamW {
    pub learning_rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub weight_decay: f64,
    /// Steps taken with this one, from 1.
    pub step: f64,
    /// The gradient is multiplied by this first.
    pub gradient_scale: f64,
}

/// Where the numbers of a parameter and of its step stand, `n` each.
#[derive(Clone, Copy)]
pub struct Moments {
    pub parameter: *mut f32,
    pub gradient: *const f32,
    pub first: *mut f32,
    pub second: *mut f32,
}
// Threads write disjoint parts.
unsafe impl Sync for Moments {}

/// One step of `n` numbers.
///
/// # Safety
/// The arrays hold `n` numbers and do not overlap.
pub unsafe fn adamw(at: Moments, n: usize, how: AdamW) {
    let scalar = |x: f64| F32x4::splat(x as f32);
    let keep = scalar(1.0 - how.learning_rate * how.weight_decay);
    let gradient_scale = scalar(how.gradient_scale);
    let (towards, beta2, fresh) = (scalar(1.0 - how.beta1), scalar(how.beta2), scalar(1.0 - how.beta2));
    let step = scalar(-how.learning_rate / (1.0 - how.beta1.powf(how.step)));
    let (root, epsilon) = (scalar((1.0 - how.beta2.powf(how.step)).sqrt()), scalar(how.epsilon));
    let all = &at;
    parallel_for(n.div_ceil(4), GRAIN / 4, &|vectors| {
        for i in vectors.map(|v| 4 * v) {
            let count = 4.min(n - i);
            unsafe {
                let gradient = load(all.gradient.add(i), count) * gradient_scale;
                let first = load(all.first.add(i), count);
                let first = first + towards * (gradient - first);
                let second = load(all.second.add(i), count) * beta2 + fresh * gradient * gradient;
                let parameter = load(all.parameter.add(i), count) * keep + step * first / (second.sqrt() / root + epsilon);
                store(first, all.first.add(i), count);
                store(second, all.second.add(i), count);
                store(parameter, all.parameter.add(i), count);
            }
        }
    });
}

#[inline(always)]
unsafe fn load(from: *const f32, count: usize) -> F32x4 {
    if count == 4 {
        return F32x4::load(from);
    }
    let mut lanes = [0.0; 4];
    from.copy_to_nonoverlapping(lanes.as_mut_ptr(), count);
    F32x4::from_array(lanes)
}

#[inline(always)]
unsafe fn store(x: F32x4, to: *mut f32, count: usize) {
    if count == 4 {
        return x.store(to);
    }
    to.copy_from_nonoverlapping(x.to_array().as_ptr(), count);
}

/// `adamw` in f64, one number at a time.
pub fn adamw_scalar(parameter: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], how: AdamW) {
    for (i, gradient) in gradient.iter().enumerate() {
        let gradient = *gradient as f64 * how.gradient_scale;
        let m = how.beta1 * first[i] as f64 + (1.0 - how.beta1) * gradient;
        let v = how.beta2 * second[i] as f64 + (1.0 - how.beta2) * gradient * gradient;
        let corrected = m / (1.0 - how.beta1.powf(how.step));
        let root = (v / (1.0 - how.beta2.powf(how.step))).sqrt();
        let decayed = parameter[i] as f64 * (1.0 - how.learning_rate * how.weight_decay);
        parameter[i] = (decayed - how.learning_rate * corrected / (root + how.epsilon)) as f32;
        (first[i], second[i]) = (m as f32, v as f32);
    }
}

/// The sum of squares of `n` numbers in f64: blocks one after the other, so that threads change nothing.
///
/// # Safety
/// `x` points to `n` readable numbers.
pub unsafe fn squared_norm(x: *const f32, n: usize) -> f64 {
    let mut sums = vec![0.0f64; n.div_ceil(BLOCK)];
    let (x, to) = (x as usize, sums.as_mut_ptr() as usize);
    parallel_for(sums.len(), GRAIN / BLOCK, &|blocks| {
        for block in blocks {
            unsafe {
                let values = (x as *const f32).add(block * BLOCK);
                let values = core::slice::from_raw_parts(values, BLOCK.min(n - block * BLOCK));
                *(to as *mut f64).add(block) = values.iter().map(|v| *v as f64 * *v as f64).sum();
            }
        }
    });
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;
    use crate::slopes::{assert_near, wide};

    #[test]
    fn adamw_matches_its_twin_over_steps() {
        let mut rng = Rng::new(8);
        for n in [1usize, 4, 7, 1001] {
            let mut numbers = || -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
            let mut own = [numbers(), vec![0.0; n], vec![0.0; n]];
            let mut twin = own.clone();
            for step in 1..5 {
                let gradient = numbers();
                let how = AdamW {
                    learning_rate: 0.01,
                    beta1: 0.9,
                    beta2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.1,
                    step: step as f64,
                    gradient_scale: 0.5,
                };
                let [parameter, first, second] = own.each_mut().map(|values| values.as_mut_ptr());
                unsafe { adamw(Moments { parameter, gradient: gradient.as_ptr(), first, second }, n, how) };
                let [parameter, first, second] = twin.each_mut();
                adamw_scalar(parameter, &gradient, first, second, how);
            }
            for (got, want) in own.iter().zip(&twin) {
                assert_near(got, &wide(want), 1e-6, "adamw");
            }
        }
    }

    #[test]
    fn adamw_takes_the_first_step_of_pytorch() {
        // The first step moves by the learning rate against the gradient's sign, after the decay.
        let (mut parameter, gradient) = ([1.0f32, -2.0], [3.0f32, -1e-3]);
        let (mut first, mut second) = ([0.0f32; 2], [0.0f32; 2]);
        let how = AdamW {
            learning_rate: 0.1,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            step: 1.0,
            gradient_scale: 1.0,
        };
        let at = Moments {
            parameter: parameter.as_mut_ptr(),
            gradient: gradient.as_ptr(),
            first: first.as_mut_ptr(),
            second: second.as_mut_ptr(),
        };
        unsafe { adamw(at, 2, how) };
        assert_near(&parameter, &[0.999 - 0.1, -1.998 + 0.1 * 1e-3 / (1e-3 + 1e-8)], 1e-6, "parameter");
    }

    #[test]
    fn squared_norm_is_that_of_all() {
        for n in [0usize, 1, 4096, 10001] {
            let x: Vec<f32> = (0..n).map(|i| (i % 13) as f32 - 6.0).collect();
            let want: f64 = x.iter().map(|v| (v * v) as f64).sum();
            assert_eq!(unsafe { squared_norm(x.as_ptr(), n) }, want);
        }
    }
}
