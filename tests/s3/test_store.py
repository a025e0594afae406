"""The object store in a bucket: where things lie, what they cost, what is left
behind, who is asked for keys."""
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
import standin
from conftest import Stored
from harness import BIN, check, wait_until

SMALL, LARGE = os.urandom(100_000), os.urandom((12 << 20) + 17)


# --- layout and cost ---------------------------------------------------------

def test_sizes(daemon, store):
    for n in (0, 1, (5 << 20) - 1, 5 << 20, (5 << 20) + 1, 10 << 20):
        data = os.urandom(n)
        assert daemon.put(f"f{n}", data)[0] == 200
        status, headers, body = daemon.get(f"f{n}")
        assert status == 200 and body == data
        assert headers["Repr-Digest"] and int(headers["Content-Length"]) == n
        assert store.objects[f"{daemon.home}/f{n}"].data == data
    assert not store.uploads
    assert check_all(daemon) == ""


def check_all(daemon):
    p = subprocess.run([BIN / "orrery", "check", "--data", daemon.data],
                       env=daemon.environment, capture_output=True, text=True)
    return "" if p.returncode == 0 else p.stdout + p.stderr


def test_ranges_and_conditions(daemon):
    assert daemon.put("a.bin", LARGE)[0] == 200
    for first, last in ((0, 0), (7, 1 << 20), (1 << 20, 9 << 20),
                        (len(LARGE) - 1, len(LARGE) - 1)):
        status, headers, body = daemon.get(
            "a.bin", Range=f"bytes={first}-{last}")
        assert status == 206 and body == LARGE[first:last + 1]
    etag = daemon.get("a.bin")[1]["ETag"]
    assert daemon.get("a.bin", **{"If-None-Match": etag})[0] == 304
    assert daemon.get("a.bin", Range=f"bytes={len(LARGE)}-")[0] == 416
    status, headers, body = daemon.request("HEAD", daemon.path("a.bin"))
    assert status == 200 and int(headers["Content-Length"]) == len(LARGE)


def test_what_it_costs(daemon, store):
    store.counts.clear()
    assert daemon.put("a.bin", SMALL)[0] == 200
    assert dict(store.counts) == {"put": 1}
    store.counts.clear()
    assert daemon.get("a.bin")[0] == 200
    assert daemon.request("HEAD", daemon.path("a.bin"))[0] == 200
    assert dict(store.counts) == {"get": 1}
    store.counts.clear()
    assert daemon.put("b.bin", LARGE)[0] == 200
    assert dict(store.counts) == {"head": 1, "create": 1, "part": 3,
                                  "complete": 1}


def test_a_second_version_has_a_key_of_its_own(daemon, store):
    for data in (b"one", b"two"):
        assert daemon.put("a.txt", data)[0] == 200
    assert store.objects[f"{daemon.home}/a.txt"].data == b"one"
    assert len(store.objects) == 2 and daemon.get("a.txt")[2] == b"two"


def test_names(daemon):
    for name in ("a b+c", "é/ü.txt", "100%25", "q%3Fx=1&y", "%27%22%3C%3E"):
        path = urllib.request.quote(name, safe="/%+&=")
        assert daemon.put(path, name.encode())[0] == 200
        assert daemon.get(path)[2] == name.encode()
    assert check_all(daemon) == ""


