"""Programs at work in artifacts/, on a directory and on a bucket: what they
leave is compared byte for byte, in this mount and in one that has no cache.

ORRERY_TEST_LONG=1 has fsx do a million operations and find go through
100 000 files."""
import filecmp
import mmap
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import fsx
import pytest

LONG = bool(os.environ.get("ORRERY_TEST_LONG"))
MANY = 100_000 if LONG else 2000
OPERATIONS = 1_000_000 if LONG else 2000
GIT = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c",
       "core.fsync=none", "-c", "init.defaultBranch=main"]


def run(*argv, cwd=None, status=0, seconds=3600 if LONG else 120, **kwargs):
    p = subprocess.run([str(a) for a in argv], cwd=cwd, timeout=seconds,
                       text=True, errors="replace", stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       **kwargs)
    assert p.returncode == status, (argv, p.returncode, p.stdout[-2000:],
                                    p.stderr[-2000:])
    return p.stdout


@pytest.fixture
def source(base):
    """What directories have, sizes around every border that there is."""
    top, chance = base / "source", random.Random(11)
    (top / "a b" / "c").mkdir(parents=True)
    (top / "empty dir").mkdir()
    for n in (0, 1, 4095, 4096, 4097, 100_000, (256 << 10) - 1, 256 << 10,
              (256 << 10) + 1, 2_000_003, (9 << 20) + 5):
        (top / "a b" / "c" / f"n{n}").write_bytes(chance.randbytes(n))
    for i in range(40):
        (top / f"small é {i}").write_bytes(chance.randbytes(i * 37))
    (top / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (top / "run.sh").chmod(0o750)
    os.utime(top / "run.sh", (1_500_000_000, 1_500_000_000))
    return top


def same(a, b):
    run("diff", "-r", a, b)


def test_cp_r(mounted, source, base):
    run("cp", "-r", source, mounted.place / "there")
    same(source, mounted.place / "there")
    run("cp", "-r", mounted.fresh() / "there", base / "back")
    same(source, base / "back")
    run("cp", "-r", "there", "again", cwd=mounted.place)
    same(source, mounted.fresh() / "again")


def test_rsync_twice(mounted, source):
    def moved(at):
        return run("rsync", "-ai", f"{source}/", f"{at}/there/")

    assert moved(mounted.place).count(">f") == 52
    assert moved(mounted.place) == "", "nothing is new"
    assert moved(mounted.fresh()) == ""
    assert run("rsync", "-aci", "--delete", f"{source}/",
               f"{mounted.place}/there/") == ""
    same(source, mounted.place / "there")


def test_tar(mounted, source, base):
    run("tar", "-C", source, "-cf", mounted.place / "t.tar", ".")
    (mounted.place / "out").mkdir()
    run("tar", "-C", mounted.place / "out", "-xf", mounted.place / "t.tar")
    run("tar", "-C", mounted.place / "out", "-df", mounted.place / "t.tar")
    at = mounted.fresh()
    run("tar", "-C", at / "out", "-df", at / "t.tar")
    run("tar", "-C", at / "out", "-czf", base / "back.tgz", ".")
    (base / "back").mkdir()
    run("tar", "-C", base / "back", "-xzf", base / "back.tgz")
    same(source, base / "back")


def test_git(mounted, source, base):
    run(*GIT, "init", "-q", source)
    for i in range(5):
        (source / "changing").write_text(f"{i}\n" * 1000)
        run(*GIT, "add", ".", cwd=source)
        run(*GIT, "commit", "-qm", str(i), cwd=source)
    run(*GIT, "clone", "-q", "--no-hardlinks", source, mounted.place / "r")
    repository = mounted.place / "r"
    run(*GIT, "fsck", "--strict", cwd=repository)
    (repository / "changing").write_text("in the mount\n")
    run(*GIT, "commit", "-qam", "in the mount", cwd=repository)
    repository = mounted.fresh() / "r"
    run(*GIT, "fsck", "--strict", cwd=repository)
    assert run(*GIT, "status", "--porcelain", cwd=repository) == ""
    run(*GIT, "gc", "-q", cwd=repository)
    run(*GIT, "clone", "-q", repository, base / "back")
    assert run(*GIT, "log", "--format=%s", cwd=base / "back").split("\n")[
        :6] == ["in the mount", "4", "3", "2", "1", "0"]


@pytest.mark.skipif(not shutil.which("vim"), reason="no vim here")
def test_editors(mounted):
    text = "".join(f"line {i}\n" for i in range(20_000))
    (mounted.place / "notes").write_text(text)
    at = mounted.fresh()
    for way in ("yes", "no"):
        run("vim", "-u", "NONE", "-i", "NONE", "-es", "-c",
            f"set backup backupcopy={way}", "-c", f"%s/$/ {way}/", "-c",
            "wq", "notes", cwd=at)
    run("sed", "-i", "s/line/row/", "notes", cwd=at)
    want = text.replace("line", "row").replace("\n", " yes no\n")
    assert (at / "notes").read_text() == want
    assert (mounted.fresh() / "notes").read_text() == want


def test_a_database(mounted, base):
    with sqlite3.connect(base / "db") as db:
        db.execute("CREATE TABLE t(x INTEGER PRIMARY KEY, y TEXT)")
        db.executemany("INSERT INTO t(y) VALUES (?)",
                       [(str(i) * 50,) for i in range(20_000)])
    db.close()
    shutil.copyfile(base / "db", mounted.place / "db")
    at = mounted.fresh()
    with sqlite3.connect(at / "db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.execute("DELETE FROM t WHERE x % 3 = 0")
        db.execute("UPDATE t SET y = 'changed' WHERE x % 5 = 0")
        db.commit()
    db.close()
    with sqlite3.connect(mounted.fresh() / "db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM t").fetchone() == (13334,)
        assert db.execute("SELECT count(*) FROM t WHERE y = 'changed'"
                          ).fetchone() == (2667,)
    db.close()


def test_mmap(mounted):
    chance = random.Random(5)
    want = bytearray(chance.randbytes(5_000_001))
    (mounted.place / "f").write_bytes(want)
    at = mounted.fresh()
    with open(at / "f", "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        for _ in range(200):
            i = chance.randrange(len(want))
            assert m[i:i + 3000] == want[i:i + 3000]
            data = chance.randbytes(min(200, len(want) - i))
            m[i:i + len(data)] = want[i:i + len(data)] = data
        m.flush()
        assert m[:] == want
    assert (at / "f").read_bytes() == want
    assert (mounted.fresh() / "f").read_bytes() == want


EVENTS = """
import sys
from tensorboardX import SummaryWriter
with SummaryWriter(logdir=sys.argv[1], flush_secs=1) as w:
    for i in range(300):
        w.add_scalar("loss", 1 / (1 + i), i)
        if i % 50 == 0:
            w.flush()
    w.add_histogram("weights", list(range(1000)), 0)
"""


def events_of(path):
    """(step, value) of each scalar of an event file, its sums checked."""
    from tensorboardX.event_file_writer import EventsWriter  # noqa: F401
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c
    data, found, at = path.read_bytes(), [], 0
    while at < len(data):
        n = int.from_bytes(data[at:at + 8], "little")
        body = data[at + 12:at + 12 + n]
        for piece, where in ((data[at:at + 8], at + 8),
                             (body, at + 12 + n)):
            assert masked_crc32c(piece) == int.from_bytes(
                data[where:where + 4], "little")
        found += [(e.step, v.simple_value) for e in [Event.FromString(body)]
                  for v in e.summary.value if v.tag == "loss"]
        at += 16 + n
    return found


def test_tensorboard(mounted):
    pytest.importorskip("tensorboardX")
    run(sys.executable, "-c", EVENTS, mounted.place / "tb")
    for at in (mounted.place, mounted.fresh()):
        [path] = (at / "tb").iterdir()
        found = events_of(path)
        assert [step for step, _ in found] == list(range(300))
        assert abs(found[99][1] - 0.01) < 1e-6


def test_many_files(mounted, base):
    source = base / "many"
    for i in range(MANY // 100):
        (source / f"d{i}").mkdir(parents=True)
        for j in range(100):
            (source / f"d{i}" / f"f{j}").write_text(f"{i} {j} needle\n"
                                                    if j == 7 else f"{j}\n")
    run("cp", "-r", source, mounted.place / "many")
    at = mounted.fresh() / "many"
    assert len(run("find", at, "-type", "f").splitlines()) == MANY
    assert len(run("grep", "-rl", "needle", at).splitlines()) == MANY // 100
    size = sum(p.stat().st_size for p in source.rglob("f*"))
    assert int(run("du", "-s", "--apparent-size", "-B1", at).split()[
        0]) >= size
    same(source, at)
    run("rm", "-r", at)
    assert os.listdir(mounted.place) == []


@pytest.mark.parametrize("seed", [1] if not LONG else [1, 2, None])
def test_fsx(mounted, seed):
    fsx.Fsx(mounted.place / "x", seed, lambda: mounted.fresh()).run(
        OPERATIONS)


def test_fsx_of_a_small_file(mounted):
    fsx.Fsx(mounted.place / "x", 3, lambda: mounted.again(),
            largest=70_000).run(OPERATIONS)


@pytest.mark.skipif(not shutil.which("fio"), reason="no fio here")
@pytest.mark.parametrize("way", ["write", "randwrite", "randrw"])
def test_fio(mounted, way):
    size = "512m" if LONG else "24m"
    common = ["fio", "--name=v", f"--directory={mounted.place}",
              f"--size={size}", "--bs=" + ("4k-256k" if way == "write" else
                                           "16k"), "--verify=crc32c", "--verify_fatal=1", "--numjobs=2",
              "--ioengine=psync", f"--rw={way}", "--randseed=4",
              "--output-format=terse"]
    if way == "write":  # what a mount finds that has not written it
        run(*common, "--do_verify=0", "--end_fsync=1", cwd=mounted.base)
        mounted.fresh()
        common[2] = f"--directory={mounted.place}"
        run(*common, "--verify_only", cwd=mounted.base)
    else:
        run(*common, "--do_verify=1", "--fallocate=none", cwd=mounted.base)
    for name in os.listdir(mounted.place):
        assert (mounted.place / name).stat().st_size > 0


def test_compare_files_deeply(mounted, source):
    """copy_file_range, sendfile and plain reads give the same."""
    shutil.copytree(source, mounted.place / "t")
    at = mounted.fresh()
    for name in ("n9437189", "n262145"):
        path = at / "t" / "a b" / "c" / name
        shutil.copyfile(path, at / name)
        assert filecmp.cmp(path, at / name, shallow=False)
        assert Path(at / name).read_bytes() == (
            source / "a b" / "c" / name).read_bytes()
