//! A mixture of experts for the host: routing and the experts themselves. No arithmetic; shapes stand at the ops.
//!
//! Functions that return a status write nothing if it is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, sizes that
//! do not fit together, ids that do not ascend in each row or lie outside 0..E.

use super::linear::checked;
use super::{BAD_ARGUMENT, OK};
use crate::ops::experts::{self as mixture, Bank, BankAdapter, Experts};
use crate::ops::route::{self as router, GroupScore, Rule, Scoring};
use core::slice;
use wasm_bindgen::prelude::wasm_bindgen;

/// logits f32 [rows, experts], bias f32 [experts] (0: none), forced i32 [rows, used] (0: none) -> ids i32 and weights f32
/// [rows, used]. `sigmoid` scores, else softmax; `two_best` ranks groups by their two best scores, else by the best. A row of
/// which a logit, or a number of the bias, is not finite gets the first experts and NaN weights.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn route(
    logits: usize,
    bias: usize,
    forced: usize,
    ids: usize,
    weights: usize,
    rows: usize,
    experts: usize,
    used: usize,
    sigmoid: bool,
    groups: usize,
    groups_used: usize,
    two_best: bool,
    normalize: bool,
    scale: f32,
) -> u32 {
    if [logits, ids, weights].contains(&0) {
        return BAD_ARGUMENT;
    }
    let rule = unsafe { rule_of(bias, experts, used, sigmoid, groups, groups_used, two_best, normalize, scale) };
    let forced = (forced != 0).then(|| unsafe { slice::from_raw_parts(forced as *const i32, rows * used) });
    let fits = unsafe { router::route(logits as *const f32, rows, &rule, forced, ids as *mut i32, weights as *mut f32) };
    if fits { OK } else { BAD_ARGUMENT }
}

/// # Safety
/// `bias` is 0 or holds `experts` numbers that nobody writes meanwhile.
#[allow(clippy::too_many_arguments)]
pub(super) unsafe fn rule_of<'a>(
    bias: usize,
    experts: usize,
    used: usize,
    sigmoid: bool,
    groups: usize,
    groups_used: usize,
    two_best: bool,
    normalize: bool,
    scale: f32,
) -> Rule<'a> {
    Rule {
        experts,
        used,
        scoring: if sigmoid { Scoring::Sigmoid } else { Scoring::Softmax },
        bias: (bias != 0).then(|| slice::from_raw_parts(bias as *const f32, experts)),
        groups,
        groups_used,
        group_score: if two_best { GroupScore::TwoBest } else { GroupScore::Best },
        normalize,
        scale,
    }
}

/// Bytes of room that `experts` needs; 0 if the bank does not fit the sizes.
#[wasm_bindgen]
pub fn experts_room(banks: usize, rows: usize, used: usize, width: usize, hidden: usize, adapters: usize) -> usize {
    match unsafe { banks_at(banks, width, hidden) } {
        Ok(banks) => {
            let adapters = unsafe { adapters_at(adapters) };
            Experts { adapters, ..job(banks, rows, used, width, hidden) }.room_bytes()
        }
        Err(_) => 0,
    }
}

/// `banks` u32 [3, 2] holds type and address of gate, up (each expert's [hidden, width]) and down (each expert's
/// [width, hidden]), every expert beginning with a tile; `adapters` u32 [3, 4] those of their A, B, rank (0: none) and the bits
/// of the scale, f32 packed alike, or is 0; x f32 [rows, width] or 0 where gate and up are quantized and have no adapters, act what
/// `quantize_rows` made of it or 0 where both are float; ids i32 and weights f32 [rows, used] -> out f32 [rows, width].
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn experts(
    banks: usize,
    x: usize,
    act: usize,
    ids: usize,
    weights: usize,
    room: usize,
    out: usize,
    rows: usize,
    used: usize,
    experts: usize,
    width: usize,
    hidden: usize,
    adapters: usize,
) -> u32 {
    if [ids, weights, room, out, used].contains(&0) {
        return BAD_ARGUMENT;
    }
    let Ok(banks) = (unsafe { banks_at(banks, width, hidden) }) else {
        return BAD_ARGUMENT;
    };
    let input = |bank: &Bank| if bank.dtype.is_quantized() { act } else { x };
    let adapters = unsafe { adapters_at(adapters) };
    let adapts_x = adapters[..2].iter().any(BankAdapter::is_some);
    if banks[..2].iter().any(|bank| input(bank) == 0) || (adapts_x && x == 0) {
        return BAD_ARGUMENT;
    }
    let job = Experts {
        adapters,
        x: x as *const f32,
        act: act as *const u8,
        ids: ids as *const i32,
        weights: weights as *const f32,
        room: room as *mut u8,
        out: out as *mut f32,
        experts,
        ..job(banks, rows, used, width, hidden)
    };
    if unsafe { mixture::experts(&job) } { OK } else { BAD_ARGUMENT }
}

/// A mixture without its data.
fn job([gate, up, down]: [Bank; 3], rows: usize, used: usize, width: usize, hidden: usize) -> Experts {
    Experts {
        gate,
        up,
        down,
        adapters: [BankAdapter::NONE; 3],
        x: core::ptr::null(),
        act: core::ptr::null(),
        ids: core::ptr::null(),
        weights: core::ptr::null(),
        room: core::ptr::null_mut(),
        out: core::ptr::null_mut(),
        rows,
        used,
        experts: 0,
        width,
        hidden,
    }
}

/// # Safety
/// `address` is 0 or that of three pairs of a type and an address.
pub(super) unsafe fn banks_at(address: usize, width: usize, hidden: usize) -> Result<[Bank; 3], u32> {
    if [address, width, hidden].contains(&0) {
        return Err(BAD_ARGUMENT);
    }
    let words = *(address as *const [[u32; 2]; 3]);
    let bank = |i: usize, cols: usize| -> Result<Bank, u32> {
        let [dtype, packed] = words[i];
        let dtype = checked(dtype, cols, &[packed as usize])?;
        Ok(Bank { dtype, packed: packed as usize as *const u8 })
    };
    Ok([bank(0, width)?, bank(1, width)?, bank(2, hidden)?])
}

/// # Safety
/// `address` is 0, for none, or that of three adapters.
pub(super) unsafe fn adapters_at(address: usize) -> [BankAdapter; 3] {
    if address == 0 {
        return [BankAdapter::NONE; 3];
    }
    (*(address as *const [[u32; 4]; 3])).map(|[a, b, rank, scale]| BankAdapter {
        a: a as usize as *const u8,
        b: b as usize as *const u8,
        rank: rank as usize,
        scale: f32::from_bits(scale),
    })
}
