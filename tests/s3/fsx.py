#!/usr/bin/env python3
"""Random operations on one file of a mount, beside a model of it in memory.

    fsx.py FILE [OPERATIONS [SEED]]

Reads, writes, appends, truncations, mapped reads and writes, syncs, closing
and opening again, a second handle, another name, and (where a caller can)
mounting again. After each step that shows bytes they are compared; at the end
of each piece all of them are. What differs is told with the seed and the last
operations. Without OPERATIONS: 10 000.
"""
import mmap
import os
import random
import sys
import time
from collections import deque

LARGEST = 3 << 20
REMEMBERED = 25


class Differs(AssertionError):
    pass


class Fsx:
    def __init__(self, path, seed=None, remount=None, largest=LARGEST):
        self.path = os.fspath(path)
        self.seed = int(time.time_ns()) if seed is None else seed
        self.chance = random.Random(self.seed)
        self.remount, self.largest = remount, largest
        self.model, self.fd = bytearray(), -1
        self.done = deque(maxlen=REMEMBERED)
        self.noise = self.chance.randbytes(self.largest + (1 << 16))
        self.count = 0

    # --- where and how much ----------------------------------------------

    def place(self):
        """(offset, length) of something near the file, ends preferred."""
        size = len(self.model)
        at = self.chance.choice((
            0, size, self.chance.randrange(size + 1),
            self.chance.randrange(size + 1) & ~4095,
            self.chance.randrange(self.largest)))
        n = self.chance.choice((
            1, 4096, self.chance.randrange(1, 5000),
            self.chance.randrange(1, 200_000)))
        return at, max(0, min(n, self.largest - at))

    def bytes_of(self, n):
        at = self.chance.randrange(len(self.noise) - n)
        return self.noise[at:at + n]

    def took(self, *what):
        self.done.append((self.count, *what))

    def same(self, got, want, at, what):
        if got == want:
            return
        first = next((i for i, (a, b) in enumerate(zip(got, want))
                      if a != b), min(len(got), len(want)))
        raise Differs(
            f"seed {self.seed}, operation {self.count}: {what} at {at}: "
            f"{len(got)} bytes instead of {len(want)}, first other at "
            f"{at + first}\n" + "\n".join(map(str, self.done)))

    # --- what is done ----------------------------------------------------

    def open(self):
        if self.fd < 0:
            self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)

    def close(self):
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def put(self, at, data):
        end = at + len(data)
        if end > len(self.model):
            self.model.extend(bytes(end - len(self.model)))
        self.model[at:end] = data

    def write(self):
        at, n = self.place()
        data = self.bytes_of(n)
        self.took("write", at, n)
        if n and os.pwrite(self.fd, data, at) != n:
            raise Differs(f"seed {self.seed}: a short write")
        if n:
            self.put(at, data)

    def append(self):
        n = min(self.place()[1], self.largest - len(self.model))
        data = self.bytes_of(n)
        self.took("append", n)
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            if n and os.write(fd, data) != n:
                raise Differs(f"seed {self.seed}: a short append")
        finally:
            os.close(fd)
        self.put(len(self.model), data)

    def read(self):
        at, n = self.place()
        self.took("read", at, n)
        self.same(os.pread(self.fd, n, at), self.model[at:at + n], at, "read")
        size = os.fstat(self.fd).st_size
        if size != len(self.model):
            raise Differs(f"seed {self.seed}, operation {self.count}: "
                          f"{size} bytes instead of {len(self.model)}\n" +
                          "\n".join(map(str, self.done)))

    def read_elsewhere(self):
        """By a handle that only reads."""
        at, n = self.place()
        self.took("read by another", at, n)
        fd = os.open(self.path, os.O_RDONLY)
        try:
            self.same(os.pread(fd, n, at), self.model[at:at + n], at,
                      "read by another")
        finally:
            os.close(fd)

    def truncate(self):
        size = self.chance.choice((
            0, len(self.model), self.chance.randrange(len(self.model) + 1),
            self.chance.randrange(self.largest)))
        self.took("truncate", size)
        if self.chance.random() < 0.5:
            os.ftruncate(self.fd, size)
        else:
            os.truncate(self.path, size)
        if size > len(self.model):
            self.model.extend(bytes(size - len(self.model)))
        del self.model[size:]

    def mapped(self, writing):
        size = len(self.model)
        if not size:
            return
        at = self.chance.randrange(size)
        n = min(self.place()[1] or 1, size - at)
        self.took("mapped write" if writing else "mapped read", at, n)
        access = mmap.ACCESS_WRITE if writing else mmap.ACCESS_READ
        with mmap.mmap(self.fd, size, access=access) as m:
            if writing:
                data = m[at:at + n] = self.bytes_of(n)
                m.flush()
                self.put(at, data)
            else:
                self.same(m[at:at + n], self.model[at:at + n], at,
                          "mapped read")

    def map_read(self):
        self.mapped(False)

    def map_write(self):
        self.mapped(True)

    def sync(self):
        self.took("fsync")
        os.fsync(self.fd)

    def reopen(self):
        self.took("close and open")
        self.close()
        self.open()

    def rename(self):
        self.took("rename")
        other = self.path + ".other"
        os.rename(self.path, other)
        os.rename(other, self.path)

    def mount_again(self):
        if not self.remount:
            return
        self.took("mount again")
        self.close()
        self.remount()
        self.open()
        self.whole()

    def whole(self):
        self.took("all of it")
        with open(self.path, "rb") as f:
            self.same(f.read(), bytes(self.model), 0, "all of it")

    OPERATIONS = [(write, 30), (read, 30), (read_elsewhere, 10), (append, 5),
                  (truncate, 6), (map_read, 8), (map_write, 5), (sync, 2),
                  (reopen, 3), (rename, 0.5), (whole, 0.3),
                  (mount_again, 0.03)]

    def step(self):
        self.count += 1
        [what] = self.chance.choices(
            [f for f, _ in self.OPERATIONS],
            [weight for _, weight in self.OPERATIONS])
        try:
            what(self)
        except OSError as e:
            raise Differs(f"seed {self.seed}, operation {self.count}: "
                          f"{what.__name__}: {e}\n" +
                          "\n".join(map(str, self.done))) from e

    def run(self, operations):
        print(f"fsx: {self.path}: seed {self.seed}", flush=True)
        self.open()
        try:
            for _ in range(operations):
                self.step()
            self.whole()
        finally:
            self.close()
        self.whole()


def main():
    if len(sys.argv) not in (2, 3, 4):
        print(__doc__)
        return 2
    x = Fsx(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else None)
    try:
        x.run(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
    except Differs as e:
        print(e)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
