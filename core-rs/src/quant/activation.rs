//! Activations as int8 with one f32 scale for each 32 columns, for products with quantized weights. Rows are
//! independent and contiguous, so any row can be taken alone.
//!
//! Wide steps: hidden states have outliers, and one of them makes the scale of its group so coarse that its 31
//! neighbours lose most of their bits. Where the values above half of a group's absmax all stand in one step of 4
//! columns, that step is kept in 15 bits, `128 high + low`, and the scale follows the other 28 columns. On SmolLM2 this
//! takes a fifth of the groups and lowers the error of the logits about fivefold; products pay one more dot for such a
//! group, still exact.
//!
//! A row is a sequence of groups of 64 bytes: 32 int8 quants (a wide step's low parts, -64..=63); the scale, f32; -8
//! times the sum of the quants (wide ones whole), i32; the scale times their sum, f32; -32 times the sums of quants
//! 0-15 and 16-31, i32; the number of the wide step, or 8 for none, i32; its 4 high parts, int8; 4 bytes unused. Sums
//! correct the offsets and minima of weights and stand there in the form in which kernels use them. Columns that fill
//! up the last group are 0.

use super::planes::STEPS;
use super::GROUP;
use crate::simd::{Bytes, F32x4, I32x4};
use crate::threads::parallel_for;

/// Bytes of one group and where its parts are; all are read unaligned.
pub const GROUP_BYTES: usize = 64;
pub const SCALE_AT: usize = 32;
pub const MINUS_8_SUM_AT: usize = 36;
pub const SCALED_SUM_AT: usize = 40;
pub const MINUS_32_SUMS_AT: usize = 44;
pub const WIDE_STEP_AT: usize = 52;
pub const WIDE_HIGH_AT: usize = 56;
/// Bits of a wide step's low part.
pub const WIDE_SHIFT: u32 = 7;

/// A group whose largest magnitude is below this counts as zero: 127 / it would not be finite.
pub const SMALLEST_ABSMAX: f32 = 1e-30;
/// A wide step is at most this many times as large as int8 allows.
const WIDE_RANGE: f32 = 128.0;
/// 1.5 x 2^23: numbers next to it are 1 apart, and those above and below have the same exponent.
const ROUNDER: f32 = 12_582_912.0;
/// Rows are handed to threads in portions of about this many values.
const PORTION: usize = 8192;

/// Bytes of one row of `cols` activations.
pub fn row_bytes(cols: usize) -> usize {
    cols.div_ceil(GROUP) * GROUP_BYTES
}

/// Quantizes `x` f32 [rows, cols] to `out` (`rows * row_bytes(cols)` bytes): `q = round(x / scale)`, ties to even. A NaN or an infinity in a group makes its scale NaN or infinite, so it shows in every product.
/// # Safety
/// Both ranges are valid and do not overlap.
pub unsafe fn quantize_rows(x: *const f32, out: *mut u8, rows: usize, cols: usize) {
    let (from, to) = (x as usize, out as usize);
    parallel_for(rows, 1 + PORTION / cols.max(1), &|range| {
        for row in range {
            let x = (from as *const f32).add(row * cols);
            let out = (to as *mut u8).add(row * row_bytes(cols));
            quantize_row(x, out, cols);
        }
    });
}

/// `quantize_rows` of one row, on this thread.
/// # Safety
/// As `quantize_rows`.
pub unsafe fn quantize_row(x: *const f32, out: *mut u8, cols: usize) {
    let whole = cols / GROUP;
    for g in 0..whole {
        quantize_group(x.add(GROUP * g), out.add(GROUP_BYTES * g));
    }
    if !cols.is_multiple_of(GROUP) {
        let mut padded = [0f32; GROUP];
        let rest = x.add(GROUP * whole);
        core::ptr::copy_nonoverlapping(rest, padded.as_mut_ptr(), cols % GROUP);
        quantize_group(padded.as_ptr(), out.add(GROUP_BYTES * whole));
    }
}

