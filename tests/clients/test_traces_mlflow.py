"""Unmodified MLflow clients: traces, as both generations log them (the second
begins and ends them and puts a file, the third exports spans by OTLP), find
them again, and say something about them.
"""
import json
import os
import threading
import time

# The third generation's flush takes a second each time; one test is about it.
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

import mlflow  # noqa: E402
import pytest  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import SpanType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

THIRD = int(mlflow.__version__.split(".")[0]) >= 3
third = pytest.mark.skipif(not THIRD, reason="came with MLflow 3")
second = pytest.mark.skipif(THIRD, reason="how MLflow 2 does it")


@pytest.fixture
def client(tracking):
    return MlflowClient()


@pytest.fixture
def experiment(tracking, request):
    return tracking.set_experiment(
        f"{request.node.name}-{time.time_ns()}").experiment_id


def id_of(x):
    return x.trace_id if THIRD else x.request_id


def traced(name="work", inputs=None, outputs=None, tags=None, **attributes):
    """The id of a trace of one span, logged."""
    with mlflow.start_span(name, span_type=SpanType.TOOL,
                           attributes=attributes) as span:
        span.set_inputs(inputs)
        span.set_outputs(outputs)
        if tags:
            mlflow.update_current_trace(tags=tags)
    return id_of(span)


def found(experiment, filter_string=None, **kwargs):
    """Names of the traces that a search finds, in its order."""
    traces = MlflowClient().search_traces(
        [experiment], filter_string=filter_string, **kwargs)
    return [t.info.tags["mlflow.traceName"] for t in traces]


# --- what is logged comes back ---------------------------------------------

VALUES = {"text": "naïve Δ 漢字 \U0001f600 \n\t\"\\ \x7f", "none": None,
          "numbers": [0, -1, 2**53 + 1, 1.5, 1e-7, 1e300], "yes": True,
          "empty": {}, "list": [], "deep": {"a": [{"b": [[["c"]]]}]},
          "json": "{\"a\":1}", "blank": ""}


def test_nested_functions(tracking, experiment):
    @mlflow.trace(name="leaf", span_type=SpanType.RETRIEVER)
    def leaf(x):
        return {"doubled": x * 2}

    @mlflow.trace
    def root(x, y="é"):
        with mlflow.start_span("middle") as span:
            span.set_attributes({"k": VALUES})
            return leaf(x)

    assert root(21) == {"doubled": 42}
    [trace] = MlflowClient().search_traces([experiment])
    spans = {s.name: s for s in trace.data.spans}
    assert set(spans) == {"root", "middle", "leaf"}
    assert spans["root"].parent_id is None
    assert spans["middle"].parent_id == spans["root"].span_id
    assert spans["leaf"].parent_id == spans["middle"].span_id
    assert spans["root"].inputs == {"x": 21, "y": "é"}
    assert spans["leaf"].outputs == {"doubled": 42}
    assert spans["leaf"].span_type == "RETRIEVER"
    assert spans["middle"].attributes["k"] == VALUES
    assert all(s.start_time_ns <= s.end_time_ns for s in trace.data.spans)
    assert trace.info.experiment_id == experiment
    assert trace.info.status == "OK"
    assert json.loads(trace.data.request) == {"x": 21, "y": "é"}
    assert json.loads(trace.data.response) == {"doubled": 42}


def test_same_spans_by_every_way(daemon, tracking, experiment):
    with mlflow.start_span("root") as root:
        root.set_inputs(VALUES)
        root.set_attribute("plain", "text")
        root.add_event(mlflow.entities.SpanEvent(
            "saw", timestamp=123456789, attributes={"n": 1, "s": "é"}))
        with mlflow.start_span("child") as child:
            child.set_outputs([VALUES])
    want = [root.to_dict(), child.to_dict()]
    trace = mlflow.get_trace(id_of(root))
    assert [s.to_dict() for s in trace.data.spans] == want
    status, _, body = daemon.request(
        "GET", f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id="
        f"{id_of(root)}")
    assert status == 200
    got = mlflow.entities.TraceData.from_dict(json.loads(body))
    assert [s.to_dict() for s in got.spans] == want


