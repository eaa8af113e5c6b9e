//! Clock, sleep, random numbers, threads and what they wait for.
//!
//! Mutexes are those of the system, with its checks: who locks one twice, or unlocks one that is not his,
//! is told so at once and ends, since nothing that follows could be right.

use std::cell::UnsafeCell;
use std::ffi::{CString, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};

use nng_aio::random::random_u32;
use nng_aio::{Error, clock};

use crate::boundary::{Out, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;
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
    handle: Mutex<Option<JoinHandle<()>>>,
    id: libc::pthread_t,
}

object! {
    nng_mtx = b"mutx";
    nng_cv = b"cond";
    nng_thread = b"thrd";
}

/// A pointer of C's on its way into a thread.
struct Argument(*mut c_void);

// SAFETY: C passes it to its own function, and knows what may be done with it there.
unsafe impl Send for Argument {}

impl Argument {
    /// Taken by value, so that a closure takes all of it along.
    const fn into_inner(self) -> *mut c_void {
        self.0
    }
}

/// The stack of a thread in bytes, which is what systems give programs in C.
const STACK: usize = 8 << 20;

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
        let cv = live(cv)?;
        // SAFETY: both were initialised; C promises that this thread has the mutex locked.
        unsafe { libc::pthread_cond_wait(cv.condition.get(), cv.mutex) };
    }

    fn nng_cv_until(cv: Option<&nng_cv>, when: u64) -> c_int {
        let cv = live(cv)?;
        if when == 0 {
            return Some(Error::Again.code());
        }
        let Some(at) = clock::instant_at(when) else {
            // SAFETY: as for waiting without an end.
            unsafe { libc::pthread_cond_wait(cv.condition.get(), cv.mutex) };
            return Some(0);
        };
        let until = absolute(at.saturating_duration_since(clock::now()));
        // SAFETY: as above; the time is a local variable.
        let result = unsafe {
            libc::pthread_cond_timedwait(cv.condition.get(), cv.mutex, &raw const until)
        };
        if result == libc::ETIMEDOUT { Error::TimedOut.code() } else { 0 }
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
        function: Option<extern "C" fn(*mut c_void)>,
        argument: *mut c_void,
    ) -> c_int {
        start();
        use std::os::unix::thread::JoinHandleExt;
        let threadp = threadp?;
        let argument = Argument(argument);
        // The function may look for its own thread where the caller is about to find it.
        let (open, gate) = mpsc::channel::<()>();
        let spawned = thread::Builder::new().stack_size(STACK).spawn(move || {
            block_pipe_signal();
            // It opens by being dropped.
            let _ = gate.recv();
            let argument = argument.into_inner();
            function.inspect(|function| function(argument));
        });
        let result = fill(threadp, spawned.map_err(|_| Error::NoMemory).map(|handle| {
            let id = handle.as_pthread_t();
            give(nng_thread { tag: Tag::of::<nng_thread>(), handle: Mutex::new(Some(handle)), id })
        }));
        drop(open);
        result
    }

    fn nng_thread_set_name(thread: Option<&nng_thread>, name: Text) {
        let name = CString::new(name.bytes()?).ok()?;
        // SAFETY: asks for this thread.
        let own = || unsafe { libc::pthread_self() };
        let id = thread.map_or_else(own, |thread| thread.id);
        // SAFETY: the thread has not been joined, since its object lives; a name that is too long is
        // refused by the system.
        unsafe { libc::pthread_setname_np(id, name.as_ptr()) };
    }

    fn nng_thread_destroy(thread: *mut nng_thread) {
        let thread = take(thread)?;
        let handle = thread.handle.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
        // A thread that destroys itself cannot wait for itself; it goes on alone.
        if handle.thread().id() != thread::current().id() {
            // How it has ended is its own business.
            let _ = handle.join();
        }
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

/// Programs that are told of a broken pipe by a signal do not want to be in a thread of ours.
fn block_pipe_signal() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: initialises a local variable.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it was initialised, and the signal exists.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    // SAFETY: as above; what was blocked before is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut()) };
}

// SAFETY: a pthread mutex is made for several threads; nobody reaches it but through calls of the system.
unsafe impl Sync for nng_mtx {}
// SAFETY: as for mutexes.
unsafe impl Sync for nng_cv {}
