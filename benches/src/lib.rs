//! What the measuring driver and the measured programs share.
//!
//! Every measured server is a small program that prints `listening ADDRESS` once it can be
//! connected to and runs until it is killed; every other measured program prints one
//! `name value` pair per line and ends.

pub mod clocks;
pub mod latency;
pub mod peer;
pub mod sockets;

/// Everything that can go wrong here ends the program with a message.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The bytes of one request and of one reply in all echo measurements.
pub const MESSAGE: usize = 64;

/// The first byte of a message whose callback is to block.
pub const BLOCK: u8 = b'B';

/// The body of every HTTP response that is not a file.
pub const BODY: &str = "Hello, World!";

/// The path below which servers have files.
pub const FILES: &str = "/files";
