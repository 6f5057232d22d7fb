//! Scalar twins over the file's own bytes: plain loops that the vector kernels and the packed layout are tested against.

use super::activation::quantize_row_scalar;
use super::float::FloatFormat;
use super::{with_block_format, with_float_format, BlockFormat, GROUP};
use crate::dtype::Dtype;

/// The values of one row of a tensor; `bytes` and `to` are one row long.
pub fn dequantize_row(dtype: Dtype, bytes: &[u8], to: &mut [f32]) {
    with_block_format!(dtype, F => {
        for (block, out) in bytes.chunks_exact(F::BYTES).zip(to.chunks_exact_mut(F::COLS)) {
            F::dequantize(block, out);
        }
    });
    with_float_format!(dtype, F => {
        for (number, out) in bytes.chunks_exact(F::BYTES).zip(to.iter_mut()) {
            *out = unsafe { F::read(number.as_ptr()) };
        }
    });
}

/// `x [rows, cols]` times the transpose of `weights` (rows of the file, [outputs, cols]) plus `bias` [outputs] if any:
/// the sums of `ops::linear` in the same order, each multiplication and addition rounded.
pub fn linear(
    dtype: Dtype,
    x: &[f32],
    weights: &[u8],
    bias: Option<&[f32]>,
    cols: usize,
) -> Option<Vec<f32>> {
    let row_bytes = dtype.row_bytes(cols)?;
    let mut out = Vec::new();
    for row in x.chunks_exact(cols) {
        let (quants, scales) = quantize_row_scalar(row);
        for (n, weight) in weights.chunks_exact(row_bytes).enumerate() {
            let blocks = with_block_format!(dtype, F => {
                let mut sum = 0f32;
                for (i, block) in weight.chunks_exact(F::BYTES).enumerate() {
                    let columns = i * F::COLS..(i + 1) * F::COLS;
                    let groups = columns.start / GROUP..columns.end / GROUP;
                    sum = F::accumulate_scalar(sum, block, &quants[columns], &scales[groups]);
                }
                sum
            });
            let floats = with_float_format!(dtype, F => {
                row.iter().zip(weight.chunks_exact(F::BYTES)).fold(0f32, |sum, (x, w)| {
                    sum + x * unsafe { F::read(w.as_ptr()) }
                })
            });
            let sum = blocks.or(floats)?;
            out.push(bias.map_or(sum, |bias| sum + bias[n]));
        }
    }
    Some(out)
}
