//! `route`: from a gate's logits to the experts of each row and their weights. The gate's product is `linear`'s; each row is
//! by itself. Backward: `gradient`.

pub mod gradient;

use crate::math::{exp, max, sum_exp};
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Threads take portions of about this many scores.
const PORTION: usize = 4096;
/// Added to a sum of weights before it divides them (DeepSeek-V3's published code).
const LEAST_SUM: f32 = 1e-20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// Over all experts of the row.
    Softmax,
    Sigmoid,
}

/// What ranks groups of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupScore {
    /// The best score in it (DeepSeek-V2 2405.04434, 2.2.2).
    Best,
    /// The sum of its two best, the bias added (DeepSeek-V3 2412.19437, 2.1.2).
    TwoBest,
}

/// How experts are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    pub experts: usize,
    /// Experts of a row.
    pub used: usize,
    pub scoring: Scoring,
    /// [E], added to the scores for the choice alone.
    pub bias: Option<&'a [f32]>,
    /// Equal runs of experts, of which the best `groups_used` are open to a row.
    pub groups: usize,
    pub groups_used: usize,
    pub group_score: GroupScore,
    /// Weights are divided by their sum.
    pub normalize: bool,
    /// Multiplies weights after that.
    pub scale: f32,
}

impl Rule<'_> {
    fn fits(&self) -> bool {
        let groups = 1..=self.groups;
        groups.contains(&self.groups_used)
            && self.experts.is_multiple_of(self.groups)
            && (1..=self.groups_used * (self.experts / self.groups)).contains(&self.used)
            && self.bias.is_none_or(|bias| bias.len() == self.experts)
    }

    /// Whether `forced` ids exist and ascend in each row.
    fn allows(&self, forced: &[i32]) -> bool {
        forced.chunks(self.used).all(|row| {
            row.iter().all(|&id| (0..self.experts as i32).contains(&id)) && row.windows(2).all(|two| two[0] < two[1])
        })
    }

    /// Whether a row has a best expert: NaN has no rank, and an infinite logit leaves no share to the others.
    fn ranks(&self, logits: &[f32]) -> bool {
        logits.iter().chain(self.bias.unwrap_or_default()).all(|v| v.is_finite())
    }
}

/// logits `[B, E]` -> ids i32 `[B, K]`, ascending in each row, and weights `[B, K]`: the unbiased scores of these experts.
/// `forced` ids `[B, K]` are taken instead of the best. A row of which a logit, or a number of the bias, is not finite gets
/// the first K experts and NaN weights, so that it spoils itself alone. False, with nothing written, if sizes or ids do not fit.
///
/// # Safety
/// The pointers hold these shapes; what is written overlaps nothing that is read.
pub unsafe fn route(
    logits: *const f32,
    rows: usize,
    rule: &Rule,
    forced: Option<&[i32]>,
    ids: *mut i32,
    weights: *mut f32,
) -> bool {
    let (experts, used) = (rule.experts, rule.used);
    if !rule.fits() || forced.is_some_and(|ids| !rule.allows(ids)) {
        return false;
    }
    let (logits, ids, weights) = (logits as usize, ids as usize, weights as usize);
    // Made here, since a body that threads share takes nothing from the allocator.
    let portion = 1 + PORTION / experts;
    let mut rooms: Vec<Room> = (0..rows.div_ceil(portion)).map(|_| Room::new(rule)).collect();
    let all_rooms = rooms.as_mut_ptr() as usize;
    parallel_for(rooms.len(), 1, &|portions| {
        for row in portions.start * portion..rows.min(portions.end * portion) {
            unsafe {
                let room = &mut *(all_rooms as *mut Room).add(row / portion);
                let logits = core::slice::from_raw_parts((logits as *const f32).add(row * experts), experts);
                let ids = core::slice::from_raw_parts_mut((ids as *mut i32).add(row * used), used);
                let weights = core::slice::from_raw_parts_mut((weights as *mut f32).add(row * used), used);
                if !rule.ranks(logits) {
                    ids.iter_mut().zip(0..).for_each(|(to, id)| *to = id);
                    weights.fill(f32::NAN);
                    continue;
                }
                score(logits, rule.scoring, &mut room.scores);
                match forced {
                    Some(forced) => ids.copy_from_slice(&forced[row * used..(row + 1) * used]),
                    None => choose(rule, room, ids),
                }
                weigh(rule, &room.scores, ids, weights);
            }
        }
    });
    true
}

/// What the rows of a portion share; nothing in it grows.
struct Room {
    scores: Vec<f32>,
    /// Scores with the bias, -infinity in groups that are out.
    ranked: Vec<f32>,
    best: Vec<usize>,
    groups: Vec<f32>,
}

impl Room {
    fn new(rule: &Rule) -> Self {
        Self {
            scores: vec![0.0; rule.experts],
            ranked: vec![0.0; rule.experts],
            best: Vec::with_capacity(rule.used.max(rule.groups_used)),
            groups: Vec::with_capacity(rule.groups),
        }
    }
}

fn score(logits: &[f32], scoring: Scoring, out: &mut [f32]) {
    let one = F32x4::splat(1.0);
    match scoring {
        Scoring::Sigmoid => each_lane(logits, out, |x| one / (one + exp(-x))),
        Scoring::Softmax => {
            let top = unsafe { max(logits.as_ptr(), logits.len()) };
            let total = unsafe { sum_exp(logits.as_ptr(), logits.len(), top, 1.0) };
            let (top, total) = (F32x4::splat(top), F32x4::splat(total as f32));
            each_lane(logits, out, |x| exp(x - top) / total);
        }
    }
}

