"""The tools of the torture: an oracle that sees what is lost, doubled or exchanged, and a case that tells of it."""

from pathlib import Path

import pytest

from tests.torture import inflicting  # noqa: F401  # it fills the list of faults
from tests.torture.answers import OFFSET_COMMIT, PRODUCE, Asked, errors_of, refused
from tests.torture.faults import FAULTS, Case
from tests.torture.manifest import manifest

IDS = ("a", "b", "c", "d")


@pytest.mark.parametrize(
    "found",
    [IDS[:3], (*IDS, "d"), (*IDS, "d", "d"), ("a", "b", "c", "e"), ("a", "b", "c", "c")],
    ids=["lost", "doubled", "doubled twice", "exchanged", "lost and doubled"],
)
def test_a_manifest_sees_what_is_not_as_it_was(found: tuple[str, ...]) -> None:
    assert manifest(IDS) != manifest(found)


def test_a_manifest_knows_no_order() -> None:
    assert manifest(IDS) == manifest(reversed(IDS))


def test_a_case_keeps_both_sides_of_what_did_not_hold(tmp_path: Path) -> None:
    case = Case(tmp_path / "case", seed=1, name="any", is_quick=True, on_step=print)

    case.holds("the sky is up", expected="up", actual="up")
    case.holds("nothing is lost", expected=3, actual=2)

    assert case.broken == ["nothing is lost: expected 3, found 2"]


def test_every_fault_says_in_a_sentence_what_must_hold() -> None:
    assert {name for name, fault in FAULTS.items() if not fault.says.endswith(".") or len(fault.says) < 40} == set()


@pytest.mark.parametrize(
    ("asked", "begin"),
    [
        (Asked(PRODUCE, 7), "00000007 00000001 0001 63 00000001 00000000"),
        (Asked(PRODUCE, 9), "00000007 00 02 02 63 02 00000000"),
        (Asked(OFFSET_COMMIT, 7), "00000007 00000000 00000001 0001 63 00000001 00000000"),
        (Asked(OFFSET_COMMIT, 8), "00000007 00 00000000 02 02 63 02 00000000"),
    ],
)
def test_an_error_stands_where_a_client_reads_it(asked: Asked, begin: str) -> None:
    begun, rest = bytes.fromhex(begin), b"the rest"
    for error, code in zip(errors_of(asked), (6, 7) if asked.kind == PRODUCE else (14, 15), strict=False):
        said = refused(begun + bytes(2) + rest, asked, error=error)
        assert said == begun + code.to_bytes(2, "big") + rest
