"""The command line as a user and as scripts meet it: exit statuses, first
lines, signals, configuration, help, and the care of the data.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from harness import (BIN, Daemon, Process, ROOT, check, have_fuse, unmount,
                     wait_until, workplace)

SOON = 5  # seconds within which a refusal is said
needs_fuse = pytest.mark.skipif(not have_fuse(), reason="no /dev/fuse here")


@pytest.fixture
def place():
    with workplace() as base:
        yield base


@pytest.fixture
def home(place):
    """An environment in which nothing of the user's is in the way."""
    return dict({k: v for k, v in os.environ.items()
                 if not k.startswith(("ORRERY_", "XDG_"))},
                HOME=str(place / "home"))


def cli(*argv, status=0, env=None, seconds=60, **kwargs):
    """The command's (standard output, standard error); its status must be the
    one given."""
    p = subprocess.run([BIN / "orrery", *map(str, argv)], text=True, env=env,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=seconds, errors="surrogateescape", **kwargs)
    assert p.returncode == status, (argv, p.returncode, p.stdout, p.stderr)
    return p.stdout, p.stderr


def refused(*argv, status=1, **kwargs):
    """What a command says that fails at once; nothing on standard output."""
    out, err = cli(*argv, status=status, seconds=SOON, **kwargs)
    assert out == "" and err.startswith("orrery"), (argv, out, err)
    return err


def verbs():
    return re.findall(r"^  (\w+) +\w",
                      cli("--help")[0].split("\nTo begin:")[0], re.M)


# --- words -------------------------------------------------------------------

def test_every_verb_has_help_with_an_example():
    assert {"up", "serve", "mount", "umount", "status", "config", "check",
            "backup", "restore", "gc", "demo", "version"} <= set(verbs())
    for verb in verbs():
        out, err = cli(verb, "--help")
        assert err == "" and out.startswith(f"orrery {verb} - ")
        assert f"usage: orrery {verb}" in out
        assert f"orrery {verb}" in out.split("\nExample:\n")[1]
        assert max(map(len, out.splitlines())) < 100, verb
        assert cli("help", verb)[0] == cli(verb, "-h")[0] == out
        # Even where the rest is wrong.
        assert cli(verb, "a", "b", "--nothing", "--help")[0] == out
    assert cli("-h")[0] == cli("help")[0] == cli("--help")[0]
    p = subprocess.run([BIN / "orreryd", "-h"], capture_output=True, text=True)
    assert (p.returncode, p.stdout) == (0, cli("serve", "--help")[0])


@pytest.mark.parametrize("argv,said", [
    (["serv"], "is serve meant?"),
    (["nothing"], "orrery --help"),
    (["help", "nothing"], "no verb nothing"),
    (["--man", "nothing"], "no verb nothing"),
    (["--nothing"], "--nothing"),
    (["serve", "--dta", "x"], "is --data meant?"),
    (["serve", "--nothing"], "orrery serve --help"),
    (["serve", "-x"], "-x"),
    (["serve", "--data"], "--data needs a value: DIR"),
    (["serve", "--data", ""], "--data needs a value: DIR"),
    (["serve", "--data="], "--data needs a value: DIR"),
    (["serve", "extra"], "extra is one operand too many"),
    (["serve", "--log-level", "loud"], "debug, info, warn, error"),
    (["serve", "--config", "/nowhere/at/all"], "/nowhere/at/all"),
    (["status", "--json=yes"], "--json takes no value"),
    (["mount"], "needs MOUNTPOINT"),
    (["mount", "--wait", "soon", "x"], "as in 30s"),
    (["mount", "--journal", "1", "x"], "as 16M or 1G"),
    (["umount"], "needs MOUNTPOINT"),
    (["backup"], "needs FILE"),
    (["backup", "a", "b"], "one operand too many"),
    (["restore", "--", "--a", "--b"], "--b is one operand too many"),
    (["serve", *["--listen", "127.0.0.1:0"] * 40], "more than 32 options"),
])
def test_wrong_usage(argv, said, home):
    assert said in refused(*argv, status=2, env=home)


def test_nothing_is_asked_for(home):
    out, _ = cli(status=2, env=home)
    assert out == cli("--help")[0]


def test_version():
    version = cli("version")[0].split()[1]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert cli("--version")[0] == f"orrery {version}\n"
    assert json.loads(cli("version", "--json")[0]) == {"version": version}


@pytest.mark.parametrize("verb", ["", *verbs()])
def test_man_pages(verb):
    page = cli("--man", *([verb] if verb else []))[0]
    p = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=page,
                       text=True, capture_output=True)
    assert (p.returncode, p.stderr) == (0, "")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", p.stdout)
    for word in ("NAME", "SYNOPSIS", "EXAMPLE" if verb else "EXIT STATUS"):
        assert f"\n{word}\n" in "\n" + text, text
    if verb:
        for option in re.findall(r"--[a-z-]+", cli(verb, "--help")[0]):
            assert option in text
    name = f"orrery-{verb}.1" if verb else "orrery.1"
    assert (BIN / name).read_text() == page, "the build has every page"


