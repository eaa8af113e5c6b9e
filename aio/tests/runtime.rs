//! Runtimes: several, ended and begun again, idle, crowded.

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use nng_aio::{Aio, Error, Expire, Runtime, Task, codes};
use support::{Door, FOREVER, LIMIT, Provider, must, returns, send};

#[test]
fn instances_live_side_by_side_and_callbacks_know_theirs() {
    let (tell, hear) = mpsc::channel();
    let runtimes: Vec<_> =
        ["one", "two"].map(|name| Runtime::builder().name(name).build().unwrap()).into();
    for runtime in &runtimes {
        let tell = tell.clone();
        let aio = runtime.aio(move |_| {
            let here = Runtime::current().map(|runtime| format!("{runtime:?}"));
            send(&tell, (here, std::thread::current().name().map(String::from)));
        });
        aio.sleep(Duration::ZERO);
        let (here, thread) = must(&hear);
        assert!(here.unwrap().contains(thread.as_deref().unwrap()));
    }
    assert!(Runtime::current().is_none());
}

#[test]
fn shutdown_ends_what_is_in_flight_runs_its_callback_and_joins() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    let provider = Provider::new();
    provider.start(&aio);
    let sleeper = runtime.aio_without_callback();
    sleeper.sleep(FOREVER);
    runtime.shutdown();
    assert_eq!(hear.try_recv(), Ok(codes::NNG_ECLOSED));
    assert_eq!(sleeper.result(), codes::NNG_ECLOSED);
    assert_eq!(runtime.stats().threads, 0);
    assert!(!provider.start(&aio), "nothing begins any more");
    runtime.shutdown();
}

#[test]
fn dropping_the_last_handle_shuts_down_and_what_objects_keep_does_not_count() {
    let runtime = Runtime::builder().build().unwrap();
    let aio = runtime.aio_without_callback();
    aio.sleep(FOREVER);
    let (second, unowned) = (runtime.clone(), runtime.unowned());
    drop(runtime);
    assert!(aio.is_busy());
    drop(second);
    assert_eq!(aio.result(), codes::NNG_ECLOSED);
    assert!(unowned.is_closed());
}

#[test]
fn shutdown_from_a_callback_returns_and_ends_everything() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let sleeper = runtime.aio(move |aio| send(&tell, aio.result()));
    sleeper.sleep(FOREVER);
    let aio = runtime.aio(|_| Runtime::current().unwrap().shutdown());
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), codes::NNG_ECLOSED);
    returns(move || runtime.shutdown());
}

#[test]
fn dropping_the_last_handle_in_a_callback_returns() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let place = Arc::new(Mutex::new(None));
    let aio = runtime.aio({
        let place: Arc<Mutex<Option<Runtime>>> = Arc::clone(&place);
        move |_| {
            let last = place.lock().unwrap().take();
            drop(last);
            send(&tell, ());
        }
    });
    let operation = aio.begin().unwrap();
    *place.lock().unwrap() = Some(runtime);
    operation.finish(Ok(()));
    must(&hear);
}

#[test]
fn a_callback_that_becomes_due_after_the_end_still_runs() {
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    let provider = Provider::new();
    provider.is_deaf.set(()).unwrap();
    provider.start(&aio);
    runtime.shutdown();
    provider.complete(Ok(()));
    assert_eq!(must(&hear), 0);
}

#[test]
fn begins_again_any_number_of_times() {
    for _ in 0..50 {
        let runtime = Runtime::builder().build().unwrap();
        let aio = runtime.aio_without_callback();
        aio.sleep(Duration::ZERO);
        aio.wait();
        assert_eq!(aio.result(), 0);
    }
}

/// Set for the process that has few descriptors.
const IS_POOR: &str = "NNG_TEST_FEW_DESCRIPTORS";

#[test]
fn the_global_one_reports_what_the_system_lacks() {
    const NAME: &str = "the_global_one_reports_what_the_system_lacks";
    if std::env::var_os(IS_POOR).is_some() {
        assert_eq!(Runtime::try_global().err(), Some(Error::NoFiles));
        return;
    }
    // Three that every process has, and one that starting the program takes.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"ulimit -n 4 && exec "$0" --exact "$1""#]);
    let status = shell.arg(std::env::current_exe().unwrap()).arg(NAME).env(IS_POOR, "1").status();
    assert!(status.unwrap().success());
}

