//! Rows in order of their experts: a counting sort of (row, expert) pairs into places. Knows no weights.

use core::ops::Range;

/// Places stand in order of experts, within an expert in order of rows.
pub struct Grouping {
    /// [E + 1]: each expert's first place.
    starts: Vec<usize>,
    /// [B * K]: the row at each place.
    pub rows: Vec<u32>,
    /// [B * K]: the place of each row's slots.
    pub place_of: Vec<u32>,
}

impl Grouping {
    /// ids [B, K]; `None` unless they ascend within 0..experts in each row.
    pub fn new(ids: &[i32], used: usize, experts: usize) -> Option<Self> {
        let mut starts = vec![0; experts + 1];
        for row in ids.chunks(used) {
            let mut least = 0;
            for &id in row {
                if id < least || id as usize >= experts {
                    return None;
                }
                starts[id as usize + 1] += 1;
                least = id + 1;
            }
        }
        for expert in 0..experts {
            starts[expert + 1] += starts[expert];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; ids.len()];
        let place = |(slot, id): (usize, &i32)| {
            let place = next[*id as usize];
            next[*id as usize] += 1;
            rows[place] = (slot / used) as u32;
            place as u32
        };
        let place_of = ids.iter().enumerate().map(place).collect();
        Some(Self { starts, rows, place_of })
    }

    /// The places of an expert.
    pub fn places(&self, expert: usize) -> Range<usize> {
        self.starts[expert]..self.starts[expert + 1]
    }

    /// The experts from `first` on that have at most `places` places together, one at least; `None` if no rows are left.
    pub fn wave(&self, first: usize, places: usize) -> Option<Range<usize>> {
        let experts = self.starts.len() - 1;
        let done = self.starts[first];
        if done == self.rows.len() {
            return None;
        }
        let within = self.starts[first + 1..].partition_point(|&end| end - done <= places);
        Some(first..(first + within.max(1)).min(experts))
    }
}
