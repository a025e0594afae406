"""Metrics as files: appended to, read, followed, refused."""
import errno
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time

import pytest
from harness import wait_until
from mounting import (append, fails, log_metric, opened, points, run_id, sh,
                      values)

APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@pytest.fixture
def metrics(run_dir):
    return run_dir / "metrics"


def history(daemon, run_dir, key):
    """What HTTP says of a metric, in the order of steps."""
    return [(p["step"], float(p["value"]), p["timestamp"])
            for p in daemon.history(run_id(run_dir), key)]


# --- appending ---------------------------------------------------------------

def test_echo(daemon, run_dir, metrics):
    before = int(time.time() * 1000)
    sh("""echo 0.5 >> metrics/loss
          echo 7 0.25 >> metrics/loss
          printf '8\\t0.125\\t1700000000000\\n' >> metrics/loss""", run_dir)
    after = int(time.time() * 1000)
    first, second, third = points(metrics / "loss")
    assert first[:2] == (0, 0.5) and second[:2] == (7, 0.25)
    assert before <= first[2] <= second[2] <= after
    assert third == (8, 0.125, 1700000000000)
    assert re.fullmatch(r"(\d+\t[0-9.]+\t\d{13}\n){3}",
                        (metrics / "loss").read_text())
    assert sorted(history(daemon, run_dir, "loss")) == sorted(
        points(metrics / "loss"))


def test_an_append_is_seen_by_the_next_request(daemon, run_dir, metrics):
    """The first request after the write has the line: nothing to wait for."""
    run = run_id(run_dir)
    for i in range(50):
        append(metrics / "m", f"{i} {i}\n")
        assert len(daemon.history(run, "m")) == i + 1
        append(metrics / "m2", f"{i} {i}\n")
        last = daemon.call("runs/get", run_id=run)["run"]["data"]["metrics"]
        assert {"key": "m2", "value": float(i)}.items() <= next(
            m for m in last if m["key"] == "m2").items()
        append(metrics / "m3", f"{i} {i}\n")
        assert len(points(metrics / "m3")) == i + 1


def test_steps_go_on_from_the_last_line(metrics):
    append(metrics / "m", "5\n6\n")
    append(metrics / "m", "10 7\n8\n")
    append(metrics / "m", "3 9\n10\n")
    append(metrics / "m", "-2 11\n12\n13\n")
    assert [p[:2] for p in points(metrics / "m")] == [
        (0, 5), (1, 6), (10, 7), (11, 8), (3, 9), (4, 10), (-2, 11), (-1, 12),
        (0, 13)]


def test_steps_go_on_from_what_http_logged(daemon, run_dir, metrics):
    log_metric(daemon, run_id(run_dir), "m", 1, step=41)
    append(metrics / "m", "2\n")
    assert [p[0] for p in points(metrics / "m")] == [41, 42]


def test_tee(daemon, run_dir, metrics):
    assert sh("printf '1 1\\n2 4\\n' | tee -a metrics/a metrics/b",
              run_dir) == "1 1\n2 4\n"
    assert [p[:2] for p in points(metrics / "a")] == [(1, 1), (2, 4)]
    assert [p[:2] for p in history(daemon, run_dir, "b")] == [(1, 1), (2, 4)]
    assert "Invalid argument" in sh(
        "echo no number | tee -a metrics/a 2>&1", run_dir, status=1)
    assert len(points(metrics / "a")) == 2


def test_into_a_new_file_without_appending(metrics):
    """`>` onto what has no lines yet; a handle may go on where it is."""
    sh("echo 1 > m; { echo 1; echo 2; echo 3; } > n", metrics)
    assert values(metrics / "m") == [1]
    assert values(metrics / "n") == [1, 2, 3]
    with opened(metrics / "n", os.O_WRONLY) as fd:
        os.lseek(fd, 0, os.SEEK_END)
        os.write(fd, b"4\n")
        os.write(fd, b"5\n")
    assert values(metrics / "n") == [1, 2, 3, 4, 5]


