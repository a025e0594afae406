"""A daemon and a mount that knows it by its URL; also on two hosts: network
namespaces, a wire between them, and what `ssh -L` would be on it, since a
daemon without identity listens on loopback alone."""
import contextlib
import itertools
import os
import subprocess
import sys

import pytest

from harness import (BIN, Daemon, Process, check, unmount,
                     workplace)

RELAY = """
import socket, sys, threading

def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

def serve(a, there):
    try:
        b = socket.create_connection(there)
    except OSError:
        a.close()
        return
    threading.Thread(target=pump, args=(a, b), daemon=True).start()
    pump(b, a)

here, there = [(h, int(p)) for h, p in (x.rsplit(":", 1) for x in sys.argv[1:])]
with socket.create_server(here) as server:
    print("relays", here, flush=True)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], there),
                         daemon=True).start()
"""

numbers = itertools.count(os.getpid() % 10000 * 10)


def ip(*argv):
    subprocess.run(["ip", *argv], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, text=True)


def no_namespaces():
    """Why there can be none; empty where there can."""
    try:
        p = subprocess.run(["unshare", "-n", "ip", "link", "add", "orv",
                            "type", "veth"], text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as e:
        return f"no network namespaces: {e}"
    return p.stdout.strip() or "" if p.returncode else ""


class Host:
    def __init__(self, name, address):
        self.name, self.address = name, address

    def within(self, argv):
        # not "ip netns exec", whose mounts nobody else sees
        return ["nsenter", f"--net=/run/netns/{self.name}", *map(str, argv)]

    def relay(self, here, there):
        return Process(self.within([sys.executable, "-c", RELAY, here, there]),
                       "relays")


@contextlib.contextmanager
def two_hosts():
    n = next(numbers)
    hosts = [Host(f"orrery{n}{x}", f"10.213.{n % 250}.{i + 1}")
             for i, x in enumerate("ab")]
    try:
        for h in hosts:
            ip("netns", "add", h.name)
            ip("-n", h.name, "link", "set", "lo", "up")
        ip("link", "add", "eth0", "netns", hosts[0].name, "type", "veth",
           "peer", "name", "eth0", "netns", hosts[1].name)
        for h in hosts:
            ip("-n", h.name, "addr", "add", h.address + "/24", "dev", "eth0")
            ip("-n", h.name, "link", "set", "eth0", "up")
        yield hosts
    finally:
        for h in hosts:
            subprocess.run(["ip", "netns", "del", h.name],
                           stderr=subprocess.DEVNULL)


class Far:
    """A daemon, and a mount that knows it by its URL."""

    def __init__(self, base):
        self.base, self.cache = base, base / "cache"
        self.daemon, self.mount = Daemon(base / "data"), None
        self.listen, self.url = self.daemon.address, self.daemon.url

    def argv(self, url, *flags):
        return [BIN / "orrery", "mount", "-f", "--server", url, "--cache",
                self.cache, "--log-level", "warn", *flags, self.base / "mnt"]

    def start(self, *flags, url=None, **kwargs):
        self.mount = Process(self.argv(url or self.url, *flags), "mounted",
                             **kwargs)
        self.path = self.base / "mnt"

    def flush(self):
        (self.path / ".ctl").write_text("flush\n")

    def away(self):
        self.daemon.kill()

    def back(self):
        self.daemon = Daemon(self.base / "data", listen=self.listen)

    def run_dir(self, name="first"):
        x = self.path / "experiments" / "far"
        x.mkdir(exist_ok=True)
        (x / "runs" / name).mkdir()
        return x / "runs" / name

    def journals(self):
        return [p for p in self.cache.glob("*/journal/*")
                if len(p.name) == 32]

    def history(self, run, key):
        return [p["value"] for p in self.daemon.history(run, key)]


@pytest.fixture
def host():
    with workplace() as base:
        f = Far(base)
        try:
            yield f
        finally:
            statuses = [p.stop() for p in (f.mount, f.daemon)
                        if p and p.alive()]
            unmount(base / "mnt")
        assert not any(statuses), statuses
        assert check(base / "data") == ""
