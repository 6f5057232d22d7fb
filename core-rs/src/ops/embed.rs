//! `embed`: rows of a table taken out of its packed form, as f32, and its backward pass. The same function dequantizes rows.

use super::elementwise::for_columns;
use crate::dtype::Dtype;
use crate::quant::float::FloatFormat;
use crate::quant::{with_block_format, with_float_format, BlockFormat, TILE};
use crate::threads::parallel_for;
use core::ops::Range;

/// Rows are handed to threads in portions of about this many values.
const PORTION: usize = 8192;

/// Writes `out` f32 [ids, cols]: for each id (i32) that row of the packed `table` [rows, cols]. False, with nothing
/// written, if an id is not within 0..rows.
/// # Safety
/// The pointers are valid for the shapes, `cols` is a whole number of blocks.
pub unsafe fn embed(
    dtype: Dtype,
    ids: &[i32],
    table: *const u8,
    out: *mut f32,
    cols: usize,
    rows: usize,
) -> bool {
    if ids.iter().any(|&id| id < 0 || id as usize >= rows) {
        return false;
    }
    let (table, out) = (table as usize, out as usize);
    parallel_for(ids.len(), 1 + PORTION / cols.max(1), &|range| {
        for i in range {
            let to = (out as *mut f32).add(i * cols);
            unpack_row(dtype, table as *const u8, ids[i] as usize, cols, to);
        }
    });
    true
}

/// Writes one row of a packed tensor as f32 [cols].
/// # Safety
/// As `embed`.
pub unsafe fn unpack_row(dtype: Dtype, packed: *const u8, row: usize, cols: usize, to: *mut f32) {
    unpack_columns(dtype, packed, row, cols, 0..cols, to);
}

/// Writes some columns, whole blocks, of one row of a packed tensor as f32.
/// # Safety
/// As `embed`.
#[inline(never)]
pub unsafe fn unpack_columns(dtype: Dtype, packed: *const u8, row: usize, cols: usize, own: Range<usize>, to: *mut f32) {
    let (tile, row) = (row / TILE, row % TILE);
    let row_bytes = dtype.row_bytes(cols).unwrap_or(0);
    let packed = packed.add(tile * TILE * row_bytes);
    with_block_format!(dtype, F => {
        for block in own.start / F::COLS..own.end / F::COLS {
            F::unpack_row(packed.add(block * F::BYTES * TILE), row, to.add(block * F::COLS - own.start));
        }
    });
    with_float_format!(dtype, F => {
        for column in own.clone() {
            *to.add(column - own.start) = F::read(packed.add((column * TILE + row) * F::BYTES));
        }
    });
}

/// Backward: adds row i of d f32 [ids, cols] to row `ids[i]` of `into`, packed f32 [rows, cols]; ids in their order. False,
/// with nothing written, if an id is not within 0..rows.
/// # Safety
/// The pointers are valid for the shapes and do not overlap.
pub unsafe fn embed_gradient(d: *const f32, ids: &[i32], into: *mut f32, cols: usize, rows: usize) -> bool {
    if ids.iter().any(|&id| id < 0 || id as usize >= rows) {
        return false;
    }
    let (d, into) = (d as usize, into as usize);
    for_columns(ids.len(), cols, &|own| {
        for (i, &id) in ids.iter().enumerate() {
            let row = id as usize;
            unsafe {
                let d = (d as *const f32).add(i * cols);
                let into = (into as *mut f32).add(row / TILE * TILE * cols + row % TILE);
                for col in own.clone() {
                    *into.add(col * TILE) += *d.add(col);
                }
            }
        }
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_adds_rows_where_they_were_taken() {
        let (rows, cols) = (11, 70);
        let ids = [3, 10, 3, 0, 9, 3];
        let d: Vec<f32> = (0..ids.len() * cols).map(|i| 0.1 * i as f32).collect();
        let mut into = vec![1.0; 16 * cols];
        assert!(unsafe { embed_gradient(d.as_ptr(), &ids, into.as_mut_ptr(), cols, rows) });
        for row in 0..16 {
            for col in 0..cols {
                let own = ids.iter().enumerate().filter(|(_, id)| **id == row as i32);
                let want = own.fold(1.0f32, |sum, (i, _)| sum + d[i * cols + col]);
                assert_eq!(into[row / TILE * TILE * cols + col * TILE + row % TILE], want, "{row} {col}");
            }
        }
        for wrong in [-1, 11] {
            assert!(!unsafe { embed_gradient(d.as_ptr(), &[wrong], into.as_mut_ptr(), cols, rows) });
        }
    }
}
