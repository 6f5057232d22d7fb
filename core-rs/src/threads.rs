//! Fork and join over helper threads that share one memory. Splits outputs, never sums: results do not depend on the
//! number of threads. Knows nothing of what the bodies compute.
//!
//! One word, `CLAIM`, holds the generation of the job (high half) and the chunks not yet claimed (low half). A thread owns
//! a chunk once its compare-and-swap has lowered the count, so a helper that wakes late can never touch a finished job.
//!
//! Who waits spins for some microseconds and then sleeps; the caller notifies only if a helper sleeps. Spinning is quick
//! where every thread has a core. Where others run too, it takes the core from the very thread that is waited for, so a
//! helper spins less when its caller stayed away for long, and least when it finds that it has lost its own core.

mod host;

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering::SeqCst};
use std::cell::UnsafeCell;

type Body<'a> = &'a (dyn Fn(Range<usize>) + Sync);

/// Chunks a thread gets on average, so that a slow core holds back little.
const CHUNKS_PER_THREAD: usize = 6;
/// Turns of the caller's wait for the last chunks before it sleeps, about 80 us.
const JOIN_TURNS: u32 = 1 << 15;
/// Turns of a helper's wait for a job before it sleeps: about 5 us where cores are scarce, 0.6 ms where they are not.
const SPIN_TURNS: Range<u32> = 1 << 11..1 << 18;
/// Turns between two looks at the clock, about 2 us. If more than this time has passed, the helper had no core, and for some
/// time it takes cores for scarce.
const CLOCK_TURNS: u32 = 1 << 10;
const PREEMPTED_MS: f64 = 0.2;
const SCARCE_MS: f64 = 100.0;
/// A helper that was woken sooner should have spun on; where it takes longer, the caller was away.
const BRIEF_NANOSECONDS: i64 = 500_000;
/// How long the caller sleeps at a time for a chunk, and how often: a helper that takes longer is given up.
const NAP_NANOSECONDS: i64 = 50_000_000;
static PATIENCE_NAPS: AtomicU32 = AtomicU32::new(400);
/// Turns that stand for a nap where the caller may not sleep.
const TURNS_OF_A_NAP: u32 = 1 << 24;
/// Stack of a helper. Nothing guards its end: what is beyond is the heap, and a body that needs more writes into it.
pub const STACK_BYTES: usize = 1 << 20;
/// What a body may keep on the stack, the rest is for those it calls.
pub const BODY_BYTES: usize = STACK_BYTES / 2;
/// Bytes of the text that says why a helper died.
pub const REASON_BYTES: usize = 256;

static CLAIM: AtomicU64 = AtomicU64::new(0);
/// Chunks claimed or unclaimed that are not finished.
static PENDING: AtomicU32 = AtomicU32::new(0);
static WAKE: AtomicU32 = AtomicU32::new(0);
static SLEEPERS: AtomicU32 = AtomicU32::new(0);
static HELPERS: AtomicU32 = AtomicU32::new(0);
static STOP: AtomicU32 = AtomicU32::new(0);
static POISONED: AtomicU32 = AtomicU32::new(0);
static REASON: [AtomicU8; REASON_BYTES] = [const { AtomicU8::new(0) }; REASON_BYTES];
/// 1 where the caller may sleep: a browser's main thread may not.
static CALLER_MAY_SLEEP: AtomicU32 = AtomicU32::new(0);
static CALLER_SLEEPS: AtomicU32 = AtomicU32::new(0);

struct Job {
    body: [usize; 2],
    items: usize,
    chunk: usize,
    chunks: usize,
    /// Size of the memory that the body may touch.
    pages: usize,
}
struct JobCell(UnsafeCell<Job>);
// Written by the caller before it publishes CLAIM, read by a thread after it has claimed a chunk.
unsafe impl Sync for JobCell {}
static JOB: JobCell = JobCell(UnsafeCell::new(Job { body: [0; 2], items: 0, chunk: 0, chunks: 0, pages: 0 }));

/// Runs `body` over `0..items` in ranges of at least `grain` items, on this thread and the idle helpers, and returns
/// when all are done. `body` takes nothing from the allocator: one that grows the memory there lets other threads trap, who
/// do not know of the growth yet and may hold the allocator's lock. Only the thread that owns the engine may call it; `body` must not call it again. Does not return
/// if a helper is lost: the host throws, now and at each later call.
pub fn parallel_for(items: usize, grain: usize, body: Body) {
    let threads = thread_count();
    let chunk = grain.max(1).max(items / (threads * CHUNKS_PER_THREAD));
    let chunks = items.div_ceil(chunk);
    // A job that was broken off has chunks that are not done, and a helper may still write to where they were.
    if POISONED.load(SeqCst) != 0 || PENDING.load(SeqCst) != 0 {
        host::helper_lost();
    }
    if threads == 1 || chunks <= 1 {
        if items > 0 {
            body(0..items);
        }
        return;
    }
    unsafe {
        let body = core::mem::transmute::<Body, [usize; 2]>(body);
        *JOB.0.get() = Job { body, items, chunk, chunks, pages: host::memory_pages() };
    }
    PENDING.store(chunks as u32, SeqCst);
    let generation = (CLAIM.load(SeqCst) >> 32).wrapping_add(1);
    CLAIM.store((generation << 32) | chunks as u64, SeqCst);
    WAKE.fetch_add(1, SeqCst);
    if SLEEPERS.load(SeqCst) > 0 {
        host::notify_all(&WAKE);
    }
    while run_one_chunk() {}
    for _ in 0..JOIN_TURNS {
        if PENDING.load(SeqCst) == 0 {
            return;
        }
        core::hint::spin_loop();
    }
    await_last_chunks();
}

