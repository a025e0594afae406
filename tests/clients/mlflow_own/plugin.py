"""Points MLflow's own tests at our daemon.

MLflow's tests start a server of their own in fixtures and helpers; after a
test module is imported and before its fixtures are collected, those names are
replaced in it by ones that start our daemon on a fresh directory. What differs
from MLflow stands in differences.txt: such a test must fail, every other one
must pass. Tests that start none of these servers ask nothing of us.
"""
import contextlib
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from harness import Daemon, workplace

MODULES = ["test_rest_tracking.py", "test_model_registry.py",
           "test_mlflow_artifacts.py"]
DIFFERENCES = Path(__file__).with_name("differences.txt")


def read_differences(text):
    """{"module::test": reason}: a reason at the margin, its tests below."""
    reasons, reason = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if not line[0].isspace():
            reason = line.strip()
        elif reason is None or words[0] in reasons:
            raise ValueError(f"line {number}: {words[0]} has no reason of "
                             "its own")
        else:
            reasons[words[0]] = reason
    return reasons


@contextlib.contextmanager
def server():
    """(url, directory of artifacts, process) of a server on empty data."""
    with workplace() as base:
        d = Daemon(base / "data")
        try:
            yield d.url, d.data / "objects", d.process
            assert d.alive(), "the daemon died"
        finally:
            if d.alive():
                d.stop()


@pytest.fixture
def mlflow_client():
    """The client; what the tests ask of the module goes the same way (it
    reached MLflow's own server through the database of both)."""
    from mlflow import MlflowClient
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri
    with server() as (url, _, _), _use_tracking_uri(url):
        yield MlflowClient(url)


@pytest.fixture
def store_type():
    """MLflow's tests ask for it to know which of its own stores is behind."""
    return "sqlalchemy"


class ArtifactsServer(NamedTuple):
    backend_store_uri: str
    default_artifact_root: str
    artifacts_destination: str
    url: str
    process: subprocess.Popen


@pytest.fixture(scope="module")
def artifacts_server():
    """Its root is that of a run, for what we keep belongs to one."""
    from mlflow import MlflowClient
    with server() as (url, objects, process):
        uri = MlflowClient(url).create_run("0").info.artifact_uri
        below = uri.removeprefix("mlflow-artifacts:")
        yield ArtifactsServer(
            url, f"{url}/api/2.0/mlflow-artifacts/artifacts{below}",
            str(objects), url, process)


@contextlib.contextmanager
def init_server(*_, **__):
    with server() as (url, _, _):
        yield url


INSTEAD = {"mlflow_client": mlflow_client,
           "mlflow_client_with_secrets": mlflow_client,
           "client": mlflow_client,
           "store_type": store_type,
           "artifacts_server": artifacts_server,
           "_init_server": init_server}


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makemodule(module_path):
    module = yield
    if module_path.name in MODULES:
        for name in INSTEAD.keys() & vars(module.obj).keys():
            setattr(module.obj, name, INSTEAD[name])
    return module


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    reasons = read_differences(DIFFERENCES.read_text())
    unused = set(reasons)
    for item in items:
        if not INSTEAD.keys() & set(item.fixturenames):
            item.add_marker(pytest.mark.skip("it asks no server of ours"))
        # MLflow marks some tests as expected to fail for reasons of its own
        # server; here only our list counts.
        item.own_markers = [m for m in item.own_markers if m.name != "xfail"]
        for test in (item.name, item.originalname):
            name = f"{item.path.name}::{test}"
            if name in reasons:
                unused.discard(name)
                item.add_marker(pytest.mark.xfail(reason=reasons[name],
                                                  strict=True))
                break
    seen = {item.path.name for item in items}
    unused = {name for name in unused if name.split("::")[0] in seen}
    if unused:
        raise pytest.UsageError("differences.txt names tests that are not "
                                "there: " + ", ".join(sorted(unused)))
