"""What was deleted goes for good: by orrery gc, and by name over HTTP."""
import json
import random
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from harness import (BIN, Daemon, check, object_files, wait_until,
                     workplace)
from mounting import orrery

PROXY = "/api/2.0/mlflow-artifacts/artifacts/"


def put(d, path, data):
    r = urllib.request.Request(d.url + PROXY + path, data=data, method="PUT")
    with urllib.request.urlopen(r, timeout=60) as answer:
        assert answer.status == 200


def collect(d, **body):
    status, _, text = d.request("POST", "/api/gc", body)
    return status, json.loads(text)


def gc(d, *flags):
    """The answer of orrery gc --json."""
    p = subprocess.run([BIN / "orrery", "gc", "--data", d.data, "--json",
                        *flags], text=True, capture_output=True, timeout=120)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


def full_run(d, experiment, name, files=4, size=1000, points=900):
    """A run with params, tags, metrics and artifacts; its id."""
    run = d.run(experiment, name)["run_id"]
    d.call("runs/log-batch", {
        "run_id": run,
        "metrics": [{"key": f"m{i % 5}", "value": i, "timestamp": i,
                     "step": i} for i in range(points)],
        "params": [{"key": f"p{i}", "value": name} for i in range(20)],
        "tags": [{"key": f"t{i}", "value": name} for i in range(20)]})
    for i in range(files):
        put(d, f"{experiment}/{run}/artifacts/d{i % 2}/f{i}", b"x" * size)
    return run


def files(d):
    return object_files(d.data)


def search(d, *experiments, **more):
    found = d.call("runs/search", {"experiment_ids": list(experiments),
                                   "run_view_type": "ALL", **more})
    return {r["info"]["run_id"] for r in found.get("runs", [])}


def totals(d):
    status, _, text = d.request("GET", "/api/status")
    return json.loads(text)["content"]


# --- what goes and what stays ------------------------------------------------

