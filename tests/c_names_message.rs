//! Messages under their C names, alone and in an aio.

#[path = "support/c_names.rs"]
mod support;

use nng_oxide::c_names::*;
use support::{run, silent, telling};

fn alloc(size: usize) -> nng_msg {
    let mut msg = None;
    assert_eq!(nng_msg_alloc(&mut msg, size), 0);
    msg.expect("it was made")
}

/// A message with this body.
fn of(data: &[u8]) -> nng_msg {
    let mut msg = alloc(0);
    assert_eq!(nng_msg_append(&mut msg, data), 0);
    msg
}

/// A message with this header.
fn with_header(data: &[u8]) -> nng_msg {
    let mut msg = alloc(0);
    assert_eq!(nng_msg_header_append(&mut msg, data), 0);
    msg
}

// --- The whole ----------------------------------------------------------------------------------

#[test]
fn a_fresh_message_is_zero_and_has_room() {
    for (size, room) in [(0, 32), (5, 37), (1000, 1032), (1024, 1024), (1025, 1057)] {
        let mut msg = alloc(size);
        assert_eq!((nng_msg_len(&msg), nng_msg_header_len(&msg)), (size, 0));
        assert!(nng_msg_capacity(&msg) >= room, "{size}");
        assert_eq!(nng_msg_body(&mut msg), vec![0; size]);
        assert!(nng_msg_header(&mut msg).is_empty());
        assert_eq!(nng_msg_get_pipe(&msg), NNG_PIPE_INITIALIZER);
        nng_msg_free(msg);
    }
    nng_msg_free(None);
}

#[test]
fn sizes_that_cannot_be_are_refused_and_change_nothing() {
    let mut msg = of(b"body");
    for size in [usize::MAX, usize::MAX - 31, usize::MAX / 2, 1 << 62] {
        let mut made = Some(of(b"as it was"));
        assert_eq!(nng_msg_alloc(&mut made, size), NNG_ENOMEM);
        assert_eq!(nng_msg_body(&mut made.expect("it is still there")), b"as it was");
        assert_eq!(nng_msg_realloc(&mut msg, size), NNG_ENOMEM);
        assert_eq!(nng_msg_reserve(&mut msg, size), NNG_ENOMEM);
        assert_eq!(nng_msg_body(&mut msg), b"body");
    }
}

#[test]
fn a_copy_has_everything_and_is_nobody_elses() {
    let mut msg = of(b"12345");
    assert_eq!(nng_msg_trim(&mut msg, 1), 0);
    assert_eq!(nng_msg_header_append(&mut msg, b"head"), 0);
    nng_msg_set_pipe(&mut msg, nng_pipe { id: 7 });
    let mut copy = None;
    assert_eq!(nng_msg_dup(&mut copy, &msg), 0);
    let mut copy = copy.expect("it was made");
    assert_eq!(nng_msg_body(&mut copy), b"2345");
    assert_eq!(nng_msg_header(&mut copy), b"head");
    assert_eq!(nng_msg_get_pipe(&copy).id, 7);
    assert_eq!(nng_msg_capacity(&copy), nng_msg_capacity(&msg));

    nng_msg_body(&mut copy)[0] = b'x';
    nng_msg_header(&mut copy)[0] = b'x';
    nng_msg_set_pipe(&mut copy, NNG_PIPE_INITIALIZER);
    assert_eq!(nng_msg_body(&mut msg), b"2345");
    assert_eq!(nng_msg_header(&mut msg), b"head");
    assert_eq!(nng_msg_get_pipe(&msg), nng_pipe { id: 7 });
    nng_msg_free(msg);
    assert_eq!(nng_msg_body(&mut copy), b"x345", "it outlives what it is a copy of");
}

#[test]
fn a_pipe_is_any_number() {
    let mut msg = alloc(0);
    for id in [1, 0x7fff_ffff, u32::MAX, 0] {
        nng_msg_set_pipe(&mut msg, nng_pipe { id });
        assert_eq!(nng_msg_get_pipe(&msg).id, id);
    }
}

// --- The body -----------------------------------------------------------------------------------

