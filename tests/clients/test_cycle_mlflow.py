"""The whole way of a model, by unmodified MLflow clients of both generations:
trained, logged, registered, named, loaded under every name it has, and asked
for predictions, which must be those of the model that was trained.
"""
import time
from itertools import count

import mlflow as mlflow_module
import pytest
from mlflow import MlflowClient

from harness import check

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
pytest.importorskip("sklearn")

THIRD = int(mlflow_module.__version__.split(".")[0]) >= 3
third = pytest.mark.skipif(not THIRD, reason="logged models came with 3")
pytestmark = pytest.mark.filterwarnings("ignore")
numbers = count(1)
CLASSES = 3


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(tracking, request):
    return tracking.set_experiment(
        f"{request.node.name}-{time.time_ns()}").experiment_id


@pytest.fixture(scope="module")
def flowers():
    """(features, classes), as a frame and its column."""
    from sklearn.datasets import load_iris

    frame = load_iris(as_frame=True).frame
    frame.columns = [*"abcd", "kind"]
    return frame.drop(columns="kind").astype("float32"), frame["kind"]


@pytest.fixture(scope="module")
def forest(flowers):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(7, max_depth=4, random_state=1).fit(
        flowers[0].to_numpy(), flowers[1])


def named(name):
    """How log_model takes the name."""
    return {"name" if THIRD else "artifact_path": name}


