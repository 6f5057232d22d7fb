//! Backward of `experts` in f32, expert by expert in ascending order and within one in portions of rows: gate and up are formed
//! again with the forward's products, weights of any format are dequantized for the others (straight through).
//!
//! Adapters are f32 and have gradients of their own.
//!
//! Chains: a row's gradient by x adds its experts in ascending order, gate before up before their adapters; gradients of weights go on through the
//! rows in ascending order. So neither threads nor portions change bits.

use super::adapter::{add_all, float_product, multiply_all, packed_numbers, BankAdapter};
use super::grouping::Grouping;
use super::Bank;
use crate::ops::elementwise::{swiglu_gradient_run, swiglu_run};
use crate::ops::linear::gradient::{input_gradient, weight_gradient, InputGradient, WeightGradient};
use crate::ops::linear::{linear, Linear};
use crate::dtype::Dtype;
use crate::quant::activation::{quantize_rows, row_bytes};
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Rows of an expert that go together.
const PORTION: usize = 256;
/// Threads take portions of about this many numbers.
const GRAIN: usize = 8192;

/// One mixture's backward pass.
#[derive(Clone, Copy)]
pub struct ExpertsGradient {
    /// Each expert's [F, C], [F, C] and [C, F].
    pub gate: Bank,
    pub up: Bank,
    pub down: Bank,
    /// Of gate, up and down.
    pub adapters: [BankAdapter; 3],
    /// f32 [B, C]: the gradient by the result.
    pub d: *const f32,
    /// f32 [B, C].
    pub x: *const f32,
    /// [B, K], ascending in each row.
    pub ids: *const i32,
    /// [B, K].
    pub weights: *const f32,
    /// f32 [B, C].
    pub d_x: *mut f32,
    /// f32 [B, K].
    pub d_weights: *mut f32,
    /// Gate's, up's and down's gradients, packed f32 as the bank, to add to; null where not wanted.
    pub into: [*mut f32; 3],
    /// The same of A and B of their adapters.
    pub adapters_into: [[*mut f32; 2]; 3],
    /// `room_bytes` bytes.
    pub room: *mut u8,
    pub rows: usize,
    pub used: usize,
    pub experts: usize,
    pub width: usize,
    pub hidden: usize,
}
// The pointers are read only, apart from outputs and room, of which threads write disjoint parts.
unsafe impl Sync for ExpertsGradient {}

/// Bytes of room for some rows; `ranks` are those of the adapters.
pub fn room_bytes(rows: usize, width: usize, hidden: usize, ranks: [usize; 3]) -> usize {
    let rows = rows.min(PORTION);
    let low = ranks.iter().sum::<usize>() + ranks.iter().max().unwrap_or(&0);
    4 * rows * (3 * width + 4 * hidden + low + width.max(hidden)) + rows * row_bytes(width)
}

/// Some rows of one expert, and where what belongs to them stands in the room, row after row.
struct Portion<'a> {
    job: &'a ExpertsGradient,
    expert: usize,
    /// Rows and places `row * K + k` of the batch.
    rows: &'a [u32],
    slots: &'a [u32],
    x: *mut f32,
    d: *mut f32,
    d_x: *mut f32,
    gate: *mut f32,
    up: *mut f32,
    /// d times down's weights.
    back: *mut f32,
    /// silu(gate) * up.
    hidden: *mut f32,
    /// Of each adapter scale A x, what B makes of one, and the gradient by one.
    low: [*mut f32; 3],
    change: *mut f32,
    d_low: *mut f32,
    act: *mut u8,
}
unsafe impl Sync for Portion<'_> {}

