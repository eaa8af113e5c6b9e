//! Sockets, dialers, listeners and pipes as C passes them: by value, a number each.

/// A socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct nng_socket {
    /// Its id; 0 for none.
    pub id: u32,
}

/// A dialer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct nng_dialer {
    /// Its id; 0 for none.
    pub id: u32,
}

/// A listener.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct nng_listener {
    /// Its id; 0 for none.
    pub id: u32,
}

/// A pipe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct nng_pipe {
    /// Its id; 0 for none.
    pub id: u32,
}