class Sklearn:
    """A model as it was trained."""

    @staticmethod
    def log(tracking, forest, **kwargs):
        return tracking.sklearn.log_model(
            forest, serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"], **kwargs)

    @staticmethod
    def predict(tracking, uri, frame):
        return tracking.sklearn.load_model(uri).predict(frame.to_numpy())

    @staticmethod
    def of_pyfunc(answer):
        return answer


class Onnx:
    """The same one, converted; its file is one of several."""

    @staticmethod
    def log(tracking, forest, **kwargs):
        from skl2onnx import to_onnx

        graph = to_onnx(forest, numpy.zeros((1, 4), "float32"),
                        options={"zipmap": False}, target_opset=18)
        return tracking.onnx.log_model(
            graph, pip_requirements=["onnxruntime"], **kwargs)

    @staticmethod
    def predict(tracking, uri, frame):
        import onnxruntime

        graph = tracking.onnx.load_model(uri)
        session = onnxruntime.InferenceSession(
            graph.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(["label"], {"X": frame.to_numpy()})[0]

    @staticmethod
    def of_pyfunc(answer):
        return answer["label"]


@pytest.mark.parametrize("flavor", [Sklearn, Onnx])
def test_whole_cycle(tracking, client, experiment, flowers, forest, flavor):
    frame, kinds = flowers
    expected = forest.predict(frame.to_numpy())
    signature = tracking.models.infer_signature(frame.to_numpy(), expected)
    with tracking.start_run() as run:
        tracking.log_params({"trees": 7, "depth": 4})
        tracking.log_metric("accuracy", float((expected == kinds).mean()))
        info = flavor.log(tracking, forest, signature=signature,
                          **named("classifier"))
    run_id, name = run.info.run_id, f"{flavor.__name__} {next(numbers)}"

    made = tracking.register_model(f"runs:/{run_id}/classifier", name,
                                   tags={"from": "cycle"})
    assert int(made.version) == 1 and made.run_id == run_id
    client.set_registered_model_alias(name, "champion", made.version)
    copy = client.copy_model_version(f"models:/{name}@champion",
                                     f"{name} copy")
    uris = [info.model_uri, f"runs:/{run_id}/classifier",
            f"models:/{name}/1", f"models:/{name}@champion",
            f"models:/{name}/latest", f"models:/{name} copy/{copy.version}"]
    if THIRD:
        assert info.model_uri == f"models:/{info.model_id}"
        again = tracking.register_model(info.model_uri, name)
        uris.append(f"models:/{name}/{again.version}")
        tags = client.get_logged_model(info.model_id).tags
        assert f'"name": "{name}", "version": ' in tags[
            "mlflow.modelVersions"]
    for uri in uris:
        answer = flavor.predict(tracking, uri, frame)
        assert numpy.array_equal(answer, expected), uri
    for uri in uris[:4]:
        loaded = tracking.pyfunc.load_model(uri)
        assert loaded.metadata.run_id == run_id
        assert loaded.metadata.signature == signature
        answer = flavor.of_pyfunc(loaded.predict(frame.to_numpy()))
        assert numpy.array_equal(answer, expected), uri
    assert tracking.models.get_model_info(uris[3]).signature == signature


def test_registered_at_once(tracking, client, experiment, flowers, forest):
    """Logged and registered by one call, twice; then moved on by alias."""
    name = f"at once {next(numbers)}"
    with tracking.start_run() as run:
        for i in range(2):
            info = Sklearn.log(
                tracking, forest, registered_model_name=name,
                input_example=flowers[0].head(3).to_numpy(),
                metadata={"try": i}, **named(f"m{i}"))
            assert int(info.registered_model_version) == i + 1
    found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert sorted(int(v.version) for v in found) == [1, 2]
    for i in range(2):
        client.set_registered_model_alias(name, "now", i + 1)
        loaded = tracking.pyfunc.load_model(f"models:/{name}@now")
        assert loaded.metadata.metadata == {"try": i}
        example = loaded.input_example
        assert numpy.array_equal(example,
                                 flowers[0].head(3).to_numpy())
    client.transition_model_version_stage(name, "2", "Production")
    assert tracking.pyfunc.load_model(
        f"models:/{name}/Production").metadata.metadata == {"try": 1}


def test_autolog_of_a_search(tracking, client, experiment, flowers):
    """One run of the search, one below it for each of the best."""
    import sklearn.metrics
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame, kinds = flowers
    x, unseen = frame.iloc[::2], frame.iloc[1::2]
    y, hidden = kinds.iloc[::2], kinds.iloc[1::2]
    tracking.sklearn.autolog(silent=True, max_tuning_runs=3)
    try:
        with tracking.start_run() as run:
            search = GridSearchCV(
                make_pipeline(StandardScaler(),
                              LogisticRegression(max_iter=200)),
                {"logisticregression__C": [0.01, 0.1, 1, 10]}, cv=2)
            search.fit(x, y)
            sklearn.metrics.accuracy_score(hidden, search.predict(unseen))
            search.score(unseen, hidden)
    finally:
        tracking.sklearn.autolog(disable=True)
    done = client.get_run(run.info.run_id)
    best = str(search.best_params_["logisticregression__C"])
    assert done.data.params["best_logisticregression__C"] == best
    assert done.data.metrics["best_cv_score"] == search.best_score_
    assert done.data.metrics["accuracy_score_unseen"] == (
        done.data.metrics["GridSearchCV_score_unseen"]) == (
        search.score(unseen, hidden))
    names = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"cv_results.csv", "estimator.html"} <= names
    assert "training_confusion_matrix.png" in names

    children = client.search_runs(
        [experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'",
        order_by=["metrics.mean_test_score DESC"])
    assert len(children) == 3
    assert children[0].data.metrics["mean_test_score"] == search.best_score_
    assert all(c.info.status == "FINISHED" for c in children)
    assert sorted(t.value for i in done.inputs.dataset_inputs
                  for t in i.tags) == ["eval", "train"]
    for which in ("model", "best_estimator"):
        loaded = tracking.sklearn.load_model(
            f"runs:/{run.info.run_id}/{which}")
        assert numpy.array_equal(loaded.predict(unseen),
                                 search.predict(unseen))
    if THIRD:
        models = client.search_logged_models(
            [experiment], filter_string="name = 'model'")
        measured = {m.key: m for m in models[0].metrics}
        assert measured["training_f1_score"].dataset_digest
        assert measured["accuracy_score_unseen"].value == (
            done.data.metrics["accuracy_score_unseen"])


@third
def test_metrics_by_model_and_dataset(tracking, client, experiment, forest,
                                      flowers):
    """What a comparison of models is made of."""
    frame = flowers[0].assign(kind=flowers[1])
    sets = {n: tracking.data.from_pandas(part, name=n, targets="kind")
            for n, part in (("train", frame[:100]), ("test", frame[100:]))}
    ids = []
    with tracking.start_run() as run:
        for i in range(4):
            ids.append(Sklearn.log(tracking, forest, params={"i": i},
                                   tags={"kind": "tree"}, step=i,
                                   **named(f"m{i}")).model_id)
            for name, dataset in sets.items():
                tracking.log_metrics(
                    {"acc": i / 10 + (name == "train"), "loss": -i},
                    dataset=dataset, model_id=ids[i], step=i)
    assert [(o.model_id, o.step) for o in client.get_run(
        run.info.run_id).outputs.model_outputs] == [
            (m, i) for i, m in enumerate(ids)]

    def by(dataset, ascending):
        return [{"field_name": "metrics.acc", "ascending": ascending,
                 "dataset_name": dataset,
                 "dataset_digest": sets[dataset].digest}]

    found = tracking.search_logged_models(
        [experiment], "metrics.acc > 0.05",
        datasets=[{"dataset_name": "test",
                   "dataset_digest": sets["test"].digest}],
        order_by=by("test", False))
    assert list(found["model_id"]) == ids[:0:-1]
    assert [p["i"] for p in found["params"]] == ["3", "2", "1"]
    best = tracking.search_logged_models(
        [experiment], order_by=by("train", True), max_results=1,
        output_format="list")
    assert [m.model_id for m in best] == ids[:1]
    metrics = {(m.key, m.dataset_name): m.value for m in best[0].metrics}
    assert metrics == {("acc", "train"): 1, ("acc", "test"): 0,
                       ("loss", "train"): 0, ("loss", "test"): 0}
    assert [m.value for m in client.get_metric_history(
        run.info.run_id, "acc")].count(1.3) == 1


def test_evaluate(tracking, client, experiment, flowers, forest):
    """A model is measured by MLflow itself."""
    frame = flowers[0].assign(kind=flowers[1])
    with tracking.start_run():
        info = Sklearn.log(tracking, forest, **named("classifier"))
    with tracking.start_run() as run:
        result = tracking.models.evaluate(
            info.model_uri,
            tracking.data.from_pandas(frame, name="all", targets="kind"),
            model_type="classifier", evaluators="default",
            evaluator_config={"log_explainer": False})
    done = client.get_run(run.info.run_id)
    score = forest.score(flowers[0].to_numpy(), flowers[1])
    assert done.data.metrics["accuracy_score"] == pytest.approx(score)
    assert done.data.metrics["accuracy_score"] == (
        result.metrics["accuracy_score"])
    assert [i.dataset.name for i in done.inputs.dataset_inputs] == ["all"]
    for name, artifact in result.artifacts.items():
        local = tracking.artifacts.download_artifacts(artifact.uri)
        with open(local, "rb") as f:
            assert f.read(4), name
    assert "confusion_matrix" in result.artifacts
    if THIRD:
        measured = {m.key: m for m in client.get_logged_model(
            info.model_id).metrics}
        assert measured["accuracy_score"].run_id == run.info.run_id
        assert measured["accuracy_score"].dataset_name == "all"


def test_model_of_a_run_with_many_metrics(tracking, client, experiment,
                                          forest):
    """The client of the third generation asks for the history of each."""
    with tracking.start_run() as run:
        tracking.log_metrics({f"layer{i % 40}/m{i}": i for i in range(2000)},
                             step=1)
        info = Sklearn.log(tracking, forest, **named("m"),
                           **({"step": 1} if THIRD else {}))
    assert len(client.get_run(run.info.run_id).data.metrics) == 2000
    if THIRD:
        metrics = client.get_logged_model(info.model_id).metrics
        assert {m.value for m in metrics} == set(range(2000))


def test_nothing_is_wrong_afterwards(daemon):
    assert check(daemon.data) == ""
