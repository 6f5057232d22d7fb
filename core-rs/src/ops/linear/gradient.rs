//! The backward passes of `linear` in f32: d x = d W, weights of any format dequantized block by block, and d W += d^T x into
//! the packed arrangement. An output's chain goes on in the order of outputs or rows, whatever the calls and threads.

use crate::dtype::Dtype;
use crate::ops::embed::unpack_columns;
use crate::ops::gemm::{add_part, pack_cols, room, turn, Begin, RowProduct, COLS, ROWS};
use crate::quant::TILE;
use crate::simd::F32x4;
use crate::threads::{parallel_for, thread_count};
use core::mem::MaybeUninit;
use core::ops::Range;

/// Steps of a chain that are packed at a time.
const STEPS: usize = 256;
const LEAST_STEPS: usize = 32;
/// Numbers of the operand that all threads share for these steps: caches hold them.
const SHARED: usize = 1 << 18;
/// Rows of d that a thread packs and takes past the shared weights.
const STRIP_ROWS: usize = 4 * ROWS;
/// Columns of a result that a thread takes: few where rows are few, so that all threads have some.
const STRIP_COLS: [usize; 2] = [16 * COLS, 128 * COLS];
/// The same where outputs are few, as adapters' are.
const PART_COLS: usize = 16 * ROWS;
/// Strips, or tiles of outputs, of a thread from which on its columns are many.
const MANY_STRIPS: usize = 4;
/// Threads take portions of at least about this many numbers where they only move them.
const PORTION: usize = 8192;
/// Columns that are dequantized at a time: whole blocks of every format.
const STRETCH: usize = 256;

/// Steps at a time, whole tiles, so that `width` columns of them are few enough to share.
fn steps_at_once(width: usize) -> usize {
    (SHARED / width.max(1)).clamp(LEAST_STEPS, STEPS) / TILE * TILE
}

/// out [rows, cols] = d [rows, outputs] times weights [outputs, cols].
#[derive(Clone, Copy)]
pub struct InputGradient {
    pub dtype: Dtype,
    /// Packed weights.
    pub packed: *const u8,
    /// f32 [rows, outputs].
    pub d: *const f32,
    /// f32 [rows, cols].
    pub out: *mut f32,
    pub rows: usize,
    pub cols: usize,
    pub outputs: usize,
    /// Numbers of a whole row of `d` and of `out`: `outputs` and `cols`, or more where these are a part of it.
    pub d_width: usize,
    pub out_width: usize,
    /// The chains go on from what `out` holds; else they begin with zeros.
    pub adds: bool,
}
// The pointers are read only, apart from `out`, of which threads write disjoint parts.
unsafe impl Sync for InputGradient {}

/// Runs the product; a chain goes through the outputs in ascending order.
///
/// # Safety
/// The pointers are valid for the shapes, `out` overlaps nothing, `cols` is a whole number of blocks.
pub unsafe fn input_gradient(job: &InputGradient) {
    if job.rows == 0 || job.cols == 0 {
        return;
    }
    if job.outputs == 0 && !job.adds {
        for row in 0..job.rows {
            job.out.add(row * job.out_width).write_bytes(0, job.cols);
        }
    }
    let at_once = steps_at_once(job.cols);
    let panels = job.cols.div_ceil(COLS);
    let mut weights = room(panels * COLS * at_once);
    let weights = weights.as_mut_ptr() as usize;
    for first in (0..job.outputs).step_by(at_once) {
        let outputs = first..job.outputs.min(first + at_once);
        parallel_for(outputs.len().div_ceil(TILE), 1 + PORTION / (TILE * job.cols), &|tiles| {
            for own in tiles.map(|tile| first + tile * TILE) {
                unsafe { job.spread(&outputs, own..outputs.end.min(own + TILE), weights as *mut f32) };
            }
        });
        let strips = job.rows.div_ceil(STRIP_ROWS);
        let width = STRIP_COLS[usize::from(strips >= MANY_STRIPS * thread_count())];
        let parts = job.cols.div_ceil(width);
        parallel_for(strips * parts, 1, &|items| {
            for item in items {
                let rows = item / parts * STRIP_ROWS..job.rows.min((item / parts + 1) * STRIP_ROWS);
                let part = item % parts;
                let cols = part * width..job.cols.min((part + 1) * width);
                unsafe { job.strip(rows, cols, &outputs, weights as *const f32) };
            }
        });
    }
}

impl InputGradient {
    /// Writes the weights of `own` of these outputs, one tile, as panels `[cols / COLS][outputs][COLS]`.
    unsafe fn spread(&self, outputs: &Range<usize>, own: Range<usize>, to: *mut f32) {
        let mut stretch = MaybeUninit::<[[f32; STRETCH]; TILE]>::uninit();
        let values = stretch.as_mut_ptr().cast::<f32>();
        let to = to.add((own.start - outputs.start) * COLS);
        let whole = self.spread_whole(outputs.len(), &own, to);
        for start in (whole..self.cols).step_by(STRETCH) {
            let cols = start..self.cols.min(start + STRETCH);
            for output in own.clone() {
                let to = values.add((output - own.start) * STRETCH);
                unpack_columns(self.dtype, self.packed, output, self.cols, cols.clone(), to);
            }
            for col in cols.clone().step_by(COLS) {
                let to = to.add(col / COLS * outputs.len() * COLS);
                pack_cols::<COLS>(values.add(col - start), STRETCH, cols.end - col, own.len(), to);
            }
        }
    }