/// The caller's long wait: a helper that holds a chunk has no core. Asleep, the caller leaves it its own.
#[cold]
#[inline(never)]
fn await_last_chunks() {
    let (mut naps, mut last) = (0, 0);
    loop {
        let left = PENDING.load(SeqCst);
        if left == 0 {
            return;
        }
        if left != last {
            (naps, last) = (0, left);
        }
        if POISONED.load(SeqCst) != 0 || naps >= PATIENCE_NAPS.load(SeqCst) {
            host::helper_lost();
        }
        if CALLER_MAY_SLEEP.load(SeqCst) != 0 {
            // Who lowers PENDING after this store sees it, who did so before has changed `left`: no wake is missed.
            CALLER_SLEEPS.store(1, SeqCst);
            let timed_out = host::sleep(&PENDING, left, NAP_NANOSECONDS);
            CALLER_SLEEPS.store(0, SeqCst);
            naps += timed_out as u32;
        } else {
            let mut turns = 0;
            while turns < TURNS_OF_A_NAP && PENDING.load(SeqCst) == left && POISONED.load(SeqCst) == 0 {
                core::hint::spin_loop();
                turns += 1;
            }
            naps += (turns == TURNS_OF_A_NAP) as u32;
        }
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
        while host::memory_pages() < job.pages {
            host::see_growth();
        }
        let body = unsafe { core::mem::transmute::<[usize; 2], Body>(job.body) };
        let start = (job.chunks - left) * job.chunk;
        body(start..(start + job.chunk).min(job.items));
        if PENDING.fetch_sub(1, SeqCst) == 1 && CALLER_SLEEPS.load(SeqCst) != 0 {
            host::notify_all(&PENDING);
        }
        return true;
    }
}

/// The life of a helper thread: work, spin, sleep, until `stop`. Returns at once where there is no shared memory.
pub fn help() {
    if !host::HAS_THREADS {
        return;
    }
    HELPERS.fetch_add(1, SeqCst);
    let mut idle = 0;
    let mut spin_turns = SPIN_TURNS.end;
    let mut last_ms = 0.0;
    let mut scarce_until_ms = 0.0;
    loop {
        // Before STOP: a stop that comes after this has changed WAKE.
        let wake = WAKE.load(SeqCst);
        if STOP.load(SeqCst) != 0 {
            break;
        }
        if run_one_chunk() {
            idle = 0;
            continue;
        }
        idle += 1;
        if idle % CLOCK_TURNS == 1 {
            let now_ms = host::now_ms();
            if idle > 1 && now_ms - last_ms > PREEMPTED_MS {
                scarce_until_ms = now_ms + SCARCE_MS;
            }
            last_ms = now_ms;
        }
        let is_scarce = last_ms < scarce_until_ms;
        if idle < if is_scarce { SPIN_TURNS.start } else { spin_turns } {
            core::hint::spin_loop();
            continue;
        }
        SLEEPERS.fetch_add(1, SeqCst);
        // A job published after `wake` was read has changed WAKE, so this wait returns at once.
        if host::sleep(&WAKE, wake, BRIEF_NANOSECONDS) {
            spin_turns = (spin_turns / 4).max(SPIN_TURNS.start);
            host::sleep(&WAKE, wake, -1);
        } else {
            spin_turns = (spin_turns + spin_turns / 4).min(SPIN_TURNS.end);
        }
        SLEEPERS.fetch_sub(1, SeqCst);
        idle = 0;
    }
    HELPERS.fetch_sub(1, SeqCst);
}

/// For tests: a helper that is ended while it works. Claims one chunk of a job to come and does nothing for it.
pub fn drop_chunk() {
    HELPERS.fetch_add(1, SeqCst);
    loop {
        let word = CLAIM.load(SeqCst);
        if word as u32 != 0 && CLAIM.compare_exchange(word, word - 1, SeqCst, SeqCst).is_ok() {
            return;
        }
    }
}

/// Ends all helpers; they leave `help` when they next look.
pub fn stop() {
    STOP.store(1, SeqCst);
    WAKE.fetch_add(1, SeqCst);
    host::notify_all(&WAKE);
}

/// Says that a helper has died: the caller gives up instead of waiting for its chunk, now or at its next job.
pub fn poison() {
    POISONED.store(1, SeqCst);
    host::notify_all(&PENDING);
}

/// Where a helper's last words go before `poison`: UTF-8, up to `REASON_BYTES`, the rest 0.
pub fn reason() -> *const AtomicU8 {
    REASON.as_ptr()
}

/// Whether the caller may sleep. Until told, it spins.
pub fn let_caller_sleep(may: bool) {
    CALLER_MAY_SLEEP.store(may as u32, SeqCst);
}

/// For tests: how many naps of 50 ms the caller waits for one chunk.
pub fn set_patience(naps: u32) {
    PATIENCE_NAPS.store(naps, SeqCst);
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
