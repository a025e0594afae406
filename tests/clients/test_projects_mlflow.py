"""Unmodified MLflow clients of both generations in the views of projects: names
of one project beside those of another, names as mlflow-sharinghub's clients
give them, and nothing of a project in the view of another.
"""
import hashlib
import json
import random
from itertools import count

import mlflow as mlflow_module
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from harness import Daemon, check, workplace

THIRD = int(mlflow_module.__version__.split(".")[0]) >= 3
ONE, TWO = 1493, 7
PATHS = {ONE: "group/sub/name", TWO: "group/tracking"}
numbers = count(1)
pytestmark = pytest.mark.filterwarnings("ignore")


def view(project):
    return f"/mlflow/{PATHS[project]}/tracking"


@pytest.fixture(scope="module")
def daemon():
    with workplace() as base:
        config = base / "orrery.yaml"
        config.write_text("projects:\n" + "".join(
            f"  - {{id: {i}, path: {path}}}\n" for i, path in PATHS.items()))
        d = Daemon(base / "data", "--config", config)
        yield d
        assert d.stop() == 0
        assert check(base / "data") == ""


@pytest.fixture
def enter(daemon, monkeypatch):
    """Sets the tracking URI as the documentation of SharingHub has it."""
    for variable in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID",
                     "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(variable, raising=False)
    before = mlflow_module.get_tracking_uri()

    def go(project):
        url = daemon.url + (view(project) + "/" if project else "")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        mlflow_module.set_tracking_uri(url)
        # As in a process that has set no experiment yet.
        monkeypatch.setattr(mlflow_module.tracking.fluent,
                            "_active_experiment_id", None)
        return MlflowClient()

    yield go
    while mlflow_module.active_run():
        mlflow_module.end_run()
    mlflow_module.set_tracking_uri(before)


class Adding(mlflow_module.pyfunc.PythonModel):
    def __init__(self, n):
        self.n = n

    def predict(self, context, model_input, params=None):
        return model_input + self.n


def train(n, **kwargs):
    kwargs["name" if THIRD else "artifact_path"] = "model"
    with mlflow_module.start_run() as run:
        mlflow_module.log_params({"n": n})
        mlflow_module.log_metric("loss", n / 10, step=1)
        mlflow_module.log_text(f"n is {n}", "notes/n.txt")
        info = mlflow_module.pyfunc.log_model(
            python_model=Adding(n), pip_requirements=["mlflow"], **kwargs)
    return run.info.run_id, info.model_uri


def adds(uri, n):
    pandas = pytest.importorskip("pandas")
    model = mlflow_module.pyfunc.load_model(uri)
    return list(model.predict(pandas.DataFrame({"a": [1]}))["a"]) == [1 + n]


@pytest.mark.parametrize("form", ["{}", "{} ({})"])
def test_whole_cycle(enter, form):
    """Train, log, register, load and search, in two projects by one name."""
    number = next(numbers)
    made = {}
    for project in (ONE, TWO):
        client = enter(project)
        exp = form.format(f"exp{number}", project)
        name = form.format(f"adder{number}", project)
        set_to = mlflow_module.set_experiment(exp)
        assert client.get_experiment_by_name(exp).name == exp
        assert client.get_experiment(set_to.experiment_id).name == (
            f"exp{number}")
        run, uri = train(project)
        version = mlflow_module.register_model(uri, name)
        assert version.name == name and int(version.version) == 1
        client.set_registered_model_alias(name, "best", "1")
        client.set_model_version_tag(name, "1", "k", "v")
        made[project] = (set_to.experiment_id, run, exp, name)
    assert made[ONE][0] != made[TWO][0]

    for project, (experiment, run, exp, name) in made.items():
        client = enter(project)
        for model in (name, f"adder{number}", f"adder{number} ({project})"):
            assert adds(f"models:/{model}/1", project)
            assert adds(f"models:/{model}@best", project)
            found = client.search_model_versions(f"name = '{model}'")
            assert [(m.name, m.run_id) for m in found] == [(model, run)]
            assert client.get_registered_model(model).name == model
            assert client.get_model_version_by_alias(
                model, "best").name == model
        assert adds(f"runs:/{run}/model", project)
        assert mlflow_module.artifacts.load_text(
            f"runs:/{run}/notes/n.txt") == f"n is {project}"
        runs = mlflow_module.search_runs(
            experiment_names=[exp], output_format="list")
        assert [r.info.run_id for r in runs] == [run]
        assert client.search_experiments(
            filter_string=f"name = '{exp}'")[0].experiment_id == experiment
        assert f"adder{number}" in [
            m.name for m in client.search_registered_models()]
        assert client.get_metric_history(run, "loss")[0].value == project / 10

    client = enter(None)
    for project, (experiment, run, _, _) in made.items():
        full = f"adder{number} ({project})"
        assert client.get_experiment(experiment).name == (
            f"exp{number} ({project})")
        assert client.get_registered_model(full).name == full
        assert client.get_model_version(full, "1").run_id == run
        assert adds(f"models:/{full}/1", project)
        with pytest.raises(MlflowException, match="not found"):
            client.get_registered_model(f"adder{number}")


