"""The model registry as files, beside unmodified MLflow clients of both
generations: what one registers the other finds, by the kernel and by shells.
"""
import errno
import filecmp
import json
import os
import shutil
import subprocess
import sys
import threading
from itertools import count

import mlflow as mlflow_module
import numpy
import pandas
import pytest
from harness import Mount, check, wait_until
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mounting import fails, run_id, sh, tree

THIRD = int(mlflow_module.__version__.split(".")[0]) > 2
OWN = {".meta.json", ".description", ".stage", ".tags"}
WEIGHTS = os.urandom(300_000)
numbers = count(1)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def model(mount):
    """A new registered model, made by mkdir."""
    path = mount.path / "models" / f"net {next(numbers)}"
    path.mkdir()
    return path


@pytest.fixture
def trained(run_dir):
    """The artifacts of a run with a directory that is a model."""
    made = run_dir / "artifacts" / "model"
    (made / "data" / "deep").mkdir(parents=True)
    (made / "model.onnx").write_bytes(WEIGHTS)
    (made / "data" / "deep" / "a b.txt").write_text("deep")
    (made / "MLmodel").write_text(
        f"artifact_path: model\nflavors: {{}}\nmodel_uuid: 1\n"
        f"run_id: {run_id(run_dir)}\n")
    return made


def register(model, target):
    """ln -s of an absolute path; the number of the version."""
    before = set(os.listdir(model / "versions"))
    os.symlink(target, model / "versions" / "new")
    made, = set(os.listdir(model / "versions")) - before
    return made


def alias(model, name, version):
    os.symlink(f"../versions/{version}", model / "aliases" / name)


def log_sklearn(tracking, name, **kwargs):
    linear = pytest.importorskip("sklearn.linear_model")
    fitted = linear.LinearRegression().fit(
        numpy.array([[1.], [2.], [3.]]), numpy.array([2., 4., 6.]))
    kwargs["name" if THIRD else "artifact_path"] = name
    extra = {"pip_requirements": ["scikit-learn"]}
    if THIRD:
        extra["serialization_format"] = "cloudpickle"
    return tracking.sklearn.log_model(fitted, **kwargs, **extra)


def predicts(model):
    return abs(float(model.predict(pandas.DataFrame([[21.]]))[0]) - 42) < 1e-6


def files_of(version):
    return {k: v for k, v in tree(version).items()
            if k.split(b"/")[0].decode() not in OWN}


def test_registered_by_the_client(tracking, client, mount, tmp_path):
    """log_model, register, alias; then cp out of the mount, and load it."""
    name = f"by client {next(numbers)}"
    tracking.set_experiment(name)
    with tracking.start_run() as run:
        info = log_sklearn(tracking, "model", registered_model_name=name)
    client.set_registered_model_alias(name, "champion", "1")
    model = mount.path / "models" / name
    assert os.readlink(model / "latest") == "versions/1"
    assert os.readlink(model / "aliases" / "champion") == "../versions/1"
    sh(f"cp -rL '{model}/aliases/champion' {tmp_path}/copied")
    local = tracking.artifacts.download_artifacts(
        f"models:/{name}@champion", dst_path=str(tmp_path / "by-client"))
    got = {k: v for k, v in files_of(tmp_path / "copied").items()}
    assert b"MLmodel" in got
    theirs = tree(local)
    theirs.pop(b"registered_model_meta", None)  # the client's own addition
    assert got == theirs
    assert predicts(tracking.sklearn.load_model(str(tmp_path / "copied")))
    assert predicts(tracking.pyfunc.load_model(str(model / "latest")))
    meta = json.loads((model / "versions" / "1" / ".meta.json").read_text())
    assert meta["run_id"] == run.info.run_id and meta["aliases"] == [
        "champion"]
    if THIRD:
        assert meta["source"] == f"models:/{info.model_id}"


