//! What is observable of messages, and a model of two vectors.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;

use super::*;

#[test]
fn a_fresh_body_is_zero_aligned_and_has_room_behind() {
    for (len, capacity) in [
        (0, 32),
        (1, 33),
        (1000, 1032),
        (1023, 1055),
        (1024, 1024),
        (1025, 1057),
        (1 << 20, 1 << 20),
        (3 << 20, (3 << 20) + 32),
    ] {
        let message = Message::zeroed(len).unwrap();
        assert_eq!((message.len(), message.is_empty()), (len, len == 0));
        assert!(message.capacity() >= capacity, "{len}");
        assert!(message.body().iter().all(|&byte| byte == 0));
        assert!(message.body().as_ptr().addr().is_multiple_of(ALIGNMENT), "{len}");
        assert_eq!((message.header(), message.pipe()), (&[][..], 0));
    }
}

#[test]
fn sizes_that_cannot_be_are_refused_and_change_nothing() {
    for len in [usize::MAX, usize::MAX - 31, usize::MAX / 2, 1 << 62] {
        assert_eq!(Message::zeroed(len).err(), Some(Error::NoMemory));
        let mut message = Message::from(*b"body");
        assert_eq!(message.grow(len).err(), Some(Error::NoMemory));
        assert_eq!(message.grow_front(len).err(), Some(Error::NoMemory));
        assert_eq!(message.reserve(len), Err(Error::NoMemory));
        assert_eq!(message.resize(len), Err(Error::NoMemory));
        assert_eq!(message.body(), b"body");
    }
}

#[test]
fn what_is_added_at_the_front_keeps_what_was_there() {
    // In the room, in the block, and beyond it.
    for (reserved, count) in [(0, 5), (0, 32), (0, 33), (100, 40), (1000, 900), (0, 5000)] {
        let mut message = Message::from(*b"WXYZ");
        message.reserve(reserved).unwrap();
        let front = vec![b'a'; count];
        message.insert(&front).unwrap();
        assert_eq!(message.body(), [&front, &b"WXYZ"[..]].concat(), "{reserved} {count}");
    }
}

#[test]
fn many_small_pieces_are_not_copied_each_time() {
    let mut message = Message::new();
    let (mut moves, mut capacity) = (0, message.capacity());
    for _ in 0..10_000 {
        message.append(&[1; 40]).unwrap();
        moves += usize::from(message.capacity() != capacity);
        capacity = message.capacity();
    }
    assert!(moves < 20, "{moves}");
    assert!(message.body() == [1; 400_000]);
}

#[test]
fn room_that_is_reserved_is_used_in_place() {
    let mut message = Message::from(*b"x");
    message.reserve(10_000).unwrap();
    assert!(message.capacity() >= 10_000);
    let place = message.body().as_ptr();
    message.append(&[0; 9_999]).unwrap();
    assert_eq!(message.body().as_ptr(), place);
    message.reserve(5).unwrap();
    assert!(message.capacity() >= 10_000, "it never shrinks");
}

#[test]
fn an_empty_body_keeps_its_room() {
    let mut message = Message::from(*b"0123456789");
    let capacity = message.capacity();
    message.trim(4).unwrap();
    assert_eq!(message.capacity(), capacity - 4);
    message.trim(6).unwrap();
    assert_eq!((message.len(), message.capacity()), (0, capacity - 4));
    message.append(b"x").unwrap();
    message.clear();
    assert_eq!((message.len(), message.capacity()), (0, capacity - 4));
    assert_eq!(message.trim(1), Err(Error::Invalid));
    assert_eq!(message.chop(1), Err(Error::Invalid));
    assert_eq!((message.trim(0), message.chop(0)), (Ok(()), Ok(())));
}

