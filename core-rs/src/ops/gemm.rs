//! The inner loop of float products: a tile of sums in registers, one chain of multiply-adds each. Knows no layouts but its own.
//!
//! Each turn of a loop costs engines a check for interrupts, so a turn has two steps; that it may end between them keeps the
//! compiler from mixing the two, for which there are too few registers.

use crate::simd::F32x4;
use core::mem::MaybeUninit;
use core::ops::Range;

/// Rows and columns of a tile of sums. Engines give a function 15 vectors: 10 sums, a step's columns, its rows and one of them.
pub const ROWS: usize = 5;
pub const COLS: usize = 8;

/// Where the chains of a product's sums begin.
#[derive(Clone, Copy, PartialEq)]
pub enum Begin {
    /// At zero.
    Zero,
    /// At what the result holds.
    Result,
}

/// out `[ROWS][COLS]`, rows `out_row` apart, = or += the sum over steps of a `[steps][ROWS]` times b `[steps][COLS]`, steps
/// ascending.
///
/// # Safety
/// The pointers hold these shapes; `out` overlaps no input.
#[inline(never)]
unsafe fn add_tile(mut a: *const f32, mut b: *const f32, steps: usize, out: *mut f32, out_row: usize, begin: Begin) {
    let mut sums = if begin == Begin::Zero { [[F32x4::splat(0.0); 2]; ROWS] } else { load_sums::<ROWS>(out, out_row) };
    let mut left = steps;
    while left > 0 {
        add_step(&mut sums, a, b);
        if left == 1 {
            break;
        }
        add_step(&mut sums, a.add(ROWS), b.add(COLS));
        a = a.add(2 * ROWS);
        b = b.add(2 * COLS);
        left -= 2;
    }
    store_sums(sums, out, out_row);
}

/// One step of a tile. Engines check each load's bounds, so four rows are one load.
#[inline(always)]
unsafe fn add_step(sums: &mut [[F32x4; 2]; ROWS], a: *const f32, b: *const f32) {
    let columns = [F32x4::load(b), F32x4::load(b.add(4))];
    let four = F32x4::load(a);
    add_row(&mut sums[0], four.lane::<0>(), columns);
    add_row(&mut sums[1], four.lane::<1>(), columns);
    add_row(&mut sums[2], four.lane::<2>(), columns);
    add_row(&mut sums[3], four.lane::<3>(), columns);
    add_row(&mut sums[4], F32x4::load_splat(a.add(4)), columns);
}

#[inline(always)]
fn add_row(sums: &mut [F32x4; 2], factor: F32x4, columns: [F32x4; 2]) {
    *sums = [sums[0].madd(factor, columns[0]), sums[1].madd(factor, columns[1])];
}

#[inline(always)]
unsafe fn load_sums<const N: usize>(out: *const f32, out_row: usize) -> [[F32x4; 2]; N] {
    core::array::from_fn(|i| [F32x4::load(out.add(i * out_row)), F32x4::load(out.add(i * out_row + 4))])
}

#[inline(always)]
unsafe fn store_sums<const N: usize>(sums: [[F32x4; 2]; N], out: *mut f32, out_row: usize) {
    for (i, [low, high]) in sums.into_iter().enumerate() {
        low.store(out.add(i * out_row));
        high.store(out.add(i * out_row + 4));
    }
}

/// Rows of a tile of a `Product`: blocks of tokens are whole tiles.
const FOUR: usize = 4;

/// A tile of four rows from any arrangement: `add` takes the factors of a step, steps `a_step` and `b_step` apart.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn add_four(
    add: impl Fn(&mut [[F32x4; 2]; FOUR], *const f32, [F32x4; 2]),
    mut a: *const f32,
    a_step: usize,
    mut b: *const f32,
    b_step: usize,
    steps: usize,
    out: *mut f32,
    out_row: usize,
) {
    let mut sums = load_sums::<FOUR>(out, out_row);
    let columns = |b: *const f32| unsafe { [F32x4::load(b), F32x4::load(b.add(4))] };
    let mut left = steps;
    while left > 0 {
        add(&mut sums, a, columns(b));
        if left == 1 {
            break;
        }
        add(&mut sums, a.add(a_step), columns(b.add(b_step)));
        a = a.add(2 * a_step);
        b = b.add(2 * b_step);
        left -= 2;
    }
    store_sums(sums, out, out_row);
}