/// Runs the backward pass; false, with nothing written, if ids do not ascend within 0..E in each row.
/// # Safety
/// The pointers are valid for the shapes, what is written overlaps nothing, `width` and `hidden` are whole numbers of blocks.
pub unsafe fn experts_gradient(job: &ExpertsGradient) -> bool {
    let ids = core::slice::from_raw_parts(job.ids, job.rows * job.used);
    let Some(grouping) = Grouping::new(ids, job.used, job.experts) else {
        return false;
    };
    let mut slots = vec![0u32; ids.len()];
    grouping.place_of.iter().zip(0..).for_each(|(place, slot)| slots[*place as usize] = slot);
    job.d_x.write_bytes(0, job.rows * job.width);
    for expert in 0..job.experts {
        let places = grouping.places(expert);
        for first in places.clone().step_by(PORTION) {
            let own = first..places.end.min(first + PORTION);
            Portion::new(job, expert, &grouping.rows[own.clone()], &slots[own]).run();
        }
    }
    true
}

impl<'a> Portion<'a> {
    fn new(job: &'a ExpertsGradient, expert: usize, rows: &'a [u32], slots: &'a [u32]) -> Self {
        let most = job.rows.min(PORTION);
        let mut next = job.room.cast::<f32>();
        let mut take = |width: usize| {
            let own = next;
            next = next.wrapping_add(most * width);
            own
        };
        let [x, d, d_x] = [(); 3].map(|_| take(job.width));
        let [gate, up, back, hidden] = [(); 4].map(|_| take(job.hidden));
        let low = job.adapters.map(|adapter| take(adapter.rank));
        let change = take(job.width.max(job.hidden));
        let d_low = take(job.adapters.iter().map(|adapter| adapter.rank).max().unwrap_or(0));
        let act = next.cast();
        Self { job, expert, rows, slots, x, d, d_x, gate, up, back, hidden, low, change, d_low, act }
    }

    unsafe fn run(&self) {
        let job = self.job;
        self.gather();
        if job.gate.dtype.is_quantized() || job.up.dtype.is_quantized() {
            quantize_rows(self.x, self.act, self.rows.len(), job.width);
        }
        let (into, out) = ([job.hidden, job.width], [job.width, job.hidden]);
        linear(&[self.forward(job.gate, self.gate), self.forward(job.up, self.up)]);
        self.adapt(0, self.x, self.gate, into);
        self.adapt(1, self.x, self.up, into);
        input_gradient(&self.by_input(job.down, self.d, self.back, out, false));
        self.adapt_back(2, self.d, self.back, out);
        self.activate();
        self.by_weight(job.into[0], self.gate, self.x, into);
        self.by_weight(job.into[1], self.up, self.x, into);
        self.by_weight(job.into[2], self.d, self.hidden, out);
        for (bank, d) in [(job.gate, self.gate), (job.up, self.up)] {
            input_gradient(&self.by_input(bank, d, self.d_x, into, true));
        }
        for (part, d) in [self.gate, self.up].into_iter().enumerate() {
            self.adapt_back(part, d, self.d_x, into);
            self.by_adapter(part, d, self.x, into);
        }
        self.make_low(2, self.hidden, job.hidden);
        self.make_d_low(2, self.d, job.width);
        self.by_adapter(2, self.d, self.hidden, out);
        self.scatter();
    }

    /// Adds d^T x to the gradient of this expert's matrix [outputs, cols], where it is wanted.
    unsafe fn by_weight(&self, into: *mut f32, d: *mut f32, x: *mut f32, [outputs, cols]: [usize; 2]) {
        if !into.is_null() {
            // Each expert begins with a tile.
            let into = into.add(self.expert * packed_numbers(outputs, cols));
            let rows = self.rows.len();
            weight_gradient(&WeightGradient { d, x, into, rows, cols, outputs, d_width: outputs, x_width: cols });
        }
    }

    /// low = scale A x.
    unsafe fn make_low(&self, part: usize, x: *const f32, cols: usize) {
        let (adapter, rows) = (&self.job.adapters[part], self.rows.len());
        if adapter.is_some() {
            let (a, low) = (adapter.a_of(self.expert, cols), self.low[part]);
            linear(&[float_product(a, x, low, rows, [adapter.rank, cols])]);
            multiply_all(low, adapter.scale, rows * adapter.rank);
        }
    }

