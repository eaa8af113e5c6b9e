//! Datagrams.

use std::ffi::c_int;

use ::nng_aio::net::{Addr, Udp};
use ::nng_aio::{Error, Runtime};

use crate::address::nng_sockaddr;
use crate::aio::nng_aio;
use crate::boundary::{Out, code, fill};
use crate::handle::{Tag, give, live, object, take};
use crate::library::start;

/// A socket for datagrams.
#[repr(C)]
pub struct nng_udp {
    tag: Tag,
    udp: Udp,
}

object! {
    nng_udp = b"udp ";
}

/// Where C wants to know whose a datagram is.
struct Place(*mut nng_sockaddr);

// SAFETY: C lends the memory until the operation has ended, whatever thread ends it.
unsafe impl Send for Place {}

impl Place {
    fn fill(self, from: &Addr) {
        // SAFETY: C says that it is null or an address, which nobody else looks at.
        if let Some(place) = unsafe { self.0.as_mut() } {
            *place = nng_sockaddr::of(from);
        }
    }
}

/// Returns the address in an operation's first input.
fn input(aio: &nng_aio) -> *mut nng_sockaddr {
    aio.input_of(0).cast::<nng_sockaddr>()
}

export! {
    fn nng_udp_open(udpp: Out<'_, *mut nng_udp>, addr: Option<&nng_sockaddr>) -> c_int {
        start();
        let udpp = udpp?;
        let Some(addr) = addr else { return Some(Error::AddressInvalid.code()) };
        let udp = Runtime::try_global().and_then(|runtime| Udp::bind(&runtime, &addr.read()?));
        fill(udpp, udp.map(|udp| give(nng_udp { tag: Tag::of::<nng_udp>(), udp })))
    }

    fn nng_udp_close(udp: *mut nng_udp) {
        // What waits ends while the object is there.
        take(udp)?.udp.close();
    }

    fn nng_udp_sockname(udp: Option<&nng_udp>, place: Out<'_, nng_sockaddr>) -> c_int {
        let (udp, place) = (live(udp)?, place?);
        fill(place, Ok(nng_sockaddr::of(&udp.udp.local_addr())))
    }

    fn nng_udp_send(udp: Option<&nng_udp>, aio: Option<&nng_aio>) {
        let (udp, aio) = (live(udp)?, live(aio)?);
        // SAFETY: C says that the input is null or an address, which stays until the operation ends.
        let to = unsafe { input(aio).as_ref() }.map_or(Ok(Addr::Unspecified), nng_sockaddr::read);
        // What is no address has none.
        let udp = udp.udp.clone();
        udp.send_to(&to.unwrap_or_default(), &aio.start());
    }

    fn nng_udp_recv(udp: Option<&nng_udp>, aio: Option<&nng_aio>) {
        let (udp, aio) = (live(udp)?, live(aio)?);
        let place = Place(input(aio));
        let udp = udp.udp.clone();
        udp.recv_with(&aio.start(), move |from, _| place.fill(from));
    }

    fn nng_udp_multicast_membership(
        udp: Option<&nng_udp>,
        group: Option<&nng_sockaddr>,
        is_member: bool,
    ) -> c_int {
        let udp = &live(udp)?.udp;
        let Some(group) = group else { return Some(Error::AddressInvalid.code()) };
        code(group.read().and_then(|group| udp.set_membership(&group, is_member)))
    }
}