def completed(*words):
    """What bash offers for the last word."""
    script = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        $(complete -p orrery | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    p = subprocess.run(["bash", "-euc", script, "-", BIN / "orrery.bash",
                        "orrery", *words], text=True, capture_output=True,
                       cwd=ROOT)
    assert (p.returncode, p.stderr) == (0, "")
    return set(p.stdout.split())


def test_completion():
    assert completed("") >= set(verbs())
    assert completed("st") == {"status"}
    for verb in verbs():
        offered = set(re.findall(r"--[a-z-]+(?= )", cli(verb, "--help")[0]
                                 .partition("\nOptions:\n")[2]))
        assert completed(verb, "--") == offered | {"--help"}, verb
    assert completed("serve", "--li") == {"--listen"}
    assert completed("serve", "--data", "tes") == {"tests"}
    assert completed("restore", "READ") == {"README.md"}
    assert completed("serve", "--log-level", "w") == {"warn"}
    assert completed("umount", "tes") == {"tests"}
    assert completed("help", "conf") == {"config"}


# --- configuration -----------------------------------------------------------

def config(*argv, env):
    return {k: (v["value"], v["source"]) for k, v in json.loads(
        cli("config", "--json", *argv, env=env)[0]).items()}


def test_defaults(home):
    c = config(env=home)
    assert c["data"] == (home["HOME"] + "/.local/share/orrery", "default")
    assert c["listen"] == (["127.0.0.1:8080"], "default")
    assert {source for _, source in c.values()} == {"default"}
    xdg = config(env=dict(home, XDG_DATA_HOME="/var/x"))
    assert xdg["data"][0] == "/var/x/orrery"


def test_later_sources_win(place, home):
    """Default, file, environment, flag."""
    file = place / "c.yaml"
    file.write_text("data: /from/file\nlisten: [127.0.0.1:1, '[::1]:1']\n"
                    "workers: 7\njournal_size: 128M\ntls:\n  cert: /c.pem\n")
    env = dict(home, ORRERY_DATA="/from/environment", ORRERY_LISTEN=
               "127.0.0.1:2,127.0.0.1:3", ORRERY_TLS__KEY="/k.pem",
               ORRERY_LOG_LEVEL="")
    c = config("--config", file, env=env)
    assert c["data"] == ("/from/environment", "environment")
    assert c["listen"] == (["127.0.0.1:2", "127.0.0.1:3"], "environment")
    assert c["workers"] == (7, "file")
    assert c["journal_size"] == (128 << 20, "file")
    assert c["tls.cert"] == ("/c.pem", "file")
    assert c["tls.key"] == ("/k.pem", "environment")
    assert c["log_level"] == ("info", "default"), "empty is not set"
    c = config("--config", file, "--data", "from/flag", "--listen",
               "127.0.0.1:4", "--listen=127.0.0.1:5", env=env)
    assert c["data"] == (os.getcwd() + "/from/flag", "flag")
    assert c["listen"] == (["127.0.0.1:4", "127.0.0.1:5"], "flag")
    assert config("--config", file, env=home)["listen"] == (
        ["127.0.0.1:1", "[::1]:1"], "file")


def test_what_it_prints_is_a_configuration(place, home):
    env = dict(home, ORRERY_LISTEN="127.0.0.1:2,unix:/a b", ORRERY_DATA="/d:#")
    text = cli("config", env=env)[0]
    (place / "c.yaml").write_text(text)
    again = config("--config", place / "c.yaml", env=home)
    assert {k: v for k, (v, _) in again.items()} == {
        k: v for k, (v, _) in config(env=env).items()}
    assert {source for _, source in again.values()} == {"file"}
    assert "(environment)\nlisten:" in text
    for key in again:
        assert re.search(rf"# .*\n *{key.split('.')[-1]}: ", text), key


@pytest.mark.parametrize("text,said", [
    ("dta: /x\n", 'c.yaml:1: "dta" is not a key; the nearest is "data"'),
    ("data: /x\nlog_levle: info\n", 'c.yaml:2: "log_levle"'),
    ("tls: {cart: x}\n", '"tls.cert"'),
    ("workers: many\n", "workers"),
    ("workers: 0\n", "from 1 to"),
    ("journal_size: 1T1\n", "as 16M or 1G"),
    ("listen: [127.0.0.1:0\n", "c.yaml:"),
    ("data: {a: b}\n", "data"),
    ("- a\n", "c.yaml"),
    ("data: /x\ndata: /y\n", "data"),
])
def test_a_wrong_configuration(place, home, text, said):
    (place / "c.yaml").write_text(text)
    for verb in ("config", "serve", "status"):
        assert said in refused(verb, "--config", place / "c.yaml", status=2,
                               env=home)


def test_a_slip_in_the_environment(home):
    said = refused("config", status=2, env=dict(home, ORRERY_LISTN="x"))
    assert "ORRERY_LISTN" in said and "ORRERY_LISTEN" in said
    said = refused("config", status=2, env=dict(home, ORRERY_WORKERS="x"))
    assert "ORRERY_WORKERS" in said
    cli("config", env=dict(home, ORRERY_MOUNT="/x", ORRERY_BIN="/y"))


# --- serve -------------------------------------------------------------------

def get(url, **kwargs):
    with urllib.request.urlopen(url, timeout=10, **kwargs) as answer:
        return answer.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_begins_and_ends(place, home, number):
    d = Process([BIN / "orrery", "serve", "--data", place / "a" / "b",
                 "--listen", "127.0.0.1:0", "--listen", "[::1]:0",
                 "--log-level", "warn"], "ready", env=home)
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+\n", d.first)
    assert not d.said.endswith(":0")
    assert get(d.said + "/health") == b"OK"
    for directory in (place / "a", place / "a" / "b"):
        assert directory.stat().st_mode & 0o777 == 0o700
    d.process.send_signal(number)
    assert d.process.communicate(timeout=20)[0] == "", "one line, no more"
    assert d.process.returncode == 0


def test_orreryd_is_serve(place, home):
    env = dict(home, ORRERY_DATA=str(place / "d"), ORRERY_LISTEN="127.0.0.1:0",
               ORRERY_LOG_LEVEL="warn")
    d = Process([BIN / "orreryd"], "ready", env=env)
    assert get(d.said + "/health") == b"OK"
    assert (place / "d" / "index.db").exists()
    assert d.stop() == 0
    p = subprocess.run([BIN / "orreryd", "--nothing"], capture_output=True,
                       text=True)
    assert p.returncode == 2 and p.stderr.startswith("orreryd: ")


def test_a_second_daemon_is_refused(daemon):
    said = refused("serve", "--data", daemon.data, "--listen", "127.0.0.1:0")
    assert "another daemon" in said and str(daemon.data) in said
    assert str(daemon.pid) in said
    assert daemon.request("GET", "/health")[0] == 200


def test_a_port_that_is_taken(daemon, place):
    said = refused("serve", "--data", place / "d", "--listen", daemon.address,
                   "--log-level", "error")
    assert daemon.address in said and "in use" in said


@pytest.mark.parametrize("address", [
    "0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.org:80", ":80", "*:80",
    "8080", "localhost", "127.0.0.1:99999", "127.0.0.1:", "127.0.0.1:x"])
def test_where_it_does_not_listen(place, address):
    said = refused("serve", "--data", place / "d", "--listen", address,
                   "--log-level", "error")
    assert address in said
    if address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80", "example.org:80"):
        assert "'identity'" in said and "loopback" in said
        assert not (place / "d").exists(), "refused before anything is made"


def test_data_that_cannot_be_written(place):
    (place / "file").write_text("")
    for data in (place / "file", place / "file" / "d", "/proc/nothing"):
        said = refused("serve", "--data", data, "--listen", "127.0.0.1:0",
                       "--log-level", "error")
        assert str(data).removesuffix("/d") in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another")
def test_data_of_somebody_else(place):
    (place / "d").mkdir(mode=0o755)
    place.chmod(0o755)
    with contextlib.suppress(PermissionError):
        said = refused("serve", "--data", place / "d", "--listen",
                       "127.0.0.1:0", "--log-level", "error", user=65534)
        assert str(place / "d") in said and "denied" in said


@pytest.fixture(scope="module")
def certificate():
    with workplace() as base:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", base / "key.pem", "-out",
                        base / "cert.pem"], check=True, capture_output=True)
        yield base


