#!/usr/bin/env python3
"""Runs the example programs of a directory and checks what they do on the wire and print.

    check.py [--prefix PREFIX] [--wrap COMMAND] [--skip-defects] [--only NAME]... DIRECTORY

Prints `ok NAME`, or what differs, for each program; exits with 1 if something differs. Servers are
started on port 0 and tell their address. `openssl` makes the certificate. With --wrap each program is
run by that command, such as `valgrind -q --error-exitcode=9 --leak-check=full`. With --prefix the files
of the programs have names that begin so; the programs call themselves as they do without.

With --skip-defects two things are not checked that NNG's own library gets wrong:

  - a client over TLS sees NNG_ECONNREFUSED, not NNG_ECONNSHUT, when the server ends the stream properly;
  - a server over TLS that closes after a response loses the end of it, sometimes.
"""

import argparse
import http.client
import os
import queue
import re
import shlex
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

GREETING = b"Hello, World!\n"
HELLO_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n"
NAMES = {0: "Hunky dory", 5: "Timed out", 7: "Object closed", 20: "Operation canceled",
         1234: "Unknown error #1234"}


class Broken(Exception):
    """What makes the rest of a check pointless."""


class Check:
    """One program, and what was found of it."""

    def __init__(self, name, options, scratch):
        self.name = name
        self.path = os.path.join(os.path.abspath(options.directory), options.prefix + name)
        self.wrap = shlex.split(options.wrap)
        self.patience = 120 if self.wrap else 30
        self.skip_defects = options.skip_defects
        self.scratch = scratch
        self.differences = []

    def equal(self, what, got, wanted):
        if got != wanted:
            self.differences.append(f"{what}:\n    got    {short(got)}\n    wanted {short(wanted)}")

    def run(self, *arguments):
        """Runs the program to its end; its code and what it printed."""
        with Program(self, arguments) as program:
            program.process.stdin.close()
            return program.result()

    def fails(self, code, complaint, *arguments):
        self.equal(" ".join(arguments), self.run(*arguments), (code, b"", complaint))

    def usage(self, *wrong):
        """What all programs do alike."""
        for option in ("-h", "--help"):
            code, out, err = self.run(option)
            self.equal(f"{option}: code", code, 0)
            self.equal(f"{option}: usage", f"Usage: {self.name}".encode() in out, True)
            self.equal(f"{option}: errors", err, b"")
        for arguments in wrong:
            code, out, err = self.run(*arguments)
            what = f"wrong arguments {arguments}"
            self.equal(f"{what}: code", code, 2)
            self.equal(f"{what}: output", out, b"")
            pattern = rb"%s: [^\n]+; --help says more\n" % self.name.encode()
            self.equal(f"{what}: complaint ({err})", re.fullmatch(pattern, err) is not None, True)


class Program:
    """A program that runs. Leaving the context ends it, whatever happened."""

    def __init__(self, check, arguments):
        self.check = check
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*check.wrap, check.path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.errors.close()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def line(self):
        try:
            return self.lines.get(timeout=self.check.patience)
        except queue.Empty:
            raise Broken(f"prints nothing; on stderr: {self.complaints()}") from None

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read()

    def listening(self, pattern):
        """The address a server tells: what the group of the pattern is."""
        line = self.line()
        found = re.fullmatch(rb"listening on " + pattern.encode() + rb"\n", line)
        if found is None:
            raise Broken(f"not the line of an address: {line}")
        return found.group(1).decode()

    def end(self, how):
        """Ends a server, and returns what it printed since."""
        if how == "input":
            self.process.stdin.close()
        else:
            self.process.send_signal(how)
        code, out, err = self.result()
        self.check.equal(f"ended by {how}: code", code, 0)
        self.check.equal(f"ended by {how}: errors", err, b"")
        return out

    def result(self):
        try:
            code = self.process.wait(self.check.patience)
        except subprocess.TimeoutExpired:
            raise Broken("does not end") from None
        self.reader.join()
        out = b""
        while not self.lines.empty():
            out += self.lines.get()
        return code, out, self.complaints()


