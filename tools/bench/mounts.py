"""The mounts of a comparison: ours and those found on PATH, each with its
documented defaults and with its best options, all on the same bucket."""
import contextlib
import os
import shutil
import subprocess
import threading
import time
from queue import Empty, SimpleQueue

from bucket import BUILD, KEY, OURS, PEERS, REGION, SECRET
from harness import BIN, Daemon, check, unmount, wait_until

OPS = BUILD / "tools" / "bench" / "bench-mount-ops"
PATIENCE = 600  # seconds that one operation may take
TICK = os.sysconf("SC_CLK_TCK")


def environment():
    """Keys for all; nothing else of the user's settings."""
    left = {k: v for k, v in os.environ.items()
            if not k.startswith(("AWS_", "RCLONE_", "XDG_", "ORRERY_"))}
    return {**left, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}


def family(pid):
    """A process and all below it."""
    found, below = [], {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
                below.setdefault(parent, []).append(int(entry))
    ahead = [pid]
    while ahead:
        found.append(ahead.pop())
        ahead += below.get(found[-1], [])
    return found


def cpu_of(pids):
    """Seconds of CPU that processes have used."""
    used = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            used += int(fields[11]) + int(fields[12])
    return used / TICK


def peak_of(pids):
    """MiB of the most memory that they held, shared pages counted in each."""
    kib = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/status") as f:
                kib += int(f.read().split("VmHWM:")[1].split()[0])
    return kib / 1024


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")


class Mounted:
    """One way to mount the bucket. argv(self) is what starts it."""

    def __init__(self, name, base, bucket, argv):
        self.name, self.bucket, self.argv = name, bucket, argv
        self.base = base / name.replace(" ", "-")
        self.cache, self.path = self.base / "cache", self.base / "mnt"
        self.process, self.serial = None, 0
        self.path.mkdir(parents=True)
        self.cache.mkdir()

    def mount(self):
        with open(self.base / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(a) for a in self.argv(self)], env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not wait_until(lambda: self.process.poll() is not None or
                          os.path.ismount(self.path), 30, 0.001) or \
                self.process.poll() is not None:
            raise OSError(f"{self.name} does not mount: see its log")

    def environment(self):
        return environment()

    def unmount(self):
        if not self.process:
            return
        subprocess.run(["fusermount3", "-u", self.path], check=False,
                       stderr=subprocess.DEVNULL)
        try:
            self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        unmount(self.path)
        self.process = None

    def cold(self):
        """Mounted anew, nothing of it in any cache."""
        self.unmount()
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir()
        drop_caches()
        self.mount()

    def again(self):
        """Mounted anew with its own cache as it was."""
        self.unmount()
        drop_caches()
        self.mount()

    def pids(self):
        return family(self.process.pid)

    def where(self, name):
        return self.path / name

    def stored(self, name, size):
        return self.bucket.there(PEERS, name, size)

    def ops(self, kind, path, *numbers):
        p = subprocess.run([OPS, kind, path, *map(str, numbers)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=PATIENCE)
        if p.returncode:
            raise OSError(p.stderr.strip() or f"status {p.returncode}")
        return float(p.stdout)

    def new(self):
        """A directory that was never there, and its name."""
        self.serial += 1
        name = f"{self.base.name}-new{self.serial}"
        self.where(name).mkdir()
        return name

    def stop(self):
        self.unmount()


class Ours(Mounted):
    """A daemon that keeps objects in the bucket, and a mount beside it."""
    sizes = ()  # of the files that are written

    def __init__(self, name, base, bucket, flags=()):
        super().__init__(name, base, bucket, lambda m: [
            BIN / "orrery", "mount", "-f", "--data", m.base / "data",
            "--log-level", "warn", "--cache", m.cache, *flags, m.path])
        self.daemon = Daemon(self.base / "data", env=self.environment())
        experiment = self.daemon.experiment("bench")
        run = self.daemon.run(experiment, "r")
        self.home = f"{experiment}/{run['run_id']}/artifacts"

    def environment(self):
        return {**environment(),
                "ORRERY_OBJECTS__URL": f"s3://{OURS}",
                "ORRERY_OBJECTS__ENDPOINT": self.bucket.url}

    def where(self, name):
        return self.path / "experiments/bench/runs/r/artifacts" / name

    def generations(self, size):
        return self.bucket.there(OURS, self.home.replace(
            "/artifacts", "/generations"), size)

    def new(self):
        self.before = {size: self.generations(size) for size in self.sizes}
        return super().new()

    def stored(self, name, size):
        """Where its key was free, or under a key of its own."""
        return self.bucket.there(OURS, f"{self.home}/{name}", size) + \
            self.generations(size) - self.before[size]

    def put(self, connection, name, data):
        connection.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/"
                           f"{self.home}/{name}", data)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise OSError(f"PUT {name}: {answer.status} {text[:200]}")

    def fill(self, names, data, threads=16):
        """data(name) as artifacts, over HTTP as clients send them."""
        import http.client
        waiting, failed = SimpleQueue(), []
        for name in names:
            waiting.put(name)

        def work():
            connection = http.client.HTTPConnection(self.daemon.address,
                                                    timeout=600)
            try:
                while True:
                    name = waiting.get_nowait()
                    self.put(connection, name, data(name))
            except Empty:
                connection.close()
            except (OSError, http.client.HTTPException) as e:
                failed.append(e)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        if failed:
            raise failed[0]

    def pids(self):
        return super().pids() + [self.daemon.pid]

    def stop(self):
        self.unmount()
        self.daemon.stop()
        found = check(self.daemon.data, env=self.environment())
        assert found == "", found


class Floor:
    """What curl takes for the same, without any file system."""
    name = "no FUSE"

    def __init__(self, bucket):
        self.bucket = bucket

    def curl(self, connections, lines):
        """Requests of a curl configuration, so many at a time; seconds."""
        start = time.monotonic()
        p = subprocess.run(
            ["curl", "-sS", "--fail", "--no-progress-meter", "-Z",
             "--parallel-immediate", "--parallel-max", str(connections),
             "-K", "-"], text=True, input="\nnext\n".join(lines) + "\n",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=PATIENCE)
        if p.returncode:
            raise OSError(p.stderr.strip()[:300])
        return time.monotonic() - start

    def link(self, method, name):
        return self.bucket.url + self.bucket.sign(method, f"/{PEERS}/{name}")

    def read(self, size, connections=4, piece=8 << 20):
        url = self.link("GET", "big")
        took = self.curl(connections, [
            f'url = "{url}"\nrange = "{at}-{min(at + piece, size) - 1}"\n'
            'output = "/dev/null"' for at in range(0, size, piece)])
        return size / took / 1e6

    def files(self, count, connections=8):
        took = self.curl(connections, [
            f'url = "{self.link("GET", f"small/f{i}")}"\n'
            'output = "/dev/null"' for i in range(count)])
        return count / took

    def write(self, path, size, connections=8):
        """As many objects as connections, of one file's size in all."""
        with open(path, "wb") as f:
            f.write(os.urandom(size // connections))
        took = self.curl(connections, [
            f'url = "{self.link("PUT", f"floor/{i}")}"\n'
            f'upload-file = "{path}"\noutput = "/dev/null"'
            for i in range(connections)])
        os.unlink(path)
        return size / took / 1e6


def s3fs(*options):
    def argv(m):
        # Its password file must be nobody else's.
        path = m.base / "passwd"
        path.write_text(f"{KEY}:{SECRET}\n")
        path.chmod(0o600)
        return ["s3fs", PEERS, m.path, "-f", "-o", ",".join([
            f"url={m.bucket.url}", "use_path_request_style",
            f"passwd_file={path}", f"endpoint={REGION}",
            f"tmpdir={m.cache}", *(o.format(m.cache) for o in options)])]
    return argv


def rclone(*options):
    return lambda m: [
        "rclone", "mount", f":s3:{PEERS}", m.path, "--config", "/dev/null",
        "--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint",
        m.bucket.url, "--s3-force-path-style", "--cache-dir", m.cache,
        *options]


def geesefs(*options):
    return lambda m: ["geesefs", "-f", "--endpoint", m.bucket.url,
                      "--region", REGION, *(o.format(m.cache)
                                            for o in options), PEERS, m.path]


def mountpoint(*options):
    return lambda m: ["mount-s3", PEERS, m.path, "-f", "--endpoint-url",
                      m.bucket.url, "--force-path-style", "--region", REGION,
                      "--allow-delete", "--allow-overwrite",
                      *(o.format(m.cache) for o in options)]


# name, the program, how it is started. "best" has the options that its own
# documentation recommends for speed, "cache" its cache on disk.
KINDS = [
    ("s3fs", "s3fs", s3fs()),
    ("s3fs best", "s3fs", s3fs(
        "parallel_count=16", "multireq_max=64", "enable_noobj_cache",
        "max_stat_cache_size=300000", "kernel_cache")),
    ("s3fs cache", "s3fs", s3fs(
        "parallel_count=16", "multireq_max=64", "enable_noobj_cache",
        "max_stat_cache_size=300000", "use_cache={}")),
    ("rclone", "rclone", rclone()),
    ("rclone best", "rclone", rclone(
        "--use-server-modtime", "--vfs-cache-mode", "full",
        "--vfs-fast-fingerprint", "--vfs-write-back", "10ms")),
    ("geesefs", "geesefs", geesefs()),
    ("geesefs best", "geesefs", geesefs(
        "--fsync-on-close", "--list-type", "2", "--no-checksum",
        "--cache", "{}")),
    ("mountpoint", "mount-s3", mountpoint()),
    ("mountpoint cache", "mount-s3", mountpoint("--cache", "{}")),
]


def found(base, bucket, names=()):
    """The peers that this machine has, or those of them that are named."""
    return [Mounted(name, base, bucket, argv) for name, program, argv in KINDS
            if shutil.which(program) and (
                not names or any(name.startswith(n) for n in names))]
