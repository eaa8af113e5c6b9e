//! More clients than a server takes, clients that keep their place without a need, and bodies without
//! an end.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nng_aio::clock;
use nng_oxide::Url;
use nng_oxide::http::{Server, ServerConfig};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::client::Client;
use support::server::{connect, fixed, handler, own_address, respond, running, serve, until};
use support::{Driver, LIMIT, patiently};

/// A limit that comes soon.
const SOON: Option<Duration> = Some(Duration::from_millis(50));
/// A limit that never comes while a test runs.
const NEVER: Option<Duration> = Some(Duration::from_secs(3600));

/// Limits of which none comes.
fn patient() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.idle_timeout = NEVER;
    config.head_timeout = NEVER;
    config.body_timeout = NEVER;
    config.write_timeout = NEVER;
    config.linger_timeout = NEVER;
    config
}

// --- More than there is room for ----------------------------------------------------------------

#[test]
fn a_flood_waits_and_everybody_who_stays_is_answered() {
    const ROOM: usize = 50;
    const FLOOD: usize = 300;
    let mut config = patient();
    config.max_connections = Some(ROOM);
    let server = running(config);
    let (give, exchanges) = mpsc::channel();
    serve(&server, [handler("GET", "/", move |exchange| give.send(exchange).unwrap())]);
    let assert_in_room = || {
        let open = server.stats().open;
        assert!(open <= ROOM, "{open} are open");
    };
    let answered = AtomicUsize::new(0);
    let ask = || {
        let mut client = Client::new(&server);
        client.ask("GET", "/", "Connection: close\r\n");
        client
    };
    let survive = |mut client: Client| {
        assert_eq!(client.answer().text(), "answered");
        client.expect_end();
        answered.fetch_add(1, SeqCst);
    };
    let take = |limit| exchanges.recv_timeout(limit);
    thread::scope(|scope| {
        let (ask, survive) = (&ask, &survive);
        let first: Vec<_> = (0..ROOM).map(|_| ask()).collect();
        let mut held: Vec<_> = first.iter().map(|_| take(LIMIT).expect("it is asked")).collect();
        assert_eq!(server.stats().open, ROOM);
        for client in first {
            scope.spawn(move || survive(client));
        }
        let (tell, waiting) = mpsc::channel();
        for number in 0..FLOOD {
            let tell = tell.clone();
            scope.spawn(move || {
                let client = ask();
                let _ = tell.send(());
                if number % 3 > 0 {
                    return survive(client);
                }
                // Every third goes away as rudely as it can.
                set_socket_linger(client.stream(), Some(Duration::ZERO)).expect("it is TCP");
            });
        }
        // As many as the system lets wait have asked by now, and nobody else is served.
        for _ in 0..FLOOD / 3 {
            waiting.recv_timeout(LIMIT).expect("the system takes it");
            assert_in_room();
        }
        assert!(exchanges.try_recv().is_err(), "there is no room for more");
        let survivors = ROOM + (0..FLOOD).filter(|number| number % 3 > 0).count();
        let began = Instant::now();
        while answered.load(SeqCst) < survivors {
            assert!(began.elapsed() < LIMIT, "everybody is answered in time");
            held.extend(take(Duration::from_millis(1)));
            assert_in_room();
            if let Some(exchange) = held.pop() {
                respond(exchange, "answered");
            }
        }
    });
    until(|| {
        // Those who went away were given to the handler, too.
        exchanges.try_iter().for_each(drop);
        server.stats().open == 0
    });
}

#[test]
fn heads_that_trickle_in_keep_nobody_out_for_long() {
    const ROOM: usize = 20;
    let mut config = patient();
    config.max_connections = Some(ROOM);
    config.head_timeout = SOON;
    config.linger_timeout = SOON;
    let server = running(config);
    serve(&server, [fixed("/", "served")]);
    let is_over = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 * ROOM {
            let (server, is_over) = (&server, &is_over);
            // Whoever is thrown out comes again.
            scope.spawn(move || {
                while is_over.load(SeqCst) == 0 {
                    trickle(connect(server), is_over);
                }
            });
        }
        until(|| server.stats().open == ROOM);
        for _ in 0..3 {
            let mut client = Client::new(&server);
            client.ask("GET", "/", "Connection: close\r\n");
            assert_eq!(client.answer().text(), "served");
        }
        is_over.store(1, SeqCst);
    });
}

/// Sends a head a byte at a time, without end, for as long as the server takes it; it does not go when
/// it is told to.
fn trickle(mut stream: TcpStream, is_over: &AtomicUsize) {
    // The pace: what nobody answers, goes on.
    stream.set_read_timeout(Some(Duration::from_millis(2))).expect("the limit is above zero");
    let mut bytes = b"GET / HTTP/1.1\r\nHost: h\r\nX: ".iter().chain(b"x".iter().cycle());
    while is_over.load(SeqCst) == 0 {
        let byte = *bytes.next().expect("it has no end");
        if stream.write_all(&[byte]).is_err() {
            return;
        }
        match patiently(|| stream.read(&mut [0; 1024])) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => {}
        }
    }
}

// --- Bodies without an end ----------------------------------------------------------------------

/// Set for the process in which nothing else takes memory.
const IS_ALONE: &str = "NNG_TEST_ALONE";

/// A command that runs one test of this program, alone.
fn this_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("it is known"));
    command.args(["--exact", name, "--nocapture"]);
    command
}

#[test]
fn bodies_take_the_memory_of_what_has_come_and_not_of_what_was_announced() {
    const NAME: &str = "bodies_take_the_memory_of_what_has_come_and_not_of_what_was_announced";
    if std::env::var_os(IS_ALONE).is_some() {
        return announce_bodies();
    }
    assert!(this_test(NAME).env(IS_ALONE, "1").status().expect("it runs").success());
}

