"""Many writers at once, through the mount and over HTTP, on one run."""
import time

import pytest
from harness import Daemon, Mount, check, have_fuse, workplace
from writers import HttpWriter, MountWriter, compare, stop_all

pytestmark = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")

SECONDS = 5


def test_forty_writers_on_one_run():
    with workplace() as base:
        daemon = Daemon(base / "data")
        mount = Mount(base / "data", base / "mnt")
        experiment = daemon.experiment("load")
        run = daemon.run(experiment, "busy")
        directory = mount.run_directory("load", "busy")
        http = [HttpWriter(n, lambda: daemon.address, run["run_id"])
                for n in range(1, 21)]
        files = [MountWriter(n, lambda: directory) for n in range(21, 41)]
        for w in http + files:
            w.start()
        time.sleep(SECONDS)
        stop_all(http + files)
        assert not any(w.trouble for w in http + files), [
            w.trouble[:2] for w in http + files]
        mount.flush()
        lines = (directory / "metrics" / "shared").read_text().splitlines()
        compare([float(line.split("\t")[1]) for line in lines], http + files)
        over_http = daemon.history(run["run_id"], "shared")
        assert sorted(p["value"] for p in over_http) == sorted(
            float(line.split("\t")[1]) for line in lines)
        assert mount.stop() == 0
        assert daemon.stop() == 0
        assert check(base / "data") == ""
