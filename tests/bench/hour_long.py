"""A call of an hour with a model of the size `base`: how much memory its process holds at the most."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from streams.transcribe import transcribe
from streams.whisper import SpeechSettings, WhisperTranscriber
from tests.bench.sized_model import write_sized_model
from tests.bench.speech import SIZED_TOKENS, THREADS, write_call

MINUTES = 60
CHANNELS = {"two_channels": 2, "mono": 1}
GOAL_BYTES = 1_500_000_000


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give the peak of a process that transcribes a two-channel call, and from two rounds on a mono one too."""
    folder.mkdir()
    model = folder / "base"
    write_sized_model(model, size="base")
    figures: dict[str, Any] = {}
    for name, channels in list(CHANNELS.items())[:rounds]:
        path = folder / f"{name}.wav"
        seconds = write_call(path, minutes=MINUTES, channels=channels)
        child = [sys.executable, "-m", "tests.bench.hour_long", str(model), str(path)]
        heard = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout)
        figures |= {
            f"hour_of_{name}_peak_mb": {
                "mb": round(heard["peak_bytes"] / 1e6),
                "of_which_loaded": round(heard["loaded_bytes"] / 1e6),
                "goal": round(GOAL_BYTES / 1e6),
                "is_met": heard["peak_bytes"] < GOAL_BYTES,
            },
            f"hour_of_{name}_v_real_time": round(seconds / heard["seconds"], 1),
        }
    return figures


def _listen(model: Path, path: Path) -> dict[str, float]:
    """Transcribe as a worker does; only how much a model says that was taught nothing is bounded."""
    transcriber = WhisperTranscriber(SpeechSettings(model=str(model), threads=THREADS))
    transcriber.load()
    transcriber._pipeline.model.max_length = SIZED_TOKENS  # noqa: SLF001  # no setting bounds it
    loaded_bytes = _peak_bytes()
    began = time.perf_counter()
    transcribe(path, roles=(), language="en", transcriber=transcriber)
    return {"loaded_bytes": loaded_bytes, "peak_bytes": _peak_bytes(), "seconds": time.perf_counter() - began}


def _peak_bytes() -> int:
    """Most memory that this process ever held; `ru_maxrss` would begin with its parent's."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(_listen(Path(sys.argv[1]), Path(sys.argv[2]))))
