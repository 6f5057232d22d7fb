//! Log-probabilities of tokens under one row of logits or many. Draws nothing.

use crate::math::{max, sum_exp};
use crate::threads::parallel_for;

/// log-softmax(logits / temperature) of one row: the only definition of a token's log-probability.
pub(super) struct LogSoftmax {
    pub top: f32,
    pub factor: f32,
    pub total: f64,
    pub log_total: f64,
}

impl LogSoftmax {
    /// # Safety
    /// `logits` holds `vocab` numbers.
    pub unsafe fn of(logits: *const f32, vocab: usize, temperature: f32) -> Self {
        let (top, factor) = (max(logits, vocab), 1.0 / temperature);
        let total = sum_exp(logits, vocab, top, factor);
        LogSoftmax { top, factor, total, log_total: total.ln() }
    }

    fn at(&self, logit: f32) -> f32 {
        (((logit - self.top) * self.factor) as f64 - self.log_total) as f32
    }
}

/// log-softmax(logits / temperature) at one id.
///
/// # Safety
/// `logits` holds `vocab` numbers and `id < vocab`.
pub unsafe fn token_logprob(logits: *const f32, vocab: usize, id: usize, temperature: f32) -> f32 {
    LogSoftmax::of(logits, vocab, temperature).at(*logits.add(id))
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

/// log-softmax of one row at `id`, and the `count` most probable tokens with theirs, best first, the lower id first among
/// equals.
///
/// # Safety
/// `logits` holds `vocab` numbers and `id < vocab`.
pub unsafe fn best_logprobs(logits: *const f32, vocab: usize, id: usize, count: usize) -> (f32, Vec<(u32, f32)>) {
    let softmax = LogSoftmax::of(logits, vocab, 1.0);
    let mut best = best_logits(core::slice::from_raw_parts(logits, vocab), count);
    for (_, value) in &mut best {
        *value = softmax.at(*value);
    }
    (softmax.at(*logits.add(id)), best)
}

/// The `count` largest with their places, in one pass: where `count` is small few numbers are ever inserted.
fn best_logits(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    if count == 0 {
        return Vec::new();
    }
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count.min(logits.len()) + 1);
    let mut least = f32::INFINITY;
    for (id, x) in logits.iter().enumerate() {
        if best.len() < count || *x > least {
            best.insert(best.partition_point(|(_, other)| other >= x), (id as u32, *x));
            best.truncate(count);
            least = best[best.len() - 1].1;
        }
    }
    best
}
