"""mount.fuse.orrery and what mount(8) takes: read only, other users, user
namespaces, /etc/fstab."""
import errno
import os
import shutil
import signal
import subprocess

import pytest
from harness import BIN, Mount, have_fuse, unmount, wait_until
from mounting import fails, numbers, orrery, sh

needs_fuse = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root")


@pytest.fixture
def helper(tmp_path):
    path = tmp_path / "mount.fuse.orrery"
    path.symlink_to(BIN / "orrery")
    return path


@pytest.fixture
def place(daemon):
    path = daemon.data.parent / f"at{next(numbers)}"
    path.mkdir()
    yield path
    unmount(path)


def options_of(path):
    """(source, options) in the table of mounts."""
    with open("/proc/self/mounts") as f:
        for line in f:
            source, target, _, options, *_ = line.split()
            if target == str(path):
                return source, options.split(",")
    return None, []


@pytest.mark.parametrize("argv, said", [
    (["/d", "/m"], "-o fsname=/d --data=/d -- /m"),
    (["https://h:1", "/m", "-o", "cache_size=1G,allow_other,token_file=/t"],
     "--cache-size=1G --allow-other --token-file=/t --server=https://h:1 "
     "-o fsname=https://h:1 -- /m"),
    (["none", "/m", "-o", "data=/d,sync=remote,sync,ro"],
     "--data=/d --sync=remote -o sync,ro,fsname=none -- /m"),
    (["/d", "/m", "-n", "-o", "rw,_netdev,nofail,x-systemd.automount,user",
      "-o", "noexec,,nodev", "-t", "fuse.orrery"],
     "-o rw,noexec,nodev,fsname=/d --data=/d -- /m"),
])
def test_what_a_line_means(helper, argv, said):
    out = sh(f"{helper} -f -v " + " ".join(f"'{x}'" for x in argv))
    assert sorted(out.split()) == sorted(("orrery mount " + said).split())


@pytest.mark.parametrize("argv, said", [
    ("/d", "are needed"), ("/d /m /x", "are needed"), ("-q /d /m", "usage"),
    ("/d /m -o bogus=1", "unknown option --bogus=1"),
    ("/d /m -o wait=soon", "soon"),
    ("/d /m -o allow_other", "--allow-other needs --server"),
])
def test_what_is_wrong(helper, argv, said):
    assert said in sh(f"{helper} {argv}", status=1)


def test_wrong_options_of_the_verb(place):
    for flags, said in ((("-o", "bogus"), "no option of the kernel"),
                        (("--allow-other",), "needs --server")):
        status, text = orrery("mount", "--data", "/none", *flags, place)
        assert status == 2 and said in text


@needs_fuse
def test_read_only(daemon, mount, place, helper):
    run = mount.path / "experiments" / f"x{next(numbers)}" / "runs" / "r"
    run.parent.parent.mkdir()
    run.mkdir()
    (run / "artifacts" / "f").write_text("x")
    (run / "params" / "p").write_text("1\n")
    sh(f"{helper} {daemon.data} {place} -o ro,noexec,nosuid,nodev,nofail")
    source, options = options_of(place)
    assert source == str(daemon.data)
    assert {"ro", "noexec", "nosuid", "nodev"} <= set(options)
    there = place / run.relative_to(mount.path)
    assert (there / "artifacts" / "f").read_text() == "x"
    for write in (
            lambda: os.mkdir(place / "experiments" / "new"),
            lambda: os.open(there / "artifacts" / "f", os.O_WRONLY),
            lambda: os.open(there / "metrics" / "m", os.O_CREAT | os.O_RDWR),
            lambda: os.open(there / "params" / "p", os.O_WRONLY | os.O_TRUNC),
            lambda: os.open(place / ".ctl", os.O_WRONLY),
            lambda: os.unlink(there / "artifacts" / "f"),
            lambda: os.rmdir(there), lambda: os.utime(there / "status"),
            lambda: os.rename(there, there.parent / "s"),
            lambda: os.truncate(there / "artifacts" / "f", 0),
            lambda: os.symlink("x", there / "artifacts" / "l"),
            lambda: os.setxattr(there / "artifacts" / "f", "user.key", b"")):
        with fails(errno.EROFS):
            write()
    assert orrery("umount", place) == (0, "")