def test_tls(place, home, certificate):
    (place / "c.yaml").write_text(
        f"data: {place}/d\nlisten: ['127.0.0.1:0']\nlog_level: warn\ntls:\n"
        f"  cert: {certificate}/cert.pem\n  key: {certificate}/key.pem\n")
    d = Process([BIN / "orrery", "serve", "--config", place / "c.yaml"],
                "ready", env=home)
    try:
        assert d.said.startswith("https://127.0.0.1:")

        def curl(*argv):
            return subprocess.run(["curl", "-sS", "--max-time", "10", *argv],
                                  capture_output=True, text=True)

        trusted = curl("--cacert", certificate / "cert.pem",
                       d.said + "/health")
        assert (trusted.returncode, trusted.stdout) == (0, "OK")
        assert curl(d.said + "/health").returncode == 60, "not trusted"
        assert curl("--cacert", certificate / "cert.pem", "--tls-max", "1.1",
                    d.said + "/health").returncode == 35
        plain = curl(d.said.replace("https", "http") + "/health")
        assert plain.returncode != 0 or plain.stdout != "OK"
        context = ssl.create_default_context(cafile=certificate / "cert.pem")
        body = json.dumps({"name": "x" * 100}).encode()
        made = urllib.request.Request(
            d.said + "/api/2.0/mlflow/experiments/create", body,
            {"Content-Type": "application/json"})
        assert "experiment_id" in json.loads(get(made, context=context))
        # The command line asks over the socket.
        assert cli("status", "--data", place / "d", env=home)[0]
    finally:
        assert d.stop() == 0


