"""Requests of every wrong kind get the right 4xx, in JSON with MLflow's
codes; none is answered 5xx, hurts another request, or makes the daemon grow.
"""
import json
import re
import socket
import threading
import time
import urllib.parse

import pytest

from harness import wait_until

API = "/api/2.0/mlflow/"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
INVALID = "INVALID_PARAMETER_VALUE"
MISSING = "RESOURCE_DOES_NOT_EXIST"


@pytest.fixture(scope="module")
def run(daemon):
    return daemon.run(daemon.experiment("wrong"))


@pytest.fixture(autouse=True)
def unhurt(daemon, run):
    """Whatever a test sent, the next good request is served, at once."""
    yield
    start = time.monotonic()
    assert daemon.call("runs/get", run_id=run["run_id"])
    assert time.monotonic() - start < 5


def raw(daemon, data, seconds=10):
    """Send bytes as they are; what comes back until the connection ends, or
    one whole answer was read."""
    host, port = daemon.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as s:
        s.sendall(data)
        s.settimeout(seconds)
        got = b""
        while True:
            try:
                part = s.recv(65536)
            except (TimeoutError, ConnectionResetError):
                return got
            if not part:
                return got
            got += part
            head, _, body = got.partition(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    if len(body) >= int(line.split(b":")[1]):
                        return got


def answers(text):
    return len(re.findall(rb"^HTTP/1\.1 \d", text, re.M))


def status_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


def wrong(daemon, method, path, body=None, headers=None):
    """The error of a request that must be refused, as (status, code)."""
    status, head, text = daemon.request(method, path, body, headers)
    assert head["Content-Type"].startswith("application/json"), text
    error = json.loads(text)
    assert set(error) >= {"error_code", "message"}, error
    assert error["message"], error
    assert 400 <= status < 500, (status, error)
    return status, error["error_code"], error["message"]


# --- bodies ------------------------------------------------------------------

@pytest.mark.parametrize("body", [
    b"{", b"[]", b"5", b'"x"', b"null", b"true", b'{"run_id":', b"{}x",
    b"{'run_id': 1}", b'{"run_id": "a",}', b"\xef\xbb\xbf{}", b"\xff\xfe",
    b'{"a": "\xff"}', b'{"a": "\\ud800"}', b'{"a": 1e999}', b'{"a": 01}',
    b"[" * 100000, b'{"a":' * 100000,
    b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}", b"\x00", b"{} {}"])
@pytest.mark.parametrize("call", ["runs/log-batch", "runs/search",
                                  "experiments/create"])
def test_malformed(daemon, call, body):
    status, code, _ = wrong(daemon, "POST", API + call, body)
    assert status == 400 and code in ("BAD_REQUEST", INVALID)


@pytest.mark.parametrize("call,body", [
    ("runs/log-batch", b'{"run_id": "x", "run_id": "x"}'),
    ("runs/log-batch", b'{"run_id": "x", "run_uuid": "y"}'),
    ("runs/search", b'{"filter": "", "filter": ""}'),
    ("experiments/create", b'{"name": "a", "name": "b"}'),
    ("experiments/create", b'{"tags": [{"key": "a", "key": "b"}]}')])
def test_duplicate_members(daemon, call, body):
    assert wrong(daemon, "POST", API + call, body)[0] == 400


METRIC = {"key": "k", "value": 1, "timestamp": 1, "step": 1}


@pytest.mark.parametrize("change", [
    {"value": "x"}, {"value": []}, {"value": {}}, {"value": None},
    {"step": 1.5}, {"step": []}, {"step": 2**63}, {"step": "x"},
    {"step": 1e30}, {"timestamp": -1}, {"timestamp": "soon"},
    {"timestamp": None}, {"timestamp": {}}, {"key": ""}, {"key": None},
    {"key": 5}, {"key": "a" * 251}, {"key": "../a"}, {"key": "/a"},
    {"key": "a//b"}, {"key": "a\nb"}, {"key": "."},
    {"run_id": ""}, {"run_id": 5}, {"run_id": []}])
def test_wrong_metric(daemon, run, change):
    body = {"run_id": run["run_id"], **METRIC, **change}
    status, code, _ = wrong(daemon, "POST", API + "runs/log-metric", body)
    assert (status, code) == (400, INVALID)
    run_id = body.pop("run_id")
    status, code, message = wrong(daemon, "POST", API + "runs/log-batch", {
        "run_id": run_id, "metrics": [METRIC, body]})
    assert (status, code) == (400, INVALID)
    if "run_id" not in change:
        assert "metrics[1]" in message
    assert daemon.history(run["run_id"], "k") == []


def test_nul(daemon, run):
    body = {"run_id": run["run_id"], **METRIC, "key": "a\x00b"}
    assert wrong(daemon, "POST", API + "runs/log-metric", body)[0] == 400


def test_bare_numbers(daemon, run):
    """1e999 is refused however it is written; a bare NaN is a number."""
    head = '{"run_id": "%s", "key": "bare", "timestamp": 1, "value": ' % (
        run["run_id"])
    for value in ("1e999", "-1e999", "+1", "0x10", ".5", "1.", "nan"):
        assert wrong(daemon, "POST", API + "runs/log-metric",
                     (head + value + "}").encode())[0] == 400, value
    for value in ("NaN", "Infinity", "-Infinity", '"nan"', "5e-324"):
        status, _, text = daemon.request("POST", API + "runs/log-metric",
                                         (head + value + "}").encode())
        assert status == 200, (value, text)


@pytest.mark.parametrize("call,body", [
    ("runs/log-batch", {"metrics": [5]}),
    ("runs/log-batch", {"metrics": {}}),
    ("runs/log-batch", {"metrics": "x"}),
    ("runs/log-batch", {"params": [{"key": "a", "value": 5}]}),
    ("runs/log-batch", {"params": [{"value": "5"}]}),
    ("runs/log-batch", {"params": [{"key": "d", "value": "1"}] * 2}),
    ("runs/log-batch", {"tags": [{"key": "a" * 251, "value": ""}]}),
    ("runs/log-batch", {"metrics": [METRIC] * 1001}),
    ("runs/log-batch", {"params": [{"key": f"{i}"} for i in range(101)]}),
    ("runs/log-batch", {"tags": [{"key": f"{i}"} for i in range(101)]}),
    ("runs/log-parameter", {"key": "a", "value": []}),
    ("runs/log-parameter", {"value": "a"}),
    ("runs/set-tag", {"key": "..", "value": "a"}),
    ("runs/set-tag", {"key": {}, "value": "a"}),
    ("runs/update", {"status": "DONE"}),
    ("runs/update", {"status": 17}),
    ("runs/update", {"end_time": "later"}),
    ("runs/update", {"status": []}),
    ("runs/delete-tag", {}),
])
def test_wrong_fields(daemon, run, call, body):
    status, code, _ = wrong(daemon, "POST", API + call,
                            {"run_id": run["run_id"], **body})
    assert (status, code) == (400, INVALID)


@pytest.mark.parametrize("call,body", [
    ("experiments/create", {}),
    ("experiments/create", {"name": ""}),
    ("experiments/create", {"name": 5}),
    ("experiments/create", {"name": "x" * 501}),
    ("experiments/create", {"name": "a", "tags": "b"}),
    ("experiments/create", {"name": "a", "artifact_location": 7}),
    ("experiments/create", {"name": "a",
                            "artifact_location": "http://h/;..%2Fx"}),
    ("experiments/create", {"name": "a",
                            "artifact_location": "s3://b/%2E%2E/x"}),
    ("experiments/search", {}),
    ("experiments/search", {"max_results": 0}),
    ("experiments/search", {"max_results": 50001}),
    ("experiments/search", {"max_results": []}),
    ("experiments/search", {"max_results": 1, "view_type": "SOME"}),
    ("experiments/search", {"max_results": 1, "page_token": "x"}),
    ("experiments/search", {"max_results": 1, "filter": "foo = 'x'"}),
    ("experiments/search", {"max_results": 1, "order_by": ["nothing"]}),
    ("experiments/search", {"max_results": 1, "order_by": [5]}),
    ("runs/create", {"start_time": "x"}),
    ("runs/create", {"run_name": 5}),
    ("runs/create", {"experiment_id": "abc"}),
    ("runs/create", {"tags": [{"key": ""}]}),
    ("runs/search", {"experiment_ids": ["abc"]}),
    ("runs/search", {"experiment_ids": "0"}),
    ("runs/search", {"experiment_ids": [0.5]}),
    ("runs/search", {"experiment_ids": ["0"], "max_results": 0}),
    ("runs/search", {"experiment_ids": ["0"], "max_results": 50001}),
    ("runs/search", {"experiment_ids": ["0"], "run_view_type": "X"}),
    ("runs/search", {"experiment_ids": ["0"], "page_token": "?"}),
    ("runs/search", {"experiment_ids": ["0"], "filter": "(" * 70000}),
    ("runs/search", {"experiment_ids": ["0"], "filter": "metrics.a = 'b'"}),
    ("runs/search", {"experiment_ids": ["0"], "filter": "' or 1=1 --"}),
    ("runs/search", {"experiment_ids": ["0"], "order_by": ["metrics"]}),
    ("runs/search", {"experiment_ids": ["0"],
                     "order_by": ["start_time", "start_time DESC"]}),
    ("logged-models/search", {}),
    ("logged-models/search", {"experiment_ids": 5}),
])
def test_wrong_requests(daemon, call, body):
    status, code, _ = wrong(daemon, "POST", API + call, body)
    assert (status, code) == (400, INVALID)


def test_missing_sentence(daemon):
    _, _, message = wrong(daemon, "POST", API + "runs/log-metric", {})
    assert message == ("Missing value for required parameter 'run_id'. See "
                       "the API docs for more information about request "
                       "parameters.")


@pytest.mark.parametrize("call,query", [
    ("experiments/get", {"experiment_id": "987654321"}),
    ("experiments/get-by-name", {"experiment_name": "never made"}),
    ("runs/get", {"run_id": "0" * 32}),
    ("runs/get", {"run_id": "../../etc/passwd"}),
    ("artifacts/list", {"run_id": "0" * 32}),
    ("metrics/get-history", {"run_id": "0" * 32, "metric_key": "m"}),
])
def test_unknown_things(daemon, call, query):
    status, code, _ = wrong(daemon, "GET", API + call + "?" +
                            urllib.parse.urlencode(query))
    assert (status, code) == (404, MISSING)


@pytest.mark.parametrize("call,query", [
    ("experiments/get", {}), ("experiments/get", {"experiment_id": "abc"}),
    ("experiments/get-by-name", {}), ("runs/get", {}),
    ("metrics/get-history", {"run_id": "RUN"}),
    ("metrics/get-history", {"run_id": "RUN", "metric_key": "k",
                             "max_results": "-1"}),
    ("metrics/get-history", {"run_id": "RUN", "metric_key": "k",
                             "page_token": "zz"}),
    ("metrics/get-history-bulk", {"metric_key": "k"}),
    ("metrics/get-history-bulk", {"metric_key": "k",
                                  "run_id": ["a"] * 101}),
    ("metrics/get-history-bulk-interval", {"run_ids": "RUN",
                                           "metric_key": "k",
                                           "start_step": 1}),
    ("metrics/get-history-bulk-interval", {"run_ids": "RUN",
                                           "metric_key": "k",
                                           "max_results": 2501}),
    ("artifacts/list", {"run_id": "RUN", "path": "../x"}),
])
def test_wrong_queries(daemon, run, call, query):
    query = {k: run["run_id"] if v == "RUN" else v for k, v in query.items()}
    status, code, _ = wrong(daemon, "GET", API + call + "?" +
                            urllib.parse.urlencode(query, doseq=True))
    assert (status, code) == (400, INVALID)


def test_unknown_routes(daemon):
    for path in ("/api/2.0/mlflow/runs/nothing", "/api/2.0/", "/nothing",
                 "/api/2.0/mlflow/runs/get/", "/api/9.0/mlflow/runs/get",
                 "/api/2.0/mlflow//runs/get", "/%00", "/..;/"):
        status, code, _ = wrong(daemon, "GET", path)
        assert status in (400, 404), path
        if status == 404:
            assert code == "ENDPOINT_NOT_FOUND", path
    assert wrong(daemon, "PUT", API + "runs/get")[0] == 405
    assert wrong(daemon, "GET", API + "runs/create")[0] == 405
    assert wrong(daemon, "DELETE", API + "runs/search")[0] == 405


def test_body_too_large(daemon):
    body = b'{"experiment_ids": ["' + b"x" * (33 << 20) + b'"]}'
    try:
        assert wrong(daemon, "POST", API + "runs/search", body)[0] == 413
    except OSError:
        pass  # refused while the body was still on its way


# --- artifact paths ----------------------------------------------------------

TRICKS = ["..", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/", "/a",
          "%2e%2e/x", "..%2fx", "a%00b", "a\\b", "..\\x", "%2fetc%2fpasswd",
          "a%2f..%2fb", "%5c", "%2e", "a%0ab/../c"]


@pytest.mark.parametrize("trick", TRICKS)
def test_artifact_tricks(daemon, run, trick):
    base = f"{PROXY}/{run['experiment_id']}/{run['run_id']}/artifacts/"
    for method in ("PUT", "GET", "DELETE"):
        answer = raw(daemon, (
            f"{method} {base}{trick} HTTP/1.1\r\nHost: localhost:"
            f"{daemon.address.rsplit(':')[-1]}\r\nContent-Length: 1\r\n\r\nx"
        ).encode())
        assert status_of(answer) in (400, 404), (method, answer[:300])
        assert b"error_code" in answer
    files = daemon.call("artifacts/list", run_id=run["run_id"])
    assert "files" not in files


@pytest.mark.parametrize("trick", ["%252e%252e/x", "%252e", "a%252fb"])
def test_decoded_once(daemon, run, trick):
    """What is encoded twice names a file with a percent sign, if anything:
    it never leaves its directory."""
    base = f"{PROXY}/{run['experiment_id']}/{run['run_id']}/artifacts/"
    status, _, text = daemon.request("PUT", base + "twice/" + trick, b"x")
    assert status in (200, 400), text
    if status == 200:
        assert daemon.request("GET", base + "twice/" + trick)[2] == b"x"
    daemon.request("DELETE", base + "twice")
    assert "files" not in daemon.call("artifacts/list", run_id=run["run_id"])


@pytest.mark.parametrize("path", [
    "", "/", "/x", "/x/y", "/1/nobody/artifacts/f", "/0/0/0",
    "/etc/passwd", "/%2fetc%2fpasswd", "/artifacts", "/artifacts/artifacts"])
def test_nobodys_paths(daemon, path):
    status, _, text = daemon.request("PUT", PROXY + path, b"x")
    assert status in (400, 404, 405), (path, text)
    status, _, text = daemon.request("GET", PROXY + path + "/..")
    assert status in (400, 404), (path, text)


def test_artifact_conflicts(daemon, run):
    base = f"{PROXY}/{run['experiment_id']}/{run['run_id']}/artifacts"
    try:
        assert daemon.request("PUT", base + "/d/f", b"x")[0] == 200
        assert wrong(daemon, "PUT", base + "/d", b"y")[0] == 400
        assert wrong(daemon, "PUT", base + "/d/f/g", b"y")[0] == 400
        assert wrong(daemon, "GET", base + "/d")[0] == 400
        assert wrong(daemon, "GET", base + "/none")[:2] == (404, MISSING)
        assert wrong(daemon, "PUT", base + "/" + "n" * 300, b"y")[0] in (
            400, 414)
        assert wrong(daemon, "PUT", base + "/n" * 200, b"y")[0] in (400, 414)
        assert wrong(daemon, "PUT", base, b"y")[0] == 400
        assert daemon.request("GET", base + "/d/f")[2] == b"x"
    finally:
        assert daemon.request("DELETE", base + "/d")[0] == 200
    assert daemon.request("DELETE", base + "/d")[0] == 200


def test_broken_uploads(daemon, run):
    """Short bodies leave nothing behind."""
    base = f"{PROXY}/{run['experiment_id']}/{run['run_id']}/artifacts/short"
    host = f"Host: localhost:{daemon.address.rsplit(':')[-1]}\r\n"
    for body in (b"Content-Length: 1000000\r\n\r\n" + b"x" * 5000,
                 b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                 b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"):
        with socket.create_connection(("127.0.0.1", int(
                daemon.address.rsplit(":")[-1]))) as s:
            s.sendall(f"PUT {base} HTTP/1.1\r\n{host}".encode() + body)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(20)
            while s.recv(65536):
                pass
    assert daemon.request("GET", base)[0] == 404
    objects = [p for p in (daemon.data / "objects").rglob("*")
               if p.is_file() and p.stat().st_size in (5, 5000)]
    assert objects == []


# --- framing -----------------------------------------------------------------

def framed(daemon, *lines, body=b""):
    port = daemon.address.rsplit(":")[-1]
    text = "\r\n".join(lines).replace("@", f"Host: localhost:{port}")
    return raw(daemon, text.encode("latin-1") + b"\r\n\r\n" + body)


GET = "GET /health HTTP/1.1"
POST = "POST /api/2.0/mlflow/runs/search HTTP/1.1"


@pytest.mark.parametrize("lines", [
    [POST, "@", "Content-Length: 2", "Transfer-Encoding: chunked"],
    [POST, "@", "Content-Length: 2", "Content-Length: 3"],
    [POST, "@", "Content-Length: +2"], [POST, "@", "Content-Length: -1"],
    [POST, "@", "Content-Length: 0x2"], [POST, "@", "Content-Length: 2, 2"],
    [POST, "@", "Content-Length: 99999999999999999999"],
    [POST, "@", "Transfer-Encoding: gzip"],
    [POST, "@", "Transfer-Encoding: chunked, chunked"],
    [POST, "@", "Transfer-Encoding: xchunked"],
    [POST, "@", "Content-Length : 2"], [POST, "@", "Bad Name: 2"],
    [POST, "@", "A: b", " folded"], [GET, "@", "A: \x00"],
    [GET], [GET, "@", "@"], ["GET /health HTTP/9.9", "@"],
    ["GET  /health HTTP/1.1", "@"], ["GET /health", "@"],
    ["G@T /health HTTP/1.1"], ["GET /he\x01alth HTTP/1.1", "@"],
    [GET, "@", "X" * 70000 + ": 1"],
    ["GET /" + "a" * 20000 + " HTTP/1.1", "@"],
    [GET, "@"] + [f"A{i}: b" for i in range(200)],
    [GET, "Host: evil.example"], [GET, "@", "X-Forwarded-For: 1.2.3.4"],
    [GET, "@", "Origin: http://evil.example"],
])
def test_framing(daemon, lines):
    answer = framed(daemon, *lines, body=b"{}" if lines[0] == POST else b"")
    status = status_of(answer)
    if "Origin" in lines[-1]:
        assert status in (200, 403)
    else:
        assert status is not None and 400 <= status < 500 or status in (
            501, 505), answer[:300]
    assert answers(answer) == 1


@pytest.mark.parametrize("text", [
    b"GET /health HTTP/1.1\nHost: localhost\n\n", b"\x16\x03\x01\x02\x00",
    b"\r\n" * 100, b"\x00" * 1000, b"SSH-2.0-x\r\n\r\n"])
def test_not_http(daemon, text):
    status = status_of(raw(daemon, text, seconds=3))
    assert status is None or 400 <= status < 500


def test_nothing_behind_a_refusal(daemon):
    port = daemon.address.rsplit(":")[-1]
    answer = raw(daemon, (
        f"{POST}\r\nHost: localhost:{port}\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        f"GET /health HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").encode())
    assert answers(answer) == 1
    assert status_of(answer) == 400


# --- the slow and the vanished -----------------------------------------------

def memory(daemon):
    with open(f"/proc/{daemon.pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024


def descriptors(daemon):
    import os
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def test_slow_senders(daemon, run):
    """Hundreds that send a byte now and then cost nobody else anything."""
    port = int(daemon.address.rsplit(":")[-1])
    base = f"{PROXY}/{run['experiment_id']}/{run['run_id']}/artifacts/slow"
    starts = [
        f"POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost:{port}"
        "\r\nContent-Length: 1000\r\n\r\n{",
        f"GET /health HTTP/1.1\r\nHost: localhost:{port}\r\nX-Slow: ",
        f"PUT {base} HTTP/1.1\r\nHost: localhost:{port}\r\n"
        "Content-Length: 100000\r\n\r\nx",
    ]
    before = descriptors(daemon)
    sockets = []
    try:
        for i in range(300):
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(starts[i % 2 if i < 290 else 2].encode())
            sockets.append(s)
        for _ in range(3):
            for s in sockets:
                try:
                    s.sendall(b" ")
                except OSError:
                    pass
            start = time.monotonic()
            for _ in range(20):
                daemon.call("runs/get", run_id=run["run_id"])
            assert time.monotonic() - start < 2
    finally:
        for s in sockets:
            s.close()
    assert wait_until(lambda: descriptors(daemon) <= before + 5, 20)


def test_half_closed(daemon, run):
    """A client that closed its sending side still reads its answer."""
    port = int(daemon.address.rsplit(":")[-1])
    sockets = []
    for _ in range(200):
        s = socket.create_connection(("127.0.0.1", port), timeout=20)
        s.sendall((f"GET {API}runs/get?run_id={run['run_id']} HTTP/1.1\r\n"
                   f"Host: localhost:{port}\r\n\r\n").encode())
        s.shutdown(socket.SHUT_WR)
        sockets.append(s)
    for s in sockets:
        assert status_of(s.recv(65536)) == 200
        s.close()


def test_no_growth(daemon, run):
    """The same wrong requests over and over leave the process as it is."""
    requests = [
        ("runs/log-batch", b"[" * 50000), ("runs/search", b"{" * 9),
        ("runs/log-batch", b'{"metrics": [' + b"{}," * 5000),
        ("runs/log-batch", json.dumps({"run_id": run["run_id"],
                                       "metrics": [METRIC] * 1001}).encode()),
        ("runs/search", json.dumps({"experiment_ids": ["0"],
                                    "filter": "a" * 60000}).encode())]
    bad = []

    def storm(rounds):
        for _ in range(rounds):
            for call, body in requests:
                status = daemon.request("POST", API + call, body)[0]
                if not 400 <= status < 500:
                    bad.append((call, status))

    def storms(rounds):
        threads = [threading.Thread(target=storm, args=(rounds,))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    storms(5)
    before, files = memory(daemon), descriptors(daemon)
    storms(25)
    assert bad == []
    assert memory(daemon) < before + (24 << 20)
    assert descriptors(daemon) <= files + 8
    assert daemon.alive()