#[inline(always)]
unsafe fn quantize_group(x: *const f32, out: *mut u8) {
    let values: [F32x4; STEPS] = core::array::from_fn(|i| F32x4::load(x.add(4 * i)));
    let absmax = largest(&values);
    let wide = wide_step(&values, absmax);
    let range = if wide == STEPS { absmax } else { wide_range(&values, absmax, wide) };
    let (scale, inverse) = scale_of(range);
    let inverse = F32x4::splat(inverse);
    // The sum's last place is 1, so the adder rounds to integers, ties to even.
    let rounder = F32x4::splat(ROUNDER);
    let q = values.map(|v| (v * inverse + rounder).bits() - rounder.bits());
    Bytes::from_i32([q[0], q[1], q[2], q[3]]).store(out);
    Bytes::from_i32([q[4], q[5], q[6], q[7]]).store(out.add(16));
    let sums = [(q[0] + q[1] + q[2] + q[3]).sum(), (q[4] + q[5] + q[6] + q[7]).sum()];
    // The quants of a NaN or an infinity mean nothing and may overflow; the scale tells.
    let sum = sums[0].wrapping_add(sums[1]);
    let scaled = (scale * sum as f32).to_bits() as i32;
    let [first, second] = sums.map(|sum| sum.wrapping_mul(-32));
    let tail = [scale.to_bits() as i32, sum.wrapping_mul(-8), scaled, first];
    I32x4::from_array(tail).store(out.add(SCALE_AT).cast());
    I32x4::from_array([second, wide as i32, 0, 0]).store(out.add(SCALE_AT + 16).cast());
    if wide < STEPS {
        split_wide(q[wide], out, wide);
    }
}

/// The largest magnitude; magnitudes compare as integers, NaN as the largest.
#[inline(always)]
fn largest(values: &[F32x4; STEPS]) -> f32 {
    let lanes = values[1..].iter().fold(values[0].abs().bits(), |a, v| a.max(v.abs().bits()));
    let [a, b, c, d] = lanes.to_array();
    f32::from_bits(a.max(b).max(c).max(d) as u32)
}

/// The one step that holds all values above half of `absmax`, or `STEPS` if there are several.
#[inline(always)]
fn wide_step(values: &[F32x4; STEPS], absmax: f32) -> usize {
    if !(absmax >= SMALLEST_ABSMAX && absmax.is_finite()) {
        return STEPS;
    }
    let half = F32x4::splat(0.5 * absmax);
    let steps = values.iter().enumerate().fold(0u32, |steps, (i, v)| {
        steps | u32::from(v.abs().gt(half).any()) << i
    });
    if steps.is_power_of_two() { steps.trailing_zeros() as usize } else { STEPS }
}

/// What int8 has to hold: the values beside the wide step, which itself may be 128 times as large.
#[inline(always)]
fn wide_range(values: &[F32x4; STEPS], absmax: f32, wide: usize) -> f32 {
    let mut rest = *values;
    rest[wide] = F32x4::splat(0.0);
    largest(&rest).max(absmax / WIDE_RANGE)
}

/// Writes a step's quants as low parts within -64..=63 and high parts.
#[inline(always)]
unsafe fn split_wide(q: I32x4, out: *mut u8, wide: usize) {
    let low = ((q + I32x4::splat(64)) & I32x4::splat(127)) - I32x4::splat(64);
    let high = (q - low).shr_s::<WIDE_SHIFT>();
    for (lane, (low, high)) in low.to_array().into_iter().zip(high.to_array()).enumerate() {
        *out.add(4 * wide + lane) = low as i8 as u8;
        *out.add(WIDE_HIGH_AT + lane) = high as i8 as u8;
    }
}

/// The scale of a group and what its values are multiplied with.
fn scale_of(absmax: f32) -> (f32, f32) {
    if absmax < SMALLEST_ABSMAX {
        (0.0, 0.0)
    } else {
        (absmax / 127.0, 127.0 / absmax)
    }
}

/// Scalar twin of `quantize_rows` for one row: whole quants [cols padded to 32] and scales [a group].
pub fn quantize_row_scalar(x: &[f32]) -> (Vec<i32>, Vec<f32>) {
    let mut quants = Vec::new();
    let mut scales = Vec::new();
    for group in x.chunks(GROUP) {
        let (scale, inverse) = scale_of(range_scalar(group));
        quants.extend(group.iter().map(|v| (v * inverse).round_ties_even() as i32));
        quants.resize(quants.len().next_multiple_of(GROUP), 0);
        scales.push(scale);
    }
    (quants, scales)
}

/// What int8 has to hold of a group.
fn range_scalar(group: &[f32]) -> f32 {
    let absmax = |values: &[f32]| {
        values.iter().fold(0f32, |a, &b| if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b.abs()) })
    };
    let top = absmax(group);
    let large: Vec<usize> = (0..group.len()).filter(|&i| group[i].abs() > 0.5 * top).map(|i| i / 4).collect();
    let in_one_step = !large.is_empty() && large.iter().all(|&step| step == large[0]);
    if !(in_one_step && top >= SMALLEST_ABSMAX && top.is_finite()) {
        return top;
    }
    let mut rest = group.to_vec();
    rest.iter_mut().skip(4 * large[0]).take(4).for_each(|v| *v = 0.0);
    absmax(&rest).max(top / WIDE_RANGE)
}
