"""The model registry by unmodified MLflow clients of both generations:
versions from the artifacts of runs, aliases, stages, searches, prompts.
"""
import json
import os
import time
from itertools import count

import mlflow as mlflow_module
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException

from harness import check

GENERATION = int(mlflow_module.__version__.split(".")[0])
numbers = count(1)
pytestmark = pytest.mark.filterwarnings("ignore")
PROMPT_TAG = "tags.`mlflow.prompt.is_prompt`"


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def name():
    return f"model {next(numbers)}"


@pytest.fixture
def model(client, name):
    return client.create_registered_model(name).name


@pytest.fixture
def trained(client, tmp_path):
    """A run with the files of a model."""
    run = client.create_run("0")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "weights").write_bytes(b"\1\2\3")
    (tmp_path / "made" / "MLmodel").write_text(
        "artifact_path: model\nflavors: {}\nmodel_uuid: 1\n"
        f"run_id: {run.info.run_id}\n")
    client.log_artifacts(run.info.run_id, tmp_path / "made", "model")
    return run.info


def version_of(client, model, n=1, **kwargs):
    for i in range(n):
        made = client.create_model_version(model, f"s3://bucket/{model}/{i}",
                                           **kwargs)
    return made


def names(found):
    return [m.name for m in found]


def code(error):
    return error.value.error_code


def test_models(client, name):
    before = int(time.time() * 1000)
    made = client.create_registered_model(name, {"a": "1", "b": ""}, "about")
    assert made.name == name and made.description == "about"
    assert made.tags == {"a": "1", "b": ""}
    assert made.latest_versions == []
    assert before <= made.creation_timestamp == made.last_updated_timestamp
    with pytest.raises(RestException, match="already exists") as e:
        client.create_registered_model(name)
    assert code(e) == "RESOURCE_ALREADY_EXISTS"

    client.set_registered_model_tag(name, "a", "2")
    client.delete_registered_model_tag(name, "b")
    client.delete_registered_model_tag(name, "never")
    assert client.get_registered_model(name).tags == {"a": "2"}
    time.sleep(0.002)
    changed = client.update_registered_model(name, "other")
    assert changed.description == "other"
    assert changed.last_updated_timestamp > made.last_updated_timestamp

    client.delete_registered_model(name)
    with pytest.raises(RestException, match=f"{name} not found") as e:
        client.get_registered_model(name)
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(RestException, match="not found"):
        client.delete_registered_model(name)
    assert client.create_registered_model(name).tags == {}


@pytest.mark.parametrize("bad", ["", "  ", "a/b", "a:b", "..", "x" * 300])
def test_refused_names(client, bad):
    with pytest.raises(MlflowException) as e:
        client.create_registered_model(bad)
    assert code(e) == "INVALID_PARAMETER_VALUE"


def test_register_and_load(tracking, client, trained, name, tmp_path):
    """What a training script does, and whoever takes its model."""
    made = tracking.register_model(f"runs:/{trained.run_id}/model", name)
    assert made.version == "1" or made.version == 1
    assert made.status == "READY" and made.run_id == trained.run_id
    assert made.current_stage == "None"
    again = tracking.register_model(f"runs:/{trained.run_id}/model", name,
                                    tags={"t": "1"})
    assert int(again.version) == 2 and again.tags == {"t": "1"}
    uri = client.get_model_version_download_uri(name, "1")
    assert uri.endswith("/model")

    client.set_registered_model_alias(name, "champion", 2)
    client.transition_model_version_stage(name, "1", "Production")
    for i, wanted in enumerate((f"{name}/1", f"{name}@champion",
                                f"{name}/Production", f"{name}/latest")):
        where = tmp_path / f"down{i}"
        where.mkdir()
        local = tracking.artifacts.download_artifacts(
            f"models:/{wanted}", dst_path=str(where))
        with open(os.path.join(local, "weights"), "rb") as f:
            assert f.read() == b"\1\2\3"


