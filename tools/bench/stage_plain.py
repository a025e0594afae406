"""Figures of servers that were empty before."""
import os
import subprocess
import time

from servers import ROOT, python_with_mlflow
from settings import (FOR_EVER, QUICK, SECONDS, figure, get_ms,
                      make_experiments)

TEAM_RUNS = 100


@figure("plain", "start to first answer", "ms", limit=50, rounds=1)
def start(s):
    return s.start_seconds * 1000


@figure("plain", "memory when idle", "MB", limit=20, rounds=1)
def memory(s):
    return s.memory() / 1e6


@figure("plain", "log-metric, 20 clients", "/s", better="higher", ratio=100)
def log_metric(s):
    return s.load(20, SECONDS, "log-metric", s.run())["per_second"]


@figure("plain", "log-metric, 1 client", "/s", better="higher")
def log_metric_one(s):
    return s.load(1, SECONDS, "log-metric", s.run())["per_second"]


@figure("plain", "log-batch of 1000 points of a key", "points/s",
        better="higher")
def log_batch(s):
    return 1000 * s.load(4, SECONDS, "log-batch", s.run())["per_second"]


@figure("plain", "log-batch of 1000 keys, a point each", "points/s",
        better="higher", limit=150_000)
def wide_batch(s):
    return 1000 * s.load(4, SECONDS, "wide-batch", s.run())["per_second"]


@figure("plain", "new runs, 1 client", "/s", better="higher")
def new_runs_one(s):
    return s.load(1, SECONDS, "create-run", s.experiment())["per_second"]


@figure("plain", "new runs, 20 clients", "/s", better="higher")
def new_runs(s):
    return s.load(20, SECONDS, "create-run", s.experiment())["per_second"]


@figure("plain", "new runs of 45 values each, 20 clients", "/s",
        better="higher", prepare=lambda s: setattr(s, "first",
                                                   make_experiments(s)))
def new_full_runs(s):
    return s.load(20, SECONDS, "runs", s.first, 0, 10_000_000
                  )["per_second"] / 2


def many_keys(s, keys):
    run = s.run()
    for first in range(0, keys, 500):
        s.batch(run, metrics=[
            {"key": f"key{k}", "value": k / 7, "timestamp": 1767312000000,
             "step": 1} for k in range(first, first + 500)])
    return run


def make_wide_run(s):
    s.wide = many_keys(s, 2500)


@figure("plain", "get-run with 2500 metric keys", "ms", prepare=make_wide_run)
def get_run(s):
    return get_ms(s, f"runs/get?run_id={s.wide}")


def make_history(s):
    s.history_run = s.run()
    for b in range(20):
        s.batch(s.history_run, metrics=[
            {"key": "loss", "value": 1 / (1 + b * 1000 + i), "step":
             b * 1000 + i, "timestamp": 1767312000000 + b * 1000 + i}
            for i in range(1000)])


@figure("plain", "history of 20 000 points", "ms", prepare=make_history)
def history(s):
    return get_ms(s, f"metrics/get-history?run_id={s.history_run}"
                  "&metric_key=loss&max_results=25000")


def make_team(s):
    """An experiment with runs for a team to work on, and their ids."""
    if hasattr(s, "team"):
        return
    s.team = make_experiments(s)
    s.load(1, FOR_EVER, "runs", s.team, 0, TEAM_RUNS)
    found = s.call("runs/search", {"experiment_ids": [
        str(s.team + i) for i in range(10)], "max_results": TEAM_RUNS})
    s.ids = s.directory / "ids"
    s.ids.write_text("".join(r["info"]["run_id"] + "\n"
                             for r in found["runs"]))


def at_work(s, what):
    return s.load(20, 2 * SECONDS, "mixed", s.ids, s.team)[what]


@figure("plain", "20 clients at work", "/s", better="higher",
        prepare=make_team)
def mixed(s):
    return at_work(s, "per_second")


@figure("plain", "20 clients at work, p50", "ms", prepare=make_team)
def mixed_p50(s):
    return at_work(s, "p50_ms")


@figure("plain", "20 clients at work, p95", "ms", prepare=make_team)
def mixed_p95(s):
    return at_work(s, "p95_ms")


def record_log_model(s):
    """What MLflow's own client does, and what it asks meanwhile."""
    if hasattr(s, "script"):
        return
    s.script = s.directory / "log-model"
    run = many_keys(s, 2000)
    environment = dict(os.environ, MLFLOW_DISABLE_TELEMETRY="true",
                       PYTHONWARNINGS="ignore", MLFLOW_LOGGING_LEVEL="ERROR")
    p = subprocess.run([
        python_with_mlflow() / "python", ROOT / "tools/bench/log_model.py",
        s.url, run, s.script], stdout=subprocess.PIPE, check=True, text=True,
        env=environment, stderr=s.log)
    s.log_model_seconds = float(p.stdout.split()[0])


@figure("plain", "log_model, 2000 metric keys: the client whole", "s",
        prepare=record_log_model, rounds=1, ratio=None)
def log_model(s):
    return s.log_model_seconds


@figure("plain", "log_model, 2000 metric keys: its requests", "ms",
        prepare=record_log_model)
def log_model_requests(s):
    return 1000 * s.load(1, FOR_EVER, "script", s.script)["seconds"]


def artifact_of(s, size):
    """curl, as the client streams: one PUT of a file."""
    run = s.run()
    path = s.directory / "big"
    if not path.exists():
        with open(path, "wb") as f:
            block = os.urandom(1 << 20)
            for i in range(size >> 20):
                f.write(i.to_bytes(8, "big") + block[8:])
    url = (f"{s.url}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/big")
    return path, url


ARTIFACT = (256 if QUICK else 1024) << 20


@figure("plain", "artifact up", "MB/s", better="higher", ratio=None, rounds=1)
def artifact_up(s):
    path, url = artifact_of(s, ARTIFACT)
    before = s.memory()
    start = time.monotonic()
    subprocess.run(["curl", "-sSf", "-T", path, url], check=True,
                   stdout=subprocess.DEVNULL)
    took = time.monotonic() - start
    s.grown = s.memory() - before
    s.artifact = url
    return ARTIFACT / took / 1e6


def have_artifact(s):
    if not hasattr(s, "artifact"):
        artifact_up(s)


@figure("plain", "dd conv=fsync of as much", "MB/s", better="higher",
        ratio=None, rounds=1)
def plain_write(s):
    start = time.monotonic()
    subprocess.run(["dd", "if=/dev/zero", f"of={s.directory}/dd", "bs=1M",
                    f"count={ARTIFACT >> 20}", "conv=fsync"], check=True,
                   stderr=subprocess.DEVNULL)
    took = time.monotonic() - start
    (s.directory / "dd").unlink()
    return ARTIFACT / took / 1e6


@figure("plain", "artifact down", "MB/s", better="higher", ratio=None,
        prepare=have_artifact)
def artifact_down(s):
    start = time.monotonic()
    p = subprocess.run(["curl", "-sSf", "-o", "/dev/null", "-w",
                        "%{size_download}", s.artifact], check=True,
                       stdout=subprocess.PIPE, text=True)
    return int(p.stdout) / (time.monotonic() - start) / 1e6


@figure("plain", "memory grown by the artifact", "MB", ratio=None, limit=8,
        rounds=1, prepare=have_artifact)
def artifact_memory(s):
    return max(s.grown, 0) / 1e6


def fill(pair):
    """Nothing: each figure brings what it needs."""
