//! Addresses of sockets as C lays them out.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;

use nng_aio::Error;
use nng_aio::net::Addr;

/// Any address; its family says which of the members counts.
#[derive(Clone, Copy)]
#[repr(C)]
pub union nng_sockaddr {
    family: u16,
    path: SockaddrPath,
    inet: SockaddrIn,
    inet6: SockaddrIn6,
    r#abstract: SockaddrAbstract,
    zt: SockaddrZt,
    storage: SockaddrStorage,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrPath {
    family: u16,
    path: [u8; 128],
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrIn {
    family: u16,
    /// Both in network order.
    port: u16,
    addr: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrIn6 {
    family: u16,
    /// In network order.
    port: u16,
    addr: [u8; 16],
    scope: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrAbstract {
    family: u16,
    len: u16,
    name: [u8; 107],
}

/// ZeroTier, which there is no transport for; addresses of it have a text.
#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrZt {
    family: u16,
    nwid: u64,
    nodeid: u64,
    port: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct SockaddrStorage {
    family: u16,
    /// So that every byte is initialised.
    gap: [u16; 3],
    pad: [u64; 16],
}

const _: () = assert!(size_of::<nng_sockaddr>() == 136 && align_of::<nng_sockaddr>() == 8);
const _: () = assert!(size_of::<SockaddrAbstract>() == 112 && size_of::<SockaddrPath>() == 130);
const _: () = assert!(size_of::<SockaddrIn>() == 8 && size_of::<SockaddrIn6>() == 24);

const AF_UNSPEC: u16 = 0;
const AF_INPROC: u16 = 1;
const AF_IPC: u16 = 2;
const AF_INET: u16 = 3;
const AF_INET6: u16 = 4;
const AF_ZT: u16 = 5;
const AF_ABSTRACT: u16 = 6;

impl nng_sockaddr {
    /// Lays an address out.
    pub(crate) fn of(addr: &Addr) -> Self {
        let mut all =
            Self { storage: SockaddrStorage { family: AF_UNSPEC, gap: [0; 3], pad: [0; 16] } };
        match addr {
            Addr::Ipc(path) => {
                let bytes = path.as_path().as_os_str().as_bytes();
                let mut room = [0; 128];
                room[..bytes.len()].copy_from_slice(bytes);
                all.path = SockaddrPath { family: AF_IPC, path: room };
            }
            Addr::Abstract(name) => {
                let bytes = name.as_bytes();
                let mut room = [0; 107];
                room[..bytes.len()].copy_from_slice(bytes);
                let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
                // Part by part, since the whole has a byte that means nothing at its end.
                all.r#abstract.family = AF_ABSTRACT;
                all.r#abstract.len = len;
                all.r#abstract.name = room;
            }
            Addr::Inet(inet) => {
                let addr = u32::from(*inet.ip()).to_be();
                all.inet = SockaddrIn { family: AF_INET, port: inet.port().to_be(), addr };
            }
            Addr::Inet6(inet) => {
                all.inet6 = SockaddrIn6 {
                    family: AF_INET6,
                    port: inet.port().to_be(),
                    addr: inet.ip().octets(),
                    scope: inet.scope_id(),
                };
            }
            // The rest has no layout.
            _ => {}
        }
        all
    }

    /// Returns it as bytes; all of them are initialised.
    pub(crate) fn as_bytes(&self) -> [u8; 136] {
        // SAFETY: `of` begins with the member that fills all of it.
        unsafe { std::mem::transmute_copy(self) }
    }

    /// Reads it from bytes, if there are so many.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 136] = bytes.try_into().ok()?;
        // SAFETY: it is numbers only, so any bytes are one.
        Some(unsafe { std::mem::transmute_copy(&bytes) })
    }

    pub(crate) fn family(&self) -> u16 {
        // SAFETY: every member begins with the family, and C has set one.
        unsafe { self.family }
    }

    /// Reads an address.
    ///
    /// # Errors
    /// `AddressInvalid` for families that sockets do not have, and for what its family does not allow.
    pub(crate) fn read(&self) -> Result<Addr, Error> {
        match self.family() {
            AF_UNSPEC => Ok(Addr::Unspecified),
            AF_IPC => {
                // SAFETY: that is the member of this family.
                let bytes = unsafe { &self.path.path };
                let path = CStr::from_bytes_until_nul(bytes).map_err(|_| Error::AddressInvalid)?;
                Addr::ipc(OsStr::from_bytes(path.to_bytes()))
            }
            AF_INET => {
                // SAFETY: that is the member of this family.
                let inet = unsafe { self.inet };
                let ip = Ipv4Addr::from(u32::from_be(inet.addr));
                Ok(Addr::Inet(SocketAddrV4::new(ip, u16::from_be(inet.port))))
            }
            AF_INET6 => {
                // SAFETY: that is the member of this family.
                let inet = unsafe { self.inet6 };
                let (ip, port) = (Ipv6Addr::from(inet.addr), u16::from_be(inet.port));
                Ok(Addr::Inet6(SocketAddrV6::new(ip, port, 0, inet.scope)))
            }
            AF_ABSTRACT => {
                // SAFETY: that is the member of this family.
                let name = unsafe { &self.r#abstract };
                let bytes = name.name.get(..usize::from(name.len)).ok_or(Error::AddressInvalid)?;
                Addr::abstract_from_bytes(bytes)
            }
            _ => Err(Error::AddressInvalid),
        }
    }

    /// Returns what people read; `None` if there is nothing to say.
    fn text(&self) -> Option<Vec<u8>> {
        match self.family() {
            AF_UNSPEC => None,
            AF_INPROC => Some([b"inproc[", self.name(), b"]"].concat()),
            // Of any length and bytes, as they are.
            AF_IPC => Some(self.name().to_vec()),
            AF_ZT => {
                // SAFETY: that is the member of this family.
                let SockaddrZt { nwid, nodeid, port, .. } = unsafe { self.zt };
                Some(format!("ZT[{nodeid:x}:{nwid:x}:{port}]").into_bytes())
            }
            _ => self.read().ok().map(|addr| addr.to_string().into_bytes()),
        }
    }

    /// Returns the path or name of the families that have one at that place, up to its NUL.
    fn name(&self) -> &[u8] {
        // SAFETY: callers have looked at the family; all members are numbers, of which any bytes are some.
        let bytes = unsafe { &self.path.path };
        bytes.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

export! {
    fn nng_str_sockaddr(addr: Option<&nng_sockaddr>, room: *mut c_char, size: usize) -> *const c_char {
        let text = addr?.text();
        let known = CString::new(text.as_deref().unwrap_or(b"unknown")).unwrap_or_default();
        if !room.is_null() && size > 0 {
            let len = known.as_bytes().len().min(size - 1);
            // SAFETY: C says that there is room for `size` bytes, and the text is no shorter than `len`.
            unsafe { std::ptr::copy_nonoverlapping(known.as_ptr(), room, len) };
            // SAFETY: `len` is below `size`.
            unsafe { room.wrapping_add(len).write(0) };
        }
        match text {
            Some(_) => room.cast_const(),
            None => c"unknown".as_ptr(),
        }
    }
}
