"""What tests of the mounted tree have in common: shells, errors, lines."""
import contextlib
import errno
import itertools
import json
import os
import subprocess
import urllib.parse

from harness import BIN

PATIENCE = 30  # seconds a command may take
HOMELESS = {k: v for k, v in os.environ.items() if not k.startswith(
    ("XDG_", "ORRERY_"))} | {"LC_ALL": "C.UTF-8", "HOME": "/none"}


def sh(script, cwd=None, status=0):
    """What a shell script prints; its exit status must be the one given."""
    p = subprocess.run(["bash", "-c", script], cwd=cwd, timeout=PATIENCE,
                       text=True, errors="surrogateescape",
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=HOMELESS)
    assert p.returncode == status, (script, p.returncode, p.stdout, p.stderr)
    return p.stdout + (p.stderr if status else "")


def orrery(*argv):
    """(status, everything it said) of the command line."""
    p = subprocess.run([BIN / "orrery", *map(str, argv)], timeout=PATIENCE,
                       text=True, stdin=subprocess.DEVNULL, env=HOMELESS,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode, p.stdout


@contextlib.contextmanager
def fails(number):
    """An OSError with this number and no other."""
    try:
        yield
    except OSError as e:
        assert e.errno == number, (f"{errno.errorcode[e.errno]} instead of "
                                   f"{errno.errorcode[number]}: {e}")
    else:
        raise AssertionError(f"no {errno.errorcode[number]}")


@contextlib.contextmanager
def opened(path, flags, mode=0o644):
    """A bare descriptor: no buffer, and an error of close is seen."""
    fd = os.open(path, flags, mode)
    try:
        yield fd
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(fd)
        raise
    os.close(fd)


def append(path, text):
    """One write of all of it, as a shell's echo."""
    with opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as fd:
        assert os.write(fd, text.encode()) == len(text.encode())


def points(path):
    """The lines of a metric: (step, value, timestamp)."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return [(int(s), float(v), int(t)) for s, v, t in lines]


def values(path):
    return [value for _, value, _ in points(path)]


def meta(directory):
    return json.loads((directory / "meta.json").read_text())


def run_id(directory):
    return meta(directory)["run_id"]


def artifact(daemon, directory, name):
    """(status, bytes) of a run's artifact over HTTP."""
    place = meta(directory)["artifact_uri"].split(":/", 1)[1]
    status, _, body = daemon.request(
        "GET", "/api/2.0/mlflow-artifacts/artifacts/" +
        urllib.parse.quote(f"{place}/{name}"))
    return status, body


def listed_over_http(daemon, directory, path=""):
    query = urllib.parse.urlencode({"run_id": run_id(directory),
                                    **({"path": path} if path else {})})
    found = daemon.call(f"artifacts/list?{query}").get("files", [])
    return {f["path"]: f.get("file_size") for f in found}


def log_metric(daemon, run, key, value, step=0, timestamp=1700000000000):
    daemon.call("runs/log-metric", {"run_id": run, "key": key, "value": value,
                                    "step": step, "timestamp": timestamp})


def tree(top):
    """Every file below top with its bytes, every directory with None."""
    found = {}
    for at, directories, files in os.walk(os.fsencode(top)):
        for name in directories:
            path = os.path.join(at, name)
            found[os.path.relpath(path, os.fsencode(top))] = None
        for name in files:
            path = os.path.join(at, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, os.fsencode(top))] = f.read()
    return found


numbers = itertools.count(1)
