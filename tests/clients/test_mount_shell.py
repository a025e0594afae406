"""The mounted tree with a shell: values, copies, removal, the mount itself."""
import errno
import json
import os
import signal
import stat
import subprocess
import threading
import time

import pytest
from harness import Daemon, Mount, unmount, wait_until, workplace
from mounting import (append, fails, meta, numbers, opened, orrery, points,
                      run_id, sh, tree, values)


def data_of(daemon, run_dir):
    run = daemon.call("runs/get", run_id=run_id(run_dir))["run"]
    return (run["info"],
            {p["key"]: p["value"] for p in run["data"].get("params", [])},
            {t["key"]: t["value"] for t in run["data"].get("tags", [])})


# --- what there is -----------------------------------------------------------

def test_the_top(mount):
    assert sorted(os.listdir(mount.path)) == [
        ".ctl", ".errors", ".stats", "README", "experiments",
        "models", "search", "trash"]
    assert "mkdir experiments/" in (mount.path / "README").read_text()
    assert "Default" in os.listdir(mount.path / "experiments")
    for make in (os.mkdir, lambda p: os.open(p, os.O_CREAT | os.O_WRONLY)):
        with fails(errno.EPERM):
            make(mount.path / "new")
    with fails(errno.EPERM):
        os.unlink(mount.path / "README")
    with fails(errno.EPERM):
        os.rmdir(mount.path / "experiments")


def test_the_parts_of_a_run(experiment_dir, run_dir):
    """Tables resolve, and are listed in .tables only."""
    assert sorted(os.listdir(experiment_dir)) == [
        ".tables", "meta.json", "models", "runs", "tags"]
    assert os.listdir(experiment_dir / ".tables") == ["runs.tsv"]
    parts = [".tables", "artifacts", "latest.json", "meta.json", "metrics",
             "params", "status", "tags"]
    assert sorted(set(os.listdir(run_dir)) - {"inputs", "models"}) == parts
    assert sorted(os.listdir(run_dir / ".tables")) == [
        "metrics.jsonl", "metrics.tsv"]
    for path in (experiment_dir / "runs.tsv", run_dir / "metrics.tsv",
                 run_dir / "metrics.jsonl"):
        assert path.read_bytes() == (path.parent / ".tables" /
                                     path.name).read_bytes()


def test_meta(daemon, experiment_dir, run_dir):
    """MLflow's own JSON."""
    run = daemon.call("runs/get", run_id=run_id(run_dir))["run"]["info"]
    assert meta(run_dir) == run
    assert run["run_name"] == "first" and run["status"] == "RUNNING"
    assert abs(run["start_time"] / 1000 - time.time()) < 60
    experiment = daemon.call("experiments/get", experiment_id=run[
        "experiment_id"])["experiment"]
    assert meta(experiment_dir) == experiment


def test_ls_lr_says_what_http_says(daemon, mount):
    """Every run, key and size; what ls counts is what cat gives."""
    top = mount.path / "experiments" / f"x{next(numbers)}"
    top.mkdir()
    for n in range(3):
        run = top / "runs" / f"r{n}"
        run.mkdir()
        sh(f"""for i in 1 2 3; do echo $i >> metrics/m$i; done
               echo {n} > params/p; echo {'t' * n} > tags/t
               mkdir -p artifacts/d; head -c {n}000 /dev/zero > artifacts/d/f
            """, run)
    listing = sh("find . -type f -printf '%s %P\\n'", top).splitlines()
    sizes = {name: int(size) for size, name in (
        line.split(" ", 1) for line in listing)}
    long = sh("ls -lR", top)
    for name, size in sizes.items():
        if "/." not in f"/{name}":
            assert os.stat(top / name).st_size == size
        assert len((top / name).read_bytes()) == size, name
        assert name.startswith(".tables") or "/.tables/" in name or (
            f" {size} " in long)
    found = daemon.call("runs/search", {"experiment_ids": [
        meta(top)["experiment_id"]]})["runs"]
    assert {r["info"]["run_name"] for r in found} == set(
        os.listdir(top / "runs"))
    for r in found:
        at = f"runs/{r['info']['run_name']}/"
        for kind in ("params", "tags"):
            for pair in r["data"].get(kind, []):
                assert sizes[f"{at}{kind}/{pair['key']}"] == len(
                    pair["value"].encode()) + 1
        for metric in r["data"]["metrics"]:
            assert f"{at}metrics/{metric['key']}" in sizes
        files = daemon.call(f"artifacts/list?run_id={r['info']['run_id']}"
                            "&path=d")["files"]
        assert {f["path"]: f["file_size"] for f in files} == {
            "d/f": sizes[at + "artifacts/d/f"]}