    /// out += B low, as the forward pass does.
    unsafe fn adapt(&self, part: usize, x: *const f32, out: *mut f32, [outputs, cols]: [usize; 2]) {
        let (adapter, rows) = (&self.job.adapters[part], self.rows.len());
        if adapter.is_some() {
            self.make_low(part, x, cols);
            let b = adapter.b_of(self.expert, outputs);
            linear(&[float_product(b, self.low[part], self.change, rows, [outputs, adapter.rank])]);
            add_all(self.change, out, rows * outputs);
        }
    }

    /// The gradient by low: scale B^T d.
    unsafe fn make_d_low(&self, part: usize, d: *const f32, outputs: usize) {
        let (adapter, rows) = (&self.job.adapters[part], self.rows.len());
        if adapter.is_some() {
            let b = adapter.b_of(self.expert, outputs);
            input_gradient(&self.by_float_input(b, d, self.d_low, [outputs, adapter.rank], false));
            multiply_all(self.d_low, adapter.scale, rows * adapter.rank);
        }
    }

    /// d_x += A^T scale B^T d.
    unsafe fn adapt_back(&self, part: usize, d: *const f32, d_x: *mut f32, [outputs, cols]: [usize; 2]) {
        let adapter = &self.job.adapters[part];
        if adapter.is_some() {
            self.make_d_low(part, d, outputs);
            let a = adapter.a_of(self.expert, cols);
            input_gradient(&self.by_float_input(a, self.d_low, d_x, [adapter.rank, cols], true));
        }
    }

    /// Adds the gradients of A and B, out of low and the gradient by it.
    unsafe fn by_adapter(&self, part: usize, d: *mut f32, x: *mut f32, [outputs, cols]: [usize; 2]) {
        let (rank, [a, b]) = (self.job.adapters[part].rank, self.job.adapters_into[part]);
        if rank > 0 {
            self.by_weight(a, self.d_low, x, [rank, cols]);
            self.by_weight(b, d, self.low[part], [outputs, rank]);
        }
    }

    /// This expert's matrix of a bank.
    unsafe fn packed(&self, bank: Bank, outputs: usize, cols: usize) -> *const u8 {
        bank.packed.add(self.expert * bank.dtype.packed_bytes(outputs, cols).unwrap_or(0))
    }

    unsafe fn forward(&self, bank: Bank, out: *mut f32) -> Linear {
        let (cols, outputs) = (self.job.width, self.job.hidden);
        Linear {
            dtype: bank.dtype,
            x: self.x,
            act: self.act,
            packed: self.packed(bank, outputs, cols),
            bias: core::ptr::null(),
            out,
            rows: self.rows.len(),
            cols,
            outputs,
            x_width: cols,
            out_width: outputs,
        }
    }

    unsafe fn by_input(&self, bank: Bank, d: *const f32, out: *mut f32, shape: [usize; 2], adds: bool) -> InputGradient {
        let packed = self.packed(bank, shape[0], shape[1]);
        InputGradient { dtype: bank.dtype, ..self.by_float_input(packed, d, out, shape, adds) }
    }

    fn by_float_input(
        &self,
        packed: *const u8,
        d: *const f32,
        out: *mut f32,
        [outputs, cols]: [usize; 2],
        adds: bool,
    ) -> InputGradient {
        InputGradient {
            dtype: Dtype::F32,
            packed,
            d,
            out,
            rows: self.rows.len(),
            cols,
            outputs,
            d_width: outputs,
            out_width: cols,
            adds,
        }
    }

    /// Calls `move_row` with the number of each row here and in the batch, on all threads.
    fn each_row(&self, move_row: &(impl Fn(usize, usize) + Sync)) {
        parallel_for(self.rows.len(), 1 + GRAIN / self.job.width, &|range| {
            for i in range {
                move_row(i, self.rows[i] as usize);
            }
        });
    }

