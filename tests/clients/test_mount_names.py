"""Names of experiments, runs, keys and artifacts as file names."""
import errno
import os
import re
import unicodedata

import pytest
from harness import Mount, unmount, wait_until
from mounting import (append, artifact, fails, listed_over_http, log_metric,
                      meta, numbers, run_id, sh, values)

LONG = "n" * 300
NAMES = [
    "two words", " blanks around ", "tab\there", "line\nend", "été", "日本語",
    "ｆｕｌｌ 🚀 width", "e\u0301 not composed", "a/b", "/", "a/", "//", "..",
    ".", ".hidden", "...", "75%", "%", "100%zz", "%41", "%2F", "a%2fb", "%25",
    "~", "a~12345678", "-rf", "--", "*", "$HOME", "`id`", "quo\"te's", "\\",
    "back\\slash", "\x7f\x01", "#x#", "x.tmp", "4913", ".swp", "README",
    "a" * 255, "a" * 256, LONG, "é" * 127 + "x", "é" * 128, "日" * 166,
    "/" * 100, "x" * 200 + "~" + "0123456789abcdef", "a:b", "null"]


def listed(directory):
    return sorted(os.listdir(directory))


def check_form(shown, name):
    """Injective, readable: only what a file name cannot hold is escaped."""
    assert len(shown.encode()) <= 255 and "/" not in shown
    assert not shown.startswith(".") and not re.search("[\0-\x1f\x7f]", shown)
    if len(shown.encode()) < 210 and "~" not in name:
        back = re.sub("%([0-9A-Fa-f]{2})",
                      lambda m: chr(int(m.group(1), 16)), shown)
        assert back == name
    if not re.search("[/\0-\x1f\x7f%]|^\\.", name) and len(
            name.encode()) <= 255:
        assert shown == name or "%7E" in shown


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n)[:20])
def test_runs_named_over_http(daemon, mount, name):
    experiment = daemon.experiment(f"h{next(numbers)}")
    label = daemon.call("experiments/get", experiment_id=experiment)[
        "experiment"]["name"]
    runs = mount.path / "experiments" / label / "runs"
    run = daemon.run(experiment, name)["run_id"]
    assert wait_until(lambda: listed(runs), 2)
    [shown] = listed(runs)
    check_form(shown, name)
    assert meta(runs / shown)["run_name"] == name
    assert run_id(runs / shown) == run
    sh('for d in ./*; do echo 1 >> "$d/metrics/m" && cd "$d" && cat status; '
       'done', runs)
    assert len(daemon.history(run, "m")) == 1
    os.rename(runs / shown, runs / "plain")
    assert meta(runs / "plain")["run_name"] == "plain"
    os.rename(runs / "plain", runs / shown)
    assert listed(runs) == [shown]
    if len(shown.encode()) < 210:
        assert meta(runs / shown)["run_name"] == name


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n)[:20])
def test_experiments_named_over_http(daemon, mount, name):
    experiment = daemon.experiment(name)
    before = set(os.listdir(mount.path / "experiments"))
    found = [d for d in before if meta(mount.path / "experiments" / d)[
        "name"] == name]
    assert len(found) == 1
    check_form(found[0], name)
    directory = mount.path / "experiments" / found[0]
    assert meta(directory)["experiment_id"] == experiment
    (directory / "runs" / "r").mkdir()
    append(directory / "runs" / "r" / "metrics" / "m", "1\n")
    assert len(daemon.history(run_id(directory / "runs" / "r"), "m")) == 1
    os.rmdir(directory)
    assert not directory.exists()
    gone = mount.path / "trash" / "experiments" / found[0]
    assert meta(gone)["name"] == name
    assert values(gone / "runs" / "r" / "metrics" / "m") == [1]
    os.rename(gone, directory)
    assert meta(directory)["name"] == name


MADE = [("two words", "two words"), ("été", "été"), ("75%", "75%"),
        ("%zz", "%zz"), ("a%2Fb", "a/b"), ("%2Ehidden", ".hidden"),
        ("%25", "%"), ("50%25", "50%"), ("%2541", "%41"), ("a%0Ab", "a\nb"),
        ("a~12345678", "a~12345678"), ("-x", "-x"), ("b" * 255, "b" * 255),
        ("🚀" * 63, "🚀" * 63), ("%41bc", "Abc"), ("a%2fb", "a/b")]


