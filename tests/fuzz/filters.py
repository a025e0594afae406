"""Filters and orders of every search, made by their grammar."""
COLUMNS = {
    "runs": (["status", "run_name", "`run name`", "user_id", "artifact_uri",
              "run_id", "dataset.name", "datasets.digest", "dataset.context",
              "attribute.status", "attr.run_name", "run.run_id"],
             ["start_time", "end_time", "created", "attributes.start_time"]),
    "experiments": (["name", "attribute.name", "experiment_id"],
                    ["creation_time", "last_update_time", "experiment_id"]),
    "registered-models": (["name"], ["timestamp", "last_updated_timestamp"]),
    "model-versions": (["name", "run_id", "source_path"],
                       ["version_number", "creation_timestamp"]),
    "logged-models": (["name", "model_id", "model_type", "status",
                       "source_run_id"],
                      ["creation_timestamp", "last_updated_timestamp"]),
    "traces": (["name", "status", "trace.status", "attributes.name",
                "run_id", "request_id", "trace.text", "span.name",
                "span.type", "span.status", "span.content", "prompt",
                "client_request_id", "span.attributes.k"],
               ["timestamp_ms", "execution_time_ms", "trace.timestamp_ms",
                "attributes.execution_time"]),
}
KEYED = {"runs": (["params", "param", "tags", "tag"], ["metrics", "metric"]),
         "experiments": (["tags", "tag"], []),
         "registered-models": (["tags", "tag"], []),
         "model-versions": (["tags"], []),
         "traces": (["tags", "tag", "metadata", "request_metadata",
                     "feedback", "expectation"], []),
         "logged-models": (["params", "tags"], ["metrics"])}
KEYS = ["k", "loss", "val/loss", "`a b`", '"x.y"', "mlflow.runName", "é", "``",
        "`", "0", "a.b.c"]
TEXTS = ["'a'", "'%'", "'a_'", "''", "'FINISHED'", "'READY'", '"b"', "'é%'",
         "'it''s'", "'\\'", "'1'", "'" + "%" * 40 + "'", "'" + "a" * 3000 + "'"]
PATTERNS = ["'^a'", "'(a|b)*c'", "'(?i)A'", "'[a-z]{2,3}'", "'('", "'a{999}'",
            "'(((((a+)+)+)+)+)+$'", "'[[:alpha:]]'", "'\\d'", "'[z-a]'"]
NUMBERS = ["0", "1", "-1", "0.5", "1e10", "1e308", "-1e-308", "nan", "inf",
           "-inf", "9223372036854775807", "-9223372036854775808", ".5", "1e999",
           "'1'", "0x10", "00", "1_000"]
NOISE = ["AND", "OR", "NOT", "(", ")", ",", ";", "''", "IS", "NULL", "=", "--",
         "/*", "\0", "é", "LIKE", "ESCAPE '\\'", "1", "'", '"', "`", "\t", "\n"]


def column(rng, kind, number):
    keyed = KEYED[kind][number]
    if keyed and rng.random() < 0.6:
        return f"{rng.choice(keyed)}.{rng.choice(KEYS)}"
    return rng.choice(COLUMNS[kind][number])


def comparison(rng, kind):
    number = rng.random() < 0.4
    left, pick = column(rng, kind, number), rng.random()
    value = lambda: rng.choice(NUMBERS if number else TEXTS)  # noqa: E731
    if pick < 0.15:
        return f"{left} IS {rng.choice(['', 'NOT '])}NULL"
    if pick < 0.35:
        values = ", ".join(value() for _ in range(rng.randrange(0, 5)))
        return f"{left} {rng.choice(['', 'NOT '])}IN ({values})"
    if number:
        return (f"{left} {rng.choice(['=', '!=', '<', '<=', '>', '>='])} "
                f"{value()}")
    if pick < 0.5:
        return f"{left} RLIKE {rng.choice(PATTERNS)}"
    return f"{left} {rng.choice(['=', '!=', 'LIKE', 'ILIKE'])} {value()}"


def filter_of(rng, kind, depth=0):
    pick = rng.random()
    if depth > 4 or pick < 0.5:
        return comparison(rng, kind)
    if pick < 0.6:
        return "NOT " + filter_of(rng, kind, depth + 1)
    if pick < 0.7:
        return f"({filter_of(rng, kind, depth + 1)})"
    word = rng.choice([" AND ", " and ", " OR ", "\tAND\n"])
    return word.join(filter_of(rng, kind, depth + 1)
                     for _ in range(rng.randrange(2, 4)))


def garbled(rng, text):
    """The same with a word too many, too few, or a byte changed."""
    words = text.split(" ")
    for _ in range(rng.randrange(1, 3)):
        at, pick = rng.randrange(len(words)), rng.random()
        if pick < 0.4:
            words.insert(at, rng.choice(NOISE))
        elif pick < 0.7 and len(words) > 1:
            del words[at]
        else:
            word = words[at] or "x"
            cut = rng.randrange(len(word))
            words[at] = word[:cut] + rng.choice(NOISE) + word[cut + 1:]
    return " ".join(words)


def huge(rng, kind):
    """Nested, or joined, without end."""
    n = rng.choice([100, 499, 501, 5000])
    one = comparison(rng, kind)
    return rng.choice([
        "(" * n + one + ")" * n, "NOT " * n + one, " AND ".join([one] * n),
        " OR ".join([one] * n), "'" * n, "(" * n])


def any_filter(rng, kind):
    pick = rng.random()
    if pick < 0.03:
        return huge(rng, kind)
    text = filter_of(rng, kind)
    return garbled(rng, text) if pick < 0.3 else text


def any_order(rng, kind):
    text = column(rng, kind, rng.random() < 0.5)
    text += rng.choice(["", " ASC", " DESC", " asc"])
    return garbled(rng, text) if rng.random() < 0.2 else text
