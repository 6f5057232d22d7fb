//! `experts`: a mixture's experts over the rows that go to each. Rows are grouped by expert, so that each expert's weights
//! are read once; the products are `linear`'s. Chooses no experts (`route`). Backward: `gradient`.
//!
//! A row's chain is its own: its int8 forms depend on it alone, products have the bits that `linear` gives one row, and its
//! experts are added in ascending order. So neither other rows, nor threads, nor waves change its bits.

mod adapter;
pub mod gradient;
mod grouping;
mod twin;

use super::elementwise::swiglu_run;
use super::linear::{linear, Linear};
use crate::dtype::Dtype;
use crate::quant::activation::{quantize_row, row_bytes};
use crate::simd::F32x4;
use crate::threads::parallel_for;
use adapter::{add_all, float_product, multiply_all};
pub use adapter::BankAdapter;
use core::ops::Range;
use grouping::Grouping;
pub use twin::{experts_scalar, StoredBank};

/// Room that a wave of several experts takes: caches hold it, and forks and joins are few beside its work.
const WAVE_BYTES: usize = 4 << 20;
/// Columns of a row that one thread combines.
const STRIP: usize = 1024;
/// Threads take portions of about this many numbers.
const PORTION: usize = 8192;
/// Experts that are added to a row at a time.
const PARTS: usize = 16;

/// Matrices of all experts, one after the other; each begins with a tile.
#[derive(Clone, Copy)]
pub struct Bank {
    pub dtype: Dtype,
    pub packed: *const u8,
}

/// One mixture over rows.
#[derive(Clone, Copy)]
pub struct Experts {
    /// Each expert's [F, C].
    pub gate: Bank,
    pub up: Bank,
    /// Each expert's [C, F].
    pub down: Bank,
    /// Of gate, up and down.
    pub adapters: [BankAdapter; 3],
    /// f32 [B, C]; read for float banks and for adapters only.
    pub x: *const f32,
    /// x as `quant::activation` rows; read for quantized banks only.
    pub act: *const u8,
    /// [B, K], ascending in each row.
    pub ids: *const i32,
    /// [B, K].
    pub weights: *const f32,
    /// `room_bytes` bytes.
    pub room: *mut u8,
    /// f32 [B, C].
    pub out: *mut f32,
    pub rows: usize,
    pub used: usize,
    pub experts: usize,
    pub width: usize,
    pub hidden: usize,
}
// The pointers are read only, apart from `room` and `out`, of which threads write disjoint parts.
unsafe impl Sync for Experts {}

impl Experts {
    /// Bytes of `room`.
    pub fn room_bytes(&self) -> usize {
        Room::new(self, self.wave_places().max(self.rows)).bytes
    }

    /// Places, pairs of a row and one of its experts, that a wave of several experts has at most.
    fn wave_places(&self) -> usize {
        let each = Room::new(self, 1).bytes.max(1);
        (WAVE_BYTES / each).min(self.rows * self.used)
    }

    fn takes_floats(&self) -> bool {
        let floats = !self.gate.dtype.is_quantized() || !self.up.dtype.is_quantized();
        floats || self.adapters[..2].iter().any(BankAdapter::is_some)
    }

    fn takes_activations(&self) -> bool {
        self.gate.dtype.is_quantized() || self.up.dtype.is_quantized()
    }
}

/// Where the intermediates of a wave are in the room: byte offsets of arrays with one row a place.
struct Room {
    /// int8 rows and f32 rows of x, gathered.
    act: usize,
    x: usize,
    /// Both f32 [places, F]; silu(gate) * up takes the gate's place.
    gate: usize,
    up: usize,
    /// int8 rows of it.
    hidden: usize,
    /// f32 [places, C].
    down: usize,
    /// Of adapters: f32 [places, r], and [places, F or C].
    low: usize,
    change: usize,
    bytes: usize,
}

impl Room {
    fn new(job: &Experts, places: usize) -> Self {
        let rank = job.adapters.iter().map(|adapter| adapter.rank).max().unwrap_or(0);
        let mut bytes = 0;
        let mut take = |row: usize| {
            let start = bytes;
            bytes += (places * row).next_multiple_of(64);
            start
        };
        Self {
            act: take(if job.takes_activations() { row_bytes(job.width) } else { 0 }),
            x: take(if job.takes_floats() { 4 * job.width } else { 0 }),
            gate: take(4 * job.hidden),
            up: take(4 * job.hidden),
            hidden: take(if job.down.dtype.is_quantized() { row_bytes(job.hidden) } else { 0 }),
            down: take(4 * job.width),
            low: take(4 * rank),
            change: take(if rank > 0 { 4 * job.width.max(job.hidden) } else { 0 }),
            bytes,
        }
    }
}

