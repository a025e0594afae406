"""An S3 server behind daemons of tests that know nothing of it."""
import contextlib
import os
from hashlib import sha256
from pathlib import Path, PurePosixPath

import referee
import standin
from harness import ROOT, workplace


def prefix_of(data):
    return sha256(str(data).encode()).hexdigest()[:16]


class Backing:
    """url, and keys() of all that lies there."""

    def __init__(self, url, keys):
        self.url, self.keys = url, keys

    def environment(self, data):
        return standin.environment(self.url, prefix=prefix_of(data))

    def files(self, data):
        prefix = prefix_of(data) + "/"
        return [PurePosixPath("/objects") / k[len(prefix):]
                for k in self.keys() if k.startswith(prefix)]


def keys_below(directory):
    return [str(p.relative_to(directory)) for p in directory.rglob("*")
            if p.is_file() and ".sgwtmp" not in str(p)]


@contextlib.contextmanager
def backing(kind):
    if kind == "s3":
        with standin.Standin() as s:
            yield Backing(s.url, lambda: list(s.objects))
        return
    assert kind == "versitygw", kind
    argv0, why = referee.program(Path(os.environ.get(
        "ORRERY_TEST_BUILD", ROOT / "build-test")))
    assert argv0, why
    with workplace() as base:
        with referee.versitygw(argv0, base / "gw") as url:
            yield Backing(url, lambda: keys_below(base / "gw" / "orrery"))
