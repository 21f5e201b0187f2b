"""What a person's own SQL may do in the session it is run in: read what the rights show, and nothing else.

Three walls, each enough by itself for most of what may come: the statement is read before it runs and names only
relations and table functions of a list; the session has no way to files, settings or other databases; and the process
around it has little memory and little time (analytics.reading.sandbox).
"""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from analytics.connection import Connection
from analytics.log import quoted
from analytics.reading.rights import Rights, selects

MAX_CHARACTERS = 20_000
MEMORY_MIB = 512
TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
SHOWN = frozenset({"DESCRIBE", "SUMMARY"})
# Functions that look behind the session, at its settings, its secrets or its log.
FORBIDDEN_PREFIXES = (
    *("read_", "duckdb_", "pragma_", "ducklake_", "sqlite_", "parquet_", "pg_", "current_setting", "getenv"),
    *("getvariable", "nextval", "currval", "write_log", "which_secret", "query", "sniff_", "glob", "from_substrait"),
    *("json_execute", "add_parquet_key", "set_config", "txid", "in_search_path", "arrow_scan", "pandas_scan"),
    *("python_map", "seq_scan", "index_scan", "test_", "checkpoint", "force_checkpoint", "enable_", "disable_"),
)


class Refused(Exception):
    """The statement is not run; its text says why, in words for the person who wrote it."""


def confine(  # noqa: PLR0913  # what the walls are made of
    connection: Connection, *, relations: Iterable[str], catalog: str, places: Iterable[str], rights: Rights, salt: str
) -> None:
    """Build in the session's own memory the relations that may be read, and lock all the rest."""
    listed = selects(rights, salt=salt, catalog=catalog)
    for relation in sorted(relations):
        connection.execute(f"create schema if not exists {relation.partition('.')[0]}")
        connection.execute(f"create view {relation} as {listed[relation]}")
    for setting in (
        f"allowed_directories = [{', '.join(map(quoted, places))}]",
        "temp_directory = ''",
        f"memory_limit = '{MEMORY_MIB}MiB'",
        "threads = 1",
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"set {setting}")


def check(connection: Connection, text: str) -> set[str]:
    """Read a statement without running it, and give the relations it names.

    Raises Refused unless it only reads, and only what is listed.
    """
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"a statement has at most {MAX_CHARACTERS} characters")
    [(written,)] = connection.rows("select json_serialize_sql(?)", [text])
    try:
        read: dict[str, Any] = msgspec.json.decode(written)
    except (msgspec.DecodeError, RecursionError):
        raise Refused("the statement is nested too deeply") from None
    if read["error"]:
        only_reads = "Only SELECT statements" in str(read.get("error_message"))
        raise Refused("only a query that reads may be run" if only_reads else str(read.get("error_message")))
    if len(read["statements"]) != 1:
        raise Refused("one statement at a time")
    nodes = list(_nodes(read["statements"][0]))
    named = {entry["key"].lower() for node in nodes for entry in _named_in(node)}
    for node in nodes:
        _check_node(node)
    tables = [node for node in nodes if node.get("type") == "BASE_TABLE"]
    return {relation for node in tables if (relation := _relation(node, named=named))}


def _check_node(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if kind == "TABLE_FUNCTION":
        function = cast("dict[str, Any]", node.get("function") or {})
        name = str(function.get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS or function.get("schema") or function.get("catalog"):
            raise Refused(f"the table function {name or '?'} may not be used")
    elif kind == "SHOW_REF" and (node.get("show_type") not in SHOWN or not node.get("query")):
        raise Refused("the schema stands beside the editor; describe and summarize may be used")
    elif kind == "FUNCTION" and str(node.get("function_name", "")).lower().startswith(FORBIDDEN_PREFIXES):
        raise Refused(f"the function {node['function_name']} may not be used")


def _relation(node: dict[str, Any], *, named: set[str]) -> str:
    """Name the relation that is read, nothing where it is a common table expression; raises Refused for any other."""
    schema, name = str(node.get("schema_name", "")).lower(), str(node.get("table_name", "")).lower()
    if node.get("catalog_name") or node.get("at_clause"):
        raise Refused("tables are named as layer.table, and read as they are now")
    if not schema and name in named:
        return ""
    if f"{schema}.{name}" not in selects(_ANYBODY, salt=""):
        raise Refused(f"there is no table {schema + '.' if schema else ''}{name}")
    return f"{schema}.{name}"


_ANYBODY = Rights(role="analyst")


def _named_in(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the common table expressions of a node."""
    named = cast("dict[str, Any] | None", node.get("cte_map"))
    return named["map"] if named else []


def _nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk through all objects of a statement, without recursion, for people nest deeply."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield cast("dict[str, Any]", node)
            waiting.extend(cast("dict[str, Any]", node).values())
        elif isinstance(node, list):
            waiting.extend(cast("list[Any]", node))
