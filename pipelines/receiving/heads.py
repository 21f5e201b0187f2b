"""The heads of HTTP requests within limits: who sends one without end, or none at all, is let go.

uvicorn's protocol over httptools reads headers of any length, before a body and behind it, for as long as they come:
one sender, whom nobody knows yet, would take all the memory there is.
"""

from asyncio import BaseTransport, TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024  # four times what others take
HEAD_SECONDS = 10.0

_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"


class BoundedHeads(HttpToolsProtocol):
    """A connection that is closed where a request's head is larger than MAX_HEAD_BYTES, or takes longer to come.

    One that is kept open between two requests is uvicorn's to close.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]  # it says which transport it gets
        self._unread_bytes = 0  # since the last head or piece of a body was whole
        self._is_read = False
        self._patience: TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._is_read = False
        super().data_received(data)
        self._unread_bytes = 0 if self._is_read else self._unread_bytes + len(data)
        if self._unread_bytes > MAX_HEAD_BYTES:
            self._let_go(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin to wait for the head of another request."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Have a head."""
        self._is_read = True
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Have a piece of a body."""
        self._is_read = True
        super().on_body(body)

    def _await_head(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._let_go, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _let_go(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()
