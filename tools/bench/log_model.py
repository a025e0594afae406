"""What a client of MLflow 3 asks when it logs a model to a run.

    log_model.py URL RUN_ID SCRIPT

Logs a small model to that run, writes each request as a line "METHOD PATH
BODY" into SCRIPT (bench-load sends them again), and prints the seconds.
"""
import os
import sys
import time
from urllib.parse import urlsplit

import requests

LINES = []
SEND = requests.Session.send


def send(session, request, **more):
    url = urlsplit(request.url)
    if not request.url.startswith(os.environ["MLFLOW_TRACKING_URI"]):
        return SEND(session, request, **more)
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
        request.body = body
    if isinstance(body, str):
        body = body.encode()
    LINES.append(b" ".join([
        request.method.encode(),
        (url.path + ("?" + url.query if url.query else "")).encode(),
        (body or b"").replace(b"\n", b" ")]))
    return SEND(session, request, **more)


def main():
    uri, run, script = sys.argv[1:]
    os.environ["MLFLOW_TRACKING_URI"] = uri
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    requests.Session.send = send
    import mlflow

    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input

    with mlflow.start_run(run_id=run):
        LINES.clear()
        start = time.monotonic()
        mlflow.pyfunc.log_model(name="model", python_model=Model(), step=1,
                                pip_requirements=["mlflow"])
        print(time.monotonic() - start)
    with open(script, "wb") as out:
        out.write(b"\n".join(LINES) + b"\n")


if __name__ == "__main__":
    main()