def test_one_thing_by_both_names(enter):
    """What was made by one form is found, renamed and removed by the other."""
    n = next(numbers)
    client = enter(ONE)
    client.create_experiment(f"both{n} ({ONE})")
    with pytest.raises(MlflowException, match="already exists"):
        client.create_experiment(f"both{n}")
    client.create_registered_model(f"both{n}")
    with pytest.raises(MlflowException, match="already exists"):
        client.create_registered_model(f"both{n} ({ONE})")
    client.rename_registered_model(f"both{n} ({ONE})", f"new{n}")
    client.update_registered_model(f"new{n} ({ONE})", "about")
    assert client.get_registered_model(f"new{n}").description == "about"
    client.create_model_version(f"new{n} ({ONE})", "s3://bucket/key")
    copied = client.copy_model_version(f"models:/new{n}/1", f"copy{n}")
    assert copied.name == f"copy{n}"
    assert client.get_model_version_download_uri(
        f"copy{n} ({ONE})", "1") == "s3://bucket/key"
    assert copied.source == f"models:/new{n}/1"
    client.delete_registered_model(f"new{n} ({ONE})")
    with pytest.raises(MlflowException, match="not found"):
        client.get_registered_model(f"new{n}")


@pytest.mark.skipif(not THIRD, reason="logged models came with 3")
def test_registrations(enter):
    """Which versions a logged model is, as it reads in the view and outside."""
    n = next(numbers)
    client = enter(ONE)
    experiment = client.create_experiment(f"registrations{n}")
    model = client.create_logged_model(experiment)
    for name in (f"r{n}", f"s{n} ({ONE})"):
        client.create_registered_model(name)
        client.create_model_version(name, model.model_uri,
                                    model_id=model.model_id)

    def said():
        text = client.get_logged_model(model.model_id).tags[
            "mlflow.modelVersions"]
        return [(v["name"], v["version"]) for v in json.loads(text)]

    assert said() == [(f"r{n}", 1), (f"s{n}", 1)]
    client = enter(None)
    assert said() == [(f"r{n} ({ONE})", 1), (f"s{n} ({ONE})", 1)]


def test_no_experiment_is_set(enter):
    """Clients send experiment 0: in a view that is the project's own."""
    pandas = pytest.importorskip("pandas")
    client = enter(TWO)
    assert client.get_experiment_by_name("Default") is None
    with mlflow_module.start_run() as run:
        mlflow_module.log_metric("m", 1)
        mlflow_module.log_text("text", "a.txt")
    own = client.get_run(run.info.run_id).info.experiment_id
    assert own != "0"
    default = client.get_experiment("0")
    assert (default.name, default.experiment_id) == ("Default", own)
    assert client.get_experiment_by_name("Default").experiment_id == own
    found = mlflow_module.search_runs()
    assert isinstance(found, pandas.DataFrame)
    assert list(found["run_id"]) == [run.info.run_id]
    assert client.search_runs(["0"])[0].info.run_id == run.info.run_id
    assert mlflow_module.set_experiment("Default").experiment_id == own
    client = enter(None)
    assert client.get_experiment(own).name == f"Default ({TWO})"
    assert client.get_experiment("0").name == "Default"
    assert client.search_runs(["0"]) == []


