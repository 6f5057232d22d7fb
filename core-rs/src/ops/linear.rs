//! `linear`: activations times packed weights plus bias. Splits outputs over threads and rows, never the columns of a
//! sum: an output's chain of operations is the same whatever the number of rows and threads. Backward: `gradient`.

pub mod gradient;
mod many_rows;

use crate::dtype::Dtype;
use crate::quant::activation::{row_bytes, GROUP_BYTES};
use crate::quant::float::FloatFormat;
use crate::quant::planes::{expand, Expanded, InPlace, EXPANDED_PLANE_BYTES};
use crate::quant::{with_block_format, with_float_format, BlockFormat, Constants, TileSums, GROUP, TILE};
use crate::simd::{F16Constants, F32x4};
use crate::threads::parallel_for;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Activation rows that pass over a range of tiles before the next ones do, so that they stay in the cache.
const PANEL: usize = 64;
/// From so many rows on, forming the levels of a tile once pays.
const EXPANDING_ROWS: usize = 8;
/// Bytes of levels that are formed at a time: 2048 columns of most formats.
const STRETCH_BYTES: usize = 16384;
/// Tiles that one row of float weights is multiplied with at once, so that enough chains of additions overlap.
const FLOAT_TILES: usize = 4;
/// Places in the weights that are read side by side.
const STREAMS: usize = 4;
/// From so many rows on, reading weights takes little of the time.
const STREAMED_ROWS: usize = 16;
/// Weights that few rows pass over before the next ones.
const CACHED_BYTES: usize = 1 << 18;
/// Threads take portions of at least about this many products, a microsecond's work.
const PORTION: usize = 1 << 15;

/// One product: out [rows, outputs] = x [rows, cols] * weights [outputs, cols] transposed + bias [outputs].
#[derive(Clone, Copy)]
pub struct Linear {
    pub dtype: Dtype,
    /// f32 [rows, cols]; read for float weights only.
    pub x: *const f32,
    /// `quant::activation` rows; read for quantized weights only.
    pub act: *const u8,
    /// Packed weights.
    pub packed: *const u8,
    /// f32 [outputs], or null for none. It is added last.
    pub bias: *const f32,
    /// f32 [rows, outputs].
    pub out: *mut f32,
    pub rows: usize,
    pub cols: usize,
    pub outputs: usize,
    /// Numbers of a whole row of `x` or `act` and of `out`: `cols` and `outputs`, or more where these are a part of it.
    pub x_width: usize,
    pub out_width: usize,
}
// The pointers are read only, apart from `out`, of which threads write disjoint parts.
unsafe impl Sync for Linear {}

/// Runs products side by side on all threads: one fork and join, and small products fill the gaps that others leave.
/// # Safety
/// The pointers are valid for the shapes, no `out` overlaps anything, `cols` is a whole number of blocks.
pub unsafe fn linear(jobs: &[Linear]) {
    let items = jobs.iter().map(Linear::items).sum();
    let largest = jobs.iter().map(Linear::item_products).max().unwrap_or(1);
    parallel_for(items, 1 + PORTION / largest.max(1), &|range| {
        let mut first = 0;
        for job in jobs {
            let last = first + job.items();
            let own = range.start.clamp(first, last) - first..range.end.clamp(first, last) - first;
            run_items(job, own);
            first = last;
        }
    });
}

impl Linear {
    /// Tiles of one item.
    fn step(&self) -> usize {
        if self.dtype.is_quantized() { 1 } else { FLOAT_TILES }
    }

    fn strips(&self) -> usize {
        self.outputs.div_ceil(TILE * self.step())
    }

    /// Parts that threads can take, panel by panel.
    fn items(&self) -> usize {
        self.strips() * self.rows.div_ceil(PANEL)
    }

    fn item_products(&self) -> usize {
        TILE * self.step() * self.rows.min(PANEL) * self.cols
    }
}

