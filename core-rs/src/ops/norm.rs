//! RMSNorm (Zhang & Sennrich, 1910.07467, equation 4) and its scalar twin. No mean is taken out and no bias is added.

use crate::simd::F32x4;
use crate::threads::parallel_for;

/// x `[B, C]`, gain `[C]` -> out `[B, C]`: x / sqrt(mean(x^2) + epsilon) * gain, each row by itself.
///
/// # Safety
/// The pointers hold the shapes above; `out` overlaps neither input.
pub unsafe fn rms_norm(x: *const f32, gain: *const f32, out: *mut f32, rows: usize, cols: usize, epsilon: f32) {
    let (x, gain, out) = (x as usize, gain as usize, out as usize);
    parallel_for(rows, (16384 / cols.max(1)).max(1), &|range| {
        for row in range {
            unsafe {
                let x = (x as *const f32).add(row * cols);
                let out = (out as *mut f32).add(row * cols);
                norm_row(x, gain as *const f32, out, cols, epsilon);
            }
        }
    });
}

unsafe fn norm_row(x: *const f32, gain: *const f32, out: *mut f32, cols: usize, epsilon: f32) {
    let scale = 1.0 / (sum_of_squares(x, cols) / cols as f32 + epsilon).sqrt();
    let vectors = cols & !3;
    for i in (0..vectors).step_by(4) {
        (F32x4::load(x.add(i)) * F32x4::splat(scale) * F32x4::load(gain.add(i))).store(out.add(i));
    }
    for i in vectors..cols {
        *out.add(i) = *x.add(i) * scale * *gain.add(i);
    }
}

/// Four chains of four lanes, joined in a fixed order.
unsafe fn sum_of_squares(x: *const f32, cols: usize) -> f32 {
    let mut lanes = [F32x4::splat(0.0); 4];
    let chunks = cols & !15;
    for i in (0..chunks).step_by(16) {
        for (j, lane) in lanes.iter_mut().enumerate() {
            let v = F32x4::load(x.add(i + 4 * j));
            *lane = lane.madd(v, v);
        }
    }
    let mut sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])).sum();
    for i in chunks..cols {
        sum += *x.add(i) * *x.add(i);
    }
    sum
}

/// The same in plain loops and f64 sums.
pub fn rms_norm_scalar(x: &[f32], gain: &[f32], epsilon: f32) -> Vec<f32> {
    let cols = gain.len();
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(cols) {
        let mean = row.iter().map(|v| *v as f64 * *v as f64).sum::<f64>() / cols as f64;
        let scale = 1.0 / (mean + epsilon as f64).sqrt();
        out.extend(row.iter().zip(gain).map(|(v, g)| (*v as f64 * scale * *g as f64) as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::quant::tests::Rng;

    #[test]
    fn rms_norm_matches_its_twin() {
        let mut rng = Rng::new(1);
        for cols in [1usize, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 577] {
            for rows in [1usize, 2, 3, 17] {
                let x: Vec<f32> = (0..rows * cols).map(|_| 3.0 * rng.signed_unit()).collect();
                let gain: Vec<f32> = (0..cols).map(|_| 1.0 + 0.5 * rng.signed_unit()).collect();
                let mut out = vec![f32::NAN; x.len()];
                unsafe { rms_norm(x.as_ptr(), gain.as_ptr(), out.as_mut_ptr(), rows, cols, 1e-5) };
                for (a, b) in out.iter().zip(rms_norm_scalar(&x, &gain, 1e-5)) {
                    assert!((a - b).abs() <= 1e-6 * b.abs(), "{rows} x {cols}: {a} {b}");
                }
            }
        }
    }
}