/// Most steps of a `Product` whose columns are not whole tiles.
const PART_STEPS: usize = 32;

/// out `[rows][cols]`, rows `out_row` apart, += the sum over steps of a times b, for small products of numbers as they stand.
#[derive(Clone, Copy)]
pub struct Product {
    /// The factor of row `i` at step `s` is `a[i * a_row + s * a_step]`.
    pub a: *const f32,
    pub a_row: usize,
    pub a_step: usize,
    /// That of column `j` is `b[s * b_step + j]`.
    pub b: *const f32,
    pub b_step: usize,
    pub rows: usize,
    pub cols: usize,
    pub steps: usize,
}

impl Product {
    /// Adds the product: one chain an element, steps ascending.
    ///
    /// # Safety
    /// The pointers hold these shapes, `out` overlaps no input; 32 steps at most where columns are no multiple of 8.
    pub unsafe fn add_to(&self, out: *mut f32, out_row: usize) {
        let mut part = MaybeUninit::<[f32; PART_STEPS * COLS]>::uninit();
        let part = part.as_mut_ptr().cast::<f32>();
        for col in (0..self.cols).step_by(COLS) {
            let cols = COLS.min(self.cols - col);
            let (mut b, mut b_step) = (self.b.add(col), self.b_step);
            if cols < COLS {
                debug_assert!(self.steps <= PART_STEPS);
                pack_cols::<COLS>(b, b_step, cols, self.steps, part);
                (b, b_step) = (part, COLS);
            }
            for row in (0..self.rows).step_by(FOUR) {
                let rows = FOUR.min(self.rows - row);
                self.tile(row, rows, b, b_step, out.add(row * out_row + col), out_row, cols);
            }
        }
    }

    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn tile(&self, row: usize, rows: usize, b: *const f32, b_step: usize, out: *mut f32, out_row: usize, cols: usize) {
        let a = self.a.add(row * self.a_row);
        let (steps, a_step) = (self.steps, self.a_step);
        if self.a_row == 1 && rows == FOUR {
            let add = |sums: &mut [[F32x4; 2]; FOUR], a: *const f32, columns| unsafe {
                let four = F32x4::load(a);
                add_row(&mut sums[0], four.lane::<0>(), columns);
                add_row(&mut sums[1], four.lane::<1>(), columns);
                add_row(&mut sums[2], four.lane::<2>(), columns);
                add_row(&mut sums[3], four.lane::<3>(), columns);
            };
            return in_whole_tile::<FOUR>(out, out_row, rows, cols, |out, out_row| unsafe {
                add_four(add, a, a_step, b, b_step, steps, out, out_row);
            });
        }
        // Rows that are missing repeat the last one.
        let places: [usize; FOUR] = core::array::from_fn(|i| i.min(rows - 1) * self.a_row);
        let add = |sums: &mut [[F32x4; 2]; FOUR], a: *const f32, columns| {
            for (place, sums) in places.iter().zip(sums.iter_mut()) {
                add_row(sums, unsafe { F32x4::load_splat(a.add(*place)) }, columns);
            }
        };
        in_whole_tile::<FOUR>(out, out_row, rows, cols, |out, out_row| unsafe {
            add_four(add, a, a_step, b, b_step, steps, out, out_row);
        });
    }
}

/// `add_tile` where the result has only `[rows, cols]` of a tile: the same chains; what fills a and b up is not read back.
///
/// # Safety
/// As `add_tile`, but that `out` holds no more than these.
pub unsafe fn add_part(a: *const f32, b: *const f32, steps: usize, out: *mut f32, out_row: usize, [rows, cols]: [usize; 2], begin: Begin) {
    in_whole_tile::<ROWS>(out, out_row, rows, cols, |out, out_row| unsafe { add_tile(a, b, steps, out, out_row, begin) });
}

