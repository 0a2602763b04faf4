"""Commands as processes of their own that need not load torch and Darts again.

A server process imports everything once. For each command it forks a process that becomes that command: its arguments,
environment, folder, streams, session and signals are its own, it runs the console script as it is and does what any
Python does at its end. The fork server that such a command starts for its workers is a fork, too, made before the
command began. What is about starting and loading itself is tested with the real script.
"""

import array
import atexit
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import util
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Any, Final, Self

SCRIPT: Final = Path(sys.executable).parent / "kallos-run"
# What Optuna and SQLAlchemy load by themselves when a storage is opened.
LOADED_BY_STORAGES: Final = (
    "alembic.command",
    "alembic.migration",
    "alembic.script",
    "optuna.storages._rdb.models",
    "psycopg2",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
# What commands and their workers load.
_LOADED: Final = (
    "kallos_cli.app",
    "kallos_tune.study",
    "kallos_tune.study_worker",
    "rich.progress",
    "sqlite3",
    "arch.bootstrap",
    *LOADED_BY_STORAGES,
)
# Of others a fork server would be a new interpreter, which is no fault but takes its time.
_WITH_WORKERS: Final = {"demo", "train", "tune"}
_FORK_SERVER: Final = "from multiprocessing.forkserver import main"
_GROUP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_N_STREAMS: Final = 3


class WarmCommands:
    """The server: a context manager that starts it, and ends it with all that waits in it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, str(Path(__file__)), str(theirs.fileno())]
        self._socket = ours
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait(30)

    def start(
        self,
        arguments: Sequence[object],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        script: Path = SCRIPT,
    ) -> "WarmCommand":
        """Start ``kallos-run``, or another script, with arguments; a stream is ``PIPE``, ``STDOUT`` or a descriptor."""
        request = {"words": [str(each) for each in (script, *arguments)], "cwd": str(cwd), "env": dict(env)}
        out, out_end = _pipe(stdout)
        err, err_end = (None, out_end) if stderr == subprocess.STDOUT else _pipe(stderr)
        told, telling = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        _send(self._socket, request, [nothing, out_end, err_end, telling])
        ours = {nothing, telling} | ({out_end} if out else set()) | ({err_end} if err else set())
        for descriptor in ours:
            os.close(descriptor)
        return WarmCommand(told, out, err)


class WarmCommand:
    """A started command, with as much of ``subprocess.Popen`` as tests need."""

    def __init__(self, told: int, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self._told = os.fdopen(told, "rb", buffering=0)
        self.pid = int(self._told.readline())
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float = 60) -> int:
        """Wait for its end and return how it ended: an exit code, or a signal's number below 0."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("kallos-run", timeout)
        return code

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Read both streams to their ends, wait, and return what was read."""
        read = ["", ""]

        def follow(number: int, stream: IO[str]) -> None:
            read[number] = stream.read()

        streams = [(number, stream) for number, stream in enumerate((self.stdout, self.stderr)) if stream is not None]
        readers = [threading.Thread(target=follow, args=each, daemon=True) for each in streams if not each[1].closed]
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + timeout
        self.wait(timeout)
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired("kallos-run", timeout)
        for _, stream in streams:
            stream.close()
        return read[0], read[1]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float) -> int | None:
        if self.returncode is None and wait([self._told.fileno()], timeout):
            with self._told:
                self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
        return self.returncode


def _pipe(stream: int) -> tuple[IO[str] | None, int]:
    """Return what we read from, None where the stream is somebody else's, and the descriptor that is written to."""
    if stream != subprocess.PIPE:
        return None, stream
    reading, writing = os.pipe()
    return os.fdopen(reading, encoding="utf-8"), writing


def _send(connection: socket.socket, message: Any, descriptors: Sequence[int]) -> None:
    content = json.dumps(message).encode()
    socket.send_fds(connection, [len(content).to_bytes(8, "big")], list(descriptors))
    connection.sendall(content)


def _messages(connection: socket.socket) -> Iterator[tuple[Any, list[int]]]:
    """Yield each message with its descriptors, until the other side is gone."""
    size = array.array("i").itemsize
    while True:
        length, ancillary, *_ = connection.recvmsg(8, socket.CMSG_SPACE(8 * size))
        if not length:
            return
        descriptors = array.array("i")
        for _, _, content in ancillary:
            descriptors.frombytes(content[: len(content) - len(content) % size])
        content = b""
        while len(content) < int.from_bytes(length, "big"):
            content += connection.recv(65536)
        yield json.loads(content), list(descriptors)


def _serve(connection: socket.socket) -> list[str] | None:
    """Fork a process for each request; return its words in it, and None in the server once nobody is left."""
    gc.disable()
    for name in _LOADED:
        importlib.import_module(name)
    gc.freeze()  # a collection in a command would copy what all of them share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the keepers of commands end unseen
    for request, descriptors in _messages(connection):
        if os.fork() == 0:
            connection.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _keep(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
    return None


def _keep(request: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Fork the command and return in it; stay behind to tell how it ends."""
    *streams, telling = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(telling)
        return _become(request, streams)
    for descriptor in streams:
        os.close(descriptor)
    os.write(telling, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(telling, b"%d\n" % status)
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> list[str]:
    """Make this process the one of a command."""
    gc.enable()
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    for descriptor in set(streams) - set(range(_N_STREAMS)):
        os.close(descriptor)
    _open_streams()
    words = request["words"]
    if words[0] != str(SCRIPT) or _WITH_WORKERS.intersection(words[1:2]):
        _spare_fork_server()
    sys.path[0] = str(Path(words[0]).parent)
    return words


def _open_streams() -> None:
    """Open the standard streams as Python does at its start."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115 - as long as the process lives
        stream = io.TextIOWrapper(
            raw if unbuffered else io.BufferedWriter(raw),
            encoding="utf-8",
            errors="strict" if number == 1 else "backslashreplace",
            line_buffering=number == 2 or raw.isatty(),
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _spare_fork_server() -> None:
    """Fork a process that becomes the fork server which the command may ask for; a second one is started as ever."""
    ours, theirs = socket.socketpair()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _GROUP_SIGNALS)
    spare = os.fork()
    if spare == 0:
        ours.close()
        found = {number: signal.signal(number, signal.SIG_IGN) for number in _GROUP_SIGNALS}
        for order, descriptors in _messages(theirs):
            for number, handler in found.items():
                signal.signal(number, handler)
            _be_fork_server(order, descriptors)
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    theirs.close()
    real = util.spawnv_passfds
    waiting = [spare]

    def spawn(path: bytes, arguments: Sequence[str | bytes], descriptors: Sequence[int]) -> int:
        code = os.fsdecode(arguments[-1])
        if not (waiting and code.startswith(_FORK_SERVER)):
            return real(path, arguments, descriptors)
        mask = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
        ignored = [int(each) for each in signal.valid_signals() if signal.getsignal(each) == signal.SIG_IGN]
        _send(
            ours,
            {"code": code, "numbers": list(descriptors), "mask": mask, "ignored": ignored, "env": dict(os.environ)},
            descriptors,
        )
        ours.close()
        return waiting.pop()

    util.spawnv_passfds = spawn


def _be_fork_server(order: dict[str, Any], descriptors: list[int]) -> None:
    """Run what a new interpreter would be given to run, with the descriptors where it looks for them."""
    os.environ.clear()
    os.environ.update(order["env"])
    signal.pthread_sigmask(signal.SIG_SETMASK, order["mask"])
    for number in order["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    # First out of the way, since the numbers may cross.
    high = [os.dup2(descriptor, 200 + place) for place, descriptor in enumerate(descriptors)]
    os.closerange(_N_STREAMS, 200)
    for descriptor, number in zip(high, order["numbers"], strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    del sys.path[0]
    sys.argv = ["-c"]
    exec(order["code"], {"__name__": "__main__"})
    os._exit(0)


def _run(words: list[str]) -> None:
    """Run a script with its arguments and end as Python does, but without taking the interpreter apart.

    That would touch, and so copy, each page that this process shares with the server.
    """
    sys.argv = words
    code = 0
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        code = end.code
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _words = _serve(socket.socket(fileno=int(sys.argv[1])))
    if _words is not None:
        _run(_words)
