"""A mount with --server: everything but the index goes by HTTP.

Nothing is lost and nothing is doubled, whatever happens to requests, answers,
the mount and the daemon: lines here state neither step nor time, so one that
was taken twice would show.
"""
import base64
import errno
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.parse

import pytest

import far
from far import host  # noqa: F401
from harness import (BIN, Daemon, Mount, Process, have_fuse, unmount,
                     wait_until)
from lossy import DELAY, DOUBLE, LOSE, PASS, SWALLOW, Lossy
from mounting import append, fails, opened, run_id, values
from records import point, record

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
JOURNAL = "0123456789abcdef" * 2


def test_what_is_written_is_read_by_all(host):  # noqa: F811
    host.start()
    run = host.run_dir()
    for i in range(50):
        append(run / "metrics" / "loss", f"{i}\n")
    assert values(run / "metrics" / "loss") == list(range(50))
    assert host.history(run_id(run), "loss") == list(range(50))
    (run / "params" / "lr").write_text("0.1\n")
    (run / "status").write_text("FINISHED\n")
    seen = host.daemon.call("runs/get", run_id=run_id(run))["run"]
    assert seen["info"]["status"] == "FINISHED"
    assert seen["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert not list((host.base / "data" / "journal").glob("?" * 32))


def test_lines_are_seen_within_a_round_trip(host):  # noqa: F811
    host.start()
    run = host.run_dir()
    append(run / "metrics" / "loss", "1\n")
    assert wait_until(lambda: host.history(run_id(run), "loss") == [1.0], 2)


def test_bytes(host):  # noqa: F811
    host.start()
    run, data = host.run_dir(), os.urandom(5 << 20)
    file = run / "artifacts" / "d" / "é b.bin"
    file.parent.mkdir()
    file.write_bytes(data)
    (run / "artifacts" / "empty").touch()
    assert file.read_bytes() == data
    host.mount.stop()
    host.start()
    assert file.read_bytes() == data
    assert (run / "artifacts" / "empty").read_bytes() == b""
    with file.open("ab") as f:
        f.write(b"more")
    assert file.read_bytes() == data + b"more"
    status, _, body = host.daemon.request(
        "GET", f"/get-artifact?run_id={run_id(run)}&path=" +
        urllib.parse.quote("d/é b.bin"))
    assert (status, body) == (200, data + b"more")


def test_sync_remote(host):  # noqa: F811
    host.start("--sync", "remote", "--wait", "1s")
    run = host.run_dir()
    with opened(run / "metrics" / "loss", os.O_WRONLY | os.O_APPEND |
                os.O_CREAT) as fd:
        os.write(fd, b"1\n")
        os.fsync(fd)
        assert host.history(run_id(run), "loss") == [1.0]
        host.away()
        os.write(fd, b"2\n")
        with fails(errno.EIO):
            os.fsync(fd)
        host.back()
        os.fsync(fd)
    assert host.history(run_id(run), "loss") == [1.0, 2.0]


def test_a_full_journal_takes_nothing(host):  # noqa: F811
    host.start("--journal", "1M", "--wait", "3s")
    run, many = host.run_dir(), 1000
    append(run / "metrics" / "loss", "0\n")
    host.flush()
    host.away()
    taken = 1
    with fails(errno.EIO):
        while True:
            append(run / "metrics" / "loss", "".join(
                f"{i}\n" for i in range(taken, taken + many)))
            taken += many
    assert 50 * many < taken < 200 * many
    with fails(errno.EIO):
        host.flush()
    host.back()
    host.flush()
    assert host.history(run_id(run), "loss") == list(range(taken))
    append(run / "metrics" / "loss", f"{taken}\n")
    host.flush()


def test_what_is_refused_is_told(host):  # noqa: F811
    host.start()
    run = host.run_dir()
    append(run / "metrics" / "loss", "1\n")
    host.flush()
    host.away()
    append(run / "metrics" / "loss", "2\n")
    host.daemon = Daemon(host.base / "data")  # at another address
    host.daemon.call("runs/delete", {"run_id": run_id(run)})
    host.daemon.stop()
    host.back()
    with fails(errno.EIO):
        host.flush()
    assert "metrics/loss" in (host.path / ".errors").read_text()


@pytest.mark.parametrize("seed", range(3))
def test_answers_get_lost(host, seed):  # noqa: F811
    weights = {PASS: 45, LOSE: 30, DELAY: 5, SWALLOW: 5, DOUBLE: 15}
    with Lossy(host.listen, seed, weights=weights) as wire:
        host.start("--wait", "60s", url=wire.url)
        run, data = host.run_dir(), os.urandom(300000)
        for i in range(100):
            append(run / "metrics" / "loss", f"{i}\n")
            if i % 10 == 0:
                (run / "params" / f"p{i}").write_text(f"{i}\n")
                (run / "artifacts" / f"a{i}").write_bytes(data + bytes([i]))
        host.flush()
        for i in range(0, 100, 10):
            assert (run / "artifacts" / f"a{i}").read_bytes() == \
                data + bytes([i])
        assert host.mount.stop() == 0
        assert sum(n for (fate, *_), n in wire.hurt.items()
                   if fate in (LOSE, SWALLOW, DOUBLE)) > 20
    host.start()
    assert host.history(run_id(run), "loss") == list(range(100))
    assert len(host.daemon.call("runs/get", run_id=run_id(run))["run"]["data"]
               ["params"]) == 10


def test_a_killed_mount_leaves_its_lines(host):  # noqa: F811
    host.start()
    run = host.run_dir()
    append(run / "metrics" / "loss", "0\n")
    run_of = run_id(run)
    host.flush()
    host.away()
    for i in range(1, 200):
        append(run / "metrics" / "loss", f"{i}\n")
    host.mount.kill()
    unmount(host.base / "mnt")
    left = host.journals()
    assert len(left) == 1
    host.back()
    assert host.history(run_of, "loss") == [0.0]
    host.start()
    assert wait_until(lambda: not left[0].exists())
    assert host.history(run_of, "loss") == list(range(200))
    append(run / "metrics" / "loss", "200\n")
    host.flush()
    assert host.history(run_of, "loss") == list(range(201))


def test_two_mounts_send_their_own(host):  # noqa: F811
    host.start()
    run = host.run_dir()
    other = Mount(host.base / "data", host.base / "mnt2", "--server",
                  host.url, "--cache", host.cache)
    try:
        again = other.path / run.relative_to(host.path)
        for i in range(20):
            append(run / "metrics" / "a", f"{i}\n")
            append(again / "metrics" / "b", f"{i}\n")
        host.flush()
        other.flush()
        assert len(host.journals()) == 2
        other.kill()
    finally:
        other.kill()
        unmount(host.base / "mnt2")
    assert wait_until(lambda: len(host.journals()) == 1)
    assert host.history(run_id(run), "a") == list(range(20))
    assert host.history(run_id(run), "b") == list(range(20))


def test_both_are_killed_while_lines_come(host):  # noqa: F811
    host.start("--wait", "60s")
    run = host.run_dir()
    run_of, done, stop = run_id(run), [], threading.Event()

    def write():
        while not stop.is_set():
            try:
                append(run / "metrics" / "loss", f"{len(done)}\n")
                done.append(1)
            except OSError as e:
                if e.errno not in (errno.ENOTCONN, errno.ECONNABORTED,
                                   errno.ENOENT):
                    raise
                time.sleep(0.01)

    for kill_mount in (False, True, False, True):
        stop.clear()
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(0.3)
        host.away()
        time.sleep(0.2)
        if kill_mount:
            stop.set()
            host.mount.process.kill()
            host.mount.process.wait()
            writer.join()
            unmount(host.base / "mnt")
        host.back()
        if kill_mount:
            host.start("--wait", "60s")
        else:
            time.sleep(0.2)
            stop.set()
            writer.join()
    host.flush()
    assert wait_until(lambda: len(host.journals()) == 1)
    assert len(done) > 100
    got = host.history(run_of, "loss")
    # The last line before a kill may be taken without an answer; it is then
    # written once more, by the writer.
    lost = sorted(set(range(len(done))) - {int(x) for x in got})
    assert lost == []
    assert len(got) - len(done) <= 2


def test_tls(host):  # noqa: F811
    base = host.base
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=here", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", base / "key.pem",
                    "-out", base / "cert.pem"], check=True,
                   capture_output=True)
    (base / "c.yaml").write_text(
        f"tls:\n  cert: {base}/cert.pem\n  key: {base}/key.pem\n")
    host.daemon.stop()
    host.daemon = Daemon(base / "data", "--config", base / "c.yaml")
    url = "https://" + host.daemon.url.split("//")[1]
    trusting = {**os.environ, "SSL_CERT_FILE": str(base / "cert.pem")}
    host.start(url=url, env=trusting)
    run = host.run_dir()
    append(run / "metrics" / "loss", "1\n")
    (run / "artifacts" / "x").write_bytes(b"x" * 3000000)
    assert (run / "artifacts" / "x").read_bytes() == b"x" * 3000000
    host.flush()
    host.mount.stop()
    # whom nobody vouches for is sent nothing
    host.start("--wait", "1s", url=url)
    with fails(errno.EIO):
        (run / "params" / "p").write_text("1")
    assert (run / "artifacts" / "x").read_bytes() == b"x" * 3000000
    with fails(errno.EIO):
        (run / "artifacts" / "new").write_bytes(b"y")
    assert host.mount.stop() == 1  # what it could not store is told
    # nor believed
    for kept in host.cache.glob("*/cache"):
        shutil.rmtree(kept)
    host.start("--wait", "1s", url=url)
    with fails(errno.EIO):
        (run / "artifacts" / "x").read_bytes()
    with fails(errno.EIO):
        (run / "params" / "p").write_text("1")
    assert host.mount.stop() == 1  # what it could not store is told


