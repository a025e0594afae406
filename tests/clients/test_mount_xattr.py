"""Extended attributes: what is told, what is refused, who copies them."""
import errno
import hashlib
import os
import shutil

import pytest
from mounting import fails, meta, numbers, run_id, sh


@pytest.fixture(scope="module")
def run(whole_mount):
    top = whole_mount.path / "experiments" / f"x{next(numbers)}"
    top.mkdir()
    run = top / "runs" / "one"
    run.mkdir()
    (run / "artifacts" / "f").write_text("hello\n")
    return run


def attributes(path):
    return {k: os.getxattr(path, k).decode() for k in os.listxattr(path)}


def test_artifacts(run):
    known = attributes(run / "artifacts" / "f")
    assert set(known) == {"user.sha256", "user.crc32c", "user.size",
                          "user.key"}
    assert known["user.sha256"] == hashlib.sha256(b"hello\n").hexdigest()
    assert known["user.size"] == "6"
    assert known["user.key"].endswith(f"{run_id(run)}/artifacts/f")
    assert f"user.sha256=\"{known['user.sha256']}\"" in sh(
        "getfattr -d artifacts/f", run)
    before = known["user.sha256"]
    (run / "artifacts" / "f").write_text("hello\n" * 2)
    assert os.getxattr(run / "artifacts" / "f", "user.sha256") != before
    (run / "artifacts" / "f").write_text("hello\n")


def test_what_lies_here_is_said_when_asked(run):
    """It is of this host: nobody is to copy it along."""
    path = run / "artifacts" / "f"
    assert os.getxattr(path, "user.cached") == b"1"
    assert "user.cached" not in os.listxattr(path)
    with fails(errno.ENODATA):
        os.getxattr(run, "user.cached")


def test_ids_and_names(mount, run):
    assert attributes(run) == {"user.id": run_id(run)}
    assert attributes(run.parent.parent) == {
        "user.id": meta(run)["experiment_id"]}
    key = "k" * 249
    (run / "params" / key).write_text("1\n")
    (run / "params" / "a%2Fb").write_text("1\n")
    assert attributes(run / "params" / "a%2Fb") == {"user.name": "a/b"}
    assert attributes(run / "params" / key) == {}
    name = f"a{next(numbers)}%2Fb"
    (mount.path / "experiments" / name).mkdir()
    assert os.getxattr(mount.path / "experiments" / name, "user.name") == (
        name.replace("%2F", "/").encode())
    for plain in (mount.path, run / "status", mount.path / "README"):
        assert attributes(plain) == {}


def test_what_is_refused(run):
    path = run / "artifacts" / "f"
    for name, error in (("user.other", errno.ENODATA),
                        ("security.selinux", errno.EOPNOTSUPP),
                        ("system.posix_acl_access", errno.EOPNOTSUPP),
                        ("trusted.x", errno.EOPNOTSUPP)):
        with fails(error):
            os.getxattr(path, name)
    with fails(errno.EPERM):
        os.setxattr(path, "user.other", b"1")
    with fails(errno.ENODATA):
        os.removexattr(path, "user.other")
    with fails(errno.EOPNOTSUPP):
        os.setxattr(path, "trusted.x", b"1")
    before = attributes(path)
    os.setxattr(path, "user.sha256", b"1")
    os.removexattr(path, "user.key")
    assert attributes(path) == before


def test_who_copies(run, tmp_path):
    """Out of the mount they go along; within it they follow from the bytes;
    into it what is not ours is refused, and said by who says so."""
    sh(f"""cp -a artifacts/f {tmp_path}/out && cp -a artifacts/f artifacts/a
           cp --preserve=all artifacts/f artifacts/b
           rsync -aX artifacts/f artifacts/c && rsync -aX artifacts/f {tmp_path}
           tar --xattrs -cf {tmp_path}/t.tar artifacts""", run)
    shutil.copy2(run / "artifacts" / "f", run / "artifacts" / "d")
    known = attributes(run / "artifacts" / "f")
    assert attributes(tmp_path / "out") == attributes(tmp_path / "f") == known
    for name in "abcd":
        there = attributes(run / "artifacts" / name)
        assert there["user.sha256"] == known["user.sha256"]
        assert there["user.key"] != known["user.key"]
    (tmp_path / "mine").write_text("x")
    os.setxattr(tmp_path / "mine", "user.mine", b"1")
    sh(f"cp -a {tmp_path}/mine artifacts/", run)
    shutil.copy2(tmp_path / "mine", run / "artifacts" / "mine2")
    assert "user.mine" in sh(f"rsync -aX {tmp_path}/mine artifacts/mine3", run,
                             status=23)


def requests(mount):
    return int((mount.path / ".stats").read_text().split()[1])


def test_cost(mount, run):
    """ls asks once for all, a write asks for none."""
    many = run / "artifacts" / "many"
    many.mkdir()
    for n in range(200):
        (many / str(n)).write_text("x")
    before = requests(mount)
    sh(f"ls -l {many}")
    assert requests(mount) - before < 30
    fd = os.open(many / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    before = requests(mount)
    for n in range(500):
        os.write(fd, b"line\n")
    assert requests(mount) - before < 550
    os.close(fd)
