//! What protects a private key in a file: a password, in one of two formats.
//!
//! The newer one, PKCS #8, names its algorithms itself. The traditional one of OpenSSL names a cipher
//! in a field, and makes the key of it from the password with MD5, whose weakness is that guessing is
//! cheap; it is read because such files exist.
//!
//! # Source
//! RFC 8018 section 6.2; openssl, EVP_BytesToKey(3).

use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipher, BlockDecryptMut, KeyInit, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use nng_aio::Error;
use pkcs8::EncryptedPrivateKeyInfo;

/// Opens a key in PKCS #8.
///
/// # Errors
/// `Crypto` if the password is wrong, or an algorithm is unknown.
pub(super) fn open_pkcs8(sealed: &[u8], password: &str) -> Result<Vec<u8>, Error> {
    let sealed = EncryptedPrivateKeyInfo::try_from(sealed).map_err(|_| Error::Crypto)?;
    let opened = sealed.decrypt(password).map_err(|_| Error::Crypto)?;
    Ok(opened.as_bytes().to_vec())
}

/// Opens a key in the traditional format; `how` is its field: a cipher, a comma, and digits.
///
/// # Errors
/// `Crypto` if the password is wrong, or the cipher is unknown.
pub(super) fn open_traditional(
    sealed: Vec<u8>,
    how: &str,
    password: &str,
) -> Result<Vec<u8>, Error> {
    let (cipher, start) = how.split_once(',').ok_or(Error::Crypto)?;
    let start = from_hex(start.trim()).ok_or(Error::Crypto)?;
    match cipher.trim() {
        "AES-128-CBC" => open::<Aes128>(sealed, &start, password),
        "AES-192-CBC" => open::<Aes192>(sealed, &start, password),
        "AES-256-CBC" => open::<Aes256>(sealed, &start, password),
        "DES-EDE3-CBC" => open::<TdesEde3>(sealed, &start, password),
        _ => Err(Error::Crypto),
    }
}

fn open<C>(mut sealed: Vec<u8>, start: &[u8], password: &str) -> Result<Vec<u8>, Error>
where
    C: BlockCipher + BlockDecryptMut + KeyInit,
{
    let salt = start.get(..8).ok_or(Error::Crypto)?;
    let key = derive(password.as_bytes(), salt, C::key_size());
    let cipher = Decryptor::<C>::new_from_slices(&key, start).map_err(|_| Error::Crypto)?;
    let opened = cipher.decrypt_padded_mut::<Pkcs7>(&mut sealed).map_err(|_| Error::Crypto)?;
    Ok(opened.to_vec())
}

/// Makes `len` bytes of key.
fn derive(password: &[u8], salt: &[u8], len: usize) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut last = Vec::new();
    while key.len() < len {
        let digest = Md5::new().chain_update(&last).chain_update(password).chain_update(salt);
        last = digest.finalize().to_vec();
        key.extend(&last);
    }
    key.truncate(len);
    key
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
