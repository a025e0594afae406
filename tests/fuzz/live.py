#!/usr/bin/env python3
"""Fuzzes a running daemon: all routes, all fields, from its own tables.

live.py [--seconds N] [--requests N] [--seed S] [--url URL]

Without a URL a daemon of ORRERY_BIN (build/ unless set; a build with
sanitizers is best) is started on a fresh directory. Of every answer is asked:
no 5xx but 501, 503 and 507; strict JSON; an error says what is wrong, without
a path of this machine; within five seconds. What was acknowledged reads back,
also after a restart; in the end the daemon is alive and no larger, and `orrery
check` finds nothing. What fails is made as small as can be and printed as a
line for the shell. Status 1 if anything failed.
"""
import argparse
import collections
import json
import os
import random
import re
import sys
import threading
import time
import urllib.parse
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent),
                str(Path(__file__).resolve().parent.parent)]

import made  # noqa: E402
import spans  # noqa: E402
from harness import ROOT, Daemon, check, workplace  # noqa: E402
from kept import Kept  # noqa: E402
from wire import Answer, Connection, Gone, Request  # noqa: E402

VIEW = "/mlflow/group/fuzzed/tracking"  # where a daemon has that project
SLOW = 5  # seconds
TIMEOUT = 60
GROWTH = 400 << 20  # bytes, of a daemon without sanitizers
FAILURES_MAX = 20
SANITIZERS = ("AddressSanitizer", "runtime error:", "LeakSanitizer",
              "Assertion", "ThreadSanitizer")
# Whatever lies in a file; traces.json is Python's JSON, which has NaN.
A_FILE = re.compile("mlflow-artifacts/artifacts/|get-(trace-)?artifact")
REVEALING = ("sqlite", "SELECT ", "UPDATE ", "INSERT ", ".c:", str(ROOT))


class Dead(Exception):
    """The daemon answers nobody."""


def judge(request, answer, secrets=()):
    """What is wrong with an answer, or None."""
    if answer.status >= 500 and answer.status not in (501, 503, 507):
        return f"status {answer.status}: {answer.body[:500]!r}"
    is_json = answer.headers.get("content-type", "").startswith(
        "application/json")
    if not answer.body:
        return None
    if answer.headers.get("content-type") == "application/x-protobuf":
        return None
    if answer.status >= 400 and not is_json:
        return f"status {answer.status} without JSON: {answer.body[:200]!r}"
    if not is_json:
        return None
    if answer.status < 400 and A_FILE.search(request.target):
        return None
    try:
        told = answer.json()
    except (ValueError, RecursionError) as e:
        return f"not JSON ({e}): {answer.body[:500]!r}"
    if answer.status < 400:
        return None
    if "/v1/" in request.target and isinstance(told.get("code"), int):
        told["error_code"] = str(told["code"])  # a google.rpc.Status
    if not isinstance(told.get("error_code"), str) or not told["error_code"]:
        return f"an error without a code: {told}"
    if not isinstance(told.get("message"), str) or not told["message"].strip():
        return f"an error without a message: {told}"
    sent = urllib.parse.unquote(request.target) + repr(request.body)
    for secret in (*REVEALING, *secrets):
        if secret in told["message"] and secret not in sent:
            return f"the message tells {secret!r}: {told['message'][:500]}"
    return None


