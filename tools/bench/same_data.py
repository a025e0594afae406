"""MLflow's SQLite database filled with what our index holds: the same data.

Over HTTP MLflow takes some 50 runs a second, so its tables are written by SQL
instead, sorted as their keys are. Whatever was copied before is left alone.
"""
import sqlite3
import struct

STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED",
          5: "KILLED"}


def real(bits):
    return struct.unpack("d", struct.pack("q", bits))[0]


def connect(index, database):
    c = sqlite3.connect(database, isolation_level=None)
    c.create_function("real", 1, real, deterministic=True)
    c.create_function("status_name", 1, STATUS.get, deterministic=True)
    c.execute("PRAGMA synchronous = OFF")
    c.execute("PRAGMA cache_size = -1000000")
    c.execute("ATTACH ? AS ours", (f"file:{index}?mode=ro",))
    c.execute("BEGIN")
    return c


RUNS = ("INSERT OR IGNORE INTO experiments (experiment_id, name,"
        " artifact_location, lifecycle_stage, creation_time,"
        " last_update_time) SELECT id, name, '', 'active', created, updated"
        " FROM ours.experiment WHERE id >= 0",
        "INSERT INTO runs (run_uuid, name, user_id, status, start_time,"
        " end_time, lifecycle_stage, artifact_uri, experiment_id,"
        " source_type, source_name, entry_point_name, source_version)"
        " SELECT uuid, name, user, status_name(status), start_time, end_time,"
        " 'active', '', experiment, 'UNKNOWN', '', '', '' FROM ours.run"
        " WHERE id > ?1 ORDER BY id",
        "INSERT INTO params (run_uuid, key, value) SELECT r.uuid, p.key,"
        " p.value FROM ours.param p JOIN ours.run r ON r.id = p.run"
        " WHERE p.run > ?1 ORDER BY p.key, r.uuid",
        "INSERT INTO tags (run_uuid, key, value) SELECT r.uuid, t.key,"
        " t.value FROM ours.tag t JOIN ours.run r ON r.id = t.run"
        " WHERE t.run > ?1 ORDER BY t.key, r.uuid",
        "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step,"
        " is_nan) SELECT r.uuid, s.key, real(s.latest_bits), s.latest_time,"
        " s.latest_step, 0 FROM ours.series s JOIN ours.run r ON r.id = s.run"
        " WHERE s.run > ?1 ORDER BY s.key, r.uuid",
        # Each series of these has one point: the latest.
        "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)"
        " SELECT r.uuid, s.key, real(s.latest_bits), s.latest_time,"
        " s.latest_step, 0 FROM ours.series s JOIN ours.run r ON r.id = s.run"
        " WHERE s.run > ?1 ORDER BY s.key, s.latest_time")

MODELS = ("INSERT INTO registered_models (name, creation_time,"
          " last_updated_time, description) SELECT name, created, updated, ''"
          " FROM ours.registered_model ORDER BY name",
          "INSERT INTO registered_model_tags (name, key, value)"
          " SELECT m.name, t.key, t.value FROM ours.registered_model_tag t"
          " JOIN ours.registered_model m ON m.id = t.model",
          "INSERT INTO model_versions (name, version, creation_time,"
          " last_updated_time, description, current_stage, source, run_id,"
          " status, storage_location) SELECT m.name, v.number, v.created,"
          " v.updated, '', 'None', v.source, v.run, 'READY', v.source"
          " FROM ours.model_version v JOIN ours.registered_model m"
          " ON m.id = v.model ORDER BY m.name, v.number")


def copy_runs(index, database, last):
    """Runs of rows above last, with all that was logged; the last row."""
    c = connect(index, database)
    for statement in RUNS:
        c.execute(statement, (last,) if "?1" in statement else ())
    c.execute("COMMIT")
    last = c.execute("SELECT max(id) FROM ours.run").fetchone()[0]
    c.close()
    return last


def copy_models(index, database):
    c = connect(index, database)
    for statement in MODELS:
        c.execute(statement)
    c.execute("COMMIT")
    c.close()


def copy_points(source, run, key, target, target_run, database):
    """One series, as the one server shows it, into the other's tables."""
    c = sqlite3.connect(database, isolation_level=None)
    c.execute("PRAGMA synchronous = OFF")
    c.execute("BEGIN")
    token = ""
    while True:
        page = source.call(f"metrics/get-history?run_id={run}&metric_key={key}"
                           f"&max_results=25000&page_token={token}")
        rows = [(target_run, key, m["value"], m["timestamp"], m["step"])
                for m in page["metrics"]]
        c.executemany("INSERT INTO metrics (run_uuid, key, value, timestamp,"
                      " step, is_nan) VALUES (?, ?, ?, ?, ?, 0)", rows)
        token = page.get("next_page_token")
        if not token:
            break
    c.execute("INSERT OR REPLACE INTO latest_metrics (run_uuid, key, value,"
              " timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)", rows[-1])
    c.execute("COMMIT")
    c.close()
