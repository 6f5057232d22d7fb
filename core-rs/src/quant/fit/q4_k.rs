//! Search for Q4_K: `x = d scale q - dmin minimum` with the least sum of squared errors. Alternates between levels and
//! the least-squares fit of what multiplies them, first for each group alone, then for the whole block.

use super::rounded_to_f16;
use crate::half::f32_to_f16;
use crate::quant::GROUP;

const GROUPS: usize = 8;
const TOP: f32 = 15.0;
/// The largest six-bit scale.
const TOP_SCALE: f32 = 63.0;
/// First guesses of a group: its range spread over `15 + step` levels.
const RANGE_STEPS: [f32; 9] = [-2.0, -1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0];
const REFITS: usize = 4;
/// Rounds of choosing the integers of all groups and refitting d and dmin.
const ROUNDS: usize = 3;

/// What a group is multiplied with: `value = scale q - minimum`, both at least 0.
#[derive(Clone, Copy, Default)]
struct Line {
    scale: f32,
    minimum: f32,
}

impl Line {
    fn level(self, x: f32) -> f32 {
        if self.scale <= 0.0 {
            return 0.0;
        }
        ((x + self.minimum) / self.scale).round_ties_even().clamp(0.0, TOP)
    }

    fn error(self, x: &[f32]) -> f32 {
        let inverse = if self.scale > 0.0 { 1.0 / self.scale } else { 0.0 };
        x.iter().fold(0.0, |sum, &x| {
            let level = ((x + self.minimum) * inverse).round_ties_even().clamp(0.0, TOP);
            let e = x - (self.scale * level - self.minimum);
            sum + e * e
        })
    }

    /// The best line for the levels that this one gives.
    fn refit(self, x: &[f32]) -> Line {
        let (mut q1, mut q2, mut x1, mut xq) = (0f32, 0f32, 0f32, 0f32);
        for &x in x {
            let q = self.level(x);
            q1 += q;
            q2 += q * q;
            x1 += x;
            xq += x * q;
        }
        let n = x.len() as f32;
        let determinant = n * q2 - q1 * q1;
        let scale = (n * xq - x1 * q1) / determinant;
        let minimum = (scale * q1 - x1) / n;
        if determinant > 0.0 && scale > 0.0 && minimum >= 0.0 {
            Line { scale, minimum }
        } else if q2 > 0.0 && xq > 0.0 {
            Line { scale: xq / q2, minimum: 0.0 }
        } else {
            self
        }
    }
}

/// The best line for one group alone.
fn fit_group(x: &[f32]) -> Line {
    let low = x.iter().fold(0f32, |a, &b| a.min(b));
    let high = x.iter().fold(low, |a, &b| a.max(b));
    if high <= low {
        return Line { scale: 0.0, minimum: -low };
    }
    let (mut best, mut least) = (Line::default(), f32::INFINITY);
    for step in RANGE_STEPS {
        let mut line = Line { scale: (high - low) / (TOP + step), minimum: -low };
        for _ in 0..REFITS {
            let error = line.error(x);
            if error < least {
                (best, least) = (line, error);
            }
            line = line.refit(x);
        }
    }
    best
}

/// The integers of all groups under the factors d and dmin.
#[derive(Clone, Copy)]
struct Choice {
    d: f32,
    dmin: f32,
    /// Scale and minimum of each group, 0..=63.
    codes: [(f32, f32); GROUPS],
    error: f32,
}

impl Choice {
    fn line(&self, g: usize) -> Line {
        let (scale, minimum) = self.codes[g];
        Line { scale: self.d * scale, minimum: self.dmin * minimum }
    }
}

/// The best integers next to where the lines are.
fn choose(x: &[f32], lines: &[Line; GROUPS], d: f32, dmin: f32) -> Choice {
    let (d, dmin) = (rounded_to_f16(d), rounded_to_f16(dmin));
    let mut choice = Choice { d, dmin, codes: [(0.0, 0.0); GROUPS], error: 0.0 };
    let code = |value: f32, factor: f32, step: f32| {
        let code = if factor > 0.0 { (value / factor).round_ties_even() } else { 0.0 };
        (code + step).clamp(0.0, TOP_SCALE)
    };
    for (g, x) in x.chunks(GROUP).enumerate() {
        let mut least = f32::INFINITY;
        for scale_step in [0.0, -1.0, 1.0] {
            for minimum_step in [0.0, -1.0, 1.0] {
                let scale = code(lines[g].scale, d, scale_step);
                let minimum = code(lines[g].minimum, dmin, minimum_step);
                let error = Line { scale: d * scale, minimum: dmin * minimum }.error(x);
                if error < least {
                    least = error;
                    choice.codes[g] = (scale, minimum);
                }
            }
        }
        choice.error += least;
    }
    choice
}

/// The best d and dmin for the integers and levels of a choice.
fn refit_factors(x: &[f32], choice: &Choice) -> Option<(f32, f32)> {
    let (mut aa, mut ab, mut bb, mut xa, mut xb) = (0f64, 0f64, 0f64, 0f64, 0f64);
    for (g, group) in x.chunks(GROUP).enumerate() {
        let (scale, minimum) = choice.codes[g];
        let line = choice.line(g);
        for &x in group {
            let (a, b) = (f64::from(scale * line.level(x)), -f64::from(minimum));
            aa += a * a;
            ab += a * b;
            bb += b * b;
            xa += f64::from(x) * a;
            xb += f64::from(x) * b;
        }
    }
    let determinant = aa * bb - ab * ab;
    let d = (xa * bb - xb * ab) / determinant;
    let dmin = (xb * aa - xa * ab) / determinant;
    if determinant > 0.0 && d > 0.0 && dmin >= 0.0 {
        return Some((d as f32, dmin as f32));
    }
    (aa > 0.0 && xa > 0.0).then(|| ((xa / aa) as f32, choice.dmin))
}

/// Quantizes 256 values.
pub fn quantize(x: &[f32], block: &mut [u8]) {
    let mut lines = [Line::default(); GROUPS];
    for (line, group) in lines.iter_mut().zip(x.chunks(GROUP)) {
        *line = fit_group(group);
    }
    let largest = |part: fn(&Line) -> f32| lines.iter().map(part).fold(0f32, f32::max) / TOP_SCALE;
    let mut choice = choose(x, &lines, largest(|l| l.scale), largest(|l| l.minimum));
    let mut best = choice;
    for _ in 0..ROUNDS {
        let Some((d, dmin)) = refit_factors(x, &choice) else { break };
        choice = choose(x, &lines, d, dmin);
        if choice.error < best.error {
            best = choice;
        }
    }
    write(x, &best, block);
}

/// The file's block (see `blocks::q4_k`).
fn write(x: &[f32], choice: &Choice, block: &mut [u8]) {
    block.fill(0);
    block[..2].copy_from_slice(&f32_to_f16(choice.d).to_le_bytes());
    block[2..4].copy_from_slice(&f32_to_f16(choice.dmin).to_le_bytes());
    for (g, group) in x.chunks(GROUP).enumerate() {
        let (scale, minimum) = (choice.codes[g].0 as u8, choice.codes[g].1 as u8);
        if g < 4 {
            block[4 + g] |= scale;
            block[8 + g] |= minimum;
        } else {
            block[8 + g] = scale & 15 | minimum << 4;
            block[g] |= scale >> 4 << 6;
            block[4 + g] |= minimum >> 4 << 6;
        }
        let line = choice.line(g);
        for (k, &x) in group.iter().enumerate() {
            block[16 + 32 * (g / 2) + k] |= (line.level(x) as u8) << (4 * (g % 2));
        }
    }
}
