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
pub unsafe fn add_tile(mut a: *const f32, mut b: *const f32, steps: usize, out: *mut f32, out_row: usize) {
    let mut sums: [[F32x4; 2]; ROWS] =
        core::array::from_fn(|i| [F32x4::load(out.add(i * out_row)), F32x4::load(out.add(i * out_row + 4))]);
    let mut step = |a: *const f32, b: *const f32| {
        let b = [F32x4::load(b), F32x4::load(b.add(4))];
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = F32x4::load_splat(a.add(i));
            *sums = [sums[0].madd(a, b[0]), sums[1].madd(a, b[1])];
        }
    };
    for _ in 0..steps / 2 {
        step(a, b);
        step(a.add(ROWS), b.add(COLS));
        a = a.add(2 * ROWS);
        b = b.add(2 * COLS);
    }
    if steps % 2 == 1 {
        step(a, b);
    }
    for (i, [low, high]) in sums.into_iter().enumerate() {
        low.store(out.add(i * out_row));
        high.store(out.add(i * out_row + 4));
    }
}

/// `add_tile` where the result has only `rows` and `cols` of a tile: the same chains; what fills a and b up is not read back.
///
/// # Safety
/// As `add_tile`, but that `out` holds no more than these.
pub unsafe fn add_part(a: *const f32, b: *const f32, steps: usize, out: *mut f32, out_row: usize, rows: usize, cols: usize) {
    if rows == ROWS && cols == COLS {
        return add_tile(a, b, steps, out, out_row);
    }
    let mut whole = [[0.0f32; COLS]; ROWS];
    for (i, whole) in whole.iter_mut().enumerate().take(rows) {
        out.add(i * out_row).copy_to_nonoverlapping(whole.as_mut_ptr(), cols);
    }
    add_tile(a, b, steps, whole.as_mut_ptr().cast(), COLS);
    for (i, whole) in whole.iter().enumerate().take(rows) {
        out.add(i * out_row).copy_from_nonoverlapping(whole.as_ptr(), cols);
    }
}

/// Room for panels, not cleared: made before threads share the work, since what they run takes nothing from the allocator.
pub fn room(numbers: usize) -> Vec<MaybeUninit<f32>> {
    let mut room = Vec::with_capacity(numbers);
    // Any bytes will do for numbers that nobody reads before they are written.
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