/// Runs `add` on the tile at `out`, or where less of it is there on a copy, of which only that is written back.
#[inline(always)]
unsafe fn in_whole_tile<const N: usize>(out: *mut f32, out_row: usize, rows: usize, cols: usize, add: impl Fn(*mut f32, usize)) {
    if rows == N && cols == COLS {
        return add(out, out_row);
    }
    let mut whole = [[0.0f32; COLS]; N];
    for (i, whole) in whole.iter_mut().enumerate().take(rows) {
        out.add(i * out_row).copy_to_nonoverlapping(whole.as_mut_ptr(), cols);
    }
    add(whole.as_mut_ptr().cast(), COLS);
    for (i, whole) in whole.iter().enumerate().take(rows) {
        out.add(i * out_row).copy_from_nonoverlapping(whole.as_ptr(), cols);
    }
}

/// Room for panels, not cleared: made before threads share the work, since what they run takes nothing from the allocator.
pub fn room(numbers: usize) -> Vec<MaybeUninit<f32>> {
    let mut room = Vec::with_capacity(numbers);
    // What may be uninitialized is never wrong.
    unsafe { room.set_len(numbers) };
    room
}

/// Writes up to `ROWS` rows of x, `x_row` apart, as the a of a tile, zeros where there are fewer: x `[rows][steps]` -> to
/// `[steps][ROWS]`.
///
/// # Safety
/// The pointers hold these shapes.
pub unsafe fn pack_rows(x: *const f32, x_row: usize, rows: usize, steps: usize, to: *mut f32) {
    let turned = if rows == ROWS { steps / 4 * 4 } else { 0 };
    for step in (0..turned).step_by(4) {
        let (from, to) = (x.add(step), to.add(step * ROWS));
        for (i, four) in turn(core::array::from_fn(|i| F32x4::load(from.add(i * x_row)))).into_iter().enumerate() {
            four.store(to.add(i * ROWS));
            *to.add(i * ROWS + 4) = *from.add(4 * x_row + i);
        }
    }
    for i in 0..ROWS {
        let (from, to) = (x.add(i.min(rows - 1) * x_row), to.add(i));
        for step in turned..steps {
            *to.add(step * ROWS) = if i < rows { *from.add(step) } else { 0.0 };
        }
    }
}

/// Rows of 4 x 4 numbers become columns.
#[inline(always)]
pub fn turn([a, b, c, d]: [F32x4; 4]) -> [F32x4; 4] {
    let [low, high] = [[a.pick::<0, 4, 1, 5>(b), c.pick::<0, 4, 1, 5>(d)], [a.pick::<2, 6, 3, 7>(b), c.pick::<2, 6, 3, 7>(d)]];
    let pair = |[x, y]: [F32x4; 2]| [x.pick::<0, 1, 4, 5>(y), x.pick::<2, 3, 6, 7>(y)];
    let [[a, b], [c, d]] = [pair(low), pair(high)];
    [a, b, c, d]
}

/// out `[rows, cols]` = or += x `[rows, steps]` times panels of `COLS` columns, for products of many rows: rows go by strips, which
/// are packed once for all columns that a thread takes.
#[derive(Clone, Copy)]
pub struct RowProduct {
    pub x: *const f32,
    pub x_row: usize,
    /// `[panels][steps][COLS]`, `panel` numbers apart.
    pub panels: *const f32,
    pub panel: usize,
    pub steps: usize,
    pub out: *mut f32,
    pub out_row: usize,
    pub begin: Begin,
}

impl RowProduct {
    /// Forms the product for some rows and columns, which begin with a panel; one chain an element, steps ascending.
    ///
    /// # Safety
    /// The pointers hold these shapes, `out` overlaps no input, `room` has place for the rows, whole tiles of them.
    pub unsafe fn form(&self, rows: Range<usize>, cols: Range<usize>, room: *mut f32) {
        let tile = ROWS * self.steps;
        for (i, row) in rows.clone().step_by(ROWS).enumerate() {
            pack_rows(self.x.add(row * self.x_row), self.x_row, ROWS.min(rows.end - row), self.steps, room.add(i * tile));
        }
        for col in cols.clone().step_by(COLS) {
            let panel = self.panels.add(col / COLS * self.panel);
            for (i, row) in rows.clone().step_by(ROWS).enumerate() {
                let out = self.out.add(row * self.out_row + col);
                let size = [ROWS.min(rows.end - row), COLS.min(cols.end - col)];
                add_part(room.add(i * tile), panel, self.steps, out, self.out_row, size, self.begin);
            }
        }
    }
}

