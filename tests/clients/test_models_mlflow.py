"""Unmodified MLflow clients: models logged by runs, as both generations do it
(the second among the run's artifacts, the third as things of their own), and
the datasets that runs took.
"""
import json
import time

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException, RestException

pandas = pytest.importorskip("pandas")
numpy = pytest.importorskip("numpy")

THIRD = int(mlflow.__version__.split(".")[0]) >= 3
third = pytest.mark.skipif(not THIRD, reason="logged models came with 3")
second = pytest.mark.skipif(THIRD, reason="how MLflow 2 logs models")


class Doubling(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input * 2


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(tracking, request):
    return tracking.set_experiment(
        f"{request.node.name}-{time.time_ns()}").experiment_id


@pytest.fixture
def run(client, experiment):
    return client.create_run(experiment).info.run_id


def log_doubling(tracking, name, **kwargs):
    """What log_model answers; its first argument was renamed."""
    kwargs["name" if THIRD else "artifact_path"] = name
    return tracking.pyfunc.log_model(
        python_model=Doubling(), pip_requirements=["mlflow"], **kwargs)


def doubles(model):
    return list(model.predict(pandas.DataFrame({"a": [1, 4]}))["a"]) == [2, 8]


def test_log_and_load(tracking, client, experiment):
    with tracking.start_run() as run:
        tracking.log_params({f"p{i}": i for i in range(150)})
        tracking.log_metric("before", 1)
        info = log_doubling(tracking, "m")
    run_id = run.info.run_id
    assert doubles(tracking.pyfunc.load_model(info.model_uri))
    assert doubles(tracking.pyfunc.load_model(f"runs:/{run_id}/m"))
    names = {a.path for a in client.list_artifacts(run_id, "m")}
    assert {"m/MLmodel", "m/python_model.pkl"} <= names


@second
def test_history_of_models(tracking, client, experiment):
    with tracking.start_run() as run:
        for name in ("one", "two"):
            log_doubling(tracking, name)
    tags = client.get_run(run.info.run_id).data.tags
    history = json.loads(tags["mlflow.log-model.history"])
    assert [m["artifact_path"] for m in history] == ["one", "two"]
    assert history[0]["run_id"] == run.info.run_id
    assert "python_function" in history[0]["flavors"]


def test_many_models_of_a_run(client, run):
    """The tag that lists them outgrows other tags."""
    for i in range(60):
        text = json.dumps({"artifact_path": f"m{i}", "run_id": run,
                           "utc_time_created": "2026-01-01 00:00:00",
                           "flavors": {"f": {"code": "x" * 200,
                                             "config": {"a": "y" * 999}}}})
        for _ in range(2):
            client._tracking_client.store._call_endpoint(
                mlflow.protos.service_pb2.LogModel,
                json.dumps({"run_id": run, "model_json": text}))
    history = json.loads(
        client.get_run(run).data.tags["mlflow.log-model.history"])
    assert [m["artifact_path"] for m in history] == [
        f"m{i}" for i in range(60)]
    assert history[7]["flavors"] == {"f": {"code": "x" * 200}}


@third
def test_logged_model(tracking, client, experiment):
    with tracking.start_run() as run:
        tracking.log_param("rate", 3)
        info = log_doubling(tracking, "m", model_type="agent", step=4,
                            params={"own": "1"})
    model = client.get_logged_model(info.model_id)
    assert model.name == "m" and model.status == "READY"
    assert model.model_type == "agent" and model.experiment_id == experiment
    assert model.source_run_id == run.info.run_id
    assert model.params["own"] == "1"
    assert model.artifact_location == (
        f"mlflow-artifacts:/{experiment}/models/{info.model_id}/artifacts")
    assert doubles(tracking.pyfunc.load_model(f"models:/{info.model_id}"))
    done = client.get_run(run.info.run_id)
    assert [(o.model_id, o.step) for o in done.outputs.model_outputs] == [
        (info.model_id, 4)]
    names = {a.path for a in client.list_logged_model_artifacts(
        info.model_id)}
    assert "MLmodel" in names


@third
def test_logged_model_life(client, experiment):
    model = client.create_logged_model(
        experiment, name="life", tags={"a": "1"},
        params={f"p{i}": str(i) for i in range(230)})
    assert model.status == "PENDING" and len(model.model_id) == 34
    assert len(client.get_logged_model(model.model_id).params) == 230
    assert client.finalize_logged_model(
        model.model_id, "FAILED").status == "FAILED"
    assert client.finalize_logged_model(
        model.model_id, "READY").status == "READY"
    client.set_logged_model_tags(model.model_id, {"b": "2", "a": "3"})
    assert client.get_logged_model(model.model_id).tags == {
        "a": "3", "b": "2"}
    client.delete_logged_model_tag(model.model_id, "a")
    with pytest.raises(MlflowException, match="No tag with key 'a'"):
        client.delete_logged_model_tag(model.model_id, "a")
    assert client.get_logged_model(model.model_id).tags == {"b": "2"}
    client.delete_logged_model(model.model_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_logged_model(model.model_id)
    assert client.search_logged_models([experiment]) == []
    assert len(client.create_logged_model(experiment).name) > 0
    for name in ("a/b", "a.b", "a:b", "a%b"):
        with pytest.raises(MlflowException, match="Invalid model name"):
            client.create_logged_model(experiment, name=name)
    with pytest.raises(RestException, match="No Experiment with id"):
        client.create_logged_model("987654321", name="x")


@third
def test_metrics_of_logged_models(daemon, client, experiment, run):
    model = client.create_logged_model(experiment, name="measured")
    client.log_metric(run, "f1", 0.5, timestamp=10, step=1,
                      model_id=model.model_id)
    client.log_batch(run, metrics=[
        Metric("f1", 0.75, 20, 0, model_id=model.model_id,
               dataset_name="d", dataset_digest="1"),
        Metric("f1", 0.25, 20, 0, model_id=model.model_id,
               dataset_name="e", dataset_digest="2"),
        Metric("other", 1, 20, 0)])
    found = [(m.key, m.value, m.timestamp, m.step, m.dataset_name, m.run_id)
             for m in client.get_logged_model(model.model_id).metrics]
    assert sorted(found, key=str) == sorted([
        ("f1", 0.5, 10, 1, None, run), ("f1", 0.75, 20, 0, "d", run),
        ("f1", 0.25, 20, 0, "e", run)], key=str)
    # the run has them all as well
    assert client.get_run(run).data.metrics == {"f1": 0.5, "other": 1}
    assert len(client.get_metric_history(run, "f1")) == 3
    with pytest.raises(RestException, match="'m-none' not found"):
        client.log_metric(run, "f1", 1, model_id="m-none")
    status, _, text = daemon.request(
        "POST", "/api/2.0/mlflow/runs/log-metric",
        {"run_id": run, "key": "f1", "value": 1, "timestamp": 1,
         "model_id": model.model_id, "dataset_name": "d"})
    assert status == 400 and b"Both dataset_name and" in text
    assert len(client.get_metric_history(run, "f1")) == 3


@third
def test_search_logged_models(client, experiment, run):
    ids = []
    for i in range(7):
        model = client.create_logged_model(
            experiment, name=f"n{i}", model_type="even" if i % 2 == 0 else
            "odd", source_run_id=run, params={"p": str(i % 3)},
            tags={"t": f"T{i}"})
        ids.append(model.model_id)
        client.log_metric(run, "loss", i / 10, model_id=model.model_id,
                          timestamp=1000 + i)
        for name, value in (("train", i), ("test", 10 - i)):
            client.log_batch(run, metrics=[Metric(
                "acc", value, 5000 + i, 0, model_id=model.model_id,
                dataset_name=name, dataset_digest=f"d{i % 2}")])
        time.sleep(0.002)
    client.finalize_logged_model(ids[2], "READY")
    client.log_metric(run, "only", 1, model_id=ids[5])

    def search(text=None, **kwargs):
        return [ids.index(m.model_id) for m in client.search_logged_models(
            [experiment], filter_string=text, **kwargs)]

    def by(name, ascending=True, **kwargs):
        return [{"field_name": name, "ascending": ascending, **kwargs}]

    assert search() == [6, 5, 4, 3, 2, 1, 0]
    assert search(order_by=by("name")) == [0, 1, 2, 3, 4, 5, 6]
    assert search("name = 'n3'") == [3]
    assert search("name LIKE 'n%' AND model_type = 'odd'") == [5, 3, 1]
    assert search(f"model_id IN ('{ids[0]}', '{ids[6]}')") == [6, 0]
    assert search(f"source_run_id = '{run}' AND params.p = '2'") == [5, 2]
    assert search("tags.t ILIKE 't4'") == [4]
    assert search("status = 'READY'") == search("status != 'PENDING'") == [2]
    assert search("metrics.loss >= 0.5", order_by=by("metrics.loss")) == [
        5, 6]
    assert search("metrics.only = 1") == [5]
    created = client.get_logged_model(ids[3]).creation_timestamp
    assert search(f"creation_timestamp > {created}") == [6, 5, 4]
    # nulls come last in both directions
    assert search(order_by=by("metrics.only")) == [5, 6, 4, 3, 2, 1, 0]
    assert search(order_by=by("metrics.only", False))[0] == 5

    on = [{"dataset_name": "train"}]
    assert search("metrics.acc >= 5", datasets=on) == [6, 5]
    assert search("metrics.acc > 9", datasets=[
        {"dataset_name": "test", "dataset_digest": "d0"}]) == [0]
    assert search("metrics.acc > 9", datasets=[
        {"dataset_name": "test", "dataset_digest": "d1"}]) == []
    assert search(datasets=[{"dataset_name": "test",
                             "dataset_digest": "d1"}]) == [5, 3, 1]
    assert search(datasets=[{"dataset_name": "never"}]) == []
    assert search(order_by=by("metrics.acc", dataset_name="test")) == [
        6, 5, 4, 3, 2, 1, 0]
    assert search(order_by=by("metrics.acc", dataset_name="train")) == [
        0, 1, 2, 3, 4, 5, 6]
    # a dataset by its digest alone: the others have no such value
    assert search(order_by=by("metrics.acc", False, dataset_digest="d1"))[
        3:] == [6, 4, 2, 0]
    assert search(order_by=by("metrics.acc", dataset_digest="d2")) == search()

    seen, token = [], None
    while True:
        page = client.search_logged_models(
            [experiment], order_by=by("metrics.acc", False,
                                      dataset_name="train"),
            max_results=3, page_token=token)
        seen += [ids.index(m.model_id) for m in page]
        token = page.token
        if not token:
            break
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    page = client.search_logged_models([experiment], max_results=3)
    with pytest.raises(RestException, match="Invalid page token"):
        client.search_logged_models([experiment], filter_string="name = 'x'",
                                    page_token=page.token)
    for wrong in ("foo = 'a'", "metrics.loss = 'a'", "name > 'a'", "name ="):
        with pytest.raises(RestException) as e:
            search(wrong)
        assert e.value.error_code == "INVALID_PARAMETER_VALUE", wrong
    for wrong in ("params.p", "foo", "attributes.name"):
        with pytest.raises(RestException, match="Invalid order by"):
            search(order_by=by(wrong))


@third
def test_inputs_and_outputs(tracking, client, experiment, run):
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    one = client.create_logged_model(experiment, name="one").model_id
    two = client.create_logged_model(experiment, name="two").model_id
    client.log_inputs(run, models=[LoggedModelInput(one)])
    client.log_outputs(run, [LoggedModelOutput(one, 1),
                             LoggedModelOutput(two, 2)])
    client.log_outputs(run, [LoggedModelOutput(two, 2)])
    got = client.get_run(run)
    assert [m.model_id for m in got.inputs.model_inputs] == [one]
    assert [(m.model_id, m.step) for m in got.outputs.model_outputs] == [
        (one, 1), (two, 2)]
    found = client.search_runs([experiment])[0]
    assert found.inputs.model_inputs == []
    assert len(found.outputs.model_outputs) == 2
    with pytest.raises(RestException, match="'m-none' not found"):
        client.log_outputs(run, [LoggedModelOutput("m-none", 0)])


def test_datasets(tracking, client, experiment):
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})
    train = tracking.data.from_pandas(frame, name="train", targets="b")
    test = tracking.data.from_pandas(frame.head(2), name="test")
    with tracking.start_run() as run:
        tracking.log_input(train, context="training", tags={"x": "1"})
        tracking.log_input(test, context="testing")
        tracking.log_input(train, context="training", tags={"x": "1"})
    with tracking.start_run() as other:
        tracking.log_input(test)
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [(i.dataset.name, i.dataset.digest) for i in inputs] == [
        ("train", train.digest), ("test", test.digest)]
    assert {t.key: t.value for t in inputs[0].tags} == {
        "mlflow.data.context": "training", "x": "1"}
    assert json.loads(inputs[0].dataset.profile)["num_rows"] == 3
    assert "mlflow_colspec" in inputs[0].dataset.schema

    def search(text):
        return {r.info.run_id for r in client.search_runs([experiment], text)}

    both = {run.info.run_id, other.info.run_id}
    assert search("dataset.name = 'train'") == {run.info.run_id}
    assert search("datasets.name LIKE 'te%'") == both
    assert search("dataset.name = 'train' AND dataset.name = 'test'") == {
        run.info.run_id}
    assert search("dataset.context = 'testing'") == {run.info.run_id}
    assert search(f"dataset.digest IN ('{test.digest}', 'x')") == both
    assert search(f"dataset.digest NOT IN ('{test.digest}')") == {
        run.info.run_id}
    assert search("dataset.name = 'none'") == set()
    found = client.search_runs([experiment], "dataset.name = 'train'")[0]
    assert len(found.inputs.dataset_inputs) == 2


