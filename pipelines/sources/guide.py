"""What a person needs to connect a source: printed into the documentation, one guide per source."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from schemas.people import Channel

# For providers that write their proof of origin into the body itself; why it is kept: docs/adr/0024.
KEPT_IN_THE_BODY = (
    " It stays in the raw record, which is kept as it came until Kafka forgets it: let nobody who may not know it read "
    "the topics raw and dead."
)

Form = Literal["text", "list", "switch"]


class Setting(Struct, frozen=True):
    """What one of an account's settings means, and what may stand there.

    A text, which is one of `allowed` where any is named; a text or a list of texts; or true or false.
    """

    meaning: str
    form: Form = "text"
    allowed: tuple[str, ...] = ()


# Chosen by the company, which tells the provider; or copied from the provider, which shows it.
Secret = Literal["chosen", "copied"]


class Guide(Struct, frozen=True, kw_only=True):
    """How the origin of requests is checked, the steps at the provider, and the account settings it understands.

    `proof` says whose choice the account's `secrets` are, `handshake` the same of its `verify_secret` where the source
    needs one; `channel` is what the source's accounts are of, where they are all of one.
    """

    origin_check: str
    proof: Secret
    handshake: Secret | None = None
    channel: Channel = "other"
    connect_steps: tuple[str, ...]
    settings: dict[str, Setting] = {}


def settings_problem(given: Mapping[str, str | int | bool | Sequence[str]], *, guide: Guide) -> str | None:
    """Say what is wrong with the settings of an account, None where nothing is.

    What is not read, and what is not of its form, would be left out without a word.
    """
    for name, value in given.items():
        setting = guide.settings.get(name)
        if setting is None:
            known = f"known are {', '.join(guide.settings)}" if guide.settings else "this source has none"
            return f"the setting {name!r} is not known; {known}"
        is_text = isinstance(value, str)
        if setting.form == "switch" and not isinstance(value, bool):
            return f"write the setting {name} as true or false"
        if setting.form == "list" and not is_text and not isinstance(value, list):
            return f"write the setting {name} as text in quotes, or as a list of texts"
        if setting.form == "text" and not is_text:
            return f"write the setting {name} as text in quotes"
        if setting.allowed and value not in setting.allowed:
            return f"write the setting {name} as {' or '.join(setting.allowed)}"
    return None
