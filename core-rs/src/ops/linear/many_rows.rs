//! `linear` for many rows of f32 weights: the tile of `gemm` over the packed weights as they stand. An output's chain is that
//! of few rows.

use super::{Linear, PANEL};
use crate::dtype::Dtype;
use crate::ops::gemm::{Begin, RowProduct, ROWS};
use crate::quant::TILE;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Columns that are packed at a time.
const STEPS: usize = 256;
/// Fewer rows leave much of a tile empty.
const LEAST_ROWS: usize = 2 * ROWS;
const ROOM: usize = PANEL.next_multiple_of(ROWS) * STEPS;

impl Linear {
    /// Whether `many_rows` is for so many rows of this product.
    pub(super) fn takes_many(&self, rows: usize) -> bool {
        self.dtype == Dtype::F32 && rows >= LEAST_ROWS
    }

    /// Up to a panel of rows against some outputs, which begin with a tile.
    ///
    /// # Safety
    /// As `linear`.
    #[inline(never)]
    pub(super) unsafe fn many_rows(&self, outputs: Range<usize>, rows: Range<usize>) {
        let mut room = MaybeUninit::<[f32; ROOM]>::uninit();
        for first in (0..self.cols).step_by(STEPS) {
            let product = RowProduct {
                x: self.x.add(first),
                x_row: self.x_width,
                panels: self.packed.cast::<f32>().add(first * TILE),
                panel: self.cols * TILE,
                steps: STEPS.min(self.cols - first),
                out: self.out,
                out_row: self.out_width,
                begin: if first == 0 { Begin::Zero } else { Begin::Result },
            };
            product.form(rows.clone(), outputs.clone(), room.as_mut_ptr().cast());
        }
        if !self.bias.is_null() {
            for row in rows {
                for output in outputs.clone() {
                    *self.out.add(row * self.out_width + output) += *self.bias.add(output);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::linear;
    use super::*;
    use crate::quant::tests::{packed, random_rows, Rng};

    #[test]
    fn many_rows_have_the_bits_of_each_by_itself() {
        for (rows, outputs, cols) in [(LEAST_ROWS, 8, 3), (PANEL + 13, 37, STEPS + 9), (3 * PANEL, 100, 2 * STEPS)] {
            let mut rng = Rng::new(rows as u32);
            let tiles = packed(Dtype::F32, &random_rows(&mut rng, Dtype::F32, outputs, cols), outputs, cols);
            let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
            let (x, bias) = (numbers(rows * cols), numbers(outputs));
            for bias in [core::ptr::null(), bias.as_ptr()] {
                let run = |first: usize, count: usize| -> Vec<u32> {
                    let mut out = vec![f32::NAN; count * outputs];
                    let job = Linear {
                        dtype: Dtype::F32,
                        x: x[first * cols..].as_ptr(),
                        act: core::ptr::null(),
                        packed: tiles.as_ptr(),
                        bias,
                        out: out.as_mut_ptr(),
                        rows: count,
                        cols,
                        outputs,
                        x_width: cols,
                        out_width: outputs,
                    };
                    unsafe { linear(&[job]) };
                    out.into_iter().map(f32::to_bits).collect()
                };
                let apart: Vec<u32> = (0..rows).flat_map(|row| run(row, 1)).collect();
                assert_eq!(run(0, rows), apart, "{rows} x {outputs} x {cols}");
            }
        }
    }
}
