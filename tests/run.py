#!/usr/bin/env python3
"""Runs every test of the project, stage by stage, and counts.

A stage builds a variant of the tree and runs its unit tests, or runs real
clients against the programs. Output of what passes is not shown; of what
fails, its end. The last line is "N passed, N failed, N skipped".
"""
import json
import os
import signal
import subprocess
import sys
import time
import venv
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("ORRERY_TEST_BUILD", ROOT / "build-test"))
COUNTS = {"passed": 0, "failed": 0, "skipped": 0}
NOTING = Lock()
SOURCES = ["indexer", "api", "fs", "tools", "tests"]


def note(status, name, detail=""):
    with NOTING:
        COUNTS[status] += 1
        if status != "passed":
            print(f"{status.upper()}: {name}", flush=True)
            for line in detail.splitlines()[-60:]:
                print("    " + line)


def command(name, argv, **kwargs):
    """One command as one test: passed when it exits with 0."""
    p = subprocess.run(argv, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, errors="replace", **kwargs)
    note("failed" if p.returncode else "passed", name, p.stdout)
    return p.returncode == 0


def c_files():
    return [str(p.relative_to(ROOT)) for s in SOURCES
            for p in sorted((ROOT / s).rglob("*.[ch]"))]


# --- stages ------------------------------------------------------------------

def lint():
    """Format, static analysis, who may include whom."""
    command("clang-format", ["clang-format", "--dry-run", "-Werror",
                             *c_files()])
    command("cppcheck", ["cppcheck", "--quiet", "--error-exitcode=1", "-j2",
                         "--std=c11", "-I.", "--inline-suppr",
                         "--suppress=missingIncludeSystem",
                         "--enable=portability", "indexer", "api", "fs",
                         "tools"])
    command("layers", [sys.executable, "tests/layers.py"])
    command("scoped", [sys.executable, "tests/scoped.py"])
    for script in ("tools/build", "tools/up", "tools/test", "tools/lib/need",
                   ".ci/run"):
        command(f"syntax of {script}", ["sh", "-n", script])


def build(variant, *options):
    directory = BUILD / variant
    if not (directory / "build.ninja").exists():
        if not command(f"{variant}: configure",
                       ["meson", "setup", *options, str(directory)]):
            return None
    return directory if command(f"{variant}: build without a warning", [
        "ninja", "-C", str(directory)]) else None


