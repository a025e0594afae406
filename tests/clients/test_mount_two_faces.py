"""One run, two faces: made by the unmodified MLflow client and then read and
extended by files, and the other way round. Run with both generations.
"""
import json
import math
import os
import subprocess
import sys

import pytest
from harness import wait_until
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mounting import fails, points, sh, values


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def made(tracking, mount, tmp_path, request):
    """A run as a training script leaves it, and its directory."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "weights.bin").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "out" / "a b.txt").write_text("text")
    name = f"two-{request.node.name}"
    tracking.set_experiment(name)
    with tracking.start_run(run_name="trained") as run:
        tracking.log_params({"rate": 0.001, "opt/name": "adam", "empty": ""})
        for step in range(100):
            tracking.log_metric("loss", 1 / (step + 1), step=step)
        tracking.log_metrics({"val/acc": 0.5, "val/f1": math.nan}, step=7)
        tracking.set_tag("note", "first\nsecond")
        tracking.log_artifacts(str(tmp_path / "out"), "model")
        tracking.log_dict({"k": [1]}, "config.json")
    directory = mount.path / "experiments" / name / "runs" / "trained"
    assert wait_until(directory.is_dir, 2)
    return run.info.run_id, directory


@pytest.fixture
def directory(experiment_dir):
    """A run made by mkdir."""
    path = experiment_dir / "runs" / "by hand"
    path.mkdir()
    return path


def test_what_the_client_made_is_read(client, made):
    run, directory = made
    assert (directory / "status").read_text() == "FINISHED\n"
    assert {name: (directory / "params" / name).read_text()
            for name in os.listdir(directory / "params")} == {
        "rate": "0.001\n", "opt%2Fname": "adam\n", "empty": "\n"}
    assert [p[:2] for p in points(directory / "metrics" / "loss")] == [
        (s, 1 / (s + 1)) for s in range(100)]
    assert [p[2] for p in points(directory / "metrics" / "loss")] == [
        m.timestamp for m in client.get_metric_history(run, "loss")]
    assert values(directory / "metrics" / "val" / "acc") == [0.5]
    assert math.isnan(values(directory / "metrics" / "val" / "f1")[0])
    assert (directory / "tags" / "note").read_text() == "first\nsecond\n"
    assert (directory / "tags" / "mlflow.runName").read_text() == "trained\n"
    assert (directory / "artifacts" / "model" / "weights.bin").read_bytes(
        ) == bytes(range(256)) * 100
    assert json.loads((directory / "artifacts" /
                       "config.json").read_text()) == {"k": [1]}
    info = json.loads((directory / "meta.json").read_text())
    client_info = client.get_run(run).info
    assert info["run_id"] == run
    assert (info["start_time"], info["end_time"], info["artifact_uri"]) == (
        client_info.start_time, client_info.end_time,
        client_info.artifact_uri)
    latest = json.loads((directory / "latest.json").read_text())
    assert latest == {"loss": 0.01, "val/acc": 0.5, "val/f1": "NaN"}
    assert sh("grep -c trained runs.tsv", directory.parent.parent) == "1\n"


def test_metrics_are_extended_by_a_shell(client, made):
    run, directory = made
    sh("echo 100 0.5 >> metrics/loss; echo 0.25 >> metrics/loss; "
       "echo 9 >> metrics/new; echo '8 0.75' | tee -a metrics/val/acc; "
       """echo '{"step":1,"loss2":3,"val/acc":1}' >> metrics.jsonl""",
       directory)
    loss = client.get_metric_history(run, "loss")
    assert [(m.step, m.value) for m in loss[100:]] == [(100, 0.5),
                                                      (101, 0.25)]
    data = client.get_run(run).data.metrics
    assert data["loss"] == 0.25 and data["new"] == 9
    assert data["loss2"] == 3 and data["val/acc"] == 0.75
    assert len(client.get_metric_history(run, "val/acc")) == 3


def test_metrics_are_extended_by_python(client, made):
    run, directory = made
    with open(directory / "metrics" / "loss", "a") as f:
        for step in range(100, 200):
            print(step, 1 / (step + 1), file=f)
            if step % 20 == 0:
                f.flush()
                assert len(client.get_metric_history(
                    run, "loss")) == step + 1
    history = client.get_metric_history(run, "loss")
    assert [(m.step, m.value) for m in history] == [
        (s, 1 / (s + 1)) for s in range(200)]
    client.log_metric(run, "loss", 7, step=200)
    assert wait_until(lambda: len(points(directory / "metrics" /
                                         "loss")) == 201, 1)
    assert client.get_run(run).data.metrics["loss"] == 7


def test_values_are_changed_by_a_shell(client, made, tracking):
    run, directory = made
    sh("echo changed > tags/note; echo 3 > params/layers; "
       "echo 'x y' > tags/a%2Fb; rm tags/a%2Fb; echo 1 > tags/kept; "
       "echo RUNNING > status", directory)
    seen = client.get_run(run)
    assert seen.info.status == "RUNNING"
    assert seen.data.tags["note"] == "changed"
    assert seen.data.tags["kept"] == "1" and "a/b" not in seen.data.tags
    assert seen.data.params["layers"] == "3"
    assert "File exists" in sh("echo 0.002 > params/rate", directory,
                               status=1)
    with pytest.raises(MlflowException, match="Changing param values"):
        client.log_param(run, "layers", 4)
    found = tracking.search_runs(
        [seen.info.experiment_id], "params.layers = '3' and tags.kept = '1' "
        "and attributes.status = 'RUNNING'", output_format="list")
    assert [r.info.run_id for r in found] == [run]
    sh("echo FINISHED > status", directory)
    done = client.get_run(run).info
    assert done.status == "FINISHED" and done.end_time >= done.start_time


def test_artifacts_are_changed_by_a_shell(client, made, tracking, tmp_path):
    run, directory = made
    sh("cp model/weights.bin model/copy.bin; echo more >> 'model/a b.txt'; "
       "mv config.json moved.json; echo x > new.txt; mkdir d; "
       "cp -r model d/model; rm model/weights.bin", directory / "artifacts")
    assert sorted(a.path for a in client.list_artifacts(run)) == [
        "d", "model", "moved.json", "new.txt"]
    assert [(a.path, a.file_size) for a in client.list_artifacts(
        run, "model")] == [("model/a b.txt", 9), ("model/copy.bin", 25600)]
    local = tracking.artifacts.download_artifacts(
        run_id=run, dst_path=str(tmp_path / "down"))
    sh(f"diff -r '{local}' .", directory / "artifacts")
    assert tracking.artifacts.load_text(f"runs:/{run}/model/a b.txt") == (
        "textmore\n")


def test_the_client_reads_what_files_made(client, tracking, mount,
                                          experiment_dir, directory,
                                          tmp_path):
    """A run made by mkdir is a run like any other."""
    sh("""echo 0.1 > params/lr; echo note > tags/note
          for i in 1 2 3; do echo $i $((i * i)) >> metrics/sq; done
          mkdir metrics/val; echo 0.5 >> metrics/val/acc
          mkdir -p artifacts/m; echo bytes > artifacts/m/f
          echo '{"step":4,"sq":16,"x":"inf"}' >> metrics.jsonl
          echo FINISHED > status""", directory)
    experiment = client.get_experiment_by_name(experiment_dir.name)
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "by hand" and run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1"}
    assert run.data.tags["note"] == "note"
    assert run.data.tags["mlflow.runName"] == "by hand"
    assert run.data.metrics == {"sq": 16, "val/acc": 0.5, "x": math.inf}
    assert [(m.step, m.value) for m in client.get_metric_history(
        run.info.run_id, "sq")] == [(i, i * i) for i in range(1, 5)]
    assert [a.path for a in client.list_artifacts(run.info.run_id, "m")] == [
        "m/f"]
    local = tracking.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="m/f",
        dst_path=str(tmp_path / "down"))
    with open(local) as f:
        assert f.read() == "bytes\n"


def test_the_client_extends_what_files_made(client, tracking, directory,
                                            tmp_path):
    tracking.set_experiment(directory.parent.parent.name)
    run = json.loads((directory / "meta.json").read_text())["run_id"]
    sh("echo 0 1 >> metrics/m; echo v > tags/t; echo a > artifacts/f",
       directory)
    (tmp_path / "f").write_text("by the client")
    with tracking.start_run(run_id=run):
        tracking.log_metric("m", 2, step=1)
        tracking.log_param("p", "q")
        tracking.set_tag("t", "w")
        tracking.log_artifact(str(tmp_path / "f"))
        tracking.log_artifact(str(tmp_path / "f"), "d/e")
        sh("echo 2 3 >> metrics/m", directory)
        tracking.log_metric("m", 4, step=3)
    assert values(directory / "metrics" / "m") == [1, 2, 3, 4]
    assert wait_until(lambda: (directory / "tags" / "t").read_text() ==
                      "w\n", 1)
    assert wait_until(lambda: (directory / "params" / "p").exists(), 1)
    assert (directory / "params" / "p").read_text() == "q\n"
    assert (directory / "status").read_text() == "FINISHED\n"
    for name in ("f", "d/e/f"):
        path = directory / "artifacts" / name
        assert wait_until(lambda: path.exists() and path.read_text() ==
                          "by the client", 1)
    client.delete_tag(run, "t")
    assert wait_until(lambda: not (directory / "tags" / "t").exists(), 1)


def test_both_at_once(client, made):
    """Files and the client append to one metric; nobody loses a point."""
    run, directory = made
    script = ("import os\n"
              "for i in range(200):\n"
              "    with open('metrics/both', 'a') as f:\n"
              "        print(i, i, file=f)\n")
    writer = subprocess.Popen([sys.executable, "-c", script], cwd=directory)
    for i in range(20):
        client.log_batch(run, metrics=[
            Metric("both", 1000 + i * 10 + j, 1700000000000 + i, i)
            for j in range(10)])
    assert writer.wait() == 0
    want = sorted([float(i) for i in range(200)] +
                  [1000.0 + i for i in range(200)])
    assert sorted(m.value for m in client.get_metric_history(
        run, "both")) == want
    assert sorted(values(directory / "metrics" / "both")) == want


def test_names_and_removal(client, tracking, made, mount):
    run, directory = made
    client.update_run(run, name="renamed / twice")
    renamed = directory.parent / "renamed %2F twice"
    assert wait_until(renamed.is_dir, 1)
    os.rename(renamed, directory)
    assert client.get_run(run).info.run_name == "trained"
    assert client.get_run(run).data.tags["mlflow.runName"] == "trained"
    os.rmdir(directory)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    client.restore_run(run)
    assert wait_until(directory.is_dir, 1)
    client.delete_run(run)
    assert wait_until(lambda: not directory.exists(), 1)
    trash = mount.path / "trash" / "runs" / directory.parent.parent.name
    assert wait_until(lambda: os.listdir(trash) == ["trained"], 1)
    os.rename(trash / "trained", directory)
    assert client.get_run(run).info.lifecycle_stage == "active"
    sh("mv '" + directory.parent.parent.name + "' 'an other'",
       mount.path / "experiments")
    assert client.get_experiment_by_name("an other")
    client.rename_experiment(client.get_run(run).info.experiment_id,
                             "a/third")
    assert wait_until((mount.path / "experiments" / "a%2Fthird").is_dir, 1)


def test_a_run_copied_by_cp(client, made):
    """A new run with the same params, points and artifacts."""
    run, directory = made
    copy = directory.parent / "copy"
    copy.mkdir()
    sh(f"cp -r params metrics artifacts '{copy}/'", directory)
    new = json.loads((copy / "meta.json").read_text())["run_id"]
    a, b = client.get_run(run), client.get_run(new)
    assert a.data.params == b.data.params
    assert {k: v for k, v in a.data.metrics.items() if v == v} == {
        k: v for k, v in b.data.metrics.items() if v == v}
    assert [(m.step, m.value, m.timestamp) for m in
            client.get_metric_history(run, "loss")] == [
        (m.step, m.value, m.timestamp) for m in
        client.get_metric_history(new, "loss")]
    assert [a.path for a in client.list_artifacts(new, "model")] == [
        "model/a b.txt", "model/weights.bin"]


def test_refusals_are_the_same(client, made):
    run, directory = made
    for name in ("bad*key", "a%2F%2Fb"):
        with fails(22):
            os.open(directory / "params" / name, os.O_CREAT | os.O_WRONLY)
    with pytest.raises(MlflowException):
        client.log_param(run, "bad*key", 1)
    with pytest.raises(MlflowException):
        client.log_metric(run, "a//b", 1)
