"""pjdfstest's cases in artifacts/: what a POSIX file system answers.

ORRERY_PJDFSTEST names a checkout of it in which pjdfstest was built; run as
root, as it wants. differences.txt has the lines that are answered otherwise,
and why: these and no others.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import Daemon, Mount, check, have_fuse, workplace  # noqa: E402

CHECKOUT = os.environ.get("ORRERY_PJDFSTEST", "")
DIFFERENCES = Path(__file__).with_name("differences.txt")
PATIENCE = 300

pytestmark = pytest.mark.skipif(
    not CHECKOUT or not have_fuse() or os.geteuid() != 0,
    reason="ORRERY_PJDFSTEST names no checkout, or no root, or no /dev/fuse")


def cases():
    top = Path(CHECKOUT or "/none") / "tests"
    return sorted(str(p.relative_to(top)) for p in top.rglob("*.t"))


def numbers(text):
    """({1, 2, 3}, {7}) of "1-3,7?": those that fail, those that may."""
    found = set(), set()
    if text == "*":
        return set(), set(range(100_000))
    for part in text.split(","):
        first, _, last = part.rstrip("?").partition("-")
        found[part.endswith("?")].update(range(int(first),
                                               int(last or first) + 1))
    return found


def text_of(found):
    parts, left = [], sorted(found)
    while left:
        first = last = left.pop(0)
        while left and left[0] == last + 1:
            last = left.pop(0)
        parts.append(f"{first}-{last}" if last > first else f"{first}")
    return ",".join(parts)


def read_differences():
    """{case: numbers}: a reason at the margin, its cases below."""
    found = {}
    for line in DIFFERENCES.read_text().splitlines():
        words = line.split()
        if words and line[0].isspace():
            assert words[0] not in found, f"{words[0]} stands there twice"
            found[words[0]] = numbers(words[1])
    return found


def failing(case, directory):
    """The numbers of the lines that are not what the case expects."""
    p = subprocess.run(["sh", f"{CHECKOUT}/tests/{case}"], cwd=directory,
                       text=True, stdout=subprocess.PIPE, timeout=PATIENCE,
                       stderr=subprocess.DEVNULL, errors="replace")
    bad = re.findall(r"^not ok (\d+)(.*)$", p.stdout, re.M)
    assert "1.." in p.stdout, "it did not run"
    return {int(n) for n, _ in bad}, {int(n): why for n, why in bad}


@pytest.fixture(scope="module")
def place():
    with workplace() as base:
        with Daemon(base / "data") as daemon:
            with Mount(base / "data", base / "mnt") as mount:
                run = mount.path / "experiments" / "posix" / "runs" / "r"
                run.parent.parent.mkdir()
                run.mkdir()
                yield run / "artifacts"
                assert (mount.path / ".errors").read_text() == ""
            assert daemon.stop() == 0
        assert check(base / "data") == ""


@pytest.mark.parametrize("case", cases() or ["none"])
def test_case(place, case):
    directory = place / case.replace("/", "-")
    directory.mkdir()
    bad, why = failing(case, directory)
    subprocess.run(["rm", "-rf", directory], check=True)
    want, may = read_differences().get(case, (set(), set()))
    assert bad - may == want, (
        f"{case}: {text_of(bad)} instead of {text_of(want)}\n" + "\n".join(
            f"{n}{why[n]}" for n in sorted(bad - want)))
