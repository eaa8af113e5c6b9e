//! The small functions under their C names: operations, errors, time, URLs, id maps. What they do when
//! all is well, and their codes when it is not.
//!
//! What is larger has programs of its own, such as `c_names_http.rs`; what concerns the whole process is
//! in `c_names_process.rs`.

#[path = "support/c_names.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use nng_oxide::c_names::*;
use support::{must, run, silent, telling};

/// Longer than any test runs, in milliseconds.
const FOREVER_MS: nng_duration = 3_600_000;

/// Accepts an operation that ends only when it is asked to.
fn begin(aio: &nng_aio) {
    assert!(nng_aio_begin(aio));
    nng_aio_defer(aio, |aio, (), err| nng_aio_finish(aio, err), ());
}

// --- Operations ---------------------------------------------------------------------------------

#[test]
fn a_fresh_aio_is_idle_and_may_be_freed() {
    let aio = silent();
    assert_eq!((nng_aio_result(&aio), nng_aio_count(&aio), nng_aio_busy(&aio)), (0, 0, false));
    nng_aio_free(aio);
    nng_aio_free(None);
    nng_aio_reap(None);
}

#[test]
fn a_callback_gets_its_aio_and_its_argument() {
    let (aio, hear) = telling();
    nng_sleep_aio(1, &aio);
    assert_eq!(must(&hear), 0);
    nng_sleep_aio(-1, &aio);
    assert_eq!(must(&hear), 0, "no time at all");
}

#[test]
fn operations_end_with_the_code_of_whoever_asks() {
    let (aio, hear) = telling();
    begin(&aio);
    assert!(nng_aio_busy(&aio));
    nng_aio_cancel(&aio);
    assert_eq!(must(&hear), NNG_ECANCELED);
    for (err, code) in
        [(NNG_ECONNRESET, NNG_ECONNRESET), (4321, 4321), (-5, -5), (0, NNG_ECANCELED)]
    {
        nng_aio_wait(&aio);
        begin(&aio);
        nng_aio_abort(&aio, err);
        assert_eq!(must(&hear), code);
    }
    nng_aio_wait(&aio);
    begin(&aio);
    nng_aio_stop(&aio);
    assert_eq!(must(&hear), NNG_ECANCELED);
    assert!(!nng_aio_begin(&aio), "a stopped aio refuses");
    nng_aio_finish(&aio, 0);
    assert_eq!(nng_aio_result(&aio), NNG_ECANCELED);
    assert!(hear.try_recv().is_err(), "a refused operation has no callback");
}

#[test]
fn freeing_and_reaping_end_the_operation_with_closed() {
    let free: fn(nng_aio) = |aio| nng_aio_free(aio);
    let reap: fn(nng_aio) = |aio| nng_aio_reap(aio);
    for free in [free, reap] {
        let (aio, hear) = telling();
        begin(&aio);
        free(aio);
        assert_eq!(must(&hear), NNG_ECLOSED);
    }
}

#[test]
fn a_callback_runs_after_its_aio_was_let_go() {
    let (aio, hear) = telling();
    nng_sleep_aio(1, &aio);
    // Where C would reap it in the callback.
    aio.detach();
    assert_eq!(must(&hear), 0);
}

#[test]
fn an_aio_is_found_among_those_that_are_kept() {
    let (one, other) = (silent(), silent());
    let kept = [other.alias(), one.alias()];
    assert_eq!(kept.iter().position(|aio| *aio == one), Some(1));
}

#[test]
fn a_provider_finishes_once() {
    let (aio, hear) = telling();
    begin(&aio);
    nng_aio_finish(&aio, 42);
    nng_aio_finish(&aio, 43);
    assert_eq!(must(&hear), 42);
    nng_aio_wait(&aio);
    nng_aio_finish(&aio, 44);
    assert_eq!(nng_aio_result(&aio), 42, "there is nothing to finish");
    assert!(hear.try_recv().is_err());
}

#[test]
fn a_refused_deferral_is_told_to_the_cancel_function() {
    let (aio, hear) = telling();
    nng_aio_set_timeout(&aio, NNG_DURATION_ZERO);
    begin(&aio);
    assert_eq!(must(&hear), NNG_ETIMEDOUT);
    nng_aio_wait(&aio);
    nng_aio_set_timeout(&aio, NNG_DURATION_INFINITE);
    assert!(nng_aio_begin(&aio));
    nng_aio_abort(&aio, NNG_ESTATE);
    let asked = Arc::new(AtomicI32::new(0));
    let note = |aio: &nng_aio, asked: &Arc<AtomicI32>, err: i32| {
        asked.store(err, SeqCst);
        nng_aio_finish(aio, err);
    };
    nng_aio_defer(&aio, note, Arc::clone(&asked));
    assert_eq!(must(&hear), NNG_ESTATE);
    assert_eq!(asked.load(SeqCst), NNG_ESTATE);
}

