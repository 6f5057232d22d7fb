//! The inner loop of float products: a tile of sums in registers, one chain of multiply-adds each. Knows no layouts but its own.

use crate::simd::F32x4;
use core::mem::MaybeUninit;

/// Rows and columns of a tile of sums.
pub const ROWS: usize = 6;
pub const COLS: usize = 8;

/// out `[ROWS][COLS]`, rows `out_row` apart, += the sum over steps of a `[steps][ROWS]` times b `[steps][COLS]`, steps ascending.
///
/// # Safety
/// The pointers hold these shapes; `out` overlaps no input.
#[inline(never)]
pub unsafe fn add_tile(a: *const f32, b: *const f32, steps: usize, out: *mut f32, out_row: usize) {
    add_steps(core::array::from_fn(|i| i), a, ROWS, b, COLS, steps, out, out_row);
}

/// The same from any arrangement: the factor of row `i` of a step stands at `places[i]`, steps `a_step` and `b_step` apart.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn add_steps(
    places: [usize; ROWS],
    mut a: *const f32,
    a_step: usize,
    mut b: *const f32,
    b_step: usize,
    steps: usize,
    out: *mut f32,
    out_row: usize,
) {
    let mut sums: [[F32x4; 2]; ROWS] =
        core::array::from_fn(|i| [F32x4::load(out.add(i * out_row)), F32x4::load(out.add(i * out_row + 4))]);
    // Not unrolled: engines run out of registers then.
    for _ in 0..steps {
        let [low, high] = [F32x4::load(b), F32x4::load(b.add(4))];
        for (place, sums) in places.iter().zip(sums.iter_mut()) {
            let a = F32x4::load_splat(a.add(*place));
            *sums = [sums[0].madd(a, low), sums[1].madd(a, high)];
        }
        a = a.add(a_step);
        b = b.add(b_step);
    }
    for (i, [low, high]) in sums.into_iter().enumerate() {
        low.store(out.add(i * out_row));
        high.store(out.add(i * out_row + 4));
    }
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
            for row in (0..self.rows).step_by(ROWS) {
                let rows = ROWS.min(self.rows - row);
                self.tile(row, rows, b, b_step, out.add(row * out_row + col), out_row, cols);
            }
        }
    }

    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn tile(&self, row: usize, rows: usize, b: *const f32, b_step: usize, out: *mut f32, out_row: usize, cols: usize) {
        let a = self.a.add(row * self.a_row);
        // Rows that are missing repeat the last one.
        let places = core::array::from_fn(|i| i.min(rows - 1) * self.a_row);
        in_whole_tile(out, out_row, rows, cols, |out, out_row| unsafe {
            add_steps(places, a, self.a_step, b, b_step, self.steps, out, out_row);
        });
    }
}

/// `add_tile` where the result has only `rows` and `cols` of a tile: the same chains; what fills a and b up is not read back.
///
/// # Safety
/// As `add_tile`, but that `out` holds no more than these.
pub unsafe fn add_part(a: *const f32, b: *const f32, steps: usize, out: *mut f32, out_row: usize, rows: usize, cols: usize) {
    in_whole_tile(out, out_row, rows, cols, |out, out_row| unsafe { add_tile(a, b, steps, out, out_row) });
}

/// Runs `add` on the tile at `out`, or where less of it is there on a copy, of which only that is written back.
#[inline(always)]
unsafe fn in_whole_tile(out: *mut f32, out_row: usize, rows: usize, cols: usize, add: impl Fn(*mut f32, usize)) {
    if rows == ROWS && cols == COLS {
        return add(out, out_row);
    }
    let mut whole = [[0.0f32; COLS]; ROWS];
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
    for i in 0..ROWS {
        let (from, to) = (x.add(i.min(rows - 1) * x_row), to.add(i));
        for step in 0..steps {
            *to.add(step * ROWS) = if i < rows { *from.add(step) } else { 0.0 };
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
}
