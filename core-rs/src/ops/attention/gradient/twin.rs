//! Scalar twin of attention's backward pass: plain f64 loops over whole sequences.

use super::Shape;

/// Of one sequence the gradients by q `[T, H, D]`, k `[T, Hkv, D]` and v `[T, Hkv, Dv]`; d `[T, H, Dv]`.
pub fn attend_gradient_scalar(d: &[f32], q: &[f32], k: &[f32], v: &[f32], shape: Shape) -> [Vec<f32>; 3] {
    let Shape { rows, heads, kv_heads, key_size, value_size, .. } = shape;
    let scale = shape.scale as f64;
    let mut sums = [vec![0.0f64; q.len()], vec![0.0f64; k.len()], vec![0.0f64; v.len()]];
    let dot = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum() };
    for (row, head) in (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head))) {
        let query = (row * heads + head) * key_size;
        let own = &d[(row * heads + head) * value_size..][..value_size];
        let key = |t: usize| (t * kv_heads + head * kv_heads / heads) * key_size;
        let value = |t: usize| (t * kv_heads + head * kv_heads / heads) * value_size;
        let scores: Vec<f64> = (0..=row).map(|t| dot(&q[query..][..key_size], &k[key(t)..][..key_size]) * scale).collect();
        let top = scores.iter().cloned().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
        let shares: Vec<f64> = scores.iter().map(|s| (s - top).exp() / total).collect();
        let products: Vec<f64> = (0..=row).map(|t| dot(own, &v[value(t)..][..value_size])).collect();
        let mean: f64 = shares.iter().zip(&products).map(|(p, d)| p * d).sum();
        for t in 0..=row {
            let slope = shares[t] * (products[t] - mean) * scale;
            for i in 0..key_size {
                sums[0][query + i] += slope * k[key(t) + i] as f64;
                sums[1][key(t) + i] += slope * q[query + i] as f64;
            }
            for i in 0..value_size {
                sums[2][value(t) + i] += shares[t] * own[i] as f64;
            }
        }
    }
    sums.map(|sums| sums.iter().map(|sum| *sum as f32).collect())
}
