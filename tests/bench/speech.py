"""Listening: our whole WhisperX path beside faster-whisper's batched pipeline, with one model, on one long call."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from streams.audio import decode
from streams.demo_model import MODEL_FOLDER
from streams.demo_model.dialogues import LANGUAGES, dialogue
from streams.demo_model.recordings import encode
from streams.transcribe import TurnsOnly, transcribe_file
from streams.voice import speech_spans
from streams.whisper import BATCH_CHUNKS, CHUNK_PADDING_SECONDS, SpeechSettings, WhisperTranscriber

MINUTES = 20
THREADS = 2
OVERHEAD_GOAL = 1.15  # times the direct path's wall time, at most
VOICE_GOAL = 40.0  # seconds of recording a second of work, at least


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give the overhead over the direct path, and how many times real time voice activity and turns are."""
    folder.mkdir()
    path = folder / "call.wav"
    seconds = _write_call(path)
    ours, direct = WhisperTranscriber(SpeechSettings(threads=THREADS)), _direct()
    ours.load()
    spent: dict[str, list[float]] = {"ours": [], "direct": [], "turns": []}
    for _ in range(rounds):
        spent["ours"].append(_timed(lambda: transcribe_file(path, roles=(), language="en", transcriber=ours)))
        spent["direct"].append(_timed(lambda: _transcribe_directly(direct, path)))
        spent["turns"].append(_timed(lambda: transcribe_file(path, roles=(), language="en", transcriber=TurnsOnly())))
    medians = {name: statistics.median(found) for name, found in spent.items()}
    overhead = medians["ours"] / medians["direct"]
    voice = seconds / medians["turns"]
    return {
        "speech_minutes_of_call": round(seconds / 60, 1),
        "speech_rounds_seconds": {name: [round(one, 2) for one in found] for name, found in spent.items()},
        "speech_v_direct": {"ratio": round(overhead, 2), "goal": OVERHEAD_GOAL, "is_met": overhead <= OVERHEAD_GOAL},
        "voice_and_turns_v_real_time": {"ratio": round(voice, 1), "goal": VOICE_GOAL, "is_met": voice >= VOICE_GOAL},
    }


def _write_call(path: Path) -> float:
    calls: list[np.ndarray] = []
    seconds = 0.0
    while seconds < MINUTES * 60:
        spoken = dialogue(LANGUAGES[len(calls) % len(LANGUAGES)], len(calls))
        calls.append(spoken.samples)
        seconds += spoken.duration_seconds
    path.write_bytes(encode(np.concatenate(calls, axis=1), samples_per_second=8_000, form="wav"))
    return seconds


def _direct() -> Any:
    import faster_whisper

    model = faster_whisper.WhisperModel(str(MODEL_FOLDER), device="cpu", compute_type="default", cpu_threads=THREADS)
    return faster_whisper.BatchedInferencePipeline(model)


def _transcribe_directly(pipeline: Any, path: Path) -> None:
    """Each channel by itself, in the same pieces: what is compared is the way of the words, not the cutting."""
    audio = decode(path)
    for number, channel in enumerate(audio.samples):
        spans = speech_spans(channel, channel=number)
        pieces = [
            {
                "start": max(0.0, span.start_seconds - CHUNK_PADDING_SECONDS),
                "end": min(audio.duration_seconds, span.end_seconds + CHUNK_PADDING_SECONDS),
            }
            for span in spans
        ]
        segments, _ = pipeline.transcribe(
            channel,
            batch_size=BATCH_CHUNKS,
            beam_size=1,
            language="en",
            vad_filter=False,
            clip_timestamps=pieces,
            without_timestamps=True,
            suppress_tokens=None,
        )
        list(segments)


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