@pytest.mark.parametrize("cert,key,said", [
    ("cert.pem", None, "tls.key is missing"),
    (None, "key.pem", "tls.cert is missing"),
    ("none.pem", "key.pem", "none.pem"),
    ("cert.pem", "cert.pem", "cert.pem"),
    ("key.pem", "key.pem", "key.pem"),
])
def test_a_wrong_certificate(place, home, certificate, cert, key, said):
    """It is never plain HTTP instead."""
    env = dict(home, ORRERY_LOG_LEVEL="error")
    if cert:
        env["ORRERY_TLS__CERT"] = str(certificate / cert)
    if key:
        env["ORRERY_TLS__KEY"] = str(certificate / key)
    assert said in refused("serve", "--data", place / "d", "--listen",
                           "127.0.0.1:0", env=env)


# --- up and mount ------------------------------------------------------------

def processes(group):
    """Every living process of a group: {pid: command line}."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(pgrp) == group and state != "Z":
                found[int(stat.parent.name)] = (
                    stat.parent / "cmdline").read_text().split("\0")[:-1]
    return found


class Up:
    """orrery up in a process group of its own, as a shell runs it."""

    def __init__(self, base, *flags, env=None, seconds=30, before=()):
        self.base = base
        self.process = subprocess.Popen(
            [*before, BIN / "orrery", "up", *map(str, flags)], text=True,
            env=env, cwd=base, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, process_group=0)
        self.timer = threading.Timer(seconds, os.killpg,
                                     (self.process.pid, signal.SIGKILL))
        self.timer.start()

    def line(self, word):
        line = self.process.stdout.readline()
        assert line.startswith(word + " ") and line.endswith("\n"), (
            line, self.process.stderr.read() if not line else "")
        return line.split(" ", 1)[1].strip()

    def ready(self):
        self.url, self.path = self.line("ready"), Path(self.line("mounted"))
        return self

    def children(self):
        """(daemon, mount), by what they were started as."""
        argv = {words[1]: pid for pid, words in processes(
            self.process.pid).items() if len(words) > 1}
        return argv.get("serve"), argv.get("mount")

    def ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        """(status, standard output, standard error); nothing is left."""
        out, err = self.process.communicate(timeout=30)
        self.timer.cancel()
        assert wait_until(lambda: not processes(self.process.pid)), (
            processes(self.process.pid))
        with open("/proc/self/mounts") as mounts:
            assert f" {self.base}" not in mounts.read()
        return self.process.returncode, out, err


@pytest.fixture
def up(place, home):
    started = []

    def start(*flags, env=None, **kwargs):
        if not flags:
            flags = ("--data", "d", "--mount", "m", "--listen", "127.0.0.1:0")
        started.append(Up(place, *flags, env=env or home, **kwargs))
        return started[-1]

    yield start
    for u in started:
        u.timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(u.process.pid, signal.SIGKILL)
        u.process.wait()


@needs_fuse
def test_up(up, place):
    u = up().ready()
    assert u.path == place.resolve() / "m" and os.path.ismount(u.path)
    assert get(u.url + "/health") == b"OK"
    group = processes(u.process.pid)
    assert len(group) == 3 and all(u.children()), group
    run = u.path / "experiments" / "x" / "runs" / "r"
    run.mkdir(parents=True)
    with open(run / "metrics" / "loss", "a", buffering=1) as f:
        for i in range(5000):
            f.write(f"{i}\n")
    u.ctrl_c()
    assert u.end() == (0, "", "")
    assert os.listdir(place / "m") == []
    assert check(place / "d") == ""
    rows = sqlite3.connect(place / "d" / "index.db")
    assert rows.execute("SELECT count(*) FROM run").fetchone() == (1,)
    rows.close()
    u = up().ready()
    assert (u.path / "experiments/x/runs/r/metrics/loss"
            ).read_text().count("\n") == 5000, "all that was written"
    u.process.terminate()
    assert u.end() == (0, "", "")


@needs_fuse
def test_up_by_the_environment(up, place, home):
    env = dict(home, ORRERY_DATA="e", ORRERY_MOUNT=str(place / "by env"),
               ORRERY_LISTEN="127.0.0.1:0")
    u = up("--log-level", "warn", env=env).ready()
    assert u.path == place.resolve() / "by env"
    assert (place / "e" / "index.db").exists()
    u.ctrl_c()
    assert u.end()[0] == 0
    u = up("--data", "f", env=env).ready()
    assert (place / "f" / "index.db").exists(), "a flag wins"
    u.ctrl_c()
    assert u.end()[0] == 0


@needs_fuse
def test_up_by_default(up, place, home):
    """In the home that there is; with a configuration, too."""
    (place / "c.yaml").write_text("listen: ['127.0.0.1:0']\n")
    u = up("--config", "c.yaml").ready()
    assert u.path == Path(home["HOME"]).resolve() / "ml"
    assert (Path(home["HOME"]) / ".local/share/orrery/index.db").exists()
    u.ctrl_c()
    assert u.end() == (0, "", "")


@needs_fuse
def test_up_is_ended_at_any_moment(up):
    for delay in range(0, 200, 15):
        u = up()
        if delay:
            u.line("ready")
            time.sleep((delay - 15) / 1000)
        else:
            wait_until(lambda: u.children()[0])
        u.ctrl_c()
        status, _, err = u.end()
        assert (status, err) == (0, ""), delay


@needs_fuse
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_up_is_told_alone(up, number):
    u = up().ready()
    u.process.send_signal(number)
    assert u.end() == (0, "", "")


@needs_fuse
def test_up_without_its_parts(up):
    """What is left of both ends with the one that is gone."""
    u = up().ready()
    os.kill(u.children()[0], signal.SIGKILL)
    status, _, err = u.end()
    assert status == 1 and "the daemon ended by itself" in err
    u = up().ready()
    os.kill(u.children()[1], signal.SIGKILL)
    assert u.end()[0] == 1
    u = up().ready()
    subprocess.run(["umount", u.path], check=True)
    assert u.end() == (0, "", "")
    u = up().ready()
    u.process.kill()
    assert u.end()[0] == -signal.SIGKILL


@needs_fuse
def test_ctrl_c_twice(up):
    """A daemon that does not answer is not waited for then."""
    u = up().ready()
    os.kill(u.children()[0], signal.SIGSTOP)
    u.ctrl_c()
    time.sleep(1)
    assert u.process.poll() is None
    u.ctrl_c()
    assert u.end()[0] == 1


def test_up_where_it_cannot(up, place, daemon):
    u = up("--data", daemon.data, "--mount", "m", "--listen", "127.0.0.1:0")
    status, out, err = u.end()
    assert (status, out) == (1, "") and "another daemon" in err
    u = up("--data", "d", "--mount", "m", "--listen", daemon.address)
    status, out, err = u.end()
    assert (status, out) == (1, "") and "in use" in err
    status, out, err = up("--nothing").end()
    assert (status, out) == (2, "") and "--nothing" in err
    if have_fuse():
        (place / "full").mkdir()
        (place / "full" / "kept").write_text("kept")
        status, out, err = up("--data", "d", "--mount", "full", "--listen",
                              "127.0.0.1:0").end()
        assert status == 1 and "not empty" in err
        assert (place / "full" / "kept").read_text() == "kept"


@needs_fuse
@pytest.mark.skipif(os.getuid() != 0, reason="only root can hide /dev/fuse")
def test_up_without_fuse(up, place):
    hide = ("mount --make-rprivate / && mount --bind /dev/fuse /dev/fuse && "
            "mount -o remount,bind,nodev /dev/fuse && exec \"$@\"")
    u = up("--data", "d", "--mount", "m", "--listen", "127.0.0.1:0",
           before=("unshare", "-m", "sh", "-c", hide, "-"))
    assert get(u.line("ready") + "/health") == b"OK"
    assert u.children()[0] and not u.children()[1]
    u.ctrl_c()
    status, out, err = u.end()
    assert (status, out) == (0, "") and "/dev/fuse" in err and "HTTP" in err


def test_the_script_passes_on(place, home):
    """tools/up is orrery up, with these flags and this environment."""
    tools = place / "tree" / "tools"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "up", tools)
    for path, text in (
            ("tools/lib/need", 'echo need "$@"'),
            ("tools/build", 'echo build "$@"'),
            ("build/orrery", 'printf "%s|" "$@" $ORRERY_DATA; exit 7')):
        script = place / "tree" / path
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
    p = subprocess.run([tools / "up", "--mount", "a b", "--listen=x"],
                       env=dict(home, ORRERY_DATA="there"), text=True,
                       capture_output=True)
    assert (p.returncode, p.stdout) == (
        7, "need build\nbuild\nup|--mount|a b|--listen=x|there|")


@needs_fuse
def test_mount_in_the_foreground(daemon, place, home):
    """One group, which a script can end as a whole."""
    m = subprocess.Popen([BIN / "orrery", "mount", "-f", "--data",
                          daemon.data, "m"], cwd=place, env=home, text=True,
                         stdout=subprocess.PIPE, process_group=0)
    try:
        assert m.stdout.readline() == f"mounted {place.resolve()}/m\n"
        assert set(processes(m.pid)) == {m.pid}
        assert (place / "m" / "experiments").is_dir()
        os.killpg(m.pid, signal.SIGINT)
        assert m.wait(20) == 0 and m.stdout.read() == ""
        assert not os.path.ismount(place / "m")
    finally:
        m.kill()
        m.wait()
        unmount(place / "m")


def mounts_of(data):
    """Processes that are mounts of this data."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_text().split("\0")
            if words[1:2] == ["mount"] and str(data) in words:
                found.append(int(file.parent.name))
    return found


