"""Wrong requests about traces: each is refused with the right status and a
sentence that says what is wrong, and never with a 500; what was there stays.
Spans are sent by a small writer of protobuf of our own, so that they can be
broken.
"""
import base64
import gzip
import hashlib
import json
import random
import struct
import zlib

import pytest

V2, V3 = "/api/2.0/mlflow/traces", "/api/3.0/mlflow/traces"
ID = "tr-" + "1234567890abcdef" * 2
OTEL = bytes.fromhex("1234567890abcdef" * 2)
NONE = "tr-" + "0" * 31 + "1"


# --- protobuf ---------------------------------------------------------------

def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """Bytes, text, an integer as a varint, or ("fixed", n)."""
    if isinstance(value, tuple):
        return varint(number << 3 | 1) + struct.pack("<Q", value[1])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(key, value):
    return field(9, field(1, key) + field(2, value))


def span(trace_id=OTEL, span_id=b"\0\0\0\0\0\0\0\1", name="s", parent=b"",
         more=b""):
    return (field(1, trace_id) + field(2, span_id) +
            (field(4, parent) if parent else b"") + field(5, name) +
            field(7, ("fixed", 10**18)) + field(8, ("fixed", 10**18 + 1)) +
            more)


def request(*spans):
    return field(1, field(2, b"".join(field(2, s) for s in spans)))


# --- asking -----------------------------------------------------------------

@pytest.fixture(scope="module")
def experiment(daemon):
    return daemon.experiment("traces")


@pytest.fixture(scope="module")
def trace(daemon, experiment):
    """A trace with one span and one assessment."""
    status, _, body = export(daemon, experiment, request(span()))
    assert (status, body) == (200, b"")
    status, _, body = daemon.request("POST", f"{V3}/{ID}/assessments", {
        "assessment": {"assessment_name": "a", "feedback": {"value": 1}}})
    assert status == 200
    return json.loads(body)["assessment"]["assessment_id"]


def export(daemon, experiment, body, kind="application/x-protobuf", **headers):
    return daemon.request("POST", "/v1/traces", body, {
        "Content-Type": kind, "x-mlflow-experiment-id": experiment,
        **{k.replace("_", "-"): v for k, v in headers.items()}})


def refused(answer, status, *words):
    got, headers, body = answer
    text = body.decode(errors="replace")
    assert got == status, text
    for word in words:
        assert word in text, text
    if headers["Content-Type"] == "application/json":
        error = json.loads(text)
        assert error.get("error_code") or "code" in error
        assert len(error["message"]) > 10


def info(**members):
    return {"trace": {"trace_info": {
        "trace_id": NONE, "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": "1"}}, **members}}}


LONG = "x" * 300

STARTS = [
    ({}, "trace"),
    ({"trace": {}}, "trace"),
    ({"trace": 5}, "trace"),
    ({"trace": {"trace_info": {}}}, "trace.trace_info"),
    (info(trace_id=""), "trace_id"),
    (info(trace_id=5), "trace_id"),
    (info(trace_id=LONG), "trace"),
    (info(trace_location=None), "trace_location"),
    (info(trace_location={"type": "NOWHERE"}), "type"),
    (info(trace_location={"type": "MLFLOW_EXPERIMENT"}), "mlflow_experiment"),
    (info(trace_location={"mlflow_experiment": {"experiment_id": ""}}),
     "experiment_id"),
    (info(request_time=5), "request_time"),
    (info(request_time="yesterday"), "request_time"),
    (info(execution_duration=1.5), "execution_duration"),
    (info(execution_duration="1.5"), "execution_duration"),
    (info(state="FINE"), "state"),
    (info(tags=[]), "tags"),
    (info(tags={"a": 1}), "tags"),
    (info(tags={str(i): "" for i in range(1001)}), "tags"),
    (info(tags={"x" * 300: "v"}), "x"),
    (info(trace_metadata={"a": {}}), "trace_metadata"),
    (info(client_request_id=LONG), "client_request_id"),
    (info(assessments=[{}]), "feedback"),
    (info(assessments=[{"assessment_name": "x",
                        "feedback": {}, "expectation": {"value": 1}}]),
     "Exactly one"),
]


