//! The backward pass of attention without a cache: probabilities are formed again block by block (Dao, 2307.08691, algorithm
//! 2), in f32. Each block of queries finds its sums and the gradient of q; those of k and v add up queries ascending, the heads
//! of a group one after the other, in the same pass or in one of their own: the same chains. Threads split outputs; a segment's
//! bits are its own.

mod twin;

use super::{Shape, BLOCK, MAX_HEAD};
use crate::math::{exp_with, ExpConstants};
use crate::ops::gemm::{self, Product};
use crate::simd::{F32x4, I32x4};
use crate::threads::{parallel_for, thread_count, BODY_BYTES};
use core::mem::MaybeUninit;
pub use twin::attend_gradient_scalar;

/// Vectors of a block's lanes.
const LANES: usize = BLOCK / 4;
/// Runs and KV heads a thread from which on a thread takes them whole.
const WHOLE_RUNS: usize = 4;
/// Blocks of scores that are kept for their second use.
const KEPT: usize = 4;
/// Numbers of a query that keys need: the largest score, 1 / sum of exponentials, and the sum of p dp.
pub const STATISTICS: usize = 3;

/// Rows of one sequence, all that its keys are.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Run {
    pub start: u32,
    pub length: u32,
}

impl Run {
    fn blocks(&self) -> impl Iterator<Item = Block> {
        let run = *self;
        (0..run.length as usize).step_by(BLOCK).map(move |first| Block { run, first })
    }
}

/// One layer's backward pass. Rows of v, and of its gradient, are `v_width` apart; for latents both are those of k.
#[derive(Clone, Copy)]
pub struct Gradient<'a> {
    /// [B, H, Dv].
    pub d: *const f32,
    /// [B, H, D].
    pub q: *const f32,
    /// [B, Hkv, D].
    pub k: *const f32,
    pub v: *const f32,
    pub d_q: *mut f32,
    pub d_k: *mut f32,
    /// May be `d_k`: the gradients are then added together.
    pub d_v: *mut f32,
    /// Room for [B, H, STATISTICS].
    pub statistics: *mut f32,
    pub runs: &'a [Run],
    pub v_width: usize,
    pub shape: Shape,
}
// The pointers are read only, apart from gradients and statistics, of which threads write disjoint parts.
unsafe impl Sync for Gradient<'_> {}

/// A block of a run: its first token, and how many it has.
#[derive(Clone, Copy)]
struct Block {
    run: Run,
    first: usize,
}

impl Block {
    fn tokens(&self) -> usize {
        BLOCK.min(self.run.length as usize - self.first)
    }

    /// The row of the batch.
    fn row(&self) -> usize {
        self.run.start as usize + self.first
    }

    fn at(&self, first: usize) -> Block {
        Block { first, ..*self }
    }
}

/// A block's 32 x 32 numbers.
type Square = [[f32; BLOCK]; BLOCK];

/// What a body keeps on its stack: two operands turned, scores and products.
struct Room {
    keys: [[f32; BLOCK]; MAX_HEAD],
    values: [[f32; BLOCK]; MAX_HEAD],
    scores: [Square; KEPT],
    products: [Square; KEPT],
}
const _: () = assert!(core::mem::size_of::<Room>() <= BODY_BYTES);

/// Writes the gradients of rows within runs; other rows are left as they are.
///
/// # Safety
/// The pointers hold these shapes, runs are disjoint and within the rows, heads are at most `MAX_HEAD`; outputs overlap nothing
/// but each other where said.
pub unsafe fn attend_gradient(job: &Gradient) {
    let threads = thread_count();
    if threads == 1 || job.runs.len() * job.shape.kv_heads >= WHOLE_RUNS * threads {
        in_one_pass(job);
    } else {
        in_two_passes(job);
    }
}

/// Threads share runs and KV heads: each block is formed once.
unsafe fn in_one_pass(job: &Gradient) {
    let kv_heads = job.shape.kv_heads;
    parallel_for(job.runs.len() * kv_heads, 1, &|items| {
        for item in items {
            unsafe { job.whole_run(job.runs[item / kv_heads], item % kv_heads) };
        }
    });
}

