"""A small HTTP server of the tests' own, which answers by a function and remembers what it was asked."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct


class Asked(Struct, frozen=True):
    """A request, as the function sees it."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]


Answer = Callable[[Asked], tuple[int, bytes] | None]


@contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """Serve until the block ends, and give the address; None as an answer breaks the connection."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = answer(Asked(self.command, parts.path, dict(parse_qsl(parts.query)), body, headers))
            if told is None:
                self.close_connection = True
                return
            self.send_response(told[0])
            self.send_header("content-length", str(len(told[1])))
            self.end_headers()
            self.wfile.write(told[1])

        do_GET = do_POST = do_DELETE = handle_one  # noqa: N815  # the names that the library calls

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        serving.join(10)
