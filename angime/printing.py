"""Docs that are printed from code: each printed file is made here from the one place that knows, and checked in CI."""

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from schemas.catalogue import EVENT_TYPES, EventType
from schemas.envelope import Attributes
from schemas.topics import FACTS, TOPICS, Topic

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ROOT / "schemas" / "versions"
NOTICE = "<!-- Printed from code by `angime docs`; edit the code, not this page. -->\n\n"

JsonSchema = dict[str, Any]

_FORMS = {"text": "", "list": " (one or a list)", "switch": " (true or false)"}


def printed() -> Iterator[tuple[Path, Callable[[], str]]]:
    """Give every printed file with the function that makes its text."""
    for event_type in EVENT_TYPES.values():
        yield schema_file(event_type), lambda event_type=event_type: _json(data_schema(event_type))
    yield VERSIONS / "envelope.schema.json", lambda: _json(envelope_schema())
    yield ROOT / "docs" / "asyncapi.json", lambda: _json(asyncapi())
    yield ROOT / "docs" / "events.md", events_page
    yield ROOT / "docs" / "topics.md", topics_page
    yield ROOT / "docs" / "settings.md", settings_page
    yield ROOT / "docs" / "company.md", company_page
    yield ROOT / "docs" / "commands.md", commands_page
    yield ROOT / "docs" / "sources.md", sources_page
    yield ROOT / "docs" / "views.md", views_page
    yield ROOT / "docs" / "metrics.md", metrics_page
    yield ROOT / "docs" / "proof.md", proof_page


def stale() -> list[Path]:
    """List the printed files that are not as the code would print them now."""
    return [path for path, text in printed() if not path.exists() or path.read_text() != text()]


def print_all() -> list[Path]:
    """Write the stale files; a published schema that would change is left alone, since it never may."""
    written = [path for path in stale() if not (path.parent.parent == VERSIONS and path.exists())]
    texts = dict(printed())
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path]())
    return written


def schema_file(event_type: EventType) -> Path:
    """Where the JSON Schema of the newest version of an event's data lies."""
    return VERSIONS / event_type.name / f"{event_type.version}.schema.json"


def data_schema(event_type: EventType) -> JsonSchema:
    """Give the JSON Schema (2020-12) of an event type's `data`."""
    own, definitions = _schema_of(event_type.struct)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"angime:{event_type.dataschema}",
        **own,
        "title": event_type.dataschema,
        "description": event_type.meaning,
        **({"$defs": definitions} if definitions else {}),
    }


def envelope_schema() -> JsonSchema:
    """Give the JSON Schema of the attributes that every event carries around its data."""
    own, _ = _schema_of(Attributes)
    own["properties"]["data"] = {"type": "object", "description": "as the schema named by dataschema says"}
    own["required"] = [*own["required"], "data"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "angime:envelope", **own}


def _schema_of(struct: type[Struct]) -> tuple[JsonSchema, dict[str, JsonSchema]]:
    """Give the schema of a struct, and those of the structs in it by name."""
    (schema,), definitions = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    for one in definitions.values():
        if "description" in one:  # a docstring, of which Python 3.13 takes the indentation away
            one["description"] = " ".join(one["description"].split())
    return definitions.pop(str(schema["$ref"]).rpartition("/")[2]), definitions


def asyncapi() -> JsonSchema:
    """Describe topics, messages and who sends and receives them as an AsyncAPI 3.0 document."""
    types_of = {
        name: [one for one in EVENT_TYPES.values() if one.topic == name or (not one.topic and name in FACTS)]
        for name in TOPICS
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Angime",
            "version": "1",
            "description": "Events of business calls and messages in Kafka; every canonical record is a CloudEvent.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(topic, types_of[name]) for name, topic in TOPICS.items()},
        "operations": dict(_operations()),
        "components": {
            "messages": {event_type.name: _message(event_type) for event_type in EVENT_TYPES.values()}
            | {
                "raw": {"title": "A provider's bytes", "contentType": "application/octet-stream"},
                "dead": {"title": "A dead letter: untouched bytes", "contentType": "application/octet-stream"},
            }
        },
    }


def events_page() -> str:
    """Print docs/events.md: every event type with its fields."""
    lines = [
        "# Events\n",
        NOTICE.strip(),
        "\nEvery record on a canonical topic is one [CloudEvents 1.0](https://cloudevents.io) object in JSON.",
        "`time` is the source's clock, `recordedat` ours. Ids are deterministic: the same fact has the same id.\n",
        "## The envelope\n",
        *_field_table(envelope_schema()),
    ]
    for event_type in EVENT_TYPES.values():
        schema = data_schema(event_type)
        lines += [
            f"\n## {event_type.name}\n",
            f"{plain(event_type.meaning)}\n",
            f"Topic {_place_of(event_type)}, newest version `{event_type.dataschema}`, "
            f"[schema](../schemas/versions/{event_type.name}/{event_type.version}.schema.json).\n",
            *_field_table(schema),
        ]
    return "\n".join(lines) + "\n"


def _place_of(event_type: EventType) -> str:
    return f"`{TOPICS[event_type.topic].kafka_name}`" if event_type.topic else "of what it withdraws"