def units(directory, variant, suites=(), scale=1):
    argv = ["meson", "test", "-C", str(directory), "--no-rebuild",
            "--num-processes", "2", "-t", str(scale)]
    for suite in suites:
        argv += ["--suite", suite]
    environment = dict(
        os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
        TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1")
    log = directory / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    p = subprocess.run(argv, env=environment, text=True, errors="replace",
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not log.exists():
        note("failed", f"{variant}: meson test", p.stdout)
        return
    for line in log.read_text(errors="replace").splitlines():
        test = json.loads(line)
        result = {"OK": "passed", "SKIP": "skipped"}.get(test["result"],
                                                         "failed")
        note(result, f"{variant}: {test['name']}",
             test.get("stdout", "") + test.get("stderr", ""))


def plain():
    """gcc with all warnings as errors, and the unit tests."""
    directory = build("plain", "--werror")
    if directory:
        units(directory, "plain")


def clang():
    """clang with all warnings as errors."""
    build("clang", "--werror", "--native-file", "tests/clang.ini")


def asan():
    """Everything under AddressSanitizer and UBSan."""
    directory = build("asan", "-Db_sanitize=address,undefined",
                      "-Doptimization=1")
    if directory:
        units(directory, "asan", scale=4)


def tsan():
    """What has threads, under ThreadSanitizer."""
    directory = build("tsan", "-Db_sanitize=thread", "-Doptimization=1")
    if directory:
        units(directory, "tsan",
              ("base", "journal", "objects", "index", "http", "tracking",
               "fs"), scale=8)


def environment_of(requirements):
    """A virtual environment with exactly these requirements, made once."""
    text = requirements.read_bytes()
    directory = BUILD / f"venv-{sha256(text).hexdigest()[:12]}"
    python = directory / "bin" / "python"
    if not (directory / "complete").exists():
        venv.create(directory, with_pip=True, clear=True)
        if not command(f"pip install -r {requirements.name}", [
                str(python), "-m", "pip", "install", "-q", "-r",
                str(requirements)]):
            return None
        (directory / "complete").touch()
    return python


def pytest(variant, requirements, programs, paths, runner=("-m", "pytest"),
           **environment):
    python = environment_of(ROOT / "tests" / "clients" / requirements)
    if not python:
        return
    report = BUILD / f"{variant}.xml"
    report.unlink(missing_ok=True)
    p = subprocess.run(
        [str(python), *runner, "-q", "-x" if "-x" in sys.argv else "-q",
         "--junitxml", str(report), *paths], cwd=ROOT, text=True,
        env=dict(os.environ, ORRERY_BIN=str(programs), **environment),
        errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if not report.exists():
        note("failed", f"{variant}: pytest", p.stdout)
        return
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{variant}: {case.get('classname')}.{case.get('name')}"
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        if bad is not None:
            note("failed", name, bad.text or bad.get("message"))
        elif case.find("skipped") is not None:
            note("skipped", name, case.find("skipped").get("message"))
        else:
            note("passed", name)


def together(*runs):
    """Runs of pytest, two at a time: most of them wait most of the time."""
    if all([environment_of(ROOT / "tests" / "clients" / requirements)
            for requirements in sorted({run.args[1] for run in runs})]):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda run: run(), runs))


def programs():
    """The programs of the plain build, built if need be."""
    directory = BUILD / "plain"
    return directory if (directory / "orrery").exists() else build(
        "plain", "--werror")


def clients():
    """Real MLflow clients of two generations, wrong requests, the mount."""
    directory = programs()
    if directory:
        both = sorted(str(p) for name in (
            "test_*_mlflow.py", "test_mount_two_faces.py")
            for p in (ROOT / "tests/clients").glob(name))
        for generation in ("mlflow2", "mlflow3"):
            pytest(generation, f"requirements-{generation}.txt", directory,
                   both)
        others = sorted({str(p) for p in (ROOT / "tests/clients").glob(
            "test_*.py")} - set(both))
        pytest("clients", "requirements-mlflow3.txt", directory, others)


def mlflow():
    """MLflow's own tests of its server, from ORRERY_MLFLOW_SOURCE."""
    if not os.environ.get("ORRERY_MLFLOW_SOURCE"):
        note("skipped", "mlflow: its own tests",
             "ORRERY_MLFLOW_SOURCE names no checkout of MLflow's source")
        return
    directory = programs()
    if directory:
        pytest("mlflow", "requirements-mlflow-own.txt", directory, [],
               ["tests/clients/mlflow_own/run"])


def posix():
    """pjdfstest's cases in a mount, from ORRERY_PJDFSTEST."""
    if not os.environ.get("ORRERY_PJDFSTEST"):
        note("skipped", "posix: pjdfstest",
             "ORRERY_PJDFSTEST names no checkout of pjdfstest, built")
        return
    directory = programs()
    if directory:
        pytest("posix", "requirements-s3.txt", directory, ["tests/posix"])


def bucket():
    """Objects on S3 servers: ours, which fails on request, and a real one."""
    directory = programs()
    if not directory:
        return
    artifacts = [f"tests/clients/test_{name}.py" for name in (
        "artifacts_mpu", "gc", "models_mlflow", "mount_artifacts",
        "mount_models", "mount_shell", "mount_two_faces", "parts_mlflow",
        "tracking_mlflow")]
    together(*[partial(pytest, f"bucket-{path.stem}", "requirements-s3.txt",
                       directory, [str(path)])
               for path in sorted((ROOT / "tests/s3").glob("test_*.py"))],
             partial(pytest, "bucket-clients", "requirements-mlflow3.txt",
                     directory, artifacts, ORRERY_TEST_OBJECTS="s3"))


def fault():
    """Kills, full disks, power cuts, missing rights, under load."""
    directory = programs()
    if directory:
        pytest("fault", "requirements-mlflow3.txt", directory, ["tests/fault"])


STAGES = {f.__name__: f for f in (lint, plain, clang, asan, tsan, clients,
                                  mlflow, posix, bucket, fault)}


def main():
    # Started in the background, a shell has us ignore it, and so would every
    # program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = [a for a in sys.argv[1:] if not a.startswith("-")]
    if "--list" in sys.argv:
        for name, f in STAGES.items():
            print(f"{name:8} {f.__doc__}")
        return 0
    unknown = [w for w in wanted if w not in STAGES]
    if unknown:
        print(f"no stage {unknown[0]}; there are: {', '.join(STAGES)}")
        return 2
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in wanted or STAGES:
        start, before = time.monotonic(), dict(COUNTS)
        print(f"== {name}: {STAGES[name].__doc__}", flush=True)
        STAGES[name]()
        print(f"   {COUNTS['passed'] - before['passed']} passed in "
              f"{time.monotonic() - start:.0f} s", flush=True)
    print(f"{COUNTS['passed']} passed, {COUNTS['failed']} failed, "
          f"{COUNTS['skipped']} skipped")
    return 1 if COUNTS["failed"] or not COUNTS["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
