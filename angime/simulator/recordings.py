"""What is heard in the simulated calls, and the providers' server that hands recordings out for a token."""

import base64
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from angime.simulator.company import INTERNATIONAL, LINES, Line, secrets_of
from angime.simulator.delivery import Audio
from angime.simulator.story import Story

HOST: Final = "127.0.0.1"
# Languages in turn, one for each line that records.
LANGUAGES: Final = ("ru", "kk", "pt")
RECORDINGS: Final = 12
_TOKEN_CHECKED_PREFIXES: Final = ("/2010-04-01/Accounts/", "/whatsapp_business/attachments/")


class Spoken(Struct, frozen=True, kw_only=True):
    """A two-channel recording of a whole talk, as bytes in the provider's form, and its length in begun seconds."""

    language: str
    seconds: int
    content: bytes
    media_type: str


DialogueSource = Callable[[str, int], Spoken]


def of_demo_sentences(language: str, number: int) -> Spoken:
    """Compose a dialogue of the demo model's sentences, in the form in which its line's provider keeps recordings.

    WhatsApp gives Opus with the business in the first channel; Twilio gives WAV with the parent call, which is the
    inbound caller's, in the first.
    """
    from streams.demo_model.dialogues import dialogue, recording_bytes
    from streams.demo_model.recordings import encode

    spoken = dialogue(language, number)
    seconds = ceil(spoken.duration_seconds)
    if language != INTERNATIONAL.language:
        return Spoken(
            language=language, seconds=seconds, content=recording_bytes(spoken, form="ogg"), media_type="audio/ogg"
        )
    content = encode(spoken.samples[::-1], samples_per_second=spoken.samples_per_second, form="wav_mulaw")
    return Spoken(language=language, seconds=seconds, content=content, media_type="audio/wav")


def speak(*, seed: int, count: int = RECORDINGS, source: DialogueSource = of_demo_sentences) -> tuple[Spoken, ...]:
    """Give `count` recordings, the languages in turn; the same seed gives the same bytes."""
    return tuple(source(LANGUAGES[number % len(LANGUAGES)], seed * 1_000 + number) for number in range(count))


class RecordingServer:
    """The providers' servers, on a port of this machine: gives each recording to whoever shows the line's token."""

    def __init__(self, *, port: int = 0, seed: int) -> None:
        """Take the port; raises OSError when another program has it."""
        self._held: dict[str, tuple[Line, Spoken]] = {}
        self._seed = seed
        self._server = ThreadingHTTPServer((HOST, port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._server.server_address[1]

    @property
    def host(self) -> str:
        """Host and port as they stand in `recording_hosts`."""
        return f"{HOST}:{self.port}"

    def hold(self, story: Story, *, spoken: tuple[Spoken, ...]) -> Mapping[str, Audio]:
        """Take the story's recordings in, and give each one's address and bytes by its id."""
        for recorded in story.recordings:
            self._held[recorded.id] = LINES[recorded.account], spoken[recorded.number]
        return {
            recorded.id: Audio(
                url=self._url(LINES[recorded.account], id_=recorded.id), content=spoken[recorded.number].content
            )
            for recorded in story.recordings
        }

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _url(self, line: Line, *, id_: str) -> str:
        if line.source == "twilio":
            return f"http://{self.host}/2010-04-01/Accounts/{line.provider_id}/Recordings/RE{id_}"
        return f"http://{self.host}/whatsapp_business/attachments/?mid={id_}"

    def _answer(self, path: str, *, authorization: str) -> tuple[int, Spoken | None]:
        if not path.startswith(_TOKEN_CHECKED_PREFIXES):
            return 404, None
        line, spoken = self._held.get(_id_in(path), (None, None))
        if line is None:
            return 404, None
        secret = secrets_of(line, seed=self._seed).fetching
        shown = f"Bearer {secret}"
        if line.fetch_auth == "basic":
            shown = "Basic " + base64.b64encode(secret.encode()).decode()
        return (200, spoken) if authorization == shown else (401, None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, spoken = answer(self.path, authorization=self.headers.get("authorization", ""))
                self.send_response(status)
                self.send_header("content-type", spoken.media_type if spoken is not None else "text/plain")
                self.send_header("content-length", str(len(spoken.content) if spoken is not None else 0))
                self.end_headers()
                if spoken is not None:
                    self.wfile.write(spoken.content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
                """Say nothing: addresses hold ids."""

        return Handler


def _id_in(path: str) -> str:
    """Find the recording's id in Twilio's address (with or without an ending) or in WhatsApp's."""
    parts = urlsplit(path)
    asked = parse_qs(parts.query).get("mid")
    if asked:
        return asked[0]
    return parts.path.rpartition("/RE")[2].partition(".")[0]
