"""Clients replay what was not answered: nothing counts twice, nothing is lost.

The same session runs twice: against a daemon, and against another one behind
a proxy that loses half of the answers and doubles requests (lossy.py). In the
end both hold the same. Creations are spared: whether a lost one happened, no
client of MLflow can say; who must know sends an Idempotency-Key, which the
last tests do.
"""
import http.client
import json
import time
import urllib.parse

import mlflow
import pytest
from lossy import DELAY, LOSE, PASS, Lossy
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from harness import Daemon, check, workplace

numpy = pytest.importorskip("numpy")

THIRD = int(mlflow.__version__.split(".")[0]) >= 3
CREATIONS = [("POST", "/logged-models$"), ("POST", "/(experiments|runs|"
                                           "registered-models|"
                                           "model-versions)/create$")]
# The client sends a part once; when it is lost it gives the upload up.
PARTS = [("PUT", "/mpu/part/")]
API = "/api/2.0/mlflow/"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    for name, value in (("MAX_RETRIES", "9"), ("BACKOFF_FACTOR", "0"),
                        ("BACKOFF_JITTER", "0")):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    uri = mlflow.get_tracking_uri()
    yield
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(uri)


def done(call, *args):
    """A removal or a move that is replayed is told that there is nothing left
    to remove or move: which is to say that it is done."""
    try:
        call(*args)
    except MlflowException as e:
        assert e.error_code == "RESOURCE_DOES_NOT_EXIST", e


# --- the session -------------------------------------------------------------

def log_much(client, run):
    for i in range(20):
        client.log_metric(run, "single", i * 0.5, timestamp=i, step=i)
    client.log_metric(run, "single", float("nan"), timestamp=9, step=99)
    client.log_batch(run, [Metric(f"m{i % 7}", i, i, i) for i in range(900)],
                     [Param(f"p{i}", str(i)) for i in range(50)],
                     [RunTag(f"t{i}", str(i)) for i in range(50)])
    client.log_param(run, "one", "1")
    client.set_tag(run, "kept", "yes")
    client.set_tag(run, "changed", "before")
    client.set_tag(run, "changed", "after")
    client.set_tag(run, "gone", "soon")
    done(client.delete_tag, run, "gone")


def log_fluently(experiment, directory):
    with mlflow.start_run(experiment_id=experiment, run_name="fluent") as run:
        mlflow.log_metrics({"a": 1, "b": 2}, step=3)
        mlflow.log_params({"x": 1, "y": "z"})
        mlflow.log_artifact(directory / "one.txt", "files")
        mlflow.log_artifacts(directory, "all")
        mlflow.log_text("text", "notes/t.txt")
        mlflow.log_dict({"a": [1]}, "notes/d.json")
        mlflow.log_input(mlflow.data.from_numpy(
            numpy.arange(6), name="numbers"), context="training")
        for i in range(30):
            mlflow.log_metric("later", i, step=i, synchronous=False)
        mlflow.log_params({f"q{i}": i for i in range(10)}, synchronous=False)
        mlflow.flush_async_logging()
    return run.info.run_id


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


def log_models(experiment):
    with mlflow.start_run(experiment_id=experiment, run_name="models"):
        mlflow.log_metric("score", 1, step=1)
        name = {"name" if THIRD else "artifact_path": "echo"}
        info = mlflow.pyfunc.log_model(python_model=Echo(),
                                       pip_requirements=["mlflow"], **name)
        mlflow.set_tag("after", "model")
    return info.model_uri


def register(client, uri):
    model = "registered"
    mlflow.register_model(uri, model)
    client.create_model_version(model, "s3://bucket/other")
    client.update_registered_model(model, "about it")
    client.set_registered_model_tag(model, "k", "v")
    client.set_registered_model_tag(model, "gone", "v")
    done(client.delete_registered_model_tag, model, "gone")
    client.set_registered_model_alias(model, "best", "1")
    client.set_registered_model_alias(model, "best", "2")
    client.set_registered_model_alias(model, "gone", "1")
    done(client.delete_registered_model_alias, model, "gone")
    client.set_model_version_tag(model, "1", "k", "v")
    client.update_model_version(model, "2", "second")
    for stage in ("Staging", "Production"):
        client.transition_model_version_stage(model, "1", stage)
    client.transition_model_version_stage(model, "2", "Production",
                                          archive_existing_versions=True)
    client.create_model_version(model, "s3://bucket/third")
    done(client.delete_model_version, model, "3")
    client.create_registered_model("dropped")
    done(client.delete_registered_model, "dropped")
    client.create_registered_model("before")
    done(client.rename_registered_model, "before", "renamed")