def test_runs_tsv(daemon, experiment_dir):
    assert (experiment_dir / "runs.tsv").read_text() == (
        "run_id\tname\tstatus\tstart_time\tend_time\n")
    for name in ("a", "b"):
        (experiment_dir / "runs" / name).mkdir()
    sh(r"""echo 0.5 > a/params/lr; printf 'x\ty\nz\\' > a/tags/note
           echo 1 0.25 >> a/metrics/loss; echo 2 nan >> a/metrics/loss
           echo FINISHED > a/status; echo 7 >> b/metrics/v/w""".replace(
               "echo 7", "mkdir b/metrics/v; echo 7"),
       experiment_dir / "runs")
    wait_until(lambda: (experiment_dir / "runs" / "a" / "tags" /
                        "note").read_text())
    lines = (experiment_dir / "runs.tsv").read_text().split("\n")
    head = lines[0].split("\t")
    assert head[:5] == ["run_id", "name", "status", "start_time", "end_time"]
    assert [h for h in head[5:] if not h.startswith("tags.mlflow.")] == [
        "params.lr", "metrics.loss", "metrics.v/w", "tags.note"]
    size = os.stat(experiment_dir / "runs.tsv").st_size
    assert size == len("\n".join(lines).encode())
    rows = {row[1]: dict(zip(head, row))
            for row in (line.split("\t") for line in lines[1:-1])}
    a, b = rows["a"], rows["b"]
    assert (a["status"], a["params.lr"], a["metrics.loss"], a["tags.note"],
            a["metrics.v/w"]) == ("FINISHED", "0.5", "nan",
                                  r"x\ty\nz" + "\\\\", "")
    info = meta(experiment_dir / "runs" / "a")
    assert (a["run_id"], int(a["start_time"]), int(a["end_time"])) == (
        info["run_id"], info["start_time"], info["end_time"])
    assert (b["status"], b["end_time"], float(b["metrics.v/w"])) == (
        "RUNNING", "", 7)


# --- status, params, tags ----------------------------------------------------

def test_status(daemon, run_dir):
    assert (run_dir / "status").read_text() == "RUNNING\n"
    for status in ("SCHEDULED", "RUNNING", "FAILED", "KILLED", "FINISHED"):
        sh(f"echo {status} > status", run_dir)
        assert data_of(daemon, run_dir)[0]["status"] == status
        assert (run_dir / "status").read_text() == status + "\n"
    info = data_of(daemon, run_dir)[0]
    assert abs(info["end_time"] / 1000 - time.time()) < 60
    daemon.call("runs/update", {"run_id": info["run_id"],
                                "status": "FAILED"})
    assert wait_until(lambda: (run_dir / "status").read_text() ==
                      "FAILED\n", 2)


def test_a_bad_status(daemon, run_dir, other_mount):
    for bad in ("DONE", "finished", "FINISHED X", "FINISHED\\nX", " RUNNING",
                "X" * 5000, ""):
        with opened(run_dir / "status", os.O_WRONLY | os.O_TRUNC) as fd:
            with fails(errno.EINVAL):
                os.write(fd, f"{bad}\n".encode())
        assert "Invalid argument" in sh(f"echo '{bad}' > status", run_dir,
                                        status=1)
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")
    fd = os.open(there / "status", os.O_WRONLY)
    os.write(fd, b"FINI")
    with fails(errno.EINVAL):
        os.close(fd)
    with fails(errno.EPERM):
        os.unlink(run_dir / "status")
    with fails(errno.EPERM):
        os.truncate(run_dir / "status", 0)
    assert (run_dir / "status").read_text() == "RUNNING\n"
    assert data_of(daemon, run_dir)[0]["status"] == "RUNNING"


def test_params_are_written_once(daemon, run_dir):
    sh("echo 0.1 > params/lr; echo 0.1 > params/lr; printf 0.1 > params/lr",
       run_dir)
    said = sh("echo 0.2 > params/lr", run_dir, status=1)
    assert "File exists" in said
    assert "File exists" in sh("echo more >> params/lr", run_dir, status=1)
    with opened(run_dir / "params" / "lr", os.O_WRONLY | os.O_TRUNC) as fd:
        with fails(errno.EEXIST):
            os.write(fd, b"0.2\n")
    for forbidden in (lambda p: os.unlink(p), lambda p: os.truncate(p, 0),
                      lambda p: os.rename(p, run_dir / "params" / "other")):
        with fails(errno.EPERM):
            forbidden(run_dir / "params" / "lr")
    sh("rm -f params/lr", run_dir, status=1)
    assert (run_dir / "params" / "lr").read_text() == "0.1\n"
    assert data_of(daemon, run_dir)[1] == {"lr": "0.1"}


def test_values_are_whole(daemon, run_dir):
    """All that one handle wrote, less one newline; empty ones too."""
    sh("""{ printf 'one\\n'; printf 'two\\n'; } > tags/two
          printf 'a\\n' > params/p; printf 'b' > params/q
          printf 'c\\n\\n' > tags/c; echo > tags/newline
          { echo 1; /bin/echo 2; } > params/lines
          : > tags/empty; : > params/empty""", run_dir)
    want = {"two": "one\ntwo", "c": "c\n", "newline": "", "empty": ""}
    assert wait_until(lambda: want.items() <= data_of(
        daemon, run_dir)[2].items()), data_of(daemon, run_dir)
    assert wait_until(lambda: data_of(daemon, run_dir)[1] == {
        "p": "a", "q": "b", "lines": "1\n2", "empty": ""})
    assert (run_dir / "tags" / "two").read_text() == "one\ntwo\n"
    assert (run_dir / "tags" / "empty").read_text() == "\n"
    assert os.stat(run_dir / "tags" / "two").st_size == 8


