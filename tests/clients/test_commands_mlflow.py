"""MLflow's command line, projects and prompts, as both generations have them,
against the daemon.
"""
import json
import sys
import time
from pathlib import Path

import mlflow as mlflow_module
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from harness import check

THIRD = int(mlflow_module.__version__.split(".")[0]) >= 3
second = pytest.mark.skipif(THIRD, reason="prompts of the second")
third = pytest.mark.skipif(not THIRD, reason="prompts of the third")
pytestmark = pytest.mark.filterwarnings("ignore")

TRAIN = """\
import sys
import mlflow
with mlflow.start_run():
    mlflow.log_metric("double", 2 * float(sys.argv[1]))
    mlflow.log_text(sys.argv[2], "said.txt")
"""


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(tracking, request):
    return tracking.set_experiment(
        f"{request.node.name}-{time.time_ns()}").experiment_id


@pytest.fixture
def command(tracking, daemon, monkeypatch):
    """mlflow WORDS..., in this process; answers what it printed."""
    from click.testing import CliRunner
    from mlflow.cli import cli

    monkeypatch.setenv("MLFLOW_TRACKING_URI", daemon.url)

    def run(*words):
        result = CliRunner().invoke(cli, [str(w) for w in words])
        assert result.exit_code == 0, (words, result.output,
                                       result.exception)
        return result.output
    return run


# --- commands -----------------------------------------------------------------

def test_experiments(command, client):
    name = f"by command {time.time_ns()}"
    said = command("experiments", "create", "-n", name)
    x = client.get_experiment_by_name(name).experiment_id
    assert f"with id {x}" in said
    assert name in command("experiments", "search")
    command("experiments", "rename", "-x", x, "--new-name", f"{name} new")
    command("experiments", "delete", "-x", x)
    assert name not in command("experiments", "search")
    assert f"{name} new" in command("experiments", "search", "--view",
                                    "deleted_only")
    command("experiments", "restore", "-x", x)
    assert client.get_experiment(x).lifecycle_stage == "active"


def test_runs(command, client, experiment):
    runs = [client.create_run(experiment, run_name=f"n{i}").info.run_id
            for i in range(3)]
    client.log_param(runs[1], "a", "1")
    client.log_metric(runs[1], "m", 0.5)
    listed = command("runs", "list", "--experiment-id", experiment)
    assert all(r in listed for r in runs)
    told = json.loads(command("runs", "describe", "--run-id", runs[1]))
    assert told["info"]["run_id"] == runs[1]
    assert told["data"]["params"] == {"a": "1"}
    assert told["data"]["metrics"] == {"m": 0.5}
    command("runs", "delete", "--run-id", runs[0])
    assert runs[0] not in command("runs", "list", "--experiment-id",
                                  experiment)
    assert runs[0] in command("runs", "list", "--experiment-id", experiment,
                              "--view", "deleted_only")
    command("runs", "restore", "--run-id", runs[0])
    table = command("experiments", "csv", "-x", experiment)
    lines = [line for line in table.splitlines() if experiment in line]
    assert len(lines) == 3 and "params.a" in table


def test_artifacts(command, client, experiment, tmp_path):
    run = client.create_run(experiment).info.run_id
    (tmp_path / "up" / "deep er").mkdir(parents=True)
    (tmp_path / "up" / "one é.txt").write_text("1")
    (tmp_path / "up" / "deep er" / "two").write_text("22")
    command("artifacts", "log-artifact", "-r", run, "-l",
            tmp_path / "up" / "one é.txt", "-a", "single")
    command("artifacts", "log-artifacts", "-r", run, "-l", tmp_path / "up")
    listed = json.loads(command("artifacts", "list", "-r", run))
    assert sorted((f["path"], f["is_dir"]) for f in listed) == [
        ("deep er", True), ("one é.txt", False), ("single", True)]
    for words, name, text in (
            (("-r", run, "-a", "deep er"), "two", "22"),
            (("-r", run, "-a", "single"), "one é.txt", "1"),
            (("-u", f"runs:/{run}/deep er"), "two", "22")):
        where = tmp_path / f"down{len(list(tmp_path.iterdir()))}"
        where.mkdir()
        command("artifacts", "download", *words, "-d", where)
        assert [p.read_text() for p in where.rglob(name)] == [text]