def test_cp_of_a_metric(run_dir, experiment_dir, metrics):
    """What is read can be appended: another run has the same points."""
    append(metrics / "m", "1 0.1\n2 nan 1700000000000\n3 -inf\n")
    other = experiment_dir / "runs" / "other"
    other.mkdir()
    sh(f"cp m {other}/metrics/m; cat m >> {other}/metrics/n", metrics)
    text = (metrics / "m").read_bytes()
    assert (other / "metrics" / "m").read_bytes() == text
    assert (other / "metrics" / "n").read_bytes() == text


def test_python_open_a(daemon, run_dir, metrics):
    """Its buffer of 8 KiB cuts lines anywhere."""
    with open(metrics / "m", "a") as f:
        for i in range(5000):
            print(i, i / 7, file=f)
    assert [p[:2] for p in points(metrics / "m")] == [
        (i, i / 7) for i in range(5000)]
    assert len(history(daemon, run_dir, "m")) == 5000
    with open(metrics / "m", "a+") as f:
        assert f.write("5000 1\n") and f.seek(0) == 0
        assert f.readline().startswith("0\t0.0\t")


def test_a_large_file_is_poured_in(tmp_path, run_dir, metrics):
    """cat writes 128 KiB at a time, which ends in the middle of a line."""
    with open(tmp_path / "lines", "w") as f:
        f.writelines(f"{i} {math.sqrt(i)!r} {1700000000000 + i}\n"
                     for i in range(30000))
    sh(f"cat {tmp_path}/lines >> big", metrics)
    assert [p[:2] for p in points(metrics / "big")] == [
        (i, math.sqrt(i)) for i in range(30000)]
    assert sh("tr '\\t' ' ' < big", metrics) == (
        tmp_path / "lines").read_text()


@pytest.mark.parametrize("text,value", [
    ("1", 1), ("+1", 1), ("-1", -1), ("1.", 1), (".5", .5), ("-.5e1", -5),
    ("1e-3", 1e-3), ("1E+2", 100), ("+0.25", .25), ("0", 0), ("007", 7),
    ("0.1", 0.1), ("5e-324", 5e-324), ("1.7976931348623157e308",
                                       1.7976931348623157e308),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("0.1000000000000000055511151231257827", 0.1),
    ("inf", math.inf), ("-inf", -math.inf), ("+inf", math.inf),
    ("Infinity", math.inf), ("-Infinity", -math.inf), ("INF", math.inf)])
def test_values(daemon, run_dir, metrics, text, value):
    append(metrics / "m", f"1 {text}\n{text}\n")
    assert [p[:2] for p in points(metrics / "m")] == [(1, value), (2, value)]
    assert [p[1] for p in history(daemon, run_dir, "m")] == [value, value]


def test_nan_and_minus_zero(daemon, run_dir, metrics):
    append(metrics / "m", "1 nan\n2 NaN\n3 -nan\n4 -0.0\n")
    lines = [line.split("\t")[1]
             for line in (metrics / "m").read_text().splitlines()]
    assert lines[:3] == ["nan"] * 3
    assert math.copysign(1, float(lines[3])) == -1
    assert [math.isnan(p[1]) for p in history(daemon, run_dir, "m")] == [
        True, True, True, False]


def test_blanks(metrics):
    append(metrics / "m", "\n\n1 1\n   \n\t\n\t2 \t 2  \n  3\t3\t1700000000000"
           "\t\n\n")
    assert [p[:2] for p in points(metrics / "m")] == [(1, 1), (2, 2), (3, 3)]
    append(metrics / "m", "\n")
    assert len(points(metrics / "m")) == 3


