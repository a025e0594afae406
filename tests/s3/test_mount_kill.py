"""kill -9 of the mount at any moment, under load, on a directory and on a
bucket: what was acknowledged is there, and the next mount stands at once.

ORRERY_TEST_KILLS says how often (20)."""
import hashlib
import os
import random
import sys
import time
from pathlib import Path

from harness import unmount, wait_until

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fault"))

from writers import MountWriter, Writer, compare, stop_all  # noqa: E402

KILLS = int(os.environ.get("ORRERY_TEST_KILLS", "20"))
NAMES = 12


class FileWriter(Writer):
    """Writes artifacts, over and over the same names. One is acknowledged
    when its fsync or its close came back."""

    def __init__(self, number, where):
        super().__init__(number)
        self.where, self.chance = where, random.Random(number)
        self.noise = self.chance.randbytes(7 << 20)
        self.stored, self.open_question = {}, {}

    def lost(self):
        self.next += 1

    def write_one(self):
        n = self.chance.choice((0, 1, 5000, 100_000, 300_000, 6 << 20))
        at = self.chance.randrange(1 << 20)
        data = self.noise[at:at + n]
        name = f"w{self.number}-{self.next % NAMES}"
        digest = hashlib.sha256(data).hexdigest()
        self.open_question.setdefault(name, set()).add(digest)
        fd = os.open(self.where() / "artifacts" / name,
                     os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for i in range(0, n, 128 << 10):
                piece = data[i:i + (128 << 10)]
                assert os.write(fd, piece) == len(piece)
            if self.chance.random() < 0.3:
                os.fsync(fd)
                if n:
                    self.acknowledge(name, digest)
        finally:
            os.close(fd)
        if n:  # an empty one is stored after its close
            self.acknowledge(name, digest)
        self.next += 1
        time.sleep(0.002)

    def acknowledge(self, name, digest):
        self.stored[name] = digest
        self.open_question[name] = {digest}

    def check(self, directory):
        for name, digest in self.stored.items():
            body = (directory / "artifacts" / name).read_bytes()
            got = hashlib.sha256(body).hexdigest()
            assert got in self.open_question[name], (
                f"{name}: neither {digest} nor what was tried after it: "
                f"{len(body)} bytes")


def test_kill_of_the_mount(mounted):
    chance = random.Random(KILLS)

    def directory():
        return mounted.base / "mnt" / mounted.run

    lines = [MountWriter(n, directory) for n in range(1, 5)]
    files = [FileWriter(n, directory) for n in range(5, 8)]
    for w in lines + files:
        w.start()
    slowest = 0
    for i in range(KILLS):
        time.sleep(chance.random() * 0.4)
        mounted.mount.kill()
        unmount(mounted.base / "mnt")
        start = time.monotonic()
        mounted.mount = None
        mounted.again(f"cache{i % 3}")
        os.listdir(directory())
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 10
    assert wait_until(lambda: all(len(w.acknowledged) > 50 for w in lines),
                      30)
    stop_all(lines + files, 120)
    mounted.mount.flush()
    text = (directory() / "metrics" / "shared").read_text()
    compare([float(line.split("\t")[1]) for line in text.splitlines()],
            lines)
    assert all(w.stored for w in files)
    mounted.fresh()
    for w in files:
        w.check(directory())
