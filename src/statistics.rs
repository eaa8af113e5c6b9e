//! Statistics: a picture of what there is, as a tree of named numbers.
//!
//! Sockets, dialers, listeners and pipes have scopes of their own in it. There are none of them yet, so it
//! has its root only, as NNG's has before the first socket is open.
//!
//! # Source
//! nng 1.12, nng_stats_get(3) and the pages beside it.

use nng_aio::clock;

/// One of them, with those below it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Statistic {
    /// Its name; empty for the root.
    pub name: &'static str,
    /// A few words on it, for people.
    pub description: &'static str,
    /// What it is.
    pub value: StatisticValue,
    /// What it counts.
    pub unit: Unit,
    /// When the picture was taken, in milliseconds of [`clock::monotonic_ms`].
    pub timestamp: u64,
    /// Those below it, in order.
    pub children: Vec<Self>,
}

/// What a statistic is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StatisticValue {
    /// Something that has statistics, by its id.
    Scope(u64),
    /// A number that goes up and down.
    Level(u64),
    /// A number that only goes up.
    Counter(u64),
    /// A text.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// The id of something else.
    Id(u64),
}

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Unit {
    /// Nothing that has a name.
    #[default]
    None,
    /// Bytes.
    Bytes,
    /// Messages.
    Messages,
    /// Milliseconds.
    Millis,
    /// Things that happen.
    Events,
}

impl Statistic {
    /// Takes a picture of everything.
    ///
    /// ```
    /// use nng_oxide::statistics::{Statistic, StatisticValue};
    ///
    /// let root = Statistic::snapshot();
    /// assert_eq!((root.name, root.value), ("", StatisticValue::Scope(0)));
    /// ```
    pub fn snapshot() -> Self {
        Self {
            name: "",
            description: "all statistics",
            value: StatisticValue::Scope(0),
            unit: Unit::None,
            timestamp: clock::monotonic_ms(),
            children: Vec::new(),
        }
    }

    /// Returns the first of that name, itself included, depth first.
    ///
    /// # Source
    /// nng 1.12, nng_stat_find(3).
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// Returns the scope of that name and id.
    ///
    /// # Source
    /// nng 1.12, nng_stat_find_socket(3) and its siblings.
    pub fn find_scope(&self, name: &str, id: u64) -> Option<&Self> {
        if self.name == name && self.value == StatisticValue::Scope(id) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find_scope(name, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &'static str, value: StatisticValue, children: Vec<Statistic>) -> Statistic {
        Statistic { name, value, children, ..Statistic::snapshot() }
    }

    #[test]
    fn they_are_found_by_name_and_by_id() {
        let socket = |id| {
            let sent = node("tx_msgs", StatisticValue::Counter(id * 10), Vec::new());
            node("socket", StatisticValue::Scope(id), vec![sent])
        };
        let root = node("", StatisticValue::Scope(0), vec![socket(1), socket(2)]);
        assert_eq!(root.find("").map(|found| found.children.len()), Some(2));
        let first = root.find("tx_msgs").map(|found| found.value.clone());
        assert_eq!(first, Some(StatisticValue::Counter(10)));
        assert_eq!(root.find("rx_msgs"), None);
        let second = root.find_scope("socket", 2).and_then(|socket| socket.find("tx_msgs"));
        assert_eq!(second.map(|found| found.value.clone()), Some(StatisticValue::Counter(20)));
        assert_eq!(root.find_scope("socket", 3), None);
        assert_eq!(root.find_scope("dialer", 1), None);
    }
}