#[test]
fn limits_are_stated_as_in_c() {
    let aio = silent();
    for (timeout, code) in [(0, NNG_ETIMEDOUT), (-3, NNG_ETIMEDOUT), (5, NNG_ETIMEDOUT)] {
        nng_aio_set_timeout(&aio, timeout);
        assert_eq!(run(&aio, begin), code, "{timeout}");
    }
    nng_aio_set_timeout(&aio, FOREVER_MS);
    let soon = nng_clock() + 5;
    nng_aio_set_expire(&aio, soon);
    assert_eq!(run(&aio, begin), NNG_ETIMEDOUT);
    assert!(nng_clock() >= soon);
    nng_aio_set_expire(&aio, 0);
    assert_eq!(run(&aio, begin), NNG_ETIMEDOUT, "it has passed");
    nng_aio_set_timeout(&aio, 0);
    nng_aio_set_expire(&aio, nng_time::MAX);
    for unlimited in [NNG_DURATION_INFINITE, NNG_DURATION_DEFAULT] {
        begin(&aio);
        nng_aio_cancel(&aio);
        nng_aio_wait(&aio);
        assert_eq!(nng_aio_result(&aio), NNG_ECANCELED);
        nng_aio_set_timeout(&aio, unlimited);
    }
    nng_aio_set_timeout(&aio, 1);
    assert_eq!(run(&aio, |aio| nng_sleep_aio(FOREVER_MS, aio)), NNG_ETIMEDOUT);
}

#[test]
fn inputs_outputs_and_messages_keep_what_is_put_there() {
    let aio = silent();
    assert_eq!(nng_aio_set_input(&aio, 3, Arc::new(7_u16)), 0);
    assert_eq!(nng_aio_set_input(&aio, 4, Arc::new(7_u16)), NNG_EINVAL);
    assert_eq!(nng_aio_get_input::<u16>(&aio, 3).as_deref(), Some(&7));
    assert_eq!(nng_aio_get_input::<u16>(&aio, 4), None);
    assert_eq!(nng_aio_get_input::<u16>(&aio, 0), None);

    assert!(nng_aio_begin(&aio));
    assert_eq!(nng_aio_set_output(&aio, 0, String::from("made")), 0);
    assert_eq!(nng_aio_set_output(&aio, 4, ()), NNG_EINVAL);
    nng_aio_finish(&aio, 0);
    assert_eq!(nng_aio_get_output::<u16>(&aio, 0), None, "it is of another type");
    assert_eq!(nng_aio_get_output::<String>(&aio, 0).as_deref(), Some("made"));
    assert_eq!(nng_aio_get_output::<String>(&aio, 0), None, "it was taken");

    nng_aio_set_msg(&aio, nng_msg::from(*b"message"));
    assert_eq!(nng_aio_get_msg(&aio), Some(nng_msg::from(*b"message")));
    assert_eq!(nng_aio_get_msg(&aio), None, "it was taken");
}

#[test]
fn nine_pieces_of_memory_are_refused() {
    let aio = silent();
    assert_eq!(nng_aio_set_iov(&aio, vec!["kept".into()]), 0);
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0].into(); 9]), NNG_EINVAL);
    assert_eq!(aio.take_buffers().total_len(), 4, "nothing was changed");
    assert_eq!(nng_aio_set_iov(&aio, vec![vec![0].into(); 8]), 0);
    begin(&aio);
    assert_eq!(nng_aio_set_iov(&aio, Vec::new()), NNG_EBUSY);
    nng_aio_cancel(&aio);
}

// --- Small things -------------------------------------------------------------------------------

