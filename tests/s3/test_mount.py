"""A mount beside a daemon whose objects are no files: bytes of artifacts are
refused at once and in words, all else works."""
import errno
import json
import os

import pytest

from harness import Mount, have_fuse


@pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
def test_all_but_bytes(daemon, base):
    assert daemon.put("there.bin", b"in the bucket")[0] == 200
    (base / "m").mkdir()
    mount = Mount(base / "data", base / "m")
    run = next((mount.path / "experiments/x/runs").iterdir())
    (run / "params/lr").write_text("0.1\n")
    with open(run / "metrics/loss", "a") as f:
        f.write("0.5\n")
    mount.flush()
    got = json.loads((run / "latest.json").read_text())
    assert got == {"loss": 0.5}
    assert (run / "artifacts/there.bin").stat().st_size == 13

    with pytest.raises(OSError) as caught:
        (run / "artifacts/there.bin").read_bytes()
    assert caught.value.errno == errno.EIO
    for name in ("new.bin", "there.bin"):
        with pytest.raises(OSError) as caught:
            os.open(run / "artifacts" / name, os.O_WRONLY | os.O_CREAT |
                    os.O_TRUNC)
        assert caught.value.errno == errno.EOPNOTSUPP
    (run / "artifacts/d").mkdir()
    (run / "artifacts/there.bin").rename(run / "artifacts/d/moved.bin")
    assert daemon.get("d/moved.bin")[2] == b"in the bucket"
    assert mount.stop() == 0