def test_sources(client, trained, model):
    run, inside = trained.run_id, trained.artifact_uri + "/model"
    for source, given in ((inside, run), (f"runs:/{run}/model", run),
                          (inside, None), (f"runs:/{run}/model", None)):
        v = client.create_model_version(model, source, given)
        assert v.source == source and v.run_id == run
    assert client.create_model_version(model, "s3://b/c").run_id in ("", None)

    other = client.create_run("0").info.run_id
    local = "To use a local path as a model version source"
    for source, given, why in (
            ("/etc/passwd", None, local), ("/etc/passwd", run, local),
            ("file:///etc/passwd", None, local), ("data/x", run, local),
            (inside, other, "run_id request parameter must"),
            (f"runs:/{run}/m", other, "run_id request parameter must"),
            ("runs:/unknown/m", None, "run_id request parameter must"),
            ("mlflow-artifacts:/0/none/artifacts", None, "run_id request"),
            (inside + "/../x", run, "relative path references"),
            (inside + "/%2e%2e/x", run, "relative path references"),
            (inside + "/%252e%252e/x", run, "relative path references"),
            ("s3://b/../c", None, "relative path references"),
            ("models:/a/b/c", None, "Invalid model version source"),
            ("models://h/m/1", None, "Invalid model version source")):
        with pytest.raises(RestException, match=why) as e:
            client.create_model_version(model, source, given)
        assert code(e) == "INVALID_PARAMETER_VALUE"
    with pytest.raises(RestException, match="not found") as e:
        client.create_model_version(model, f"models:/{model}/99")
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(RestException, match="not found") as e:
        client.create_model_version(f"no {model}", "s3://b/c")
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"


def test_versions(client, model):
    version_of(client, model, 3)
    before = client.get_registered_model(model).last_updated_timestamp
    time.sleep(0.002)
    client.transition_model_version_stage(model, "1", "Archived")
    staged = client.get_registered_model(model).last_updated_timestamp
    assert staged > before
    time.sleep(0.002)
    v = client.update_model_version(model, "1", "first")
    assert v.description == "first"
    assert v.last_updated_timestamp > v.creation_timestamp
    assert client.get_registered_model(
        model).last_updated_timestamp == staged
    client.set_model_version_tag(model, "1", "k", "v")
    client.set_model_version_tag(model, "1", "k", "w")
    client.set_model_version_tag(model, "1", "big", "x" * 100000)
    assert client.get_model_version(model, "1").tags["k"] == "w"
    assert len(client.get_model_version(model, "1").tags["big"]) == 100000
    with pytest.raises(RestException, match="maximum length of 100000"):
        client.set_model_version_tag(model, "1", "big", "x" * 100001)
    client.delete_model_version_tag(model, "1", "big")
    client.delete_model_version_tag(model, "1", "never")
    assert client.get_model_version(model, "1").tags == {"k": "w"}

    client.delete_model_version(model, "3")
    with pytest.raises(RestException, match="not found") as e:
        client.get_model_version(model, "3")
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(RestException, match="not found"):
        client.delete_model_version(model, "3")
    assert int(version_of(client, model).version) == 4
    with pytest.raises(MlflowException, match="must be an integer") as e:
        client.get_model_version(model, "x")
    assert code(e) == "INVALID_PARAMETER_VALUE"


