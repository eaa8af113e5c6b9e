//! `getaddrinfo`, with what it allocates owned and copied out.
//!
//! # Source
//! getaddrinfo(3); RFC 3493 section 6.1.

use std::ffi::CStr;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr::{self, NonNull};

// Answers that have different numbers on the two families of systems, or no name in `libc` on some.
#[cfg(target_os = "linux")]
pub(crate) const EAI_NODATA: i32 = -5;
#[cfg(target_os = "linux")]
pub(crate) const EAI_ADDRFAMILY: i32 = -9;
#[cfg(target_os = "linux")]
pub(crate) const EAI_CANCELED: i32 = -101;
#[cfg(not(target_os = "linux"))]
pub(crate) const EAI_NODATA: i32 = 7;
#[cfg(not(target_os = "linux"))]
pub(crate) const EAI_ADDRFAMILY: i32 = 1;

/// Why there are no addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// An `EAI_*` code.
    pub(crate) answer: i32,
    /// Means something if the answer is `EAI_SYSTEM`.
    pub(crate) errno: i32,
}

/// Asks the system for the addresses of stream sockets, in its order of preference.
///
/// `family` is `AF_UNSPEC`, `AF_INET` or `AF_INET6`; `flags` are `AI_*`. Addresses of other
/// families are left out, so the result may be empty. May block for minutes, but not with
/// `AI_NUMERICHOST` and without a service.
///
/// # Errors
/// What the system answered.
pub(crate) fn addrinfo(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: i32,
    flags: i32,
) -> Result<Vec<SocketAddr>, Failure> {
    let hints = libc::addrinfo {
        ai_flags: flags,
        ai_family: family,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_canonname: ptr::null_mut(),
        ai_addr: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let mut first = ptr::null_mut();
    let host = host.map_or(ptr::null(), CStr::as_ptr);
    let service = service.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: both texts are null or borrowed and end in NUL; the hints are complete, with the
    // members that must be null so; `first` is a local variable.
    let answer = unsafe { libc::getaddrinfo(host, service, &raw const hints, &raw mut first) };
    if answer != 0 {
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or_default();
        return Err(Failure { answer, errno });
    }
    Ok(NonNull::new(first).map(List).map_or_else(Vec::new, |list| list.addresses()))
}

/// A list that getaddrinfo made, owned.
struct List(NonNull<libc::addrinfo>);

impl List {
    fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        let mut next = Some(self.0);
        while let Some(entry) = next {
            // SAFETY: getaddrinfo made the list well-formed, nothing changes it, and it is freed
            // when `self` drops, after this borrow.
            let info = unsafe { entry.as_ref() };
            addresses.extend(address(info));
            next = NonNull::new(info.ai_next);
        }
        addresses
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: the list came from getaddrinfo, is owned by `self`, and no borrow outlives it.
        unsafe { libc::freeaddrinfo(self.0.as_ptr()) };
    }
}

/// Copies the address of an entry; `None` for families other than IPv4 and IPv6.
fn address(info: &libc::addrinfo) -> Option<SocketAddr> {
    let len = usize::try_from(info.ai_addrlen).unwrap_or_default();
    if info.ai_addr.is_null() {
        return None;
    }
    match info.ai_family {
        libc::AF_INET if len >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the entry's address has `len` readable bytes, of this family's layout.
            let raw = unsafe { info.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
        }
        libc::AF_INET6 if len >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: the entry's address has `len` readable bytes, of this family's layout.
            let raw = unsafe { info.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            let port = u16::from_be(raw.sin6_port);
            Some(SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(host: &CStr, service: Option<&CStr>, family: i32) -> Result<Vec<SocketAddr>, i32> {
        let flags = libc::AI_NUMERICHOST | libc::AI_NUMERICSERV;
        addrinfo(Some(host), service, family, flags).map_err(|failure| failure.answer)
    }

    #[test]
    fn literals_come_back_in_host_byte_order() {
        let v4 = literal(c"1.2.3.4", Some(c"80"), libc::AF_UNSPEC).unwrap();
        assert_eq!(v4, ["1.2.3.4:80".parse().unwrap()]);
        let v6 = literal(c"2001:db8::1", Some(c"443"), libc::AF_UNSPEC).unwrap();
        assert_eq!(v6, ["[2001:db8::1]:443".parse().unwrap()]);
    }

    #[test]
    fn scope_ids_are_kept() {
        let scoped = literal(c"fe80::1%7", None, libc::AF_INET6).unwrap();
        assert_eq!(scoped, [SocketAddrV6::new("fe80::1".parse().unwrap(), 0, 0, 7).into()]);
    }

    #[test]
    fn what_is_no_literal_is_answered_without_a_lookup() {
        assert_eq!(literal(c"localhost", None, libc::AF_UNSPEC), Err(libc::EAI_NONAME));
        #[cfg(target_os = "linux")]
        assert_eq!(literal(c"::1", None, libc::AF_INET), Err(EAI_ADDRFAMILY));
    }
}
