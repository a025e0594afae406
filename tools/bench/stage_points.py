"""Figures of very many points of one key."""
import time
from urllib.parse import quote

from same_data import copy_points
from settings import FOR_EVER, POINTS, SECONDS, bench, figure, get_ms


@figure("points", f"log {POINTS} points of a key", "points/s",
        better="higher", rounds=1)
def log_points(s):
    return s.filled


@figure("points", "bytes a point on disk, smooth", "bytes", rounds=1)
def bytes_smooth(s):
    return s.smooth_bytes


@figure("points", "bytes a point on disk, noise", "bytes", ratio=None,
        rounds=1, limit=10)
def bytes_noise(s):
    return s.noise_bytes


@figure("points", f"{POINTS} points: first page of 1000", "ms")
def page_first(s):
    return get_ms(s, f"metrics/get-history?run_id={s.points_run}"
                  "&metric_key=loss&max_results=1000")


def all_pages(s):
    token, pages = "", 0
    while True:
        page = s.call(f"metrics/get-history?run_id={s.points_run}"
                      f"&metric_key=loss&max_results=25000&page_token={token}")
        pages += 1
        token = page.get("next_page_token")
        if not token or pages * 25000 >= POINTS:
            return pages
        if pages == (POINTS // 25000) // 2:
            s.middle = token


@figure("points", f"{POINTS} points: a page of 25000 in the middle", "ms",
        prepare=all_pages)
def page_middle(s):
    return get_ms(s, f"metrics/get-history?run_id={s.points_run}&metric_key="
                  f"loss&max_results=25000&page_token={quote(s.middle)}")


@figure("points", f"{POINTS} points: 320 sampled (bulk interval)", "ms")
def sampled(s):
    return get_ms(s, f"metrics/get-history-bulk-interval?run_ids="
                  f"{s.points_run}&metric_key=loss&max_results=320")


@figure("points", f"{POINTS} points: 320 of a narrow range of steps", "ms")
def sampled_range(s):
    low = POINTS // 2
    return get_ms(s, f"metrics/get-history-bulk-interval?run_ids="
                  f"{s.points_run}&metric_key=loss&max_results=320"
                  f"&start_step={low}&end_step={low + POINTS // 100}")


def on_disk(s):
    return sum(p.stat().st_size for p in s.database.parent.glob(
        s.database.name + "*") if not p.name.endswith("-shm"))


def fill(pair):
    ours, theirs = pair
    for s in pair:
        s.points_run = s.run()
    begun = time.monotonic()
    ours.load(1, FOR_EVER, "smooth-batch", ours.points_run, POINTS)
    ours.filled = POINTS / (time.monotonic() - begun)
    ours.call("runs/update", {"run_id": ours.points_run,
                              "status": "FINISHED"})
    theirs.filled = 1000 * theirs.load(1, 3 * SECONDS, "smooth-batch",
                                       theirs.run(), POINTS)["per_second"]
    before = on_disk(theirs)
    copy_points(ours, ours.points_run, "loss", theirs, theirs.points_run,
                theirs.database)
    theirs.smooth_bytes = (on_disk(theirs) - before) / POINTS
    theirs.noise_bytes = None
    if bench.wants_any("bytes_smooth", "bytes_noise"):
        measure_bytes(ours)


def measure_bytes(ours):
    """What stays when the daemon has ended: first smooth, then noise."""
    sizes = []
    for kind in (None, "noise-batch"):
        if kind:
            run = ours.run()
            ours.load(1, FOR_EVER, kind, run, POINTS)
            ours.call("runs/update", {"run_id": run, "status": "FINISHED"})
        time.sleep(1)
        ours.stop()
        sizes.append(on_disk(ours))
        ours.start()
    ours.smooth_bytes = sizes[0] / POINTS
    ours.noise_bytes = (sizes[1] - sizes[0]) / POINTS