#[test]
fn a_header_has_an_end() {
    let mut message = Message::new();
    message.append_header(&[1; 60]).unwrap();
    assert_eq!(message.append_header(&[2; 5]), Err(Error::Invalid));
    assert_eq!(message.insert_header(&[2; 5]), Err(Error::Invalid));
    assert_eq!(message.append_header_u64(2), Err(Error::Invalid));
    assert_eq!(message.header(), [1; 60]);
    message.insert_header_u32(0x0203_0405).unwrap();
    assert_eq!(message.header()[..5], [2, 3, 4, 5, 1]);
    assert_eq!(message.trim_header(65), Err(Error::Invalid));
    assert_eq!(message.chop_header(65), Err(Error::Invalid));
    message.clear_header();
    assert_eq!(message.trim_header_u16(), Err(Error::Invalid));
    assert_eq!((message.insert_header(&[]), message.trim_header(0)), (Ok(()), Ok(())));
}

#[test]
fn numbers_go_with_the_highest_byte_first_and_come_back() {
    let mut message = Message::new();
    message.append_u16(0x0102).unwrap();
    message.append_u32(0x0304_0506).unwrap();
    message.append_u64(0x0708_090a_0b0c_0d0e).unwrap();
    message.insert_u16(0xfffe).unwrap();
    let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(1..15).collect();
    assert_eq!(message.body(), bytes);
    assert_eq!(message.trim_u16(), Ok(0xfffe));
    assert_eq!(message.chop_u64(), Ok(0x0708_090a_0b0c_0d0e));
    assert_eq!(message.trim_u16(), Ok(0x0102));
    assert_eq!(message.chop_u32(), Ok(0x0304_0506));
    message.append(&[1, 2, 3]).unwrap();
    assert_eq!(
        (message.trim_u32(), message.chop_u64()),
        (Err(Error::Invalid), Err(Error::Invalid))
    );
    assert_eq!(message.body(), [1, 2, 3]);
}

#[test]
fn a_copy_has_everything_and_is_nobody_elses() {
    let mut message = Message::from(*b"0123");
    message.trim(1).unwrap();
    message.append_header(b"head").unwrap();
    message.set_pipe(7);
    let mut copy = message.clone();
    assert_eq!((&copy, copy.pipe(), copy.capacity()), (&message, 7, message.capacity()));
    copy.body_mut()[0] = b'x';
    copy.header_mut()[0] = b'H';
    assert_eq!((message.body(), message.header()), (&b"123"[..], &b"head"[..]));
    assert_ne!(copy, message);
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u8>),
    Insert(Vec<u8>),
    Trim(usize),
    Chop(usize),
    Resize(usize),
    Reserve(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..100);
    prop_oneof![
        bytes().prop_map(Step::Append),
        bytes().prop_map(Step::Insert),
        (0..120_usize).prop_map(Step::Trim),
        (0..120_usize).prop_map(Step::Chop),
        (0..300_usize).prop_map(Step::Resize),
        (0..600_usize).prop_map(Step::Reserve),
        Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn it_is_a_sequence_of_bytes_with_two_ends(
        len in prop_oneof![0..80_usize, Just(1024)],
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut message = Message::zeroed(len).unwrap();
        let mut model = vec![0; len];
        for step in steps {
            match step {
                Step::Append(bytes) => {
                    message.append(&bytes).unwrap();
                    model.extend(bytes);
                }
                Step::Insert(bytes) => {
                    message.insert(&bytes).unwrap();
                    model.splice(0..0, bytes);
                }
                Step::Trim(count) => {
                    prop_assert_eq!(message.trim(count).is_ok(), count <= model.len());
                    if count <= model.len() {
                        model.drain(..count);
                    }
                }
                Step::Chop(count) => {
                    prop_assert_eq!(message.chop(count).is_ok(), count <= model.len());
                    model.truncate(model.len().checked_sub(count).unwrap_or(model.len()));
                }
                Step::Resize(len) => {
                    message.resize(len).unwrap();
                    // What it grows by means nothing.
                    let common = len.min(model.len());
                    prop_assert_eq!(&message.body()[..common], &model[..common]);
                    model = message.body().to_vec();
                    prop_assert_eq!(model.len(), len);
                }
                Step::Reserve(capacity) => {
                    message.reserve(capacity).unwrap();
                    prop_assert!(message.capacity() >= capacity);
                }
                Step::Clear => {
                    message.clear();
                    model.clear();
                }
            }
            prop_assert_eq!(message.body(), &model[..]);
            prop_assert!(message.capacity() >= message.len());
        }
    }
}