#[test]
fn the_global_one_begins_again_after_its_end() {
    for _ in 0..3 {
        let aio = Aio::without_callback();
        aio.sleep(Duration::ZERO);
        aio.wait();
        assert_eq!(aio.result(), 0);
        Runtime::shutdown_global();
        assert!(!Runtime::global().is_closed());
    }
}

#[test]
fn an_idle_runtime_makes_no_wake_ups() {
    if !fs::exists("/proc/self/task").unwrap_or(false) {
        return;
    }
    let runtime = Runtime::builder().name("idle-runtime").build().unwrap();
    let aio = runtime.aio_without_callback();
    for _ in 0..100 {
        aio.sleep(Duration::ZERO);
        aio.wait();
    }
    // It may take a while until watchdog and guard have gone; after that nothing moves any more.
    let (_never, silence) = mpsc::channel::<()>();
    let calm = (0..100).any(|_| {
        let before = switches("idle-runtime");
        let _ = silence.recv_timeout(Duration::from_millis(500));
        before == switches("idle-runtime")
    });
    assert!(calm, "context switches in every half second: {:?}", switches("idle-runtime"));
    assert!(runtime.stats().threads <= 4);
}

#[test]
fn a_sparse_request_wakes_one_thread() {
    const REQUESTS: u64 = 100;
    // Where one thread at a time can wait, another one watches it while it works.
    if cfg!(portable_selector) || !fs::exists("/proc/self/task").unwrap_or(false) {
        return;
    }
    let runtime = Runtime::builder().name("sparse-runtime").build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |_| send(&tell, ()));
    let (_never, silence) = mpsc::channel::<()>();
    let before = total(&switches("sparse-runtime"));
    for _ in 0..REQUESTS {
        aio.begin().unwrap().finish(Ok(()));
        must(&hear);
        // Requests that follow each other closely are not sparse.
        let _ = silence.recv_timeout(Duration::from_millis(5));
    }
    let kicks = runtime.stats().kicks;
    let switches = total(&switches("sparse-runtime")) - before;
    // One each, and a few at the beginning; NNG needs four to five.
    assert!(kicks <= REQUESTS, "{kicks} kicks");
    assert!(switches <= 2 * REQUESTS, "{switches} context switches");
}

/// The voluntary context switches of all threads of that name.
fn switches(name: &str) -> Vec<String> {
    let mut all: Vec<_> = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .filter_map(|task| {
            let path = task.ok()?.path();
            let comm = fs::read_to_string(path.join("comm")).ok()?;
            let status = fs::read_to_string(path.join("status")).ok()?;
            let line = status.lines().find(|line| line.starts_with("voluntary"))?;
            (comm.trim() == name).then(|| format!("{} {line}", path.display()))
        })
        .collect();
    all.sort();
    all
}

fn total(switches: &[String]) -> u64 {
    let counts = switches.iter().filter_map(|line| line.rsplit('\t').next()?.parse::<u64>().ok());
    counts.sum()
}

#[test]
fn threads_begin_while_callbacks_block_and_never_exceed_the_limit() {
    let runtime = Runtime::builder().threads(8).build().unwrap();
    let door = Door::new();
    let aios: Vec<_> = (0..32)
        .map(|_| {
            let door = Arc::clone(&door);
            let aio = runtime.aio(move |_| door.pass());
            aio.begin().unwrap().finish(Ok(()));
            aio
        })
        .collect();
    while runtime.stats().threads < 8 {
        std::thread::yield_now();
    }
    assert_eq!(runtime.stats().threads, 8);
    door.open();
    drop(aios);
}

#[test]
fn a_function_that_is_slow_goes_to_helpers() {
    let runtime = Runtime::builder().build().unwrap();
    let aios: Vec<_> = (0..8)
        .map(|_| {
            runtime.aio(|aio| {
                let until = Instant::now() + Duration::from_micros(300);
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                if let Ok(operation) = aio.begin() {
                    operation.finish(Ok(()));
                }
            })
        })
        .collect();
    for aio in &aios {
        aio.begin().unwrap().finish(Ok(()));
    }
    while runtime.stats().offloaded == 0 {
        std::thread::yield_now();
    }
    for aio in &aios {
        aio.stop();
    }
}

