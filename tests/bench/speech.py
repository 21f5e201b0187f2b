"""Listening: our whole WhisperX path beside faster-whisper's batched pipeline, with one model, on one long call."""

import statistics
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ctranslate2
import faster_whisper
import numpy as np
import torch

from streams.audio import decode
from streams.demo_model import MODEL_FOLDER
from streams.demo_model.dialogues import LANGUAGES, dialogue
from streams.demo_model.recordings import encode
from streams.transcribe import TurnsOnly, transcribe
from streams.voice import speech_spans
from streams.whisper import BATCH_CHUNKS, CHUNK_PADDING_SECONDS, SpeechSettings, WhisperTranscriber
from tests.bench.sized_model import write_sized_model
from tests.bench.timing import seconds_of

MINUTES = 20
THREADS = 2
OVERHEAD_GOAL = 1.15  # times the direct path's wall time, at most
VOICE_GOAL = 40.0  # seconds of recording a second of one core's work, at least
SIZED = "large"  # what is measured on a GPU beside the demo model, which is too small for one
SIZED_TOKENS = 24  # of a chunk: a model that was taught nothing would never end; so many have our chunks, about
LOADED_SECONDS = 60  # heard before the clock runs: a GPU's first work takes seconds of its own


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give the overhead over the direct path, and how many times real time voice activity and turns are."""
    folder.mkdir()
    gpu = graphics()
    device = "cuda" if gpu else "cpu"
    path = folder / "call.wav"
    seconds = write_call(path, minutes=MINUTES)
    turns = [seconds_of(partial(_turns, path), clock=time.process_time) for _ in range(rounds)]
    voice = seconds / statistics.median(turns)
    figures = {
        "speech_minutes_of_call": round(seconds / 60, 1),
        "speech_device": gpu or device,
        "voice_and_turns_v_real_time": {"ratio": round(voice, 1), "goal": VOICE_GOAL, "is_met": voice >= VOICE_GOAL},
        **_compared("demo", MODEL_FOLDER, path=path, device=device, rounds=rounds),
    }
    if device == "cuda":
        write_sized_model(folder / SIZED, size=SIZED)
        figures |= _compared(SIZED, folder / SIZED, path=path, device=device, rounds=rounds)
    return figures


def graphics() -> str:
    """Name the GPU that speech is heard on; "" where there is none."""
    return torch.cuda.get_device_name() if ctranslate2.get_cuda_device_count() else ""


def write_call(path: Path, *, minutes: float, channels: int = 2) -> float:
    """Write demo calls one after the other as one recording of at least so long; its true seconds.

    In one channel both sides sound together.
    """
    calls: list[np.ndarray] = []
    seconds = 0.0
    while seconds < minutes * 60:
        spoken = dialogue(LANGUAGES[len(calls) % len(LANGUAGES)], len(calls))
        calls.append(spoken.samples)
        seconds += spoken.duration_seconds
    samples = np.concatenate(calls, axis=1)
    if channels == 1:
        samples = (samples // 2).sum(axis=0, keepdims=True, dtype=np.int16)
    path.write_bytes(encode(samples, samples_per_second=8_000, form="wav"))
    return seconds


def _compared(name: str, model: Path, *, path: Path, device: str, rounds: int) -> dict[str, Any]:
    """Time our path and the direct one in turns, with the same model, device, batch and options."""
    tokens = None if name == "demo" else SIZED_TOKENS
    ours = _ours(name, model, device=device, tokens=tokens)
    direct = _direct(model, device=device, tokens=tokens)
    begin = path.with_name("begin.wav")
    write_call(begin, minutes=LOADED_SECONDS / 60)
    spent: dict[str, list[float]] = {"ours": [], "direct": []}
    for number in range(rounds + 1):
        heard = path if number else begin
        work = {
            "ours": partial(transcribe, heard, roles=(), language="en", transcriber=ours),
            "direct": partial(_transcribe_directly, direct, heard),
        }
        for way, one in work.items():
            taken = seconds_of(one)
            if number:
                spent[way].append(taken)
    medians = {way: statistics.median(found) for way, found in spent.items()}
    overhead = medians["ours"] / medians["direct"]
    seconds = decode(path).duration_seconds
    return {
        f"speech_{name}_seconds": {way: [round(one, 2) for one in found] for way, found in spent.items()},
        f"speech_{name}_hours_an_hour": {way: round(seconds / one, 1) for way, one in medians.items()},
        f"speech_{name}_v_direct": {
            "ratio": round(overhead, 2),
            "goal": OVERHEAD_GOAL,
            "is_met": overhead <= OVERHEAD_GOAL,
        },
    }


def _ours(name: str, model: Path, *, device: str, tokens: int | None) -> WhisperTranscriber:
    made = WhisperTranscriber(
        SpeechSettings(model="demo" if name == "demo" else str(model), device=device, threads=THREADS)
    )
    made.load()
    pipeline = made._pipeline  # noqa: SLF001  # no setting bounds what a model may say
    pipeline.options = replace(pipeline.options, beam_size=1)
    pipeline.model.max_length = tokens or pipeline.model.max_length
    return made


def _direct(model: Path, *, device: str, tokens: int | None) -> Any:
    compute_type = "float16" if device == "cuda" else "float32"  # what WhisperX takes where nothing is set
    opened = faster_whisper.WhisperModel(str(model), device=device, compute_type=compute_type, cpu_threads=THREADS)
    opened.max_length = tokens or opened.max_length
    return faster_whisper.BatchedInferencePipeline(opened)


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


def _turns(path: Path) -> None:
    transcribe(path, roles=(), language="en", transcriber=TurnsOnly())