def test_dataset_summaries(daemon, tracking, experiment):
    frame = pandas.DataFrame({"a": [1]})
    with tracking.start_run():
        tracking.log_input(tracking.data.from_pandas(frame, name="one"),
                           context="training")
        tracking.log_input(tracking.data.from_pandas(frame, name="two"))
    path = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    status, _, text = daemon.request("POST", path,
                                     {"experiment_ids": [experiment]})
    found = json.loads(text)["dataset_summaries"]
    assert status == 200
    assert [(d["name"], d.get("context")) for d in found] == [
        ("one", "training"), ("two", None)]
    assert {d["experiment_id"] for d in found} == {experiment}
    assert daemon.request("POST", path, {})[0] == 400
    assert daemon.request("POST", path, {
        "experiment_ids": [str(i) for i in range(21)]})[0] == 400


def test_autolog(tracking, client, experiment):
    """scikit-learn's automatic logging, from fitting to loading."""
    linear = pytest.importorskip("sklearn.linear_model")
    tracking.sklearn.autolog(log_models=True, silent=True)
    try:
        with tracking.start_run() as run:
            fitted = linear.LinearRegression().fit(
                numpy.array([[1], [2], [3]]), numpy.array([2, 4, 6]))
    finally:
        tracking.sklearn.autolog(disable=True)
    done = client.get_run(run.info.run_id)
    assert done.info.status == "FINISHED"
    assert done.data.params["fit_intercept"] == "True"
    assert "training_mean_squared_error" in done.data.metrics
    assert [i.dataset.name for i in done.inputs.dataset_inputs] == ["dataset"]
    loaded = tracking.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert loaded.predict([[7]])[0] == fitted.predict([[7]])[0]
    if THIRD:
        model = client.search_logged_models([experiment])[0]
        assert model.status == "READY"
        assert model.source_run_id == run.info.run_id
        assert model.params["fit_intercept"] == "True"
        mse = [m for m in model.metrics
               if m.key == "training_mean_squared_error"]
        assert len(mse) == 1 and mse[0].dataset_name == "dataset"


