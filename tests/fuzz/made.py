"""Requests made from the daemon's own description of its routes.

Every route, parameter, field, type and limit comes from /openapi.json. A
valid request is filled from the pool of what answers told before, so that
runs have metrics, versions have aliases and pages have a next one; then it is
spoiled, or not: a field, the text, the head, the path.
"""
import collections
import json
import re
import urllib.parse

import filters
import records
import spans
from wire import Request

# Texts of JSON values that stand where others belong.
HOSTILE = [
    b"null", b"true", b"false", b"0", b"-0", b"-0.0", b"1", b"-1", b"1.5",
    b"1e999", b"-1e999", b"1e-999", b"1e30", b"NaN", b"Infinity", b"-Infinity",
    b"nan", b'"NaN"', b'"Infinity"', b'"-Infinity"', b'"inf"', b'"1e999"',
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
    b"18446744073709551616", b'"9223372036854775807"', b'"-1"', b'"1.5"',
    b"1" + b"0" * 400, b"0." + b"1" * 400, b'"' + b"9" * 400 + b'"', b"1.0",
    b'""', b'" "', b'"\\t"', b'"\\u0000"', b'"a\\u0000b"', b'"a\\nb"',
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\xff\xfe"',
    b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\x7f"',
    '"\u202e\u200b\ufeff"'.encode(), '"e\u0301\u00e9"'.encode(),
    '"\U0010ffff"'.encode(), b'"a\tb"', b'"a\x01b"', b'"\\x41"', b'"\\u12"',
    b'"../"', b'"../../../etc/passwd"', b'"%2e%2e%2f"', b'"%252e%252e"',
    b'"%00"', b'"/etc/passwd"', b'"."', b'".."', b'"a//b"', b'"C:\\\\x"',
    b'"file:///etc/passwd"', b'"runs:/x/y"', b'"models:/m"', b'"s3://"',
    b'"http://127.0.0.1:1/x"', b'"%s%n%d"', b"\"';--\"", b'"%"', b'"TRUE"',
    b'"FALSE"', b'"True"', b'"0"', b'"00"', b"01", b"+1", b".5", b"1.", b"0x1",
    b"'a'", b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b"[5]", b'{"a":1}',
    b'["a","a"]', b"[" * 1000 + b"]" * 1000, b'{"a":' * 500 + b"1" + b"}" * 500,
    b'"' + b"x" * 251 + b'"', b'"' + b"y" * 8001 + b'"',
    b'"' + b"z" * (1 << 20) + b'"', b'"' + "é".encode() * 5000 + b'"', b"",
    b"[1,]", b'{"a"}', b"undefined", b"/**/1", b'"a"b', b"-", b"1e", b'"',
]
# And of texts in paths, queries and heads.
ODD = ["", " ", ".", "..", "../..", "%2e%2e", "%252e", "%00", "%", "%zz", "%2",
       "%2f", "%5c", "a%0ab", "%ff", "%c0%af", "%ed%a0%80", "é", "a b", "+",
       "~", "a" * 300, "b" * 5000, "%41" * 300, "a/../b", "/", "//", "a//b",
       "a%2fb", "a?b", "a#b", "a;b", "a\\b", "a:b", "-1", "0", "1e999", "[]",
       "{}", "null", "true", "1.0", "9223372036854775808", "'", '"', "😀"]