class Fuzz:
    def __init__(self, url, seed, secrets=()):
        self.url, self.seed, self.secrets = url, seed, secrets
        self.rng = random.Random(seed)
        self.address = url.split("//")[1]
        self.wire = Connection(self.address, TIMEOUT)
        api = self.send(Request("GET", "/openapi.json")).json()
        self.made = made.Maker(self.rng, api)
        self.sent, self.failures, self.grown = 0, [], 0
        self.last = collections.deque(maxlen=8)
        self.statuses, self.reached = {}, set()
        self.kept = Kept(self)

    # --- sending and judging ---------------------------------------------

    def send(self, request, wire=None):
        start = time.monotonic()
        answer = (wire or self.wire).send(request)
        answer.seconds = time.monotonic() - start
        return answer

    def wrong(self, request, wire=None):
        """(what is wrong or None, answer); slow is what is slow twice."""
        try:
            answer = self.send(request, wire)
            if answer.seconds > SLOW:
                answer = self.send(request, wire)
        except Gone as e:
            return f"no answer: {e}", Answer(0, {}, b"")
        if answer.seconds > SLOW:
            return f"{answer.seconds:.1f} s", answer
        return judge(request, answer, self.secrets), answer

    def ask(self, request):
        self.last.append(request)
        why, answer = self.wrong(request)
        if answer.status == 200 and not why:
            self.reached |= {op.name for op in self.made.operations
                             if op.matches(request)}
        self.sent += 1
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if why:
            self.fail(why, request)
        return answer

    def fail(self, why, request=None):
        if len(self.failures) >= FAILURES_MAX:
            return
        self.alive()
        line = ""
        if request:
            small = self.smaller(request)
            why, line = self.wrong(small)[0] or why, small.curl(self.url)
        self.failures.append(why)
        print(f"FAILED (seed {self.seed}, request {self.sent}): {why}\n"
              f"    {line[:4000]}", flush=True)

    def alive(self):
        try:
            Connection(self.address, TIMEOUT).send(Request("GET", "/health"))
        except Gone:
            raise Dead("the last requests were:\n" + "\n".join(
                r.curl(self.url)[:3000] for r in self.last)) from None

    def smaller(self, request):
        """The least part of a request that still fails."""
        end = time.monotonic() + 20
        again = True
        while again and time.monotonic() < end:
            again = False
            for less in lesser(request):
                if time.monotonic() > end:
                    break
                if self.wrong(less)[0]:
                    request, again = less, True
                    break
        return request

    # --- what is done ----------------------------------------------------

    def learn(self, op, answer, valid):
        if not answer.body or answer.status != 200 or not answer.headers.get(
                "content-type", "").startswith("application/json"):
            return
        if "mlflow-artifacts/artifacts/" in op.path or op.path in (
                "/openapi.json", "/api/status", "/get-artifact") or (
                op.path.endswith("/get-trace-artifact")):
            return
        told = answer.json()
        self.made.pool.learn(told, op.kind)
        if valid and isinstance(valid[3], dict):
            self.made.pool.learn(valid[3], op.kind)
        if valid and "next_page_token" in told:
            self.made.pages.append((*valid, told["next_page_token"]))

    def one_valid(self):
        valid = self.made.valid(self.made.any_operation())
        answer = self.ask(self.made.request(valid))
        self.learn(valid[0], answer, valid)
        if answer.status == 200 and valid[0].method == "POST":
            self.kept.echo(valid[0], valid[3])

    def one_spoiled(self):
        valid = self.made.valid(self.made.any_operation())
        request = self.made.spoiled(valid)
        answer = self.ask(request)
        if request.method == valid[0].method:
            self.learn(valid[0], answer, None)

    def one_page(self):
        if not self.made.pages:
            return
        page = self.made.page()
        request = (self.made.spoiled(page) if self.rng.random() < 0.3
                   else self.made.request(page))
        self.learn(page[0], self.ask(request), page)

    def one_link(self):
        """A signed link, as it is or spoiled."""
        url = self.made.pool.take(self.rng, "url", None)
        if not url:
            return
        target = urllib.parse.urlsplit(str(url))
        target = f"{target.path}?{target.query}"
        if self.rng.random() < 0.3:
            target = self.made.spoil_path(target)
        elif self.rng.random() < 0.3:
            at = self.rng.randrange(len(target))
            target = target[:at] + self.rng.choice("0aZ%&=") + target[at + 1:]
        part = "/mpu/" in target
        self.ask(Request("PUT" if part else "GET", target,
                         b"x" * 100 if part else None,
                         [self.made.head()] if self.rng.random() < 0.5
                         else []))

    def one_upload(self):
        """An artifact in parts, with a step left out, doubled or changed."""
        rng, path = self.rng, self.made.artifact()
        where, _, name = path.rpartition("/")
        where = urllib.parse.quote(where)
        head = [("Content-Type", "application/json")]
        mpu = "/api/2.0/mlflow-artifacts/mpu/"
        answer = self.ask(Request("POST", f"{mpu}create/{where}", made.write(
            {"path": name, "num_parts": rng.choice([1, 2, 3])}), head))
        if answer.status != 200:
            return
        told, parts = answer.json(), []
        for part in told["credentials"]:
            url = urllib.parse.urlsplit(part["url"])
            put = self.ask(Request("PUT", f"{url.path}?{url.query}",
                                   rng.randbytes(rng.choice([0, 5, 70000]))))
            if rng.random() < 0.9:
                parts.append({"part_number": part["part_number"],
                              "etag": put.headers.get("etag", ""),
                              "url": part["url"]})
        done = {"path": name, "upload_id": told["upload_id"], "parts": parts}
        for _ in range(rng.randrange(1, 4)):
            if rng.random() < 0.4:
                done = self.made.spoil_tree(done)
            verb = rng.choice(["complete", "complete", "abort"])
            self.ask(Request("POST", f"{mpu}{verb}/{where}", made.write(done),
                             head))
            if not isinstance(done, dict):
                break

    def one_burst(self):
        """Several at once: the same, and different ones."""
        same = self.made.request(
            self.made.valid(self.made.any_operation()),
            [("Idempotency-Key", f"burst{self.rng.randrange(4)}")])
        work = [[self.rng.choice([same, self.made.spoiled(self.made.valid(
            self.made.any_operation()))]) for _ in range(5)]
            for _ in range(6)]
        found = []

        def run(requests):
            wire = Connection(self.address, TIMEOUT)
            for request in requests:
                found.append((self.wrong(request, wire)[0], request))
            wire.close()

        threads = [threading.Thread(target=run, args=(w,)) for w in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.sent += len(found)
        self.last.extend(request for _, request in found[-8:])
        for why, request in found:
            if why:
                self.fail(why, request)

    def one_trace(self):
        """A trace that is there, its file of spans, and what is said of it."""
        rng, pool = self.rng, self.made.pool
        experiment = str(pool.take(rng, "experiment_id", None) or "0")
        trace = rng.choice(made.WORDS["trace_id"])
        head = [("Content-Type", "application/json")]
        api = rng.choice(["/api/3.0", "/ajax-api/3.0", f"{VIEW}/api/3.0"])
        if api.startswith(VIEW):  # the project's own
            experiment, trace = "0", trace.replace("tr-0", "tr-7")
        place = {"mlflow_experiment": {"experiment_id": experiment}}
        info = {"trace_id": trace, "trace_location": place, "tags": {"k": "v"}}
        answer = self.ask(Request("POST", f"{api}/mlflow/traces", made.write(
            {"trace": {"trace_info": info}}), head))
        if answer.status != 200:
            return
        told = answer.json()["trace"]["trace_info"]
        experiment = told["trace_location"]["mlflow_experiment"][
            "experiment_id"]
        pool.add("trace_id", trace)
        path = (f"{api.rpartition('/')[0]}/2.0/mlflow-artifacts/artifacts/"
                f"{experiment}/traces/{trace}/artifacts/")
        for name, body in (("traces.json", spans.in_file(rng, trace)),
                           ("attachments/f", b"bytes")):
            self.ask(Request("PUT", path + name, body))
            self.ask(Request("GET", path + name))
        counted = {"experiment_ids": [experiment], "view_type": "TRACES",
                   "metric_name": "trace_count",
                   "aggregations": [{"aggregation_type": "COUNT"}]}
        tag = f"{api}/mlflow/traces/{trace}/tags"
        for request in (
                Request("POST", f"{api}/mlflow/traces/metrics",
                        made.write(counted), head),
                Request("DELETE", tag, b'{"key": "k"}', head),
                Request("GET", f"{api}/mlflow/get-trace-artifact?request_id="
                        f"{trace}&path=f")):
            self.ask(request)
        answer = self.ask(Request(
            "POST", f"{api}/mlflow/traces/{trace}/assessments", made.write(
                {"assessment": {"assessment_name": "good",
                                "feedback": {"value": rng.random()}}}), head))
        if answer.status != 200:
            return
        number = answer.json()["assessment"]["assessment_id"]
        where = f"{api}/mlflow/traces/{trace}/assessments/{number}"
        said = made.write({"assessment": {"rationale": "r"},
                           "update_mask": "rationale"})
        for request in (Request("GET", where),
                        Request("PATCH", where, said, head),
                        Request("DELETE", where, b"")):
            if rng.random() < 0.5:
                self.ask(request)

    def one_kept(self):
        self.kept.write()

    ACTIONS = [(one_valid, 32), (one_spoiled, 50), (one_page, 5),
               (one_link, 3), (one_upload, 2), (one_burst, 1), (one_kept, 7),
               (one_trace, 3)]

    def step(self):
        actions, weights = zip(*self.ACTIONS)
        self.rng.choices(actions, weights)[0](self)


def lesser(request):
    """Requests with a little less in them."""
    def changed(**kw):
        return Request(**{**request.__dict__, **kw})

    for i in range(len(request.headers)):
        yield changed(headers=request.headers[:i] + request.headers[i + 1:])
    if request.chunks:
        yield changed(chunks=0)
    path, _, query = request.target.partition("?")
    pairs = query.split("&") if query else []
    for i in range(len(pairs)):
        rest = "&".join(pairs[:i] + pairs[i + 1:])
        yield changed(target=path + ("?" + rest if rest else ""))
    if not request.body:
        return
    try:
        tree = json.loads(request.body)
    except (ValueError, RecursionError):
        tree = None
    if isinstance(tree, (dict, list)):
        for less in lesser_tree(tree):
            yield changed(body=json.dumps(less).encode())
    for n in (len(request.body) // 2, len(request.body) // 4):
        if n:
            yield changed(body=request.body[:-n])
            yield changed(body=request.body[n:])


def lesser_tree(tree):
    keys = list(tree if isinstance(tree, dict) else range(len(tree)))
    for key in keys:
        if isinstance(tree, dict):
            yield {k: v for k, v in tree.items() if k != key}
        else:
            yield tree[:key] + tree[key + 1:]
    for key in keys:
        value = tree[key]
        less = []
        if isinstance(value, (dict, list)):
            less = lesser_tree(value)
        elif isinstance(value, str) and len(value) > 1:
            half = len(value) // 2
            less = [value[:half], value[half:]]
        for one in less:
            copy = tree.copy()
            copy[key] = one
            yield copy


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) << 10 for line in f
                    if line.startswith("VmRSS"))