def test_onnx(tracking, client, mount, tmp_path):
    """The sentence this is for: cp models/<name>/latest/model.onnx ."""
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2])
            for n in "xy"]
    made = onnx.helper.make_model(onnx.helper.make_graph(
        [node], "g", ends[:1], ends[1:]))
    name = f"onnx {next(numbers)}"
    tracking.set_experiment(name)
    with tracking.start_run():
        tracking.onnx.log_model(made, name="model", pip_requirements=["onnxruntime"],
                                registered_model_name=name)
    sh(f"cp 'models/{name}/latest/model.onnx' {tmp_path}/", mount.path)
    copied = onnx.load(str(tmp_path / "model.onnx"))
    onnx.checker.check_model(copied)
    assert copied.SerializeToString() == made.SerializeToString()
    served = tracking.pyfunc.load_model(str(mount.path / "models" / name /
                                            "latest"))
    x = numpy.array([-1, 2], dtype=numpy.float32)
    assert list(served.predict({"x": x})["y"]) == [0, 2]
    local = tracking.artifacts.download_artifacts(
        f"models:/{name}/1/model.onnx", dst_path=str(tmp_path / "http"))
    assert filecmp.cmp(local, tmp_path / "model.onnx", shallow=False)


@pytest.mark.skipif(not THIRD, reason="logged models came with MLflow 3")
def test_logged_models(tracking, client, mount, model, tmp_path):
    name = f"logged {next(numbers)}"
    tracking.set_experiment(name)
    with tracking.start_run(run_name="r") as run:
        one = log_sklearn(tracking, "net", params={"lr": "0.1"})
        two = log_sklearn(tracking, "net")
    experiment = mount.path / "experiments" / name
    homes = [f"net~{m.model_id[2:10]}" for m in (one, two)]
    assert os.listdir(experiment / "models") == homes
    links = experiment / "runs" / "r" / "models"
    assert os.listdir(links) == homes
    for link, home in zip(sorted(os.listdir(links)), sorted(homes)):
        assert (links / link).resolve() == experiment / "models" / home
    home = experiment / "models" / homes[0]
    assert (experiment / "models" / one.model_id).resolve() == home
    assert (links / one.model_id).resolve() == home
    assert (experiment / "models" / "net").resolve().name == homes[1]
    assert (home / "params" / "lr").read_text() == "0.1\n"
    assert json.loads((home / "meta.json").read_text())[
        "info"]["model_id"] == one.model_id
    assert predicts(tracking.sklearn.load_model(str(home / "artifacts")))
    with fails(errno.EPERM):
        (home / "artifacts" / "MLmodel").write_text("x")
    (home / "tags" / "t").write_text("from a file\n")
    assert client.get_logged_model(one.model_id).tags["t"] == "from a file"

    # Registered from the logged model, by the run's link to it.
    assert register(model, links / one.model_id) == "1"
    assert client.get_model_version(model.name, "1").source == (
        f"models:/{one.model_id}")
    alias(model, "best", 1)
    assert predicts(tracking.sklearn.load_model(f"models:/{model.name}@best"))
    assert files_of(model / "latest") == tree(home / "artifacts")
    # And as a copy of that version, by the client.
    other = f"copy {next(numbers)}"
    client.copy_model_version(f"models:/{model.name}/1", other)
    copy = mount.path / "models" / other
    assert files_of(copy / "latest") == tree(home / "artifacts")
    assert predicts(tracking.pyfunc.load_model(str(copy / "latest")))
    client.delete_logged_model(two.model_id)
    assert wait_until(lambda: os.listdir(experiment / "models") == homes[:1],
                      1)


def test_registered_by_a_link(tracking, client, model, trained):
    """ln -s registers, and the client finds it at once."""
    sh(f"ln -s '{trained}' versions/new && ls versions", model)
    version = client.get_model_version(model.name, "1")
    assert version.run_id == run_id(trained.parent.parent)
    assert version.source.endswith("/artifacts/model")
    relative = os.path.relpath(trained, model / "versions")
    sh(f"ln -s '{relative}' versions/new", model)
    sh("ln -s ../versions/2 aliases/best", model)
    assert int(client.get_model_version_by_alias(model.name,
                                                 "best").version) == 2
    assert "new" not in os.listdir(model / "versions")
    assert not os.path.lexists(model / "versions" / "new")
    local = tracking.artifacts.download_artifacts(
        f"models:/{model.name}@best/model.onnx")
    with open(local, "rb") as f:
        assert f.read() == WEIGHTS


def test_loads_by_alias(tracking, client, model, mount):
    """A model that was registered by ln -s, loaded by the client."""
    name = f"loads {next(numbers)}"
    tracking.set_experiment(name)
    with tracking.start_run(run_name="r"):
        log_sklearn(tracking, "model")
    run = mount.path / "experiments" / name / "runs" / "r"
    made = run / ("models/model/artifacts" if THIRD else "artifacts/model")
    assert register(model, made) == "1"
    alias(model, "champion", 1)
    assert predicts(tracking.sklearn.load_model(
        f"models:/{model.name}@champion"))
    assert predicts(tracking.pyfunc.load_model(f"models:/{model.name}/1"))


