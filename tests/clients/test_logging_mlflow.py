"""What runs log besides numbers and files, by unmodified MLflow clients of
both generations: in the background, by themselves, as tables, images,
figures and documents, under odd names; and thousands of runs read back.
"""
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import mlflow as mlflow_module
import pytest
from mlflow import MlflowClient

from harness import check, wait_until

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")

THIRD = int(mlflow_module.__version__.split(".")[0]) >= 3
pytestmark = pytest.mark.filterwarnings("ignore")
ODD = ["a b.txt", "after ", "été.txt", "日本語", "🚀", "e\u0301",
       "50%", "a+b", "a&b=c", "a;b", '"q"',
       "~tilde", "(1)[2]{3}", "@at", "a:b", "$x", "!", "*", "^", "`", "|",
       "<tag>", ".hidden", "...", "-dash", "a,b", "a=b", "x" * 200]


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(tracking, request):
    return tracking.set_experiment(
        f"{request.node.name}-{time.time_ns()}").experiment_id


def steps(client, run, key):
    return [m.step for m in client.get_metric_history(run, key)]


# --- in the background --------------------------------------------------------

@pytest.fixture
def in_background(tracking, monkeypatch):
    """All logging is the client's threads', unless a call says otherwise."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")
    yield
    tracking.flush_async_logging()


@pytest.mark.parametrize("buffered", ["", "1"])
def test_background(tracking, client, experiment, in_background, monkeypatch,
                    buffered):
    """Several threads, thousands of points, none is lost."""
    points = 1000 if buffered else 700
    if buffered:
        monkeypatch.setenv("MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS", buffered)
    with tracking.start_run() as run:
        def work(which):
            for step in range(points):
                tracking.log_metric(f"m{which}", step / 4, step=step,
                                    run_id=run.info.run_id)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(3)))
        for i in range(150):
            tracking.log_param(f"p{i}", i)
            tracking.set_tag(f"t{i}", "x" * i)
        tracking.log_metrics({f"k{i}": i for i in range(1500)}, step=3)
        tracking.log_params({f"q{i}": i for i in range(230)})
        last = tracking.log_metric("last", 1, synchronous=False)
        last.wait()
        tracking.flush_async_logging()
    done = client.get_run(run.info.run_id)
    for which in range(3):
        history = client.get_metric_history(run.info.run_id, f"m{which}")
        assert sorted((m.step, m.value) for m in history) == [
            (s, s / 4) for s in range(points)]
    assert done.data.metrics == {
        **{f"m{i}": (points - 1) / 4 for i in range(3)}, "last": 1,
        **{f"k{i}": i for i in range(1500)}}
    assert done.data.params == {**{f"p{i}": str(i) for i in range(150)},
                                **{f"q{i}": str(i) for i in range(230)}}
    assert all(done.data.tags[f"t{i}"] == "x" * i for i in range(150))


def test_background_tells_errors(tracking, client, experiment):
    with tracking.start_run():
        tracking.log_param("a", 1)
        with pytest.raises(Exception, match="Changing param values"):
            tracking.log_param("a", 2, synchronous=False).wait()
        tracking.log_param("b", 1, synchronous=False).wait()


def test_system_metrics(tracking, client, experiment):
    pytest.importorskip("psutil")
    tracking.set_system_metrics_sampling_interval(0.05)
    tracking.set_system_metrics_samples_before_logging(2)
    key = "system/cpu_utilization_percentage"
    try:
        with tracking.start_run(log_system_metrics=True) as run:
            run_id = run.info.run_id
            assert wait_until(lambda: len(steps(client, run_id, key)) > 3)
        first = steps(client, run_id, key)
        with tracking.start_run(run_id=run_id, log_system_metrics=True):
            assert wait_until(
                lambda: len(steps(client, run_id, key)) > len(first) + 2)
    finally:
        tracking.set_system_metrics_sampling_interval(None)
        tracking.set_system_metrics_samples_before_logging(None)
    both = steps(client, run_id, key)
    assert both == list(range(len(both))) and len(both) > len(first)
    done = client.get_run(run_id)
    assert done.info.status == "FINISHED"
    assert done.data.metrics["system/system_memory_usage_megabytes"] > 0
    assert tracking.search_runs(
        [experiment], f"metrics.`{key}` >= 0", output_format="list")


# --- tables, images, figures, documents ---------------------------------------

def test_tables(tracking, client, experiment):
    whole = {"text": ["a", 'b"c\n'], "n": [1, 2], "é": [0.5, None]}
    runs = []
    for i in range(2):
        with tracking.start_run() as run:
            runs.append(run.info.run_id)
            tracking.log_table(whole, "tables/one.json")
            tracking.log_table(pandas.DataFrame(whole), "tables/one.json")
            tracking.log_table({"x": [i]}, "other.json")
            tracking.set_tag("which", i)
    one = tracking.load_table("tables/one.json", run_ids=runs[:1])
    assert list(one["text"]) == whole["text"] * 2
    assert list(one["n"]) == [1, 2, 1, 2]
    assert list(one["é"].fillna(-1)) == [0.5, -1, 0.5, -1]
    both = tracking.load_table("other.json", extra_columns=["run_id"])
    assert sorted(zip(both["x"], both["run_id"])) == list(enumerate(runs))
    logged = json.loads(client.get_run(runs[0]).data.tags[
        "mlflow.loggedArtifacts"])
    assert logged == [{"path": "tables/one.json", "type": "table"},
                      {"path": "other.json", "type": "table"}]


def test_images(tracking, client, experiment):
    images = pytest.importorskip("PIL.Image")
    pixels = numpy.arange(8 * 9 * 3, dtype="uint8").reshape(8, 9, 3)
    key = "dogs/a b" if THIRD else "dogs a b"
    with tracking.start_run() as run:
        tracking.log_image(pixels, "pictures/array é.png")
        tracking.log_image(images.fromarray(pixels), "pillow.png")
        tracking.log_image(tracking.Image(pixels), "own.png")
        for step in range(4):
            tracking.log_image(pixels + numpy.uint8(step), key=key,
                               step=step, synchronous=step > 0)
        tracking.flush_async_logging()
    run_id = run.info.run_id
    for name in ("pictures/array é.png", "pillow.png", "own.png"):
        image = tracking.artifacts.load_image(f"runs:/{run_id}/{name}")
        assert numpy.array_equal(numpy.array(image), pixels), name

    mark = "+" if THIRD else "%"
    start = f"images/{key.replace('/', '~')}{mark}step{mark}"
    names = [a.path for a in client.list_artifacts(run_id, "images")]
    assert [n[len(start)] for n in sorted(names)] == list("00112233")
    assert all(n.startswith(start) for n in names)
    local = Path(client.download_artifacts(run_id, "images"))
    for step in range(4):
        found = [p for p in local.glob("*.png")
                 if f"step{mark}{step}{mark}" in p.name]
        assert len(found) == 1
        assert numpy.array_equal(numpy.array(images.open(found[0])),
                                 pixels + numpy.uint8(step))
    assert client.get_run(run_id).data.tags["mlflow.loggedImages"] == "True"


def test_figures(tracking, client, experiment):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    with tracking.start_run() as run:
        tracking.log_figure(figure, "plots/line 1.png")
        tracking.log_figure(figure, "plots/line 1.svg")
    pyplot.close(figure)
    image = tracking.artifacts.load_image(
        f"runs:/{run.info.run_id}/plots/line 1.png")
    assert image.size == tuple(int(v) for v in figure.get_size_inches() * 100)
    assert "<svg" in tracking.artifacts.load_text(
        f"runs:/{run.info.run_id}/plots/line 1.svg")


def test_documents(tracking, client, experiment):
    document = {"a": [1, 2.5, None, True], "é": {"b c": "\u2028"}}
    texts = {"empty.txt": "", "deep/er/lines.md": "# é\r\n\n\t🚀\n",
             "page.html": "<h1>x</h1>"}
    with tracking.start_run() as run:
        for name in ("conf.json", "conf.yaml", "conf.yml", "no extension"):
            tracking.log_dict(document, f"documents/{name}")
        for name, text in texts.items():
            tracking.log_text(text, name)
        tracking.log_text("first", "twice.txt")
        tracking.log_text("second", "twice.txt")
    uri = f"runs:/{run.info.run_id}"
    for name in ("conf.json", "no extension"):
        assert tracking.artifacts.load_dict(
            f"{uri}/documents/{name}") == document
    import yaml
    for name in ("conf.yaml", "conf.yml"):
        assert yaml.safe_load(tracking.artifacts.load_text(
            f"{uri}/documents/{name}")) == document
    for name, text in texts.items():
        local = tracking.artifacts.download_artifacts(f"{uri}/{name}")
        assert Path(local).read_bytes() == text.encode()
    assert tracking.artifacts.load_text(f"{uri}/twice.txt") == "second"


def test_odd_names(tracking, client, experiment, tmp_path):
    """As names of files and of directories; each comes back by itself, and
    all of them together. Not among them is what the clients spoil: they cut
    a name at "#" and "?", take "%41" for "A", lose a blank before it; the
    third asks wrongly about one with an apostrophe."""
    for i, name in enumerate(ODD):
        below = tmp_path / "up" / f"d{name}"
        below.mkdir(parents=True)
        (below / name).write_text(str(i))
    with tracking.start_run() as run:
        tracking.log_artifacts(tmp_path / "up", "all of them")
        tracking.log_artifacts(tmp_path / "up")
    run_id = run.info.run_id
    listed = {a.path for a in client.list_artifacts(run_id, "all of them")}
    assert listed == {f"all of them/d{n}" for n in ODD}
    for i, name in enumerate(ODD):
        path = f"d{name}/{name}"
        assert [(a.path, a.file_size) for a in client.list_artifacts(
            run_id, f"d{name}")] == [(path, len(str(i)))], name
        where = tmp_path / f"one{i}"
        where.mkdir()
        local = client.download_artifacts(run_id, path, str(where))
        assert Path(local).read_text() == str(i), name
    down = Path(tracking.artifacts.download_artifacts(
        f"runs:/{run_id}/all of them", dst_path=str(tmp_path / "down")))
    assert {p.relative_to(down): p.read_text()
            for p in down.rglob("*") if p.is_file()} == {
        Path(f"d{n}") / n: str(i) for i, n in enumerate(ODD)}


# --- runs ---------------------------------------------------------------------

def test_nested_runs(tracking, client, experiment):
    """Three levels, each found by the one above it."""
    with tracking.start_run(run_name="sweep") as top:
        for i in range(3):
            with tracking.start_run(run_name=f"fold {i}", nested=True) as fold:
                for j in range(2):
                    with tracking.start_run(nested=True, tags={"j": str(j)}):
                        tracking.log_metric("loss", i + j / 10)
                assert tracking.active_run().info.run_id == fold.info.run_id

    def below(run, text=""):
        return tracking.search_runs(
            [experiment], f"tags.mlflow.parentRunId = '{run}'" + text,
            order_by=["start_time ASC"])

    folds = below(top.info.run_id)
    assert list(folds["tags.mlflow.runName"]) == ["fold 0", "fold 1",
                                                  "fold 2"]
    assert list(folds["status"]) == ["FINISHED"] * 3
    last = below(folds["run_id"][2], " and metrics.loss > 2.05")
    assert list(last["metrics.loss"]) == [2.1]
    assert tracking.get_parent_run(last["run_id"][0]).info.run_id == (
        folds["run_id"][2])
    roots = tracking.search_runs([experiment],
                                 "tags.mlflow.parentRunId IS NULL")
    assert list(roots["run_id"]) == [top.info.run_id]


def test_notes(tracking, client, experiment):
    """A description is a tag; clients set it in several ways."""
    with tracking.start_run(description="# first\n*é*") as run:
        pass
    client.set_experiment_tag(experiment, "mlflow.note.content", "about")
    tags = client.get_run(run.info.run_id).data.tags
    assert tags["mlflow.note.content"] == "# first\n*é*"
    client.set_tag(run.info.run_id, "mlflow.note.content", "y" * 8000)
    found = client.search_runs([experiment],
                               "tags.`mlflow.note.content` LIKE 'yyy%'")
    assert len(found) == 1
    assert client.get_experiment(experiment).tags == {
        "mlflow.note.content": "about",
        **{k: v for k, v in client.get_experiment(experiment).tags.items()
           if k.startswith("mlflow.experiment")}}


def make_runs(daemon, experiment, count):
    """Runs by plain requests over a few connections."""
    local = threading.local()

    def post(call, body):
        if not hasattr(local, "to"):
            local.to = HTTPConnection(daemon.address)
        local.to.request("POST", f"/api/2.0/mlflow/runs/{call}",
                         json.dumps(body),
                         {"Content-Type": "application/json"})
        answer = local.to.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    def make(i):
        run = post("create", {
            "experiment_id": experiment, "start_time": 1000 + i // 3,
            "run_name": f"n{i}"})["run"]["info"]["run_id"]
        post("log-batch", {
            "run_id": run,
            "metrics": [{"key": "loss", "value": i % 97 / 97,
                         "timestamp": 1, "step": 0}],
            "params": [{"key": "i", "value": str(i)}]})
        return run

    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(make, range(count)))


def test_thousands_of_runs(daemon, tracking, client, experiment):
    """As a frame, and page by page while others are added and removed."""
    runs = make_runs(daemon, experiment, 5000)
    frame = tracking.search_runs([experiment])
    assert len(frame) == 5000 and set(frame["run_id"]) == set(runs)
    assert list(frame["start_time"]) == sorted(frame["start_time"],
                                               reverse=True)
    assert [runs[int(i)] for i in frame["params.i"]] == list(frame["run_id"])
    assert frame["metrics.loss"].sum() == pytest.approx(
        sum(i % 97 / 97 for i in range(5000)))

    seen, token = [], None
    while True:
        page = client.search_runs(
            [experiment], "metrics.loss < 0.9 and params.i != '7'",
            order_by=["metrics.loss DESC"], max_results=777,
            page_token=token)
        seen += page
        token = page.token
        if not token:
            break
        make_runs(daemon, experiment, 2)
        client.delete_run(page[0].info.run_id)
    ids = [r.info.run_id for r in seen]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= {r for i, r in enumerate(runs)
                        if i % 97 / 97 < 0.9 and i != 7}
    losses = [r.data.metrics["loss"] for r in seen]
    assert losses == sorted(losses, reverse=True)


def test_nothing_is_wrong_afterwards(daemon):
    assert check(daemon.data) == ""