def test_a_link_to_what_is_gone_leads_nowhere(daemon):
    x = daemon.experiment("links of gc")
    run = full_run(daemon, x, "linked")
    status, _, text = daemon.request(
        "GET", f"/api/2.0/mlflow-artifacts/presigned/{x}/{run}/artifacts/d0/f0")
    link = json.loads(text)["url"].removeprefix(daemon.url)
    assert daemon.request("GET", link)[2] == b"x" * 1000
    daemon.call("runs/delete", {"run_id": run})
    assert daemon.request("GET", link)[0] == 200
    assert collect(daemon, run_ids=[run])[0] == 200
    status, _, text = daemon.request("GET", link)
    assert status == 404, text
    assert json.loads(text)["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_a_run_goes_with_all_that_is_its(daemon):
    x = daemon.experiment("runs of gc")
    kept = full_run(daemon, x, "kept")
    gone = full_run(daemon, x, "gone")
    before = totals(daemon)
    assert search(daemon, x) == {kept, gone}
    daemon.call("runs/delete", {"run_id": gone})
    since = json.loads(daemon.request("GET", "/api/status")[2])["index"]["change"]
    assert gc(daemon)["runs"] == 0  # thirty days
    would = gc(daemon, "--older-than", "0s", "--dry-run")
    assert would["dry_run"] and would["runs"] == 1
    assert would["objects"] == 4 and would["bytes"] == 4000
    assert search(daemon, x) == {kept, gone} and len(files(daemon)) == 8
    did = gc(daemon, "--older-than", "0s")
    assert {k: did[k] for k in ("runs", "objects", "bytes", "orphans")} == {
        "runs": 1, "objects": 4, "bytes": 4000, "orphans": 0}
    assert search(daemon, x) == {kept}
    assert search(daemon, x, filter="params.p1 LIKE '%'") == {kept}
    assert search(daemon, x, filter="metrics.m1 > 0") == {kept}
    assert len(files(daemon)) == 4
    for path, body in (("runs/restore", {"run_id": gone}),
                       ("runs/delete", {"run_id": gone})):
        status, _, text = daemon.request("POST", "/api/2.0/mlflow/" + path,
                                         body)
        assert status == 404, text
    status, _, _ = daemon.request("GET",
                                  f"/api/2.0/mlflow/runs/get?run_id={gone}")
    assert status == 404
    status, _, _ = daemon.request("GET", f"{PROXY}{x}/{gone}/artifacts/d0/f0")
    assert status == 404
    after = totals(daemon)
    assert after["runs"] == before["runs"] - 1
    assert after["points"] == before["points"] - 900
    assert after["artifacts"] == before["artifacts"] - 4
    page = json.loads(daemon.request("GET", f"/api/changes?since={since}")[2])
    assert ("run", "gone", True) in {(c["thing"], c["name"], c.get("removed"))
                                     for c in page["changes"]}
    assert check(daemon.data) == ""


def test_an_experiment_goes_and_its_name_is_free(daemon):
    x = daemon.experiment("freed")
    run = full_run(daemon, x, "r")
    daemon.call("experiments/delete", {"experiment_id": x})
    status, _, _ = daemon.request("POST", "/api/2.0/mlflow/experiments/create",
                                  {"name": "freed"})
    assert status == 400
    assert gc(daemon, "--older-than", "1d")["experiments"] == 0
    did = gc(daemon, "--older-than", "0s")
    assert did["experiments"] == 1 and did["objects"] >= 4
    assert not [f for f in files(daemon) if run in str(f)]
    again = daemon.experiment("freed")
    assert again != x
    status, _, _ = daemon.request(
        "GET", f"/api/2.0/mlflow/experiments/get?experiment_id={x}")
    assert status == 404
    assert check(daemon.data) == ""


def test_what_is_restored_stays(daemon):
    x = daemon.experiment("restored")
    run = full_run(daemon, x, "r")
    daemon.call("runs/delete", {"run_id": run})
    daemon.call("runs/restore", {"run_id": run})
    daemon.call("experiments/delete", {"experiment_id": x})
    daemon.call("experiments/restore", {"experiment_id": x})
    gc(daemon, "--older-than", "0s")
    assert search(daemon, x) == {run}
    status, _, data = daemon.request("GET",
                                     f"{PROXY}{x}/{run}/artifacts/d0/f0")
    assert status == 200 and data == b"x" * 1000


def test_artifacts_that_were_removed_or_replaced(daemon):
    x = daemon.experiment("replaced")
    run = daemon.run(x)["run_id"]
    gc(daemon, "--older-than", "0s")
    place = f"{x}/{run}/artifacts/"
    for data in (b"one", b"second", b"the third"):
        put(daemon, place + "f", data)
    put(daemon, place + "g", b"1234")
    daemon.request("DELETE", PROXY + place + "g")
    assert gc(daemon)["objects"] == 0
    did = gc(daemon, "--older-than", "0s")
    assert did["objects"] == 3 and did["bytes"] == 3 + 6 + 4
    assert daemon.request("GET", PROXY + place + "f")[2] == b"the third"
    put(daemon, place + "g", b"again")
    assert daemon.request("GET", PROXY + place + "g")[2] == b"again"
    assert check(daemon.data) == ""


# --- by name -----------------------------------------------------------------

def test_by_name(daemon):
    x = daemon.experiment("named")
    one, two, active = (full_run(daemon, x, n) for n in ("1", "2", "3"))
    for run in (one, two):
        daemon.call("runs/delete", {"run_id": run})
    status, answer = collect(daemon, run_ids=[one, active])
    assert status == 400 and active in answer["message"]
    assert search(daemon, x) == {one, two, active}
    status, answer = collect(daemon, run_ids=["f" * 32])
    assert status == 404
    status, answer = collect(daemon, run_ids=[one])
    assert status == 200 and answer["runs"] == 1 and answer["objects"] == 4
    assert answer["complete"]
    assert search(daemon, x) == {two, active}
    status, answer = collect(daemon, experiment_ids=[x])
    assert status == 400
    daemon.call("experiments/delete", {"experiment_id": x})
    status, answer = collect(daemon, experiment_ids=[x])
    assert status == 200 and answer["experiments"] == 1
    assert answer["objects"] == 8
    assert not [f for f in files(daemon) if f"/{x}/" in str(f)]


@pytest.mark.parametrize("body", [
    {"older_than": "soon"}, {"older_than": "-1d"}, {"older_than": 5},
    {"run_ids": ["a"], "older_than": "1d"}, {"run_ids": "a"},
    {"experiment_ids": ["-1"]}, {"experiment_ids": ["x"]},
    {"run_ids": [str(i) for i in range(1001)]}, {"dry_run": "perhaps"},
])
def test_wrong_requests(daemon, body):
    status, answer = collect(daemon, **body)
    assert status in (400, 404), answer
    assert answer["message"]


def test_the_words(daemon):
    gc(daemon, "--older-than", "0s")
    assert orrery("gc", "--data", daemon.data) == (0, "nothing to remove\n")
    run = full_run(daemon, "0", "said", files=1, size=1)
    daemon.call("runs/delete", {"run_id": run})
    status, said = orrery("gc", "--data", daemon.data, "--older-than", "0s",
                          "--dry-run")
    assert (status, said) == (0, "would remove 1 run, 1 object, 1 byte\n")
    status, said = orrery("gc", "--server", daemon.url, "--older-than", "0s")
    assert (status, said) == (0, "removed 1 run, 1 object, 1 byte\n")
    status, said = orrery("gc", "--data", daemon.data, "--older-than", "x")
    assert status == 1 and "duration" in said
    assert orrery("gc", "--data", daemon.data / "none")[0] == 1


# --- while others work -------------------------------------------------------

def test_others_write_meanwhile(daemon):
    """Runs go while others are filled that bear the same names."""
    x = daemon.experiment("busy")
    stop, full, failed = threading.Event(), [], []

    def work():
        while not stop.is_set():
            try:
                full.append(full_run(daemon, x, "again", files=2, points=200))
            except Exception as e:  # whatever it is, the test tells it
                failed.append(e)
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    gone = []
    for _ in range(8):
        wait_until(lambda: len(full) >= 2)
        while full:
            gone.append(full.pop())
            daemon.call("runs/delete", {"run_id": gone[-1]})
        status, answer = collect(daemon, older_than="0s")
        assert status == 200 and answer["complete"], answer
    stop.set()
    for t in threads:
        t.join()
    assert not failed, failed
    left = {str(f).split("/artifacts/")[0].rsplit("/")[-1]
            for f in files(daemon) if f"/objects/{x}/" in str(f)}
    assert search(daemon, x) == set(full) == left and len(gone) >= 16
    assert check(daemon.data) == ""


def test_killed_at_any_moment():
    """Each start goes on with what the last one began; in the end the runs
    are gone, with every byte, and nothing else is."""
    with workplace() as base:
        d = Daemon(base / "data")
        x = d.experiment("to go")
        kept = full_run(d, d.experiment("to stay"), "kept", files=3)
        for i in range(30):
            full_run(d, x, f"r{i}", files=6)
        d.call("experiments/delete", {"experiment_id": x})
        for _ in range(8):
            p = subprocess.Popen([BIN / "orrery", "gc", "--data", d.data,
                                  "--older-than", "0s"],
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0, 0.06))
            d.process.send_signal(signal.SIGKILL)
            d.process.wait()
            p.wait()
            assert check(d.data) == ""
            d = Daemon(base / "data")
        # What was begun is ended without being asked for.
        assert wait_until(lambda: totals(d)["runs"] in (1, 31))
        gc(d, "--older-than", "0s")
        assert totals(d)["runs"] == 1 and len(files(d)) == 3
        assert d.call("runs/get", run_id=kept)["run"]["info"]["run_id"] == kept
        assert check(d.data) == ""
        assert d.stop() == 0


