//! Clock, sleep, random numbers, threads and what they wait for.
//!
//! Threads are those of the system, so their functions may end them by `pthread_exit`.
//!
//! Mutexes are those of the system, with its checks: who locks one twice, or unlocks one that is not his,
//! is told so at once and ends, since nothing that follows could be right.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_int, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::mpsc;

use nng_aio::random::random_u32;
use nng_aio::{Error, clock};

use crate::boundary::{Out, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::{stack_size, start};
use crate::text::Text;

/// A mutex.
#[repr(C)]
pub struct nng_mtx {
    tag: Tag,
    /// It must not move once it was initialised.
    mutex: Box<UnsafeCell<libc::pthread_mutex_t>>,
}

/// A condition.
#[repr(C)]
pub struct nng_cv {
    tag: Tag,
    condition: Box<UnsafeCell<libc::pthread_cond_t>>,
    mutex: *mut libc::pthread_mutex_t,
}

/// A thread.
#[repr(C)]
pub struct nng_thread {
    tag: Tag,
    id: libc::pthread_t,
}

object! {
    nng_mtx = b"mutx";
    nng_cv = b"cond";
    nng_thread = b"thrd";
}

/// What a thread is to do.
struct Work {
    function: Option<extern "C-unwind" fn(*mut c_void)>,
    argument: *mut c_void,
    /// Opens by being dropped at the other end.
    gate: mpsc::Receiver<()>,
}

/// The function of all threads. What unwinds through it when a thread ends itself finds nothing to drop.
extern "C-unwind" fn run(work: *mut c_void) -> *mut c_void {
    if let Some((function, argument)) = prepare(work) {
        function(argument);
    }
    ptr::null_mut()
}

/// Does what is due before the function is called.
fn prepare(work: *mut c_void) -> Option<(extern "C-unwind" fn(*mut c_void), *mut c_void)> {
    // SAFETY: whoever began the thread made it from a box, and gave it to this thread alone.
    let work = unsafe { Box::<Work>::from_raw(work.cast()) };
    block_pipe_signal();
    // It may look for its own thread where the caller is about to find it.
    let _ = work.gate.recv();
    Some((work.function?, work.argument))
}

/// Begins a thread, which waits at the gate.
fn begin(work: Box<Work>) -> Result<libc::pthread_t, Error> {
    type Function = extern "C" fn(*mut c_void) -> *mut c_void;
    // SAFETY: the two differ in what may happen at the end of a thread alone, and POSIX allows both.
    let run: Function = unsafe { mem::transmute(run as extern "C-unwind" fn(_) -> _) };
    let mut id = MaybeUninit::uninit();
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: initialises a local variable.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } != 0 {
        return Err(Error::NoMemory);
    }
    let work = Box::into_raw(work);
    // SAFETY: it was initialised.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack_size()) };
    // SAFETY: as above; fills a local variable, and what the thread is given is its own.
    let result =
        unsafe { libc::pthread_create(id.as_mut_ptr(), attributes.as_ptr(), run, work.cast()) };
    // SAFETY: they were initialised and are not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if result != 0 {
        // SAFETY: there is no thread that has it.
        drop(unsafe { Box::from_raw(work) });
        return Err(Error::NoMemory);
    }
    // SAFETY: it was filled by the call that succeeded.
    Ok(unsafe { id.assume_init() })
}

/// Ends the process: what the program has done cannot be undone.
fn fatal(what: &str) -> ! {
    eprintln!("panic: {what}");
    std::process::abort();
}

