"""A daemon that is killed at any moment, with uploads under way: what it
acknowledged is there, nothing half is named, and what it left is collected."""
import contextlib
import json
import os
import random
import threading
import time

import pytest
from conftest import Stored
from test_store import check_all, gc

ROUNDS = 6


@pytest.mark.parametrize("conditional", [True, False])
def test_killed_at_any_moment(base, store, conditional):
    store.conditional = conditional
    acknowledged, home, seed = {}, None, random.Random(conditional)

    def upload(d, i, stop):
        n = 0
        while not stop.is_set():
            name = f"t{i}-{n % 5}.bin"
            data = os.urandom(seed.choice((10, 70_000, 6 << 20, 11 << 20)))
            with contextlib.suppress(OSError):
                if d.put(name, data)[0] == 200:
                    acknowledged[name] = data
                else:
                    acknowledged.pop(name, None)
                n += 1
                continue
            # Whether that one counts is open: either is right.
            acknowledged[name] = (acknowledged.get(name), data)
            return

    for _ in range(ROUNDS):
        d = Stored(base / "data", store.url)
        if home:
            d.home = home
        else:
            home = d.begin().home
        assert not store.uploads
        stop = threading.Event()
        threads = [threading.Thread(target=upload, args=(d, i, stop))
                   for i in range(4)]
        for t in threads:
            t.start()
        time.sleep(seed.uniform(0.2, 1.5))
        d.kill()
        stop.set()
        for t in threads:
            t.join()
        d = Stored(base / "data", store.url)
        d.home = home
        for name, data in list(acknowledged.items()):
            may = data if isinstance(data, tuple) else (data,)
            status, _, got = d.get(name)
            assert status == 200 and got in may or \
                status == 404 and None in may, (name, status)
            acknowledged[name] = got if status == 200 else None
            if status == 404:
                del acknowledged[name]
        assert check_all(d) == ""
        assert d.stop() == 0
    d = Stored(base / "data", store.url)
    d.home = home
    for o in store.objects.values():
        o.mtime -= 7200
    did = gc(d)
    assert json.dumps(did) and check_all(d) == ""
    assert len(store.objects) == len(acknowledged)
    assert all(d.get(name)[2] == data for name, data in acknowledged.items())
    assert d.stop() == 0
