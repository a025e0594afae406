"""What may be named, and how long it may be, judged by MLflow's own checks:
each value is given to the function of the client package that MLflow's server
calls, and to the daemon. Both must take it or both refuse it; where we differ
by intent the reason stands beside it.
"""
import itertools

import pytest
from mlflow.entities import Dataset, InputTag
from mlflow.exceptions import MlflowException
from mlflow.utils import validation

# Keys of params, metrics and tags.
KEYS = ["a", "Ab-5_", "a/b/c", "a.b.c", ".a", "b.", "a..a/._./o_O/.e.", "a b/c",
        "a:b", "é", "日本", "_", "-", " a", "a ", "...", "..a", "a/..b", ".a/b", "a/.b", "1",
        "a\tb", "a\nb", "a\n", "a\0b", "", ".", "/", "..", "//", "a//b",
        "a/./b", "a/../b", "/a", "a/", "\\", "a\\b", "./", "/./", "./a", "../a",
        "a?b", "a*b", "a#b", "a%b", "a@b", "a,b", "a'b", 'a"b', "a`b", "a(b)",
        "a+b", "a=b", "😀", "x" * 250, "x" * 251, "é" * 250, "é" * 251]

VALUES = ["", " ", "a", "é", "a\nb\t", "😀", "x" * 5999, "x" * 6000, "x" * 6001,
          "x" * 8000, "x" * 8001, "é" * 8000, "x" * 100000, "x" * 100001,
          "x" * 500, "x" * 501, "x" * 20000, "x" * 20001]

NAMES = ["a", "a b", "a/b", "a:b", "a.b", ".", "..", "a/../b", "/a", "a/", "é",
         "", " ", "\t", "'", '"', "%", "a%b", "x" * 250, "latest", "v1", "1",
         "-", "a\\b", "a\nb"]

ALIASES = ["a", "Ab-5_", "1a", "a" * 255, "a" * 256, "lates", "latests",
           "v123_temp", "123", "123v", "temp_V123", "", ".", "/", "a b", "a/b",
           ":", "\\", "$", "é", "latest", "LATEST", "Latest", "v123", "V1",
           "v", "v1a", "v-1", "-", "_", "a\n"]

LOCATIONS = ["/tmp/x", "s3://b/p", "file:///p", "mlflow-artifacts:/p",
             "dbfs:/databricks/x", "runs:/x/y", "runs:/",
             "s3://b/" + "a" * 2041, "s3://b/" + "a" * 2042]

DATASETS = [
    {}, {"name": ""}, {"name": "x" * 500}, {"name": "x" * 501},
    {"digest": ""}, {"digest": "x" * 36}, {"digest": "x" * 37},
    {"source_type": ""}, {"source": ""}, {"source": "x" * 65535},
    {"source": "x" * 65536}, {"schema": ""}, {"schema": "x" * 1048575},
    {"schema": "x" * 1048576}, {"profile": "x" * 100000}, {"name": None},
    {"digest": None}, {"source_type": None}, {"source": None},
]

INPUT_TAGS = [("k", "v"), ("k", ""), ("k" * 255, "v"), ("k" * 256, "v"),
              ("k", "v" * 500), ("k", "v" * 501), ("", "v"), ("a b/..", "v"),
              (None, "v")]

# Numbers of a metric: value, timestamp, step.
POINTS = [(1, 0, 0), (1.5, 1, -1), (-1e308, 1, 2**63 - 1), (0, 1, -2**63),
          (1, -1, 0), (1, 2**63 - 1, 0), (True, 1, 0), (None, 1, 0),
          ("x", 1, 0), ([], 1, 0), ({}, 1, 0), (1, "x", 0), (1, None, 0),
          (1, [], 0), (1, 1, "x"), (1, 1, []), (1, 1, {})]

# How many metrics, params and tags in one batch.
BATCHES = [(0, 0, 0), (1000, 0, 0), (1001, 0, 0), (0, 100, 0), (0, 101, 0),
           (0, 0, 100), (0, 0, 101), (800, 100, 100), (801, 100, 100),
           (900, 51, 50), (1000, 1, 0)]

