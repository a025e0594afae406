"""Writers that remember what was acknowledged, and compare it afterwards.

Each writer logs the numbers 0, 1, 2, ... as values of its own decade of a
shared key: value = 1e6 * writer + number. A number counts as acknowledged
when the HTTP answer or the write() came back; one whose outcome is unknown
(the connection or the mount died) may be there once or not at all. HTTP
writers send such a point again until it is acknowledged, as MLflow's client
does: being there twice would be our fault.
"""
import contextlib
import hashlib
import http.client
import json
import os
import random
import threading
import time

DECADE = 1_000_000


class Writer(threading.Thread):
    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.next = number, 0
        self.acknowledged, self.unknown = set(), set()
        self.stopping = threading.Event()
        self.trouble = []

    def run(self):
        while not self.stopping.is_set():
            try:
                self.write_one()
            except (OSError, http.client.HTTPException) as e:
                self.trouble.append(repr(e))
                self.lost()
                time.sleep(0.01)

    def value(self):
        return self.number * DECADE + self.next

    def done(self):
        self.acknowledged.add(self.value())
        self.unknown.discard(self.value())
        self.next += 1

    def stop(self):
        self.stopping.set()


class HttpWriter(Writer):
    """Logs over a keep-alive connection; sends again what was not answered."""

    def __init__(self, number, where, run, key="shared", body=None):
        super().__init__(number)
        self.where, self.run_id, self.key = where, run, key
        self.connection = None
        self.time = None

    def lost(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def write_one(self):
        if not self.connection:
            self.connection = http.client.HTTPConnection(self.where(),
                                                         timeout=20)
        if self.value() not in self.unknown:
            self.time = int(time.time() * 1000)
            self.unknown.add(self.value())
        self.connection.request("POST", "/api/2.0/mlflow/runs/log-metric",
                                json.dumps({
                                    "run_id": self.run_id, "key": self.key,
                                    "value": self.value(),
                                    "timestamp": self.time,
                                    "step": self.next}),
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status == 200:
            self.done()
        elif answer.status < 500:
            raise AssertionError(f"{answer.status}: {text}")
        else:
            time.sleep(0.02)


class MountWriter(Writer):
    """Appends lines to a metric file, opening it now and again."""

    def __init__(self, number, where, key="shared"):
        super().__init__(number)
        self.where, self.key, self.fd = where, key, -1

    def lost(self):
        if self.value() in self.unknown:
            self.next += 1
        self.close()

    def close(self):
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with contextlib.suppress(OSError):  # of a mount that was killed
                os.close(fd)

    def write_one(self):
        if self.fd < 0:
            self.fd = os.open(self.where() / "metrics" / self.key,
                              os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.unknown.add(self.value())
        os.write(self.fd, f"{self.next} {self.value()}\n".encode())
        self.done()
        if random.random() < 0.05:
            self.close()
        time.sleep(0.0005)

    def run(self):
        super().run()
        self.close()


class ArtifactWriter(Writer):
    """PUTs artifacts of random sizes; remembers the digest of each answered."""

    def __init__(self, number, where, experiment, run):
        super().__init__(number)
        self.where, self.digests = where, {}
        self.base = (f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}"
                     f"/artifacts/w{number}")
        self.body = os.urandom(1 << 20)

    def lost(self):
        self.next += 1

    def write_one(self):
        size = random.choice([0, 1, 4096, 100_000, 1 << 20])
        body = self.body[:size]
        connection = http.client.HTTPConnection(self.where(), timeout=20)
        try:
            connection.request("PUT", f"{self.base}/{self.next}.bin", body)
            if connection.getresponse().status == 200:
                self.digests[f"w{self.number}/{self.next}.bin"] = (
                    hashlib.sha256(body).hexdigest())
            self.next += 1
        finally:
            connection.close()
        time.sleep(0.005)


def stop_all(writers, seconds=60):
    for w in writers:
        w.stop()
    for w in writers:
        w.join(seconds)
        assert not w.is_alive(), f"writer {w.number} hangs: {w.trouble[-3:]}"


def compare(values, writers):
    """values as they stand in the file, in order of arrival."""
    for w in writers:
        own = [int(v) for v in values if int(v) // DECADE == w.number]
        seen = set(own)
        assert len(own) == len(seen), f"writer {w.number}: points doubled"
        lost = w.acknowledged - seen
        assert not lost, f"writer {w.number}: lost {sorted(lost)[:5]}"
        stray = seen - w.acknowledged - w.unknown
        assert not stray, f"writer {w.number}: never sent {sorted(stray)[:5]}"
        assert own == sorted(own), f"writer {w.number}: out of order"
