//! What the thread pool needs of the machine: sleep and wake, a clock, the memory's size, an error. Decides nothing.

use core::sync::atomic::AtomicU32;

/// Native builds have threads as well, for the tests.
pub const HAS_THREADS: bool = cfg!(any(target_feature = "atomics", not(target_arch = "wasm32")));

/// Milliseconds of a clock that never goes back; a call into JavaScript, about 100 ns. For helpers only.
pub fn now_ms() -> f64 {
    #[cfg(target_feature = "atomics")]
    return unsafe { imports::now_ms() };
    #[cfg(not(target_feature = "atomics"))]
    0.0
}

/// Size of the memory as this thread knows it.
pub fn memory_pages() -> usize {
    #[cfg(target_feature = "atomics")]
    return core::arch::wasm32::memory_size::<0>();
    #[cfg(not(target_feature = "atomics"))]
    0
}

/// Lets this thread learn that another has grown the memory. Engines tell their threads by an interrupt; where they check
/// bounds by code (V8 in Deno), a kernel that starts before it is handled traps on the new part. A call into JavaScript
/// handles it.
#[cold]
pub fn see_growth() {
    #[cfg(target_feature = "atomics")]
    unsafe {
        imports::see_growth()
    };
}

/// The job cannot be finished: the host throws, and the stack is left as it is.
#[cold]
pub fn helper_lost() -> ! {
    #[cfg(target_feature = "atomics")]
    unsafe {
        imports::helper_lost()
    };
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("a helper was lost");
}

/// Sleeps while `word` is `value` until notified; true if `nanoseconds` (-1: no limit) have passed first.
pub fn sleep(word: &AtomicU32, value: u32, nanoseconds: i64) -> bool {
    #[cfg(target_feature = "atomics")]
    return unsafe {
        core::arch::wasm32::memory_atomic_wait32(word.as_ptr() as *mut i32, value as i32, nanoseconds) == 2
    };
    #[cfg(not(target_feature = "atomics"))]
    {
        let start = (nanoseconds >= 0).then(std::time::Instant::now);
        while word.load(core::sync::atomic::Ordering::SeqCst) == value {
            if start.is_some_and(|start| start.elapsed().as_nanos() as i64 > nanoseconds) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

pub fn notify_all(word: &AtomicU32) {
    #[cfg(target_feature = "atomics")]
    unsafe {
        core::arch::wasm32::memory_atomic_notify(word.as_ptr() as *mut i32, u32::MAX);
    }
    #[cfg(not(target_feature = "atomics"))]
    let _ = word;
}

#[cfg(target_feature = "atomics")]
mod imports {
    #[link(wasm_import_module = "aha")]
    extern "C" {
        pub fn helper_lost();
        pub fn see_growth();
        pub fn now_ms() -> f64;
    }
}
