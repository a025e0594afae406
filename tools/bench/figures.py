"""Figures of a comparison: rounds, medians, ratios, and how they are shown.

A figure belongs to a stage, which gives it two servers with data on them. Its
two sides take turns, round by round, so that both see the same machine.
"""
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Callable, Optional


@dataclass
class Figure:
    stage: str
    name: str
    title: str
    unit: str
    measure: Callable               # of a server: a number
    prepare: Optional[Callable] = None    # of a server, once before
    better: str = "lower"
    ratio: Optional[float] = 50     # at least so many times better
    limit: Optional[float] = None   # and ours at least, or at most, so much
    rounds: Optional[int] = None
    sides: dict = field(default_factory=dict)   # name -> a number a round

    def median(self, side):
        numbers = [n for n in self.sides.get(side, []) if n is not None]
        return statistics.median(numbers) if numbers else None

    def times_better(self):
        a, b = self.median("orrery"), self.median("mlflow")
        if not a or not b:
            return None
        return a / b if self.better == "higher" else b / a

    def target(self):
        parts = [f"{self.ratio:g}x"] if self.ratio else []
        if self.limit is not None:
            parts.append(f"{self.limit:g} {self.unit}")
        return ", ".join(parts)

    def met(self):
        ours, times = self.median("orrery"), self.times_better()
        if ours is None or (self.ratio and times is None):
            return None
        good = not self.ratio or times >= self.ratio
        if self.limit is not None:
            good &= (ours >= self.limit if self.better == "higher"
                     else ours <= self.limit)
        return good


class Comparison:
    """All figures, and those that were asked for."""

    def __init__(self, rounds, patience):
        self.figures, self.done = [], []
        self.rounds, self.patience = rounds, patience

    def add(self, stage, title, unit, **more):
        def register(f):
            self.figures.append(Figure(stage, more.pop("name", f.__name__),
                                       title, unit, f, **more))
            return f
        return register

    def select(self, names):
        unknown = set(names) - {f.name for f in self.figures} - {
            f.stage for f in self.figures}
        if unknown:
            raise SystemExit(f"no such figure: {', '.join(sorted(unknown))}"
                             "\nfigures: " + " ".join(
                                 f"{f.stage}:{f.name}" for f in self.figures))
        if names:
            self.figures = [f for f in self.figures
                            if f.name in names or f.stage in names]

    def wants(self, stage):
        return any(f.stage == stage for f in self.figures)

    def wants_any(self, *names):
        return any(f.name in names for f in self.figures)

    def run(self, stage, servers):
        for f in self.figures:
            if f.stage == stage:
                self.measure(f, servers)

    def measure(self, f, servers):
        start = time.monotonic()
        for s in servers:
            if f.prepare:
                attempt(f.prepare, s)
        for i in range(f.rounds or self.rounds):
            if i and time.monotonic() - start > self.patience:
                break
            for s in servers if i % 2 == 0 else reversed(servers):
                f.sides.setdefault(s.name, []).append(attempt(f.measure, s))
        self.show(f)

    def show(self, f):
        self.done.append(f)
        a, b, times = f.median("orrery"), f.median("mlflow"), f.times_better()
        print(f"{f.title + ', ' + f.unit:52}" + "".join(
            f"{v:14,.1f}" if v is not None else f"{'-':>14}" for v in (a, b))
            + (f"{times:9.1f}x" if times else f"{'':10}")
            + f"  {f.target():14}{'below' if f.met() is False else ''}",
            flush=True)

    def heading(self, machine):
        print(f"{machine['cpus']} CPUs, load {machine['load']:.1f}, fdatasync "
              f"of 4 KiB {machine['fdatasync_ms']:.2f} ms")
        print(f"{'':52}{'orrery':>14}{'mlflow':>14}{'ratio':>10}  target")

    def write(self, path, machine):
        rows = [{"figure": f.name, "stage": f.stage, "title": f.title,
                 "unit": f.unit, "better": f.better,
                 "orrery": f.median("orrery"), "mlflow": f.median("mlflow"),
                 "ratio": f.times_better(), "target": f.target(),
                 "met": f.met(), "rounds": f.sides} for f in self.done]
        with open(path, "w") as out:
            json.dump({"machine": machine, "figures": rows}, out, indent=1)
            out.write("\n")


def attempt(f, server):
    try:
        return f(server)
    except (OSError, KeyError, subprocess.CalledProcessError,
            json.JSONDecodeError) as e:
        print(f"  {server.name}: {e!r}", file=sys.stderr, flush=True)
        return None


def machine(directory):
    """What it runs on, and how busy and how fast that is at this moment."""
    fd = os.open(directory / "probe", os.O_RDWR | os.O_CREAT)
    took = []
    for _ in range(50):
        os.pwrite(fd, os.urandom(4096), 0)
        start = time.monotonic()
        os.fdatasync(fd)
        took.append(time.monotonic() - start)
    os.close(fd)
    return {"cpus": os.cpu_count(), "load": os.getloadavg()[0],
            "fdatasync_ms": statistics.median(took) * 1000}
