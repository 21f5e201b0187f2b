"""Audio in: a recording becomes 16 kHz samples a channel, by PyAV, streamed, within stated limits.

The samples lie in a file and are read in pieces: an hour of two channels are 230 MB of them.
"""

import io
import os
import resource
import sys
import tempfile
import threading
import weakref
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import av
import numpy as np
from av.audio import AudioFrame, AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from msgspec import Struct
from numpy.typing import NDArray

from schemas.errors import InvalidEvent

SAMPLES_PER_SECOND: Final = 16_000  # what Whisper and Silero hear
MAX_FILE_BYTES: Final = 512 * 1024 * 1024
MAX_DURATION_SECONDS: Final = 4 * 3600.0
MAX_CHANNEL_SECONDS: Final = 8 * 3600.0  # of all channels together: 0.9 GB of samples, on the disk
MAX_CHANNELS: Final = 16
MIN_DURATION_SECONDS: Final = 0.05
MAX_DECODING_BYTES: Final = 128 * 1024 * 1024  # of memory: a tag of some kilobytes may unpack to gigabytes
# Only containers of recordings: FFmpeg's playlists and lists would let a recording read other files.
_CONTAINERS: Final = "wav,w64,aiff,au,mp3,ogg,flac,mov,matroska,amr,amrnb,amrwb,gsm,caf,aac"
_OPTIONS: Final = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
_RIFF_HEADER_BYTES: Final = 8  # "RIFF" and the size of what follows
_LENGTH_UNKNOWN: Final = 0x7FFF_0000  # from here on a size means: written while the call went on
_FULL_SCALE: Final = 32_768.0
_SAMPLE_BYTES: Final = 2
_one_bound_at_a_time = threading.Lock()

Recording = Path | bytes  # its file, or what would stand in it


class AudioLimits(Struct, frozen=True, kw_only=True):
    """What a recording may cost us before it is refused."""

    file_bytes: int = MAX_FILE_BYTES
    duration_seconds: float = MAX_DURATION_SECONDS
    channel_seconds: float = MAX_CHANNEL_SECONDS
    channels: int = MAX_CHANNELS


class Audio:
    """A decoded recording: int16 samples at 16 kHz in a file without a name, which goes when nobody holds this."""

    def __init__(self, file: IO[bytes], *, channels: int) -> None:
        self.channels = channels
        self._file = os.dup(file.fileno())
        self._samples = os.fstat(self._file).st_size // (_SAMPLE_BYTES * channels)
        weakref.finalize(self, os.close, self._file)

    @property
    def duration_seconds(self) -> float:
        """How long it plays."""
        return self._samples / SAMPLES_PER_SECOND

    @property
    def samples(self) -> NDArray[np.float32]:
        """The whole recording as float32 in -1…1, shape (channels, n); better asked for in pieces."""
        return floats(self.piece(0, self._samples))

    def piece(self, first: int, last: int) -> NDArray[np.int16]:
        """Read the samples from `first` up to `last`, as far as there are any; shape (channels, n)."""
        frame_bytes = _SAMPLE_BYTES * self.channels
        read = os.pread(self._file, max(0, last - first) * frame_bytes, first * frame_bytes)
        return np.frombuffer(read, dtype=np.int16).reshape(-1, self.channels).T

    def blocks(self, *, seconds: int) -> Iterator[NDArray[np.int16]]:
        """Read it through, so many seconds at a time."""
        step = seconds * SAMPLES_PER_SECOND
        return (self.piece(first, first + step) for first in range(0, self._samples, step))