@needs_fuse
def test_mount_in_the_background(daemon, place, home):
    """Returns once it answers, and holds nothing of who started it: not its
    output, not its directory."""
    (place / "from").mkdir()
    p = subprocess.run(["bash", "-c", 'x=$("$@" 2>&1); echo "said $x"', "-",
                        BIN / "orrery", "mount", "--data", daemon.data,
                        "../m"], cwd=place / "from", env=home, text=True,
                       capture_output=True, timeout=10)
    try:
        assert (p.returncode, p.stdout, p.stderr) == (0, "said \n", "")
        assert (place / "m" / "experiments").is_dir()
        [pid] = mounts_of(daemon.data)
        assert os.getsid(pid) == pid, "a session of its own"
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        for fd in os.listdir(f"/proc/{pid}/fd"):
            where = os.readlink(f"/proc/{pid}/fd/{fd}")
            assert int(fd) > 2 or where in (
                "/dev/null", str(daemon.data / "mount.log"))
        assert cli("umount", "m", cwd=place) == ("", "")
        assert wait_until(lambda: not mounts_of(daemon.data))
    finally:
        unmount(place / "m")
    assert "no mount of Orrery" in refused("umount", place / "m")
    assert "no mount of Orrery" in refused("umount", place / "nothing")


def test_a_place_that_is_no_mount_is_left_alone(place):
    (place / ".ctl").write_text("precious")
    assert "no mount of Orrery" in refused("umount", place)
    assert (place / ".ctl").read_text() == "precious"


