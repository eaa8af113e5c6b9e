//! A browser that others have written: Chromium, with its cache, its media player and its own idea of
//! when to ask for which part of a file.
//!
//! A test does nothing without one, and says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/directory.rs"]
mod directory;
mod support;

use std::fs;
use std::sync::Arc;
use std::sync::mpsc;

use browser::Browser;
use directory::Directory;
use nng_oxide::http::{Access, Handler, ServerConfig};
use support::program::Program;
use support::server::{running, serve};
use support::{LIMIT, pattern};

/// A page with a sound, of which it plays the last second.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>a sound</title>
<link rel="icon" href="data:,">
<audio src="sound.wav" preload="metadata"></audio>
<script>
const sound = document.querySelector("audio");
const once = (name) => new Promise((resolve, reject) => {
    sound.addEventListener(name, resolve, { once: true });
    sound.addEventListener("error", () => reject(sound.error.message));
});
async function play() {
    if (sound.readyState == HTMLMediaElement.HAVE_NOTHING) await once("loadedmetadata");
    const seeked = once("seeked");
    sound.currentTime = sound.duration - 1;
    await seeked;
    return [sound.duration, sound.currentTime];
}
const played = play();
</script>
"#;

/// The length of the sound, in seconds: more than a browser takes before it knows that it needs it.
const SECONDS: u32 = 60;
/// Samples in a second, of one byte each.
const RATE: u32 = 48_000;

/// A directory with a page and its sound.
fn site() -> Directory {
    let site = Directory::new();
    fs::write(site.join("index.html"), PAGE).unwrap();
    fs::write(site.join("sound.wav"), wav(&pattern((SECONDS * RATE) as usize))).unwrap();
    site
}

/// A file in the format WAVE, with one channel.
fn wav(samples: &[u8]) -> Vec<u8> {
    let len = u32::try_from(samples.len()).unwrap();
    let (pcm, channels, bytes, bits) = (1_u16, 1_u16, 1_u16, 8_u16);
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + len).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([pcm, channels].map(u16::to_le_bytes).concat());
    file.extend([RATE, RATE].map(u32::to_le_bytes).concat());
    file.extend([bytes, bits].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(len.to_le_bytes());
    file.extend(samples);
    file
}

/// Opens the page, hears its sound, and both once more; returns how many answers came for that.
fn visit(browser: &mut Browser, url: &str) -> usize {
    let sound = format!("{url}sound.wav");
    browser.open(url);
    assert_eq!(browser.evaluate("played"), serde_json::json!([SECONDS, SECONDS - 1]));
    browser.sees("page", |it| it.url == url && it.status == 200);
    let is_part = |it: &browser::Seen, from_start| {
        let starts = it.range.as_ref().is_some_and(|range| range.starts_with("bytes 0-"));
        it.url == sound && it.status == 206 && starts == from_start
    };
    browser.sees("beginning of the sound", |it| is_part(it, true));
    browser.sees("end of the sound", |it| is_part(it, false));
    let before = browser.seen().len();

    browser.reload();
    assert_eq!(browser.evaluate("played"), serde_json::json!([SECONDS, SECONDS - 1]));
    browser.sees("page that it has already", |it| it.url == url && it.status == 304);
    before + browser.seen().len()
}

#[test]
fn the_file_server_has_a_browser_for_a_client() {
    let site = site();
    let path = site.join("");
    let program =
        Program::start("file_server", &["--listen", "127.0.0.1:0", path.to_str().unwrap()]);
    // Not before the program: to build that may take as long as a browser has.
    let Some(mut browser) = Browser::start() else { return };
    let line = program.line();
    let (_, url) = line.split_once(" on ").unwrap();
    let answers = visit(&mut browser, url.split(',').next().unwrap());
    browser.close();

    program.interrupt();
    let (status, rest) = program.finish();
    assert!(status.success());
    let served = rest[0].strip_prefix("Served ").and_then(|it| it.strip_suffix(" requests."));
    assert!(served.unwrap().parse::<usize>().unwrap() >= answers, "{rest:?} for {answers} answers");
}

#[test]
fn what_a_browser_asks_for_is_recorded() {
    let Some(mut browser) = Browser::start() else { return };
    let site = site();
    let server = running(ServerConfig::default());
    serve(&server, [Handler::directory("/", site.join(""))]);
    let (tell, hear) = mpsc::channel();
    server.set_access_log(Some(Arc::new(move |access: &Access| {
        // The test may be over.
        let _ = tell.send(access.clone());
    })));
    visit(&mut browser, &format!("http://{}/", server.addr()));
    browser.close();

    // The browser has gone, so that each exchange has come to its end or will soon.
    let mut expected = vec![("/", 200), ("/", 304), ("/sound.wav", 206), ("/sound.wav", 206)];
    let mut records = Vec::new();
    while !expected.is_empty() {
        let record = hear.recv_timeout(LIMIT);
        let record = record.unwrap_or_else(|_| panic!("no {expected:?} among {records:?}"));
        let found = expected.iter().position(|&it| it == (record.target.as_str(), record.status));
        found.map(|at| expected.swap_remove(at));
        // It may change its mind before an answer has begun.
        assert!(matches!(record.status, 200 | 206 | 304) || !record.is_complete, "{record:?}");
        records.push(record);
    }
}
