"""The demo in small, with everything real: broker, stages, WhisperX; the warehouse tells the simulator's truth."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings as drawing

STAGES = ("receive", "normalise", "stream", "land")
PROGRAM = """
import sys
from pathlib import Path
from angime.demo import Wish, play
sys.exit(play(Path(sys.argv[1]), wish=Wish({wish})))
"""


def run_demo(home: Path, **wish: object) -> subprocess.CompletedProcess[str]:
    """Run a demo of another size than the command's in a process of its own, as the command is one."""
    wished = ", ".join(f"{name}={value!r}" for name, value in {**wish, "once": True, "json_output": True}.items())
    program = PROGRAM.format(wish=wished)
    return subprocess.run([sys.executable, "-c", program, home], capture_output=True, text=True, check=False)


@pytest.mark.kafka
@pytest.mark.speech
@pytest.mark.skipif(
    drawing.get_current_profile_name() != "thorough",
    reason="`.ci/run` plays the whole demo; `make test-all` plays this small one, twice",
)
def test_the_warehouse_tells_the_truth_of_a_small_company_twice_and_its_logs_name_nobody(tmp_path: Path) -> None:
    sizes = {"seed": 5, "days": 10, "calls": 200, "recordings": 3, "live_calls": 5, "stages": STAGES}

    runs = [run_demo(tmp_path, **sizes) for _ in range(2)]

    assert [run.returncode for run in runs] == [0, 0], runs[-1].stderr
    told = [json.loads(run.stdout) for run in runs]
    assert [(one["mismatches"], one["transcripts"]) for one in told] == [(0, 3)] * 2
    first, second = told
    assert first["calls_reported"] == first["calls_simulated"]
    # The second run adds the calls of its own moment to those of the first.
    assert second["calls_reported"] == first["calls_reported"] + 5
    assert 0 < first["freshness_p95_seconds"] < 30
    assert set(first["seconds"]) == {"start", "send_and_land", "transcribe", "freshness", "compare"}
    shown = (tmp_path / "logs" / "demo.log").read_text(encoding="utf-8") + "".join(run.stderr for run in runs)
    assert "transcribed" in shown
    assert re.findall(r"\+7\d{10}|\+55\d{10}|\b8700\d{7}|Здравствуйте|Сәлем", shown) == []