def test_many_at_once(daemon, store):
    store.delay = 0.01
    failed = []

    def some(i):
        for j in range(5):
            data = os.urandom(50_000)
            if daemon.put("same.bin", data)[0] != 200 or \
                    daemon.put(f"f{i}-{j}", data)[0] != 200 or \
                    daemon.get(f"f{i}-{j}")[2] != data:
                failed.append((i, j))

    threads = [threading.Thread(target=some, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and len(store.objects) == 80
    assert check_all(daemon) == ""


# --- what is left behind -----------------------------------------------------

def half_an_upload(daemon, size=20 << 20):
    host, port = daemon.address.split(":")
    s = socket.create_connection((host, int(port)))
    s.sendall(f"PUT {daemon.path('a.bin')} HTTP/1.1\r\nHost: {daemon.address}"
              f"\r\nContent-Length: {size}\r\n\r\n".encode() +
              bytes(11 << 20))
    return s


def test_a_client_that_goes_away(daemon, store):
    s = half_an_upload(daemon)
    assert wait_until(lambda: store.uploads)
    s.close()
    assert wait_until(lambda: not store.uploads)
    assert not store.objects and daemon.get("a.bin")[0] == 404


def test_a_daemon_that_is_killed(base, store):
    d = Stored(base / "data", store.url).begin()
    home = d.home
    s = half_an_upload(d)
    assert wait_until(lambda: store.uploads)
    d.kill()
    s.close()
    assert store.uploads and not store.objects
    d = Stored(base / "data", store.url)
    d.home = home
    assert not store.uploads, "given up at the next start"
    assert d.get("a.bin")[0] == 404
    assert check_all(d) == ""
    assert d.put("a.bin", LARGE)[0] == 200 and d.get("a.bin")[2] == LARGE
    assert d.stop() == 0


def gc(daemon, age="0s"):
    status, _, text = daemon.request("POST", "/api/gc", {"older_than": age})
    assert status == 200, text
    return json.loads(text)


def test_collecting(daemon, store):
    store.page = 7
    for i in range(30):
        assert daemon.put(f"f{i}", b"x" * i)[0] == 200
    lost = {f"{daemon.home}/lost & found <{i}>" for i in range(20)}
    for key in lost:
        store.objects[key] = standin.Object(b"lost", {})
    gc(daemon)
    assert lost < set(store.objects), "young ones may be about to be named"
    for o in store.objects.values():
        o.mtime -= 7200
    store.counts.clear()
    did = gc(daemon)
    assert did["orphans"] == 20 and not lost & set(store.objects), did
    assert store.counts["remove"] == 1 and not store.counts["delete"]
    assert len(store.objects) == 30 and check_all(daemon) == ""


def test_damage_is_found(daemon, store):
    assert daemon.put("a.bin", LARGE)[0] == 200
    o = store.objects[f"{daemon.home}/a.bin"]
    o.data = o.data[:5000] + b"?" + o.data[5001:]
    assert "SHA-256" in check_all(daemon)


# --- the start ---------------------------------------------------------------

@pytest.mark.parametrize("change,said", [
    ({"ORRERY_OBJECTS__URL": "s3://other"}, "make the bucket"),
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "correct AWS_SECRET_ACCESS_KEY"),
    ({"AWS_ACCESS_KEY_ID": "wrong"}, "correct AWS_ACCESS_KEY_ID"),
    ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not"),
    ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/"},
     "no credentials"),
    ({"ORRERY_OBJECTS__ENDPOINT": "http://127.0.0.1:9"},
     "objects.endpoint is right"),
    ({"ORRERY_OBJECTS__ENDPOINT": "127.0.0.1"}, "write http://HOST:PORT"),
    ({"ORRERY_OBJECTS__DIALECT": "other"}, "none of auto"),
    ({"ORRERY_OBJECTS__PATH_STYLE": "maybe"}, "neither true nor false"),
])
def test_a_start_that_cannot_be(base, store, change, said):
    environment = {**os.environ, **standin.environment(store.url), **change}
    start = time.monotonic()
    p = subprocess.run([BIN / "orrery", "serve", "--data", base / "data",
                        "--listen", "127.0.0.1:0"], env=environment, timeout=20,
                       capture_output=True, text=True)
    assert p.returncode in (1, 2) and said in p.stderr, p.stderr
    assert time.monotonic() - start < 5
    assert "secretsecret" not in p.stderr


@pytest.mark.parametrize("fault", ["hang", "503 SlowDown", "reset-before"])
def test_a_start_that_is_not_answered(base, store, fault):
    store.fail("list", fault, times=100)
    start = time.monotonic()
    p = subprocess.run([BIN / "orrery", "serve", "--data", base / "data",
                        "--listen", "127.0.0.1:0"], timeout=20,
                       env={**os.environ, **standin.environment(store.url)},
                       capture_output=True, text=True)
    assert p.returncode == 1 and store.url.split("//")[1] in p.stderr
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("checksums", [True, False])
def test_what_a_store_can_do_is_tried(base, conditional, checksums):
    with standin.Standin(conditional, checksums) as store:
        with open(base / "log", "w") as log:
            d = Stored(base / "data", store.url, "--log-level", "info",
                       log=log).begin()
        said = (base / "log").read_text()
        assert f"conditional_put={'yes' if conditional else 'no'}" in said
        assert f"checksum={'crc32c' if checksums else 'md5'}" in said
        assert not store.objects, "nothing is left of that"
        store.sums.clear()
        for data in (SMALL, LARGE):
            assert d.put("a.bin", data)[0] == 200
            assert d.get("a.bin")[2] == data
        assert list(store.sums) == ["crc32c" if checksums else "md5"]
        assert d.stop() == 0


