"""The daemon beside the protocols: starting, figures, changes, a mount's
commands, backups, artifacts by plain HTTP.
"""
import http.client
import json
import os
import socket
import subprocess
import threading

import pytest

from harness import BIN, Daemon, wait_until, workplace

PROXY = "/api/2.0/mlflow-artifacts/artifacts/"


def get(daemon, path):
    status, head, text = daemon.request("GET", path)
    assert status == 200, (path, text)
    return json.loads(text)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def by_socket(daemon, method, path, body=None):
    c = UnixConnection(daemon.data / "orrery.sock")
    c.request(method, path, json.dumps(body) if body is not None else None,
              {"Content-Type": "application/json"})
    r = c.getresponse()
    text = r.read()
    c.close()
    return r.status, text


def mount(daemon, command, **fields):
    status, _, text = daemon.request("POST", "/api/mount",
                                     {"command": command, **fields})
    return status, json.loads(text)


# --- starting and ending -----------------------------------------------------

def test_refuses_to_listen_to_the_world():
    with workplace() as base:
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            p = subprocess.run([BIN / "orrery", "serve", "--data",
                                base / "data", "--listen", address],
                               text=True, capture_output=True, timeout=20)
            assert p.returncode == 1, address
            assert "identity" in p.stderr, address


def test_one_daemon_per_directory(daemon):
    p = subprocess.run([BIN / "orrery", "serve", "--data", daemon.data,
                        "--listen", "127.0.0.1:0"], text=True,
                       capture_output=True, timeout=5)
    assert p.returncode == 1 and p.stderr.strip()
    assert daemon.call("experiments/get", experiment_id="0")


def test_data_that_cannot_be_written():
    with workplace() as base:
        (base / "file").write_text("")
        p = subprocess.run([BIN / "orrery", "serve", "--data",
                            base / "file" / "data", "--listen",
                            "127.0.0.1:0"], text=True, capture_output=True,
                           timeout=5)
        assert p.returncode == 1 and p.stderr.strip()


def test_stops_and_starts_again():
    with workplace() as base:
        d = Daemon(base / "data")
        run = d.run(d.experiment("kept"))["run_id"]
        d.call("runs/log-metric", {"run_id": run, "key": "m", "value": 1,
                                   "timestamp": 5, "step": 3})
        assert d.stop() == 0
        wal = base / "data" / "index.db-wal"
        assert not wal.exists() or wal.stat().st_size == 0
        d = Daemon(base / "data")
        assert [p["step"] for p in d.history(run, "m")] == [3]
        d.kill()
        d = Daemon(base / "data")
        assert [p["step"] for p in d.history(run, "m")] == [3]
        assert d.stop() == 0


def test_the_socket_is_the_owners(daemon):
    mode = (daemon.data / "orrery.sock").stat().st_mode
    assert mode & 0o777 == 0o600
    assert by_socket(daemon, "GET", "/health") == (200, b"OK")


# --- what it tells -----------------------------------------------------------

def test_figures(daemon):
    run = daemon.run()["run_id"]
    daemon.call("runs/log-metric", {"run_id": run, "key": "m", "value": 1,
                                    "timestamp": 5})
    status = get(daemon, "/api/status")
    assert status["content"]["runs"] >= 1
    assert status["content"]["points"] >= 1
    assert status["index"]["change"] > 0 and status["version"]
    _, head, text = daemon.request("GET", "/metrics")
    assert head["Content-Type"].startswith("text/plain")
    names = set()
    for line in text.decode().splitlines():
        if line.startswith("#"):
            assert line.split(" ")[2].startswith("orrery_")
            continue
        name, value = line.rsplit(" ", 1)
        float(value)
        assert name not in names and name.startswith("orrery_")
        names.add(name)
    assert len(names) > 20


def test_openapi(daemon):
    api = get(daemon, "/openapi.json")
    assert api["openapi"].startswith("3.")
    operations = [(p, m) for p, ms in api["paths"].items() for m in ms
                  if not m.startswith("x-")]
    assert ("/api/2.0/mlflow/runs/log-batch", "post") in operations
    assert ("/api/mount", "post") in operations
    assert "run_id" in api["x-orrery-commands"]["run_log"]["properties"]
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if method.startswith("x-"):
                continue
            assert operation["summary"].endswith("."), path
            assert operation["x-orrery-level"] in (
                "none", "guest", "read", "write", "maintain"), path
            body = operation.get("requestBody")
            assert not body or body["x-orrery-limit"] >= 0, path
            assert body or method in ("get", "delete"), path
            declared = {p["name"] for p in operation["parameters"]
                        if p["in"] == "path"}
            used = {part[1:].split("}")[0] for part in path.split("/")
                    if part.startswith("{")}
            assert declared == used, path


def test_health_and_version(daemon):
    for prefix in ("", "/mlflow"):
        assert daemon.request("GET", prefix + "/health")[2] == b"OK"
        version = daemon.request("GET", prefix + "/version")[2].decode()
        assert version.startswith("3.")


