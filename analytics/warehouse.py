"""The warehouse: its one writer, and the names of all that others need of it."""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from shutil import rmtree
from typing import Self

import structlog

from analytics import log, views
from analytics.company.file import read_companies
from analytics.connection import LAYERS, Connection, transaction
from analytics.copies.moving import refuse_half
from analytics.engine.attaching import attach, make_catalog
from analytics.engine.away import WarehouseAway
from analytics.engine.catalogs import catalog_of
from analytics.engine.data_files import files_of
from analytics.engine.keeping import IsRead, forget_index
from analytics.engine.maintenance import Maintained, Maintainer
from analytics.engine.seals import Seals
from analytics.engine.sessions import (
    CATALOG,
    DuckConnection,
    Engine,
    EngineError,
    FileError,
    NameErrors,
    NoMemory,
    open_session,
)
from analytics.folding.rebuild import Rebuilt, TableHash, fingerprint, read_fingerprint, rebuild, show, table_hash
from analytics.folding.refresh import Refresher
from analytics.folding.slices import FOLDER, OnStep
from analytics.landing.admission import Batch, LandRecord, Place
from analytics.landing.batches import Landed, Lander, Offsets
from analytics.landing.dropping import Dropper
from analytics.landing.pace import Pacer
from analytics.log import THOSE_OF_IDS
from analytics.metrics.alerting import Bell
from analytics.metrics.own import prove
from analytics.privacy.erasure import ForgetRecordings
from analytics.privacy.forgetting import Forgetter, KeptForATime
from analytics.reading.readers import (
    Confined,
    OtherVersion,
    Reader,
    connect,
    connect_file,
    open_confined,
    open_reader,
    open_side_by_side,
    prove_there,
)
from analytics.settings import AnalyticsSettings
from schemas.errors import NotYet
from schemas.instants import Instant

__all__ = [
    "CATALOG",
    "THOSE_OF_IDS",
    "AnalyticsSettings",
    "Batch",
    "Bell",
    "Confined",
    "Connection",
    "Engine",
    "ForgetRecordings",
    "LandRecord",
    "Landed",
    "Maintained",
    "Offsets",
    "OtherVersion",
    "Reader",
    "Rebuilt",
    "TableHash",
    "WarehouseAway",
    "Writer",
    "connect",
    "connect_file",
    "open_confined",
    "open_reader",
    "open_side_by_side",
    "open_writer",
    "prove_there",
]

FRESH_EVENTS = 100_000
# Rows in a group of a fact's file: so many are decoded to read one call. The engine itself takes four times as many.
ROWS_OF_FACTS = 32_768
# And of so many bytes at most: to write a group takes several times as many of memory.
MIB_OF_FACTS = 32
# A reader's transaction is waited for so long when old pages of the catalog are to go; the lander stands still.
VACUUM_SECONDS = 2.0
# So many bytes of long events may wait in the catalog: to write them takes some ten times as many. Others are many
# enough to be written at once, or few enough to wait for the maintenance.
WAITING_BYTES = 8 * 1024 * 1024


_log = structlog.get_logger()


