//! Kernels of Aha. This file maps the crate and defines the shape letters; it holds no logic.
//!
//! Shape letters, used in every doc comment: P prompts, G group, B rows, T tokens, C width, H heads, D head size,
//! R latent rank, E experts, K active experts (or the reduced dimension of a product), F hidden, V vocabulary, N outputs.
//!
//! - `simd` the vector types every kernel is written in, once; native builds run them on plain arrays
//! - `threads` fork and join over helper threads that share one memory
//! - `half`, `dtype` number formats; `math` exp and log on vectors; `rng` Philox
//! - `quant` one block format a file
//! - `ops` one operation a file
//! - `abi` what JavaScript may call: plain numbers in, status codes out
#![cfg_attr(target_feature = "atomics", feature(stdarch_wasm_atomic_wait))]

pub mod abi;
pub mod dtype;
pub mod half;
pub mod math;
pub mod ops;
pub mod quant;
pub mod rng;
pub mod simd;
#[cfg(test)]
mod slopes;
pub mod threads;
