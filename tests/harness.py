"""The programs under test, as context managers.

A test starts a daemon (and a mount) on a fresh directory, talks to it as a
user would, and leaves nothing behind. ORRERY_BIN names the directory of the
programs; without it build/ is used.
"""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("ORRERY_BIN", ROOT / "build")).resolve()
STORE = None  # a server that all daemons keep their objects on (tests/s3)


def store_environment(data):
    """Each data directory has a prefix of its own there."""
    return STORE.environment(data) if STORE else {}


def object_files(data):
    """A path for each object that a data directory's store holds."""
    if STORE:
        return STORE.files(data)
    return [p for p in (Path(data) / "objects").rglob("*") if p.is_file()]


def wait_until(condition, seconds=10, every=0.005):
    """The first true value of condition(), or the last false one."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


class Process:
    """A program that prints a line when it is ready."""

    def __init__(self, argv, word, env=None, log=None, seconds=30):
        self.argv, self.log = [str(a) for a in argv], log
        self.process = subprocess.Popen(
            self.argv, stdout=subprocess.PIPE, text=True, env=env,
            stderr=log or None)
        self.first = ""
        while not self.first.startswith(word + " "):
            self.first = self.process.stdout.readline()
            if not self.first:
                raise RuntimeError(f"{argv[1]} ended with status "
                                   f"{self.process.wait()} before it was "
                                   f"{word}")
        self.said = self.first.split(" ", 1)[1].strip()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """As a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(seconds)
        self.process.stdout.close()
        return status

    def alive(self):
        return self.process.poll() is None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Whatever happened, it does not outlive its block."""
        if self.alive():
            self.stop()


class Daemon(Process):
    """orrery serve on a data directory; url is where it answers."""

    def __init__(self, data, *flags, listen="127.0.0.1:0", env=None, **kwargs):
        super().__init__([BIN / "orrery", "serve", "--data", data, "--listen",
                          listen, "--log-level", "warn", *flags], "ready",
                         env={**(env or os.environ),
                              **store_environment(data)}, **kwargs)
        self.data, self.url = Path(data), self.said
        self.address = self.url.split("//")[1]

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, headers, bytes) of one request."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        r = urllib.request.Request(self.url + path, data=body, method=method,
                                   headers={"Content-Type": "application/json",
                                            **(headers or {})})
        try:
            with urllib.request.urlopen(r, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def call(self, path, body=None, **query):
        """An MLflow call that must succeed; POST with a body, else GET."""
        if query:
            path += "?" + urllib.parse.urlencode(query, doseq=True)
        status, _, text = self.request("GET" if body is None else "POST",
                                       "/api/2.0/mlflow/" + path, body)
        assert status == 200, (path, status, text)
        return json.loads(text)

    def experiment(self, name):
        return self.call("experiments/create", {"name": name})["experiment_id"]

    def run(self, experiment="0", name=None):
        body = {"experiment_id": experiment, "start_time": int(
            time.time() * 1000)}
        if name:
            body["run_name"] = name
        return self.call("runs/create", body)["run"]["info"]

    def history(self, run, key):
        points, token = [], None
        while True:
            query = {"run_id": run, "metric_key": key, "max_results": 25000}
            if token:
                query["page_token"] = token
            page = self.call("metrics/get-history", **query)
            points += page.get("metrics", [])
            token = page.get("next_page_token")
            if not token:
                return points


class Mount(Process):
    """orrery mount -f; path is the mountpoint."""

    def __init__(self, data, mountpoint, *flags, env=None, **kwargs):
        super().__init__([BIN / "orrery", "mount", "-f", "--data", data,
                          "--log-level", "warn", *flags, mountpoint],
                         "mounted", env={**(env or os.environ),
                                         **store_environment(data)}, **kwargs)
        self.path = Path(self.said)

    def run_directory(self, experiment, run):
        return self.path / "experiments" / experiment / "runs" / run

    def flush(self):
        """Everything written is committed; OSError if something is stuck."""
        with open(self.path / ".ctl", "w") as f:
            f.write("flush\n")


def unmount(path):
    """Whatever is left of a mount whose process is gone."""
    subprocess.run(["umount", "-l", str(path)], stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def workplace(directory=None):
    """A fresh directory, removed afterwards (mounts below it first)."""
    base = Path(tempfile.mkdtemp(prefix="orrery-test-", dir=directory))
    try:
        yield base
    finally:
        with open("/proc/self/mounts") as mounts:
            for line in reversed(mounts.read().splitlines()):
                if line.split()[1].startswith(str(base)):
                    unmount(line.split()[1])
        shutil.rmtree(base, ignore_errors=True)


def check(data, env=None):
    """orrery check: its findings, none when all is well."""
    p = subprocess.run([BIN / "orrery", "check", "--data", data], text=True,
                       env={**(env or os.environ), **store_environment(data)},
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return "" if p.returncode == 0 else p.stdout or "status 1"


def have_fuse():
    return os.access("/dev/fuse", os.R_OK | os.W_OK)