/// Runs a mixture; false, with nothing written, if ids do not ascend within 0..E in each row.
/// # Safety
/// The pointers are valid for the shapes, `out` and `room` overlap nothing, `width` and `hidden` are whole numbers of blocks.
pub unsafe fn experts(job: &Experts) -> bool {
    in_waves(job, job.wave_places())
}

/// Experts in ascending order, as many at a time as have at most `places` places together, one at least.
unsafe fn in_waves(job: &Experts, places: usize) -> bool {
    let ids = core::slice::from_raw_parts(job.ids, job.rows * job.used);
    let Some(grouping) = Grouping::new(ids, job.used, job.experts) else {
        return false;
    };
    let room = Room::new(job, places.max(job.rows));
    job.out.write_bytes(0, job.rows * job.width);
    let mut first = 0;
    while let Some(experts) = grouping.wave(first, places) {
        let wave = Wave { job, grouping: &grouping, room: &room, base: grouping.places(experts.start).start, experts };
        wave.run();
        first = wave.experts.end;
    }
    true
}

/// An expert with its places and their rows of x.
type Input = (usize, Range<usize>, *const f32);

/// Consecutive experts whose intermediates are in the room together.
struct Wave<'a> {
    job: &'a Experts,
    grouping: &'a Grouping,
    room: &'a Room,
    experts: Range<usize>,
    /// The first expert's first place.
    base: usize,
}

