//! Statistics: a picture of what there is, as a tree of named numbers.
//!
//! Sockets, dialers, listeners and pipes have scopes of their own in it. There are none of them yet, so it
//! has its root only, as NNG's has before the first socket is open.
//!
//! A [`Statistic`] has those below it inside. A [`Node`] is a place in such a tree, for programs that walk
//! it step by step, as C does.
//!
//! # Source
//! nng 1.12, nng_stats_get(3) and the pages beside it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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
        if self.is_scope(name, id) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find_scope(name, id))
    }

    fn is_scope(&self, name: &str, id: u64) -> bool {
        self.name == name && self.value == StatisticValue::Scope(id)
    }
}

/// As NNG prints it, with those below it: a scope by name and id, anything else by name, value and unit.
///
/// # Source
/// nng 1.12, nng_stats_dump.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        let unit = self.unit.suffix();
        match &self.value {
            // The root has nothing to say.
            StatisticValue::Scope(_) if name.is_empty() => {}
            StatisticValue::Scope(id) => writeln!(f, "\n{name}#{id}:")?,
            StatisticValue::Text(text) => writeln!(f, "        {name:<32}\"{text}\"{unit}")?,
            StatisticValue::Boolean(is_so) => writeln!(f, "        {name:<32}{is_so}{unit}")?,
            value => writeln!(f, "        {name:<32}{}{unit}", value.number())?,
        }
        self.children.iter().try_for_each(|child| child.fmt(f))
    }
}

impl StatisticValue {
    /// Returns NNG's number for what it is: 0 for a scope, 1 for a level, 2 for a counter, 3 for a text, 4
    /// for yes or no, 5 for an id.
    ///
    /// # Source
    /// nng 1.12, nng_stat_type(3).
    pub const fn kind(&self) -> i32 {
        match self {
            Self::Scope(_) => 0,
            Self::Level(_) => 1,
            Self::Counter(_) => 2,
            Self::Text(_) => 3,
            Self::Boolean(_) => 4,
            Self::Id(_) => 5,
        }
    }

    /// Returns the number or id; 1 or 0 for yes or no, 0 for a text.
    ///
    /// # Source
    /// nng 1.12, nng_stat_value(3).
    pub fn number(&self) -> u64 {
        match *self {
            Self::Scope(number)
            | Self::Level(number)
            | Self::Counter(number)
            | Self::Id(number) => number,
            Self::Boolean(is_so) => u64::from(is_so),
            Self::Text(_) => 0,
        }
    }

    /// Returns the text; an empty one if it is something else.
    ///
    /// # Source
    /// nng 1.12, nng_stat_string(3).
    pub fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// Returns whether it is a yes.
    ///
    /// # Source
    /// nng 1.12, nng_stat_bool(3).
    pub const fn is_true(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }
}

impl Unit {
    /// Returns NNG's number for it: 0 for none, 1 for bytes, 2 for messages, 3 for milliseconds, 4 for
    /// events.
    ///
    /// # Source
    /// nng 1.12, nng_stat_unit(3).
    pub const fn number(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Bytes => 1,
            Self::Messages => 2,
            Self::Millis => 3,
            Self::Events => 4,
        }
    }

    /// What is printed behind a number.
    const fn suffix(self) -> &'static str {
        match self {
            Self::None | Self::Events => "",
            Self::Bytes => " bytes",
            Self::Messages => " msgs",
            Self::Millis => " ms",
        }
    }
}

/// A place in a picture, which is shared by all places in it and lives as long as any of them.
///
/// Clones are the same place. Two places are equal if they are the same one in the same picture.
///
/// ```
/// use nng_oxide::statistics::{Node, Statistic};
///
/// let root = Node::from(Statistic::snapshot());
/// let mut place = root.first_child();
/// while let Some(node) = place {
///     println!("{}: {}", node.name, node.value.number());
///     place = node.next_sibling();
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    picture: Arc<Statistic>,
    /// Which child at each step from the root; there are all of them, as the picture never changes.
    way: Vec<usize>,
}

impl Node {
    /// Returns the first of those below it.
    ///
    /// # Source
    /// nng 1.12, nng_stat_child(3).
    pub fn first_child(&self) -> Option<Self> {
        self.children.first()?;
        let mut node = self.clone();
        node.way.push(0);
        Some(node)
    }

    /// Returns the one that follows it below the same one; the root has none.
    ///
    /// # Source
    /// nng 1.12, nng_stat_next(3).
    pub fn next_sibling(&self) -> Option<Self> {
        let mut node = self.clone();
        let index = node.way.pop()? + 1;
        node.children.get(index)?;
        node.way.push(index);
        Some(node)
    }

    /// As [`Statistic::find`], for its place.
    pub fn find(&self, name: &str) -> Option<Self> {
        self.find_by(|statistic| statistic.name == name)
    }

    /// As [`Statistic::find_scope`], for its place.
    pub fn find_scope(&self, name: &str, id: u64) -> Option<Self> {
        self.find_by(|statistic| statistic.is_scope(name, id))
    }

