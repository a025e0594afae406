"""The search language, judged by MLflow's own: each filter and order is given
to the search functions that the client package brings, over the same things,
and to the daemon. Both must refuse it, or both find the same in the same
order; where we differ by intent the reason stands beside it.
"""
import math

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException, RestException
from mlflow.utils.search_utils import (SearchExperimentsUtils,
                                       SearchModelUtils,
                                       SearchModelVersionUtils, SearchUtils)

REFUSED = "refused"
WIDER = "is taken here, docs/search.md says what it means"
BESIDE = "only to Python are two texts beside each other one"
DANGLING = "the clauses are not joined by AND: one of them may be missing"

# name, start time, status, metrics, params, tags; a run each
RUNS = [
    ("plain", 1000, "FINISHED", {"loss": 0.5, "val/loss": 1, "acc.top5": 3},
     {"model": "LR", "my lr": "0.1"}, {"team": "red", "t.a.g": "a"}),
    ("Plain", 2000, "FINISHED", {"loss": 0.5, "a b": -2.5},
     {"model": "lr", "p": "100%"}, {"team": "Red"}),
    ("other", 2000, "FAILED", {"loss": math.nan}, {"model": "tree_1"},
     {"team": "blue", "empty": ""}),
    ("it's", 3000, "KILLED", {"loss": 1e300, "big": math.inf},
     {"model": "L'Hosp", "p": "10_0"}, {"quote": 'say "x"'}),
    ("äöü", 4000, None, {"loss": -1e-300}, {"model": "Ä"}, {}),
    ("bare", 5000, None, {}, {}, {"team": "red"}),
]

