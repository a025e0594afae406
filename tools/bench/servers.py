"""The two servers that benchmarks compare: each on a fresh directory."""
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
LOAD = BUILD / "tools" / "bench" / "bench-load"


def python_with_mlflow():
    """The programs of an environment with MLflow's whole server."""
    directory = Path(os.environ.get("ORRERY_BENCH_VENV",
                                    BUILD / "venv-bench"))
    if not (directory / "bin" / "mlflow").exists():
        print("installing MLflow (once)...", file=sys.stderr)
        venv.create(directory, with_pip=True)
        subprocess.run([directory / "bin" / "pip", "install", "-q", "-r",
                        ROOT / "tools/bench/requirements.txt"], check=True)
    return directory / "bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(url, method="GET", body=None):
    data = json.dumps(body).encode() if body is not None else None
    r = urllib.request.Request(url, data=data, method=method, headers={
        "Content-Type": "application/json"})
    with urllib.request.urlopen(r, timeout=600) as answer:
        text = answer.read()
    return json.loads(text) if text[:1] == b"{" else text


class Server:
    """A tracking server in a directory of its own."""

    def __init__(self, name, argv, port, directory):
        self.name, self.directory, self.port = name, directory, port
        self.argv = argv
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(directory / "log", "ab")
        self.start()

    def start(self):
        start = time.monotonic()
        self.process = subprocess.Popen(self.argv, cwd=self.directory,
                                        stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        while True:
            try:
                request(self.url + "/health")
                break
            except OSError:
                if self.process.poll() is not None or (
                        time.monotonic() - start > 240):
                    raise SystemExit(f"{self.name} did not start: " + (
                        self.directory / "log").read_text())
                time.sleep(0.002)
        self.start_seconds = time.monotonic() - start

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def memory(self):
        """Resident bytes of all its processes."""
        total = 0
        for proc in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(proc.name)) == self.process.pid:
                    total += 1024 * int(next(
                        line for line in (proc / "status").read_text()
                        .splitlines() if line.startswith("VmRSS")).split()[1])
            except (OSError, StopIteration):
                pass
        return total

    def call(self, path, body=None, method=None):
        return request(f"{self.url}/api/2.0/mlflow/{path}",
                       method or ("POST" if body is not None else "GET"),
                       body)

    def experiment(self):
        return self.call("experiments/create",
                         {"name": f"bench-{time.monotonic_ns()}"}
                         )["experiment_id"]

    def run(self, experiment="0"):
        return self.call("runs/create", {
            "experiment_id": experiment,
            "start_time": int(time.time() * 1000)})["run"]["info"]["run_id"]

    def batch(self, run, **lists):
        self.call("runs/log-batch", dict(run_id=run, **lists))

    def load(self, clients, seconds, kind, *args):
        """What bench-load found; it ends at seconds or when all is done."""
        p = subprocess.run([LOAD, "127.0.0.1", str(self.port), str(clients),
                            str(seconds), kind, *map(str, args)],
                           stdout=subprocess.PIPE, text=True)
        result = json.loads(p.stdout)
        if result["errors"]:
            print(f"  {self.name}: {result['errors']} errors of {kind}",
                  file=sys.stderr, flush=True)
        return result


class Orrery(Server):
    def __init__(self, base):
        directory = base / "orrery"
        directory.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.database = directory / "data" / "index.db"
        super().__init__("orrery", [
            BUILD / "orrery", "serve", "--data", directory / "data",
            "--listen", f"127.0.0.1:{port}", "--log-level", "error"],
            port, directory)


class MLflow(Server):
    def __init__(self, base, programs):
        directory = base / "mlflow"
        directory.mkdir(parents=True)
        port = free_port()
        self.database = directory / "mlflow.db"
        super().__init__("mlflow", [
            programs / "mlflow", "server", "--backend-store-uri",
            f"sqlite:///{self.database}", "--artifacts-destination",
            str(directory / "artifacts"), "--host", "127.0.0.1", "--port",
            str(port), "--workers", "1"], port, directory)