#[test]
fn codes_and_their_texts_are_nngs() {
    let table = [
        (0, "Hunky dory"),
        (NNG_EINTR, "Interrupted"),
        (NNG_ENOMEM, "Out of memory"),
        (NNG_EINVAL, "Invalid argument"),
        (NNG_EBUSY, "Resource busy"),
        (NNG_ETIMEDOUT, "Timed out"),
        (NNG_ECONNREFUSED, "Connection refused"),
        (NNG_ECLOSED, "Object closed"),
        (NNG_EAGAIN, "Try again"),
        (NNG_ENOTSUP, "Not supported"),
        (NNG_EADDRINUSE, "Address in use"),
        (NNG_ESTATE, "Incorrect state"),
        (NNG_ENOENT, "Entry not found"),
        (NNG_EPROTO, "Protocol error"),
        (NNG_EUNREACHABLE, "Destination unreachable"),
        (NNG_EADDRINVAL, "Address invalid"),
        (NNG_EPERM, "Permission denied"),
        (NNG_EMSGSIZE, "Message too large"),
        (NNG_ECONNABORTED, "Connection aborted"),
        (NNG_ECONNRESET, "Connection reset"),
        (NNG_ECANCELED, "Operation canceled"),
        (NNG_ENOFILES, "Out of files"),
        (NNG_ENOSPC, "Out of space"),
        (NNG_EEXIST, "Resource already exists"),
        (NNG_EREADONLY, "Read only resource"),
        (NNG_EWRITEONLY, "Write only resource"),
        (NNG_ECRYPTO, "Cryptographic error"),
        (NNG_EPEERAUTH, "Peer could not be authenticated"),
        (NNG_ENOARG, "Option requires argument"),
        (NNG_EAMBIGUOUS, "Ambiguous option"),
        (NNG_EBADTYPE, "Incorrect type"),
        (NNG_ECONNSHUT, "Connection shutdown"),
    ];
    for (number, (code, text)) in (0..).zip(table) {
        assert_eq!((code, &*nng_strerror(code)), (number, text));
    }
    assert_eq!((NNG_EINTERNAL, &*nng_strerror(1000)), (1000, "Internal error detected"));
    assert_eq!(nng_strerror(NNG_ETRANERR | 5), "Transport error #5");
    assert_eq!(nng_strerror(NNG_ESYSERR | 20), "Not a directory");
    assert_eq!(nng_strerror(32), "Unknown error #32");
}

#[test]
fn time_passes_and_chance_differs() {
    let began = (nng_clock(), Instant::now());
    nng_msleep(5);
    assert!(began.1.elapsed() >= Duration::from_millis(5));
    assert!(nng_clock() >= began.0 + 4);
    for none in [0, -1, i32::MIN] {
        nng_msleep(none);
    }
    assert!((0..32).any(|_| nng_random() != nng_random()));
    assert!(nng_version().starts_with(&format!("{NNG_MAJOR_VERSION}.{NNG_MINOR_VERSION}.")));
}

#[test]
fn urls_are_parsed_copied_and_freed() {
    let mut parsed = None;
    assert_eq!(nng_url_parse(&mut parsed, "mailto:x"), NNG_EINVAL);
    assert!(parsed.is_none());
    assert_eq!(nng_url_parse(&mut parsed, "http://u@Example.com/a?q#f"), 0);
    let mut copy = None;
    assert_eq!(nng_url_clone(&mut copy, parsed.as_ref().expect("it was made")), 0);
    nng_url_free(parsed);
    let copy = copy.expect("it was made");
    assert_eq!(
        (copy.hostname(), copy.port(), copy.path()),
        (Some("example.com"), Some("80"), "/a")
    );
    nng_url_free(copy);
    nng_url_free(None);
}

#[test]
fn addresses_have_text() {
    let inet = nng_sockaddr::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
    assert_eq!(nng_str_sockaddr(&inet), "127.0.0.1:80");
    assert_eq!(nng_str_sockaddr(&nng_sockaddr::Unspecified), "unknown");
}

#[test]
fn id_maps_hand_out_ids() {
    let mut map = None;
    assert_eq!(nng_id_map_alloc::<&str>(&mut map, 5, 4, 0), NNG_EINVAL);
    assert_eq!(nng_id_map_alloc(&mut map, 5, 6, 0), 0);
    let mut map = map.expect("it was made");
    let mut id = 0;
    assert_eq!((nng_id_alloc(&mut map, &mut id, "five"), id), (0, 5));
    assert_eq!((nng_id_alloc(&mut map, &mut id, "six"), id), (0, 6));
    assert_eq!((nng_id_alloc(&mut map, &mut id, "seven"), id), (NNG_ENOMEM, 6));
    assert_eq!(nng_id_get(&map, 5), Some(&"five"));
    assert_eq!(nng_id_get(&map, 7), None);
    assert_eq!(nng_id_set(&mut map, 5, "cinq"), 0);
    assert_eq!(nng_id_remove(&mut map, 6), 0);
    assert_eq!(nng_id_remove(&mut map, 6), NNG_ENOENT);
    let (mut val, mut cursor) = (None, 0);
    assert!(nng_id_visit(&map, &mut id, &mut val, &mut cursor));
    assert_eq!((id, val), (5, Some(&"cinq")));
    assert!(!nng_id_visit(&map, &mut id, &mut val, &mut cursor));
    nng_id_map_free(map);

    let mut map = None;
    assert_eq!(nng_id_map_alloc(&mut map, 100, 102, NNG_MAP_RANDOM), 0);
    let mut map = map.expect("it was made");
    assert_eq!(nng_id_alloc(&mut map, &mut id, ()), 0);
    assert!((100..=102).contains(&id));
}
