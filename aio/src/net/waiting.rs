//! Operations that wait at a provider, first come, first served, and those that are done there.

use std::collections::VecDeque;
use std::mem;

use crate::{Error, Operation, OperationId};

/// A queue in which the first to wait needs no memory of its own: most streams have one receive
/// waiting and nothing else.
#[derive(Default, Debug)]
pub(super) enum Waiting {
    #[default]
    Empty,
    One(Operation),
    /// Kept once there were two at a time, empty or not.
    Many(VecDeque<Operation>),
}

const _: () = assert!(size_of::<Waiting>() == size_of::<Operation>());

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::One(_) => false,
            Self::Many(all) => all.is_empty(),
        }
    }

    /// Appends one.
    pub(super) fn push(&mut self, operation: Operation) {
        if let Self::Many(all) = self {
            return all.push_back(operation);
        }
        *self = match mem::take(self) {
            Self::One(first) => Self::Many(VecDeque::from([first, operation])),
            Self::Empty | Self::Many(_) => Self::One(operation),
        };
    }

    /// The one that waits longest.
    pub(super) fn first_mut(&mut self) -> Option<&mut Operation> {
        match self {
            Self::Empty => None,
            Self::One(first) => Some(first),
            Self::Many(all) => all.front_mut(),
        }
    }

    /// Takes the one that waits longest.
    pub(super) fn pop(&mut self) -> Option<Operation> {
        if let Self::Many(all) = self {
            return all.pop_front();
        }
        match mem::take(self) {
            Self::One(first) => Some(first),
            Self::Empty | Self::Many(_) => None,
        }
    }

    /// Takes the one of that name, if it waits here.
    pub(super) fn remove(&mut self, id: OperationId) -> Option<Operation> {
        match self {
            Self::Empty => None,
            Self::One(first) if first.id() == id => self.pop(),
            Self::One(_) => None,
            Self::Many(all) => {
                let place = all.iter().position(|operation| operation.id() == id)?;
                all.remove(place)
            }
        }
    }
}

impl Iterator for Waiting {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        self.pop()
    }
}

/// Operations that have ended. The last one is finished after the lock, which is the rule; those
/// before it under the lock, which is allowed.
#[derive(Default)]
#[must_use = "operations must be finished"]
pub(super) struct Done {
    last: Option<(Operation, Result<usize, Error>)>,
}

impl Done {
    pub(super) fn add(&mut self, operation: Operation, result: Result<usize, Error>) {
        let before = self.last.replace((operation, result));
        Self { last: before }.finish();
    }

    pub(super) fn finish(self) {
        match self.last {
            Some((operation, Ok(count))) => operation.finish_with_count(count),
            Some((operation, Err(error))) => operation.finish(Err(error)),
            None => {}
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Aio;

    #[test]
    fn serves_in_order_and_removes_by_name() {
        let aios: Vec<_> = (0..4).map(|_| Aio::without_callback()).collect();
        let mut waiting = Waiting::default();
        for round in 1..=aios.len() {
            let ids: Vec<_> = aios[..round]
                .iter()
                .map(|aio| {
                    let operation = aio.begin().unwrap();
                    let id = operation.id();
                    waiting.push(operation);
                    id
                })
                .collect();
            let last = waiting.remove(ids[round - 1]).unwrap();
            assert!(waiting.remove(ids[round - 1]).is_none());
            last.finish(Ok(()));
            for &id in &ids[..round - 1] {
                assert_eq!(waiting.first_mut().unwrap().id(), id);
                let first = waiting.pop().unwrap();
                assert_eq!(first.id(), id);
                first.finish(Ok(()));
            }
            assert!(waiting.is_empty() && waiting.pop().is_none());
        }
    }
}
