//! Backward of a token's log-probability by its row of logits, and the entropy of rows. Each row by itself; draws nothing.

use super::logprob::LogSoftmax;
use crate::math::{exp_with, ExpConstants};
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Elements whose products are added in f32 before the sum goes to f64.
const SUM_BLOCK: usize = 256;

/// d `[B]` of log-softmax(logits / temperature) at targets `[B]`: the logits `[B, V]` become d * (one-hot - softmax) /
/// temperature. False, with nothing written, if a target lies outside the vocabulary.
///
/// # Safety
/// The pointers hold these shapes.
pub unsafe fn logprob_gradient(d: *const f32, logits: *mut f32, targets: &[i32], vocab: usize, temperature: f32) -> bool {
    if targets.iter().any(|&target| target < 0 || target as usize >= vocab) {
        return false;
    }
    let (d, logits) = (d as usize, logits as usize);
    parallel_for(targets.len(), 1, &|rows| {
        let c = ExpConstants::opaque();
        for row in rows {
            unsafe {
                let logits = (logits as *mut f32).add(row * vocab);
                let softmax = LogSoftmax::of(logits, vocab, temperature);
                let factor = *(d as *const f32).add(row) * softmax.factor;
                softmax.weigh(logits, vocab, (-factor as f64 / softmax.total) as f32, &c);
                *logits.add(targets[row] as usize) += factor;
            }
        }
    });
    true
}

impl LogSoftmax {
    /// Each logit becomes its exponential times a factor.
    unsafe fn weigh(&self, logits: *mut f32, vocab: usize, factor: f32, c: &ExpConstants) {
        let weight = |x: F32x4| exp_with((x - F32x4::splat(self.top)) * F32x4::splat(self.factor), c) * F32x4::splat(factor);
        for i in (0..vocab & !3).step_by(4) {
            weight(F32x4::load(logits.add(i))).store(logits.add(i));
        }
        for i in vocab & !3..vocab {
            *logits.add(i) = weight(F32x4::splat(*logits.add(i))).to_array()[0];
        }
    }

    /// -(the sum of p log p): log of the sum less the mean exponent.
    unsafe fn entropy(&self, logits: *const f32, vocab: usize, c: &ExpConstants) -> f32 {
        let exponent = |x: F32x4| (x - F32x4::splat(self.top)) * F32x4::splat(self.factor);
        let mut sum = 0.0f64;
        for start in (0..vocab).step_by(SUM_BLOCK) {
            let end = vocab.min(start + SUM_BLOCK);
            let vectors = start..start + ((end - start) & !3);
            let mut lanes = F32x4::splat(0.0);
            for i in vectors.clone().step_by(4) {
                let x = exponent(F32x4::load(logits.add(i)));
                lanes = lanes.madd(weighted_exponent(x), exp_with(x, c));
            }
            let mut part = lanes.sum();
            for i in vectors.end..end {
                let x = exponent(F32x4::splat(*logits.add(i)));
                part += (weighted_exponent(x) * exp_with(x, c)).to_array()[0];
            }
            sum += part as f64;
        }
        (self.log_total - sum / self.total) as f32
    }
}

/// The exponent, but where its exponential is 0 a number that 0 times it is 0 for: logits may be -infinity.
#[inline(always)]
fn weighted_exponent(x: F32x4) -> F32x4 {
    F32x4::select(x.lt(F32x4::splat(-88.0)), F32x4::splat(0.0), x)
}

/// Entropies `[B]` (natural log) of softmax(logits / temperature) `[B, V]`.
///
/// # Safety
/// The pointers hold these shapes.
pub unsafe fn entropies(logits: *const f32, out: *mut f32, rows: usize, vocab: usize, temperature: f32) {
    let (logits, out) = (logits as usize, out as usize);
    parallel_for(rows, 1, &|rows| {
        let c = ExpConstants::opaque();
        for row in rows {
            unsafe {
                let logits = (logits as *const f32).add(row * vocab);
                *(out as *mut f32).add(row) = LogSoftmax::of(logits, vocab, temperature).entropy(logits, vocab, &c);
            }
        }
    });
}

