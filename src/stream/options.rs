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
//!
//! TLS over TCP has what TCP has, and beside that:
//!
//! | option | type | dialer, listener, stream |
//! |---|---|---|
//! | `tls-config` | configuration | rw rw - |
//! | `tls-authmode` | int | w w - |
//! | `tls-ca-file`, `tls-cert-key-file`, `tls-server-name` | string | w w - |
//! | `tls-verified` | bool | - - r |
//! | `tls-peer-cn` | string | - - r |
//! | `tls-peer-alt-names` | strings | - - r |

use nng_aio::Error;
use nng_aio::net::{Credentials, Stream};

use super::dialer::Dialer;
use super::listener::Listener;
use crate::option::{self, Entry, Options, Value};
use crate::tls::{Channel, Secured};

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
    Entry {
        name: option::TLS_CONFIG,
        of: Dialer::is_secure,
        get: Some(|it| it.tls().map(Value::TlsConfig)),
        set: Some(|it, value| it.set_tls(&value.into_tls_config()?)),
    },
    Entry {
        name: option::TLS_AUTH_MODE,
        of: Dialer::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.set_auth_mode(value.into_int()?)),
    },
    Entry {
        name: option::TLS_SERVER_NAME,
        of: Dialer::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.set_server_name(&value.into_string()?)),
    },
    Entry {
        name: option::TLS_CA_FILE,
        of: Dialer::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.add_ca_file(&value.into_string()?)),
    },
    Entry {
        name: option::TLS_CERT_KEY_FILE,
        of: Dialer::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.add_cert_key_file(&value.into_string()?)),
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
    Entry {
        name: option::TLS_CONFIG,
        of: Listener::is_secure,
        get: Some(|it| it.tls().map(Value::TlsConfig)),
        set: Some(|it, value| it.set_tls(&value.into_tls_config()?)),
    },
    Entry {
        name: option::TLS_AUTH_MODE,
        of: Listener::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.set_auth_mode(value.into_int()?)),
    },
    Entry {
        name: option::TLS_SERVER_NAME,
        of: Listener::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.set_server_name(&value.into_string()?)),
    },
    Entry {
        name: option::TLS_CA_FILE,
        of: Listener::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.add_ca_file(&value.into_string()?)),
    },
    Entry {
        name: option::TLS_CERT_KEY_FILE,
        of: Listener::is_secure,
        get: None,
        set: Some(|it, value| it.secure()?.add_cert_key_file(&value.into_string()?)),
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
    Entry {
        name: option::TLS_VERIFIED,
        of: is_secure,
        get: Some(|it| channel(it, |channel| channel.is_verified().into())),
        set: None,
    },
    Entry {
        name: option::TLS_PEER_CN,
        of: is_secure,
        get: Some(|it| {
            let name = channel(it, |channel| channel.peer_name().map(Value::String))?;
            name.ok_or(Error::NotFound)
        }),
        set: None,
    },
    Entry {
        name: option::TLS_PEER_ALT_NAMES,
        of: is_secure,
        get: Some(|it| channel(it, |channel| Value::Strings(channel.peer_alt_names()))),
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

/// Closed ones count: what they had they still have, but cannot tell.
fn is_secure(stream: &Stream) -> bool {
    is_tcp(stream) && !matches!(stream.look_at_layer(|_| ()), Ok(None))
}

/// Looks at the TLS of a stream.
fn channel<R>(stream: &Stream, look: impl FnOnce(&Channel) -> R) -> Result<R, Error> {
    let found = stream.look_at_layer(|layer| {
        layer.as_any().downcast_ref::<Secured>().map(|secured| look(secured.channel()))
    });
    found?.flatten().ok_or(Error::NotSupported)
}

fn is_tcp(stream: &Stream) -> bool {
    stream.local_addr().to_inet().is_some()
}

/// Returns a fact about the other end of a Unix socket, if the system tells it.
fn peer(stream: &Stream, fact: fn(&Credentials) -> Option<u32>) -> Result<Value, Error> {
    let peer = stream.peer_credentials()?;
    fact(&peer).map(|id| Value::Uint64(id.into())).ok_or(Error::NotSupported)
}
