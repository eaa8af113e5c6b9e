//! What configurations of TLS take, and what they say of what they do not take.

#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;

use directory::Directory;
use nng_oxide::Error;
use nng_oxide::tls::{AuthMode, Config, Mode, Version};
use support::tls::{Authority, self_signed};

/// Keys that openssl has made, for a certificate beside them; the password is `secret`.
mod keys {
    pub(crate) const CERT: &str = include_str!("tls_keys/cert.pem");
    pub(crate) const PLAIN: &str = include_str!("tls_keys/pkcs8.pem");
    pub(crate) const EC: &str = include_str!("tls_keys/sec1.pem");
    pub(crate) const PBES2: &str = include_str!("tls_keys/pkcs8-aes256.pem");
    pub(crate) const PBES2_3DES: &str = include_str!("tls_keys/pkcs8-3des-sha1.pem");
    pub(crate) const AES128: &str = include_str!("tls_keys/sec1-aes128.pem");
    pub(crate) const AES192: &str = include_str!("tls_keys/sec1-aes192.pem");
    pub(crate) const AES256: &str = include_str!("tls_keys/sec1-aes256.pem");
    pub(crate) const DES3: &str = include_str!("tls_keys/sec1-des3.pem");
    pub(crate) const P521_CERT: &str = include_str!("tls_keys/p521-cert.pem");
    pub(crate) const P521: &str = include_str!("tls_keys/p521.pem");
    pub(crate) const RSA_CERT: &str = include_str!("tls_keys/rsa-cert.pem");
    pub(crate) const RSA: &str = include_str!("tls_keys/rsa.pem");
    pub(crate) const RSA_AES256: &str = include_str!("tls_keys/rsa-aes256.pem");
}

fn own(cert: &str, key: &str, password: Option<&str>) -> Result<(), Error> {
    Config::new(Mode::Server).add_own_cert(cert, key, password)
}

#[test]
fn keys_of_every_format_are_read() {
    for key in [keys::PLAIN, keys::EC] {
        assert_eq!(own(keys::CERT, key, None), Ok(()));
        assert_eq!(own(keys::CERT, key, Some("needless")), Ok(()));
    }
    assert_eq!(own(keys::RSA_CERT, keys::RSA, None), Ok(()));
}

#[test]
fn encrypted_keys_need_their_password() {
    let table =
        [keys::PBES2, keys::PBES2_3DES, keys::AES128, keys::AES192, keys::AES256, keys::DES3];
    let table = table.map(|key| (keys::CERT, key)).into_iter();
    for (cert, key) in table.chain([(keys::RSA_CERT, keys::RSA_AES256)]) {
        assert_eq!(own(cert, key, Some("secret")), Ok(()), "{key}");
        assert_eq!(own(cert, key, Some("wrong")), Err(Error::Crypto));
        assert_eq!(own(cert, key, Some("")), Err(Error::Crypto));
        assert_eq!(own(cert, key, None), Err(Error::Crypto));
    }
}

#[test]
fn keys_on_other_curves_are_refused() {
    assert_eq!(own(keys::P521_CERT, keys::P521, None), Err(Error::Crypto));
    let trusting = Config::new(Mode::Client);
    assert_eq!(trusting.add_ca_chain(keys::P521_CERT, None), Ok(()), "it is well formed");
}

#[test]
fn bad_certificates_and_keys_are_refused() {
    let (one, other) = (self_signed(&["h"], false), self_signed(&["h"], false));
    for (cert, key) in [
        (&one.cert, &other.key),
        (&one.cert, &one.cert),
        (&one.key, &one.key),
        (&String::new(), &one.key),
        (&one.cert, &String::new()),
        (&one.cert.replace("MII", "!!!"), &one.key),
        (&one.cert.replace("-----END", "-----"), &one.key),
        (&one.cert.replacen('M', "N", 3), &one.key),
    ] {
        assert_eq!(own(cert, key, None), Err(Error::Crypto), "{cert} {key}");
    }
    assert_eq!(own(&one.cert, &one.key, None), Ok(()));
}

#[test]
fn bad_authorities_and_lists_are_refused() {
    let root = Authority::new("root");
    let list = root.revoke(&[], 2100);
    let add = |certs: &str, list: Option<&str>| Config::new(Mode::Client).add_ca_chain(certs, list);
    assert_eq!(add(&root.cert, None), Ok(()));
    assert_eq!(add(&root.cert, Some(&list)), Ok(()));
    assert_eq!(add(&format!("{}{list}{}", root.cert, root.cert), None), Ok(()));
    for (certs, list) in [
        ("", None),
        ("no certificate", None),
        (&*root.cert, Some("no list")),
        (&*root.cert, Some(&*root.cert)),
        (&*root.cert.replace("MII", "MIJ"), None),
        (&*root.cert, Some(&*list.replacen("MI", "MJ", 1))),
    ] {
        assert_eq!(add(certs, list), Err(Error::Crypto), "{certs} {list:?}");
    }
}

#[test]
fn comments_may_be_in_any_encoding() {
    let latin1 = |text: &str| [b"Stra\xdfe:\n", text.as_bytes(), b"M\xfcller\n"].concat();
    let (cert, key) = (latin1(keys::CERT), latin1(keys::PLAIN));
    assert_eq!(Config::new(Mode::Server).add_own_cert(&cert, &key, None), Ok(()));
    assert_eq!(Config::new(Mode::Client).add_ca_chain(&cert, None), Ok(()));
    let directory = Directory::new();
    let both = directory.join("both.pem");
    fs::write(&both, [cert, key].concat()).unwrap();
    assert_eq!(Config::new(Mode::Server).add_cert_key_file(&both, None), Ok(()));
    assert_eq!(Config::new(Mode::Client).add_ca_file(&both), Ok(()));
}

