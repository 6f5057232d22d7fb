//! A mask, bias and penalties: a changed copy of a row of logits, from which a token is drawn. Never changes the row itself, so that
//! log-probabilities stay those of the raw logits.

/// What changes a row, in this order: a mask adds -inf to all tokens that it does not name; bias is added; tokens that are repeated are damped (Keskar et al. 1909.05858, with the
/// sign as everybody has it since: a positive logit is divided by the penalty, a negative one multiplied); for each token
/// counted `presence + count * frequency` is subtracted. Ids are distinct within each list but for `bias`, which adds up.
#[derive(Clone, Copy, Default)]
pub struct Adjustment<'a> {
    /// `[ceil(V / 32)]`: token `id` may be drawn where bit `id % 32` of word `id / 32` is set; empty: any may.
    pub allowed: &'a [u32],
    pub biased: &'a [u32],
    /// `[biased]`; -inf excludes a token.
    pub bias: &'a [f32],
    pub repeated: &'a [u32],
    pub repeat: f32,
    pub counted: &'a [u32],
    /// `[counted]`, each at least 1.
    pub counts: &'a [u32],
    pub presence: f32,
    pub frequency: f32,
}

impl Adjustment<'_> {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        [self.allowed, self.biased, self.repeated, self.counted].iter().all(|ids| ids.is_empty())
    }

    /// Whether all ids lie in a vocabulary, and a mask is one of it.
    pub fn fits(&self, vocab: usize) -> bool {
        let ids = self.biased.iter().chain(self.repeated).chain(self.counted);
        let is_mask = self.allowed.is_empty() || self.allowed.len() == vocab.div_ceil(32);
        let are_pairs = self.bias.len() == self.biased.len() && self.counts.len() == self.counted.len();
        is_mask && are_pairs && ids.copied().all(|id| (id as usize) < vocab)
    }
}

/// The changed copy of a row that the adjustment fits.
pub fn adjusted(logits: &[f32], how: &Adjustment) -> Vec<f32> {
    let mut row = Vec::new();
    adjust_into(&mut row, logits, how);
    row
}

/// `adjusted` in the place of what `row` holds.
pub(super) fn adjust_into(row: &mut Vec<f32>, logits: &[f32], how: &Adjustment) {
    row.clear();
    row.extend_from_slice(logits);
    for (word, part) in how.allowed.iter().zip(row.chunks_mut(32)) {
        exclude(part, *word);
    }
    for (id, bias) in how.biased.iter().zip(how.bias) {
        row[*id as usize] += bias;
    }
    for id in how.repeated {
        let x = &mut row[*id as usize];
        *x = if *x > 0.0 { *x / how.repeat } else { *x * how.repeat };
    }
    for (id, count) in how.counted.iter().zip(how.counts) {
        row[*id as usize] -= how.presence + *count as f32 * how.frequency;
    }
}

/// Adds -inf where a bit is 0; added and not written, so that what is not finite still shows.
fn exclude(logits: &mut [f32], allowed: u32) {
    if allowed == u32::MAX {
        return;
    }
    for (i, x) in logits.iter_mut().enumerate() {
        *x += if allowed >> i & 1 == 1 { 0.0 } else { f32::NEG_INFINITY };
    }
}