@pytest.mark.parametrize("dialect", ["aws", "ceph", "garage", "minio",
                                     "versitygw"])
def test_what_a_store_is_said_to_do(base, dialect):
    with standin.Standin(dialect != "garage") as store:
        d = Stored(base / "data", store.url,
                   ORRERY_OBJECTS__DIALECT=dialect).begin()
        assert not store.counts["put"], "nothing is tried"
        for data in (SMALL, LARGE, SMALL):
            assert d.put("a.bin", data)[0] == 200
            assert d.get("a.bin")[2] == data
        assert d.stop() == 0


def test_the_bucket_in_the_host(base, store):
    d = Stored(base / "data", f"http://store.localhost:{store.port}",
               ORRERY_OBJECTS__DIRECT="true").begin()
    assert d.put("a b".replace(" ", "%20"), LARGE)[0] == 200
    assert d.get("a%20b")[2] == LARGE
    assert store.hosts == {"orrery.store.localhost"}
    assert presigned(d, "a%20b")["url"].startswith(
        f"http://orrery.store.localhost:{store.port}/{d.home}/a%20b?")
    assert d.stop() == 0


def test_over_tls(base):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", base / "key", "-out", base / "cert"], check=True,
        capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(base / "cert", base / "key")
    with standin.Standin(tls=tls) as store:
        d = Stored(base / "data", store.url,
                   AWS_CA_BUNDLE=str(base / "cert")).begin()
        for data in (SMALL, LARGE):
            assert d.put("a.bin", data)[0] == 200
            assert d.get("a.bin")[2] == data
        assert d.stop() == 0
        p = subprocess.run([BIN / "orrery", "serve", "--data", base / "other",
                            "--listen", "127.0.0.1:0"], timeout=20,
                           env={**os.environ,
                                **standin.environment(store.url)},
                           capture_output=True, text=True)
        assert p.returncode == 1 and "certificate" in p.stderr


def test_another_region(base, store):
    store.region = "eu-west-9"
    d = Stored(base / "data", store.url).begin()
    assert d.put("a.bin", SMALL)[0] == 200
    assert d.stop() == 0


def test_another_port(base, store):
    with standin.Standin() as first:
        first.redirect = store.url
        d = Stored(base / "data", first.url).begin()
        assert d.put("a.bin", LARGE)[0] == 200
        assert d.get("a.bin")[2] == LARGE
        assert d.stop() == 0
    assert len(store.objects) == 1


def test_nowhere_else(base, store):
    store.redirect = "http://elsewhere.example:80"
    p = subprocess.run([BIN / "orrery", "serve", "--data", base / "data",
                        "--listen", "127.0.0.1:0"], timeout=20,
                       env={**os.environ, **standin.environment(store.url)},
                       capture_output=True, text=True)
    assert p.returncode == 1 and "elsewhere" in p.stderr


def test_the_file_says_so(base, store):
    (base / "orrery.yaml").write_text(
        "objects:\n  url: s3://orrery/team/a\n"
        f"  endpoint: {store.url}\n  region: us-east-1\n  path_style: true\n")
    d = Stored(base / "data", store.url, "--config", base / "orrery.yaml",
               ORRERY_OBJECTS__URL=None, ORRERY_OBJECTS__ENDPOINT=None).begin()
    assert d.put("a.bin", SMALL)[0] == 200
    assert list(store.objects) == [f"team/a/{d.home}/a.bin"]
    assert d.stop() == 0


# --- keys --------------------------------------------------------------------

NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def write_keys(path, key, secret, token=None):
    path.write_text(f"[default]\naws_access_key_id={key}\n"
                    f"aws_secret_access_key={secret}\n" +
                    (f"aws_session_token={token}\n" if token else ""))


def test_keys_of_a_file_that_is_written_anew(base, store):
    write_keys(base / "keys", "test", "secretsecret")
    d = Stored(base / "data", store.url, **NO_KEYS,
               AWS_SHARED_CREDENTIALS_FILE=str(base / "keys")).begin()
    assert d.put("a.bin", SMALL)[0] == 200
    store.keys["new"], store.tokens["new"] = "newsecret", "a token/+="
    write_keys(base / "keys", "new", "newsecret", "a token/+=".replace(
        " ", ""))
    store.tokens["new"] = "atoken/+="
    store.expired.add("test")
    time.sleep(1.1)
    assert d.put("b.bin", LARGE)[0] == 200
    assert d.stop() == 0