def test_aliases(client, model):
    version_of(client, model, 2)
    client.set_registered_model_alias(model, "champion", "1")
    client.set_registered_model_alias(model, "é-1_A", "1")
    assert client.get_model_version_by_alias(model, "champion").version in (
        "1", 1)
    assert sorted(client.get_model_version(model, "1").aliases) == [
        "champion", "é-1_A"]
    client.set_registered_model_alias(model, "champion", "2")
    assert client.get_model_version(model, "1").aliases == ["é-1_A"]
    assert {k: str(v) for k, v in client.get_registered_model(
        model).aliases.items()} == {"champion": "2", "é-1_A": "1"}

    client.delete_registered_model_alias(model, "é-1_A")
    client.delete_registered_model_alias(model, "é-1_A")
    with pytest.raises(RestException, match="alias é-1_A not found") as e:
        client.get_model_version_by_alias(model, "é-1_A")
    assert code(e) == "INVALID_PARAMETER_VALUE"
    with pytest.raises(RestException) as e:
        client.get_model_version_by_alias(f"no {model}", "a")
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(RestException) as e:
        client.set_registered_model_alias(model, "a", "9")
    assert code(e) == "RESOURCE_DOES_NOT_EXIST"
    for bad in ("latest", "LATEST", "v1", "V22", "a b", "a/b", "x" * 256):
        with pytest.raises(MlflowException) as e:
            client.set_registered_model_alias(model, bad, "1")
        assert code(e) == "INVALID_PARAMETER_VALUE"
    client.set_registered_model_alias(model, "v1a", "1")
    client.delete_model_version(model, "2")
    with pytest.raises(RestException, match="alias champion not found"):
        client.get_model_version_by_alias(model, "champion")


def test_stages(client, model):
    version_of(client, model, 3)
    stage = client.transition_model_version_stage
    assert stage(model, "1", "production").current_stage == "Production"
    assert stage(model, "2", "Production", True).current_stage == "Production"
    assert client.get_model_version(model, "1").current_stage == "Archived"
    assert stage(model, "3", "Staging").current_stage == "Staging"

    def latest(stages=None):
        return {v.current_stage: int(v.version)
                for v in client.get_latest_versions(model, stages)}

    assert latest() == {"Archived": 1, "Production": 2, "Staging": 3}
    assert latest(["Staging", "production"]) == {"Production": 2,
                                                 "Staging": 3}
    assert latest(["None"]) == {}
    version_of(client, model, 2)
    assert latest(["None"]) == {"None": 5}
    assert {int(v.version) for v in client.get_registered_model(
        model).latest_versions} == {1, 2, 3, 5}
    for bad, others in (("bad", False), ("Archived", True), ("None", True)):
        with pytest.raises(MlflowException) as e:
            stage(model, "1", bad, others)
        assert code(e) == "INVALID_PARAMETER_VALUE"
    with pytest.raises(RestException, match="Value must be one of"):
        client.get_latest_versions(model, ["bad"])


def test_booleans_as_text(daemon, client, model):
    """The R client sends every scalar as a string."""
    version_of(client, model)
    status, _, _ = daemon.request(
        "POST", "/api/2.0/mlflow/model-versions/transition-stage",
        {"name": model, "version": "1", "stage": "Staging",
         "archive_existing_versions": "FALSE"})
    assert status == 200


def test_latest_by_get(daemon, client, model):
    """Old clients ask with the query."""
    version_of(client, model, 2)
    found = daemon.call("registered-models/get-latest-versions", name=model,
                        stages=["None", "Staging"])
    assert [v["version"] for v in found["model_versions"]] == ["2"]


def test_rename(client, model):
    version_of(client, model, 2)
    client.set_registered_model_alias(model, "a", "1")
    client.set_registered_model_tag(model, "t", "1")
    to = f"{model} renamed"
    client.rename_registered_model(model, to)
    with pytest.raises(RestException):
        client.get_registered_model(model)
    moved = client.get_registered_model(to)
    assert moved.tags == {"t": "1"}
    assert client.get_model_version(to, "2").name == to
    assert int(client.get_model_version_by_alias(to, "a").version) == 1
    other = client.create_registered_model(model).name
    with pytest.raises(RestException, match="already exists") as e:
        client.rename_registered_model(other, to)
    assert code(e) == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException, match="cannot contain"):
        client.rename_registered_model(other, "a/b")


def test_delete_takes_all(client, model):
    version_of(client, model, 300)
    client.set_registered_model_alias(model, "a", "7")
    client.delete_registered_model(model)
    assert client.search_model_versions(f"name = '{model}'") == []
    client.create_registered_model(model)
    assert int(version_of(client, model).version) == 1
    with pytest.raises(RestException, match="alias a not found"):
        client.get_model_version_by_alias(model, "a")


