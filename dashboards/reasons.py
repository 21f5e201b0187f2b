"""Why a call counts as it does, in the person's language: the sentences of facts.calls, read back and said anew."""

import re

from dashboards.texts import EMPTY, N_, Texts

_SECONDS = r"([0-9.]+) s"
_MENU = "only a menu picked up: "
# What facts.calls writes, and what is said for it; the places of a text are filled in their order.
SENTENCES = (
    ("no fact says yet that the call is over", N_("no fact says yet that the call is over")),
    (f"it was picked up after {_SECONDS}", N_("it was picked up after {a}")),
    ("it was picked up", N_("it was picked up")),
    (f"a person talked for {_SECONDS} after {_SECONDS} of ringing", N_("a person talked for {a} after {b} of ringing")),
    (f"a person talked for {_SECONDS}", N_("a person talked for {a}")),
    (f"somebody talked for {_SECONDS} after {_SECONDS} of ringing", N_("somebody talked for {a} after {b} of ringing")),
    (f"somebody talked for {_SECONDS}", N_("somebody talked for {a}")),
    (f"a person picked up after {_SECONDS} of ringing", N_("a person picked up after {a} of ringing")),
    ("a person picked up", N_("a person picked up")),
    ("how long it rang is not known", N_("how long it rang is not known")),
    ("nothing tells how long they talked", N_("nothing tells how long they talked")),
    (
        "the source never tells how long such a call lasts",
        N_("the source never tells how long such a call lasts"),
    ),
    ("no fact says that it was a machine", N_("no fact says that it was a machine")),
    ("refused for want of permission or by a limit", N_("refused for want of permission or by a limit")),
    ("only a voicemail picked up, nobody talked", N_("only a voicemail picked up, nobody talked")),
    ("only a machine picked up, nobody talked", N_("only a machine picked up, nobody talked")),
    (f"the called side declined after {_SECONDS} of ringing", N_("the called side declined after {a} of ringing")),
    ("the called side declined", N_("the called side declined")),
    ("the line was busy", N_("the line was busy")),
    ("a technical failure, nobody talked", N_("a technical failure, nobody talked")),
    (
        rf"incoming, rang {_SECONDS}, nobody answered \(threshold {_SECONDS}\)",
        N_("incoming, rang {a}, nobody answered (a ring shorter than {b} would count as abandoned)"),
    ),
    ("incoming, nobody answered", N_("incoming, nobody answered")),
    (
        f"incoming, the caller hung up after {_SECONDS}, sooner than the threshold of {_SECONDS}",
        N_("incoming, the caller hung up after {a}, sooner than the threshold of {b}"),
    ),
    (
        f"outgoing, hung up by us after {_SECONDS}, before anybody answered",
        N_("outgoing, hung up by us after {a}, before anybody answered"),
    ),
    ("outgoing, hung up by us before anybody answered", N_("outgoing, hung up by us before anybody answered")),
    (f"outgoing, rang {_SECONDS}, nobody answered", N_("outgoing, rang {a}, nobody answered")),
    ("outgoing, nobody answered", N_("outgoing, nobody answered")),
    (f"internal, rang {_SECONDS}, nobody answered", N_("internal, rang {a}, nobody answered")),
    ("internal, nobody answered", N_("internal, nobody answered")),
    (f"direction unknown, rang {_SECONDS}, nobody answered", N_("direction unknown, rang {a}, nobody answered")),
    ("direction unknown, nobody answered", N_("direction unknown, nobody answered")),
    (r"the provider's error is (.+)", N_("the provider's error is {a}")),
    (r"the provider's word is (.+)", N_("the provider's word is {a}")),
)
_READ = tuple((re.compile(pattern), text) for pattern, text in SENTENCES)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def told(say: Texts, reason: str | None) -> str:
    """Say a reason; a part of it that is not known is given as it stands."""
    if not reason:
        return EMPTY
    return "; ".join(_part(say, part) for part in reason.split("; "))


def _part(say: Texts, part: str) -> str:
    if part.startswith(_MENU):
        return say("only a menu picked up: {what}", what=_part(say, part.removeprefix(_MENU)))
    for pattern, text in _READ:
        found = pattern.fullmatch(part)
        if found is not None:
            places = zip("ab", found.groups(), strict=False)
            is_word = "provider's" in text
            return say(text, **{name: value if is_word else _seconds(say, value) for name, value in places})
    return part


def _seconds(say: Texts, value: str) -> str:
    return say.seconds(float(value)) if _NUMBER.fullmatch(value) else value
