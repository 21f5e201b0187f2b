"""The API's OpenAPI document, made from the lists that it gives."""

from typing import Any

from analytics.api.lists import DEFAULT_ROWS, LISTS, MAX_ROWS, MAX_TEXT_CHARACTERS, Filter, List

_ERRORS = {
    "400": "a parameter cannot be understood",
    "401": "no token, or none that is known",
    "403": "the token lacks the scope",
    "404": "there is no such thing in this company",
    "503": "the warehouse is being made; ask again",
}
_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}},
    "required": ["error"],
}


def openapi() -> dict[str, Any]:
    """Give the document, as OpenAPI 3.1."""
    paths: dict[str, Any] = {
        "/healthz": {
            "get": {"summary": "Say that the process lives.", "security": [], "responses": _responses({}, ())}
        },
        "/api/v1/openapi.json": {
            "get": {"summary": "Give this document.", "security": [], "responses": _responses({}, ())}
        },
        "/api/v1/calls/{call_id}": {
            "get": {
                "operationId": "call",
                "summary": "One call.",
                "description": "Scope: calls.",
                "parameters": [_path_parameter("call_id")],
                "responses": _responses({"type": "object"}, ("400", "401", "403", "404", "503"), is_tagged=True),
            }
        },
    }
    for wanted in LISTS:
        paths[f"/api/v1{wanted.path}"] = {"get": _operation(wanted)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Angime read API",
            "version": "1",
            "description": "Calls, conversations and metrics of the token's company. `/live` is a WebSocket of facts "
            "about calls as they are landed, for tokens with the scope `live`.",
        },
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _ERROR},
        },
        "paths": paths,
    }


def _operation(wanted: List) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            wanted.name: {"type": "array", "items": {"type": "object"}, "maxItems": MAX_ROWS},
            "next": {"type": "string", "description": "cursor of the next page, empty after the last"},
        },
        "required": [wanted.name, "next"],
    }
    return {
        "operationId": wanted.name,
        "summary": wanted.meaning,
        "description": f"Scope: {wanted.scope}.",
        "parameters": [
            *([_path_parameter(wanted.of)] if wanted.of else []),
            *(_parameter(one.name, _schema(one), meaning=one.meaning) for one in wanted.filters),
            _parameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS},
                meaning="rows of a page",
            ),
            _parameter("cursor", {"type": "string", "maxLength": 1024}, meaning="`next` of the page before"),
        ],
        "responses": _responses(schema, ("400", "401", "403", "503"), is_tagged=True),
    }


def _schema(wanted: Filter) -> dict[str, Any]:
    if wanted.kind == "day":
        return {"type": "string", "format": "date"}
    if wanted.kind == "flag":
        return {"type": "boolean"}
    if words := wanted.words():
        return {"type": "string", "enum": list(words)}
    return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS}


def _parameter(name: str, schema: dict[str, Any], *, meaning: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": meaning}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARACTERS}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _responses(schema: dict[str, Any], refusals: tuple[str, ...], *, is_tagged: bool = False) -> dict[str, Any]:
    content = {"application/json": {"schema": schema or {"type": "object"}}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    good = {"200": {"description": "good", "content": content}}
    unchanged = {"304": {"description": "nothing has changed since this ETag"}} if is_tagged else {}
    return good | unchanged | {code: {"description": _ERRORS[code], "content": error} for code in refusals}
