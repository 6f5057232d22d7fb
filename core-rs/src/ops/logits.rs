//! Log-probabilities of tokens under logits, and the drawing of one token from a row. Keeps no state between rows.

use crate::math::{exp, max, sum_exp};
use crate::rng;
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// log-softmax(logits / temperature) at one id: the only definition of a token's log-probability.
///
/// # Safety
/// `logits` holds `vocab` numbers and `id < vocab`.
pub unsafe fn token_logprob(logits: *const f32, vocab: usize, id: usize, temperature: f32) -> f32 {
    let top = max(logits, vocab);
    let factor = 1.0 / temperature;
    let total = sum_exp(logits, vocab, top, factor);
    (((*logits.add(id) - top) * factor) as f64 - total.ln()) as f32
}

/// logits `[B, V]`, targets `[B]` -> out `[B]`; false if a target lies outside the vocabulary.
///
/// # Safety
/// The pointers hold these shapes.
pub unsafe fn token_logprobs(logits: *const f32, targets: *const i32, out: *mut f32, rows: usize, vocab: usize, temperature: f32) -> bool {
    for row in 0..rows {
        if *targets.add(row) < 0 || *targets.add(row) as usize >= vocab {
            return false;
        }
    }
    let (logits, targets, out) = (logits as usize, targets as usize, out as usize);
    parallel_for(rows, 1, &|range| {
        for row in range {
            unsafe {
                let id = *(targets as *const i32).add(row) as usize;
                let logits = (logits as *const f32).add(row * vocab);
                *(out as *mut f32).add(row) = token_logprob(logits, vocab, id, temperature);
            }
        }
    });
    true
}

/// How to draw from a row: temperature first, then top-k, top-p of what is left, min-p against the best token.
#[derive(Clone, Copy)]
pub struct Draw {
    /// 0 takes the best token.
    pub temperature: f32,
    /// 0 keeps all.
    pub top_k: u32,
    /// 1 keeps all.
    pub top_p: f32,
    /// 0 keeps all.
    pub min_p: f32,
    pub key: [u32; 2],
    pub choice: u32,
    pub position: u32,
}

/// A token and its weight e^((logit - top) / temperature), at most 1.
#[derive(Clone, Copy)]
struct Candidate {
    weight: f32,
    id: u32,
}

/// Draws a token id from one row; `None` if the row's largest logit is not finite.
///
/// # Safety
/// `logits` holds `vocab` numbers, at least one.
pub unsafe fn draw(logits: *const f32, vocab: usize, how: &Draw) -> Option<u32> {
    let top = max(logits, vocab);
    if !top.is_finite() {
        return None;
    }
    if how.temperature == 0.0 {
        return (0..vocab).find(|i| *logits.add(*i) == top).map(|i| i as u32);
    }
    let u = rng::uniform(how.key, [how.position, how.choice, 0, 0]);
    let candidates = kept(logits, vocab, top, how);
    let total: f64 = candidates.iter().map(|c| c.weight as f64).sum();
    let mut left = u * total;
    for c in &candidates {
        left -= c.weight as f64;
        if left < 0.0 {
            return Some(c.id);
        }
    }
    candidates.iter().rev().find(|c| c.weight > 0.0).map(|c| c.id)
}

/// The tokens that survive truncation. In id order when nothing truncates, otherwise the most probable first.
unsafe fn kept(logits: *const f32, vocab: usize, top: f32, how: &Draw) -> Vec<Candidate> {
    let mut candidates = weights(logits, vocab, top, how.temperature);
    let k = how.top_k as usize;
    if k > 0 && k < vocab {
        keep_best(&mut candidates, k);
    }
    if how.top_p < 1.0 {
        let total: f64 = candidates.iter().map(|c| c.weight as f64).sum();
        keep_mass(&mut candidates, how.top_p.max(0.0) as f64 * total);
    }
    if how.min_p > 0.0 {
        candidates.retain(|c| c.weight >= how.min_p);
    }
    candidates
}

/// All tokens in id order.
unsafe fn weights(logits: *const f32, vocab: usize, top: f32, temperature: f32) -> Vec<Candidate> {
    let factor = F32x4::splat(1.0 / temperature);
    let mut out = Vec::with_capacity(vocab);
    for start in (0..vocab).step_by(4) {
        let n = (vocab - start).min(4);
        let mut x = [f32::NEG_INFINITY; 4];
        core::ptr::copy_nonoverlapping(logits.add(start), x.as_mut_ptr(), n);
        let w = exp((F32x4::from_array(x) - F32x4::splat(top)) * factor).to_array();
        out.extend((0..n).map(|i| Candidate { weight: w[i], id: (start + i) as u32 }));
    }
    out
}