def test_across_two_hosts(host):  # noqa: F811
    why = far.no_namespaces()
    if why:
        pytest.skip(f"no network namespaces here: {why}")
    host.daemon.stop()
    with far.two_hosts() as (a, b):
        listen = "127.0.0.1:18199"
        host.daemon = Process(a.within(
            [BIN / "orrery", "serve", "--data", host.base / "data",
             "--listen", listen, "--log-level", "warn"]), "ready")
        with a.relay(f"{a.address}:7000", listen), \
                b.relay(listen, f"{a.address}:7000"):
            host.mount = Process(b.within(host.argv(f"http://{listen}")),
                                 "mounted")
            host.path = host.base / "mnt"
            run, data = host.run_dir(), os.urandom(3 << 20)
            for i in range(20):
                append(run / "metrics" / "loss", f"{i}\n")
            (run / "artifacts" / "x").write_bytes(data)
            assert (run / "artifacts" / "x").read_bytes() == data
            host.flush()
            assert values(run / "metrics" / "loss") == list(range(20))
            assert host.mount.stop() == 0
        host.daemon.stop()


# --- what others may send --------------------------------------------------


def post(daemon, body, id=JOURNAL, start=0):
    status, _, text = daemon.request(
        "POST", f"/api/mount/journal?id={id}&from={start}", body)
    return status, json.loads(text)