BAD = ["x", "0x10", "0x1p3", "1e999", "-1e999", "1 2 3 4", "1.5 2", "1e3 2",
       "9223372036854775808 1", "-9223372036854775809 1", "1 1 -5", "1 1 1.5",
       "1 1 9223372036854775808", "1,5", "1;2", "nan 1", "1 two", "--1", "+-1",
       "1e", "e5", ".", "+", "1_000", "\u0661", "1\x00", "1\x0b2", "infinit",
       "nan(5)", "{}", "1" * 5000]


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line)[:20])
def test_a_malformed_line_is_refused_whole(daemon, run_dir, metrics, line):
    """The lines before it and behind it in the same write, too."""
    append(metrics / "m", "1 1 1700000000000\n")
    was = (metrics / "m").read_bytes()
    for text in (f"{line}\n", f"2 2\n{line}\n", f"2 2\n{line}\n3 3\n"):
        with opened(metrics / "m", APPEND) as fd:
            with fails(errno.EINVAL):
                os.write(fd, text.encode())
    assert (metrics / "m").read_bytes() == was
    assert len(history(daemon, run_dir, "m")) == 1
    append(metrics / "m", "2 2\n")
    assert [p[:2] for p in points(metrics / "m")] == [(1, 1), (2, 2)]


def test_a_shell_sees_what_is_refused(run_dir, metrics):
    said = sh("echo bad >> metrics/m", run_dir, status=1)
    assert "Invalid argument" in said
    assert sh("echo bad >> metrics/m; cat metrics/m", run_dir) == ""
    said = sh("printf '1 1\\nbad\\n' > /dev/null; cat <(printf '1 1\\nbad\\n')"
              " >> metrics/m", run_dir, status=1)
    assert "Invalid argument" in said
    # Nothing is left of it, not even a name over HTTP.
    assert sh("cat metrics/m", run_dir) == ""


def test_a_handle_goes_on_after_a_refusal(metrics):
    with opened(metrics / "m", APPEND) as fd:
        os.write(fd, b"1 1\n")
        with fails(errno.EINVAL):
            os.write(fd, b"2 2\nbad\n")
        os.write(fd, b"3 3\n")
    assert values(metrics / "m") == [1, 3]


def test_the_same_line_twice(daemon, run_dir, metrics):
    """With its own timestamp it is the same point; without, a new one."""
    for _ in range(3):
        append(metrics / "m", "1 1 1700000000000\n")
    assert points(metrics / "m") == [(1, 1, 1700000000000)]
    append(metrics / "n", "1 1\n" * 5)
    append(metrics / "n", "1 1\n")
    assert [p[:2] for p in points(metrics / "n")] == [(1, 1)] * 6
    assert len({p[2] for p in points(metrics / "n")}) == 6
    assert len(history(daemon, run_dir, "n")) == 6


# --- unfinished lines --------------------------------------------------------

def test_an_unfinished_line_belongs_to_its_handle(metrics):
    with opened(metrics / "m", APPEND) as a, opened(metrics / "m",
                                                    APPEND) as b:
        os.write(a, b"1 0.")
        os.write(b, b"2 2\n3 0.")
        assert values(metrics / "m") == [2]
        os.write(a, b"25\n")
        os.write(b, b"5\n")
        assert values(metrics / "m") == [2, 0.25, 0.5]


def test_it_becomes_a_line_when_the_handle_ends(daemon, run_dir, metrics):
    sh("printf '4 0.5' >> metrics/m", run_dir)
    assert wait_until(lambda: (metrics / "m").read_bytes())
    assert [p[:2] for p in points(metrics / "m")] == [(4, 0.5)]
    assert len(history(daemon, run_dir, "m")) == 1
    append(metrics / "m", "5 0.6")
    assert wait_until(lambda: len(points(metrics / "m")) == 2)


