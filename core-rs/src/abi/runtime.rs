//! Memory and threads for the host: allocation by address, the life of helper threads. Not for kernels.

use crate::threads;
use std::alloc::{alloc, dealloc, Layout};
use wasm_bindgen::prelude::wasm_bindgen;

/// Cache lines are 64 bytes; every allocation starts on one.
const ALIGNMENT: usize = 64;

/// Address of `bytes` fresh bytes, or 0 if the memory may not grow that far.
#[wasm_bindgen]
pub fn allocate(bytes: usize) -> usize {
    match Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        Ok(layout) => unsafe { alloc(layout) as usize },
        Err(_) => 0,
    }
}

/// Gives back what `allocate` gave; `bytes` must be the same.
#[wasm_bindgen]
pub fn release(address: usize, bytes: usize) {
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGNMENT) {
        unsafe { dealloc(address as *mut u8, layout) }
    }
}

/// Copies bytes from one place to another; they may overlap.
#[wasm_bindgen]
pub fn copy_bytes(from: usize, to: usize, bytes: usize) {
    unsafe { core::ptr::copy(from as *const u8, to as *mut u8, bytes) }
}

/// Bytes of stack that a helper has to be given.
#[wasm_bindgen]
pub fn helper_stack_bytes() -> usize {
    threads::STACK_BYTES
}

/// Runs a helper thread until `stop_helpers`; a Worker calls it and does not come back before.
#[wasm_bindgen]
pub fn run_helper() {
    threads::help();
}

/// For tests: a helper that is ended while it works: it claims one chunk and does nothing for it.
#[wasm_bindgen]
pub fn drop_chunk() {
    threads::drop_chunk();
}

/// Ends all helpers.
#[wasm_bindgen]
pub fn stop_helpers() {
    threads::stop();
}

/// A helper has died; why stands at `failure_text`. From now on every op that shares work calls the import `helper_lost`.
#[wasm_bindgen]
pub fn poison_helpers() {
    threads::poison();
}

/// Address of the text that says why a helper died: UTF-8, `failure_text_bytes` of them, those after its end 0.
#[wasm_bindgen]
pub fn failure_text() -> usize {
    threads::reason() as usize
}

#[wasm_bindgen]
pub fn failure_text_bytes() -> usize {
    threads::REASON_BYTES
}

/// Whether the engine's thread may sleep while it waits for helpers: a browser's main thread may not.
#[wasm_bindgen]
pub fn let_caller_sleep(may: bool) {
    threads::let_caller_sleep(may);
}

/// For tests: naps of 50 ms until a helper that holds a chunk is given up.
#[wasm_bindgen]
pub fn set_patience(naps: u32) {
    threads::set_patience(naps);
}

/// For tests and benches: a job of `chunks` chunks that do nothing.
#[wasm_bindgen]
pub fn fork_join(chunks: usize) {
    threads::parallel_for(chunks, 1, &|_| {});
}

/// For tests: helpers that sleep until there is work.
#[wasm_bindgen]
pub fn sleeper_count() -> usize {
    threads::sleeper_count()
}

/// The engine's thread and the helpers that have arrived.
#[wasm_bindgen]
pub fn thread_count() -> usize {
    threads::thread_count()
}
