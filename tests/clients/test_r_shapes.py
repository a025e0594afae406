"""Requests as MLflow's R client makes them: every scalar is a string, booleans
are "TRUE" and "FALSE", absent values are left out, lists are lists of such
objects; a GET has the same in its query. Each must be taken as if typed.
"""
import json
import urllib.parse

import pytest

API = "/api/2.0/mlflow/"
AGENT = {"User-Agent": "mlflow-r-client/3.0.0"}


def ask(daemon, method, path, **fields):
    body = None
    if method == "GET":
        path += "?" + urllib.parse.urlencode(fields, doseq=True)
    else:
        body = fields
    status, _, text = daemon.request(method, API + path, body, AGENT)
    return status, json.loads(text)


def text_of(x):
    """Any value as R would send it."""
    if isinstance(x, dict):
        return {k: text_of(v) for k, v in x.items()}
    if isinstance(x, list):
        return [text_of(v) for v in x]
    if isinstance(x, bool):
        return "TRUE" if x else "FALSE"
    return x if isinstance(x, str) else repr(x)


class Place:
    """What the requests are about; names in braces stand for it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.experiment = daemon.experiment("of R")
        self.run = daemon.run(self.experiment)["run_id"]
        self.other = daemon.run(self.experiment)["run_id"]
        daemon.call("registered-models/create", {"name": "R"})
        for _ in range(3):
            daemon.call("model-versions/create", {"name": "R",
                                                  "source": "s3://b/p"})

    def fill(self, x):
        if isinstance(x, str):
            return x.format(X=self.experiment, R=self.run, O=self.other)
        if isinstance(x, dict):
            return {k: self.fill(v) for k, v in x.items()}
        return [self.fill(v) for v in x]


@pytest.fixture(scope="module")
def place(daemon):
    return Place(daemon)


POINT = {"key": "m", "value": 0.25, "timestamp": 1700000000000, "step": 7}
MODEL = json.dumps({"artifact_path": "m", "run_id": "x", "flavors": {},
                    "utc_time_created": "2026-01-01"}).replace(
                        "{", "{{").replace("}", "}}")

# method, path, fields as they are meant; in the order in which they are sent.
CALLS = [
    ("POST", "experiments/create", {"name": "R made",
                                    "artifact_location": "s3://b/r"}),
    ("POST", "experiments/create", {
        "name": "R tagged", "tags": [{"key": "a", "value": "1"}]}),
    ("GET", "experiments/get", {"experiment_id": "{X}"}),
    ("GET", "experiments/get-by-name", {"experiment_name": "of R"}),
    ("GET", "experiments/search", {"max_results": 5, "filter": "name LIKE 'o%'",
                                   "view_type": "ACTIVE_ONLY"}),
    ("POST", "experiments/search", {"max_results": 5, "view_type": "ALL",
                                    "order_by": ["name ASC"]}),
    ("POST", "experiments/set-experiment-tag", {
        "experiment_id": "{X}", "key": "k", "value": 5}),
    ("POST", "experiments/update", {"experiment_id": "{X}",
                                    "new_name": "of R, renamed"}),
    ("POST", "experiments/delete", {"experiment_id": "{X}"}),
    ("POST", "experiments/restore", {"experiment_id": "{X}"}),
    ("POST", "runs/create", {"experiment_id": "{X}", "user_id": "r",
                             "start_time": 1700000000000,
                             "tags": [{"key": "mlflow.runName",
                                       "value": "by R"}]}),
    ("GET", "runs/get", {"run_uuid": "{R}", "run_id": "{R}"}),
    ("POST", "runs/update", {"run_uuid": "{R}", "run_id": "{R}",
                             "status": "RUNNING", "end_time": 1700000000001}),
    ("POST", "runs/search", {"experiment_ids": ["{X}"], "max_results": 3,
                             "filter": "metrics.m > 0", "order_by": [],
                             "run_view_type": "ACTIVE_ONLY"}),
    ("POST", "runs/log-metric", {"run_uuid": "{R}", "run_id": "{R}", **POINT}),
    ("POST", "runs/log-metric", {"run_id": "{R}", **POINT, "value": 1e-300}),
    ("POST", "runs/log-metric", {"run_id": "{R}", **POINT, "step": -3}),
    ("POST", "runs/log-parameter", {"run_uuid": "{R}", "run_id": "{R}",
                                    "key": "p", "value": 0.1}),
    ("POST", "runs/log-parameter", {"run_id": "{R}", "key": "flag",
                                    "value": True}),
    ("POST", "runs/set-tag", {"run_uuid": "{R}", "run_id": "{R}", "key": "t",
                              "value": False}),
    ("POST", "runs/delete-tag", {"run_id": "{R}", "key": "t"}),
    ("POST", "runs/log-batch", {
        "run_id": "{R}", "metrics": [POINT, {**POINT, "step": 8}],
        "params": [{"key": "q", "value": 1}],
        "tags": [{"key": "u", "value": True}]}),
    ("POST", "runs/log-model", {"run_id": "{R}", "model_json": MODEL}),
    ("POST", "runs/delete", {"run_id": "{O}"}),
    ("POST", "runs/restore", {"run_id": "{O}"}),
    ("GET", "artifacts/list", {"run_uuid": "{R}", "run_id": "{R}"}),
    ("GET", "metrics/get-history", {
        "run_uuid": "{R}", "run_id": "{R}", "metric_key": "m",
        "max_results": 25000}),
    ("POST", "registered-models/create", {
        "name": "R new", "description": "d",
        "tags": [{"key": "k", "value": 1}]}),
    ("GET", "registered-models/get", {"name": "R"}),
    ("GET", "registered-models/search", {"max_results": 100}),
    ("GET", "registered-models/search", {
        "filter": "name = 'R'", "max_results": 1, "order_by": ["name DESC"]}),
    ("PATCH", "registered-models/update", {"name": "R", "description": "e"}),
    ("POST", "registered-models/rename", {"name": "R new",
                                          "new_name": "R newer"}),
    ("DELETE", "registered-models/delete", {"name": "R newer"}),
    ("GET", "registered-models/get-latest-versions", {
        "name": "R", "stages": ["None", "Staging"]}),
    ("POST", "registered-models/get-latest-versions", {
        "name": "R", "stages": ["None"]}),
    ("POST", "registered-models/set-tag", {"name": "R", "key": "k",
                                           "value": 3}),
    ("DELETE", "registered-models/delete-tag", {"name": "R", "key": "k"}),
    ("POST", "model-versions/create", {
        "name": "R", "source": "s3://b/q", "run_id": "{R}",
        "tags": [{"key": "k", "value": 1}], "run_link": "http://h/r"}),
    ("GET", "model-versions/get", {"name": "R", "version": 1}),
    ("PATCH", "model-versions/update", {"name": "R", "version": 1,
                                        "description": "first"}),
    ("POST", "model-versions/transition-stage", {
        "name": "R", "version": 1, "stage": "Staging",
        "archive_existing_versions": False}),
    ("POST", "model-versions/transition-stage", {
        "name": "R", "version": 2, "stage": "Staging",
        "archive_existing_versions": True}),
    ("POST", "model-versions/set-tag", {"name": "R", "version": 2, "key": "k",
                                        "value": True}),
    ("DELETE", "model-versions/delete-tag", {"name": "R", "version": 2,
                                             "key": "k"}),
    ("GET", "model-versions/search", {"filter": "name = 'R'",
                                      "max_results": 2}),
    ("GET", "model-versions/get-download-uri", {"name": "R", "version": 1}),
    ("DELETE", "model-versions/delete", {"name": "R", "version": 3}),
]


@pytest.mark.parametrize("method,path,fields", CALLS,
                         ids=[f"{i}-{c[1]}" for i, c in enumerate(CALLS)])
def test_every_scalar_is_a_string(place, method, path, fields):
    status, told = ask(place.daemon, method, path,
                       **place.fill(text_of(fields)))
    assert status == 200, told


def test_what_was_meant(place):
    """In the end: what all these strings stood for."""
    d = place.daemon
    points = d.history(place.run, "m")
    assert sorted((p["step"], p["value"]) for p in points) == [
        (-3, 0.25), (7, 1e-300), (7, 0.25), (8, 0.25)]
    assert {p["timestamp"] for p in points} == {1700000000000}
    run = d.call("runs/get", run_id=place.run)["run"]
    assert run["info"]["end_time"] == 1700000000001
    assert {p["key"]: p["value"] for p in run["data"]["params"]} == {
        "p": "0.1", "flag": "TRUE", "q": "1"}
    tags = {t["key"]: t["value"] for t in run["data"]["tags"]}
    assert "t" not in tags and tags["u"] == "TRUE"
    stages = {v["version"]: v["current_stage"] for v in d.call(
        "model-versions/search", filter="name = 'R'")["model_versions"]}
    assert stages == {"1": "Archived", "2": "Staging", "4": "None"}


@pytest.mark.parametrize("path,fields", [
    ("runs/log-metric", {**POINT, "value": "many"}),
    ("runs/log-metric", {**POINT, "step": "1.5"}),
    ("runs/log-metric", {**POINT, "step": "7L"}),
    ("runs/log-metric", {**POINT, "timestamp": "NA"}),
    ("runs/log-metric", {**POINT, "value": "NA"}),
    ("runs/update", {"status": "done"}),
    ("runs/update", {"end_time": "soon"}),
    ("runs/search", {"max_results": "few"}),
    ("runs/search", {"run_view_type": "SOME"}),
    ("model-versions/transition-stage", {
        "name": "R", "version": "1", "stage": "Staging",
        "archive_existing_versions": "maybe"}),
    ("model-versions/transition-stage", {
        "name": "R", "version": "1", "stage": "Staging",
        "archive_existing_versions": "NA"}),
    ("model-versions/transition-stage", {
        "name": "R", "version": "first", "stage": "Staging",
        "archive_existing_versions": "TRUE"}),
], ids=repr)
def test_strings_that_stand_for_nothing(place, path, fields):
    status, told = ask(place.daemon, "POST", path, run_id=place.run,
                       **text_of(fields))
    assert status == 400, told
    assert told["error_code"] == "INVALID_PARAMETER_VALUE", told
