"""Laws of the code that no linter knows: pure modules read no clock, nothing is left undone, no address is locked."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("angime", "schemas", "pipelines", "streams", "analytics", "dashboards")
SOURCES = sorted(path for folder in (*FOLDERS, "tests") for path in (ROOT / folder).rglob("*.py"))
PURE = sorted(
    [
        *(ROOT / "schemas").rglob("*.py"),
        *(ROOT / "pipelines" / "sources").rglob("*.py"),
        *(ROOT / "streams" / f"{name}.py" for name in ("turns", "redact", "secret_numbers", "spoken_numbers")),
        ROOT / "dashboards" / "charts.py",
    ]
)
IMPURE_CALLS = frozenset(
    {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "uuid1", "uuid4", "open", "getenv"}
)
LEFT_OVERS = re.compile(r"\b(todo|fixme|xxx)\b|not implemented", re.IGNORECASE)
NAMES_OF_NOTHING = frozenset({"utils", "util", "common", "core", "helpers", "helper", "manager", "base", "misc"})


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_a_pure_module_reads_no_clock_no_chance_and_no_file(path: Path) -> None:
    assert IMPURE_CALLS & set(_calls(ast.parse(path.read_text()))) == set()


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_module_opens_by_saying_what_lives_there(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_nothing_is_left_undone() -> None:
    sql = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql")]
    own = Path(__file__)
    found = [
        f"{_name(path)}:{number}"
        for path in [*SOURCES, *sql]
        if path != own
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if LEFT_OVERS.search(line)
    ]

    assert found == []


def test_no_module_is_named_after_nothing() -> None:
    names = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}

    assert NAMES_OF_NOTHING & names == set()


def test_the_lock_pins_versions_and_names_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()

    assert [line for line in lines if "://" in line or line.startswith("-")] == []
    assert [line for line in lines if line and "==" not in line] == []
