"""How many of something there are, in words: one is told as one."""


def so_many(number: int, one: str, many: str = "") -> str:
    """Write a number with the words for it: `many` is `one` with an s where it is not said."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
