//! Statistics under their C names.

use std::process::Command;

use nng_oxide::c_names::*;
use nng_oxide::statistics::{Statistic, StatisticValue, Unit};

fn get() -> nng_stat {
    let mut root = None;
    assert_eq!(nng_stats_get(&mut root), 0);
    root.expect("it was made")
}

fn of(name: &'static str, value: StatisticValue, unit: Unit) -> Statistic {
    let mut statistic = Statistic::snapshot();
    (statistic.name, statistic.value, statistic.unit) = (name, value, unit);
    statistic.description = "for a test";
    statistic
}

/// A picture of two sockets, a dialer and a listener, each with two things below it.
fn picture() -> nng_stat {
    let mut root = Statistic::snapshot();
    for (name, id) in [("socket", 1), ("dialer", 1), ("socket", 2), ("listener", 3)] {
        let mut scope = of(name, StatisticValue::Scope(id), Unit::None);
        scope.children.push(of("id", StatisticValue::Id(id), Unit::None));
        scope.children.push(of("tx_bytes", StatisticValue::Counter(id * 100), Unit::Bytes));
        root.children.push(scope);
    }
    root.into()
}

#[test]
fn the_root_says_what_it_is() {
    let before = nng_clock();
    let root = get();
    assert_eq!((nng_stat_name(&root), nng_stat_desc(&root)), ("", "all statistics"));
    assert_eq!((nng_stat_type(&root), nng_stat_unit(&root)), (NNG_STAT_SCOPE, NNG_UNIT_NONE));
    assert_eq!((nng_stat_value(&root), nng_stat_bool(&root)), (0, false));
    assert_eq!(nng_stat_string(&root), "");
    assert!((before..=nng_clock()).contains(&nng_stat_timestamp(&root)));
    assert_eq!((nng_stat_child(&root), nng_stat_next(&root)), (None, None), "there are no sockets");
    assert_eq!(nng_stat_find(&root, ""), Some(root.clone()));
    assert_eq!(nng_stat_find(&root, "socket"), None);
    assert_ne!(get(), root, "each is a picture of its own");
    nng_stats_free(root);
    nng_stats_free(None);
}

#[test]
fn a_tree_is_walked_from_child_to_next() {
    let root = picture();
    let mut met = Vec::new();
    let mut scope = nng_stat_child(&root);
    while let Some(stat) = scope {
        assert_eq!(nng_stat_type(&stat), NNG_STAT_SCOPE);
        let mut leaf = nng_stat_child(&stat);
        while let Some(stat) = leaf {
            assert_eq!(nng_stat_desc(&stat), "for a test");
            assert_eq!(nng_stat_child(&stat), None);
            met.push((nng_stat_name(&stat), nng_stat_value(&stat)));
            leaf = nng_stat_next(&stat);
        }
        met.push((nng_stat_name(&stat), nng_stat_value(&stat)));
        scope = nng_stat_next(&stat);
    }
    let expected = [
        ("id", 1),
        ("tx_bytes", 100),
        ("socket", 1),
        ("id", 1),
        ("tx_bytes", 100),
        ("dialer", 1),
        ("id", 2),
        ("tx_bytes", 200),
        ("socket", 2),
        ("id", 3),
        ("tx_bytes", 300),
        ("listener", 3),
    ];
    assert_eq!(met, expected);
}

#[test]
fn scopes_are_found_by_their_ids() {
    let root = picture();
    let second = nng_stat_find_socket(&root, nng_socket { id: 2 });
    let sent = nng_stat_find(second.as_ref(), "tx_bytes").expect("it is there");
    assert_eq!((nng_stat_type(&sent), nng_stat_unit(&sent)), (NNG_STAT_COUNTER, NNG_UNIT_BYTES));
    assert_eq!(nng_stat_value(&sent), 200);
    let dialer = nng_stat_find_dialer(&root, nng_dialer { id: 1 }).expect("it is there");
    assert_eq!(nng_stat_name(&dialer), "dialer");
    let listener = nng_stat_find_listener(&root, nng_listener { id: 3 }).expect("it is there");
    assert_eq!(nng_stat_find_listener(&listener, nng_listener { id: 3 }), Some(listener.clone()));
    assert_eq!(nng_stat_find_socket(&listener, nng_socket { id: 1 }), None, "it is not below");

    assert_eq!(nng_stat_find_socket(&root, nng_socket { id: 3 }), None);
    assert_eq!(nng_stat_find_socket(&root, NNG_SOCKET_INITIALIZER), None);
    assert_eq!(nng_stat_find_dialer(&root, NNG_DIALER_INITIALIZER), None);
    assert_eq!(nng_stat_find_listener(&root, NNG_LISTENER_INITIALIZER), None);
    // What was not found has nothing below it.
    assert_eq!(nng_stat_find(None, "socket"), None);
    assert_eq!(nng_stat_find_socket(None, nng_socket { id: 1 }), None);
    assert_eq!(nng_stat_find_dialer(None, nng_dialer { id: 1 }), None);
    assert_eq!(nng_stat_find_listener(None, nng_listener { id: 1 }), None);
}

