"""Audio in: a recording's file becomes 16 kHz samples a channel, by PyAV, streamed, within stated limits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

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
MAX_CHANNEL_SECONDS: Final = 8 * 3600.0  # of all channels together: 0.9 GB of samples
MAX_CHANNELS: Final = 16
MIN_DURATION_SECONDS: Final = 0.05
# Only containers of recordings: FFmpeg's playlists and lists would let a recording read other files.
_CONTAINERS: Final = "wav,w64,aiff,au,mp3,ogg,flac,mov,matroska,amr,amrnb,amrwb,gsm,caf,aac"
_RIFF_HEADER_BYTES: Final = 8  # "RIFF" and the size of what follows
_LENGTH_UNKNOWN: Final = 0x7FFF_0000  # from here on a size means: written while the call went on
_FULL_SCALE: Final = 32_768.0
_SPARE_SECONDS: Final = 60  # room beyond the stated length, and all there is at first where none is stated


class AudioLimits(Struct, frozen=True, kw_only=True):
    """What a recording may cost us before it is refused."""

    file_bytes: int = MAX_FILE_BYTES
    duration_seconds: float = MAX_DURATION_SECONDS
    channel_seconds: float = MAX_CHANNEL_SECONDS
    channels: int = MAX_CHANNELS


class Audio(Struct, frozen=True, kw_only=True):
    """A decoded recording: int16 samples of shape (channels, n) at 16 kHz, half of what floats would take."""

    pcm: NDArray[np.int16]
    duration_seconds: float
    channels: int

    @property
    def samples(self) -> NDArray[np.float32]:
        """The whole recording as float32 in -1…1; made anew each time, so better asked for in pieces."""
        return floats(self.pcm)


def floats(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """Samples of any shape as float32 in -1…1."""
    return pcm.astype(np.float32) / np.float32(_FULL_SCALE)


def decode(path: Path, *, limits: AudioLimits = AudioLimits()) -> Audio:  # noqa: B008 - the limits are frozen
    """Decode a recording of any common container and codec.

    Raises InvalidEvent with a reason for a file that is missing, empty, too large, too long, cut short or no audio.
    """
    if not path.is_file():
        raise InvalidEvent("The recording's file does not exist.")
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise InvalidEvent("The recording is empty: 0 bytes.")
    if size_bytes > limits.file_bytes:
        raise InvalidEvent(f"The recording has {size_bytes} bytes; at most {limits.file_bytes} are taken.")
    _refuse_cut_short(path, size_bytes=size_bytes)
    try:
        with av.open(str(path), options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}) as opened:
            return _decode_opened(opened, limits=limits)
    except (FFmpegError, UnicodeDecodeError, ValueError) as reason:
        raise InvalidEvent(f"The recording cannot be decoded as audio ({type(reason).__name__}).") from reason


def _decode_opened(opened: InputContainer, *, limits: AudioLimits) -> Audio:
    if not opened.streams.audio:
        raise InvalidEvent("The recording holds no audio.")
    stream = opened.streams.audio[0]
    channels = stream.codec_context.channels
    if not 1 <= channels <= limits.channels:
        raise InvalidEvent(f"The recording has {channels} channels; 1 to {limits.channels} are taken.")
    pcm = _decoded(opened, stream, channels=channels, limits=limits)
    duration_seconds = pcm.shape[1] / SAMPLES_PER_SECOND
    if duration_seconds < MIN_DURATION_SECONDS:
        raise InvalidEvent(f"The recording holds {duration_seconds:.2f} s of audio, which is nothing to hear.")
    return Audio(pcm=pcm, duration_seconds=duration_seconds, channels=pcm.shape[0])


def _decoded(opened: InputContainer, stream: AudioStream, *, channels: int, limits: AudioLimits) -> NDArray[np.int16]:
    """Samples of shape (channels, n) at 16 kHz; stops as soon as the recording is longer than allowed."""
    longest_seconds = min(limits.duration_seconds, limits.channel_seconds / channels)
    longest = int(longest_seconds * SAMPLES_PER_SECOND)
    resampler = av.AudioResampler(format="s16p", rate=SAMPLES_PER_SECOND)
    # Room for the whole of it at once: samples that must move to larger room are there twice for a while.
    stated_seconds = max(0, opened.duration or 0) / av.time_base + _SPARE_SECONDS
    pcm = np.empty((channels, int(min(stated_seconds, longest_seconds + 1) * SAMPLES_PER_SECOND)), dtype=np.int16)
    filled = 0
    for frame in _frames_and_the_rest(opened, stream):
        for block in resampler.resample(frame) if frame is not None or filled else ():
            if filled + block.samples > longest:
                raise InvalidEvent(f"The recording is longer than {longest_seconds:.0f} s.")
            filled, pcm = _appended(pcm, np.asarray(block.to_ndarray(), dtype=np.int16), filled=filled)
    return pcm[:, :filled]


def _frames_and_the_rest(opened: InputContainer, stream: AudioStream) -> Iterator[AudioFrame | None]:
    """Every frame as it is decoded, and None, which asks the resampler for what it still holds."""
    yield from opened.decode(stream)
    yield None


def _appended(pcm: NDArray[np.int16], block: NDArray[np.int16], *, filled: int) -> tuple[int, NDArray[np.int16]]:
    if len(block) != len(pcm):
        raise InvalidEvent(f"The recording changes from {len(pcm)} channels to {len(block)}.")
    end = filled + block.shape[1]
    if end > pcm.shape[1]:
        larger = np.empty((len(pcm), max(end, pcm.shape[1] * 2)), dtype=np.int16)
        larger[:, :filled] = pcm[:, :filled]
        pcm = larger
    pcm[:, filled:end] = block
    return end, pcm


def _refuse_cut_short(path: Path, *, size_bytes: int) -> None:
    """Refuse a half-fetched recording: its missing half would look like silence.

    Of WAV only, for FFmpeg takes such a file as a shorter one; it refuses a cut FLAC or MP4 by itself, and nothing
    in a cut MP3 or Ogg file tells its true length.
    """
    with path.open("rb") as file:
        header = file.read(_RIFF_HEADER_BYTES)
    stated_bytes = int.from_bytes(header[4:], "little")
    if header[:4] == b"RIFF" and stated_bytes < _LENGTH_UNKNOWN and size_bytes < stated_bytes:
        raise InvalidEvent(f"The recording is cut short: {size_bytes} of {stated_bytes + 8} bytes are there.")
