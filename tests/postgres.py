"""A server of PostgreSQL of one's own, for a test: with password and all, in a folder that goes with it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from pipelines.kafka.free_ports import free_port

NO_POSTGRES = "no PostgreSQL on this machine (looked for initdb on the PATH and in /usr/lib/postgresql/*/bin)"
ROLE, PASSWORD = "angime", "not a secret"
# As root it does not run.
SERVANT = "nobody"
# Of a server that is killed with its tests nothing need stay, and a small machine has little memory.
SETTINGS = {"fsync": "off", "shared_buffers": "32MB", "listen_addresses": "127.0.0.1", "autovacuum_naptime": "1s"}


def postgres_programs() -> Path | None:
    """Find the folder of the programs; None where there is none."""
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    return Path(found).parent if found else None


class Postgres:
    """A server that can be stopped and started again, with databases that the role owns."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.files = folder / "files"
        self.port = free_port()
        self._programs = programs
        self._folder = folder
        self._numbers = count(1)
        self._user = SERVANT if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, pwd.getpwnam(self._user).pw_uid)
        self._run("initdb", "--auth=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-sync")
        self.start()
        self.ask(f"create role {ROLE} login password '{PASSWORD}'")

    def start(self) -> None:
        """Start it; returns when it takes sessions."""
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self._folder)}
        told = " ".join(f"-c {name}={setting}" for name, setting in settings.items())
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self._folder / 'log'}", f"--options={told}")

    def stop(self) -> None:
        """End it, and every session with it."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def new_database(self, *, like: str = "template1") -> str:
        """Make a database, like one in which nobody is; gives its address, without the password."""
        name = f"angime_{next(self._numbers)}"
        self.ask(f"create database {name} owner {ROLE} template {like}")
        return self.address(name)

    def address(self, database: str, *, role: str = ROLE) -> str:
        """Give the address of a database for a role."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def ask(self, text: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as whoever administers it; gives its rows."""
        user = self._user or pwd.getpwuid(os.geteuid()).pw_name
        place = f"host={self._folder} port={self.port} dbname={database} user={user}"
        with psycopg.connect(place, autocommit=True) as session:
            told = session.execute(sql.SQL(text))  # type: ignore[arg-type]  # our own
            return told.fetchall() if told.description else []

    def _run(self, program: str, *words: str) -> None:
        command = [self._programs / program, f"--pgdata={self.files}", *words]
        subprocess.run(command, user=self._user, cwd=self._folder, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def own_postgres(programs: Path) -> Generator[Postgres]:
    """Run a server, which is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="angime-postgres-") as folder:
        server = Postgres(programs, Path(folder))
        try:
            yield server
        finally:
            server.stop()