def test_large_artifacts(enter, daemon, monkeypatch, tmp_path):
    """Links to parts and ranges lie below the view, too."""
    for name, value in (("ENABLE_PROXY_MULTIPART_UPLOAD", "true"),
                        ("MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000000"),
                        ("MULTIPART_UPLOAD_CHUNK_SIZE", "300000"),
                        ("ENABLE_PROXY_MULTIPART_DOWNLOAD", "true"),
                        ("MULTIPART_DOWNLOAD_CHUNK_SIZE", "400000")):
        monkeypatch.setenv("MLFLOW_" + name, value)
    enter(ONE)
    file = tmp_path / "large"
    file.write_bytes(random.Random(1).randbytes(1 << 20))
    mlflow_module.set_experiment("large")
    with mlflow_module.start_run() as run:
        mlflow_module.log_artifact(str(file))
    got = mlflow_module.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="large",
        dst_path=str(tmp_path / "down"))
    digest = hashlib.sha256(file.read_bytes()).digest()
    assert hashlib.sha256(open(got, "rb").read()).digest() == digest

    path = f"{run.info.experiment_id}/{run.info.run_id}/artifacts"
    api = f"{view(ONE)}/api/2.0/mlflow-artifacts"
    status, _, text = daemon.request("GET", f"{api}/presigned/{path}/large")
    assert status == 200
    url = json.loads(text)["url"]
    assert url.startswith(f"{daemon.url}{api}/signed/")
    assert daemon.request("GET", url[len(daemon.url):])[0] == 200
    status, _, text = daemon.request(
        "POST", f"{api}/mpu/create/{path}", {"path": "p", "num_parts": 1})
    assert json.loads(text)["credentials"][0]["url"].startswith(
        f"{daemon.url}{api}/mpu/part/")


def test_unknown_projects(daemon):
    for path in ("group/none", "group", "group/sub", "group/sub/name/x",
                 "GROUP/sub/name", "", "group//sub/name", "/group/sub/name"):
        status, _, text = daemon.request(
            "GET", f"/mlflow/{path}/tracking/api/2.0/mlflow/experiments/get"
            "?experiment_id=0")
        assert status == 404
        assert json.loads(text) == {
            "error_code": "RESOURCE_DOES_NOT_EXIST",
            "message": f"No project '{path}' exists"}
    for path in ("health", "version", "ajax-api/3.0/mlflow/experiments/search"
                 "?max_results=1", "api/2.0/preview/mlflow/experiments/search"
                 "?max_results=1", "api/2.0/mlflow-artifacts/artifacts"):
        for prefix in (view(ONE), view(TWO),
                       view(ONE).replace("/sub/", "%2Fsub%2f")):
            assert daemon.request("GET", f"{prefix}/{path}")[0] == 200
    status, _, text = daemon.request("GET", view(ONE) + "/nowhere")
    assert status == 404
    assert json.loads(text)["error_code"] == "ENDPOINT_NOT_FOUND"


def test_names_outside(enter):
    """No name of no project reads like one of a project."""
    client = enter(None)
    n = next(numbers)
    for make in (client.create_experiment, client.create_registered_model):
        with pytest.raises(MlflowException, match="group/sub/name") as e:
            make(f"outside{n} ({ONE})")
        assert e.value.error_code == "INVALID_PARAMETER_VALUE"
        make(f"outside{n} (999)")
    own = enter(ONE).create_experiment(f"inside{n}")
    client = enter(None)
    with pytest.raises(MlflowException, match=r"name \(1493\)"):
        client.rename_experiment(own, "outside")
    client.rename_experiment(own, f"renamed{n} ({ONE})")
    assert enter(ONE).get_experiment(own).name == f"renamed{n}"


# --- every route, with ids of another project ---------------------------------

