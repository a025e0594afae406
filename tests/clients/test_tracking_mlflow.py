"""Unmodified MLflow clients: what a training script does, and what is read
back afterwards. Run with the clients of both generations.
"""
import json
import math
import os
import time

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException

SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7e308, 0.1]


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or (
        a == b and math.copysign(1, a) == math.copysign(1, b))


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(client, request):
    return client.create_experiment(f"{request.node.name}-{time.time_ns()}")


@pytest.fixture
def run(client, experiment):
    return client.create_run(experiment).info.run_id


def test_training(tracking, client, tmp_path):
    """The whole of a training script."""
    (tmp_path / "dir" / "below").mkdir(parents=True)
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)) * 5000)
    (tmp_path / "dir" / "a b é%.txt").write_text("one")
    (tmp_path / "dir" / "below" / "empty").write_bytes(b"")

    x = tracking.set_experiment("training")
    assert tracking.set_experiment("training").experiment_id == x.experiment_id
    with tracking.start_run(run_name="first", tags={"a": "1"}) as run:
        tracking.log_param("rate", 0.001)
        tracking.log_params({"depth": 12, "text": "a\nb\t'\"é", "empty": ""})
        for step in range(1000):
            tracking.log_metric("loss", 1 / (step + 1), step=step)
        tracking.log_metrics({"acc": 0.5, "val/f1 score": 0.25}, step=7)
        for i, value in enumerate(SPECIAL):
            tracking.log_metric("special", value, step=-i)
        tracking.set_tag("kind", "test")
        tracking.set_tags({"b": "2", "long": "x" * 5000})
        tracking.log_artifact(tmp_path / "weights.bin", "model")
        tracking.log_artifacts(tmp_path / "dir", "data")
        tracking.log_dict({"k": [1, 2]}, "config/run.json")
        tracking.log_text("hello", "note.txt")
    run_id = run.info.run_id

    done = client.get_run(run_id)
    assert done.info.status == "FINISHED"
    assert done.info.run_name == "first"
    assert done.info.end_time >= done.info.start_time > 0
    assert done.info.artifact_uri == (
        f"mlflow-artifacts:/{x.experiment_id}/{run_id}/artifacts")
    assert done.data.params == {"rate": "0.001", "depth": "12",
                                "text": "a\nb\t'\"é", "empty": ""}
    tags = done.data.tags
    assert tags["a"] == "1" and tags["b"] == "2" and tags["kind"] == "test"
    assert tags["long"] == "x" * 5000 and tags["mlflow.runName"] == "first"
    assert done.data.metrics["loss"] == 1 / 1000
    assert done.data.metrics["val/f1 score"] == 0.25

    loss = client.get_metric_history(run_id, "loss")
    assert [(m.step, m.value) for m in loss] == [
        (s, 1 / (s + 1)) for s in range(1000)]
    special = {m.step: m.value
               for m in client.get_metric_history(run_id, "special")}
    assert all(same(special[-i], v) for i, v in enumerate(SPECIAL))
    assert math.isnan(done.data.metrics["special"])
    assert client.get_metric_history(run_id, "never") == []

    found = tracking.search_runs(
        [x.experiment_id], "metrics.acc > 0.4 and params.depth = '12'",
        output_format="list")
    assert [r.info.run_id for r in found] == [run_id]
    assert tracking.search_runs([x.experiment_id], "metrics.acc > 0.6",
                                output_format="list") == []

    local = tracking.artifacts.download_artifacts(
        run_id=run_id, dst_path=str(tmp_path / "down"))
    for name in ("weights.bin", "dir/a b é%.txt", "dir/below/empty"):
        there = name.replace("dir/", "data/").replace("weights",
                                                      "model/weights")
        with open(os.path.join(local, there), "rb") as f:
            assert f.read() == (tmp_path / name).read_bytes(), name
    with open(os.path.join(local, "config/run.json")) as f:
        assert json.load(f) == {"k": [1, 2]}
    assert tracking.artifacts.load_text(
        f"runs:/{run_id}/note.txt") == "hello"

    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert tracking.search_runs([x.experiment_id],
                                output_format="list") == []
    assert len(tracking.search_runs(
        [x.experiment_id], run_view_type=ViewType.DELETED_ONLY,
        output_format="list")) == 1
    with pytest.raises(RestException, match="must be in the 'active' state"):
        client.log_metric(run_id, "loss", 1)
    client.restore_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "active"
    assert len(client.get_metric_history(run_id, "loss")) == 1000


