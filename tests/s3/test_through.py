"""A mount that knows its daemon by URL, where objects lie in a bucket: their
bytes pass through the daemon."""
import os

import pytest

from harness import Mount, have_fuse


@pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
def test_bytes_through_the_daemon(daemon, base):
    data = os.urandom(12 << 20)
    assert daemon.put("there.bin", b"in the bucket")[0] == 200
    (base / "m").mkdir()

    def mounted():
        mount = Mount(base / "data", base / "m", "--server", daemon.url,
                      "--cache", base / "cache")
        return mount, next((mount.path / "experiments/x/runs").iterdir())

    mount, run = mounted()
    assert (run / "artifacts/there.bin").read_bytes() == b"in the bucket"
    (run / "artifacts/new.bin").write_bytes(data)
    with open(run / "artifacts/there.bin", "ab") as f:
        f.write(b", and more")
    assert daemon.get("new.bin")[2] == data
    assert daemon.get("there.bin")[2] == b"in the bucket, and more"
    assert mount.stop() == 0
    mount, run = mounted()
    assert (run / "artifacts/new.bin").read_bytes() == data
    assert mount.stop() == 0
