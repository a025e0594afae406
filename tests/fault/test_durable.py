"""A commit is on disk before its answer leaves, seen from outside."""
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import Daemon, wait_until, workplace


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_fdatasync_comes_before_the_answer():
    with workplace() as base:
        daemon = Daemon(base / "data")
        run = daemon.run(daemon.experiment("sync"))["run_id"]
        trace = base / "trace"
        tracer = subprocess.Popen(
            ["strace", "-f", "-y", "-qq", "-ttt", "-s", "64", "-e",
             "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg",
             "-o", str(trace), "-p", str(daemon.pid)],
            stderr=subprocess.DEVNULL)
        assert wait_until(lambda: trace.exists())
        time.sleep(0.5)
        for step in range(5):
            status, _, _ = daemon.request(
                "POST", "/api/2.0/mlflow/runs/log-metric",
                {"run_id": run, "key": "m", "value": 1, "timestamp": step,
                 "step": step})
            assert status == 200
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        assert daemon.stop() == 0
        events = [e for e in map(kind, trace.read_text().splitlines()) if e]
        answers = [i for i, e in enumerate(events) if e == "answer"]
        assert len(answers) >= 5
        before = 0
        for i in answers[:5]:
            part = events[before:i]
            assert "wal" in part, "no write of the log before the answer"
            last = len(part) - 1 - part[::-1].index("wal")
            assert "sync" in part[last:], "answered before it was on disk"
            before = i + 1


def kind(line):
    if re.search(r"(pwrite64|write)\(.*-wal", line):
        return "wal"
    if re.search(r"f(data)?sync\(.*-wal.*= 0", line) or re.search(
            r"<\.\.\. f(data)?sync resumed>.*= 0", line):
        return "sync"
    if "HTTP/1.1 200" in line:
        return "answer"
    return None