/// For few runs: threads share their blocks, which are formed for queries and again for keys.
unsafe fn in_two_passes(job: &Gradient) {
    let blocks: Vec<Block> = job.runs.iter().flat_map(Run::blocks).collect();
    let Shape { heads, kv_heads, .. } = job.shape;
    parallel_for(blocks.len() * heads, 1, &|items| {
        for item in items {
            unsafe { job.by_queries(blocks[item / heads], item % heads, false) };
        }
    });
    parallel_for(blocks.len() * kv_heads, 1, &|items| {
        for item in items {
            unsafe { job.by_keys(blocks[item / kv_heads], item % kv_heads) };
        }
    });
}

impl Gradient<'_> {
    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    /// How far apart rows of q, k and d are.
    fn widths(&self) -> [usize; 3] {
        let Shape { heads, kv_heads, key_size, value_size, .. } = self.shape;
        [heads * key_size, kv_heads * key_size, heads * value_size]
    }

    /// Where a head of a row of q and of d stands.
    unsafe fn query(&self, row: usize, head: usize) -> [*const f32; 2] {
        let Shape { heads, key_size, value_size, .. } = self.shape;
        let at = row * heads + head;
        [self.q.add(at * key_size), self.d.add(at * value_size)]
    }

    /// How far into k and into v a head of a row stands.
    fn key(&self, row: usize, kv_head: usize) -> [usize; 2] {
        let Shape { kv_heads, key_size, value_size, .. } = self.shape;
        [(row * kv_heads + kv_head) * key_size, row * self.v_width + kv_head * value_size]
    }

    /// All gradients of a run's rows by one KV head: each block is formed once.
    unsafe fn whole_run(&self, run: Run, kv_head: usize) {
        self.begin_keys(run.start as usize, run.length as usize, kv_head);
        for block in run.blocks() {
            for head in kv_head * self.group()..(kv_head + 1) * self.group() {
                self.by_queries(block, head, true);
            }
        }
    }

    /// Makes the gradients of k and v of some rows zero.
    unsafe fn begin_keys(&self, row: usize, rows: usize, kv_head: usize) {
        let Shape { key_size, value_size, .. } = self.shape;
        for row in row..row + rows {
            let [k, v] = self.key(row, kv_head);
            self.d_k.add(k).write_bytes(0, key_size);
            self.d_v.add(v).write_bytes(0, value_size);
        }
    }

    /// Sums and the gradient of q of a block of queries, and where wanted what they add to those of k and v. Keys stand in
    /// rows, queries in lanes.
    #[inline(never)]
    unsafe fn by_queries(&self, block: Block, head: usize, adds_keys: bool) {
        let Shape { heads, key_size, value_size, scale, .. } = self.shape;
        let [q_width, k_width, d_width] = self.widths();
        let mut room = MaybeUninit::<Room>::uninit();
        let room = room.as_mut_ptr();
        let (queries, row, kv_head) = (block.tokens(), block.row(), head / self.group());
        let [q, d] = self.query(row, head);
        turn(q, q_width, queries, key_size, &raw mut (*room).keys);
        turn(d, d_width, queries, value_size, &raw mut (*room).values);
        let c = ExpConstants::opaque();
        let key_blocks = block.first / BLOCK + 1;
        let slot = |i: usize| i.min(KEPT - 1);
        let square = |i: usize| [(&raw mut (*room).scores[slot(i)]).cast::<f32>(), (&raw mut (*room).products[slot(i)]).cast::<f32>()];
        let form = |i: usize| {
            let keys = block.at(i * BLOCK);
            let [k, v] = self.key(keys.row(), kv_head);
            let turned = [(&raw const (*room).keys).cast(), (&raw const (*room).values).cast()];
            let [scores, products] = square(i);
            multiply(self.k.add(k), k_width, turned[0], keys.tokens(), key_size, scores);
            multiply(self.v.add(v), self.v_width, turned[1], keys.tokens(), value_size, products);
            finish_scores(scores, keys.tokens(), scale, (keys.first == block.first).then_some(Masked::Below));
        };
        let mut sums = Sums::empty();
        for i in 0..key_blocks {
            form(i);
            let [scores, products] = square(i);
            sums.add(scores, products, block.at(i * BLOCK).tokens(), &c);
        }
        if !adds_keys {
            sums.write(self.statistics.add(STATISTICS * (row * heads + head)), STATISTICS * heads, queries);
        }
        let d_q = self.d_q.add((row * heads + head) * key_size);
        for query in 0..queries {
            d_q.add(query * q_width).write_bytes(0, key_size);
        }
        for i in 0..key_blocks {
            if i + 1 >= KEPT && key_blocks > KEPT {
                form(i);
            }
            let keys = block.at(i * BLOCK);
            let [scores, products] = square(i);
            for at in (0..keys.tokens() * BLOCK).step_by(4) {
                let [top, share, mean] = sums.lanes(at % BLOCK / 4);
                let p = exp_with(F32x4::load(scores.add(at)) - top, &c) * share;
                p.store(scores.add(at));
                (p * (F32x4::load(products.add(at)) - mean) * F32x4::splat(scale)).store(products.add(at));
            }
            let [k, v] = self.key(keys.row(), kv_head);
            add_turned(products, queries, self.k.add(k), k_width, keys.tokens(), key_size, d_q, q_width);
            if adds_keys {
                let by = |square: *const f32, b, b_step, size| {
                    Product { a: square, a_row: BLOCK, a_step: 1, b, b_step, rows: keys.tokens(), cols: size, steps: queries }
                };
                by(scores, d, d_width, value_size).add_to(self.d_v.add(v), self.v_width);
                by(products, q, q_width, key_size).add_to(self.d_k.add(k), k_width);
            }
        }
    }

    /// The gradients of k and v of a block of keys. Queries stand in rows, keys in lanes.
    #[inline(never)]
    unsafe fn by_keys(&self, block: Block, kv_head: usize) {
        let Shape { heads, key_size, value_size, scale, .. } = self.shape;
        let [q_width, k_width, d_width] = self.widths();
        let mut room = MaybeUninit::<Room>::uninit();
        let room = room.as_mut_ptr();
        let keys = block.tokens();
        let [k, v] = self.key(block.row(), kv_head);
        turn(self.k.add(k), k_width, keys, key_size, &raw mut (*room).keys);
        turn(self.v.add(v), self.v_width, keys, value_size, &raw mut (*room).values);
        self.begin_keys(block.row(), keys, kv_head);
        let c = ExpConstants::opaque();
        let turned = [(&raw const (*room).keys).cast(), (&raw const (*room).values).cast()];
        let [scores, products] = [(&raw mut (*room).scores).cast::<f32>(), (&raw mut (*room).products).cast::<f32>()];
        for first in (block.first..block.run.length as usize).step_by(BLOCK) {
            let queries = block.at(first);
            let (count, row) = (queries.tokens(), queries.row());
            for head in kv_head * self.group()..(kv_head + 1) * self.group() {
                let [q, d] = self.query(row, head);
                multiply(q, q_width, turned[0], count, key_size, scores);
                multiply(d, d_width, turned[1], count, value_size, products);
                finish_scores(scores, count, scale, (first == block.first).then_some(Masked::Above));
                for query in 0..count {
                    let sums = self.statistics.add(STATISTICS * ((row + query) * heads + head));
                    let [top, share, mean] = [0, 1, 2].map(|i| F32x4::load_splat(sums.add(i)));
                    for at in (query * BLOCK..(query + 1) * BLOCK).step_by(4) {
                        let p = exp_with(F32x4::load(scores.add(at)) - top, &c) * share;
                        p.store(scores.add(at));
                        (p * (F32x4::load(products.add(at)) - mean) * F32x4::splat(scale)).store(products.add(at));
                    }
                }
                add_turned(scores, keys, d, d_width, count, value_size, self.d_v.add(v), self.v_width);
                add_turned(products, keys, q, q_width, count, key_size, self.d_k.add(k), k_width);
            }
        }
    }
}