unsafe fn run_items(job: &Linear, mut items: Range<usize>) {
    let strips = job.strips();
    while !items.is_empty() {
        let (panel, first) = (items.start / strips, items.start % strips);
        let last = strips.min(first + items.len());
        let rows = panel * PANEL..((panel + 1) * PANEL).min(job.rows);
        with_block_format!(job.dtype, F => block_tiles::<F>(job, first..last, rows.clone()));
        if job.takes_many(rows.len()) {
            let outputs = TILE * FLOAT_TILES;
            job.many_rows(first * outputs..job.outputs.min(last * outputs), rows.clone());
        } else {
            for strip in first..last {
                with_float_format!(job.dtype, F => float_strip::<F>(job, strip, rows.clone()));
            }
        }
        items.start += last - first;
    }
}

/// All rows of a panel against tiles of a block format: many rows pass over one tile after the other, few over as many
/// as the cache keeps until the last row.
unsafe fn block_tiles<F: BlockFormat>(job: &Linear, tiles: Range<usize>, rows: Range<usize>) {
    let tile_bytes = job.cols / F::COLS * F::BYTES * TILE;
    let few = rows.len() < STREAMED_ROWS;
    let at_once = if few { STREAMS.max(CACHED_BYTES / tile_bytes.max(1)) } else { 1 };
    for first in tiles.clone().step_by(at_once) {
        let tiles = first..tiles.end.min(first + at_once);
        let mut row = rows.start;
        if F::EXPANDS && rows.len() >= EXPANDING_ROWS {
            row += rows.len() / 4 * 4;
            for tile in tiles.clone() {
                expanded_tile::<F>(job, tile, rows.start..row);
            }
        }
        while row + 4 <= rows.end {
            // Formats that expand come here with fewer rows than that takes, so they need no kernel for many.
            if few || F::EXPANDS {
                block_rows::<F, 4>(job, tiles.clone(), row..row + 4);
            } else {
                debug_assert!(tiles.len() == 1);
                four_rows::<F>(job, tiles.start, row);
            }
            row += 4;
        }
        // Three rows go as four, of which the last is computed twice and written once: one kernel less a format.
        match rows.end - row {
            3 => block_rows::<F, 4>(job, tiles, row..rows.end),
            2 => block_rows::<F, 2>(job, tiles, row..rows.end),
            1 => block_rows::<F, 1>(job, tiles, row..rows.end),
            _ => {}
        }
    }
}

/// Up to `R` rows against tiles, those that are left when the streams have had equal shares one by one.
unsafe fn block_rows<F: BlockFormat, const R: usize>(job: &Linear, tiles: Range<usize>, rows: Range<usize>) {
    let shared = tiles.len() / STREAMS * STREAMS;
    let streamed = tiles.start..tiles.start + shared;
    if R == 1 && F::SHARES_ROWS {
        row_streams::<F>(job, streamed, rows.start);
    } else {
        streams::<F, R>(job, streamed, rows.clone(), STREAMS);
    }
    streams::<F, R>(job, tiles.start + shared..tiles.end, rows, 1);
}

/// Processors fetch memory ahead within a page at most, and weights come from memory when rows are few: so `count` (at
/// most STREAMS) tiles far apart are taken side by side, and while one's fetches are on their way others are computed.
#[inline(never)]
unsafe fn streams<F: BlockFormat, const R: usize>(
    job: &Linear,
    tiles: Range<usize>,
    rows: Range<usize>,
    count: usize,
) {
    let blocks = job.cols / F::COLS;
    let act_row = row_bytes(job.x_width);
    let apart = tiles.len() / count;
    let mut c = Constants::opaque();
    for tile in tiles.start..tiles.start + apart {
        let mut act: [*const u8; R] =
            core::array::from_fn(|r| job.act.add((rows.start + r.min(rows.len() - 1)) * act_row));
        let mut packed = job.packed.add(tile * blocks * F::BYTES * TILE);
        let mut sums = [[[F32x4::splat(0.0); 2]; R]; STREAMS];
        // Kept in memory on purpose: engines allot registers badly when these are alive across the inner loop.
        if R > 1 {
            core::hint::black_box((&mut sums, &mut c));
        }
        for _ in 0..blocks {
            for (stream, sums) in sums.iter_mut().take(count).enumerate() {
                let packed = packed.add(stream * apart * blocks * F::BYTES * TILE);
                F::accumulate(sums, packed, InPlace::<F>::new(packed, &c), act, &c);
            }
            packed = packed.add(F::BYTES * TILE);
            act = act.map(|a| a.add(F::COLS / GROUP * GROUP_BYTES));
        }
        for (stream, sums) in sums.into_iter().take(count).enumerate() {
            for (row, sums) in rows.clone().zip(sums) {
                store_tile(job, tile + stream * apart, row, sums);
            }
        }
    }
}

