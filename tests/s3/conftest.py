"""A daemon on an S3 server: ours, or the referee."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import referee  # noqa: E402
import standin  # noqa: E402
from harness import ROOT, Daemon, workplace  # noqa: E402


class Stored(Daemon):
    """A daemon with one run, and where its artifacts go."""

    def __init__(self, data, url, *flags, log=None, listen="127.0.0.1:0",
                 **extra):
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("AWS_")}
        environment.update(standin.environment(url))
        environment.update({k: v for k, v in extra.items() if v is not None})
        for k, v in extra.items():
            if v is None:
                environment.pop(k, None)
        self.environment = environment
        super().__init__(data, *flags, env=environment, log=log,
                         listen=listen)

    def begin(self):
        e = self.experiment("x")
        self.home = f"{e}/{self.run(e)['run_id']}/artifacts"
        return self

    def path(self, name, what="artifacts"):
        return f"/api/2.0/mlflow-artifacts/{what}/{self.home}/{name}"

    def put(self, name, data, **headers):
        return self.request("PUT", self.path(name), data, headers)

    def get(self, name, **headers):
        return self.request("GET", self.path(name), headers=headers)


@pytest.fixture
def base():
    with workplace() as b:
        yield b


@pytest.fixture
def store():
    with standin.Standin() as s:
        yield s


@pytest.fixture
def daemon(base, store):
    d = Stored(base / "data", store.url).begin()
    try:
        yield d
        assert d.alive() or d.process.returncode == 0
    finally:
        if d.alive():
            assert d.stop() == 0


@pytest.fixture(scope="session")
def versitygw():
    """The URL of a versitygw with a bucket."""
    argv0, why = referee.program(os.environ.get("ORRERY_TEST_BUILD",
                                                ROOT / "build-test"))
    if not argv0:
        pytest.skip(why)
    with workplace() as b, referee.versitygw(argv0, b / "gw") as url:
        yield url