def location(experiment):
    return {"type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment}}


class Things:
    """Things of one project, or that nobody has, by the names of fields."""

    def __init__(self, run, experiment, model_id, name, trace, assessment):
        self.run, self.experiment = run, experiment
        self.trace, self.assessment = trace, assessment
        place = f"{experiment}/{run}/artifacts/file"
        self.values = {
            "run_id": run, "run_uuid": run, "run_ids": [run],
            "experiment_id": experiment, "experiment_ids": [experiment],
            "model_id": model_id, "name": name, "experiment_name": name,
            "source": "s3://bucket/key", "path": place,
            "models": [{"model_id": model_id}],
            "trace_id": trace, "request_id": trace, "trace_ids": [trace],
            "request_ids": [trace], "assessment_id": assessment,
            "locations": [location(experiment)],
            "trace": {"trace_info": {"trace_id": trace,
                                     "trace_location": location(experiment)}},
            "prompt_versions": [{"name": name, "version": "1"}]}

    def without(self, text):
        """What is said, but for the names of these things."""
        words = [v for v in self.values.values() if isinstance(v, str)]
        for word in sorted(words, key=len, reverse=True):
            if word != self.experiment:
                text = text.replace(word, "*")
        return text.replace(f"id={self.experiment} ", "id=* ")


OTHERS = {
    "key": "k", "value": "1", "version": "1", "alias": "best",
    "timestamp": 1, "step": 1, "new_name": "moved", "metric_key": "m",
    "max_results": 10, "description": "d", "stage": "Archived",
    "num_parts": 1, "upload_id": "0" * 32, "upload": "0" * 32, "number": "1",
    "size": 1, "mtime": 1, "sha256": "0" * 64, "expires": 9999999999999,
    "signature": "x", "artifact_file_path": "file",
    "artifact_directory_path": "", "status": None, "filter": "",
    "model_json": json.dumps({"artifact_path": "m", "utc_time_created": "x",
                              "run_id": "r", "flavors": {}}),
    "params": [{"key": "k", "value": "1"}],
    "tags": [{"key": "k", "value": "1"}],
    "metrics": [{"key": "k", "value": 1, "timestamp": 1}],
    "assessment": {"assessment_name": "a", "feedback": {"value": 2},
                   "rationale": "changed"},
    "update_mask": "rationale", "metric_name": "assessment_count",
    "aggregations": [{"aggregation_type": "COUNT"}],
    "filter_string1": "trace.status = 'OK'",
    "filter_string2": "tags.k LIKE '%secret%'",
}
# Where an id that nobody has is no error; what is without any.
PASSED_OVER = {
    ("post", "/mlflow/runs/search"), ("post", "/mlflow/logged-models/search"),
    ("post", "/mlflow/experiments/search-datasets"),
    ("get", "/mlflow/metrics/get-history-bulk"),
    ("get", "/mlflow/metrics/get-history-bulk-interval"),
    ("get", "/mlflow/traces"), ("post", "/mlflow/traces/search"),
    ("get", "/mlflow/traces/batchGet"),
    ("post", "/mlflow/traces/batchGetInfos"),
    ("post", "/mlflow/traces/metrics"),
    ("post", "/mlflow/traces/calculate-filter-correlation"),
    ("get", "/mlflow-artifacts/artifacts"),
    ("delete", "/mlflow-artifacts/artifacts/{path}")}
BY_LINK = {("put", "/mlflow-artifacts/mpu/part/{upload}/{number}"),
           ("get", "/mlflow-artifacts/signed/{key}")}
NAMES_NOTHING = {
    ("post", "/mlflow/experiments/create"),
    ("post", "/mlflow/registered-models/create"),
    ("get", "/health"), ("get", "/version")}
SEARCHES = {f"/mlflow/{kind}/search" for kind in (
    "experiments", "registered-models", "model-versions")}


def operations(daemon):
    """(method, path behind its prefix, operation, prefixes in views)."""
    document = json.loads(daemon.request("GET", "/openapi.json")[2])
    for path, item in document["paths"].items():
        prefixes = item.get("x-orrery-prefixes", [])
        inside = [p.replace("/mlflow/{project...}/tracking", "", 1)
                  for p in prefixes if p.startswith("/mlflow/{project...}/")]
        for method, operation in item.items():
            if inside and not method.startswith("x-"):
                yield method, path[len(prefixes[0]):], operation, inside


def value_of(name, schema, things):
    if name in things.values:
        return things.values[name]
    if "enum" in schema:
        return schema["enum"][-1]
    return OTHERS.get(name)


def request_of(method, path, operation, things):
    """Its target and body with these things in every place."""
    query, body = {}, None
    for p in operation["parameters"]:
        value = value_of(p["name"], p["schema"], things)
        if p["in"] == "path":
            path = path.replace("{" + p["name"] + "}",
                                str(value if value else "x"))
        elif value not in (None, "", []):
            query[p["name"]] = value
    if path in ("/get-artifact", "/mlflow/upload-artifact",
                "/mlflow/artifacts/list"):
        query["path"] = "file"
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        fields = content["application/json"]["schema"]["properties"]
        body = {n: value_of(n, s, things) for n, s in fields.items()}
        body = {n: v for n, v in body.items() if v not in (None, "")}
        if "/mpu/" in path:
            body["path"] = "file"
    elif path == "/v1/traces":
        body = exported(things.trace)
    elif "application/octet-stream" in content or method == "put":
        body = b"bytes"
    return path, query, body


def exported(trace):
    """A span of a trace, as OTLP has it in JSON."""
    attributes = [{"key": "k", "value": {"stringValue": "secret"}}]
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": trace.removeprefix("tr-"), "spanId": "cd" * 8,
        "name": "secret", "startTimeUnixNano": "1000000",
        "endTimeUnixNano": "2000000", "attributes": attributes}]}]}]}


