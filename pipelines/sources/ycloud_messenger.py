"""Messages of Facebook Messenger that YCloud hands on: what a customer of a page wrote, and what became of ours."""

from pipelines.sources.contract import Translation
from pipelines.sources.messaging import Chat, Receipt, Step, Written, stepped, written
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, loose, required, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.ycloud_meta import Told, reached_at, time_of
from schemas.errors import InvalidEvent
from schemas.instants import Instant

_STEPS: dict[str, Step] = {"delivered": "delivered", "read": "read", "failed": "failed"}


def messenger_received(told: Told) -> Translation:
    """Read a message of a customer, whom Meta knows by an id that is his for this page alone."""
    fields = told.part("messengerInboundMessage")
    chat = _chat(told, theirs=text(fields, "from"), page=text(fields, "to"))
    return _written(chat, fields, is_ours=False, time=time_of(fields, "send_time", "create_time") or told.time)


def messenger_updated(told: Told) -> Translation:
    """Read how far a message of ours got; the event carries the whole message each time."""
    fields = told.part("messengerMessage")
    status = required(fields, "status").lower()
    chat = _chat(told, theirs=text(fields, "to"), page=text(fields, "from"))
    time = reached_at(told, fields, status=status)
    if status == "sent":
        return _written(chat, fields, is_ours=True, time=time)
    if status in {"accepted", "pending"}:
        return ignored("a message waits to be sent")
    if status not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    wrong = text(fields, "error_code") or text(loose(fields, "error"), "code")
    reached = Receipt(provider_id=_id(fields), step=_STEPS[status], time=time, word=status, error_code=wrong)
    return found(stepped(chat, reached))


def _written(chat: Chat, fields: Fields, *, is_ours: bool, time: Instant) -> Translation:
    body = text(loose(fields, "text"), "body")
    message = Written(
        provider_id=_id(fields), time=time, is_ours=is_ours, kind="text" if body else "unsupported", text=body
    )
    return found(*written(chat, message))


def _id(fields: Fields) -> str:
    return required(fields, "meta_message_id", "id")


def _chat(told: Told, *, theirs: str | None, page: str | None) -> Chat:
    return Chat(
        scene=told.scene,
        channel="messenger",
        contact=together(identity("messenger", theirs)),
        company_number=page,
    )
