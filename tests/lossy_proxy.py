"""A line to PostgreSQL that breaks after a commit was done and before it is answered, or before it arrives."""

import contextlib
import socket
import threading
from typing import Self

import sqlalchemy

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class LossyProxy:
    """Forwards connections to a server.

    Where ``lose_every`` is set, the answer of every so many-th commit is lost, and its connection with it; where
    ``lose_at`` is set, the one of the commit that comes so many-th, once. With ``lose_requests`` these commits are not
    even done, and with ``only_after`` those alone count whose transaction has had a statement with these words.
    """

    def __init__(self, url: str) -> None:
        server = sqlalchemy.make_url(url)
        assert server.host
        assert server.port
        self._server = (server.host, server.port)
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = server.set(host="127.0.0.1", port=self._listener.getsockname()[1]).render_as_string(False)
        self.lose_every: int | None = None
        self.lose_at: int | None = None
        self.lose_requests = False
        self.only_after = b""
        self.n_commits = 0
        self.n_lost = 0

    def lose_answer(self, which: int) -> None:
        """Count commits anew, and lose the answer of one of them."""
        with self._turn:
            self.n_commits = self.n_lost = 0
            self.lose_at = which

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            answer_is_lost = threading.Event()
            back = threading.Thread(target=self._answer, args=(server, client, answer_is_lost), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                counts = False
                while request := client.recv(65536):
                    counts |= self.only_after in request
                    if request == _COMMIT:
                        if counts and self._is_unlucky():
                            answer_is_lost.set()
                            if self.lose_requests:
                                break
                        counts = False
                    server.sendall(request)
                server.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, server: socket.socket, client: socket.socket, is_lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (answer := server.recv(65536)) and not is_lost.is_set():
                client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)

    def _is_unlucky(self) -> bool:
        with self._turn:
            self.n_commits += 1
            unlucky = self.lose_every is not None and self.n_commits % self.lose_every == 0
            unlucky |= self.n_commits == self.lose_at
            self.n_lost += unlucky
            return unlucky
