"""kill -9 of daemon, of mount, of both, at random moments under load."""
import hashlib
import os
import random
import time

import pytest
from harness import (Daemon, Mount, check, have_fuse, unmount, wait_until,
                     workplace)
from writers import (ArtifactWriter, HttpWriter, MountWriter, compare,
                     stop_all)

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")

ROUNDS = int(os.environ.get("ORRERY_TEST_KILLS", "200"))
WRITERS = 10  # of each kind


class Pair:
    """A daemon and a mount that come back where they were."""

    def __init__(self, base):
        self.base = base
        self.daemon = Daemon(base / "data")
        self.listen = self.daemon.address
        self.mount = Mount(base / "data", base / "mnt")

    def start_daemon(self):
        self.daemon = Daemon(self.base / "data", listen=self.listen)

    def start_mount(self):
        unmount(self.base / "mnt")
        self.mount = Mount(self.base / "data", self.base / "mnt")

    def kill(self, what):
        if what in ("daemon", "both"):
            self.daemon.kill()
        if what in ("mount", "both"):
            self.mount.kill()
        time.sleep(random.random() * 0.05)
        if what in ("daemon", "both"):
            self.start_daemon()
        if what in ("mount", "both"):
            self.start_mount()


def test_kills_lose_nothing():
    with workplace() as base:
        pair = Pair(base)
        experiment = pair.daemon.experiment("kills")
        run = pair.daemon.run(experiment, "busy")
        directory = pair.mount.run_directory("kills", "busy")
        http = [HttpWriter(n, lambda: pair.listen, run["run_id"])
                for n in range(1, WRITERS + 1)]
        files = [MountWriter(n, lambda: directory)
                 for n in range(WRITERS + 1, 2 * WRITERS + 1)]
        artifacts = [ArtifactWriter(1, lambda: pair.listen, experiment,
                                    run["run_id"])]
        for w in http + files + artifacts:
            w.start()
        for _ in range(ROUNDS):
            time.sleep(random.random() * 0.15)
            pair.kill(random.choice(["daemon", "mount", "both"]))
        # The mount works again by itself soon after the daemon is back.
        pair.daemon.kill()
        pair.start_daemon()
        back = time.monotonic()
        probe = pair.mount.path / "experiments" / "probe"
        assert wait_until(lambda: made(probe), 5)
        assert time.monotonic() - back < 2
        stop_all(http + files + artifacts)
        pair.mount.flush()
        text = (directory / "metrics" / "shared").read_text()
        compare([float(line.split("\t")[1]) for line in text.splitlines()],
                http + files)
        assert all(len(w.acknowledged) > ROUNDS for w in http + files)
        for path, digest in artifacts[0].digests.items():
            body = (directory / "artifacts" / path).read_bytes()
            assert hashlib.sha256(body).hexdigest() == digest, path
        assert pair.mount.stop() == 0
        assert pair.daemon.stop() == 0
        assert check(base / "data") == ""


def made(path):
    try:
        path.mkdir()
    except FileExistsError:
        pass
    except OSError:
        return False
    return path.is_dir()


def test_appends_go_on_without_the_daemon():
    with workplace() as base:
        pair = Pair(base)
        pair.daemon.experiment("away")
        run = pair.daemon.run(pair.daemon.call(
            "experiments/get-by-name", experiment_name="away")["experiment"][
                "experiment_id"], "r")
        metric = pair.mount.run_directory("away", "r") / "metrics" / "m"
        with open(metric, "a") as f:
            f.write("0 1\n")
            f.flush()
            pair.daemon.kill()
            for i in range(1, 100):
                f.write(f"{i} {i}\n")
                f.flush()
                os.fsync(f.fileno())
        pair.start_daemon()
        assert wait_until(lambda: len(pair.daemon.history(
            run["run_id"], "m")) == 100)
        assert pair.mount.stop() == 0
        assert pair.daemon.stop() == 0
        assert check(base / "data") == ""


def test_sigterm_under_load():
    with workplace() as base:
        pair = Pair(base)
        run = pair.daemon.run(pair.daemon.experiment("term"), "busy")
        directory = pair.mount.run_directory("term", "busy")
        writers = [HttpWriter(n, lambda: pair.listen, run["run_id"])
                   for n in range(1, 6)]
        writers += [MountWriter(n, lambda: directory) for n in range(6, 11)]
        for w in writers:
            w.start()
        for _ in range(5):
            time.sleep(0.2)
            assert pair.daemon.stop() == 0
            pair.start_daemon()
        stop_all(writers)
        pair.mount.flush()
        text = (directory / "metrics" / "shared").read_text()
        compare([float(line.split("\t")[1]) for line in text.splitlines()],
                writers)
        assert pair.mount.stop() == 0
        assert pair.daemon.stop() == 0
        assert check(base / "data") == ""