def fuzz(url, seed, seconds, requests, secrets=(), pid=None):
    """A Fuzz that has run; memory is judged from its first tenth on."""
    f = Fuzz(url, seed, secrets)
    start, before, spent = time.monotonic(), None, 0
    try:
        while (len(f.failures) < FAILURES_MAX and spent < seconds
               and not (requests and f.sent >= requests)):
            f.step()
            spent = time.monotonic() - start
            if pid and before is None and (
                    spent * 10 > seconds or f.sent * 10 > (requests or 1e9)):
                before = memory(pid)
        f.kept.read_back()
        f.grown = memory(pid) - before if before else 0
    except Dead as e:
        f.failures.append("dead")
        print(f"FAILED (seed {seed}, request {f.sent}): the daemon is dead; "
              f"{e}", flush=True)
    return f


def configured(base):
    """A configuration with a project."""
    file = base / "orrery.yaml"
    file.write_text("projects:\n  - {id: 7, path: group/fuzzed}\n")
    return file


def own_daemon(seed, seconds, requests):
    """Number of failures, of a daemon of our own and in its data."""
    environment = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                   **os.environ}
    with (workplace() as base, open(base / "log", "w+") as log,
          Daemon(base / "data", "--config", configured(base),
                 env=environment, log=log) as d):
        f = fuzz(d.url, seed, seconds, requests, (str(base),), d.pid)
        sanitized = "libasan" in Path(f"/proc/{d.pid}/maps").read_text() \
            if d.alive() else False
        if d.alive():
            if f.grown > GROWTH and not sanitized:
                f.fail(f"memory grew by {f.grown >> 20} MiB")
            if found := check(d.data):
                f.fail(f"orrery check, while it runs: {found}")
            if status := d.stop(60):
                f.fail(f"the daemon ended with {status}")
            if found := check(d.data):
                f.fail(f"orrery check: {found}")
        log.seek(0)
        text = log.read()
        if any(word in text for word in SANITIZERS):
            f.failures.append("sanitizer")
            print(text[:8000], flush=True)
        if not f.failures:
            again_after_restart(f, base / "data")
        return report(f)


def again_after_restart(f, data):
    with Daemon(data) as d:
        f.url, f.address = d.url, d.address
        f.wire = Connection(d.address, TIMEOUT)
        f.kept.read_back()


def report(f):
    statuses = ", ".join(f"{n} x {s}" for s, n in sorted(f.statuses.items()))
    print(f"seed {f.seed}: {f.sent} requests ({statuses}), "
          f"{f.kept.count} kept writes read back, memory "
          f"{f.grown >> 20:+} MiB, {len(f.failures)} failed")
    if never := {op.name for op in f.made.operations} - f.reached:
        print("never answered with 200: " + ", ".join(sorted(never)))
    return len(f.failures)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--requests", type=int, default=0)
    p.add_argument("--seed", type=int,
                   default=random.SystemRandom().randrange(1 << 32))
    p.add_argument("--url")
    a = p.parse_args()
    print(f"seed {a.seed}", flush=True)
    os.chdir("/")  # a relative location of an experiment is below it
    if a.url:
        failed = report(fuzz(a.url, a.seed, a.seconds, a.requests))
    else:
        failed = own_daemon(a.seed, a.seconds, a.requests)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