@pytest.mark.parametrize("body,word", STARTS)
def test_start(daemon, experiment, trace, body, word):
    refused(daemon.request("POST", V3, body), 400, word)
    assert daemon.request("GET", f"{V3}/{NONE}")[0] == 404


def test_start_elsewhere(daemon, trace):
    body = info()
    place = body["trace"]["trace_info"]["trace_location"]
    place["mlflow_experiment"]["experiment_id"] = "999"
    refused(daemon.request("POST", V3, body), 404, "999")
    place["mlflow_experiment"]["experiment_id"] = "abc"
    refused(daemon.request("POST", V3, body), 400, "abc")


V2_WRONG = [
    ("POST", V2, {"experiment_id": "999"}, 404),
    ("POST", V2, {"experiment_id": "abc"}, 400),
    ("POST", V2, {"experiment_id": "1", "timestamp_ms": "x"}, 400),
    ("POST", V2, {"experiment_id": "1", "tags": {}}, 400),
    ("POST", V2, {"experiment_id": "1", "tags": [{"value": "x"}]}, 400),
    ("POST", V2, {"experiment_id": "1", "request_metadata": [5]}, 400),
    ("POST", V2, [], 400),
    ("PATCH", f"{V2}/{NONE}", {"status": "OK"}, 404),
    ("PATCH", f"{V2}/{ID}", {"status": "FINE"}, 400),
    ("PATCH", f"{V2}/{ID}", {"timestamp_ms": 1.5}, 400),
    ("GET", f"{V2}/{NONE}/info", None, 404),
    ("GET", f"{V2}", None, 400),
    ("GET", f"{V2}?experiment_ids=abc", None, 400),
    ("GET", f"{V2}?experiment_ids=1&max_results=0", None, 400),
    ("GET", f"{V2}?experiment_ids=1&max_results=501", None, 400),
    ("GET", f"{V2}?experiment_ids=1&max_results=x", None, 400),
    ("GET", f"{V2}?experiment_ids=1&filter=name%20%3D", None, 400),
    ("GET", f"{V2}?experiment_ids=1&filter=%FF", None, 400),
    ("GET", f"{V2}?experiment_ids=1&order_by=nothing", None, 400),
    ("GET", f"{V2}?experiment_ids=1&page_token=garbage", None, 400),
    ("PUT", f"{V2}/{ID}", {}, 405),
    ("DELETE", V2, {}, 405),
]

V3_WRONG = [
    ("GET", f"{V3}/{NONE}", None, 404),
    ("GET", f"{V3}/get", None, 400),
    ("GET", f"{V3}/get?trace_id={NONE}", None, 404),
    ("GET", f"{V3}/get?trace_id={ID}&allow_partial=maybe", None, 400),
    ("GET", f"{V3}/batchGet", None, 400),
    ("POST", f"{V3}/batchGetInfos", {}, 400),
    ("POST", f"{V3}/batchGetInfos", {"trace_ids": "x"}, 400),
    ("POST", f"{V3}/batchGetInfos", {"trace_ids": ["x"] * 501}, 400),
    ("POST", f"{V3}/search", {}, 400),
    ("POST", f"{V3}/search", {"locations": "1"}, 400),
    ("POST", f"{V3}/search", {"locations": [{}]}, 400),
    ("POST", f"{V3}/search", {"locations": [{"mlflow_experiment": {
        "experiment_id": "x"}}]}, 400),
    ("PATCH", f"{V3}/{NONE}/tags", {"key": "a", "value": "b"}, 404),
    ("PATCH", f"{V3}/{ID}/tags", {"value": "b"}, 400),
    ("PATCH", f"{V3}/{ID}/tags", {"key": "", "value": "b"}, 400),
    ("PATCH", f"{V2}/{ID}/tags", {"key": "a", "value": 5}, 400),
    ("DELETE", f"{V2}/{ID}/tags", {"key": "never"}, 404),
    ("DELETE", f"{V2}/{ID}/tags", {}, 400),
    ("POST", f"{V3}/delete-traces", {}, 400),
    ("POST", f"{V2}/delete-traces", {"experiment_id": "1"}, 400),
    ("POST", f"{V2}/delete-traces", {"experiment_id": "999",
                                     "max_timestamp_millis": 5}, 404),
    ("POST", f"{V2}/delete-traces", {"experiment_id": "1",
                                     "max_traces": "x"}, 400),
    ("POST", f"{V2}/delete-traces", {"experiment_id": "1",
                                     "request_ids": ["a"] * 10001}, 400),
    ("POST", f"{V2}/link-to-run", {"run_id": "x"}, 400),
    ("POST", f"{V2}/link-to-run", {"run_id": "0" * 32,
                                   "trace_ids": [ID]}, 404),
    ("POST", f"{V2}/link-prompts", {"trace_id": ID}, 400),
    ("POST", f"{V2}/link-prompts", {"trace_id": ID,
                                    "prompt_versions": [{}]}, 400),
    ("GET", "/api/3.0/mlflow/get-trace-artifact", None, 400),
    ("GET", f"/api/3.0/mlflow/get-trace-artifact?request_id={NONE}", None,
     404),
    ("GET", f"/api/3.0/mlflow/get-trace-artifact?request_id={ID}"
     "&path=nothing", None, 404),
    ("GET", f"/api/3.0/mlflow/get-trace-artifact?request_id={ID}"
     "&path=../../x", None, 400),
]