def move(client, experiment):
    dropped = client.create_run(experiment, run_name="dropped").info.run_id
    client.delete_run(dropped)
    back = client.create_run(experiment, run_name="back").info.run_id
    client.delete_run(back)
    client.restore_run(back)
    client.update_run(back, status="FAILED", name="named anew")
    other = client.create_experiment("other")
    client.rename_experiment(other, "other, renamed")
    done(client.delete_experiment, other)
    done(client.restore_experiment, other)
    client.set_experiment_tag(other, "k", "v")
    last = client.create_experiment("last")
    done(client.delete_experiment, last)


def session(url, directory):
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url)
    experiment = client.create_experiment("session")
    run = client.create_run(experiment, run_name="plain",
                            start_time=1).info.run_id
    log_much(client, run)
    client.set_terminated(run, end_time=5)
    log_fluently(experiment, directory)
    register(client, log_models(experiment))
    move(client, experiment)


# --- what is there in the end ------------------------------------------------

def pairs(items):
    return sorted((x["key"], x.get("value", "")) for x in items)


def files(d, run, path=""):
    found, query = [], urllib.parse.urlencode({"run_id": run, "path": path})
    for f in d.call("artifacts/list?" + query).get("files", []):
        if f["is_dir"]:
            found += files(d, run, f["path"])
        else:
            found.append(f["path"])
    return found


def steady(tags):
    """Without what no two sessions have in common, and how often it stands."""
    kept = []
    for key, value in pairs(tags):
        if key == "mlflow.log-model.history":
            value = [m["artifact_path"] for m in json.loads(value)]
        elif key == "mlflow.modelVersions":
            value = json.loads(value)
        kept.append((key, value))
    return kept


def told_of_run(d, run):
    data, info = run["data"], run["info"]
    points = {m["key"]: [(p["step"], str(p["value"]))
                         for p in d.history(info["run_id"], m["key"])]
              for m in data.get("metrics", [])}
    whole = d.call("runs/get", run_id=info["run_id"])["run"]
    inputs = [(x["dataset"]["name"], x["dataset"]["digest"], pairs(x["tags"]))
              for x in whole.get("inputs", {}).get("dataset_inputs", [])]
    outputs = [x.get("step") for x in
               whole.get("outputs", {}).get("model_outputs", [])]
    return (info["run_name"], info["status"], info["lifecycle_stage"],
            pairs(data.get("params", [])), steady(data.get("tags", [])),
            {k: sorted(v) for k, v in points.items()}, inputs, outputs,
            sorted(files(d, info["run_id"])))


def told_of_version(v):
    return (v["version"], v["current_stage"], v.get("description", ""),
            pairs(v.get("tags", [])))


def told(d):
    """All that a daemon holds, without ids and times of day."""
    experiments = d.call("experiments/search", {
        "max_results": 1000, "view_type": "ALL"})["experiments"]
    runs = d.call("runs/search", {
        "experiment_ids": [e["experiment_id"] for e in experiments],
        "run_view_type": "ALL", "max_results": 1000}).get("runs", [])
    models = d.call("registered-models/search").get("registered_models", [])
    versions = d.call("model-versions/search").get("model_versions", [])
    logged = d.call("logged-models/search", {
        "experiment_ids": [e["experiment_id"] for e in experiments]})
    return {
        "experiments": sorted((e["name"], e["lifecycle_stage"],
                               pairs(e.get("tags", []))) for e in experiments),
        "runs": sorted((told_of_run(d, r) for r in runs), key=lambda r: r[0]),
        "models": sorted((m["name"], m.get("description", ""),
                          pairs(m.get("tags", [])),
                          sorted((a["alias"], a["version"])
                                 for a in m.get("aliases", [])))
                         for m in models),
        "versions": sorted((v["name"], *told_of_version(v)) for v in versions),
        "logged": sorted((m["info"]["name"], m["info"]["status"],
                          steady(m["info"].get("tags", [])),
                          pairs(m["data"].get("params", [])),
                          [(x["key"], x["value"])
                           for x in m["data"].get("metrics", [])])
                         for m in logged.get("models", [])),
    }