@pytest.mark.parametrize("made,name", MADE, ids=lambda n: n[:20])
def test_made_by_mkdir(daemon, mount, experiment_dir, made, name):
    """What is made under one spelling is called by it, listed in its own."""
    run = experiment_dir / "runs" / made
    run.mkdir()
    [shown] = listed(experiment_dir / "runs")
    assert meta(run)["run_name"] == name
    check_form(shown, name)
    assert os.path.samefile(run, experiment_dir / "runs" / shown)
    with fails(errno.EEXIST):
        run.mkdir()
    sh(f"cd ./'{made}' && cat status && cd .. && rmdir ./'{shown}'",
       run.parent)
    assert listed(experiment_dir / "runs") == []


@pytest.mark.parametrize("made,name", MADE, ids=lambda n: n[:20])
def test_experiments_made_by_mkdir(daemon, mount, made, name):
    """Names are unique: what is long goes, so that the next one can come."""
    more = "" if len(made) > 60 else f"+{next(numbers)}"
    experiment = mount.path / "experiments" / (made + more)
    experiment.mkdir()
    assert meta(experiment)["name"] == name + more
    assert daemon.call("experiments/get-by-name",
                       experiment_name=name + more)["experiment"]
    with fails(errno.EEXIST):
        experiment.mkdir()
    (experiment / "runs" / "r").mkdir()
    assert listed(experiment / "runs") == ["r"]
    os.rename(experiment, mount.path / "experiments" / f"x{next(numbers)}")


def test_other_spellings_are_links(experiment_dir):
    (experiment_dir / "runs" / "a%2Fb").mkdir()
    (experiment_dir / "runs" / "Abc").mkdir()
    runs = experiment_dir / "runs"
    assert os.readlink(runs / "a%2fb") == "a%2Fb"
    assert os.readlink(runs / "%41bc") == "Abc"
    assert listed(runs) == ["Abc", "a%2Fb"]
    assert not os.path.islink(runs / "Abc")


def test_too_long_for_a_file_name(mount, experiment_dir, run_dir):
    long = "x" * 256
    for directory in (mount.path / "experiments", experiment_dir / "runs",
                      run_dir / "params", run_dir / "tags",
                      run_dir / "metrics", run_dir / "artifacts"):
        with fails(errno.ENAMETOOLONG):
            os.stat(directory / long)
        with fails(errno.ENAMETOOLONG):
            os.mkdir(directory / long)
        with fails(errno.ENAMETOOLONG):
            os.open(directory / long, os.O_CREAT | os.O_WRONLY)
    (run_dir / "artifacts" / ("x" * 255)).write_text("x")
    with fails(errno.ENAMETOOLONG):
        os.rename(run_dir / "artifacts" / ("x" * 255),
                  run_dir / "artifacts" / long)


# --- equal names -------------------------------------------------------------

def test_equal_names(daemon, experiment_dir):
    runs = experiment_dir / "runs"
    experiment = meta(experiment_dir)["experiment_id"]
    ids = [daemon.run(experiment, "same")["run_id"] for _ in range(3)]
    wanted = ["same"] + sorted(f"same~{i[:8]}" for i in ids[1:])
    assert wait_until(lambda: listed(runs) == wanted, 2), listed(runs)
    assert [run_id(runs / name) for name in
            ["same"] + [f"same~{i[:8]}" for i in ids[1:]]] == ids
    assert {meta(runs / name)["run_name"] for name in wanted} == {"same"}
    with fails(errno.EEXIST):
        os.mkdir(runs / "same")
    with fails(errno.EEXIST):
        os.mkdir(runs / wanted[1])
    # A name once given stays, whatever becomes of the others.
    os.rename(runs / "same", runs / "first")
    assert listed(runs) == sorted(["first"] + wanted[1:])
    os.mkdir(runs / "same")
    assert run_id(runs / "first") == ids[0]
    assert run_id(runs / "same") not in ids
    with pytest.raises(OSError):
        os.rename(runs / "first", runs / "same")
    assert len(listed(runs)) == 4