    unsafe fn gather(&self) {
        let (job, width) = (self.job, self.job.width);
        self.each_row(&|i, row| {
            for (from, to) in [(job.x, self.x), (job.d, self.d), (job.d_x.cast_const(), self.d_x)] {
                unsafe { from.add(row * width).copy_to_nonoverlapping(to.add(i * width), width) };
            }
        });
    }

    unsafe fn scatter(&self) {
        let width = self.job.width;
        self.each_row(&|i, row| unsafe {
            self.d_x.add(i * width).copy_to_nonoverlapping(self.job.d_x.add(row * width), width);
        });
    }

    /// The gradient by each row's weight; gate and up become their gradients, d is multiplied by the weight.
    unsafe fn activate(&self) {
        let (job, hidden) = (self.job, self.job.hidden);
        self.each_row(&|i, _| unsafe {
            let [gate, up, back, own] = [self.gate, self.up, self.back, self.hidden].map(|at| at.add(i * hidden));
            let slot = self.slots[i] as usize;
            let weight = *job.weights.add(slot);
            swiglu_run(gate, up, own, hidden);
            *job.d_weights.add(slot) = dot(own, back, hidden);
            multiply(back, weight, hidden);
            swiglu_gradient_run(back, gate, up, [gate, up], hidden);
            multiply(self.d.add(i * job.width), weight, job.width);
        });
    }
}

unsafe fn dot(a: *const f32, b: *const f32, n: usize) -> f32 {
    let mut lanes = F32x4::splat(0.0);
    for i in (0..n & !3).step_by(4) {
        lanes = lanes.madd(F32x4::load(a.add(i)), F32x4::load(b.add(i)));
    }
    (n & !3..n).fold(lanes.sum(), |sum, i| sum + *a.add(i) * *b.add(i))
}

unsafe fn multiply(x: *mut f32, factor: f32, n: usize) {
    for i in 0..n {
        *x.add(i) *= factor;
    }
}

/// Of one row and one expert, in f64: gradients by x `[C]`, by the weight, and by gate `[F, C]`, up and down `[C, F]`.
pub struct ExpertSlopes {
    pub x: Vec<f64>,
    pub weight: f64,
    pub matrices: [Vec<f64>; 3],
}

/// Scalar twin: plain f64 loops over dequantized weights of one expert, for one row.
pub fn expert_gradient_scalar([gate, up, down]: [&[f32]; 3], d: &[f32], x: &[f32], weight: f32) -> ExpertSlopes {
    let (width, hidden) = (x.len(), gate.len() / x.len());
    let product = |w: &[f32], f: usize| (0..width).map(|c| w[f * width + c] as f64 * x[c] as f64).sum::<f64>();
    let mut out =
        ExpertSlopes { x: vec![0.0; width], weight: 0.0, matrices: [gate, up, down].map(|matrix| vec![0.0; matrix.len()]) };
    for f in 0..hidden {
        let (g, u) = (product(gate, f), product(up, f));
        let sigmoid = 1.0 / (1.0 + (-g).exp());
        let back: f64 = (0..width).map(|c| d[c] as f64 * down[c * hidden + f] as f64).sum();
        let own = g * sigmoid * u;
        out.weight += own * back;
        let by_up = weight as f64 * back * g * sigmoid;
        let by_gate = weight as f64 * back * u * sigmoid * (1.0 + g * (1.0 - sigmoid));
        for c in 0..width {
            out.x[c] += by_gate * gate[f * width + c] as f64 + by_up * up[f * width + c] as f64;
            out.matrices[0][f * width + c] = by_gate * x[c] as f64;
            out.matrices[1][f * width + c] = by_up * x[c] as f64;
            out.matrices[2][c * hidden + f] = weight as f64 * d[c] as f64 * own;
        }
    }
    out
}

#[cfg(test)]
mod tests;
