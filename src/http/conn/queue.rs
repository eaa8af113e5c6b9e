//! A queue that is empty or has one element nearly always, and then needs no memory of its own.

use std::collections::VecDeque;

/// First in, first out.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<T>,
    /// Empty unless there is a first.
    rest: VecDeque<T>,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn push(&mut self, element: T) {
        if self.first.is_none() {
            self.first = Some(element);
        } else {
            self.rest.push_back(element);
        }
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(1) {
            None => self.first.as_ref(),
            Some(index) => self.rest.get(index),
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(index) => self.rest.get_mut(index),
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.first.take();
        self.first = self.rest.pop_front();
        first
    }

    /// Tells where the first element is that `is_it` names.
    pub(super) fn position(&self, is_it: impl Fn(&T) -> bool) -> Option<usize> {
        self.first.iter().chain(&self.rest).position(is_it)
    }

    /// Takes an element out from the middle.
    pub(super) fn remove(&mut self, index: usize) -> Option<T> {
        match index.checked_sub(1) {
            None => self.pop(),
            Some(index) => self.rest.remove(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_leave_in_order_and_from_the_middle() {
        let mut queue = Queue::new();
        for number in 0..5 {
            queue.push(number);
        }
        assert_eq!(queue.position(|number| *number == 3), Some(3));
        assert_eq!(queue.remove(3), Some(3));
        assert_eq!(queue.remove(0), Some(0));
        assert_eq!(queue.front(), Some(&1));
        assert_eq!(
            [queue.pop(), queue.pop(), queue.pop(), queue.pop()],
            [Some(1), Some(2), Some(4), None]
        );
        assert!(queue.is_empty());
        queue.push(9);
        assert_eq!(queue.remove(1), None);
        assert_eq!(queue.pop(), Some(9));
    }

    proptest! {
        #[test]
        fn it_behaves_like_any_queue(steps in prop::collection::vec((0..4_u8, 0..8_usize), 0..60)) {
            let (mut queue, mut model) = (Queue::new(), VecDeque::new());
            for (number, (step, index)) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => {
                        queue.push(number);
                        model.push_back(number);
                    }
                    2 => prop_assert_eq!(queue.pop(), model.pop_front()),
                    _ => prop_assert_eq!(queue.remove(index), model.remove(index)),
                }
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                prop_assert_eq!(queue.front(), model.front());
                prop_assert_eq!(queue.front_mut(), model.front_mut());
                prop_assert_eq!(queue.get(index), model.get(index));
                prop_assert_eq!(queue.get_mut(index), model.get_mut(index));
                let wanted = number / 2;
                let place = model.iter().position(|element| *element == wanted);
                prop_assert_eq!(queue.position(|element| *element == wanted), place);
            }
        }
    }
}
