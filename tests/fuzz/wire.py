"""HTTP as bytes: what no client library would send, sent as it is."""
import gzip
import json
import socket
from dataclasses import dataclass, field


@dataclass
class Request:
    method: str
    target: str
    body: bytes | None = None
    headers: list = field(default_factory=list)  # of (name, value)
    chunks: int = 0  # the body in chunks of so many bytes, 0: as one

    def bytes_for(self, host):
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        body = self.body or b""
        if self.body is not None and self.chunks:
            lines.append("Transfer-Encoding: chunked")
            parts = [body[i:i + self.chunks]
                     for i in range(0, len(body), self.chunks)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p)
                            for p in parts) + b"0\r\n\r\n"
        elif self.body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        return head.encode("utf-8", "surrogateescape") + body

    def curl(self, url):
        """A line for a shell that sends the same."""
        quote = lambda text: "'" + text.replace("'", "'\\''") + "'"  # noqa
        words = ["curl", "-sS", "-i", "--path-as-is", "-X", self.method]
        for name, value in self.headers:
            words += ["-H", quote(f"{name}: {value}")]
        words.append(quote(url + self.target))
        if self.body is None:
            return " ".join(words)
        text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in "\\%'" else
                       f"\\{b:03o}" for b in self.body)
        return f"printf '{text}' | {' '.join(words)} --data-binary @-"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    seconds: float = 0

    def json(self):
        """Strictly: no NaN, no member twice, nothing but UTF-8."""
        return json.loads(self.body.decode(), parse_constant=refuse,
                          object_pairs_hook=once)


def refuse(word):
    raise ValueError(f"{word} is not JSON")


def once(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


class Gone(Exception):
    """The connection ended without an answer."""


class Connection:
    """Kept alive as long as the daemon keeps it."""

    def __init__(self, address, timeout):
        self.host, port = address.rsplit(":", 1)
        self.address, self.port, self.timeout = address, int(port), timeout
        self.socket, self.got = None, b""

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket, self.got = None, b""

    def send(self, request):
        """Its answer. A kept connection that ended meanwhile is made anew."""
        fresh = self.socket is None
        try:
            return self._send(request)
        except (Gone, OSError) as e:
            self.close()
            if fresh or isinstance(e, TimeoutError):
                raise Gone(repr(e)) from e
        try:
            return self._send(request)
        except OSError as e:
            self.close()
            raise Gone(repr(e)) from e

    def _send(self, request):
        if self.socket is None:
            self.socket = socket.create_connection((self.host, self.port),
                                                   timeout=self.timeout)
        try:
            self.socket.sendall(request.bytes_for(self.address))
        except OSError:  # refused while it was sent: the answer is there
            pass
        answer = self._read(request)
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def _more(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise Gone("the connection ended")
        self.got += part

    def _take(self, n):
        while len(self.got) < n:
            self._more()
        taken, self.got = self.got[:n], self.got[n:]
        return taken

    def _line(self):
        while b"\r\n" not in self.got:
            self._more()
        line, self.got = self.got.split(b"\r\n", 1)
        return line

    def _read(self, request):
        status = 100
        while status < 200:
            status = int(self._line().split(b" ")[1])
            headers = {}
            while line := self._line():
                name, value = line.decode("latin-1").split(":", 1)
                headers[name.lower()] = value.strip()
        if headers.get("content-type", "").startswith("text/event-stream"):
            self.close()
            return Answer(status, headers, b"")
        if request.method == "HEAD" or status in (204, 304):
            return Answer(status, headers, b"")
        body = self._body(headers)
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return Answer(status, headers, body)

    def _body(self, headers):
        if "chunked" in headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self._line().split(b";")[0], 16):
                body += self._take(size)
                self._take(2)
            while self._line():
                pass
            return body
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        try:
            while True:
                self._more()
        except Gone:
            body, self.got = self.got, b""
            return body
