"""One daemon per test file, on a directory of its own."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

# A client that retries for minutes would hide what went wrong.
os.environ.update(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
                  MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="0",
                  MLFLOW_HTTP_REQUEST_TIMEOUT="20",
                  MLFLOW_DISABLE_TELEMETRY="true",
                  GIT_PYTHON_REFRESH="quiet")

from harness import Daemon, workplace  # noqa: E402


@pytest.fixture(scope="module")
def daemon():
    with workplace() as base:
        d = Daemon(base / "data")
        try:
            yield d
            assert d.alive(), "the daemon died"
        finally:
            status = d.stop() if d.alive() else None
        assert status == 0, f"the daemon ended with {status}"


@pytest.fixture
def tracking(daemon, monkeypatch):
    """The mlflow module, talking to the daemon; no run is left active."""
    import mlflow

    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    mlflow.set_tracking_uri(daemon.url)
    yield mlflow
    while mlflow.active_run():
        mlflow.end_run()
