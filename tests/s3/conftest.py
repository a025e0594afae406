"""A daemon on an S3 server: ours, or the referee."""
import contextlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import referee  # noqa: E402
import standin  # noqa: E402
from harness import (ROOT, Daemon, Mount, check, have_fuse,  # noqa: E402
                     unmount, workplace)


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


class Mounted:
    """A daemon, a mount of it with a cache of its own, and a run.

    place is its artifacts; fresh() is the same in a mount that has never seen
    any of it."""

    ends = (0,)  # statuses; (0, 1) where something may be lost, and told

    def __init__(self, base, daemon, environment):
        self.base, self.daemon = base, daemon
        self.environment, self.serial = environment, 0
        self.mount, self.run = None, "experiments/apps/runs/r"
        self.again()
        (self.mount.path / "experiments" / "apps").mkdir()
        (self.mount.path / self.run).mkdir()

    @property
    def place(self):
        return self.mount.path / self.run / "artifacts"

    def again(self, cache="cache", *flags):
        """Ends the mount, which must have stored everything; a new one."""
        if self.mount:
            assert self.mount.stop() in self.ends
        self.mount = Mount(self.daemon.data, self.base / "mnt", "--cache",
                           self.base / cache, *flags, env=self.environment)
        return self.place

    def fresh(self, *flags):
        self.serial += 1
        return self.again(f"cache{self.serial}", *flags)

    def end(self):
        status = self.mount.stop() if self.mount.alive() else None
        unmount(self.base / "mnt")
        assert status in self.ends, f"the mount ended with {status}"
        assert self.daemon.stop() == 0
        assert check(self.daemon.data, env=self.environment) == ""


@pytest.fixture(params=["directory", "bucket"])
def mounted(request, base):
    """The same on a directory and on an S3 server."""
    if not have_fuse():
        pytest.skip("no /dev/fuse here")
    with contextlib.ExitStack() as stack:
        if request.param == "bucket":
            d = Stored(base / "data", stack.enter_context(standin.apart()))
            environment = d.environment
        else:
            d, environment = Daemon(base / "data"), dict(os.environ)
        try:
            m = Mounted(base, d, environment)
            yield m
            m.end()
        finally:
            unmount(base / "mnt")
            if d.alive():
                d.stop()
