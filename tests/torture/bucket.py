"""An object store of our own that can be away: the three requests of S3 that recordings need, in memory."""

import threading
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Bucket(ThreadingHTTPServer):
    """A bucket that answers, or is away: it says 503, or ends the connection without a word, by turns."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.is_away = False
        self.refused = 0
        self.kept: dict[str, bytes] = {}
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which a stage keeps its recordings here."""
        return {
            "ANGIME_RECORDINGS": "s3://recordings",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_address[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_SKIP_SIGNATURE": "true",
            "AWS_REGION": "here",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self._is_refused():
            self.server.kept[self.path] = content
            self._say(200, b"", etag=_etag(content))

    def do_GET(self) -> None:
        self._give(with_content=True)

    def do_HEAD(self) -> None:
        self._give(with_content=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Say nothing: paths hold ids."""

    def _give(self, *, with_content: bool) -> None:
        if self._is_refused():
            return
        content = self.server.kept.get(self.path)
        if content is None:
            self._say(404, b"")
        else:
            self._say(200, content, etag=_etag(content), with_content=with_content)

    def _is_refused(self) -> bool:
        if not self.server.is_away:
            return False
        self.server.refused += 1
        if self.server.refused % 2:
            self._say(503, b"")
        else:
            self.close_connection = True
        return True

    def _say(self, status: int, content: bytes, *, etag: str = "", with_content: bool = True) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("last-modified", formatdate(usegmt=True))
        if etag:
            self.send_header("etag", etag)
        self.end_headers()
        if with_content:
            self.wfile.write(content)


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()}"'
