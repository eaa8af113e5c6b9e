//! Files that servers are given, made in the directory of the programs.

use std::fs;
use std::path::{Path, PathBuf};

use nng_oxide_benches::Result;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

/// The name of a file of 1 MiB.
pub const MEBIBYTE: &str = "mebibyte.bin";
/// The name of a file that no socket's buffers hold.
pub const LARGE: &str = "large.bin";

const FILES: [(&str, usize); 2] = [(MEBIBYTE, 1 << 20), (LARGE, 8 << 20)];

/// Where the files are that servers serve.
pub fn directory(programs: &Path) -> PathBuf {
    programs.join("files")
}

/// Makes the files and answers where they are.
pub fn make_files(programs: &Path) -> Result<String> {
    let directory = directory(programs);
    fs::create_dir_all(&directory)?;
    for (name, len) in FILES {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
        fs::write(directory.join(name), bytes)?;
    }
    utf8(directory)
}

/// Makes a key and a certificate for `localhost`, ECDSA on P-256, and answers the file that has both.
pub fn make_certificate(programs: &Path) -> Result<String> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
    let file = programs.join("localhost.pem");
    fs::write(&file, certificate.pem() + &key.serialize_pem())?;
    utf8(file)
}

fn utf8(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|path| format!("{path:?} is no text").into())
}