def test_copy(client, trained, model):
    first = client.create_model_version(
        model, trained.artifact_uri + "/model", trained.run_id)
    client.set_registered_model_alias(model, "best", first.version)
    for source in (f"models:/{model}/1", f"models:/{model}@best"):
        copy = client.copy_model_version(source, f"{model} copy")
        assert copy.run_id == trained.run_id
        assert copy.source == f"models:/{model}/1"
        assert client.get_model_version_download_uri(
            copy.name, copy.version) == first.source
    second = client.copy_model_version(f"models:/{copy.name}/2",
                                       f"{model} third")
    client.delete_registered_model(model)
    assert client.get_model_version_download_uri(
        second.name, 1) == first.source


def test_search_models(client):
    key = f"k{next(numbers)}"
    for i, value in enumerate(("red", "Red", "blue", None)):
        tags = {key: value} if value else None
        client.create_registered_model(f"{key}-{'dcba'[i]}", tags)
    def found(text, **kwargs):
        return [n[-1] for n in names(client.search_registered_models(
            f"name LIKE '{key}-%'" + (f" AND {text}" if text else ""),
            **kwargs))]

    assert found("") == ["a", "b", "c", "d"]
    assert found("", order_by=["name DESC"]) == ["d", "c", "b", "a"]
    assert found("", order_by=["last_updated_timestamp DESC"])[0] == "a"
    assert found("", order_by=["timestamp"])[0] == "d"
    assert found(f"tags.{key} = 'red'") == ["d"]
    assert found(f"tag.{key} ILIKE 'RED'") == ["c", "d"]
    assert found(f"tags.{key} != 'red'") == ["b", "c"]
    assert found(f"tags.{key} IS NULL") == ["a"]
    assert found(f"NOT tags.{key} = 'red'") == ["a", "b", "c"]
    assert found(f"(tags.{key} = 'blue' OR tags.{key} = 'red')") == ["b",
                                                                     "d"]
    assert found(f"name IN ('{key}-a', '{key}-d')") == ["a", "d"]
    with pytest.raises(RestException, match="Invalid attribute key"):
        found("creation = 1")
    with pytest.raises(RestException, match="page token"):
        found("", page_token="zz")
    seen, token = [], None
    while token != "":
        page = client.search_registered_models(
            f"name LIKE '{key}-%'", max_results=3, page_token=token)
        seen += names(page)
        token = page.token or ""
    assert seen == [f"{key}-{c}" for c in "abcd"]


def test_search_versions(client, trained):
    one, two = (client.create_registered_model(f"s{next(numbers)}").name
                for _ in range(2))
    client.create_model_version(one, trained.artifact_uri, trained.run_id,
                                tags={"t": "1"})
    version_of(client, one, 2)
    version_of(client, two, 11)

    def found(text, **kwargs):
        return [(v.name, int(v.version))
                for v in client.search_model_versions(text, **kwargs)]

    assert found(f"name = '{one}'") == [(one, 3), (one, 2), (one, 1)]
    client.set_model_version_tag(one, "2", "t", "2")
    client.update_model_version(one, "2", "newest")
    assert found(f"name = '{one}'")[0] == (one, 2)
    assert found(f"run_id = '{trained.run_id}'") == [(one, 1)]
    assert found(f"run_id IN ('{trained.run_id}', 'x')") == [(one, 1)]
    assert found(f"source_path LIKE '%/{one}/1'") == [(one, 3)]
    assert found(f"name = '{one}' AND tags.t = '2'") == [(one, 2)]
    assert found(f"name = '{one}' AND tags.t IS NULL") == [(one, 3)]
    assert found(f"name = '{two}' AND version_number > 9") == [(two, 11),
                                                               (two, 10)]
    assert found(f"name IN ('{one}', '{two}') AND version_number = 1",
                 order_by=["name DESC"]) == sorted(
                     [(one, 1), (two, 1)], reverse=True)
    assert found(f"name = '{one}'", order_by=["version_number"]) == [
        (one, 1), (one, 2), (one, 3)]
    page = client.search_model_versions(f"name = '{two}'", max_results=10)
    assert len(page) == 10
    rest = client.search_model_versions(f"name = '{two}'", max_results=10,
                                        page_token=page.token)
    assert [int(v.version) for v in rest] == [1] and not rest.token


