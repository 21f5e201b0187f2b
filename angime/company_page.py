"""Prints docs/company.md: how a company writes itself down, with an example, and every table and key of it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from angime.printing import JsonSchema, plain, type_of
from schemas.company import Company
from schemas.prices import ALWAYS, FOR_EVER

EXAMPLE = """
id = "altyn"                      # in addresses and in every row; never changes
name = "Altyn Service"
time_zone = "Asia/Almaty"
default_region = "KZ"             # country of numbers written without one
currency = "KZT"
internal_numbers = ["600"]
holidays = [2026-12-16, 2026-12-17]

[hours]
mon = ["09:00-13:00", "14:00-18:00"]
tue = ["09:00-18:00"]

[[teams]]
id = "sales"
name = "Sales"

[[operators]]
id = "aigerim"
name = "Aigerim"
team = "sales"
endpoints = ["PJSIP/101", "client:aigerim"]   # as the sources write them

[[accounts]]                      # its webhook: /hooks/whatsapp_cloud/waba
id = "waba"
source = "whatsapp_cloud"         # docs/sources.md says what each needs
channel = "waba"
address = "+77272000000"
secrets = ["env:WABA_SECRET"]
verify_secret = "file:/etc/angime/waba-verify"

[[tariffs]]
id = "waba-kz"
accounts = ["waba"]
kind = "per_pulse"
currency = "KZT"
rates = [{ price_per_minute = "5.97", countries = ["KZ"] }]
request_rates = [{ price_per_request = "5.80" }]   # of asking whether one may call

[retention]
messages_days = 365

[alerts]
channels = [{ id = "chat", url = "env:ALERTS_URL" }]
rules = [{ kind = "missed_call", id = "missed", to = ["chat"], minutes = 20 }]
""".strip()


def page(notice: str) -> str:
    """Print the page."""
    _, definitions = msgspec.json.schema_components([Company], ref_template="#/$defs/{name}")
    lines = [
        "# The company file\n",
        notice.strip(),
        "\nWho a company is stands in one file of [TOML](https://toml.io): `company.toml` in `ANGIME_HOME`, or where",
        "`ANGIME_COMPANY` points; that may be a folder with a file a company. It is read when a process starts, and",
        "facts are built anew where it changed. `angime doctor` says what is wrong with it, and names the line.\n",
        f"```toml\n{EXAMPLE}\n```\n",
        "A key without a default must be there. Local dates are written bare, like `2026-03-02`.",
    ]
    for path, name in _tables("Company", definitions, path=""):
        lines += [f"\n## {path or 'The company itself'}\n", f"{' '.join(definitions[name]['description'].split())}\n"]
        lines += _keys(definitions[name])
    return "\n".join(lines) + "\n"


def _tables(name: str, definitions: dict[str, Any], *, path: str) -> Iterator[tuple[str, str]]:
    """Give this table and those inside it, each with the heading under which TOML writes it."""
    yield path and _bracketed(path, definitions[name]), name
    for key, field in definitions[name]["properties"].items():
        for inner in _refs(field):
            is_list = field.get("type") == "array"
            below = f"{path.strip('[]')}.{key}".lstrip(".")
            yield from _tables(inner, definitions, path=f"[[{below}]]" if is_list else f"[{below}]")


def _bracketed(path: str, definition: JsonSchema) -> str:
    """Name the kind beside the path where tables of several kinds stand under one."""
    kind = definition["properties"].get("kind", {}).get("enum", ())
    return f'`{path}` with `kind = "{kind[0]}"`' if len(kind) == 1 else f"`{path}`"


def _keys(definition: JsonSchema) -> Iterator[str]:
    required = definition.get("required", ())
    yield "| key | is | default |"
    yield "| --- | --- | --- |"
    for key, field in definition["properties"].items():
        if not _refs(field):
            default = "" if key in required else _written(field["default"])
            yield f"| `{key}` | {_meaning(field)} | {default} |"


def _meaning(field: JsonSchema) -> str:
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    return " or ".join(_said(option) for option in options)


def _said(option: JsonSchema) -> str:
    if "additionalProperties" in option:
        return f"table of {_meaning(option['additionalProperties'])}"
    if option.get("type") == "array":
        return f"list of {_meaning(option['items'])}"
    if "description" in option:
        return plain(option["description"])
    bounds = [f"{word} {option[bound]}" for bound, word in _BOUNDS.items() if bound in option]
    return " ".join([option.get("format", type_of(option)), *bounds])


_BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}


def _written(default: Any) -> str:
    """Write a default as TOML would; what stands for nothing, or for no bound of time, has none."""
    is_none = default in (None, {}, str(ALWAYS), str(FOR_EVER))
    return "–" if is_none else f"`{msgspec.json.encode(default).decode()}`"


def _refs(field: JsonSchema) -> list[str]:
    """Name the tables that a key holds, one or a list; none where it holds values."""
    inner = field.get("items", field) if field.get("type") == "array" else field
    return [option["$ref"].rpartition("/")[2] for option in inner.get("anyOf", [inner]) if "$ref" in option]