/// One row against tiles as in `streams`, but each step of the row meets all of them.
#[inline(never)]
unsafe fn row_streams<F: BlockFormat>(job: &Linear, tiles: Range<usize>, row: usize) {
    let blocks = job.cols / F::COLS;
    let apart = tiles.len() / STREAMS;
    let tile_bytes = blocks * F::BYTES * TILE;
    let c = Constants::opaque();
    for tile in tiles.start..tiles.start + apart {
        let mut act = job.act.add(row * row_bytes(job.x_width));
        let first = job.packed.add(tile * tile_bytes);
        let mut packed: [*const u8; STREAMS] = core::array::from_fn(|i| first.add(i * apart * tile_bytes));
        let mut sums = [[F32x4::splat(0.0); 2]; STREAMS];
        // In memory, as in `streams`.
        core::hint::black_box(&mut sums);
        for _ in 0..blocks {
            F::accumulate_tiles(&mut sums, packed, act, &c);
            packed = packed.map(|p| p.add(F::BYTES * TILE));
            act = act.add(F::COLS / GROUP * GROUP_BYTES);
        }
        for (stream, sums) in sums.into_iter().enumerate() {
            store_tile(job, tile + stream * apart, row, sums);
        }
    }
}

/// Four of many rows against one tile.
#[inline(never)]
unsafe fn four_rows<F: BlockFormat>(job: &Linear, tile: usize, row: usize) {
    let blocks = job.cols / F::COLS;
    let act_row = row_bytes(job.x_width);
    let mut act: [*const u8; 4] = core::array::from_fn(|r| job.act.add((row + r) * act_row));
    let mut packed = job.packed.add(tile * blocks * F::BYTES * TILE);
    let mut sums = [[F32x4::splat(0.0); 2]; 4];
    let mut c = Constants::opaque();
    core::hint::black_box((&mut sums, &mut c));
    for _ in 0..blocks {
        F::accumulate(&mut sums, packed, InPlace::<F>::new(packed, &c), act, &c);
        packed = packed.add(F::BYTES * TILE);
        act = act.map(|a| a.add(F::COLS / GROUP * GROUP_BYTES));
    }
    for (r, sums) in sums.into_iter().enumerate() {
        store_tile(job, tile, row + r, sums);
    }
}

/// Many rows, a multiple of 4: each stretch of columns has its levels formed once and then meets all rows.
#[inline(never)]
unsafe fn expanded_tile<F: BlockFormat>(job: &Linear, tile: usize, rows: Range<usize>) {
    let blocks = job.cols / F::COLS;
    let act_row = row_bytes(job.x_width);
    let c = Constants::opaque();
    let mut sums = [[F32x4::splat(0.0); 2]; PANEL];
    let mut levels = MaybeUninit::<[u8; STRETCH_BYTES]>::uninit();
    let levels = levels.as_mut_ptr().cast::<u8>();
    let at_once = STRETCH_BYTES / (F::PLANES * EXPANDED_PLANE_BYTES);
    for first in (0..blocks).step_by(at_once) {
        let stretch = Stretch {
            packed: job.packed.add((tile * blocks + first) * F::BYTES * TILE),
            levels,
            blocks: at_once.min(blocks - first),
        };
        for block in 0..stretch.blocks {
            let to = levels.add(block * F::PLANES * EXPANDED_PLANE_BYTES);
            expand::<F>(stretch.packed.add(block * F::BYTES * TILE), to, &c);
        }
        let act = job.act.add(rows.start * act_row + first * F::COLS / GROUP * GROUP_BYTES);
        for four in 0..rows.len() / 4 {
            let sums = &mut *sums.as_mut_ptr().add(4 * four).cast::<[TileSums; 4]>();
            let act = core::array::from_fn(|r| act.add((4 * four + r) * act_row));
            stretch_rows::<F>(sums, &stretch, act, &c);
        }
    }
    for (row, sums) in rows.zip(sums) {
        store_tile(job, tile, row, sums);
    }
}