def send(daemon, method, target, query, body, headers=None):
    from urllib.parse import urlencode
    if query:
        target += "?" + urlencode(query, doseq=True)
    status, _, text = daemon.request(method.upper(), target, body, headers)
    return status, text.decode(errors="replace")


def traced(daemon, prefix, experiment):
    """A trace with a span, an attachment and an assessment: their ids."""
    trace = f"tr-{next(numbers):032x}"

    def must(method, path, body, headers=None):
        status, text = send(daemon, method, prefix + path, {}, body, headers)
        assert status == 200, text
        return text

    must("post", "/api/3.0/mlflow/traces", {"trace": {"trace_info": {
        "trace_id": trace, "trace_location": location(experiment),
        "request_preview": "secret", "response_preview": "secret",
        "request_time": "2026-01-01T00:00:00Z", "state": "OK",
        "tags": {"k": "secret"}, "trace_metadata": {"k": "secret"}}}})
    must("post", "/v1/traces", exported(trace),
         {"x-mlflow-experiment-id": experiment})
    must("put", "/api/2.0/mlflow-artifacts/artifacts/" +
         attachment(experiment, trace), b"secret")
    told = must("post", f"/api/3.0/mlflow/traces/{trace}/assessments", {
        "assessment": {"assessment_name": "a", "rationale": "secret",
                       "feedback": {"value": "secret"}}})
    return trace, json.loads(told)["assessment"]["assessment_id"]


def attachment(experiment, trace):
    return f"{experiment}/traces/{trace}/artifacts/attachments/file"


@pytest.fixture(scope="module")
def hidden(daemon):
    """Things of project TWO, and of none; then those that nobody has."""
    found = []
    for prefix, name in ((view(TWO), f"walked ({TWO})"), ("", "walked alone")):
        def post(path, body, api="/api/2.0/mlflow/"):
            status, text = send(daemon, "post", prefix + api + path, {}, body)
            assert status == 200, text
            return json.loads(text)

        experiment = post("experiments/create", {"name": name})[
            "experiment_id"]
        run = post("runs/create", {"experiment_id": experiment})["run"][
            "info"]["run_id"]
        post("runs/log-batch", {"run_id": run, "metrics": [
            {"key": "m", "value": 1, "timestamp": 1}]})
        model = post("logged-models", {"experiment_id": experiment,
                                       "name": "walked",
                                       "tags": [{"key": "k", "value": "1"}]})[
            "model"]["info"]["model_id"]
        for owner in (run, f"models/{model}"):
            assert daemon.request(
                "PUT", f"{prefix}/api/2.0/mlflow-artifacts/artifacts/"
                f"{experiment}/{owner}/artifacts/file", b"secret")[0] == 200
        trace, assessment = traced(daemon, prefix, experiment)
        post("registered-models/create", {"name": name})
        post("model-versions/create", {"name": name, "source": "s3://b/k"})
        post("registered-models/alias", {"name": name, "alias": "best",
                                         "version": "1"})
        post("traces/link-to-run", {"run_id": run, "trace_ids": [trace]})
        found.append(Things(run, experiment, model, name, trace, assessment))
    return found