# --- changes -----------------------------------------------------------------

def test_changes(daemon):
    start = get(daemon, "/api/changes?since=0")["change"]
    run = daemon.run(name="changed")["run_id"]
    daemon.call("runs/log-batch", {
        "run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "params": [{"key": "p", "value": "1"}]})
    page = get(daemon, f"/api/changes?since={start}")
    assert page["complete"] and page["change"] > start
    things = {(c["thing"], c["name"]) for c in page["changes"]}
    assert ("run", "changed") in things
    assert ("metric", "m") in things and ("param", "p") in things
    again = get(daemon, f"/api/changes?since={page['change']}")
    assert again["changes"] == []
    assert daemon.request("GET", "/api/changes")[0] == 400


def test_event_stream(daemon):
    host, port = daemon.address.rsplit(":", 1)
    c = http.client.HTTPConnection(host, int(port), timeout=10)
    c.request("GET", "/api/changes", headers={"Accept": "text/event-stream"})
    s = c.sock
    r = c.getresponse()
    assert r.status == 200
    assert r.headers["Content-Type"].startswith("text/event-stream")
    seen = []

    def read():
        for line in r:
            if line.startswith(b"data: "):
                seen.append(json.loads(line[6:])["change"])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert wait_until(lambda: len(seen) >= 1)
    daemon.run()
    change = get(daemon, "/api/status")["index"]["change"]
    assert wait_until(lambda: seen[-1] >= change)
    assert seen == sorted(seen)
    s.shutdown(socket.SHUT_RDWR)
    reader.join(10)


# --- a mount's commands ------------------------------------------------------

def test_mount_commands(daemon):
    status, made = mount(daemon, "experiment_create", name="by a mount")
    assert status == 200 and made["change"] > 0
    status, run = mount(daemon, "run_create", dir="r 1",
                        experiment_id=made["experiment_id"])
    assert status == 200 and run["change"] > made["change"]
    status, answer = mount(daemon, "run_log", run_id=run["run_id"],
                           params=[{"key": "p", "value": "1"}])
    assert status == 200, answer
    data = daemon.call("runs/get", run_id=run["run_id"])["run"]["data"]
    assert {"key": "p", "value": "1"} in data["params"]


@pytest.mark.parametrize("body,kind", [
    ({"command": "nothing"}, "invalid"), ({}, "invalid"),
    ({"command": "journal"}, "invalid"), ({"command": "call"}, "invalid"),
    ({"command": 5}, "invalid"), ({"command": "run_create", "dir": 5},
                                  "invalid"),
    ({"command": "run_delete", "run_id": "0" * 32}, "not_found"),
    ({"command": "experiment_create", "name": "Default"}, "exists"),
    ({"command": "artifact_delete", "run_id": "RUN", "path": "no"},
     "not_found"),
])
def test_mount_errors_tell_their_kind(daemon, body, kind):
    body = dict(body)
    if body.get("run_id") == "RUN":
        body["run_id"] = daemon.run()["run_id"]
    status, _, text = daemon.request("POST", "/api/mount", body)
    error = json.loads(text)
    assert 400 <= status < 500 and error["kind"] == kind, error
    assert error["error_code"] and error["message"]


def test_the_same_request_twice(daemon):
    body = {"experiment_id": "0", "run_name": "once"}
    key = {"Idempotency-Key": "key-1"}
    answers = [daemon.request("POST", "/api/2.0/mlflow/runs/create", body, key)
               for _ in range(3)]
    ids = {json.loads(text)["run"]["info"]["run_id"]
           for status, _, text in answers if status == 200}
    assert len(answers) == 3 and len(ids) == 1
    other = dict(body, run_name="another")
    status, _, text = daemon.request("POST", "/api/2.0/mlflow/runs/create",
                                     other, key)
    assert status == 409, text
    status, _, _ = daemon.request("POST", "/api/2.0/mlflow/runs/create", body,
                                  {"Idempotency-Key": "k" * 500})
    assert status == 400


# --- backups -----------------------------------------------------------------

def test_backup(daemon, tmp_path):
    file = tmp_path / "backup.db"
    status, text = by_socket(daemon, "POST", "/api/backup",
                             {"file": str(file)})
    assert status == 200, text
    assert file.stat().st_size > 0
    status, text = by_socket(daemon, "POST", "/api/backup", {"file": "x.db"})
    assert status == 400, text
    status, _, text = daemon.request("POST", "/api/backup",
                                     {"file": str(tmp_path / "other")})
    assert status == 403 and not (tmp_path / "other").exists(), text


# --- artifacts ---------------------------------------------------------------

@pytest.fixture(scope="module")
def base(daemon):
    run = daemon.run(daemon.experiment("artifacts"))
    return f"{PROXY}{run['experiment_id']}/{run['run_id']}/artifacts/"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 5 << 20])