#[test]
fn a_body_grows_and_shrinks_at_both_ends() {
    let mut msg = of(b"world");
    assert_eq!(nng_msg_insert(&mut msg, b"hello, "), 0);
    assert_eq!(nng_msg_append(&mut msg, b"!"), 0);
    assert_eq!(nng_msg_body(&mut msg), b"hello, world!");
    assert_eq!(nng_msg_append(&mut msg, b""), 0);
    assert_eq!(nng_msg_insert(&mut msg, b""), 0);
    assert_eq!(nng_msg_len(&msg), 13);
    assert_eq!(nng_msg_trim(&mut msg, 7), 0);
    assert_eq!(nng_msg_chop(&mut msg, 1), 0);
    assert_eq!(nng_msg_body(&mut msg), b"world");
    for too_much in [6, usize::MAX] {
        assert_eq!(nng_msg_trim(&mut msg, too_much), NNG_EINVAL);
        assert_eq!(nng_msg_chop(&mut msg, too_much), NNG_EINVAL);
    }
    assert_eq!(nng_msg_body(&mut msg), b"world", "what fails takes nothing");
    assert_eq!((nng_msg_trim(&mut msg, 0), nng_msg_chop(&mut msg, 0)), (0, 0));
    assert_eq!(nng_msg_trim(&mut msg, 5), 0);
    assert_eq!(nng_msg_len(&msg), 0);
    assert_eq!((nng_msg_trim(&mut msg, 0), nng_msg_chop(&mut msg, 0)), (0, 0));
    assert_eq!((nng_msg_trim(&mut msg, 1), nng_msg_chop(&mut msg, 1)), (NNG_EINVAL, NNG_EINVAL));
    assert_eq!(nng_msg_insert(&mut msg, b"again"), 0);
    assert_eq!(nng_msg_body(&mut msg), b"again");
    nng_msg_clear(&mut msg);
    assert!(nng_msg_body(&mut msg).is_empty());
}

#[test]
fn what_is_inserted_leaves_what_was_there() {
    // Into the room in front, into that behind, and into new memory.
    for (room, size) in [(0, 32), (0, 40), (100, 90), (0, 5000)] {
        let mut msg = of(b"WXYZ");
        assert_eq!(nng_msg_reserve(&mut msg, room), 0);
        assert_eq!(nng_msg_insert(&mut msg, &vec![b'a'; size]), 0);
        assert_eq!(nng_msg_body(&mut msg)[size..], *b"WXYZ", "{room} {size}");
        assert!(nng_msg_body(&mut msg)[..size].iter().all(|&byte| byte == b'a'));
    }
}

#[test]
fn room_is_reserved_and_lengths_are_set() {
    let mut msg = of(b"data");
    assert_eq!(nng_msg_reserve(&mut msg, 10_000), 0);
    assert!(nng_msg_capacity(&msg) >= 10_000);
    assert_eq!(nng_msg_len(&msg), 4);
    let capacity = nng_msg_capacity(&msg);
    assert_eq!(nng_msg_reserve(&mut msg, 1), 0);
    assert_eq!(nng_msg_capacity(&msg), capacity, "it never shrinks");
    let place = nng_msg_body(&mut msg).as_ptr();
    assert_eq!(nng_msg_realloc(&mut msg, 10_000), 0);
    assert_eq!(nng_msg_body(&mut msg).as_ptr(), place);
    assert_eq!(nng_msg_body(&mut msg)[..4], *b"data");
    assert_eq!(nng_msg_realloc(&mut msg, 2), 0);
    assert_eq!(nng_msg_body(&mut msg), b"da");
    assert_eq!(nng_msg_capacity(&msg), capacity);
    assert_eq!(nng_msg_realloc(&mut msg, 0), 0);
    assert_eq!(nng_msg_len(&msg), 0);
}

#[test]
fn bodies_are_written_to() {
    let mut msg = alloc(3);
    nng_msg_body(&mut msg).copy_from_slice(b"abc");
    // Where C appends null to write there itself.
    msg.grow(2).expect("there is memory").copy_from_slice(b"de");
    msg.grow_front(1).expect("there is memory").copy_from_slice(b"_");
    assert_eq!(nng_msg_body(&mut msg), b"_abcde");
}

// --- The header ---------------------------------------------------------------------------------