def state(daemon):
    """All that a write would change."""
    objects = daemon.data / "objects"
    status = json.loads(daemon.request("GET", "/api/status")[2])
    return (status["index"]["change"], status["content"],
            sorted(str(p) for p in objects.rglob("*")))


NOBODY = Things("f" * 32, "987654321", "m-" + "f" * 32, "nobody",
                "tr-" + "f" * 32, "a-" + "f" * 32)


def test_every_route(daemon, hidden):
    """Another project's ids, in every call: as if they did not exist, and
    nothing changes."""
    before, walked = state(daemon), 0
    for method, path, operation, prefixes in operations(daemon):
        call = method, path
        if call in NAMES_NOTHING or path in SEARCHES:
            continue
        for prefix in prefixes:
            said = []
            for things in (*hidden, NOBODY):
                target, query, body = request_of(*call, operation, things)
                status, text = send(
                    daemon, method, view(ONE) + prefix + target, query, body,
                    {"x-mlflow-experiment-id": things.experiment})
                said.append((status, things.without(text)))
                walked += 1
                assert "secret" not in text, call
                if call in PASSED_OVER:
                    assert status == 200, (call, said)
                elif call in BY_LINK:
                    assert status == 403, (call, said)
                else:
                    assert status == 404, (call, said)
            assert said[0] == said[-1] and said[1] == said[-1], (call, said)
    assert walked > 1050
    assert state(daemon) == before


def test_files_of_traces(daemon, hidden):
    """By the paths of the proxy, where traces.json is made of spans."""
    before = state(daemon)
    api = view(ONE) + "/api/2.0/mlflow-artifacts/artifacts"
    for method, body in (("get", None), ("head", None), ("put", b"bytes"),
                         ("put", json.dumps({"spans": []}).encode())):
        for name in ("attachments/file", "traces.json"):
            said = []
            for things in (*hidden, NOBODY):
                path = attachment(things.experiment, things.trace).replace(
                    "attachments/file", name)
                status, text = send(daemon, method, f"{api}/{path}", {}, body)
                assert status == 404 and "secret" not in text, (path, text)
                said.append(things.without(text.replace(
                    f"{things.experiment}/traces/", "*/traces/")))
            assert said[0] == said[1] == said[2]
    for things in (*hidden, NOBODY):
        where = attachment(things.experiment, things.trace)
        for query in ({"path": where.rpartition("/")[0]},
                      {"path": where.rpartition("/attachments")[0]}):
            status, text = send(daemon, "get", api, query, None)
            assert (status, json.loads(text)) == (200, {}), text
        for query in ({}, {"path": "traces.json"}, {"path": "file"}):
            status, text = send(
                daemon, "get", view(ONE) + "/api/3.0/mlflow/get-trace-artifact",
                {"request_id": things.trace, **query}, None)
            assert status == 404 and "secret" not in text
        send(daemon, "delete", f"{api}/{where}", {}, None)
    assert state(daemon) == before


