//! What JavaScript may call, one file a family of ops: addresses and numbers in, status codes out. Checks arguments,
//! makes no decisions. Addresses are byte offsets in the wasm memory.

pub mod attention_gradients;
pub mod gradients;
pub mod heads;
pub mod layers;
pub mod linear;
pub mod mixture;
pub mod mixture_gradients;
pub mod optimizer;
pub mod runtime;
pub mod sampling;
pub mod twins;

/// Done.
pub const OK: u32 = 0;
/// Sizes that do not fit together, an index out of range, an unknown type.
pub const BAD_ARGUMENT: u32 = 1;
/// A weight is infinite or not a number.
pub const NON_FINITE: u32 = 2;
