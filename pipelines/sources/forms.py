"""Form-encoded bodies, and the JSON object of decoded fields that stands for one in a file."""

from urllib.parse import parse_qsl

from pipelines.sources.reading import Fields, as_object, text
from schemas.codec import parse_json
from schemas.errors import InvalidEvent

MAX_FORM_FIELDS = 1000


def form_pairs(body: bytes, *, max_fields: int = MAX_FORM_FIELDS) -> list[tuple[str, str]]:
    """Decode a form's names and values in their order; raises InvalidEvent where it is no form in UTF-8."""
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=max_fields)
    except UnicodeDecodeError:
        raise InvalidEvent("the form is not in UTF-8") from None
    except ValueError:
        raise InvalidEvent(f"the form has more than {max_fields} fields") from None


def form_fields(body: bytes) -> Fields:
    """Give the fields of a form, or of a JSON object of them; of a name that repeats the first value counts.

    Raises InvalidEvent for what is neither.
    """
    if body.lstrip()[:1] in {b"{", b"["}:
        fields = as_object(parse_json(body), what="the body")
        return {name: _first(fields, name) for name in fields if not isinstance(fields[name], dict)}
    decoded: Fields = {}
    for name, value in form_pairs(body):
        decoded.setdefault(name, value)
    if not decoded:
        raise InvalidEvent("the body is empty")
    return decoded


def _first(fields: Fields, name: str) -> str | None:
    value = fields[name]
    if isinstance(value, list):
        return text({name: value[0]}, name) if value else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return text(fields, name)