@needs_fuse
def test_a_mountpoint_that_is_dead_or_full(daemon, place, home):
    flags = ("mount", "--data", daemon.data)
    (place / "full").mkdir()
    (place / "full" / "kept").write_text("kept")
    assert "not empty" in refused(*flags, place / "full")
    assert "file" in refused(*flags, place / "full" / "kept").replace(
        "directory", "file")
    m = subprocess.Popen([BIN / "orrery", "mount", "-f", "--data", daemon.data,
                          place / "m"], stdout=subprocess.PIPE, text=True)
    m.stdout.readline()
    m.kill()
    m.wait()
    m.stdout.close()
    with pytest.raises(OSError):
        os.listdir(place / "m")
    try:
        cli(*flags, place / "m", env=home)
        assert (place / "m" / "experiments").is_dir()
        cli("umount", place / "m")
    finally:
        unmount(place / "m")
    said = refused("mount", "--data", place / "none", place / "n")
    assert str(place / "none") in said and "orrery serve" in said
    assert not (place / "n").exists(), "nothing is made in vain"


# --- what there is -----------------------------------------------------------

@pytest.fixture(scope="module")
def filled(daemon):
    """The daemon, with the demo's experiments."""
    out, err = cli("demo", "--data", daemon.data)
    assert err == "" and len(out.splitlines()) >= 3
    return daemon


def test_demo(filled):
    found = filled.call("experiments/search", {"max_results": 100})
    names = {e["name"] for e in found["experiments"]}
    assert len(names - {"Default"}) >= 3
    runs = filled.call("runs/search", {
        "experiment_ids": [e["experiment_id"] for e in found["experiments"]]})
    assert all(r["data"]["metrics"] and r["data"]["params"]
               for r in runs["runs"])
    said = refused("demo", "--data", filled.data)
    assert "exists" in said


def test_status(filled):
    answer = json.loads(cli("status", "--data", filled.data, "--json")[0])
    assert answer["data"] == str(filled.data)
    assert answer["content"]["points"] > 100
    text = cli("status", "--server", filled.url)[0]
    assert re.search(r"^version +\d", text, re.M)
    assert re.search(rf"^  points +{answer['content']['points']}$", text, re.M)
    assert json.loads(cli("status", "--server", filled.url, "--json")[0])


