"""Figures of servers with very many runs: searches, mostly."""
import time

from figures import attempt
from same_data import copy_runs
from settings import (FEW, FOR_EVER, MANY, ROUNDS, SECONDS, bench, figure,
                      make_experiments, post_ms)


def search(s, query, order, results=100):
    return post_ms(s, "runs/search", {
        "experiment_ids": s.experiments, "filter": query,
        "order_by": [order] if order else [], "max_results": results})


def add_searches():
    shapes = [
        ("metric", "metrics.metric1 > 0.5", "metrics.metric2 DESC"),
        ("three", "metrics.metric1 > 0.5 AND params.param0 = '3'"
         " AND tags.team = 'red'", "metrics.metric2 DESC"),
        ("any", "", "metrics.metric0"),
        ("newest", "", None),
        ("tag", "tags.team = 'red'", None),
        ("tag_metric", "tags.team = 'red'", "metrics.metric3"),
        ("range", "metrics.metric1 > 0.2 AND metrics.metric1 < 0.9 AND"
         " metrics.metric2 > 0.1 AND metrics.metric3 < 0.8",
         "metrics.metric4"),
        ("unequal", "params.param0 != '3' AND params.param1 != '7' AND"
         " tags.stage != 's1'", "metrics.metric5 DESC"),
        ("like", "params.param4 LIKE '1%' AND tags.host LIKE 'node-1%'"
         " AND params.param3 ILIKE '%2%'", "metrics.metric6"),
        ("name", "attributes.run_name LIKE 'run-%99' AND"
         " metrics.metric1 < 0.5", "attributes.start_time DESC"),
        ("attributes", "attributes.status = 'RUNNING' AND"
         " attributes.start_time > 1767312500000 AND"
         " attributes.user_id = 'user3'", "attributes.start_time"),
        ("eight", "metrics.metric1 > 0.1 AND metrics.metric7 < 0.95 AND"
         " metrics.metric8 > 0.05 AND params.param0 != '9' AND params.param5"
         " LIKE '%1%' AND tags.team != 'blue' AND tags.host LIKE 'node-%'"
         " AND tags.note LIKE '%7%'", "metrics.metric9 DESC"),
        ("by_param", "metrics.metric1 > 0.5", "params.param4"),
        ("marked", "tags.marked = 'yes'", "metrics.metric0"),
    ]
    for name, query, order in shapes:
        figure("runs", f"{MANY} runs: {name}", "ms", name=f"search_{name}",
               limit=20)(lambda s, q=query, o=order: search(s, q, o))


def marked_few(s):
    """Before the others come: what it costs to find 100 of few."""
    s.few = [search(s, "tags.marked = 'yes'", "metrics.metric0")
             for _ in range(ROUNDS)]


@figure("runs", f"fill {MANY} runs (MLflow: over HTTP as it does)", "runs/s",
        better="higher", rounds=1)
def fill_runs(s):
    return s.filled


add_searches()


@figure("runs", f"marked: {MANY} runs to {FEW}", "times", ratio=None,
        rounds=1, limit=3)
def search_flat(s):
    many = search(s, "tags.marked = 'yes'", "metrics.metric0")
    return many / sorted(s.few)[len(s.few) // 2]


@figure("runs", f"{MANY} runs: a page of 1000, whole", "ms")
def search_thousand(s):
    return search(s, "metrics.metric1 > 0.5", "metrics.metric2", 1000)


@figure("runs", f"{MANY} runs: new runs of 45 values, 20 clients", "/s",
        better="higher")
def fill_more(s):
    s.next_run = getattr(s, "next_run", MANY) + 100_000
    return s.load(20, SECONDS, "runs", s.experiments[0], s.next_run,
                  10_000_000)["per_second"] / 2


@figure("runs", f"{MANY} runs: first search after a start", "ms", rounds=1)
def search_first(s):
    s.stop()
    s.start()
    body = {"experiment_ids": s.experiments, "max_results": 100, "filter":
            "metrics.metric1 > 0.5 AND params.param0 = '3' AND"
            " tags.team = 'red'", "order_by": ["metrics.metric2 DESC"]}
    start = time.monotonic()
    s.call("runs/search", body)
    return 1000 * (time.monotonic() - start)


@figure("runs", f"{MANY} runs: memory after all that", "MB", rounds=1)
def search_memory(s):
    return s.memory() / 1e6


def fill(pair):
    ours, theirs = pair
    for s in pair:
        first = make_experiments(s)
        s.experiments = [str(first + i) for i in range(10)]
    last = 0
    begin = 0
    for to in (FEW, MANY):
        begun = time.monotonic()
        ours.load(20, FOR_EVER, "runs", ours.experiments[0], begin, to)
        ours.filled = (to - begin) / (time.monotonic() - begun)
        last = copy_runs(ours.database, theirs.database, last)
        begin = to
        if to == FEW:
            for s in pair:
                attempt(marked_few, s)
    if bench.wants_any("fill_runs"):
        theirs.filled = theirs.load(20, 2 * SECONDS, "runs", make_experiments(
            theirs), 0, 1_000_000)["per_second"] / 2
