"""A small web server that takes what is sent, remembers it, and answers as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from msgspec import Struct


class Request(Struct, frozen=True):
    """What arrived somewhere."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(HTTPServer):
    """Takes what is sent and answers as it is told to: by path, else 200, and not before `may_answer` is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.answers: dict[str, int] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # http.server's name
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Request(self.path, headers, body))
        receiver.may_answer.wait()
        self.send_response(receiver.answers.get(self.path, 200))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver until the end."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