def test_close_says_that_it_is_stored(daemon, run_dir):
    """An answer of close by the one who wrote: the next request has it."""
    for i in range(20):
        (run_dir / "tags" / "t").write_text(f"{i}\n")
        assert data_of(daemon, run_dir)[2]["t"] == str(i)
        assert (run_dir / "tags" / "t").read_text() == f"{i}\n"


def test_tags_change_and_go(daemon, experiment_dir, run_dir):
    sh("""echo one > tags/t; echo two > tags/t; echo x > tags/gone
          echo team > ../../tags/owner""", run_dir)
    assert data_of(daemon, run_dir)[2]["t"] == "two"
    assert {"key": "owner", "value": "team"} in daemon.call(
        "experiments/get", experiment_id=meta(experiment_dir)[
            "experiment_id"])["experiment"]["tags"]
    assert (experiment_dir / "tags" / "owner").read_text() == "team\n"
    sh("rm tags/gone ../../tags/owner; mv tags/t tags/u", run_dir)
    tags = data_of(daemon, run_dir)[2]
    assert "gone" not in tags and "t" not in tags and tags["u"] == "two"
    assert os.listdir(experiment_dir / "tags") == []
    with fails(errno.ENOENT):
        os.stat(run_dir / "tags" / "gone")


def test_tags_move_between_runs(daemon, run_dir):
    other = run_dir.parent / "other"
    other.mkdir()
    sh("echo 1 > tags/t; mv tags/t ../other/tags/", run_dir)
    assert "t" not in data_of(daemon, run_dir)[2]
    assert data_of(daemon, other)[2]["t"] == "1"


def test_values_from_http(daemon, run_dir):
    run = run_id(run_dir)
    daemon.call("runs/set-tag", {"run_id": run, "key": "t",
                                 "value": "a\nb\té"})
    daemon.call("runs/log-parameter", {"run_id": run, "key": "p",
                                       "value": ""})
    assert wait_until(lambda: (run_dir / "tags" / "t").exists(), 2)
    assert (run_dir / "tags" / "t").read_text() == "a\nb\té\n"
    assert (run_dir / "params" / "p").read_text() == "\n"
    daemon.call("runs/set-tag", {"run_id": run, "key": "t", "value": "b"})
    assert wait_until(lambda: (run_dir / "tags" / "t").read_text() ==
                      "b\n", 2)
    assert os.stat(run_dir / "tags" / "t").st_size == 2


def test_a_child_that_ends_takes_nothing(daemon, run_dir):
    with opened(run_dir / "tags" / "t", os.O_WRONLY | os.O_CREAT) as fd:
        os.write(fd, b"one\n")
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        assert "t" not in data_of(daemon, run_dir)[2]
        os.write(fd, b"two\n")
    assert data_of(daemon, run_dir)[2]["t"] == "one\ntwo"


# --- editors and copies ------------------------------------------------------

def test_editors(daemon, run_dir):
    """Temporary names stay here; the rename sets the value."""
    sh("""echo 'a note' > tags/note; echo x > params/once
          sed -i s/a/the/ tags/note
          vim -u NONE -i NONE -es -c 's/note/text/' -c wq tags/note
          vim -u NONE -i NONE -es -c 'set backupcopy=no' -c 's/the/A/' \
              -c wq tags/note
          sed -i s/RUNNING/FINISHED/ status""", run_dir)
    assert (run_dir / "tags" / "note").read_text() == "A text\n"
    info, _, tags = data_of(daemon, run_dir)
    assert tags["note"] == "A text" and info["status"] == "FINISHED"
    assert not [t for t in tags if t.startswith((".", "sed", "4913"))]
    assert "note~" not in tags
    sh("sed -i s/x/y/ params/once", run_dir, status=4)
    assert (run_dir / "params" / "once").read_text() == "x\n"


def test_write_and_rename(daemon, run_dir, other_mount):
    tags = run_dir / "tags"
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")
    with open(tags / ".t.tmp", "w") as f:
        f.write("value\n")
        f.flush()
        os.fsync(f.fileno())
        assert [t for t in os.listdir(there / "tags")
                if not t.startswith("mlflow.")] == []
        assert "t" not in data_of(daemon, run_dir)[2]
    os.replace(tags / ".t.tmp", tags / "t")
    assert data_of(daemon, run_dir)[2]["t"] == "value"
    assert not (tags / ".t.tmp").exists()
    with open(tags / "t~", "w") as f:
        f.write("x")
    os.unlink(tags / "t~")
    (run_dir / "metrics" / ".m.tmp").write_text("1 1\n2 2\n")
    os.rename(run_dir / "metrics" / ".m.tmp", run_dir / "metrics" / "m")
    assert values(run_dir / "metrics" / "m") == [1, 2]


FILL = """
    echo 0.1 > params/lr; echo 'two words' > params/a%2Fb
    echo note > tags/note; printf 'a\\nb\\n' > tags/lines
    echo 1 0.5 1700000000000 >> metrics/loss; mkdir metrics/val
    echo 2 nan 1700000000001 >> metrics/val/acc
    echo -n bytes > artifacts/f; mkdir artifacts/d; echo x > artifacts/d/g
"""


def times(top):
    return sh("find . -printf '%T@ %s %y %P\\n' | sort -k4", top)