def test_project(tracking, client, experiment, tmp_path, monkeypatch):
    """A project is run by another process, in the run that is made for it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "MLproject").write_text(
        "name: small\nentry_points:\n  main:\n    parameters:\n"
        "      x: {type: float, default: 1}\n      word: string\n"
        '    command: "python train.py {x} {word}"\n')
    done = tracking.projects.run(
        str(tmp_path), parameters={"x": 21, "word": "said"},
        experiment_id=experiment, env_manager="local")
    assert done.get_status() == "FINISHED"
    run = client.get_run(done.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"double": 42}
    assert run.data.params == {"x": "21", "word": "said"}
    assert run.data.tags["mlflow.project.entryPoint"] == "main"
    assert tracking.artifacts.load_text(
        f"runs:/{done.run_id}/said.txt") == "said"


# --- prompts ------------------------------------------------------------------

@third
def test_prompts_in_chats(tracking, client):
    name = f"chat-{time.time_ns()}"
    chat = [{"role": "system", "content": "Answer in {{ language }}."},
            {"role": "user", "content": "{{question}} é\n"}]
    first = tracking.genai.register_prompt(
        name, chat, commit_message="as it was", tags={"author": "a"},
        response_format={"type": "object"}, model_config={
            "model_name": "m", "temperature": 0.5})
    got = tracking.genai.load_prompt(f"prompts:/{name}/{first.version}")
    assert got.template == chat and got.commit_message == "as it was"
    assert got.tags["author"] == "a"
    assert got.response_format == {"type": "object"}
    assert got.model_config["temperature"] == 0.5
    assert got.variables == {"language", "question"}
    assert got.format(language="Latin", question="?")[0]["content"] == (
        "Answer in Latin.")
    assert tracking.genai.load_prompt(
        f"prompts:/{name}/7", allow_missing=True) is None
    with pytest.raises(MlflowException):
        tracking.genai.load_prompt(f"none{name}", version=1)


@third
def test_prompts_move_on(tracking, client):
    """Aliases and tags of a prompt and of its versions."""
    name, genai = f"moving-{time.time_ns()}", tracking.genai
    for i in range(3):
        genai.register_prompt(name, f"Try {i}: {{{{x}}}}", tags={"i": str(i)})
    for version in (1, 3, 2):
        genai.set_prompt_alias(name, "production", version)
        uncached = genai.load_prompt(f"prompts:/{name}@production",
                                     cache_ttl_seconds=0)
        assert uncached.version == version
        assert uncached.template == f"Try {version - 1}: {{{{x}}}}"
        assert uncached.aliases == ["production"]
    assert genai.load_prompt(f"prompts:/{name}@latest",
                             cache_ttl_seconds=0).version == 3
    genai.delete_prompt_alias(name, "production")
    with pytest.raises(MlflowException):
        genai.load_prompt(f"prompts:/{name}@production", cache_ttl_seconds=0)

    genai.set_prompt_tag(name, "team", "red")
    genai.set_prompt_tag(name, "gone", "1")
    genai.delete_prompt_tag(name, "gone")
    assert client.get_prompt(name).tags["team"] == "red"
    assert "gone" not in client.get_prompt(name).tags
    genai.set_prompt_version_tag(name, 2, "i", "two")
    genai.set_prompt_version_tag(name, 2, "gone", "1")
    genai.delete_prompt_version_tag(name, 2, "gone")
    assert {k: v for k, v in genai.load_prompt(
        name, version=2, cache_ttl_seconds=0).tags.items()
        if k in ("i", "gone")} == {"i": "two"}
    client.delete_prompt_version(name, "3")
    assert genai.load_prompt(f"prompts:/{name}@latest",
                             cache_ttl_seconds=0).version == 2


@third
def test_prompts_are_found(tracking, client):
    start, genai = f"found-{time.time_ns()}", tracking.genai
    for i in range(5):
        genai.register_prompt(f"{start}-{i}", "x {{y}}")
        genai.set_prompt_tag(f"{start}-{i}", "odd", str(i % 2))
    client.create_registered_model(f"{start}-model")

    def found(text, **kwargs):
        return [p.name[-1] for p in genai.search_prompts(
            f"name LIKE '{start}%'" + text, **kwargs)]

    assert found("") == list("01234")
    assert found(" AND tags.odd = '1'") == list("13")
    page = client.search_prompts(f"name LIKE '{start}%'", max_results=3)
    rest = client.search_prompts(f"name LIKE '{start}%'", max_results=3,
                                 page_token=page.token)
    assert [p.name[-1] for p in [*page, *rest]] == list("01234")
    models = client.search_registered_models(f"name LIKE '{start}%'")
    assert [m.name for m in models] == [f"{start}-model"]


@second
def test_logged_prompts(tracking, client, experiment):
    """How the second generation ties a prompt to runs."""
    name = f"logged-{time.time_ns()}"
    for i in range(2):
        tracking.register_prompt(name, f"Say {{{{x}}}} {i}.")
    runs = [client.create_run(experiment).info.run_id for _ in range(2)]
    for version, run in ((1, runs[0]), (2, runs[0]), (2, runs[1])):
        client.log_prompt(run, f"prompts:/{name}/{version}")

    def logged(run):
        return sorted(int(p.version) for p in client.list_logged_prompts(run))

    assert logged(runs[0]) == [1, 2] and logged(runs[1]) == [2]
    client.detach_prompt_from_run(runs[0], f"prompts:/{name}/2")
    assert logged(runs[0]) == [1] and logged(runs[1]) == [2]
    client.delete_prompt(name, 2)
    assert logged(runs[1]) == []


@third
def test_prompts_of_runs(tracking, client, experiment):
    """A run, and what was searched for, know the prompts that were used."""
    name = f"used-{time.time_ns()}"
    version = tracking.genai.register_prompt(name, "Say {{x}}.").version
    with tracking.start_run() as run:
        tracking.genai.load_prompt(f"prompts:/{name}/{version}")
    linked = client.get_run(run.info.run_id).data.tags.get(
        "mlflow.linkedPrompts", "[]")
    assert json.loads(linked) == [{"name": name, "version": str(version)}]


def test_nothing_is_wrong_afterwards(daemon):
    assert check(daemon.data) == ""