FILTERS = [
    "",
    # numbers
    "metrics.loss = 0.5", "metrics.loss != 0.5", "metrics.loss > 0",
    "metrics.loss >= 0.5", "metrics.loss < 0.5", "metrics.loss <= 0.5",
    "metric.loss<=.5", "metrics.loss > -1", "metrics.loss < 1e10",
    "metrics.loss = 5e-1", "metrics.`val/loss` = 1", 'metrics."a b" = -2.5',
    "metrics.a b = 1", "metrics.acc.top5 = 3", "metrics.`acc.top5` > 2.9",
    "metrics.absent = 1", "metrics.loss = '0.5'", "metrics.loss = abc",
    "metrics.loss LIKE 'a'", "metrics.loss ~ 1", "metrics.loss != metrics.acc",
    "metrics.loss == 0.5", "metrics.loss <> 0.5", "1.0 > metrics.loss",
    "metrics.loss > 0x1", "`metrics`.loss > 0", "metrics.big > 1e308",
    # params
    "params.model = 'LR'", 'params.model = "LR"', "param.model = 'LR'",
    "parameter.model = 'LR'", "parameters.model = 'LR'", "p.model = 'LR'",
    "params.model != 'LR'", "params.model LIKE 'L%'", "params.model like 'l%'",
    "params.model ILIKE 'l%'", "params.model LIKE '%r'",
    "params.model LIKE 'tree__'", "params.model LIKE 'tree_'",
    "params.p LIKE '100%'", "params.p LIKE '10_0'", "params.model LIKE ''",
    'params.model = "L\'Hosp"', "params.`my lr` = '0.1'",
    'params."my lr" = "0.1"', "params.model > 'L'", "params.model = 5",
    "params.model = LR", "params.model = `LR`", "params.model = 'LR",
    "params.model = LR'", "params.model = \"LR'", "params.'model = LR",
    "params.model IS NULL", "params.model is not null",
    "params.model IS 'LR'", "params.absent IS NULL", "params.absent != 'x'",
    "params.model = 'Ä'", "params.model ILIKE 'ä'", "params.model = ''",
    # tags
    "tags.team = 'red'", "tag.team = 'red'", "tags.team ILIKE 'RED'",
    "tags.team != 'red'", "tags.team IS NULL", "tags.team IS NOT NULL",
    'tags."t.a.g" = "a"', "tags.t.a.g = 'a'", "tags.empty = ''",
    "tags.team >= 'red'", "tags.team = = 'red'", "tags.team = 7",
    "tags.quote LIKE '%\"x\"%'", "tags.`mlflow.runName` = 'other'",
    "tags.mlflow.runName = 'other'",
    # attributes
    "status = 'FINISHED'", "attribute.status = 'FAILED'",
    "attributes.status != 'FINISHED'", "attr.status = 'RUNNING'",
    "run.status = 'KILLED'", "status = 'finished'", "status LIKE 'FIN%'",
    "status = 1", "status IS NULL", "status = true", "status > 'A'",
    "run_name = 'plain'", "run_name ILIKE 'plain'", "`run name` = 'plain'",
    "attributes.`Run Name` = 'plain'", "run_name != 'plain'",
    "run_name = \"it's\"", "run_name LIKE 'ä%'", "start_time > 1000",
    "start_time >= 2000", "attributes.start_time = 2000", "created < 3000",
    "start_time = '2000'", "start_time LIKE '2%'", "start_time = 2000.5",
    "end_time > 0", "user_id = 'unknown'", "user_id LIKE 'unk%'",
    "artifact_uri LIKE 'mlflow-artifacts:%'", "run_id = 'none'",
    "run_id LIKE '%'", "run_id IN ('none')", "run_id NOT IN ('none')",
    "run_id in ('none', 'one')", "run_id IN ()", "run_id IN (1)",
    "run_id IN 'none'", "run_id IN ('none'", "run_id = ('none')",
    "run_id IN ('none',)", "run_id NOT IN ('none','one',)", "run_id IN (,)",
    "run_id IN ('none',,'one')", "run_id IN ('none' 'one')",
    "experiment_id = '1'", "lifecycle_stage = 'active'", "attri.x != 1",
    "attribute.start != 1", "attribute.name != 'x'", "foo = 'x'", "foo IS NULL",
    # datasets
    "dataset.name = 'x'", "datasets.digest LIKE 'x'", "dataset.context != 'x'",
    "dataset.profile = 'x'", "dataset.name > 'x'", "dataset.name = 5",
    "datasets.name IN ('x', 'y')", "datasets.name NOT IN ('x')",
    # clauses
    "metrics.loss > 0 AND params.model = 'LR'",
    "metrics.loss > 0 and tags.team = 'red' aNd status = 'FINISHED'",
    "metrics.loss>0 AND\n\tparams.model\n=\n'LR'", "  metrics.loss > 0  ",
    "metrics.loss > 0 NAND params.model = 'LR'",
    "metrics.loss > 0, params.model = 'LR'",
    "metrics.loss > 0; params.model = 'LR'",
    "metrics.loss > 0 params.model = 'LR'", "metrics.loss >", "metrics.loss",
    "params.model LR !=", "> 0", "AND", "AND metrics.loss > 0", "1=1", "'a'",
    "`metrics.loss > 0", "metrics`.loss > 0", "metrics. = 0", ".loss = 0",
    "metrics.loss > 0 AND AND status = 'FAILED'", "params.model = 'a''b'",
    "   ", "metrics.loss > 0 AND",
    "metrics.loss > 0 OR params.model = 'LR'", "(metrics.loss > 0)",
    "metrics.loss > 0 AND (params.model = 'LR')", "NOT metrics.loss > 0",
    "metrics.loss IS NULL", "params.model IN ('LR', 'lr')",
    "tags.team NOT IN ('red')", "status IN ('FAILED', 'KILLED')",
    "run_name RLIKE '^p'", "metrics.loss IN (0.5, 1)",
]

DIFFERENT = dict.fromkeys([
    "metrics.loss > 0 OR params.model = 'LR'", "(metrics.loss > 0)",
    "metrics.loss > 0 AND (params.model = 'LR')", "NOT metrics.loss > 0",
    "metrics.loss IS NULL", "status IS NULL", "params.model IN ('LR', 'lr')",
    "tags.team NOT IN ('red')", "status IN ('FAILED', 'KILLED')",
    "run_name RLIKE '^p'", "metrics.loss IN (0.5, 1)"], WIDER) | {
    "metrics.loss > 0 AND": DANGLING, "AND": DANGLING,
    "AND metrics.loss > 0": DANGLING,
    "metrics.loss > 0 AND AND status = 'FAILED'": DANGLING,
    "metrics.loss > 0 params.model = 'LR'": DANGLING,
    "run_id IN ('none' 'one')": BESIDE,
    "metrics. = 0": "no metric has an empty key: it is a slip",
    "run_id = ('none')": "a list is compared by IN",
    "params.model ILIKE 'ä'": "letters beyond ASCII are told apart, as MLflow "
                              "does over SQLite",
}