def test_prompts_are_apart(daemon, client, name):
    """What clients refuse by themselves."""
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]

    def post(call, **body):
        status, _, text = daemon.request(
            "POST", f"/api/2.0/mlflow/{call}/create", body)
        return status, json.loads(text).get("message")

    assert post("registered-models", name=name, tags=tags) == (200, None)
    assert post("registered-models", name=name, tags=tags) == (
        400, f"Prompt (name={name}) already exists.")
    assert post("model-versions", name=name, source="dummy-source",
                tags=tags) == (200, None)
    status, why = post("model-versions", name=name, source="s3://b/c",
                       tags=tags)
    assert status == 400 and "Prompt sources must be what MLflow" in why
    with pytest.raises(RestException, match="already taken by a prompt"):
        client.create_registered_model(name)
    other = client.create_registered_model(f"no {name}").name
    status, why = post("model-versions", name=other,
                       source=f"models:/{name}/1")
    assert status == 400 and "Prompt versions cannot be used" in why


def test_prompts(daemon, tracking, client, name):
    register = getattr(tracking, "register_prompt", None)
    load = getattr(tracking, "load_prompt", None)
    if GENERATION > 2:
        register = tracking.genai.register_prompt
        load = tracking.genai.load_prompt
    name = name.replace(" ", "-")
    first = register(name, "Say {{what}}.", tags={"a": "1"})
    assert int(first.version) == 1
    second = register(name, "Shout {{what}}!", commit_message="louder")
    assert int(second.version) == 2
    assert load(f"prompts:/{name}/1").template == "Say {{what}}."
    got = load(f"prompts:/{name}/2")
    assert got.template == "Shout {{what}}!"
    assert got.format(what="it") == "Shout it!"
    set_alias = (tracking.genai.set_prompt_alias if GENERATION > 2
                 else tracking.set_prompt_alias)
    set_alias(name, "loud", 2)
    assert int(load(f"prompts:/{name}@loud").version) == 2
    with pytest.raises(MlflowException):
        load(f"prompts:/{name}/9")

    def found(kind, text):
        listed = daemon.call(f"{kind}/search", filter=text)
        return {m["name"] for v in listed.values() for m in v}

    for kind in ("registered-models", "model-versions"):
        only = f"name = '{name}'"
        assert found(kind, only) == set()
        assert found(kind, f"{only} AND {PROMPT_TAG} = 'true'") == {name}
        assert found(kind, f"{only} AND {PROMPT_TAG} != 'false'") == {name}
        assert found(kind, f"{only} AND {PROMPT_TAG} = 'false'") == set()
        assert found(kind, f"{only} OR {PROMPT_TAG} = 'true'") >= {name}
        assert name not in found(kind, f"{PROMPT_TAG} != 'true'")
    big = "x" * 100000
    assert int(register(name, big).version) == 3
    assert load(f"prompts:/{name}/3").template == big
    with pytest.raises(MlflowException, match="100000"):
        register(name, big + "x")


def test_paths_of_artifacts_are_kept(client, trained, model, tmp_path):
    """A version's files stay where the run has them."""
    client.create_model_version(model, trained.artifact_uri + "/model",
                                trained.run_id)
    listed = client.list_artifacts(trained.run_id, "model")
    assert [a.path for a in listed] == ["model/MLmodel", "model/weights"]


def test_nothing_is_wrong_afterwards(daemon):
    assert check(daemon.data) == ""