A = f"{V3}/{ID}/assessments"
GOOD = {"assessment_name": "a", "feedback": {"value": 1}}

ASSESSMENTS_WRONG = [
    ("POST", A, {}, 400),
    ("POST", A, {"assessment": {}}, 400),
    ("POST", A, {"assessment": {"assessment_name": "a"}}, 400),
    ("POST", A, {"assessment": {"feedback": {"value": 1}}}, 400),
    ("POST", A, {"assessment": {**GOOD, "feedback": 5}}, 400),
    ("POST", A, {"assessment": {**GOOD, "assessment_name": LONG}}, 400),
    ("POST", A, {"assessment": {**GOOD, "source": {
        "source_type": "GHOST"}}}, 400),
    ("POST", A, {"assessment": {**GOOD, "create_time": "now"}}, 400),
    ("POST", A, {"assessment": {**GOOD, "metadata": {"a": 1}}}, 400),
    ("POST", A, {"assessment": {**GOOD, "feedback": {
        "value": float("-inf")}}}, 400),
    ("POST", A, {"assessment": {"assessment_name": "a", "expectation": {
        "value": [float("nan")]}}}, 400),
    ("POST", A, {"assessment": {"assessment_name": "a", "expectation": {
        "serialized_value": {"serialization_format": "JSON_FORMAT",
                             "value": "[Infinity]"}}}}, 400),
    ("POST", A, {"assessment": {**GOOD, "overrides": "a-none"}}, 404),
    ("POST", A, {"assessment": {**GOOD, "feedback": {
        "value": "x" * (2 << 20)}}}, 400),
    ("POST", A, {"assessment": {"assessment_name": "a", "expectation": {
        "serialized_value": {"serialization_format": "PICKLE",
                             "value": "x"}}}}, 400),
    ("POST", A, {"assessment": {"assessment_name": "a", "expectation": {
        "serialized_value": {"serialization_format": "JSON_FORMAT",
                             "value": "{"}}}}, 400),
    ("POST", f"{V3}/{NONE}/assessments", {"assessment": GOOD}, 404),
    ("GET", f"{A}/a-none", None, 404),
    ("GET", f"{V3}/{NONE}/assessments/a-none", None, 404),
    ("PATCH", f"{A}/a-none", {"assessment": GOOD,
                              "update_mask": "feedback"}, 404),
    ("PATCH", f"{A}/THE", {"assessment": GOOD}, 400),
    ("PATCH", f"{A}/THE", {"update_mask": "feedback"}, 400),
    ("PATCH", f"{A}/THE", {"assessment": GOOD, "update_mask": "valid"}, 400),
    ("PATCH", f"{A}/THE", {"assessment": {
        "expectation": {"value": 1}}, "update_mask": "expectation"}, 400),
    ("PATCH", f"{A}/THE", {"assessment": GOOD,
                           "update_mask": "expectation,feedback,x"}, 400),
]


def metrics(**members):
    return ("POST", f"{V3}/metrics", {
        "experiment_ids": ["1"], "view_type": "TRACES",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}], **members}, 400)