def test_sizes(daemon, base, size):
    data = os.urandom(size)
    assert daemon.request("PUT", f"{base}s{size}", data)[0] == 200
    status, head, text = daemon.request("GET", f"{base}s{size}")
    assert status == 200 and text == data
    assert int(head["Content-Length"]) == size
    assert head["X-Content-Type-Options"] == "nosniff"
    assert head["Content-Disposition"].startswith("attachment")


def test_ranges_and_conditions(daemon, base):
    data = bytes(range(256)) * 1000
    assert daemon.request("PUT", base + "r.bin", data)[0] == 200
    status, head, _ = daemon.request("GET", base + "r.bin")
    tag = head["ETag"]
    status, head, text = daemon.request("GET", base + "r.bin", headers={
        "Range": "bytes=1000-1999"})
    assert status == 206 and text == data[1000:2000]
    assert head["Content-Range"] == f"bytes 1000-1999/{len(data)}"
    status, _, text = daemon.request("GET", base + "r.bin", headers={
        "Range": "bytes=-5"})
    assert status == 206 and text == data[-5:]
    assert daemon.request("GET", base + "r.bin", headers={
        "Range": f"bytes={len(data)}-"})[0] == 416
    assert daemon.request("GET", base + "r.bin", headers={
        "If-None-Match": tag})[0] == 304
    assert daemon.request("PUT", base + "r.bin", b"other")[0] == 200
    status, head, text = daemon.request("GET", base + "r.bin", headers={
        "If-None-Match": tag})
    assert status == 200 and text == b"other" and head["ETag"] != tag


def test_chunked_upload(daemon, base):
    host, port = daemon.address.rsplit(":", 1)
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    parts = [os.urandom(1 + i * 7919 % 100000) for i in range(40)]
    c.request("PUT", base + "chunked", iter(parts), encode_chunked=True,
              headers={"Transfer-Encoding": "chunked"})
    r = c.getresponse()
    assert r.status == 200, r.read()
    c.close()
    assert daemon.request("GET", base + "chunked")[2] == b"".join(parts)


def test_listing_and_get_artifact(daemon, base):
    run = base.split("/")[-3]
    assert daemon.request("PUT", base + "l/a%20b.json", b"{}")[0] == 200
    assert daemon.request("PUT", base + "l/m/x", b"123")[0] == 200
    root = base[len(PROXY):].rstrip("/")
    listed = get(daemon, f"/api/2.0/mlflow-artifacts/artifacts?path={root}/l")
    assert listed == {"files": [
        {"path": "a b.json", "is_dir": False, "file_size": 2},
        {"path": "m", "is_dir": True}]}
    for nothing in (f"{root}/none", f"{root}/l/m/x", "", "7", "7/x"):
        assert get(daemon, "/api/2.0/mlflow-artifacts/artifacts?path=" +
                   nothing) == {}
    listed = daemon.call(f"artifacts/list?run_id={run}&path=l")
    assert listed["root_uri"] == f"mlflow-artifacts:/{root}"
    assert [f["path"] for f in listed["files"]] == ["l/a b.json", "l/m"]
    status, head, text = daemon.request(
        "GET", f"/get-artifact?run_id={run}&path=l/a%20b.json")
    assert (status, text) == (200, b"{}")
    assert head["Content-Type"] == "application/json"
    assert daemon.request("DELETE", base + "l")[0] == 200
    assert daemon.request("GET", base + "l/m/x")[0] == 404


def test_uploads_together(daemon, base):
    """Many at a time, several to one name: the last whole one stays."""
    bodies = {i: os.urandom(200000 + i) for i in range(12)}
    results = []

    def put(i, name):
        results.append(daemon.request("PUT", base + name, bodies[i])[0])

    threads = [threading.Thread(target=put, args=(i, name))
               for i in bodies for name in (f"p{i}", "same")]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(results) <= {200, 503}
    assert results.count(200) >= 12
    stored = daemon.request("GET", base + "same")[2]
    assert stored in bodies.values()


def test_experiment_with_its_own_place(daemon):
    x = daemon.call("experiments/create", {
        "name": "elsewhere",
        "artifact_location": "mlflow-artifacts:/my/own/place"})
    run = daemon.run(x["experiment_id"])
    assert run["artifact_uri"] == (
        f"mlflow-artifacts:/my/own/place/{run['run_id']}/artifacts")
    path = f"{PROXY}my/own/place/{run['run_id']}/artifacts/f"
    assert daemon.request("PUT", path, b"x")[0] == 200
    assert daemon.request("GET", path)[2] == b"x"
    wrong = f"{PROXY}{x['experiment_id']}/{run['run_id']}/artifacts/f"
    assert daemon.request("PUT", wrong, b"y")[0] == 404


def test_deleted_run_takes_nothing(daemon):
    run = daemon.run()
    daemon.call("runs/delete", {"run_id": run["run_id"]})
    path = f"{PROXY}0/{run['run_id']}/artifacts/f"
    status, _, text = daemon.request("PUT", path, b"x")
    assert status == 400 and b"active" in text
