"""The page of proof: what a run kept stands on it, what fell short stands first."""

import json
import tempfile
from pathlib import Path

from angime.printing import ROOT
from angime.proof import page
from tests.proof import keep, keep_faults

KILLS = {
    "name": "kills",
    "says": "All is killed.",
    "seconds": 9.0,
    "figures": {"events": 20_000},
    "broken": [],
}
TORTURE = {
    "program": "python -m tests.torture",
    "command": "python -m tests.torture --only kills --seed 7",
    "seed": 7,
    "machine": "2 cores, 24 GiB",
    "day": "2026-03-02",
    "seconds": 9,
    "faults": [KILLS],
}
ODD_TIMES = TORTURE | {
    "command": "python -m tests.torture --only odd_times --only kills --seed 8",
    "seed": 8,
    "day": "2026-03-01",
    "faults": [
        {"name": "odd_times", "says": "Years.", "seconds": 1.4, "figures": {}, "broken": ["each is there: 3, 2"]},
        KILLS | {"name": "homes", "untried": "for it has no history"},
        KILLS | {"name": "forgotten"},
        KILLS | {"figures": {"events": 3}},
    ],
}
BENCH = {
    "command": "python -m tests.bench --only landing",
    "machine": "2 cores, 24 GiB",
    "day": "2026-03-01",
    "seconds": 70,
    "figures": {
        "landing_v_bare": {"ratio": 0.5, "goal": 0.6, "is_met": False},
        "round": {
            "landing_v_naive": {"ratio": 44.0, "goal": 40.0, "is_met": True, "stretch": 50.0, "is_stretch_met": False},
            "replay": {"events": 9_000, "events_per_second": 70, "ratio": 0.8, "goal": 0.6, "is_met": True},
            "snapshot": {"seconds": 2.4, "copy_seconds": 0.1, "goal_seconds": 2.2, "is_met": False},
        },
    },
}
RIVALS = {
    "command": "python -m tests.rivals",
    "machine": "2 cores, 24 GiB",
    "day": "2026-03-01",
    "seconds": 80,
    "rivals": [{"program": "loop", "fault": "kill -9", "events": 9, "lost": 1, "doubled": 2, "wrong": 3}],
}
PRINTED = """
## What fell short

- landing v bare: 0.5, goal 0.6 (`python -m tests.bench --only landing`)
- round snapshot: 2.4, goal 2.2 (`python -m tests.bench --only landing`)
- homes: not tried, for it has no history (`python -m tests.torture --only homes --seed 8`)
- odd times: each is there: 3, 2 (`python -m tests.torture --only odd_times --seed 8`)

## `python -m tests.bench --only landing`

2026-03-01, 2 cores, 24 GiB, 70 s.

| figure | measured | goal | reached |
| --- | --- | --- | --- |
| landing v bare | 0.5 | 0.6 | **no** |
| round landing v naive | 44.0 | 40.0, stretch 50.0 | yes, without the stretch |
| round replay | 0.8 | 0.6 | yes |
| round snapshot | 2.4 | 2.2 | **no** |

## `python -m tests.rivals`

2026-03-01, 2 cores, 24 GiB, 80 s.

| program | fault | of | lost | doubled | wrong |
| --- | --- | ---: | ---: | ---: | ---: |
| loop | kill -9 | 9 | 1 | 2 | 3 |

## `python -m tests.torture`

2026-03-02, 2 cores, 24 GiB, 19 s.

| fault | what is done, and must hold | held | figures | run |
| --- | --- | --- | --- | --- |
| homes | All is killed. | **not tried** | events 20 000 | `--only homes --seed 8`, 2026-03-01, 9 s |
| kills | All is killed. | yes | events 20 000 | `--only kills --seed 7`, 9 s |
| odd times | Years. | **no** |  | `--only odd_times --seed 8`, 2026-03-01, 1 s |
"""


def test_what_fell_short_stands_first_and_nothing_is_left_out(tmp_path: Path) -> None:
    for name, run in (("bench", BENCH), ("rivals", RIVALS)):
        keep(name, run, folder=tmp_path)
    for run in (ODD_TIMES, TORTURE):  # of a fault that was inflicted twice the later run stands
        keep_faults("torture", run, known={"kills", "homes", "odd_times"}, folder=tmp_path)
    printed = page("", folder=tmp_path)
    assert PRINTED.strip() == printed[printed.index("## What") :].strip()


def test_a_run_of_every_fault_took_its_own_time_for_some_are_inflicted_at_once(tmp_path: Path) -> None:
    kept = keep_faults("torture", TORTURE | {"seconds": 5}, known={"kills", "homes"}, folder=tmp_path)
    assert json.loads(kept.read_bytes())["seconds"] == 5


def test_what_is_kept_names_no_folder_of_a_machine() -> None:
    kept = "".join(path.read_text() for path in (ROOT / "docs" / "proof").glob("*.json"))
    assert [] == [word for word in (str(ROOT), str(Path.home()), tempfile.gettempdir(), "://") if word in kept]
