"""The power is cut under load: what was acknowledged as durable is there."""
import os
import random
import subprocess
import time

import pytest
from harness import BIN, Daemon, Mount, check, have_fuse, wait_until, workplace
from writers import HttpWriter, compare, stop_all

pytestmark = [
    pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for loop devices"),
]

CUTS = int(os.environ.get("ORRERY_TEST_CUTS", "5"))
SIZE = 128 << 20


def run(*argv):
    subprocess.run([str(a) for a in argv], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Machine:
    """A disk with power, a loop device and ext4 on it."""

    def __init__(self, base):
        self.image, self.front = base / "image", base / "front"
        self.root = base / "root"
        self.front.mkdir()
        self.root.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(SIZE)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", self.image)

    def boot(self):
        self.disk = subprocess.Popen([BIN / "tests" / "peers" / "power-disk",
                                      self.front, self.image])
        assert wait_until(lambda: (self.front / "disk").exists())
        self.loop = subprocess.run(
            ["losetup", "--find", "--show", self.front / "disk"], check=True,
            stdout=subprocess.PIPE, text=True).stdout.strip()
        run("mount", self.loop, self.root)

    def cut(self):
        self.disk.send_signal(10)  # SIGUSR1
        time.sleep(0.02)

    def down(self):
        subprocess.run(["umount", "-l", self.root], stderr=subprocess.DEVNULL)
        subprocess.run(["losetup", "-d", self.loop])
        subprocess.run(["umount", "-l", self.front])
        self.disk.kill()
        self.disk.wait()


def test_power_cuts_lose_nothing_acknowledged():
    with workplace() as base:
        machine = Machine(base)
        machine.boot()
        daemon = Daemon(machine.root / "data")
        listen = daemon.address
        info = daemon.run(daemon.experiment("power"), "r")
        writers = [HttpWriter(n, lambda: listen, info["run_id"])
                   for n in range(1, 9)]
        for w in writers:
            w.start()
        for _ in range(CUTS):
            time.sleep(0.3 + random.random() * 0.5)
            machine.cut()
            time.sleep(0.05)
            daemon.kill()
            machine.down()
            machine.boot()
            daemon = Daemon(machine.root / "data", listen=listen)
        time.sleep(0.3)
        stop_all(writers)
        values = [p["value"] for p in daemon.history(info["run_id"], "shared")]
        for w in writers:
            own = [int(v) for v in values if int(v) // 1_000_000 == w.number]
            assert len(own) == len(set(own)), "points doubled"
            assert not w.acknowledged - set(own), "acknowledged points lost"
        assert sum(len(w.acknowledged) for w in writers) > 100
        assert daemon.stop() == 0
        assert check(machine.root / "data") == ""
        machine.down()


def test_fsync_of_a_metric_survives_a_power_cut():
    with workplace() as base:
        machine = Machine(base)
        machine.boot()
        data = machine.root / "data"
        daemon = Daemon(data)
        info = daemon.run(daemon.experiment("power"), "r")
        mount = Mount(data, base / "mnt")
        metric = mount.run_directory("power", "r") / "metrics" / "m"
        synced = 0
        with open(metric, "a") as f:
            daemon.kill()
            for i in range(200):
                f.write(f"{i} {i}\n")
                f.flush()
                os.fsync(f.fileno())
                synced += 1
            machine.cut()
        mount.kill()
        subprocess.run(["umount", "-l", str(base / "mnt")])
        machine.down()
        machine.boot()
        daemon = Daemon(data)
        assert wait_until(lambda: len(daemon.history(
            info["run_id"], "m")) >= synced, 5)
        assert [p["step"] for p in daemon.history(info["run_id"], "m")] == (
            list(range(synced)))
        assert daemon.stop() == 0
        assert check(data) == ""
        machine.down()
