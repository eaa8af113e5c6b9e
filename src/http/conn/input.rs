//! What a connection has received and nobody has read yet, and the room that receives share.
//!
//! Each thread has one piece of room into which it receives for whatever connection it works on;
//! what cannot be used at once is kept with the connection. An idle connection keeps nothing.

use std::cell::Cell;

/// Bytes in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// How many of them were read.
    at: usize,
}

impl Input {
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Forgets the first `count` unread bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.at += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Appends what was received.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        // What was read goes when it is at least as much as what would have to be moved.
        if self.at > 0 && self.at >= self.bytes.len() - self.at {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes everything out, to be put back with [`restore`](Self::restore).
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Puts back what was taken.
    pub(super) fn restore(&mut self, taken: Self) {
        if !taken.is_empty() {
            *self = taken;
        }
    }
}

/// Bytes received with one call.
const ROOM: usize = 32 << 10;

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// Lends this thread's room; a nested use gets room of its own.
pub(super) fn with_room<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut room = SCRATCH.take().unwrap_or_else(|| vec![0; ROOM].into_boxed_slice());
    let result = work(&mut room);
    SCRATCH.set(Some(room));
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_read_is_forgotten_and_memory_returned() {
        let mut input = Input::default();
        input.extend(b"abcdef");
        input.consume(4);
        assert_eq!(input.unread(), b"ef");
        input.extend(b"gh");
        assert_eq!(input.unread(), b"efgh");
        assert_eq!(input.at, 0, "the bytes moved to the front");
        input.consume(4);
        assert!(input.is_empty());
        assert_eq!(input.bytes.capacity(), 0);
    }

    #[test]
    fn nested_uses_have_room_of_their_own() {
        let len = with_room(|outer| {
            outer[0] = 1;
            with_room(|inner| {
                inner[0] = 2;
                inner.len()
            }) + usize::from(outer[0])
        });
        assert_eq!(len, ROOM + 1);
    }

    proptest! {
        #[test]
        fn bytes_come_out_as_they_went_in(
            steps in prop::collection::vec((any::<bool>(), 0..100_usize), 0..60),
        ) {
            let (mut input, mut model) = (Input::default(), Vec::new());
            for (number, (is_in, len)) in steps.into_iter().enumerate() {
                if is_in {
                    let bytes = number.to_le_bytes().repeat(len);
                    input.extend(&bytes);
                    model.extend(bytes);
                    prop_assert!(input.bytes.len() <= 2 * model.len(), "what was read goes");
                } else {
                    let len = len.min(model.len());
                    let mut taken = input.take();
                    prop_assert!(input.is_empty());
                    taken.consume(len);
                    input.restore(taken);
                    model.drain(..len);
                }
                prop_assert_eq!(input.unread(), &model[..]);
                prop_assert_eq!(input.is_empty(), model.is_empty());
            }
        }
    }
}
