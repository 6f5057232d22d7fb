//! The formats with levels -1, 0 and 1 and one f16 scale for 256 columns, one a file.

pub mod tq1_0;
pub mod tq2_0;

use super::{apply_scales, load_scales, minus_8_sums};
use crate::quant::activation::GROUP_BYTES;
use crate::quant::planes::{dot_group, LevelSource, PlaneRoom};
use crate::quant::{integer_dot, Constants, TileSums, GROUP};

/// `BlockFormat::accumulate` of levels with the offset 1 and a packed block that begins with 8 scales; `FORMED` ones are
/// made a plane at a time.
#[inline(always)]
unsafe fn accumulate<const R: usize, const FORMED: bool>(
    sums: &mut [TileSums; R],
    packed: *const u8,
    source: impl LevelSource,
    act: [*const u8; R],
    c: &Constants,
) {
    let d = load_scales(packed, c);
    let mut room = PlaneRoom::uninit();
    for g in 0..8 {
        let act = act.map(|a| a.add(g * GROUP_BYTES));
        let mut integer = minus_8_sums(&act).map(|rows| rows.map(|sum| sum.shr_s::<3>()));
        if FORMED {
            dot_group(&mut integer, source.formed(g, &mut room), 0, &act);
        } else {
            dot_group(&mut integer, source, g, &act);
        }
        apply_scales(sums, &integer, d, &act);
    }
}

/// Its scalar twin: `level` of a column is without the offset.
fn accumulate_scalar(
    mut sum: f32,
    d: f32,
    level: impl Fn(usize) -> i32,
    quants: &[i32],
    scales: &[f32],
) -> f32 {
    for (g, group) in quants.chunks(GROUP).enumerate() {
        let integer = integer_dot(group, |k| level(GROUP * g + k));
        sum += integer as f32 * (d * scales[g]);
    }
    sum
}