def floats(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """Samples of any shape as float32 in -1…1."""
    return np.multiply(pcm, np.float32(1 / _FULL_SCALE), order="C")


def decode(recording: Recording, *, limits: AudioLimits = AudioLimits()) -> Audio:  # noqa: B008 - the limits are frozen
    """Decode a recording of any common container and codec.

    Raises InvalidEvent with a reason for one that is missing, empty, too large, too long, cut short or no audio.
    """
    if isinstance(recording, bytes):
        return _decode(io.BytesIO(recording), limits=limits)
    if not recording.is_file():
        raise InvalidEvent("The recording's file does not exist.")
    with recording.open("rb") as file:
        return _decode(file, limits=limits)


def _decode(file: IO[bytes], *, limits: AudioLimits) -> Audio:
    size_bytes = file.seek(0, io.SEEK_END)
    if size_bytes == 0:
        raise InvalidEvent("The recording is empty: 0 bytes.")
    if size_bytes > limits.file_bytes:
        raise InvalidEvent(f"The recording has {size_bytes} bytes; at most {limits.file_bytes} are taken.")
    _refuse_cut_short(file, size_bytes=size_bytes)
    file.seek(0)
    try:
        with (
            _bounded_memory(),
            av.open(file, "r", options=_OPTIONS) as opened,
        ):
            return _decode_opened(opened, limits=limits)
    except (FFmpegError, MemoryError, UnicodeDecodeError, ValueError) as reason:
        raise InvalidEvent(f"The recording cannot be decoded as audio ({type(reason).__name__}).") from reason


@contextmanager
def _bounded_memory() -> Generator[None]:
    """Let FFmpeg take no more than so much memory, where the system can bound it (Linux).

    What it cannot have it does without: a tag that is too large is left out, and a file that needs more is refused.
    """
    if sys.platform != "linux":
        yield
        return
    with _one_bound_at_a_time:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        bound = held + MAX_DECODING_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (bound if soft == resource.RLIM_INFINITY else min(soft, bound), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _decode_opened(opened: InputContainer, *, limits: AudioLimits) -> Audio:
    if not opened.streams.audio:
        raise InvalidEvent("The recording holds no audio.")
    stream = opened.streams.audio[0]
    channels = stream.codec_context.channels
    if not 1 <= channels <= limits.channels:
        raise InvalidEvent(f"The recording has {channels} channels; 1 to {limits.channels} are taken.")
    with tempfile.TemporaryFile(prefix="angime-", suffix=".pcm") as file:
        _write_decoded(opened, stream, to=file, channels=channels, limits=limits)
        file.flush()
        audio = Audio(file, channels=channels)
    if audio.duration_seconds < MIN_DURATION_SECONDS:
        raise InvalidEvent(f"The recording holds {audio.duration_seconds:.2f} s of audio, which is nothing to hear.")
    return audio


def _write_decoded(
    opened: InputContainer, stream: AudioStream, *, to: IO[bytes], channels: int, limits: AudioLimits
) -> None:
    """Write samples at 16 kHz, of each channel in turn; stops as soon as there are more than is allowed."""
    longest_seconds = min(limits.duration_seconds, limits.channel_seconds / channels)
    longest = int(longest_seconds * SAMPLES_PER_SECOND)
    resampler = av.AudioResampler(format="s16", rate=SAMPLES_PER_SECOND)
    written = 0
    for frame in _frames_and_the_rest(opened, stream):
        for block in resampler.resample(frame) if frame is not None or written else ():
            written += block.samples
            if written > longest:
                raise InvalidEvent(f"The recording is longer than {longest_seconds:.0f} s.")
            if block.layout.nb_channels != channels:
                raise InvalidEvent(f"The recording changes from {channels} channels to {block.layout.nb_channels}.")
            to.write(block.to_ndarray().tobytes())


def _frames_and_the_rest(opened: InputContainer, stream: AudioStream) -> Iterator[AudioFrame | None]:
    """Every frame as it is decoded, and None, which asks the resampler for what it still holds."""
    yield from opened.decode(stream)
    yield None


def _refuse_cut_short(file: IO[bytes], *, size_bytes: int) -> None:
    """Refuse a half-fetched recording: its missing half would look like silence.

    Of WAV only, for FFmpeg takes such a file as a shorter one; it refuses a cut FLAC or MP4 by itself, and nothing
    in a cut MP3 or Ogg file tells its true length.
    """
    file.seek(0)
    header = file.read(_RIFF_HEADER_BYTES)
    stated_bytes = int.from_bytes(header[4:], "little")
    if header[:4] == b"RIFF" and stated_bytes < _LENGTH_UNKNOWN and size_bytes < stated_bytes:
        raise InvalidEvent(f"The recording is cut short: {size_bytes} of {stated_bytes + 8} bytes are there.")