#[test]
fn a_place_outlives_the_root() {
    let root = picture();
    let socket = nng_stat_find(&root, "socket").expect("it is there");
    nng_stats_free(root);
    assert_eq!(nng_stat_next(&socket).as_ref().map(nng_stat_name), Some("dialer"));
}

#[test]
fn kinds_and_units_have_their_constants() {
    let kinds = [
        (StatisticValue::Scope(9), NNG_STAT_SCOPE, 9, false, ""),
        (StatisticValue::Level(9), NNG_STAT_LEVEL, 9, false, ""),
        (StatisticValue::Counter(9), NNG_STAT_COUNTER, 9, false, ""),
        (StatisticValue::Text("text".into()), NNG_STAT_STRING, 0, false, "text"),
        (StatisticValue::Boolean(true), NNG_STAT_BOOLEAN, 1, true, ""),
        (StatisticValue::Boolean(false), NNG_STAT_BOOLEAN, 0, false, ""),
        (StatisticValue::Id(9), NNG_STAT_ID, 9, false, ""),
    ];
    for (value, kind, number, is_so, text) in kinds {
        let stat = nng_stat::from(of("some", value, Unit::None));
        assert_eq!((nng_stat_type(&stat), nng_stat_value(&stat)), (kind, number));
        assert_eq!((nng_stat_bool(&stat), nng_stat_string(&stat)), (is_so, text));
    }
    for (unit, number) in [
        (Unit::None, NNG_UNIT_NONE),
        (Unit::Bytes, NNG_UNIT_BYTES),
        (Unit::Messages, NNG_UNIT_MESSAGES),
        (Unit::Millis, NNG_UNIT_MILLIS),
        (Unit::Events, NNG_UNIT_EVENTS),
    ] {
        let stat = nng_stat::from(of("some", StatisticValue::Level(1), unit));
        assert_eq!(nng_stat_unit(&stat), number);
    }
    let all = [NNG_STAT_SCOPE, NNG_STAT_LEVEL, NNG_STAT_COUNTER, NNG_STAT_STRING];
    assert_eq!((all, NNG_STAT_BOOLEAN, NNG_STAT_ID), ([0, 1, 2, 3], 4, 5));
    let all = [NNG_UNIT_NONE, NNG_UNIT_BYTES, NNG_UNIT_MESSAGES, NNG_UNIT_MILLIS];
    assert_eq!((all, NNG_UNIT_EVENTS), ([0, 1, 2, 3], 4));
}

#[test]
#[ignore = "the test below runs it where it can see what is printed"]
fn prints() {
    nng_stats_dump(&get());
    let root = picture();
    nng_stats_dump(&root);
    nng_stats_dump(&nng_stat_find(&root, "tx_bytes").expect("it is there"));
}

#[test]
fn a_dump_prints_what_is_below() {
    let program = std::env::current_exe().expect("it runs");
    let output = Command::new(program)
        .args(["--exact", "prints", "--ignored", "--nocapture"])
        .output()
        .expect("it can be started");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let padded = |name: &str, rest: &str| format!("        {name:<32}{rest}\n");
    let scope = |name: &str, id: u32| {
        let (id_line, sent) =
            (padded("id", &id.to_string()), padded("tx_bytes", &format!("{id}00 bytes")));
        format!("\n{name}#{id}:\n{id_line}{sent}")
    };
    let expected = [
        scope("socket", 1),
        scope("dialer", 1),
        scope("socket", 2),
        scope("listener", 3),
        padded("tx_bytes", "100 bytes"),
    ];
    assert!(output.status.success() && text.contains(&expected.concat()), "{text}");
}
