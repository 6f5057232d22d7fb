//! Bias and penalties: a changed copy of a row of logits, from which a token is drawn. Never changes the row itself, so that
//! log-probabilities stay those of the raw logits.

/// What changes a row, in this order: bias is added; tokens that are repeated are damped (Keskar et al. 1909.05858, with the
/// sign as everybody has it since: a positive logit is divided by the penalty, a negative one multiplied); for each token
/// counted `presence + count * frequency` is subtracted. Ids are distinct within each list but for `bias`, which adds up.
#[derive(Clone, Copy, Default)]
pub struct Adjustment<'a> {
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
        [self.biased, self.repeated, self.counted].iter().all(|ids| ids.is_empty())
    }

    /// Whether all ids lie in a vocabulary.
    pub fn fits(&self, vocab: usize) -> bool {
        let ids = self.biased.iter().chain(self.repeated).chain(self.counted);
        self.bias.len() == self.biased.len() && self.counts.len() == self.counted.len() && ids.copied().all(|id| (id as usize) < vocab)
    }
}

/// The changed copy of a row that the adjustment fits.
pub fn adjusted(logits: &[f32], how: &Adjustment) -> Vec<f32> {
    let mut row = logits.to_vec();
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
    row
}
