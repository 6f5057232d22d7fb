//! Heads of a row apart and together: cutting them in parts, joining parts, and a product for each head. Backward: the parts' roles
//! change places, and what was repeated is summed.

use super::linear::{linear, Linear};
use crate::quant::activation::GROUP_BYTES;
use crate::quant::GROUP;
use crate::threads::parallel_for;

/// Numbers a thread should copy at least.
const GRAIN: usize = 16384;

/// A part of every head: `size` numbers at `values [B, heads, size]`, or one head `[B, size]` that stands for all.
#[derive(Clone, Copy)]
pub struct Part {
    pub values: *mut f32,
    pub size: usize,
    pub heads: usize,
}
unsafe impl Sync for Part {}

impl Part {
    /// Where the part of a head of a row stands.
    unsafe fn at(&self, row: usize, head: usize) -> *mut f32 {
        self.values.add((row * self.heads + head.min(self.heads - 1)) * self.size)
    }
}

/// x `[B, H, a + b + ...]` -> parts `[B, H, a]`, `[B, H, b]`, ...
///
/// # Safety
/// x and the parts, each of all heads, hold these shapes; none overlaps another.
pub unsafe fn split_heads(x: *const f32, parts: &[Part], rows: usize, heads: usize) {
    let x = x as usize;
    for_each_part(parts, rows, heads, &|whole, part, size| unsafe {
        core::ptr::copy_nonoverlapping((x as *const f32).add(whole), part, size);
    });
}

/// parts `[B, H, a]`, `[B, H, b]`, ... -> out `[B, H, a + b + ...]`; a part of one head is repeated for all.
///
/// # Safety
/// out and the parts hold these shapes; out overlaps none.
pub unsafe fn join_heads(parts: &[Part], out: *mut f32, rows: usize, heads: usize) {
    let out = out as usize;
    for_each_part(parts, rows, heads, &|whole, part, size| unsafe {
        core::ptr::copy_nonoverlapping(part, (out as *mut f32).add(whole), size);
    });
}

/// Calls back with the place of each head's part in `[B, H, a + b + ...]`, its address, and its size.
unsafe fn for_each_part(parts: &[Part], rows: usize, heads: usize, copy: &(impl Fn(usize, *mut f32, usize) + Sync)) {
    let head_size: usize = parts.iter().map(|part| part.size).sum();
    parallel_for(rows * heads, GRAIN / head_size.max(1) + 1, &|range| {
        for head in range {
            let mut place = head * head_size;
            for part in parts {
                copy(place, unsafe { part.at(head / heads, head % heads) }, part.size);
                place += part.size;
            }
        }
    });
}

/// Backward of a part that stands for all heads: d `[B, H, a]` -> out `[B, a]`, heads added in ascending order.
///
/// # Safety
/// d and out hold these shapes and do not overlap.
pub unsafe fn sum_heads(d: *const f32, out: *mut f32, rows: usize, heads: usize, size: usize) {
    let (d, out) = (d as usize, out as usize);
    parallel_for(rows, GRAIN / (heads * size).max(1) + 1, &|range| {
        for row in range {
            unsafe {
                let (d, out) = ((d as *const f32).add(row * heads * size), (out as *mut f32).add(row * size));
                out.copy_from_nonoverlapping(d, size);
                for head in 1..heads {
                    for i in 0..size {
                        *out.add(i) += *d.add(head * size + i);
                    }
                }
            }
        }
    });
}