METRICS_WRONG = [
    metrics(experiment_ids=[]), metrics(experiment_ids=["x"]),
    metrics(view_type="X"), metrics(metric_name="x"),
    metrics(aggregations=[]),
    metrics(aggregations=[{"aggregation_type": "MODE"}]),
    metrics(aggregations=[{"aggregation_type": "PERCENTILE"}]),
    metrics(aggregations=[{"aggregation_type": "COUNT",
                           "percentile_value": 5}]),
    metrics(metric_name="latency", aggregations=[{
        "aggregation_type": "PERCENTILE", "percentile_value": 101}]),
    metrics(dimensions=["x"]), metrics(dimensions=["trace_name"] * 6),
    metrics(filters=["x"]), metrics(time_interval_seconds=60),
    metrics(time_interval_seconds=-1, start_time_ms=0, end_time_ms=1),
    metrics(max_results=0), metrics(max_results=1001),
    ("POST", f"{V3}/calculate-filter-correlation", {
        "experiment_ids": ["1"], "filter_string1": "name = 'a'"}, 400),
    ("POST", f"{V3}/calculate-filter-correlation", {
        "experiment_ids": ["1"], "filter_string1": "name = 'a'",
        "filter_string2": "nonsense = 'b'"}, 400),
]


@pytest.mark.parametrize(
    "method,path,body,status",
    V2_WRONG + V3_WRONG + ASSESSMENTS_WRONG + METRICS_WRONG)
def test_calls(daemon, experiment, trace, method, path, body, status):
    refused(daemon.request(method, path.replace("THE", trace), body), status)


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b"\xff", b'{"a":1}x',
                                  b'{"key":"a","key":"b"}'])
def test_no_json(daemon, trace, body):
    refused(daemon.request("PATCH", f"{V2}/{ID}/tags", body), 400)


# --- OTLP --------------------------------------------------------------------

def by_id(data):
    return {s["span_id"]: s for s in data["spans"]}


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def code(body):
    """The code of a google.rpc.Status, and its message."""
    assert body[0] == 8 and body[2] == 18
    return body[1], body[4 if body[3] < 128 else 5:].decode()


SPANS = [
    (span(trace_id=b"short"), "trace id"),
    (span(trace_id=b""), "trace id"),
    (span(trace_id=bytes(16)), "trace id"),
    (span(span_id=b"short"), "span id"),
    (span(span_id=bytes(8)), "span id"),
    (span(parent=b"x"), "span id"),
    (span(name=b"\xff\xfe"), "UTF-8"),
    (field(1, 5), "trace_id"),
    (span(more=attribute("k", field(1, b"\xff"))), "UTF-8"),
    (b"\xff\xff", "protobuf"),
]


@pytest.mark.parametrize("wrong,word", SPANS)
def test_spans(daemon, experiment, trace, wrong, word):
    good = span(trace_id=b"a" * 16)
    status, headers, body = export(daemon, experiment, request(good, wrong))
    assert status == 400
    assert headers["Content-Type"] == "application/x-protobuf"
    got, message = code(body)
    assert got == 3 and word in message
    # All or nothing.
    assert daemon.request("GET", f"{V3}/tr-{(b'a' * 16).hex()}")[0] == 404


def test_exports(daemon, experiment, trace):
    good = request(span())
    rows = [
        (export(daemon, experiment, b"garbage"), 400),
        (export(daemon, experiment, good[:-3]), 400),
        (export(daemon, experiment, good, kind="text/plain"), 400),
        (export(daemon, experiment, good, kind=""), 400),
        (export(daemon, "", good), 400),
        (export(daemon, "abc", request(span(trace_id=b"b" * 16))), 400),
        (export(daemon, "999", request(span(trace_id=b"b" * 16))), 404),
        (export(daemon, experiment, b"{", kind="application/json"), 400),
        (export(daemon, experiment, b"[]", kind="application/json"), 400),
        (export(daemon, experiment, {"resourceSpans": 5},
                kind="application/json"), 400),
        (export(daemon, experiment, {"resourceSpans": [{"scopeSpans": [{
            "spans": [{"traceId": "xyz"}]}]}]}, kind="application/json"), 400),
        (export(daemon, experiment, good, Content_Encoding="br"), 400),
        (export(daemon, experiment, good, Content_Encoding="gzip"), 400),
        (export(daemon, experiment, gzip.compress(good)[:-9],
                Content_Encoding="gzip"), 400),
        (export(daemon, experiment, request(*[span()] * 10001)), 413),
        (daemon.request("GET", "/v1/traces"), 405),
        (daemon.request("POST", "/v1/metrics", b""), 404),
    ]
    for answer, status in rows:
        assert answer[0] == status, (status, answer[0], answer[2])
        assert len(answer[2]) > 10


