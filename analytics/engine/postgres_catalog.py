"""A catalog in a database of PostgreSQL, for a warehouse of many machines; the door to psycopg.

The engine speaks to the database by itself. What stands here is what it leaves open: who may write, which states are
held, and that what was deleted leaves the database. A password is never seen here: libpq takes it from where it always
does.
"""

import re
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import conninfo, errors, pq

from analytics.engine.away import WarehouseAway
from analytics.engine.catalogs import Looked
from analytics.engine.keeping import IsRead
from schemas.errors import Misconfigured, NotYet

Session = psycopg.Connection[tuple[Any, ...]]

CONNECT_SECONDS = 5
# What a machine had locked that is lost is free after so many seconds, thrice.
SILENT_SECONDS = 10
# A process that was killed a moment ago may still seem to hold the right to write.
LOCK_SECONDS = 2.0
AGAIN_SECONDS = 0.1
# Advisory locks are told by two numbers, and are a database's own. The first spells "angi".
OURS, WRITING, READING = 0x616E6769, 1, 2
LEAST_VERSION = 12  # that DuckLake speaks to
CLOCK_SLACK = timedelta(minutes=5)
# Assumption: so PostgreSQL says in English that it takes no more sessions, which passes; in other languages a person is
# asked to look.
_FULL = re.compile(r"too many (clients|connections)|remaining connection slots")

_OWNS = "(select pg_has_role(datdba, 'usage') from pg_database where datname = current_database())"
_TABLES = r"""
    select oid::regclass::text from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname like 'ducklake\_%' order by 1
"""
# A sample of the values of each column: of a table that was emptied it stays, as long as its columns do.
_SAMPLES = r"""
    select format(
        'alter table %I.%I %s', schemaname, tablename,
        string_agg(format('alter %I type %s', attname, format_type(atttypid, atttypmod)), ', ')
    )
    from pg_stats join pg_attribute using (attname)
    where schemaname = 'public' and tablename like 'ducklake\_%'
    and attrelid = format('%I.%I', schemaname, tablename)::regclass
    group by schemaname, tablename
"""


# The engine's types of columns of rows that lie in no file yet; those of other types are texts.
_KEPT = {
    **dict.fromkeys(("varchar", "json", "blob"), "BLOB"),
    **dict.fromkeys(("int8", "int16"), "SMALLINT"),
    **dict.fromkeys(("uint8", "uint16", "int32"), "INTEGER"),
    **dict.fromkeys(("uint32", "int64"), "BIGINT"),
    "boolean": "BOOLEAN",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "time": "TIME",
    "uuid": "UUID",
}


