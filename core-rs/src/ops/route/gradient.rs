//! Backward of `route`: from gradients by the weights of a row's experts, and by all scores where a loss balances load, to
//! those by the gate's logits. What is chosen has no gradient, so neither groups nor the bias take part.

use super::{score, Rule, Scoring, LEAST_SUM, PORTION};
use crate::threads::parallel_for;

/// logits `[B, E]`, ids `[B, K]` that were chosen, d `[B, K]` by the weights, d_scores `[B, E]` by the scores (null: none) ->
/// out `[B, E]`. False, with nothing written, if sizes or ids do not fit.
///
/// # Safety
/// The pointers hold these shapes; `out` overlaps no input.
pub unsafe fn route_gradient(
    logits: *const f32,
    rule: &Rule,
    ids: &[i32],
    d: *const f32,
    d_scores: *const f32,
    out: *mut f32,
) -> bool {
    let (experts, used) = (rule.experts, rule.used);
    if !rule.fits() || !rule.allows(ids) {
        return false;
    }
    let rows = ids.len() / used;
    let [logits, d, d_scores, out] = [logits as usize, d as usize, d_scores as usize, out as usize];
    let portion = 1 + PORTION / experts;
    let mut rooms = vec![0.0f32; rows.div_ceil(portion) * experts];
    let all_rooms = rooms.as_mut_ptr() as usize;
    parallel_for(rows.div_ceil(portion), 1, &|portions| {
        for row in portions.start * portion..rows.min(portions.end * portion) {
            unsafe {
                let part = |at: usize, width: usize| core::slice::from_raw_parts((at as *const f32).add(row * width), width);
                let scores = core::slice::from_raw_parts_mut((all_rooms as *mut f32).add(row / portion * experts), experts);
                let out = core::slice::from_raw_parts_mut((out as *mut f32).add(row * experts), experts);
                score(part(logits, experts), rule.scoring, scores);
                if d_scores == 0 {
                    out.fill(0.0);
                } else {
                    out.copy_from_slice(part(d_scores, experts));
                }
                add_by_weights(rule, scores, &ids[row * used..(row + 1) * used], part(d, used), out);
                by_logits(rule.scoring, scores, out);
            }
        }
    });
    true
}

/// Adds to `out` the gradient by the scores of the experts that are used.
fn add_by_weights(rule: &Rule, scores: &[f32], ids: &[i32], d: &[f32], out: &mut [f32]) {
    let own = || ids.iter().map(|id| scores[*id as usize]).zip(d);
    let (divisor, mean) = if rule.normalize {
        let divisor = own().map(|(score, _)| score).sum::<f32>() + LEAST_SUM;
        (divisor, own().map(|(score, d)| score / divisor * d).sum::<f32>())
    } else {
        (1.0, 0.0)
    };
    for (id, d) in ids.iter().zip(d) {
        out[*id as usize] += (d - mean) / divisor * rule.scale;
    }
}

/// From gradients by scores to those by logits, in place.
fn by_logits(scoring: Scoring, scores: &[f32], d: &mut [f32]) {
    let mean: f32 = scores.iter().zip(&*d).map(|(score, d)| score * d).sum();
    for (score, d) in scores.iter().zip(d) {
        *d = match scoring {
            Scoring::Softmax => score * (*d - mean),
            Scoring::Sigmoid => score * (1.0 - score) * *d,
        };
    }
}

/// The scores `[B, E]` of logits `[B, E]`, which `route` ranks and weighs with.
///
/// # Safety
/// Both hold these shapes and do not overlap.
pub unsafe fn route_scores(logits: *const f32, out: *mut f32, rows: usize, experts: usize, scoring: Scoring) {
    let (logits, out) = (logits as usize, out as usize);
    parallel_for(rows, 1 + PORTION / experts, &|rows| {
        for row in rows {
            unsafe {
                let logits = core::slice::from_raw_parts((logits as *const f32).add(row * experts), experts);
                let out = core::slice::from_raw_parts_mut((out as *mut f32).add(row * experts), experts);
                score(logits, scoring, out);
            }
        }
    });
}

