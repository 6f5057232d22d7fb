//! The inner loop of attention: rows added up with factors, eight vectors of sums in registers. Knows neither queries nor keys.

use crate::simd::F32x4;

/// Outs that go together through registers.
pub(in crate::ops) const TILE: usize = 4;

/// What sums shrink by before more is added.
pub(in crate::ops) trait Decays: Copy {
    /// For column `column` and the three after it of out `q` (of a tile).
    /// # Safety
    /// There are such.
    unsafe fn of(&self, q: usize, column: usize) -> F32x4;
}

/// One for each out.
impl Decays for [f32; TILE] {
    #[inline(always)]
    unsafe fn of(&self, q: usize, _: usize) -> F32x4 {
        F32x4::splat(self[q])
    }
}

/// One for each column.
impl Decays for *const f32 {
    #[inline(always)]
    unsafe fn of(&self, _: usize, column: usize) -> F32x4 {
        F32x4::load(self.add(column))
    }
}

/// Rows that are added up with factors: out `[Q][n]` = out * decay + sum over i of factor `[i][q]` * row `[i][n]`.
pub(in crate::ops) struct Product {
    pub factors: *const f32,
    pub rows: *const f32,
    /// How far apart rows are.
    pub row_size: usize,
    pub count: usize,
}

impl Product {
    /// For up to four outs, `out_size` apart; the factor of out `q` and row `i` stands at `q FQ + i FI`.
    ///
    /// # Safety
    /// Factors, rows, outs and decays hold such numbers; `n` is a multiple of 4.
    #[inline(always)]
    pub unsafe fn add_to<const FQ: usize, const FI: usize>(&self, out: *mut f32, out_size: usize, n: usize, decays: impl Decays, outs: usize) {
        match outs {
            1 => self.columns::<1, 8, FQ, FI>(out, out_size, n, decays),
            2 => self.columns::<2, 4, FQ, FI>(out, out_size, n, decays),
            3 => self.columns::<3, 4, FQ, FI>(out, out_size, n, decays),
            _ => self.columns::<4, 2, FQ, FI>(out, out_size, n, decays),
        }
    }

    /// `4 W` columns at a time.
    #[inline(never)]
    unsafe fn columns<const Q: usize, const W: usize, const FQ: usize, const FI: usize>(
        &self,
        out: *mut f32,
        out_size: usize,
        n: usize,
        decays: impl Decays,
    ) {
        let mut j = 0;
        while j + 4 * W <= n {
            self.tile::<Q, W, FQ, FI>(out.add(j), out_size, j, decays);
            j += 4 * W;
        }
        while j < n {
            self.tile::<Q, 1, FQ, FI>(out.add(j), out_size, j, decays);
            j += 4;
        }
    }

    /// `Q W` sums, kept in registers over all rows.
    #[inline(always)]
    unsafe fn tile<const Q: usize, const W: usize, const FQ: usize, const FI: usize>(
        &self,
        out: *mut f32,
        out_size: usize,
        column: usize,
        decays: impl Decays,
    ) {
        let mut sums: [[F32x4; W]; Q] =
            core::array::from_fn(|q| core::array::from_fn(|c| F32x4::load(out.add(q * out_size + 4 * c)) * decays.of(q, column + 4 * c)));
        let (mut factors, mut row) = (self.factors, self.rows.add(column));
        let mut add_row = |factors: *const f32, row: *const f32| {
            let x: [F32x4; W] = core::array::from_fn(|c| F32x4::load(row.add(4 * c)));
            for (q, sums) in sums.iter_mut().enumerate() {
                let factor = F32x4::load_splat(factors.add(q * FQ));
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = sum.madd(factor, x);
                }
            }
        };
        for _ in 0..self.count / 2 {
            add_row(factors, row);
            add_row(factors.add(FI), row.add(self.row_size));
            factors = factors.add(2 * FI);
            row = row.add(2 * self.row_size);
        }
        if self.count % 2 == 1 {
            add_row(factors, row);
        }
        for (q, sums) in sums.into_iter().enumerate() {
            for (c, sum) in sums.into_iter().enumerate() {
                sum.store(out.add(q * out_size + 4 * c));
            }
        }
    }
}
