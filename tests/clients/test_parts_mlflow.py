"""MLflow's own clients upload in parts and download in ranges, through links
to the daemon itself."""
import filecmp
import hashlib
import os
import random

import pytest

MB = 1 << 20


@pytest.fixture
def in_parts(monkeypatch):
    """Files of a megabyte go in parts of 300 kB."""
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(MB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "300000")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", "400000")


@pytest.fixture
def asked(monkeypatch):
    """(method, path) of every request that the client sends."""
    import requests

    seen, send = [], requests.Session.send

    def record(self, request, **kwargs):
        seen.append((request.method, request.path_url.split("?")[0]))
        return send(self, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", record)
    return seen


def make_file(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def left_over(daemon):
    """Uploads that are not ended, and parts of those that are."""
    top = daemon.data / "objects" / ".tmp"
    return [u for u in top.iterdir()
            if {f.name for f in u.iterdir()} != {"note", "ended"}]


def parts_put(asked):
    return [p for m, p in asked if m == "PUT" and "/mpu/part/" in p]


@pytest.mark.parametrize("where", [None, "model/data", "ümlaut &+ ~"])
@pytest.mark.parametrize("size", [MB, 5 * MB + 17, 3 * 300000])
def test_a_large_file(tracking, in_parts, asked, tmp_path, where, size):
    file = make_file(tmp_path / "we ights~.bin", size)
    with tracking.start_run() as run:
        tracking.log_artifact(str(file), where)
        wanted = 0 if size < MB else -(-size // 300000)
        assert len(parts_put(asked)) == wanted
        path = f"{where}/{file.name}" if where else file.name
        found = tracking.MlflowClient().list_artifacts(run.info.run_id, where)
        assert [(f.path, f.file_size) for f in found] == [(path, size)]
        got = tracking.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path=path,
            dst_path=str(tmp_path / "down"))
    assert filecmp.cmp(file, got, shallow=False)


def test_small_files_go_whole(tracking, in_parts, asked, tmp_path):
    with tracking.start_run():
        tracking.log_artifact(str(make_file(tmp_path / "small", 1000)))
    assert not parts_put(asked)


def test_a_directory_of_both(tracking, in_parts, tmp_path):
    top = tmp_path / "up"
    (top / "deep").mkdir(parents=True)
    for i, size in enumerate((0, 5, MB, 2 * MB + 1)):
        make_file(top / "deep" / f"f{i}", size, i)
    with tracking.start_run() as run:
        tracking.log_artifacts(str(top), "all")
        down = tracking.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="all",
            dst_path=str(tmp_path / "down"))
    for i in range(4):
        assert filecmp.cmp(top / "deep" / f"f{i}",
                           os.path.join(down, "deep", f"f{i}"), shallow=False)


def test_the_last_upload_wins(tracking, in_parts, tmp_path):
    with tracking.start_run() as run:
        for seed in range(3):
            file = make_file(tmp_path / "again", 2 * MB + seed, seed)
            tracking.log_artifact(str(file))
        got = tracking.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="again",
            dst_path=str(tmp_path / "down"))
    assert filecmp.cmp(file, got, shallow=False)


def test_what_fails_leaves_nothing(tracking, daemon, in_parts, monkeypatch,
                                   tmp_path):
    """A part that does not arrive ends the upload; the client aborts it."""
    import requests

    put = requests.put
    count = []

    def fail_once(url, **kwargs):
        count.append(url)
        if len(count) == 3:
            kwargs["headers"] = {**kwargs.get("headers", {}),
                                 "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
        return put(url, **kwargs)

    monkeypatch.setattr(requests, "put", fail_once)
    file = make_file(tmp_path / "broken", 2 * MB)
    with tracking.start_run() as run:
        with pytest.raises(Exception):
            tracking.log_artifact(str(file))
        assert len(count) == 7
        assert not tracking.MlflowClient().list_artifacts(run.info.run_id)
        assert not left_over(daemon)
        tracking.log_artifact(str(file))
        down = tracking.artifacts.download_artifacts(
            run_id=run.info.run_id, artifact_path="broken",
            dst_path=str(tmp_path / "down"))
    assert (hashlib.sha256(open(down, "rb").read()).digest() ==
            hashlib.sha256(file.read_bytes()).digest())