/// `route_gradient` in f64, one row; `d_scores` may be zeros.
pub fn route_gradient_scalar(logits: &[f32], rule: &Rule, ids: &[i32], d: &[f32], d_scores: &[f32]) -> Vec<f32> {
    let top = logits.iter().fold(f64::NEG_INFINITY, |top, x| top.max(*x as f64));
    let total: f64 = logits.iter().map(|x| (*x as f64 - top).exp()).sum();
    let score = |x: &f32| match rule.scoring {
        Scoring::Softmax => (*x as f64 - top).exp() / total,
        Scoring::Sigmoid => 1.0 / (1.0 + (-*x as f64).exp()),
    };
    let scores: Vec<f64> = logits.iter().map(score).collect();
    let mut by_scores: Vec<f64> = d_scores.iter().map(|d| *d as f64).collect();
    let sum = if rule.normalize { ids.iter().map(|id| scores[*id as usize]).sum() } else { 1.0 };
    for (i, id) in ids.iter().enumerate() {
        // The slope of weight j by score i.
        let slope = |j: usize| {
            let own = if i == j { 1.0 / sum } else { 0.0 };
            own - if rule.normalize { scores[ids[j] as usize] / (sum * sum) } else { 0.0 }
        };
        by_scores[*id as usize] += (0..ids.len()).map(|j| d[j] as f64 * slope(j) * rule.scale as f64).sum::<f64>();
    }
    let of = |e: usize| match rule.scoring {
        Scoring::Sigmoid => scores[e] * (1.0 - scores[e]) * by_scores[e],
        Scoring::Softmax => scores[e] * (by_scores[e] - scores.iter().zip(&by_scores).map(|(s, d)| s * d).sum::<f64>()),
    };
    (0..logits.len()).map(|e| of(e) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{route, GroupScore};
    use super::*;
    use crate::quant::tests::Rng;
    use crate::slopes::{assert_near, slopes, wide};

    const EXPERTS: usize = 12;
    const USED: usize = 3;

    fn rules(bias: &[f32]) -> Vec<Rule<'_>> {
        let mut rules = Vec::new();
        for scoring in [Scoring::Softmax, Scoring::Sigmoid] {
            for normalize in [false, true] {
                rules.push(Rule {
                    experts: EXPERTS,
                    used: USED,
                    scoring,
                    bias: normalize.then_some(bias),
                    groups: 4,
                    groups_used: 2,
                    group_score: GroupScore::TwoBest,
                    normalize,
                    scale: 2.5,
                });
            }
        }
        rules
    }

    /// The weights' and the scores' part of a loss, in f64, with the ids as they were chosen.
    fn loss(logits: &[f64], rule: &Rule, ids: &[i32], d: &[f32], d_scores: &[f32]) -> f64 {
        let total: f64 = logits.iter().map(|x| x.exp()).sum();
        let score = |x: &f64| if rule.scoring == Scoring::Softmax { x.exp() / total } else { 1.0 / (1.0 + (-x).exp()) };
        let scores: Vec<f64> = logits.iter().map(score).collect();
        let sum: f64 = if rule.normalize { ids.iter().map(|id| scores[*id as usize]).sum() } else { 1.0 };
        let by_weights: f64 = ids.iter().zip(d).map(|(id, d)| *d as f64 * scores[*id as usize] / sum * rule.scale as f64).sum();
        by_weights + scores.iter().zip(d_scores).map(|(score, d)| score * *d as f64).sum::<f64>()
    }

    #[test]
    fn route_gradient_matches_its_twin_and_the_twin_the_slopes() {
        let mut rng = Rng::new(7);
        let bias: Vec<f32> = (0..EXPERTS).map(|_| rng.signed_unit()).collect();
        let rows = 1000;
        for rule in rules(&bias) {
            let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| 2.0 * rng.signed_unit()).collect() };
            let (logits, d, d_scores) = (numbers(rows * EXPERTS), numbers(rows * USED), numbers(rows * EXPERTS));
            let (mut ids, mut weights) = (vec![0; rows * USED], vec![0.0; rows * USED]);
            let mut got = [vec![f32::NAN; rows * EXPERTS], vec![f32::NAN; rows * EXPERTS]];
            unsafe {
                assert!(route(logits.as_ptr(), rows, &rule, None, ids.as_mut_ptr(), weights.as_mut_ptr()));
                let [plain, balanced] = got.each_mut().map(|got| got.as_mut_ptr());
                assert!(route_gradient(logits.as_ptr(), &rule, &ids, d.as_ptr(), core::ptr::null(), plain));
                assert!(route_gradient(logits.as_ptr(), &rule, &ids, d.as_ptr(), d_scores.as_ptr(), balanced));
                assert!(!route_gradient(logits.as_ptr(), &rule, &[3, 1, 2], d.as_ptr(), core::ptr::null(), plain));
            }
            for row in (0..rows).step_by(37) {
                let part = |x: &'_ [f32], width: usize| x[row * width..][..width].to_vec();
                let (logits, d, ids) = (part(&logits, EXPERTS), part(&d, USED), &ids[row * USED..][..USED]);
                for (got, d_scores) in got.iter().zip([vec![0.0; EXPERTS], part(&d_scores, EXPERTS)]) {
                    let twin = route_gradient_scalar(&logits, &rule, ids, &d, &d_scores);
                    assert_near(&twin, &slopes(&logits, |logits| loss(logits, &rule, ids, &d, &d_scores)), 1e-6, "twin");
                    assert_near(&part(got, EXPERTS), &wide(&twin), 5e-6, "kernel");
                }
            }
        }
    }

    #[test]
    fn scores_are_those_that_routing_weighs_with() {
        let logits = [0.5f32, -1.0, 2.0];
        let mut out = [f32::NAN; 3];
        unsafe { route_scores(logits.as_ptr(), out.as_mut_ptr(), 1, 3, Scoring::Sigmoid) };
        assert_near(&out, &logits.map(|x| 1.0 / (1.0 + (-x as f64).exp())), 1e-6, "sigmoid");
        unsafe { route_scores(logits.as_ptr(), out.as_mut_ptr(), 1, 3, Scoring::Softmax) };
        assert_near(&[out.iter().sum::<f32>()], &[1.0], 1e-6, "softmax");
    }
}
