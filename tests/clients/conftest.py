"""One daemon per test file, on a directory of its own, and its mount."""
import os
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

# A client that retries for minutes would hide what went wrong.
os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
                  MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="0",
                  MLFLOW_HTTP_REQUEST_TIMEOUT="20",
                  MLFLOW_DISABLE_TELEMETRY="true",
                  GIT_PYTHON_REFRESH="quiet")

import harness  # noqa: E402
from harness import (Daemon, Mount, check, have_fuse,  # noqa: E402
                     unmount, workplace)
from mounting import numbers  # noqa: E402

STUCK = 60  # seconds after which a mount that does not answer is killed


@pytest.fixture(scope="session", autouse=True)
def store():
    """With ORRERY_TEST_OBJECTS=s3 all artifacts lie on an S3 server of ours;
    with versitygw, on that."""
    kind = os.environ.get("ORRERY_TEST_OBJECTS", "")
    if not kind:
        yield
        return
    sys.path.insert(0, str(harness.ROOT / "tests" / "s3"))
    from backing import backing
    with backing(kind) as harness.STORE:
        yield
    harness.STORE = None


@pytest.fixture(scope="module")
def daemon():
    with workplace() as base:
        d = Daemon(base / "data")
        try:
            yield d
            assert d.alive(), "the daemon died"
        finally:
            status = d.stop() if d.alive() else None
        assert status == 0, f"the daemon ended with {status}"


@pytest.fixture
def tracking(daemon, monkeypatch):
    """The mlflow module, talking to the daemon; no run is left active."""
    import mlflow

    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    mlflow.set_tracking_uri(daemon.url)
    # What an earlier file's tests chose is an experiment of another daemon.
    mlflow.set_experiment(experiment_id="0")
    yield mlflow
    while mlflow.active_run():
        mlflow.end_run()


class Guard:
    """Kills a mount that holds a test: a system call that it does not answer
    cannot be interrupted otherwise."""

    def __init__(self, mount):
        self.mount, self.timer = mount, None

    def __enter__(self):
        self.timer = threading.Timer(STUCK, self.mount.process.kill)
        self.timer.start()
        return self.mount

    def __exit__(self, *_):
        self.timer.cancel()


@pytest.fixture(scope="module")
def whole_mount(daemon):
    """The mount of a test file; in the end nothing is wrong in the index."""
    if not have_fuse():
        pytest.skip("no /dev/fuse here")
    m = Mount(daemon.data, daemon.data.parent / "mnt")
    try:
        yield m
        assert m.alive(), "the mount died"
        assert (m.path / ".errors").read_text() == ""
    finally:
        status = m.stop() if m.alive() else None
        unmount(daemon.data.parent / "mnt")
    assert status == 0, f"the mount ended with {status}"
    assert check(daemon.data) == ""


@pytest.fixture
def mount(whole_mount):
    with Guard(whole_mount) as m:
        yield m


@pytest.fixture
def other_mount(daemon):
    """A second mount of the same index, for one test."""
    place = daemon.data.parent / f"mnt{next(numbers)}"
    m = Mount(daemon.data, place)
    try:
        with Guard(m):
            yield m
    finally:
        if m.alive():
            m.stop()
        unmount(place)


@pytest.fixture
def experiment_dir(mount):
    """A new experiment, made by mkdir."""
    path = mount.path / "experiments" / f"x{next(numbers)}"
    path.mkdir()
    return path


@pytest.fixture
def run_dir(experiment_dir):
    """A new run in it."""
    path = experiment_dir / "runs" / "first"
    path.mkdir()
    return path


class Pair:
    """A daemon that a test may end and start again, and its mount."""

    def __init__(self, base):
        self.base, self.daemon, self.mount = base, Daemon(base / "data"), None
        self.listen = self.daemon.address

    def start_mount(self, *flags):
        self.mount = Mount(self.base / "data", self.base / "mnt", *flags)
        self.path = self.mount.path

    def away(self):
        self.daemon.kill()

    def back(self):
        self.daemon = Daemon(self.base / "data", listen=self.listen)

    def run(self):
        """A new run in a new experiment."""
        path = self.path / "experiments" / f"x{next(numbers)}" / "runs" / "r"
        path.parent.parent.mkdir()
        path.mkdir()
        return path

    def end(self):
        for process in (self.mount, self.daemon):
            if process and process.alive():
                process.stop()


@pytest.fixture
def pair(request):
    """A Pair of its own for one test; flags of mount by indirect
    parameters."""
    if not have_fuse():
        pytest.skip("no /dev/fuse here")
    with workplace() as base:
        p = Pair(base)
        try:
            p.start_mount(*getattr(request, "param", ()))
            with Guard(p.mount):
                yield p
        finally:
            p.end()