/// Most probable first, the lower id first among equals.
fn order(a: &Candidate, b: &Candidate) -> core::cmp::Ordering {
    b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id))
}

fn keep_best(candidates: &mut Vec<Candidate>, k: usize) {
    if k < candidates.len() {
        candidates.select_nth_unstable_by(k - 1, order);
        candidates.truncate(k);
    }
    candidates.sort_unstable_by(order);
}

/// Keeps the shortest run of most probable tokens whose mass reaches `mass`, at least one; sorts no more than it needs.
fn keep_mass(candidates: &mut Vec<Candidate>, mass: f64) {
    let mut sorted = 64;
    loop {
        let n = sorted.min(candidates.len());
        if n < candidates.len() {
            candidates.select_nth_unstable_by(n, order);
        }
        candidates[..n].sort_unstable_by(order);
        let mut sum = 0.0;
        for i in 0..n {
            sum += candidates[i].weight as f64;
            if sum >= mass {
                candidates.truncate(i + 1);
                return;
            }
        }
        if n == candidates.len() {
            return;
        }
        sorted *= 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(temperature: f32, top_k: u32, top_p: f32, min_p: f32, position: u32) -> Draw {
        Draw { temperature, top_k, top_p, min_p, key: [1, 2], choice: 0, position }
    }

    /// Shares of ids drawn at many positions.
    fn shares(logits: &[f32], temperature: f32, top_k: u32, top_p: f32, min_p: f32) -> Vec<f64> {
        let mut counts = vec![0.0; logits.len()];
        for position in 0..20_000 {
            let how = how(temperature, top_k, top_p, min_p, position);
            counts[unsafe { draw(logits.as_ptr(), logits.len(), &how) }.unwrap() as usize] += 1.0 / 20_000.0;
        }
        counts
    }

    /// Natural logs of .4 .3 .2 .1, in mixed order.
    const LOGITS: [f32; 4] = [-1.609_438, -0.916_291, -2.302_585, -1.203_973];

    fn assert_shares(got: Vec<f64>, want: [f64; 4]) {
        // Four standard errors of a share near one half.
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.0142), "{got:?} is not {want:?}");
    }

    #[test]
    fn draw_follows_the_distribution_and_its_truncations() {
        assert_shares(shares(&LOGITS, 1.0, 0, 1.0, 0.0), [0.2, 0.4, 0.1, 0.3]);
        assert_shares(shares(&LOGITS, 0.5, 0, 1.0, 0.0), [4.0 / 30.0, 16.0 / 30.0, 1.0 / 30.0, 9.0 / 30.0]);
        assert_shares(shares(&LOGITS, 1.0, 2, 1.0, 0.0), [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
        assert_shares(shares(&LOGITS, 1.0, 0, 0.65, 0.0), [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
        assert_shares(shares(&LOGITS, 1.0, 0, 1.0, 0.45), [2.0 / 9.0, 4.0 / 9.0, 0.0, 3.0 / 9.0]);
    }

    #[test]
    fn draw_takes_the_lowest_best_id_when_greedy_and_refuses_nan() {
        let greedy = |x: &[f32]| unsafe { draw(x.as_ptr(), x.len(), &how(0.0, 0, 1.0, 0.0, 0)) };
        assert_eq!(greedy(&[1.0, 3.0, 2.0, 3.0, 0.5]), Some(1));
        assert_eq!(greedy(&[1.0, f32::NAN, 2.0, 0.0, 0.0]), None);
    }

    #[test]
    fn keep_mass_sorts_far_enough() {
        let mut many: Vec<Candidate> = (0..5000).map(|id| Candidate { weight: 1.0, id }).collect();
        keep_mass(&mut many, 2500.0);
        assert_eq!(many.len(), 2500);
        assert!(many.iter().enumerate().all(|(i, c)| c.id == i as u32));
    }

    #[test]
    fn token_logprob_is_the_log_softmax() {
        let want = [0.2f64, 0.4, 0.1, 0.3];
        for (id, p) in want.iter().enumerate() {
            let got = unsafe { token_logprob(LOGITS.as_ptr(), 4, id, 1.0) } as f64;
            assert!((got - p.ln()).abs() < 1e-6);
        }
    }
}