def test_bytes(model, trained, tmp_path):
    """Copied by every tool, they are the run's."""
    register(model, trained)
    register(model, trained / "model.onnx")
    want = tree(trained)
    sh(f"cp latest/model.onnx {tmp_path}/one; cp -r versions/1 {tmp_path}/cp; "
       f"tar cf {tmp_path}/t.tar -C versions/1 . && mkdir {tmp_path}/tar && "
       f"tar xf {tmp_path}/t.tar -C {tmp_path}/tar && "
       f"tar df {tmp_path}/t.tar -C versions/1", model)
    assert (tmp_path / "one").read_bytes() == WEIGHTS
    assert files_of(tmp_path / "cp") == files_of(tmp_path / "tar") == want
    assert files_of(model / "versions" / "2") == {b"model.onnx": WEIGHTS}
    if shutil.which("rsync"):
        sh(f"rsync -a versions/1/ {tmp_path}/rsync", model)
        assert files_of(tmp_path / "rsync") == want
        assert sh(f"rsync -ai versions/1/ {tmp_path}/rsync", model) == ""
    with open(model / "latest" / "model.onnx", "rb") as f:
        f.seek(123_456)
        assert f.read(1000) == WEIGHTS[123_456:124_456]
    assert filecmp.cmp(model / "versions" / "1" / "model.onnx",
                       trained / "model.onnx", shallow=False)


def test_walks(model, trained):
    register(model, trained)
    alias(model, "best", 1)
    found = sh("find . | sort", model).split("\n")
    assert "./versions/1/data/deep/a b.txt" in found
    assert "./aliases/best" in found and "./latest" in found
    assert sh("grep -rl deep versions", model) == (
        "versions/1/data/deep/a b.txt\n")
    assert "best -> ../versions/1" in sh("ls -lR .", model)
    assert sh("cd aliases/best/data/deep && cat 'a b.txt'", model) == "deep"
    assert sh("cat aliases/best/../1/data/deep/a*", model) == "deep"


def test_aliases(client, model, trained):
    for _ in range(3):
        register(model, trained)
    sh("ln -s ../versions/1 aliases/best; ln -sfn ../versions/2 aliases/best",
       model)
    assert os.readlink(model / "aliases" / "best") == "../versions/2"
    assert client.get_registered_model(model.name).aliases == {"best": "2"}
    os.symlink("../versions/3", model / "aliases" / "best.tmp")
    assert client.get_registered_model(model.name).aliases == {"best": "2"}
    os.replace(model / "aliases" / "best.tmp", model / "aliases" / "best")
    assert client.get_registered_model(model.name).aliases == {"best": "3"}
    sh("mv aliases/best aliases/other", model)
    assert os.listdir(model / "aliases") == ["other"]
    assert client.get_registered_model(model.name).aliases == {"other": "3"}
    client.set_registered_model_alias(model.name, "other", "1")
    assert os.readlink(model / "aliases" / "other") == "../versions/1"
    sh("rm aliases/other", model)
    assert client.get_registered_model(model.name).aliases == {}
    for name, version, error in (("latest", 1, errno.EINVAL),
                                 ("v12", 1, errno.EINVAL),
                                 ("a b", 1, errno.EINVAL),
                                 ("x", 9, errno.ENOENT)):
        with fails(error):
            alias(model, name, version)
    assert os.listdir(model / "aliases") == []


def test_refused_targets(client, mount, model, trained, run_dir):
    new = model / "versions" / "new"
    for target, error in ((trained / "none", errno.ENOENT),
                          (run_dir, errno.EINVAL),
                          (run_dir / "status", errno.EINVAL),
                          (mount.path, errno.EINVAL),
                          ("/etc/passwd", errno.EINVAL),
                          ("../../../..", errno.EINVAL),
                          ("x", errno.ENOENT)):
        with fails(error):
            os.symlink(target, new)
    with fails(errno.EINVAL):
        os.symlink(trained, model / "versions" / "1")
    with fails(errno.EPERM):
        os.symlink(trained, run_dir / "artifacts" / "link")
    with fails(errno.EPERM):
        os.link(trained / "MLmodel", run_dir / "artifacts" / "hard")
    assert client.search_model_versions(f"name='{model.name}'") == []


