"""Mounts of one bucket, ours and others: rounds, medians, ratios.

A row is a function of a mount that gives a number, or several by name; each
round takes every mount in turn through all rows, so that all see the same
machine. What a mount cannot do is a dash, with the reason on standard error.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import mounts
from bucket import PEERS, bucket, scratch

KIB4 = 4096


class Sizes:
    def __init__(self, quick):
        self.big = (128 if quick else 1024) << 20
        self.small = 400 if quick else 2000
        self.many = 2000 if quick else 100_000
        self.cold = 40 if quick else 200      # random reads
        self.warm = 2000 if quick else 20_000
        self.made = 40 if quick else 100      # by each writer
        self.rounds = 3 if quick else 7


class Row:
    def __init__(self, title, unit, better):
        self.title, self.unit, self.better = title, unit, better


ROWS = {}  # key -> Row, in the order they are shown


def row(key, title, unit, better="higher"):
    ROWS[key] = Row(title, unit, better)


row("mount", "mount until its first ls", "ms", "lower")
row("first", "first byte of a large file", "ms", "lower")
row("read", "large file read cold", "MB/s")
row("read_cpu", "… CPU", "s", "lower")
row("read_peak", "… peak memory", "MiB", "lower")
row("read_asked", "… requests", "", "lower")
row("warm", "… again, same mount", "MB/s")
row("again", "… again, mounted anew, with its cache on disk", "MB/s")
row("random", "random 4 KiB, cold", "/s")
row("random_warm", "… after it was read whole", "/s")
row("files", "files of 4 KiB, 8 readers", "/s")
row("files_asked", "… requests a file", "", "lower")
row("ls", "`ls -lU` of many files", "s", "lower")
row("ls_again", "… again", "s", "lower")
row("ls_asked", "… requests of both", "", "lower")
row("find", "`find -type f` after that", "s", "lower")
row("write", "large file written, closed", "MB/s")
row("write_there", "… until it is on the server", "MB/s")
row("write_cpu", "… CPU", "s", "lower")
row("write_peak", "… peak memory", "MiB", "lower")
row("made1", "files of 4 KiB written, 1 writer, all on the server", "/s")
row("made1_asked", "… requests a file", "", "lower")
row("made8", "… 8 writers", "/s")


def seconds(*argv):
    start = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL,
                   timeout=mounts.PATIENCE)
    return time.monotonic() - start


# --- what is measured: each gives {row: number} ------------------------------

def mounting(m, z):
    m.cold()
    m.unmount()
    mounts.drop_caches()
    start = time.monotonic()
    m.mount()
    os.listdir(m.where("few"))
    yield "mount", (time.monotonic() - start) * 1000


def reading(m, z):
    m.cold()
    os.listdir(m.path)
    yield "first", m.ops("first", m.where("big")) / 1000
    m.cold()
    os.listdir(m.path)
    m.bucket.proxy.tell()
    before = mounts.cpu_of(m.pids())
    yield "read", m.ops("files", m.where("large"), 1, 1, z.big) * z.big / 1e6
    yield "read_asked", m.bucket.proxy.requests()
    yield "read_cpu", mounts.cpu_of(m.pids()) - before
    yield "read_peak", mounts.peak_of(m.pids())
    yield "warm", m.ops("files", m.where("large"), 1, 1, z.big) * z.big / 1e6
    m.again()
    yield "again", m.ops("files", m.where("large"), 1, 1, z.big) * z.big / 1e6


def anywhere(m, z):
    m.cold()
    yield "random", m.ops("random", m.where("big"), z.cold)
    m.ops("files", m.where("large"), 1, 1, z.big)
    yield "random_warm", m.ops("random", m.where("large") / "f0", z.warm)


def small_files(m, z):
    m.cold()
    m.bucket.proxy.tell()
    yield "files", m.ops("files", m.where("small"), z.small, 8, KIB4)
    yield "files_asked", m.bucket.proxy.requests() / z.small


def listing(m, z):
    m.cold()
    m.bucket.proxy.tell()
    yield "ls", seconds("ls", "-lU", m.where("many"))
    yield "ls_again", seconds("ls", "-lU", m.where("many"))
    yield "ls_asked", m.bucket.proxy.requests()
    yield "find", seconds("find", m.where("many"), "-type", "f")


def until_there(m, name, size, count, start):
    if not mounts.wait_until(lambda: m.stored(name, size) >= count, 120,
                             0.01):
        raise OSError(f"{m.name}: after 120 s {m.stored(name, size)} of "
                      f"{count} are on the server")
    return time.monotonic() - start


def writing(m, z):
    m.cold()
    name = m.new()
    before = mounts.cpu_of(m.pids())
    start = time.monotonic()
    yield "write", m.ops("write", m.where(name) / "f", 1, 1, z.big)
    yield "write_there", z.big / 1e6 / until_there(m, name, z.big, 1, start)
    yield "write_cpu", mounts.cpu_of(m.pids()) - before
    yield "write_peak", mounts.peak_of(m.pids())
    (m.where(name) / "f").unlink()


def making(m, z):
    m.cold()
    for writers in (1, 8):
        name, count = m.new(), z.made * writers
        m.bucket.proxy.tell()
        start = time.monotonic()
        m.ops("create", m.where(name), count, writers, KIB4)
        took = until_there(m, name, KIB4, count, start)
        yield f"made{writers}", count / took
        if writers == 1:
            yield "made1_asked", m.bucket.proxy.requests() / count


STAGES = {f.__name__: f for f in (mounting, reading, anywhere, small_files,
                                  listing, writing, making)}


def without_mount(floor, z, stage, base):
    if stage == "reading":
        yield "read", floor.read(z.big)
    if stage == "small_files":
        yield "files", floor.files(z.small)
    if stage == "writing":
        yield "write_there", floor.write(base / "part", z.big)


# --- rounds ------------------------------------------------------------------

class Table:
    def __init__(self, sides):
        self.sides = sides
        self.numbers = defaultdict(lambda: defaultdict(list))

    def take(self, side, measure):
        """Whatever it yields, until it cannot go on."""
        try:
            for key, number in measure:
                self.numbers[key][side.name].append(number)
        except (OSError, subprocess.SubprocessError, ValueError) as e:
            print(f"  {side.name}: {e}", file=sys.stderr, flush=True)

    def median(self, key, name):
        numbers = self.numbers[key][name]
        return statistics.median(numbers) if numbers else None

    def best_other(self, key):
        found = [(self.median(key, s.name), s.name) for s in self.sides[1:]
                 if isinstance(s, mounts.Mounted)
                 and self.median(key, s.name) is not None]
        pick = max if ROWS[key].better == "higher" else min
        return pick(found) if found else (None, "")

    def ratio(self, key):
        ours, (best, name) = self.median(key, self.sides[0].name), \
            self.best_other(key)
        if not ours or not best:
            return ""
        times = ours / best if ROWS[key].better == "higher" else best / ours
        return f"{times:.2f}× ({name})"

    def show(self):
        """As a table of docs/benchmarks.md."""
        names = [s.name for s in self.sides]
        print("| |", " | ".join(names), "| ours / best |")
        print("|---" * (len(names) + 2) + "|")
        for key, r in ROWS.items():
            if key in self.numbers:
                unit = f", {r.unit}" if r.unit else ""
                print(f"| {r.title}{unit} |", " | ".join(
                    figure(self.median(key, n)) for n in names),
                    f"| {self.ratio(key)} |", flush=True)


def figure(number):
    if number is None:
        return "–"
    if number >= 100:
        return f"{number:,.0f}".replace(",", " ")
    return f"{number:.3g}"


def fill(b, ours, z, base):
    """The same files for everyone: large/f0 (also big), small/, many/, few/."""
    block = os.urandom(1 << 20)
    big = b"".join((i.to_bytes(8, "little") + block[8:])
                   for i in range(z.big >> 20))
    small = {f"small/f{i}": os.urandom(KIB4) for i in range(z.small)}
    small.update({f"few/f{i}": os.urandom(KIB4) for i in range(3)})
    connection = b.connect()
    for name, data in (("big", big), ("large/f0", big), *small.items(),
                       ("many/f0", block[:KIB4])):
        b.put(connection, f"/{PEERS}/{name}", data)
    connection.close()
    b.repeat(PEERS, "many/f{}", "many/f0", z.many)
    ours.fill(["big", "large/f0"], lambda _: big, 2)
    ours.fill(small, small.get)
    ours.fill([f"many/f{i}" for i in range(z.many)], lambda _: block[:KIB4])


def machine(z, settings):
    return (f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
            f"{z.rounds} rounds, large {z.big >> 20} MiB, {z.small} small, "
            f"{z.many} many; {settings}")


def compare(quick, names, settings):
    """settings: lines for the proxy, one table each."""
    z = Sizes(quick)
    wanted = {n: STAGES[n] for n in STAGES if n in names} or STAGES
    only = [n for n in names if n not in STAGES]
    with tempfile.TemporaryDirectory(prefix="orrery-bench-",
                                     dir=scratch()) as d, bucket() as b:
        base = Path(d)
        ours = mounts.Ours("orrery", base, b)
        ours.sizes = (KIB4, z.big)
        sides = [ours, *mounts.found(base, b, only), mounts.Floor(b)]
        try:
            fill(b, ours, z, base)
            for line in settings:
                one_setting(b, sides, wanted, z, line, base)
        finally:
            for s in sides:
                if isinstance(s, mounts.Mounted):
                    s.stop()


def one_setting(b, sides, wanted, z, line, base):
    b.proxy.tell("shape 0 0")
    b.proxy.tell("delay 0")
    b.proxy.tell(line)
    table = Table(sides)
    for i in range(z.rounds):
        for side in sides if i % 2 == 0 else reversed(sides):
            print(f"  round {i + 1}, {line}: {side.name}", file=sys.stderr,
                  flush=True)
            for name, measure in wanted.items():
                table.take(side, measure(side, z) if isinstance(
                    side, mounts.Mounted) else without_mount(side, z, name,
                                                             base))
            if isinstance(side, mounts.Mounted):
                side.unmount()
    print(f"\n{machine(z, line)}\n")
    table.show()
