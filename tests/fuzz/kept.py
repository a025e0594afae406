"""What a fuzzed daemon acknowledged, and whether it still says so.

Some things are kept apart: nothing else touches them, valid writes to them
must be taken, and all of them must be there in the end. Of the other valid
writes the last one is read back at once.
"""
import math
import urllib.parse

from made import write
from wire import Request

API = "/api/2.0/mlflow/"
JSON = [("Content-Type", "application/json")]
TEXTS = ["", " ", "é", "日本", "e\u0301", "\u202e", "a\nb\t\r", "\x01", "'\"\\",
         "😀", "x" * 3000, "null", "0", "%00", "<b>", "\U0010ffff", "\x7f"]
NUMBERS = [0, 1, -1.5, 0.1, 1e300, -1e-300, 5e-324, 1.7976931348623157e308,
           2**53 + 1, "NaN", "Infinity", "-Infinity"]
KEYS = ["loss", "val/loss", "a b", "x.y-z_0", "m:n"]


def same(a, b):
    """Whether two numbers are, as they come in JSON."""
    a, b = float(a), float(b)
    return a == b or (math.isnan(a) and math.isnan(b))


class Kept:
    def __init__(self, fuzz):
        self.fuzz, self.rng, self.count = fuzz, fuzz.rng, 0
        self.points, self.params, self.tags, self.files = [], {}, {}, {}
        self.versions, self.aliases, self.model = {}, {}, "kept-apart"
        made = [self.must("experiments/create", name=f"kept-{i}")
                for i in range(12)]
        self.experiment = made[-1]["experiment_id"]
        run = self.must("runs/create", experiment_id=self.experiment,
                        start_time=1)["run"]["info"]
        self.run, self.uri = run["run_id"], run["artifact_uri"]
        self.must("registered-models/create", name=self.model)
        self.fuzz.made.pool.apart |= {self.run, self.model, "kept-11",
                                      f":/{self.experiment}/"}
        self.fuzz.made.pool.numbers.add(self.experiment)

    def must(self, path, method="POST", **body):
        """The answer of a call that is valid."""
        request = Request(method, API + path, write(body), JSON)
        if method == "GET":
            request = Request("GET", f"{API}{path}?" + urllib.parse.urlencode(
                body, doseq=True))
        answer = self.fuzz.ask(request)
        if answer.status != 200:
            self.fuzz.fail(f"a valid request is refused: {answer.body[:500]}",
                           request)
            return {}
        return answer.json()

    # --- valid writes to what is kept apart ------------------------------

    def metric(self):
        point = {"key": self.rng.choice(KEYS), "value": self.rng.choice(NUMBERS),
                 "timestamp": self.rng.choice([0, 1, 2**63 - 1,
                                               self.rng.randrange(2**42)]),
                 "step": self.rng.choice([0, -1, -2**63, 2**63 - 1,
                                          self.rng.randrange(1000)])}
        self.must("runs/log-metric", run_id=self.run, **point)
        self.points.append(point)

    def param(self):
        key = f"{self.rng.choice(KEYS)}{len(self.params)}"
        self.params[key] = self.rng.choice(TEXTS)
        self.must("runs/log-parameter", run_id=self.run, key=key,
                  value=self.params[key])

    def tag(self):
        key = f"{self.rng.choice(KEYS)}{self.rng.randrange(50)}"
        self.tags[key] = self.rng.choice(TEXTS)
        self.must("runs/set-tag", run_id=self.run, key=key,
                  value=self.tags[key])

    def place(self, name):
        below = urllib.parse.urlsplit(self.uri).path.strip("/")
        return ("/api/2.0/mlflow-artifacts/artifacts/" +
                urllib.parse.quote(f"{below}/{name}"))

    def file(self):
        name = self.rng.choice(["a", "d/b", "d/e/é", "100%", "a b", "+"])
        data = self.rng.randbytes(self.rng.choice([0, 1, 5000, 100000]))
        request = Request("PUT", self.place(name), data)
        if self.fuzz.ask(request).status == 200:
            self.files[name] = data
        else:
            self.fuzz.fail("a valid artifact is refused", request)

    def version(self):
        text = self.rng.choice(TEXTS)
        told = self.must("model-versions/create", name=self.model,
                         source="s3://b/p", description=text)
        self.versions[told["model_version"]["version"]] = text

    def alias(self):
        if not self.versions:
            return
        alias = self.rng.choice(["champion", "b-1", "c_2"])
        self.aliases[alias] = self.rng.choice(list(self.versions))
        self.must("registered-models/alias", name=self.model, alias=alias,
                  version=self.aliases[alias])

    def write(self):
        self.count += 1
        self.rng.choice([self.metric, self.param, self.tag, self.file,
                         self.version, self.alias])()

    # --- all of it, in the end -------------------------------------------

    def expect(self, what, want, got):
        if want != got:
            self.fuzz.fail(f"{what}: {got!r} instead of {want!r}")

    def read_back(self):
        data = self.must("runs/get", "GET", run_id=self.run)["run"]["data"]
        got = {p["key"]: p["value"] for p in data.get("params", [])}
        self.expect("params", self.params, got)
        got = {t["key"]: t["value"] for t in data.get("tags", [])
               if not t["key"].startswith("mlflow.")}
        self.expect("tags", self.tags, got)
        self.read_points()
        for name, data in self.files.items():
            got = self.fuzz.ask(Request("GET", self.place(name)))
            self.expect(f"bytes of {name!r}", data, got.body)
        for number, text in self.versions.items():
            got = self.must("model-versions/get", "GET", name=self.model,
                            version=number)["model_version"]
            self.expect("description", text, got.get("description", ""))
        for alias, number in self.aliases.items():
            got = self.must("registered-models/alias", "GET", name=self.model,
                            alias=alias)["model_version"]["version"]
            self.expect(f"alias {alias}", number, got)

    def read_points(self):
        order = lambda p: (p[0], p[1], str(float(p[2])))  # noqa: E731
        for key in KEYS:
            want = {(p["timestamp"], p["step"], str(float(p["value"])))
                    for p in self.points if p["key"] == key}
            told = self.must("metrics/get-history", "GET", run_id=self.run,
                             metric_key=key, max_results=25000)
            got = [(p["timestamp"], p["step"], str(float(p["value"])))
                   for p in told.get("metrics", [])]
            self.expect(f"points of {key}", sorted(want, key=order),
                        sorted(got, key=order))

    # --- other writes, at once -------------------------------------------

    def echo(self, op, tree):
        check = self.ECHO.get(op.path.rpartition("/mlflow/")[2])
        if check:
            check(self, tree)

    def echo_pair(self, kind, tree):
        data = self.must("runs/get", "GET", run_id=tree["run_id"])["run"]
        got = {p["key"]: p["value"] for p in data["data"].get(kind, [])}
        want = tree.get("value") or ""
        if not want.startswith(got.get(tree["key"], "\0")):
            self.fuzz.fail(f"{kind} of {tree}: {got.get(tree['key'])!r}")

    def echo_metric(self, tree):
        told = self.must("metrics/get-history", "GET", run_id=tree["run_id"],
                         metric_key=tree["key"], max_results=25000)
        if not any(p["timestamp"] == tree["timestamp"] and
                   p["step"] == tree.get("step", 0) and
                   same(p["value"], tree["value"])
                   for p in told.get("metrics", [])):
            self.fuzz.fail(f"the point {tree} is not in its history")

    def echo_alias(self, tree):
        told = self.must("registered-models/alias", "GET", name=tree["name"],
                         alias=tree["alias"])
        self.expect("alias", str(tree["version"]),
                    told["model_version"]["version"])

    def echo_experiment(self, tree):
        told = self.must("experiments/get-by-name", "GET",
                         experiment_name=tree["name"])
        self.expect("experiment", tree["name"], told["experiment"]["name"])

    ECHO = {"runs/log-parameter": lambda k, t: k.echo_pair("params", t),
            "runs/set-tag": lambda k, t: k.echo_pair("tags", t),
            "runs/log-metric": echo_metric,
            "registered-models/alias": echo_alias,
            "experiments/create": echo_experiment}