export! {
    fn nng_clock() -> u64 {
        start();
        clock::monotonic_ms()
    }

    fn nng_msleep(ms: i32) {
        start();
        clock::sleep(clock::duration_of_ms(ms));
    }

    fn nng_random() -> u32 {
        start();
        random_u32()
    }

    /// Programs that the caller starts inherit the two, unlike all other descriptors of ours.
    fn nng_socket_pair(fds: Option<&mut MaybeUninit<[c_int; 2]>>) -> c_int {
        let fds = fds?;
        let mut pair = [-1; 2];
        // SAFETY: fills a local variable.
        let result =
            unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr()) };
        let made = if result == 0 { Ok(pair) } else { Err(std::io::Error::last_os_error().into()) };
        fill(fds, made)
    }

    fn nng_mtx_alloc(mtxp: Out<'_, *mut nng_mtx>) -> c_int {
        start();
        let mtxp = mtxp?;
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialises a local variable.
        unsafe { libc::pthread_mutexattr_init(attributes.as_mut_ptr()) };
        // SAFETY: it was initialised.
        unsafe {
            libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ERRORCHECK)
        };
        let mutex = Box::new(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
        // SAFETY: nobody else knows the mutex; the attributes are initialised.
        let result = unsafe { libc::pthread_mutex_init(mutex.get(), attributes.as_ptr()) };
        // SAFETY: they were initialised and are not used again.
        unsafe { libc::pthread_mutexattr_destroy(attributes.as_mut_ptr()) };
        let made = if result == 0 { Ok(mutex) } else { Err(Error::NoMemory) };
        fill(mtxp, made.map(|mutex| give(nng_mtx { tag: Tag::of::<nng_mtx>(), mutex })))
    }

    fn nng_mtx_free(mtx: *mut nng_mtx) {
        let mtx = take(mtx)?;
        // SAFETY: it was initialised, and C promises that nobody has it locked or uses it again.
        unsafe { libc::pthread_mutex_destroy(mtx.mutex.get()) };
    }

    fn nng_mtx_lock(mtx: Option<&nng_mtx>) {
        // SAFETY: it was initialised and is not freed while it is in use.
        if unsafe { libc::pthread_mutex_lock(live(mtx)?.mutex.get()) } != 0 {
            fatal("a mutex is locked by the thread that has it locked");
        }
    }

    fn nng_mtx_unlock(mtx: Option<&nng_mtx>) {
        // SAFETY: as above; whether it is this thread's is checked by the system.
        if unsafe { libc::pthread_mutex_unlock(live(mtx)?.mutex.get()) } != 0 {
            fatal("a mutex is unlocked by a thread that has it not locked");
        }
    }

    fn nng_cv_alloc(cvp: Out<'_, *mut nng_cv>, mtx: Option<&nng_mtx>) -> c_int {
        let (cvp, mtx) = (cvp?, live(mtx)?);
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialises a local variable.
        unsafe { libc::pthread_condattr_init(attributes.as_mut_ptr()) };
        // SAFETY: it was initialised.
        unsafe { libc::pthread_condattr_setclock(attributes.as_mut_ptr(), libc::CLOCK_MONOTONIC) };
        let condition = Box::new(UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER));
        // SAFETY: nobody else knows the condition; the attributes are initialised.
        let result = unsafe { libc::pthread_cond_init(condition.get(), attributes.as_ptr()) };
        // SAFETY: they were initialised and are not used again.
        unsafe { libc::pthread_condattr_destroy(attributes.as_mut_ptr()) };
        let made = if result == 0 { Ok(condition) } else { Err(Error::NoMemory) };
        fill(cvp, made.map(|condition| {
            give(nng_cv { tag: Tag::of::<nng_cv>(), condition, mutex: mtx.mutex.get() })
        }))
    }

    fn nng_cv_free(cv: *mut nng_cv) {
        let cv = take(cv)?;
        // SAFETY: it was initialised, and C promises that nobody waits for it or uses it again.
        unsafe { libc::pthread_cond_destroy(cv.condition.get()) };
    }

    fn nng_cv_wait(cv: Option<&nng_cv>) {
        wait(live(cv)?);
    }

    fn nng_cv_until(cv: Option<&nng_cv>, when: u64) -> c_int {
        let cv = live(cv)?;
        if when == 0 {
            return Some(Error::Again.code());
        }
        let Some(at) = clock::instant_at(when) else {
            wait(cv);
            return Some(0);
        };
        let until = absolute(at.saturating_duration_since(clock::now()));
        // SAFETY: as above; the time is a local variable.
        let result = unsafe {
            libc::pthread_cond_timedwait(cv.condition.get(), cv.mutex, &raw const until)
        };
        match result {
            0 => 0,
            libc::ETIMEDOUT => Error::TimedOut.code(),
            _ => fatal(UNLOCKED),
        }
    }

    fn nng_cv_wake(cv: Option<&nng_cv>) {
        // SAFETY: it was initialised and is not freed while it is in use.
        unsafe { libc::pthread_cond_broadcast(live(cv)?.condition.get()) };
    }

    fn nng_cv_wake1(cv: Option<&nng_cv>) {
        // SAFETY: it was initialised and is not freed while it is in use.
        unsafe { libc::pthread_cond_signal(live(cv)?.condition.get()) };
    }

    fn nng_thread_create(
        threadp: Out<'_, *mut nng_thread>,
        function: Option<extern "C-unwind" fn(*mut c_void)>,
        argument: *mut c_void,
    ) -> c_int {
        start();
        let threadp = threadp?;
        let (open, gate) = mpsc::channel::<()>();
        let begun = begin(Box::new(Work { function, argument, gate }));
        let made = begun.map(|id| give(nng_thread { tag: Tag::of::<nng_thread>(), id }));
        let result = fill(threadp, made);
        drop(open);
        result
    }

    fn nng_thread_set_name(thread: Option<&nng_thread>, name: Text) {
        let name = CString::new(name.bytes()?).ok()?;
        // SAFETY: asks for this thread.
        let own = || unsafe { libc::pthread_self() };
        let id = if thread.is_some() { live(thread)?.id } else { own() };
        // SAFETY: the thread has not been joined, since its object lives; a name that is too long is
        // refused by the system.
        unsafe { libc::pthread_setname_np(id, name.as_ptr()) };
    }

    fn nng_thread_destroy(thread: *mut nng_thread) {
        let thread = take(thread)?;
        // SAFETY: asks for this thread.
        let own = unsafe { libc::pthread_self() };
        // SAFETY: only whoever took the object gets here, so the thread is joined or let go of once, and lives
        // until then.
        if unsafe { libc::pthread_equal(own, thread.id) } != 0 {
            // It cannot wait for itself, and goes on alone.
            // SAFETY: as above.
            unsafe { libc::pthread_detach(thread.id) };
        } else {
            // SAFETY: as above; how it has ended is its own business.
            unsafe { libc::pthread_join(thread.id, ptr::null_mut()) };
        }
    }
}

