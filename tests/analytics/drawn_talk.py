"""Drawn talk: turns written as small tables become the transcripts of drawn calls."""

import json

from tests.analytics.drawn import rows


def talk(turns: str, calls: str) -> str:
    """Write drawn turns (`call | who | from | to | says`) as transcripts of the drawn calls.

    A call has its `seconds`, and `channels` or `grade` or `recording` where they are not 2, segments and its name.
    Who is `operator`, `customer`, or a number: a channel whose speaker nobody knows.
    """
    lines = ["call | fact | at | says"]
    for row in rows(calls):
        spoken = [_turn(turn) for turn in rows(turns) if turn["call"] == row.get("recording", row["call"])]
        lines.append(
            f"{row['call']} | transcribed | 06:00:00 | recording_id={row.get('recording', row['call'])};"
            f" origin=whisperx; model=m; language=ru; grade={row.get('grade') or 'segments'};"
            f" duration_seconds={row['seconds']}; channels={row.get('channels') or 2}; turns={json.dumps(spoken)}"
        )
    return "\n".join(lines)


def _turn(row: dict[str, str]) -> dict[str, object]:
    who = row["who"]
    return {
        "channel": int(who) if who.isdigit() else ("operator", "customer").index(who),
        "role": "unknown" if who.isdigit() else who,
        "start_seconds": float(row["from"]),
        "end_seconds": float(row["to"]),
        "text": row.get("says", ""),
    }