def test_records_count_once(daemon):
    run = daemon.run()["run_id"]
    lines = [record(JOURNAL, n, run, "m", point(n)) for n in range(1, 8)]

    def send(first, last, start=None):
        status, told = post(daemon, b"".join(lines[first - 1:last]),
                            start=first - 1 if start is None else start)
        assert status == 200, told
        return told["applied"]

    assert send(1, 0) == 0
    assert send(1, 2) == 2
    assert send(1, 2) == 2
    assert send(1, 3) == 3
    assert send(6, 7) == 3  # ahead: nothing is taken
    assert send(5, 5, start=3) == 5  # 4 is gone, the sender says
    assert send(1, 7) == 7
    assert [p["value"] for p in daemon.history(run, "m")] == [1, 2, 3, 5, 6, 7]


def test_hostile_records(daemon):
    run = daemon.run()["run_id"]
    good = record("f" * 32, 1, run, "m", point(1.0))
    torn = record("f" * 32, 3, run, "m", point(1.0))
    for body in (b"x", b"\0" * 100, good[:-1], good + b"x", good + good,
                 good + torn, good[:4] + b"\xff" * 4 + good[8:],
                 bytes([good[0] ^ 1]) + good[1:],
                 record("e" * 32, 1, run, "m", point(1.0)),
                 record("f" * 32, 0, run, "m", point(1.0)),
                 record("f" * 32, 1, run, "m", b"\xff"),
                 record("f" * 32, 1, run, "m", point(1.0)[:-1])):
        status, told = post(daemon, body, "f" * 32)
        assert status == 400 and told["message"], (body, told)
    for id in ("F" * 32, "f" * 31, "f" * 33, "x" * 32, "..%2f" + "f" * 27):
        assert post(daemon, b"", id)[0] == 400
    assert post(daemon, b"", start=-1)[0] == 400
    assert post(daemon, b"", start="x")[0] == 400
    status, _, _ = daemon.request("POST", "/api/mount/journal?id=" + "f" * 32 +
                                  "&from=0", b"x" * ((8 << 20) + 1))
    assert status == 413
    assert post(daemon, b"", "f" * 32) == (200, {
        "applied": 0, "change": post(daemon, b"")[1]["change"]})
    assert daemon.history(run, "m") == []


