"""An object store of our own that can be away: the requests of S3 that recordings and a warehouse need, in memory."""

import re
import threading
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

KEY = re.compile("<Key>([^<]*)</Key>")
WRITTEN_AT = "2026-01-01T00:00:00.000Z"  # where nothing else is said


class Bucket(ThreadingHTTPServer):
    """A bucket that answers, or is away: it says 503, or ends the connection without a word, by turns."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.is_away = False
        self.refused = 0
        self.kept: dict[str, bytes] = {}
        self.written_at: dict[str, str] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.uploads = count(1)
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
        return {"ANGIME_RECORDINGS": "s3://recordings", **self.address}

    @property
    def address(self) -> dict[str, str]:
        """What tells clients of S3 where it is, and that it wants no keys."""
        return {
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
        if self._is_refused():
            return
        if upload := self._asked.get("uploadId"):
            self.server.parts[upload][int(self._asked["partNumber"])] = content
        else:
            self.server.kept[self._name] = content
        self._say(200, b"", etag=_etag(content))

    def do_POST(self) -> None:
        """Begin or end an upload in parts, or delete many."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._is_refused():
            return
        if "uploads" in self._asked:
            upload = str(next(self.server.uploads))
            self.server.parts[upload] = {}
            self._say_xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")
        elif upload := self._asked.get("uploadId"):
            parts = self.server.parts.pop(upload)
            content = self.server.kept[self._name] = b"".join(parts[number] for number in sorted(parts))
            self._say_xml("CompleteMultipartUploadResult", f"<ETag>{escape(_etag(content))}</ETag>")
        else:
            keys = KEY.findall(body.decode())
            for key in keys:
                self.server.kept.pop(f"{self._name.rstrip('/')}/{unescape(key)}", None)
            self._say_xml("DeleteResult", "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys))

    def do_DELETE(self) -> None:
        if not self._is_refused():
            self.server.kept.pop(self._name, None)
            self._say(204, b"")

    def do_GET(self) -> None:
        if "list-type" in self._asked:
            self._list()
        else:
            self._give(with_content=True)

    def do_HEAD(self) -> None:
        self._give(with_content=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
        """Say nothing: paths hold ids."""

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path)

    @property
    def _asked(self) -> dict[str, str]:
        return {name: words[0] for name, words in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()}

    def _list(self) -> None:
        if self._is_refused():
            return
        begin = f"{self._name.rstrip('/')}/"
        found = sorted(
            name for name in list(self.server.kept) if name.startswith(begin + self._asked.get("prefix", ""))
        )
        listed = "".join(
            f"<Contents><Key>{escape(name.removeprefix(begin))}</Key><Size>{len(self.server.kept[name])}</Size>"
            f"<ETag>{escape(_etag(self.server.kept[name]))}</ETag>"
            f"<LastModified>{self.server.written_at.get(name, WRITTEN_AT)}</LastModified></Contents>"
            for name in found
        )
        self._say_xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{listed}")

    def _give(self, *, with_content: bool) -> None:
        if self._is_refused():
            return
        content = self.server.kept.get(self._name)
        if content is None:
            self._say(404, b"")
            return
        etag = _etag(content)
        if with_content and (wanted := self.headers.get("range")):
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first = int(begin) if begin else max(len(content) - int(end), 0)
            last = min(int(end), len(content) - 1) if begin and end else len(content) - 1
            self._say(206, content[first : last + 1], etag=etag, place=f"bytes {first}-{last}/{len(content)}")
        else:
            self._say(200, content, etag=etag, with_content=with_content)

    def _is_refused(self) -> bool:
        if not self.server.is_away:
            return False
        self.server.refused += 1
        if self.server.refused % 2:
            self._say(503, b"")
        else:
            self.close_connection = True
        return True

    def _say_xml(self, root: str, inside: str) -> None:
        said = f'<?xml version="1.0"?><{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{inside}</{root}>'
        self._say(200, said.encode())

    def _say(self, status: int, content: bytes, *, etag: str = "", place: str = "", with_content: bool = True) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.send_header("last-modified", formatdate(usegmt=True))
        if etag:
            self.send_header("etag", etag)
        if place:
            self.send_header("content-range", place)
        self.end_headers()
        if with_content:
            self.wfile.write(content)


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()}"'