class Writer:
    """The one writing session of a warehouse: lands, refreshes, maintains, rebuilds.

    `was_left_behind` says that the writer before ended while it took in a backlog, of which more may come.
    """

    def __init__(self, settings: AnalyticsSettings, *, forget_recordings: ForgetRecordings) -> None:
        self._forget_recordings = forget_recordings
        self._companies = read_companies(settings)
        settings.warehouse.mkdir(parents=True, exist_ok=True)
        self._catalog = catalog_of(settings)
        refuse_half(settings)
        self._right = self._catalog.lock()
        self._views = views.read_views()
        self._session = open_session(settings)
        try:
            if not self._catalog.exists():
                make_catalog(self._session, settings)
            attach(self._session, settings, reads_only=False)
        except BaseException:
            self._session.close()
            self._right.release()
            raise
        self.connection = DuckConnection(self._session, catalog=CATALOG)
        self._threads = settings.warehouse_threads
        self._hot_events = settings.hot_events
        self._memory_mib = settings.warehouse_memory_mib
        self._home = settings.home
        self._slices = settings.warehouse / FOLDER
        rmtree(self._slices, ignore_errors=True)  # a rebuild that was killed left words there
        self._pacer = Pacer(settings.warehouse)
        self._waiting_bytes = 0
        self._keeper = self._catalog.keep_open()
        self._files = files_of(settings)
        self._seals = Seals(self._files)
        try:
            with self._suspecting_the_disk():
                self._prepare()
                self._lander = self._open_lander()
        except BaseException:
            self.close()
            raise
        self._maintainer = Maintainer(self.connection, catalog=CATALOG, is_held=self._catalog.is_held_for_reading)
        if self._forgetter.is_on_disk:
            self._maintainer.clean()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: object, _traceback: object) -> None:
        try:
            if isinstance(error, EngineError):
                self._look_who_was_away(error)
        finally:
            self.close()

    def is_fresh(self, *, most_events: int = FRESH_EVENTS) -> bool:
        """Whether to rebuild the facts costs less than to fold a backlog: the log holds little, or the half of one."""
        [(events,)] = self.connection.rows("select count(*) from log.events")
        return self.was_left_behind or events <= most_events

    @property
    def is_behind(self) -> bool:
        """Whether the facts are behind the log: until `catch_up` nothing is folded."""
        return self._lander.is_behind

    def next_offsets(self) -> Offsets:
        """Give the offset at which reading goes on, by topic and partition."""
        return self._lander.next_offsets()

    def begin_anew(self, places: Collection[Place] | None = None) -> None:
        """Let these partitions, or all, be read from their beginning; see analytics.landing.batches."""
        self._lander.begin_anew(self.next_offsets() if places is None else places)

    def land(self, batch: Batch, *, now: Instant, folds: bool = True) -> Landed:
        """Write events, offsets, dead letters and folded facts in one transaction; see analytics.landing.batches.

        Without `folds` the facts are left behind, for a backlog that is larger than the log; `catch_up` after it.
        One thread does it: a batch is too small to be shared, and to wait for work costs a second as much as to do it.
        Where memory does not suffice for a batch, its halves are landed, each in a transaction of its own, and a single
        record without its facts: they are built anew in slices, and of what is large in pieces.
        """
        if folds:
            self.catch_up(now)
        self.connection.use_threads(1)
        with self._suspecting_the_disk():
            try:
                landed = self._lander.land(batch, now=now, folds=folds)
            except NoMemory:
                if len(batch.records) == 1 and not folds:
                    raise
            else:
                self._write_what_waits(batch)
                return landed
        if len(batch.records) == 1:
            _log.warning("facts_left_behind", reason="what one event touches needs more memory than there is")
            return self.land(batch, now=now, folds=False)
        _log.warning("batch_halved", records=len(batch.records), reason="its facts need more memory than there is")
        first, second = (self.land(half, now=now, folds=folds) for half in batch.halves())
        return first + second

    def _write_what_waits(self, batch: Batch) -> None:
        """Write rows that the catalog holds into files, where so many wait that the maintenance would lack memory."""
        for relation in self._lander.overdue():
            self._maintainer.flush(relation)
        self._waiting_bytes += batch.long_bytes()
        if self._waiting_bytes > WAITING_BYTES:
            self._maintainer.flush()
            self._waiting_bytes = 0

    def catch_up(self, now: Instant) -> None:
        """Build the facts anew when they were left behind the log, and read what folding needs in memory.

        Before that, whoever was erased elsewhere goes out of the log; old files follow with the maintenance. Raises
        NotYet while the store of recordings is away and holds some of theirs.
        """
        if self._dropper.owed:
            self._dropper.erase(now)
            forget_index(self._slices.parent)
            self.reload()
            self._lander.is_behind = True
            self._maintainer.clean()
        if self._lander.is_behind:
            self.rebuild()
            self.was_left_behind = False
        self._lander.make_ready()

    def maintain(self, now: Instant, *, steps: int | None = None) -> Maintained:
        """Merge small files and forget old snapshots, bounded; see analytics.engine.maintenance.

        At the end of a round the catalog gives free pages back, new files are sealed and some looked through; damaged
        facts are built anew. What a company keeps for a time is forgotten when that is over, a share each time; see
        analytics.privacy.forgetting. What was recorded of those who were erased lately is looked for in the store.
        """
        self._dropper.sweep(now)
        with self._suspecting_the_disk():
            if self._lander.forget(now):
                self._maintainer.clean()
            maintained = self._maintainer.maintain(now, steps=steps)
        if maintained.clean_until is not None:
            self._clean_catalog(maintained.clean_until)
        if maintained.is_merged:
            self._shrink_catalog()
            self._seals.renew()
            if self._seals.look_through():
                self.rebuild()
        return maintained

    def bell(self, now: Instant) -> Bell:
        """Give what says which alerts hold; see analytics.metrics.alerting."""
        return Bell(self.connection, self._companies, now=now)

    def attach_beside(self, settings: AnalyticsSettings, *, name: str) -> None:
        """Let this session read another warehouse, as it is now, as a catalog of this name."""
        with open_reader(settings) as reader:
            snapshot = reader.snapshot_id()
        attach(self._session, settings, reads_only=True, name=name, snapshot=snapshot)

    def purge(self) -> None:
        """Rewrite every file and forget every older state; see analytics.engine.maintenance. Nobody may read meanwhile.

        A snapshot that is being taken is waited for. Raises Halted where the log is damaged: written anew, it would
        look whole.
        """
        self._seals.refuse_damaged_log()
        with self._catalog.alone():
            self._maintainer.purge()

    def reload(self) -> None:
        """Forget all that is in memory of the log, and read it anew, after rows of it were written without landing."""
        for (table,) in self.connection.rows("select table_name from duckdb_tables() where temporary"):
            self.connection.execute(f"drop table temp.{table}")
        self._lander = self._open_lander()

    def rebuild(self, *, verify: bool = False, on_step: OnStep = lambda _: None) -> list[Rebuilt]:
        """Make facts and reports anew from the log; with `verify`, hash them before and after.

        Raises Halted where the log is damaged; see analytics.engine.seals.
        """
        self.connection.use_threads(self._threads)
        self._lander.let_go()
        rebuilt = self._rebuild(verify=verify, on_step=on_step)
        self._lander.catch_up()
        return rebuilt

    def table_hash(self, relation: str) -> TableHash:
        """Hash all rows of a table, whatever their order."""
        return table_hash(self.connection, relation)

    def close(self) -> None:
        """Let go of the warehouse."""
        self.connection.close()
        try:
            self._seals.renew()
        finally:
            self._keeper.close()
            self._right.release()

    def forget_all(self, now: Instant) -> int:
        """Forget at once what is past its time, files and all; gives what was taken. Nobody may read meanwhile."""
        self.catch_up(now)
        taken = 0
        while self._forgetter.next_share(now, believes=True) is not None:
            taken += self._lander.forget(now, believes=True)
        self.purge()
        return taken

    def forgetting(self, now: Instant) -> list[KeptForATime]:
        """Say of what is kept for a time how far it was forgotten, and how much waits for it."""
        return self._forgetter.standing(now)

    def _clean_catalog(self, until: Instant) -> None:
        """Take what was deleted out of the catalog too; where somebody reads just now, the next rounds do it again."""
        if self._is_written_anew(lambda: self._catalog.vacuum(wait_seconds=VACUUM_SECONDS)):
            self._forgetter.note_files(until)
        else:
            self._maintainer.clean()

    def _shrink_catalog(self) -> None:
        """Give to the disk what the catalog does not need; where somebody reads just now, when he has left."""
        self._is_written_anew(lambda: self._catalog.shrink(wait_seconds=VACUUM_SECONDS))

    def _is_written_anew(self, write_anew: Callable[[], None]) -> bool:
        try:
            write_anew()
        except IsRead:
            return False
        except NotYet as refusal:
            _log.warning("catalog_not_written_anew", reason=refusal.reason)
            return False
        return True

    def _rebuild(self, *, verify: bool = False, on_step: OnStep = lambda _: None) -> list[Rebuilt]:
        self._seals.refuse_damaged_log()
        damaged = self._seals.damaged_tables()
        rebuilt = rebuild(
            self.connection,
            self._views,
            companies=self._companies,
            folder=self._slices,
            memory_mib=self._memory_mib,
            damaged=damaged,
            verify=verify,
            on_step=on_step,
        )
        self._seals.give_up(damaged)
        return rebuilt

    @contextmanager
    def _suspecting_the_disk(self) -> Generator[None]:
        """Raise Halted where the engine fails over a damaged log; damaged facts are seen at the next start.

        Raises WarehouseAway where the right to write is gone with the catalog, or the data files are away.
        """
        self._right.check()
        try:
            yield
        except NoMemory:
            raise
        except EngineError as error:
            self._look_who_was_away(error)
            self._seals.refuse_damaged_log()
            raise

    def _look_who_was_away(self, error: EngineError) -> None:
        self._right.check()
        if isinstance(error, FileError):
            self._files.suspect()

    def _open_lander(self) -> Lander:
        self._forgetter = Forgetter(self.connection, self._companies)
        self._dropper = Dropper(self.connection, home=self._home, forget_recordings=self._forget_recordings)
        return Lander(
            self.connection,
            refresher=Refresher(self.connection, self._views, companies=self._companies, memory_mib=self._memory_mib),
            hot_events=self._hot_events,
            memory_mib=self._memory_mib,
            dropper=self._dropper,
            forgetter=self._forgetter,
            pacer=self._pacer,
        )

    def _has_whole_log(self) -> bool:
        """Whether the newest column of the log is there: to list its tables would read the statistics of each."""
        try:
            self.connection.rows(f"select {log.NEWEST[0]} from {log.STORED} limit 0")  # noqa: S608  # our own name
        except NameErrors:
            return False
        return True

    def _prepare(self) -> None:
        """Create what is missing; build facts anew that are damaged, or whose texts or company data changed.

        Where only views changed that show them, these alone are made anew.
        """
        if not self._has_whole_log():
            with transaction(self.connection):
                for layer in LAYERS:
                    self.connection.execute(f"create schema if not exists {CATALOG}.{layer}")
                log.create_log(self.connection)
        built_by = read_fingerprint(self.connection)
        wanted = fingerprint(self._views, companies=self._companies)
        self.was_left_behind = built_by is not None and not built_by.facts
        is_new = built_by is None or built_by.facts != wanted.facts
        if built_by != wanted:
            prove()
        if is_new:
            for layer in LAYERS:
                self.connection.execute(f"create schema if not exists {CATALOG}.{layer}")
            for option, value in (("size", f"{ROWS_OF_FACTS}"), ("size_bytes", f"'{MIB_OF_FACTS}MiB'")):
                told = f"'parquet_row_group_{option}', {value}"
                self.connection.execute(f"call {CATALOG}.set_option({told}, schema => 'facts')")
        if is_new or self._seals.damaged_tables():
            self._rebuild()
        elif built_by != wanted:
            show(self.connection, self._views, companies=self._companies)


def open_writer(settings: AnalyticsSettings, *, forget_recordings: ForgetRecordings = lambda _: None) -> Writer:
    """Open the warehouse for its one writing process, creating what is missing.

    Who lands what comes of Kafka gives what deletes recordings: those of persons who were erased may come again.

    The facts are built anew from the log first when the SQL files that they are folded by or the company files changed;
    what only shows them, metrics of a company's own too, is made anew without that. Raises Misconfigured when another
    process holds the warehouse, its catalog is damaged, or one of these files is wrong; WarehouseAway where something
    is on another machine and away, here and from anything that is asked of the writer inside `with`.
    """
    return Writer(settings, forget_recordings=forget_recordings)
