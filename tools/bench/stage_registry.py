"""Figures of a registry with very many models."""
import time
from urllib.parse import quote

from same_data import copy_models
from settings import FOR_EVER, MODELS, QUICK, bench, figure, get_ms, post_ms


@figure("registry", f"register {MODELS} models of three versions", "/s",
        better="higher", rounds=1)
def register(s):
    return s.filled


def models(s, query, path="registered-models", order=""):
    return get_ms(s, f"{path}/search?filter={quote(query)}"
                  f"&max_results=100{order}")


# The client adds this condition to each search.
NO_PROMPTS = "tags.`mlflow.prompt.is_prompt` != 'true'"


@figure("registry", "models: by name LIKE", "ms")
def models_like(s):
    return models(s, f"name LIKE 'model-1%' AND {NO_PROMPTS}")


@figure("registry", "models: the first 100", "ms")
def models_first(s):
    return models(s, NO_PROMPTS)


@figure("registry", "models: by tag", "ms")
def models_tag(s):
    return models(s, f"tags.team = 'team7' AND {NO_PROMPTS}")


@figure("registry", "models: one by name", "ms")
def models_get(s):
    return get_ms(s, f"registered-models/get?name=model-{MODELS // 2}")


@figure("registry", "versions: the latest of a model", "ms")
def versions_latest(s):
    return post_ms(s, "registered-models/get-latest-versions",
                   {"name": f"model-{MODELS // 2}"})


@figure("registry", "versions: of a run", "ms")
def versions_run(s):
    return models(s, f"run_id = '{s.some_run}'", "model-versions")


@figure("registry", "versions: of a model, newest first", "ms")
def versions_model(s):
    return models(s, f"name = 'model-{MODELS // 2}'", "model-versions",
                  "&order_by=version_number%20DESC")


def fill(pair):
    ours, theirs = pair
    begun = time.monotonic()
    ours.load(20, FOR_EVER, "models", MODELS)
    ours.filled = MODELS / (time.monotonic() - begun)
    if bench.wants_any("register"):
        begun = time.monotonic()
        n = 20 if QUICK else 100
        theirs.load(20, FOR_EVER, "models", n)
        theirs.filled = n / (time.monotonic() - begun)
        for i in range(n):
            theirs.call("registered-models/delete", {"name": f"model-{i}"},
                        "DELETE")
    copy_models(ours.database, theirs.database)
    found = ours.call("registered-models/get-latest-versions",
                      {"name": f"model-{MODELS // 2}"})
    for s in pair:
        s.some_run = found["model_versions"][0]["run_id"]