/// Writes `cols` columns of x, steps `x_row` apart, as one operand of `WIDTH`, zeros where there are fewer: to `[steps][WIDTH]`.
///
/// # Safety
/// The pointers hold these shapes.
#[inline(always)]
pub unsafe fn pack_cols<const WIDTH: usize>(x: *const f32, x_row: usize, cols: usize, steps: usize, to: *mut f32) {
    for step in 0..steps {
        let (from, to) = (x.add(step * x_row), to.add(step * WIDTH));
        if cols >= WIDTH {
            to.copy_from_nonoverlapping(from, WIDTH);
        } else {
            to.copy_from_nonoverlapping(from, cols);
            to.add(cols).write_bytes(0, WIDTH - cols);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;
    use crate::slopes::assert_near;

    #[test]
    fn a_product_of_any_size_and_arrangement_is_the_plain_sum() {
        let mut rng = Rng::new(12);
        for (rows, cols, steps) in [(1usize, 1usize, 1usize), (6, 8, 5), (32, 24, 100), (7, 13, 32), (13, 9, 31)] {
            for transposed in [false, true] {
                let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
                let (a, b, mut out) = (numbers(rows * steps), numbers(steps * cols), numbers(rows * (cols + 3)));
                let (a_row, a_step) = if transposed { (1, rows) } else { (steps, 1) };
                let before = out.clone();
                let product = Product { a: a.as_ptr(), a_row, a_step, b: b.as_ptr(), b_step: cols, rows, cols, steps };
                unsafe { product.add_to(out.as_mut_ptr(), cols + 3) };
                let want = |at: usize| -> f64 {
                    let (i, j) = (at / (cols + 3), at % (cols + 3));
                    let term = |s: usize| a[i * a_row + s * a_step] as f64 * b[s * cols + j] as f64;
                    before[at] as f64 + if j < cols { (0..steps).map(term).sum() } else { 0.0 }
                };
                let want: Vec<f64> = (0..out.len()).map(want).collect();
                assert_near(&out, &want, 1e-5, "product");
            }
        }
    }

    #[test]
    fn rows_times_panels_are_the_plain_sum_whatever_rows_and_columns_are_taken() {
        let mut rng = Rng::new(13);
        for (rows, cols, steps) in [(1usize, 1usize, 1usize), (5, 8, 4), (13, 21, 37), (40, 16, 256)] {
            let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
            let panels = cols.div_ceil(COLS);
            let (x, b, before) = (numbers(rows * (steps + 2)), numbers(panels * steps * COLS), numbers(rows * cols));
            let mut out = before.clone();
            let product = RowProduct {
                x: x.as_ptr(),
                x_row: steps + 2,
                panels: b.as_ptr(),
                panel: steps * COLS,
                steps,
                out: out.as_mut_ptr(),
                out_row: cols,
                begin: Begin::Result,
            };
            let mut space = room(rows.next_multiple_of(ROWS) * steps);
            let cut = rows / 2;
            for own in [0..cut, cut..rows] {
                unsafe { product.form(own, 0..cols, space.as_mut_ptr().cast()) };
            }
            let want = |at: usize| -> f64 {
                let (i, j) = (at / cols, at % cols);
                let term = |s: usize| x[i * (steps + 2) + s] as f64 * b[(j / COLS * steps + s) * COLS + j % COLS] as f64;
                before[at] as f64 + (0..steps).map(term).sum::<f64>()
            };
            let want: Vec<f64> = (0..out.len()).map(want).collect();
            assert_near(&out, &want, 1e-5, "rows times panels");
        }
    }
}
