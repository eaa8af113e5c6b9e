//! What can be asked and set by name, and on which objects.
//!
//! | option | type | TCP: dialer, listener, stream | Unix: dialer, listener, stream |
//! |---|---|---|---|
//! | `local-address` | address | rw r r | - r r |
//! | `remote-address` | address | - - r | - - r |
//! | `tcp-nodelay`, `tcp-keepalive` | bool | rw rw rw | - - - |
//! | `tcp-bound-port` | int | - r - | - - - |
//! | `ipc:permissions` | int | - - - | - w - |
//! | `ipc:peer-pid`, `ipc:peer-uid`, `ipc:peer-gid` | uint64 | - - - | - - r |

use nng_aio::Error;
use nng_aio::net::{Credentials, Stream};

use super::dialer::Dialer;
use super::listener::Listener;
use crate::option::{self, Entry, Options, Value};

pub(super) const DIALER: &[Entry<Dialer>] = &[
    Entry {
        name: option::LOCAL_ADDRESS,
        of: Dialer::is_tcp,
        get: Some(|it| Ok(it.dialer.local_addr().into())),
        set: Some(|it, value| it.dialer.set_local_addr(&value.into_addr()?)),
    },
    Entry {
        name: option::TCP_NODELAY,
        of: Dialer::is_tcp,
        get: Some(|it| it.dialer.nodelay().map(Value::Bool)),
        set: Some(|it, value| it.dialer.set_nodelay(value.into_bool()?)),
    },
    Entry {
        name: option::TCP_KEEPALIVE,
        of: Dialer::is_tcp,
        get: Some(|it| it.dialer.keepalive().map(Value::Bool)),
        set: Some(|it, value| it.dialer.set_keepalive(value.into_bool()?)),
    },
];

pub(super) const LISTENER: &[Entry<Listener>] = &[
    Entry {
        name: option::LOCAL_ADDRESS,
        of: |_| true,
        get: Some(|it| Ok(it.local_addr().into())),
        set: None,
    },
    Entry {
        name: option::TCP_NODELAY,
        of: Listener::is_tcp,
        get: Some(|it| it.listener.nodelay().map(Value::Bool)),
        set: Some(|it, value| it.listener.set_nodelay(value.into_bool()?)),
    },
    Entry {
        name: option::TCP_KEEPALIVE,
        of: Listener::is_tcp,
        get: Some(|it| it.listener.keepalive().map(Value::Bool)),
        set: Some(|it, value| it.listener.set_keepalive(value.into_bool()?)),
    },
    Entry {
        name: option::TCP_BOUND_PORT,
        of: Listener::is_tcp,
        get: Some(|it| it.listener.bound_port().map(|port| Value::Int(port.into()))),
        set: None,
    },
    Entry {
        name: option::IPC_PERMISSIONS,
        of: |it| !it.is_tcp(),
        get: None,
        set: Some(|it, value| {
            let mode = u32::try_from(value.into_int()?).map_err(|_| Error::Invalid)?;
            it.listener.set_permissions(mode)
        }),
    },
];

const STREAM: &[Entry<Stream>] = &[
    Entry {
        name: option::LOCAL_ADDRESS,
        of: |_| true,
        get: Some(|it| Ok(it.local_addr().into())),
        set: None,
    },
    Entry {
        name: option::REMOTE_ADDRESS,
        of: |_| true,
        get: Some(|it| Ok(it.remote_addr().into())),
        set: None,
    },
    Entry {
        name: option::TCP_NODELAY,
        of: is_tcp,
        get: Some(|it| it.nodelay().map(Value::Bool)),
        set: Some(|it, value| it.set_nodelay(value.into_bool()?)),
    },
    Entry {
        name: option::TCP_KEEPALIVE,
        of: is_tcp,
        get: Some(|it| it.keepalive().map(Value::Bool)),
        set: Some(|it, value| it.set_keepalive(value.into_bool()?)),
    },
    Entry {
        name: option::PEER_PID,
        of: |it| !is_tcp(it),
        get: Some(|it| peer(it, |peer| peer.pid)),
        set: None,
    },
    Entry {
        name: option::PEER_UID,
        of: |it| !is_tcp(it),
        get: Some(|it| peer(it, |peer| Some(peer.uid))),
        set: None,
    },
    Entry {
        name: option::PEER_GID,
        of: |it| !is_tcp(it),
        get: Some(|it| peer(it, |peer| Some(peer.gid))),
        set: None,
    },
];

impl Options for Stream {
    fn option(&self, name: &str) -> Result<Value, Error> {
        option::get(STREAM, self, name)
    }

    fn set_option(&self, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        option::set(STREAM, self, name, value.into())
    }
}

fn is_tcp(stream: &Stream) -> bool {
    stream.local_addr().to_inet().is_some()
}

/// Returns a fact about the other end of a Unix socket, if the system tells it.
fn peer(stream: &Stream, fact: fn(&Credentials) -> Option<u32>) -> Result<Value, Error> {
    let peer = stream.peer_credentials()?;
    fact(&peer).map(|id| Value::Uint64(id.into())).ok_or(Error::NotSupported)
}
