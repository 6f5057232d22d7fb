//! Fork and join over helper threads that share one memory. Splits outputs, never sums: results do not depend on the
//! number of threads. Knows nothing of what the bodies compute.
//!
//! One word, `CLAIM`, holds the generation of the job (high half) and the chunks not yet claimed (low half). A thread owns
//! a chunk once its compare-and-swap has lowered the count, so a helper that wakes late can never touch a finished job.
//! Helpers spin for about a millisecond and then sleep on `WAKE`; the caller notifies only if somebody sleeps.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::cell::UnsafeCell;

type Body<'a> = &'a (dyn Fn(Range<usize>) + Sync);

/// Chunks a thread gets on average, so that a slow core holds back little.
const CHUNKS_PER_THREAD: usize = 6;
/// Turns of the idle loop before a helper sleeps, about 1 ms.
#[cfg(target_feature = "atomics")]
const SPIN_TURNS: u32 = 1 << 19;

static CLAIM: AtomicU64 = AtomicU64::new(0);
/// Chunks claimed or unclaimed that are not finished.
static PENDING: AtomicU32 = AtomicU32::new(0);
static WAKE: AtomicU32 = AtomicU32::new(0);
static SLEEPERS: AtomicU32 = AtomicU32::new(0);
static HELPERS: AtomicU32 = AtomicU32::new(0);
static STOP: AtomicU32 = AtomicU32::new(0);
static POISONED: AtomicU32 = AtomicU32::new(0);

struct Job {
    body: [usize; 2],
    items: usize,
    chunk: usize,
    chunks: usize,
}
struct JobCell(UnsafeCell<Job>);
// Written by the caller before it publishes CLAIM, read by a thread after it has claimed a chunk.
unsafe impl Sync for JobCell {}
static JOB: JobCell = JobCell(UnsafeCell::new(Job { body: [0; 2], items: 0, chunk: 0, chunks: 0 }));

/// Runs `body` over `0..items` in ranges of at least `grain` items, on this thread and the idle helpers, and returns
/// when all are done. Only the thread that owns the engine may call it; `body` must not call it again.
pub fn parallel_for(items: usize, grain: usize, body: Body) {
    let threads = thread_count();
    let chunk = grain.max(1).max(items / (threads * CHUNKS_PER_THREAD));
    let chunks = items.div_ceil(chunk);
    if threads == 1 || chunks <= 1 {
        if items > 0 {
            body(0..items);
        }
        return;
    }
    if POISONED.load(SeqCst) != 0 {
        abort();
    }
    unsafe {
        let body = core::mem::transmute::<Body, [usize; 2]>(body);
        *JOB.0.get() = Job { body, items, chunk, chunks };
    }
    PENDING.store(chunks as u32, SeqCst);
    let generation = (CLAIM.load(SeqCst) >> 32).wrapping_add(1);
    CLAIM.store((generation << 32) | chunks as u64, SeqCst);
    WAKE.fetch_add(1, SeqCst);
    if SLEEPERS.load(SeqCst) > 0 {
        notify_all();
    }
    while run_one_chunk() {}
    while PENDING.load(SeqCst) > 0 {
        if POISONED.load(SeqCst) != 0 {
            abort();
        }
        core::hint::spin_loop();
    }
}

/// Threads that share the work: the caller and the helpers that have arrived.
pub fn thread_count() -> usize {
    HELPERS.load(SeqCst) as usize + 1
}

/// Helpers that sleep until there is work.
pub fn sleeper_count() -> usize {
    SLEEPERS.load(SeqCst) as usize
}

/// Claims one chunk of the current job and runs it; false if none is left.
fn run_one_chunk() -> bool {
    loop {
        let word = CLAIM.load(SeqCst);
        let left = word as u32 as usize;
        if left == 0 {
            return false;
        }
        if CLAIM.compare_exchange_weak(word, word - 1, SeqCst, SeqCst).is_err() {
            continue;
        }
        // The chunk is ours, so the job cannot end and its fields cannot change before PENDING falls.
        let job = unsafe { &*JOB.0.get() };
        let body = unsafe { core::mem::transmute::<[usize; 2], Body>(job.body) };
        let start = (job.chunks - left) * job.chunk;
        body(start..(start + job.chunk).min(job.items));
        PENDING.fetch_sub(1, SeqCst);
        return true;
    }
}

/// The life of a helper thread: work, spin, sleep, until `stop`. Returns at once where there is no shared memory.
pub fn help() {
    #[cfg(target_feature = "atomics")]
    {
        HELPERS.fetch_add(1, SeqCst);
        let mut idle = 0;
        while STOP.load(SeqCst) == 0 {
            let wake = WAKE.load(SeqCst);
            if run_one_chunk() {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle < SPIN_TURNS {
                core::hint::spin_loop();
                continue;
            }
            SLEEPERS.fetch_add(1, SeqCst);
            // A job published after `wake` was read has changed WAKE, so this wait returns at once.
            unsafe {
                core::arch::wasm32::memory_atomic_wait32(WAKE.as_ptr() as *mut i32, wake as i32, -1);
            }
            SLEEPERS.fetch_sub(1, SeqCst);
            idle = 0;
        }
        HELPERS.fetch_sub(1, SeqCst);
    }
}

/// Ends all helpers; they leave `help` when they next look.
pub fn stop() {
    STOP.store(1, SeqCst);
    WAKE.fetch_add(1, SeqCst);
    notify_all();
}

/// Says that a helper has died inside a body: the caller aborts instead of waiting for its chunk, now or at its next job.
pub fn poison() {
    POISONED.store(1, SeqCst);
}

fn notify_all() {
    #[cfg(target_feature = "atomics")]
    unsafe {
        core::arch::wasm32::memory_atomic_notify(WAKE.as_ptr() as *mut i32, u32::MAX);
    }
}

#[cold]
fn abort() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_for_covers_every_item_once() {
        for items in [0usize, 1, 2, 7, 100] {
            for grain in [1usize, 3, 1000] {
                let hits: Vec<AtomicU32> = (0..items).map(|_| AtomicU32::new(0)).collect();
                parallel_for(items, grain, &|range| {
                    for i in range {
                        hits[i].fetch_add(1, SeqCst);
                    }
                });
                assert!(hits.iter().all(|h| h.load(SeqCst) == 1));
            }
        }
    }
}
