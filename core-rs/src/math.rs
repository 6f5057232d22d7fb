//! exp on vectors and sums of exponentials over rows. Polynomial and order of adds are fixed, so results repeat everywhere.

use crate::simd::F32x4;

/// Below this exp is taken as 0: the result would be subnormal.
const EXP_MIN: f32 = -87.336_54;
/// The largest argument whose exponential is finite with room to spare.
pub const EXP_MAX: f32 = 88.376_26;
/// ln 2 in two parts; the high one has few bits, so that n times it is exact.
const LN2_HIGH: f32 = 355.0 / 512.0;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// exp(r) = 1 + r + r^2 P(r) on |r| <= ln2 / 2, highest power first: the Taylor coefficients 1/7! .. 1/2!, whose error
/// there (2e-9 relative) lies below f32's rounding.
const EXP_POLYNOMIAL: [f32; 6] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
/// Elements whose exponentials are added in f32 before the sum goes to f64.
const SUM_BLOCK: usize = 256;

/// 1.5 * 2^23: adding it rounds a small number to the nearest integer, ties to even, and leaves that in the lowest bits.
const ROUNDER: f32 = 12_582_912.0;

/// What `exp_with` needs; make it once, outside of the loop.
#[derive(Clone, Copy)]
pub struct ExpConstants {
    least: F32x4,
    log2_e: F32x4,
    rounder: F32x4,
    ln2: [F32x4; 2],
    polynomial: [F32x4; 6],
    one: F32x4,
}

impl ExpConstants {
    /// Constants that compilers do not know as such (see `opaque_splat`).
    pub fn opaque() -> Self {
        core::hint::black_box(Self::known())
    }

    #[inline(always)]
    fn known() -> Self {
        Self {
            least: F32x4::splat(EXP_MIN),
            log2_e: F32x4::splat(core::f32::consts::LOG2_E),
            rounder: F32x4::splat(ROUNDER),
            ln2: [LN2_HIGH, LN2_LOW].map(F32x4::splat),
            polynomial: EXP_POLYNOMIAL.map(F32x4::splat),
            one: F32x4::splat(1.0),
        }
    }
}

/// e^x, within 2 units in the last place; 0 below -87.3 (also for -inf), clamped above 88.3.
#[inline(always)]
pub fn exp(x: F32x4) -> F32x4 {
    exp_with(x.min(F32x4::splat(EXP_MAX)), &ExpConstants::known())
}

/// `exp` for loops, of numbers up to 88.3.
#[inline(always)]
pub fn exp_with(x: F32x4, c: &ExpConstants) -> F32x4 {
    let rounded = x * c.log2_e + c.rounder;
    let n = rounded - c.rounder;
    let r = x - n * c.ln2[0] - n * c.ln2[1];
    let mut p = c.polynomial[0];
    for factor in &c.polynomial[1..] {
        p = factor.madd(p, r);
    }
    let y = (r + c.one).madd(p, r * r);
    // The rounder's own bits leave at the top; those of 1.0 are the exponent's bias.
    let scale = F32x4::from_bits(rounded.bits().shl::<23>() + c.one.bits());
    F32x4::select(x.lt(c.least), F32x4::splat(0.0), y * scale)
}

/// e^x of one number, the same bits as the vector's lanes.
#[inline(always)]
pub fn exp1(x: f32) -> f32 {
    exp(F32x4::splat(x)).to_array()[0]
}

/// The same with the host's exponential, in f64.
pub fn exp_scalar(x: f32) -> f32 {
    if x < EXP_MIN {
        return 0.0;
    }
    (if x > EXP_MAX { EXP_MAX } else { x } as f64).exp() as f32
}