def settle(other_mount, run_dir):
    """The kernel may hold the age of a directory for as long as any change
    takes to be seen; another mount knows better. Returns what that shows."""
    there = other_mount.run_directory(run_dir.parent.parent.name,
                                      run_dir.name)
    assert wait_until(lambda: times(run_dir) == times(there), 2)
    return there


def test_a_run_is_copied_out(run_dir, other_mount, tmp_path):
    """cp, rsync and tar; what was copied is found unchanged."""
    sh(FILL, run_dir)
    settle(other_mount, run_dir)
    sh(f"cp -r . {tmp_path}/cp && diff -r . {tmp_path}/cp", run_dir)
    sh(f"cp -a . {tmp_path}/cpa && diff -r . {tmp_path}/cpa", run_dir)
    assert sh(f"rsync -ai . {tmp_path}/rsync", run_dir) != ""
    assert sh(f"rsync -ai . {tmp_path}/rsync; rsync -aci . {tmp_path}/rsync",
              run_dir) == ""
    assert tree(run_dir) == tree(tmp_path / "rsync") == tree(tmp_path / "cp")
    sh(f"tar cf {tmp_path}/t.tar . && tar df {tmp_path}/t.tar", run_dir)
    sh(f"mkdir {tmp_path}/tar && tar xf {tmp_path}/t.tar -C {tmp_path}/tar "
       f"&& diff -r . {tmp_path}/tar", run_dir)
    # A second mount and a later look find nothing newer.
    sh(f"cat metrics/loss status > /dev/null; tar df {tmp_path}/t.tar",
       run_dir)


def test_times_stay(daemon, run_dir, other_mount, tmp_path):
    sh(FILL, run_dir)
    there = settle(other_mount, run_dir)
    was = times(run_dir)
    sh(f"grep -r . . > /dev/null; tar cf {tmp_path}/t .", run_dir)
    assert times(run_dir) == was == times(there)
    sh("echo 3 >> metrics/loss", run_dir)
    settle(other_mount, run_dir)
    changed = set(times(run_dir).splitlines()) ^ set(was.splitlines())
    assert {line.split(" ", 3)[3] for line in changed} <= {
        "metrics/loss", "latest.json", "meta.json", "",
        ".tables/metrics.tsv", ".tables/metrics.jsonl"}
    assert any(line.endswith("metrics/loss") for line in changed)


def same_but_identity(a, b):
    """Two runs with the same contents; who they are differs."""
    own = (b"meta.json", b"tags/mlflow.", b"status")
    x, y = ({name: text for name, text in tree(top).items()
             if not name.startswith(own)} for top in (a, b))
    assert x == y


def test_a_run_is_copied_to_another(daemon, run_dir, tmp_path):
    sh(FILL, run_dir)
    sh("echo FINISHED > status", run_dir)
    other = run_dir.parent / "copy"
    sh("mkdir copy && cd first && "
       "cp -r status params metrics artifacts ../copy/ && "
       "cp tags/[!m]* ../copy/tags/", run_dir.parent)
    same_but_identity(run_dir, other)
    assert data_of(daemon, other)[0]["status"] == "FINISHED"
    third = run_dir.parent / "third"
    third.mkdir()
    sh(f"tar c params metrics artifacts tags/[!m]* | tar x -C {third}",
       run_dir)
    same_but_identity(run_dir, third)
    fourth = run_dir.parent / "fourth"
    fourth.mkdir()
    move = f"rsync -ai params metrics artifacts {fourth}/"
    assert sh(move, run_dir) != ""
    assert values(fourth / "metrics" / "loss") == [0.5]
    assert data_of(daemon, fourth)[1] == data_of(daemon, run_dir)[1]


# --- removal -----------------------------------------------------------------

def test_a_run_goes_to_the_trash_and_back(daemon, mount, run_dir):
    sh(FILL, run_dir)
    label, run = run_dir.parent.parent.name, run_id(run_dir)
    was = tree(run_dir)
    trash = mount.path / "trash" / "runs" / label
    for remove in ("rmdir first", f"mv first {mount.path}/trash/",
                   f"mv first {trash}/",
                   f"mv first {mount.path}/trash/runs/"):
        sh(remove, run_dir.parent)
        assert not run_dir.exists()
        assert os.listdir(run_dir.parent) == []
        info = daemon.call("runs/get", run_id=run)["run"]["info"]
        assert info["lifecycle_stage"] == "deleted"
        assert os.listdir(trash) == ["first"]
        assert label in os.listdir(trash.parent)
        assert values(trash / "first" / "metrics" / "loss") == [0.5]
        # Its name stays taken meanwhile.
        with fails(errno.EEXIST):
            os.mkdir(run_dir)
        # Shells see no error of close: it has to come before.
        for file in ("tags/new", "tags/note", "params/new", "status",
                     "artifacts/new", "artifacts/f", "metrics/new"):
            sh(f"echo 7 >> first/{file}", trash, status=1)
        with fails(errno.EPERM):
            os.rmdir(trash / "first")
        with fails(errno.EPERM):
            os.mkdir(trash / "new")
        os.rename(trash / "first", run_dir)
        assert os.listdir(trash) == []
        assert {k: v for k, v in tree(run_dir).items()
                if k != b"meta.json"} == {k: v for k, v in was.items()
                                          if k != b"meta.json"}
        info = daemon.call("runs/get", run_id=run)["run"]["info"]
        assert info["lifecycle_stage"] == "active"