#[test]
fn a_chain_of_callbacks_does_not_starve_deadlines_or_other_callbacks() {
    let runtime = Runtime::builder().build().unwrap();
    let flood = runtime.aio(|aio| {
        if let Ok(operation) = aio.begin() {
            operation.finish(Ok(()));
        }
    });
    flood.begin().unwrap().finish(Ok(()));
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |aio| send(&tell, aio.result()));
    for _ in 0..20 {
        aio.sleep(Duration::from_millis(1));
        assert_eq!(must(&hear), 0);
        aio.wait();
    }
    flood.stop();
}

#[test]
fn bursts_after_idling_are_served() {
    let runtime = Runtime::builder().build().unwrap();
    for burst in [1, 2, 3, 16, 64] {
        for _ in 0..20 {
            let aios: Vec<_> = (0..burst).map(|_| runtime.aio(|_| ())).collect();
            for aio in &aios {
                aio.sleep(Duration::from_millis(1));
            }
            returns(move || aios.iter().for_each(Aio::wait));
        }
    }
}

#[test]
fn a_timer_fires_once_for_each_setting_and_not_after_clear() {
    struct Counts(AtomicUsize, mpsc::Sender<()>);
    impl Expire for Counts {
        fn expired(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
            send(&self.1, ());
        }
    }
    let runtime = Runtime::builder().build().unwrap();
    let (tell, hear) = mpsc::channel();
    let counts = Arc::new(Counts(AtomicUsize::new(0), tell));
    let target: Arc<dyn Expire> = counts.clone();
    let timer = runtime.timer(Arc::downgrade(&target));
    timer.set_after(FOREVER);
    timer.set_after(Duration::from_millis(1));
    must(&hear);
    timer.set_after(Duration::from_millis(1));
    timer.clear();
    let aio = runtime.aio_without_callback();
    aio.sleep(Duration::from_millis(10));
    aio.wait();
    assert_eq!(counts.0.load(SeqCst), 1);
    timer.set_after(Duration::from_millis(1));
    drop(timer);
    aio.sleep(Duration::from_millis(10));
    aio.wait();
    assert_eq!(counts.0.load(SeqCst), 1);
}

#[test]
fn aios_and_timers_may_go_at_the_moment_of_their_deadline() {
    struct Nothing;
    impl Expire for Nothing {
        fn expired(self: Arc<Self>) {}
    }
    let runtime = Runtime::builder().build().unwrap();
    let target: Arc<dyn Expire> = Arc::new(Nothing);
    let round = |millis| {
        let delay = Duration::from_millis(millis);
        let aios = [(); 50].map(|()| {
            let aio = runtime.aio(|_| ());
            aio.sleep(delay);
            aio
        });
        let timers = [(); 50].map(|()| {
            let timer = runtime.timer(Arc::downgrade(&target));
            timer.set_after(delay);
            timer
        });
        let waker = runtime.aio_without_callback();
        waker.sleep(delay);
        waker.wait();
        drop((aios, timers));
    };
    for _ in 0..20 {
        [0, 1, 2].into_iter().for_each(round);
    }
    // A thread that fires a deadline may hold on to its aio for a moment.
    let give_up = Instant::now() + LIMIT;
    while runtime.stats().aios > 0 {
        assert!(Instant::now() < give_up, "all aios go");
        std::thread::yield_now();
    }
}

#[test]
fn a_scheduled_task_runs_once_and_never_on_the_callers_stack() {
    struct Tells(mpsc::Sender<std::thread::ThreadId>);
    impl Task for Tells {
        fn run(self: Arc<Self>) {
            send(&self.0, std::thread::current().id());
        }
        fn key(&self) -> usize {
            1
        }
    }
    let (tell, hear) = mpsc::channel();
    let runtime = Runtime::builder().build().unwrap();
    runtime.schedule(Arc::new(Tells(tell.clone())));
    assert_ne!(must(&hear), std::thread::current().id());
    runtime.shutdown();
    runtime.schedule(Arc::new(Tells(tell)));
    assert_ne!(must(&hear), std::thread::current().id(), "also after the end");
    assert!(hear.recv().is_err());
}

#[test]
fn a_builder_passes_its_stack_size_on() {
    let runtime = Runtime::builder().stack_size(8 << 20).threads(0).build().unwrap();
    let (tell, hear) = mpsc::channel();
    let aio = runtime.aio(move |_| {
        let room = std::hint::black_box([1_u8; 3 << 20]);
        send(&tell, room[room.len() - 1]);
    });
    aio.begin().unwrap().finish(Ok(()));
    assert_eq!(must(&hear), 1);
    assert_eq!(runtime.turn(Duration::ZERO), Err(Error::State));
}
