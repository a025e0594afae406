"""A proxy that loses what a network loses: between a client and a daemon.

Each request is forwarded and answered by the daemon; then, as a seeded draw
decides, the answer is passed on, lost (the connection closes as if the daemon
had died), or comes late; or the request never arrives, or arrives twice. The
same request is hurt twice at most, so that a client that retries gets there.
What `spared` names (method, pattern of the path) is always passed on.

The daemon serves its own address alone, so Host is rewritten, and so are the
links that it gives, where both addresses are equally long.
"""
import collections
import random
import re
import socket
import socketserver
import threading
import time

PASS, LOSE, DELAY, SWALLOW, DOUBLE = "pass lose delay swallow double".split()
WEIGHTS = {PASS: 35, LOSE: 40, DELAY: 5, SWALLOW: 5, DOUBLE: 15}
HURT_MOST = 2  # times that one request is lost


def read_head(file):
    """(first line, header lines, what follows of the message as bytes)."""
    lines = []
    while (line := file.readline()) not in (b"\r\n", b""):
        lines.append(line)
    if not line:
        raise ConnectionError("ended")
    return lines, {name.strip().lower(): value.strip() for name, _, value in
                   (x.decode("latin-1").partition(":") for x in lines[1:])}


def read_body(file, headers, until_end=False):
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while True:
            line = file.readline()
            size = int(line.split(b";")[0], 16)
            body += line + file.read(size + 2)
            if not size:
                return body
    if "content-length" in headers:
        return file.read(int(headers["content-length"]))
    return file.read() if until_end else b""


def read_request(file):
    lines, headers = read_head(file)
    if headers.get("expect"):
        raise ConnectionError("no client of ours asks first")
    return lines, b"".join(lines) + b"\r\n" + read_body(file, headers)


def read_answer(file, method):
    lines, headers = read_head(file)
    status = int(lines[0].split()[1])
    bare = method == "HEAD" or status in (204, 304)
    return (b"".join(lines) + b"\r\n" +
            (b"" if bare else read_body(file, headers, True)))


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            while self.one():
                pass
        except (OSError, ValueError):
            pass

    def forward(self, request, method):
        with socket.create_connection(self.server.lossy.behind) as s:
            s.sendall(request)
            with s.makefile("rb") as file:
                return read_answer(file, method)

    def one(self):
        lines, request = read_request(self.rfile)
        ours, theirs = self.server.lossy.names
        request = request.replace(ours, theirs, 1)
        method, target, _ = lines[0].decode("latin-1").split()
        fate = self.server.lossy.fate(method, target, request)
        if fate == SWALLOW:
            return False
        if fate == DOUBLE:
            self.forward(request, method)
        answer = self.forward(request, method)
        if fate == LOSE:
            return False
        if fate == DELAY:
            time.sleep(0.05)
        if len(ours) == len(theirs):
            answer = answer.replace(theirs, ours)
        self.wfile.write(answer)
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Lossy:
    """`url` is where it listens; `hurt` counts what befell whom."""

    def __init__(self, address, seed, spared=(), weights=None):
        host, port = address.rsplit(":", 1)
        self.behind, self.spared = (host, int(port)), spared
        self.rng, self.lock = random.Random(seed), threading.Lock()
        self.weights = weights or WEIGHTS
        self.lost = collections.Counter()
        self.hurt = collections.Counter()

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.lossy = self
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.names = (self.url[7:].encode(), b"%s:%d" % (
            self.behind[0].encode(), self.behind[1]))
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def fate(self, method, target, request):
        path = target.partition("?")[0]
        if any(method == m and re.search(p, path) for m, p in self.spared):
            return PASS
        with self.lock:
            fate = self.rng.choices(list(self.weights),
                                    list(self.weights.values()))[0]
            if self.lost[request] >= HURT_MOST and fate in (LOSE, SWALLOW):
                fate = PASS
            if fate in (LOSE, SWALLOW):
                self.lost[request] += 1
            self.hurt[fate, method, path.rpartition("/mlflow")[2]] += 1
            return fate
