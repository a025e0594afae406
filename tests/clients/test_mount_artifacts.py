"""artifacts/ as an ordinary directory, and what others see of it when."""
import errno
import hashlib
import mmap
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
import harness
from harness import wait_until
from mounting import (artifact, fails, listed_over_http, opened, points,
                      run_id, sh, tree)


@pytest.fixture
def place(run_dir):
    return run_dir / "artifacts"


@pytest.fixture
def source(tmp_path):
    """A directory with what directories have."""
    top = tmp_path / "source"
    (top / "a b" / "c").mkdir(parents=True)
    (top / "empty dir").mkdir()
    (top / "empty").write_bytes(b"")
    (top / "a b" / "text é").write_text("one\ntwo\n")
    (top / "a b" / "c" / ".hidden").write_text("h")
    (top / "a b" / "c" / "data.bin").write_bytes(random.Random(
        1).randbytes(300_001))
    (top / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (top / "run.sh").chmod(0o750)
    os.utime(top / "empty", (1_500_000_000, 1_500_000_000))
    return top


# --- copies ------------------------------------------------------------------

def test_cp(daemon, run_dir, place, tmp_path):
    data = random.Random(3).randbytes(3_000_001)
    (tmp_path / "in").write_bytes(data)
    sh(f"cp {tmp_path}/in model.pt && cmp {tmp_path}/in model.pt", place)
    assert artifact(daemon, run_dir, "model.pt") == (200, data)
    assert listed_over_http(daemon, run_dir) == {"model.pt": len(data)}
    sh(f"cp model.pt {tmp_path}/out && cmp {tmp_path}/in {tmp_path}/out",
       place)
    assert os.stat(place / "model.pt").st_size == len(data)


def test_cp_r(daemon, run_dir, place, source, tmp_path):
    sh(f"cp -r {source} . && diff -r {source} source", place)
    assert listed_over_http(daemon, run_dir, "source/a b/c") == {
        "source/a b/c/.hidden": 1, "source/a b/c/data.bin": 300_001}
    sh(f"cp -r source {tmp_path}/out && diff -r {source} {tmp_path}/out",
       place)
    assert tree(source) == tree(tmp_path / "out")
    sh("cp -r source again && diff -r source again", place)


def test_cp_a_keeps_modes_and_times(place, source):
    sh(f"cp -a {source}/. .", place)
    mode = os.stat(place / "run.sh").st_mode
    assert stat.S_IMODE(mode) == 0o750
    assert os.stat(place / "empty").st_mtime == 1_500_000_000
    assert sh("./run.sh", place) == "ran\n"


def test_rsync_twice(place, source, tmp_path):
    """In and out; the second time nothing moves."""
    for there, back in ((source, place / "copy"), (place / "copy",
                                                   tmp_path / "back")):
        assert sh(f"rsync -ai '{there}/' '{back}/'").count(">f") == 5
        assert sh(f"rsync -ai '{there}/' '{back}/'") == ""
        assert sh(f"rsync -aci --delete '{there}/' '{back}/'") == ""
    assert tree(source) == tree(tmp_path / "back")
    (source / "empty").write_text("no more")
    os.unlink(source / "run.sh")
    said = sh(f"rsync -ai --delete {source}/ {place}/copy/").splitlines()
    assert [line.split()[1] for line in said if "./" not in line] == [
        "run.sh", "empty"]
    assert tree(source) == tree(place / "copy")
    # Its temporary names are no artifacts of anybody.
    assert not [n for n in os.listdir(place / "copy") if n.startswith(".")]


def test_tar_out_and_in(daemon, run_dir, place, source, tmp_path):
    sh(f"tar c -C {source} . | tar x && tar d -C {source} "
       f"-f <(tar c .)", place)
    sh(f"tar cf {tmp_path}/out.tar . && tar df {tmp_path}/out.tar", place)
    sh(f"tar czf packed.tar.gz -C {source} . && tar dzf packed.tar.gz "
       f"-C {source} && mkdir {tmp_path}/out && "
       f"tar xzf packed.tar.gz -C {tmp_path}/out", place)
    assert tree(source) == tree(tmp_path / "out")
    assert artifact(daemon, run_dir, "a b/text é") == (200, b"one\ntwo\n")


def test_zip_and_unzip(place, source):
    """Central directories are read from the end, members out of order."""
    sh(f"{sys.executable} -m zipfile -c a.zip '{source}/a b' && "
       f"{sys.executable} -m zipfile -t a.zip && "
       f"{sys.executable} -m zipfile -e a.zip out", place)
    assert tree(place / "out" / "a b") == tree(source / "a b")


# --- names move --------------------------------------------------------------

def test_mv(daemon, run_dir, place):
    (place / "d").mkdir()
    (place / "f").write_text("1")
    sh("mv f d/g; mv d e; echo 2 > h; mv h e/g; mv e/g i", place)
    assert sh("cat i; find . | sort", place).split() == ["2", ".", "./e",
                                                         "./i"]
    assert listed_over_http(daemon, run_dir) == {"e": None, "i": 2}
    (place / "e" / "in").write_text("in")
    (place / "full").mkdir()
    with open(place / "full" / "x", "w"):
        with fails(errno.ENOTEMPTY):
            os.rename(place / "e", place / "full")
    with fails(errno.ENOTEMPTY):
        os.rename(place / "e", place / "full")
    with fails(errno.EISDIR):
        os.rename(place / "i", place / "e")
    with fails(errno.ENOTDIR):
        os.rename(place / "e", place / "i")
    with fails(errno.EINVAL):
        os.rename(place / "e", place / "e" / "below")
    os.unlink(place / "full" / "x")
    os.rename(place / "e", place / "full")
    assert (place / "full" / "in").read_text() == "in"
    assert not (place / "e").exists()


def test_mv_between_runs(daemon, experiment_dir, run_dir, place):
    other = experiment_dir / "runs" / "other"
    other.mkdir()
    data = random.Random(4).randbytes(200_000)
    (place / "dir" / "deep").mkdir(parents=True)
    (place / "dir" / "deep" / "f").write_bytes(data)
    (place / "g").write_text("g")
    inode = os.stat(place / "dir" / "deep" / "f").st_ino
    sh(f"mv dir g {other}/artifacts/", place)
    assert os.listdir(place) == []
    assert (other / "artifacts" / "dir" / "deep" / "f").read_bytes() == data
    assert os.stat(other / "artifacts" / "dir" / "deep" /
                   "f").st_ino == inode
    assert artifact(daemon, other, "dir/deep/f") == (200, data)
    assert artifact(daemon, run_dir, "dir/deep/f")[0] == 404
    assert listed_over_http(daemon, run_dir) == {}


def test_what_cannot_be_moved(experiment_dir, run_dir, place):
    """Points stay in their run; what is no artifact does not become one."""
    other = experiment_dir / "runs" / "other"
    other.mkdir()
    sh("echo 1 >> metrics/m; echo v > params/p", run_dir)
    for source in ("metrics/m", "params/p", "meta.json"):
        was = (run_dir / source).read_bytes()
        with pytest.raises(OSError) as e:
            os.rename(run_dir / source, other / source)
        assert e.value.errno in (errno.EPERM, errno.EXDEV)
        sh(f"mv {source} {other}/{source}", run_dir, status=1)
        assert (run_dir / source).read_bytes() == was
    assert points(run_dir / "metrics" / "m")


def test_rm_r(daemon, run_dir, place, source):
    sh(f"cp -r {source} one; cp -r one two; rm -r one", place)
    assert os.listdir(place) == ["two"]
    assert listed_over_http(daemon, run_dir) == {"two": None}
    with fails(errno.ENOTEMPTY):
        os.rmdir(place / "two")
    assert tree(place / "two") == tree(source)
    sh("rm -rf two/* two/.[!.]* && rmdir two && test -z \"$(ls -A)\"", place)
    assert listed_over_http(daemon, run_dir) == {}
    sh(f"cp -r {source} one && diff -r {source} one", place)


def test_errors_are_those_of_any_file_system(place):
    (place / "d").mkdir()
    (place / "f").write_text("f")
    with fails(errno.EEXIST):
        os.mkdir(place / "d")
    with fails(errno.EEXIST):
        os.mkdir(place / "f")
    with fails(errno.EEXIST):
        os.open(place / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    with fails(errno.EISDIR):
        os.open(place / "d", os.O_WRONLY)
    with fails(errno.ENOTDIR):
        os.open(place / "f" / "x", os.O_RDONLY)
    with fails(errno.ENOTDIR):
        os.rmdir(place / "f")
    with fails(errno.EISDIR):
        os.unlink(place / "d")
    with fails(errno.ENOENT):
        os.unlink(place / "none")
    with fails(errno.ENOENT):
        os.mkdir(place / "none" / "x")
    with fails(errno.EINVAL):
        os.open(place / "back\\slash", os.O_CREAT | os.O_WRONLY)
    with fails(errno.EINVAL):
        os.mkdir(place / "back\\slash")
    with fails(errno.EINVAL):
        os.rename(place / "f", place / "back\\slash")
    for make in (lambda p: os.symlink("f", p), lambda p: os.link(
            place / "f", p), os.mkfifo):
        with pytest.raises(OSError) as e:
            make(place / "new")
        assert e.value.errno in (errno.EPERM, errno.ENOSYS,
                                 errno.EOPNOTSUPP)
    assert sorted(os.listdir(place)) == ["d", "f"]


# --- written in place --------------------------------------------------------

def test_sed_i(daemon, run_dir, place):
    (place / "conf").write_text("rate: 1\n")
    sh("sed -i s/1/2/ conf; sed -i.bak s/2/3/ conf", place)
    assert artifact(daemon, run_dir, "conf") == (200, b"rate: 3\n")
    assert listed_over_http(daemon, run_dir) == {"conf": 8, "conf.bak": 8}
    assert sorted(os.listdir(place)) == ["conf", "conf.bak"]


def test_write_and_rename(daemon, run_dir, place):
    """Who has the old one open keeps it."""
    (place / "model").write_text("old")
    with open(place / "model") as old:
        with open(place / "model.new", "w") as f:
            f.write("new")
        os.replace(place / "model.new", place / "model")
        assert old.read() == "old"
    assert (place / "model").read_text() == "new"
    with open(place / "model.new", "w") as f:
        f.write("newest")
        os.replace(place / "model.new", place / "model")
    assert artifact(daemon, run_dir, "model") == (200, b"newest")
    assert os.listdir(place) == ["model"]


def test_vim(daemon, run_dir, place):
    (place / "notes").write_text("one\n")
    for way in ("yes", "no"):
        sh(f"vim -u NONE -i NONE -es -c 'set backup backupcopy={way}' "
           f"-c '%s/$/ {way}/' -c wq notes", place)
    assert artifact(daemon, run_dir, "notes") == (200, b"one yes no\n")


def test_append_and_truncate(daemon, run_dir, place):
    sh("echo one > f; echo two >> f; printf three | tee -a f >/dev/null",
       place)
    assert (place / "f").read_text() == "one\ntwo\nthree"
    with open(place / "f", "ab") as f:
        f.write(b"!")
    assert artifact(daemon, run_dir, "f") == (200, b"one\ntwo\nthree!")
    os.truncate(place / "f", 5)
    assert (place / "f").read_bytes() == b"one\nt"
    assert artifact(daemon, run_dir, "f") == (200, b"one\nt")
    sh("truncate -s 10 f", place)
    assert artifact(daemon, run_dir, "f") == (200, b"one\nt\0\0\0\0\0")
    with opened(place / "f", os.O_RDWR) as fd:
        os.ftruncate(fd, 3)
        assert os.pread(fd, 100, 0) == b"one"
    assert artifact(daemon, run_dir, "f") == (200, b"one")
    sh(": > f; test ! -s f; touch g; : > h", place)
    assert wait_until(lambda: listed_over_http(daemon, run_dir) == {
        "f": 0, "g": 0, "h": 0})


def test_made_by_who_only_reads(daemon, run_dir, place):
    """open(O_CREAT | O_RDONLY): pjdfstest found that it made nothing."""
    with opened(place / "f", os.O_CREAT | os.O_EXCL | os.O_RDONLY):
        assert os.listdir(place) == ["f"]
    assert os.stat(place / "f").st_size == 0
    with fails(errno.EEXIST):
        os.open(place / "f", os.O_CREAT | os.O_EXCL | os.O_RDONLY)
    with opened(place / "g", os.O_CREAT | os.O_RDONLY) as fd:
        os.fsync(fd)
    assert sh("flock lock echo held", place) == "held\n"
    assert wait_until(lambda: listed_over_http(daemon, run_dir) == {
        "f": 0, "g": 0, "lock": 0})


def test_holes(daemon, run_dir, place):
    sh("dd if=/dev/zero of=f bs=1 count=1 seek=1000000 status=none; "
       "echo x | dd of=f bs=1 seek=500000 conv=notrunc status=none", place)
    body = bytes(500000) + b"x\n" + bytes(499999)
    assert (place / "f").read_bytes() == body
    assert artifact(daemon, run_dir, "f") == (200, body)


def write_at(fd, want, chance):
    at, data = chance.randrange(len(want) + 5000), chance.randbytes(
        chance.randrange(1, 20000))
    assert os.pwrite(fd, data, at) == len(data)
    want.extend(bytes(max(0, at + len(data) - len(want))))
    want[at:at + len(data)] = data


def cut(fd, want, chance):
    size = chance.randrange(len(want) + 10000)
    os.ftruncate(fd, size)
    want.extend(bytes(max(0, size - len(want))))
    del want[size:]


def look(fd, want, chance):
    at, n = chance.randrange(len(want) + 100), chance.randrange(1, 30000)
    assert os.pread(fd, n, at) == want[at:at + n]
    assert os.fstat(fd).st_size == len(want)


def sync(fd, want, chance):
    os.fsync(fd)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_writes(daemon, run_dir, place, seed):
    """As a plain file has it; three handles, reopened now and then."""
    chance, want = random.Random(seed), bytearray()
    path = place / "f"

    def open_one():
        return os.open(path, os.O_RDWR | os.O_CREAT)

    fds = [open_one() for _ in range(3)]
    for i in range(250):
        at = chance.randrange(3)
        chance.choice([write_at, write_at, look, look, cut, sync])(
            fds[at], want, chance)
        if chance.random() < 0.1:
            os.close(fds[at])
            fds[at] = open_one()
        if i % 50 == 49:
            assert path.read_bytes() == want
    for fd in fds:
        os.close(fd)
    assert path.read_bytes() == want
    assert artifact(daemon, run_dir, "f") == (200, bytes(want))


def test_a_database_in_it(place):
    """Locks, a journal that comes and goes, truncation, many syncs."""
    with sqlite3.connect(place / "db") as db:
        db.execute("CREATE TABLE t(x)")
        for i in range(5):
            db.executemany("INSERT INTO t VALUES (?)", [(i,)] * 500)
            db.commit()
        db.execute("DELETE FROM t WHERE x = 3")
    db.close()
    with sqlite3.connect(place / "db") as db:
        db.execute("VACUUM")
        assert db.execute("SELECT count(*) FROM t").fetchone() == (2000,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert os.listdir(place) == ["db"]


def test_git(daemon, run_dir, place, tmp_path):
    git = ("git -c user.name=n -c user.email=e@x -c init.defaultBranch=main "
           "-c core.fsync=none")
    sh(f"""set -e
        {git} init -q . && echo one > f && mkdir d && echo two > d/g
        {git} add . && {git} commit -qm first
        echo three >> f && {git} commit -qam second
        {git} checkout -q -b side HEAD^ && echo x > x && {git} add x
        {git} commit -qm side && {git} checkout -q main
        {git} merge -q -m merged side
        test -z "$({git} status --porcelain)"
        {git} gc -q && {git} fsck --strict
        {git} clone -q . {tmp_path}/clone""", place)
    assert sh("git log --format=%s | sort; cat f d/g x",
              tmp_path / "clone").split() == [
        "first", "merged", "second", "side", "one", "three", "two", "x"]
    assert artifact(daemon, run_dir, ".git/HEAD") == (
        200, b"ref: refs/heads/main\n")
    sh("rm -rf .git", place)
    assert sorted(listed_over_http(daemon, run_dir)) == ["d", "f", "x"]


def test_what_is_stored_late(daemon, run_dir, place):
    """An empty file is stored after its close has returned: whatever is done
    to its name meanwhile comes after it."""
    for i in range(40):
        (place / "d").mkdir()
        (place / "new").write_text("new")
        for name in ("d/f", "x", "y", "z"):
            open(place / name, "w").close()
        os.rename(place / "d", place / f"e{i}")
        os.rename(place / "new", place / "x")
        os.truncate(place / "y", 100)
        os.unlink(place / "z")
        assert sorted(os.listdir(place)) == [f"e{i}", "x", "y"]
        assert os.listdir(place / f"e{i}") == ["f"]
        assert (place / "x").read_text() == "new"
        assert artifact(daemon, run_dir, "y") == (200, bytes(100))
        sh("rm -r *", place)
    assert listed_over_http(daemon, run_dir) == {}


def do_write(top, a, b, chance):
    with open(top / a, "wb") as f:
        f.write(chance.randbytes(chance.randrange(3000)))


def do_append(top, a, b, chance):
    with open(top / a, "ab") as f:
        f.write(chance.randbytes(chance.randrange(300)))


NAME_CALLS = [
    do_write, do_write, do_append,
    lambda top, a, b, chance: os.mkdir(top / a),
    lambda top, a, b, chance: os.mkdir(top / a),
    lambda top, a, b, chance: os.rename(top / a, top / b),
    lambda top, a, b, chance: os.rename(top / a, top / b),
    lambda top, a, b, chance: os.unlink(top / a),
    lambda top, a, b, chance: os.rmdir(top / a),
    lambda top, a, b, chance: os.truncate(top / a, chance.randrange(2000)),
    lambda top, a, b, chance: os.close(os.open(
        top / a, os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
    lambda top, a, b, chance: open(top / a, "wb").close(),
    lambda top, a, b, chance: sorted(os.listdir(top / a)),
    lambda top, a, b, chance: (top / a).read_bytes(),
    lambda top, a, b, chance: os.stat(top / a).st_mode,
]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_names(daemon, run_dir, place, tmp_path, seed):
    """The same calls here and in a plain directory: the same results."""
    chance, plain = random.Random(seed), tmp_path / "plain"
    plain.mkdir()

    def outcome(top, call, a, b, dice):
        try:
            return call(top, a, b, random.Random(dice))
        except OSError as e:
            return errno.errorcode[e.errno]

    def a_name():
        return "/".join(chance.choice("xyz") for _ in range(
            chance.randrange(1, 4)))

    for i in range(400):
        how = chance.randrange(len(NAME_CALLS)), a_name(), a_name(), i
        want = outcome(plain, NAME_CALLS[how[0]], *how[1:])
        if want == "ENOTEMPTY" or want == "EEXIST":
            want = ("ENOTEMPTY", "EEXIST")
        else:
            want = (want,)
        assert outcome(place, NAME_CALLS[how[0]], *how[1:]) in want, how
    assert tree(place) == tree(plain)

    def check_listing(path):
        for name, size in listed_over_http(daemon, run_dir, path).items():
            if size is None:
                assert (plain / name).is_dir()
                check_listing(name)
            else:
                assert artifact(daemon, run_dir, name) == (
                    200, (plain / name).read_bytes())

    assert wait_until(lambda: set(listed_over_http(daemon, run_dir)) == set(
        os.listdir(plain)))
    check_listing("")


# --- open files --------------------------------------------------------------

def test_mmap(place):
    data = random.Random(5).randbytes(1_200_000)
    (place / "f").write_bytes(data)
    with open(place / "f", "rb") as f, mmap.mmap(
            f.fileno(), 0, access=mmap.ACCESS_READ) as m:
        chance = random.Random(6)
        for _ in range(300):
            at = chance.randrange(len(data))
            assert m[at:at + 5000] == data[at:at + 5000]
        os.unlink(place / "f")
        assert hashlib.sha256(m).digest() == hashlib.sha256(data).digest()


def test_unlinked_but_open(daemon, run_dir, place):
    (place / "f").write_text("first")
    with opened(place / "f", os.O_RDWR) as old:
        os.unlink(place / "f")
        assert not (place / "f").exists()
        assert listed_over_http(daemon, run_dir) == {}
        assert os.pread(old, 10, 0) == b"first"
        os.pwrite(old, b"FIRST!", 0)
        (place / "f").write_text("second")
        assert os.pread(old, 10, 0) == b"FIRST!"
        assert os.fstat(old).st_size == 6
        assert (place / "f").read_text() == "second"
    assert artifact(daemon, run_dir, "f") == (200, b"second")
    with opened(place / "g", os.O_RDWR | os.O_CREAT) as fresh:
        os.write(fresh, b"never seen")
        os.unlink(place / "g")
        os.write(fresh, b" by others")
        assert os.pread(fresh, 100, 0) == b"never seen by others"
    assert listed_over_http(daemon, run_dir) == {"f": 6}
    assert os.listdir(place) == ["f"]


def test_open_while_its_directory_goes(place):
    (place / "d").mkdir()
    with open(place / "d" / "f", "w+") as f:
        f.write("kept")
        f.flush()
        sh("rm -r d", place)
        f.seek(0)
        assert f.read() == "kept"
    assert os.listdir(place) == []


def test_others_see_it_whole(daemon, run_dir, place, other_mount):
    """The mount that writes has the bytes at once, as POSIX has it; HTTP and
    other mounts from fsync or close on."""
    there = other_mount.run_directory(run_dir.parent.parent.name,
                                      "first") / "artifacts"
    with opened(place / "f", os.O_RDWR | os.O_CREAT) as fd:
        os.write(fd, b"half")
        assert (place / "f").read_bytes() == b"half"
        assert os.listdir(place) == ["f"]
        assert artifact(daemon, run_dir, "f")[0] == 404
        assert os.listdir(there) == []
        os.fsync(fd)
        assert artifact(daemon, run_dir, "f") == (200, b"half")
        assert wait_until(lambda: os.listdir(there) == ["f"], 2)
        assert (there / "f").read_bytes() == b"half"
        os.write(fd, b" and half")
        assert (place / "f").stat().st_size == 13
        assert artifact(daemon, run_dir, "f") == (200, b"half")
        assert (there / "f").read_bytes() == b"half"
    assert artifact(daemon, run_dir, "f") == (200, b"half and half")
    assert wait_until(lambda: (there / "f").read_bytes() == b"half and half",
                      2)
    os.unlink(there / "f")
    assert artifact(daemon, run_dir, "f")[0] == 404
    assert wait_until(lambda: not (place / "f").exists(), 2)


def test_the_old_one_stays_until_close(daemon, run_dir, place):
    (place / "f").write_text("old")
    with open(place / "f", "w") as f:
        assert (place / "f").read_text() == ""
        f.write("new")
        f.flush()
        assert artifact(daemon, run_dir, "f") == (200, b"old")
        assert (place / "f").read_text() == "new"
    assert artifact(daemon, run_dir, "f") == (200, b"new")


def test_a_child_that_ends_commits_nothing(daemon, run_dir, place):
    with opened(place / "f", os.O_WRONLY | os.O_CREAT) as fd:
        os.write(fd, b"first ")
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        assert artifact(daemon, run_dir, "f")[0] == 404
        os.write(fd, b"second")
    assert artifact(daemon, run_dir, "f") == (200, b"first second")


def test_a_shell_that_writes(daemon, run_dir, place):
    """It opens, duplicates and closes before it writes."""
    sh("{ echo one; echo two; /bin/echo three; } > f; exec 3> g; echo a >&3; "
       "/bin/echo b >&3; exec 3>&-", place)
    assert artifact(daemon, run_dir, "g") == (200, b"a\nb\n")
    assert wait_until(lambda: artifact(daemon, run_dir, "f") == (
        200, b"one\ntwo\nthree\n"))


WRITER = """
import os, sys
with open("events.out", "ab") as f:
    for line in sys.stdin:
        f.write(line.encode())
        f.flush()
        print(f.tell(), flush=True)
"""


def test_events_of_tensorboard(daemon, run_dir, place):
    """Appended and flushed often; another process follows the one inode."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER], cwd=place,
                              text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    follower = None
    sent = ""
    try:
        for i in range(200):
            writer.stdin.write(f"event {i} {'x' * i}\n")
            writer.stdin.flush()
            sent += f"event {i} {'x' * i}\n"
            assert int(writer.stdout.readline()) == len(sent)
            if follower is None:
                follower = os.open(place / "events.out", os.O_RDONLY)
                inode = os.fstat(follower).st_ino
            assert os.pread(follower, len(sent) + 1, 0).decode() == sent
            assert os.stat(place / "events.out").st_size == len(sent)
        writer.stdin.close()
        assert writer.wait() == 0
        assert os.stat(place / "events.out").st_ino == inode
        assert artifact(daemon, run_dir, "events.out") == (200, sent.encode())
        sh("echo again >> events.out", place)
        assert os.pread(follower, 1000000, 0).decode() == sent + "again\n"
        assert os.stat(place / "events.out").st_ino == inode
    finally:
        if follower is not None:
            os.close(follower)
        writer.kill()
        writer.wait()


def test_tail_of_an_artifact(place):
    with open(place / "log", "w") as f:
        f.write("0\n")
        f.flush()
        tail = subprocess.Popen(["tail", "-s", "0.05", "-f", place / "log"],
                                stdout=subprocess.PIPE, text=True)
        try:
            for i in range(5):
                assert tail.stdout.readline() == f"{i}\n"
                f.write(f"{i + 1}\n")
                f.flush()
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()


def test_readers_at_once(place):
    data = random.Random(7).randbytes(6_000_000)
    (place / "f").write_bytes(data)
    bad = []

    def read(seed):
        chance = random.Random(seed)
        with open(place / "f", "rb", buffering=0) as f:
            for _ in range(60):
                at = chance.randrange(len(data))
                n = chance.randrange(1, 400_000)
                if os.pread(f.fileno(), n, at) != data[at:at + n]:
                    bad.append((at, n))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for i in range(20):
        (place / "g").write_bytes(data[:i * 1000])
    for t in threads:
        t.join()
    assert bad == []
    assert (place / "g").read_bytes() == data[:19000]


def test_writers_at_once(daemon, run_dir, place):
    """Different files of one directory, and one that all append to."""
    script = ("import os,sys\n"
              "n = sys.argv[1]\n"
              "for i in range(20):\n"
              "    with open(f'f{n}.{i}', 'w') as f: f.write(n * 1000)\n"
              "    fd = os.open('all', os.O_WRONLY | os.O_APPEND |"
              " os.O_CREAT)\n"
              "    os.write(fd, f'{n} {i}\\n'.encode())\n"
              "    os.close(fd)\n")
    (place / "all").write_text("")
    writers = [subprocess.Popen([sys.executable, "-c", script, str(n)],
                                cwd=place) for n in range(4)]
    assert [w.wait() for w in writers] == [0] * 4
    assert len(os.listdir(place)) == 81
    assert sorted((place / "all").read_text().split("\n")[:-1]) == sorted(
        f"{n} {i}" for n in range(4) for i in range(20))
    for n in range(4):
        for i in range(20):
            assert (place / f"f{n}.{i}").read_text() == str(n) * 1000
    assert artifact(daemon, run_dir, "all")[1] == (place / "all").read_bytes()


def test_a_large_directory(daemon, run_dir, place):
    sh("for i in $(seq 300); do echo $i > f$i; done", place)
    assert sh("ls | wc -l; find . -type f | wc -l; cat f* | wc -l",
              place).split() == ["300"] * 3
    assert len(listed_over_http(daemon, run_dir)) == 300
    with os.scandir(place) as entries:
        for n, entry in enumerate(entries):
            os.unlink(entry)
    assert n == 299 and os.listdir(place) == []


def test_times(place):
    (place / "f").write_text("x")
    was = os.stat(place / "f")
    assert sh("cat f; ls -l > /dev/null", place) == "x"
    assert os.stat(place / "f").st_mtime_ns == was.st_mtime_ns
    sh("touch -d '2001-02-03 04:05:06 UTC' f; chmod 600 f", place)
    now = os.stat(place / "f")
    assert (now.st_mtime, stat.S_IMODE(now.st_mode)) == (981173106, 0o600)
    sh("echo y >> f", place)
    assert os.stat(place / "f").st_mtime > 1.7e9
    assert (place / "f").read_text() == "xy\n"
    assert stat.S_IMODE(os.stat(place / "f").st_mode) == 0o600


def test_what_http_stores_is_here_at_once(daemon, run_dir, place):
    info = run_id(run_dir)
    experiment = daemon.call("runs/get", run_id=info)["run"]["info"][
        "experiment_id"]
    at = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{info}/artifacts/"
    assert daemon.request("PUT", at + "d/f", b"one")[0] == 200
    assert wait_until(lambda: (place / "d" / "f").exists(), 2)
    assert (place / "d" / "f").read_bytes() == b"one"
    with opened(place / "d" / "f", os.O_RDONLY) as old:
        assert daemon.request("PUT", at + "d/f", b"second")[0] == 200
        assert wait_until(lambda: (place / "d" / "f").read_bytes() ==
                          b"second", 2)
        assert os.stat(place / "d" / "f").st_size == 6
        assert os.pread(old, 10, 0) in (b"one", b"second")
    assert daemon.request("DELETE", at + "d/f")[0] in (200, 204)
    assert wait_until(lambda: not (place / "d" / "f").exists(), 2)


def test_bytes_that_cannot_be_had(daemon, run_dir, place, other_mount,
                                  tmp_path):
    """Its size is known, a read fails, and heals when they are back."""
    if harness.STORE:
        pytest.skip("tests/s3/test_mount.py has the like for a bucket")
    sh("head -c 100000 /dev/urandom > f; sha256sum f > sum", place)
    [stored] = [p for p in (daemon.data / "objects").rglob("*")
                if p.is_file() and p.stat().st_size == 100000]
    os.rename(stored, tmp_path / "hidden")
    there = other_mount.run_directory(run_dir.parent.parent.name,
                                      "first") / "artifacts"
    try:
        assert os.stat(there / "f").st_size == 100000
        with fails(errno.EIO):
            (there / "f").read_bytes()
        assert sh("cat sum", there)
    finally:
        os.rename(tmp_path / "hidden", stored)
    assert sh("sha256sum -c sum", there) == "f: OK\n"
