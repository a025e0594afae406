"""What the mount and the kernel agree on: files that the kernel reads by
itself, names looked up at the same time, finite memory, calls that end."""
import mmap
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import BIN, wait_until
from mounting import sh

BLOCK = 4096
STRESS = float(os.environ.get("ORRERY_TEST_STRESS", "6"))  # seconds


def figure(mount, name):
    lines = (mount.path / ".stats").read_text().splitlines()
    return int(dict(line.split("\t") for line in lines)[name])


def reads_through(mount):
    """Whether this kernel reads files by itself, for who we are."""
    release = tuple(int(x) for x in re.findall(r"\d+", os.uname().release)[:2])
    with open("/proc/self/status") as f:
        able = int(re.search(r"CapEff:\s*(\w+)", f.read())[1], 16)
    return release >= (6, 9) and able >> 21 & 1


@pytest.fixture
def ended(mount, run_dir):
    """A file of a run that has ended."""
    if not reads_through(mount):
        pytest.skip("this kernel reads no file by itself")
    path = run_dir / "artifacts" / "model.bin"
    path.write_bytes(blocks(1, 64))
    (run_dir / "status").write_text("FINISHED\n")
    return path


def blocks(version, n):
    return (version.to_bytes(8, "big") * (BLOCK // 8)) * n


def test_settled_files_are_read_through(mount, ended):
    before = figure(mount, "through")
    with open(ended, "rb") as f:
        assert f.read() == blocks(1, 64)
        m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        requests = figure(mount, "requests")
        assert m[:] == blocks(1, 64)
        assert os.pread(f.fileno(), 10, 64 * BLOCK) == b""
        assert figure(mount, "requests") - requests < 20
        m.close()
    assert figure(mount, "through") == before + 1


def test_a_live_log_is_not(mount, run_dir):
    """Who follows a log sees it grow, however long it was quiet."""
    path = run_dir / "artifacts" / "events.log"
    path.write_bytes(blocks(1, 64))
    before = figure(mount, "through")
    with open(path, "rb") as f:
        assert len(f.read()) == 64 * BLOCK
        with open(path, "ab") as w:
            w.write(b"more")
            w.flush()
            assert f.read() == b"more"
    assert figure(mount, "through") == before


def test_a_writer_takes_the_place(mount, ended):
    """A reader keeps what it opened; who opens later sees every byte."""
    with open(ended, "rb") as old:
        inode = os.fstat(old.fileno()).st_ino
        with open(ended, "r+b") as w:
            assert os.fstat(w.fileno()).st_ino != inode
            w.write(b"first")
            w.flush()
            with open(ended, "rb") as new:
                assert new.read(5) == b"first"
            assert os.stat(ended).st_ino == os.fstat(w.fileno()).st_ino
        os.truncate(ended, BLOCK)
        assert ended.stat().st_size == BLOCK
        assert old.read() == blocks(1, 64)
        assert os.fstat(old.fileno()).st_size == 64 * BLOCK
        ended.unlink()
        old.seek(0)
        assert old.read() == blocks(1, 64)


def test_size_by_path(mount, ended):
    with open(ended, "rb") as old:
        os.truncate(ended, 3)
        assert ended.read_bytes() == blocks(1, 1)[:3]
        assert old.read() == blocks(1, 64)


def test_others_bytes(mount, ended, other_mount):
    """Another mount stores the file anew while it is read through here."""
    there = other_mount.path / ended.relative_to(mount.path)
    with open(ended, "rb") as old:
        there.write_bytes(blocks(2, 32))
        assert wait_until(lambda: ended.read_bytes() == blocks(2, 32))
        assert old.read() == blocks(1, 64)


def test_create_of_what_is_there(mount, ended):
    with open(ended, "rb"):
        fd = os.open(ended, os.O_RDWR | os.O_CREAT, 0o644)
        assert os.pread(fd, BLOCK, 0) == blocks(1, 1)
        os.close(fd)
        fd = os.open(ended, os.O_RDONLY | os.O_CREAT, 0o644)
        assert os.pread(fd, BLOCK, 0) == blocks(1, 1)
        os.close(fd)


class Traffic:
    """A writer that does something else each time, and readers that compare
    what they read with what was done last."""

    def __init__(self, path):
        self.path, self.version, self.stop = path, 1, False
        self.state = (1, 1, 64)  # of the first block, the last, how many
        self.problems, self.read = [], 0

    def rewrite(self, v, _):
        self.path.write_bytes(blocks(v, 40))
        return v, v, 40

    def append(self, v, was):
        with open(self.path, "ab") as f:
            f.write(blocks(v, 1))
        return was[0], v, was[2] + 1

    def cut(self, v, was):
        os.truncate(self.path, 20 * BLOCK)
        return was[0], int.from_bytes(
            self.path.read_bytes()[-8:], "big"), 20

    def by_map(self, v, was):
        with open(self.path, "r+b") as f:
            with mmap.mmap(f.fileno(), 0) as m:
                m[:BLOCK] = blocks(v, 1)
                m.flush()
        return v, was[1], was[2]

    def replace(self, v, _):
        other = self.path.with_name("other.bin")
        other.write_bytes(blocks(v, 50))
        os.replace(other, self.path)
        return v, v, 50

    def write(self):
        steps = [self.rewrite, self.append, self.cut, self.by_map,
                 self.replace, self.append]
        while not self.stop:
            self.version += 1
            was, self.state = self.state, None
            self.state = steps[self.version % len(steps)](self.version, was)
            time.sleep(0.03)

    def look(self):
        return self.version, self.state

    def reader(self):
        while not self.stop:
            before = self.look()
            with open(self.path, "rb") as f:
                data = f.read()
            if before != self.look() or before[1] is None:
                continue
            self.read += 1
            first = int.from_bytes(data[:8], "big")
            last = int.from_bytes(data[-8:], "big")
            if (first, last, len(data) // BLOCK) != before[1]:
                self.problems.append((before, first, last, len(data)))

    def guarded(self, fn):
        try:
            fn()
        except Exception as e:
            self.problems.append(repr(e))
            self.stop = True

    def run(self, seconds):
        threads = [threading.Thread(target=self.guarded, args=(fn,))
                   for fn in [self.write] + [self.reader] * 4]
        for t in threads:
            t.start()
        time.sleep(seconds)
        self.stop = True
        for t in threads:
            t.join()


def test_readers_and_a_writer(mount, ended):
    before = figure(mount, "through")
    t = Traffic(ended)
    t.run(STRESS)
    assert not t.problems
    assert t.read > 20
    assert figure(mount, "through") > before


# --- the kernel's side --------------------------------------------------------

def test_reads_ahead(mount):
    device = mount.path.stat().st_dev
    place = (f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}"
             "/read_ahead_kb")
    if not os.access(place, os.W_OK):
        pytest.skip("not ours to set")
    with open(place) as f:
        assert int(f.read()) == 1024


def test_no_set_user_id(mount, run_dir):
    """The kernel leaves it to us to take the bit away at a write."""
    path = run_dir / "artifacts" / "x"
    path.write_bytes(b"x")
    path.chmod(0o6755)
    assert path.stat().st_mode & 0o7777 == 0o755
    with open(path, "ab") as f:
        f.write(b"y")
    assert path.stat().st_mode & 0o7777 == 0o755


def test_names_are_looked_up_at_the_same_time(pair):
    """Look-ups that wait for lines before them (a second, while the daemon
    is stopped) do not wait for each other, in one directory."""
    run = pair.run()
    for i in range(8):
        (run / "metrics" / f"m{i}").write_text("1\n")
    pair.mount.flush()
    pair.mount.stop()
    pair.start_mount()
    os.kill(pair.daemon.pid, signal.SIGSTOP)
    try:
        with open(run / "metrics" / "m0", "a") as f:
            f.write("2\n")
        start = time.monotonic()
        threads = [threading.Thread(target=os.stat, args=(
            run / "metrics" / f"m{i}",)) for i in range(1, 8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        took = time.monotonic() - start
    finally:
        os.kill(pair.daemon.pid, signal.SIGCONT)
    assert 0.3 < took < 4, took


def mounts_at(path):
    with open("/proc/self/mountinfo") as f:
        return sum(line.split()[4] == str(path) for line in f)


def mount_again(pair, **how):
    return subprocess.Popen(
        [*pair.mount.argv[:2], *pair.mount.argv[3:]], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, **how)


def end_in_background(path):
    assert sh(f"{BIN / 'orrery'} umount {path}") == ""


def test_over_a_dead_mount(pair):
    """At once, whatever holds the corpse, and what the kernel remembers of
    it does not count as an answer."""
    assert pair.mount.path.stat()
    with open(pair.path / "README", "rb"):
        holder = subprocess.Popen(["sleep", "60"], cwd=pair.path)
        try:
            for _ in range(3):
                pair.mount.process.kill()
                start = time.monotonic()
                p = mount_again(pair)
                assert p.wait(20) == 0, p.stdout.read()
                assert time.monotonic() - start < 5
                assert mounts_at(pair.path) == 1
                assert (pair.path / ".stats").read_text()
                end_in_background(pair.path)
                assert mounts_at(pair.path) == 0
                pair.mount.process.wait()
                pair.start_mount()
        finally:
            holder.kill()
            holder.wait()


def test_two_over_a_dead_mount(pair):
    """Neither takes away what the other has just mounted."""
    pair.mount.kill()
    both = [mount_again(pair), mount_again(pair)]
    assert 0 in [p.wait(20) for p in both]
    assert (pair.path / ".stats").read_text()
    while mounts_at(pair.path):
        end_in_background(pair.path)


# --- calls that end ----------------------------------------------------------

# Python would close its files after a KeyboardInterrupt, and hang again.
PLAIN = "import signal; signal.signal(2, signal.SIG_DFL)\n"
HUNG = {  # each waits for the daemon, or for lines that it has to take
    "mkdir": "import os; os.mkdir('artifacts/new')",
    "status": "f = open('status', 'w'); f.write('KILLED\\n'); f.close()",
    "close": "f = open('artifacts/x', 'wb'); f.write(b'x'); f.close()",
    "fsync": "import os; f = open('artifacts/y', 'wb', 0); f.write(b'y');"
             "os.fsync(f.fileno())",
    "truncate": "import os; os.truncate('artifacts/old', 1)",
    "rename": "import os; os.rename('artifacts/old', 'artifacts/new')",
    "unlink": "import os; os.unlink('artifacts/old')",
    "chmod": "import os; os.chmod('artifacts/old', 0o600)",
    "flush": "f = open('../../../../.ctl', 'w'); f.write('flush\\n');"
             "f.close()",
    "read": "while True: open('metrics/loss').read()",
    "stat": "import os\nwhile True: os.stat('metrics/loss')",
    "list": "import os\nwhile True: os.listdir('metrics')",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_what_hangs(pair, number):
    run = pair.run()
    (run / "artifacts" / "old").write_bytes(b"old bytes")
    (run / "metrics" / "loss").write_text("0.5\n")
    pair.mount.flush()
    os.kill(pair.daemon.pid, signal.SIGSTOP)
    slow = {}
    try:
        (run / "metrics" / "loss").open("a").write("0.6\n")
        for name, text in HUNG.items():
            p = subprocess.Popen(["python3", "-c", PLAIN + text], cwd=run,
                                 stderr=subprocess.DEVNULL)
            time.sleep(0.7)
            assert p.poll() is None, (name, "it did not hang")
            start = time.monotonic()
            p.send_signal(number)
            p.wait(10)
            took = time.monotonic() - start
            if took > 0.5:
                slow[name] = took
    finally:
        os.kill(pair.daemon.pid, signal.SIGCONT)
    assert not slow