def test_exports_that_are_fine(daemon, experiment, trace):
    """At the edge of what is wrong."""
    good = request(span())
    for body, headers in [
            (b"", {}), (request(), {}), (good, {}),
            (gzip.compress(good), {"Content_Encoding": "gzip"}),
            (zlib.compress(good), {"Content_Encoding": "deflate"}),
            (zlib.compress(good)[2:-4], {"Content_Encoding": "deflate"}),
            (good + field(99, "unknown"), {}),
            (request(span(parent=bytes(8))), {})]:
        status, got, body = export(daemon, experiment, body, **headers)
        assert (status, body) == (200, b"")
        assert got["Content-Type"] == "application/x-protobuf"
    status, headers, body = export(daemon, experiment, {
        "resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "ab" * 16, "spanId": "cd" * 8, "name": "json",
            "startTimeUnixNano": "1000000", "endTimeUnixNano": 2000000,
            "attributes": [{"key": "k", "value": {"stringValue": "v"}}]}]}]}]},
        kind="application/json; charset=utf-8")
    assert (status, body) == (200, b"{}")
    assert headers["Content-Type"] == "application/json"
    trace = json.loads(daemon.request(
        "GET", f"{V3}/get?trace_id=tr-{'ab' * 16}")[2])["trace"]
    assert trace["spans"][0]["name"] == "json"
    assert {"key": "k", "value": {"string_value": "v"}} in \
        trace["spans"][0]["attributes"]


def test_spans_of_a_run(daemon, experiment):
    """A header names the run to which the traces belong."""
    run = daemon.run(experiment)["run_id"]
    ids = [bytes([7]) * 15 + bytes([i + 1]) for i in range(101)]
    spans = [span(trace_id=i) for i in ids]
    status, _, body = export(daemon, experiment, request(*spans[:2]),
                             x_mlflow_run_id="0" * 32)
    assert status == 404
    status, _, body = export(daemon, experiment, request(*spans),
                             x_mlflow_run_id=run)
    assert status == 400 and "100" in code(body)[1]
    assert daemon.request("GET", f"{V3}/tr-{ids[0].hex()}")[0] == 404
    assert export(daemon, experiment, request(*spans[:2]),
                  x_mlflow_run_id=run, Idempotency_Key="one")[0] == 200
    status, _, body = daemon.request("POST", f"{V3}/search", {
        "locations": [{"mlflow_experiment": {"experiment_id": experiment}}],
        "filter": f"run_id = '{run}'"})
    found = {t["trace_id"] for t in json.loads(body)["traces"]}
    assert found == {f"tr-{i.hex()}" for i in ids[:2]}


def test_bombs(daemon, experiment):
    """What grows beyond its ceiling is refused before it has grown."""
    with open(f"/proc/{daemon.pid}/status") as f:
        before = int(f.read().split("VmHWM:")[1].split()[0])
    zeros = zlib.compressobj(9, wbits=31)
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(1000))
    bomb += zeros.flush()
    assert len(bomb) < 2 << 20
    status, _, body = export(daemon, experiment, bomb,
                             Content_Encoding="gzip")
    assert status == 413 and b"decompressed" in body
    with open(f"/proc/{daemon.pid}/status") as f:
        after = int(f.read().split("VmHWM:")[1].split()[0])
    assert after - before < 300 << 10