#[inline(always)]
fn each_lane(from: &[f32], to: &mut [f32], of: impl Fn(F32x4) -> F32x4) {
    for (from, to) in from.chunks(4).zip(to.chunks_mut(4)) {
        let lanes = core::array::from_fn(|i| from.get(i).copied().unwrap_or(0.0));
        to.copy_from_slice(&of(F32x4::from_array(lanes)).to_array()[..to.len()]);
    }
}

fn choose(rule: &Rule, room: &mut Room, ids: &mut [i32]) {
    let Room { scores, ranked, best, groups } = room;
    match rule.bias {
        Some(bias) => ranked.iter_mut().zip(scores.iter().zip(bias)).for_each(|(to, (score, bias))| *to = score + bias),
        None => ranked.copy_from_slice(scores),
    }
    if rule.groups_used < rule.groups {
        let size = rule.experts / rule.groups;
        groups.clear();
        groups.extend(ranked.chunks(size).map(|group| rule.group_score.of(group)));
        take_best(groups, rule.groups_used, best);
        for (group, ranked) in ranked.chunks_mut(size).enumerate() {
            if !best.contains(&group) {
                ranked.fill(f32::NEG_INFINITY);
            }
        }
    }
    take_best(ranked, rule.used, best);
    best.sort_unstable();
    ids.iter_mut().zip(best).for_each(|(to, id)| *to = *id as i32);
}

impl GroupScore {
    fn of(self, group: &[f32]) -> f32 {
        let (mut best, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for &score in group {
            if score > best {
                (best, second) = (score, best);
            } else if score > second {
                second = score;
            }
        }
        if self == GroupScore::Best || group.len() == 1 { best } else { best + second }
    }
}

/// The places of the `count` largest values, largest first; of equal ones the earlier is better.
fn take_best(values: &[f32], count: usize, best: &mut Vec<usize>) {
    best.clear();
    for (i, &value) in values.iter().enumerate() {
        if best.len() == count {
            if value <= values[best[count - 1]] {
                continue;
            }
            best.pop();
        }
        best.insert(best.partition_point(|&other| values[other] >= value), i);
    }
}

fn weigh(rule: &Rule, scores: &[f32], ids: &[i32], weights: &mut [f32]) {
    weights.iter_mut().zip(ids).for_each(|(to, id)| *to = scores[*id as usize]);
    let divisor = if rule.normalize { weights.iter().sum::<f32>() + LEAST_SUM } else { 1.0 };
    weights.iter_mut().for_each(|weight| *weight = *weight / divisor * rule.scale);
}

/// The same in plain loops and f64, nothing rounded before the end; `None` where `route` gives false.
pub fn route_scalar(logits: &[f32], rule: &Rule, forced: Option<&[i32]>) -> Option<(Vec<i32>, Vec<f32>)> {
    if !rule.fits() || forced.is_some_and(|ids| !rule.allows(ids)) {
        return None;
    }
    let (mut ids, mut weights) = (Vec::new(), Vec::new());
    for (row, logits) in logits.chunks(rule.experts).enumerate() {
        if !rule.ranks(logits) {
            ids.extend(0..rule.used as i32);
            weights.extend(vec![f32::NAN; rule.used]);
            continue;
        }
        let exp = |x: &f32, shift: f64| (*x as f64 - shift).exp();
        let top = logits.iter().fold(f64::NEG_INFINITY, |top, x| top.max(*x as f64));
        let total: f64 = logits.iter().map(|x| exp(x, top)).sum();
        let score = |x: &f32| match rule.scoring {
            Scoring::Softmax => exp(x, top) / total,
            Scoring::Sigmoid => 1.0 / (1.0 + (-*x as f64).exp()),
        };
        let scores: Vec<f64> = logits.iter().map(score).collect();
        let chosen = match forced {
            Some(forced) => forced[row * rule.used..(row + 1) * rule.used].iter().map(|id| *id as usize).collect(),
            None => chosen_scalar(&scores, rule),
        };
        let sum: f64 = chosen.iter().map(|id| scores[*id]).sum();
        let divisor = if rule.normalize { sum + LEAST_SUM as f64 } else { 1.0 };
        weights.extend(chosen.iter().map(|id| (scores[*id] / divisor * rule.scale as f64) as f32));
        ids.extend(chosen.iter().map(|id| *id as i32));
    }
    Some((ids, weights))
}

fn chosen_scalar(scores: &[f64], rule: &Rule) -> Vec<usize> {
    let biased = |id: usize| scores[id] + rule.bias.map_or(0.0, |bias| bias[id] as f64);
    // Sorting is stable: the lower of equal ones stays first.
    let descending = |of: &dyn Fn(usize) -> f64, mut places: Vec<usize>| -> Vec<usize> {
        places.sort_by(|a, b| of(*b).total_cmp(&of(*a)));
        places
    };
    let size = rule.experts / rule.groups;
    let group_score = |group: usize| -> f64 {
        let best = descending(&biased, (group * size..(group + 1) * size).collect());
        let summed = if rule.group_score == GroupScore::Best { 1 } else { 2 };
        best.iter().take(summed).map(|id| biased(*id)).sum()
    };
    let groups = descending(&group_score, (0..rule.groups).collect());
    let open = groups.iter().take(rule.groups_used).flat_map(|group| group * size..(group + 1) * size);
    let mut open: Vec<usize> = open.collect();
    open.sort_unstable();
    let mut chosen = descending(&biased, open);
    chosen.truncate(rule.used);
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests;
