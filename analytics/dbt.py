"""A dbt project over a snapshot: its tables as sources, with their descriptions and tests, printed from the headers."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from analytics.views import View

NAME = "angime"


def write_project(folder: Path, views: Sequence[View], *, relations: Iterable[str], database: str) -> None:
    """Write the project; `relations` are those of the snapshot, `database` is where its file lies from here.

    Its files are written as JSON, which every reader of YAML reads.
    """
    (folder / "models").mkdir(parents=True, exist_ok=True)
    files = {
        "dbt_project.yml": {
            "name": NAME,
            "version": "1.0.0",
            "config-version": 2,
            "profile": NAME,
            "model-paths": ["models"],
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
        "models/sources.yml": {"version": 2, "sources": _sources(views, relations=set(relations))},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (folder / "models" / "answered_by_day.sql").write_text(_EXAMPLE, encoding="utf-8")


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


def _sources(views: Sequence[View], *, relations: set[str]) -> list[dict[str, Any]]:
    meant = sorted((view for view in views if view.relation in relations), key=lambda view: view.relation)
    return [
        {"name": layer, "database": "snapshot", "schema": layer, "tables": [_table(view) for view in of_layer]}
        for layer, of_layer in groupby(meant, key=lambda view: view.layer)
    ]


def _table(view: View) -> dict[str, Any]:
    described: dict[str, Any] = {"name": view.name, "description": view.grain}
    columns: list[dict[str, Any]] = []
    for column in view.columns:
        meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
        one: dict[str, Any] = {"name": column.name, "description": meaning}
        if view.key == (column.name,):
            one["data_tests"] = ["unique", "not_null"]
        columns.append(one)
    return {**described, "columns": columns}
