"""search/ with a shell: directories that are searches."""
import errno
import os
import time

import pytest
from mounting import (append, fails, log_metric, meta, numbers, run_id,
                      sh)


@pytest.fixture(scope="module")
def found(whole_mount):
    """An experiment with three runs: lr 0.1, 0.2, 0.3; acc 0.91, 0.92, 0.93."""
    top = whole_mount.path / "experiments" / f"s{next(numbers)}"
    top.mkdir()
    for n in (1, 2, 3):
        run = top / "runs" / f"r{n}"
        run.mkdir()
        (run / "params" / "lr").write_text(f"0.{n}\n")
        append(run / "metrics" / "acc", f"0.9{n}\n")
    return top


def test_ls_of_a_search(mount, found):
    where = mount.path / "search" / "runs"
    sentence = "metrics.acc > 0.9 and params.lr = '0.1'"
    assert sh(f'ls "{sentence}"', where).split() == [f"{found.name}~r1"]
    assert os.path.samefile(where / sentence / f"{found.name}~r1",
                            found / "runs" / "r1")
    assert sh(f'cat "{sentence}"/*/params/lr', where) == "0.1\n"
    assert sh(f'ls -l "{sentence}"', where).rstrip().endswith(
        f"-> ../../../experiments/{found.name}/runs/r1")
    assert sh(f'cd "{sentence}" && cd {found.name}~r1 && cat status',
              where) == "RUNNING\n"


def test_order_limit_offset(mount, found):
    where = mount.path / "search" / "runs"
    names = [f"{found.name}~r{n}" for n in (3, 2, 1)]
    query = "metrics.acc > 0.9 order by metrics.acc desc"
    assert [x for x in sh(f'ls -U "{query}"', where).split()] == names
    assert sh(f'ls -U "{query} limit 2"', where).split() == names[:2]
    assert sh(f'cat "{query} limit 2/.count"', where) == (
        "found\t3\nshown\t2\nnext\toffset 2\n")
    assert sh(f'ls -U "{query} limit 2 offset 2"', where).split() == names[2:]


def test_what_walks_the_tree_finds_none(mount, found):
    os.stat(mount.path / "search" / "runs" / "metrics.acc > 0.9")
    assert sh("find search", mount.path).split() == [
        "search", "search/runs", "search/models", "search/versions"]


def test_names_with_slashes_and_percent(mount, found):
    run = found / "runs" / "r1"
    (run / "tags" / "a%2Fb").write_text("50%25\n")
    where = mount.path / "search" / "runs"
    for sentence in ("tags.`a%2Fb` = '50%25'", "tags.`a%2Fb` like '%0%25%'",
                     "tags.`a%2fb` like '%50%'"):
        assert os.listdir(where / sentence) == [".count", f"{found.name}~r1"]


def test_fresh(daemon, mount, found):
    """Lines of this mount are seen at once, others within a second."""
    where = mount.path / "search" / "runs" / "metrics.fresh >= 1"
    assert os.listdir(where) == [".count"]
    append(found / "runs" / "r1" / "metrics" / "fresh", "1\n")
    assert os.listdir(where) == [".count", f"{found.name}~r1"]
    log_metric(daemon, run_id(found / "runs" / "r2"), "fresh", 2)
    end = time.monotonic() + 1
    while f"{found.name}~r2" not in os.listdir(where):
        assert time.monotonic() < end
    os.rename(found / "runs" / "r2", found / "runs" / "two")
    end = time.monotonic() + 1
    while f"{found.name}~two" not in os.listdir(where):
        assert time.monotonic() < end
    time.sleep(1)
    assert not os.path.lexists(where / f"{found.name}~r2")
    os.rename(found / "runs" / "two", found / "runs" / "r2")


def test_wrong(other_mount, found):
    mount = other_mount
    where = mount.path / "search" / "runs"
    said = sh('ls "metrics.acc >> 1"', where, status=2)
    assert "Invalid argument" in said
    assert any(line.split("\t")[1] == "metrics.acc >> 1" and
               "Invalid comparator '>>'" in line
               for line in (mount.path / ".errors").read_text().splitlines())
    mount.flush()
    with fails(errno.EINVAL):
        os.stat(where / "metrics.acc > 1 limit 5000")
    with fails(errno.ENOENT):
        os.stat(where / ".git")
    with fails(errno.EEXIST):
        os.mkdir(where / "metrics.acc > 1")
    with fails(errno.EPERM):
        os.mkdir(where / "metrics.acc > 1" / "x")
    with fails(errno.EPERM):
        os.unlink(where / "metrics.acc > 0.9" / f"{found.name}~r1")


def test_same_as_over_http(daemon, mount, found):
    for sentence in ("metrics.acc > 0.915", "params.lr != '0.2'",
                     "status = 'RUNNING'"):
        runs = daemon.call("runs/search", {"filter": sentence,
                                           "experiment_ids": [
            meta(found)["experiment_id"]]})["runs"]
        here = mount.path / "search" / "runs" / sentence
        ids = {run_id(here / x) for x in os.listdir(here)
               if x.startswith(found.name)}
        assert ids == {r["info"]["run_id"] for r in runs} and ids


def test_models(mount, found):
    (found / "runs" / "r1" / "artifacts" / "w").write_text("x")
    name = f"net{next(numbers)}"
    sh(f"mkdir models/{name}; ln -s ../../../experiments/{found.name}/runs/"
       f"r1/artifacts/w models/{name}/versions/new", mount.path)
    assert sh(f"""ls "search/models/name = '{name}'" """,
              mount.path) == name + "\n"
    assert sh(f"""cat "search/versions/name = '{name}'"/{name}~1/w""",
              mount.path) == "x"