def short(value):
    text = repr(value)
    return text if len(text) < 600 else f"{text[:300]} ... {text[-250:]}"


# ------------------------------------------------------------------------------------- the client's side


@contextmanager
def connected(check, port):
    with socket.create_connection(("127.0.0.1", port), check.patience) as sock:
        yield sock


def receive(sock, size):
    """Exactly so many bytes, or less if the peer ends the stream."""
    got = b""
    while len(got) < size:
        try:
            more = sock.recv(size - len(got))
        except ConnectionResetError:
            break
        if not more:
            break
        got += more
    return got


def receive_all(sock):
    return receive(sock, 1 << 30)


def receive_response(sock):
    """The status, fields in lower case and body of one response that has a length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = receive(sock, 1)
        if not byte:
            raise Broken(f"the stream ends within the head of a response: {head}")
        head += byte
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    fields = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    return int(first.split()[1]), fields, receive(sock, int(fields.get("content-length", 0)))


def request(check, port, method, path, body=None, context=None):
    """The status, type and body of the answer, on a connection of its own."""
    if context is None:
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=check.patience)
    else:
        conn = http.client.HTTPSConnection("localhost", port, timeout=check.patience, context=context)
    try:
        kept = context is not None and check.skip_defects
        conn.request(method, path, body, {} if kept else {"Connection": "close"})
        response = conn.getresponse()
        return response.status, response.headers["Content-Type"], response.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        conn.close()


# ------------------------------------------------------------------------------------- the programs


def http_hello(check):
    check.usage(["nonsense"], ["--nonsense"], ["http://127.0.0.1:0", "more"], ["ipc:///x"])
    with Program(check, ["http://127.0.0.1:0"]) as server:
        url = server.listening(r"(http://127\.0\.0\.1:[1-9][0-9]*)")
        port = int(url.rsplit(":", 1)[1])
        count = 0

        with connected(check, port) as sock:
            for method, body in ((b"GET", GREETING), (b"HEAD", b""), (b"GET", GREETING)):
                sock.sendall(method + b" /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                wanted = HELLO_HEAD + body
                check.equal(f"{method} on a kept connection", receive(sock, len(wanted)), wanted)
                count += 1
            sock.sendall(b"GET /hello?a=b HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            wanted = (HELLO_HEAD + GREETING) * 3
            check.equal("three requests at once", receive(sock, len(wanted)), wanted)
            count += 3

        for last in (b"HTTP/1.1\r\nHost: x\r\nConnection: close", b"HTTP/1.0"):
            with connected(check, port) as sock:
                sock.sendall(b"GET /hello " + last + b"\r\n\r\n")
                status, fields, body = receive_response(sock)
                check.equal(f"{last}: status", status, 200)
                check.equal(f"{last}: type", fields.get("content-type"), "text/plain")
                check.equal(f"{last}: body", body, GREETING)
                check.equal(f"{last}: the end", receive_all(sock), b"")
                count += 1

        check.equal("GET /nothing", request(check, port, "GET", "/nothing")[0], 404)
        check.equal("GET /hello/more", request(check, port, "GET", "/hello/more")[0], 404)
        check.equal("POST /hello", request(check, port, "POST", "/hello", b"")[0], 405)

        answers = []
        clients = [threading.Thread(target=lambda: answers.append(request(check, port, "GET", "/hello")))
                   for _ in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        check.equal("20 clients at once", answers, [(200, "text/plain", GREETING)] * 20)
        count += 20

        for _ in range(count):
            check.equal("a result", server.line(), b"response: 0\n")
        check.fails(1, f"http_hello: cannot listen on {url}: Address in use\n".encode(), url)
        check.equal("more output", server.end(signal.SIGINT), b"")

    with Program(check, ["http://127.0.0.1:0"]) as server:
        port = int(server.listening(r"http://127\.0\.0\.1:([1-9][0-9]*)"))
        with connected(check, port) as sock:
            sock.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            receive_response(sock)
            check.equal("a result", server.line(), b"response: 0\n")
            check.equal("more output", server.end("input"), b"")
            check.equal("a kept connection ends", receive_all(sock), b"")


class Origin:
    """A server that gives the same bytes to each connection, and keeps the request of the last one."""

    def __init__(self, answer, context=None, pause=0.0, hold=False):
        self.answer, self.context, self.pause, self.hold = answer, context, pause, hold
        self.request = b""
        self.asked = threading.Event()
        self.over = threading.Event()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()

    def serve(self):
        while not self.over.is_set():
            try:
                conn = self.sock.accept()[0]
            except OSError:
                return
            conn.settimeout(60)
            try:
                if self.context is not None:
                    conn = self.context.wrap_socket(conn, server_side=True)
                self.talk(conn)
            except OSError:
                pass  # the client went, which some of them shall
            finally:
                conn.close()

    def talk(self, conn):
        self.request = b""
        while not self.request.endswith(b"\r\n\r\n"):
            byte = conn.recv(1)
            if not byte:
                return
            self.request += byte
        self.asked.set()
        for at in range(0, len(self.answer), 50000):
            conn.sendall(self.answer[at:at + 50000])
            time.sleep(self.pause)
        if self.hold:
            self.over.wait(60)
        if self.context is not None:
            conn.unwrap()


def http_client(check):
    check.usage([], ["nonsense"], ["ftp://x/"], ["http://x/", "http://y/"], ["--nonsense", "http://x/"],
                ["--timeout", "soon", "http://x/"])
    big = bytes(range(256)) * 1200
    length = b"Content-Length: %d\r\n\r\n"
    ok = b"HTTP/1.1 200 OK\r\n"
    found = [
        ("a body with a length", ok + length % 5 + b"a\0\r\nb", (0, b"a\0\r\nb", b"")),
        ("a long body with a length", ok + length % len(big) + big, (0, big, b"")),
        ("a body up to the end", ok + b"\r\n" + big, (0, big, b"")),
        ("no more than the length", ok + length % 3 + b"abcdef", (0, b"abc", b"")),
        ("an empty body with a length", ok + length % 0, (0, b"", b"")),
        ("an empty body without one", ok + b"\r\n", (0, b"", b"")),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n", (0, b"", b"")),
        ("100 before it", b"HTTP/1.1 100 Continue\r\n\r\n" + ok + length % 2 + b"ab", (0, b"ab", b"")),
        ("404", b"HTTP/1.1 404 Not Found\r\n" + length % 4 + b"gone",
         (3, b"gone", b"http_client: 404 Not Found\n")),
        ("500 with a reason", b"HTTP/1.1 500 Oh dear\r\n" + length % 0,
         (3, b"", b"http_client: 500 Oh dear\n")),
        ("a body that is cut off", ok + length % 9 + b"abcd",
         (1, b"", b"http_client: cannot read the body: Connection shutdown\n")),
        ("a head that is cut off", ok + b"Content-Le",
         (1, b"", b"http_client: cannot read the response: Connection shutdown\n")),
        ("no HTTP", b"what?\r\n\r\n",
         (1, b"", b"http_client: cannot read the response: Protocol error\n")),
        ("a length that is none", ok + b"Content-Length: 5x\r\n\r\nabcde",
         (1, b"", b"http_client: cannot read the response: Protocol error\n")),
        ("chunks", ok + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         (1, b"", b"http_client: the body has a transfer coding: Not supported\n")),
    ]
    for what, answer, wanted in found:
        with Origin(answer, pause=0.01) as origin:
            check.equal(what, check.run(f"http://127.0.0.1:{origin.port}/"), wanted)

    for path, target in (("/a/b.c?d=e&f", "/a/b.c?d=e&f"), ("", "/"), ("?x", "/?x"), ("/p#part", "/p")):
        with Origin(ok + length % 0) as origin:
            host = f"127.0.0.1:{origin.port}"
            check.equal(f"path {path!r}", check.run(f"http://{host}{path}"), (0, b"", b""))
            check.equal(f"request for path {path!r}", origin.request,
                        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    check.fails(1, b"http_client: cannot connect: Connection refused\n", f"http://127.0.0.1:{port}/")
    with Origin(b"", hold=True) as origin:
        check.fails(1, b"http_client: cannot read the response: Timed out\n",
                    "--timeout", "500", f"http://127.0.0.1:{origin.port}/")
    with Origin(b"", hold=True) as origin:
        with Program(check, [f"http://127.0.0.1:{origin.port}/"]) as client:
            origin.asked.wait(check.patience)
            client.process.send_signal(signal.SIGINT)
            code, out, err = client.result()
            check.equal("interrupted", (code, out), (1, b""))
            # The write has ended for the one who reads it; for the client it may go on for a moment.
            pattern = rb"http_client: cannot (read the response|write the request): Operation canceled\n"
            check.equal(f"interrupted: complaint ({err})", re.fullmatch(pattern, err) is not None, True)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(check.scratch.certkey)
    for what, answer in (("a length", ok + length % len(big) + big), ("the end", ok + b"\r\n" + big)):
        if what == "the end" and check.skip_defects:
            continue
        with Origin(answer, context) as origin:
            check.equal(f"https, a body up to {what}", check.run(
                "--ca", check.scratch.cert, f"https://localhost:{origin.port}/"), (0, big, b""))
    with Origin(ok + length % 0, context) as origin:
        url = f"https://localhost:{origin.port}/"
        check.fails(1, b"http_client: /nothing: Entry not found\n", "--ca", "/nothing", url)
        code, out, err = check.run(url)
        check.equal("https, not trusted", (code, out, origin.request), (1, b"", b""))
        check.equal(f"https, not trusted: complaint ({err})", err.startswith(b"http_client: cannot "), True)


def echo_client(check, connect, count, size):
    """Many connections at once, each of which sends all, ends its direction, and receives to the end."""
    socks = [connect() for _ in range(count)]
    results = {}

    def send(sock, data):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    def talk(at, sock):
        data = bytes((at + x) % 256 for x in range(256)) * (size // 256)
        sender = threading.Thread(target=send, args=(sock, data))
        sender.start()
        results[at] = receive_all(sock) == data
        sender.join()

    clients = [threading.Thread(target=talk, args=pair) for pair in enumerate(socks)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    for sock in socks:
        sock.close()
    check.equal(f"{count} connections: which got back what they sent",
                sorted(at for at, fine in results.items() if fine), list(range(count)))


def async_echo(check):
    check.usage([], ["nonsense"], ["--nonsense"], ["tcp://127.0.0.1:0", "more"])
    check.fails(1, b"async_echo: cannot listen on what://ever: Not supported\n", "what://ever")
    path = os.path.join(check.scratch.directory, "echo.sock")
    for url, pattern, how in (("tcp://127.0.0.1:0", r"tcp://127\.0\.0\.1:([1-9][0-9]*)", "input"),
                              (f"ipc://{path}", f"ipc://({re.escape(path)})", signal.SIGINT)):
        with Program(check, [url]) as server:
            address = server.listening(pattern)

            def connect():
                if url.startswith("tcp"):
                    return socket.create_connection(("127.0.0.1", int(address)), check.patience)
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(check.patience)
                sock.connect(address)
                return sock

            if url.startswith("tcp"):
                taken = f"tcp://127.0.0.1:{address}"
                check.fails(1, f"async_echo: cannot listen on {taken}: Address in use\n".encode(), taken)
            # One that is there all the time, and still there at the end.
            idle = connect()
            idle.sendall(b"first")
            check.equal("first bytes", receive(idle, 5), b"first")
            # One that is reset.
            with connect() as reset:
                reset.sendall(b"xyz")
                check.equal("before a reset", receive(reset, 3), b"xyz")
                reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            echo_client(check, connect, 50, 64 * 1024)
            idle.sendall(b"last")
            check.equal("last bytes", receive(idle, 4), b"last")
            total = 5 + 3 + 50 * 64 * 1024 + 4
            check.equal(f"{url}: what it says at the end", server.end(how),
                        f"52 connections, {total} bytes\n".encode())
            check.equal("a connection at the end", receive_all(idle), b"")
            idle.close()
        check.equal(f"{url}: a socket file is left", os.path.exists(path), False)


def timers(check):
    check.usage(["0"], ["1001"], ["x"], ["-1"], ["5", "more"])
    last = (f"cancelled: 20 ({NAMES[20]}), 1 callback\n"
            f"aborted: 1234 ({NAMES[1234]}), 1 callback\n"
            f"stopped: 20 ({NAMES[20]}), 1 callback\n"
            f"with a timeout: 5 ({NAMES[5]}), 1 callback\n"
            f"restarted: 0 ({NAMES[0]}), 5 callbacks\n")
    for arguments, count in (([], 5), (["1"], 1), (["200"], 200)):
        first = "".join(f"random {n + 1}: 0 ({NAMES[0]}), 1 callback\n" for n in range(count))
        check.equal(f"{count} timers", check.run(*arguments), (0, (first + last).encode(), b""))


def provider(check):
    check.usage(["more"], ["--nonsense"])
    steps = [("get, nothing comes in time", 5, None), ("get, cancelled", 20, None),
             ("get, aborted with 1234", 1234, None), ("put, two wait", 0, None),
             ("put, one waits", 0, None), ("get, the first that waited", 0, 1),
             ("get, the second that waited", 0, 2), ("put, there is room for two", 0, None),
             ("put, there is room for one", 0, None), ("put, no room in time", 5, None),
             ("get, it was there", 0, 3), ("put, that made room", 0, None),
             ("get, it was there", 0, 4), ("get, the one that waited for room", 0, 6),
             ("get, with an aio that is stopped", 20, None)]
    wanted = "".join(f"{what}: {code} ({NAMES[code]}){'' if value is None else f', value {value}'}\n"
                     for what, code, value in steps)
    wanted += "4 consumers: 1000 numbers, sum 500500\n"
    wanted += f"put, the queue is closed: 7 ({NAMES[7]})\n"
    for _ in range(3):
        check.equal("output", check.run(), (0, wanted.encode(), b""))


def rest_server(check):
    check.usage(["nonsense"], ["--nonsense"], ["https://127.0.0.1:0"], ["ipc:///x"], ["--tls"],
                ["http://127.0.0.1:0", "more"], ["--tls", check.scratch.certkey, "http://127.0.0.1:0"])
    check.fails(1, b"rest_server: cannot serve https://127.0.0.1:0: Entry not found\n",
                "--tls", "/nothing", "https://127.0.0.1:0")
    check.fails(1, b"rest_server: cannot serve https://127.0.0.1:0: Cryptographic error\n",
                "--tls", check.scratch.cert, "https://127.0.0.1:0")
    with Program(check, ["http://127.0.0.1:0"]) as server:
        port = int(server.listening(r"http://127\.0\.0\.1:([1-9][0-9]*)"))
        rest_requests(check, port, None)
        rest_at_once(check, port)
        check.equal("more output", server.end(signal.SIGINT), b"")
    context = ssl.create_default_context(cafile=check.scratch.cert)
    with Program(check, ["--tls", check.scratch.certkey, "https://127.0.0.1:0"]) as server:
        port = int(server.listening(r"https://127\.0\.0\.1:([1-9][0-9]*)"))
        rest_requests(check, port, context)
        check.equal("more output", server.end("input"), b"")


def rest_requests(check, port, context):
    json, page = "application/json", "text/html; charset=UTF-8"
    bad, missing = b'{"error": "bad request"}', b'{"error": "not found"}'
    scheme = "http" if context is None else "https"

    def expect(wanted, method, path, body=None):
        got = request(check, port, method, path, body, context)
        check.equal(f"{scheme}: {method} {path} {short(body)}", got, wanted)

    expect((404, json, missing), "GET", "/items/1")
    longest = b"[" + b"1" * 4094 + b"]"
    nested = b"[" * 64 + b"]" * 64
    kept = [b'{"a": [1, "}\\""]}', b"[]", b' {"b":\t2}\r\n', longest, nested]
    for body in kept:
        expect((201, json, b'{"item": ' + body + b"}"), "POST", "/items", body)
    for body in (b"", b"3", b'"text"', b"{", b"[}", b'{"a": "}', b"{} {}", b"{},", b"x{}", b"[]]",
                 b"[\0]", b"[" + nested + b"]"):
        expect((400, json, bad), "POST", "/items", body)
    for number, body in enumerate(kept, 1):
        expect((200, json, b'{"item": ' + body + b"}"), "GET", f"/items/{number}")
    expect((200, json, b'{"item": []}'), "GET", "/items/2?a=b")
    expect((200, json, b""), "HEAD", "/items/2")
    for path in ("/items/6", "/items/0", "/items/", "/items", "/items/2x", "/items/-1", "/items/2/3",
                 "/items/99999999999999999999"):
        expect((404, json, missing), "GET", path)
    # These are the server's own answers, whose type is that of its pages.
    expect((404, page, missing), "GET", "/nothing")
    for method, path in (("PUT", "/items"), ("DELETE", "/items/1"), ("POST", "/items/1")):
        got = request(check, port, method, path, None, context)
        check.equal(f"{scheme}: {method} {path}", got[0], 405)
    with connected(check, port) as sock:
        if context is not None:
            sock = context.wrap_socket(sock, server_hostname="localhost")
        with sock:
            # Several on one connection, and then one whose body would be too long.
            for _ in range(3):
                sock.sendall(b"GET /items/2 HTTP/1.1\r\nHost: x\r\n\r\n")
                status, fields, body = receive_response(sock)
                check.equal(f"{scheme}: a kept connection", (status, fields.get("content-type"), body),
                            (200, json, b'{"item": []}'))
            sock.sendall(b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n")
            status, fields, body = receive_response(sock)
            check.equal(f"{scheme}: a body that is too long",
                        (status, fields.get("content-type"), body), (400, page, bad))


def rest_at_once(check, port):
    bodies = [b'{"client": %d}' % n for n in range(20)]
    clients = [threading.Thread(target=request, args=(check, port, "POST", "/items", body))
               for body in bodies]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    got = sorted(request(check, port, "GET", f"/items/{n}") for n in range(6, 26))
    check.equal("20 clients at once", got,
                sorted((200, "application/json", b'{"item": ' + body + b"}") for body in bodies))


# ------------------------------------------------------------------------------------- all of them


class Scratch:
    """A directory with a certificate for localhost in it."""

    def __init__(self, directory):
        self.directory = directory
        self.cert = os.path.join(directory, "cert.pem")
        self.certkey = os.path.join(directory, "certkey.pem")
        key = os.path.join(directory, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", self.cert],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.certkey, "wb") as both:
            for name in (self.cert, key):
                with open(name, "rb") as part:
                    both.write(part.read())


CHECKS = [http_hello, http_client, async_echo, timers, rest_server, provider]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="", help="what the names of the programs' files begin with")
    parser.add_argument("--wrap", default="", metavar="COMMAND", help="what runs each program")
    parser.add_argument("--skip-defects", action="store_true", help="check less, for NNG's own library")
    parser.add_argument("--only", action="append", choices=[x.__name__ for x in CHECKS], metavar="NAME",
                        help="a program to check, instead of all; may be repeated")
    parser.add_argument("directory", help="where the programs are")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        scratch = Scratch(directory)
        for function in CHECKS:
            name = function.__name__
            if options.only and name not in options.only:
                continue
            check = Check(name, options, scratch)
            try:
                function(check)
            except (Broken, OSError) as error:
                check.differences.append(f"{type(error).__name__}: {error}")
            for difference in check.differences:
                print(f"{name}: {difference}")
            if not check.differences:
                print(f"ok {name}")
            sys.stdout.flush()
            failed = failed or bool(check.differences)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