@third
def test_artifacts_of_a_model(daemon, client, experiment):
    """The files of a logged model, call by call."""
    model = client.create_logged_model(experiment, name="files").model_id
    root = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/models/{model}"
    body = b"x" * 1000
    for name in ("MLmodel", "data/a b.bin"):
        path = f"{root}/artifacts/{name.replace(' ', '%20')}"
        assert daemon.request("PUT", path, body)[0] == 200
        assert daemon.request("GET", path)[2] == body
    assert daemon.request("PUT", f"{root}/artifacts/MLmodel", b"2")[0] == 200
    assert daemon.request("GET", f"{root}/artifacts/MLmodel")[2] == b"2"
    assert daemon.request("GET", f"{root}/artifacts/none")[0] == 404
    assert daemon.request("PUT", f"{root}/artifacts", body)[0] == 400
    assert daemon.request("PUT", root + "0/artifacts/x", body)[0] == 404

    page = daemon.call(f"logged-models/{model}/artifacts/directories")
    assert page["root_uri"].endswith(f"/models/{model}/artifacts")
    assert page["files"] == [
        {"path": "MLmodel", "is_dir": False, "file_size": 1},
        {"path": "data", "is_dir": True}]
    page = daemon.call(f"logged-models/{model}/artifacts/directories",
                       artifact_directory_path="data")
    assert [f["path"] for f in page["files"]] == ["data/a b.bin"]
    files = f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files"
    assert daemon.request("GET", files + "?artifact_file_path=MLmodel")[
        2] == b"2"
    assert daemon.request("GET", files + "?artifact_file_path=data")[0] == 400
    assert daemon.request("GET", files)[0] == 400

    assert daemon.request("DELETE", f"{root}/artifacts/data")[0] == 200
    assert daemon.request("GET", f"{root}/artifacts/data/a%20b.bin")[0] == 404
    client.delete_logged_model(model)
    assert daemon.request("GET", f"{root}/artifacts/MLmodel")[2] == b"2"
    assert daemon.request("PUT", f"{root}/artifacts/MLmodel", b"3")[0] == 400


@third
def test_told_as_changes(daemon, client, experiment):
    """Who follows the index is told of models of both kinds."""
    since = json.loads(daemon.request("GET", "/api/changes?since=0")[2])
    model = client.create_logged_model(experiment, name="told").model_id
    name = f"told-{time.time_ns()}"
    client.create_registered_model(name)
    client.create_model_version(name, f"models:/{model}", model_id=model)
    client.set_registered_model_alias(name, "best", "1")
    client.delete_logged_model(model)
    status, _, text = daemon.request(
        "GET", f"/api/changes?since={since['change']}")
    told = {(c["thing"], c["name"], c.get("removed", False))
            for c in json.loads(text)["changes"]}
    assert status == 200
    assert {("logged_model", model, True), ("logged_model", model, False),
            ("model", name, False), ("version", "1", False),
            ("alias", "best", False)} <= told
