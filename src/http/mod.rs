//! HTTP/1.x: messages, and how they go over the wire.
//!
//! | to | see |
//! |---|---|
//! | answer requests | [`Server`], [`Handler::function`], [`Exchange::respond`] |
//! | serve a directory, and an interface beside it | [`Handler::directory`] |
//! | serve with TLS | [`Server::set_tls`] |
//! | send a response as it comes to be | [`Exchange::respond_in_pieces`] |
//! | read a large request as it comes | [`Exchange::read_body`] |
//! | write a response oneself and hear how it went | [`Exchange::conn`], [`Conn::write_res`] |
//! | know of every request | [`Server::set_access_log`] |
//! | end without cutting anybody off | [`Server::drain`] |
//! | ask one server, or any | [`Client`], [`Agent`] |
//! | send a large request as it comes to be | [`Conn::ask`], [`Conn::write_body`] |
//! | read a large response as it comes | [`Agent::open`], [`Conn::read_body`] |
//!
//! # How it is built
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
//! | `shared` | a message that a program and an operation hold together |
//! | `conn` | messages over a socket, driven by aios |
//! | `client` | what asks |
//! | `server` | what listens and answers |
//!
//! Messages and codec do no I/O, take no lock and run no callback.

mod body;
mod client;
mod codec;
mod conn;
mod date;
mod entity;
mod error_page;
mod head_edit;
mod headers;
mod method;
mod request;
mod response;
mod server;
mod shared;
mod status;
mod version;

pub use body::Body;
pub use client::{Agent, AgentConfig, Client};
#[cfg(fuzzing)]
pub(crate) use codec::laws;
pub use codec::{LAST_CHUNK, Limits, write_chunk};
pub use conn::Conn;
pub use headers::Headers;
pub use request::Request;
pub use response::Response;
#[cfg(fuzzing)]
pub(crate) use server::laws as server_laws;
pub use server::{
    Access, AccessHook, BodyWriter, DirectoryOptions, Exchange, Handler, Links, Server,
    ServerConfig, ServerStats,
};
pub use shared::{Guard, Shared};
pub use version::Version;