    /// The same for whole tiles of f32 weights, which are only turned; gives the columns that are done.
    unsafe fn spread_whole(&self, steps: usize, own: &Range<usize>, to: *mut f32) -> usize {
        if self.dtype != Dtype::F32 || own.len() < TILE {
            return 0;
        }
        let whole = self.cols / COLS * COLS;
        for col in (0..whole).step_by(COLS) {
            let from = self.packed.cast::<f32>().add(own.start * self.cols + col * TILE);
            let to = to.add(col * steps);
            for (output, col) in [(0, 0), (0, 4), (4, 0), (4, 4)] {
                let columns = core::array::from_fn(|i| F32x4::load(from.add((col + i) * TILE + output)));
                for (i, row) in turn(columns).into_iter().enumerate() {
                    row.store(to.add((output + i) * COLS + col));
                }
            }
        }
        whole
    }

    /// Adds these outputs' part of the sums for some rows and columns.
    unsafe fn strip(&self, rows: Range<usize>, cols: Range<usize>, outputs: &Range<usize>, weights: *const f32) {
        let mut room = MaybeUninit::<[f32; STRIP_ROWS * STEPS]>::uninit();
        let steps = outputs.len();
        let product = RowProduct {
            x: self.d.add(outputs.start),
            x_row: self.d_width,
            panels: weights,
            panel: steps * COLS,
            steps,
            out: self.out,
            out_row: self.out_width,
            begin: if outputs.start > 0 || self.adds { Begin::Result } else { Begin::Zero },
        };
        product.form(rows, cols, room.as_mut_ptr().cast());
    }
}

/// into += transpose of d [rows, outputs] times x [rows, cols].
#[derive(Clone, Copy)]
pub struct WeightGradient {
    /// f32 [rows, outputs].
    pub d: *const f32,
    /// f32 [rows, cols].
    pub x: *const f32,
    /// f32 [outputs, cols] packed as weights are.
    pub into: *mut f32,
    pub rows: usize,
    pub cols: usize,
    pub outputs: usize,
    /// Numbers of a whole row of `d` and of `x`.
    pub d_width: usize,
    pub x_width: usize,
}
// The pointers are read only, apart from `into`, of which threads write disjoint parts.
unsafe impl Sync for WeightGradient {}

/// Adds the product; a chain goes on through the rows in ascending order.
///
/// # Safety
/// The pointers are valid for the shapes and `into` overlaps nothing.
pub unsafe fn weight_gradient(job: &WeightGradient) {
    if job.cols == 0 {
        return;
    }
    let at_once = steps_at_once(job.cols);
    let panels = job.cols.div_ceil(ROWS);
    let mut inputs = room(panels * ROWS * at_once);
    let inputs = inputs.as_mut_ptr() as usize;
    for first in (0..job.rows).step_by(at_once) {
        let rows = first..job.rows.min(first + at_once);
        let steps = rows.len();
        parallel_for(panels, 1 + PORTION / (ROWS * steps), &|panels| {
            for col in panels.map(|panel| panel * ROWS) {
                unsafe {
                    let x = job.x.add(first * job.x_width + col);
                    let to = (inputs as *mut f32).add(col * steps);
                    pack_cols::<ROWS>(x, job.x_width, job.cols - col, steps, to);
                }
            }
        });
        let tiles = job.outputs.div_ceil(TILE);
        let width = if tiles < MANY_STRIPS * thread_count() { PART_COLS } else { panels * ROWS };
        let parts = job.cols.div_ceil(width);
        // About 32k multiply-adds are worth handing over.
        let grain = 1 + (1 << 15) / (TILE * width * steps);
        parallel_for(tiles * parts, grain, &|items| {
            for item in items {
                let part = item % parts;
                let cols = part * width..job.cols.min((part + 1) * width);
                unsafe { job.tile(item / parts, cols, rows.clone(), inputs as *const f32) };
            }
        });
    }
}

impl WeightGradient {
    /// Adds these rows' part of the sums of 8 outputs and some columns.
    unsafe fn tile(&self, tile: usize, cols: Range<usize>, rows: Range<usize>, inputs: *const f32) {
        let mut panel = MaybeUninit::<[f32; COLS * STEPS]>::uninit();
        let panel = panel.as_mut_ptr().cast::<f32>();
        let (first, steps) = (tile * TILE, rows.len());
        let d = self.d.add(rows.start * self.d_width + first);
        pack_cols::<COLS>(d, self.d_width, self.outputs - first, steps, panel);
        for col in cols.step_by(ROWS) {
            let out = self.into.add(first * self.cols + col * TILE);
            let size = [ROWS.min(self.cols - col), COLS];
            add_part(inputs.add(col * steps), panel, steps, out, TILE, size, Begin::Result);
        }
    }
}

/// The same in plain f64 loops: d `[rows, outputs]` times weights `[outputs, cols]`.
pub fn input_gradient_scalar(d: &[f32], weights: &[f32], cols: usize) -> Vec<f32> {
    let outputs = weights.len() / cols;
    let of = |row: &[f32], col: usize| (0..outputs).map(|n| row[n] as f64 * weights[n * cols + col] as f64).sum::<f64>();
    d.chunks(outputs).flat_map(|row| (0..cols).map(move |col| of(row, col) as f32)).collect()
}

/// The same in plain f64 loops: the transpose of d `[rows, outputs]` times x `[rows, cols]`, row-major.
pub fn weight_gradient_scalar(d: &[f32], x: &[f32], outputs: usize, cols: usize) -> Vec<f32> {
    let of = |n: usize, col: usize| -> f64 {
        d.chunks(outputs).zip(x.chunks(cols)).map(|(d, x)| d[n] as f64 * x[col] as f64).sum()
    };
    (0..outputs).flat_map(|n| (0..cols).map(move |col| of(n, col) as f32)).collect()
}

#[cfg(test)]
mod tests;
