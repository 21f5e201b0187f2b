"""Numbers with their words."""

import pytest

from schemas.counts import so_many


@pytest.mark.parametrize(
    ("number", "words", "expected"),
    [
        (0, ("file",), "0 files"),
        (1, ("file",), "1 file"),
        (2, ("body", "bodies"), "2 bodies"),
        (1, ("row differs", "rows differ"), "1 row differs"),
    ],
)
def test_of_one_it_is_said_as_of_one(number: int, words: tuple[str, ...], expected: str) -> None:
    assert expected == so_many(number, *words)