def test_a_name_changed_over_http(daemon, run_dir):
    """A rename, whoever does it; who is inside stays there."""
    run, runs = run_id(run_dir), run_dir.parent
    inside = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        daemon.call("runs/update", {"run_id": run, "run_name": "second"})
        assert wait_until(lambda: listed(runs) == ["second"], 2)
        assert run_id(runs / "second") == run
        assert not run_dir.exists()
        assert wait_until(lambda: os.readlink(runs / run) == "second", 2)
        assert "metrics" in os.listdir(inside)
    finally:
        os.close(inside)


def test_run_ids_are_links(daemon, mount, experiment_dir, run_dir):
    link = run_dir.parent / run_id(run_dir)
    assert os.readlink(link) == "first"
    assert listed(run_dir.parent) == ["first"]
    assert os.path.samefile(link, run_dir)
    append(link / "metrics" / "m", "1\n")
    assert values(run_dir / "metrics" / "m") == [1]
    assert sh(f"cd {link.name} && pwd -P", run_dir.parent).strip() == str(
        run_dir)
    os.rename(run_dir, run_dir.parent / "renamed")
    assert wait_until(lambda: os.readlink(link) == "renamed", 2)
    other = mount.path / "experiments" / f"x{next(numbers)}"
    other.mkdir()
    with fails(errno.ENOENT):
        os.stat(other / "runs" / link.name)
    with fails(errno.ENOENT):
        os.stat(run_dir.parent / ("0" * 32))


# --- keys --------------------------------------------------------------------

KEYS = ["a", "a b", "a/b", "a/b/c", "été", "日本/語", ".hidden", "a/.b", "a.b",
        "a:b", "-x", "x.tmp", "4913", "k" * 250, "é" * 250, "é" * 120 + "/b",
        "sed123456", "a.lock", "x.swp", "日" * 84]


def test_keys_of_params_and_tags(daemon, run_dir):
    """One flat name each, whatever it holds; the listing has all."""
    run = run_id(run_dir)
    for i, key in enumerate(KEYS):
        daemon.call("runs/log-parameter", {"run_id": run, "key": key,
                                           "value": f"p{i}"})
        daemon.call("runs/set-tag", {"run_id": run, "key": key,
                                     "value": f"t{i}"})
    for kind, letter in (("params", "p"), ("tags", "t")):
        at = run_dir / kind
        assert wait_until(lambda: len(os.listdir(at)) >= len(KEYS), 2)
        texts = {name: (at / name).read_text() for name in os.listdir(at)
                 if not name.startswith("mlflow.")}
        assert sorted(texts.values()) == sorted(
            f"{letter}{i}\n" for i in range(len(KEYS)))
        for name in texts:
            check_form(name, KEYS[int(texts[name][1:])])
        assert (at / "a%2Fb%2Fc").read_text() == f"{letter}3\n"


BAD_KEYS = ["a%zz", "a*b", "%2F", "a%2F%2Fb", "%2E.%2Fx", "a\tb", "75%"]


@pytest.mark.parametrize("kind", ["params", "tags", "metrics"])
@pytest.mark.parametrize("key", BAD_KEYS)
def test_keys_that_mlflow_does_not_take(run_dir, kind, key):
    with fails(errno.EINVAL):
        os.open(run_dir / kind / key, os.O_CREAT | os.O_WRONLY)
    assert not [n for n in os.listdir(run_dir / kind) if "." not in n]


def test_keys_made_by_files(daemon, run_dir):
    sh("""echo 1 > params/a%2Fb; echo 2 > tags/a%2Fb; echo 3 > 'params/c d'
          echo 4 > tags/%2Edot; echo 5 > params/été""", run_dir)
    data = daemon.call("runs/get", run_id=run_id(run_dir))["run"]["data"]
    assert {p["key"]: p["value"] for p in data["params"]} == {
        "a/b": "1", "c d": "3", "été": "5"}
    tags = {t["key"]: t["value"] for t in data["tags"]}
    assert tags["a/b"] == "2" and tags[".dot"] == "4"


