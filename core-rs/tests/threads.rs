//! Many small jobs on more threads than cores: every item once, whatever the scheduler does. Threads are those of the
//! system here; what runs in wasm is tested in TypeScript. One test in this file, since the pool is one for the process.

use aha_core::threads::{help, parallel_for, stop, thread_count};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

const HELPERS: usize = 3;
const JOBS: usize = 50_000;

#[test]
fn parallel_for_runs_every_item_of_every_job_once() {
    let helpers: Vec<_> = (0..HELPERS).map(|_| std::thread::spawn(help)).collect();
    while thread_count() < HELPERS + 1 {
        std::thread::yield_now();
    }
    let hits: Vec<AtomicU32> = (0..97).map(|_| AtomicU32::new(0)).collect();
    for job in 0..JOBS {
        // Sizes repeat, so that a late helper meets jobs that look like its own; some jobs last, so that helpers sleep.
        let items = [2, 97, 2, 13, 40][job % 5];
        parallel_for(items, 1, &|range| {
            for hit in &hits[range] {
                hit.fetch_add(1, SeqCst);
                if job % 1000 == 0 {
                    std::thread::sleep(std::time::Duration::from_micros(100));
                }
            }
        });
        for (i, hit) in hits.iter().enumerate() {
            assert_eq!(hit.swap(0, SeqCst), (i < items) as u32, "job {job}, item {i}");
        }
    }
    stop();
    for helper in helpers {
        helper.join().expect("no helper panics");
    }
    assert_eq!(thread_count(), 1);
}
