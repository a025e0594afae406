"""An S3 server for tests: small, strict, and wrong on request.

It believes nothing: every request's signature is computed anew from what was
sent (its own code, not the client's), a body must have the SHA-256 and the
checksum that its headers state, and a body in chunks is refused. It counts
requests by kind, and a test may tell it to fail the next ones of a kind in a
way of its choice. Objects lie in memory.

Kinds: put, get, head, delete, list, create, part, complete, abort, uploads,
remove.
"""
import base64
import contextlib
import hashlib
import hmac
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from email.utils import formatdate
from xml.sax.saxutils import escape

REGION, BUCKET = "us-east-1", "orrery"
CRC_CHECKED = 1 << 18  # longer bodies: Python would be too slow
PART_LEAST = 5 << 20


def crc32c(data, table=[]):
    if not table:
        for i in range(256):
            for _ in range(8):
                i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
            table.append(i)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Refused(Exception):
    """An answer that is an error of S3's."""

    def __init__(self, status, code, message="", headers=()):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers)


class Object:
    def __init__(self, data, meta, etag=None):
        self.data, self.meta, self.mtime = data, meta, time.time()
        self.etag = etag or '"%s"' % hashlib.md5(data).hexdigest()


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, self.raw_query = target.partition("?")
        self.query = urllib.parse.parse_qsl(self.raw_query,
                                            keep_blank_values=True)
        self.args = dict(self.query)

    def kind(self, key):
        name = {"GET": "get", "PUT": "put", "HEAD": "head", "POST": "post",
                "DELETE": "delete"}.get(self.method, "other")
        if "uploads" in self.args:
            return "create" if name == "post" else "uploads"
        if "uploadId" in self.args:
            return {"put": "part", "post": "complete",
                    "delete": "abort"}.get(name, "other")
        if "delete" in self.args:
            return "remove"
        return "list" if name == "get" and not key else name


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-._~")


