"""A short run of the fuzzer of all routes, from fixed seeds. What is asked of
every answer stands in tests/fuzz/live.py, which runs as long as one likes.
"""
import subprocess
import sys

import pytest

from harness import ROOT


@pytest.mark.parametrize("seed", [1, 2])
def test_any_request(seed):
    p = subprocess.run(
        [sys.executable, ROOT / "tests/fuzz/live.py", "--seed", str(seed),
         "--requests", "18000", "--seconds", "30"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout
