//! Log-probabilities, adjustments and draws in plain f64, one step of their definitions after the other: for tests alone.

use super::{Adjustment, Draw};
use crate::rng;

/// `token_logprob` in plain f64.
pub fn token_logprob_scalar(logits: &[f32], id: usize, temperature: f32) -> f64 {
    let scaled = |x: &f32| *x as f64 / temperature as f64;
    let top = logits.iter().map(scaled).fold(f64::NEG_INFINITY, |a, b| if b.is_nan() || b > a { b } else { a });
    let total: f64 = logits.iter().map(|x| (scaled(x) - top).exp()).sum();
    scaled(&logits[id]) - top - total.ln()
}

/// `adjusted` in plain f64, token by token.
pub fn adjusted_scalar(logits: &[f32], how: &Adjustment) -> Vec<f64> {
    let adjust = |(id, logit): (usize, &f32)| {
        let is = |other: &u32| *other as usize == id;
        let is_allowed = how.allowed.is_empty() || how.allowed[id / 32] & (1 << (id % 32)) != 0;
        let masked = *logit as f64 + if is_allowed { 0.0 } else { f64::NEG_INFINITY };
        let bias = how.biased.iter().zip(how.bias).filter(|(other, _)| is(other)).map(|(_, bias)| *bias as f64);
        let mut x = bias.fold(masked, |sum, bias| sum + bias);
        if how.repeated.iter().any(is) {
            x = if x > 0.0 { x / how.repeat as f64 } else { x * how.repeat as f64 };
        }
        let count = how.counted.iter().position(is).map(|at| how.counts[at] as f64);
        x - count.map_or(0.0, |count| how.presence as f64 + count * how.frequency as f64)
    };
    logits.iter().enumerate().map(adjust).collect()
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

/// `draw` in plain f64 from a row that `adjusted_scalar` may have made: all tokens sorted when something truncates, one step
/// of its definition after the other.
pub fn draw_scalar(logits: &[f64], how: &Draw) -> Option<ScalarDraw> {
    let best = (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b]))?;
    if logits.iter().any(|x| x.is_nan()) || !logits[best].is_finite() {
        return None;
    }
    if how.temperature == 0.0 {
        return logits.iter().position(|x| *x == logits[best]).map(|id| ScalarDraw { id: id as u32, margin: f64::INFINITY });
    }
    let weight = |id: usize| ((logits[id] - logits[best]) / how.temperature as f64).exp();
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