class Standin:
    """with Standin() as s: s.url, s.objects, s.counts, s.fail(...)"""

    def __init__(self, conditional=True, checksums=True, tls=None):
        self.keys = {"test": "secretsecret"}  # id: secret
        self.tokens = {}                      # id: token that goes with it
        self.expired = set()                  # ids
        self.objects, self.uploads = {}, {}
        self.counts, self.faults = Counter(), []
        self.mixed = None  # (chance, faults, how often)
        self.sums = Counter()  # by which checksum bodies were checked
        self.conditional, self.checksums = conditional, checksums
        self.region, self.bucket, self.tls = REGION, BUCKET, tls
        self.hosts = set()  # that were asked
        self.skew, self.delay, self.page = 0, 0, 1000
        self.full = False
        self.redirect = None  # another port, for all but the first
        self.log = []
        self.lock = threading.Lock()
        self.open = set()

    # --- the socket ----------------------------------------------------------

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in list(self.open):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def start_again(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        listener = self.listener
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open.add(s)
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        f = None
        try:
            if self.tls:
                s = self.tls.wrap_socket(s, server_side=True)
            f = s.makefile("rb", buffering=1 << 16)
            while self.one(s, f):
                pass
        except OSError:
            pass
        finally:
            self.open.discard(s)
            with contextlib.suppress(OSError):
                if f:
                    f.close()
                s.close()

    @staticmethod
    def reset(s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RD)
        return False

    def one(self, s, f):
        """One request on a connection; false when it is over."""
        line = f.readline(65536)
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while (line := f.readline(65536)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() in headers:
                raise OSError("a header twice")
            headers[name.lower()] = value.strip()
        r = Request(method, target, headers, b"")
        key, r.bucket = self.place(r)
        fault = self.fault_of(r.kind(key))
        if fault == "reset-before":
            return self.reset(s)
        if "100-continue" in headers.get("expect", ""):
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        r.body = f.read(int(headers.get("content-length", 0)))
        if self.delay:
            time.sleep(self.delay)
        if fault == "hang":
            self.healed(40)
            return False
        return self.answer(s, r, key, fault)

    def answer(self, s, r, key, fault):
        try:
            if fault and fault[0].isdigit():
                status, _, code = fault.partition(" ")
                raise Refused(int(status), code.partition(" ")[0] or "Error",
                              "on request", self.fault_headers)
            status, headers, body = self.handle(r, key)
        except Refused as e:
            status, headers = e.status, e.headers
            body = ("<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>"
                    "%s</Message></Error>" % (
                        e.code, escape(e.message))).encode()
        if fault == "reset-after":
            return self.reset(s)
        if fault == "late-error":
            status, body = 200, (b"<?xml version=\"1.0\"?>\n<Error><Code>"
                                 b"InternalError</Code></Error>")
        return self.send(s, r, status, headers, body, fault)

    def send(self, s, r, status, headers, body, fault):
        headers = {"Date": formatdate(time.time() + self.skew, usegmt=True),
                   "Server": "standin", "Content-Length": str(len(body)),
                   **headers}
        if fault == "flip" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "wrong-range":
            headers["Content-Range"] = "bytes 7-8/9"
        if fault == "less":
            body = body[:len(body) // 2]
            headers["Content-Length"] = str(len(body))
        if fault == "more":
            body += b"more"
            headers["Content-Length"] = str(len(body))
        head = "HTTP/1.1 %d X\r\n" % status + "".join(
            f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        if r.method == "HEAD":
            body = b""
        if fault in ("reset-mid", "short"):
            s.sendall(head.encode() + body[:len(body) // 2])
            return self.reset(s) if fault == "reset-mid" else False
        s.sendall(head.encode("latin-1") + body)
        return True

    def healed(self, seconds):
        """Sleeps, but not beyond the end of the server."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.listener.fileno() >= 0:
            time.sleep(0.05)

    # --- faults --------------------------------------------------------------

    def fail(self, kind, fault, times=1, skip=0, **headers):
        """The next requests of a kind fail: "503 SlowDown", "hang", ..."""
        with self.lock:
            self.faults.append([kind, fault, times, skip, {
                k.replace("_", "-"): v for k, v in headers.items()}])

    def mix(self, faults, often, seed):
        """Any request of any kind fails in any of these ways, so often."""
        self.mixed = (random.Random(seed), faults, often)

    def heal(self):
        self.mixed = None
        self.faults.clear()

    def fault_of(self, kind):
        with self.lock:
            self.counts[kind] += 1
            if self.mixed and self.mixed[0].random() < self.mixed[2]:
                self.fault_headers = {}
                return self.mixed[0].choice(self.mixed[1])
            for f in self.faults:
                if f[0] not in (kind, "any") or not f[2]:
                    continue
                if f[3]:
                    f[3] -= 1
                    continue
                f[2] -= 1
                self.fault_headers = f[4]
                return f[1]
        return None

    # --- who, and whether it is so -------------------------------------------

    def place(self, r):
        host = r.headers.get("host", "")
        self.hosts.add(host.partition(":")[0])
        if host.startswith(self.bucket + "."):
            return urllib.parse.unquote(r.path)[1:], self.bucket
        parts = urllib.parse.unquote(r.path).split("/", 2)
        return (parts[2] if len(parts) > 2 else ""), parts[1]

    def secret_of(self, r, key_id, token):
        if key_id in self.expired:
            raise Refused(400, "ExpiredToken", "The token has expired")
        if key_id not in self.keys:
            raise Refused(403, "InvalidAccessKeyId", "no such key")
        if self.tokens.get(key_id) != token:
            raise Refused(403, "InvalidToken", "no such token")
        return self.keys[key_id]

    def signature(self, r, secret, day, region, date, names, query, payload):
        if list(names) != sorted(names) or "host" not in names:
            raise Refused(400, "AuthorizationHeaderMalformed", "order")
        for name in r.headers:
            if name.startswith("x-amz-") and name not in names:
                raise Refused(403, "AccessDenied", f"{name} is not signed")
        path = quote(urllib.parse.unquote(r.path), "/")
        if path != r.path:
            raise Refused(400, "InvalidURI", "the path's encoding")
        pairs = sorted((quote(k), quote(v)) for k, v in query)
        text = "&".join(f"{k}={v}" for k, v in pairs)
        if not any(k == "X-Amz-Signature" for k, _ in r.query) and \
                text != r.raw_query:
            raise Refused(403, "SignatureDoesNotMatch", "the query's order")
        canonical = "\n".join([r.method, path, text, *(
            f"{n}:{' '.join(r.headers.get(n, '').split())}" for n in names),
            "", ";".join(names), payload])
        scope = f"{day}/{region}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(
            canonical.encode()).hexdigest()])
        k = ("AWS4" + secret).encode()
        for part in (day, region, "s3", "aws4_request", to_sign):
            k = hmac.new(k, part.encode(), hashlib.sha256).digest()
        return k.hex()

    def check_time(self, date, lasts):
        when = time.mktime(time.strptime(date, "%Y%m%dT%H%M%SZ")) - \
            time.timezone
        now = time.time() + self.skew
        if lasts is None and abs(now - when) > 900:
            raise Refused(403, "RequestTimeTooSkewed", "clocks differ")
        if lasts is not None and not when - 900 <= now <= when + lasts:
            raise Refused(403, "AccessDenied", "Request has expired")

    def check_region(self, region):
        if region != self.region:
            raise Refused(400, "AuthorizationHeaderMalformed",
                          f"expecting '{self.region}'",
                          {"x-amz-bucket-region": self.region})

    def check_headers(self, r):
        m = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/"
            r"aws4_request, SignedHeaders=([a-z0-9;-]+), "
            r"Signature=([0-9a-f]{64})", r.headers.get("authorization", ""))
        if not m:
            raise Refused(403, "AccessDenied", "no signature")
        key_id, day, region, names, want = m.groups()
        payload = r.headers.get("x-amz-content-sha256", "")
        if payload != hashlib.sha256(r.body).hexdigest() and not (
                self.tls and payload == "UNSIGNED-PAYLOAD"):
            raise Refused(400, "XAmzContentSHA256Mismatch", payload)
        secret = self.secret_of(r, key_id,
                                r.headers.get("x-amz-security-token"))
        date = r.headers.get("x-amz-date", "")
        self.check_region(region)
        self.check_time(date, None)
        if self.signature(r, secret, day, region, date, names.split(";"),
                          r.query, payload) != want:
            raise Refused(403, "SignatureDoesNotMatch", "not what was signed")

    def check_link(self, r):
        a = r.args
        key_id, day, region = a["X-Amz-Credential"].split("/")[:3]
        secret = self.secret_of(r, key_id, a.get("X-Amz-Security-Token"))
        lasts = int(a["X-Amz-Expires"])
        if not 0 < lasts <= 604800:
            raise Refused(400, "AuthorizationQueryParametersError", "expires")
        self.check_region(region)
        self.check_time(a["X-Amz-Date"], lasts)
        query = [(k, v) for k, v in r.query if k != "X-Amz-Signature"]
        if self.signature(r, secret, day, region, a["X-Amz-Date"],
                          a["X-Amz-SignedHeaders"].split(";"), query,
                          "UNSIGNED-PAYLOAD") != a["X-Amz-Signature"]:
            raise Refused(403, "SignatureDoesNotMatch", "not what was signed")

    def check(self, r):
        if "transfer-encoding" in r.headers or \
                "aws-chunked" in r.headers.get("content-encoding", "") or \
                "x-amz-trailer" in r.headers:
            raise Refused(501, "NotImplemented", "no chunks, no trailers")
        if "X-Amz-Signature" in r.args:
            self.check_link(r)
        else:
            self.check_headers(r)
        if r.bucket != self.bucket:
            raise Refused(404, "NoSuchBucket", r.bucket)

    def check_sums(self, r):
        md5 = r.headers.get("content-md5")
        if md5 and md5 != base64.b64encode(
                hashlib.md5(r.body).digest()).decode():
            raise Refused(400, "BadDigest", "MD5")
        crc = r.headers.get("x-amz-checksum-crc32c")
        if crc and self.checksums and len(r.body) < CRC_CHECKED and \
                crc != base64.b64encode(
                    crc32c(r.body).to_bytes(4, "big")).decode():
            raise Refused(400, "BadDigest", "CRC32C")
        if not md5 and not crc:
            raise Refused(400, "InvalidRequest", "a body without a checksum")
        self.sums["md5" if md5 else "crc32c"] += 1

    # --- what is asked -------------------------------------------------------

    def handle(self, r, key):
        kind = r.kind(key)
        self.log.append((kind, key))
        if self.redirect:
            raise Refused(307, "TemporaryRedirect", "elsewhere", {
                "Location": f"{self.redirect}{r.path}"})
        self.check(r)
        with self.lock:
            return getattr(self, "do_" + kind)(r, key)

    def may_replace(self, r, key):
        if self.conditional and r.headers.get("if-none-match") == "*" and \
                key in self.objects:
            raise Refused(412, "PreconditionFailed", key)

    @staticmethod
    def meta(r):
        return {k: v for k, v in r.headers.items()
                if k.startswith("x-amz-meta-")}

    def do_put(self, r, key):
        self.check_sums(r)
        if self.full:
            raise Refused(507, "QuotaExceeded", "no room")
        self.may_replace(r, key)
        self.objects[key] = Object(r.body, self.meta(r))
        return 200, {"ETag": self.objects[key].etag}, b""

    def find(self, key):
        if key not in self.objects:
            raise Refused(404, "NoSuchKey", key)
        return self.objects[key]

    def do_get(self, r, key):
        o, data, headers, status = self.find(key), None, {}, 200
        if r.headers.get("if-match", o.etag) != o.etag:
            raise Refused(412, "PreconditionFailed", "If-Match")
        m = re.fullmatch(r"bytes=(\d+)-(\d*)", r.headers.get("range", ""))
        data = o.data
        if m:
            first, size = int(m[1]), len(o.data)
            last = min(int(m[2] or size - 1), size - 1)
            if first > last:
                raise Refused(416, "InvalidRange", "",
                              {"Content-Range": f"bytes */{size}"})
            data, status = o.data[first:last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return status, {"ETag": o.etag, **o.meta, **headers}, data

    def do_head(self, r, key):
        o = self.find(key)
        return 200, {"ETag": o.etag, **o.meta}, o.data

    def do_delete(self, r, key):
        self.objects.pop(key, None)
        return 204, {}, b""

    def do_list(self, r, key):
        prefix, token = r.args.get("prefix", ""), r.args.get(
            "continuation-token", "")
        most = min(int(r.args.get("max-keys", 1000)), self.page)
        keys = sorted(k for k in self.objects
                      if k.startswith(prefix) and k > token)
        more = len(keys) > most
        keys = keys[:most]
        coded = r.args.get("encoding-type") == "url"
        items = "".join(
            "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s"
            "</ETag><Size>%d</Size></Contents>" % (
                quote(k, "/") if coded else escape(k), time.strftime(
                    "%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(
                        self.objects[k].mtime)),
                escape(self.objects[k].etag), len(self.objects[k].data))
            for k in keys)
        return 200, {}, (
            "<?xml version=\"1.0\"?><ListBucketResult><KeyCount>%d</KeyCount>"
            "<IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>" % (
                len(keys), "true" if more else "false", items,
                f"<NextContinuationToken>{escape(keys[-1])}"
                "</NextContinuationToken>" if more else "")).encode()

    def do_remove(self, r, key):
        self.check_sums(r)
        out = ""
        for k in re.findall(r"<Key>(.*?)</Key>", r.body.decode(), re.S):
            k = re.sub(r"&#(\d+);", lambda m: chr(int(m[1])), k)
            self.objects.pop(k, None)
            out += f"<Deleted><Key>{escape(k)}</Key></Deleted>"
        return 200, {}, f"<DeleteResult>{out}</DeleteResult>".encode()

    def do_create(self, r, key):
        upload = uuid.uuid4().hex + "/+="
        self.uploads[upload] = {
            "key": key, "parts": {}, "meta": self.meta(r), "crc":
            r.headers.get("x-amz-checksum-algorithm") == "CRC32C"}
        return 200, {}, (f"<R><UploadId>{upload}</UploadId></R>").encode()

    def upload(self, r, key):
        u = self.uploads.get(r.args["uploadId"])
        if not u or u["key"] != key:
            raise Refused(404, "NoSuchUpload", r.args["uploadId"])
        return u

    def do_part(self, r, key):
        u = self.upload(r, key)
        self.check_sums(r)
        if ("x-amz-checksum-crc32c" in r.headers) != u["crc"]:
            raise Refused(400, "InvalidRequest", "checksum type mismatch")
        etag = '"%s"' % hashlib.md5(r.body).hexdigest()
        u["parts"][int(r.args["partNumber"])] = (
            etag, r.headers.get("x-amz-checksum-crc32c"), r.body)
        return 200, {"ETag": etag}, b""

    def do_complete(self, r, key):
        u = self.upload(r, key)
        self.may_replace(r, key)
        text = r.body.decode()
        listed = re.findall(
            r"<Part><PartNumber>(\d+)</PartNumber><ETag>(.*?)</ETag>"
            r"(?:<ChecksumCRC32C>(.*?)</ChecksumCRC32C>)?</Part>", text)
        parts = [u["parts"].get(int(n)) for n, _, _ in listed]
        if not listed or [int(n) for n, _, _ in listed] != sorted(
                int(n) for n, _, _ in listed):
            raise Refused(400, "InvalidPartOrder", text[:100])
        for part, (n, etag, crc) in zip(parts, listed):
            if not part or part[0] != etag or (u["crc"] and part[1] != crc):
                raise Refused(400, "InvalidPart", n)
        if any(len(p[2]) < PART_LEAST for p in parts[:-1]):
            raise Refused(400, "EntityTooSmall", "")
        data = b"".join(p[2] for p in parts)
        self.objects[key] = Object(data, u["meta"], '"%s-%d"' % (
            hashlib.md5(data).hexdigest(), len(parts)))
        del self.uploads[r.args["uploadId"]]
        return 200, {}, b"<CompleteMultipartUploadResult/>"

    def do_abort(self, r, key):
        self.upload(r, key)
        del self.uploads[r.args["uploadId"]]
        return 204, {}, b""

    def do_uploads(self, r, key):
        prefix = r.args.get("prefix", "")
        return 200, {}, ("<ListMultipartUploadsResult>" + "".join(
            f"<Upload><Key>{quote(u['key'], '/')}</Key><UploadId>{i}"
            "</UploadId></Upload>" for i, u in self.uploads.items()
            if u["key"].startswith(prefix)) +
            "</ListMultipartUploadsResult>").encode()

    def do_other(self, r, key):
        raise Refused(405, "MethodNotAllowed", r.method)

    do_post = do_other


@contextlib.contextmanager
def apart():
    """The URL of one in a process of its own: who touches a mapped page holds
    Python's lock, and a server of the same process could not answer."""
    p = subprocess.Popen([sys.executable, __file__], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield p.stdout.readline().strip()
    finally:
        p.communicate()


def environment(url, bucket=BUCKET, prefix="", key="test",
                secret="secretsecret"):
    """What a daemon needs to use a server."""
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
            "ORRERY_OBJECTS__URL": f"s3://{bucket}" + (
                f"/{prefix}" if prefix else ""),
            "ORRERY_OBJECTS__ENDPOINT": url,
            "AWS_EC2_METADATA_DISABLED": "true"}


if __name__ == "__main__":
    with Standin() as server:
        print(server.url, flush=True)
        sys.stdin.read()