/// Writes up to 32 rows of x as columns of `to`, zeros where there are fewer.
unsafe fn turn(x: *const f32, x_row: usize, rows: usize, size: usize, to: *mut [[f32; BLOCK]; MAX_HEAD]) {
    let to = to.cast::<f32>();
    let whole = [rows / 4 * 4, size / 4 * 4];
    for row in (0..whole[0]).step_by(4) {
        for i in (0..whole[1]).step_by(4) {
            let from = x.add(row * x_row + i);
            let four = gemm::turn(core::array::from_fn(|j| F32x4::load(from.add(j * x_row))));
            for (j, four) in four.into_iter().enumerate() {
                four.store(to.add((i + j) * BLOCK + row));
            }
        }
    }
    for i in 0..size {
        let to = to.add(i * BLOCK);
        for row in if i < whole[1] { whole[0] } else { 0 }..rows {
            *to.add(row) = *x.add(row * x_row + i);
        }
        to.add(rows).write_bytes(0, BLOCK - rows);
    }
}

/// out `[rows][32]` = x `[rows, size]` times turned `[size][32]`.
unsafe fn multiply(x: *const f32, x_row: usize, turned: *const f32, rows: usize, size: usize, out: *mut f32) {
    out.write_bytes(0, rows * BLOCK);
    let product = Product { a: x, a_row: x_row, a_step: 1, b: turned, b_step: BLOCK, rows, cols: BLOCK, steps: size };
    product.add_to(out, BLOCK);
}