#[test]
fn files_are_read_and_their_errors_told() {
    let directory = Directory::new();
    let (own, root) = (self_signed(&["h"], false), Authority::new("root"));
    let both = directory.join("both.pem");
    fs::write(&both, format!("{}{}", own.cert, own.key)).unwrap();
    let roots = directory.join("roots.pem");
    fs::write(&roots, format!("{}{}", root.cert, root.revoke(&[], 2100))).unwrap();
    let bad = directory.join("bad.pem");
    fs::write(&bad, "nothing").unwrap();
    let sealed = directory.join("sealed.pem");
    fs::write(&sealed, format!("{}{}", keys::CERT, keys::PBES2)).unwrap();
    let config = Config::new(Mode::Server);
    assert_eq!(config.add_cert_key_file(&both, None), Ok(()));
    assert_eq!(config.add_cert_key_file(&sealed, "secret"), Ok(()));
    assert_eq!(config.replace_cert_key_file(&both, None), Ok(()));
    assert_eq!(config.add_ca_file(&roots), Ok(()));
    assert_eq!(config.add_cert_key_file(&sealed, None), Err(Error::Crypto));
    assert_eq!(config.add_cert_key_file(&bad, None), Err(Error::Crypto));
    assert_eq!(config.add_ca_file(&bad), Err(Error::Crypto));
    let missing = directory.join("missing.pem");
    assert_eq!(config.add_ca_file(&missing), Err(Error::NotFound));
    assert_eq!(config.add_cert_key_file(&missing, None), Err(Error::NotFound));
    assert_eq!(config.replace_cert_key_file(&missing, None), Err(Error::NotFound));
    let is_folder = |result| matches!(result, Err(Error::System(_)));
    assert!(is_folder(config.add_ca_file(directory.join(""))));
    assert!(is_folder(config.add_cert_key_file(directory.join(""), None)));
}

#[test]
fn versions_that_leave_none_are_refused() {
    use Version::{Tls1_0, Tls1_1, Tls1_2, Tls1_3};
    let config = Config::new(Mode::Client);
    for (lowest, highest, is_fine) in [
        (Tls1_2, Tls1_3, true),
        (Tls1_2, Tls1_2, true),
        (Tls1_3, Tls1_3, true),
        (Tls1_0, Tls1_3, true),
        (Tls1_1, Tls1_2, true),
        (Tls1_3, Tls1_2, false),
        (Tls1_0, Tls1_1, false),
        (Tls1_1, Tls1_1, false),
    ] {
        let expected = if is_fine { Ok(()) } else { Err(Error::NotSupported) };
        assert_eq!(config.set_versions(lowest, highest), expected, "{lowest:?} {highest:?}");
    }
}

#[test]
fn names_of_protocols_have_a_length() {
    let config = Config::new(Mode::Client);
    assert_eq!(config.set_protocols(&["http/1.1", "x"]), Ok(()));
    assert_eq!(config.set_protocols(&[]), Ok(()));
    assert_eq!(config.set_protocols(&[""]), Err(Error::Invalid));
    assert_eq!(config.set_protocols(&[&"x".repeat(256)]), Err(Error::Invalid));
}

#[test]
fn keys_shared_beforehand_are_not_supported() {
    for mode in [Mode::Client, Mode::Server] {
        assert_eq!(Config::new(mode).set_psk("me", b"key"), Err(Error::NotSupported));
    }
}

#[test]
fn the_first_connection_freezes_a_configuration() {
    let runtime = nng_aio::Runtime::builder().host_driven().build().unwrap();
    let (root, own) = (Authority::new("root"), self_signed(&["h"], false));
    let directory = Directory::new();
    let file = directory.join("file.pem");
    fs::write(&file, format!("{}{}", own.cert, own.key)).unwrap();
    let config = Config::new(Mode::Client);
    let same = config.clone();
    let (ours, _) = std::os::unix::net::UnixStream::pair().unwrap();
    let socket = nng_aio::net::Socket::from_fd(ours.into());
    let conn = nng_oxide::http::Conn::secure(&runtime, socket, &config, "h").unwrap();
    drop((conn, config));
    let results = [
        same.set_server_name("x"),
        same.set_auth_mode(AuthMode::None),
        same.add_ca_chain(&root.cert, None),
        same.add_ca_chain("nothing", None),
        same.add_ca_file(&file),
        same.add_own_cert(&own.cert, &own.key, None),
        same.add_cert_key_file(&file, None),
        same.set_versions(Version::Tls1_2, Version::Tls1_2),
        same.set_protocols(&["x"]),
    ];
    for (number, result) in results.into_iter().enumerate() {
        assert_eq!(result, Err(Error::Busy), "{number}");
    }
    assert_eq!(same.add_ca_file("/no/such/file"), Err(Error::NotFound), "that comes first");
    assert_eq!(same.replace_own_cert(&own.cert, &own.key, None), Ok(()));
}

#[test]
fn a_configuration_shows_no_key() {
    let config = Config::new(Mode::Server);
    config.add_own_cert(keys::CERT, keys::PLAIN, None).unwrap();
    let text = format!("{config:?}");
    assert!(text.contains("Server") && text.len() < 200, "{text}");
}