impl Wave<'_> {
    unsafe fn run(&self) {
        let job = self.job;
        let mut products = Vec::new();
        let mut copies = Vec::new();
        let mut inputs = Vec::new();
        for (expert, places) in self.busy_experts() {
            let (x, act) = self.inputs(places.clone(), &mut copies);
            inputs.push((expert, places.clone(), x));
            for (bank, out) in [(job.gate, self.room.gate), (job.up, self.room.up)] {
                products.push(Linear {
                    dtype: bank.dtype,
                    x,
                    act,
                    packed: bank.packed.add(expert * bank.dtype.packed_bytes(job.hidden, job.width).unwrap_or(0)),
                    bias: core::ptr::null(),
                    out: self.floats(out, places.start, job.hidden),
                    rows: places.len(),
                    cols: job.width,
                    outputs: job.hidden,
                    x_width: job.width,
                    out_width: job.hidden,
                });
            }
        }
        self.gather(&copies);
        linear(&products);
        for (adapter, out) in job.adapters.iter().zip([self.room.gate, self.room.up]) {
            self.adapt(adapter, &inputs, out, [job.hidden, job.width]);
        }
        self.activate();
        products.clear();
        inputs.clear();
        for (expert, places) in self.busy_experts() {
            let x = self.floats(self.room.gate, places.start, job.hidden).cast_const();
            inputs.push((expert, places.clone(), x));
            products.push(Linear {
                dtype: job.down.dtype,
                x,
                act: self.bytes(self.room.hidden, places.start, row_bytes(job.hidden)),
                packed: job.down.packed.add(expert * job.down.dtype.packed_bytes(job.width, job.hidden).unwrap_or(0)),
                bias: core::ptr::null(),
                out: self.floats(self.room.down, places.start, job.width),
                rows: places.len(),
                cols: job.hidden,
                outputs: job.width,
                x_width: job.hidden,
                out_width: job.width,
            });
        }
        linear(&products);
        self.adapt(&job.adapters[2], &inputs, self.room.down, [job.width, job.hidden]);
        self.combine();
    }

    /// Adds what an adapter changes of products [outputs, cols] in the array `out`.
    unsafe fn adapt(&self, adapter: &BankAdapter, inputs: &[Input], out: usize, [outputs, cols]: [usize; 2]) {
        if !adapter.is_some() {
            return;
        }
        let (rank, room) = (adapter.rank, self.room);
        let low = |places: &Range<usize>| self.floats(room.low, places.start, rank);
        let products = |of: &dyn Fn(&Input) -> Linear| linear(&inputs.iter().map(of).collect::<Vec<_>>());
        products(&|(expert, places, x)| {
            float_product(adapter.a_of(*expert, cols), *x, low(places), places.len(), [rank, cols])
        });
        let count = self.grouping.places(self.experts.end - 1).end - self.base;
        multiply_all(self.floats(room.low, self.base, rank), adapter.scale, count * rank);
        products(&|(expert, places, _)| {
            let change = self.floats(room.change, places.start, outputs);
            float_product(adapter.b_of(*expert, outputs), low(places), change, places.len(), [outputs, rank])
        });
        add_all(self.floats(room.change, self.base, outputs), self.floats(out, self.base, outputs), count * outputs);
    }

    /// The experts of the wave that have rows, and their places.
    fn busy_experts(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        self.experts.clone().map(|expert| (expert, self.grouping.places(expert))).filter(|(_, places)| !places.is_empty())
    }

    /// Where a place's row of an array in the room is; outside of the room, and never used, where the array is empty.
    fn bytes(&self, array: usize, place: usize, row: usize) -> *mut u8 {
        self.job.room.wrapping_add(array + (place - self.base) * row)
    }

    fn floats(&self, array: usize, place: usize, cols: usize) -> *mut f32 {
        self.bytes(array, place, 4 * cols).cast()
    }

    /// An expert's rows of x: where they are when they follow one another, else where `copies` will put them.
    unsafe fn inputs(&self, places: Range<usize>, copies: &mut Vec<usize>) -> (*const f32, *const u8) {
        let (job, rows) = (self.job, &self.grouping.rows[places.clone()]);
        let first = rows[0] as usize;
        if rows[rows.len() - 1] as usize - first + 1 == rows.len() {
            // A null pointer, where one form of x is not given, is moved but never read.
            return (job.x.wrapping_add(first * job.width), job.act.wrapping_add(first * row_bytes(job.width)));
        }
        copies.extend(places.clone());
        let act = self.bytes(self.room.act, places.start, row_bytes(job.width));
        (self.floats(self.room.x, places.start, job.width), act)
    }

    unsafe fn gather(&self, places: &[usize]) {
        let job = self.job;
        let act_row = row_bytes(job.width);
        parallel_for(places.len(), 1 + PORTION / job.width, &|range| {
            for &place in &places[range] {
                let row = self.grouping.rows[place] as usize;
                unsafe {
                    if job.takes_activations() {
                        let to = self.bytes(self.room.act, place, act_row);
                        job.act.add(row * act_row).copy_to_nonoverlapping(to, act_row);
                    }
                    if job.takes_floats() {
                        let to = self.floats(self.room.x, place, job.width);
                        job.x.add(row * job.width).copy_to_nonoverlapping(to, job.width);
                    }
                }
            }
        });
    }

    /// silu(gate) * up, and its int8 form where `down` takes it.
    unsafe fn activate(&self) {
        let hidden = self.job.hidden;
        let count = self.grouping.places(self.experts.end - 1).end - self.base;
        parallel_for(count, 1 + PORTION / hidden, &|range| {
            for place in range.start + self.base..range.end + self.base {
                unsafe {
                    let gate = self.floats(self.room.gate, place, hidden);
                    swiglu_run(gate, self.floats(self.room.up, place, hidden), gate, hidden);
                    if self.job.down.dtype.is_quantized() {
                        quantize_row(gate, self.bytes(self.room.hidden, place, row_bytes(hidden)), hidden);
                    }
                }
            }
        });
    }

    /// Adds the wave's part of each row to `out`, one multiply-add an expert.
    unsafe fn combine(&self) {
        let job = self.job;
        let strips = job.width.div_ceil(STRIP);
        let work = job.used * job.width.min(STRIP);
        parallel_for(job.rows * strips, 1 + PORTION / work, &|range| {
            for item in range {
                let (row, strip) = (item / strips, item % strips);
                let cols = strip * STRIP..job.width.min((strip + 1) * STRIP);
                unsafe { self.add_to_row(row, cols) };
            }
        });
    }

    /// A few experts at a time: threads share the allocator, so a body that they run takes nothing from it.
    unsafe fn add_to_row(&self, row: usize, cols: Range<usize>) {
        let job = self.job;
        let out = job.out.add(row * job.width);
        let mut parts = [(0.0, core::ptr::null()); PARTS];
        let mut count = 0;
        for slot in row * job.used..(row + 1) * job.used {
            if !self.experts.contains(&(*job.ids.add(slot) as usize)) {
                continue;
            }
            if count == PARTS {
                add_parts(&parts, out, cols.clone());
                count = 0;
            }
            let place = self.grouping.place_of[slot] as usize;
            parts[count] = (*job.weights.add(slot), self.floats(self.room.down, place, job.width).cast_const());
            count += 1;
        }
        add_parts(&parts[..count], out, cols);
    }
}

/// out += weight * part for each of `parts` in their order.
unsafe fn add_parts(parts: &[(f32, *const f32)], out: *mut f32, cols: Range<usize>) {
    let vectors = cols.start..cols.end - cols.len() % 4;
    for i in vectors.clone().step_by(4) {
        let mut sum = F32x4::load(out.add(i));
        for &(weight, part) in parts {
            sum = sum.madd(F32x4::splat(weight), F32x4::load(part.add(i)));
        }
        sum.store(out.add(i));
    }
    for i in vectors.end..cols.end {
        let mut sum = F32x4::splat(*out.add(i));
        for &(weight, part) in parts {
            sum = sum.madd(F32x4::splat(weight), F32x4::splat(*part.add(i)));
        }
        *out.add(i) = sum.to_array()[0];
    }
}

#[cfg(test)]
mod tests;
