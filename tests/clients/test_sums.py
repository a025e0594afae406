"""The sums of blocks that the index keeps of large objects: whichever way
bytes came in, "orrery check" finds them to be those of the bytes."""
import random
import sqlite3

import pytest
from harness import Daemon, check, workplace
from mounting import run_id
from test_artifacts_mpu import BASE, Target

MIB, BLOCK = 1 << 20, 256 << 10
LARGE = random.Random(1).randbytes(6 * MIB + 5)


def index(data, sql, *values):
    db = sqlite3.connect(data / "index.db", timeout=10)
    rows = db.execute(sql, values).fetchall()
    db.commit()
    db.close()
    return rows


def sums(data, run):
    """By name, of what a run has."""
    return dict(index(data, "SELECT a.name, s.sums FROM run r"
                      " JOIN artifact a ON a.owner = r.id"
                      " LEFT JOIN object_sums s ON s.key = a.key"
                      " WHERE r.uuid = ?", run))


def well_formed(text, size):
    return text[0] == 18 and len(text) == 1 + 4 * -(-size // BLOCK)


def put(target, name, data):
    return target.put(f"{BASE}/artifacts/{target.place}/{name}", data)


@pytest.fixture
def target(daemon):
    yield Target(daemon)
    assert check(daemon.data) == ""


def test_put(daemon, target):
    put(target, "large", LARGE)
    put(target, "least", LARGE[:4 * MIB])
    put(target, "small", LARGE[:4 * MIB - 1])
    found = sums(daemon.data, target.run)
    assert well_formed(found["large"], len(LARGE))
    assert well_formed(found["least"], 4 * MIB)
    assert found["small"] is None


def test_put_again(daemon, target):
    put(target, "x", LARGE)
    before = sums(daemon.data, target.run)["x"]
    put(target, "x", LARGE[1:])
    after = sums(daemon.data, target.run)["x"]
    assert well_formed(after, len(LARGE) - 1) and after != before
    put(target, "x", b"small")
    assert sums(daemon.data, target.run)["x"] is None


def test_parts(daemon, target):
    """Parts end where no block does."""
    parts = [LARGE[:2_500_001], LARGE[2_500_001:4_000_000], LARGE[4_000_000:]]
    put(target, "whole", LARGE)
    upload, urls = target.create("joined", len(parts))
    etags = [target.put(u, p) for u, p in zip(urls, parts)]
    assert target.complete("joined", upload, etags)[0] == 200
    found = sums(daemon.data, target.run)
    assert found["joined"] == found["whole"]


def test_mount(daemon, run_dir):
    """What is written in no order, and after a move to another run."""
    files = run_dir / "artifacts"
    with open(files / "written", "wb") as f:
        f.seek(3 * MIB)
        f.write(LARGE[3 * MIB:])
        f.seek(0)
        f.write(LARGE[:3 * MIB])
    other = Target(daemon)
    put(other, "whole", LARGE)
    want = sums(daemon.data, other.run)["whole"]
    assert sums(daemon.data, run_id(run_dir))["written"] == want
    second = run_dir.parent / "second"
    second.mkdir()
    (files / "written").rename(second / "artifacts" / "moved")
    assert sums(daemon.data, run_id(second))["moved"] == want


@pytest.mark.parametrize("wrong", ["12", "1200", "xy", "13" + "00000000" * 13,
                                   "12" + "00000000" * 26,
                                   pytest.param("12" * 300_000, id="long")])
def test_command_with_wrong_ones(daemon, target, wrong):
    put(target, "x", LARGE)
    [(key, size)] = index(daemon.data, "SELECT a.key, a.size FROM artifact a"
                          " JOIN run r ON r.id = a.owner WHERE r.uuid = ?",
                          target.run)
    before = sums(daemon.data, target.run)
    status, _, text = daemon.request("POST", "/api/mount", {
        "command": "artifact_put", "run_id": target.run, "path": "y",
        "key": key, "size": size, "sums": wrong})
    assert status in (400, 501) and (b"sums" in text or status == 501), text
    assert sums(daemon.data, target.run) == before


def test_check_finds_wrong_ones():
    with workplace() as base:
        with Daemon(base / "data") as daemon:
            target = Target(daemon)
            put(target, "x", LARGE)
        assert check(base / "data") == ""
        text = sums(base / "data", target.run)["x"]
        for at in range(0, len(text), 7):
            wrong = bytearray(text)
            wrong[at] ^= 1 << at % 8
            index(base / "data", "UPDATE object_sums SET sums = ?",
                  bytes(wrong))
            assert "sums of blocks" in check(base / "data"), at
        index(base / "data", "DELETE FROM object_sums")
        assert check(base / "data") == ""
        index(base / "data", "INSERT INTO object_sums VALUES ('k', x'12')")
        assert "sums of an object that is no more" in check(base / "data")