def test_nobody_answers(place, home):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{s.getsockname()[1]}"
        for verb in (["status"], ["demo"], ["gc"], ["backup", place / "b"]):
            said = refused(*verb, "--data", place / "none")
            assert "orrery serve" in said and str(place / "none") in said
            assert nobody in refused(*verb, "--server", nobody)
    said = refused("status", "--server", "ftp://x")
    assert "ftp://x" in said
    assert not (place / "none").exists()


# --- check -------------------------------------------------------------------

@pytest.fixture(scope="module")
def sound(filled):
    """A copy of the index and the objects, which tests may damage."""
    with workplace() as base:
        cli("backup", base / "b.db", "--data", filled.data)
        cli("restore", base / "b.db", "--data", base / "sound")
        shutil.copytree(filled.data / "objects", base / "sound" / "objects")
        yield base / "sound"


@pytest.fixture
def damaged(sound, place):
    return Path(shutil.copytree(sound, place / "damaged"))


def found_by_check(data):
    """Findings as JSON says them; the text has as many lines."""
    out, _ = cli("check", "--data", data, "--json", status=1)
    findings = json.loads(out)["findings"]
    text = cli("check", "--data", data, status=1)[0].splitlines()
    assert len(text) == len(findings) + 1
    assert text[-1] == f"{len(findings)} finding" + "s" * (len(findings) > 1)
    assert all(line.isprintable() for line in text)
    return findings


def test_check_finds_nothing(filled, sound):
    """Beside a daemon, and without one."""
    for data in (filled.data, sound):
        assert cli("check", "--data", data) == ("clean\n", "")
        assert json.loads(cli("check", "--data", data, "--json")[0]) == {
            "findings": []}
    said = refused("check", "--data", sound / "none")
    assert str(sound / "none") in said


def objects(data):
    return sorted((p for p in (data / "objects").rglob("*") if p.is_file()),
                  key=lambda p: p.stat().st_size)


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0] ^ 0x10
        f.seek(at)
        f.write(bytes([byte]))


@pytest.mark.parametrize("damage,said", [
    (lambda p: flip(p, 0), "SHA-256"),
    (lambda p: flip(p, p.stat().st_size - 1), "SHA-256"),
    (lambda p: os.truncate(p, p.stat().st_size - 1), "bytes, not"),
    (lambda p: os.truncate(p, 0), "bytes, not"),
    (lambda p: p.open("ab").write(b"x"), "bytes, not"),
    (lambda p: p.unlink(), "no such object"),
    (lambda p: (p.unlink(), p.mkdir()), ""),
])
def test_check_finds_a_damaged_object(damaged, damage, said):
    victim = objects(damaged)[-1]
    damage(victim)
    [finding] = found_by_check(damaged)
    assert said in finding["detail"]
    assert victim.name in finding["detail"]


def change(data, *script):
    db = sqlite3.connect(data / "index.db")
    for sql, *values in script:
        assert db.execute(sql, values).rowcount >= 1, sql
    db.commit()
    db.close()


def blobs(data, table):
    db = sqlite3.connect(data / "index.db")
    rows = db.execute(f"SELECT data FROM {table}").fetchall()
    db.close()
    return [row[0] for row in rows]