/// A product for each head, with one fork and join: head `h` of x `[B, H, K]` times weights `[N, K]` of its own, which begin
/// a tile, -> out `[B, H, N]`. `first` is the product of head 0; its rows are as wide as all heads.
///
/// # Safety
/// As `linear`; `cols` is a whole number of blocks, so that the int8 groups of a head are its own.
pub unsafe fn head_linear(first: Linear, heads: usize) {
    let Linear { dtype, cols, outputs, .. } = first;
    let packed_bytes = dtype.packed_bytes(outputs, cols).unwrap_or(0);
    let head = |h: usize| Linear {
        x: first.x.wrapping_add(h * cols),
        act: first.act.wrapping_add(h * cols / GROUP * GROUP_BYTES),
        packed: first.packed.add(h * packed_bytes),
        bias: if first.bias.is_null() { first.bias } else { first.bias.add(h * outputs) },
        out: first.out.add(h * outputs),
        ..first
    };
    linear(&(0..heads).map(head).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::Dtype;
    use crate::quant::activation::{quantize_rows, row_bytes};
    use crate::quant::scalar;
    use crate::quant::tests::{packed, random_rows, Rng};

    fn part(values: &mut [f32], size: usize, heads: usize) -> Part {
        Part { values: values.as_mut_ptr(), size, heads }
    }

    #[test]
    fn heads_are_cut_and_joined() {
        for (rows, heads, sizes) in [(1usize, 1usize, [1usize, 2]), (3, 5, [7, 4]), (33, 16, [96, 33])] {
            let head_size = sizes[0] + sizes[1];
            let x: Vec<f32> = (0..rows * heads * head_size).map(|i| i as f32).collect();
            let [mut a, mut b] = sizes.map(|size| vec![f32::NAN; rows * heads * size]);
            let mut joined = vec![f32::NAN; x.len()];
            let parts = [part(&mut a, sizes[0], heads), part(&mut b, sizes[1], heads)];
            unsafe {
                split_heads(x.as_ptr(), &parts, rows, heads);
                join_heads(&parts, joined.as_mut_ptr(), rows, heads);
            }
            for head in 0..rows * heads {
                assert_eq!(a[head * sizes[0]..][..sizes[0]], x[head * head_size..][..sizes[0]]);
                assert_eq!(b[head * sizes[1]..][..sizes[1]], x[head * head_size + sizes[0]..][..sizes[1]]);
            }
            assert_eq!(joined, x);
        }
    }

    #[test]
    fn a_part_of_one_head_is_repeated() {
        let (mut a, mut b, mut out) = (vec![1.0, 2.0, 3.0, 4.0], vec![10.0, 11.0, 20.0, 21.0], vec![f32::NAN; 12]);
        unsafe { join_heads(&[part(&mut a, 1, 2), part(&mut b, 2, 1)], out.as_mut_ptr(), 2, 2) };
        assert_eq!(out, [1.0, 10.0, 11.0, 2.0, 10.0, 11.0, 3.0, 20.0, 21.0, 4.0, 20.0, 21.0]);
    }

    #[test]
    fn heads_are_summed() {
        for (rows, heads, size) in [(1usize, 1usize, 3usize), (5, 4, 7)] {
            let d: Vec<f32> = (0..rows * heads * size).map(|i| i as f32).collect();
            let mut out = vec![f32::NAN; rows * size];
            unsafe { sum_heads(d.as_ptr(), out.as_mut_ptr(), rows, heads, size) };
            for (i, sum) in out.iter().enumerate() {
                let (row, at) = (i / size, i % size);
                assert_eq!(*sum, (0..heads).map(|head| d[(row * heads + head) * size + at]).sum::<f32>());
            }
        }
    }

    struct Case {
        dtype: Dtype,
        heads: usize,
        cols: usize,
        outputs: usize,
        x: Vec<f32>,
        /// Of each head, rows of the file.
        weights: Vec<Vec<u8>>,
        bias: Vec<f32>,
    }

    fn case(dtype: Dtype, rows: usize, heads: usize, cols: usize, outputs: usize) -> Case {
        let mut rng = Rng::new((rows * 1000 + cols * 10 + outputs) as u32);
        let x = (0..rows * heads * cols).map(|_| rng.signed_unit()).collect();
        let weights = (0..heads).map(|_| random_rows(&mut rng, dtype, outputs, cols)).collect();
        let bias = (0..heads * outputs).map(|_| rng.signed_unit()).collect();
        Case { dtype, heads, cols, outputs, x, weights, bias }
    }

    fn run(case: &Case, first: usize, rows: usize) -> Vec<f32> {
        let Case { dtype, heads, cols, outputs, .. } = *case;
        let x = &case.x[first * heads * cols..][..rows * heads * cols];
        let mut act = vec![0u8; rows * row_bytes(heads * cols)];
        let tiles: Vec<u8> = case.weights.iter().flat_map(|rows| packed(dtype, rows, outputs, cols)).collect();
        let mut out = vec![f32::NAN; rows * heads * outputs];
        let product = Linear {
            dtype,
            x: x.as_ptr(),
            act: act.as_ptr(),
            packed: tiles.as_ptr(),
            bias: case.bias.as_ptr(),
            out: out.as_mut_ptr(),
            rows,
            cols,
            outputs,
            x_width: heads * cols,
            out_width: heads * outputs,
        };
        unsafe {
            quantize_rows(x.as_ptr(), act.as_mut_ptr(), rows, heads * cols);
            head_linear(product, heads);
        }
        out
    }

    /// The twin of `linear` for each head, with what the head has of x.
    fn twin(case: &Case) -> Vec<f32> {
        let Case { heads, cols, outputs, .. } = *case;
        let mut out = vec![f32::NAN; case.x.len() / cols * outputs];
        for (h, weights) in case.weights.iter().enumerate() {
            let x: Vec<f32> = case.x.chunks(cols).skip(h).step_by(heads).flatten().copied().collect();
            let bias = &case.bias[h * outputs..][..outputs];
            let sums = scalar::linear(case.dtype, &x, weights, Some(bias), cols).unwrap();
            for (row, sums) in sums.chunks(outputs).enumerate() {
                out[(row * heads + h) * outputs..][..outputs].copy_from_slice(sums);
            }
        }
        out
    }

    #[test]
    fn head_linear_equals_its_scalar_twin_for_any_rows() {
        for dtype in Dtype::ALL {
            let block = dtype.block().0.max(8);
            for (rows, heads, cols, outputs) in [(1, 3, block, 16), (5, 2, 2 * block, 13), (19, 4, block, 40), (70, 2, block, 8)] {
                let case = case(dtype, rows, heads, cols, outputs);
                let all = run(&case, 0, rows);
                assert_eq!(all, twin(&case), "{dtype:?} {rows} rows, {heads} heads of {cols} to {outputs}");
                for row in [0, rows / 2, rows - 1] {
                    assert_eq!(run(&case, row, 1), all[row * heads * outputs..][..heads * outputs], "{dtype:?} row {row}");
                }
            }
        }
    }
}