class Giver:
    """STS and the metadata service: keys that live for so many seconds."""

    def __init__(self, store, lives):
        self.store, self.lives, self.n, self.seen = store, lives, 0, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def reply(self, text):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
                self.reply("session")

            def do_GET(self):
                if self.headers["X-aws-ec2-metadata-token"] != "session":
                    self.send_error(401)
                elif self.path.endswith("/"):
                    self.reply("the-role\n")
                else:
                    assert self.path.endswith("/the-role")
                    self.reply(json.dumps({
                        "Code": "Success", "Type": "AWS-HMAC",
                        **dict(zip(("AccessKeyId", "SecretAccessKey", "Token",
                                    "Expiration"), outer.give()))}))

            def do_POST(self):
                form = urllib.request.unquote(self.rfile.read(int(
                    self.headers["Content-Length"])).decode())
                outer.seen.append(form)
                self.reply("<A><Credentials><AccessKeyId>%s</AccessKeyId>"
                           "<SecretAccessKey>%s</SecretAccessKey><SessionToken>"
                           "%s</SessionToken><Expiration>%s</Expiration>"
                           "</Credentials></A>" % outer.give())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def give(self):
        self.n += 1
        key = f"key{self.n}"
        self.store.keys[key], self.store.tokens[key] = "s" + key, "t" + key
        until = datetime.now(timezone.utc) + timedelta(seconds=self.lives)
        return key, "s" + key, "t" + key, until.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_keys_for_a_web_identity(base, store):
    giver = Giver(store, 5)
    (base / "token").write_text("first")
    d = Stored(base / "data", store.url, **NO_KEYS,
               AWS_ROLE_ARN="arn:aws:iam::1:role/r",
               AWS_WEB_IDENTITY_TOKEN_FILE=str(base / "token"),
               AWS_ENDPOINT_URL_STS=giver.url).begin()
    assert "WebIdentityToken=first" in giver.seen[0]
    (base / "token").write_text("second")
    assert wait_until(lambda: giver.n > 1, 6), "renewed before their end"
    assert "WebIdentityToken=second" in giver.seen[1]
    store.expired.add("key1")
    assert d.put("a.bin", SMALL)[0] == 200
    assert d.stop() == 0
    giver.server.shutdown()


def test_keys_of_an_instance(base, store):
    giver = Giver(store, 3600)
    d = Stored(base / "data", store.url, **NO_KEYS, HOME="/nonexistent",
               AWS_EC2_METADATA_DISABLED=None,
               AWS_EC2_METADATA_SERVICE_ENDPOINT=giver.url).begin()
    assert d.put("a.bin", SMALL)[0] == 200 and giver.n == 1
    time.sleep(1.1)
    store.expired.add("key1")
    assert d.put("b.bin", SMALL)[0] == 200, "refused ones are renewed"
    assert d.stop() == 0
    giver.server.shutdown()


# --- links -------------------------------------------------------------------

def presigned(daemon, name):
    status, _, text = daemon.request("GET", daemon.path(name, "presigned"))
    assert status == 200, text
    return json.loads(text)


def fetch(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(
            url, headers=headers)) as answer:
        return answer.read()


def test_links_lead_to_us(daemon, store):
    assert daemon.put("a.bin", LARGE)[0] == 200
    link = presigned(daemon, "a.bin")
    assert link["url"].startswith(daemon.url)
    assert fetch(link["url"], Range="bytes=5-99") == LARGE[5:100]


def test_links_lead_to_the_store(base, store):
    d = Stored(base / "data", store.url, ORRERY_OBJECTS__DIRECT="true").begin()
    for name in ("a.bin", "with%20blank+%C3%A9.bin"):
        assert d.put(name, LARGE)[0] == 200
        link = presigned(d, name)
        assert link["url"].startswith(store.url)
        assert link["file_size"] == len(LARGE)
        assert fetch(link["url"], Range="bytes=5-99") == LARGE[5:100]
        assert "secretsecret" not in link["url"]
        with pytest.raises(urllib.error.HTTPError):
            fetch(link["url"].replace("X-Amz-Expires=3600",
                                      "X-Amz-Expires=7200"))
    assert d.stop() == 0