ORDERS = [
    [], ["metrics.loss"], ["metrics.loss DESC"], ["metrics.loss ASC"],
    ["metrics.loss asc"], ["metric.`val/loss` DESC"], ['metrics."a b"'],
    ["params.model"], ["params.model DESC"], ["tags.team DESC"],
    ["tags.team", "start_time"], ["attributes.start_time ASC"], ["start_time"],
    ["start_time DESC"], ["Created"], ["run_name"], ["`run name` DESC"],
    ["attribute.status", "metrics.loss DESC"], ["status", "run_id DESC"],
    ["end_time DESC"], ["user_id"], ["artifact_uri DESC"], ["run_id"],
    ["experiment_id"], ["foo"], ["p.x"], ["metrics.loss UP"],
    ["metrics.loss ASC DESC"], ["metrics.loss, params.model"],
    ["metrics.loss NULLS FIRST"], [""], ["ASC"], ["metrics.absent"],
    ["dataset.name"], ["lifecycle_stage"],
]

DIFFERENT_ORDERS = {
    ("`run name` DESC",): "an alias of run_name in filters is one in orders",
}

# name, tags
EXPERIMENTS = [("one", {"team": "red", "t.g": "a b"}), ("One", {"team": "Red"}),
               ("two_x", {"kind": ""}), ("100%", {})]

EXPERIMENT_FILTERS = [
    "name = 'one'", "attribute.name = 'one'", "name != 'one'",
    "name LIKE 'o%'", "name ILIKE 'O%'", "name LIKE 'two_x'", "name = 5",
    "name LIKE '100%'", "name > 'a'", "name = one", "name IS NULL",
    "tags.team = 'red'", "tag.team != 'red'", "tags.team LIKE '%e%'",
    "tags.`t.g` = 'a b'", "tags.kind = ''", "tags.team IS NULL",
    "tags.team IS NOT NULL", "tags.team > 'a'", "creation_time > 0",
    "creation_time <= 0", "last_update_time != 5", "creation_time = 'x'",
    "creation_time LIKE '1%'", "experiment_id = '0'",
    "experiment_id != '0' AND name LIKE 'o%'", "experiment_id IN ('0', '1')",
    "experiment_id NOT IN ('0')", "experiment_id = 1", "status = 'x'",
    "metrics.x > 1", "params.x = '1'", "name = 'one' AND tags.team = 'red'",
    "name = 'one' name = 'one'", "lifecycle_stage = 'active'",
    "attr.name = 'one'", "attributes.name = 'one'",
    "name = 'one' OR name = 'One'", "name IN ('one', 'One')",
    "tags.team IN ('red')",
]

DIFFERENT_EXPERIMENTS = dict.fromkeys([
    "attr.name = 'one'", "attributes.name = 'one'", "name IS NULL",
    "name = 'one' OR name = 'One'", "name IN ('one', 'One')",
    "tags.team IN ('red')", "experiment_id = 1"], WIDER) | {
    "name = 'one' name = 'one'": DANGLING,
}

EXPERIMENT_ORDERS = [
    ["name"], ["name DESC"], ["attribute.name ASC"], ["creation_time DESC"],
    ["experiment_id"], ["experiment_id DESC"], ["last_update_time", "name"],
    ["tags.team"], ["foo"], ["name, experiment_id"], ["name UP"], [""],
]

# name, tags; sources of its versions
MODELS = [("one", {"team": "red"}, ["s3://b/1", "s3://b/2", "s3://c/1"]),
          ("One", {"team": "Red", "a.b": "1"}, ["s3://b/1"]),
          ("two_x", {}, []), ("100%", {}, ["https://h/x"])]

