"""What all stages of tools/bench/tracking share: sizes, and the comparison
that their figures are added to."""
import json
import sys

from figures import Comparison

QUICK = "--quick" in sys.argv
ROUNDS = 2 if QUICK else 3
SECONDS = 0.7 if QUICK else 1.5     # of one side in one round
FEW, MANY = (1000, 10_000) if QUICK else (10_000, 100_000)
POINTS = 100_000 if QUICK else 1_000_000
MODELS = 1000 if QUICK else 10_000
FOR_EVER = 3600                     # for loads that end by themselves
API = "/api/2.0/mlflow/"

bench = Comparison(ROUNDS, patience=10 if QUICK else 60)
figure = bench.add


def get_ms(s, path):
    return s.load(1, SECONDS, "get", API + path)["p50_ms"]


def post_ms(s, path, body):
    return s.load(1, SECONDS, "post", API + path, json.dumps(body))["p50_ms"]


def make_experiments(s):
    """Ten, one id after the other, for the runs of a load."""
    return min(int(s.experiment()) for _ in range(10))
