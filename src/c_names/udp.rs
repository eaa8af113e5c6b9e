//! Datagrams.

use ::nng_aio::Runtime;
use ::nng_aio::net::Udp;

use super::{code, make, nng_aio, nng_sockaddr, store};

/// A socket for datagrams.
pub type nng_udp = Udp;

/// Makes a socket at an address; see [`Udp::bind`]. `NNG_EADDRINVAL`, `NNG_ENOTSUP`, `NNG_EADDRINUSE` and
/// what the system says.
pub fn nng_udp_open(udpp: &mut Option<nng_udp>, sa: &nng_sockaddr) -> i32 {
    make(udpp, Runtime::try_global().and_then(|runtime| Udp::bind(&runtime, sa)))
}

/// Closes a socket, for others who hold it, too, and lets go of it; see [`Udp::close`].
pub fn nng_udp_close(udp: impl Into<Option<nng_udp>>) {
    if let Some(udp) = udp.into() {
        udp.close();
    }
}

/// Reads the address that it is bound to; see [`Udp::local_addr`].
pub fn nng_udp_sockname(udp: &nng_udp, sa: &mut nng_sockaddr) -> i32 {
    store(sa, Ok(udp.local_addr()))
}

/// Sends the memory as one datagram to the [`nng_sockaddr`] that is input 0; see [`Udp::send_to`]. Ends
/// with `NNG_EADDRINVAL` without one.
pub fn nng_udp_send(udp: &nng_udp, aio: &nng_aio) {
    udp.send_to(aio.input(0).as_deref().unwrap_or(&nng_sockaddr::Unspecified), aio);
}

/// Receives one datagram into the memory; output 0 is the [`nng_sockaddr`] of who sent it; see
/// [`Udp::recv`]. Ends with `NNG_EMSGSIZE` if it is longer.
pub fn nng_udp_recv(udp: &nng_udp, aio: &nng_aio) {
    udp.recv(aio);
}

/// Joins a multicast group, or leaves it; see [`Udp::set_membership`]. `NNG_EADDRINVAL`, `NNG_EINVAL`,
/// `NNG_EADDRINUSE`, `NNG_ECLOSED`.
pub fn nng_udp_multicast_membership(udp: &nng_udp, sa: &nng_sockaddr, join: bool) -> i32 {
    code(udp.set_membership(sa, join))
}