/// The largest of `n` numbers; NaN if one is NaN, -inf for none.
///
/// # Safety
/// `x` points to `n` readable numbers.
pub unsafe fn max(x: *const f32, n: usize) -> f32 {
    let mut lanes = F32x4::splat(f32::NEG_INFINITY);
    for i in (0..n & !3).step_by(4) {
        lanes = lanes.max(F32x4::load(x.add(i)));
    }
    for i in n & !3..n {
        lanes = lanes.max(F32x4::splat(*x.add(i)));
    }
    lanes.max_lane()
}

/// The place of the first of `n` numbers that equals `value`.
///
/// # Safety
/// `x` points to `n` readable numbers.
pub unsafe fn find(x: *const f32, n: usize, value: f32) -> Option<usize> {
    let wanted = F32x4::splat(value);
    let start = (0..n & !3).step_by(4).find(|&i| F32x4::load(x.add(i)).eq(wanted).any());
    (start.unwrap_or(n & !3)..n).find(|&i| *x.add(i) == value)
}

/// The sum of e^((x - shift) * factor) over `n` numbers, none above 88.3 after that: in f32 within blocks of 256, in f64
/// across them.
///
/// # Safety
/// `x` points to `n` readable numbers.
pub unsafe fn sum_exp(x: *const f32, n: usize, shift: f32, factor: f32) -> f64 {
    let (shift, factor) = (F32x4::splat(shift), F32x4::splat(factor));
    let c = ExpConstants::opaque();
    let mut total = 0.0f64;
    for start in (0..n).step_by(SUM_BLOCK) {
        let end = (start + SUM_BLOCK).min(n);
        let vectors_end = start + ((end - start) & !3);
        let mut lanes = F32x4::splat(0.0);
        for i in (start..vectors_end).step_by(4) {
            lanes = lanes + exp_with((F32x4::load(x.add(i)) - shift) * factor, &c);
        }
        let mut sum = lanes.sum();
        for i in vectors_end..end {
            sum += exp_with((F32x4::splat(*x.add(i)) - shift) * factor, &c).to_array()[0];
        }
        total += sum as f64;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut x = -87.0f32;
        while x < 88.0 {
            let (got, want) = (exp1(x) as f64, exp_scalar(x) as f64);
            assert!((got - want).abs() <= 2.4e-7 * want, "exp({x}) = {got}, not {want}");
            x += 0.0137;
        }
        assert_eq!(exp1(0.0), 1.0);
    }

    #[test]
    fn find_gives_the_first_place_of_any() {
        let x: Vec<f32> = (0..11).map(|i| (i % 7) as f32).collect();
        for n in 0..=x.len() {
            for value in [0.0, 3.0, 4.0, 6.0, 9.0] {
                let want = x[..n].iter().position(|&x| x == value);
                assert_eq!(unsafe { find(x.as_ptr(), n, value) }, want, "{value} of {n}");
            }
        }
    }

    #[test]
    fn exp_equals_its_twin_at_the_ends() {
        for x in [f32::NEG_INFINITY, -1e30, -88.0, -87.34] {
            assert_eq!((exp1(x), exp_scalar(x)), (0.0, 0.0));
        }
        for x in [88.376_26, 89.0, 1e30, f32::INFINITY] {
            assert_eq!(exp1(x), exp1(88.376_26));
            assert!((exp1(x) / exp_scalar(x) - 1.0).abs() <= 2.4e-7 && exp1(x) > 2.4e38, "{x}");
        }
        assert!(exp1(f32::NAN).is_nan() && exp_scalar(f32::NAN).is_nan());
    }

    #[test]
    fn sum_exp_matches_f64() {
        let x: Vec<f32> = (0..1003).map(|i| ((i * 37) % 101) as f32 * 0.1 - 5.0).collect();
        let top = unsafe { max(x.as_ptr(), x.len()) };
        let want: f64 = x.iter().map(|v| ((*v as f64 - top as f64) * 0.7).exp()).sum();
        let got = unsafe { sum_exp(x.as_ptr(), x.len(), top, 0.7) };
        assert!((got - want).abs() < 1e-6 * want);
    }
}