def test_garbage(daemon, experiment, trace):
    """Bytes changed here and there: an answer each time, never a 500."""
    dice = random.Random(7)
    good = request(span(more=attribute("k", field(6, field(1, field(
        1, "a") + field(2, field(3, 5))))) + field(15, field(3, 2))))
    for _ in range(300):
        body = bytearray(good)
        for _ in range(dice.randrange(1, 5)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        assert export(daemon, experiment, bytes(body))[0] in (200, 400)


def test_deep_values(daemon, experiment):
    value = field(1, "bottom")
    for _ in range(2000):
        value = field(5, field(1, value))
    status, _, body = export(daemon, experiment, request(
        span(more=attribute("k", value))))
    assert status == 400 and b"nested" in body


# --- traces.json --------------------------------------------------------------

FILES = [
    (b"", "spans"), (b"{", "line 1"), (b"[]", "JSON object"),
    (b"\xff", "line 1"), (b'{"spans": 5}', "spans"),
    (b'{"spans": [{}]}', "spans[0]"),
    (b'{"spans": [{"name": "a", "start_time": 1}]}', "trace_id"),
    (b'{"spans": [{"name": 5}]}', "spans[0].name"),
]


@pytest.mark.parametrize("body,word", FILES)
def test_file(daemon, experiment, trace, body, word):
    path = (f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/{ID}"
            "/artifacts/traces.json")
    before = daemon.request("GET", path)[2]
    refused(daemon.request("PUT", path, body), 400, "traces.json", word)
    assert daemon.request("GET", path)[2] == before
    refused(daemon.request("PUT", path.replace(ID, NONE), body), 404)


def test_file_of_another_digest(daemon, experiment, trace):
    path = (f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/{ID}"
            "/artifacts/traces.json")
    before = daemon.request("GET", path)[2]
    for name, value in (("Content-MD5", md5(b"other")),
                        ("Content-Digest", f"sha-256=:{sha256(b'other')}:")):
        refused(daemon.request("PUT", path, before, {name: value}), 400)
    for name, value in (("Content-MD5", md5(before)),
                        ("Content-Digest", f"sha-256=:{sha256(before)}:")):
        assert daemon.request("PUT", path, before, {name: value})[0] == 200
    after = daemon.request("GET", path)[2]
    assert by_id(json.loads(after)) == by_id(json.loads(before))


def test_attachments(daemon, experiment, trace):
    base = (f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/{ID}"
            "/artifacts/attachments")
    assert daemon.request("PUT", f"{base}/one", b"bytes")[0] == 200
    assert daemon.request("GET", f"{base}/one")[2] == b"bytes"
    status, headers, body = daemon.request(
        "GET", f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={ID}"
        "&path=one")
    assert (status, body) == (200, b"bytes")
    refused(daemon.request("GET", f"{base}/two"), 404)
    refused(daemon.request("GET", base), 400)
    refused(daemon.request("PUT", f"{base}/../x", b""), 400)


def test_delete_in_steps(daemon):
    """More than one command takes away; no more than was asked for."""
    experiment = daemon.experiment("many")
    spans = [span(trace_id=i.to_bytes(16, "big")) for i in range(1, 901)]
    assert export(daemon, experiment, request(*spans))[0] == 200
    for most, gone in ((850, 850), (None, 50)):
        body = {"experiment_id": experiment, "max_timestamp_millis": 2**52,
                **({"max_traces": most} if most else {})}
        status, _, answer = daemon.request(
            "POST", f"{V2}/delete-traces", body,
            {"Idempotency-Key": f"delete {most}"})
        assert (status, json.loads(answer)) == (200, {"traces_deleted": gone})


def test_nothing_was_harmed(daemon, experiment, trace):
    whole = json.loads(daemon.request(
        "GET", f"{V3}/get?trace_id={ID}")[2])["trace"]
    said = whole["trace_info"]["assessments"]
    assert [a["assessment_id"] for a in said] == [trace]
    assert said[0]["feedback"] == {"value": 1} and said[0]["valid"]


def test_described(daemon):
    """The description of all routes knows the fields."""
    paths = json.loads(daemon.request("GET", "/openapi.json")[2])["paths"]
    post = paths["/api/3.0/mlflow/traces"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    info = body["properties"]["trace"]["properties"]["trace_info"]
    assert info["properties"]["request_time"]["format"] == "date-time"
    assert info["properties"]["tags"]["additionalProperties"] == {
        "type": "string"}
    said = info["properties"]["assessments"]["items"]["properties"]
    assert "value" in said["feedback"]["properties"]
    assert "post" in paths["/v1/traces"]
    assert {"get", "post"} <= set(paths["/api/2.0/mlflow/traces"])
