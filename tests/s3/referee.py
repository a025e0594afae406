"""An independent S3 server as referee: versitygw, built by Go where there is
one, on a directory. None where it cannot be had, with the reason.
"""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

VERSION = "v1.8.0"
MODULE = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"


def program(cache):
    """(path, "") or (None, why not); built once into cache."""
    found = os.environ.get("ORRERY_VERSITYGW") or shutil.which("versitygw")
    if found:
        return found, ""
    place = Path(cache) / f"versitygw-{VERSION}"
    if (place / "versitygw").exists():
        return str(place / "versitygw"), ""
    if not shutil.which("go"):
        return None, "no versitygw (ORRERY_VERSITYGW) and no Go to build it"
    version = re.search(r"go1\.(\d+)", subprocess.run(
        ["go", "version"], capture_output=True, text=True).stdout)
    if not version or int(version[1]) < 21:
        return None, "Go is too old to build versitygw: 1.21 is needed"
    p = subprocess.run(["go", "install", MODULE], capture_output=True,
                       text=True, env={**os.environ, "GOBIN": str(place),
                                       "GOFLAGS": "-mod=mod"})
    if p.returncode:
        return None, "versitygw cannot be built: " + p.stderr[-300:]
    return str(place / "versitygw"), ""


@contextlib.contextmanager
def versitygw(argv0, directory, buckets=("orrery",)):
    """Its URL, while it runs on a directory; the keys are those of
    standin.environment."""
    for bucket in buckets:
        (Path(directory) / bucket).mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    p = subprocess.Popen(
        [argv0, "--access", "test", "--secret", "secretsecret", "--region",
         "us-east-1", "--port", f"127.0.0.1:{port}", "--quiet",
         "--keep-alive", "posix", str(directory)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        p.terminate()
        p.wait(20)
