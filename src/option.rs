//! Options: settings and facts of an object that are asked for by name.
//!
//! Each kind of object has a table of what it knows; the rules of asking are here, once:
//!
//! | what is asked for | answer |
//! |---|---|
//! | a name that the object does not have | `NotSupported` |
//! | to read what can only be set, to set what can only be read | `WriteOnly`, `ReadOnly` |
//! | a value of another type | `BadType` |
//! | to set a value out of range | `Invalid`, or what the option says |
//!
//! # Source
//! nng 1.12, nng_options(5).

use nng_aio::net::Addr;
use nng_aio::{Error, Timeout};

use crate::tls::Config;

/// What can be asked and told by name.
///
/// ```
/// use nng_oxide::option::{self, Options};
/// use nng_oxide::stream::Listener;
///
/// let listener = Listener::new(&"tcp://127.0.0.1:0".parse()?)?;
/// listener.set_option(option::TCP_KEEPALIVE, true)?;
/// listener.listen()?;
/// let port = listener.option(option::TCP_BOUND_PORT)?.into_int()?;
/// assert_ne!(port, 0);
/// # Ok::<(), nng_oxide::Error>(())
/// ```
pub trait Options {
    /// Returns the value of an option.
    ///
    /// # Errors
    /// `NotSupported` if the object has no option of that name, `WriteOnly` if it can only be set,
    /// and what the option itself says.
    fn option(&self, name: &str) -> Result<Value, Error>;

    /// Sets an option.
    ///
    /// # Errors
    /// `NotSupported` if the object has no option of that name, `ReadOnly` if it can only be read,
    /// `BadType` if it has another type than `value`, and what the option itself says.
    fn set_option(&self, name: &str, value: impl Into<Value>) -> Result<(), Error>;
}