def test_one_that_is_no_line_is_an_error_of_close(other_mount, run_dir):
    """FLUSH says EINVAL, RELEASE names it in .errors."""
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")
    fd = os.open(there / "metrics" / "half", APPEND)
    os.write(fd, b"1 1\n2 thr")
    with fails(errno.EINVAL):
        os.close(fd)
    problems = other_mount.path / ".errors"
    assert wait_until(lambda: "metrics/half" in problems.read_text())
    assert values(there / "metrics" / "half") == [1]
    with fails(errno.EIO):
        other_mount.flush()
    other_mount.flush()


def test_a_child_that_ends_commits_nothing(metrics):
    """It closes what it inherited: half a line of its parent's."""
    with opened(metrics / "m", APPEND) as fd:
        for half in (b"1 0.", b"2 -"):
            os.set_inheritable(fd, True)
            os.write(fd, half)
            subprocess.run([sys.executable, "-c", ""], close_fds=False)
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
            os.write(fd, b"25\n")
    assert [p[:2] for p in points(metrics / "m")] == [(1, 0.25), (2, -25)]


# --- nothing logged is lost --------------------------------------------------

def test_points_cannot_be_taken_back(run_dir, metrics, tmp_path):
    append(metrics / "m", "1 1\n2 2\n")
    append(metrics / "n", "1 3\n")
    (tmp_path / "f").write_text("9 9\n")
    was = (metrics / "m").read_bytes()
    m = metrics / "m"
    with fails(errno.EPERM):
        os.open(m, os.O_WRONLY | os.O_TRUNC)
    for size in (0, 3, len(was) + 5):
        with fails(errno.EPERM):
            os.truncate(m, size)
    with opened(m, os.O_RDWR) as fd:
        with fails(errno.EPERM):
            os.pwrite(fd, b"9 9\n", 0)
        with fails(errno.EPERM):
            os.pwrite(fd, b"9 9\n", len(was) + 100)
        with fails(errno.EPERM):
            os.ftruncate(fd, 0)
    with fails(errno.EPERM):
        os.unlink(m)
    with fails(errno.EPERM):
        os.rename(metrics / "n", m)
    with fails(errno.EPERM):
        os.rename(m, metrics / "away")
    assert "Operation not permitted" in sh("echo 1 > m", metrics, status=1)
    sh(f"cp {tmp_path}/f m", metrics, status=1)
    sh(f"rsync {tmp_path}/f m", metrics, status=23)
    sh("sed -i s/1/2/ m", metrics, status=4)
    sh("rm -rf m", metrics, status=1)
    assert m.read_bytes() == was
    assert values(metrics / "n") == [3]


def test_no_points_for_what_is_in_the_trash(mount, run_dir, metrics):
    append(metrics / "m", "1 1\n")
    with opened(metrics / "m", APPEND) as fd:
        os.rmdir(run_dir)
        with pytest.raises(OSError):
            os.write(fd, b"2 2\n")
    gone = (mount.path / "trash" / "runs" / run_dir.parent.parent.name /
            "first")
    assert values(gone / "metrics" / "m") == [1]
    with pytest.raises(OSError):
        append(gone / "metrics" / "m", "2 2\n")
    with pytest.raises(OSError):
        append(gone / "metrics" / "new", "2 2\n")
    os.rename(gone, run_dir)
    append(metrics / "m", "2 2\n")
    assert values(metrics / "m") == [1, 2]


def test_a_status_does_not_overtake_lines(daemon, run_dir, metrics):
    run = run_id(run_dir)
    for i in range(20):
        status = ("RUNNING", "FINISHED")[i % 2]
        append(metrics / "m", f"{i} {i}\n")
        (run_dir / "status").write_text(status + "\n")
        found = daemon.call("runs/search", {
            "experiment_ids": [
                json.loads((run_dir / "meta.json").read_text())[
                    "experiment_id"]],
            "filter": f"status = '{status}' and metrics.m >= {i}"})
        assert [r["info"]["run_id"] for r in found["runs"]] == [run]


# --- reading -----------------------------------------------------------------