MODEL_FILTERS = [
    "name = 'one'", "name != 'one'", "name LIKE 'o%'", "name ILIKE 'O%'",
    "name LIKE '%\\_x'", "name LIKE '1__%'", "name = 5", "name = one",
    "name > 'a'", "name >= 'a'", "attribute.name = 'one'", "tags.team = 'red'",
    "tag.team != 'red'", "tags.team ILIKE 'RED'", 'tags."a.b" = \'1\'',
    "tags.`a.b` = '1'", "tags.absent = '1'", "tags.team > 'a'",
    "timestamp > 5", "last_updated_timestamp > 5", "run_id = 'x'",
    "source_path = 's3://b/1'", "version_number = 1", "metrics.x = 1",
    "name = 'one' AND tags.team = 'red'", "name = 'one' and name = 'One'",
    "name = 'one' name = 'one'", "name =", "= 'one'", "name = 'one",
    "attributes.name = 'one'", "name = 'one' OR name = 'One'",
    "name IN ('one', 'One')", "tags.team IS NULL", "tags.team IN ('red')",
]

DIFFERENT_MODELS = dict.fromkeys([
    "attributes.name = 'one'", "name = 'one' OR name = 'One'",
    "tags.team IS NULL", "tags.team IN ('red')"],
    WIDER) | {"name = 'one' name = 'one'": DANGLING}

MODEL_ORDERS = [["name"], ["name DESC"], ["name asc"], ["timestamp"],
                ["timestamp DESC"], ["last_updated_timestamp DESC", "name"],
                ["creation_timestamp"], ["tags.team"], ["foo"], ["name UP"],
                ["attribute.name"], [""]]

DIFFERENT_MODEL_ORDERS = {
    ("attribute.name",): "it is one in filters",
}

VERSION_FILTERS = [
    "name = 'one'", "name LIKE 'o%'", "name ILIKE 'O%'", "name != 'one'",
    "version_number = 1", "version_number > 1", "version_number >= 2",
    "version_number != 1", "version_number < 2", "version_number <= 2",
    "version_number = '1'", "version_number LIKE '1'", "version = 1",
    "source_path = 's3://b/1'", "source_path LIKE 's3://b/%'",
    "source_path ILIKE 'S3://B/%'", "source = 's3://b/1'", "run_id = ''",
    "run_id LIKE 'x%'", "run_id IN ('x')", "run_id IN ('x', 'y')",
    "run_id IN ()", "run_id IN 'x'", "run_id IN (1)", "run_id IN ('x',)",
    "run_id IN ('x' 'y')", "run_id IN ('x'", "tags.k = 'v1'",
    "tags.k != 'v1'", "tags.k LIKE 'v%'", "tags.absent = 'x'", "tags.k > 'v'",
    "current_stage = 'None'", "status = 'READY'", "creation_timestamp > 0",
    "last_updated_timestamp > 0", "user_id = 'x'", "description = 'x'",
    "name = 'one' AND version_number > 1", "name = 'one' and tags.k = 'v1'",
    "name = 'one' name = 'one'", "name IN ('one')",
    "name = 'one' OR version_number = 1", "tags.k IS NULL",
    "source_path IN ('s3://b/1')",
]

DIFFERENT_VERSIONS = dict.fromkeys([
    "name = 'one' OR version_number = 1", "tags.k IS NULL",
    "source_path IN ('s3://b/1')"], WIDER) | {
    "run_id IN ('x' 'y')": BESIDE,
    "name = 'one' name = 'one'": DANGLING,
}

VERSION_ORDERS = [["name", "version_number"], ["name DESC"],
                  ["version_number DESC", "name"], ["version_number"],
                  ["creation_timestamp", "name", "version_number"],
                  ["last_updated_timestamp DESC", "name", "version_number"],
                  ["run_id"], ["source_path"], ["tags.k"], ["foo"]]


def label(x):
    """What tells a run, an experiment, a model or a version of one."""
    if hasattr(x, "version"):
        return f"{x.name}/{x.version}"
    return x.info.run_name if hasattr(x, "info") else x.name


def judge(search, *refusals):
    """What is found, in order, or REFUSED."""
    try:
        return [label(x) for x in search()]
    except RestException as e:
        assert e.error_code == "INVALID_PARAMETER_VALUE", e
        return REFUSED
    except refusals:
        return REFUSED


def agree(theirs, ours, reason=None):
    # Theirs breaks in several ways on what it does not expect.
    theirs = judge(theirs, MlflowException, ValueError, TypeError)
    ours = judge(ours)
    if reason:
        assert ours != theirs, f"no longer different: {reason}"
    else:
        assert ours == theirs


