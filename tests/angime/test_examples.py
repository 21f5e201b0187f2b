"""The examples of the docs run as they stand."""

import subprocess
import sys
from pathlib import Path

from analytics.warehouse import Batch, open_writer
from tests.analytics.landing_cases import call_events, records_of, settings_at

NOTEBOOK = Path(__file__).parent.parent.parent / "docs" / "examples" / "answer_rate.py"


def test_the_notebook_gives_the_answer_rate_of_each_day(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        facts = [fact for number in (1, 2, 3, 4) for fact in call_events(number)]
        writer.land(Batch(records_of(facts)), now="2026-03-09T12:00:00.000Z")

    done = subprocess.run(
        [sys.executable, str(NOTEBOOK), str(tmp_path)], capture_output=True, text=True, timeout=240, check=False
    )

    assert (done.returncode, done.stdout.split()) == (0, ["day,incoming,answered,answer_rate", "2026-03-01,3,3,1.0"])