def test_wc_equals_stat(daemon, run_dir, metrics):
    """Over the borders of stored blocks, and from two sides."""
    for start in range(0, 9000, 1500):
        append(metrics / "m", "".join(f"{i} {i ** 0.5!r}\n" for i in range(
            start, start + 1500)))
        log_metric(daemon, run_id(run_dir), "m", start, timestamp=start)
        size = os.stat(metrics / "m").st_size
        assert sh("wc -c < m; cat m | wc -c; stat -c %s m", metrics) == (
            f"{size}\n" * 3)
    text = (metrics / "m").read_bytes()
    assert len(text) == size and text.count(b"\n") == 9006
    chance = random.Random(1)
    with opened(metrics / "m", os.O_RDONLY) as fd:
        for _ in range(200):
            at, n = chance.randrange(size + 10), chance.randrange(1, 20000)
            assert os.pread(fd, n, at) == text[at:at + n]
    lines = text.decode().splitlines(True)
    assert sh("tail -n 1 m; head -n 4500 m | tail -n 1; tail -c 50 m",
              metrics) == lines[-1] + lines[4499] + text[-50:].decode()


def test_what_was_read_stays(daemon, run_dir, metrics):
    """Order of arrival, whatever steps and times say; the same inode."""
    chance, run = random.Random(2), run_id(run_dir)
    before, inode = b"", None
    for i in range(60):
        step, stamp = chance.randrange(-50, 50), chance.randrange(10 ** 12)
        if i % 2:
            append(metrics / "m", f"{step} {i} {stamp}\n")
        else:
            log_metric(daemon, run, "m", i, step, stamp)
        now = (metrics / "m").read_bytes()
        assert now == before + f"{step}\t".encode() + now[len(
            before) + len(str(step)) + 1:]
        assert now.startswith(before) and now.count(b"\n") == i + 1
        inode = inode or os.stat(metrics / "m").st_ino
        assert os.stat(metrics / "m").st_ino == inode
        before = now
    assert values(metrics / "m") == list(range(60))


def test_tail_follows_what_http_logs(daemon, run_dir, metrics):
    run = run_id(run_dir)
    log_metric(daemon, run, "loss", -1)
    tail = subprocess.Popen(["tail", "-n", "+1", "-s", "0.1", "-f",
                             metrics / "loss"], stdout=subprocess.PIPE,
                            text=True)
    try:
        assert tail.stdout.readline().startswith("0\t-1.0\t")
        took = []
        for i in range(7):
            log_metric(daemon, run, "loss", i, step=i)
            start = time.monotonic()
            step, value, _ = tail.stdout.readline().split("\t")
            took.append(time.monotonic() - start)
            assert (int(step), float(value)) == (i, i)
        assert statistics.median(took) < 1
    finally:
        tail.kill()
        tail.wait()
        tail.stdout.close()


def test_tail_follows_another_mount(other_mount, run_dir, metrics):
    append(metrics / "m", "0\n")
    there = other_mount.run_directory(run_dir.parent.parent.name, "first")
    with open(metrics / "m") as f:
        assert f.readline().startswith("0\t0")
        for i in range(1, 5):
            append(there / "metrics" / "m", f"{i}\n")
            assert wait_until(f.readline, 5).startswith(f"{i}\t{i}")


def test_many_writers_and_readers(metrics):
    """No line torn or lost; what a reader sees is a beginning of the end."""
    append(metrics / "m", "0 0\n")
    writer = ("import os,sys\n"
              "n = int(sys.argv[1])\n"
              "fd = os.open('m', os.O_WRONLY | os.O_APPEND)\n"
              "for i in range(400):\n"
              "    os.write(fd, b'%d %d\\n' % (i, n * 1000 + i))\n")
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            seen.append((metrics / "m").read_bytes())

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [subprocess.Popen([sys.executable, "-c", writer, str(n)],
                                cwd=metrics) for n in range(1, 6)]
    for r in readers:
        r.start()
    assert [w.wait() for w in writers] == [0] * 5
    done.set()
    for r in readers:
        r.join()
    text = (metrics / "m").read_bytes()
    assert all(text.startswith(s) and s.endswith(b"\n") for s in seen)
    logged = values(metrics / "m")[1:]
    assert sorted(logged) == [n * 1000 + i for n in range(1, 6)
                              for i in range(400)]
    for n in range(1, 6):
        assert [v for v in logged if v // 1000 == n] == [
            n * 1000 + i for i in range(400)]