@pytest.mark.parametrize("table", ["block", "tail"])
def test_check_finds_damaged_points(damaged, filled, table):
    """Wherever the damage lies."""
    whole = max(blobs(damaged, table), key=len)
    for at in range(0, len(whole), max(len(whole) // 40, 1)):
        broken = bytearray(whole)
        broken[at] ^= 1 << at % 8
        change(damaged, (f"UPDATE {table} SET data = ? WHERE data = ?",
                         bytes(broken), whole))
        assert found_by_check(damaged), f"byte {at} of {len(whole)}"
        change(damaged, (f"UPDATE {table} SET data = ? WHERE data = ?",
                         whole, bytes(broken)))
    assert cli("check", "--data", damaged)[0] == "clean\n"
    change(damaged, (f"DELETE FROM {table} WHERE data = ?", whole))
    assert found_by_check(damaged)


@pytest.mark.parametrize("sql", [
    "UPDATE series SET count = count + 1 WHERE id = (SELECT min(id) FROM "
    "series)",
    "UPDATE run SET name = 'another' WHERE id = (SELECT min(id) FROM run)",
    "UPDATE run SET experiment = 999 WHERE id = (SELECT min(id) FROM run)",
    "DELETE FROM experiment WHERE name = 'digits'",
    "UPDATE state SET points = points + 1",
    "UPDATE artifact SET key = 'elsewhere' WHERE key IS NOT NULL",
])
def test_check_finds_wrong_rows(damaged, sql):
    change(damaged, (sql,))
    assert found_by_check(damaged)


def test_check_of_what_is_no_index(damaged):
    """A database that cannot be read at all is an error or a finding; never a
    crash, and never clean."""
    index = damaged / "index.db"
    whole = index.read_bytes()
    for broken in (b"", b"not a database" * 100, whole[:4096],
                   whole[:len(whole) // 2], whole[:100] + os.urandom(4000) +
                   whole[4100:]):
        index.write_bytes(broken)
        out, err = cli("check", "--data", damaged, status=1)
        assert (out + err).strip() and "clean" not in out


# --- backup and restore ------------------------------------------------------

def test_backup_while_loaded(place):
    """What was answered before the backup began is in it, and it is whole."""
    d = Daemon(place / "d")
    answered, stop = [], threading.Event()
    run = d.run(d.experiment("loaded"))["run_id"]

    def load():
        while not stop.is_set():
            step = len(answered)
            d.call("runs/log-batch", {"run_id": run, "metrics": [
                {"key": f"k{k}", "value": step, "timestamp": 1, "step": step}
                for k in range(50)]})
            answered.append(step)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        for i in range(5):
            wait_until(lambda: len(answered) > 20 * (i + 1))
            before = len(answered)
            out, _ = cli("backup", f"{i}.db", "--data", "d", cwd=place)
            assert out == f"wrote {place}/{i}.db\n"
    finally:
        stop.set()
        loader.join()
        assert d.stop() == 0
    file = place / "4.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in place.iterdir()) == [
        *(f"{i}.db" for i in range(5)), "d"], "and nothing beside it"
    assert cli("restore", file, "--data", place / "new" / "er")[0] == (
        f"restored {place}/new/er from {file}\n")
    assert check(place / "new" / "er") == ""
    d = Daemon(place / "new" / "er")
    try:
        steps = [p["step"] for p in d.history(run, "k49")]
        assert steps == list(range(len(steps)))
        assert before <= len(steps) <= len(answered) + 1
    finally:
        assert d.stop() == 0


def epoch(data):
    db = sqlite3.connect(f"file:{data}/index.db?mode=ro", uri=True)
    [[value]] = db.execute("SELECT epoch FROM state").fetchall()
    db.close()
    return value


def test_restore_goes_back(place):
    """With a new epoch; what was there stays beside it."""
    d = Daemon(place / "d")
    d.experiment("early")
    cli("backup", place / "b.db", "--data", place / "d")
    d.experiment("late")
    said = refused("restore", place / "b.db", "--data", place / "d")
    assert "daemon" in said
    assert d.stop() == 0
    was = epoch(place / "d")
    cli("restore", place / "b.db", "--data", place / "d")
    assert epoch(place / "d") != was
    assert epoch(place / "d") != epoch_of_file(place / "b.db")
    assert (place / "d" / "index.db.before").exists()
    d = Daemon(place / "d")
    names = {e["name"] for e in d.call(
        "experiments/search", {"max_results": 9})["experiments"]}
    assert names == {"Default", "early"}
    assert d.stop() == 0
    assert check(place / "d") == ""
    (place / "d" / "index.db.before").rename(place / "late.db")
    cli("restore", place / "late.db", "--data", place / "d")
    d = Daemon(place / "d")
    assert d.call("experiments/get-by-name", experiment_name="late")
    assert d.stop() == 0


def epoch_of_file(path):
    db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    [[value]] = db.execute("SELECT epoch FROM state").fetchall()
    db.close()
    return value


def test_what_is_no_backup(place):
    d = Daemon(place / "d")
    d.experiment("kept")
    cli("backup", place / "b.db", "--data", place / "d")
    assert d.stop() == 0
    whole = (place / "b.db").read_bytes()
    other = sqlite3.connect(place / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    (place / "text").write_text("no database")
    (place / "empty").write_text("")
    (place / "half.db").write_bytes(whole[:len(whole) // 2 // 4096 * 4096])
    (place / "broken.db").write_bytes(
        whole[:8192] + b"\xff" * 8192 + whole[16384:])
    for name in ("none.db", "other.db", "text", "empty", "half.db",
                 "broken.db", "d"):
        said = refused("restore", place / name, "--data", place / "d")
        assert said.count(str(place / name)) == 1, said
        assert not list((place / "d").glob("*restoring*")), name
    refused("restore", place / "none.db", "--data", place / "new")
    assert not (place / "new").exists()
    d = Daemon(place / "d")
    assert d.call("experiments/get-by-name", experiment_name="kept")
    assert d.stop() == 0


def test_where_no_backup_goes(daemon, place):
    flags = ("--data", daemon.data)
    for path, said in ((place / "none" / "b.db", "none"),
                       (place, "is a directory"),
                       (daemon.data / "index.db", "is the index itself"),
                       ("/proc/b.db", "/proc")):
        assert said in refused("backup", path, *flags)
    (place / "old.db").write_text("old")
    cli("backup", place / "old.db", *flags)
    assert (place / "old.db").read_bytes().startswith(b"SQLite format 3")
    assert "socket" in refused("backup", place / "b.db", "--server",
                               daemon.url)