REFUSALS = [b'"INVALID_PARAMETER_VALUE"', b'"BAD_REQUEST"']

fresh = itertools.count(1)


def accepts(check, *args):
    """Whether one of MLflow's checks lets this pass."""
    try:
        check(*args)
    except (MlflowException, TypeError, AttributeError):
        return False
    return True


class Asked:
    """A daemon, and a run and a model to put things on."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.experiment = daemon.experiment("limits")
        self.run = daemon.run(self.experiment)["run_id"]
        self.take("registered-models/create", name="limits")
        self.take("model-versions/create", name="limits", source="s3://b/p")

    def take(self, path, method="POST", **body):
        """Whether the daemon takes it; a refusal must say why."""
        status, _, text = self.daemon.request(
            method, "/api/2.0/mlflow/" + path, body)
        if status != 200:
            assert status == 400, (path, status, text)
            assert any(code in text for code in REFUSALS), (path, text)
        return status == 200


@pytest.fixture(scope="module")
def asked(daemon):
    return Asked(daemon)


def agree(theirs, ours, reason=None):
    if reason:
        assert ours != theirs, f"no longer different: {reason}"
    else:
        assert ours == theirs, "MLflow " + ("accepts" if theirs else "refuses")


def short(value):
    text = repr(value)
    return text if len(text) < 30 else f"{text[:12]}...{len(text)}"


def each(name, values):
    return pytest.mark.parametrize(name, values, ids=short)


LINE = "a line's end within a key is an accident of MLflow's pattern"
DOTS = "it resolves to no other name"
SIGN = "which signs beyond ASCII are letters is not ours to say"

DIFFERENT_KEYS = {"a\n": LINE, "...": DOTS, "..a": DOTS, "😀": SIGN}


@each("key", KEYS)
def test_keys_of_params(asked, key):
    agree(key != "" and accepts(validation._validate_param, key, "v"),
          asked.take("runs/log-parameter", run_id=asked.run, key=key,
                     value="v"), DIFFERENT_KEYS.get(key))


@each("key", KEYS)
def test_keys_of_metrics(asked, key):
    agree(key != "" and accepts(validation._validate_metric, key, 1, 1, 0),
          asked.take("runs/log-metric", run_id=asked.run, key=key, value=1,
                     timestamp=1), DIFFERENT_KEYS.get(key))


@each("key", KEYS)
def test_keys_of_tags(asked, key):
    agree(key != "" and accepts(validation._validate_tag, key, "v"),
          asked.take("runs/set-tag", run_id=asked.run, key=key, value="v"),
          DIFFERENT_KEYS.get(key))


@each("key", KEYS)
def test_keys_of_experiment_tags(asked, key):
    agree(key != "" and accepts(validation._validate_experiment_tag, key, "v"),
          asked.take("experiments/set-experiment-tag", key=key, value="v",
                     experiment_id=asked.experiment), DIFFERENT_KEYS.get(key))


@each("key", KEYS)
def test_keys_of_model_tags(asked, key):
    agree(key != "" and accepts(validation._validate_registered_model_tag, key,
                                "v"),
          asked.take("registered-models/set-tag", name="limits", key=key,
                     value="v"), DIFFERENT_KEYS.get(key))


@each("key", KEYS)
def test_keys_of_version_tags(asked, key):
    agree(key != "" and accepts(validation._validate_model_version_tag, key,
                                "v"),
          asked.take("model-versions/set-tag", name="limits", version="1",
                     key=key, value="v"), DIFFERENT_KEYS.get(key))


@each("value", VALUES)
def test_values_of_params(asked, value):
    agree(accepts(validation._validate_param, "k", value),
          asked.take("runs/log-parameter", run_id=asked.run,
                     key=f"k{next(fresh)}", value=value))


@each("value", VALUES)
def test_values_of_tags(asked, value):
    agree(accepts(validation._validate_tag, "k", value),
          asked.take("runs/set-tag", run_id=asked.run, key="k", value=value))


@each("value", VALUES)
def test_values_of_experiment_tags(asked, value):
    agree(accepts(validation._validate_experiment_tag, "k", value),
          asked.take("experiments/set-experiment-tag", key="k", value=value,
                     experiment_id=asked.experiment))


@each("value", VALUES)
def test_values_of_model_tags(asked, value):
    agree(accepts(validation._validate_registered_model_tag, "k", value),
          asked.take("registered-models/set-tag", name="limits", key="k",
                     value=value))


@each("value", VALUES)
def test_values_of_version_tags(asked, value):
    agree(accepts(validation._validate_model_version_tag, "k", value),
          asked.take("model-versions/set-tag", name="limits", version="1",
                     key="k", value=value))


@each("name", NAMES + ["x" * 500, "x" * 501])
def test_names_of_experiments(asked, name):
    agree(accepts(validation._validate_experiment_name, name),
          asked.take("experiments/create", name=name))


@each("name", NAMES)
def test_names_of_models(asked, name):
    agree(accepts(validation._validate_model_name, name),
          asked.take("registered-models/create", name=name))


@each("name", NAMES)
def test_new_names_of_models(asked, name):
    old = f"old{next(fresh)}"
    asked.take("registered-models/create", name=old)
    asked.take("registered-models/delete", "DELETE", name=name)
    agree(accepts(validation._validate_model_renaming, name),
          asked.take("registered-models/rename", name=old, new_name=name))


@each("name", NAMES)
def test_names_of_logged_models(asked, name):
    # An empty name is none: one is made up.
    agree(accepts(validation._validate_logged_model_name, name or None),
          asked.take("logged-models", experiment_id=asked.experiment,
                     name=name))


@each("alias", ALIASES)
def test_aliases(asked, alias):
    agree(accepts(validation._validate_model_alias_name, alias) and
          accepts(validation._validate_model_alias_name_reserved, alias),
          asked.take("registered-models/alias", name="limits", alias=alias,
                     version="1"), {"a\n": LINE}.get(alias))


@each("location", LOCATIONS)
def test_locations(asked, location):
    agree(accepts(validation._validate_experiment_artifact_location, location)
          and accepts(validation._validate_experiment_artifact_location_length,
                      location),
          asked.take("experiments/create", name=f"at{next(fresh)}",
                     artifact_location=location))


EARLIER = "MLflow's server asks for it before it comes to these checks"


@each("dataset", DATASETS)
def test_datasets(asked, dataset):
    whole = {"name": "n", "digest": "d", "source_type": "t", "source": "s",
             "schema": None, "profile": None, **dataset}
    agree(accepts(validation._validate_dataset, Dataset(**whole)),
          asked.take("runs/log-inputs", run_id=asked.run,
                     datasets=[{"dataset": whole}]),
          EARLIER if "" in (whole["name"], whole["digest"]) else None)


@each("tag", INPUT_TAGS)
def test_input_tags(asked, tag):
    key, value = tag
    agree(accepts(validation._validate_input_tag, InputTag(key, value)),
          asked.take("runs/log-inputs", run_id=asked.run, datasets=[{
              "dataset": {"name": "n", "digest": "d", "source_type": "t",
                          "source": "s"},
              "tags": [{"key": key, "value": value}]}]),
          EARLIER if key == "" else None)


@each("point", POINTS)
def test_points(asked, point):
    value, timestamp, step = point
    agree(accepts(validation._validate_metric, "k", value, timestamp, step),
          asked.take("runs/log-metric", run_id=asked.run, key="k", value=value,
                     timestamp=timestamp, step=step))


@each("batch", BATCHES)
def test_batches(asked, batch):
    metrics, params, tags = batch
    n = next(fresh)
    agree(accepts(validation._validate_batch_log_limits, range(metrics),
                  range(params), range(tags)),
          asked.take("runs/log-batch", run_id=asked.run,
                     metrics=[{"key": f"m{i}", "value": i, "timestamp": n,
                               "step": n} for i in range(metrics)],
                     params=[{"key": f"p{n}-{i}", "value": "v"}
                             for i in range(params)],
                     tags=[{"key": f"t{i}", "value": "v"}
                           for i in range(tags)]))