def test_traces_within(daemon, hidden):
    """One's own experiment and run beside the traces of others: what a call
    says, and leaves of theirs, is as if nobody had them."""
    api, said = view(ONE) + "/api/3.0/mlflow/", []
    run = json.loads(send(daemon, "post", api + "runs/create", {}, {})[1])[
        "run"]["info"]
    mine = run["experiment_id"]
    before = [theirs(daemon, t) for t in hidden]
    assert all("secret" in text for said in before for _, text in said)
    for things in (*hidden, NOBODY):
        rows = [
            ("traces/delete-traces", {"experiment_id": mine,
                                      "request_ids": [things.trace]}),
            ("traces/link-to-run", {"run_id": run["run_id"],
                                    "trace_ids": [things.trace]}),
            ("traces/batchGetInfos", {"trace_ids": [things.trace],
                                      "experiment_ids": [mine]}),
            ("traces/search", {"locations": [location(mine)], "filter":
                               f"trace.run_id = '{run['run_id']}'"})]
        answers = [send(daemon, "post", api + path, {}, body)
                   for path, body in rows]
        said.append([(status, things.without(text))
                     for status, text in answers])
        assert "secret" not in str(answers)
    assert said[0] == said[1] == said[2]
    taken = [send(daemon, "post", path, {}, body,
                  {"x-mlflow-experiment-id": mine})
             for things in hidden for path, body in (
                 (api + "traces", {"trace": {"trace_info": {
                     "trace_id": things.trace,
                     "trace_location": location(mine)}}}),
                 (view(ONE) + "/v1/traces", exported(things.trace)))]
    assert all(400 <= status < 500 and "secret" not in text
               for status, text in taken), taken
    assert [theirs(daemon, t) for t in hidden] == before


def theirs(daemon, things):
    """A trace, as it reads outside of all views."""
    api = "/api/3.0/mlflow/traces/"
    return [send(daemon, "get", api + path, query, None) for path, query in (
        (things.trace, {}), ("get", {"trace_id": things.trace}),
        (f"{things.trace}/assessments/{things.assessment}", {}))]


def test_references(daemon, hidden):
    """One's own things cannot be tied to another project's."""
    api = view(ONE) + "/api/2.0/mlflow/"
    run = json.loads(send(daemon, "post", api + "runs/create", {}, {})[1])[
        "run"]["info"]
    name = f"own{next(numbers)}"
    assert send(daemon, "post", api + "registered-models/create", {},
                {"name": name})[0] == 200
    before = state(daemon)
    for things in (*hidden, NOBODY):
        other, model = things.run, things.values["model_id"]
        theirs = things.values["name"]
        place = f"{things.experiment}/{other}/artifacts"
        rows = [
            ("runs/create", {"experiment_id": things.experiment}, 404),
            ("runs/log-metric", {"run_id": run["run_id"], "key": "m",
                                 "value": 1, "timestamp": 1,
                                 "model_id": model}, 404),
            ("runs/log-inputs", {"run_id": run["run_id"], "models": [
                {"model_id": model}]}, 404),
            ("runs/outputs", {"run_id": run["run_id"], "models": [
                {"model_id": model}]}, 404),
            ("logged-models", {"experiment_id": "0",
                               "source_run_id": other}, 404),
            ("model-versions/create", {"name": name, "run_id": other,
                                       "source": "s3://b/k"}, 404),
            ("model-versions/create", {"name": name, "run_id": other,
                                       "source": f"runs:/{other}/m"}, 404),
            ("model-versions/create", {"name": name,
                                       "source": f"runs:/{other}/m"}, 404),
            ("model-versions/create", {"name": name,
                                       "source": f"models:/{model}"}, 404),
            ("model-versions/create", {"name": name,
                                       "source": f"models:/{theirs}/1"}, 404),
            ("model-versions/create", {
                "name": name, "source": f"mlflow-artifacts:/{place}"}, 400),
        ]
        for path, body, wanted in rows:
            status, text = send(daemon, "post", api + path, {}, body)
            assert status == wanted, (path, body, text)
    assert state(daemon) == before


def test_searches_find_nothing(daemon, hidden):
    ids = [t.experiment for t in hidden]
    for path, body in (
            ("/api/2.0/mlflow/runs/search", {"experiment_ids": ids}),
            ("/api/2.0/mlflow/logged-models/search", {"experiment_ids": ids}),
            ("/api/3.0/mlflow/traces/search", {"locations": [
                location(i) for i in ids]}),
            ("/api/3.0/mlflow/traces/metrics", {
                "experiment_ids": ids, "view_type": "TRACES",
                "metric_name": "trace_count",
                "aggregations": [{"aggregation_type": "COUNT"}]}),
            ("/api/2.0/mlflow/experiments/search", {
                "max_results": 10, "filter": "name LIKE 'walked%'"}),
            ("/api/2.0/mlflow/registered-models/search", {
                "filter": "name LIKE 'walked%'"}),
            ("/api/2.0/mlflow/model-versions/search", {
                "filter": "name LIKE 'walked%'"})):
        status, text = send(daemon, "post", view(ONE) + path, {}, body)
        said = json.loads(text)
        said = said if said != {"data_points": []} else {}
        assert (status, said) == (200, {}), path


