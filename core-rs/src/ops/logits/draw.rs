//! Drawing one token from a row: temperature, then top-k, top-p and min-p, then one number of Philox. Keeps no state.

use super::adjust::{adjust_into, Adjustment};
use crate::math::{exp_with, find, max, ExpConstants};
use crate::rng;
use crate::simd::F32x4;

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
pub(super) struct Candidate {
    pub weight: f32,
    pub id: u32,
}

/// What drawing from a row writes to; it grows to a row's size once.
#[derive(Default)]
pub(super) struct Room {
    row: Vec<f32>,
    candidates: Vec<Candidate>,
}

impl Room {
    /// One that rows of `vocab` logits do not make grow.
    pub fn of(vocab: usize) -> Self {
        Room { row: Vec::with_capacity(vocab), candidates: Vec::with_capacity(vocab) }
    }
}

/// Draws a token id from one row; `None` if the row's largest logit is not finite.
///
/// # Safety
/// `logits` holds `vocab` numbers, at least one.
pub unsafe fn draw(logits: *const f32, vocab: usize, how: &Draw) -> Option<u32> {
    draw_from(logits, vocab, how, &mut Vec::new())
}

unsafe fn draw_from(logits: *const f32, vocab: usize, how: &Draw, candidates: &mut Vec<Candidate>) -> Option<u32> {
    let top = max(logits, vocab);
    if !top.is_finite() {
        return None;
    }
    if how.temperature == 0.0 {
        return find(logits, vocab, top).map(|i| i as u32);
    }
    let u = rng::uniform(how.key, [how.position, how.choice, 0, 0]);
    keep(candidates, logits, vocab, top, how);
    let total: f64 = candidates.iter().map(|c| c.weight as f64).sum();
    let mut left = u * total;
    for c in candidates.iter() {
        left -= c.weight as f64;
        if left < 0.0 {
            return Some(c.id);
        }
    }
    candidates.iter().rev().find(|c| c.weight > 0.0).map(|c| c.id)
}

/// Why no token can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDraw {
    /// A logit is NaN, the largest is infinite, or all are -inf.
    NotFinite,
    /// The adjustment has made all logits -inf.
    AllExcluded,
    /// The adjustment does not fit the vocabulary.
    UnknownId,
}

/// `draw` from an adjusted copy of the row.
///
/// # Safety
/// As of `draw`.
pub unsafe fn draw_adjusted(logits: *const f32, vocab: usize, adjustment: &Adjustment, how: &Draw) -> Result<u32, NoDraw> {
    draw_in(&mut Room::default(), logits, vocab, adjustment, how)
}

/// `draw_adjusted` that takes nothing from the allocator if the room is large enough.
///
/// # Safety
/// As of `draw`.
pub(super) unsafe fn draw_in(
    room: &mut Room,
    logits: *const f32,
    vocab: usize,
    adjustment: &Adjustment,
    how: &Draw,
) -> Result<u32, NoDraw> {
    if adjustment.is_empty() {
        return draw_from(logits, vocab, how, &mut room.candidates).ok_or(NoDraw::NotFinite);
    }
    if !adjustment.fits(vocab) {
        return Err(NoDraw::UnknownId);
    }
    let Room { row, candidates } = room;
    adjust_into(row, core::slice::from_raw_parts(logits, vocab), adjustment);
    let excluded = || max(row.as_ptr(), vocab) == f32::NEG_INFINITY && max(logits, vocab).is_finite();
    draw_from(row.as_ptr(), vocab, how, candidates)
        .ok_or_else(|| if excluded() { NoDraw::AllExcluded } else { NoDraw::NotFinite })
}

/// Leaves the tokens that survive truncation. In id order when nothing truncates, otherwise the most probable first.
unsafe fn keep(candidates: &mut Vec<Candidate>, logits: *const f32, vocab: usize, top: f32, how: &Draw) {
    weigh(candidates, logits, vocab, top, how.temperature);
    let k = how.top_k as usize;
    if k > 0 && k < vocab {
        keep_best(candidates, k);
    }
    if how.top_p < 1.0 {
        let total: f64 = candidates.iter().map(|c| c.weight as f64).sum();
        keep_mass(candidates, how.top_p.max(0.0) as f64 * total);
    }
    if how.min_p > 0.0 {
        candidates.retain(|c| c.weight >= how.min_p);
    }
}

/// All tokens in id order.
unsafe fn weigh(out: &mut Vec<Candidate>, logits: *const f32, vocab: usize, top: f32, temperature: f32) {
    let factor = F32x4::splat(1.0 / temperature);
    let c = ExpConstants::opaque();
    out.clear();
    out.reserve(vocab);
    for start in (0..vocab).step_by(4) {
        let n = (vocab - start).min(4);
        let mut x = [f32::NEG_INFINITY; 4];
        core::ptr::copy_nonoverlapping(logits.add(start), x.as_mut_ptr(), n);
        let w = exp_with((F32x4::from_array(x) - F32x4::splat(top)) * factor, &c).to_array();
        out.extend((0..n).map(|i| Candidate { weight: w[i], id: (start + i) as u32 }));
    }
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
pub(super) fn keep_mass(candidates: &mut Vec<Candidate>, mass: f64) {
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
