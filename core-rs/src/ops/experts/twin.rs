//! Scalar twin of `experts`: a plain loop over rows and their experts, on the file's own bytes. Groups nothing.

use crate::dtype::Dtype;
use crate::ops::elementwise::swiglu_scalar;
use crate::quant::scalar;

/// Matrices of all experts, one after the other, as a file holds them.
#[derive(Clone, Copy)]
pub struct StoredBank<'a> {
    pub dtype: Dtype,
    pub bytes: &'a [u8],
}

impl StoredBank<'_> {
    /// x [cols] times the transpose of one expert's [outputs, cols], with the sums of the format's scalar twin.
    fn product(&self, x: &[f32], expert: usize, outputs: usize) -> Option<Vec<f32>> {
        let size = outputs * self.dtype.row_bytes(x.len())?;
        scalar::linear(self.dtype, x, self.bytes.get(expert * size..(expert + 1) * size)?, None, x.len())
    }
}

/// Gate, up and down; x [B, C], ids and weights [B, K] -> [B, C]; a row's experts are added in f64. `None` where sizes or ids
/// do not fit.
pub fn experts_scalar(
    [gate, up, down]: [StoredBank; 3],
    x: &[f32],
    ids: &[i32],
    weights: &[f32],
    used: usize,
    width: usize,
    hidden: usize,
) -> Option<Vec<f32>> {
    let mut out = Vec::new();
    for (row, (ids, weights)) in x.chunks(width).zip(ids.chunks(used).zip(weights.chunks(used))) {
        let mut sums = vec![0f64; width];
        for (&id, &weight) in ids.iter().zip(weights) {
            let id = usize::try_from(id).ok()?;
            let hidden = swiglu_scalar(&gate.product(row, id, hidden)?, &up.product(row, id, hidden)?);
            let part = down.product(&hidden, id, width)?;
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += weight as f64 * part as f64);
        }
        out.extend(sums.iter().map(|sum| *sum as f32));
    }
    Some(out)
}