def test_mounted(enter, mount):
    """Experiments of projects are directories of their full names."""
    enter(ONE)
    n = next(numbers)
    mlflow_module.set_experiment(f"files{n}")
    with mlflow_module.start_run(run_name="r"):
        mlflow_module.log_metric("m", 0.5, step=3)
    top = mount.path / "experiments"
    place = top / f"files{n} ({ONE})"
    assert place.name in [p.name for p in top.iterdir()]
    assert not (top / f"files{n}").exists()
    assert (place / "runs/r/metrics/m").read_text().split("\t")[:2] == [
        "3", "0.5"]
    assert json.loads((place / "meta.json").read_text())["name"] == place.name
    (place / "runs" / "made").mkdir()
    mlflow_module.set_experiment(f"files{n} ({ONE})")
    assert {r.info.run_name for r in mlflow_module.search_runs(
        output_format="list")} == {"r", "made"}
    for wrong in (f"new{n} ({ONE})", f"files{n} ({ONE})"):
        with pytest.raises(OSError):
            (top / wrong).mkdir()
    with pytest.raises(OSError):
        place.rename(top / f"moved{n}")
    place.rename(top / f"moved{n} ({ONE})")
    assert enter(ONE).get_experiment_by_name(f"moved{n}") is not None


# --- as time goes by ------------------------------------------------------------

def test_configuration(tmp_path):
    """A project keeps what it has under another path, and without a view."""
    def start(*projects, **kwargs):
        config = tmp_path / "c.yaml"
        config.write_text("projects: " + json.dumps(
            [{"id": i, "path": p} for i, p in projects]))
        return Daemon(tmp_path / "data", "--config", config, **kwargs)

    def ask(d, path):
        status, text = send(
            d, "get", f"/mlflow/{path}/tracking/api/2.0/mlflow/experiments/"
            "get-by-name", {"experiment_name": "kept (1)"}, None)
        return status

    d = start((1, "a/b"))
    assert send(d, "post", "/mlflow/a/b/tracking/api/2.0/mlflow/experiments/"
                "create", {}, {"name": "kept"})[0] == 200
    d.stop()
    d = start((1, "a/c"), (2, "a/b"))
    assert (ask(d, "a/c"), ask(d, "a/b")) == (200, 404)
    status = json.loads(d.request("GET", "/api/status")[2])
    assert status["content"]["projects"] == 2
    d.stop()
    d = start()
    assert ask(d, "a/c") == 404
    assert d.call("experiments/get-by-name",
                  experiment_name="kept (1)")["experiment"]["name"] == (
                      "kept (1)")
    d.stop()
    d = start((1, "a/b"))
    assert ask(d, "a/b") == 200
    d.stop()
    assert check(tmp_path / "data") == ""


@pytest.mark.parametrize("projects, why", [
    ([{"id": 0, "path": "a/b"}], "from 1 on"),
    ([{"id": 1, "path": "a"}], "group"),
    ([{"id": 1, "path": "a/b.git"}], ".git"),
    ([{"id": 1, "path": "a/b"}, {"id": 1, "path": "a/c"}], "the same id"),
    ([{"id": 1, "path": "a/b"}, {"id": 2, "path": "a/b"}], "the same path"),
    ([{"id": "x", "path": "a/b"}], "is not a project"),
    ([{"id": 1}], "must be a list of"),
])
def test_wrong_configuration(tmp_path, projects, why):
    import subprocess

    from harness import BIN
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps({"projects": projects}))
    p = subprocess.run([BIN / "orrery", "serve", "--data", tmp_path / "data",
                        "--listen", "127.0.0.1:0", "--config", config],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, timeout=30)
    assert p.returncode in (1, 2) and why in p.stdout
    assert not (tmp_path / "data").exists()
