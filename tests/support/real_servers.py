"""Real servers of Debian's packages, each on a free loopback port and with its data in a folder of its own.

    with real_servers.Redis() as redis:
        … redis.port …

Without a server's program its tests fail where `CI` is set, and are skipped, saying so, elsewhere.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

START_TIMEOUT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_program(name: str, package: str) -> str:
    """The path of a server's program. Fails or skips the test that asks when it is not there."""
    places = [f"/usr/sbin/{name}", *sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)]
    found = shutil.which(name) or next((place for place in places if os.access(place, os.X_OK)), None)
    if found:
        return found
    why = f"NO SERVER: {name} is not installed (Debian package {package}; ./dev setup installs it)"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def some_user(*names: str) -> str | None:
    """The first of these users that exists, for servers that refuse to run as root; None for everybody else."""
    if os.geteuid() != 0:
        return None
    for name in names:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


class RealServer:
    """A server process. Subclasses say how it is started and when it is ready."""

    scheme = ""
    users: tuple[str, ...] = ()

    def __init__(self, **options) -> None:
        self.options = options
        self.port = options.pop("port", None) or free_port()
        self.user = some_user(*self.users)
        self._folder = tempfile.TemporaryDirectory(prefix=f"whorl-{self.scheme}-")
        self.folder = pathlib.Path(self._folder.name)
        self.process: subprocess.Popen | None = None
        if self.user:
            shutil.chown(self.folder, self.user)
        self.prepare()
        self.start()

    def prepare(self) -> None:
        """Makes the data folder."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def start(self) -> None:
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        user=self.user, cwd=self.folder)
        end = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                text = (self.folder / "log").read_text(errors="replace")
                self.stop()
                raise AssertionError(f"{self.command()[0]} did not start\n{text}")
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """The data stays: start() goes on with it, on the same port."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(number)
            self.process.wait()
            self.process = None
            self.log.close()

    def freeze(self) -> None:
        """The server accepts nothing and answers nothing, until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def connections(self) -> int:
        """Established TCP connections to the server, counted at its side."""
        count = 0
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                parts = line.split()
                count += parts[3] == "01" and int(parts[1].rsplit(":", 1)[1], 16) == self.port
        return count

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()


def make_certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for localhost and 127.0.0.1, signed by itself: (certificate, key)."""
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