/// `logprob_gradient` in f64, a new array.
pub fn logprob_gradient_scalar(d: &[f32], logits: &[f32], targets: &[i32], temperature: f32) -> Vec<f32> {
    let vocab = logits.len() / d.len();
    let temperature = temperature as f64;
    let mut out = Vec::with_capacity(logits.len());
    for ((logits, d), target) in logits.chunks(vocab).zip(d).zip(targets) {
        let shares = shares(logits, temperature);
        let hot = |id: usize| if id == *target as usize { 1.0 } else { 0.0 };
        out.extend(shares.iter().enumerate().map(|(id, p)| (*d as f64 * (hot(id) - p) / temperature) as f32));
    }
    out
}

/// `entropies` in f64.
pub fn entropies_scalar(logits: &[f32], vocab: usize, temperature: f32) -> Vec<f32> {
    let entropy = |p: &Vec<f64>| -> f64 { p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum() };
    logits.chunks(vocab).map(|logits| entropy(&shares(logits, temperature as f64)) as f32).collect()
}

fn shares(logits: &[f32], temperature: f64) -> Vec<f64> {
    let top = logits.iter().fold(f32::NEG_INFINITY, |top, x| top.max(*x)) as f64;
    let weights: Vec<f64> = logits.iter().map(|x| ((*x as f64 - top) / temperature).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;
    use crate::slopes::{assert_near, slopes, wide};

    #[test]
    fn logprob_gradient_matches_its_twin_and_the_twin_the_slopes() {
        let mut rng = Rng::new(3);
        for (rows, vocab, temperature) in [(1usize, 1usize, 1.0f32), (2, 5, 0.7), (3, 515, 1.3)] {
            let d: Vec<f32> = (0..rows).map(|_| rng.signed_unit()).collect();
            let logits: Vec<f32> = (0..rows * vocab).map(|_| 5.0 * rng.signed_unit()).collect();
            let targets: Vec<i32> = (0..rows).map(|row| (row * 3 % vocab) as i32).collect();
            let loss = |logits: &[f64]| -> f64 {
                let one = |row: usize| {
                    let own = &logits[row * vocab..][..vocab];
                    let total: f64 = own.iter().map(|x| (x / temperature as f64).exp()).sum();
                    d[row] as f64 * (own[targets[row] as usize] / temperature as f64 - total.ln())
                };
                (0..rows).map(one).sum()
            };
            let twin = logprob_gradient_scalar(&d, &logits, &targets, temperature);
            // Differences of a loss of size 10 lose some digits.
            let near = |got: &[f32], want: &[f64]| assert!(got.iter().zip(want).all(|(a, b)| (*a as f64 - b).abs() < 1e-6));
            near(&twin, &slopes(&logits, loss));
            let mut got = logits.clone();
            assert!(unsafe { logprob_gradient(d.as_ptr(), got.as_mut_ptr(), &targets, vocab, temperature) });
            assert!(!unsafe { logprob_gradient(d.as_ptr(), got.as_mut_ptr(), &[vocab as i32], vocab, temperature) });
            near(&got, &wide(&twin));
        }
    }

    #[test]
    fn entropies_match_their_twin() {
        let mut rng = Rng::new(5);
        for (rows, vocab, size) in [(1usize, 1usize, 1.0), (2, 7, 5.0), (3, 1003, 40.0)] {
            let mut logits: Vec<f32> = (0..rows * vocab).map(|_| size * rng.signed_unit()).collect();
            if vocab > 1 {
                logits[1] = f32::NEG_INFINITY;
            }
            for temperature in [1.0, 0.6] {
                let mut out = vec![f32::NAN; rows];
                unsafe { entropies(logits.as_ptr(), out.as_mut_ptr(), rows, vocab, temperature) };
                assert_near(&out, &wide(&entropies_scalar(&logits, vocab, temperature)), 1e-6, "entropy");
            }
        }
    }
}
