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

/// `token_logprob` in plain f64.
pub fn token_logprob_scalar(logits: &[f32], id: usize, temperature: f32) -> f64 {
    let scaled = |x: &f32| *x as f64 / temperature as f64;
    let top = logits.iter().map(scaled).fold(f64::NEG_INFINITY, |a, b| if b.is_nan() || b > a { b } else { a });
    let total: f64 = logits.iter().map(|x| (scaled(x) - top).exp()).sum();
    scaled(&logits[id]) - top - total.ln()
}

/// What the scalar twin of `draw` chose, and how firmly.
#[derive(Clone, Copy, Debug)]
pub struct ScalarDraw {
    pub id: u32,
    /// The least change of the random number, of a truncation's border or of a sum of weights, as a share of the mass, that
    /// could give another id. Where logits that differ do so by more than f32's rounding, `draw` gives the same id if
    /// this is well above that rounding.
    pub margin: f64,
}

/// `draw` in plain f64: all tokens sorted when something truncates, one step of its definition after the other.
pub fn draw_scalar(logits: &[f32], how: &Draw) -> Option<ScalarDraw> {
    let best = (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b]))?;
    if logits.iter().any(|x| x.is_nan()) || !logits[best].is_finite() {
        return None;
    }
    if how.temperature == 0.0 {
        return logits.iter().position(|x| *x == logits[best]).map(|id| ScalarDraw { id: id as u32, margin: f64::INFINITY });
    }
    let weight = |id: usize| ((logits[id] as f64 - logits[best] as f64) / how.temperature as f64).exp();
    let mut kept: Vec<(usize, f64)> = (0..logits.len()).map(|id| (id, weight(id))).collect();
    let mut margin = f64::INFINITY;
    let keeps_k = how.top_k > 0 && (how.top_k as usize) < logits.len();
    if keeps_k || how.top_p < 1.0 {
        kept.sort_by(|a, b| logits[b.0].total_cmp(&logits[a.0]).then(a.0.cmp(&b.0)));
    }
    if keeps_k {
        kept.truncate(how.top_k as usize);
    }
    if how.top_p < 1.0 {
        let ends = shares(&kept);
        margin = nearest(&ends, how.top_p as f64);
        let last = ends.iter().position(|end| *end >= how.top_p as f64).unwrap_or(ends.len() - 1);
        kept.truncate(last + 1);
    }
    if how.min_p > 0.0 {
        let below_best: Vec<f64> = kept.iter().map(|(_, w)| *w).filter(|w| *w < 1.0).collect();
        margin = margin.min(nearest(&below_best, how.min_p as f64));
        kept.retain(|(_, w)| *w >= how.min_p as f64);
    }
    let (u, ends) = (rng::uniform(how.key, [how.position, how.choice, 0, 0]), shares(&kept));
    let drawn = ends.iter().position(|end| *end > u).unwrap_or(ends.len().checked_sub(1)?);
    Some(ScalarDraw { id: kept[drawn].0 as u32, margin: margin.min(nearest(&ends[..ends.len() - 1], u)) })
}

/// Where each token's part of the mass ends, from 0 to 1.
fn shares(kept: &[(usize, f64)]) -> Vec<f64> {
    let total: f64 = kept.iter().map(|(_, w)| w).sum();
    let add = |sum: &mut f64, (_, w): &(usize, f64)| {
        *sum += w / total;
        Some(*sum)
    };
    kept.iter().scan(0.0, add).collect()
}

fn nearest(values: &[f64], to: f64) -> f64 {
    values.iter().map(|v| (v - to).abs()).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests;
