//! Repacks rows as a GGUF file stores them into tiles of 8, chunk by chunk while the file is read. Moves bits, computes nothing.

use super::float::FloatFormat;
use super::{with_block_format, with_float_format, BlockFormat, TILE};
use crate::dtype::Dtype;
use crate::threads::parallel_for;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Tiles are handed to threads in portions of about this many bytes.
const PORTION_BYTES: usize = 65536;
/// Stands in for a missing row: no block is larger.
static ZERO_BLOCK: [u8; 512] = [0; 512];

/// Packs `tiles` whole tiles: `src` holds the bytes of consecutive rows of `cols` columns, 8 a tile but
/// `rows_in_last` (1..=8) for the last one; `dst` takes `8 * tiles` rows. False if a scale or a number is not finite.
/// # Safety
/// Both ranges are valid and do not overlap; `cols` is a whole number of blocks.
pub unsafe fn pack(
    dtype: Dtype,
    src: *const u8,
    dst: *mut u8,
    tiles: usize,
    cols: usize,
    rows_in_last: usize,
) -> bool {
    let row_bytes = dtype.row_bytes(cols).unwrap_or(0);
    let (from, to) = (src as usize, dst as usize);
    let finite = AtomicBool::new(true);
    parallel_for(tiles, 1 + PORTION_BYTES / (TILE * row_bytes).max(1), &|range| {
        for tile in range {
            let first = (from + tile * TILE * row_bytes) as *const u8;
            let out = (to + tile * TILE * row_bytes) as *mut u8;
            let present = if tile + 1 == tiles { rows_in_last } else { TILE };
            let rows: [Option<*const u8>; TILE] = core::array::from_fn(|row| {
                (row < present).then(|| first.wrapping_add(row * row_bytes))
            });
            let blocks = with_block_format!(dtype, F => pack_blocks::<F>(&rows, out, cols));
            let floats = with_float_format!(dtype, F => pack_floats::<F>(&rows, out, cols));
            if blocks.or(floats) != Some(true) {
                finite.store(false, Relaxed);
            }
        }
    });
    finite.into_inner()
}

unsafe fn pack_blocks<F: BlockFormat>(
    rows: &[Option<*const u8>; TILE],
    out: *mut u8,
    cols: usize,
) -> bool {
    let mut finite = true;
    for block in 0..cols / F::COLS {
        let at = rows.map(|row| match row {
            Some(from) => from.add(block * F::BYTES),
            None => ZERO_BLOCK.as_ptr(),
        });
        for from in at {
            finite &= F::is_finite(from);
        }
        F::pack(&at, out.add(block * F::BYTES * TILE));
    }
    finite
}

unsafe fn pack_floats<F: FloatFormat>(
    rows: &[Option<*const u8>; TILE],
    out: *mut u8,
    cols: usize,
) -> bool {
    let mut finite = true;
    for (row, from) in rows.iter().enumerate() {
        for column in 0..cols {
            let to = out.add((column * TILE + row) * F::BYTES);
            match from {
                Some(from) => {
                    let number = from.add(column * F::BYTES);
                    core::ptr::copy_nonoverlapping(number, to, F::BYTES);
                    finite &= F::read(number).is_finite();
                }
                None => core::ptr::write_bytes(to, 0, F::BYTES),
            }
        }
    }
    finite
}