/// Defines [`Value`] and how each of its variants is made and taken apart.
macro_rules! values {
    ($($(#[$doc:meta])* $variant:ident($type:ty) $into:ident)+) => {
        /// The value of an option, which knows its type.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Value {
            $($(#[$doc])* $variant($type),)+
        }

        impl Value {
            $(
                #[doc = concat!("Returns what a [`", stringify!($variant), "`](Self::", stringify!($variant), ") holds.")]
                ///
                /// # Errors
                /// `BadType` if it is of another type.
                pub fn $into(self) -> Result<$type, Error> {
                    if let Self::$variant(value) = self { Ok(value) } else { Err(Error::BadType) }
                }
            )+
        }
    };
}

values! {
    /// Yes or no.
    Bool(bool) into_bool
    /// A number.
    Int(i32) into_int
    /// Milliseconds; negative numbers are what [`Timeout::from_ms`] takes them for.
    Ms(i32) into_ms
    /// A number of bytes, or of other things that are counted.
    Size(usize) into_size
    /// A large number.
    Uint64(u64) into_uint64
    /// A text.
    String(String) into_string
    /// An address.
    Addr(Addr) into_addr
    /// Several texts.
    Strings(Vec<String>) into_strings
    /// A configuration of TLS.
    TlsConfig(Config) into_tls_config
}

impl Value {
    /// Returns the limit that an [`Ms`](Self::Ms) states.
    ///
    /// # Errors
    /// `BadType` if it is of another type.
    pub fn into_timeout(self) -> Result<Timeout, Error> {
        self.into_ms().map(Timeout::from_ms)
    }
}

/// Implements `From` for what has a variant of its own.
macro_rules! from {
    ($($variant:ident($type:ty))*) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! { Bool(bool) Int(i32) Size(usize) Uint64(u64) String(String) String(&str) Addr(Addr) TlsConfig(Config) }

/// An option in the table of a kind of object.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) name: &'static str,
    /// Which objects of the kind have it.
    pub(crate) of: fn(&T) -> bool,
    /// Absent if it can only be set.
    pub(crate) get: Option<Getter<T>>,
    /// Absent if it can only be read.
    pub(crate) set: Option<Setter<T>>,
}

type Getter<T> = fn(&T) -> Result<Value, Error>;
type Setter<T> = fn(&T, Value) -> Result<(), Error>;

/// Answers [`Options::option`] from a table.
pub(crate) fn get<T>(table: &[Entry<T>], object: &T, name: &str) -> Result<Value, Error> {
    find(table, object, name)?.get.ok_or(Error::WriteOnly)?(object)
}

/// Answers [`Options::set_option`] from a table.
pub(crate) fn set<T>(
    table: &[Entry<T>],
    object: &T,
    name: &str,
    value: Value,
) -> Result<(), Error> {
    find(table, object, name)?.set.ok_or(Error::ReadOnly)?(object, value)
}

fn find<'a, T>(table: &'a [Entry<T>], object: &T, name: &str) -> Result<&'a Entry<T>, Error> {
    let entry = table.iter().find(|entry| entry.name == name);
    entry.filter(|entry| (entry.of)(object)).ok_or(Error::NotSupported)
}

/// The address of this end; of a dialer for TCP, the one to connect from.
pub const LOCAL_ADDRESS: &str = "local-address";
/// The address of the other end.
pub const REMOTE_ADDRESS: &str = "remote-address";
/// Whether small pieces are sent at once; a yes or no.
pub const TCP_NODELAY: &str = "tcp-nodelay";
/// Whether a silent peer is probed; a yes or no.
pub const TCP_KEEPALIVE: &str = "tcp-keepalive";
/// The port that a listener is bound to; a number.
pub const TCP_BOUND_PORT: &str = "tcp-bound-port";
/// The permissions of a listener's socket file; a number.
pub const IPC_PERMISSIONS: &str = "ipc:permissions";
/// The configuration of TLS for connections that begin later.
pub const TLS_CONFIG: &str = "tls-config";
/// What is asked of the peer's certificate, by NNG's numbers; a number.
pub const TLS_AUTH_MODE: &str = "tls-authmode";
/// A file with those who are trusted; a text.
pub const TLS_CA_FILE: &str = "tls-ca-file";
/// A file with a certificate and its key, which no password protects; a text.
pub const TLS_CERT_KEY_FILE: &str = "tls-cert-key-file";
/// The name that a server must have; a text.
pub const TLS_SERVER_NAME: &str = "tls-server-name";
/// Whether the peer has proved who it is; a yes or no.
pub const TLS_VERIFIED: &str = "tls-verified";
/// The common name in the peer's certificate; a text.
pub const TLS_PEER_CN: &str = "tls-peer-cn";
/// The other names in the peer's certificate; several texts.
pub const TLS_PEER_ALT_NAMES: &str = "tls-peer-alt-names";
/// The process at the other end; a large number.
pub const PEER_PID: &str = "ipc:peer-pid";
/// The user at the other end; a large number.
pub const PEER_UID: &str = "ipc:peer-uid";
/// The group at the other end; a large number.
pub const PEER_GID: &str = "ipc:peer-gid";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const TABLE: &[Entry<Cell<i32>>] = &[
        Entry {
            name: "both",
            of: |_| true,
            get: Some(|cell| Ok(cell.get().into())),
            set: Some(|cell, value| value.into_int().map(|value| cell.set(value))),
        },
        Entry { name: "read", of: |_| true, get: Some(|_| Ok("text".into())), set: None },
        Entry { name: "write", of: |_| true, get: None, set: Some(|_, _| Err(Error::Busy)) },
        Entry { name: "positive", of: |cell| cell.get() > 0, get: None, set: None },
    ];

    #[test]
    fn asking_follows_the_rules() {
        let cell = Cell::new(0);
        assert_eq!(set(TABLE, &cell, "both", 7.into()), Ok(()));
        assert_eq!(get(TABLE, &cell, "both"), Ok(Value::Int(7)));
        assert_eq!(set(TABLE, &cell, "both", true.into()), Err(Error::BadType));
        assert_eq!(get(TABLE, &cell, "read"), Ok(Value::String("text".to_owned())));
        assert_eq!(set(TABLE, &cell, "read", "text".into()), Err(Error::ReadOnly));
        assert_eq!(get(TABLE, &cell, "write"), Err(Error::WriteOnly));
        assert_eq!(set(TABLE, &cell, "write", 1.into()), Err(Error::Busy));
        assert_eq!(get(TABLE, &cell, "Both"), Err(Error::NotSupported));
    }

    #[test]
    fn an_option_of_other_objects_is_not_known() {
        let ask = |number| get(TABLE, &Cell::new(number), "positive");
        assert_eq!(ask(1), Err(Error::WriteOnly));
        assert_eq!(ask(0), Err(Error::NotSupported));
    }

    #[test]
    fn a_value_is_taken_as_what_it_is_and_nothing_else() {
        assert_eq!(Value::from(true).into_bool(), Ok(true));
        assert_eq!(Value::from(-5).into_int(), Ok(-5));
        assert_eq!(Value::from(5_usize).into_size(), Ok(5));
        assert_eq!(Value::from(5_u64).into_uint64(), Ok(5));
        assert_eq!(Value::from("a").into_string().as_deref(), Ok("a"));
        assert_eq!(Value::from(Addr::Unspecified).into_addr(), Ok(Addr::Unspecified));
        assert_eq!(Value::Ms(-1).into_timeout(), Ok(Timeout::Infinite));
        assert_eq!(Value::Ms(5).into_int(), Err(Error::BadType), "milliseconds are no number");
        assert_eq!(Value::from(5).into_ms(), Err(Error::BadType));
        assert_eq!(Value::from(5_usize).into_uint64(), Err(Error::BadType));
    }
}