def test_records_that_nobody_takes(daemon):
    """Each becomes a refusal and harms no other."""
    run = daemon.run()["run_id"]
    status, told = post(daemon, b"".join([
        record("d" * 32, 1, "nobody", "m", point(1.0)),
        record("d" * 32, 2, run, "\0", point(1.0)),
        record("d" * 32, 3, run, "m", point(3.0))]), "d" * 32)
    assert (status, told["applied"]) == (200, 3)
    assert [p["value"] for p in daemon.history(run, "m")] == [3.0]


def objects(daemon, run, name):
    return (f"/api/mount/object/{run['experiment_id']}/{run['run_id']}/"
            f"artifacts/{name}")


def test_objects_by_key(daemon):
    run, data = daemon.run(), os.urandom(100000)
    place = objects(daemon, run, "a.bin")
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    status, _, text = daemon.request("PUT", place, data, {
        "Content-Digest": f"sha-256=:{digest}:"})
    told = json.loads(text)
    assert status == 200 and told["key"] == place.split("object/")[1]
    assert (told["size"], told["sha256"]) == (
        len(data), hashlib.sha256(data).hexdigest())
    # no artifact has it yet
    assert daemon.request("GET", place)[0] == 404
    daemon.request("POST", "/api/mount", {
        "command": "artifact_put", "run_id": run["run_id"], "path": "a.bin",
        **told})
    status, headers, body = daemon.request("GET", place, headers={
        "Range": "bytes=10-19", "If-Match": f'"{told["sha256"]}"'})
    assert (status, body) == (206, data[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{len(data)}"
    assert daemon.request("GET", place, headers={"If-Match": '"x"'})[0] == 412
    # the key is taken: another is given, and what lies there stays
    status, _, text = daemon.request("PUT", place, b"other")
    assert status == 200 and "/generations/" in json.loads(text)["key"]
    assert daemon.request("GET", place)[2] == data


def test_objects_refused(daemon):
    run = daemon.run()
    place = objects(daemon, run, "b.bin")
    status, _, text = daemon.request("PUT", place, b"x", {
        "Content-Digest": "sha-256=:" + "A" * 43 + "=:"})
    assert status == 400, text
    gone = daemon.run()
    daemon.call("runs/delete", {"run_id": gone["run_id"]})
    for method, path, statuses in (
            ("GET", "/api/mount/object/nothing", (404,)),
            ("GET", "/api/mount/object/../../etc/passwd", (400, 404)),
            ("GET", "/api/mount/object/%2e%2e/secret", (400, 404)),
            ("PUT", "/api/mount/object/nothing", (404,)),
            ("PUT", "/api/mount/object/0/nobody/artifacts/x", (404,)),
            ("PUT", "/api/mount/object/0/nobody/generations/x", (404,)),
            ("PUT", "/api/mount/object/" + run["experiment_id"] + "/" +
             run["run_id"] + "/artifacts/../x", (400, 404)),
            ("PUT", objects(daemon, gone, "x"), (400,))):
        status, _, text = daemon.request(method, path, b"x" if method == "PUT"
                                         else None)
        assert status in statuses, (method, path, status, text)
        assert json.loads(text)["message"]
