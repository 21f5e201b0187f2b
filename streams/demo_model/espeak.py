"""The synthetic voices of the demo model: espeak-ng's library, with the time at which each word begins."""

import ctypes
import ctypes.util
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Misconfigured

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples come through the callback, nothing is played
_POSITION_IN_CHARACTERS = 1
_TEXT_IS_UTF8 = 1
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_END_OF_LIST, _WORD_BEGINS = 0, 1  # espeak_EVENT_TYPE
_BUFFER_MILLISECONDS = 500


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Speech:
    """One rendering: mono int16 samples, and the second at which each word of the text begins."""

    samples: NDArray[np.int16]
    samples_per_second: int
    word_starts_seconds: tuple[float, ...]


class EspeakVoice:
    """An open espeak-ng library. Open it once in a process: a second one waits for ever on the first."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise Misconfigured("Training the demo model needs espeak-ng: install your system's package of that name.")
        self._library = ctypes.CDLL(name)
        self.samples_per_second: int = self._library.espeak_Initialize(_RETRIEVAL, _BUFFER_MILLISECONDS, None, 0)
        self._blocks: list[NDArray[np.int16]] = []
        self._starts: dict[int, float] = {}
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, *, voice: str, speed: int, pitch: int) -> Speech:
        """Render a sentence; `voice` is espeak's name such as `pt-br+f5`, speed in words a minute, pitch 0-100."""
        self._blocks.clear()
        self._starts.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise Misconfigured(f"This espeak-ng has no voice {voice}.")
        self._library.espeak_SetParameter(_RATE, speed, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        spoken = text.encode() + b"\0"
        self._library.espeak_Synth(
            spoken, ctypes.c_size_t(len(spoken)), 0, _POSITION_IN_CHARACTERS, 0, _TEXT_IS_UTF8, None, None
        )
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._blocks)
        starts = _word_starts(text, self._starts, seconds=len(samples) / self.samples_per_second)
        return Speech(samples, self.samples_per_second, starts)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        """Keep a block of sound and its words; at the end of a block or text espeak repeats earlier positions."""
        if samples and count:
            self._blocks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        position = 0
        while events[position].type != _END_OF_LIST:
            event = events[position]
            if event.type == _WORD_BEGINS and event.text_position > max(self._starts, default=0):
                self._starts[event.text_position] = event.audio_milliseconds / 1000
            position += 1
        return 0


def _word_starts(text: str, heard: dict[int, float], *, seconds: float) -> tuple[float, ...]:
    """Place the text's words in time; espeak joins short words ("of my") into one, so the second lies in between."""
    known = {0.0: 0.0, float(len(text)): seconds}
    known |= {position - 1.0: start for position, start in heard.items()}
    places = sorted(known)
    times = np.maximum.accumulate([known[place] for place in places])
    firsts = [match.start() for match in re.finditer(r"\S+", text)]
    return tuple(float(second) for second in np.interp(firsts, places, times))