class PostgresCatalog:
    """A database of PostgreSQL, whose schema `public` holds the catalog of one warehouse and nothing else."""

    extension = "postgres_scanner"
    setting = "ANGIME_CATALOG"
    options: tuple[str, ...] = ()

    def __init__(self, address: str) -> None:
        try:
            told = conninfo.conninfo_to_dict(address)
        except psycopg.ProgrammingError:
            raise Misconfigured(
                "ANGIME_CATALOG is no address of PostgreSQL, such as postgresql://angime@db.example/angime"
            ) from None
        if {"password", "sslpassword"} & told.keys():
            raise Misconfigured("ANGIME_CATALOG holds a password: take it out, and give it in PGPASSWORD or ~/.pgpass")
        self.name = f"{told.get('dbname', 'of its role')} at {told.get('host', 'this machine')}"
        silence = ("idle", "interval")
        both = {f"keepalives_{what}": SILENT_SECONDS for what in silence} | {"keepalives_count": 2}
        served = " ".join(f"-c tcp_{what}={value}" for what, value in both.items())
        self._conninfo = conninfo.make_conninfo(
            address,
            connect_timeout=told.get("connect_timeout", CONNECT_SECONDS),
            application_name=told.get("application_name", "angime"),
            options=f"{told.get('options', '')} {served}".strip(),
            **both,
        )

    @property
    def place(self) -> str:
        """The database, as the engine is told."""
        return f"postgres:{self._conninfo}"

    @property
    def how_to_delete(self) -> str:
        """Name the database."""
        return f"drop the database {self.name}"

    def keeps_as(self, type_: str) -> str:
        """Name a type, as DuckLake keeps it in PostgreSQL: texts are bytes, for it has no zero byte in a text."""
        return type_.upper() if type_.startswith("decimal(") else _KEPT.get(type_, "VARCHAR")

    def exists(self) -> bool:
        """Whether the database holds a catalog."""
        with self._session() as session:
            return _one(session, "select to_regclass('public.ducklake_metadata') is not null")

    @contextmanager
    def making(self) -> Generator[str]:
        """Give the database: the engine makes a catalog in one transaction."""
        yield self.place

    def unreadable(self, kind: str) -> Misconfigured:
        """Say how to mend a catalog that is not one."""
        return Misconfigured(
            f"the catalog of the warehouse, the database {self.name}, cannot be read ({kind}):"
            " see that its role may read it, or put a copy of it back"
        )

    def reach(self) -> None:
        """Ask whether the database takes sessions."""
        self._connect().close()

    def lock(self) -> "PostgresRight":
        """Take the right to write, which a session has."""
        session = self._connect()
        try:
            _wait_at_most(session, LOCK_SECONDS)
            _run(session, f"select pg_advisory_lock({OURS}, {WRITING})")
        except errors.LockNotAvailable:
            session.close()
            raise Misconfigured(
                f"another process writes the warehouse whose catalog is the database {self.name}: stop it first, "
                "or name another database in ANGIME_CATALOG"
            ) from None
        return PostgresRight(session, name=self.name)

    def keep_open(self) -> ExitStack:
        """Hold nothing: a database is open."""
        return ExitStack()

    @contextmanager
    def held_for_reading(self) -> Generator[None]:
        """Share the lock of readers."""
        with self._session() as session:
            _run(session, f"select pg_advisory_lock_shared({OURS}, {READING})")
            yield

    def is_held_for_reading(self) -> bool:
        """Whether the lock of readers is shared by anybody."""
        with self._session() as session:
            return not _one(session, f"select pg_try_advisory_lock({OURS}, {READING})")

    @contextmanager
    def alone(self) -> Generator[None]:
        """Have the lock of readers."""
        with self._session() as session:
            _run(session, f"select pg_advisory_lock({OURS}, {READING})")
            yield

    def vacuum(self, *, wait_seconds: float) -> None:
        """Write the tables anew, and PostgreSQL's samples of their values: those it would keep as they were.

        What its write-ahead log, its log of errors and its copies hold goes when these do.
        """
        until = time.monotonic() + wait_seconds
        with self._session() as session:
            if not _one(session, f"select {_OWNS}"):
                raise NotYet(f"the catalog could not be written anew: {self._to_own(session)}")
            try:
                _wait_at_most(session, wait_seconds)
                for (forget,) in _run(session, _SAMPLES).fetchall():
                    _run(session, forget)
                left = [f"(full, analyze, verbose) {table}" for (table,) in _run(session, _TABLES).fetchall()]
                left.append("(full, verbose) pg_statistic")
                while (left := [one for one in left if _dead_rows(session, one)]) and time.monotonic() < until:
                    time.sleep(AGAIN_SECONDS)
            except errors.LockNotAvailable:
                left = [_TABLES]
            except errors.DiskFull:
                raise NotYet("the disk of PostgreSQL does not take the catalog anew: see that some is free") from None
        if left:
            raise IsRead("the catalog is being read: close pages and other readers, and ask again")

    def shrink(self, *, wait_seconds: float) -> None:
        """Do nothing: PostgreSQL sees to its own files."""

    def look(self, *, now: datetime) -> list[Looked]:
        """Look whether it may be written, knows the time, and can be cleaned of what was deleted."""
        with self._session() as session:
            asked = f"current_setting('server_version'), now(), has_schema_privilege('public', 'create'), {_OWNS}"
            [(version, told, may_write, owns)] = _run(session, f"select {asked}").fetchall()
            found: list[Looked] = []
            if session.info.server_version < 10_000 * LEAST_VERSION:
                found.append(Looked("wrong", f"PostgreSQL {version}", f"DuckLake wants {LEAST_VERSION} or newer"))
            if abs(told - now) > CLOCK_SLACK:
                found.append(
                    Looked("wrong", f"PostgreSQL's clock says {told:%Y-%m-%d %H:%M:%S %Z}", "set both clocks (NTP)")
                )
            if not may_write:
                found.append(Looked("note", f"{session.info.user} may only read {self.name}", "enough for pages"))
            elif not owns:
                found.append(Looked("wrong", "what is erased would stay in PostgreSQL", self._to_own(session)))
            return found or [Looked("good", f"PostgreSQL {version}, {self.name}")]

    def _to_own(self, session: Session) -> str:
        info = session.info
        return f"let its role own the database: alter database {info.dbname} owner to {info.user}"

    @contextmanager
    def _session(self) -> Generator[Session]:
        session = self._connect()
        try:
            yield session
        except psycopg.Error:
            if session.broken:
                raise self._away() from None
            raise
        finally:
            session.close()

    def _connect(self) -> Session:
        try:
            return psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            said = " ".join(str(error).split())
        if pq.PGconn.ping(self._conninfo.encode()) == pq.Ping.OK and not _FULL.search(said):
            raise Misconfigured(f"PostgreSQL refuses the catalog {self.name}: {said}")
        raise self._away()

    def _away(self) -> WarehouseAway:
        return WarehouseAway(f"the catalog is away: PostgreSQL does not answer for {self.name}")


class PostgresRight:
    """The right to write, which a session of the database has; where the session ends, the right does."""

    def __init__(self, session: Session, *, name: str) -> None:
        self._session = session
        self._name = name

    def check(self) -> None:
        """Ask whether the session is there.

        Assumption: nobody ends this one alone and lets another process write before the commit that follows, within
        a fraction of a second; where the server or the way to it fails, that commit fails too.
        """
        try:
            self._session.execute("select 1")
        except psycopg.Error:
            raise WarehouseAway(f"PostgreSQL ended the session that held the right to write {self._name}") from None

    def release(self) -> None:
        """End the session."""
        self._session.close()


def _run(session: Session, text: str) -> psycopg.Cursor[tuple[Any, ...]]:
    return session.execute(text.encode())


def _one(session: Session, text: str) -> Any:
    [(found,)] = _run(session, text).fetchall()
    return found


def _wait_at_most(session: Session, seconds: float) -> None:
    session.execute("select set_config('lock_timeout', %s, false)", [f"{round(1000 * seconds)}ms"])


def _dead_rows(session: Session, vacuum: str) -> int:
    """Write a table anew; gives how many deleted rows somebody who reads an older state keeps in it.

    PostgreSQL says it in the language of its settings, and the number first.
    """
    told: list[str] = []

    def note(said: errors.Diagnostic) -> None:
        told.extend(re.findall(r"\d+", said.message_detail or "")[:1])

    session.add_notice_handler(note)
    _run(session, f"vacuum {vacuum}")
    session.remove_notice_handler(note)
    return sum(map(int, told))
