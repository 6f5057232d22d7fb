//! Low-rank adapters of a bank's matrices (LoRA, Hu et al. 2106.09685): each expert's product W x has scale B A x added. The
//! products are `linear`'s over float weights, so a row's chain is its own here too.

use crate::dtype::Dtype;
use crate::ops::linear::Linear;
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Threads take portions of about this many numbers.
const PORTION: usize = 8192;

/// The adapters of all experts for one of their matrices [N, K]. Each expert's A and B begin with a tile, as `Bank` does.
#[derive(Clone, Copy)]
pub struct BankAdapter {
    /// Packed f32, each expert's [r, K].
    pub a: *const u8,
    /// Packed f32, each expert's [N, r].
    pub b: *const u8,
    /// r; 0 where there is no adapter.
    pub rank: usize,
    pub scale: f32,
}

impl BankAdapter {
    pub const NONE: Self = Self {
        a: core::ptr::null(),
        b: core::ptr::null(),
        rank: 0,
        scale: 0.0,
    };

    pub fn is_some(&self) -> bool {
        self.rank > 0
    }

    /// An expert's A [r, K].
    pub(super) unsafe fn a_of(&self, expert: usize, cols: usize) -> *const u8 {
        self.a.add(expert * packed_numbers(self.rank, cols) * 4)
    }

    /// An expert's B [N, r].
    pub(super) unsafe fn b_of(&self, expert: usize, outputs: usize) -> *const u8 {
        self.b.add(expert * packed_numbers(outputs, self.rank) * 4)
    }
}

/// Numbers of a packed f32 matrix, whose last tile is filled up.
pub(super) fn packed_numbers(outputs: usize, cols: usize) -> usize {
    outputs.next_multiple_of(8) * cols
}

/// A product of some rows with a packed f32 matrix [outputs, cols].
pub(super) fn float_product(
    packed: *const u8,
    x: *const f32,
    out: *mut f32,
    rows: usize,
    [outputs, cols]: [usize; 2],
) -> Linear {
    Linear {
        dtype: Dtype::F32,
        x,
        act: core::ptr::null(),
        packed,
        bias: core::ptr::null(),
        out,
        rows,
        cols,
        outputs,
        x_width: cols,
        out_width: outputs,
    }
}

/// x *= factor.
pub(super) unsafe fn multiply_all(x: *mut f32, factor: f32, n: usize) {
    in_fours(x, x, n, &|x, _| x * F32x4::splat(factor));
}

/// out += x.
pub(super) unsafe fn add_all(x: *const f32, out: *mut f32, n: usize) {
    in_fours(x, out, n, &|x, out| out + x);
}

/// out = of(x, out), element by element on all threads; `out` may be x.
unsafe fn in_fours(
    x: *const f32,
    out: *mut f32,
    n: usize,
    of: &(impl Fn(F32x4, F32x4) -> F32x4 + Sync),
) {
    let (x, out) = (x as usize, out as usize);
    parallel_for(n.div_ceil(4), PORTION / 4, &|range| {
        for first in range.map(|four| 4 * four) {
            let (x, out) = unsafe { ((x as *const f32).add(first), (out as *mut f32).add(first)) };
            if first + 4 <= n {
                unsafe { of(F32x4::load(x), F32x4::load(out)).store(out) };
                continue;
            }
            for i in 0..n - first {
                unsafe {
                    *out.add(i) =
                        of(F32x4::splat(*x.add(i)), F32x4::splat(*out.add(i))).to_array()[0]
                };
            }
        }
    });
}