#[test]
fn a_header_is_apart_from_the_body() {
    let mut msg = of(b"body");
    assert_eq!(nng_msg_header_append(&mut msg, b"der"), 0);
    assert_eq!(nng_msg_header_insert(&mut msg, b"hea"), 0);
    assert_eq!(nng_msg_header(&mut msg), b"header");
    assert_eq!((nng_msg_header_len(&msg), nng_msg_len(&msg)), (6, 4));
    assert_eq!(nng_msg_header_trim(&mut msg, 1), 0);
    assert_eq!(nng_msg_header_chop(&mut msg, 2), 0);
    nng_msg_header(&mut msg)[0] = b'E';
    assert_eq!(nng_msg_header(&mut msg), b"Ead");
    assert_eq!(nng_msg_body(&mut msg), b"body");
    nng_msg_clear(&mut msg);
    assert_eq!(nng_msg_header_len(&msg), 3);
    assert_eq!(nng_msg_append(&mut msg, b"new"), 0);
    nng_msg_header_clear(&mut msg);
    assert_eq!((nng_msg_header_len(&msg), nng_msg_len(&msg)), (0, 3));
    for too_much in [1, usize::MAX] {
        assert_eq!(nng_msg_header_trim(&mut msg, too_much), NNG_EINVAL);
        assert_eq!(nng_msg_header_chop(&mut msg, too_much), NNG_EINVAL);
    }
    assert_eq!((nng_msg_header_trim(&mut msg, 0), nng_msg_header_chop(&mut msg, 0)), (0, 0));
}

#[test]
fn a_header_has_64_bytes_at_most() {
    let mut msg = with_header(&[1; 62]);
    assert_eq!(nng_msg_header_append(&mut msg, &[2; 3]), NNG_EINVAL);
    assert_eq!(nng_msg_header_insert(&mut msg, &[2; 3]), NNG_EINVAL);
    assert_eq!(nng_msg_header_append_u32(&mut msg, 2), NNG_EINVAL);
    assert_eq!(nng_msg_header_insert_u64(&mut msg, 2), NNG_EINVAL);
    assert_eq!(nng_msg_header(&mut msg), [1; 62]);
    assert_eq!(nng_msg_header_insert_u16(&mut msg, 0x0203), 0);
    assert_eq!(nng_msg_header(&mut msg)[..3], [2, 3, 1]);
    assert_eq!(nng_msg_header_append_u16(&mut msg, 4), NNG_EINVAL);
    assert_eq!(nng_msg_header_append(&mut msg, b""), 0);
    assert_eq!(nng_msg_header_insert(&mut msg, b""), 0);
    assert_eq!(nng_msg_header_len(&msg), 64);
}

// --- Numbers ------------------------------------------------------------------------------------

/// Tests the eight functions of one width: the bytes, the way back, and one byte too few.
macro_rules! numbers {
    ($($test:ident: $type:ident,
        $append:ident $insert:ident $trim:ident $chop:ident,
        $header_append:ident $header_insert:ident $header_trim:ident $header_chop:ident;)+) => {
        $(#[test]
        fn $test() {
            const LEN: usize = size_of::<$type>();
            const ALL: [u8; 8] = [0xf1, 2, 3, 4, 5, 6, 7, 8];
            let bytes = &ALL[..LEN];
            let number = $type::from_be_bytes(*ALL.first_chunk().expect("it is long enough"));
            let mut val = 0;

            let mut msg = of(b"-");
            assert_eq!($append(&mut msg, number), 0);
            assert_eq!($insert(&mut msg, number), 0);
            assert_eq!(nng_msg_body(&mut msg), [bytes, b"-", bytes].concat());
            assert_eq!(($chop(&mut msg, &mut val), val), (0, number));
            assert_eq!(nng_msg_body(&mut msg), [bytes, b"-"].concat());
            assert_eq!(($trim(&mut msg, &mut val), val), (0, number));
            assert_eq!(nng_msg_body(&mut msg), b"-");

            let mut msg = with_header(b"-");
            assert_eq!($header_append(&mut msg, number), 0);
            assert_eq!($header_insert(&mut msg, number), 0);
            assert_eq!(nng_msg_header(&mut msg), [bytes, b"-", bytes].concat());
            assert_eq!(($header_chop(&mut msg, &mut val), val), (0, number));
            assert_eq!(nng_msg_header(&mut msg), [bytes, b"-"].concat());
            assert_eq!(($header_trim(&mut msg, &mut val), val), (0, number));
            assert_eq!(nng_msg_header(&mut msg), b"-");
            assert_eq!(nng_msg_len(&msg), 0);

            for few in [0, 1, LEN - 1] {
                // There is enough on the other side, which does not count.
                let (mut msg, mut val) = (of(&ALL[..few]), 5);
                assert_eq!(nng_msg_header_append(&mut msg, &ALL), 0);
                assert_eq!($trim(&mut msg, &mut val), NNG_EINVAL);
                assert_eq!($chop(&mut msg, &mut val), NNG_EINVAL);
                assert_eq!(nng_msg_body(&mut msg), &ALL[..few]);

                let mut msg = with_header(&ALL[..few]);
                assert_eq!(nng_msg_append(&mut msg, &ALL), 0);
                assert_eq!($header_trim(&mut msg, &mut val), NNG_EINVAL);
                assert_eq!($header_chop(&mut msg, &mut val), NNG_EINVAL);
                assert_eq!(nng_msg_header(&mut msg), &ALL[..few]);
                assert_eq!(val, 5);
            }
        })+
    };
}