def test_versions_are_only_read(model, trained):
    register(model, trained)
    version = model / "versions" / "1"
    for call in (lambda: (version / "MLmodel").write_text("x"),
                 lambda: (version / "new").write_text("x"),
                 lambda: (version / "d").mkdir(),
                 lambda: os.truncate(version / "MLmodel", 0),
                 lambda: os.utime(version / "MLmodel", (1, 1)),
                 lambda: os.chmod(version / "data", 0o700),
                 lambda: os.unlink(version / "model.onnx"),
                 lambda: os.rename(version / "MLmodel", version / "x"),
                 lambda: os.rename(version, model / "versions" / "2"),
                 lambda: os.rmdir(version / "data")):
        with fails(errno.EPERM):
            call()
    sh("rm -r versions/1", model, status=1)
    assert files_of(version) == tree(trained)


def test_values(client, model, trained):
    register(model, trained)
    sh("echo 'a good one' > description; echo v > tags/k; "
       "echo first > versions/1/.description; echo w > versions/1/.tags/l; "
       "echo Staging > versions/1/.stage; sed -i s/good/better/ description",
       model)
    seen = client.get_registered_model(model.name)
    assert seen.description == "a better one" and seen.tags == {"k": "v"}
    version = client.get_model_version(model.name, "1")
    assert version.description == "first" and version.tags == {"l": "w"}
    assert version.current_stage == "Staging"
    sh("echo Nowhere > versions/1/.stage", model, status=1)
    client.update_registered_model(model.name, "over HTTP")
    client.set_registered_model_tag(model.name, "k", "longer than before")
    client.set_model_version_tag(model.name, "1", "l", "")
    assert wait_until(lambda: (model / "description").read_text() ==
                      "over HTTP\n", 1)
    assert (model / "tags" / "k").read_text() == "longer than before\n"
    assert (model / "versions" / "1" / ".tags" / "l").read_text() == "\n"
    sh("rm tags/k versions/1/.tags/l", model)
    assert client.get_registered_model(model.name).tags == {}
    assert client.get_model_version(model.name, "1").tags == {}


def test_renames_and_deletes(client, mount, trained):
    models = mount.path / "models"
    name = f"first {next(numbers)}"
    (models / name).mkdir()
    assert client.get_registered_model(name).name == name
    register(models / name, trained)
    sh(f"mv '{name}' '{name}b'", models)
    assert client.get_registered_model(name + "b").latest_versions
    with pytest.raises(MlflowException):
        client.get_registered_model(name)
    with fails(errno.EEXIST):
        (models / (name + "b")).mkdir()
    (models / name).mkdir()
    with fails(errno.EEXIST):
        os.rename(models / name, models / (name + "b"))
    (models / name).rmdir()
    with fails(errno.ENOTEMPTY):
        (models / (name + "b")).rmdir()
    with fails(errno.EPERM):
        os.rename(models / (name + "b"), mount.path / "trash" / name)
    with fails(errno.EINVAL):
        (models / "a:b").mkdir()
    (models / (name + "b") / "versions" / "1").rmdir()
    assert client.search_model_versions(f"name='{name}b'") == []
    assert not os.path.lexists(models / (name + "b") / "latest")
    (models / (name + "b")).rmdir()
    assert name + "b" not in os.listdir(models)
    assert (trained / "model.onnx").read_bytes() == WEIGHTS


def test_changes_of_others_are_seen(client, model, trained):
    """What the kernel remembers is taken back within a second."""
    register(model, trained)
    alias(model, "best", 1)
    sh("ls -lR . > /dev/null; cat latest/MLmodel > /dev/null", model)
    source = client.get_model_version(model.name, "1").source
    run = client.get_model_version(model.name, "1").run_id
    client.create_model_version(model.name, source, run)
    client.set_registered_model_alias(model.name, "best", "2")
    assert os.readlink(model / "latest") == "versions/2"
    assert os.readlink(model / "aliases" / "best") == "../versions/2"
    assert wait_until(lambda: os.listdir(model / "versions") == ["1", "2"], 1)
    client.delete_model_version(model.name, "1")
    assert wait_until(lambda: not (model / "versions" / "1").exists(), 1)
    assert (model / "versions" / "2" / "MLmodel").exists()
    client.delete_registered_model_alias(model.name, "best")
    assert not os.path.lexists(model / "aliases" / "best")
    client.rename_registered_model(model.name, model.name + "x")
    assert wait_until(lambda: not model.exists(), 1)
    renamed = model.parent / (model.name + "x")
    assert (renamed / "latest" / "model.onnx").read_bytes() == WEIGHTS
    client.delete_registered_model(model.name + "x")
    assert wait_until(lambda: not renamed.exists(), 1)