@pytest.fixture(scope="module")
def client(daemon):
    return MlflowClient(daemon.url)


@pytest.fixture(scope="module")
def experiment(client):
    x = client.create_experiment("grammar")
    for name, start, status, metrics, params, tags in RUNS:
        run = client.create_run(x, start_time=start, run_name=name).info.run_id
        client.log_batch(run, [Metric(k, v, 1, 0) for k, v in metrics.items()],
                         [Param(k, v) for k, v in params.items()],
                         [RunTag(k, v) for k, v in tags.items()])
        if status:
            client.set_terminated(run, status, end_time=start + 1)
    return x


@pytest.fixture(scope="module")
def runs(client, experiment):
    return list(client.search_runs([experiment]))


@pytest.mark.parametrize("text", FILTERS)
def test_filters_of_runs(client, experiment, runs, text):
    agree(lambda: SearchUtils.filter(runs, text),
          lambda: client.search_runs([experiment], text),
          DIFFERENT.get(text))


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_orders_of_runs(client, experiment, runs, order):
    agree(lambda: SearchUtils.sort(runs, order),
          lambda: client.search_runs([experiment], order_by=order),
          DIFFERENT_ORDERS.get(tuple(order)))


@pytest.fixture(scope="module")
def experiments(client):
    for name, tags in EXPERIMENTS:
        client.create_experiment(name, tags=tags)
    return list(client.search_experiments(order_by=["experiment_id"]))


@pytest.mark.parametrize("text", EXPERIMENT_FILTERS)
def test_filters_of_experiments(client, experiments, text):
    agree(lambda: SearchExperimentsUtils.filter(experiments, text),
          lambda: client.search_experiments(
              filter_string=text, order_by=["experiment_id"]),
          DIFFERENT_EXPERIMENTS.get(text))


@pytest.mark.parametrize("order", EXPERIMENT_ORDERS, ids=repr)
def test_orders_of_experiments(client, experiments, order):
    agree(lambda: SearchExperimentsUtils.sort(experiments, order),
          lambda: client.search_experiments(order_by=order))


@pytest.fixture(scope="module")
def models(client):
    for name, tags, sources in MODELS:
        client.create_registered_model(name, tags)
        for i, source in enumerate(sources):
            client.create_model_version(name, source, tags={"k": f"v{i}"})
    return list(client.search_registered_models(order_by=["name"]))


@pytest.mark.parametrize("text", MODEL_FILTERS)
def test_filters_of_models(client, models, text):
    agree(lambda: SearchModelUtils.filter(models, text),
          lambda: client.search_registered_models(
              text, order_by=["name"]),
          DIFFERENT_MODELS.get(text))


def sort_models(models, order):
    """As a server reads the order; sort itself does not know "timestamp"."""
    for item in order:
        SearchUtils.parse_order_by_for_search_registered_models(item)
    return SearchModelUtils.sort(models, [
        item if item.startswith("last_") else
        item.replace("timestamp", "last_updated_timestamp") for item in order])


@pytest.mark.parametrize("order", MODEL_ORDERS, ids=repr)
def test_orders_of_models(client, models, order):
    agree(lambda: sort_models(models, order),
          lambda: client.search_registered_models(order_by=order),
          DIFFERENT_MODEL_ORDERS.get(tuple(order)))


@pytest.fixture(scope="module")
def versions(client, models):
    found = list(client.search_model_versions(
        order_by=["name", "version_number"]))
    for x in found:
        x._version = int(x._version)  # as it is within MLflow's server
    return found


@pytest.mark.parametrize("text", VERSION_FILTERS)
def test_filters_of_versions(client, versions, text):
    agree(lambda: SearchModelVersionUtils.filter(versions, text),
          lambda: client.search_model_versions(
              text, order_by=["name", "version_number"]),
          DIFFERENT_VERSIONS.get(text))


@pytest.mark.parametrize("order", VERSION_ORDERS, ids=repr)
def test_orders_of_versions(client, versions, order):
    agree(lambda: SearchModelVersionUtils.sort(versions, order),
          lambda: client.search_model_versions(order_by=order))