def test_a_stop_does_not_wait_for_it():
    with workplace() as base:
        d = Daemon(base / "data")
        x = d.experiment("large")
        for i in range(60):
            full_run(d, x, f"r{i}", files=1)
        d.call("experiments/delete", {"experiment_id": x})
        p = subprocess.Popen([BIN / "orrery", "gc", "--data", d.data,
                              "--older-than", "0s"],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        time.sleep(0.02)
        assert d.stop(seconds=15) == 0
        p.wait()
        assert check(d.data) == ""


# --- the mounted tree --------------------------------------------------------

def test_the_mount_forgets(daemon, mount):
    place = mount.path / "experiments" / "on a mount"
    place.mkdir()
    run = place / "runs" / "r"
    run.mkdir()
    (run / "params" / "p").write_text("1")
    (run / "artifacts" / "f").write_text("bytes")
    trash = mount.path / "trash" / "runs" / "on a mount" / "r"
    run.rmdir()
    assert trash.is_dir()
    gc(daemon, "--older-than", "0s")
    assert wait_until(lambda: not trash.exists())
    run.mkdir()
    assert not list((run / "params").iterdir())
    assert not list((run / "artifacts").iterdir())
    place.rmdir()
    lies = mount.path / "trash" / "experiments" / "on a mount"
    assert lies.is_dir()
    gc(daemon, "--older-than", "0s")
    assert wait_until(lambda: not lies.exists())
    place.mkdir()
    assert not list((place / "runs").iterdir())