def test_artifacts(client, run, tmp_path):
    (tmp_path / "f").write_text("1")
    assert client.list_artifacts(run) == []
    client.log_artifact(run, tmp_path / "f")
    client.log_artifact(run, tmp_path / "f", "d/e")
    root = client.list_artifacts(run)
    assert [(a.path, a.is_dir, a.file_size) for a in root] == [
        ("d", True, None), ("f", False, 1)]
    assert [a.path for a in client.list_artifacts(run, "d")] == ["d/e"]
    assert [a.path for a in client.list_artifacts(run, "d/e")] == ["d/e/f"]
    assert client.list_artifacts(run, "f") == []
    assert client.list_artifacts(run, "none") == []
    (tmp_path / "f").write_text("22")
    client.log_artifact(run, tmp_path / "f")
    (tmp_path / "down").mkdir()
    path = client.download_artifacts(run, "f", str(tmp_path / "down"))
    with open(path) as f:
        assert f.read() == "22"
    with pytest.raises(MlflowException, match="(?i)no such|not found|404|"
                                              "Failed to download"):
        client.download_artifacts(run, "missing", str(tmp_path))


def test_large_artifact(client, run, tmp_path):
    data = os.urandom(1 << 20) * 40
    (tmp_path / "big").write_bytes(data)
    client.log_artifact(run, tmp_path / "big")
    (tmp_path / "down").mkdir()
    path = client.download_artifacts(run, "big", str(tmp_path / "down"))
    with open(path, "rb") as f:
        assert f.read() == data


def test_many_files(client, run, tmp_path):
    for i in range(60):
        (tmp_path / f"f{i}").write_text(str(i))
    client.log_artifacts(run, tmp_path, "many")
    names = [a.path for a in client.list_artifacts(run, "many")]
    assert names == sorted(f"many/f{i}" for i in range(60))


def test_params_are_written_once(client, run):
    client.log_param(run, "a", "1")
    client.log_param(run, "a", "1")
    with pytest.raises(MlflowException, match="Changing param values is not "
                                              "allowed"):
        client.log_param(run, "a", "2")
    with pytest.raises(MlflowException, match="Changing param values"):
        client.log_batch(run, params=[Param("b", "1"), Param("a", "2")],
                         metrics=[Metric("m", 1, 1, 1)], tags=[])
    data = client.get_run(run).data
    assert data.params == {"a": "1"} and data.metrics == {}
    with pytest.raises(MlflowException, match="Duplicate parameter keys"):
        client.log_batch(run, params=[Param("c", "1"), Param("c", "1")])


def test_latest_metric(client, run):
    for value, step, stamp in ((5, 1, 100), (9, 1, 100), (7, 1, 100),
                               (1, 0, 999)):
        client.log_metric(run, "m", value, timestamp=stamp, step=step)
    assert client.get_run(run).data.metrics == {"m": 9}
    client.log_metric(run, "m", 9, timestamp=100, step=1)
    assert len(client.get_metric_history(run, "m")) == 4


def test_batch(client, run):
    stamp = int(time.time() * 1000)
    client.log_batch(
        run, metrics=[Metric(f"m{i}", i, stamp, i) for i in range(800)],
        params=[Param(f"p{i}", str(i)) for i in range(100)],
        tags=[RunTag(f"t{i}", str(i)) for i in range(100)])
    data = client.get_run(run).data
    assert len(data.metrics) == 800 and len(data.params) == 100
    assert data.metrics["m799"] == 799 and data.params["p42"] == "42"
    assert data.tags["t99"] == "99"


def test_history_in_pages(client, run):
    stamp = 1000
    for start in range(0, 30000, 1000):
        client.log_batch(run, metrics=[
            Metric("m", i, stamp + i, i) for i in range(start, start + 1000)])
    history = client.get_metric_history(run, "m")
    assert [m.step for m in history] == list(range(30000))


def test_log_later(tracking):
    """Metrics handed to the client's own threads, in no order."""
    tracking.set_experiment("later")
    with tracking.start_run() as run:
        for step in range(200):
            tracking.log_metric("m", step, step=step, synchronous=False)
        tracking.flush_async_logging()
    history = MlflowClient().get_metric_history(run.info.run_id, "m")
    assert sorted(m.step for m in history) == list(range(200))