def test_artifacts_that_change(client, model, trained, run_dir):
    """A version shows the files as they are now, whoever changes them."""
    register(model, trained)
    shown = model / "versions" / "1"
    assert (shown / "model.onnx").read_bytes() == WEIGHTS
    assert (shown / "data" / "deep" / "a b.txt").read_text() == "deep"
    (trained / "model.onnx").write_bytes(b"new" * 1000)
    assert wait_until(lambda: (shown / "model.onnx").read_bytes() ==
                      b"new" * 1000, 1)
    client.log_text(run_id(run_dir), "over HTTP", "model/data/more")
    assert wait_until(lambda: (shown / "data" / "more").exists(), 1)
    (trained / "data" / "more").unlink()
    assert wait_until(lambda: not (shown / "data" / "more").exists(), 1)
    os.rename(trained, run_dir / "artifacts" / "moved")
    assert wait_until(lambda: set(os.listdir(shown)) == OWN, 1)
    assert wait_until(lambda: not (shown / "data").exists(), 1)
    os.rename(run_dir / "artifacts" / "moved", trained)
    assert wait_until(lambda: files_of(shown) == tree(trained), 1)


def test_a_run_in_the_trash(client, mount, model, trained, run_dir):
    """Its versions keep their files, as in MLflow, until gc."""
    register(model, trained)
    run_dir.rmdir()
    assert (model / "latest" / "model.onnx").read_bytes() == WEIGHTS
    assert client.get_run(run_id_of(model)).info.lifecycle_stage == "deleted"
    trash = mount.path / "trash" / "runs" / run_dir.parent.parent.name
    os.rename(trash / run_dir.name, run_dir)
    assert (trained / "model.onnx").read_bytes() == WEIGHTS


def run_id_of(model):
    return json.loads((model / "latest" / ".meta.json").read_text())["run_id"]


def test_elsewhere(client, model):
    """A version whose files are not here has none."""
    client.create_model_version(model.name, "s3://bucket/else")
    assert set(os.listdir(model / "versions" / "1")) == OWN
    assert json.loads((model / "versions" / "1" / ".meta.json").read_text())[
        "source"] == "s3://bucket/else"


def test_prompts(tracking, mount):
    register_prompt = (tracking.genai if THIRD else tracking).register_prompt
    name = f"ask-{next(numbers)}"
    register_prompt(name, "Say {{what}}.\n")
    prompt = mount.path / "models" / name
    assert (prompt / "latest" / "prompt.txt").read_bytes() == (
        b"Say {{what}}.\n")
    if THIRD:
        register_prompt(name, [{"role": "user", "content": "{{x}}"}])
        assert json.loads((prompt / "latest" / "prompt.json").read_text()) == [
            {"role": "user", "content": "{{x}}"}]


def test_inputs(tracking, mount):
    name = f"inputs {next(numbers)}"
    tracking.set_experiment(name)
    frame = pandas.DataFrame({"a": [1, 2]})
    train = tracking.data.from_pandas(frame, name="train/x")
    again = tracking.data.from_pandas(frame * 2, name="train/x")
    with tracking.start_run(run_name="r"):
        tracking.log_input(train, context="training")
    inputs = mount.path / "experiments" / name / "runs" / "r" / "inputs"
    assert os.listdir(inputs) == ["train%2Fx"]
    said = json.loads((inputs / "train%2Fx").read_text())
    assert said["dataset"]["digest"] == train.digest
    assert said["tags"] == [{"key": "mlflow.data.context",
                             "value": "training"}]
    with tracking.start_run(run_name="s"):
        tracking.log_input(train)
        tracking.log_input(again)
    both = inputs.parent.parent / "s" / "inputs"
    assert sorted(os.listdir(both)) == sorted(
        f"train%2Fx~{d.digest}" for d in (train, again))
    sh(f"cat '{both}'/* > /dev/null")