/// out `[rows, size]` += the transpose of square `[steps][rows of 32]` times b `[steps, size]`.
#[allow(clippy::too_many_arguments)]
unsafe fn add_turned(square: *const f32, rows: usize, b: *const f32, b_step: usize, steps: usize, size: usize, out: *mut f32, out_row: usize) {
    Product { a: square, a_row: 1, a_step: BLOCK, b, b_step, rows, cols: size, steps }.add_to(out, out_row);
}

/// Which lanes of a row of a block on the diagonal are masked: those below it where keys stand in rows, else those above.
#[derive(Clone, Copy, PartialEq)]
enum Masked {
    Below,
    Above,
}

/// Scales scores; where a key comes after its query they become -infinity.
unsafe fn finish_scores(scores: *mut f32, rows: usize, scale: f32, masked: Option<Masked>) {
    for row in 0..rows {
        for lane in (0..BLOCK).step_by(4) {
            let at = scores.add(row * BLOCK + lane);
            let score = F32x4::load(at) * F32x4::splat(scale);
            let lanes = I32x4::from_array([0, 1, 2, 3]) + I32x4::splat(lane as i32);
            let row = I32x4::splat(row as i32);
            let is_out = match masked {
                None => I32x4::splat(0),
                Some(Masked::Below) => row.gt(lanes),
                Some(Masked::Above) => lanes.gt(row),
            };
            F32x4::select(is_out, F32x4::splat(f32::NEG_INFINITY), score).store(at);
        }
    }
}

/// Of 32 queries the largest score, the sum of exponentials and the sum of these times products; `mean` over `total` is the
/// products' mean under the probabilities.
struct Sums {
    top: [F32x4; LANES],
    total: [F32x4; LANES],
    mean: [F32x4; LANES],
}

impl Sums {
    fn empty() -> Self {
        let zeros = [F32x4::splat(0.0); LANES];
        Self { top: [F32x4::splat(f32::NEG_INFINITY); LANES], total: zeros, mean: zeros }
    }

    /// Takes a block of keys.
    unsafe fn add(&mut self, scores: *const f32, products: *const f32, keys: usize, c: &ExpConstants) {
        for lane in 0..LANES {
            let at = |key: usize| key * BLOCK + 4 * lane;
            let old = self.top[lane];
            let top = (0..keys).fold(old, |top, key| top.pmax(F32x4::load(scores.add(at(key)))));
            let decay = exp_with(old - top, c);
            let (mut total, mut mean) = (self.total[lane] * decay, self.mean[lane] * decay);
            for key in 0..keys {
                let weight = exp_with(F32x4::load(scores.add(at(key))) - top, c);
                total = total + weight;
                mean = mean.madd(weight, F32x4::load(products.add(at(key))));
            }
            (self.top[lane], self.total[lane], self.mean[lane]) = (top, total, mean);
        }
    }

    /// Of four queries the largest score, 1 / sum of exponentials and the mean.
    #[inline(always)]
    fn lanes(&self, lane: usize) -> [F32x4; STATISTICS] {
        let share = F32x4::splat(1.0) / self.total[lane];
        [self.top[lane], share, self.mean[lane] * share]
    }

    /// Writes these of the first `queries`, `apart` from one to the next.
    unsafe fn write(&self, to: *mut f32, apart: usize, queries: usize) {
        for query in 0..queries {
            for (i, lanes) in self.lanes(query / 4).into_iter().enumerate() {
                *to.add(query * apart + i) = lanes.to_array()[query % 4];
            }
        }
    }
}

#[cfg(test)]
mod tests;