def test_run_names(client, experiment):
    named = client.create_run(experiment, run_name="one")
    assert named.data.tags["mlflow.runName"] == "one"
    made_up = client.create_run(experiment)
    assert 0 < len(made_up.info.run_name) <= 20
    client.set_tag(named.info.run_id, "mlflow.runName", "two")
    assert client.get_run(named.info.run_id).info.run_name == "two"
    client.update_run(named.info.run_id, name="three")
    run = client.get_run(named.info.run_id)
    assert run.info.run_name == run.data.tags["mlflow.runName"] == "three"


def test_run_status(tracking, client, experiment):
    run = client.create_run(experiment)
    assert run.info.status == "RUNNING" and run.info.end_time is None
    for status in ("SCHEDULED", "FAILED", "KILLED", "RUNNING"):
        client.update_run(run.info.run_id, status)
        assert client.get_run(run.info.run_id).info.status == status
    client.set_terminated(run.info.run_id, end_time=123456789)
    info = client.get_run(run.info.run_id).info
    assert info.status == RunStatus.to_string(RunStatus.FINISHED)
    assert info.end_time == 123456789


def test_resume_and_nest(tracking, client):
    tracking.set_experiment("nested")
    with tracking.start_run() as parent:
        with tracking.start_run(nested=True) as child:
            tracking.log_metric("m", 1)
    with tracking.start_run(run_id=parent.info.run_id):
        tracking.log_metric("m", 2)
    assert client.get_run(parent.info.run_id).data.metrics == {"m": 2}
    found = client.search_runs(
        [parent.info.experiment_id],
        f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert [r.info.run_id for r in found] == [child.info.run_id]


def test_failed_run(tracking, client):
    tracking.set_experiment("failed")
    with pytest.raises(ZeroDivisionError):
        with tracking.start_run() as run:
            1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_tags(client, run, experiment):
    client.set_tag(run, "k", "v")
    client.set_tag(run, "k", "w")
    assert client.get_run(run).data.tags["k"] == "w"
    client.delete_tag(run, "k")
    assert "k" not in client.get_run(run).data.tags
    with pytest.raises(MlflowException, match="No tag with name: k in run"):
        client.delete_tag(run, "k")
    client.set_experiment_tag(experiment, "team", "a")
    assert client.get_experiment(experiment).tags["team"] == "a"


def test_experiments(client):
    name = f"experiments {time.time_ns()}"
    one = client.create_experiment(name, tags={"t": "1"})
    x = client.get_experiment_by_name(name)
    assert x.experiment_id == one and x.lifecycle_stage == "active"
    assert x.tags["t"] == "1" and x.creation_time > 0
    assert x.artifact_location == f"mlflow-artifacts:/{one}"
    with pytest.raises(RestException, match="already exists"):
        client.create_experiment(name)
    client.rename_experiment(one, name + " renamed")
    assert client.get_experiment(one).name == name + " renamed"
    assert client.get_experiment_by_name(name) is None
    run = client.create_run(one).info.run_id
    client.delete_experiment(one)
    assert client.get_experiment(one).lifecycle_stage == "deleted"
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    with pytest.raises(RestException):
        client.create_run(one)
    client.restore_experiment(one)
    assert client.get_run(run).info.lifecycle_stage == "active"
    with pytest.raises(RestException, match="No Experiment with id"):
        client.get_experiment("987654321")


def test_experiment_search(client):
    stamp = f"s{time.time_ns()}"
    ids = [client.create_experiment(f"{stamp}-{i}", tags={"n": str(i)})
           for i in range(5)]
    client.delete_experiment(ids[0])
    found = client.search_experiments(filter_string=f"name LIKE '{stamp}%'")
    assert {x.experiment_id for x in found} == set(ids[1:])
    found = client.search_experiments(
        view_type=ViewType.ALL, filter_string=f"name LIKE '{stamp}%'",
        order_by=["name ASC"], max_results=2)
    assert [x.experiment_id for x in found] == ids[:2]
    rest = client.search_experiments(
        view_type=ViewType.ALL, filter_string=f"name LIKE '{stamp}%'",
        order_by=["name ASC"], max_results=9, page_token=found.token)
    assert [x.experiment_id for x in rest] == ids[2:]
    found = client.search_experiments(
        filter_string=f"tags.n = '3' and name LIKE '{stamp}%'")
    assert [x.experiment_id for x in found] == [ids[3]]


def test_run_search(client, experiment):
    runs = []
    for i in range(25):
        run = client.create_run(experiment, start_time=1000 + i,
                                run_name=f"n{i}").info.run_id
        client.log_batch(run, metrics=[Metric("loss", i / 10, 1, 1)],
                         params=[Param("p", str(i % 5))])
        runs.append(run)
    client.log_metric(runs[3], "only", 1)

    def search(text="", **kwargs):
        return [runs.index(r.info.run_id) for r in client.search_runs(
            [experiment], text, **kwargs)]

    assert search() == list(range(24, -1, -1))
    assert search("metrics.loss < 0.25", order_by=["metrics.loss ASC"]) == [
        0, 1, 2]
    assert search("params.p = '4'", order_by=["attributes.start_time"]) == [
        4, 9, 14, 19, 24]
    assert search("params.p != '4' and metrics.loss >= 2.3") == [23]
    assert search("attributes.run_name LIKE 'n1%'",
                  order_by=["start_time ASC"]) == [1, *range(10, 20)]
    assert search("tags.mlflow.runName ILIKE 'N7'") == [7]
    assert search(f"run_id IN ('{runs[1]}', '{runs[2]}')") == [2, 1]
    assert search("status = 'RUNNING' and start_time < 1002") == [1, 0]
    assert search("metrics.only = 1") == [3]
    assert search("metrics.only = 1", run_view_type=ViewType.DELETED_ONLY
                  ) == []
    seen, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=[
            "metrics.loss DESC"], max_results=7, page_token=token)
        seen += [runs.index(r.info.run_id) for r in page]
        token = page.token
        if not token:
            break
    assert seen == list(range(24, -1, -1))
    assert client.search_runs([], "") == []
    for wrong in ("metrics.loss = 'a'", "foo = 'b'", "params.p = 4",
                  "metrics.loss <", "a or"):
        with pytest.raises(RestException) as e:
            client.search_runs([experiment], wrong)
        assert e.value.error_code == "INVALID_PARAMETER_VALUE", wrong