numbers! {
    numbers_of_two_bytes_go_in_network_order: u16,
        nng_msg_append_u16 nng_msg_insert_u16 nng_msg_trim_u16 nng_msg_chop_u16,
        nng_msg_header_append_u16 nng_msg_header_insert_u16
        nng_msg_header_trim_u16 nng_msg_header_chop_u16;
    numbers_of_four_bytes_go_in_network_order: u32,
        nng_msg_append_u32 nng_msg_insert_u32 nng_msg_trim_u32 nng_msg_chop_u32,
        nng_msg_header_append_u32 nng_msg_header_insert_u32
        nng_msg_header_trim_u32 nng_msg_header_chop_u32;
    numbers_of_eight_bytes_go_in_network_order: u64,
        nng_msg_append_u64 nng_msg_insert_u64 nng_msg_trim_u64 nng_msg_chop_u64,
        nng_msg_header_append_u64 nng_msg_header_insert_u64
        nng_msg_header_trim_u64 nng_msg_header_chop_u64;
}

// --- In an aio ----------------------------------------------------------------------------------

#[test]
fn an_aio_owns_the_message_it_was_given_until_it_is_taken() {
    let aio = silent();
    assert!(nng_aio_get_msg(&aio).is_none());
    nng_aio_set_msg(&aio, of(b"first"));
    nng_aio_set_msg(&aio, of(b"second"));
    let mut msg = nng_aio_get_msg(&aio).expect("it is there");
    assert_eq!(nng_msg_body(&mut msg), b"second");
    assert!(nng_aio_get_msg(&aio).is_none(), "it was taken");
    nng_aio_set_msg(&aio, msg);
    nng_aio_set_msg(&aio, None);
    assert!(nng_aio_get_msg(&aio).is_none(), "it was cleared");
    nng_aio_set_msg(&aio, Some(of(b"third")));
    nng_aio_free(aio);
}

#[test]
fn a_message_goes_through_an_operation() {
    let (aio, hear) = telling();
    nng_aio_set_msg(&aio, of(b"kept"));
    assert_eq!(run(&aio, |aio| nng_sleep_aio(0, aio)), 0);
    assert_eq!(support::must(&hear), 0);
    nng_aio_set_timeout(&aio, 1);
    assert_eq!(run(&aio, |aio| nng_sleep_aio(nng_duration::MAX, aio)), NNG_ETIMEDOUT);
    let mut msg = nng_aio_get_msg(&aio).expect("nobody took it");
    assert_eq!(nng_msg_body(&mut msg), b"kept");

    // As a provider answers that receives.
    assert!(nng_aio_begin(&aio));
    nng_aio_set_msg(&aio, of(b"brought"));
    nng_aio_finish(&aio, 0);
    nng_aio_wait(&aio);
    assert_eq!(nng_aio_get_msg(&aio), Some(of(b"brought")));
}

#[test]
fn what_is_no_message_stays_in_the_aio() {
    let aio = silent();
    aio.set_message(Box::new("a text"));
    assert_eq!(nng_aio_get_msg(&aio), None);
    assert_eq!(aio.take_message_as::<&str>(), Some("a text"));
}
