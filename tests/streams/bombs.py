"""Recordings in MP3 that are small on the disk and large once they are unpacked."""

import io
import zlib
from typing import Final, cast

import av
import numpy as np
from av.audio import AudioStream
from numpy.typing import NDArray

_BLOCK: Final = b"a" * 1_000_000
_PACKED_WITH_LENGTH: Final = b"\x00\x09"  # flags of a frame of ID3v2.4


def mp3(samples: NDArray[np.int16], *, samples_per_second: int, bits_per_second: int) -> bytes:
    """Encode int16 samples of shape (1 or 2, n); eight kilobits a second hold an hour of silence in 3.6 MB."""
    target = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    with av.open(target, "w", format="mp3") as opened:
        stream = cast("AudioStream", opened.add_stream("libmp3lame", rate=samples_per_second, layout=layout))
        stream.bit_rate = bits_per_second
        frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout=layout)
        frame.sample_rate = samples_per_second
        opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return target.getvalue()


def with_bomb_for_a_title(recording: bytes, *, unpacked_bytes: int) -> bytes:
    """Put an ID3v2.4 tag before an MP3, whose title is a thousandth as long as what it unpacks to."""
    packed = _packed(unpacked_bytes)
    frame = b"TIT2" + _seven_bits(4 + len(packed)) + _PACKED_WITH_LENGTH + unpacked_bytes.to_bytes(4, "big") + packed
    return b"ID3\x04\x00\x00" + _seven_bits(len(frame)) + frame + recording


def _packed(unpacked_bytes: int) -> bytes:
    """Deflate millions of the same letter by writing one packed block again and again."""
    packer = zlib.compressobj(9)
    text = packer.compress(b"\x03") + packer.flush(zlib.Z_FULL_FLUSH)  # the text is UTF-8
    block = packer.compress(_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    count = (unpacked_bytes - 1) // len(_BLOCK)
    rest = unpacked_bytes - 1 - count * len(_BLOCK)
    end = zlib.compressobj(9, wbits=-15)
    last = end.compress(_BLOCK[:rest]) + end.flush()
    checksum = zlib.adler32(b"\x03")
    for _ in range(count):
        checksum = zlib.adler32(_BLOCK, checksum)
    return text + block * count + last + zlib.adler32(_BLOCK[:rest], checksum).to_bytes(4, "big")


def _seven_bits(number: int) -> bytes:
    """Four bytes whose highest bit is never set, as ID3v2 writes lengths."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
