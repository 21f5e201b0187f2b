"""The receiver's OpenAPI document."""

from typing import Any

from pipelines.sources import SOURCES

_ACCOUNT = {"type": "string", "description": "id of an account of company.toml"}
_REFUSALS = {
    "401": "the origin is not proved, or not as of now",
    "404": "no such source or account is connected",
    "408": "the body came too slowly",
    "413": "the body is larger than the limit",
    "503": "the bytes could not be kept; send them again",
}


def openapi() -> dict[str, Any]:
    """Give the document, as OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Angime receiver",
            "version": "1",
            "description": "Takes webhooks of providers and CloudEvents. 200 means that the bytes are safe.",
        },
        "paths": {
            "/hooks/{source}/{account}": {
                "parameters": [
                    _parameter("source", where="path", schema={"type": "string", "enum": sorted(SOURCES)}),
                    _parameter("account", where="path", schema=_ACCOUNT),
                ],
                "post": _operation("Keep what a provider sends, with its own proof of origin.", takes=("*/*",)),
                "get": _operation("Answer a provider's handshake.", refusals=("401", "404")),
            },
            "/events": {
                "parameters": [_parameter("account", where="query", schema=_ACCOUNT, is_required=False)],
                "post": _operation(
                    "Keep CloudEvents, of the account named, or of the only one with source ingest.",
                    takes=("application/cloudevents+json", "application/cloudevents-batch+json", "application/json"),
                ),
            },
            "/healthz": {"get": _operation("Say that the process lives.", refusals=())},
            "/readyz": {"get": _operation("Say whether webhooks can be kept.", refusals=("503",))},
            "/metrics": {"get": _operation("Give metrics in Prometheus' text form.", refusals=())},
        },
    }


def _parameter(name: str, *, where: str, schema: dict[str, Any], is_required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": is_required, "schema": schema}


def _operation(
    summary: str, *, takes: tuple[str, ...] = (), refusals: tuple[str, ...] = tuple(_REFUSALS)
) -> dict[str, Any]:
    answers = {"200": "good", **{status: _REFUSALS[status] for status in refusals}}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {status: {"description": meaning} for status, meaning in answers.items()},
    }
    if takes:
        operation["requestBody"] = {"required": True, "content": {media_type: {} for media_type in takes}}
    return operation
