"""The S3 server that all mounts of a comparison share: versitygw with its
files on tmpfs, behind bench-proxy, which counts, delays and narrows."""
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import urllib.parse
import zlib
from base64 import b64encode
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "s3"))
import referee  # noqa: E402

KEY, SECRET, REGION = "test", "secretsecret", "us-east-1"
OURS, PEERS = "orrery", "peers"  # the buckets


class Proxy:
    """bench-proxy before a server; url is where clients go."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            [BUILD / "tools" / "bench" / "bench-proxy", str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"

    def tell(self, line=""):
        """Counts since the last time, as a dictionary."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def requests(self):
        return sum(n for k, n in self.tell().items() if k.isupper())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def scratch():
    """Where files are memory, so that no disk is measured."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Bucket:
    """server.url for clients; server.files(...) looks behind its back."""

    def __init__(self, url, directory):
        self.directory = Path(directory)
        self.origin = url
        self.proxy = Proxy(int(url.rsplit(":", 1)[1]))
        self.url = self.proxy.url

    def sign(self, method, path, seconds=86400, **headers):
        """A link to path on the proxy; of headers only those given count."""
        now = datetime.datetime.now(datetime.timezone.utc)
        date = now.strftime("%Y%m%dT%H%M%SZ")
        headers = sorted({"host": self.url[7:], **headers}.items())
        signed = ";".join(name for name, _ in headers)
        scope = f"{date[:8]}/{REGION}/s3/aws4_request"
        target, _, given = path.partition("?")
        query = dict(urllib.parse.parse_qsl(given, keep_blank_values=True))
        query.update({"X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                      "X-Amz-Credential": f"{KEY}/{scope}",
                      "X-Amz-Date": date, "X-Amz-Expires": str(seconds),
                      "X-Amz-SignedHeaders": signed})
        text = "&".join(f"{k}={urllib.parse.quote(v, safe='-._~')}"
                        for k, v in sorted(query.items()))
        canonical = "\n".join([method, target, text, *(
            f"{name}:{value}" for name, value in headers), "", signed,
            "UNSIGNED-PAYLOAD"])
        signature = ("AWS4" + SECRET).encode()
        for part in (date[:8], REGION, "s3", "aws4_request", "\n".join([
                "AWS4-HMAC-SHA256", date, scope,
                hashlib.sha256(canonical.encode()).hexdigest()])):
            signature = hmac.new(signature, part.encode(),
                                 hashlib.sha256).digest()
        return f"{target}?{text}&X-Amz-Signature={signature.hex()}"

    def put(self, connection, path, data):
        """With a checksum: mountpoint lists no object that has none."""
        crc = b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        headers = {"x-amz-checksum-crc32": crc}
        connection.request("PUT", self.sign("PUT", path, **headers), data,
                           headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError(f"PUT {path}: {answer.status} {text[:200]}")

    def connect(self):
        return http.client.HTTPConnection(self.url[7:], timeout=600)

    def repeat(self, bucket, pattern, like, count):
        """count objects that are copies of one, made behind the server: an
        object is a file there, its metadata are extended attributes."""
        origin = self.directory / bucket / like
        data = origin.read_bytes()
        marks = [(n, os.getxattr(origin, n)) for n in os.listxattr(origin)]
        (self.directory / bucket / pattern).parent.mkdir(parents=True,
                                                         exist_ok=True)
        for i in range(count):
            path = self.directory / bucket / pattern.format(i)
            path.write_bytes(data)
            for name, value in marks:
                os.setxattr(path, name, value)

    def there(self, bucket, below, size):
        """How many objects of a size lie below a prefix."""
        found = 0
        for at, _, names in os.walk(self.directory / bucket / below):
            for name in names:
                with contextlib.suppress(OSError):
                    found += os.stat(os.path.join(at, name)).st_size == size
        return found


@contextlib.contextmanager
def bucket():
    from harness import workplace
    argv0, why = referee.program(os.environ.get("ORRERY_TEST_BUILD",
                                                ROOT / "build-test"))
    if not argv0:
        raise SystemExit(why)
    with workplace(scratch()) as base:
        with referee.versitygw(argv0, base, (OURS, PEERS)) as url:
            b = Bucket(url, base)
            try:
                yield b
            finally:
                b.proxy.stop()
