"""MLflow's Java client: java/Cycle.java drives it against the daemon.

Maven brings it, and all it needs, into a directory of the test build, once.
The client uploads and downloads by the Python client's command line.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ROOT, check

HERE = Path(__file__).resolve().parent / "java"
BUILD = Path(os.environ.get("ORRERY_TEST_BUILD", ROOT / "build-test"))
COPY = ("org.apache.maven.plugins:maven-dependency-plugin:3.6.1:"
        "copy-dependencies")
PARTS = ["experiments", "runs", "history", "batches", "context", "search",
         "artifacts"]


@pytest.fixture(scope="module")
def jars():
    """The directory of the libraries that pom.xml names."""
    for program in ("java", "mvn"):
        if not shutil.which(program):
            pytest.skip(f"no {program} here")
    pom = HERE / "pom.xml"
    name = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    place = BUILD / f"java-{name}"
    if not (place / "complete").exists():
        p = subprocess.run(
            ["mvn", "-q", "-B", "-f", pom, COPY,
             f"-Dmaven.repo.local={BUILD / 'maven'}",
             f"-DoutputDirectory={place}"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        assert p.returncode == 0, p.stdout
        (place / "complete").touch()
    return place


def test_cycle(daemon, jars, tmp_path):
    tools = Path(sys.executable).parent  # where its mlflow is
    p = subprocess.run(
        ["java", "-cp", f"{jars}/*", HERE / "Cycle.java", daemon.url,
         tmp_path], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=300,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    ended = [line[3:] for line in p.stdout.splitlines()
             if line.startswith("ok ")]
    assert p.returncode == 0 and ended == PARTS, p.stdout[-4000:]


def test_nothing_is_wrong_afterwards(daemon):
    assert check(daemon.data) == ""