def test_keys_of_metrics(daemon, run_dir):
    keys = [k for k in KEYS if not k.startswith("a")] + ["a/b/c", "a/d e"]
    for i, key in enumerate(keys):
        log_metric(daemon, run_id(run_dir), key, i)
    found = sh("find . -type f -exec cat {} +", run_dir / "metrics")
    assert sorted(float(line.split("\t")[1]) for line in
                  found.splitlines()) == list(range(len(keys)))
    names = sh("find . -type f -print0", run_dir / "metrics").split("\0")[:-1]
    for i, name in enumerate(sorted(names)):
        append(run_dir / "metrics" / name, f"{100 + i}\n")
    logged = [p["value"] for key in keys
              for p in daemon.history(run_id(run_dir), key)]
    assert sorted(v for v in logged if v >= 100) == [
        100 + i for i in range(len(keys))]


# --- artifacts ---------------------------------------------------------------

FILES = ["two words", " ", "tab\t", "line\nend", "été",
         unicodedata.normalize("NFD", "été"), "Été", "日本語", ".hidden",
         "..x", "...", "%", "%41", "%2F", "75%", "A", "a", "-rf", "*", "?",
         "'\"", "$x", "~", "x~", "#x#", "x.tmp", "4913", "x.swp", "sedABCDEF",
         "x.lock", "a" * 255, "é" * 127, "x?y=1&z", "x+y", "\x01\x7f", "a;b",
         "CON", "meta.json", "a:b", "\u202e"]


def test_artifacts_are_called_what_they_are(daemon, run_dir):
    at = run_dir / "artifacts"
    for i, name in enumerate(FILES):
        (at / name).write_text(str(i))
    assert listed(at) == sorted(FILES)
    assert wait_until(lambda: sorted(listed_over_http(
        daemon, run_dir)) == sorted(FILES))
    for i, name in enumerate(FILES):
        assert artifact(daemon, run_dir, name) == (200, str(i).encode())
        assert (at / name).read_text() == str(i)
    sh("mkdir all && find . -maxdepth 1 -type f -exec mv -t all -- {} +", at)
    assert listed(at / "all") == sorted(FILES)
    with fails(errno.ENOENT):
        os.stat(at / "all" / "%2541")
    sh("rm -r -- all", at)
    assert listed(at) == []


def test_names_that_are_no_text(run_dir):
    """Bytes that are not UTF-8 are refused: JSON could not tell them."""
    at = os.fsencode(run_dir / "artifacts")
    for name in (b"\xff", b"caf\xe9", b"\xed\xa0\x80"):
        for make in (os.mkdir, lambda p: os.open(p, os.O_CREAT | os.O_WRONLY),
                     lambda p: os.rename(at + b"/good", p)):
            (run_dir / "artifacts" / "good").write_text("")
            with pytest.raises(OSError) as e:
                make(os.path.join(at, name))
            assert e.value.errno in (errno.EILSEQ, errno.EINVAL)
    assert os.listdir(at) == [b"good"]


def test_deep_paths(daemon, run_dir, tmp_path):
    path = "/".join(["d" * 30] * 20)
    sh(f"mkdir -p {path} && echo x > {path}/f && cp -r . {tmp_path}/out && "
       f"diff -r . {tmp_path}/out", run_dir / "artifacts")
    assert artifact(daemon, run_dir, f"{path}/f") == (200, b"x\n")


# --- inodes ------------------------------------------------------------------

def numbers_of(top):
    return dict(line.split(" ", 1)[::-1] for line in sh(
        "find . -printf '%i %P\\0'", top).split("\0")[:-1])


def test_inodes_are_stable(daemon, mount, experiment_dir, run_dir):
    """Over mounts: the same things have the same numbers, no two one."""
    sh("""echo 1 >> metrics/m; mkdir metrics/d; echo 1 >> metrics/d/n
          echo 1 > params/p; echo 1 > tags/t; mkdir artifacts/d
          echo 1 > artifacts/d/f; echo 2 > artifacts/g""", run_dir)
    place = daemon.data.parent / "again"
    seen = []
    for _ in range(2):
        m = Mount(daemon.data, place)
        try:
            there = m.path / "experiments" / experiment_dir.name
            seen.append(numbers_of(there))
        finally:
            assert m.stop() == 0
            unmount(place)
    assert seen[0] == seen[1]
    assert len(set(seen[0].values())) == len(seen[0]) > 20