def test_unknown(client):
    with pytest.raises(RestException, match="not found") as e:
        client.get_run("0" * 32)
    assert e.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(RestException) as e:
        client.log_metric("0" * 32, "m", 1)
    assert e.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("prefix", ["", "/mlflow"])
def test_prefixes(daemon, prefix):
    """Clients put their own paths behind the tracking URI's."""
    client = MlflowClient(daemon.url + prefix)
    run = client.create_run("0").info.run_id
    client.log_metric(run, "m", 1)
    assert client.get_run(run).data.metrics == {"m": 1}


def test_uploads_of_a_page(daemon, client, run, tmp_path):
    def upload(query, body):
        status, _, text = daemon.request(
            "POST", "/ajax-api/2.0/mlflow/upload-artifact" + query, body)
        return status, json.loads(text).get("message", "")

    assert upload("", b"x") == (400, "Request must specify run_uuid.")
    assert upload(f"?run_uuid={run}", b"x") == (400,
                                                "Request must specify path.")
    assert upload(f"?run_uuid={run}&path=a", b"") == (
        400, "Request must specify data.")
    status, why = upload(f"?run_uuid={run}&path=../a", b"x")
    assert status == 400 and why.startswith("Invalid path")
    assert upload(f"?run_uuid={'0' * 32}&path=a", b"x")[0] == 404
    assert client.list_artifacts(run) == []
    assert upload(f"?run_uuid={run}&path=d/a%2Bb.txt", b"text") == (200, "")
    status, head, body = daemon.request(
        "GET", f"/get-artifact?run_uuid={run}&path=d/a%2Bb.txt")
    assert (status, body) == (200, b"text")
    assert head["Content-Type"] == "text/plain"
    assert head["Content-Disposition"] == "attachment; filename=a+b.txt"


def test_samples_of_several_runs(daemon, client, experiment):
    """The steps are chosen from those of all runs; each keeps its ends."""
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for run, steps in zip(runs, (range(10), range(5, 25))):
        client.log_batch(run, [Metric("m", s, t, s) for s in steps
                               for t in (2, 1)])
    page = daemon.call("metrics/get-history-bulk-interval", run_ids=runs,
                       metric_key="m", max_results=5)["metrics"]
    assert [(m["run_id"], m["step"], m["timestamp"]) for m in page] == [
        (run, s, t) for run, steps in zip(runs, ((0, 5, 9), (5, 9, 10, 15, 20,
                                                             24)))
        for s in steps for t in (1, 2)]


def test_relative_location(client, request):
    """It lies where the daemon was started."""
    x = client.create_experiment(f"{request.node.name}-{time.time_ns()}",
                                 artifact_location="below/here")
    assert client.get_experiment(x).artifact_location == os.path.join(
        os.getcwd(), "below/here")
