//! A request and its answer, as a handler sees them.

/// One request, to be answered.
#[derive(Debug)]
pub struct Exchange {
    _private: (),
}
