"""Spans of traces, as OTLP and as traces.json have them, right and broken."""
import base64
import gzip
import json
import struct
import zlib

NAMES = ["s", "é", "", "predict", "a" * 300]
TYPES = ["LLM", "TOOL", "x"]


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """A message's field of bytes or text, or of 64 fixed bits."""
    if isinstance(value, int):
        return varint(number << 3 | 1) + struct.pack("<Q", value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def attributes(rng):
    """Of MLflow's, whose values are JSON."""
    return [(f"mlflow.{key}", json.dumps(value)) for key, value in (
        ("spanType", rng.choice(TYPES)), ("spanInputs", {"a": rng.random()}),
        ("spanOutputs", [1, "b"]), ("chat.tokenUsage", {
            "input_tokens": 3, "output_tokens": 4, "total_tokens": 7}))
            if rng.random() < 0.5]


def shape(rng):
    """(id, parent's id or "", name, start, end, attributes)"""
    number, start = rng.randrange(1, 8), rng.randrange(1 << 60)
    parent = "%016x" % (number - 1) if number > 1 else ""
    return ("%016x" % number, parent, rng.choice(NAMES), start,
            start + rng.randrange(1 << 40), attributes(rng))


def as_protobuf(trace, span):
    number, parent, name, start, end, more = span
    text = (field(1, trace) + field(2, bytes.fromhex(number)) +
            (field(4, bytes.fromhex(parent)) if parent else b"") +
            field(5, name) + field(7, start) + field(8, end))
    return text + b"".join(field(9, field(1, k) + field(2, field(1, v)))
                           for k, v in more)


def as_json(trace, span):
    number, parent, name, start, end, more = span
    return {"traceId": trace, "spanId": number, "parentSpanId": parent,
            "name": name, "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(end), "attributes": [
                {"key": k, "value": {"stringValue": v}} for k, v in more]}


def spoiled(rng, body):
    """With some bytes changed, or fewer of them."""
    body = bytearray(body)
    for _ in range(rng.randrange(1, 4)):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    return bytes(body[:rng.randrange(len(body) + 1)]
                 if rng.random() < 0.2 else body)


def export(rng, trace):
    """(content type, body) of an export of some spans of a trace."""
    number = trace.removeprefix("tr-")
    made = [shape(rng) for _ in range(rng.choice([0, 1, 1, 2, 5]))]
    if rng.random() < 0.5:
        kind, body = "application/json", json.dumps({"resourceSpans": [{
            "scopeSpans": [{"spans": [as_json(number, s) for s in made]}]}],
        }).encode()
    else:
        kind = "application/x-protobuf"
        body = field(1, field(2, b"".join(
            field(2, as_protobuf(bytes.fromhex(number), s)) for s in made)))
    return kind, spoiled(rng, body) if rng.random() < 0.3 else body


def packed(rng, body):
    return rng.choice([("gzip", gzip.compress(body)),
                       ("deflate", zlib.compress(body)),
                       ("gzip", gzip.compress(body)[:-3])])


def in_file(rng, trace):
    """traces.json: of the schema of MLflow 2, or of 3."""
    def old(span):
        number, parent, name, start, end, more = span
        return {"name": name, "context": {"span_id": "0x" + number,
                                          "trace_id": "0x" + trace},
                "parent_id": "0x" + parent if parent else None,
                "start_time": start, "end_time": end, "status_code": "OK",
                "status_message": "", "attributes": dict(more), "events": []}

    def new(span):
        number, parent, name, start, end, more = span
        text = [base64.b64encode(bytes.fromhex(x)).decode()
                for x in (trace, number, parent)]
        return {"trace_id": text[0], "span_id": text[1],
                "parent_span_id": text[2], "name": name,
                "start_time_unix_nano": start, "end_time_unix_nano": end,
                "attributes": dict(more), "events": [],
                "status": {"code": "STATUS_CODE_OK", "message": ""}}

    one = rng.choice([old, new])
    trace = trace.removeprefix("tr-")
    body = json.dumps({"spans": [one(shape(rng)) for _ in range(
        rng.choice([0, 1, 2, 4]))]}).encode()
    return spoiled(rng, body) if rng.random() < 0.3 else body
