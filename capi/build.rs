//! Compiles the functions that take `...`, and gives the library its name.

fn main() {
    println!("cargo:rerun-if-changed=src/c/log.c");
    cc::Build::new()
        .file("src/c/log.c")
        .flag_if_supported("-fvisibility=hidden")
        .std("c99")
        .compile("nng_variadic");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libnng.so.1");
    }
}
