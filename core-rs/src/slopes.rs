//! For tests of backward passes: finite differences in f64, and how near results are. Computes no gradients itself.

/// What a number moves by for a difference: its square is beyond f64's rounding of losses of size 1.
const STEP: f64 = 1e-5;

/// The slope of a loss by each of `at`: central differences.
pub(crate) fn slopes(at: &[f32], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut at: Vec<f64> = at.iter().map(|x| *x as f64).collect();
    (0..at.len())
        .map(|i| {
            let x = at[i];
            let mut with = |x: f64| {
                at[i] = x;
                loss(&at)
            };
            let slope = (with(x + STEP) - with(x - STEP)) / (2.0 * STEP);
            at[i] = x;
            slope
        })
        .collect()
}

/// The same numbers in f64.
pub(crate) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| *x as f64).collect()
}

/// The sum of products: a loss whose gradient by `y` is `d`.
pub(crate) fn weighted(d: &[f32], y: &[f64]) -> f64 {
    assert_eq!(d.len(), y.len());
    d.iter().zip(y).map(|(d, y)| *d as f64 * y).sum()
}

/// Fails where a number is further off than `tolerance` times the largest wanted one.
pub(crate) fn assert_near(got: &[f32], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let most = want.iter().fold(1e-30, |most: f64, w| most.max(w.abs()));
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((*a as f64 - b).abs() <= tolerance * most, "{what} at {i}: {a}, not {b} (largest {most})");
    }
}

/// The bits of numbers, so that NaN and signs of zero count.
pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}