HEADS = [
    ("Content-Type", "text/plain"), ("Content-Type", "application/xml"),
    ("Content-Type", ""), ("Content-Type", "application/json;charset=latin-1"),
    ("Content-Type", "multipart/form-data; boundary=x"),
    ("Content-Encoding", "gzip"), ("Accept", "text/event-stream"),
    ("Accept", "*/*;q=x"), ("Accept-Encoding", "gzip, br;q=0"),
    ("Accept-Encoding", "identity;q=0, *;q=0"), ("Range", "bytes=0-0"),
    ("Range", "bytes=-0"), ("Range", "bytes=5-2"), ("Range", "bytes=0-,1-2"),
    ("Range", "bytes=99999999999999999999-"), ("Range", "lines=1-2"),
    ("Range", "bytes=" + ",".join(f"{i}-{i}" for i in range(500))),
    ("If-Match", "*"), ("If-Match", '"x"'), ("If-Match", 'W/"x", "'),
    ("If-None-Match", "*"), ("If-None-Match", "x" * 5000),
    ("If-Modified-Since", "yesterday"),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("If-Range", '"'), ("Idempotency-Key", ""), ("Idempotency-Key", "é\x01"),
    ("Idempotency-Key", "k" * 500), ("Content-MD5", "x"),
    ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="), ("Digest", "sha-256=x"),
    ("Content-Digest", "sha-256=:AAAA:"), ("Repr-Digest", "md5=:x:, ="),
    ("Expect", "100-continue"), ("Expect", "x"), ("Origin", "http://evil"),
    ("Cookie", "a=" + "b" * 9000), ("X-Request-Id", "y" * 100), ("TE", "x"),
    ("Authorization", "Basic !!"), ("Authorization", "Bearer " + "t" * 9000),
    ("X-MLFLOW-WORKSPACE", "../x"), ("Connection", "close"), ("Via", "1.1 x"),
    ("Upgrade", "h2c"), ("Content-Range", "bytes 0-1/2"),
]
FALSE_METHODS = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "GET", "POST",
                 "TRACE", "get", "M-SEARCH"]
WORDS = {
    "stage": ["Staging", "production", "None", "Archived", "x"],
    "stages": ["Staging", "Production", "None", "Archived"],
    "alias": ["champion", "a", "best_1"],
    "key": ["loss", "val/loss", "k", "a b", "x.y", "mlflow.note.content"],
    "older_than": ["0s", "1d", "30d", "x"],
    "run_name": ["one", "two", "it's"],
    "model_json": ['{"artifact_path": "m", "run_id": "x", "flavors": {}, '
                   '"utc_time_created": "2026-01-01"}', '{"run_id": 5}'],
    "source": ["s3://b/p", "s3://b/q", "runs:/x/m", "dummy-source"],
    "artifact_file_path": ["f", "d/f", "MLmodel"],
    "source_type": ["local", "code"], "schema": ["{}"], "profile": ["{}"],
    "field_name": ["metrics.loss", "creation_timestamp", "name", "tags.k"],
    "digest": ["d1", "d2"], "file": ["b"], "dataset_name": ["set"],
    "dataset_digest": ["d1"],
    "trace_id": [f"tr-{n:032x}" for n in range(1, 30)],
    "assessment_name": ["good", "a b", "é"], "span_id": ["00000000000000cd"],
    "serialization_format": ["JSON_FORMAT"],
    "update_mask": ["rationale", "feedback", "expectation", "metadata",
                    "assessment_name,source", "rationale,feedback.value"],
    "metric_name": ["trace_count", "latency", "total_tokens", "span_count",
                    "assessment_count", "assessment_value"],
    "dimensions": ["trace_name", "trace_status", "span_name", "span_type",
                   "assessment_name", "assessment_value"],
}
SAME = {"experiment_ids": "experiment_id", "run_ids": "run_id",
        "run_uuid": "run_id", "source_run_id": "run_id", "metric_key": "key",
        "model_ids": "model_id", "page_token": "next_page_token",
        "experiment_name": "name", "dataset_name": "name",
        "dataset_digest": "digest", "artifact_directory_path": "path"}
SAME |= {"trace_ids": "trace_id", "request_id": "trace_id",
         "request_ids": "trace_id", "overrides": "assessment_id"}
TIMES = ["2026-01-01T00:00:00Z", "1970-01-01T00:00:00.001Z",
         "2026-02-28T23:59:59.123456789+02:00", "9999-12-31T23:59:59Z"]
DURATIONS = ["0s", "1.5s", "0.000000001s", "3600s", "-1s"]
TOLD = ("feedback", "expectation", "issue")
KEPT = 40  # values of a name


