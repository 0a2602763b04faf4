"""``kallos-run dashboard``: the studies of a database in Optuna's dashboard."""

from collections.abc import Callable, Iterable
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import command_line, output
from ..databases import Databases
from ..options import DEFAULT_DB_URL, DbUrl, Debug, OptunaSchema, StudiesUrl
from ..user_error import UserError

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

EXAMPLES = (
    "[bold]Examples[/bold]\n\n"
    "kallos-run dashboard\n\n"
    "kallos-run dashboard --port 9000 --studies-url postgresql://me@localhost/lab --optuna-schema studies"
)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Where who listens everywhere is reached from this machine.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - what is asked for
_SECONDS_TO_START = 120.0
_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def dashboard(
    *,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="HOST",
            help="Address to listen on. The dashboard has no login: whoever reaches it can delete studies.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    db_url: DbUrl = DEFAULT_DB_URL,
    studies_url: StudiesUrl = None,
    optuna_schema: OptunaSchema = None,
    _debug: Debug = False,
) -> None:
    """Look at studies in Optuna's dashboard, in a browser on this machine, until Ctrl-C.

    It needs optuna-dashboard, the extra "dashboard" of kallos-cli. It shows what Optuna knows: trials, parameters,
    importances. What Kallos makes of them, the verdict above all, study show tells.
    """
    from importlib.util import find_spec

    if find_spec("optuna_dashboard") is None:
        raise UserError(
            "the dashboard needs optuna-dashboard, which is not installed: pip install 'kallos-cli[dashboard]'"
        )
    from kallos_tune import open_storage, study_names

    from .. import logs

    config = Databases.of_studies(db_url, studies_url).studies
    if not study_names(config, optuna_schema=optuna_schema):
        raise UserError(f"there is no study in {config}: create one with {command_line.of_program('tune')}")
    with _server(host, port) as server:
        output.say("starting the dashboard…")
        logs.tame_optuna()
        from optuna_dashboard import wsgi

        server.set_app(_only_called(_names_of(host), wsgi(open_storage(config, optuna_schema))))
        shown = f"[{host}]" if ":" in host else host
        if host not in _LOOPBACK:
            output.say(
                f"warning: the dashboard has no login: whoever reaches {shown} can look at studies and delete them",
                style="yellow",
            )
        address = f"studies of {config}: http://{shown}:{server.server_port}/dashboard (Ctrl-C ends it)"
        Thread(target=_announce, args=(host, server.server_port, address), daemon=True).start()
        server.serve_forever()


def _announce(host: str, port: int, words: str) -> None:
    """Print the address once the page is there, and what it asks for first."""
    import http.client

    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=_SECONDS_TO_START)
    try:
        for path in ("/dashboard", "/api/studies"):
            connection.request("GET", path)
            connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        output.say(f"warning: the dashboard does not answer yet ({error}): a reload may help", style="yellow")
    finally:
        connection.close()
    output.say(words)


def _server(host: str, port: int) -> "WSGIServer":
    """Return a server that answers several requests at a time: browsers open connections that they do not use."""
    import socket
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the base class has it
            """Keep requests to itself."""

        def address_string(self) -> str:
            """Return the address of who asks, without looking up a name."""
            return str(self.client_address[0])

    try:
        return Server((host, port), Handler)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose another with --port, or --host"
        ) from error


def _names_of(host: str) -> tuple[str, ...]:
    return _LOOPBACK if host in _LOOPBACK else ()


def _only_called(names: tuple[str, ...], app: _App) -> _App:
    """Refuse what is asked of another name than these, if there are any.

    A page of somebody else's whose name leads to this machine would otherwise be let in by the browser.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = str(environ.get("HTTP_HOST", "")).rpartition(":")[0] or str(environ.get("HTTP_HOST", ""))
        if names and name.strip("[]") not in names:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"this dashboard is for this machine alone\n"]
        return app(environ, start_response)

    return guarded
