//! HTTP/1.x: messages, and how they go over the wire.
//!
//! | module | what it answers |
//! |---|---|
//! | `request`, `response` | the two kinds of message |
//! | `entity` | what both have: fields and a body |
//! | `headers`, `body` | the fields; the body and who owns its bytes |
//! | `method`, `version`, `status` | the words of the start line |
//! | `head_edit` | how a head on the wire may differ from its message |
//! | `error_page`, `date` | what a server says by itself |
//! | `codec` | bytes in, messages out, and back |
//!
//! None of these does I/O, takes a lock or runs a callback.

#![cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "connections, which are to use the codec, do not exist yet"
    )
)]

mod body;
mod codec;
mod date;
mod entity;
mod error_page;
mod head_edit;
mod headers;
mod method;
mod request;
mod response;
mod status;
mod version;

pub use body::Body;
pub use codec::Limits;
#[cfg(fuzzing)]
pub(crate) use codec::laws;
pub use headers::Headers;
pub use request::Request;
pub use response::Response;
pub use version::Version;