const UNLOCKED: &str = "a condition is waited for by a thread that has its mutex not locked";

/// Waits for a condition, without an end.
fn wait(cv: &nng_cv) {
    // SAFETY: both were initialised; whether the mutex is locked by this thread is checked by the system.
    if unsafe { libc::pthread_cond_wait(cv.condition.get(), cv.mutex) } != 0 {
        fatal(UNLOCKED);
    }
}

/// Returns the reading of the system's clock after that time.
fn absolute(after: std::time::Duration) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills a local variable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let nanos = i64::from(after.subsec_nanos()) + now.tv_nsec;
    let seconds = libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX / 2);
    libc::timespec {
        tv_sec: now.tv_sec.saturating_add(seconds).saturating_add(nanos / 1_000_000_000),
        tv_nsec: nanos % 1_000_000_000,
    }
}

/// As in threads of the runtime: who writes where nobody reads any more is told by `EPIPE` alone.
fn block_pipe_signal() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: initialises a local variable.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was initialised, and the signal exists.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: as above; what was blocked before is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut()) };
}

// SAFETY: a pthread mutex is made for several threads; nobody reaches it but through calls of the system.
unsafe impl Sync for nng_mtx {}
// SAFETY: as for mutexes.
unsafe impl Sync for nng_cv {}
