//! Search for Q6_K: `x = d scale (q - 32)` with the least sum of squared errors. Alternates between levels and the
//! least-squares fit of what multiplies them, first for each 16 columns alone, then for the whole block.

use super::rounded_to_f16;
use crate::half::f32_to_f16;

const SUB: usize = 16;
const SUBS: usize = 16;
/// First guesses: the largest value is this many steps from 0; both signs, for -32 is a level and 32 is not.
const LARGEST_LEVELS: [f32; 7] = [-33.0, -32.5, -32.0, -31.0, 30.5, 31.0, 31.5];
const REFITS: usize = 3;
/// What the largest scale becomes, and rounds of choosing scales and refitting d.
const TOP_SCALES: [f32; 2] = [-128.0, 127.0];
const ROUNDS: usize = 2;

fn level(x: f32, inverse: f32) -> f32 {
    (x * inverse).round_ties_even().clamp(-32.0, 31.0)
}

fn inverse_of(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

fn error_of(x: &[f32], scale: f32) -> f32 {
    let inverse = inverse_of(scale);
    x.iter().fold(0.0, |sum, &x| {
        let e = x - scale * level(x, inverse);
        sum + e * e
    })
}

/// The best scale for 16 values alone.
fn fit_sub(x: &[f32]) -> f32 {
    let extreme = x.iter().fold(0f32, |a, &b| if b.abs() > a.abs() { b } else { a });
    let (mut best, mut least) = (0.0, f32::INFINITY);
    for top in LARGEST_LEVELS {
        let mut scale = extreme / top;
        for _ in 0..REFITS {
            let error = error_of(x, scale);
            if error < least {
                (best, least) = (scale, error);
            }
            let inverse = inverse_of(scale);
            let (mut xq, mut qq) = (0f32, 0f32);
            for &x in x {
                let q = level(x, inverse);
                xq += x * q;
                qq += q * q;
            }
            if qq > 0.0 {
                scale = xq / qq;
            }
        }
    }
    best
}

#[derive(Clone, Copy)]
struct Choice {
    d: f32,
    codes: [f32; SUBS],
    error: f32,
}

/// The best integers next to the scales.
fn choose(x: &[f32], scales: &[f32; SUBS], d: f32) -> Choice {
    let d = rounded_to_f16(d);
    let inverse = inverse_of(d);
    let mut choice = Choice { d, codes: [0.0; SUBS], error: 0.0 };
    for (j, x) in x.chunks(SUB).enumerate() {
        let mut least = f32::INFINITY;
        for step in [0.0, -1.0, 1.0] {
            let code = ((scales[j] * inverse).round_ties_even() + step).clamp(-128.0, 127.0);
            let error = error_of(x, d * code);
            if error < least {
                least = error;
                choice.codes[j] = code;
            }
        }
        choice.error += least;
    }
    choice
}

/// The best d for the integers and levels of a choice.
fn refit_factor(x: &[f32], choice: &Choice) -> Option<f32> {
    let (mut xa, mut aa) = (0f64, 0f64);
    for (j, sub) in x.chunks(SUB).enumerate() {
        let inverse = inverse_of(choice.d * choice.codes[j]);
        for &x in sub {
            let a = f64::from(choice.codes[j] * level(x, inverse));
            xa += f64::from(x) * a;
            aa += a * a;
        }
    }
    (aa > 0.0).then(|| (xa / aa) as f32)
}

/// Quantizes 256 values.
pub fn quantize(x: &[f32], block: &mut [u8]) {
    let mut scales = [0f32; SUBS];
    for (scale, sub) in scales.iter_mut().zip(x.chunks(SUB)) {
        *scale = fit_sub(sub);
    }
    let largest = scales.iter().fold(0f32, |a, &b| if b.abs() > a.abs() { b } else { a });
    let mut best: Option<Choice> = None;
    for top in TOP_SCALES {
        let mut choice = choose(x, &scales, largest / top);
        for round in 0..=ROUNDS {
            if best.is_none_or(|best| choice.error < best.error) {
                best = Some(choice);
            }
            let Some(d) = refit_factor(x, &choice).filter(|_| round < ROUNDS) else { break };
            choice = choose(x, &scales, d);
        }
    }
    if let Some(best) = best {
        write(x, &best, block);
    }
}

/// The file's block (see `blocks::q6_k`).
fn write(x: &[f32], choice: &Choice, block: &mut [u8]) {
    block.fill(0);
    block[208..210].copy_from_slice(&f32_to_f16(choice.d).to_le_bytes());
    for (j, &code) in choice.codes.iter().enumerate() {
        block[192 + j] = code as i8 as u8;
    }
    for (k, &x) in x.iter().enumerate() {
        let inverse = inverse_of(choice.d * choice.codes[k / SUB]);
        let q = (level(x, inverse) + 32.0) as u8;
        let (half, quarter, l) = (k / 128, k % 128 / 32, k % 32);
        block[64 * half + 32 * (quarter & 1) + l] |= (q & 15) << (4 * (quarter >> 1));
        block[128 + 32 * half + l] |= q >> 4 << (2 * quarter);
    }
}