fn announce_bodies() {
    const CLIENTS: usize = 8;
    const SENT: usize = 6 << 20;
    let server = running(patient());
    let unlimited = handler("POST", "/", |exchange| respond(exchange, "never"));
    unlimited.collect_body(true, usize::MAX);
    serve(&server, [unlimited, fixed("/next", "next")]);
    assert_eq!(Client::new(&server).get("/next").text(), "next");
    let (Some(space), Some(memory)) = (peak_of("VmPeak:"), peak_of("VmHWM:")) else {
        eprintln!("SKIPPED: the system does not tell how much memory a process has");
        return;
    };
    let mut clients = Vec::new();
    // The system might reserve the first for whoever wants it.
    for len in [1 << 30, 1 << 40, u64::MAX] {
        for _ in 0..CLIENTS {
            let mut client = Client::new(&server);
            client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n"));
            client.send(vec![b'x'; SENT]);
            clients.push(client);
        }
    }
    let sent = (clients.len() * SENT) as u64;
    let grown = |of, before| peak_of(of).expect("it was told before") - before;
    // All of it is collected some time.
    until(|| grown("VmHWM:", memory) > sent / 2);
    assert_eq!(Client::new(&server).get("/next").text(), "next");
    assert_eq!(server.stats().requests, 2, "no body has ended");
    drop(clients);
    until(|| server.stats().open == 0);
    let taken = grown("VmHWM:", memory);
    assert!(taken < 4 * sent, "{taken} bytes of memory for {sent}");
    // Threads take some, too, but nothing like what was announced.
    let reserved = grown("VmPeak:", space);
    assert!(reserved < 1 << 32, "{reserved} bytes of address space for {sent}");
}

/// The most bytes that this process has had, by the name of the line in which the system tells that;
/// nothing where it does not.
fn peak_of(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

// --- Many who are silent ------------------------------------------------------------------------

/// Tells the process of the clients how many they are and where the server is.
const CROWD: &str = "NNG_TEST_CROWD";
/// How many there are if the system allows it, and how many there must be.
const MANY: u64 = 10_000;
const ENOUGH: u64 = 1_000;
/// Descriptors for everything else, also of the tests beside this one.
const OTHERS: u64 = 1_000;

#[test]
fn thousands_of_idle_connections_are_in_nobodys_way_and_end_in_time() {
    const NAME: &str = "thousands_of_idle_connections_are_in_nobodys_way_and_end_in_time";
    if let Some(crowd) = std::env::var_os(CROWD) {
        return be_idle(crowd.to_str().expect("it is text"));
    }
    let descriptors = raise_descriptors();
    let count = MANY.min(descriptors.saturating_sub(OTHERS));
    if count < ENOUGH {
        eprintln!("SKIPPED: there are no more than {descriptors} descriptors");
        return;
    }

    // The server's time stands still until nobody needs it any more.
    let time = clock::freeze();
    let driver = Driver::host();
    let mut config = patient();
    let idle = Duration::from_secs(75);
    config.idle_timeout = Some(idle);
    let url: Url = format!("http://{}:0", own_address()).parse().expect("it is a URL");
    let server = Server::on(&driver.runtime, &url, config).expect("the address is known");
    server.start().expect("a port is free");
    serve(&server, [fixed("/", "hello")]);

    let addr = server.addr().to_inet().expect("it has started");
    let mut crowd = this_test(NAME);
    let mut crowd = Crowd(crowd.env(CROWD, format!("{count} {addr}")).spawn().expect("it runs"));
    let opened = |server: &Server| (server.stats().open as u64, server.stats().requests);
    driver.until(|| {
        assert!(crowd.is_there(), "the clients go on");
        opened(&server) == (count, count)
    });
    let fresh = thread::spawn(move || {
        let mut client = Client::of(TcpStream::connect(addr).expect("it listens"));
        client.ask("GET", "/", "Connection: close\r\n");
        client.answer()
    });
    driver.until(|| fresh.is_finished());
    assert_eq!(fresh.join().expect("it is answered").text(), "hello");
    driver.until(|| server.stats().open as u64 == count);
    time.advance(idle - Duration::from_secs(1));
    driver.settle();
    assert_eq!(opened(&server), (count, count + 1), "nobody goes early");
    // Deadlines come with the next whole millisecond.
    time.advance(Duration::from_millis(1001));
    driver.until(|| server.stats().open == 0);
    // Each of them has seen its end.
    driver.until(|| !crowd.is_there());
    assert!(crowd.0.wait().expect("it has ended").success());
}

/// The process of the clients. It is killed when this goes.
struct Crowd(Child);

impl Crowd {
    fn is_there(&mut self) -> bool {
        self.0.try_wait().expect("it is a child").is_none()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the process of the clients does: each asks once, and then waits for the end.
fn be_idle(crowd: &str) {
    raise_descriptors();
    let (count, addr) = crowd.split_once(' ').expect("a number and an address");
    let count: usize = count.parse().expect("it is a number");
    let mut clients: Vec<Client> = Vec::new();
    while clients.len() < count {
        let first = clients.len();
        // Fewer than the system lets wait.
        for _ in first..count.min(first + 100) {
            let mut client = Client::of(TcpStream::connect(addr).expect("it listens"));
            client.ask("GET", "/", "");
            clients.push(client);
        }
        for client in &mut clients[first..] {
            assert_eq!(client.answer().text(), "hello");
        }
    }
    clients.iter_mut().for_each(Client::expect_end);
}

/// Asks the system for as many descriptors as it gives; returns how many that are.
fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min(MANY + OTHERS);
    if current.is_some_and(|current| current < wanted) {
        // Else it stays as it is.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