@needs_fuse
@needs_root
def test_user_namespace(daemon, place):
    assert "experiments" in sh(
        f"unshare -Urm sh -c '{BIN}/orrery mount --data {daemon.data} {place}"
        f" && ls {place}; {BIN}/orrery umount {place}'")


@needs_fuse
@needs_root
def test_an_ordinary_user(tmp_path):
    """Through fusermount3; with a device that everybody may open, in a
    namespace of its own. Nobody else gets in, not even root."""
    if not shutil.which("fusermount3"):
        pytest.skip("no fusermount3")
    os.chmod(tmp_path, 0o755)
    script = tmp_path / "script"
    script.write_text(f"""
        export HOME=$PWD
        {BIN}/orrery serve --data d --listen 127.0.0.1:0 > out 2> err &
        pid=$!
        until grep -q ready out; do sleep 0.1; done
        {BIN}/orrery mount --data d m -o noexec && mkdir m/experiments/q
        ls m/experiments; id -u; stat -c %u m/experiments/q
        grep -c " $PWD/m fuse.orrery .*noexec.*user_id=65534" /proc/mounts
        touch mounted; until [ -e tried ]; do sleep 0.1; done
        {BIN}/orrery umount m; echo $?
        kill $pid; wait $pid
        """)
    user = tmp_path / "user"
    user.mkdir()
    (user / "m").mkdir()
    sh(f"chown -R 65534 {user}; mknod -m 666 {tmp_path}/fuse c 10 229")
    said = sh(f"""
        for d in {tmp_path} {tmp_path.parent} {tmp_path.parent.parent}; do
            chmod a+x $d; done
        unshare -m sh -c '
        mount --bind {tmp_path}/fuse /dev/fuse
        : < /dev/fuse || {{ echo no device; exit; }}
        cd {user}
        setpriv --reuid 65534 --regid 65534 --clear-groups sh {script} &
        until [ -e mounted ]; do sleep 0.1; done
        ls m 2>&1; touch tried; wait'""")
    if said == "no device\n":
        pytest.skip("no device can be made here")
    assert "Permission denied" in said
    assert [x for x in said.split("\n") if "denied" not in x and x] == [
        "Default", "q", "65534", "65534", "1", "0"]


@needs_fuse
@needs_root
def test_auto_unmount(daemon, place):
    if not shutil.which("fusermount3"):
        pytest.skip("no fusermount3")
    m = Mount(daemon.data, place, "-o", "auto_unmount")
    assert "experiments" in os.listdir(place)
    m.process.send_signal(signal.SIGKILL)
    m.process.wait()
    wait_until(lambda: options_of(place) == (None, []))


@needs_fuse
@needs_root
def test_mount_8(daemon, place, tmp_path):
    """A line of fstab, with the helper where mount(8) looks for it: in a
    namespace where /sbin has one file more."""
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin" / "mount.fuse.orrery").symlink_to(BIN / "orrery")
    fstab = tmp_path / "fstab"
    fstab.write_text(f"{daemon.data} {place} fuse.orrery "
                     "ro,noexec,nofail,_netdev,wait=5s 0 0\n")
    p = subprocess.run(
        ["unshare", "-m", "bash", "-ec", f"""
         mount -t overlay overlay -o lowerdir={tmp_path}/sbin:/usr/sbin \
             /usr/sbin || exit 77
         mount -T {fstab} {place}
         ls {place}; grep {place} /proc/self/mounts
         mount -T {fstab} -a
         grep -c {place} /proc/self/mounts
         umount {place}
         mount -t fuse.orrery {daemon.data} {place}
         mkdir {place}/experiments/by-mount-8; umount {place}
         mount -t fuse.orrery /none {place} || echo status $?"""],
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60)
    if p.returncode == 77:
        pytest.skip("no overlay here")
    assert p.returncode == 0, p.stdout
    lines = p.stdout.splitlines()
    assert "experiments" in lines
    assert any(x.startswith(f"{daemon.data} {place} fuse.orrery ro,")
               for x in lines)
    assert "1" in lines and "no data in /none" in p.stdout
    assert lines[-1] == "status 32"
    assert "by-mount-8" in [x["name"] for x in daemon.call(
        "experiments/search", {"max_results": 100})["experiments"]]