def topics_page() -> str:
    """Print docs/topics.md."""
    lines = ["# Topics\n", NOTICE.strip(), ""]
    lines += ["| topic | holds | key | partitions | kept | written by | read by | refused records |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for topic in TOPICS.values():
        dead = f"to `{TOPICS['dead'].kafka_name}`" if topic.has_dead_letters else "–"
        lines.append(
            f"| `{topic.kafka_name}` | {topic.holds} | {topic.key} | {topic.partitions} | {topic.retention_days} days "
            f"| {', '.join(topic.writers)} | {', '.join(topic.readers)} | {dead} |"
        )
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Print docs/settings.md from the settings classes of the folders."""
    from angime.settings import SETTINGS

    lines = ["# Settings\n", NOTICE.strip(), "\nEach is an environment variable.", ""]
    for folder, settings in SETTINGS.items():
        lines += [f"\n## {folder}\n", " ".join((settings.__doc__ or "").split()), ""]
        lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
        for name, field in settings.model_fields.items():
            default = "" if field.default is None else str(field.default)
            shown = f"`{default}`" if default else "–"
            lines.append(f"| `ANGIME_{name.upper()}` | {shown} | {plain(field.description or '')} |")
    return "\n".join(lines) + "\n"


def company_page() -> str:
    """Print docs/company.md from the structs that read company.toml."""
    from angime import company_page

    return company_page.page(NOTICE)


def commands_page() -> str:
    """Print docs/commands.md from the command line itself."""
    from angime.commands import describe

    return "# Commands\n\n" + NOTICE + describe()


def sources_page() -> str:
    """Print docs/sources.md from the source modules."""
    from pipelines.sources import GUIDES, SOURCES

    lines = ["# Sources\n", NOTICE.strip(), ""]
    lines.append(
        "`angime connect SOURCE` writes an account into the company file, makes the secrets that are yours to make, "
        "and prints these steps with its address. [First steps](first-steps.md) goes through one."
    )
    for source in SOURCES.values():
        guide = GUIDES[source.name]
        lines += [f"\n## {source.title} (`{source.name}`)\n", f"Gives: {', '.join(source.capabilities)}.\n"]
        lines += [f"Origin: {guide.origin_check}\n", "To connect it:\n"]
        lines += [f"{number}. {step}" for number, step in enumerate(guide.connect_steps, start=1)]
        if guide.settings:
            lines += ["\nSettings of the account, under `[accounts.settings]`:\n"]
            lines += [
                f"- `{name}`{_FORMS[setting.form]}: {setting.meaning}" for name, setting in guide.settings.items()
            ]
    return "\n".join(lines) + "\n"


def views_page() -> str:
    """Print docs/views.md from the warehouse's dictionary."""
    from analytics.dictionary import describe_views

    return "# Tables and views\n\n" + NOTICE + describe_views()


def metrics_page() -> str:
    """Print docs/metrics.md from the catalogue."""
    from analytics.metrics.catalogue import fact_of, reasons_of, whole

    lines = ["# Metrics\n", NOTICE.strip(), f"\nVersion {whole().version} of the catalogue."]
    lines += [
        "No data is empty, never 0 % or 100 %. A rate never stands without its count, and what is left out is counted."
    ]
    lines += ["\nA word in braces is a bound of the company; where it states none, ours holds:\n"]
    lines += [f"- `{{{name}}}`: {bound}" for name, bound in whole().bounds.items()]
    for metric in whole().metrics.values():
        fact, reasons = fact_of(metric), [reason.title.en for reason, _ in reasons_of(metric)]
        lines += [f"\n## {metric.title.en} (`{metric.name}`)\n", plain(metric.meaning.en), ""]
        lines += ["```sql", metric.formula, "```", ""]
        lines += [f"Unit: {metric.unit}. Good: {metric.good}. Since version {metric.since}.\n"]
        lines += [f"Counts {fact.rows.en}; left out: {', '.join(reasons) or 'none'}."]
        lines += [f"Narrowed and grouped by {', '.join(['day', *fact.dimensions])}."]
        if metric.others:
            lines += [f"\nElsewhere defined as: {'; '.join(other.en for other in metric.others)}."]
    return "\n".join(lines) + "\n"


def proof_page() -> str:
    """Print docs/proof.md from the figures that runs of torture and bench have kept."""
    from angime import proof

    return proof.page(NOTICE)


def _channel(topic: Topic, event_types: list[EventType]) -> JsonSchema:
    names = [event_type.name for event_type in event_types] or [topic.name]
    return {
        "address": topic.kafka_name,
        "description": f"{topic.holds}; key: {topic.key}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"partitions": topic.partitions, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Iterator[tuple[str, JsonSchema]]:
    for topic in TOPICS.values():
        for action, parties in (("send", topic.writers), ("receive", topic.readers)):
            for party in parties:
                name = f"{party}.{action}.{topic.name}".replace(".", "_")
                yield name, {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}, "summary": party}


def _message(event_type: EventType) -> JsonSchema:
    envelope = "../schemas/versions/envelope.schema.json"
    schema = f"../schemas/versions/{event_type.name}/{event_type.version}.schema.json"
    return {
        "name": event_type.name,
        "title": event_type.dataschema,
        "summary": event_type.meaning,
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [{"$ref": envelope}, {"properties": {"data": {"$ref": schema}}}]},
    }


def _field_table(schema: JsonSchema) -> Iterator[str]:
    required = set(schema.get("required", ()))
    yield "| field | type | must | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in schema["properties"].items():
        must = "yes" if name in required else ""
        yield f"| `{name}` | {type_of(field)} | {must} | {plain(field.get('description', ''))} |"


def type_of(field: JsonSchema) -> str:
    """Say of what type a field is."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(type_of(option) for option in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if field.get("type") == "array":
        return f"list of {type_of(field['items'])}" if field.get("items") else "list"
    return str(field.get("type", "any"))


def plain(text: str) -> str:
    """Write a text as one line of a table."""
    return inspect.cleandoc(text).replace("\n", " ").replace("|", "\\|")


def _json(document: JsonSchema) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