def test_an_experiment_goes_to_the_trash_and_back(daemon, mount, run_dir):
    sh(FILL, run_dir)
    top = run_dir.parent.parent
    experiment = meta(top)["experiment_id"]
    trash = mount.path / "trash" / "experiments"
    for remove in (f"rmdir {top.name}", f"mv {top.name} ../trash/",
                   f"mv {top.name} {trash}/"):
        sh(remove, top.parent)
        assert not top.exists() and top.name not in os.listdir(top.parent)
        assert top.name in os.listdir(trash)
        found = daemon.call("experiments/get", experiment_id=experiment)
        assert found["experiment"]["lifecycle_stage"] == "deleted"
        assert (trash / top.name / "runs" / "first" / "artifacts" /
                "f").read_text() == "bytes"
        with fails(errno.EEXIST):
            os.mkdir(top)
        with fails(errno.EPERM):
            os.rmdir(trash / top.name)
        sh(f"mv {trash}/{top.name} .", top.parent)
        found = daemon.call("experiments/get", experiment_id=experiment)
        assert found["experiment"]["lifecycle_stage"] == "active"
        assert values(run_dir / "metrics" / "loss") == [0.5]
        append(run_dir / "tags" / "still", "writable\n")
    os.rename(top, top.parent / f"{top.name}-renamed")
    assert daemon.call("experiments/get", experiment_id=experiment)[
        "experiment"]["name"] == f"{top.name}-renamed"


def test_rm_r_of_a_run_loses_nothing(daemon, run_dir):
    sh(FILL, run_dir)
    assert "Operation not permitted" in sh("rm -r first", run_dir.parent,
                                           status=1)
    assert values(run_dir / "metrics" / "loss") == [0.5]
    assert (run_dir / "params" / "lr").read_text() == "0.1\n"
    info, params, _ = data_of(daemon, run_dir)
    assert info["lifecycle_stage"] == "active" and len(params) == 2


def test_runs_stay_in_their_experiment(mount, run_dir):
    other = mount.path / "experiments" / f"x{next(numbers)}"
    other.mkdir()
    sh(f"mv first {other}/runs/", run_dir.parent, status=1)
    assert os.listdir(run_dir.parent) == ["first"]
    with pytest.raises(OSError):
        os.rename(run_dir, mount.path / "run")
    (run_dir.parent / "taken").mkdir()
    with pytest.raises(OSError):
        os.rename(run_dir, run_dir.parent / "taken")
    assert sorted(os.listdir(run_dir.parent)) == ["first", "taken"]


def test_what_http_removes_is_gone(daemon, mount, run_dir):
    assert os.listdir(run_dir.parent) == ["first"]
    run, experiment = run_id(run_dir), meta(run_dir)["experiment_id"]
    daemon.call("runs/delete", {"run_id": run})
    assert wait_until(lambda: not run_dir.exists(), 2)
    assert wait_until(lambda: os.listdir(run_dir.parent) == [], 2)
    daemon.call("runs/restore", {"run_id": run})
    assert wait_until(run_dir.exists, 2)
    daemon.call("experiments/delete", {"experiment_id": experiment})
    assert wait_until(lambda: not run_dir.parent.exists(), 2)
    daemon.call("experiments/restore", {"experiment_id": experiment})
    assert wait_until(run_dir.exists, 2)


def test_changes_over_http_are_seen_within_a_second(daemon, mount):
    """Also what was looked up and was not there; median of some."""
    took = []
    for i in range(5):
        top = mount.path / "experiments" / f"x{next(numbers)}"
        assert not top.exists()
        listed = os.listdir(top.parent)
        start = time.monotonic()
        daemon.experiment(top.name)
        assert wait_until(top.exists)
        assert wait_until(lambda: len(os.listdir(top.parent)) == len(
            listed) + 1)
        took.append(time.monotonic() - start)
    assert sorted(took)[2] < 1


# --- the mount itself --------------------------------------------------------

def test_ctl(mount, run_dir):
    append(run_dir / "metrics" / "m", "1\n")
    mount.flush()
    assert sh("echo flush > .ctl && cat .ctl", mount.path).startswith("flush")
    assert "Invalid argument" in sh("echo dance > .ctl", mount.path, status=1)
    with fails(errno.EINVAL):
        with opened(mount.path / ".ctl", os.O_WRONLY) as fd:
            os.write(fd, b"flush dance\n")


def test_flush_waits_until_all_is_committed(daemon, mount, run_dir):
    run = run_id(run_dir)
    append(run_dir / "metrics" / "m", "".join(f"{i}\n" for i in range(20000)))
    mount.flush()
    stats = dict(line.split("\t") for line in (
        mount.path / ".stats").read_text().splitlines())
    assert stats["journal_committed"] == stats["journal_written"]
    assert len(daemon.history(run, "m")) == 20000