def test_rsync_append(tmp_path, metrics):
    append(metrics / "m", "1 1\n2 2\n")
    sh(f"rsync -a m {tmp_path}/", metrics)
    append(metrics / "m", "3 3\n")
    sent = sh(f"rsync -a --append --stats m {tmp_path}/", metrics)
    assert (tmp_path / "m").read_bytes() == (metrics / "m").read_bytes()
    whole = os.stat(metrics / "m").st_size
    moved = int(re.search(r"Literal data: ([\d,]+)", sent).group(
        1).replace(",", ""))
    assert 0 < moved < whole


def test_mtime_is_the_time_of_the_last_change(metrics):
    append(metrics / "m", "1 1\n")
    (metrics / "m").read_bytes()
    was = os.stat(metrics / "m").st_mtime_ns
    assert abs(was / 1e9 - time.time()) < 60
    append(metrics / "other", "1 1\n")
    assert sh("cat m other > /dev/null; wc -c < m", metrics)
    assert os.stat(metrics / "m").st_mtime_ns == was
    assert wait_until(lambda: time.time() * 1000 > was / 1e6 + 1)
    append(metrics / "m", "2 2\n")
    assert os.stat(metrics / "m").st_mtime_ns > was


def test_fsync(metrics):
    with opened(metrics / "m", APPEND) as fd:
        os.write(fd, b"1 1\n")
        os.fsync(fd)
        os.fdatasync(fd)
    sh("dd if=<(echo 2 2) of=m oflag=append conv=notrunc,fsync status=none",
       metrics)
    assert values(metrics / "m") == [1, 2]


# --- keys --------------------------------------------------------------------

def test_keys_nest(daemon, run_dir, metrics):
    run = run_id(run_dir)
    log_metric(daemon, run, "val/loss", 1)
    log_metric(daemon, run, "val/deep/er", 2)
    assert values(metrics / "val" / "loss") == [1]
    sh("mkdir -p val/new && echo 3 >> val/new/acc; echo 4 >> val/loss",
       metrics)
    assert [p[1] for p in history(daemon, run_dir, "val/new/acc")] == [3]
    assert sorted(p[1] for p in history(daemon, run_dir, "val/loss")) == [
        1, 4]
    assert sh("find . -type f | sort", metrics).split() == [
        "./val/deep/er", "./val/loss", "./val/new/acc"]
    assert sh("grep -rlP '\\t[34]' . | sort", metrics).split() == [
        "./val/loss", "./val/new/acc"]


def test_an_empty_directory_of_keys(metrics):
    (metrics / "a" / "b").mkdir(parents=True)
    assert os.listdir(metrics / "a") == ["b"]
    with fails(errno.EEXIST):
        os.mkdir(metrics / "a")
    with fails(errno.ENOTEMPTY):
        os.rmdir(metrics / "a")
    os.rmdir(metrics / "a" / "b")
    os.rmdir(metrics / "a")
    assert os.listdir(metrics) == []
    append(metrics / "m", "1\n")
    with fails(errno.EEXIST):
        os.mkdir(metrics / "m")


