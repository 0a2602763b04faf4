"""A Ray cluster of this machine alone, for tests: one group of processes, with a folder and a token of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_START_SECONDS = 60
VARIABLES = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
# Ray reads them once in a process, whichever test imports it first.
os.environ.update(VARIABLES)


class RayCluster:
    """One node with two CPUs; who does not know its token gets nothing from it."""

    def __init__(self) -> None:
        # Ray's sockets lie below it, and their paths must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))
        self.address = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = {
            "--num-cpus": 2,
            "--port": 0,
            "--node-ip-address": "127.0.0.1",
            "--include-dashboard": "false",
            "--object-store-memory": 100_000_000,
            "--temp-dir": self.folder,
        }
        command = [Path(sys.executable).parent / "ray", "start", "--head", "--block", "--disable-usage-stats"]
        with (self.folder / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [*command, *(f"{name}={value}" for name, value in arguments.items())],
                # Its workers find the modules of the tests.
                env=os.environ | VARIABLES | {"PYTHONPATH": str(Path(__file__).parent)},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        written = self.folder / "ray_current_cluster"
        deadline = time.monotonic() + _START_SECONDS
        while not (written.exists() and "Ray runtime started" in (self.folder / "said").read_text()):
            assert self._process.poll() is None, (self.folder / "said").read_text()
            assert time.monotonic() < deadline, (self.folder / "said").read_text()
            time.sleep(0.1)
        self.address = written.read_text().strip()

    def remove(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