def test_restart(pair):
    """Daemon and mount end and start again between."""
    run = pair.run()
    (run / "artifacts" / "m").mkdir()
    (run / "artifacts" / "m" / "model.onnx").write_bytes(WEIGHTS)
    model = pair.path / "models" / "net"
    model.mkdir()
    register(model, run / "artifacts" / "m")
    alias(model, "best", 1)
    inode = os.stat(model / "versions" / "1" / "model.onnx").st_ino
    pair.away()
    pair.back()
    assert (model / "aliases" / "best" / "model.onnx").read_bytes() == WEIGHTS
    register(model, run / "artifacts" / "m")
    pair.mount.stop()
    pair.daemon.stop()
    pair.back()
    pair.start_mount()
    assert sorted(os.listdir(model / "versions")) == ["1", "2"]
    assert os.readlink(model / "latest") == "versions/2"
    assert os.readlink(model / "aliases" / "best") == "../versions/1"
    assert (model / "aliases" / "best" / "model.onnx").read_bytes() == WEIGHTS
    assert os.stat(model / "versions" / "1" / "model.onnx").st_ino == inode
    assert check(pair.base / "data") == ""


def test_a_link_waits_for_the_daemon(pair):
    """And is made once, whatever became of the first try."""
    run = pair.run()
    (run / "artifacts" / "m").mkdir()
    model = pair.path / "models" / "net"
    model.mkdir()
    pair.away()
    waiting = threading.Thread(target=register, args=(
        model, run / "artifacts" / "m"))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    assert os.listdir(model) and not os.path.lexists(model / "latest")
    p = subprocess.Popen(["ln", "-s", "../versions/1",
                          str(model / "aliases" / "x")])
    p.terminate()
    assert p.wait(10) != 0
    pair.back()
    waiting.join(20)
    assert os.listdir(model / "versions") == ["1"]
    assert os.listdir(model / "aliases") == []


def test_a_mount_behind_a_link(daemon, mount, model, trained, tmp_path):
    """Its place counts as it was given, too; any other name of it does not."""
    place = daemon.data.parent / f"mnt{next(numbers)}"
    place.mkdir()
    (tmp_path / "ml").symlink_to(place)
    (tmp_path / "other").symlink_to(place)
    below = trained.relative_to(mount.path)
    m = Mount(daemon.data, tmp_path / "ml")
    try:
        assert m.path == place
        there = place / "models" / model.name
        assert register(there, place / below) == "1"
        assert register(there, tmp_path / "ml" / below) == "2"
        for target in (tmp_path / "other" / below, mount.path / below,
                       f"{place}x/{below}"):
            with fails(errno.EINVAL):
                os.symlink(target, there / "versions" / "new")
    finally:
        m.stop()


def test_two_mounts_register_at_once(client, other_mount, model, trained):
    """Each link is a version, and none is lost or counted twice."""
    each, mounts = 20, (model, other_mount.path / "models" / model.name)
    relative = os.path.relpath(trained, model / "versions")
    failed = []

    def work(place):
        try:
            for _ in range(each):
                os.symlink(relative, place / "versions" / "new")
        except OSError as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(m,)) for m in mounts * 2]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    want = [str(n) for n in range(1, 4 * each + 1)]
    assert not failed
    for m in mounts:
        assert wait_until(lambda m=m: sorted(
            os.listdir(m / "versions"), key=int) == want, 1)
        assert os.readlink(m / "latest") == f"versions/{4 * each}"
    assert len(client.search_model_versions(f"name='{model.name}'",
                                            max_results=1000)) == 4 * each


def test_an_alias_moves_while_it_is_read(client, model, trained):
    """Whoever opens through an alias sees one version or the other."""
    register(model, trained)
    (trained / "model.onnx").write_bytes(b"2" * 1000)
    register(model, trained)
    alias(model, "best", 1)
    code = ("import os,sys\nfor i in range(200):\n"
            " open(sys.argv[1]+'/aliases/best/MLmodel').read()\n"
            " assert os.readlink(sys.argv[1]+'/aliases/best') in "
            "('../versions/1','../versions/2')\n")
    reader = subprocess.Popen([sys.executable, "-c", code, str(model)])
    for i in range(50):
        client.set_registered_model_alias(model.name, "best", str(i % 2 + 1))
    assert reader.wait(60) == 0