def test_a_key_that_begins_others(daemon, run_dir, metrics):
    """Its file is <key>.tsv, a name that resolves for every metric."""
    run = run_id(run_dir)
    append(metrics / "a", "1\n")
    assert os.listdir(metrics) == ["a"]
    assert values(metrics / "a.tsv") == [1]
    log_metric(daemon, run, "a/b", 2)
    assert wait_until(lambda: sorted(os.listdir(metrics)) == ["a", "a.tsv"])
    assert wait_until(lambda: (metrics / "a").is_dir())
    assert os.listdir(metrics / "a") == ["b"]
    append(metrics / "a.tsv", "3\n")
    append(metrics / "a" / "b.tsv", "4\n")
    append(metrics / "c.tsv", "5\n")
    assert values(metrics / "a.tsv") == [1, 3]
    assert values(metrics / "a" / "b") == [2, 4]
    assert values(metrics / "c") == [5]
    assert sorted(p[1] for p in history(daemon, run_dir, "a")) == [1, 3]
    assert [p[1] for p in history(daemon, run_dir, "c")] == [5]


def test_keys_that_end_with_tsv(daemon, run_dir, metrics):
    keys = ["m", "m.tsv", "m.tsv.tsv", "n.tsv", "d/x.tsv", "e.tsv/y", "e"]
    for i, key in enumerate(keys):
        log_metric(daemon, run_id(run_dir), key, i)
    found = [float(text.split("\t")[1])
             for text in sh("find . -type f -exec cat {} +",
                            metrics).splitlines()]
    assert sorted(found) == list(range(len(keys)))


# --- many metrics at once ----------------------------------------------------

def test_objects(daemon, run_dir, metrics):
    sh("""echo '{"step":1,"loss":0.3,"val/acc":0.9}' >> metrics.jsonl
          echo '{"loss":0.2,"timestamp":1700000000000,"step":2}' \
              >> metrics.jsonl
          echo '{"loss":"NaN","x":"-Infinity","step":3}' >> metrics.jsonl""",
       run_dir)
    assert [p[:2] for p in points(metrics / "loss")][:2] == [
        (1, 0.3), (2, 0.2)]
    assert points(metrics / "loss")[1][2] == 1700000000000
    assert math.isnan(values(metrics / "loss")[2])
    assert values(metrics / "x") == [-math.inf]
    assert values(metrics / "val" / "acc") == [0.9]
    assert len(history(daemon, run_dir, "loss")) == 3


def test_objects_without_a_step(run_dir, metrics):
    append(metrics / "m", "4 0\n")
    append(run_dir / "metrics.jsonl", '{"m":1,"n":2}\n\n{"m":3,"n":4}\n')
    assert [p[0] for p in points(metrics / "m")] == [4, 5, 6]
    assert [p[0] for p in points(metrics / "n")] == [0, 1]


@pytest.mark.parametrize("line", [
    "x", "1 2", "[]", "1", "null", '{"m":1', '{"m":1}}', '{"m":1} {"m":2}',
    '{"m":"x"}', '{"m":null}', '{"m":true}', '{"m":[1]}', '{"m":{"n":1}}',
    '{"m":1e999}', '{"m":1,"step":1.5}', '{"m":1,"step":"1"}',
    '{"m":1,"step":9223372036854775808}', '{"m":1,"timestamp":-1}',
    '{"m":1,"m":2}', '{"m":1,"step":1,"step":2}', '{"":1}', '{"a//b":1}',
    '{"bad%key":1}', "{'m':1}", '{"m":1,}'])
def test_a_malformed_object_is_refused_whole(run_dir, metrics, line):
    for text in (f"{line}\n", f'{{"good":1}}\n{line}\n',
                 f'{{"good":1,"m":1}}\n{line}\n{{"good":2}}\n'):
        with opened(run_dir / "metrics.jsonl", os.O_WRONLY |
                    os.O_APPEND) as fd:
            with fails(errno.EINVAL):
                os.write(fd, text.encode())
    assert os.listdir(metrics) == []