/// Consecutive blocks of a tile and their levels; products with four rows.
struct Stretch {
    packed: *const u8,
    levels: *const u8,
    blocks: usize,
}

#[inline(never)]
unsafe fn stretch_rows<F: BlockFormat>(
    sums: &mut [TileSums; 4],
    stretch: &Stretch,
    mut act: [*const u8; 4],
    c: &Constants,
) {
    for block in 0..stretch.blocks {
        let packed = stretch.packed.add(block * F::BYTES * TILE);
        let levels = stretch.levels.add(block * F::PLANES * EXPANDED_PLANE_BYTES);
        let levels = Expanded { levels, two: c.two };
        F::accumulate(sums, packed, levels, act, c);
        act = act.map(|a| a.add(F::COLS / GROUP * GROUP_BYTES));
    }
}

/// All rows of a panel against a strip of four tiles of a float format.
unsafe fn float_strip<F: FloatFormat>(job: &Linear, strip: usize, rows: Range<usize>) {
    let tiles = job.outputs.div_ceil(TILE);
    let first = strip * FLOAT_TILES;
    let last = tiles.min(first + FLOAT_TILES);
    let mut row = rows.start;
    while row + 4 <= rows.end {
        for tile in first..last {
            float_rows::<F, 1, 4>(job, tile, row);
        }
        row += 4;
    }
    for row in row..rows.end {
        if last - first == FLOAT_TILES {
            float_rows::<F, FLOAT_TILES, 1>(job, first, row);
        } else {
            for tile in first..last {
                float_rows::<F, 1, 1>(job, tile, row);
            }
        }
    }
}

#[inline(never)]
unsafe fn float_rows<F: FloatFormat, const T: usize, const R: usize>(
    job: &Linear,
    tile: usize,
    row: usize,
) {
    let tile_bytes = job.cols * TILE * F::BYTES;
    let mut packed: [*const u8; T] =
        core::array::from_fn(|t| job.packed.add((tile + t) * tile_bytes));
    let mut x: [*const f32; R] = core::array::from_fn(|r| job.x.add((row + r) * job.x_width));
    let mut sums = [[[F32x4::splat(0.0); 2]; R]; T];
    let c = F16Constants::opaque();
    for _ in 0..job.cols {
        let inputs = x.map(|x| F32x4::load_splat(x));
        for t in 0..T {
            let weights = F::load8(packed[t], &c);
            for r in 0..R {
                for half in 0..2 {
                    sums[t][r][half] = sums[t][r][half].madd(inputs[r], weights[half]);
                }
            }
        }
        packed = packed.map(|p| p.add(TILE * F::BYTES));
        x = x.map(|x| x.add(1));
    }
    for (t, sums) in sums.into_iter().enumerate() {
        for (r, sums) in sums.into_iter().enumerate() {
            store_tile(job, tile + t, row + r, sums);
        }
    }
}

/// Adds the bias and writes those of a tile's 8 outputs that exist.
#[inline(always)]
unsafe fn store_tile(job: &Linear, tile: usize, row: usize, sums: TileSums) {
    let first = tile * TILE;
    let out = job.out.add(row * job.out_width + first);
    if first + TILE <= job.outputs {
        for (half, mut sum) in sums.into_iter().enumerate() {
            if !job.bias.is_null() {
                sum = sum + F32x4::load(job.bias.add(first + 4 * half));
            }
            sum.store(out.add(4 * half));
        }
        return;
    }
    let lanes = sums.map(F32x4::to_array);
    for output in 0..job.outputs - first {
        let sum = lanes[output / 4][output % 4];
        let bias = if job.bias.is_null() { None } else { Some(*job.bias.add(first + output)) };
        *out.add(output) = bias.map_or(sum, |bias| sum + bias);
    }
}

#[cfg(test)]
mod tests;