class Raw(bytes):
    """JSON as it is to be sent."""


class Members(list):
    """An object whose members may repeat."""


def write(x):
    """JSON text; unlike json.dumps it writes what is wrong, too."""
    if isinstance(x, Raw):
        return bytes(x)
    if isinstance(x, dict):
        x = Members(x.items())
    if isinstance(x, Members):
        return b"{" + b",".join(write(k) + b":" + write(v)
                                for k, v in x) + b"}"
    if isinstance(x, (list, tuple)):
        return b"[" + b",".join(map(write, x)) + b"]"
    return json.dumps(x).encode()


class Pool:
    """What answers told, by the name of the member that told it. Never what
    is kept apart to be looked at in the end."""

    def __init__(self):
        self.of = collections.defaultdict(
            lambda: collections.deque(maxlen=KEPT))
        self.versions = collections.deque(maxlen=KEPT)
        self.apart, self.numbers = set(), set()

    def free(self, value):
        value = str(value)
        return value not in self.numbers and not any(
            kept in value for kept in self.apart)

    def add(self, name, value):
        if self.free(value) and value not in self.of[name]:
            self.of[name].append(value)

    def learn(self, x, kind, name=None):
        if isinstance(x, dict):
            if isinstance(x.get("name"), str) and isinstance(
                    x.get("version"), str) and self.free(x["name"]):
                self.versions.append((x["name"], x["version"]))
            for key, value in x.items():
                self.learn(value, kind, key)
        elif isinstance(x, list):
            for value in x[:KEPT]:
                self.learn(value, kind, name)
        elif isinstance(x, (str, int)) and name and len(str(x)) < 400:
            self.add(self.place(name, kind), x)

    def place(self, name, kind):
        """Names of different kinds of things are kept apart."""
        name = SAME.get(name, name)
        if name == "name" and kind == "model-versions":
            kind = "registered-models"
        return f"{name} of {kind}" if name == "name" else name

    def take(self, rng, name, kind):
        values = self.of.get(self.place(name, kind))
        return rng.choice(values) if values else None


class Operation:
    def __init__(self, method, path, prefixes, about):
        self.method, self.path, self.prefixes = method.upper(), path, prefixes
        self.about, body = about, about.get("requestBody")
        self.in_path = [p for p in about["parameters"] if p["in"] == "path"]
        self.in_query = [p for p in about["parameters"] if p["in"] == "query"]
        content = body["content"] if body else {}
        self.schema = content.get("application/json", {}).get("schema")
        self.json = "application/json" in content
        self.streams = "application/octet-stream" in content
        self.kind = next((k for k in ("traces", "logged-models", "registered-models",
                                      "model-versions", "experiments")
                          if f"/{k}/" in path + "/"), "runs")
        self.pattern = self.pattern_of()

    @property
    def name(self):
        return f"{self.method} {self.path}"

    def matches(self, request):
        return request.method == self.method and self.pattern.fullmatch(
            request.target.partition("?")[0])

    def pattern_of(self):
        below = self.path.removeprefix(self.prefixes[0] or "")
        below = re.sub(r"\\{\w+\\}", ".+", re.escape(below))
        prefixes = "|".join(re.escape(p or "") for p in self.prefixes)
        return re.compile(f"({prefixes}){below}")


def operations(api):
    return [Operation(method, path, ways.get("x-orrery-prefixes", [None]),
                      about)
            for path, ways in api["paths"].items()
            for method, about in ways.items() if not method.startswith("x-")]


