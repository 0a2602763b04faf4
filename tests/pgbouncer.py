"""A private PgBouncer for the tests, in transaction mode, in front of a PostgreSQL server; gone without a trace."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import sqlalchemy
from postgres_server import free_port, unprivileged_user

_START_SECONDS = 20.0


def find_pgbouncer() -> str | None:
    """Return the program, or None where there is none; Debian keeps it where only root's PATH leads."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


class PgBouncer:
    """A pooler in a temporary folder, on a free port of the loopback interface.

    Parameters
    ----------
    program : str
    server_url : str
        The server in question, with a user who may log in; to any of its databases.
    settings : mapping
        Of ``pgbouncer.ini``, beyond what makes it run.
    """

    def __init__(self, program: str, server_url: str, **settings: Any) -> None:
        self._program = program
        self._server = sqlalchemy.make_url(server_url)
        self.folder = Path(tempfile.mkdtemp(prefix="kallos-pgbouncer-"))
        self.port = free_port()
        self._settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "md5",
            "auth_file": self.folder / "users",
            "logfile": self.folder / "log",
            "pool_mode": "transaction",
            **settings,
        }

    def __enter__(self) -> Self:
        server = self._server
        lines = ["[databases]", f"* = host={server.host} port={server.port or 5432}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in self._settings.items()]
        (self.folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        (self.folder / "users").write_text(f'"{server.username}" "{server.password}"\n')
        # It refuses to run as root.
        user = unprivileged_user()
        if user is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        self._process = subprocess.Popen(
            [self._program, "-q", self.folder / "pgbouncer.ini"],
            cwd=self.folder,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=_START_SECONDS)
        shutil.rmtree(self.folder)

    def url(self, server_url: str) -> str:
        """Return the URL of a database of the server through the pooler."""
        url = sqlalchemy.make_url(server_url).set(host="127.0.0.1", port=self.port)
        return url.render_as_string(hide_password=False)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.01)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])