class Redis(RealServer):
    """Options: password, tls (then `port` speaks TLS only; `certificate` is the root to trust)."""

    scheme = "redis"

    def prepare(self) -> None:
        self.program = find_program("redis-server", "redis-server")
        self.certificate = None
        if self.options.get("tls"):
            self.certificate, self.key = make_certificate(self.folder)

    def command(self) -> list[str]:
        words = [self.program, "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "", "--appendonly", "no"]
        if self.certificate:
            words += ["--port", "0", "--tls-port", str(self.port), "--tls-cert-file", str(self.certificate),
                      "--tls-key-file", str(self.key), "--tls-auth-clients", "no"]
        else:
            words += ["--port", str(self.port)]
        if password := self.options.get("password"):
            words += ["--requirepass", password]
        return words

    def cli(self, *words: str) -> str:
        """What redis-cli answers."""
        command = ["redis-cli", "-p", str(self.port), "--raw"]
        if self.certificate:
            command += ["--tls", "--cacert", str(self.certificate)]
        env = {"REDISCLI_AUTH": self.options["password"]} if self.options.get("password") else {}
        return subprocess.run([*command, *words], check=True, capture_output=True, text=True,
                              env=os.environ | env, timeout=20).stdout


class Postgres(RealServer):
    """User postgres, database postgres. Options: password (else anybody is trusted), tls."""

    scheme = "postgres"
    users = ("postgres",)

    def prepare(self) -> None:
        self.program = find_program("postgres", "postgresql")
        self.data = self.folder / "data"
        password = self.options.get("password", "unused")
        (self.folder / "password").write_text(password)
        method = "scram-sha-256" if "password" in self.options else "trust"
        subprocess.run([find_program("initdb", "postgresql"), "-D", self.data, "-U", "postgres", "-A", method,
                        "--pwfile", self.folder / "password", "--no-sync", "-E", "UTF8"],
                       check=True, capture_output=True, user=self.user, cwd=self.folder)
        if self.options.get("tls"):
            self.certificate, key = make_certificate(self.folder)
            if self.user:
                shutil.chown(self.certificate, self.user)
                shutil.chown(key, self.user)
            key.chmod(0o600)
            with open(self.data / "postgresql.conf", "a") as conf:
                conf.write(f"ssl = on\nssl_cert_file = '{self.certificate}'\nssl_key_file = '{key}'\n")

    def command(self) -> list[str]:
        return [self.program, "-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder),
                "-c", "fsync=off"]

    def psql(self, sql: str, database: str = "postgres") -> str:
        env = os.environ | {"PGPASSWORD": self.options.get("password", "")}
        return subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-At",
                               "-c", sql, database],
                              check=True, capture_output=True, text=True, env=env, timeout=20).stdout

    def is_ready(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.psql("SELECT 1") == "1\n"
        return False


class MariaDb(RealServer):
    """User `u` with password `p` and database `d`. Options: password, tls (`certificate` is the root to trust)."""

    scheme = "mysql"
    users = ("mysql",)

    def prepare(self) -> None:
        self.program = find_program("mariadbd", "mariadb-server")
        self.data = self.folder / "data"
        self.data.mkdir()
        if self.user:
            shutil.chown(self.data, self.user)
        subprocess.run([find_program("mariadb-install-db", "mariadb-server"), f"--datadir={self.data}",
                        "--auth-root-authentication-method=normal", "--skip-test-db",
                        *([f"--user={self.user}"] if self.user else [])], check=True, capture_output=True)
        self.password = self.options.get("password", "p")
        self.certificate = None
        if self.options.get("tls"):
            self.certificate, self.key = make_certificate(self.folder)
            if self.user:
                shutil.chown(self.certificate, self.user)
                shutil.chown(self.key, self.user)
        (self.folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS 'u'@'127.0.0.1' IDENTIFIED BY '{self.password}';\nCREATE DATABASE IF NOT EXISTS d;\n"
            "GRANT ALL ON d.* TO 'u'@'127.0.0.1';\n")

    def command(self) -> list[str]:
        return [self.program, "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
                f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", "--bind-address=127.0.0.1",
                f"--init-file={self.folder}/init.sql", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
                *([f"--ssl-cert={self.certificate}", f"--ssl-key={self.key}"] if self.certificate else [])]

    def mariadb(self, sql: str) -> str:
        return subprocess.run(["mariadb", "-h", "127.0.0.1", "-P", str(self.port), "-u", "u", f"-p{self.password}", "-N", "-B", "d",
                               "-e", sql], check=True, capture_output=True, text=True, timeout=20).stdout

    def is_ready(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.mariadb("SELECT 1") == "1\n"
        return False


class Mosquitto(RealServer):
    """Anybody may publish and subscribe, unless `password` is given: then only user `user` with it. With `tls` the port
    speaks TLS only (`certificate` is the root to trust)."""

    scheme = "mqtt"
    users = ("mosquitto", "nobody")

    def prepare(self) -> None:
        self.program = find_program("mosquitto", "mosquitto")
        lines = [f"listener {self.port} 127.0.0.1", "persistence false"]
        self.certificate = None
        if self.options.get("tls"):
            self.certificate, key = make_certificate(self.folder)
            if self.user:
                shutil.chown(self.certificate, self.user)
                shutil.chown(key, self.user)
            lines += [f"certfile {self.certificate}", f"keyfile {key}"]
        if password := self.options.get("password"):
            subprocess.run(["mosquitto_passwd", "-b", "-c", self.folder / "passwords", "user", password], check=True,
                           capture_output=True)
            if self.user:
                shutil.chown(self.folder / "passwords", self.user)
            lines += ["allow_anonymous false", f"password_file {self.folder}/passwords"]
        else:
            lines.append("allow_anonymous true")
        (self.folder / "conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return [self.program, "-c", str(self.folder / "conf")]
