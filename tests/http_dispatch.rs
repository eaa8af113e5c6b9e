//! Which handler answers a request, as clients see it.

mod support;

use std::io::{Read, Write};
use std::sync::Arc;

use nng_oxide::Error;
use nng_oxide::http::{Exchange, Handler, Request, Response, Server, ServerConfig, Shared};
use support::client::Client;
use support::server::{ask, connect, read_until, running, status};

fn server() -> Server {
    running(ServerConfig::default())
}

/// Sends a request and returns the status and all that the client gets until the connection ends.
fn answer(server: &Server, line: &str, host: &str) -> (u16, String) {
    let mut stream = connect(server);
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the connection is open");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer comes in time");
    (status(&text), text)
}

/// Returns the body of the answer to `GET`.
fn page(server: &Server, path: &str, host: &str) -> String {
    let (status, text) = answer(server, &format!("GET {path}"), host);
    assert_eq!(status, 200, "{path}");
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

/// A handler that answers with a text.
fn saying(path: &str, text: &'static str) -> Handler {
    Handler::function(path, move |exchange: Exchange| {
        let mut response = Response::new();
        response.set_body(text);
        exchange.respond(response);
    })
}

#[test]
fn requests_go_to_the_handler_of_their_path_and_host() {
    let server = server();
    let other = saying("/", "of the host");
    other.set_host("example.com").unwrap();
    for handler in [saying("/", "root"), saying("/a/", "a"), other] {
        server.add_handler(&handler).unwrap();
    }
    server.add_handler(&Handler::fixed("/b", "fixed", None).unwrap()).unwrap();
    for (path, host, text) in [
        ("/", "h", "root"),
        ("/?a=b", "h", "root"),
        ("/", "Example.com:81", "of the host"),
        ("http://example.com", "h", "of the host"),
        ("http://h/a?c", "example.com", "a"),
        ("/a", "h", "a"),
        ("/%61/", "h", "a"),
        ("/b", "example.com", "fixed"),
    ] {
        assert_eq!(page(&server, path, host), text, "{path} {host}");
    }
}

#[test]
fn the_last_host_of_a_handler_is_the_one_that_counts() {
    let (name, address) = ("example.com", "127.0.0.1");
    for (hosts, served, refused) in [
        (&[Some(address), Some(name)][..], &["Example.com:80"][..], &[address, "127.0.0.1:80"][..]),
        (&[Some(name), Some(address)], &["127.0.0.1:80", "[::ffff:127.0.0.1]"], &[name]),
        (&[Some("::1"), Some(address)], &[address], &["[::1]", name]),
        (&[Some(address), Some(name), None], &[address, name, "other"], &[]),
        (&[Some(name), Some("*")], &[address, name, "other"], &[]),
    ] {
        let (server, handler) = (server(), saying("/", "here"));
        for host in hosts {
            handler.set_host(*host).unwrap();
        }
        server.add_handler(&handler).unwrap();
        for host in served {
            assert_eq!(page(&server, "/", host), "here", "{hosts:?} {host}");
        }
        for host in refused {
            assert_eq!(answer(&server, "GET /", host).0, 404, "{hosts:?} {host}");
        }
    }
}

#[test]
fn trees_answer_below_their_path_unless_somebody_deeper_does() {
    let server = server();
    let whole = saying("/", "site");
    whole.set_tree().unwrap();
    whole.set_method(None).unwrap();
    let part = saying("/part", "part");
    part.set_tree_exclusive().unwrap();
    let post = saying("/part/post", "post");
    post.set_method("POST").unwrap();
    for handler in [&part, &whole, &post] {
        server.add_handler(handler).unwrap();
    }
    assert_eq!(part.set_tree(), Err(Error::Busy));
    assert_eq!(server.add_handler(&saying("/part/of", "of")), Err(Error::AddressInUse));
    for (path, text) in [
        ("/", "site"),
        ("/x/y", "site"),
        ("/parts", "site"),
        ("/part", "part"),
        ("/part/", "part"),
        ("/part/x%2Fy", "part"),
        ("/part/post", "part"),
        ("http://h/part/x", "part"),
    ] {
        assert_eq!(page(&server, path, "h"), text, "{path}");
    }
    assert!(answer(&server, "POST /part/post", "h").1.ends_with("post"));
    assert!(answer(&server, "PUT /part/post", "h").1.ends_with("site"));
    server.del_handler(&part).unwrap();
    assert_eq!(page(&server, "/part/x", "h"), "site");
    assert_eq!(part.set_tree(), Ok(()));
    server.add_handler(&saying("/part/of", "of")).unwrap();
    assert_eq!(server.add_handler(&part), Ok(()));
    assert_eq!(page(&server, "/part/of", "h"), "of");
}

#[test]
fn redirects_lead_on_whatever_the_method_and_close() {
    let server = server();
    let handler = Handler::redirect("/old", 308, "/new");
    handler.set_tree().unwrap();
    server.add_handler(&handler).unwrap();
    for method in ["GET", "HEAD", "DELETE"] {
        let mut client = Client::new(&server);
        let answer = client.exchange(method, "/old/x?y", "");
        assert_eq!((answer.status, answer.closes()), (308, true), "{method}");
        assert_eq!(answer.field("Location"), Some("/new/x?y"), "{method}");
        client.expect_end();
    }
    let mut client = Client::new(&server);
    client.send("POST /old HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /");
    let answer = client.answer();
    assert_eq!((answer.status, answer.field("Location")), (308, Some("/new")));
    assert!(answer.text().contains("<a href=\"/new\">/new</a>"));
    client.expect_end();
}

#[test]
fn what_nobody_answers_is_answered_by_the_server() {
    let server = server();
    server.add_handler(&saying("/a", "a")).unwrap();
    server.set_error_page(404, "nothing here");
    let (status, text) = answer(&server, "GET /x", "h");
    assert_eq!(status, 404);
    assert!(text.ends_with("\r\n\r\nnothing here"));
    let (status, text) = answer(&server, "DELETE /a", "h");
    assert_eq!(status, 405);
    assert!(text.contains("\r\nAllow: GET, HEAD\r\n"));
    assert_eq!(answer(&server, "GET /a%00", "h").0, 400);
    assert_eq!(answer(&server, "OPTIONS *", "h").0, 404);
    assert_eq!(answer(&server, "CONNECT h:80", "h").0, 405);
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let server = server();
    server.add_handler(&Handler::fixed("/", "four", Some("text/plain")).unwrap()).unwrap();
    let (status, text) = answer(&server, "HEAD /", "h");
    assert_eq!(status, 200);
    assert!(text.contains("\r\nContent-Length: 4\r\n") && text.ends_with("\r\n\r\n"));
    let (status, text) = answer(&server, "HEAD /x", "h");
    assert_eq!(status, 404);
    assert!(text.contains("\r\nContent-Length: ") && text.ends_with("\r\n\r\n"));
}

#[test]
fn changes_apply_to_the_next_request_of_open_connections() {
    let server = server();
    let mut stream = connect(&server);
    let mut next_status = || {
        ask(&mut stream, "HEAD", "/", "h");
        status(&read_until(&mut stream, "\r\n\r\n"))
    };
    assert_eq!(next_status(), 404);
    let handler = saying("/", "here");
    server.add_handler(&handler).unwrap();
    assert_eq!(next_status(), 200);
    server.del_handler(&handler).unwrap();
    assert_eq!(next_status(), 404);
    assert_eq!(server.del_handler(&handler), Err(Error::NotFound));
    server.add_handler(&handler).unwrap();
    assert_eq!(next_status(), 200);
    assert_eq!(server.stats().requests, 4);
}

#[test]
fn a_handler_with_an_aio_answers_through_it() {
    let server = server();
    let handler = Handler::with_aio("/", |aio| {
        let operation = aio.unpark().expect("the operation has begun");
        let request: Arc<Shared<Request>> = aio.input(0).unwrap();
        let handler: Arc<Handler> = aio.input(1).unwrap();
        let data: Arc<String> = handler.data().unwrap();
        let mut response = Response::new();
        response.set_body(format!("{} {data}", request.lock().uri()));
        aio.set_output(0, Box::new(response)).unwrap();
        operation.finish(Ok(()));
    });
    handler.set_data(Some(Arc::new("data".to_owned()))).unwrap();
    server.add_handler(&handler).unwrap();
    assert_eq!(page(&server, "/?q", "h"), "/?q data");
}