def test_objects_are_read(run_dir):
    lines = ['{"step":1,"timestamp":1700000000001,"a":0.5,"b/c":"NaN"}',
             '{"step":2,"timestamp":1700000000002,"a":1.5}']
    append(run_dir / "metrics.jsonl", "\n".join(lines) + "\n")
    text = (run_dir / "metrics.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == [
        json.loads(line) for line in lines]
    assert (run_dir / ".tables" / "metrics.jsonl").read_text() == text
    sh("echo 3 >> metrics/a; test $(wc -c < .tables/metrics.jsonl) = "
       "$(stat -c %s .tables/metrics.jsonl)", run_dir)


def test_objects_are_only_appended(run_dir, metrics):
    append(run_dir / "metrics.jsonl", '{"m":1}\n')
    with fails(errno.EPERM):
        os.open(run_dir / "metrics.jsonl", os.O_WRONLY | os.O_TRUNC)
    with fails(errno.EPERM):
        os.truncate(run_dir / "metrics.jsonl", 0)
    with fails(errno.EPERM):
        os.unlink(run_dir / "metrics.jsonl")
    assert values(metrics / "m") == [1]


def test_halves_of_an_object(run_dir, metrics):
    with open(run_dir / "metrics.jsonl", "a") as f:
        for i in range(1000):
            f.write(json.dumps({"step": i, "loss": i / 3, "acc": i}) + "\n")
    assert [p[:2] for p in points(metrics / "loss")] == [
        (i, i / 3) for i in range(1000)]
    fd = os.open(run_dir / "metrics.jsonl", os.O_WRONLY | os.O_APPEND)
    os.write(fd, b'{"last":')
    with fails(errno.EINVAL):
        os.close(os.dup(fd))
    os.write(fd, b"7}")
    os.close(fd)
    assert wait_until(lambda: (metrics / "last").exists())
    assert values(metrics / "last") == [7]


# --- tables ------------------------------------------------------------------

def test_tables(run_dir, metrics):
    append(metrics / "b", "1 0.5\n2 0.25\n")
    append(metrics / "a", "2 nan\n3 -inf\n3 4\n")
    (metrics / "v").mkdir()
    append(metrics / "v" / "w", "-1 1e-7\n")
    table = (run_dir / "metrics.tsv").read_text()
    rows = [line.split("\t") for line in table.splitlines()]
    assert rows[0] == ["step", "a", "b", "v/w"]
    assert [[row[0]] + [cell and float(cell) for cell in row[1:]]
            for row in rows[1:] if "nan" not in row] == [
        ["-1", "", "", 1e-7], ["1", "", 0.5, ""], ["3", 4, "", ""]]
    assert rows[3] == ["2", "nan", "0.25", ""]
    assert (run_dir / ".tables" / "metrics.tsv").read_text() == table
    latest = json.loads((run_dir / "latest.json").read_text())
    assert latest == {"a": 4, "b": 0.25, "v/w": 1e-7}
    append(metrics / "a", "4 inf\n")
    append(metrics / "b", "4 nan\n")
    latest = json.loads((run_dir / "latest.json").read_text())
    assert latest == {"a": "Infinity", "b": "NaN", "v/w": 1e-7}
    size = os.stat(run_dir / "latest.json").st_size
    assert size == len((run_dir / "latest.json").read_bytes())


def test_tables_are_read_only(run_dir):
    for name in ("metrics.tsv", "latest.json", "meta.json",
                 ".tables/metrics.tsv"):
        with pytest.raises(PermissionError):
            os.open(run_dir / name, os.O_WRONLY)
        with pytest.raises(PermissionError):
            os.truncate(run_dir / name, 0)
        with pytest.raises(PermissionError):
            os.unlink(run_dir / name)


def test_tables_of_an_empty_run(run_dir):
    assert (run_dir / "metrics.tsv").read_text() == "step\n"
    assert (run_dir / "metrics.jsonl").read_text() == ""
    assert json.loads((run_dir / "latest.json").read_text()) == {}