def test_stats(mount, run_dir):
    def stats():
        return {key: int(value) for key, value in (
            line.split("\t") for line in (
                mount.path / ".stats").read_text().splitlines())}

    before = stats()
    append(run_dir / "metrics" / "m", "1\n2\n")
    (run_dir / "tags" / "t").write_text("x")
    after = stats()
    assert after["points"] == before["points"] + 2
    assert after["requests"] > before["requests"]
    assert after["posts"] == before["posts"] + 1
    assert after["problems"] == before["problems"]


def test_errors_name_what_was_lost(other_mount, run_dir):
    problems = other_mount.path / ".errors"
    was = problems.read_text()
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")
    fd = os.open(there / "tags" / "t", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x")
    os.rmdir(run_dir)
    with pytest.raises(OSError):
        os.close(fd)
    assert wait_until(lambda: "tags/t" in problems.read_text()[len(was):])
    with fails(errno.EIO):
        other_mount.flush()


def test_statfs(mount):
    fs = os.statvfs(mount.path)
    assert fs.f_blocks >= fs.f_bfree >= fs.f_bavail > 0
    assert fs.f_namemax == 255
    assert str(mount.path) in sh("df --output=target,size .", mount.path)


def test_attributes(run_dir):
    """Only user.* may exist; ls and cp -a ask for others all the time."""
    sh("echo x > artifacts/f; echo x > tags/t", run_dir)
    for path in (run_dir / "artifacts" / "f", run_dir / "tags" / "t",
                 run_dir):
        for name in ("security.selinux", "trusted.x", "security.x"):
            with fails(errno.EOPNOTSUPP):
                os.getxattr(path, name)
            with fails(errno.EOPNOTSUPP):
                os.setxattr(path, name, b"x")
        # The kernel's own answer, where it was told that there are none.
        for name in ("user.none", "system.posix_acl_access"):
            with pytest.raises(OSError) as e:
                os.getxattr(path, name)
            assert e.value.errno in (errno.ENODATA, errno.EOPNOTSUPP)
    assert "+" not in sh("ls -l artifacts | tail -n 1 | cut -c1-11", run_dir)
    sh("cp -a artifacts/f artifacts/g; rsync -aX artifacts/f artifacts/h",
       run_dir)


def test_permissions(mount, run_dir):
    for path in (mount.path, run_dir, run_dir / "status",
                 run_dir / "meta.json"):
        at = os.stat(path)
        assert (at.st_uid, at.st_gid) == (os.getuid(), os.getgid())
        assert not stat.S_IMODE(at.st_mode) & 0o022
    assert stat.S_IMODE(os.stat(run_dir / "meta.json").st_mode) == 0o444
    options = [line.split()[3] for line in open("/proc/self/mounts")
               if line.split()[1] == str(mount.path)]
    assert "allow_other" not in options[0]
    assert "nosuid" in options[0] and "nodev" in options[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_others_see_nothing(daemon, mount):
    daemon.data.parent.chmod(0o755)
    for path in (mount.path, mount.path / "README"):
        p = subprocess.run(["ls", path], user=65534, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode and "Permission denied" in p.stderr
        assert p.stdout == ""


def requests(mount):
    return int(dict(line.split("\t") for line in (
        mount.path / ".stats").read_text().splitlines())["requests"])


def test_unchanged_trees_cost_nothing(mount, run_dir):
    """What was listed and read once is the kernel's."""
    sh("mkdir artifacts/d; for i in $(seq 50); do echo $i > artifacts/d/f$i; "
       "done", run_dir)
    look = "ls -lR artifacts; cat artifacts/d/*; ls -l ../..; ls -l .."
    wait_until(lambda: sh(look, run_dir) == sh(look, run_dir))
    once = sh(look, run_dir)
    before = requests(mount)
    cost = requests(mount) - before
    for _ in range(3):
        assert sh(look, run_dir) == once
    spent = requests(mount) - before - 2 * cost
    # Opening a file is a request each time, whatever is cached.
    assert spent <= 3 * (2 * 50 + 20)
    before = requests(mount)
    sh("stat artifacts/d/f1 artifacts/d/f2 status ../first/artifacts/d "
       "> /dev/null; test ! -e artifacts/none", run_dir)
    sh("stat artifacts/d/f1 artifacts/d/f2 status ../first/artifacts/d "
       "> /dev/null; test ! -e artifacts/none", run_dir)
    assert requests(mount) - before - cost <= 6


def test_many_runs_are_listed(daemon, experiment_dir):
    """More than one answer of the kernel's holds, and none twice."""
    experiment = meta(experiment_dir)["experiment_id"]
    names = [f"run {i:04}" for i in range(1500)]
    for name in names:
        daemon.run(experiment, name)
    runs = experiment_dir / "runs"
    assert wait_until(lambda: len(os.listdir(runs)) == 1500, 3)
    assert sorted(os.listdir(runs)) == names
    assert sh("ls -l | wc -l; ls -f | sort | uniq -d", runs) == "1501\n"


# --- the daemon away ---------------------------------------------------------

def test_appends_while_the_daemon_is_away(pair):
    run = pair.run()
    append(run / "metrics" / "m", "0\n")
    info = run_id(run)
    (run / "tags" / "t").write_text("before\n")
    pair.away()
    assert (run / "tags" / "t").read_text() == "before\n"
    assert values(run / "metrics" / "m") == [0]
    with opened(run / "metrics" / "m", os.O_WRONLY | os.O_APPEND) as fd:
        for i in range(1, 50):
            os.write(fd, b"%d\n" % i)
            # Whoever has files open can go on starting programs.
            if i % 10 == 0:
                os.fsync(fd)
                subprocess.run(["true"], close_fds=False, check=True)
        with fails(errno.EINVAL):
            os.write(fd, b"bad\n")
    sh("echo 50 >> metrics/m; echo 51 | tee -a metrics/new > /dev/null; "
       "ls -lR . > /dev/null; cat metrics/m status params/* tags/t "
       "2> /dev/null; true", run)
    pair.back()
    assert wait_until(lambda: len(pair.daemon.history(info, "m")) == 51)
    assert wait_until(lambda: values(run / "metrics" / "m") == list(
        range(51)))
    assert values(run / "metrics" / "new") == [51]
    assert [p[0] for p in points(run / "metrics" / "m")] == list(range(51))
    assert pair.mount.stop() == 0


@pytest.mark.parametrize("pair", [["--wait", "200ms", "--journal", "16M"]],
                         indirect=True)
def test_a_full_journal(pair):
    """Then a write waits, and fails with nothing taken."""
    run = pair.run()
    append(run / "metrics" / "m", "0 0\n")
    info = run_id(run)
    pair.away()
    taken = 1
    with opened(run / "metrics" / "m", os.O_WRONLY | os.O_APPEND) as fd:
        while taken < 4_000_000:
            chunk = "".join(f"{i} {i}\n" for i in range(taken,
                                                       taken + 100_000))
            try:
                wrote = os.write(fd, chunk.encode())
            except OSError as e:
                assert e.errno == errno.EIO
                break
            taken += chunk.encode()[:wrote].count(b"\n")
            if wrote < len(chunk):
                break
    assert 100_000 < taken < 4_000_000
    pair.back()
    assert wait_until(lambda: len(pair.daemon.history(info, "m")) >= taken)


def waits_in_kernel(pid):
    """Whether a process is held by a request that is not answered."""
    try:
        with open(f"/proc/{pid}/wchan") as f:
            return "request_wait" in f.read() or "fuse" in f.read()
    except OSError:
        return False


def test_ctrl_c_while_the_daemon_is_away(pair):
    """A waiting mkdir ends, and nothing was made when all is back."""
    run = pair.run()
    pair.away()
    for argv, made in ((["mkdir", "never"], run.parent / "never"),
                       (["mkdir", "artifacts/d"], run / "artifacts" / "d")):
        p = subprocess.Popen(argv, cwd=made.parent if "/" not in argv[1]
                             else run, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: waits_in_kernel(p.pid))
        start = time.monotonic()
        p.send_signal(signal.SIGINT)
        assert p.wait(10) != 0
        assert time.monotonic() - start < 5
    assert values(run / "metrics" / "m") == [] if (
        run / "metrics" / "m").exists() else True
    pair.back()
    pair.mount.flush()
    assert wait_until(lambda: tried(run.parent / "after"))
    assert sorted(os.listdir(run.parent)) == ["after", "r"]
    assert os.listdir(run / "artifacts") == []


def tried(path):
    try:
        path.mkdir()
    except FileExistsError:
        pass
    except OSError:
        return False
    return True


@pytest.mark.parametrize("pair", [["--wait", "200ms"]], indirect=True)
def test_waiting_ends_with_an_error(pair):
    run = pair.run()
    (run / "artifacts" / "kept").write_text("kept")
    pair.away()
    for attempt in (lambda: os.mkdir(run.parent / "x"),
                    lambda: os.mkdir(run / "artifacts" / "x"),
                    lambda: os.unlink(run / "artifacts" / "kept"),
                    lambda: os.rename(run, run.parent / "y"),
                    lambda: (run / "tags" / "t").write_text("x"),
                    lambda: (run / "artifacts" / "f").write_text("x"),
                    lambda: pair.mount.flush() if append(
                        run / "metrics" / "m", "1\n") is None else None):
        start = time.monotonic()
        with fails(errno.EIO):
            attempt()
        assert time.monotonic() - start >= 0.15
    assert (run / "artifacts" / "kept").read_text() == "kept"
    pair.back()
    assert wait_until(lambda: tried(run.parent / "after"))
    assert values(run / "metrics" / "m") == [1]
    assert (run / "artifacts" / "kept").read_text() == "kept"
    assert not (run / "artifacts" / "x").exists()
    (run / "tags" / "t").write_text("y")
    assert (run / "tags" / "t").read_text() == "y\n"


def test_what_waits_goes_on_when_it_is_back(pair):
    run = pair.run()
    pair.away()
    works = [lambda: (run.parent / "made").mkdir(),
             lambda: (run / "artifacts" / "f").write_text("f"),
             lambda: (run / "tags" / "t").write_text("t"),
             lambda: os.mkdir(run / "artifacts" / "d")]
    failed, posts = [], pair.path / ".stats"

    def work(one):
        try:
            one()
        except OSError as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(w,)) for w in works]
    for t in threads:
        t.start()
    assert wait_until(lambda: int(dict(
        line.split("\t") for line in posts.read_text().splitlines())[
            "retries"]) >= len(works))
    assert all(t.is_alive() for t in threads)
    # Reading does not stand in line behind them; but a directory in which
    # something is being made is locked by the kernel.
    assert (run / "status").read_text() == "RUNNING\n"
    assert os.listdir(run / "metrics") == []
    pair.back()
    for t in threads:
        t.join(20)
    assert failed == []
    assert sorted(os.listdir(run.parent)) == ["made", "r"]
    assert (run / "tags" / "t").read_text() == "t\n"
    assert sorted(os.listdir(run / "artifacts")) == ["d", "f"]


def test_a_mount_without_a_daemon():
    """Where there is an index its data can be read; where there is none, it
    is said at once."""
    with workplace() as base:
        status, said = orrery("mount", "--data", base / "none", base / "mnt")
        assert status == 1 and str(base / "none") in said
        assert not os.path.ismount(base / "mnt")
        d = Daemon(base / "data")
        d.experiment("there")
        assert d.stop() == 0
        start = time.monotonic()
        status, said = orrery("mount", "--data", base / "data", base / "mnt")
        assert time.monotonic() - start < 10
        if status == 0:
            assert (base / "mnt" / "experiments" / "there").is_dir()
            assert orrery("umount", base / "mnt")[0] == 0
        else:
            assert status == 1 and "daemon" in said


# --- mounting ----------------------------------------------------------------

def test_mount_and_umount(daemon):
    """In the background; umount flushes, and fails where it is busy."""
    place = daemon.data.parent / f"mnt{next(numbers)}"
    status, said = orrery("mount", "--data", daemon.data, place)
    assert (status, said) == (0, "")
    try:
        run = place / "experiments" / "Default" / "runs" / "umount"
        run.mkdir()
        info = run_id(run)
        inside = subprocess.Popen(["sleep", "100"], cwd=run)
        try:
            status, said = orrery("umount", place)
            assert status == 1 and str(place) in said, said
            assert run.exists()
        finally:
            inside.kill()
            inside.wait()
        append(run / "metrics" / "m", "".join(f"{i}\n" for i in range(5000)))
        assert orrery("umount", place) == (0, "")
        assert not os.path.ismount(place)
        assert len(daemon.history(info, "m")) == 5000
        assert orrery("umount", place)[0] == 1
    finally:
        unmount(place)


def test_umount_tells_what_was_lost(daemon, run_dir):
    place = daemon.data.parent / f"mnt{next(numbers)}"
    assert orrery("mount", "--data", daemon.data, place)[0] == 0
    try:
        metric = (place / "experiments" / run_dir.parent.parent.name /
                  "runs" / "first" / "metrics" / "m")
        sh(f"printf 'half a' >> {metric}")
        assert wait_until(lambda: "metrics/m" in (
            place / ".errors").read_text())
        status, said = orrery("umount", place)
        assert status == 1 and "could not be stored" in said
        assert os.path.ismount(place)
        assert orrery("umount", place) == (0, "")
    finally:
        unmount(place)


def test_places_that_cannot_be_mounted(daemon, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DATA_HOME", "ORRERY_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").write_text("")
    status, said = orrery("mount", "--data", daemon.data, tmp_path / "file")
    assert status in (1, 2) and said
    place = daemon.data.parent / f"mnt{next(numbers)}"
    status, said = orrery("mount", place)
    assert status in (1, 2) and said
    assert orrery("mount", "--data", daemon.data)[0] == 2


def test_two_mounts_at_once(daemon, mount, other_mount, run_dir):
    """Appends of both are in one file, in one order for both."""
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")

    def write(path, base):
        for i in range(200):
            append(path / "metrics" / "m", f"{i} {base + i}\n")

    threads = [threading.Thread(target=write, args=a)
               for a in ((run_dir, 0), (there, 1000))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    mount.flush()
    other_mount.flush()
    text = (run_dir / "metrics" / "m").read_bytes()
    assert text == (there / "metrics" / "m").read_bytes()
    assert sorted(values(there / "metrics" / "m")) == [
        base + i for base in (0, 1000) for i in range(200)]


def test_a_mount_that_is_killed_can_be_made_again(daemon, run_dir):
    place = daemon.data.parent / f"mnt{next(numbers)}"
    m = Mount(daemon.data, place)
    append(m.run_directory(run_dir.parent.parent.name, "first") / "metrics" /
           "m", "1\n")
    m.kill()
    m = Mount(daemon.data, place)
    try:
        assert m.path == place.resolve()
        metric = m.run_directory(run_dir.parent.parent.name, "first"
                                 ) / "metrics" / "m"
        assert wait_until(metric.exists), "the daemon drains what was left"
        assert values(metric) == [1]
    finally:
        assert m.stop() == 0
        unmount(place)


def test_a_find_changes_nothing(daemon, mount, run_dir):
    """grep, find and ls over everything; no problem is left behind."""
    sh(FILL, run_dir)
    change = json.dumps(daemon.call("experiments/search", {
        "max_results": 100}))
    assert "metrics/loss" in sh("find . -size +0 -newer README | sort; "
                                "du -sh . > /dev/null; ls -laR > /dev/null",
                                mount.path)
    sh("grep -r -q 'two words' experiments", mount.path)
    assert json.dumps(daemon.call("experiments/search", {
        "max_results": 100})) == change