    fn find_by(&self, is_it: impl Fn(&Statistic) -> bool) -> Option<Self> {
        /// Extends the way to the first that is it, or leaves it as it was.
        fn go(at: &Statistic, is_it: &dyn Fn(&Statistic) -> bool, way: &mut Vec<usize>) -> bool {
            is_it(at)
                || at.children.iter().enumerate().any(|(index, child)| {
                    way.push(index);
                    let is_there = go(child, is_it, way);
                    if !is_there {
                        way.pop();
                    }
                    is_there
                })
        }
        let mut found = self.clone();
        go(self, &is_it, &mut found.way).then_some(found)
    }
}

impl Deref for Node {
    type Target = Statistic;

    fn deref(&self) -> &Statistic {
        self.way.iter().fold(&self.picture, |statistic, &index| &statistic.children[index])
    }
}

/// The root of a picture.
impl From<Statistic> for Node {
    fn from(picture: Statistic) -> Self {
        Self { picture: Arc::new(picture), way: Vec::new() }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.picture, &other.picture) && self.way == other.way
    }
}

impl Eq for Node {}

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

    /// Two scopes with three leaves each, and one with none.
    fn picture() -> Node {
        let scope = |name, id| {
            let leaf = |name, value| node(name, value, Vec::new());
            let leaves = vec![
                leaf("id", StatisticValue::Id(id)),
                leaf("name", StatisticValue::Text(format!("of {id}"))),
                leaf("is_raw", StatisticValue::Boolean(id == 2)),
            ];
            node(name, StatisticValue::Scope(id), leaves)
        };
        let empty = node("listener", StatisticValue::Scope(1), Vec::new());
        let scopes = vec![scope("socket", 1), empty, scope("socket", 2)];
        Node::from(node("", StatisticValue::Scope(0), scopes))
    }

    #[test]
    fn a_walk_meets_each_once_in_order() {
        fn walk(node: &Node, met: &mut Vec<String>) {
            met.push(format!("{} {} {:?}", node.name, node.value.number(), node.value.text()));
            let mut next = node.first_child();
            while let Some(child) = next {
                walk(&child, met);
                next = child.next_sibling();
            }
        }
        let mut met = Vec::new();
        walk(&picture(), &mut met);
        let expected = [
            r#" 0 """#,
            r#"socket 1 """#,
            r#"id 1 """#,
            r#"name 0 "of 1""#,
            r#"is_raw 0 """#,
            r#"listener 1 """#,
            r#"socket 2 """#,
            r#"id 2 """#,
            r#"name 0 "of 2""#,
            r#"is_raw 1 """#,
        ];
        assert_eq!(met, expected);
        assert_eq!(picture().next_sibling(), None);
    }

    #[test]
    fn places_are_found_and_keep_their_picture() {
        let root = picture();
        let second = root.find_scope("socket", 2).unwrap();
        assert_eq!(
            root.first_child().unwrap().next_sibling().unwrap().next_sibling(),
            Some(second)
        );
        assert_eq!(root.find(""), Some(root.clone()));
        assert_eq!((root.find("dialer"), root.find_scope("listener", 2)), (None, None));
        assert_ne!(root, picture(), "another picture");
        let second = root.find_scope("socket", 2).unwrap();
        drop(root);
        assert_eq!(second.find("socket"), Some(second.clone()), "itself first");
        assert_eq!(second.find("listener"), None, "only those below it");
        assert!(second.find("is_raw").unwrap().value.is_true());
    }

    #[test]
    fn they_are_printed_as_nng_prints_them() {
        let mut of = node("socket", StatisticValue::Scope(7), Vec::new());
        let mut leaf = |unit, name, value| {
            of.children.push(Statistic { unit, ..node(name, value, Vec::new()) });
        };
        leaf(Unit::None, "name", StatisticValue::Text("seven".into()));
        leaf(Unit::None, "raw", StatisticValue::Boolean(false));
        leaf(Unit::Messages, "tx_msgs", StatisticValue::Counter(3));
        leaf(Unit::Bytes, "tx_bytes", StatisticValue::Counter(u64::MAX));
        leaf(Unit::Millis, "since", StatisticValue::Level(9));
        leaf(Unit::Events, "reject", StatisticValue::Counter(0));
        let root = node("", StatisticValue::Scope(0), vec![of]);
        let expected = "
socket#7:
        name                            \"seven\"
        raw                             false
        tx_msgs                         3 msgs
        tx_bytes                        18446744073709551615 bytes
        since                           9 ms
        reject                          0
";
        assert_eq!(root.to_string(), expected);
        assert_eq!(Statistic::snapshot().to_string(), "");
    }

    #[test]
    fn kinds_and_units_have_nngs_numbers() {
        let values = [
            StatisticValue::Scope(9),
            StatisticValue::Level(9),
            StatisticValue::Counter(9),
            StatisticValue::Text("text".into()),
            StatisticValue::Boolean(true),
            StatisticValue::Id(9),
        ];
        assert_eq!(values.each_ref().map(StatisticValue::kind), [0, 1, 2, 3, 4, 5]);
        assert_eq!(values.each_ref().map(StatisticValue::number), [9, 9, 9, 0, 1, 9]);
        let units = [Unit::None, Unit::Bytes, Unit::Messages, Unit::Millis, Unit::Events];
        assert_eq!(units.map(Unit::number), [0, 1, 2, 3, 4]);
    }
}