def content(d):
    return json.loads(d.request("GET", "/api/status")[2])["content"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("logged")
    (path / "one.txt").write_text("one")
    (path / "empty").write_bytes(b"")
    (path / "deep").mkdir()
    (path / "deep" / "large.bin").write_bytes(bytes(range(256)) * 2000)
    return path


@pytest.fixture(scope="module")
def undisturbed(directory):
    with workplace() as base, Daemon(base / "data") as d:
        session(d.url, directory)
        yield told(d), content(d)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_session_of_lost_answers(undisturbed, directory, seed):
    with workplace() as base, Daemon(base / "data") as d:
        with Lossy(d.address, seed, CREATIONS) as proxy:
            session(proxy.url, directory)
        seen, counted = told(d), content(d)
        assert d.stop() == 0
        assert check(d.data) == ""
    lost = sum(n for (fate, *_), n in proxy.hurt.items() if fate == LOSE)
    assert lost > 30, proxy.hurt
    want, want_counted = undisturbed
    for part in want:
        assert seen[part] == want[part], part
    assert counted == want_counted


# --- parts -------------------------------------------------------------------

@pytest.mark.parametrize("seed", [1, 2])
def test_an_upload_in_parts_of_lost_answers(monkeypatch, tmp_path, seed):
    for name, value in (("ENABLE_PROXY_MULTIPART_UPLOAD", "true"),
                        ("MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", 5 << 20),
                        ("MULTIPART_UPLOAD_CHUNK_SIZE", 5 << 20)):
        monkeypatch.setenv("MLFLOW_" + name, str(value))
    data = bytes(range(251)) * (12 << 12)
    (tmp_path / "large").write_bytes(data)
    with workplace() as base, Daemon(base / "data") as d:
        run = d.run()["run_id"]
        with Lossy(d.address, seed, PARTS) as proxy:
            mlflow.set_tracking_uri(proxy.url)
            client = MlflowClient(proxy.url)
            client.log_artifact(run, str(tmp_path / "large"), "e")
        assert any("mpu/complete" in path for *_, path in proxy.hurt)
        status, _, text = d.request(
            "GET", f"/get-artifact?run_uuid={run}&path=e/large")
        assert status == 200 and text == data
        assert files(d, run) == ["e/large"]
        assert d.stop() == 0 and check(d.data) == ""


# --- creations, by a key -----------------------------------------------------

def send(address, path, body, key, method="POST"):
    """(status, answer), sent again while no answer comes."""
    host, port = address.rsplit(":", 1)
    for _ in range(10):
        c = http.client.HTTPConnection(host, int(port), timeout=30)
        try:
            c.request(method, API + path, json.dumps(body), {
                "Content-Type": "application/json", "Idempotency-Key": key})
            answer = c.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            continue
        finally:
            c.close()
    raise AssertionError("no answer ever")


MADE = [("experiments/create", {"name": "made"}, {"name": "made otherwise"}),
        ("runs/create", {"experiment_id": "0", "run_name": "made"},
         {"experiment_id": "0", "run_name": "made otherwise"}),
        ("logged-models", {"experiment_id": "0", "name": "made"},
         {"experiment_id": "0", "name": "otherwise"}),
        ("registered-models/create", {"name": "made"}, {"name": "otherwise"}),
        ("model-versions/create", {"name": "kept", "source": "s3://b/p"},
         {"name": "kept", "source": "s3://b/q"})]


def counts(d):
    """How many experiments, runs, logged models, models, versions."""
    found = told(d)
    return [len(found[kind]) for kind in ("experiments", "runs", "logged",
                                          "models", "versions")]


@pytest.fixture(scope="module")
def counting():
    with workplace() as base, Daemon(base / "data") as d:
        d.call("registered-models/create", {"name": "kept"})
        yield d


@pytest.mark.parametrize("path,body,other", MADE, ids=[m[0] for m in MADE])
def test_a_creation_with_a_key_happens_once(counting, path, body, other):
    before = counts(counting)
    weights = {PASS: 1, LOSE: 3, DELAY: 1}
    with Lossy(counting.address, path, weights=weights) as proxy:
        got = [send(proxy.url[7:], path, body, f"key of {path}")
               for _ in range(4)]
    assert all(answer == got[0] and answer[0] == 200 for answer in got), got
    after = counts(counting)
    assert sum(after) - sum(before) == 1, (before, after)
    status, answer = send(counting.address, path, other, f"key of {path}")
    assert status == 409, answer
    assert answer["error_code"] and answer["message"]
    assert counts(counting) == after
    # Another key is another wish; a name that is taken stays so.
    status, answer = send(counting.address, path, body, f"another of {path}")
    assert status in (200, 400), answer


def test_a_key_is_for_one_kind_of_call(counting):
    body = {"name": "one kind"}
    assert send(counting.address, "experiments/create", body, "kind")[0] == 200
    status, answer = send(counting.address, "registered-models/create", body,
                          "kind")
    assert status == 409, answer


def test_a_refusal_is_not_remembered(counting):
    """Nothing was done under the key, so it may still be."""
    path, body = "model-versions/create", {"name": "late", "source": "s3://b"}
    assert send(counting.address, path, body, "late")[0] == 404
    counting.call("registered-models/create", {"name": "late"})
    assert send(counting.address, path, body, "late")[0] == 200


def test_a_key_outlives_the_daemon():
    with workplace() as base:
        body = {"experiment_id": "0", "run_name": "once"}
        with Daemon(base / "data") as d:
            first = send(d.address, "runs/create", body, "k")
            d.kill()
        with Daemon(base / "data") as d:
            assert send(d.address, "runs/create", body, "k") == first
            assert content(d)["runs"] == 1