class Maker:
    def __init__(self, rng, api):
        self.rng, self.pool, self.count = rng, Pool(), 0
        self.operations = operations(api)
        self.commands = api["x-orrery-commands"]
        self.pages = collections.deque(maxlen=KEPT)  # what goes on

    # --- values ----------------------------------------------------------

    def text(self, name, op):
        rng = self.rng
        if name in ("filter", "filters", "filter_string1", "filter_string2",
                    "base_filter"):
            return filters.any_filter(rng, op.kind)
        if name in ("order_by", "order_bys"):
            return filters.any_order(rng, op.kind)
        if (name == "path" and "mlflow-artifacts" in op.path
                or "/mount/object/" in op.path):
            return self.artifact()
        known = self.pool.take(rng, name, op.kind)
        if known is not None and rng.random() < 0.8:
            return str(known)
        if name in WORDS:
            return rng.choice(WORDS[name])
        self.count += 1
        return rng.choice([f"n{self.count}", f"n{self.count}", "a/b", "é x"])

    def artifact(self):
        uri = str(self.pool.take(self.rng, "artifact_uri", None) or "")
        below = urllib.parse.urlsplit(uri).path.strip("/")
        trace = self.pool.take(self.rng, "trace_id", None)
        if trace and self.rng.random() < 0.2:
            name = self.rng.choice(["traces.json", "attachments/f"])
            return f"{below.split('/')[0]}/traces/{trace}/artifacts/{name}"
        name = self.rng.choice(["f", "d/f", "d/e/g.txt", "MLmodel", "é b", "d"])
        return f"{below}/{name}" if below else name

    def integer(self, name):
        rng = self.rng
        if name == "max_results":
            return rng.choice([1, 2, 3, 10, 100, 1000])
        if name == "num_parts":
            return rng.choice([1, 2, 3])
        return rng.choice([0, 1, 2, 5, -1, 100, 1 << 40, (1 << 63) - 1,
                           rng.randrange(1 << 41)])

    def value(self, name, schema, op):
        rng, kind = self.rng, schema.get("type")
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if kind == "object":
            return self.object(schema, op)
        if kind == "array":
            n = rng.choice([0, 1, 1, 2, 3])
            if "maxItems" in schema and rng.random() < 0.02:
                n = min(schema["maxItems"] + 1, 2000)
            return [self.value(name, schema["items"], op) for _ in range(n)]
        if kind == "integer":
            return self.integer(name)
        if kind == "number":
            return rng.choice([0, 1, -1.5, 0.1, 1e300, -1e-300, "NaN",
                               "Infinity", 3, rng.random()])
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string" and schema.get("format") == "date-time":
            return rng.choice(TIMES)
        if kind == "string" and schema.get("pattern", "").endswith("s$"):
            return rng.choice(DURATIONS)
        if kind == "string":
            return self.text(name, op)
        return {"a": [1, "b"]}  # anything

    def object(self, schema, op):
        rng, needed = self.rng, schema.get("required", [])
        if "properties" not in schema:
            return {self.text("key", op): self.value(
                "value", schema["additionalProperties"], op)
                for _ in range(rng.randrange(3))}
        made = {name: self.value(name, s, op)
                for name, s in schema["properties"].items()
                if name != "page_token"
                and (name in needed or rng.random() < 0.6)}
        if {"feedback", "expectation"} & made.keys():
            told = rng.choice(["feedback", "expectation", "issue"])
            if told in schema["properties"]:
                made = {k: v for k, v in made.items() if k not in TOLD}
                made[told] = self.value(told, schema["properties"][told], op)
                made.setdefault("assessment_name", "good")
        if {"name", "version"} <= made.keys() and self.pool.versions:
            made["name"], made["version"] = rng.choice(self.pool.versions)
        return made

    # --- requests --------------------------------------------------------

    def body(self, op):
        made = self.object(op.schema, op) if op.schema else {}
        if op.path == "/api/mount":
            command = self.rng.choice(list(self.commands))
            made = {"command": command,
                    **self.object(self.commands[command], op)}
        return made

    def target(self, op, captures, query):
        path = op.path
        prefix = self.rng.choice(op.prefixes)
        if prefix is not None and self.rng.random() < 0.3:
            path = prefix + path.removeprefix(op.prefixes[0])
        for name, value in captures.items():
            path = path.replace("{%s}" % name, value)
        return path + ("?" + "&".join(f"{k}={v}" for k, v in query)
                       if query else "")

    def pairs(self, op):
        made = self.object({"properties": {p["name"]: p["schema"]
                                           for p in op.in_query},
                            "required": [p["name"] for p in op.in_query
                                         if p["required"]]}, op)
        return [(k, urllib.parse.quote(str(one), safe=""))
                for k, v in made.items()
                for one in (v if isinstance(v, list) else [v])]

    def any_operation(self):
        """Fewer of those that take away what the others need."""
        op = self.rng.choice(self.operations)
        away = op.method == "DELETE" or op.path.endswith(("/delete", "/gc"))
        return self.any_operation() if away and self.rng.random() < 0.7 else op

    def valid(self, op):
        """(op, captures, query, tree), to be spoiled or sent."""
        captures = {p["name"]: urllib.parse.quote(
            self.text(p["name"], op).strip("/") or "x") for p in op.in_path}
        return op, captures, self.pairs(op), self.body(op) if op.json else None

    def request(self, made, headers=(), chunks=0):
        op, captures, query, tree = made
        body, headers = None, list(headers)
        if op.json:
            body = write(tree)
            if not any(h[0] == "Content-Type" for h in headers):
                headers.append(("Content-Type", "application/json"))
        elif op.path == "/v1/traces":
            body = self.export(headers)
        elif op.path == "/api/mount/journal":
            query, body = self.lines(query)
        elif op.streams:
            body = self.rng.randbytes(self.rng.choice([0, 1, 100, 70000]))
        return Request(op.method, self.target(op, captures, query), body,
                       headers, chunks)

    def lines(self, query):
        """Records of a journal, some of them spoiled; and what is said of
        them."""
        rng, seq = self.rng, self.rng.choice([0, 0, 1, 5])
        journal = rng.choice(["0", "a"]) * 32
        run = str(self.pool.take(rng, "run_id", None) or "nobody")
        body = b"".join(records.record(
            journal, seq + 1 + n, run, rng.choice(["loss", "m/é", ""]),
            b"".join(records.point(rng.random(), n, rng.choice(
                [None, 0, 1700000000000])) for _ in range(rng.randrange(4))))
            for n in range(rng.randrange(4)))
        if rng.random() < 0.3:
            body = self.spoil_text(body)
        if rng.random() < 0.7:
            query = [("id", journal), ("from", str(seq))]
        return query, body

    def export(self, headers):
        """Spans; appends what heads say of them."""
        trace = str(self.pool.take(self.rng, "trace_id", None) or "")
        if not re.fullmatch("tr-[0-9a-f]{32}", trace):
            trace = self.rng.choice(WORDS["trace_id"])
        experiment = self.pool.take(self.rng, "experiment_id", None) or "0"
        headers.append(("x-mlflow-experiment-id", str(experiment)))
        kind, body = spans.export(self.rng, trace)
        headers.append(("Content-Type", kind))
        if self.rng.random() < 0.3:
            coding, body = spans.packed(self.rng, body)
            headers.append(("Content-Encoding", coding))
        return body

    # --- spoiling --------------------------------------------------------

    def places(self, x):
        """Every (container, key) of a tree."""
        if isinstance(x, dict):
            for key in x:
                yield x, key
                yield from self.places(x[key])
        elif isinstance(x, list) and not isinstance(x, Members):
            for i, value in enumerate(x):
                yield x, i
                yield from self.places(value)

    def spoil_tree(self, tree):
        rng, places = self.rng, list(self.places(tree))
        pick = rng.random()
        if not places or pick < 0.03:
            return Raw(rng.choice(HOSTILE))
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            box, key = rng.choice(places)
            if isinstance(box, dict) and key not in box:
                continue
            if pick < 0.6:
                box[key] = Raw(rng.choice(HOSTILE))
            elif pick < 0.7 and isinstance(box, dict):
                del box[key]
            elif pick < 0.75:
                box[key] = rng.choice([[box[key]], {"a": box[key]}, None])
            elif pick < 0.8 and isinstance(box[key], dict):
                box[key] = Members([*box[key].items(), *box[key].items()])
            elif pick < 0.85 and isinstance(box, dict):
                box[rng.choice(["unknown", "", "a.b", "é"])] = box[key]
            elif (pick < 0.9 and isinstance(box[key], str)
                  and not box[key].isdigit()):
                box[key] = box[key][:rng.randrange(len(box[key]) + 1)] + \
                    rng.choice(ODD) + "\0\ud800"[:rng.randrange(3)]
            else:
                box[key] = self.as_r(box[key])
        if pick > 0.97 and isinstance(tree, dict):
            return Members([*tree.items(), rng.choice([*tree.items()])])
        return tree

    def as_r(self, x):
        """As R sends it: every scalar is a string."""
        if isinstance(x, dict):
            return {k: self.as_r(v) for k, v in x.items()}
        if isinstance(x, list):
            return [self.as_r(v) for v in x]
        if isinstance(x, bool):
            return "TRUE" if x else "FALSE"
        return str(x) if isinstance(x, (int, float)) else x

    def spoil_text(self, body):
        rng, pick = self.rng, self.rng.randrange(8)
        at = rng.randrange(len(body) + 1)
        junk = rng.choice(HOSTILE)
        return [lambda: b"\xef\xbb\xbf" + body, lambda: body + junk,
                lambda: junk, lambda: body[:at],
                lambda: body[:at] + rng.randbytes(1) + body[at + 1:],
                lambda: b"[" * 100000, lambda: json.dumps(
                    body.decode("utf-8", "replace")).encode(),
                lambda: body[:at] + junk + body[at:]][pick]()

    def spoil_query(self, query):
        rng = self.rng
        if query and rng.random() < 0.7:
            at = rng.randrange(len(query))
            name, value = query[at]
            query[at] = (name, rng.choice([*ODD, value + rng.choice(ODD)]))
            if rng.random() < 0.3:
                query.append((name, rng.choice(ODD)))
        else:
            query.append((rng.choice(["x", "", "run_id", "path", "%", "a[]"]),
                          rng.choice(ODD)))
        return [(k, "".join(c for c in v if c not in " #\r\n"))
                for k, v in query]

    def spoil_path(self, target):
        rng = self.rng
        path, _, query = target.partition("?")
        parts = path.split("/")
        at = rng.randrange(1, len(parts))
        odd = "".join(c for c in rng.choice(ODD) if c not in " ?#")
        parts[at] = rng.choice([odd, parts[at] + odd, odd + "/" + parts[at]])
        return "/".join(parts) + ("?" + query if query else "")

    def head(self):
        rng = self.rng
        if rng.random() < 0.3:
            return "Idempotency-Key", f"key{rng.randrange(8)}"
        return rng.choice(HEADS)

    def spoiled(self, made):
        rng, pick = self.rng, self.rng.random()
        op, captures, query, tree = made
        if op.json and pick < 0.55:
            if pick < 0.08:
                return self.request((op, captures, query, self.as_r(tree)))
            return self.request((op, captures, query, self.spoil_tree(tree)))
        if pick < 0.7:
            query = self.spoil_query(query)
        request = self.request((op, captures, query, tree),
                               [self.head()] if pick > 0.8 else [],
                               rng.choice([0, 0, 0, 1, 1000]))
        if request.chunks == 1:
            request.body = request.body and request.body[:2000]
        if request.body is not None and 0.7 < pick < 0.78:
            request.body = self.spoil_text(request.body)
        elif 0.78 <= pick < 0.88:
            request.target = self.spoil_path(request.target)
        elif pick >= 0.95:
            request.method = rng.choice(FALSE_METHODS)
            if rng.random() < 0.3:
                request.body = rng.choice(HOSTILE)
        return request

    def page(self):
        """The next page of a search that had one."""
        op, captures, query, tree, token = self.rng.choice(self.pages)
        if op.json:
            tree = {**tree, "page_token": token}
        else:
            query = [(k, v) for k, v in query if k != "page_token"] + [
                ("page_token", urllib.parse.quote(token))]
        return op, captures, query, tree
