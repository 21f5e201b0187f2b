"""Laws of the code that no linter knows: pure modules read no clock, nothing is left undone, no address is locked."""

import ast
import re
import subprocess
import tomllib
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
# A private key, and keys of clouds, of code forges, of chats, of payments and of map services.
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[0-9A-Za-z-]{10}"
    r"|sk_live_[0-9A-Za-z]{16}|AIza[0-9A-Za-z_-]{35})"
)
TEST_NAMED = r"`([a-z_/]+\.py)::(test_[a-z0-9_]+)`"
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


def test_no_file_holds_a_secret() -> None:
    """Look for the forms in which providers hand out keys; a random word of a test has none of them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    found = [
        name
        for name in listed.split("\0")
        if (ROOT / name).is_file() and SECRET.search((ROOT / name).read_bytes().decode("latin-1"))
    ]

    assert found == []


def test_a_secret_is_known_by_its_form() -> None:
    begin = "-----BEGIN "
    assert [True] * 4 + [False] == [
        SECRET.search(text) is not None
        for text in (f"{begin}RSA PRIVATE KEY", "AKIA" + "A1" * 8, "ghp_" + "a1" * 18, "xoxb-" + "1" * 12, "key = abc")
    ]


def test_no_page_writes_html_of_its_own() -> None:
    """Texts reach pages by Streamlit's elements, which escape them; components and the digest hold theirs in tests.

    The style sheet of all pages is a file, which Streamlit takes in the same way.
    """
    found = [
        f"{_name(path)}:{number}"
        for path in (ROOT / "dashboards").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"unsafe_allow_html|st\.html(?!\(STYLE_SHEET\))|components\.v1|\.iframe\(", line)
    ]

    assert found == []


def test_each_line_of_the_threat_model_has_its_test() -> None:
    rows = [line for line in (ROOT / "docs" / "threat-model.md").read_text().splitlines() if line.startswith("| ")]
    lines = [row for row in rows if not row.startswith(("| threat", "| ---"))]
    without = [row for row in lines if not re.search(TEST_NAMED, row)]
    missing = [
        f"{file}::{name}"
        for row in lines
        for file, name in re.findall(TEST_NAMED, row)
        if not re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)
    ]

    assert len(lines) > 20
    assert (without, missing) == ([], [])


def test_each_decision_has_a_number_of_its_own() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    named = [int(file.name.partition("-")[0]) for file in decisions]
    told = [int(file.read_text().partition(".")[0].removeprefix("# ")) for file in decisions]

    assert (named, len(named)) == (told, len(set(named)))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "scripts/setup"])
def test_whoever_begins_is_told_the_pythons_that_angime_takes(page: str) -> None:
    first, after = re.findall(
        r"3\.(\d+)", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    *others, last = [f"3.{number}" for number in range(int(first), int(after))]
    assert f"{', '.join(others)} or {last}" in (ROOT / page).read_text(encoding="utf-8")
