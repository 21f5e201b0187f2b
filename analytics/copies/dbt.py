"""A dbt project over a snapshot: its relations as sources, with their descriptions and tests of their keys."""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from analytics.dictionary import Entry

NAME = "angime"


def write_project(
    folder: Path, described: Mapping[str, Sequence[Entry]], *, keys: Mapping[str, tuple[str, ...]], database: str
) -> None:
    """Write the project; `described` are the relations of the snapshot, `database` is where its file lies from here.

    Its files are written as JSON, which every reader of YAML reads.
    """
    for needed in ("models", "tests"):
        (folder / needed).mkdir(parents=True, exist_ok=True)
    files = {
        "dbt_project.yml": {
            "name": NAME,
            "version": "1.0.0",
            "config-version": 2,
            "profile": NAME,
            "model-paths": ["models"],
            "test-paths": ["tests"],
        },
        "profiles.yml": {
            NAME: {
                "target": "snapshot",
                "outputs": {
                    "snapshot": {
                        "type": "duckdb",
                        "path": "models.duckdb",
                        "attach": [{"path": database, "alias": "snapshot", "read_only": True}],
                    }
                },
            }
        },
        "models/sources.yml": {"version": 2, "sources": _sources(described, keys=keys)},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "models" / "answered_by_day.sql").write_text(_EXAMPLE, encoding="utf-8")
    for relation, key in keys.items():
        if relation in described and len(key) > 1:
            layer, _, name = relation.partition(".")
            (folder / "tests" / f"unique_{layer}_{name}.sql").write_text(_twice(layer, name, key=key), encoding="utf-8")


_EXAMPLE = """-- An example: calls and answered calls of each company and day.
select
    company,
    day,
    count(*) as calls,
    count(*) filter (where outcome = 'answered') as answered
from {{ source('facts', 'calls') }}
where not (is_internal or is_test)
group by company, day
"""


def _twice(layer: str, name: str, *, key: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{column}"' for column in key)
    return f"select {columns}\nfrom {{{{ source('{layer}', '{name}') }}}}\ngroup by all\nhaving count(*) > 1\n"


def _sources(described: Mapping[str, Sequence[Entry]], *, keys: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    layers = groupby(sorted(described), key=lambda relation: relation.partition(".")[0])
    return [
        {
            "name": layer,
            "database": "snapshot",
            "schema": layer,
            "tables": [_table(described[relation], key=keys.get(relation, ())) for relation in relations],
        }
        for layer, relations in layers
    ]


def _table(described: Sequence[Entry], *, key: tuple[str, ...]) -> dict[str, Any]:
    grain, *columns = described
    listed: list[dict[str, Any]] = []
    for column in columns:
        meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
        one: dict[str, Any] = {"name": column.column, "description": meaning}
        if key == (column.column,):
            one["data_tests"] = ["unique", "not_null"]
        listed.append(one)
    return {"name": grain.relation.partition(".")[2], "description": grain.meaning, "columns": listed}