def test_an_error(tracking, experiment):
    @mlflow.trace
    def failing():
        raise ValueError("on purpose: ü")

    with pytest.raises(ValueError):
        failing()
    [trace] = MlflowClient().search_traces(
        [experiment], filter_string="status = 'ERROR'")
    [span] = trace.data.spans
    assert span.status.status_code == "ERROR"
    assert "on purpose: ü" in span.status.description
    [event] = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert "on purpose: ü" in event.attributes["exception.message"]
    assert not found(experiment, "status = 'OK'")


def test_a_thousand_spans(tracking, experiment):
    with mlflow.start_span("root") as root:
        for i in range(999):
            with mlflow.start_span(f"step {i}") as span:
                span.set_inputs({"i": i, "text": f"input {i} " * 5})
    trace = mlflow.get_trace(id_of(root))
    spans = trace.data.spans
    assert len(spans) == 1000 and len({s.span_id for s in spans}) == 1000
    assert {s.inputs["i"] for s in spans if s.inputs} == set(range(999))


def test_threads(tracking, experiment):
    def many(n):
        for i in range(10):
            with mlflow.start_span(f"{n}.{i}"):
                pass

    threads = [threading.Thread(target=many, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert set(found(experiment, max_results=100)) == {
        f"{n}.{i}" for n in range(8) for i in range(10)}


def test_client_calls(tracking, experiment, client):
    """Spans begun and ended by hand."""
    root = client.start_trace("by hand", inputs={"a": 1}, tags={"t": "v"},
                              experiment_id=experiment)
    child = client.start_span("inner", id_of(root), root.span_id,
                              attributes={"k": [1, 2]})
    client.end_span(id_of(root), child.span_id, outputs=2, status="ERROR")
    client.end_trace(id_of(root), outputs={"b": 2})
    trace = client.get_trace(id_of(root))
    assert trace.info.tags["t"] == "v"
    assert [s.name for s in trace.data.spans] == ["by hand", "inner"]
    assert trace.data.spans[1].get_attribute("k") == [1, 2]
    assert trace.data.spans[1].status.status_code == "ERROR"
    assert trace.info.execution_time_ms is not None


def test_unknown(tracking, experiment, client):
    with pytest.raises(MlflowException, match="not found"):
        client.get_trace("tr-" + "0" * 32)
    assert mlflow.get_trace("tr-" + "0" * 32) is None


@third
def test_log_trace(tracking, experiment):
    trace_id = mlflow.log_trace(name="afterwards", request={"q": 1},
                                response="a", attributes={"x": 1},
                                tags={"k": "v"}, start_time_ms=1000,
                                execution_time_ms=250)
    info = mlflow.get_trace(trace_id).info
    assert (info.request_time, info.execution_duration) == (1000, 250)
    assert info.tags["k"] == "v"


@third
def test_attachments(tracking, experiment):
    from mlflow.tracing.attachments import Attachment

    data = bytes(range(256)) * 40
    with mlflow.start_span("seen") as span:
        span.set_inputs({"image": Attachment(content_type="image/png",
                                             content_bytes=data)})
    trace = mlflow.get_trace(span.trace_id)
    ref = Attachment.parse_ref(trace.data.spans[0].inputs["image"])
    repo = mlflow.tracing.client.TracingClient()._get_artifact_repo_for_trace(
        trace.info)
    assert repo.download_trace_attachment(ref["attachment_id"]) == data


@third
def test_links_between_spans(tracking, experiment):
    from mlflow.entities import Link

    first = mlflow.get_trace(traced("first")).data.spans[0]
    with mlflow.start_span("second") as span:
        span.add_link(Link(first.trace_id, first.span_id, {"why": "x"}))
    [link] = mlflow.get_trace(span.trace_id).data.spans[0].links
    assert (link.trace_id, link.span_id) == (first.trace_id, first.span_id)
    assert link.attributes == {"why": "x"}


@third
def test_token_usage(tracking, experiment):
    with mlflow.start_span("root", span_type=SpanType.LLM) as span:
        span.set_attribute("mlflow.chat.tokenUsage", {
            "input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
    assert mlflow.get_trace(span.trace_id).info.token_usage == {
        "input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


@third
def test_session_and_user(tracking, experiment):
    with mlflow.start_span("chat") as span:
        mlflow.update_current_trace(
            metadata={"mlflow.trace.session": "s-1",
                      "mlflow.trace.user": "u-1"},
            client_request_id="req-1")
    info = mlflow.get_trace(span.trace_id).info
    assert info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert info.client_request_id == "req-1"
    assert found(experiment, "metadata.`mlflow.trace.user` = 'u-1'")


# --- searching --------------------------------------------------------------

def test_filters(tracking, experiment):
    traced("alpha", inputs={"q": "cat"}, tags={"env": "prod"})
    traced("beta", inputs={"q": "dog"}, tags={"env": "dev"})
    rows = {
        "tags.env = 'prod'": ["alpha"],
        "tags.env != 'prod'": ["beta"],
        "tag.env LIKE 'd%'": ["beta"],
        "name = 'alpha'": ["alpha"],
        "status = 'OK'": ["beta", "alpha"],
        "status = 'OK' AND tags.env = 'dev'": ["beta"],
        "timestamp > 0": ["beta", "alpha"],
        "timestamp_ms < 1000": [],
        "execution_time_ms >= 0": ["beta", "alpha"],
        None: ["beta", "alpha"],
    }
    for text, names in rows.items():
        assert found(experiment, text) == names, text
    for wrong in ("nonsense = 'x'", "status", "tags.env ~ 'x'"):
        with pytest.raises(MlflowException, match="(?i)invalid"):
            found(experiment, wrong)


@third
def test_filters_by_spans(tracking, experiment):
    traced("alpha", kind="mammal")
    traced("beta", kind="bird")
    assert found(experiment, "span.name = 'alpha'") == ["alpha"]
    assert found(experiment, "span.type = 'TOOL'") == ["beta", "alpha"]
    assert found(experiment, "span.attributes.kind = 'bird'") == ["beta"]
    assert found(experiment, "trace.text LIKE '%mammal%'") == ["alpha"]


def test_order_and_pages(tracking, experiment, client):
    for i in range(7):
        traced(f"t{i}")
    names = [f"t{i}" for i in range(7)]
    assert found(experiment) == names[::-1]
    assert found(experiment, order_by=["timestamp ASC"]) == names
    got, token = [], None
    while True:
        page = client.search_traces([experiment], max_results=3,
                                    order_by=["timestamp_ms ASC"],
                                    page_token=token)
        got += [t.info.tags["mlflow.traceName"] for t in page]
        assert len(page) <= 3
        token = page.token
        if not token:
            break
    assert got == names
    frame = mlflow.search_traces([experiment] if not THIRD else None,
                                 **({"locations": [experiment]} if THIRD
                                    else {}), max_results=5)
    assert len(frame) == 5


@third
def test_several_at_once(tracking, experiment):
    from mlflow.tracing.client import TracingClient

    ids = [traced(f"t{i}") for i in range(12)]
    asked = [*ids[::-1], "tr-" + "0" * 32]
    got = TracingClient().batch_get_traces(asked)
    assert {t.info.trace_id for t in got} == set(ids)
    infos = TracingClient().store.batch_get_trace_infos(asked)
    assert [t.trace_id for t in infos] == ids[::-1]


@third
def test_figures(tracking, experiment):
    from mlflow.entities.trace_metrics import (AggregationType,
                                               MetricAggregation,
                                               MetricViewType)

    begin = int(time.time() * 1000)
    for name in ("a", "a", "b"):
        traced(name)
    store = mlflow.tracing.client.TracingClient().store
    points = store.query_trace_metrics(
        [experiment], MetricViewType.SPANS, "latency",
        [MetricAggregation(AggregationType.AVG),
         MetricAggregation(AggregationType.PERCENTILE, 50)],
        dimensions=["span_name"])
    assert [p.dimensions for p in points] == [{"span_name": "a"},
                                              {"span_name": "b"}]
    assert all(set(p.values) == {"AVG", "P50.0"} for p in points)
    [point] = store.query_trace_metrics(
        [experiment], MetricViewType.TRACES, "trace_count",
        [MetricAggregation(AggregationType.COUNT)],
        time_interval_seconds=86400 * 365 * 100, start_time_ms=begin - 1000,
        end_time_ms=begin + 10**6)
    assert point.values == {"COUNT": 3}
    assert point.dimensions == {"time_bucket": "1970-01-01T00:00:00+00:00"}


def test_delete(tracking, experiment, client):
    ids = [traced(f"t{i}") for i in range(4)]
    name = "trace_ids" if THIRD else "request_ids"
    assert client.delete_traces(experiment, **{name: ids[:1]}) == 1
    assert client.delete_traces(experiment, **{name: ids[:1]}) == 0
    assert found(experiment) == ["t3", "t2", "t1"]
    assert client.delete_traces(experiment, max_timestamp_millis=2**52,
                                max_traces=1) == 1
    assert found(experiment) == ["t3", "t2"]
    assert client.delete_traces(experiment, max_timestamp_millis=2**52) == 2
    assert found(experiment) == []
    with pytest.raises(MlflowException, match="not found"):
        client.get_trace(ids[3])


# --- tags, runs, what was said ----------------------------------------------

def test_tags(tracking, experiment, client):
    trace_id = traced(tags={"a": "1"})
    client.set_trace_tag(trace_id, "a", "2")
    client.set_trace_tag(trace_id, "b", "ü")
    tags = client.get_trace(trace_id).info.tags
    assert (tags["a"], tags["b"]) == ("2", "ü")
    client.delete_trace_tag(trace_id, "a")
    assert "a" not in client.get_trace(trace_id).info.tags
    with pytest.raises(MlflowException, match="No trace tag with key"):
        client.delete_trace_tag(trace_id, "never")


def test_within_a_run(tracking, experiment):
    with mlflow.start_run() as run:
        traced("inside")
    traced("outside")
    run_id = run.info.run_id
    assert found(experiment, f"run_id = '{run_id}'") == ["inside"]


@third
def test_link_to_run(tracking, experiment, client):
    run = client.create_run(experiment).info.run_id
    ids = [traced("one"), traced("two")]
    client.link_traces_to_run(ids, run)
    client.link_traces_to_run(ids, run)
    assert set(found(experiment, f"run_id = '{run}'")) == {"one", "two"}


@third
def test_prompts(tracking, experiment, client):
    prompt = mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    trace_id = traced("asked")
    client.link_prompt_versions_to_trace([prompt], trace_id)
    assert found(experiment, "prompt = 'greeting/1'") == ["asked"]


@third
def test_feedback(tracking, experiment):
    from mlflow.entities import AssessmentSource

    trace_id = traced("judged")
    human = AssessmentSource("HUMAN", "me@x")
    first = mlflow.log_feedback(trace_id=trace_id, name="good", value=True,
                                source=human, rationale="why: ü",
                                metadata={"k": "v"})
    assert first.assessment_id.startswith("a-") and first.valid
    for value in (0.5, 3, "fine", ["a", 1], {"x": 1.5}, None):
        made = mlflow.log_feedback(trace_id=trace_id, name="n", value=value)
        got = mlflow.get_assessment(trace_id, made.assessment_id)
        assert got.value == value
        assert got.create_time_ms == made.create_time_ms
    failed = mlflow.log_feedback(trace_id=trace_id, name="judge",
                                 error=ValueError("no answer"))
    got = mlflow.get_assessment(trace_id, failed.assessment_id)
    assert got.error.error_message == "no answer"
    assert got.error.error_code == "ValueError"
    updated = mlflow.update_assessment(
        trace_id, first.assessment_id,
        mlflow.entities.Feedback(name="good", value=False, rationale="no",
                                 metadata={"l": "w"}))
    assert updated.value is False and updated.rationale == "no"
    assert updated.metadata["k"] == "v" and updated.metadata["l"] == "w"
    assert updated.source.source_id == "me@x"
    over = mlflow.override_feedback(trace_id=trace_id,
                                    assessment_id=first.assessment_id,
                                    value=True)
    assert over.overrides == first.assessment_id
    assert not mlflow.get_assessment(trace_id, first.assessment_id).valid
    mlflow.delete_assessment(trace_id, over.assessment_id)
    assert mlflow.get_assessment(trace_id, first.assessment_id).valid
    with pytest.raises(MlflowException, match="not found"):
        mlflow.get_assessment(trace_id, over.assessment_id)
    names = [a.name for a in mlflow.get_trace(trace_id).info.assessments]
    assert names == ["good"] + ["n"] * 6 + ["judge"]
    assert found(experiment, "feedback.good = 'false'") == ["judged"]
    assert found(experiment, "feedback.good = 'true'") == []


@third
def test_expectation(tracking, experiment):
    trace_id = traced("expected")
    for value in ("text", 5, 1.5, False, ["a", {"b": 1}], {"x": [None]}):
        made = mlflow.log_expectation(trace_id=trace_id, name="answer",
                                      value=value)
        got = mlflow.get_assessment(trace_id, made.assessment_id)
        assert got.value == value
    updated = mlflow.update_assessment(
        trace_id, made.assessment_id,
        mlflow.entities.Expectation(name="better", value=[1, 2]))
    assert (updated.name, updated.value) == ("better", [1, 2])
    with pytest.raises(MlflowException, match="(?i)feedback|expectation"):
        mlflow.update_assessment(
            trace_id, made.assessment_id,
            mlflow.entities.Feedback(name="x", value=1))


@third
def test_feedback_before_it_ends(tracking, experiment):
    """Said while the trace is still going on: logged with it."""
    with mlflow.start_span("going on") as span:
        mlflow.log_feedback(trace_id=span.trace_id, name="early", value=1)
    [said] = mlflow.get_trace(span.trace_id).info.assessments
    assert (said.name, said.value) == ("early", 1)


@third
def test_exported_in_threads(tracking, experiment, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    mlflow.tracing.reset()
    try:
        ids = set()
        for i in range(100):
            with mlflow.start_span(f"t{i}") as span:
                with mlflow.start_span("inner"):
                    ids.add(span.trace_id)
        mlflow.flush_trace_async_logging()
        traces = MlflowClient().search_traces([experiment], max_results=200)
        assert {t.info.trace_id for t in traces} == ids
        assert all(len(t.data.spans) == 2 for t in traces)
    finally:
        monkeypatch.undo()
        mlflow.tracing.reset()


# --- how it travels ----------------------------------------------------------

@third
def test_spans_go_by_otlp(daemon, tracking, experiment):
    trace_id = traced("by OTLP")
    tags = mlflow.get_trace(trace_id).info.tags
    assert tags["mlflow.trace.spansLocation"] == "TRACKING_STORE"
    assert not list((daemon.data / "objects").rglob("traces.json"))


@third
def test_file_where_otlp_is_off(daemon, tracking, experiment, monkeypatch):
    """A client that finds no way to export spans puts the file."""
    from mlflow.store.tracking.rest_store import RestStore

    def refuse(*args, **kwargs):
        raise NotImplementedError

    monkeypatch.setattr(RestStore, "log_spans", refuse)
    trace_id = traced("by file", inputs=VALUES)
    trace = mlflow.get_trace(trace_id)
    assert trace.data.spans[0].inputs == VALUES
    assert not list((daemon.data / "objects").rglob("traces.json"))


@second
def test_file_of_the_second_generation(daemon, tracking, experiment):
    trace_id = traced("by file", inputs=VALUES, outputs=[1])
    status, _, body = daemon.request(
        "GET", f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/"
        f"{trace_id}/artifacts/traces.json")
    assert status == 200
    data = json.loads(body)
    assert set(data) == {"spans", "request", "response"}
    assert json.loads(data["request"]) == VALUES
    assert not list((daemon.data / "objects").rglob("traces.json"))
